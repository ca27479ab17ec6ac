#![allow(clippy::unwrap_used)]
//! Samples of small scenes: a labelled room, and a wall that two images show.

use segscape::{
    scan,
    text::Vocabulary,
    views::{Camera, Correspondence, Map, ObjectQueries},
};

use super::{
    maker::first_of,
    view_wise::view_wise,
    whole_scene::{boxes, sample},
    *,
};
use crate::{
    config::{Augment, Boundaries},
    data::image_evidence,
    data::labeled_scan::{LabeledScan, Object},
    data::scans::Labeled,
    data::sources::{Draw, rng},
    data::superpoint_cache::tests::{entries, mark},
    words,
};
use recordings::foundation::{self, Foundation, ImageInstance, InFolder as _, Mask};

/// Width of the usual embeddings.
const WIDTH: usize = 384;

fn scan() -> LabeledScan {
    let positions: Vec<[f32; 3]> = (0..600)
        .map(|i| {
            [
                (i % 20) as f32 * 0.05,
                (i / 20 % 6) as f32 * 0.05,
                (i / 120) as f32 * 0.3,
            ]
        })
        .collect();
    let object = |name: &str| Object {
        class: 5,
        name: Some(name.into()),
    };
    LabeledScan {
        triangles: vec![],
        superpoints: Superpoints::from_ids(&(0..600).map(|i| i / 40).collect::<Vec<_>>()),
        object_of_point: (0..600)
            .map(|i| [Some(0), Some(1), None][i / 200])
            .collect(),
        objects: vec![object("chair"), object("table")],
        stuff: vec![],
        truth: scan::Truth::default(),
        structure: vec![None; 600],
        colors: Some(vec![[10, 200, 30]; 600]),
        positions,
    }
}

fn config() -> Config {
    toml::from_str("[data]\nrooms = ['x']").unwrap()
}

#[test]
fn a_scene_that_the_program_fails_at_gives_its_place_to_the_next() {
    let made = first_of([0, 1, 2, 3], |&scene| match scene {
        0 => anyhow::bail!("has no points"),
        1 => panic!("a mistake"),
        scene => Ok(scene),
    });
    assert_eq!(made.unwrap(), 2);
    let none = format!(
        "{:#}",
        first_of([1], |_| -> anyhow::Result<u8> { panic!("a mistake") }).unwrap_err()
    );
    assert!(none.contains("internal error"), "{none}");
}

#[test]
fn a_sample_depends_on_its_number_only() {
    let draw = |number| {
        sample(
            scan().into(),
            &config(),
            &Words::usual(),
            &mut rng(1, Draw::Sample, number),
        )
        .unwrap()
    };
    let [a, b, other] = [3, 3, 4].map(draw);
    let [truth, again] = [&a, &b].map(|sample| sample.parts[0].truth.clone());
    assert_eq!(
        (&a.queries, &a.text, truth.centers),
        (&b.queries, &b.text, again.centers)
    );
    assert_ne!(a.text, other.text);
    assert_eq!(a.text.len(), 64 * WIDTH);
    assert_eq!(truth.class_of_object, [Some(0), Some(1)]);
    assert_eq!(
        &a.text[..WIDTH],
        Vocabulary::shipped().lookup("chair").unwrap()
    );
}

