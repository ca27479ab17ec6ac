//! A part of a large scan is on screen until all of it is read, and no longer if it cannot be read.

use proofs::app::{Page, STEP, Visit, story};

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

#[test]
fn a_part_of_a_large_scan_is_shown_until_all_of_it_is_there() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.choose(&stand.file("large.ply", &room(""))).await;
        page.until("all points", STEP * 2, async || {
            let found = page.text("preflight").await;
            found.contains(&format!("{POINTS} points, about"))
        })
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
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
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
