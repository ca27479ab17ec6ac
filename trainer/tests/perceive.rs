//! `trainer perceive` fills a bundle by tiny models (docs/2d-models.md).
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use recordings::foundation::{Foundation, Image, InFolder as _};
use segscape::views::Camera;

fn perceive(bundle: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .arg("perceive")
        .arg(bundle)
        .args(arguments)
        .output()
        .unwrap()
}

fn manifest(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/onnx");
    format!("{folder}/{name}.json")
}

/// A bundle of two pictures.
fn bundle(folder: &Path) -> PathBuf {
    let camera = Camera {
        width: 64.0,
        height: 48.0,
        focal: [50.0, 50.0],
        center: [31.5, 23.5],
        world_from_camera: Default::default(),
    };
    let image = |i: u32| {
        let name = format!("{i:04}");
        Image::new(name, camera, Some(format!("{i:04}.png")))
    };
    let scene = Foundation {
        positions: vec![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
        origins: vec![None, None],
        images: (0..2).map(image).collect(),
        ..Foundation::default()
    };
    let out = folder.join("scene");
    let picture = |_: &Image| {
        let picture = image::RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([(x * 4) as u8, (y * 5) as u8, (x / 16 * 60) as u8])
        });
        let mut file = std::io::Cursor::new(vec![]);
        picture.write_to(&mut file, image::ImageFormat::Png)?;
        Ok(file.into_inner())
    };
    scene.write(&out, picture).unwrap();
    out
}

#[test]
fn bundles_are_filled_by_models_in_onnx_files() {
    let folder = tempfile::tempdir().unwrap();
    let out = bundle(folder.path());
    let (masks, features) = (manifest("sam"), manifest("dinov2"));
    let models = ["--masks", &masks, "--features", &features];
    let loose = [
        "--points",
        "4",
        "--min-score",
        "-9",
        "--min-stability",
        "0",
        "--grid",
        "2",
    ];
    let output = perceive(&out, &[&models[..], &loose].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("masks in 2 pictures"), "{told}");
    for image in &Foundation::read(&out).unwrap().images {
        assert!(image.mask.is_some() && !image.instances.is_empty());
        assert_eq!(image.features.as_ref().unwrap().size(), [2, 2]);
        assert!(image.instances.iter().all(|i| i.features.len() == 16));
    }

    // what is wrong is named, and nothing is changed
    let before = fs::read(out.join("tensors.safetensors")).unwrap();
    for (arguments, words) in [
        (vec![], "there is no model"),
        (vec!["--masks", &features], "one for masks is needed"),
        (vec!["--masks", &masks, "--overlap", "2"], "--overlap is 2"),
        (vec!["--masks", "nowhere.json"], "nowhere.json"),
    ] {
        let output = perceive(&out, &arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    assert_eq!(fs::read(out.join("tensors.safetensors")).unwrap(), before);
}
