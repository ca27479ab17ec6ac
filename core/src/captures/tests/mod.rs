#![allow(clippy::unwrap_used)]
//! Captures of a wall, two metres away, and what breaks them.

mod archive;
mod odd;

use std::io::Cursor;

use image::{ImageBuffer, ImageFormat, Luma, Rgb};

use super::*;
use crate::{
    preflight::Certainty,
    progress::{Cancel, Monitor},
};

const ROWS: u32 = 12;
const COLUMNS: u32 = 16;

fn png<P, C>(image: &ImageBuffer<P, C>) -> Vec<u8>
where
    P: image::PixelWithColorType,
    [P::Subpixel]: image::EncodableLayout,
    C: std::ops::Deref<Target = [P::Subpixel]>,
{
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A depth image of so many columns whose pixels are all two metres away.
fn depth(columns: u32) -> Vec<u8> {
    png(&ImageBuffer::from_pixel(columns, ROWS, Luma([2000u16])))
}

/// A picture four times as wide as the depth image, red on the left and blue on the right.
fn picture() -> Vec<u8> {
    png(&ImageBuffer::from_fn(4 * COLUMNS, 4 * ROWS, |x, _| {
        let is_left = x < 2 * COLUMNS;
        Rgb(if is_left { [255u8, 0, 0] } else { [0, 0, 255] })
    }))
}

fn pose(x: f32) -> Vec<u8> {
    format!("1 0 0 {x}\n0 1 0 0\n0 0 1 0\n0 0 0 1\n").into_bytes()
}

/// The files of so many frames in the layout of 7-Scenes, each ten centimetres to the right of the
/// one before.
pub(crate) fn recording(frames: usize) -> Vec<(String, Vec<u8>)> {
    let camera = b"16 0 7.5 0 16 5.5 0 0 1".to_vec();
    let mut files = vec![("camera-intrinsics.txt".to_owned(), camera)];
    for frame in 0..frames {
        let name = |end: &str| format!("frame-{frame:06}.{end}");
        files.push((name("color.png"), picture()));
        files.push((name("depth.png"), depth(COLUMNS)));
        files.push((name("pose.txt"), pose(0.1 * frame as f32)));
    }
    files
}

/// The recording with other content at one path.
pub(crate) fn with(
    files: &[(String, Vec<u8>)],
    path: &str,
    content: &[u8],
) -> Vec<(String, Vec<u8>)> {
    let mut files = files.to_vec();
    files.retain(|(name, _)| name != path);
    files.push((path.to_owned(), content.to_vec()));
    files
}

fn without(files: &[(String, Vec<u8>)], path: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = files.to_vec();
    files.retain(|(name, _)| name != path);
    files
}

fn memory(files: Vec<(String, Vec<u8>)>) -> InMemory {
    InMemory::new("wall", files).unwrap()
}

fn points(files: &dyn Files, options: &CaptureOptions) -> Result<(Capture, Points), CaptureError> {
    let capture = Capture::open(files, options)?;
    let points = capture.points(files, options, &Monitor::silent(), &mut |_| ())?;
    Ok((capture, points))
}

#[test]
fn frames_become_points_that_know_their_pixels() {
    let files = memory(recording(3));
    let options = CaptureOptions::default();
    let capture = Capture::open(&files, &options).unwrap();
    assert_eq!((capture.kind, capture.frames.len()), (Kind::SevenScenes, 3));
    let mut taken = Vec::new();
    let mut on_frame = |frame: Taken| taken.push((frame.frame, frame.shot.is_some()));
    let made = capture
        .points(&files, &options, &Monitor::silent(), &mut on_frame)
        .unwrap();
    assert_eq!(taken, [(0, true), (1, true), (2, true)]);
    assert_eq!(made.views.len(), 3);
    assert!(
        made.gaps.is_empty() && made.warnings.is_empty(),
        "{:?}",
        made.warnings
    );
    let colors = made.scan.colors.as_ref().unwrap();
    for ((position, origin), color) in made.scan.positions.iter().zip(&made.origins).zip(colors) {
        let origin = origin.unwrap();
        let seen = made.views[origin.view as usize]
            .camera
            .project(*position)
            .unwrap();
        assert!((seen.x - origin.x).abs() < 1e-4 && (seen.y - origin.y).abs() < 1e-4);
        assert!((seen.depth - 2.0).abs() < 1e-4);
        assert_eq!(
            *color,
            if origin.x < 0.5 {
                [255, 0, 0]
            } else {
                [0, 0, 255]
            }
        );
        // the cameras look level, so what is higher in the picture is higher in the world
        assert_eq!(position[2] > 0.0, origin.y < 0.5, "{position:?} {origin:?}");
    }
    assert_eq!(made.up.certainty, Certainty::Found);
    let thumbnail = capture.picture(&files, 1, Some(16)).unwrap();
    assert_eq!((thumbnail.width, thumbnail.height), (16, 12));
    assert_eq!(thumbnail.at(0.1, 0.5), [255, 0, 0]);
    assert!(
        capture
            .picture(&files, 3, None)
            .unwrap_err()
            .to_string()
            .contains("3 frames")
    );
}

#[test]
fn no_two_frames_have_one_name() {
    let list = |files: &str| files.as_bytes().to_vec();
    let files = [
        ("intrinsics.txt", list("16 16 7.5 5.5")),
        ("rgb.txt", list("0 left/0.png\n1 right/0.png\n")),
        ("depth.txt", list("0 depth/0.png\n1 depth/1.png\n")),
        (
            "groundtruth.txt",
            list("0 0 0 0 0 0 0 1\n1 0.1 0 0 0 0 0 1\n"),
        ),
        ("left/0.png", picture()),
        ("right/0.png", picture()),
        ("depth/0.png", depth(COLUMNS)),
        ("depth/1.png", depth(COLUMNS)),
    ];
    let files = InMemory::new("desk", files).unwrap();
    let capture = Capture::open(&files, &CaptureOptions::default()).unwrap();
    assert_eq!((capture.kind, capture.frames.len()), (Kind::Tum, 1));
    let [gap] = &capture.gaps[..] else {
        panic!("{:?}", capture.gaps);
    };
    assert!(
        gap.reason.to_string().contains("another frame is called 0"),
        "{}",
        gap.reason
    );
}

#[test]
fn one_frame_is_enough() {
    let (capture, made) = points(&memory(recording(1)), &CaptureOptions::default()).unwrap();
    assert_eq!((capture.frames.len(), made.views.len()), (1, 1));
    assert_eq!(made.scan.len(), (ROWS * COLUMNS) as usize);
}

#[test]
fn frames_that_cannot_be_used_are_left_out_with_their_reason() {
    let whole = recording(3);
    let damages: [(&str, Option<Vec<u8>>, &str); 7] = [
        (
            "frame-000001.color.png",
            None,
            "picture or its depth image is missing",
        ),
        (
            "frame-000001.pose.txt",
            None,
            "there is no wall/frame-000001.pose.txt",
        ),
        ("frame-000001.pose.txt", Some(b"nan ".repeat(16)), "no pose"),
        (
            "frame-000001.pose.txt",
            Some(b"1 2 3".to_vec()),
            "3 numbers instead of 16",
        ),
        (
            "frame-000001.pose.txt",
            Some(pose(5000.0)),
            "5000 m from the origin",
        ),
        (
            "frame-000001.color.png",
            Some(b"x".to_vec()),
            "neither a JPEG nor a PNG",
        ),
        (
            "frame-000001.depth.png",
            Some(depth(2 * COLUMNS)),
            "the depth images before have 16 x 12",
        ),
    ];
    for (path, content, words) in &damages {
        let files = match content {
            Some(content) => with(&whole, path, content),
            None => without(&whole, path),
        };
        let (_, made) = points(&memory(files), &CaptureOptions::default()).unwrap();
        assert_eq!(
            (made.views.len(), made.gaps.len()),
            (2, 1),
            "{path} {words}"
        );
        let gap = &made.gaps[0];
        assert_eq!(gap.frame, "frame-000001");
        assert!(gap.reason.to_string().contains(words), "{}", gap.reason);
    }
    // none is left: the first cause is named
    let lone = with(&recording(1), "frame-000000.color.png", b"x");
    let error = points(&memory(lone), &CaptureOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none of 1 frames of wall")
            && error.contains("the picture of frame frame-000000")
            && error.contains("neither a JPEG"),
        "{error}"
    );
    let lost = with(&recording(1), "frame-000000.pose.txt", &b"nan ".repeat(16));
    let error = points(&memory(lost), &CaptureOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none of 1 frames") && error.contains("no pose"),
        "{error}"
    );
}

#[test]
fn long_recordings_are_thinned_and_it_is_said() {
    let camera = (
        "camera-intrinsics.txt".to_owned(),
        b"16 16 7.5 5.5".to_vec(),
    );
    let frame = |frame: usize| {
        let name = |end: &str| format!("frame-{frame:06}.{end}");
        let files = [
            ("color.png", vec![]),
            ("depth.png", vec![]),
            ("pose.txt", pose(0.0)),
        ];
        files.map(|(end, bytes)| (name(end), bytes))
    };
    let files = memory((0..10_000).flat_map(frame).chain([camera]).collect());
    let capture = Capture::open(&files, &CaptureOptions::default()).unwrap();
    assert_eq!(
        (capture.recorded, capture.every, capture.frames.len()),
        (10_000, 20, FRAMES)
    );
    let warning = &capture.warnings[0].0;
    assert!(
        warning.contains("10000 frames")
            && warning.contains("every 20th")
            && warning.contains("500"),
        "{warning}"
    );
    let given = CaptureOptions {
        every: Some(5),
        ..CaptureOptions::default()
    };
    let capture = Capture::open(&files, &given).unwrap();
    assert_eq!((capture.frames.len(), capture.warnings.len()), (2000, 0));
    assert_eq!(capture.frames[1].name, "frame-000005");
}

#[test]
fn the_unit_and_the_reach_of_depth_are_given_or_questioned() {
    let files = memory(recording(1));
    let near = CaptureOptions {
        farthest: 1.0,
        ..CaptureOptions::default()
    };
    let error = points(&files, &near).unwrap_err().to_string();
    assert!(
        error.contains("to 1 m") && error.contains("median depth is 2 m"),
        "{error}"
    );
    let quarters = CaptureOptions {
        units_per_metre: Some(4000.0),
        ..CaptureOptions::default()
    };
    let (_, made) = points(&files, &quarters).unwrap();
    assert!(
        (made.views[0]
            .camera
            .project(made.scan.positions[0])
            .unwrap()
            .depth
            - 0.5)
            .abs()
            < 1e-4
    );
    let far = CaptureOptions {
        units_per_metre: Some(100.0),
        farthest: 30.0,
        ..CaptureOptions::default()
    };
    let (_, made) = points(&files, &far).unwrap();
    assert!(
        made.warnings[0].0.contains("median depth is 20 m"),
        "{:?}",
        made.warnings
    );
}

#[test]
fn cancelling_stops_between_frames() {
    let files = memory(recording(3));
    let options = CaptureOptions::default();
    let capture = Capture::open(&files, &options).unwrap();
    let cancel = Cancel::default();
    let report = |_| ();
    let monitor = Monitor::new(&report, &cancel);
    let mut frames = 0;
    let mut on_frame = |_: Taken| {
        frames += 1;
        cancel.cancel();
    };
    let made = capture.points(&files, &options, &monitor, &mut on_frame);
    assert!(matches!(made, Err(CaptureError::Cancelled(_))));
    assert_eq!(frames, 1);
}

#[test]
fn what_is_no_capture_says_what_was_looked_for() {
    let files = InMemory::new("notes", [("a.txt", &b""[..]), ("b/c.txt", b"")]).unwrap();
    let error = detect(&files).unwrap_err().to_string();
    for kind in Kind::ALL {
        assert!(error.contains(kind.signs()), "{error} does not name {kind}");
    }
    assert!(error.contains("2 files: a.txt, b/c.txt"), "{error}");
    let two = recording(1).into_iter().flat_map(|(path, bytes)| {
        ["a", "b"].map(|folder| (format!("{folder}/{path}"), bytes.clone()))
    });
    let error = detect(&memory(two.collect())).unwrap_err().to_string();
    assert!(error.contains("2 captures: a, b"), "{error}");
}

#[test]
fn the_camera_one_folder_up_is_found_or_missed() {
    let (camera, frames): (Vec<_>, Vec<_>) = recording(1)
        .into_iter()
        .partition(|(path, _)| path.starts_with("camera"));
    let inner = frames
        .into_iter()
        .map(|(path, bytes)| (format!("seq-01/{path}"), bytes));
    let inner: Vec<_> = inner.collect();
    let error = points(&memory(inner.clone()), &CaptureOptions::default()).unwrap_err();
    assert!(matches!(error, CaptureError::NoCamera(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("wall/seq-01/camera-intrinsics.txt"),
        "{error}"
    );
    let whole = inner.into_iter().chain(camera).collect();
    let (capture, _) = points(&memory(whole), &CaptureOptions::default()).unwrap();
    assert_eq!(capture.name, "seq-01");
}

#[test]
fn paths_that_lead_out_of_a_capture_are_refused() {
    for path in ["../a", "/a", "a/../../b", "a//b", "./a", "c:/a", "a\\b", ""] {
        let error = InMemory::new("x", [(path, &b""[..])]).unwrap_err();
        assert!(matches!(error, CaptureError::Archive(_)), "{path}");
    }
    let twice = InMemory::new("x", [("a", &b""[..]), ("a", b"")])
        .unwrap_err()
        .to_string();
    assert!(twice.contains("two files \"a\""), "{twice}");
    assert_eq!(inside("./a/b"), Ok("a/b".to_owned()));
    assert!(inside("a/../b").unwrap_err().contains("does not lie in"));
}
