//! How a scan is looked at: what is remembered between visits, what is drawn over the picture, from
//! where it is seen, what is cut away, and flights through it.

use std::{collections::BTreeSet, time::Duration};

use proofs::app::{Page, Picture, STEP, Stand, Visit, story};

use crate::files;

const ADDRESS: &str = "/?backend=cpu&renderer=2d";
/// The background of a dark and of a light page.
const DARK: &str = "rgb(16, 18, 22)";
const LIGHT: &str = "rgb(241, 242, 244)";
/// Mean difference of pictures, of 255, that are not the same.
const OTHER: f64 = 1.0;
/// Largest mean difference of pictures that are the same.
const SAME: f64 = 0.2;

/// Opens the room of which all things are known, seen without motion.
async fn open(stand: &Stand, visit: Visit) -> Page {
    let page = stand.visit(ADDRESS, visit).await;
    page.prefer(true).await;
    page.choose(&stand.segmented_room()).await;
    page.until_done().await;
    page.picture().await;
    page
}

/// Presses keys over the picture, and returns what it becomes.
async fn after(page: &Page, keys: &str) -> Picture {
    page.keys("viewer-canvas", keys).await;
    page.picture().await
}

async fn largest(page: &Page) -> u32 {
    let rows = page.rows().await;
    rows.iter().max_by_key(|row| row.points).unwrap().id
}

#[test]
fn the_theme_and_the_view_outlast_a_visit_and_the_address_wins() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        assert_eq!(page.background().await, DARK, "as the system");
        page.press("theme").await;
        assert_eq!(page.background().await, LIGHT);
        page.keys("viewer-canvas", "5L").await;

        let again = format!("{}{ADDRESS}", stand.origin);
        page.go(&again).await;
        assert_eq!(page.background().await, LIGHT, "it is remembered");
        // A bundle would bring the view of whoever shared it.
        page.choose(&stand.thin_room()).await;
        page.until("points", STEP * 4, async || page.exists("preflight").await)
            .await;
        assert_eq!(page.value("color-by").await, "Height");
        page.press("view-menu-button").await;
        let names = page.attribute("names", "aria-pressed").await;
        assert_eq!(names.as_deref(), Some("true"));

        page.go(&format!("{again}&theme=dark")).await;
        assert_eq!(page.background().await, DARK, "the address wins");
        page.go(&again).await;
        assert_eq!(page.background().await, LIGHT, "for one visit");

        page.damage_preferences("{\"theme\":").await;
        page.go(&again).await;
        assert_eq!(page.background().await, DARK, "as the system again");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn boxes_names_axes_and_a_scale_bar_are_drawn_over_the_picture() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let drawn = async |what: &str| -> usize {
            let count = page.attribute("overlay", what).await;
            count.and_then(|count| count.parse().ok()).unwrap_or(0)
        };
        assert_eq!(page.ink("overlay").await, 0);
        page.press_row(largest(&page).await).await;
        page.keys("viewer-canvas", "B").await;
        page.until("one box", STEP, async || drawn("data-boxes").await == 1)
            .await;
        assert_eq!(drawn("data-labels").await, 1, "it has its size");
        let one = page.ink("overlay").await;
        assert!(one > 200, "{one} pixels");
        page.keys("viewer-canvas", "B").await;
        let all = page.rows().await.len();
        page.until("all boxes", STEP, async || drawn("data-boxes").await == all)
            .await;
        page.keys("viewer-canvas", "B").await;
        page.until("no box", STEP, async || page.ink("overlay").await == 0)
            .await;

        page.keys("viewer-canvas", "L").await;
        page.until("names", STEP, async || drawn("data-labels").await > 3)
            .await;
        page.keep_picture("viewing-names").await;
        let names = drawn("data-labels").await;
        page.keys("viewer-canvas", "xH").await; // alone, and all again
        page.keys("viewer-canvas", "x").await;
        page.until("one name", STEP, async || drawn("data-labels").await == 1)
            .await;
        page.keys("viewer-canvas", "x").await;
        page.until("the names again", STEP, async || {
            drawn("data-labels").await == names
        })
        .await;

        let scale = async || page.attribute("guides", "aria-label").await.unwrap();
        let far = scale().await;
        assert!(far.starts_with("Scale bar: "), "{far}");
        page.keys("viewer-canvas", "+++++++").await;
        page.until("a finer scale", STEP, async || scale().await != far)
            .await;
        assert!(page.ink("guides").await > 100);
        page.keys("viewer-canvas", "g").await;
        page.until("no guides", STEP, async || page.ink("guides").await == 0)
            .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn the_scan_is_seen_from_its_sides_and_without_perspective() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let mut seen = vec![page.picture().await];
        page.press("view-menu-button").await;
        for side in ["side-top", "side-front", "side-left", "side-isometric"] {
            page.press(side).await;
            let picture = page.picture().await;
            for before in &seen {
                assert!(picture.difference(before) > OTHER, "{side} is as before");
            }
            seen.push(picture);
        }
        page.press("cube-top").await;
        let top = page.picture().await;
        assert!(top.difference(&seen[1]) < SAME, "the cube has other sides");
        page.keep_picture("viewing-cube").await;
        page.press("side-isometric").await;
        page.press("orthographic").await;
        let flat = page.picture().await;
        assert!(flat.difference(&seen[4]) > OTHER, "there is perspective");
        page.keys("viewer-canvas", "\u{e00c}").await; // Escape
        page.until("the menu to close", STEP, async || {
            !page.exists("view-menu").await
        })
        .await;
        let top = after(&page, "!").await; // Shift 1
        assert!(top.difference(&flat) > OTHER);
        assert!(top.coverage() > 0.05, "{}", top.coverage());
    });
}

