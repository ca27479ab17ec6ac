//! `trainer segment` opens foundation bundles in folders and archives, and a network that reads
//! images gets what theirs say.
#![allow(clippy::unwrap_used)]

mod program;

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use recordings::foundation::{Foundation, Given, Image, ImageInstance, InFolder as _, Mask};
use segscape::views::{Camera, Correspondence, Map};
use serde_json::Value;

use program::run;

/// Network with image features of 4 channels and objects of 16 (tests/golden/published/mink.toml).
const NETWORK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/golden/published/mink"
);

/// What `segment` prints and says of a scan.
fn segmented(folder: &Path, scan: &str, options: &[&str]) -> (Value, String) {
    // every point has a class, whatever the network is
    let always = [
        "segment",
        scan,
        "--weights",
        "run",
        "--map",
        "semantic",
        "--json",
    ];
    let output = run(folder, &[&always, options].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{scan}: {said}");
    (serde_json::from_slice(&output.stdout).unwrap(), said)
}

/// A wall of 40 x 40 points in small superpoints that one image shows, with a picture on it.
fn wall(channels: usize) -> Foundation {
    let places = (0..1600).map(|i| [(i % 40) as f32 / 64.0, (i / 40) as f32 / 64.0]);
    let places: Vec<[f32; 2]> = places.collect();
    let camera = Camera {
        width: 64.0,
        height: 48.0,
        focal: [50.0, 50.0],
        center: [31.5, 23.5],
        world_from_camera: Default::default(),
    };
    let features = (0..16 * channels).map(|i| if i % 3 == 0 { 4.0 } else { -4.0 });
    let image = Image {
        depth: Some(Map::new(vec![2.0; 16], [4, 4, 1]).unwrap()),
        mask: Mask::new(vec![1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [4, 4]),
        instances: vec![ImageInstance {
            name: "picture".into(),
            score: 0.9,
            features: vec![1.5; 16],
        }],
        features: Some(Map::new(features.collect(), [4, 4, channels]).unwrap()),
        ..Image::new("wall".into(), camera, None)
    };
    let origin = |&[x, y]: &[f32; 2]| Some(Correspondence { view: 0, x, y });
    Foundation {
        positions: places
            .iter()
            .map(|[x, y]| [2.0 * x, 2.0 * y, 2.0])
            .collect(),
        colors: Some(
            places
                .iter()
                .map(|[x, y]| [(x * 255.0) as u8, (y * 255.0) as u8, 90])
                .collect(),
        ),
        origins: places.iter().map(origin).collect(),
        images: vec![image],
        given: Given {
            superpoints: Some((0..1600).map(|point| 7 + point / 12).collect()),
            ..Given::default()
        },
        ..Foundation::default()
    }
}

#[test]
fn bundles_in_folders_and_archives_say_the_same_to_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [weights, network] = ["pth", "toml"].map(|end| format!("{NETWORK}.{end}"));
    let import = ["import", &weights, "run", "--network", &network];
    let imported = run(folder, &import);
    assert!(imported.status.success(), "{imported:?}");

    wall(4)
        .write(&folder.join("wall"), |_| unreachable!())
        .unwrap();
    let mut archive = zip::ZipWriter::new(File::create(folder.join("wall.zip")).unwrap());
    for entry in fs::read_dir(folder.join("wall")).unwrap() {
        let entry = entry.unwrap();
        let path = format!("rooms/wall/{}", entry.file_name().to_string_lossy());
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(path, options).unwrap();
        archive.write_all(&fs::read(entry.path()).unwrap()).unwrap();
    }
    archive.finish().unwrap();

    let (of_folder, said) = segmented(folder, "wall", &[]);
    assert_eq!(of_folder["capture"]["kind"], "foundation bundle");
    assert_eq!(of_folder["capture"]["image_features"], true);
    assert_eq!(of_folder["capture"]["objects_seen"], 1);
    assert_eq!(of_folder["superpoints"], 134, "those that came with it");
    assert!(!said.contains("the network reads"), "{said}");
    let classes = of_folder["instances"].as_array().unwrap();
    assert!(!classes.is_empty(), "there is something to compare");
    let in_store = |name: &str| format!("file://{}", folder.join(name).display());
    for place in ["wall.zip", &in_store("wall.zip"), &in_store("wall")] {
        let (elsewhere, _) = segmented(folder, place, &[]);
        for part in ["capture", "points", "superpoints", "instances"] {
            assert_eq!(elsewhere[part], of_folder[part], "{part} of {place}");
        }
    }

    let (without, said) = segmented(folder, "wall.zip", &["--no-images"]);
    assert_eq!(without["capture"]["image_features"], false);
    assert_eq!(without["capture"]["objects_seen"], 0);
    assert_ne!(without["instances"], of_folder["instances"]);
    assert!(
        said.contains("features of images; they are left out"),
        "{said}"
    );

    // what does not fit the network, and what is for captures, is refused by name
    wall(5)
        .write(&folder.join("other"), |_| unreachable!())
        .unwrap();
    let refusals: [(&[&str], &str); 3] = [
        (&["other"], "have 5 channels, the network reads 4"),
        (
            &["wall.zip", "--every", "2"],
            "--every is not used by bundles",
        ),
        (&["wall.zip", "--up", "+y"], "--up is not used by bundles"),
    ];
    for (arguments, words) in refusals {
        let output = run(
            folder,
            &[&["segment", "--weights", "run"], arguments].concat(),
        );
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(words), "{said}");
    }
}
