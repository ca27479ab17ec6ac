//! Masks in the images of a foundation bundle.

use super::*;
use crate::{
    foundation::{Image, ImageInstance, Mask, names_by_views},
    track::DepthMaskOptions,
    views::BestViewOptions,
};

/// The images of the scene with masks of both objects; their numbers differ from image to image.
fn images(scene: &Scene) -> Vec<Image> {
    let image = |(number, (camera, depth)): (usize, &(crate::views::Camera, Map))| {
        let turned = number % 2 == 1;
        let value = |pixel: usize| {
            let is_panel = depth.at(pixel / 64, pixel % 64)[0] < 2.5;
            if is_panel == turned { 1 } else { 2 }
        };
        let mut names = [("wall", 0.8), ("panel", 0.6)];
        if turned {
            names.reverse();
        }
        Image {
            depth: Some(depth.clone()),
            mask: Mask::new((0..64 * 48).map(value).collect(), [48, 64]),
            instances: names
                .map(|(name, score)| ImageInstance {
                    name: name.to_owned(),
                    score,
                    features: vec![],
                })
                .to_vec(),
            ..Image::new(number.to_string(), *camera, None)
        }
    };
    scene.views.0.iter().enumerate().map(image).collect()
}

fn lifted(images: &[Image], visibility: &Visibility) -> Lifted {
    let views = BundleViews::new(images);
    let mut masks = BundleMasks::new(&views).unwrap();
    let options = Propagation::default();
    let mut tracker = PropagatingTracker::new(&views, &mut masks, options).unwrap();
    let silent = Monitor::silent();
    lift(visibility, &mut tracker, &LiftOptions::default(), &silent).unwrap()
}

#[test]
fn masks_of_images_are_matched_by_overlap_and_name_the_instances() {
    let scene = scene();
    let visibility = scene.visibility();
    let images = images(&scene);
    let found = lifted(&images, &visibility);
    let [wall, panel] = [WALL, PANEL].map(|instance| scene.seen_of(&visibility, instance));
    assert_eq!(sets(&found), [wall, panel]);
    assert!(found.instances.iter().all(|instance| instance.views == 3));
    let scores: Vec<f32> = found
        .instances
        .iter()
        .map(|instance| instance.score)
        .collect();
    assert_eq!(scores, [0.8, 0.6]);
    let things = found.points(&scene.superpoints);
    let options = BestViewOptions::default();
    let names = names_by_views(&scene.positions, &things, &images, &options);
    let names: Vec<_> = names
        .into_iter()
        .flatten()
        .map(|voted| voted.name)
        .collect();
    assert_eq!(names, ["wall", "panel"]);
}

#[test]
fn surfaces_of_depth_do_where_there_are_no_masks() {
    let scene = scene();
    let visibility = scene.visibility();
    let mut masks = SurfaceMasks::new(&scene.views, DepthMaskOptions::default());
    let options = Propagation::default();
    let mut tracker = PropagatingTracker::new(&scene.views, &mut masks, options).unwrap();
    let silent = Monitor::silent();
    let found = lift(&visibility, &mut tracker, &LiftOptions::default(), &silent).unwrap();
    let [wall, panel] = [WALL, PANEL].map(|instance| scene.seen_of(&visibility, instance));
    assert_eq!(sets(&found), [wall, panel]);
}

/// The views in which the panel is found, beginning in the middle one.
fn views_of_panel(images: &[Image]) -> Vec<u32> {
    let views = BundleViews::new(images);
    let mut masks = BundleMasks::new(&views).unwrap();
    let options = Propagation::default();
    let mut tracker = PropagatingTracker::new(&views, &mut masks, options).unwrap();
    let task = TrackTask {
        seed: 0,
        pivot: 1,
        // Two points on the panel, one on the wall: the panel is meant.
        prompts: vec![[0.1, 0.1], [0.5, 0.5], [0.5, 0.52]],
        views: vec![0, 1, 2],
    };
    let mut found = vec![];
    let mut add = |_: usize, view: u32, mask: &TrackedMask| {
        assert!(!mask.is_empty());
        found.push(view);
        Ok(())
    };
    let scores = tracker
        .track(&[task], &Monitor::silent(), &mut add)
        .unwrap();
    assert_eq!(scores, [Some(0.6)]);
    found.sort_unstable();
    found
}

#[test]
fn a_mask_that_does_not_lead_back_is_not_taken() {
    let mut images = images(&scene());
    assert_eq!(views_of_panel(&images), [0, 1, 2]);
    // One image takes the wall and the panel for one thing: the carried points are in its mask, and
    // most of the mask is not the panel in the view where it began.
    images[2].mask = Mask::new(vec![1; 64 * 48], [48, 64]);
    assert_eq!(views_of_panel(&images), [0, 1]);
    // One image takes a corner of the panel for all of it: most of the carried points are outside.
    // There, the panel is in the columns 14 to 29 and the rows 16 to 31.
    let is_corner =
        |pixel: usize| (15..29).contains(&(pixel % 64)) && (17..20).contains(&(pixel / 64));
    let corner = |pixel: usize| u16::from(is_corner(pixel));
    images[0].mask = Mask::new((0..64 * 48).map(corner).collect(), [48, 64]);
    assert_eq!(views_of_panel(&images), [1]);
    // One image shows nothing at the carried points.
    images[0].mask = Mask::new(vec![0; 64 * 48], [48, 64]);
    assert_eq!(views_of_panel(&images), [1]);
    // One image is of another place.
    images[2] = self::images(&scene()).remove(2);
    images[2].camera.world_from_camera.translation.x += 9.0;
    assert_eq!(views_of_panel(&images), [1]);
}

#[test]
fn what_no_mask_shows_is_left_with_the_reason() {
    let scene = scene();
    let visibility = scene.visibility();
    let mut images = images(&scene);
    for image in &mut images {
        // Without masks of the wall.
        let wall = if image.instances[0].name == "wall" {
            1
        } else {
            2
        };
        let mask = image.mask.as_ref().unwrap();
        let values = mask
            .values()
            .iter()
            .map(|v| if *v == wall { 0 } else { *v });
        image.mask = Mask::new(values.collect(), mask.size());
    }
    let found = lifted(&images, &visibility);
    let [wall, panel] = [WALL, PANEL].map(|instance| scene.seen_of(&visibility, instance));
    assert_eq!(sets(&found), [panel]);
    assert_eq!(found.left(LeftReason::NoMask), wall.len());
    check_fates(&visibility, &found);
    for image in &mut images {
        image.mask = None;
    }
    let views = BundleViews::new(&images);
    let refused = BundleMasks::new(&views).unwrap_err().to_string();
    assert!(refused.contains("it has no masks"), "{refused}");
}
