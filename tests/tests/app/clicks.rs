//! Things are pointed out by clicks on them and beside them, and grow and shrink part by part.

use proofs::app::{Page, STEP, Visit, story};

use crate::tools::{DESKTOP, PHONE, middle, open, points, shown, until_points, until_words};

/// The table, and the chair alone in its corner, of the office.
const TABLE: u32 = 0;
const FAR: u32 = 4;
const COUCH: u32 = 8;
/// Number of things in the office, and the number of the next one.
const THINGS: u32 = 9;
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const SHIFT_TAB: &str = "\u{e008}\u{e004}\u{e000}";
const CTRL_Z: &str = "\u{e009}z\u{e000}";
const UNDO: &str = "[aria-label='Undo']";
const REDO: &str = "[aria-label='Redo']";

/// Waits until the candidate, which is listed as the next thing, has more points than these.
async fn until_more(page: &Page, than: u32) {
    page.until("a larger candidate", STEP, async || {
        points(page, THINGS).await.is_some_and(|now| now > than)
    })
    .await;
}

/// Waits until the candidate is a thing, which is selected then.
async fn until_made(page: &Page) {
    page.until("a thing of its own", STEP, async || {
        let rows = page.rows().await;
        rows.iter().any(|row| row.id == THINGS && row.selected)
    })
    .await;
}

/// Numbers and points of all rows.
async fn sizes(page: &Page) -> Vec<(u32, u32)> {
    let rows = page.rows().await.into_iter();
    let mut sizes: Vec<_> = rows.map(|row| (row.id, row.points)).collect();
    sizes.sort_unstable();
    sizes
}

async fn click_at(page: &Page, place: (f64, f64)) {
    page.point_at(place).await;
    page.click().await;
}

