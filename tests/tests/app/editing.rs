//! Things are merged, deleted and split; all of it is undone and redone, answered about, and written
//! into files.

use proofs::app::{Page, Row, STEP, Stand, Visit, rooms, story};
use segscape::write::Export;
use serde_json::Value;

use crate::files;

const ADDRESS: &str = "/?backend=cpu&renderer=2d";
/// Chairs of the office: by the window, by the table, and in the other corner.
const CHAIRS: [u32; 3] = [2, 3, 4];
const UNDO: &str = "[aria-label='Undo']";
const REDO: &str = "[aria-label='Redo']";

/// Opens the office, of which all things are known, seen without motion.
async fn open(stand: &Stand, visit: Visit) -> Page {
    let page = stand.visit(ADDRESS, visit).await;
    page.prefer(true).await;
    page.choose(&stand.office()).await;
    page.until_done().await;
    page.picture().await;
    page
}

async fn row(page: &Page, id: u32) -> Option<Row> {
    page.rows().await.into_iter().find(|row| row.id == id)
}

/// Ids, names, points and selection of the rows.
async fn things(page: &Page) -> Vec<(u32, String, u32, bool)> {
    let mut rows = page.rows().await;
    rows.sort_by_key(|row| row.id);
    let thing = |row: Row| (row.id, row.name, row.points, row.selected);
    rows.into_iter().map(thing).collect()
}

async fn until_listed(page: &Page, what: &str, id: u32, listed: bool) {
    page.until(what, STEP, async || row(page, id).await.is_some() == listed)
        .await;
}

/// A place of the picture that shows an instance.
async fn place_of(page: &Page, id: u32) -> (f64, f64) {
    let places: Vec<(f64, f64)> = (0..60)
        .flat_map(|y| {
            (0..60).map(move |x| (20.0 + f64::from(x) * 17.0, 90.0 + f64::from(y) * 12.0))
        })
        .collect();
    let found = page.instances_at(&places).await;
    let mut own = places.iter().zip(&found);
    let seen = own.find(|(_, found)| **found == Some(id));
    *seen
        .unwrap_or_else(|| panic!("the picture does not show {id}"))
        .0
}

/// Selects two chairs in the list and merges them.
async fn merge_chairs(page: &Page) -> [Row; 2] {
    let [into, other, _] = CHAIRS;
    let before = [
        row(page, into).await.unwrap(),
        row(page, other).await.unwrap(),
    ];
    page.press_row_with_ctrl(into).await;
    page.press_row_with_ctrl(other).await;
    page.until("two selected", STEP, async || {
        page.text("selected-words").await == "2 selected"
    })
    .await;
    page.picture().await;
    page.keep_picture("editing-1-two-selected").await;
    page.press("merge").await;
    until_listed(page, "one of them to go", other, false).await;
    before
}

