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
    let loading = Network::load(manifest, &pieces, &device, &monitor);
    pollster::block_on(loading).unwrap()
}

/// What is found in a file, and its labels.
fn segment(bytes: &[u8], network: &Network) -> (Found, Option<Truth>) {
    let Opened { scan, .. } = odd::open(bytes).unwrap();
    let (decoding, monitor) = (Decoding::default(), Monitor::silent());
    let segmented = pollster::block_on(job::segment_scan(scan, network, &decoding, &monitor));
    let segmented = segmented.unwrap();
    let labels = Labels::new(&segmented.segmentation, &[]).of_instance;
    let names = labels.into_iter().map(|label| label.name).collect();
    let found = Found::of(&segmented, names);
    (found, segmented.scan.truth)
}
