//! What runs in the browser and what it keeps: the models, which can be deleted, and the report.

use std::fs;

use proofs::app::{STEP, Visit, story, story_with};

use crate::offline::own_app;

const ADDRESS: &str = "/?backend=cpu&renderer=2d";

#[test]
fn single_keys_can_be_switched_off() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        let keys = async |keys: &str| page.keys("viewer-canvas", keys).await;
        let coloring = async || page.value("color-by").await;
        keys("5").await;
        page.until("heights", STEP, async || coloring().await == "Height")
            .await;
        keys("?").await;
        page.press("single-keys").await;
        page.keys("single-keys", "\u{e00c}").await; // Escape
        keys("2").await;
        keys("\u{e009}z\u{e000}").await; // Control Z is still one
        assert_eq!(coloring().await, "Height");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn the_model_card_is_read_in_the_page() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::PHONE).await;
        page.press_css("[aria-label='Help and shortcuts']").await;
        page.press_css(".help .segment:last-child").await;
        page.until("the name of the network", STEP, async || {
            page.text("model-names").await.contains("nano-")
        })
        .await;
        assert!(!page.exists("model-card-text").await);
        assert_eq!(page.requests_of("/model-card.html").await, 0, "unasked");
        page.unfold("model-card").await;
        page.until("the card", STEP, async || {
            page.exists("model-card-text").await
        })
        .await;
        let card = page.text("model-card-text").await;
        for part in [
            "Model card: nano-",
            "What it was trained on",
            "held-out models",
            "Known failures",
        ] {
            assert!(card.contains(part), "{part}");
        }
        assert!(!card.contains("|---|"), "tables are tables");
        page.keep_picture("model-card-phone").await;
        // Tables are wider than a phone, and scroll inside themselves.
        assert_eq!(
            page.scrolls_sideways(".model-card .table").await,
            Some(true)
        );
        assert_eq!(page.scrolls_sideways(".help").await, Some(false));
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_model_card_that_cannot_be_had_is_asked_for_again() {
    story_with(own_app, async |stand| {
        let folder = stand.folder.path().join("app");
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.until_kept().await;
        let files: Vec<_> = ["", ".br", ".gz"]
            .map(|ending| folder.join(format!("model-card.html{ending}")))
            .into_iter()
            .filter(|file| file.is_file())
            .map(|file| (fs::read(&file).unwrap(), file))
            .collect();
        assert!(!files.is_empty());
        for (_, file) in &files {
            fs::remove_file(file).unwrap();
        }
        let open = async || {
            page.press_css("[aria-label='Help and shortcuts']").await;
            page.press_css(".help .segment:last-child").await;
            page.until("the fold of the card", STEP, async || {
                page.exists("model-card").await
            })
            .await;
            page.unfold("model-card").await;
        };
        open().await;
        page.until("the problem", STEP, async || {
            page.text("model-card-problem").await.contains("404")
        })
        .await;
        page.keep_picture("model-card-problem").await;
        for (bytes, file) in &files {
            fs::write(file, bytes).unwrap();
        }
        page.press("model-card-again").await;
        page.until("the card", STEP, async || {
            page.exists("model-card-text").await
        })
        .await;

        // After one visit it is there without a network, too.
        stand.stop_server();
        page.go(&format!("{}{ADDRESS}", stand.origin)).await;
        open().await;
        page.until("the card that is kept", STEP, async || {
            page.text("model-card-text")
                .await
                .contains("Known failures")
        })
        .await;
    });
}

#[test]
fn models_are_kept_in_files_and_found_where_earlier_versions_kept_them() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        let kept = page.models_kept().await;
        assert!(kept.in_files > 0 && kept.in_cache == 0, "{kept:?}");
        let things = page.rows().await.len();

        let again = async || {
            page.go(&format!("{}{ADDRESS}", stand.origin)).await;
            page.choose(&stand.thin_room()).await;
            page.until_done().await;
            assert_eq!(page.rows().await.len(), things);
        };
        page.keep_models_as_before().await;
        again().await;
        let before = page.models_kept().await;
        let expected = (0, kept.in_files);
        // What is downloaded is kept in files.
        assert_eq!((before.in_files, before.in_cache), expected);

        // A file that was not completely written is not used, and written again.
        page.press_css("[aria-label='Help and shortcuts']").await;
        page.press_css(".help .segment:last-child").await;
        page.until("the models", STEP, async || {
            page.exists("delete-kept").await
        })
        .await;
        page.press("delete-kept").await;
        page.until("no model", STEP, async || !page.exists("kept-models").await)
            .await;
        assert_eq!(page.cached_files().await, 0);
        again().await;
        page.damage_models().await;
        assert!(page.models_kept().await.smallest < 10);
        again().await;
        assert_eq!(page.models_kept().await, kept);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn kept_models_are_listed_and_deleted_and_the_report_names_no_scan() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        let about = async || {
            page.keys("viewer-canvas", "?").await;
            page.press_css(".help .segment:last-child").await;
            page.until("the models", STEP, async || {
                page.words(".about").await.contains("MB in all")
                    || page.words(".about").await.contains("None.")
            })
            .await;
        };
        about().await;
        assert!(!page.exists("kept-models").await, "nothing was downloaded");
        page.press_css(".help [aria-label='Close']").await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        assert!(
            page.words("[data-testid=memory]")
                .await
                .starts_with("about 0.4 GB")
        );
        about().await;
        let kept = page.text("kept-models").await;
        assert!(kept.contains("nano-"), "{kept}");
        page.keep_picture("about").await;
        let report = page.value("report").await;
        for part in [
            "Segscape ",
            "Without a network: ",
            "Cpu: ",
            "Superpoints: ",
            " points",
        ] {
            assert!(report.contains(part), "{report} has no {part:?}");
        }
        assert!(!report.contains("thin-room"), "{report}");
        page.press("delete-kept").await;
        page.until("no model", STEP, async || !page.exists("kept-models").await)
            .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
