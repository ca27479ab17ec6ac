//! Tiny models with random weights (tests/golden/onnx) fill a bundle of a few pictures.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::{Rgb, RgbImage};
use recordings::foundation::{
    Fill, Filled, Foundation, Given, Image, ImageInstance, InFolder as _, Mask, Models, fill,
};
use segscape::{
    images::AutomaticMasks,
    views::{Camera, Correspondence},
};

fn camera() -> Camera {
    Camera {
        width: 64.0,
        height: 48.0,
        focal: [50.0, 50.0],
        center: [31.5, 23.5],
        world_from_camera: Default::default(),
    }
}

/// The manifest of a model in `tests/golden/onnx`.
fn manifest(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/onnx");
    folder.join(format!("{name}.json"))
}

fn loaded(masks: Option<&str>, features: Option<&str>, crops: Option<&str>) -> Models {
    let [masks, features, crops] = [masks, features, crops].map(|name| name.map(manifest));
    Models::load(masks.as_deref(), features.as_deref(), crops.as_deref()).unwrap()
}

/// Random weights give low scores.
fn options() -> Fill {
    Fill {
        automatic: AutomaticMasks {
            points_per_side: 3,
            min_score: -100.0,
            min_stability: 0.0,
            ..AutomaticMasks::default()
        },
        grid: 0,
        again: false,
    }
}

fn encoded(seed: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(64, 48, |x, y| {
        let on = (x / 16 + y / 12 + seed) % 3;
        Rgb([(x * 4) as u8, (y * 5) as u8, (on * 90) as u8])
    });
    let mut file = std::io::Cursor::new(vec![]);
    picture
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    file.into_inner()
}

/// A bundle of some pictures and one image without a picture.
fn bundle(folder: &Path, pictures: usize) -> PathBuf {
    let image = |i: usize| {
        let picture = (i < pictures).then(|| format!("{i:04}.png"));
        Image::new(format!("{i:04}"), camera(), picture)
    };
    let scene = Foundation {
        positions: vec![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]],
        colors: Some(vec![[1, 2, 3]; 3]),
        origins: vec![
            Some(Correspondence {
                view: 0,
                x: 0.5,
                y: 0.5,
            }),
            None,
            None,
        ],
        images: (0..=pictures).map(image).collect(),
        given: Given {
            superpoints: Some(vec![4, 4, 9]),
            ..Given::default()
        },
        ..Foundation::default()
    };
    let out = folder.join("scene");
    let picture = |image: &Image| Ok(encoded(image.name.parse::<u32>()?));
    scene.write(&out, picture).unwrap();
    out
}

#[test]
fn a_bundle_gets_masks_and_features() {
    let folder = tempfile::tempdir().unwrap();
    let out = bundle(folder.path(), 2);
    let before = Foundation::read(&out).unwrap();
    let models = loaded(Some("sam"), Some("dinov2"), None);
    // the positional embedding of DINOv2
    let [warning] = models.warnings() else {
        panic!("{:?}", models.warnings())
    };
    assert!(warning.contains("dinov2.onnx interpolates cubically"));
    let mut names = vec![];
    let filled = fill(&out, &models, &options(), &mut |name| {
        names.push(name.to_owned());
    })
    .unwrap();
    assert_eq!(names, ["0000", "0001"]);
    let scene = Foundation::read(&out).unwrap();
    let masks: usize = scene.images.iter().map(|image| image.instances.len()).sum();
    let expected = Filled {
        looked: 2,
        without_picture: 1,
        masks,
        ..Filled::default()
    };
    assert_eq!(filled, expected);
    assert_eq!(scene.positions, before.positions);
    assert_eq!(scene.colors, before.colors);
    assert_eq!(scene.origins, before.origins);
    assert_eq!(scene.given, before.given);
    for image in &scene.images[..2] {
        assert!(
            image.instances.len() > 1,
            "{} instances",
            image.instances.len()
        );
        let features = image.features.as_ref().unwrap();
        assert_eq!((features.size(), features.channels()), ([3, 4], 16));
        let mask = image.mask.as_ref().unwrap();
        assert_eq!(mask.size(), [48, 64]);
        for (i, instance) in image.instances.iter().enumerate() {
            let shown = |value: &&u16| usize::from(**value) == i + 1;
            let area = mask.values().iter().filter(shown).count();
            assert!(area > 0, "instance {i} is not seen");
            assert_eq!((instance.name.as_str(), instance.features.len()), ("", 16));
        }
    }
    assert!(scene.images[2].mask.is_none() && scene.images[2].features.is_none());
    let files = fs::read_dir(&out).unwrap();
    let left = files.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("part")
    });
    assert_eq!(left.count(), 0);
    // a second run has nothing to do
    let filled = fill(&out, &models, &options(), &mut |_| panic!("looked again")).unwrap();
    assert_eq!((filled.complete, filled.looked), (2, 0));
}

