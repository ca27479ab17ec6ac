//! Where memory may be scarce, a scan is only shown until the user wants more.

use proofs::app::{STEP, Visit, story};

#[test]
fn phones_show_a_scan_first_and_search_it_when_asked() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::PHONE).await;
        page.choose(&stand.thin_room()).await;
        page.until("the points", STEP * 4, async || page.exists("find").await)
            .await;
        assert!(page.picture().await.coverage() > 0.05);
        let why = page.text("why-waiting").await;
        assert!(why.contains("Phones have little memory"), "{why}");
        assert!(why.contains(" GB of memory"), "{why}");
        assert_eq!(page.rows().await.len(), 0);
        let loads = async || {
            let stages = page.stages().await;
            stages.iter().any(|stage| stage.name == "Loading the model")
        };
        assert!(!loads().await, "nothing is downloaded unasked");
        page.find_things().await;
        page.until_done().await;
        assert!(!page.rows().await.is_empty());
        assert!(!page.exists("find").await);
        assert!(loads().await);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_page_that_ended_at_work_shows_the_next_scan_first() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        // A page that the browser ends has no time to say that it goes.
        let script =
            "addEventListener('pagehide', event => event.stopImmediatePropagation(), true);";
        page.go_after(&stand.origin, script).await;
        page.until("the page", STEP, async || page.exists("file-input").await)
            .await;
        page.choose(&stand.room()).await;
        page.until("the network at work", STEP * 4, async || {
            page.stages()
                .await
                .iter()
                .any(|stage| stage.name == "Backbone")
        })
        .await;
        page.go(&stand.origin).await;
        page.choose(&stand.thin_room()).await;
        page.until("the points", STEP * 4, async || page.exists("find").await)
            .await;
        let why = page.text("why-waiting").await;
        assert!(why.contains("ended while it worked"), "{why}");
        page.find_things().await;
        page.until_done().await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        assert!(
            !page.exists("find").await,
            "what was done once is not feared"
        );
    });
}
