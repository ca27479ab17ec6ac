//! Both renderers draw the same picture: the points in each color, shaded, closed and outlined on a
//! dark and on a light page, and the same instance and point under the mouse.

use std::{collections::BTreeSet, fs};

use proofs::app::{Page, Pixels, STEP, Stand, Visit, story};
use segscape::bundle;

/// Largest mean difference of the channels, of 255: twice as much as measured. Without the shading
/// it is 0.5, with other colors 9.
const MEAN_DIFFERENCE: f64 = 0.3;
/// A difference that is not rounding, of 255.
const DIFFERENT: u8 = 8;
/// Largest fraction of different pixels. A rasterizer moves the corners of a point to a grid of a
/// sixteenth of a pixel, so that the border of a point may gain or lose a pixel.
const DIFFERENT_PIXELS: f64 = 0.01;
/// Least intersection over union of the pixels of an outline.
const SAME_OUTLINE: f64 = 0.9;
/// Least number of pixels of an outline.
const OUTLINE_PIXELS: usize = 200;
/// Least fraction of places where both find the same instance. Only where two instances meet within
/// a pixel may the answers differ.
const SAME_INSTANCE: f64 = 0.97;
/// Largest distance between a point and its place in a bundle, metres.
const GRID: f32 = 0.002;
/// Colors of the outlines of the selected and the hovered instance on a light page.
const OUTLINES: [(&str, [u8; 3]); 2] = [("selected", [154, 91, 0]), ("hovered", [23, 26, 33])];

