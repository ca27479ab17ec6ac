//! What is said before a scene is sent, what is sent, and what this browser keeps of it.

use std::{collections::BTreeSet, fs};

use proofs::app::{STEP, Visit, pictures, story};
use segscape::{bundle, write::Export};

use crate::files::download;

const ADDRESS: &str = "/?backend=cpu&renderer=2d";
const LINKS: &str = "kept-link";

#[test]
fn what_is_sent_is_said_before_and_the_name_of_the_file_stays_here() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        page.offer_to_share().await;
        assert!(stand.stored().is_empty(), "nothing is sent so far");
        let words = page.text("sent").await;
        for part in [
            "points with their colours",
            "things with their names",
            "the up axis and the unit",
            "the number of points of the file",
            "the version of Segscape",
        ] {
            assert!(words.contains(part), "{words}");
        }
        assert!(!words.contains("thin-room.ply"), "{words}");
        let size = page.text("share-size").await;
        page.keep_picture("sharing-offer").await;
        let sent = page.send().await;

        let stored = fs::read(&stand.stored()[0]).unwrap();
        let bytes = stored.len();
        let words = match bytes < 100_000 {
            true => format!("{} kB", bytes.div_ceil(1000)),
            false => format!("{:.1} MB", bytes as f64 / 1e6),
        };
        assert_eq!(size, words, "it is what was said");
        let scene = bundle::decode(&stored).unwrap();
        assert_eq!(scene.meta.provenance.source, "");
        assert!(scene.meta.provenance.app.starts_with("segscape "));
        assert!(scene.meta.provenance.source_points > 0);
        let guest = stand.visit(&sent.link, Visit::DESKTOP).await;
        guest.until_done().await;
        assert_eq!(guest.text("scan-name").await, "Shared scene");

        // Programs that show links get a picture of the view, and no more of a name.
        let jpeg = fs::read(stand.stored()[0].with_extension("picture")).unwrap();
        let picture = image::load_from_memory(&jpeg).unwrap().into_rgb8();
        assert_eq!((picture.width(), picture.height()), (1200, 630));
        let colors: BTreeSet<_> = picture.pixels().map(|pixel| pixel.0).collect();
        assert!(colors.len() > 100, "{} colors", colors.len());
        let [title, image] = guest.preview().await;
        assert_eq!(title.as_deref(), Some("A scan of a room"));
        assert!(
            image
                .unwrap()
                .starts_with(&format!("{}/api/scenes/", stand.origin))
        );
        let kept = pictures().join("sharing-preview.jpg");
        fs::write(kept, &jpeg).unwrap();

        // Who wants to be known by the name of the file says so.
        page.choose(&stand.office()).await;
        page.until_done().await;
        page.offer_to_share().await;
        page.press("share-name").await;
        page.until("another size", STEP, async || {
            page.text("sent").await.contains("the name office.segscape")
                && page.text("send-button").await == "Send and get a link"
        })
        .await;
        let named = page.send().await;
        guest.go(&named.link).await;
        guest.until_done().await;
        assert_eq!(guest.text("scan-name").await, "office.segscape");
        let [title, _] = guest.preview().await;
        assert_eq!(title.as_deref(), Some("office.segscape"));
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

/// How far the points of the story below are moved, metres.
const SURVEY: [f64; 3] = [512_000.0, 5_400_000.0, 0.0];

/// The rows of an ASCII PLY moved to where a survey would have them, in double precision.
fn surveyed(ply: &str) -> String {
    let (header, rows) = ply.split_once("end_header\n").unwrap();
    let mut moved = header.replace("property float", "property double") + "end_header\n";
    for row in rows.lines() {
        let values: Vec<&str> = row.split(' ').collect();
        for (value, by) in values.iter().zip(SURVEY) {
            let value: f64 = value.parse().unwrap();
            moved += &format!("{:.4} ", value + by);
        }
        moved += &values[3..].join(" ");
        moved.push('\n');
    }
    moved
}