#[test]
fn things_are_merged_deleted_and_split_and_all_is_undone_and_redone() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let as_opened = things(&page).await;
        let [into, other, far] = CHAIRS;
        let of_other = place_of(&page, other).await;

        let before = merge_chairs(&page).await;
        let merged = row(&page, into).await.unwrap();
        assert_eq!(merged.points, before[0].points + before[1].points);
        assert!(merged.selected && merged.name == "chair");
        assert_eq!(page.text("notice").await, "Merged chair 4 into chair 3Undo");

        page.press_row_with_ctrl(into).await; // no longer selected
        page.press_row_with_ctrl(far).await;
        page.keys("viewer-canvas", "\u{e017}").await; // Delete
        until_listed(&page, "the other chair to go", far, false).await;

        // What came from the other chair is split off again.
        page.press_row_with_ctrl(into).await;
        page.keys("viewer-canvas", "s").await;
        page.until("the bar to say how", STEP, async || {
            page.text("split-words")
                .await
                .starts_with("Click the parts")
        })
        .await;
        page.point_at(of_other).await;
        page.click().await;
        let new = as_opened.len() as u32;
        until_listed(&page, "the part", new, true).await;
        page.picture().await;
        page.keep_picture("editing-2-splitting").await;
        assert_eq!(row(&page, into).await.unwrap().points, before[0].points);
        page.keys("viewer-canvas", "\u{e00c}").await; // Escape
        until_listed(&page, "nothing to be split", new, false).await;
        page.keys("viewer-canvas", "s").await;
        page.point_at(of_other).await;
        page.click().await;
        until_listed(&page, "the part", new, true).await;
        page.press("finish-split").await;
        page.until("the part to be selected", STEP, async || {
            row(&page, new).await.is_some_and(|row| row.selected)
        })
        .await;
        let part = row(&page, new).await.unwrap();
        assert_eq!(
            (part.points, part.name),
            (before[1].points, "chair".to_owned())
        );
        assert_eq!(row(&page, into).await.unwrap().points, before[0].points);
        page.keep_picture("editing-3-split").await;

        let edited = things(&page).await;
        page.press_css(UNDO).await;
        until_listed(&page, "no part", new, false).await;
        assert!(
            page.text("notice")
                .await
                .starts_with("Undone: split chair 3")
        );
        page.press_css(UNDO).await;
        until_listed(&page, "the chair in the corner", far, true).await;
        assert!(
            row(&page, far).await.unwrap().selected,
            "as before it was deleted"
        );
        page.press_css(UNDO).await;
        until_listed(&page, "both chairs", other, true).await;
        let unselected = |things: &[(u32, String, u32, bool)]| {
            let things = things.iter().cloned();
            things
                .map(|(id, name, points, _)| (id, name, points))
                .collect::<Vec<_>>()
        };
        let undone = things(&page).await;
        assert_eq!(unselected(&undone), unselected(&as_opened));
        let selected = undone.iter().filter(|(.., selected)| *selected);
        assert_eq!(
            selected.map(|(id, ..)| *id).collect::<Vec<_>>(),
            [into, other]
        );
        for _ in 0..3 {
            page.press_css(REDO).await;
        }
        page.until("everything again", STEP, async || {
            things(&page).await == edited
        })
        .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn prompts_questions_and_files_are_about_the_things_as_they_are() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        let [into, other, far] = CHAIRS;
        let [first, second] = merge_chairs(&page).await;
        page.ask("chair").await;
        let chips = async || page.chips().await.first().map(|chip| chip.count);
        page.until("two chairs", STEP, async || chips().await == Some(2))
            .await;
        page.ask("the chair nearest to the window").await;
        let listed = async || {
            page.rows()
                .await
                .iter()
                .map(|row| row.id)
                .collect::<Vec<_>>()
        };
        page.until("the chair", STEP, async || listed().await == [into])
            .await;
        page.press_tool(into, "Delete").await;
        page.until("the next one", STEP, async || listed().await == [far])
            .await;
        page.press("notice-undo").await;
        page.until("the chair again", STEP, async || listed().await == [into])
            .await;
        page.ask("").await;

        let json = files::download(stand, &page, Export::Json, "office").await;
        let json: Value = serde_json::from_slice(&json).unwrap();
        let records = json["instances"].as_array().unwrap();
        let points_of = |id: u32| {
            let record = records.iter().find(|record| record["id"] == id);
            record.map(|record| record["points"].as_u64().unwrap() as u32)
        };
        assert_eq!(points_of(into), Some(first.points + second.points));
        assert_eq!(
            points_of(other),
            None,
            "what was merged into another is gone"
        );
        let labeled = rooms::read(&files::download(stand, &page, Export::Ply, "office").await);
        let owners = labeled.table.point_rows().column("instance").unwrap();
        let owned = |id: u32| {
            owners
                .values()
                .filter(|owner| *owner == f64::from(id))
                .count()
        };
        assert_eq!(owned(into), (first.points + second.points) as usize);
        assert_eq!(owned(other), 0);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn fingers_select_several_things_and_merge_them() {
    story(async |stand| {
        let page = open(stand, Visit::PHONE).await;
        let [into, other, _] = CHAIRS;
        page.press_row(into).await;
        page.press("select-more").await;
        page.press_row(other).await;
        page.until("two selected", STEP, async || {
            page.text("selected-words").await == "2 selected"
        })
        .await;
        page.keep_picture("phone-editing").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("merge").await;
        until_listed(&page, "one of them to go", other, false).await;
        page.keep_picture("phone-editing-merged").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("notice-undo").await;
        until_listed(&page, "both", other, true).await;
    });
}

