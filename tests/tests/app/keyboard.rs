//! The page without a mouse: the list is one stop of the Tab key, and arrows go through its rows.

use proofs::app::{STEP, Visit, story};

use crate::tools::{open, points, until_points};

/// The rows that the Tab key stops at.
const STOPS: &str = "[data-instance][tabindex='0'] .label";
/// A chair of the office, alone in its corner, and the number of things there.
const FAR: u32 = 4;
const THINGS: u32 = 9;
const ENTER: &str = "\u{e007}";
const END: &str = "\u{e010}";
const HOME: &str = "\u{e011}";
const DOWN: &str = "\u{e015}";

#[test]
fn the_list_is_one_stop_of_the_tab_key_and_arrows_go_through_it() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        let first = page.words(STOPS).await;
        assert_eq!(first, "table 1", "the first row alone");
        let heads = page.words("[role=columnheader]").await;
        assert!(
            heads.contains("Name") && heads.contains("Points"),
            "{heads}"
        );
        let goes = async |key: &str, to: &str| {
            page.type_into("[data-instance]:focus, [data-instance][tabindex='0']", key)
                .await;
            page.until(to, STEP, async || page.words(STOPS).await == to)
                .await;
        };
        goes(DOWN, "window 2").await;
        goes(END, "couch 9").await;
        goes(HOME, "table 1").await;
        goes(DOWN, "window 2").await;
        goes(ENTER, "window 2").await;
        assert_eq!(page.selected().await, Some(1), "Enter selects");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn tools_click_the_middle_of_the_picture() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let far = points(&page, FAR).await;
        // The row of a thing brings it to the middle.
        page.press_row(FAR).await;
        page.picture().await;
        page.keys("viewer-canvas", "p ").await;
        page.until("a candidate", STEP * 2, async || {
            points(&page, THINGS).await.is_some()
        })
        .await;
        until_points(&page, "the chair", THINGS, far).await;
        page.keys("viewer-canvas", ENTER).await;
        page.until("a thing of its own", STEP, async || {
            let rows = page.rows().await;
            rows.iter().any(|row| row.id == THINGS && row.selected)
        })
        .await;
        assert_eq!(points(&page, FAR).await, None);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
