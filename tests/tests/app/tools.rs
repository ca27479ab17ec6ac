//! Tools over the picture: the lasso, what locked things keep, the measure, and the clip box.

use proofs::app::{Page, STEP, Stand, Visit, story};

use crate::files;

const ADDRESS: &str = "/?backend=cpu&renderer=2d";
/// Chairs of the office: by the window, and alone in the other corner.
const CHAIR: u32 = 2;
const FAR: u32 = 4;
const COUCH: u32 = 8;
/// A box before the couch.
const BOX: u32 = 5;
/// Number of things in the office.
const THINGS: u32 = 9;
/// A place that is not over the picture.
const ASIDE: (f64, f64) = (1140.0, 780.0);
const ESCAPE: &str = "\u{e00c}";
const UNDO: &str = "[aria-label='Undo']";

/// Opens the office, of which all things are known, seen without motion.
pub async fn open(stand: &Stand, visit: Visit) -> Page {
    let page = stand.visit(ADDRESS, visit).await;
    page.prefer(true).await;
    page.choose(&stand.office()).await;
    page.until_done().await;
    page.picture().await;
    page
}

/// Places of the picture, CSS pixels, with the thing that each shows.
pub async fn shown(
    page: &Page,
    (right, bottom, step): (u32, u32, usize),
) -> Vec<((f64, f64), Option<u32>)> {
    let rows = (90..bottom).step_by(step);
    let places: Vec<(f64, f64)> = rows
        .flat_map(|y| {
            (20..right)
                .step_by(step)
                .map(move |x| (f64::from(x), f64::from(y)))
        })
        .collect();
    let found = page.instances_at(&places).await;
    places.into_iter().zip(found).collect()
}

/// The right and the lower end of what is looked at, and the distance of its places, CSS pixels.
pub const DESKTOP: (u32, u32, usize) = (1040, 780, 20);
pub const PHONE: (u32, u32, usize) = (370, 400, 12);

/// The corners of a box around a thing in the picture, and the first of them again.
fn around(shown: &[((f64, f64), Option<u32>)], thing: u32) -> [(f64, f64); 5] {
    let own = shown.iter().filter(|(_, found)| *found == Some(thing));
    let own: Vec<(f64, f64)> = own.map(|(place, _)| *place).collect();
    assert!(!own.is_empty(), "the picture does not show {thing}");
    let bound = |of: fn(&(f64, f64)) -> f64, least: fn(f64, f64) -> f64, margin: f64| {
        own.iter().map(of).reduce(least).unwrap() + margin
    };
    let (left, top) = (
        bound(|p| p.0, f64::min, -14.0),
        bound(|p| p.1, f64::min, -14.0),
    );
    let (right, bottom) = (
        bound(|p| p.0, f64::max, 14.0),
        bound(|p| p.1, f64::max, 14.0),
    );
    [
        (left, top),
        (right, top),
        (right, bottom),
        (left, bottom),
        (left, top),
    ]
}

/// The middle of a thing in the picture.
pub fn middle(shown: &[((f64, f64), Option<u32>)], thing: u32) -> (f64, f64) {
    let [low, _, high, ..] = around(shown, thing);
    ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0)
}

pub async fn points(page: &Page, id: u32) -> Option<u32> {
    let rows = page.rows().await;
    rows.iter().find(|row| row.id == id).map(|row| row.points)
}

pub async fn until_points(page: &Page, what: &str, id: u32, count: Option<u32>) {
    page.until(what, STEP, async || points(page, id).await == count)
        .await;
}

pub async fn until_words(page: &Page, testid: &str, words: &str) {
    page.until(words, STEP, async || {
        page.text(testid).await.contains(words)
    })
    .await;
}

/// Looks at the whole office with nothing selected and no tool.
async fn look_at_all(page: &Page) {
    page.keys("viewer-canvas", &format!("{ESCAPE}{ESCAPE}f"))
        .await;
    page.picture().await;
}