/// A wall of which two images show one half each; a picture hangs in the first.
fn bundle() -> Foundation {
    let positions: Vec<[f32; 3]> = (0..1600)
        .map(|i| [(i % 40) as f32 * 0.05, 0.0, (i / 40) as f32 * 0.05])
        .collect();
    let origin = |p: &[f32; 3]| {
        Some(Correspondence {
            view: u32::from(p[0] >= 1.0),
            x: p[0] % 1.0,
            y: p[2] / 2.0,
        })
    };
    let image = |name: &str, hung: Option<&str>| foundation::Image {
        name: name.into(),
        camera: Camera {
            width: 4.0,
            height: 4.0,
            focal: [4.0; 2],
            center: [1.5; 2],
            world_from_camera: glam::Affine3A::IDENTITY,
        },
        picture: None,
        depth: Some(Map::new(vec![1.0; 16], [4, 4, 1]).unwrap()),
        mask: Mask::new(
            vec![0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]
                .into_iter()
                .map(|v| v * u16::from(hung.is_some()))
                .collect(),
            [4, 4],
        ),
        instances: hung
            .map(|name| ImageInstance {
                name: name.into(),
                score: 0.9,
                features: vec![1.0; 8],
            })
            .into_iter()
            .collect(),
        features: Some(Map::new(vec![0.5; 16 * 4], [4, 4, 4]).unwrap()),
    };
    Foundation {
        origins: positions.iter().map(origin).collect(),
        images: vec![image("left", Some("picture")), image("right", None)],
        positions,
        ..Foundation::default()
    }
}

#[test]
fn views_supervise_their_parts_alone() {
    let (mut config, folder) = (config(), tempfile::tempdir().unwrap());
    config.loss.queries = [1.0; 2];
    config.data.boundaries = Boundaries::Outlines;
    let draw = |config: &Config, scene| {
        view_wise(
            scene,
            &folder.path().join("scene"),
            config,
            &Words::usual(),
            &mut rng(1, Draw::Sample, 3),
        )
        .unwrap()
    };
    let sample = draw(&config, bundle());
    let [left, right] = &sample.parts[..] else {
        panic!("{} parts", sample.parts.len())
    };
    let (left_sees, right_sees) = (left.seen.as_ref().unwrap(), right.seen.as_ref().unwrap());
    assert_eq!(left.truth.class_of_object, [Some(0)]);
    assert_eq!(
        &sample.text[..WIDTH],
        Vocabulary::shipped().lookup("picture").unwrap()
    );
    assert!(
        left.truth.masks.first_objects().contains(&Some(0))
            && left.truth.masks.first_objects().contains(&None)
    );
    assert_eq!(
        left.truth.superpoint_sizes.iter().sum::<u32>()
            + right.truth.superpoint_sizes.iter().sum::<u32>(),
        1600
    );
    assert!(
        right.truth.class_of_object.is_empty()
            && right.truth.object_of_query.iter().all(Option::is_none)
    );
    assert_eq!(
        left_sees.queries.len(),
        left_sees.superpoints.len(),
        "every superpoint is a query here"
    );
    assert!(
        !right_sees
            .superpoints
            .iter()
            .any(|s| left.truth.masks.first_objects().get(*s as usize) == Some(&Some(0)))
    );

    let config = Config {
        data: crate::config::Data {
            partition: false,
            ..config.data.clone()
        },
        ..config
    };
    let whole = draw(&config, bundle());
    assert!(
        whole
            .parts
            .iter()
            .all(|part| part.seen.is_none()
                && part.truth.superpoint_sizes.iter().sum::<u32>() == 1600)
    );

    let mut unseen = bundle();
    unseen.images.iter_mut().for_each(|image| image.mask = None);
    let error = view_wise(
        unseen,
        &folder.path().join("scene"),
        &config,
        &Words::usual(),
        &mut rng(1, Draw::Sample, 3),
    )
    .err()
    .unwrap();
    assert!(error.to_string().contains("no point was made"), "{error}");
}

