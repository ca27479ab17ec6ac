#![allow(clippy::unwrap_used)]
//! A scene of two points written and read again, and the messages about what breaks a rule.

use segscape::{
    foundation::TENSORS,
    views::{Correspondence, Map, ObjectQueries},
};
use sha2::{Digest, Sha256};

use super::*;
use crate::foundation::{Given, Image, ImageInstance, Mask, SceneTruth, tests::camera};

fn scene() -> Foundation {
    let instance = |name: &str, x: f32| ImageInstance {
        name: name.into(),
        score: 0.5,
        features: vec![x, 1.0],
    };
    let image = Image {
        name: "0001".into(),
        camera: camera(),
        picture: Some("0001.jpg".into()),
        depth: Some(Map::new(vec![0.0, 1.25, 2.5, 60.0], [2, 2, 1]).unwrap()),
        mask: Mask::new(vec![0, 1, 2, 2, 1, 0], [2, 3]),
        instances: vec![instance("chair", 0.1), instance("", 0.2)],
        features: Some(Map::new((0..8).map(|i| i as f32).collect(), [1, 4, 2]).unwrap()),
    };
    let bare = Image {
        name: "0002".into(),
        picture: None,
        depth: None,
        mask: None,
        instances: vec![],
        features: None,
        ..image.clone()
    };
    Foundation {
        positions: vec![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
        colors: Some(vec![[1, 2, 3], [4, 5, 255]]),
        origins: vec![
            Some(Correspondence {
                view: 1,
                x: 0.25,
                y: 1.0,
            }),
            None,
        ],
        images: vec![image, bare],
        truth: Some(SceneTruth {
            semantic: vec![5, 0],
            instance: vec![1, 0],
            names: vec![(5, "chair".into())],
            stuff: Some(vec![0, 3]),
        }),
        given: Given::default(),
    }
}

fn written(folder: &Path) -> PathBuf {
    let out = folder.join("scene");
    scene().write(&out, |_| Ok(vec![7; 3])).unwrap();
    out
}

#[test]
fn a_scene_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = written(folder.path());
    let (scene, back) = (scene(), Foundation::read(&out).unwrap());
    assert_eq!(format!("{back:?}"), format!("{scene:?}"));
    assert_eq!(fs::read(out.join("0001.jpg")).unwrap(), [7; 3]);
    assert_eq!(
        Foundation::folders(&[folder.path().to_owned()]).unwrap(),
        std::slice::from_ref(&out)
    );
    // the scene is written over itself, and no other files are left
    scene.write(&out, |_| Ok(vec![8])).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let alone = Foundation {
        positions: vec![[1.0; 3]],
        origins: vec![None],
        ..Foundation::default()
    };
    alone.write(&out, |_| unreachable!()).unwrap();
    assert_eq!(
        format!("{:?}", Foundation::read(&out).unwrap()),
        format!("{alone:?}")
    );
}

#[test]
fn what_was_given_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scene");
    let scene = Foundation {
        positions: vec![[0.0; 3]; 3],
        origins: vec![None; 3],
        given: Given {
            superpoints: Some(vec![7, 7, 4_000_000_000]),
            features: Some(vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0]),
            objects: ObjectQueries {
                features: vec![1.0; 8],
                positions: vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
            },
        },
        ..Foundation::default()
    };
    scene.write(&out, |_| unreachable!()).unwrap();
    assert_eq!(Foundation::read(&out).unwrap().given, scene.given);
}

