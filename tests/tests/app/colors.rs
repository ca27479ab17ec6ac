//! What colors the points: similarity to the prompt, the directions of surfaces, and how much of the
//! scan's own color shines through; and the terms of the prompt, which have the colors of labels.

use proofs::app::{Page, STEP, Visit, story};

/// Mean difference of pictures, of 255, that are not the same.
const OTHER: f64 = 1.0;
/// Largest mean difference of pictures that are the same.
const SAME: f64 = 0.2;

async fn open(visit: Visit, stand: &proofs::app::Stand) -> Page {
    let page = stand.visit("/?backend=cpu&renderer=2d", visit).await;
    page.prefer(true).await;
    page.choose(&stand.office()).await;
    page.until_done().await;
    page.picture().await;
    page
}

#[test]
fn points_show_what_is_similar_and_where_surfaces_face() {
    story(async |stand| {
        let page = open(Visit::DESKTOP, stand).await;
        page.keys("viewer-canvas", "6").await;
        let hint = page.words(".legend").await;
        assert_eq!(
            hint, "Type what to look for",
            "nothing is similar to nothing"
        );
        page.ask("couch").await;
        let couch = page.picture().await;
        let ends = page.text("color-legend").await;
        assert!(
            ends.contains("unrelated") && ends.contains("synonym"),
            "{ends}"
        );
        page.keep_picture("colors-similarity").await;
        page.ask("table").await;
        let table = page.picture().await;
        assert!(
            table.difference(&couch) > OTHER,
            "all is as similar to both"
        );

        // All of the office has one color, which counts as none.
        page.choose(&stand.segmented_room()).await;
        page.until_done().await;
        page.keys("viewer-canvas", "1").await;
        let scan = page.picture().await;
        page.keys("viewer-canvas", "7").await;
        page.until("the directions of surfaces", STEP, async || {
            page.picture().await.difference(&scan) > OTHER
        })
        .await;
        page.keep_picture("colors-normal").await;
        page.press("view-menu-button").await;
        page.fill("blend", "1").await;
        page.until("the colors of the scan", STEP, async || {
            page.picture().await.difference(&scan) < SAME
        })
        .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_term_of_the_prompt_has_its_best_score_and_hides_its_things() {
    story(async |stand| {
        let page = open(Visit::DESKTOP, stand).await;
        page.ask("chair, couch").await;
        let hidden = async || -> Vec<String> {
            let rows = page.rows().await.into_iter();
            rows.filter(|row| row.hidden).map(|row| row.name).collect()
        };
        let rows = page.rows().await;
        let best = rows.iter().filter(|row| row.name == "chair");
        let best = best.map(|row| row.score).fold(0.0, f64::max);
        assert_eq!(
            page.words(".chip:first-child .best").await,
            format!("{best:.2}")
        );
        assert_eq!(hidden().await, [] as [&str; 0]);
        page.press("chip-eye").await;
        page.until("no chair", STEP, async || hidden().await == ["chair"; 3])
            .await;
        page.press("chip-eye").await;
        page.until("the chairs", STEP, async || hidden().await.is_empty())
            .await;
        page.press("chip-eye").await;
        page.keys("viewer-canvas", "\u{e009}z\u{e000}").await; // Control Z
        page.until("the chairs again", STEP, async || hidden().await.is_empty())
            .await;
    });
}