#[test]
fn superpoints_of_captures_are_computed_once() {
    let (mut config, folder) = (config(), tempfile::tempdir().unwrap());
    config.loss.queries = [1.0; 2];
    config.data.boundaries = Boundaries::Outlines;
    let path = folder.path().join("scene");
    let draw = |config: &Config, scene, number| {
        let mut rng = rng(1, Draw::Sample, number);
        view_wise(scene, &path, config, &Words::usual(), &mut rng).unwrap()
    };
    let count = |sample: Sample| sample.queries.len();
    assert!(count(draw(&config, bundle(), 0)) > 1);
    let [first] = &entries(&path)[..] else {
        panic!("one entry")
    };
    // whoever computes them again finds more than one superpoint
    mark(first);
    for number in 1..4 {
        let sample = draw(&config, bundle(), number);
        assert_eq!(count(sample), 1, "augmentations have no part in them");
    }
    assert_eq!(entries(&path).len(), 1);
    let mut moved = bundle();
    moved.positions[5][0] += 0.01;
    assert!(count(draw(&config, moved, 1)) > 1, "another geometry");
    let mut other = bundle();
    other.images[0].mask = Mask::new(vec![1; 16], [4, 4]);
    draw(&config, other, 1);
    config.data.boundaries = Boundaries::Strict;
    draw(&config, bundle(), 1);
    assert_eq!(entries(&path).len(), 4, "another mask, other boundaries");

    // a bundle with labels has superpoints of its geometry alone, which are kept, too
    let path = folder.path().join("labeled");
    let mut labeled = processed();
    labeled.given.superpoints = None;
    labeled.write(&path, |_| unreachable!()).unwrap();
    let read = || {
        let meshes = config.model.mesh_superpoints;
        let labeled = Labeled::read(&path, None, Default::default(), meshes, |_| {
            Ok(ImageEvidence::default())
        });
        labeled.unwrap().scan.superpoints.count()
    };
    assert!(read() > 1);
    mark(&entries(&path)[0]);
    assert_eq!(read(), 1);
}

/// Two thirds of a room are objects, the second of which has a name that is not in the
/// vocabulary; features, objects and superpoints came with it.
pub fn processed() -> Foundation {
    let scan = scan();
    let semantic = (0..600).map(|i| [2, 4, 1][i / 200]).collect();
    let instance = (0..600).map(|i| [1, 2, 3][i / 200]).collect();
    Foundation {
        origins: vec![None; 600],
        colors: scan.colors,
        truth: Some(foundation::SceneTruth {
            semantic,
            instance,
            names: vec![
                (1, "wall".into()),
                (2, "chair".into()),
                (4, "gronkulator".into()),
            ],
            stuff: None,
        }),
        given: foundation::Given {
            superpoints: Some((0..600).map(|i| 9 + i / 100).collect()),
            features: Some((0..1200).map(|i| i as f32).collect()),
            objects: ObjectQueries {
                features: vec![1.0, 2.0, 3.0, 4.0],
                positions: vec![[1.0; 3], [2.0; 3]],
            },
        },
        positions: scan.positions,
        ..Foundation::default()
    }
}

#[test]
fn an_unknown_name_teaches_its_mask_alone() {
    let mut scan = scan();
    scan.objects[1].name = Some("gronkulator".into());
    let sample = sample(
        scan.into(),
        &config(),
        &Words::usual(),
        &mut rng(1, Draw::Sample, 0),
    )
    .unwrap();
    assert_eq!(sample.parts[0].truth.class_of_object, [Some(0), None]);
}

#[test]
fn a_name_outside_the_nouns_is_read_by_the_text_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.model.text = words::tests::clip(folder.path());
    let words = Words::of(&config.model.text, Some(folder.path())).unwrap();
    let mut scan = scan();
    scan.objects[1].name = Some("gronkulator".into());
    let sample = sample(scan.into(), &config, &words, &mut rng(1, Draw::Sample, 0)).unwrap();
    assert_eq!(sample.parts[0].truth.class_of_object, [Some(0), Some(1)]);
    let width = config.model.text.width;
    assert_eq!(sample.text.len(), config.loss.classes * width);
    let read = words.embedding("gronkulator").unwrap();
    assert_eq!(sample.text[width..2 * width].to_vec(), read.unwrap());
}

#[test]
fn more_kinds_than_places_teach_their_masks() {
    let mut config = config();
    config.loss.classes = 1;
    let sample = sample(
        scan().into(),
        &config,
        &Words::usual(),
        &mut rng(1, Draw::Sample, 0),
    )
    .unwrap();
    assert_eq!(
        (
            &sample.parts[0].truth.class_of_object[..],
            sample.text.len()
        ),
        (&[Some(0), None][..], WIDTH)
    );
}