#[test]
fn a_run_that_was_stopped_continues() {
    let folder = tempfile::tempdir().unwrap();
    let out = bundle(folder.path(), 3);
    let models = loaded(Some("sam2"), None, Some("clip"));
    let broken = out.join("0001.png");
    let good = fs::read(&broken).unwrap();
    fs::write(&broken, &good[..100]).unwrap();
    let error = fill(&out, &models, &options(), &mut |_| ()).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("0001.png") && error.contains("cannot be read"),
        "{error}"
    );
    // nothing is in the bundle's own files yet
    assert!(
        Foundation::read(&out)
            .unwrap()
            .images
            .iter()
            .all(|i| i.mask.is_none())
    );
    fs::write(&broken, good).unwrap();
    let mut names = vec![];
    let filled = fill(&out, &models, &options(), &mut |name| {
        names.push(name.to_owned());
    });
    let filled = filled.unwrap();
    assert_eq!(
        (filled.resumed, names),
        (1, vec!["0001".into(), "0002".into()])
    );
    let scene = Foundation::read(&out).unwrap();
    let instances = scene.images.iter().flat_map(|image| &image.instances);
    assert_eq!(filled.masks, instances.clone().count());
    // embeddings of crops have the length 1
    for instance in instances {
        let length = instance.features.iter().map(|x| x * x).sum::<f32>();
        assert!(
            (length - 1.0).abs() < 1e-4 && instance.features.len() == 8,
            "{length}"
        );
    }
    // results of other options are not used
    fs::remove_file(out.join("0002.masks.png")).unwrap();
    let mut other = options();
    other.automatic.points_per_side = 2;
    fs::write(out.join("0002.png"), b"no picture").unwrap();
    assert!(fill(&out, &models, &other, &mut |_| ()).is_err());
    fs::write(out.join("0002.png"), encoded(2)).unwrap();
    let filled = fill(&out, &models, &options(), &mut |_| ()).unwrap();
    assert_eq!((filled.looked, filled.resumed, filled.complete), (1, 0, 2));
}

#[test]
fn masks_that_are_there_stay_and_get_features() {
    let folder = tempfile::tempdir().unwrap();
    let out = bundle(folder.path(), 1);
    let mut scene = Foundation::read(&out).unwrap();
    scene.images[0].mask = Mask::new(vec![1, 1, 0, 2], [2, 2]);
    let instance = |name: &str| ImageInstance {
        name: name.into(),
        score: 0.5,
        features: vec![],
    };
    scene.images[0].instances = vec![instance("chair"), instance("table"), instance("hidden")];
    scene.write(&out, |_| Ok(encoded(0))).unwrap();
    let models = loaded(Some("sam"), Some("dinov2"), None);
    let pooled = Fill {
        grid: 2,
        ..options()
    };
    fill(&out, &models, &pooled, &mut |_| ()).unwrap();
    let image = &Foundation::read(&out).unwrap().images[0];
    assert_eq!(image.mask, scene.images[0].mask);
    assert_eq!(image.instances[0].name, "chair");
    assert_eq!(image.features.as_ref().unwrap().size(), [2, 2]);
    let features = |i: usize| &image.instances[i].features;
    assert!(features(0).len() == 16 && features(0) != features(1));
    assert_eq!(features(2), &vec![0.0; 16]);
    // other models cannot be mixed in, but can replace what is there
    let crops = loaded(None, None, Some("siglip"));
    let filled = fill(&out, &crops, &pooled, &mut |_| ()).unwrap();
    assert_eq!(filled.complete, 1);
    let again = Fill {
        again: true,
        ..pooled
    };
    fill(&out, &crops, &again, &mut |_| ()).unwrap();
    let image = &Foundation::read(&out).unwrap().images[0];
    let length: f32 = image.instances[1].features.iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-4);
}