#[test]
fn where_a_scan_lies_is_sent_only_if_its_owner_says_so() {
    story(async |stand| {
        let room = fs::read_to_string(stand.thin_room()).unwrap();
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.file("survey.ply", surveyed(&room).as_bytes()))
            .await;
        page.until_done().await;
        page.offer_to_share().await;
        let hash = page.text("share-hash").await;
        assert!(!page.text("sent").await.contains("lies"));
        assert!(
            page.text("not-sent")
                .await
                .contains("Nor where the scan lies")
        );
        page.keep_picture("sharing-place").await;
        let sent = page.send().await;
        let first = fs::read(&stand.stored()[0]).unwrap();
        let first = bundle::decode(&first).unwrap();
        assert_eq!(first.meta.frame.offset, [0.0; 3]);

        // With the box ticked, it is said and sent, and the bytes are others.
        page.press("share-button").await;
        page.unfold("again").await;
        page.until("the offer", STEP, async || page.exists("share-place").await)
            .await;
        page.press("share-place").await;
        page.until("another hash", STEP, async || {
            let now = page.text("share-hash").await;
            !now.is_empty() && now != hash && page.text("sent").await.contains("lies")
        })
        .await;
        let words = page.text("sent").await;
        assert!(words.contains("5400"), "{words}");
        page.until("the scene to be packed", STEP, async || {
            page.text("send-button").await == "Update the link"
        })
        .await;
        page.send().await;
        let is_there = async || {
            let stored = stand.stored();
            let scene = fs::read(&stored[0]).ok();
            let scene = scene.and_then(|bytes| bundle::decode(&bytes).ok());
            stored.len() == 1 && scene.is_some_and(|scene| scene.meta.frame.offset[1] > 5.3e6)
        };
        page.until("the place on the server", STEP, is_there).await;

        // Whoever opens it exports in the coordinates of the survey.
        let guest = stand.visit(&sent.link, Visit::DESKTOP).await;
        guest.until_done().await;
        let json = download(stand, &guest, Export::Json, "Shared scene").await;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let y = json["instances"][0]["box"]["min"][1].as_f64().unwrap();
        assert!((5.399e6..5.401e6).contains(&y), "{y}");
        assert_eq!(guest.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn links_are_kept_in_this_browser_and_delete_what_they_lead_to() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        let sent = page.share().await;
        page.press("share-button").await;
        assert_eq!(page.count(LINKS).await, 1);
        assert!(page.exists("qr").await);
        page.unfold("qr").await;
        page.keep_picture("sharing-links").await;

        // A later visit has them, and the secret with them.
        page.go(&format!("{}{ADDRESS}", stand.origin)).await;
        page.press("kept-links").await;
        assert_eq!(page.count(LINKS).await, 1);
        assert!(page.words(".kept").await.contains("office.segscape"));
        page.catch_copies().await;
        page.press("copy-kept").await;
        page.until("the copy", STEP, async || page.copied().await.is_some())
            .await;
        assert_eq!(page.copied().await.as_deref(), Some(sent.link.as_str()));
        page.keep_picture("sharing-kept").await;

        // The owner finds the way to delete it at the plain link, too; nobody else does.
        page.go(&sent.link).await;
        page.until_done().await;
        page.press("share-button").await;
        assert!(page.exists("delete-button").await);
        let guest = stand.visit(&sent.link, Visit::PHONE).await;
        guest.until_done().await;
        guest.press("share-button").await;
        assert!(!guest.exists("delete-button").await);
        guest.keep_picture("sharing-phone").await;
        assert_eq!(guest.flaws().await, [] as [&str; 0]);

        page.press("delete-kept").await;
        page.until("the link to go", STEP, async || {
            page.count(LINKS).await == 0
        })
        .await;
        assert!(!page.exists("delete-button").await);
        assert_eq!(stand.stored().len(), 0);
        assert!(
            !page
                .kept()
                .await
                .contains(&sent.link[sent.link.len() - 32..])
        );
        page.damage_preferences("[{\"id\":1}]").await;
        page.go(&format!("{}{ADDRESS}", stand.origin)).await;
        assert!(!page.exists("kept-links").await);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn what_is_lost_on_the_way_goes_on_and_a_link_shows_what_its_owner_sends_again() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        page.offer_to_share().await;
        page.upload_at(Some(20_000)).await;
        page.press("send-button").await;
        page.until("two parts", STEP, async || stand.parts().len() >= 2)
            .await;
        page.upload_at(None).await;
        page.until("the loss", STEP, async || page.exists("go-on").await)
            .await;
        let problem = page.text("share-problem").await;
        assert!(problem.contains("internet connection"), "{problem}");
        assert!(page.asks_before_it_is_left().await);
        page.keep_picture("sharing-lost").await;
        let there = stand.parts();
        assert!(stand.stored().is_empty(), "a link needs all of it");
        page.upload_at(Some(1_000_000)).await;
        page.go_on().await;
        let sent = page.until_sent().await;
        assert!(!page.asks_before_it_is_left().await);
        for part in there {
            let times = page.requests_of(&format!("/parts/{part}")).await;
            assert_eq!(times, 1, "part {part} is sent once");
        }

        let guest = stand.visit(&sent.link, Visit::PHONE).await;
        guest.until_done().await;
        let [_, picture] = guest.preview().await;
        let thing = page.rows().await[0].id;
        page.press_row(thing).await;
        page.press_tool(thing, "Rename").await;
        page.type_into(".rename", "Throne\u{e007}").await;
        page.press("share-button").await;
        page.until("the scene to be packed", STEP, async || {
            page.text("send-button").await == "Update the link"
        })
        .await;
        page.keep_picture("sharing-update").await;
        let first = stand.stored();
        let updated = page.send().await;
        page.until("the new version alone", STEP, async || {
            let stored = stand.stored();
            stored.len() == 1 && stored != first
        })
        .await;
        assert_eq!(updated.link, sent.link);
        assert_eq!(updated.secret_link, sent.secret_link);
        guest.go(&sent.link).await;
        guest.until_done().await;
        assert!(guest.rows().await.iter().any(|row| row.name == "Throne"));
        let [_, other] = guest.preview().await;
        assert_ne!(picture, other, "programs that show links notice");

        // Whoever has the secret link may send the scene once more, on a phone, too; and may not.
        guest.go(&sent.secret_link).await;
        guest.until_done().await;
        guest.unfold("again").await;
        guest
            .until("the scene to be packed", STEP, async || {
                guest.text("send-button").await == "Update the link"
            })
            .await;
        guest.keep_picture("sharing-update-phone").await;
        assert_eq!(guest.flaws().await, [] as [&str; 0]);
        guest.press_css(".offer .segment:last-of-type").await;
        guest.upload_at(Some(20_000)).await;
        guest.press("send-button").await;
        guest
            .until("a part", STEP, async || !stand.parts().is_empty())
            .await;
        guest.press("cancel-sending").await;
        guest
            .until("its parts to go", STEP, async || stand.parts().is_empty())
            .await;
        assert_eq!(stand.stored().len(), 1);
        assert_eq!(guest.errors().await, [] as [&str; 0]);
    });
}