/// A cache for scenes of object stores, of which these tests have none.
fn cache() -> Arc<Cache> {
    Arc::new(Cache::temporary(1).unwrap())
}

#[test]
fn samples_come_in_order_however_many_make_them() {
    let config = |makers| {
        let mut config: Config = toml::from_str("[data]\ngenerated = { seed = 5 }").unwrap();
        config.run.makers = makers;
        config
    };
    let drawn = |makers| {
        let samples = Samples::start(config(makers), 7, cache());
        [0, 1, 2]
            .map(|_| samples.next().unwrap())
            .map(|sample| (sample.queries, sample.text))
    };
    let [one, three] = [1, 3].map(drawn);
    assert_eq!(one, three);
    assert_ne!(one[0], one[1]);
    let nowhere = toml::from_str("[data]\nrooms = ['/nowhere']").unwrap();
    let error = Samples::start(nowhere, 0, cache()).next().err().unwrap();
    assert!(format!("{error:#}").contains("/nowhere"), "{error:#}");
}

#[test]
fn labeled_bundles_supervise_the_whole_scene() {
    let (mut config, folder) = (config(), tempfile::tempdir().unwrap());
    config.loss.queries = [1.0; 2];
    config.model.inputs.image = 2;
    config.augment.image_drop = 0.0;
    let path = folder.path().join("scene");
    processed().write(&path, |_| unreachable!()).unwrap();
    let read = |rng: &mut ChaCha8Rng| {
        Labeled::read(
            &path,
            None,
            config.data.class_of_object,
            config.model.mesh_superpoints,
            |scene| image_evidence::drawn(scene, &config.model, &config.augment, rng),
        )
    };
    let mut rng = rng(1, Draw::Sample, 3);
    let labeled = read(&mut rng).unwrap();
    assert_eq!(labeled.seen.image.as_ref().map(Vec::len), Some(1200));
    let sample = sample(labeled, &config, &Words::usual(), &mut rng).unwrap();
    let [Part { seen: None, truth }] = &sample.parts[..] else {
        panic!("one part, the whole scene")
    };
    assert_eq!(truth.superpoint_sizes, [100; 6], "its own superpoints");
    assert_eq!(
        truth.masks.first_objects(),
        [Some(0), Some(0), Some(1), Some(1), None, None],
        "walls are no objects"
    );
    assert_eq!(truth.class_of_object, [Some(0), None]);
    assert_eq!(
        &sample.text[..WIDTH],
        Vocabulary::shipped().lookup("chair").unwrap()
    );
}

#[test]
fn a_distortion_of_the_voxels_leaves_the_features_as_they_were() {
    let drawn = |distort| {
        let config = Config {
            augment: Augment {
                elastic: 1.0,
                distort,
                color_drop: 0.0,
                ..Augment::default()
            },
            ..config()
        };
        let mut rng = rng(4, Draw::Sample, 0);
        let labeled = Labeled::from(scan());
        sample(labeled, &config, &Words::usual(), &mut rng).unwrap()
    };
    let (everything, voxels) = (drawn(Distort::Everything), drawn(Distort::Voxels));
    // The same distortion is drawn, so the boxes are the same.
    let boxes = |sample: &Sample| sample.parts[0].truth.centers.clone();
    assert_eq!(boxes(&everything), boxes(&voxels));
    let input = |sample: &Sample| format!("{:?}", sample.input);
    assert_ne!(input(&everything), input(&voxels));
}

#[test]
fn boxes_are_tight() {
    let (centers, sizes) = boxes(&scan());
    let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(
        near(sizes[0], [0.95, 0.25, 0.3]) && near(centers[0], [0.475, 0.125, 0.15]),
        "{:?} {:?}",
        centers[0],
        sizes[0]
    );
}
