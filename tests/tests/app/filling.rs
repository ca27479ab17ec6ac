//! Things are filled from a click, up to what other things have, also in a scan that no network was
//! asked about.

use proofs::app::{Page, STEP, Visit, story};

use crate::tools::{DESKTOP, PHONE, middle, open, points, shown, until_points, until_words};

const COUCH: u32 = 8;
/// Number of things in the office, and the number of the next one.
const THINGS: u32 = 9;
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const DELETE: &str = "\u{e017}";
const TAB: &str = "\u{e004}";
const UNDO: &str = "[aria-label='Undo']";

/// Numbers and points of all rows apart from the next thing.
async fn others(page: &Page) -> Vec<(u32, u32)> {
    let rows = page.rows().await.into_iter();
    let rows = rows.filter(|row| row.id != THINGS);
    let mut sizes: Vec<_> = rows.map(|row| (row.id, row.points)).collect();
    sizes.sort_unstable();
    sizes
}

async fn click_at(page: &Page, place: (f64, f64)) {
    page.point_at(place).await;
    page.click().await;
}

/// Waits until a fill is shown, which is listed as the next thing.
async fn until_filled(page: &Page) {
    page.until("a fill", STEP * 3, async || {
        points(page, THINGS).await.is_some()
            && page.text("pointing-words").await.starts_with("Candidate: ")
    })
    .await;
}

#[test]
fn a_click_fills_what_nobody_has_and_the_slider_says_how_far() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let seen = shown(&page, DESKTOP).await;
        let couch = points(&page, COUCH).await.unwrap();
        let as_opened = others(&page).await;

        // What nobody has is filled, and what others have stays with them.
        page.keys("viewer-canvas", "i").await;
        until_words(&page, "pointing-words", "Click where a thing begins").await;
        let nobodys = seen
            .iter()
            .filter(|(place, found)| found.is_none() && (400.0..600.0).contains(&place.1));
        for (place, _) in nobodys.step_by(20) {
            click_at(&page, *place).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            if !page.text("pointing-words").await.starts_with("Click") {
                break;
            }
        }
        until_filled(&page).await;
        until_words(&page, "pointing-origin", "what touches it").await;
        assert_eq!(others(&page).await, as_opened);
        page.picture().await;
        page.keep_picture("filling-1-nobodys").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.fill("fill-reach", "99").await;
        page.picture().await;
        assert_eq!(others(&page).await, as_opened, "nor does the largest fill");
        page.keys("viewer-canvas", ENTER).await;
        page.until("a thing of its own", STEP, async || {
            let rows = page.rows().await;
            rows.iter().any(|row| row.id == THINGS && row.selected)
        })
        .await;
        assert_eq!(others(&page).await, as_opened);
        page.press_css(UNDO).await;
        until_points(&page, "no new thing", THINGS, None).await;

        // Without the couch, its points are nobody's: a fill from there begins with it.
        page.keys("viewer-canvas", &format!("{ESCAPE}{ESCAPE}f"))
            .await;
        page.picture().await;
        page.press_row_with_ctrl(COUCH).await;
        page.keys("viewer-canvas", DELETE).await;
        until_points(&page, "no couch", COUCH, None).await;
        page.press("fill").await;
        click_at(&page, middle(&seen, COUCH)).await;
        until_filled(&page).await;
        page.fill("fill-reach", "0").await;
        until_points(&page, "the couch alone", THINGS, Some(couch)).await;
        page.keys("viewer-canvas", TAB).await;
        page.until("more than the couch", STEP, async || {
            points(&page, THINGS).await.is_some_and(|now| now > couch)
        })
        .await;
        page.picture().await;
        page.keep_picture("filling-2-further").await;
        page.fill("fill-reach", "0").await;
        until_points(&page, "the couch alone", THINGS, Some(couch)).await;
        page.press("pointing-new").await;
        page.until("the couch as a new thing", STEP, async || {
            let rows = page.rows().await;
            rows.iter().any(|row| row.id == THINGS && row.selected)
        })
        .await;
        assert_eq!(points(&page, THINGS).await, Some(couch));
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn things_are_made_by_hand_in_a_scan_that_no_network_was_asked_about() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.prefer(true).await;
        page.choose(&stand.thin_room()).await;
        page.until("the points", STEP * 2, async || {
            page.exists("preflight").await && page.exists("cancel").await
        })
        .await;
        page.press("cancel").await;
        until_words(&page, "status", "Cancelled").await;
        page.picture().await;
        page.press("fill").await;
        page.until("superpoints", STEP * 4, async || {
            page.exists("pointing-words").await
        })
        .await;
        assert!(page.rows().await.is_empty(), "nothing was found");
        assert!(page.exists("search").await, "it can still be searched");
        let stages = page.stages().await;
        let is_model = |name: &str| name == "Loading the model" || name == "Backbone";
        assert!(!stages.iter().any(|stage| is_model(&stage.name)));
        page.keep_picture("filling-3-by-hand").await;
        for step in 0..12 {
            click_at(&page, (380.0 + 30.0 * f64::from(step), 440.0)).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            if !page.text("pointing-words").await.starts_with("Click") {
                break;
            }
        }
        page.until("a fill", STEP * 2, async || !page.rows().await.is_empty())
            .await;
        page.keys("viewer-canvas", ENTER).await;
        page.until("the first thing", STEP, async || {
            let rows = page.rows().await;
            matches!(&rows[..], [row] if row.id == 0 && row.selected)
        })
        .await;
        page.picture().await;
        page.keep_picture("filling-4-first-thing").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press_css(UNDO).await;
        page.until("nothing", STEP, async || page.rows().await.is_empty())
            .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn fingers_fill() {
    story(async |stand| {
        let page = open(stand, Visit::PHONE).await;
        let couch = points(&page, COUCH).await.unwrap();
        page.press("fill").await;
        until_words(&page, "pointing-words", "Click where a thing begins").await;
        let seen = shown(&page, PHONE).await;
        // Between the toolbar and the bar.
        let own = seen.iter().filter(|(_, found)| *found == Some(COUCH));
        let own = own.map(|(place, _)| *place);
        let own: Vec<(f64, f64)> = own.filter(|(_, y)| (140.0..220.0).contains(y)).collect();
        let place = own[own.len() / 2];
        page.drag_finger(&[place, place]).await;
        // Of a thing, a fill has what belongs to the same thing.
        page.until("a fill", STEP * 3, async || {
            points(&page, THINGS).await == Some(couch)
        })
        .await;
        page.picture().await;
        page.keep_picture("phone-filling-1").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
