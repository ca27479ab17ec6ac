//! A part of a large scan is on screen until all of it is read, and no longer if it cannot be read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proofs::app::{Page, STEP, Visit, story, story_with};

use crate::offline::own_app;

const ADDRESS: &str = "/?backend=cpu&renderer=2d";

/// Number of points of the large scan.
const POINTS: usize = 1_000_000;
/// What the status says as long as a part is shown.
const PART: &str = "a part of the points is shown";

/// A binary PLY file with the floor and the walls of a room, and what follows the points.
fn room(after: &str) -> Vec<u8> {
    const SIZE: [f32; 3] = [5.0, 4.0, 2.5];
    let header = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {POINTS}\nproperty float x\nproperty float y\nproperty float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n{after}end_header\n"
    );
    let mut file = header.into_bytes();
    // Steps of irrational shares fill a rectangle evenly.
    let at = |i: usize, step: f64| (0.5 + step * i as f64).fract() as f32;
    for i in 0..POINTS {
        let (u, v) = (
            at(i, 0.754_877_666_246_692_7),
            at(i, 0.569_840_290_998_053_3),
        );
        let place = match i % 5 {
            0 | 1 => [u, v, 0.0],
            2 => [u, 0.0, v],
            3 => [0.0, u, v],
            _ => [1.0, u, v],
        };
        for (share, size) in place.into_iter().zip(SIZE) {
            file.extend((share * size).to_le_bytes());
        }
        file.extend([80, (255.0 * u) as u8, (255.0 * v) as u8]);
    }
    file
}

async fn said_that_it_shows_a_part(page: &Page) -> bool {
    let said = page.watched().await.said;
    said.iter().any(|words| words.contains(PART))
}

async fn shows_a_part(page: &Page) -> bool {
    let shown = page.attribute("viewer-canvas", "data-first-look").await;
    shown.is_some()
}

async fn has_all_points(page: &Page) -> bool {
    let found = page.text("preflight").await;
    found.contains(&format!("{POINTS} points, about"))
}

/// Removes a file of an app, with its compressed versions.
fn remove(app: &Path, file: &str) {
    for ending in ["", ".br", ".gz"] {
        drop(fs::remove_file(app.join(format!("{file}{ending}"))));
    }
}

/// The built app, whose worker does not start while `held.txt` says so.
fn app_with_a_late_worker(folder: &Path) -> PathBuf {
    const LOADER: &str = "const held = async () => (await (await fetch('/held.txt', { cache: 'no-store' })).text()) === 'yes';
        while (await held()) await new Promise(later => setTimeout(later, 50));
        await (await import('./worker.js')).default();";
    let app = own_app(folder);
    remove(&app, "worker_loader.js");
    fs::write(app.join("worker_loader.js"), LOADER).unwrap();
    hold(&app, false);
    app
}

fn hold(app: &Path, held: bool) {
    let word = if held { "yes" } else { "no" };
    fs::write(app.join("held.txt"), word).unwrap();
}

#[test]
fn a_part_is_on_screen_before_the_worker_has_come() {
    story_with(app_with_a_late_worker, async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        let app = stand.folder.path().join("app");
        hold(&app, true);
        page.go_after(&format!("{}{ADDRESS}", stand.origin), "")
            .await;
        page.until("the page", STEP, async || page.exists("file-input").await)
            .await;
        page.choose(&stand.file("large.ply", &room(""))).await;
        page.until("a part", STEP, async || shows_a_part(&page).await)
            .await;
        assert!(page.picture().await.coverage() > 0.05, "points are drawn");
        page.keep_picture("before-the-worker").await;
        assert!(!page.text("backend").await.contains('·'), "no worker");
        let status = page.text("status").await;
        assert!(status.contains(PART), "{status}");
        assert!(!has_all_points(&page).await);
        // Another file takes the place of the first one.
        page.choose(&stand.file("other.ply", &room(""))).await;
        page.until("a part of that", STEP, async || shows_a_part(&page).await)
            .await;

        hold(&app, false);
        page.until("all points", STEP * 2, async || has_all_points(&page).await)
            .await;
        assert!(!shows_a_part(&page).await);
        assert_eq!(page.text("scan-name").await, "other.ply");
        assert!(page.picture().await.coverage() > 0.05, "points are drawn");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

/// The built app without the program that makes a first look.
fn app_without_a_reader(folder: &Path) -> PathBuf {
    let app = own_app(folder);
    remove(&app, "reader_bg.wasm");
    app
}

#[test]
fn without_the_reader_the_worker_comes_all_the_same() {
    story_with(app_without_a_reader, async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.file("large.ply", &room(""))).await;
        page.until("all points", STEP * 2, async || has_all_points(&page).await)
            .await;
    });
}

#[test]
fn a_part_of_a_large_scan_is_shown_until_all_of_it_is_there() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&stand.file("large.ply", &room(""))).await;
        page.until("all points", STEP * 2, async || has_all_points(&page).await)
            .await;
        assert!(said_that_it_shows_a_part(&page).await);
        assert!(!shows_a_part(&page).await);
        assert!(page.picture().await.coverage() > 0.05, "points are drawn");
        page.press("cancel").await;
        assert!(page.picture().await.coverage() > 0.05, "and stay");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_part_goes_when_the_rest_cannot_be_read() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        let after = "element face 1000\nproperty list uchar int vertex_indices\n";
        page.choose(&stand.file("cut.ply", &room(after))).await;
        page.until("the refusal", STEP * 2, async || {
            page.text("error").await.contains("cut short")
        })
        .await;
        assert!(said_that_it_shows_a_part(&page).await);
        assert!(!shows_a_part(&page).await);
        let classes = page.attribute("drop-zone", "class").await.unwrap();
        assert!(classes.contains("empty"), "another scan can be chosen");
        page.press_css("[data-testid='error'] button").await;
        assert!(page.picture().await.coverage() < 0.01, "nothing is drawn");
    });
}
