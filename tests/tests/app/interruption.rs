//! Cancel works in every stage, and the content of the page stays.

use proofs::app::{Page, STEP, Stand, Visit, story};
use segscape::write::Export;

use crate::files;

/// Longest allowed time for a click on cancel to take effect, milliseconds.
const AT_ONCE_MS: f64 = 200.0;

#[test]
fn cancel_ends_every_stage_at_once_on_the_cpu() {
    let stages = [
        "Reading",
        "Superpoints",
        "Loading the model",
        "Backbone",
        "Decoder",
        "Instances",
    ];
    story(async |stand| cancel_in(stand, "cpu", &stages).await);
}

#[test]
fn cancel_ends_every_stage_at_once_on_webgpu() {
    story(async |stand| {
        cancel_in(
            stand,
            "webgpu",
            &["Loading the model", "Backbone", "Decoder"],
        )
        .await
    });
}

#[test]
fn a_cancelled_second_scan_leaves_the_first_one_as_it_was() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        let word = page.rows().await[0].name.clone();
        page.ask(&word).await;
        let before = export(stand, &page).await;
        assert!(before.contains(&word));

        page.will_cancel_in("Reading").await;
        page.choose(&stand.room()).await;
        page.until("cancel", STEP, async || page.cancelled().await.is_some())
            .await;
        // The fresh worker exports only after it has read the first scan again.
        assert_eq!(export(stand, &page).await, before);
        assert_eq!(page.text("status").await, "Cancelled");
        assert!(!page.exists("cancel").await, "nothing is at work");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

/// The instances of the thin room as a file.
async fn export(stand: &Stand, page: &Page) -> String {
    let bytes = files::download(stand, page, Export::Json, "thin-room").await;
    String::from_utf8(bytes).unwrap()
}

async fn cancel_in(stand: &Stand, backend: &str, stages: &[&str]) {
    let page = stand
        .visit(&format!("/?backend={backend}"), Visit::WITH_WEBGPU)
        .await;
    let room = stand.room();
    for stage in stages {
        page.will_cancel_in(stage).await;
        page.choose(&room).await;
        page.until(&format!("{stage} at work"), STEP * 4, async || {
            page.cancelled().await.is_some()
        })
        .await;
        let cancelled = page.cancelled().await.unwrap();
        let listens = async || {
            page.gpu_calls()
                .await
                .into_iter()
                .find(|call| call.kind == "Listening" && call.at > cancelled.at)
        };
        page.until("a fresh worker", STEP, async || listens().await.is_some())
            .await;
        println!(
            "{stage}: over after {:.0} ms, a fresh worker after {:.0} ms",
            cancelled.ms,
            listens().await.unwrap().at - cancelled.at
        );
        assert!(
            cancelled.ms < AT_ONCE_MS,
            "{stage} ended {:.0} ms after cancel",
            cancelled.ms
        );
        assert_eq!(
            page.text("status").await,
            "Cancelled",
            "in the stage {stage}"
        );
        assert!(!page.exists("cancel").await);
        assert!(page.rows().await.is_empty());
        if *stage != "Reading" {
            assert!(page.picture().await.coverage() > 0.05, "the points stay");
        }
    }
    page.press_css(".progress .button").await;
    page.until("the work to go on", STEP, async || {
        page.exists("cancel").await
    })
    .await;
    page.until_done().await;
    assert!(!page.rows().await.is_empty());
    assert_eq!(page.errors().await, [] as [&str; 0]);
}