/// The results of one renderer.
struct Drawn {
    /// The pictures with their names, in the same order for all renderers.
    pictures: Vec<(&'static str, Pixels)>,
    /// The instances at many places of two views.
    instances: Vec<Option<u32>>,
}

#[test]
fn webgpu_and_the_software_renderer_draw_the_same() {
    story(async |stand| {
        let webgpu = draw(stand, "webgpu").await;
        let software = draw(stand, "2d").await;
        for ((name, ours), (_, theirs)) in webgpu.pictures.iter().zip(&software.pictures) {
            let (mean, different) = (ours.difference(theirs), ours.differing(theirs, DIFFERENT));
            println!("{name}: mean difference {mean:.3}, different pixels {different:.5}");
            assert!(mean < MEAN_DIFFERENCE, "{name}: they differ by {mean:.3}");
            assert!(
                different < DIFFERENT_PIXELS,
                "{name}: {different:.5} of the pixels differ"
            );
        }
        for (name, color) in OUTLINES {
            let [pixels, theirs] = [&webgpu, &software].map(|drawn| {
                let picture = drawn.pictures.iter().find(|picture| picture.0 == name);
                picture.unwrap().1.with_color(color)
            });
            let same = overlap(&pixels, &theirs);
            let count = pixels.iter().filter(|outlined| **outlined).count();
            println!("outline of the {name} instance: {count} pixels, overlap {same:.4}");
            assert!(count > OUTLINE_PIXELS, "{count} pixels outline the {name}");
            assert!(same > SAME_OUTLINE, "the {name} is outlined elsewhere");
        }
        assert_same_instances(&webgpu.instances, &software.instances);
        assert_same_point(stand);
    });
}

/// Where the browser cannot show a canvas of WebGPU, it loses the device again and again.
#[test]
fn a_canvas_that_cannot_show_webgpu_is_drawn_in_software() {
    story(async |stand| {
        let page = open(stand, "webgpu", Visit::WITH_WEBGPU).await;
        assert!(page.picture().await.coverage() > 0.05);
    });
}

async fn open(stand: &Stand, renderer: &str, visit: Visit) -> Page {
    let path = format!("/?backend=cpu&renderer={renderer}");
    let page = stand.visit(&path, visit).await;
    page.prefer(false).await;
    page.choose(&stand.segmented_room()).await;
    page.until_done().await;
    page
}

async fn draw(stand: &Stand, renderer: &str) -> Drawn {
    let page = open(stand, renderer, Visit::COMPOSING).await;
    let mut pictures = Vec::new();
    let mut keep = async |name| {
        let picture = page.pixels(&format!("picture-{renderer}-{name}")).await;
        pictures.push((name, picture));
    };
    keep("instances").await;
    let places: Vec<_> = (0..8)
        .flat_map(|row| (0..10).map(move |column| (column * 60 + 20, row * 60 + 80)))
        .map(|(x, y)| (f64::from(x), f64::from(y)))
        .collect();
    let mut instances = page.instances_at(&places).await;
    page.keys("viewer-canvas", "5").await;
    keep("height").await;
    page.prefer(true).await;
    page.keys("viewer-canvas", "1").await;
    keep("scan").await;
    let name = format!("picture-{renderer}-waiting");
    let scan = page.pixels(&name).await;
    page.keys("viewer-canvas", "7").await;
    page.until("the directions of surfaces", STEP, async || {
        page.pixels(&name).await.difference(&scan) > 1.0
    })
    .await;
    keep("normals").await;
    page.press("view-menu-button").await;
    page.fill("blend", "0.4").await;
    page.press("view-menu-button").await;
    keep("blended normals").await;
    page.press("view-menu-button").await;
    page.fill("blend", "0").await;
    page.press("view-menu-button").await;

    page.prefer(false).await;
    page.keys("viewer-canvas", "2").await;
    let rows = page.rows().await;
    let largest = rows.iter().max_by_key(|row| row.points).unwrap().id;
    page.press_row(largest).await;
    keep("selected").await;
    let near = page.instances_at(&places).await;
    let other = near
        .iter()
        .position(|found| found.is_some_and(|id| id != largest));
    let place = places[other.expect("another instance in the picture")];
    page.point_at(place).await;
    keep("hovered").await;

    page.double_click().await;
    keep("point").await;
    instances.extend(near);
    page.share().await;
    page.keys("viewer-canvas", "fX").await;
    keep("xray").await;
    page.keys("viewer-canvas", "XCO$").await; // Shift 4
    keep("orthographic below the ceiling").await;
    assert_eq!(page.errors().await, [] as [&str; 0]);
    Drawn {
        pictures,
        instances,
    }
}

/// Intersection over union of two sets of pixels.
fn overlap(first: &[bool], second: &[bool]) -> f64 {
    let count = |of: fn(bool, bool) -> bool| {
        let pixels = first.iter().zip(second);
        pixels.filter(|(a, b)| of(**a, **b)).count() as f64
    };
    count(|a, b| a && b) / count(|a, b| a || b).max(1.0)
}

fn assert_same_instances(webgpu: &[Option<u32>], software: &[Option<u32>]) {
    let different: BTreeSet<_> = webgpu.iter().flatten().collect();
    let same = webgpu.iter().zip(software).filter(|(a, b)| a == b).count();
    println!(
        "{} instances at {} places, the same at {same}",
        different.len(),
        webgpu.len()
    );
    assert!(different.len() > 8, "only {different:?} are found");
    assert!(
        same as f64 > SAME_INSTANCE * webgpu.len() as f64,
        "{webgpu:?} and {software:?} are found"
    );
}

/// Asserts that the double click went to the same point in both renderers.
fn assert_same_point(stand: &Stand) {
    let shared: Vec<_> = stand
        .stored()
        .iter()
        .map(|file| bundle::decode(&fs::read(file).unwrap()).unwrap())
        .collect();
    let [first, second] = &shared[..] else {
        panic!("{} scenes were shared", shared.len())
    };
    let [target, other] = [first, second].map(|scene| scene.meta.view.camera.unwrap().target);
    assert_eq!(target, other, "another point is found");
    let is_there =
        |position: &[f32; 3]| (0..3).all(|axis| (position[axis] - target[axis]).abs() < GRID);
    assert!(
        first.positions.iter().any(is_there),
        "{target:?} is no point"
    );
}
