#![allow(clippy::unwrap_used)]
//! The errors of the simulated models, each alone, in one generated room.

use std::{collections::HashMap, sync::LazyLock};

use glam::Vec3;
use segscape::views::Map;

use super::*;
use recordings::foundation::InFolder as _;
use rooms::World;

static ROOM: LazyLock<(SyntheticRoom, Vec<Shot>)> =
    LazyLock::new(|| World::grammars().room_with_shots(5, 3));
const NONE: Errors = Errors {
    smoothing: 0.0,
    drift: 0.0,
    holes: 0.0,
    floaters: 0.0,
    scale: 0.0,
    missed: 0.0,
    merged: 0.0,
    split: 0.0,
    ragged: 0.0,
    misnamed: 0.0,
    class_blind: 0.0,
    smallest: 1,
    measured_depth: false,
};

fn scene(errors: &Errors) -> Foundation {
    simulate(&ROOM.0, &ROOM.1, errors, 7)
}

fn instances(scene: &Foundation) -> usize {
    scene.images.iter().map(|image| image.instances.len()).sum()
}

#[test]
fn without_errors_images_and_points_agree() {
    let scene = scene(&NONE);
    assert_eq!(scene.positions, ROOM.0.positions);
    let (mut agree, mut compared) = (0, 0);
    for (point, origin) in scene.origins.iter().enumerate() {
        let Some(origin) = origin else { continue };
        let image = &scene.images[origin.view as usize];
        let pixel = image.camera.project(scene.positions[point]).unwrap();
        assert!((pixel.x - origin.x).abs() < 1e-4 && (pixel.y - origin.y).abs() < 1e-4);
        let name = image
            .instance_at(origin.x, origin.y)
            .map(|row| image.instances[row as usize].name.as_str());
        let truth = CLASSES
            .iter()
            .find(|class| class.id == scene.truth.as_ref().unwrap().semantic[point] && !class.stuff)
            .map(|class| class.name);
        compared += 1;
        agree += usize::from(name == truth);
    }
    assert!(
        compared * 10 > scene.positions.len() * 9,
        "{compared} points have a pixel"
    );
    assert!(
        agree * 100 > compared * 93,
        "{agree} of {compared} are called the same"
    );
}

#[test]
fn it_is_a_function_of_its_arguments() {
    let [a, b] =
        [7, 7].map(|seed| format!("{:?}", simulate(&ROOM.0, &ROOM.1, &Errors::default(), seed)));
    assert!(a == b && a != format!("{:?}", simulate(&ROOM.0, &ROOM.1, &Errors::default(), 8)));
}

#[test]
fn errors_of_the_reconstruction_are_as_large_as_they_say() {
    let perfect = scene(&NONE);
    let points = perfect.positions.len();
    let moved = |errors| {
        let scene = scene(&errors);
        let distance =
            |(a, b): (&[f32; 3], &[f32; 3])| f64::from(Vec3::from(*a).distance(Vec3::from(*b)));
        scene
            .positions
            .iter()
            .zip(&perfect.positions)
            .map(distance)
            .sum::<f64>()
            / points as f64
    };
    assert!(
        moved(Errors {
            smoothing: 0.8,
            ..NONE
        }) > 1e-3
    );
    assert!(
        moved(Errors {
            drift: 0.01,
            ..NONE
        }) > 1e-2
    );
    assert!(moved(Errors { scale: 0.3, ..NONE }) > 1e-2);
    let holes = scene(&Errors {
        holes: 0.05,
        ..NONE
    })
    .positions
    .len() as f64
        / points as f64;
    assert!(
        (0.85..0.99).contains(&holes),
        "{holes} of the points are left"
    );
    let floaters = scene(&Errors {
        floaters: 0.01,
        ..NONE
    })
    .positions
    .len()
        - points;
    assert!(
        (points / 120..=points / 100).contains(&floaters),
        "{floaters} floaters"
    );
}