/// Rows by name, points and visibility: numbers are others in another file.
async fn contents(page: &Page) -> Vec<(String, u32, bool)> {
    let rows = page.rows().await.into_iter();
    let mut rows: Vec<_> = rows.map(|row| (row.name, row.points, row.hidden)).collect();
    rows.sort();
    rows
}

/// Changes the office: two chairs are one, a box is gone, the couch has a name.
async fn change(page: &Page) {
    merge_chairs(page).await;
    page.press_row(5).await;
    page.press_tool(5, "Delete").await;
    until_listed(page, "the box to go", 5, false).await;
    page.press_row(8).await;
    page.press_tool(8, "Rename").await;
    page.type_into(".rename", "Grandmother's couch\u{e007}")
        .await;
    page.until("the new name", STEP, async || {
        row(page, 8)
            .await
            .is_some_and(|row| row.name.starts_with("Grandmother"))
    })
    .await;
}

#[test]
fn a_project_is_saved_and_opens_as_it_was_and_nothing_is_lost_silently() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        assert!(!page.asks_before_it_is_left().await);
        change(&page).await;
        assert!(page.exists("unsaved").await);
        assert!(page.asks_before_it_is_left().await);
        page.press_row(1).await;
        page.press_tool(1, "Hide").await;
        page.set_threshold(0.25).await;
        let edited = contents(&page).await;
        page.keep_picture("editing-4-unsaved").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        page.keys("viewer-canvas", "\u{e009}s\u{e000}").await; // Ctrl S
        let project = files::downloaded(stand, &page, "office.segscape").await;
        page.until("nothing to be unsaved", STEP, async || {
            !page.exists("unsaved").await
        })
        .await;
        assert!(!page.asks_before_it_is_left().await);

        // Another scene takes the place of one with changes.
        page.press_css(UNDO).await;
        page.press_css(UNDO).await;
        let unsaved = contents(&page).await;
        assert_ne!(unsaved, edited);
        page.choose(&stand.file("project.segscape", &project)).await;
        page.until("the project", STEP, async || {
            contents(&page).await == edited
        })
        .await;
        assert_eq!(page.value("threshold").await, "0.25");
        assert!(
            page.text("notice")
                .await
                .contains("office.segscape are not saved")
        );
        page.picture().await;
        page.keep_picture("editing-5-replaced").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("bring-back").await;
        page.until("what was replaced", STEP, async || {
            contents(&page).await == unsaved
        })
        .await;
        assert!(page.asks_before_it_is_left().await, "it is in no file");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn the_page_offers_to_continue_with_the_latest_project() {
    story(async |stand| {
        let page = open(stand, Visit::DESKTOP).await;
        change(&page).await;
        let edited = contents(&page).await;
        page.until("the project to be kept", STEP, async || {
            page.keeps_a_project().await
        })
        .await;

        let address = format!("{}{ADDRESS}", stand.origin);
        page.go(&address).await;
        page.until("the offer", STEP, async || page.exists("continue").await)
            .await;
        assert!(
            page.text("continue")
                .await
                .contains("officeedited just now")
        );
        page.keep_picture("editing-6-continue").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("continue-project").await;
        page.until("the things", STEP, async || contents(&page).await == edited)
            .await;

        page.go(&address).await;
        page.until("the offer", STEP, async || page.exists("continue").await)
            .await;
        page.press("forget-project").await;
        page.until("no offer", STEP, async || !page.exists("continue").await)
            .await;
        page.until("nothing to be kept", STEP, async || {
            !page.keeps_a_project().await
        })
        .await;
        page.go(&address).await;
        assert!(!page.exists("continue").await);

        // Who does not want it has nothing kept.
        page.choose(&stand.office()).await;
        page.until_done().await;
        page.press("download").await;
        page.press("autosave").await;
        page.keys("autosave", "\u{e00c}").await; // Escape
        change(&page).await;
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        assert!(!page.keeps_a_project().await);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
