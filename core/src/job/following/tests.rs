#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    captures::{
        InMemory,
        tests::{recording, with},
    },
    foundation::tests::{files, wall},
    job::detect,
    preflight::Certainty,
};

/// A wall, two metres away, that every frame of a capture shows.
fn capture(frames: usize, damaged: Option<&str>) -> InMemory {
    let mut files = recording(frames);
    if let Some(path) = damaged {
        files = with(&files, path, b"no image");
    }
    InMemory::new("wall", files).unwrap()
}

fn following(files: &InMemory) -> Following<'_> {
    let detected = detect(files).unwrap();
    Following::open(files, &detected, &CaptureOptions::default()).unwrap()
}

#[test]
fn points_and_things_grow_with_every_frame_and_a_damaged_one_is_named() {
    let files = capture(5, Some("frame-000002.depth.png"));
    let mut following = following(&files);
    let (mut points, mut things) = (Vec::new(), Vec::new());
    let mut problems = Vec::new();
    let mut superpoints = 0;
    while let Some(seen) = following.next().unwrap() {
        if points.is_empty() {
            let shown = following.so_far().unwrap();
            assert_eq!(shown.frames.len(), 1);
            points.extend(&shown.scan.positions);
        } else {
            points.extend(following.points_from(points.len()).0);
        }
        let grown = following.grown();
        superpoints += grown.superpoint_of_point.len();
        assert_eq!(superpoints, points.len(), "each point has a superpoint");
        things.push(grown.instances);
        problems.extend(seen.problem.map(|problem| (seen.name, problem)));
        assert!(seen.picture.is_some_and(|path| path.ends_with("color.png")));
    }
    assert_eq!((following.done(), following.frames()), (5, 5));
    // A part of the wall may become a thing of its own when the cameras have moved on.
    assert!(things[0] == 1 && things.is_sorted(), "{things:?}");
    let [(name, problem)] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(name, "frame-000002");
    assert!(problem.contains("wall/frame-000002.depth.png"), "{problem}");

    let spacing = following.spacing().unwrap();
    let Followed { recording, tracks } = following.finish(Vocabulary::shipped()).unwrap();
    let expected = recording.preflight.spacing.value.unwrap() as f32;
    assert!((spacing - expected).abs() < 1e-4, "{spacing}, {expected}");
    assert_eq!((recording.frames.len(), recording.gaps.len()), (4, 1));
    assert_eq!(recording.scan.len(), points.len());
    assert_eq!(recording.warnings, []);
    let found = &tracks.segmentation.instances;
    assert!(found.iter().all(|wall| wall.is_nameless()));
    assert!(tracks.names.iter().all(Option::is_none));
    let of_wall: u32 = found.iter().map(|wall| wall.points).sum();
    assert!(
        of_wall as usize > recording.scan.len() / 2,
        "{of_wall} of {}",
        recording.scan.len()
    );
}

#[test]
fn who_stops_keeps_what_was_found_so_far() {
    let files = capture(6, None);
    let mut whole = following(&files);
    while whole.next().unwrap().is_some() {}
    let whole = whole.finish(Vocabulary::shipped()).unwrap();
    let mut stopped = following(&files);
    for _ in 0..3 {
        stopped.next().unwrap().unwrap();
    }
    let stopped = stopped.finish(Vocabulary::shipped()).unwrap();
    assert_eq!(stopped.recording.frames.len(), 3);
    assert!(stopped.recording.scan.len() < whole.recording.scan.len());
    assert_eq!(stopped.tracks.segmentation.instances.len(), 1);
    let warning = &stopped.recording.warnings[0].0;
    assert_eq!(warning, "Stopped after 3 of 6 frames.");

    let options = CaptureOptions::default();
    let again = points_of_first(3, &files, &detect(&files).unwrap(), &options).unwrap();
    assert_eq!(again.scan.positions, stopped.recording.scan.positions);
}

#[test]
fn up_is_looked_at_again() {
    let files = capture(4, None);
    let mut following = following(&files);
    following.next().unwrap();
    // y is down in the axes of the cameras.
    following.so_far().unwrap();
    following.next().unwrap();
    assert!(!following.has_turned());
    following.placement.turn = Affine3A::from_rotation_x(0.2) * following.placement.turn;
    following.next().unwrap();
    assert!(!following.has_turned(), "after three frames nobody looks");
    following.next().unwrap();
    assert!(following.has_turned(), "there are twice as many");
    assert!(!following.has_turned(), "these frames were looked at");
    let found = following.finish(Vocabulary::shipped()).unwrap().recording;
    assert_eq!(found.preflight.up.certainty, Certainty::Found);
}

#[test]
fn the_masks_of_a_bundle_name_its_things() {
    let mut scene = wall();
    // An image of some pixels, so that the mask has an inner part.
    let image = &mut scene.images[0];
    image.depth = Some(Map::new(vec![2.0; 48 * 64], [48, 64, 1]).unwrap());
    let without_depth = Image {
        depth: None,
        ..Image::new("dark".into(), image.camera, None)
    };
    scene.images.push(without_depth);
    let files = InMemory::new("wall.zip", files(&scene)).unwrap();
    let mut following = following(&files);
    assert_eq!(following.so_far().unwrap().scan.positions, scene.positions);
    let seen = following.next().unwrap().unwrap();
    assert_eq!((seen.name.as_str(), seen.problem), ("wall", None));
    let grown = following.grown();
    assert_eq!(grown.superpoint_of_point.len(), scene.positions.len());
    assert_eq!(grown.changed[0].name.as_deref(), Some("picture"));
    let dark = following.next().unwrap().unwrap();
    assert_eq!(dark.problem.as_deref(), Some("it has no depth image"));
    let found = following.finish(Vocabulary::shipped()).unwrap();
    assert_eq!(found.tracks.names, [Some("picture".to_owned())]);
    assert!(!found.tracks.segmentation.instances[0].is_nameless());
    let warning = &found.recording.warnings[0].0;
    assert!(
        warning.contains("without 1 of 2 frames: dark: it has no"),
        "{warning}"
    );
}