#[test]
fn the_rest_fades_behind_what_is_selected() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        page.press_row(largest(&page).await).await;
        let faded = after(&page, "X").await;
        page.keep_picture("viewing-xray").await;
        let outlined = after(&page, "X").await;
        assert!(outlined.difference(&faded) > OTHER, "the rest stays faded");
    });
}

#[test]
fn what_is_above_the_ceiling_is_neither_seen_nor_picked() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let whole = after(&page, "!").await;
        let places: Vec<_> = (0..8)
            .flat_map(|row| (0..10).map(move |column| (column * 100 + 60, row * 90 + 120)))
            .map(|(x, y)| (f64::from(x), f64::from(y)))
            .collect();
        let things = async || -> BTreeSet<u32> {
            let found = page.instances_at(&places).await;
            found.into_iter().flatten().collect()
        };
        let before = things().await;
        page.press("view-menu-button").await;
        page.press("ceiling").await;
        page.fill("ceiling-height", "0.06").await;
        let cut = page.picture().await;
        assert!(cut.difference(&whole) > OTHER, "all is there");
        assert!(page.words(".view-menu output").await.contains("0.06 m"));
        page.keep_picture("viewing-ceiling").await;
        let low = things().await;
        println!("{} things, {} below the ceiling", before.len(), low.len());
        assert!(low.len() < before.len(), "{before:?} and {low:?}");
        page.press("ceiling").await;
        let again = page.picture().await;
        assert!(again.difference(&whole) < SAME, "not all is back");
    });
}

#[test]
fn the_picture_is_saved_with_what_is_drawn_over_it() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        page.keys("viewer-canvas", "BBP").await;
        let bytes = files::downloaded(stand, &page, "room.png").await;
        let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
        assert_eq!((picture.width(), picture.height()), (1280, 800));
        let colors: BTreeSet<_> = picture.pixels().map(|pixel| pixel.0).collect();
        assert!(colors.len() > 100, "{} colors", colors.len());
        assert!(colors.contains(&[16, 18, 22]), "the background");
        assert!(colors.contains(&[214, 86, 72]), "the x axis");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn held_keys_fly_and_typed_ones_do_not() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let time = Duration::from_millis(1500);
        let start = page.picture().await;
        page.hold('w', time).await;
        assert!(page.picture().await.difference(&start) < SAME, "not yet");
        page.keys("viewer-canvas", "v").await;
        assert!(page.exists("fly-hint").await);
        page.hold('w', time).await;
        let there = page.picture().await;
        assert!(there.difference(&start) > OTHER, "it did not fly");

        page.type_into(".instances [type=search]", "w").await;
        page.hold('d', time).await;
        assert!(page.picture().await.difference(&there) < SAME, "they leak");
        page.type_into(".instances [type=search]", "\u{e003}\u{e003}")
            .await; // Backspace
        page.keys("viewer-canvas", "\u{e00c}").await; // Escape
        assert!(!page.exists("fly-hint").await);
        page.hold('w', time).await;
        assert!(page.picture().await.difference(&there) < SAME, "it flies");

        page.point_at((500.0, 450.0)).await;
        page.hold_right(true).await;
        page.hold('s', time).await;
        page.hold_right(false).await;
        page.point_at((520.0, 450.0)).await;
        page.point_at((1140.0, 780.0)).await; // nothing is outlined there
        let back = page.picture().await;
        assert!(back.difference(&there) > OTHER, "the button does nothing");
        page.hold('w', time).await;
        let difference = page.picture().await.difference(&back);
        assert!(difference < SAME, "it flies on by {difference}");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn the_menu_of_the_view_fits_every_window() {
    story(async |stand| {
        for (visit, name) in [(Visit::DESKTOP, "desktop"), (Visit::PHONE, "phone")] {
            let page = open(stand, visit).await;
            page.keys("viewer-canvas", "BBLX").await;
            page.press_row(largest(&page).await).await;
            page.press("view-menu-button").await;
            page.press("ceiling").await;
            for (dark, theme) in [(true, "dark"), (false, "light")] {
                page.prefer(dark).await;
                page.picture().await;
                page.keep_picture(&format!("viewing-menu-{name}-{theme}"))
                    .await;
                assert_eq!(page.flaws().await, [] as [&str; 0], "{theme} on a {name}");
            }
        }
    });
}
