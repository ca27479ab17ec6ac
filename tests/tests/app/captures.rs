//! Captures and foundation bundles: folders and archives of posed pictures and depth images become
//! points, cameras and instances, and their frames can be looked at.

use proofs::app::{Page, Row, STEP, Stand, Visit, captures, rooms, story, story_with};
use serde_json::{Value, json};

use crate::fixed_classes::app_with_imported_network;

/// Number of frames of the capture, of which one has no pose.
const FRAMES: usize = 16;
const USED: usize = FRAMES - 1;
/// Number of frames of a capture that takes long to read.
const MANY: usize = 240;

#[test]
fn a_folder_becomes_points_cameras_and_instances() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose_folder(&stand.capture("desk", FRAMES)).await;
        assert_read(&page, "desk").await;
        look_at_frames(&page).await;
        point_at_cameras(&page).await;

        page.press("image-models").await;
        page.type_into(".models [aria-label='Close']", "c").await;
        assert_eq!(page.cameras().await, USED, "the dialog takes the keys");
        page.press_css(".models [aria-label='Close']").await;

        page.press("cameras-toggle").await;
        assert_eq!(page.cameras().await, 0, "they can be hidden");
        assert!(!page.exists("frames").await);
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_dropped_folder_is_read_with_all_its_files() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.drop_files(&[&stand.capture("desk", FRAMES)]).await;
        assert_read(&page, "desk").await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn an_archive_is_read_and_its_link_has_no_frames() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose(&stand.capture_archive("desk", FRAMES)).await;
        assert_read(&page, "desk").await;
        look_at_frames(&page).await;

        page.offer_to_share().await;
        let stays = page.text("not-sent").await;
        assert!(stays.contains("the frames of the capture"), "{stays}");
        let link = page.send().await.link;
        let recipient = stand.visit(&link, Visit::PHONE).await;
        recipient.until_done().await;
        assert_eq!(recipient.cameras().await, 0);
        assert!(!recipient.exists("frames").await);
        let notes = recipient.words(".notes").await;
        assert!(
            notes.contains(&format!("made from {USED} frames of a capture")),
            "the recipient reads {notes}"
        );
    });
}

#[test]
fn a_capture_fits_a_desktop() {
    story(async |stand| frames_fit(stand, Visit::DESKTOP, "desktop").await);
}

#[test]
fn a_capture_fits_a_small_window() {
    story(async |stand| frames_fit(stand, Visit::COMPOSING, "window").await);
}

#[test]
fn a_capture_fits_a_tablet() {
    story(async |stand| frames_fit(stand, Visit::TABLET, "tablet").await);
}

#[test]
fn a_capture_fits_a_phone() {
    story(async |stand| frames_fit(stand, Visit::PHONE, "phone").await);
}

async fn frames_fit(stand: &Stand, visit: Visit, name: &str) {
    let page = stand.visit("/?backend=cpu&renderer=2d", visit).await;
    let look = async |state: &str| {
        page.keep_picture(&format!("capture-{state}-{name}")).await;
        assert_eq!(page.flaws().await, [] as [&str; 0], "in the state {state}");
    };
    page.choose(&stand.capture_archive("long", MANY)).await;
    page.until("the frames being read", STEP, async || {
        page.text("status").await.contains("frame")
    })
    .await;
    look("1-reading").await;
    page.choose(&stand.capture_archive("desk", FRAMES)).await;
    page.until("the points of the desk", STEP, async || {
        page.text("capture").await.contains(&format!("{USED} of"))
    })
    .await;
    if visit == Visit::PHONE {
        page.find_things().await;
    }
    if page.cameras().await == 0 {
        page.press("cameras-toggle").await;
    }
    assert_eq!(page.cameras().await, USED);
    page.press_css("[data-testid='frames'] [data-frame='2']")
        .await;
    look("2-at-work").await;
    page.press_css("[data-testid='open-frame'] [aria-label='Close']")
        .await;
    page.until_done().await;
    page.unfold("gaps").await;
    page.picture().await; // at rest
    look("3-frames").await;
    page.press_css("[data-testid='frames'] [data-frame='0']")
        .await;
    page.until("the picture", STEP, async || {
        shown(&page).await == json!([64, 48])
    })
    .await;
    look("4-frame").await;
    page.press_css("[data-testid='open-frame'] [aria-label='Close']")
        .await;
    look_at_frames(&page).await;
}

#[test]
fn cancel_ends_the_reading_of_a_capture() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        let rows = page.rows().await;
        page.will_cancel_in("Reading").await;
        page.choose_folder(&stand.capture("long", MANY)).await;
        page.until("cancel", STEP, async || page.cancelled().await.is_some())
            .await;
        assert_eq!(page.text("status").await, "Cancelled");
        assert_eq!(page.rows().await, rows, "what was on screen stays");
        assert_eq!(page.cameras().await, 0);
    });
}

