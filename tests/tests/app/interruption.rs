//! Cancel works in every stage, and what is there stays.

use proofs::app::{STEP, Visit, story};

#[test]
fn cancel_ends_the_work_at_once_and_it_can_go_on() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose(&stand.room()).await;
        for stage in ["Superpoints", "Backbone"] {
            let at_work = async || page.stages().await.last().is_some_and(|last| last.name == stage && last.done < 1.0);
            page.until(&format!("{stage} at work"), STEP * 4, at_work).await;
            page.press("cancel").await;
            assert_eq!(page.text("status").await, "Cancelled", "in the stage {stage}");
            assert!(!page.exists("cancel").await);
            assert!(page.picture().await.coverage() > 0.05, "the points stay");
            assert!(page.rows().await.is_empty());
            page.press_css(".progress .button").await;
            page.until("the work to go on", STEP, async || page.exists("cancel").await).await;
        }
        page.until_done().await;
        assert!(!page.rows().await.is_empty());
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