#[test]
fn clicks_point_out_a_thing_that_grows_and_shrinks_and_becomes_one_of_its_own() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let seen = shown(&page, DESKTOP).await;
        let far = points(&page, FAR).await.unwrap();
        let couch = points(&page, COUCH).await.unwrap();
        let as_opened = sizes(&page).await;
        page.keys("viewer-canvas", "p").await;
        until_words(&page, "pointing-words", "Click a point of the thing").await;
        assert!(
            page.attribute("pointing-new", "disabled").await.is_some(),
            "nothing is pointed out"
        );

        // The first click finds what is there; the tree of this scene is built first.
        click_at(&page, middle(&seen, FAR)).await;
        page.until("a candidate", STEP * 2, async || {
            page.text("pointing-words")
                .await
                .starts_with("Candidate: 1 superpoint,")
        })
        .await;
        until_points(&page, "the chair as the candidate", THINGS, Some(far)).await;
        until_words(&page, "pointing-origin", "as it was found").await;
        let said = page.attribute("pointing-words", "title").await.unwrap();
        assert!(said.contains("not part of a scene from a file"), "{said}");
        page.picture().await;
        page.keep_picture("clicks-1-candidate").await;
        assert!(page.ink("overlay").await > 20, "the click is marked");
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        // Larger and smaller candidates.
        page.keys("viewer-canvas", TAB).await;
        until_more(&page, far).await;
        until_words(&page, "pointing-origin", "2 of").await;
        page.keys("viewer-canvas", SHIFT_TAB).await;
        until_points(&page, "the smaller one", THINGS, Some(far)).await;

        // A second click adds, a click with Alt takes away, and both are undone one by one.
        click_at(&page, middle(&seen, COUCH)).await;
        until_points(&page, "both", THINGS, Some(far + couch)).await;
        until_words(&page, "pointing-words", "Candidate: 2 superpoints,").await;
        page.point_at(middle(&seen, COUCH)).await;
        page.click_with_alt().await;
        until_points(&page, "no couch", THINGS, Some(far)).await;
        page.keys("viewer-canvas", CTRL_Z).await;
        until_points(&page, "both again", THINGS, Some(far + couch)).await;
        page.press_css(REDO).await;
        until_points(&page, "no couch again", THINGS, Some(far)).await;
        page.picture().await;
        page.keep_picture("clicks-2-beside").await;

        // What is beside it joins it, and goes again; what was clicked stays.
        page.press("pointing-grow").await;
        until_more(&page, far).await;
        until_words(&page, "pointing-origin", "changed by hand").await;
        page.keep_picture("clicks-3-grown").await;
        page.press("pointing-shrink").await;
        until_points(&page, "the chair alone", THINGS, Some(far)).await;
        page.press("pointing-shrink").await;
        until_words(&page, "notice", "Nothing more can be taken from it").await;

        // Enter makes it a thing in place of the one that had its points.
        page.keys("viewer-canvas", ENTER).await;
        until_made(&page).await;
        assert_eq!(points(&page, FAR).await, None);
        let made = page.rows().await;
        let made = made.iter().find(|row| row.id == THINGS).unwrap();
        assert!(made.name == "chair" && made.points == far);
        until_words(&page, "pointing-words", "Click a point of the thing").await;
        page.press_css(UNDO).await;
        until_points(&page, "the chair", FAR, Some(far)).await;
        assert_eq!(sizes(&page).await, as_opened);

        // Esc leaves everything as it was, and what is locked cannot be pointed out. A click finds what
        // is in the picture, which must show what was undone.
        page.picture().await;
        click_at(&page, middle(&seen, COUCH)).await;
        until_points(&page, "the couch", THINGS, Some(couch)).await;
        page.keys("viewer-canvas", ESCAPE).await;
        until_points(&page, "no candidate", THINGS, None).await;
        assert_eq!(sizes(&page).await, as_opened);
        page.press_row_with_ctrl(COUCH).await;
        page.keys("viewer-canvas", "k").await;
        until_words(&page, "notice", "Locked couch 9").await;
        page.keys("viewer-canvas", "p").await;
        click_at(&page, middle(&seen, COUCH)).await;
        until_words(&page, "notice", "couch 9 is locked").await;
        assert_eq!(points(&page, THINGS).await, None);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn selected_things_grow_and_shrink_by_a_part_and_it_is_undone() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let as_opened = sizes(&page).await;
        let table = points(&page, TABLE).await.unwrap();
        page.press_row_with_ctrl(TABLE).await;
        page.press("grow").await;
        page.until("the larger table", STEP * 2, async || {
            points(&page, TABLE).await.is_some_and(|now| now > table)
        })
        .await;
        until_words(&page, "notice", "Added a part to table 1").await;
        page.picture().await;
        page.keep_picture("clicks-4-grown-table").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        let grown = points(&page, TABLE).await.unwrap();
        page.keys("viewer-canvas", "<").await;
        page.until("a smaller table", STEP, async || {
            points(&page, TABLE).await.is_some_and(|now| now < grown)
        })
        .await;
        until_words(&page, "notice", "Removed a part from table 1").await;
        page.press_css(UNDO).await;
        until_points(&page, "the larger table", TABLE, Some(grown)).await;
        page.press_css(UNDO).await;
        until_points(&page, "the table", TABLE, Some(table)).await;
        assert_eq!(sizes(&page).await, as_opened);

        page.keys("viewer-canvas", "<").await;
        until_words(&page, "notice", "Nothing more can be taken from it").await;
        page.keys("viewer-canvas", "k").await;
        until_words(&page, "notice", "Locked table 1").await;
        page.keys("viewer-canvas", ">").await;
        until_words(&page, "notice", "table 1 is locked").await;
        assert_eq!(points(&page, TABLE).await, Some(table));
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn fingers_point_out_things() {
    story(async |stand| {
        let page = open(stand, Visit::PHONE).await;
        let couch = points(&page, COUCH).await.unwrap();
        page.press("point-out").await;
        until_words(&page, "pointing-words", "Click a point of the thing").await;
        let seen = shown(&page, PHONE).await;
        // Between the toolbar and the bar.
        let own = seen.iter().filter(|(_, found)| *found == Some(COUCH));
        let own = own.map(|(place, _)| *place);
        let own: Vec<(f64, f64)> = own.filter(|(_, y)| (140.0..240.0).contains(y)).collect();
        let place = own[own.len() / 2];
        page.drag_finger(&[place, place]).await;
        page.until("a candidate", STEP * 2, async || {
            points(&page, THINGS).await == Some(couch)
        })
        .await;
        page.picture().await;
        page.keep_picture("phone-clicks-1-candidate").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("pointing-beside").await;
        page.drag_finger(&[place, place]).await;
        until_words(&page, "pointing-words", "Click a point of the thing, too").await;
        assert_eq!(points(&page, THINGS).await, None, "it is not part of it");
        page.press("pointing-beside").await;
        page.drag_finger(&[place, place]).await;
        until_points(&page, "the couch", THINGS, Some(couch)).await;
        page.press("pointing-new").await;
        until_made(&page).await;
        assert_eq!(points(&page, COUCH).await, None, "there is one couch");
        page.keep_picture("phone-clicks-2-made").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn clicks_choose_among_what_the_network_proposed() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.prefer(true).await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        page.picture().await;
        let seen = shown(&page, DESKTOP).await;
        let (place, _) = seen
            .iter()
            .find(|(_, found)| found.is_some())
            .expect("something was found");
        let stages = page.stages().await;
        page.keys("viewer-canvas", "p").await;
        click_at(&page, *place).await;
        until_words(&page, "pointing-words", "Candidate: ").await;
        let said = page.attribute("pointing-words", "title").await.unwrap();
        assert!(said.contains(" masks that the network proposed"), "{said}");
        assert_eq!(
            page.stages().await,
            stages,
            "the tree is kept, not built anew"
        );
        page.picture().await;
        page.keep_picture("clicks-5-network").await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
