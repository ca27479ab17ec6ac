//! `.segscape` bundles, and that what is read is written and read again the same.
//!
//! The input is a bundle, whose checksum is corrected; or an archive of what its sections hold,
//! titled with the numbers of points, superpoints and instances. With a section `scan`, it is labels
//! without their points.

#![no_main]

use fuzz::archive::Archive;
use libfuzzer_sys::fuzz_target;
use miniz_oxide::deflate::compress_to_vec;
use segscape::bundle::{self, Bundle, BundleError, MAGIC, OVERLAY_VERSION, Overlay, VERSION};

const CHECKSUM: std::ops::Range<usize> = 28..60;
/// Larger bundles are only read.
const POINTS: usize = 100_000;
/// Points further away may be rounded to where none can be.
const ROUNDED: f32 = 9e9;

fuzz_target!(|input: &[u8]| {
    let mut file = match input.starts_with(&MAGIC) {
        true => input.to_vec(),
        false => match sections(input) {
            Some(file) => file,
            None => return,
        },
    };
    if file.len() >= CHECKSUM.end {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&file[..CHECKSUM.start])
            .update(&file[CHECKSUM.end..]);
        file[CHECKSUM].copy_from_slice(hasher.finalize().as_bytes());
    }
    let inspection = bundle::inspect(&file);
    let read = match (bundle::decode(&file), bundle::decode_overlay(&file)) {
        (Ok(read), _) => read,
        (Err(_), Ok(read)) => {
            let inspection = inspection.expect("what can be read passes the inspection");
            let points = read.superpoints.superpoint_of_point().len();
            assert_eq!((points, true), (inspection.points, inspection.is_overlay));
            assert_eq!(read.superpoints.count(), inspection.superpoints);
            assert_eq!(read.segmentation.instances.len(), inspection.instances);
            if points <= POINTS {
                labels_again(&read);
            }
            return;
        }
        (Err(scene), Err(labels)) => {
            let error = match scene {
                BundleError::Kind { .. } => labels,
                scene => scene,
            };
            assert_eq!(
                inspection,
                Err(error),
                "who checks a bundle refuses what readers do"
            );
            return;
        }
    };
    let inspection = inspection.expect("what can be read passes the inspection");
    assert_eq!(read.positions.len(), inspection.points);
    assert_eq!(read.superpoints.count(), inspection.superpoints);
    assert_eq!(read.segmentation.instances.len(), inspection.instances);
    let farthest = read.positions.as_flattened().iter().copied().map(f32::abs);
    let farthest = farthest.fold(0.0, f32::max);
    assert!(farthest <= 1e10, "no point is lost on the way to a scan");
    if read.positions.len() <= POINTS && farthest <= ROUNDED {
        again(&read);
    }
});

fn again(read: &Bundle) {
    let again = bundle::encode(read).expect("what was read can be written");
    let again = bundle::decode(&again).expect("what was written can be read");
    assert_eq!(again.meta, read.meta);
    assert_eq!(again.superpoints.sizes(), read.superpoints.sizes());
    assert_eq!(again.colors.is_some(), read.colors.is_some());
    let (again, read) = (&again.segmentation, &read.segmentation);
    assert_eq!(again.logit_scale, read.logit_scale);
    for (again, read) in again.instances.iter().zip(&read.instances) {
        assert_eq!(again.superpoints, read.superpoints);
        assert_eq!((again.score, again.points), (read.score, read.points));
        let mut pairs = again.embedding.iter().zip(&read.embedding);
        assert!(pairs.all(|(a, b)| (a - b).abs() < 0.01));
    }
}

fn labels_again(read: &Overlay) {
    let again = bundle::encode_overlay(read).expect("what was read can be written");
    let again = bundle::decode_overlay(&again).expect("what was written can be read");
    assert_eq!(again.superpoints, read.superpoints);
    assert_eq!(
        (again.meta, again.scan),
        (read.meta.clone(), read.scan.clone())
    );
}

/// The bundle with the sections of an archive.
fn sections(input: &[u8]) -> Option<Vec<u8>> {
    let archive = Archive::split(input)?;
    let counts: Vec<u32> = archive.title.iter().map_while(|n| n.parse().ok()).collect();
    let mut file = MAGIC.to_vec();
    let version = match archive.files.contains_key("scan") {
        true => OVERLAY_VERSION,
        false => VERSION,
    };
    let numbers = [version, archive.files.len() as u32];
    for number in numbers.iter().chain(counts.first_chunk::<3>()?) {
        file.extend(number.to_le_bytes());
    }
    file.resize(CHECKSUM.end, 0);
    let mut stored = Vec::new();
    for (name, content) in &archive.files {
        let deflated = compress_to_vec(content, 1);
        file.extend(name.bytes().chain([b' '; 4]).take(4));
        file.extend((deflated.len() as u32).to_le_bytes());
        file.extend((content.len() as u32).to_le_bytes());
        stored.extend(deflated);
    }
    file.extend(stored);
    Some(file)
}