#[test]
fn a_picture_in_which_nothing_is_found_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let out = bundle(folder.path(), 1);
    let models = loaded(Some("sam"), Some("dinov2"), None);
    let mut strict = options();
    strict.automatic.min_score = 100.0;
    let filled = fill(&out, &models, &strict, &mut |_| ()).unwrap();
    assert_eq!((filled.looked, filled.masks), (1, 0));
    let image = &Foundation::read(&out).unwrap().images[0];
    let mask = image.mask.as_ref().unwrap();
    assert!(mask.values().iter().all(|value| *value == 0));
    let filled = fill(&out, &models, &strict, &mut |_| panic!("looked again"));
    assert_eq!(filled.unwrap().complete, 1);
}

#[test]
fn features_of_two_models_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let out = bundle(folder.path(), 2);
    fill(
        &out,
        &loaded(Some("sam"), Some("dinov2"), None),
        &options(),
        &mut |_| (),
    )
    .unwrap();
    fs::remove_file(out.join("0001.masks.png")).unwrap();
    let clip = loaded(Some("sam"), None, Some("clip"));
    let error = fill(&out, &clip, &options(), &mut |_| ()).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("{8, 16}") && error.contains("--again"),
        "{error}"
    );
    assert!(Foundation::read(&out).is_ok());
}

#[test]
fn what_is_missing_or_for_another_purpose_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let says = |path: &Path, words: &[&str]| {
        let error = format!("{:#}", Models::load(None, Some(path), None).err().unwrap());
        for word in words {
            assert!(error.contains(word), "\"{error}\" does not say \"{word}\"");
        }
    };
    says(&folder.path().join("none.json"), &["none.json"]);
    says(
        &manifest("clip"),
        &["clip.json", "image embeddings", "features is needed"],
    );
    let text = fs::read_to_string(manifest("dinov2")).unwrap();
    let path = folder.path().join("dinov2.json");
    fs::write(&path, &text).unwrap();
    says(
        &path,
        &["dinov2.onnx is missing", "Apache-2.0", "no address"],
    );
    let with_url = text.replace(
        "\"file\": \"dinov2.onnx\",",
        "\"file\": \"dinov2.onnx\", \"url\": \"https://example.org/d.onnx\",",
    );
    fs::write(&path, with_url).unwrap();
    says(
        &path,
        &["curl -L -o", "https://example.org/d.onnx", "bytes"],
    );
    fs::write(folder.path().join("dinov2.onnx"), b"short").unwrap();
    says(&path, &["dinov2.onnx", "length is 5"]);
    let error = Models::load(None, None, None).err().unwrap().to_string();
    assert!(error.contains("there is no model"), "{error}");
    // a file that is not pinned is used, and its hash is told
    let model = manifest("dinov2").with_file_name("dinov2.onnx");
    fs::copy(model, folder.path().join("dinov2.onnx")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let file = json.pointer_mut("/task/features/encoder/file").unwrap();
    let hash = file["sha256"].as_str().unwrap().to_owned();
    file.as_object_mut().unwrap().retain(|key, _| key == "file");
    fs::write(&path, json.to_string()).unwrap();
    let loaded = Models::load(None, Some(&path), None).unwrap();
    let told = loaded.warnings().join("\n");
    assert!(told.contains(&hash), "{told}");
}
