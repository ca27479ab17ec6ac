//! A thing is cut in two by a plane: by axis and place, without a mouse, and along a line that is drawn
//! over the picture.

use proofs::app::{Page, STEP, Visit, story};

use crate::tools::{DESKTOP, PHONE, middle, open, points, shown, until_points, until_words};

/// Chairs of the office: by the window, and alone in the other corner.
const CHAIR: u32 = 2;
const FAR: u32 = 4;
const COUCH: u32 = 8;
/// Number of things in the office, and the number of the next one.
const THINGS: u32 = 9;
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const UNDO: &str = "[aria-label='Undo']";
const Y_AXIS: &str = ".plane label:nth-of-type(2)";

/// Makes one thing of the two chairs, which is selected then. Returns the numbers of points of the
/// smaller and the larger one.
async fn join_chairs(page: &Page) -> (u32, u32) {
    let chair = points(page, CHAIR).await.unwrap();
    let far = points(page, FAR).await.unwrap();
    page.press_row_with_ctrl(CHAIR).await;
    page.press_row_with_ctrl(FAR).await;
    page.press("merge").await;
    until_points(page, "both chairs in one", CHAIR, Some(chair + far)).await;
    (chair.min(far), chair.max(far))
}

/// A line over the picture that separates two places, within these heights.
fn between(a: (f64, f64), b: (f64, f64), (top, bottom): (f64, f64)) -> [(f64, f64); 3] {
    let (x, y) = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
    let line = match (a.0 - b.0).abs() > (a.1 - b.1).abs() {
        true => [(x, top), (x, (top + bottom) / 2.0), (x, bottom)],
        false => {
            let y = y.clamp(top, bottom);
            [(x - 90.0, y), (x, y), (x + 90.0, y)]
        }
    };
    line.map(|(x, y): (f64, f64)| (x.round(), y.round()))
}

/// Selects the chairs alone, with the whole office in sight.
async fn select_chairs(page: &Page) {
    page.keys("viewer-canvas", &format!("{ESCAPE}{ESCAPE}f"))
        .await;
    page.picture().await;
    page.press_row_with_ctrl(CHAIR).await;
    until_words(page, "selected-words", "chair 3").await;
}

#[test]
fn a_thing_is_cut_in_two_by_axis_and_place_and_along_a_line() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let seen = shown(&page, DESKTOP).await;
        let (small, large) = join_chairs(&page).await;
        let both = Some(small + large);

        // The longest way through both chairs is the one from one to the other.
        page.keys("viewer-canvas", "d").await;
        until_words(&page, "cut-words", "Cuts off 1 superpoint,").await;
        until_points(&page, "one of the chairs", THINGS, Some(small)).await;
        until_points(&page, "the other one", CHAIR, Some(large)).await;
        page.picture().await;
        page.keep_picture("cutting-1-form").await;
        assert!(page.ink("overlay").await > 200, "the plane is drawn");
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        // Where the thing begins, there is nothing to cut off.
        page.fill("cut-place", "0").await;
        until_words(&page, "cut-words", "Nothing is left on one side").await;
        until_points(&page, "no part", THINGS, None).await;
        assert!(page.attribute("cut-off", "disabled").await.is_some());
        page.keys("viewer-canvas", ENTER).await;
        until_words(&page, "notice", "Nothing is left on one side").await;
        page.fill("cut-place", "0.5").await;
        until_points(&page, "one of the chairs", THINGS, Some(small)).await;

        // Esc leaves it as it was; Enter makes the part a thing, and it is undone.
        page.keys("viewer-canvas", ESCAPE).await;
        until_points(&page, "both again", CHAIR, both).await;
        assert_eq!(points(&page, THINGS).await, None);
        page.keys("viewer-canvas", "d").await;
        until_points(&page, "one of the chairs", THINGS, Some(small)).await;
        page.keys("viewer-canvas", ENTER).await;
        until_words(&page, "notice", "Split chair 3").await;
        let rows = page.rows().await;
        let made = rows.iter().find(|row| row.id == THINGS).unwrap();
        assert!(made.selected && made.name == "chair" && made.points == small);
        assert!(!page.exists("cut-words").await, "the tool is put away");
        page.press_css(UNDO).await;
        until_points(&page, "both again", CHAIR, both).await;
        until_points(&page, "no part", THINGS, None).await;

        // A line drawn between them cuts in the direction of the view; an axis comes back after it.
        select_chairs(&page).await;
        page.press("cut").await;
        page.press_css(Y_AXIS).await;
        let ends = [CHAIR, FAR].map(|thing| middle(&seen, thing));
        page.drag(&between(ends[0], ends[1], (150.0, 480.0))).await;
        page.until("a line", STEP, async || page.is_shown("cut-drawn").await)
            .await;
        until_points(&page, "one of the chairs", THINGS, Some(small)).await;
        page.picture().await;
        page.keep_picture("cutting-2-line").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press_css(Y_AXIS).await;
        page.until("no line", STEP, async || !page.is_shown("cut-drawn").await)
            .await;
        page.drag(&between(ends[0], ends[1], (150.0, 480.0))).await;
        until_points(&page, "one of the chairs", THINGS, Some(small)).await;
        page.press("cut-off").await;
        until_words(&page, "notice", "Split chair 3").await;
        assert_eq!(points(&page, CHAIR).await, Some(large));
        page.press_css(UNDO).await;
        until_points(&page, "both again", CHAIR, both).await;

        // What is locked is not cut, and superpoints are not.
        select_chairs(&page).await;
        page.keys("viewer-canvas", "kd").await;
        until_words(&page, "notice", "chair 3 is locked").await;
        assert!(!page.exists("cut-words").await);
        page.keys("viewer-canvas", ESCAPE).await;
        page.press_row_with_ctrl(COUCH).await;
        page.keys("viewer-canvas", "d").await;
        until_words(&page, "cut-words", "It is a single superpoint").await;
        assert_eq!(points(&page, THINGS).await, None);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn fingers_cut_along_a_line() {
    story(async |stand| {
        let page = open(stand, Visit::PHONE).await;
        let seen = shown(&page, PHONE).await;
        let (small, large) = join_chairs(&page).await;
        page.press("cut").await;
        until_words(&page, "cut-words", "Cuts off 1 superpoint,").await;
        page.picture().await;
        page.keep_picture("phone-cutting-1-form").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.fill("cut-place", "0").await;
        until_points(&page, "no part", THINGS, None).await;
        // Between the toolbar and the bar, once the notice of the merge is gone from there.
        page.until("an end of the notice", STEP, async || {
            page.text("notice").await.is_empty()
        })
        .await;
        let ends = [CHAIR, FAR].map(|thing| middle(&seen, thing));
        page.drag_finger(&between(ends[0], ends[1], (140.0, 220.0)))
            .await;
        until_points(&page, "one of the chairs", THINGS, Some(small)).await;
        page.picture().await;
        page.keep_picture("phone-cutting-2-line").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("cut-off").await;
        until_words(&page, "notice", "Split chair 3").await;
        assert_eq!(points(&page, CHAIR).await, Some(large));
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
