//! Labels that are sent without their points: whoever has the scan sees it with them.

use std::{fs, path::Path};

use proofs::app::{Page, STEP, Visit, elsewhere::Elsewhere, story};
use segscape::bundle::{self, ContentHash};

const ADDRESS: &str = "/?backend=cpu&renderer=2d";

/// Names the first thing.
async fn name_first(page: &Page, name: &str) {
    let thing = page.rows().await[0].id;
    page.press_row(thing).await;
    page.press_tool(thing, "Rename").await;
    page.type_into(".rename", &format!("{name}\u{e007}")).await; // Enter
    page.until("the name", STEP, async || {
        page.rows().await.iter().any(|row| row.name == name)
    })
    .await;
}

/// Chooses in the dialog that the labels alone are sent, and waits until it knows how large they are.
async fn choose_labels(page: &Page) {
    page.press_css(".segment:last-of-type:has([name='what-is-sent'])")
        .await;
    page.until("both to be packed", STEP, async || {
        !page.text("sizes").await.contains('…') && page.exists("share-hash").await
    })
    .await;
}

/// Waits until the page asks for the file with the points.
async fn until_asked(page: &Page) {
    page.until("the question", STEP, async || page.is_shown("wanted").await)
        .await;
}

/// Names and sizes of the things in the list.
async fn things(page: &Page) -> Vec<(String, u32)> {
    let rows = page.rows().await.into_iter();
    rows.map(|row| (row.name, row.points)).collect()
}

/// Gives the page another file than the one that it asks for.
async fn refuse(guest: &Page, other: &Path, wanted: &Path) {
    guest.keys("wanted-file", other.to_str().unwrap()).await;
    guest
        .until("the refusal", STEP, async || {
            guest.text("wanted-problem").await.contains("another file")
        })
        .await;
    let problem = guest.text("wanted-problem").await;
    for file in [other, wanted] {
        let digits = ContentHash::of(&fs::read(file).unwrap()).short();
        assert!(problem.contains(&digits), "{problem}");
    }
    assert!(guest.is_shown("wanted").await, "it still asks");
    guest.keep_picture("overlay-refused").await;
}

#[test]
fn labels_of_a_local_scan_open_on_the_same_file_and_on_no_other() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        let scan = stand.thin_room();
        let content = fs::read(&scan).unwrap();
        page.choose(&scan).await;
        page.until_done().await;
        name_first(&page, "Throne").await;
        let sent_things = things(&page).await;
        page.offer_to_share().await;
        let whole = page.text("share-size").await;
        choose_labels(&page).await;
        assert_ne!(page.text("share-size").await, whole);
        let needed = page.text("needed").await;
        assert!(
            needed.contains("needs the same file, thin-room.ply"),
            "{needed}"
        );
        assert!(page.text("sent").await.contains("hash of the file"));
        assert!(page.text("not-sent").await.contains("the points"));
        let hash = page.text("share-hash").await;
        page.keep_picture("overlay-offer").await;
        let sent = page.send().await;

        let stored = fs::read(&stand.stored()[0]).unwrap();
        assert_eq!(hash, ContentHash::of(&stored).short());
        let labels = bundle::decode_overlay(&stored).unwrap();
        assert_eq!(labels.scan.blake3, ContentHash::of(&content));
        assert_eq!(labels.scan.url, None);
        assert_eq!(labels.meta.provenance.source, "", "the name stays here");

        let guest = stand.visit(&sent.link, Visit::DESKTOP).await;
        until_asked(&guest).await;
        let asked = guest.text("wanted").await;
        assert!(asked.contains("belong to a scan of"), "{asked}");
        guest.keep_picture("overlay-wanted").await;
        refuse(&guest, &stand.room(), &scan).await;
        guest.drop_files(&[&scan]).await;
        guest
            .until("the scan", STEP, async || {
                guest.text("scan-name").await == "thin-room.ply"
            })
            .await;
        guest.until_done().await;
        assert!(!guest.is_shown("wanted").await);
        assert_eq!(things(&guest).await, sent_things);
        let stages = guest.stages().await;
        assert!(stages.iter().all(|stage| stage.name != "Backbone"));

        // A file of labels opens in the same way.
        let file = stand.file("labels.segscape", &stored);
        guest.choose(&file).await;
        until_asked(&guest).await;
        guest.press_css(".wanted [aria-label='Close']").await;
        assert_eq!(things(&guest).await, sent_things, "what was there stays");
        guest.choose(&file).await;
        until_asked(&guest).await;
        guest.keys("wanted-file", scan.to_str().unwrap()).await;
        guest.until_done().await;
        assert_eq!(things(&guest).await, sent_things);
        assert_eq!(guest.errors().await, [] as [&str; 0]);

        // The owner's link goes on to be one to labels alone.
        page.go(&sent.link).await;
        until_asked(&page).await;
        page.keys("wanted-file", scan.to_str().unwrap()).await;
        page.until_done().await;
        name_first(&page, "Stool").await;
        page.press("share-button").await;
        page.unfold("again").await;
        page.until("the labels to be packed", STEP, async || {
            page.text("send-button").await == "Update the link"
        })
        .await;
        assert!(page.text("needed").await.contains("needs the same file"));
        let first = stand.stored();
        let updated = page.send().await;
        assert_eq!(updated.link, sent.link);
        page.until("the new version alone", STEP, async || {
            let stored = stand.stored();
            stored.len() == 1 && stored != first
        })
        .await;
        let stored = fs::read(&stand.stored()[0]).unwrap();
        let labels = bundle::decode_overlay(&stored).unwrap();
        assert!(labels.meta.names.iter().any(|name| name.text == "Stool"));
    });
}