#[test]
fn captures_that_cannot_be_read_are_refused_and_nothing_is_lost() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose_folder(&stand.capture("desk", FRAMES)).await;
        page.until_done().await;
        let rows = page.rows().await;
        let traversal = captures::archive(&[("desk/../../secret.txt".into(), b"no".to_vec())]);
        let mut damaged = captures::archive(&captures::files_of(&stand.capture("cut", 2)));
        damaged.truncate(damaged.len() / 2);
        let other = captures::archive(&[("notes/today.txt".into(), b"rain".to_vec())]);
        let refused: [(&str, Vec<u8>, &[&str]); 3] = [
            ("traversal.zip", traversal, &["secret.txt", "leads out of"]),
            ("damaged.zip", damaged, &["is not a ZIP archive"]),
            ("notes.zip", other, &["not a capture", "today.txt"]),
        ];
        for (name, bytes, words) in refused {
            page.choose(&stand.file(name, &bytes)).await;
            for words in words {
                page.until(&format!("{name}: {words}"), STEP, async || {
                    page.text("error").await.contains(words)
                })
                .await;
            }
            assert!(page.text("error").await.contains(name), "it is named");
            assert_eq!(page.rows().await, rows, "after {name}");
            assert_eq!(page.cameras().await, USED, "after {name}");
            page.press_css("[data-testid='error'] button").await;
        }
        look_at_frames(&page).await;
    });
}

/// Number of images of a foundation bundle.
const IMAGES: usize = 8;

#[test]
fn the_images_of_a_foundation_bundle_say_something_to_the_network() {
    story_with(app_with_imported_network, async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose(&stand.foundation_bundle("office", IMAGES))
            .await;
        page.until_done().await;
        assert!(page.text("scan-name").await.contains("office"));
        assert!(page.picture().await.coverage() > 0.05, "points are drawn");
        assert_eq!(page.cameras().await, IMAGES);
        let capture = page.text("capture").await;
        for words in [
            "foundation bundle",
            "8 of 8 used",
            "image features",
            "objects",
        ] {
            assert!(capture.contains(words), "the panel says {capture}");
        }
        assert!(!page.text("seen").await.contains("no "), "both are there");
        let notes = page.words(".notes").await;
        assert!(notes.contains("Bundles are in metres."), "{notes}");
        assert!(!page.text("image-remarks").await.contains("network"));
        page.press_css("[data-testid='frames'] [data-frame='2']")
            .await;
        page.until("the picture", STEP, async || {
            shown(&page).await == json!([64, 48])
        })
        .await;
        page.keys("viewer-canvas", "\u{e00c}").await; // Escape
        page.keep_picture("bundle-1").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        let with_images = page.rows().await;
        page.press("with-images").await;
        page.until("the search without images", STEP * 4, async || {
            let remarks = page.text("image-remarks").await;
            remarks.contains("features of images; they are left out")
                && remarks.contains("objects seen in images; they are left out")
        })
        .await;
        page.until_done().await;
        let without = page.rows().await;
        assert_ne!(
            listed(&with_images),
            listed(&without),
            "the images say something"
        );
        assert_eq!(page.cameras().await, IMAGES, "the frames stay");

        page.press("with-images").await;
        page.until("the search with images", STEP * 4, async || {
            !page.text("image-remarks").await.contains("left out")
        })
        .await;
        page.until_done().await;
        assert_eq!(listed(&page.rows().await), listed(&with_images));

        // A capture has no features; the network gets what it learned for this case.
        page.choose(&stand.capture_archive("desk", 4)).await;
        page.until("the capture", STEP * 4, async || {
            page.text("image-remarks").await.contains("there are none")
        })
        .await;
        page.until_done().await;
        assert!(
            !page.exists("with-images").await,
            "there is nothing to choose"
        );
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_network_that_reads_no_images_says_so_of_a_dropped_bundle() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.drop_files(&[&stand.foundation_folder("office", IMAGES)])
            .await;
        page.until_done().await;
        assert_eq!(page.cameras().await, IMAGES);
        let remarks = page.text("image-remarks").await;
        assert!(remarks.contains("features, which the network does not read"));
        assert!(
            !page.exists("with-images").await,
            "there is nothing to choose"
        );

        let torn = captures::archive(&[
            (
                "foundation.json".into(),
                b"{\"foundation\": 1, \"images\": []}".to_vec(),
            ),
            ("tensors.safetensors".into(), b"no tensors".to_vec()),
        ]);
        page.choose(&stand.file("torn.zip", &torn)).await;
        page.until("the refusal", STEP, async || {
            let error = page.text("error").await;
            error.contains("torn.zip/tensors.safetensors is not a safetensors file")
        })
        .await;
        assert_eq!(page.cameras().await, IMAGES, "what was open stays");
    });
}