#[test]
fn what_is_drawn_around_becomes_a_thing_or_part_of_one_and_locked_things_stay() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let seen = shown(&page, DESKTOP).await;
        let [chair, far] = [CHAIR, FAR].map(async |id| points(&page, id).await.unwrap());
        let (chair, far) = (chair.await, far.await);
        page.keys("viewer-canvas", "l").await;
        until_words(&page, "lasso-words", "Draw around").await;
        page.drag(&around(&seen, FAR)).await;
        until_words(&page, "lasso-words", "1 part").await;
        until_points(&page, "the part", THINGS, Some(far)).await;
        page.picture().await;
        page.keep_picture("tools-1-lasso").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press_row(CHAIR).await;
        until_words(&page, "lasso-words", "and chair 3").await;
        page.press("lasso-add").await;
        until_points(&page, "a larger chair", CHAIR, Some(chair + far)).await;
        assert_eq!(
            points(&page, FAR).await,
            None,
            "it belongs to the other now"
        );
        page.press_css(UNDO).await;
        until_points(&page, "both", FAR, Some(far)).await;

        // Of a locked thing, nothing is taken, and it stays.
        look_at_all(&page).await;
        page.press_row_with_ctrl(FAR).await;
        page.keys("viewer-canvas", "k").await;
        until_words(&page, "notice", "Locked chair 5").await;
        page.keys("viewer-canvas", "\u{e017}").await; // Delete
        until_words(&page, "notice", "chair 5 is locked").await;
        page.press_row_with_ctrl(CHAIR).await;
        page.press("merge").await;
        until_words(&page, "notice", "chair 5 is locked").await;
        assert_eq!(points(&page, FAR).await, Some(far));
        look_at_all(&page).await;
        page.keys("viewer-canvas", "l").await;
        page.drag(&around(&seen, FAR)).await;
        until_words(&page, "lasso-words", "1 of locked things left out").await;
        page.keep_picture("tools-2-locked").await;
        page.keys("viewer-canvas", "\u{e009}s\u{e000}").await; // Ctrl S
        let project = files::downloaded(stand, &page, "office.segscape").await;
        page.keys("viewer-canvas", "\u{e009}z\u{e000}").await; // Ctrl Z
        until_words(&page, "notice", "Undone: locked chair 5").await;

        // Enter makes a thing of what was one, and of what was none.
        page.drag(&around(&seen, FAR)).await;
        until_points(&page, "the part", THINGS, Some(far)).await;
        page.keys("viewer-canvas", "\u{e007}").await; // Enter
        until_points(&page, "no chair there", FAR, None).await;
        let made = page.rows().await;
        let made = made.iter().find(|row| row.id == THINGS).unwrap();
        assert!(made.selected && made.name == "chair" && made.points == far);
        let nobodys = seen
            .iter()
            .filter(|(place, found)| found.is_none() && place.1 > 400.0);
        for (place, _) in nobodys.step_by(40) {
            page.point_at(*place).await;
            page.click().await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            if page.text("lasso-words").await.starts_with("1 part") {
                break;
            }
        }
        page.press("lasso-new").await;
        page.until("the floor", STEP, async || {
            let rows = page.rows().await;
            rows.iter().any(|row| row.id == THINGS + 1 && row.selected)
        })
        .await;
        page.keep_picture("tools-3-made").await;

        page.choose(&stand.file("locked.segscape", &project)).await;
        page.until("the locked chair", STEP, async || {
            page.words("[title$='locked'] .label")
                .await
                .contains("chair")
        })
        .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn distances_are_measured_and_set_the_scale_and_a_box_hides_the_rest() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let seen = shown(&page, DESKTOP).await;
        assert_eq!(page.ink("overlay").await, 0);
        page.keys("viewer-canvas", "r").await;
        until_words(&page, "distance", "Click where the distance begins").await;
        for thing in [FAR, CHAIR] {
            page.point_at(middle(&seen, thing)).await;
            page.click().await;
        }
        until_words(&page, "distance", " m").await;
        let said = page.text("distance").await;
        let metres: f64 = said.trim_end_matches(" m").parse().unwrap();
        assert!(
            (4.5..6.0).contains(&metres),
            "{said}, of 5.4 between their middles"
        );
        page.picture().await;
        page.keep_picture("tools-4-distance").await;
        assert!(page.ink("overlay").await > 200);
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        let fixed = page.attribute("set-scale", "title").await.unwrap();
        assert_eq!(fixed, "The scale of a project is fixed");
        page.keys("viewer-canvas", ESCAPE).await;
        page.until("no line", STEP, async || page.ink("overlay").await == 0)
            .await;

        page.point_at(ASIDE).await;
        let whole = page.picture().await;
        page.press_row_with_ctrl(COUCH).await;
        page.keys("viewer-canvas", "b").await;
        page.press("view-menu-button").await;
        let clipped = page.picture().await;
        page.keep_picture("tools-5-clip").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        assert!(clipped.difference(&whole) > 1.0, "all is there");
        let things = shown(&page, DESKTOP).await;
        assert!(
            things
                .iter()
                .all(|(_, found)| found.is_none_or(|id| id == COUCH))
        );
        page.fill("clip-z-max", "0.1").await;
        let flat = page.picture().await;
        assert!(flat.difference(&clipped) > 0.3, "it is as high as before");
        page.press("clip").await;
        page.press("view-menu-button").await;
        page.keys("viewer-canvas", ESCAPE).await;
        page.point_at(ASIDE).await;
        let again = page.picture().await;
        assert!(again.difference(&whole) < 0.2, "not all is back");

        // A scan whose unit is open gets another scale.
        page.choose(&stand.thin_room()).await;
        page.until("another scan", STEP, async || {
            page.rows().await.is_empty() && page.exists("cancel").await
        })
        .await;
        page.press("cancel").await;
        page.picture().await;
        page.keys("viewer-canvas", "r").await;
        for step in 0..12 {
            if page.text("distance").await.ends_with(" m") {
                break;
            }
            page.point_at((380.0 + 30.0 * f64::from(step), 440.0)).await;
            page.click().await;
            page.picture().await;
        }
        let said = page.text("distance").await;
        let metres: f64 = said.trim_end_matches(" m").parse().unwrap();
        page.fill("known-length", "two").await;
        page.press("set-scale").await;
        until_words(&page, "scale-problem", "is no unit").await;
        page.fill("known-length", &format!("{} cm", metres * 200.0))
            .await;
        page.press("set-scale").await;
        page.until("the scale", STEP * 4, async || {
            page.exists("metres-per-unit").await
        })
        .await;
        let unit: f64 = page.value("metres-per-unit").await.parse().unwrap();
        assert!((unit - 2.0).abs() < 0.01, "1 unit is {unit} m");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn fingers_draw_around_things_and_measure() {
    story(async |stand| {
        let page = open(stand, Visit::PHONE).await;
        let seen = shown(&page, PHONE).await;
        let [couch, before_it] = [
            points(&page, COUCH).await.unwrap(),
            points(&page, BOX).await.unwrap(),
        ];
        page.press("lasso").await;
        page.drag_finger(&around(&seen, COUCH)).await;
        until_words(&page, "lasso-words", "2 parts").await;
        page.picture().await;
        page.keep_picture("phone-tools-1-lasso").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("lasso-new").await;
        until_points(&page, "both in one", THINGS, Some(couch + before_it)).await;
        page.keep_picture("phone-tools-2-made").await;

        page.press("measure").await;
        for thing in [COUCH, CHAIR] {
            let place = middle(&seen, thing);
            page.drag_finger(&[place, place]).await;
        }
        until_words(&page, "distance", " m").await;
        page.picture().await;
        page.keep_picture("phone-tools-3-distance").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press_css("[aria-label='Put the measure away']").await;
        page.press("view-menu-button").await;
        page.press("clip").await;
        page.picture().await;
        page.keep_picture("phone-tools-4-clip").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