#[test]
fn what_breaks_a_rule_is_named() {
    type Spoil = (&'static str, fn(&mut Foundation));
    let refusals: [Spoil; 10] = [
        ("not a finite", |scene| scene.positions[1][2] = f32::NAN),
        ("`colors` must have 2", |scene| {
            scene.colors = Some(vec![[0; 3]])
        }),
        ("image 2", |scene| {
            scene.origins[1] = Some(Correspondence {
                view: 2,
                x: 0.0,
                y: 0.0,
            })
        }),
        ("outside 0 to 1", |scene| {
            scene.origins[1] = Some(Correspondence {
                view: 0,
                x: 1.5,
                y: 0.0,
            })
        }),
        ("two images", |scene| scene.images[1].name = "0001".into()),
        ("the pose", |scene| {
            scene.images[0].camera.world_from_camera.translation.x = f32::NEG_INFINITY
        }),
        ("1 are listed", |scene| {
            drop(scene.images[0].instances.pop())
        }),
        ("contain a slash", |scene| {
            scene.images[0].name = "../0001".into()
        }),
        ("in the bundle itself", |scene| {
            scene.images[0].picture = Some("/etc/passwd".into())
        }),
        ("score 1.5", |scene| {
            scene.images[0].instances[1].score = 1.5
        }),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (words, spoil) in refusals {
        let mut scene = scene();
        spoil(&mut scene);
        let error = format!(
            "{:#}",
            scene
                .write(&folder.path().join("scene"), |_| Ok(vec![]))
                .unwrap_err()
        );
        assert!(error.contains(words), "{error} does not say {words}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was begun"
    );
}

#[test]
fn damaged_files_are_named() {
    type Damage = (&'static str, &'static str, fn(&Path));
    let damages: [Damage; 6] = [
        ("version 2", INDEX, |file| {
            fs::write(file, "{\"foundation\": 2, \"images\": [{\"future\": 1}]}").unwrap()
        }),
        ("not the index", INDEX, |file| {
            fs::write(file, "[]").unwrap()
        }),
        ("is not a valid index", INDEX, |file| {
            fs::write(file, "{\"foundation\": 1, \"images\": [{\"name\": \"a\"}]}").unwrap()
        }),
        ("not a safetensors", TENSORS, |file| {
            fs::write(file, "x").unwrap()
        }),
        ("cannot read", "0001.depth.png", |file| {
            fs::write(file, "x").unwrap()
        }),
        ("16 bits", "0001.masks.png", |file| {
            image::GrayImage::new(2, 2).save(file).unwrap()
        }),
    ];
    for (words, file, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let out = written(folder.path());
        damage(&out.join(file));
        let error = format!("{:#}", Foundation::read(&out).unwrap_err());
        assert!(
            error.contains(words) && error.contains(file),
            "{error} does not say {words} of {file}"
        );
    }
}

#[test]
fn a_bundle_that_is_not_completed_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scene");
    let depth = Map::new(vec![0.0, 1.25, 2.5, 60.0], [2, 2, 1]).unwrap();
    {
        let writer = Writer::create(&out).unwrap();
        writer.picture("a.jpg", &[7]).unwrap();
        writer.depth("a", &depth).unwrap();
        assert_eq!(
            writer.read_depth("a").unwrap().unwrap().at(1, 0),
            depth.at(1, 0)
        );
        assert!(writer.read_depth("b").unwrap().is_none());
        for name in ["../a", "", ".a", "a/b"] {
            assert!(writer.picture(name, &[7]).is_err(), "{name}");
        }
        assert!(writer.depth("../../a", &depth).is_err());
        assert!(!out.exists(), "nobody sees half a bundle");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    // what was written before the scene is complete belongs to it
    let writer = Writer::create(&out).unwrap();
    writer.depth("0001", &depth).unwrap();
    let mut scene = scene();
    scene.images[0].depth = None;
    writer.complete(&scene).unwrap();
    assert!(Foundation::read(&out).unwrap().images[0].depth.is_some());
}

/// The folder of the program that runs 2D models.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../foundation2d");

/// The bundle in `from_python` was written by the code that writes masks into bundles, with made-up
/// models: a chair with a lamp on it in the first of two images.
#[test]
fn what_the_program_of_the_2d_models_writes_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/foundation/bundle/from_python");
    let scene = Foundation::read(&folder).unwrap();
    assert_eq!(scene.positions, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    let [seen, unseen] = &scene.images[..] else {
        panic!("{} images", scene.images.len())
    };
    let instance = |name: &str, score, features: &[f32]| ImageInstance {
        name: name.into(),
        score,
        features: features.to_vec(),
    };
    assert_eq!(
        seen.instances,
        [
            instance("chair", 0.75, &[1.0, 2.0]),
            instance("table lamp", 0.25, &[3.0, 4.0])
        ]
    );
    #[rustfmt::skip]
    let mask = [
        0, 0, 0, 0, 0, 0,
        0, 1, 2, 2, 1, 0,
        0, 1, 1, 1, 1, 0,
        0, 1, 1, 1, 1, 0,
    ];
    assert_eq!(seen.mask, Mask::new(mask.to_vec(), [4, 6]));
    let features = seen.features.as_ref().unwrap();
    assert_eq!((features.size(), features.channels()), ([2, 2], 3));
    assert_eq!(
        [features.at(0, 1), features.at(1, 0)],
        [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]
    );
    assert!(unseen.mask.is_none() && unseen.instances.is_empty() && unseen.features.is_none());

    let code = fs::read_to_string(Path::new(PROGRAM).join("bundle.py")).unwrap();
    let now = Sha256::digest(code.replace('\r', "").as_bytes());
    let now: String = now.iter().map(|byte| format!("{byte:02x}")).collect();
    let then = fs::read_to_string(folder.join("bundle.py.sha256")).unwrap();
    assert_eq!(
        now,
        then.trim(),
        "bundle.py has changed: write the bundle again with python {PROGRAM}/make_fixture.py"
    );
}