/// Name, score and number of points of each row.
fn listed(rows: &[Row]) -> Vec<(String, f64, u32)> {
    let row = |row: &Row| (row.name.clone(), row.score, row.points);
    rows.iter().map(row).collect()
}

#[test]
#[ignore = "needs the real recordings, whose terms keep them out of the project"]
fn a_real_folder_of_seven_scenes_becomes_named_things() {
    story(async |stand| {
        let page = stand.visit("/", Visit::DESKTOP).await;
        page.choose_folder(&rooms::real("seq-7scenes")).await;
        page.until_done().await;
        print_account(&page).await;
        assert_eq!(page.cameras().await, 50);
        assert!(!page.rows().await.is_empty(), "things are found");
        page.keep_picture("capture-4-kitchen").await;
        page.press_css("[data-testid='frames'] [data-frame='3']")
            .await;
        page.until("the picture", STEP, async || {
            shown(&page).await == json!([640, 480])
        })
        .await;
        page.keep_picture("capture-4-kitchen-frame").await;
    });
}

#[test]
#[ignore = "needs the real recordings, whose terms keep them out of the project"]
fn a_real_archive_of_open3d_becomes_named_things() {
    story(async |stand| {
        let files = captures::files_of(&rooms::real("seq-livingroom1"));
        let page = stand.visit("/", Visit::DESKTOP).await;
        page.choose(&stand.file("living-room.zip", &captures::archive(&files)))
            .await;
        page.until_done().await;
        print_account(&page).await;
        assert!(
            page.cameras().await > 40,
            "{} cameras",
            page.cameras().await
        );
        assert!(!page.rows().await.is_empty(), "things are found");
        page.keep_picture("capture-5-living-room").await;
    });
}

/// Prints what became of a capture, and the time that each stage took.
async fn print_account(page: &Page) {
    println!("{}", page.text("status").await);
    println!("{}", page.text("capture").await);
    for stage in page.stages().await {
        println!("{}: {}", stage.name, stage.time);
    }
}

/// Asserts that the capture is on screen, with what is known of it.
async fn assert_read(page: &Page, name: &str) {
    page.until_done().await;
    assert!(page.text("scan-name").await.contains(name));
    assert!(page.picture().await.coverage() > 0.05, "points are drawn");
    assert_eq!(page.cameras().await, USED);
    let capture = page.text("capture").await;
    assert!(capture.contains("7-Scenes"), "the panel says {capture}");
    assert!(
        capture.contains(&format!("{USED} of {FRAMES} used")),
        "the panel says {capture}"
    );
    let gaps = page.text("gaps").await;
    assert!(
        gaps.contains("frame-000001: it has no pose"),
        "the panel says {gaps}"
    );
}

/// Size of the frame that is shown large.
async fn shown(page: &Page) -> Value {
    page.picture_size("frame-picture").await
}

/// Opens a frame by its thumbnail, steps to the next and closes it, with the mouse and with keys.
async fn look_at_frames(page: &Page) {
    page.press_css("[data-testid='frames'] [data-frame='2']")
        .await;
    let is_open = async |frame: &str| {
        page.attribute("open-frame", "data-frame").await.as_deref() == Some(frame)
            && shown(page).await == json!([64, 48])
    };
    page.until("the frame", STEP, async || is_open("2").await)
        .await;
    assert!(page.text("open-frame").await.contains("3 of 15"));
    assert_eq!(
        page.attribute("cameras", "data-highlighted")
            .await
            .as_deref(),
        Some("2"),
        "its camera stands out"
    );
    page.keys("viewer-canvas", "\u{e014}").await; // right
    page.until("the next frame", STEP, async || is_open("3").await)
        .await;
    page.press_css("[aria-label^='Previous frame']").await;
    page.until("the frame before", STEP, async || is_open("2").await)
        .await;
    page.keys("viewer-canvas", "\u{e00c}").await; // Escape
    assert!(!page.exists("open-frame").await, "Escape closes it");
}

/// Finds a camera with the mouse and opens its frame with a click.
async fn point_at_cameras(page: &Page) {
    for row in 0..20 {
        for column in 0..36 {
            page.point_at((
                60.0 + 25.0 * f64::from(column),
                90.0 + 25.0 * f64::from(row),
            ))
            .await;
            let Some(frame) = page.attribute("cameras", "data-highlighted").await else {
                continue;
            };
            page.click().await;
            page.until("its frame", STEP, async || {
                page.attribute("open-frame", "data-frame").await.as_ref() == Some(&frame)
            })
            .await;
            page.press_css("[data-testid='open-frame'] [aria-label='Close']")
                .await;
            return;
        }
    }
    panic!("no camera is found under the mouse");
}
