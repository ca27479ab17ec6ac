//! Recordings are followed frame by frame: points and things grow on the screen, a frame that cannot
//! be used is named, and who stops keeps what was found so far.

use std::fs;

use proofs::app::{Page, STEP, Stand, Visit, captures, rooms, story};
use segscape::write::Export;
use serde_json::Value;

use crate::files;

/// Number of frames of a recording, of which the second has no pose and another one is damaged.
const FRAMES: usize = 40;
const DAMAGED: &str = "frame-000017";
/// Number of frames of a recording that takes long.
const MANY: usize = 240;
/// Time limit for a real recording, on two busy cores.
const RECORDING: std::time::Duration = std::time::Duration::from_secs(600);

/// What the page said while frames came: number of the frame, of all frames, and of things.
fn followed(said: &[String]) -> Vec<[u32; 3]> {
    let numbers = |words: &String| {
        let words = words.strip_prefix("Following … frame ")?;
        let numbers = words.split(|c: char| !c.is_ascii_digit());
        let numbers: Vec<u32> = numbers.filter_map(|word| word.parse().ok()).collect();
        numbers.try_into().ok()
    };
    said.iter().filter_map(numbers).collect()
}

/// Waits until so many frames came and there are so many things.
async fn until_followed(page: &Page, frames: u32, things: u32) {
    page.until("the frames being followed", RECORDING, async || {
        let said = vec![page.text("status").await];
        let now = followed(&said);
        now.first()
            .is_some_and(|[frame, _, found]| *frame >= frames && *found >= things)
    })
    .await;
}

#[test]
fn things_grow_while_frames_come_and_a_damaged_frame_is_named() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        let folder = stand.capture("desk", FRAMES);
        fs::write(folder.join(format!("{DAMAGED}.depth.png")), b"no image").unwrap();
        page.press("by-frames").await;
        page.choose_folder(&folder).await;
        page.until_done().await;

        let said = page.watched().await.said;
        let followed = followed(&said);
        println!("{followed:?}");
        let of = FRAMES as u32 - 1;
        assert!(followed.len() >= 3, "the page said {said:?}");
        assert!(followed.is_sorted_by(|a, b| a[0] <= b[0]), "{followed:?}");
        assert!(
            followed.iter().all(|[_, all, _]| *all == of),
            "{followed:?}"
        );
        let things: Vec<u32> = followed.iter().map(|[.., things]| *things).collect();
        assert!(
            things.iter().max() >= Some(&3),
            "floor, walls and a box: {things:?}"
        );
        let named = format!("Skipped {DAMAGED}: ");
        let skipped = said.iter().find(|words| words.starts_with(&named));
        assert!(
            skipped.is_some_and(|words| words.contains("depth.png")),
            "the page said {said:?}"
        );
        assert!(!page.exists("stop").await, "all frames came");

        let stages = page.stages().await;
        assert!(
            !stages.iter().any(|stage| stage.name == "Loading the model"),
            "no network takes part: {stages:?}"
        );
        let used = FRAMES - 2;
        assert_eq!(page.cameras().await, used);
        let capture = page.text("capture").await;
        assert!(
            capture.contains(&format!("{used} of {FRAMES} used")),
            "{capture}"
        );
        assert!(page.text("gaps").await.contains(DAMAGED));
        ordinary(stand, &page, "desk").await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

/// Asserts that the things are like those of any other scene: they are listed, named, asked for,
/// saved and shared.
async fn ordinary(stand: &Stand, page: &Page, name: &str) {
    let rows = page.rows().await;
    assert!(rows.len() >= 3, "{rows:?}");
    assert!(
        rows.iter()
            .all(|row| row.name == "unnamed" && row.points > 0)
    );
    page.ask("chair").await;
    page.until("the reason", STEP, async || {
        page.words(".not-found").await.contains("nothing says what")
    })
    .await;
    page.ask("").await;
    page.until("all things", STEP, async || {
        page.rows().await.len() == rows.len()
    })
    .await;

    let id = rows[0].id;
    page.press_row(id).await;
    page.press_tool(id, "Rename").await;
    page.type_into(".rename", "floor\u{e007}").await;
    page.until("the new name", STEP, async || {
        page.rows()
            .await
            .iter()
            .any(|row| row.id == id && row.name == "floor")
    })
    .await;
    let records = saved(stand, page, name).await;
    assert_eq!(records.len(), rows.len());
    assert!(records.iter().any(|record| record["label"] == "floor"));

    let link = page.share().await.link;
    let recipient = stand.visit(&link, Visit::DESKTOP).await;
    recipient.until_done().await;
    let received = recipient.rows().await;
    assert_eq!(received.len(), rows.len());
    let mut names: Vec<&str> = received.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["floor", "unnamed"]);
}

/// The instances in the JSON file that the page saves.
async fn saved(stand: &Stand, page: &Page, name: &str) -> Vec<Value> {
    let bytes = files::download(stand, page, Export::Json, name).await;
    let json: Value = serde_json::from_slice(&bytes).unwrap();
    json["instances"].as_array().unwrap().clone()
}

#[test]
fn who_stops_keeps_what_was_found_so_far() {
    story(async |stand| stopped(stand, "/?backend=cpu&renderer=webgpu").await);
}

