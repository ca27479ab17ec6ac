//! Odd files are read as expected, and the network finds in them what it finds in the file that they
//! were made of.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proofs::{
    device,
    odd::{
        self, Expected, Opened,
        found::{self, Found},
    },
};
use segscape::{
    instances::query::Labels,
    job::{self, Decoding, Network},
    model::manifest::Manifest,
    progress::Monitor,
    scan::Truth,
    text::Vocabulary,
};

/// A folder of odd files with their `expected.json`, beside the project.
fn beside() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/odd-files")
}

/// Opens every file and asserts that it is as expected.
fn assert_as_expected<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>, &'a Expected)>) {
    let mut complaints = Vec::new();
    for (name, bytes, expected) in files {
        let found = expected.complaints(&odd::open(&bytes));
        complaints.extend(found.iter().map(|complaint| format!("{name}: {complaint}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn odd_files_are_read_as_expected() {
    let files = odd::files();
    assert_as_expected(
        files
            .iter()
            .map(|odd| (odd.name, odd.bytes.clone(), &odd.expected)),
    );
}

#[test]
#[ignore = "needs the odd files, of which some have terms that keep them out of the project"]
fn odd_files_beside_the_project_are_read_as_expected() {
    let all = odd::parse(&fs::read(beside().join("expected.json")).unwrap()).unwrap();
    let bytes = |name: &String| fs::read(beside().join(name)).unwrap();
    assert_as_expected(
        all.iter()
            .map(|(name, expected)| (name.as_str(), bytes(name), expected)),
    );
}

/// Every expectation is asked: one that does not hold is a complaint.
#[test]
fn every_wrong_expectation_is_noticed() {
    let text = |words: &str| Some(words.to_owned());
    let none = Expected::default;
    let base = "00-base.ply";
    let splotched = "05-ascii-rgb-nan.pcd";
    let labelled = "11c-int-labels.ply";
    let files = odd::files();
    let odd = |name: &str| files.iter().find(|odd| odd.name == name).unwrap();
    let right = |name: &str| odd(name).expected.clone();
    let [mut low, high] = right(base).bounds.unwrap();
    low[2] -= 0.002;
    let moved = Some([low, high]);
    let lighter = right(base).color0.map(|[r, g, b]| [r, g + 13, b]);
    let more = |count: Option<usize>| count.map(|count| count + 1);
    let spots = right(splotched);
    #[rustfmt::skip]
    let wrong = [
        (base, Expected { points: more(right(base).points), ..none() }),
        (base, Expected { vertices: Some(7), ..none() }),
        (base, Expected { bounds: moved, ..none() }),
        (base, Expected { box_as_stored: moved, box_with_viewpoint: moved, ..none() }),
        (base, Expected { distinct_y: Some(8), ..none() }),
        (base, Expected { color0: lighter, ..none() }),
        (base, Expected { color0_about: lighter, ..none() }),
        (base, Expected { metres_per_unit: Some(0.3048), ..none() }),
        (base, Expected { invalid: Some(1), ..none() }),
        (base, Expected { warning: text("rows more"), ..none() }),
        (base, Expected { error: text("damaged, or warned; coordinates are garbage"), ..none() }),
        (base, Expected { expected: text("warning: coordinates are 0.5 m apart"), ..none() }),
        (base, Expected { things: Some(3), ..none() }),
        (splotched, Expected { nan_colors: more(spots.nan_colors), ..none() }),
        (splotched, Expected { first_exact_point: more(spots.first_exact_point), ..none() }),
        (splotched, Expected { its_color: Some([1; 3]), ..spots.clone() }),
        (splotched, Expected { nan_color_must_not_be: Some([110; 3]), ..none() }),
        (labelled, Expected { things: Some(2), ..none() }),
        (labelled, Expected { classes: Some(vec!["chair".to_owned()]), ..none() }),
        ("09-degrees.ply", none()),
        ("09-degrees.ply", Expected { points_or_error: text("names `bool`"), ..none() }),
    ];
    for (name, expected) in wrong {
        let complaints = expected.complaints(&odd::open(&odd(name).bytes));
        assert!(!complaints.is_empty(), "{name}: {expected:?}");
    }
    let row = |x: usize| format!("{x} 0 0\n");
    let line = format!(
        "ply\nformat ascii 1.0\nelement vertex 60\nproperty float x\nproperty float y\nproperty float z\nend_header\n{}",
        (0..60).map(row).collect::<String>()
    );
    let expected = Expected {
        instances_must_not_own_the_origin: Some(true),
        ..none()
    };
    let complaints = expected.complaints(&odd::open(line.as_bytes()));
    assert_eq!(complaints, ["1 points at the origin"]);
    assert!(odd::parse(br#"{"a.ply": {"pionts": 5}}"#).is_err());
}

#[test]
fn the_network_finds_the_same_in_odd_files() {
    let files = odd::files();
    let all: BTreeMap<_, _> = files.iter().map(|odd| (odd.name, odd)).collect();
    let bytes = |name: &str| all[name].bytes.clone();
    assert_same(files.iter().map(|odd| (odd.name, &odd.expected)), bytes);
}

#[test]
#[ignore = "needs the odd files, of which some have terms that keep them out of the project"]
fn the_network_finds_the_same_in_odd_files_beside_the_project() {
    let all = odd::parse(&fs::read(beside().join("expected.json")).unwrap()).unwrap();
    let bytes = |name: &str| fs::read(beside().join(name)).unwrap();
    assert_same(
        all.iter().map(|(name, expected)| (name.as_str(), expected)),
        bytes,
    );
}

/// Runs the network on the files of which something is expected that only it can tell.
fn assert_same<'a>(
    files: impl Iterator<Item = (&'a str, &'a Expected)>,
    bytes: impl Fn(&str) -> Vec<u8>,
) {
    let network = network();
    let mut known = BTreeMap::new();
    let complaints = found::complaints(files, |name| {
        let found = known.entry(name.to_owned());
        found
            .or_insert_with(|| segment(&bytes(name), &network))
            .clone()
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The default network, on the CPU.
fn network() -> Network {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static/models");
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(models.join("index.json")).unwrap()).unwrap();
    let folder = models.join(index["network"].as_str().unwrap());
    let manifest = Manifest::parse(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let shards = manifest.shards.iter();
    let pieces: Vec<_> = shards
        .map(|shard| fs::read(folder.join(&shard.file)).unwrap())
        .collect();
    let device = device::cpu().device;
    let monitor = Monitor::silent();
    let loading = Network::load(manifest, &pieces, Vocabulary::shipped(), &device, &monitor);
    pollster::block_on(loading).unwrap()
}

/// What is found in a file, and its labels.
fn segment(bytes: &[u8], network: &Network) -> (Found, Option<Truth>) {
    let Opened { scan, .. } = odd::open(bytes).unwrap();
    let (decoding, monitor) = (Decoding::default(), Monitor::silent());
    let segmented = pollster::block_on(job::segment_scan(scan, network, &decoding, &monitor));
    let segmented = segmented.unwrap();
    let labels = Labels::new(&segmented.segmentation, &[], network.vocabulary()).unwrap();
    let names = labels
        .of_instance
        .into_iter()
        .map(|label| label.name)
        .collect();
    let found = Found::of(&segmented, names);
    (found, segmented.scan.truth)
}
