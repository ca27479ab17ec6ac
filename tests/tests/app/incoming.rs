//! Addresses and files that are pasted or dropped while a scan is open.

use std::fs;

use proofs::app::{Page, STEP, Visit, elsewhere::Elsewhere, story};

const ADDRESS: &str = "/?backend=cpu&renderer=2d";

/// Waits until this scene is on screen as a whole.
async fn until_open(page: &Page, name: &str) {
    page.until(name, STEP * 4, async || {
        page.text("scan-name").await == name
    })
    .await;
    page.until_done().await;
}

#[test]
fn what_is_pasted_or_dropped_opens_in_place_of_the_scan_that_is_open() {
    story(async |stand| {
        let office = fs::read(stand.office()).unwrap();
        let room = fs::read(stand.thin_room()).unwrap();
        let server = Elsewhere::serve([
            ("/kitchen.segscape".to_owned(), office.clone()),
            ("/hall.segscape".to_owned(), office.clone()),
            ("/attic.segscape".to_owned(), office.clone()),
            ("/closed/room.segscape".to_owned(), office),
            ("/north.ply".to_owned(), room.clone()),
            ("/south.ply".to_owned(), room),
        ])
        .await;
        let at = |path: &str| format!("{}{path}", server.origin);
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.office()).await;
        page.until_done().await;

        // What is no address, and what goes into a field, is not the page's.
        let kitchen = at("/kitchen.segscape");
        assert!(!page.paste("body", "chair, table").await);
        assert!(!page.paste("body", &format!("it is at {kitchen}")).await);
        assert!(!page.paste("[data-testid='prompt-input']", &kitchen).await);
        page.press("share-button").await;
        assert!(!page.paste("body", &kitchen).await, "a dialog is open");
        page.close_sharing().await;
        assert_eq!(page.text("scan-name").await, "office.segscape");

        // Changes that are in no file are kept for whoever wants them back.
        let thing = page.rows().await[0].id;
        page.press_row(thing).await;
        page.press_tool(thing, "Rename").await;
        page.type_into(".rename", "Throne\u{e007}").await;
        page.until("the mark of changes", STEP, async || {
            page.exists("unsaved").await
        })
        .await;
        assert!(page.paste("body", &kitchen).await);
        until_open(&page, "kitchen.segscape").await;
        page.until("the offer to bring them back", STEP, async || {
            let notice = page.text("notice").await;
            notice.contains("office.segscape are not saved") && page.exists("bring-back").await
        })
        .await;

        // What cannot be had leaves the scene as it is, and is told apart.
        for (path, words) in [
            (
                "/closed/room.segscape",
                "does not allow other pages to read it",
            ),
            ("/nothing.ply", "status 404"),
        ] {
            assert!(
                page.paste("[data-testid='viewer-canvas']", &at(path)).await,
                "{path}"
            );
            page.until(words, STEP, async || {
                page.text("error").await.contains(words)
            })
            .await;
            assert_eq!(page.text("scan-name").await, "kitchen.segscape");
        }

        page.drop_link(&at("/hall.segscape")).await;
        until_open(&page, "hall.segscape").await;
        assert!(
            page.paste_file("cellar.segscape", &at("/attic.segscape"))
                .await
        );
        until_open(&page, "cellar.segscape").await;

        // Several together are one scene.
        let both = format!("{}\n{}\n", at("/north.ply"), at("/south.ply"));
        assert!(page.paste("body", &both).await);
        page.until("both scans", STEP * 4, async || {
            page.text("scan-name").await == "north.ply and 1 more"
        })
        .await;
    });
}

#[test]
fn an_address_can_be_given_while_a_scan_is_open() {
    story(async |stand| {
        let office = fs::read(stand.office()).unwrap();
        let server = Elsewhere::serve([("/kitchen.segscape".to_owned(), office)]).await;
        let page = stand.visit(ADDRESS, Visit::PHONE).await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        page.press("from-address").await;
        assert!(page.has_focus("address-field").await);
        page.keep_picture("address-phone").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        let kitchen = format!("{}/kitchen.segscape", server.origin);
        page.type_into(
            ".from-address [data-testid='address-field']",
            &format!("{kitchen}\u{e007}"),
        )
        .await;
        until_open(&page, "kitchen.segscape").await;
        page.until("the dialog to go", STEP, async || {
            !page.words("dialog[open]").await.contains("address")
        })
        .await;

        // A link of the app leads where it says, with the page as it is then.
        let sent = page.share().await;
        page.press("from-address").await;
        page.type_into(
            ".from-address [data-testid='address-field']",
            &format!("{}\u{e007}", sent.link),
        )
        .await;
        page.until("the shared scene", STEP * 3, async || {
            page.address().await.starts_with(&sent.link)
                && page.text("scan-name").await == "Shared scene"
        })
        .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