async fn stopped(stand: &Stand, address: &str) {
    let page = stand.visit(address, Visit::WITH_WEBGPU).await;
    page.choose_folder(&stand.capture("long", MANY)).await;
    page.until("the choice", STEP, async || page.exists("by-frames").await)
        .await;
    // The network is at work, or about to be.
    page.until("the points", STEP * 4, async || {
        page.exists("capture").await
    })
    .await;
    page.press_css(".panel [data-testid='by-frames']").await;
    until_followed(&page, 6, 2).await;
    assert!(page.picture_covers().await > 0.02, "points are drawn");
    assert!(!page.rows().await.is_empty(), "things are listed");
    assert!(page.cameras().await >= 4, "cameras are drawn");
    page.point_at_control("stop").await;
    page.double_click().await;
    page.until_done().await;

    let notes = page.words(".notes").await;
    assert!(notes.contains("Stopped after"), "the page says {notes}");
    let cameras = page.cameras().await;
    assert!(cameras < MANY - 1, "{cameras} frames were used");
    let rows = page.rows().await;
    assert!(rows.len() >= 2, "{rows:?}");
    assert!(page.picture().await.coverage() > 0.02);
    let before = saved(stand, &page, "long").await;
    assert_eq!(before.len(), rows.len());

    // A fresh worker reads as many frames again, and not more.
    page.will_cancel_in("Reading").await;
    page.choose(&stand.room()).await;
    page.until("cancel", STEP, async || page.cancelled().await.is_some())
        .await;
    assert_eq!(page.rows().await, rows, "what was on screen stays");
    assert_eq!(saved(stand, &page, "long").await, before);

    page.will_cancel_in("Reading").await;
    page.press_css(".panel [data-testid='by-network']").await;
    page.until("cancel", STEP, async || page.cancelled().await.is_some())
        .await;
    let way = page.attribute("by-frames", "class").await;
    assert!(
        way.is_some_and(|classes| classes.ends_with(" on")),
        "the choice is that of what is on screen"
    );
    assert_eq!(page.errors().await, [] as [&str; 0]);
}

#[test]
fn masks_of_a_bundle_name_what_is_followed() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.press("by-frames").await;
        page.choose(&stand.foundation_bundle("office", 12)).await;
        page.until_done().await;
        assert_eq!(page.cameras().await, 12);
        let rows = page.rows().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0].name, "box");
        page.ask("box").await;
        page.until("the answer", STEP, async || {
            page.chips().await.iter().any(|chip| chip.count == 1)
        })
        .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn following_fits_every_window() {
    story(async |stand| {
        let recording = stand.capture_archive("long", MANY);
        for (visit, name) in [
            (Visit::DESKTOP, "desktop"),
            (Visit::TABLET, "tablet"),
            (Visit::PHONE, "phone"),
        ] {
            let page = stand.visit("/?backend=cpu&renderer=2d", visit).await;
            let look = async |state: &str| {
                page.keep_picture(&format!("follow-{state}-{name}")).await;
                assert_eq!(page.flaws().await, [] as [&str; 0], "{state} on a {name}");
            };
            page.press("by-frames").await;
            look("1-empty").await;
            page.choose(&recording).await;
            until_followed(&page, 60, 3).await;
            look("2-growing").await;
            page.press("stop").await;
            page.until_done().await;
            page.picture().await; // at rest
            look("3-stopped").await;
        }
    });
}

#[test]
#[ignore = "needs the real recordings, whose terms keep them out of the project"]
fn a_real_kitchen_is_followed() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.press("by-frames").await;
        page.choose_folder(&rooms::real("seq-7scenes")).await;
        until_followed(&page, 25, 5).await;
        page.keep_picture("follow-kitchen-half").await;
        page.until("all frames", RECORDING, async || {
            page.text("status").await.starts_with("Done")
        })
        .await;
        let followed = followed(&page.watched().await.said);
        println!("{followed:?}");
        assert!(followed.len() >= 20, "{followed:?}");
        let things: Vec<u32> = followed.iter().map(|[.., things]| *things).collect();
        let most = things.iter().max().copied().unwrap();
        assert!(things[0] < most && most >= 10, "they grow: {things:?}");
        println!("{}", page.text("status").await);
        for stage in page.stages().await {
            println!("{}: {}", stage.name, stage.time);
        }
        assert_eq!(page.cameras().await, 50);
        assert!(page.rows().await.len() >= 10);
        page.picture().await;
        page.keep_picture("follow-kitchen").await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
#[ignore = "needs the real recordings, whose terms keep them out of the project"]
fn a_real_living_room_is_stopped_half_way() {
    story(async |stand| {
        let recording = captures::files_of(&rooms::real("seq-livingroom1"));
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.press("by-frames").await;
        page.choose(&stand.file("living-room.zip", &captures::archive(&recording)))
            .await;
        until_followed(&page, 12, 3).await;
        page.press("stop").await;
        page.until("the end", RECORDING, async || {
            page.text("status").await.starts_with("Done")
        })
        .await;
        let cameras = page.cameras().await;
        assert!((12..40).contains(&cameras), "{cameras} frames were used");
        assert!(page.rows().await.len() >= 3);
        page.picture().await;
        page.keep_picture("follow-living-room").await;
    });
}