#[test]
fn errors_of_the_instances_are_as_frequent_as_they_say() {
    let perfect = scene(&NONE);
    let found = instances(&perfect) as f32;
    let share = |errors| instances(&scene(&errors)) as f32 / found;
    assert!((0.6..0.8).contains(&share(Errors {
        missed: 0.3,
        ..NONE
    })));
    assert!(
        share(Errors {
            merged: 0.5,
            ..NONE
        }) < 0.9
    );
    assert!((1.2..1.5).contains(&share(Errors { split: 0.4, ..NONE })));
    assert!(
        share(Errors {
            smallest: 200,
            ..NONE
        }) < 0.95
    );
    let names = |scene: &Foundation| {
        scene
            .images
            .iter()
            .flat_map(|image| image.instances.iter().map(|i| i.name.clone()))
            .collect::<Vec<_>>()
    };
    let misnamed = names(&scene(&Errors {
        misnamed: 0.3,
        ..NONE
    }));
    let wrong = misnamed
        .iter()
        .zip(names(&perfect))
        .filter(|(a, b)| *a != b)
        .count() as f32
        / found;
    assert!(
        (0.2..0.4).contains(&wrong),
        "{wrong} are called something else"
    );
}

#[test]
fn measured_depth_has_holes() {
    let depths = |errors| {
        let of = |depth: &Map| {
            (0..depth.size()[0] * depth.size()[1])
                .map(|p| depth.at(p / depth.size()[1], p % depth.size()[1])[0])
                .collect::<Vec<_>>()
        };
        scene(&errors)
            .images
            .iter()
            .flat_map(|image| of(image.depth.as_ref().unwrap()))
            .collect::<Vec<f32>>()
    };
    let (measured, exact) = (
        depths(Errors {
            measured_depth: true,
            ..NONE
        }),
        depths(NONE),
    );
    let holes = measured
        .iter()
        .zip(&exact)
        .filter(|(m, e)| **m == 0.0 && **e > 0.0)
        .count() as f32
        / exact.len() as f32;
    assert!(
        (0.02..0.7).contains(&holes),
        "{holes} of the pixels have lost their depth"
    );
}

#[test]
fn ragged_outlines_are_off_by_pixels() {
    let perfect = scene(&NONE);
    let masks = |scene: &Foundation| {
        scene
            .images
            .iter()
            .flat_map(|image| image.mask.as_ref().unwrap().values().to_vec())
            .map(|v| v > 0)
            .collect::<Vec<_>>()
    };
    let ragged = masks(&scene(&Errors {
        ragged: 2.0,
        ..NONE
    }));
    let off = ragged
        .iter()
        .zip(masks(&perfect))
        .filter(|(a, b)| *a != b)
        .count() as f32
        / ragged.len() as f32;
    assert!((0.01..0.2).contains(&off), "{off} of the pixels are off");
}

#[test]
fn a_bundle_has_the_pictures_of_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("room");
    scene(&NONE)
        .write(&out, |image| picture(image, &ROOM.1))
        .unwrap();
    let read = Foundation::read(&out).unwrap();
    assert_eq!(read.images.len(), ROOM.1.len());
    for (image, shot) in read.images.iter().zip(&ROOM.1) {
        let stored = image::open(out.join(image.picture.as_ref().unwrap()))
            .unwrap()
            .into_rgb8();
        assert_eq!(
            [stored.height() as usize, stored.width() as usize],
            shot.size
        );
        let off = stored
            .as_raw()
            .iter()
            .zip(shot.picture.as_flattened())
            .map(|(a, b)| f32::from(a.abs_diff(*b)))
            .sum::<f32>();
        assert!(
            off / (stored.as_raw().len() as f32) < 12.0,
            "JPEG is off by {off}"
        );
    }
    assert!(
        picture(
            &Image {
                name: "9999".into(),
                ..read.images[0].clone()
            },
            &ROOM.1
        )
        .is_err()
    );
}

#[test]
fn features_tell_classes_apart_unless_they_are_blind() {
    let spread = |blind| {
        let scene = scene(&Errors {
            class_blind: blind,
            ..NONE
        });
        let mut of_class: HashMap<&str, Vec<&[f32]>> = HashMap::new();
        let all = scene.images.iter().flat_map(|image| &image.instances);
        all.for_each(|instance| {
            of_class
                .entry(&instance.name)
                .or_default()
                .push(&instance.features)
        });
        let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let same = of_class
            .values()
            .filter(|f| f.len() > 1)
            .map(|f| cosine(f[0], f[1]))
            .collect::<Vec<_>>();
        same.iter().sum::<f32>() / same.len() as f32
    };
    assert!(
        spread(0.0) > 0.999 && spread(1.0) < 0.3,
        "{} {}",
        spread(0.0),
        spread(1.0)
    );
}