#[test]
fn labels_of_a_scan_on_the_web_need_no_file() {
    story(async |stand| {
        let scan = stand.thin_room();
        let content = fs::read(&scan).unwrap();
        let server = Elsewhere::serve([("/room.ply".to_owned(), content)]).await;
        let url = format!("{}/room.ply", server.origin);
        let page = stand
            .visit(&format!("{ADDRESS}&scene={url}"), Visit::DESKTOP)
            .await;
        page.until_done().await;
        name_first(&page, "Throne").await;
        page.offer_to_share().await;
        choose_labels(&page).await;
        let needed = page.text("needed").await;
        assert!(needed.contains("needs nothing else"), "{needed}");
        assert!(needed.contains(&url), "{needed}");
        assert!(page.text("sent").await.contains(&url));
        let sent = page.send().await;
        let stored = fs::read(&stand.stored()[0]).unwrap();
        let labels = bundle::decode_overlay(&stored).unwrap();
        assert_eq!(labels.scan.url.as_ref(), Some(&url));

        let guest = stand.visit(&sent.link, Visit::PHONE).await;
        guest.until_done().await;
        assert!(!guest.is_shown("wanted").await);
        assert_eq!(things(&guest).await, things(&page).await);
        assert_eq!(guest.text("scan-name").await, "room.ply");
        assert_eq!(guest.errors().await, [] as [&str; 0]);

        // Once the scan is gone there, the file is asked for.
        drop(server);
        guest.go(&sent.link).await;
        until_asked(&guest).await;
        let problem = guest.text("wanted-problem").await;
        assert!(problem.contains("nothing answers at"), "{problem}");
        guest.keep_picture("overlay-wanted-phone").await;
        guest.keys("wanted-file", scan.to_str().unwrap()).await;
        guest.until_done().await;
        assert_eq!(things(&guest).await, things(&page).await);

        // Scenes that do not come from one file are sent with their points.
        page.choose(&stand.office()).await;
        page.until_done().await;
        page.offer_to_share().await;
        let why = page.text("no-labels-only").await;
        assert!(why.contains("cannot be sent without the points"), "{why}");
        assert!(!page.exists("needed").await);
    });
}
