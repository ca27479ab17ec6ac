//! The page without a mouse: the list is one stop of the Tab key, and arrows go through its rows.

use proofs::app::{STEP, Visit, story};

/// The rows that the Tab key stops at.
const STOPS: &str = "[data-instance][tabindex='0'] .label";
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
