//! What runs in the browser and what it keeps: the models, which can be deleted, and the report.

use proofs::app::{STEP, Visit, story};

#[test]
fn single_keys_can_be_switched_off() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
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
fn kept_models_are_listed_and_deleted_and_the_report_names_no_scan() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
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
