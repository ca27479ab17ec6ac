#![allow(clippy::unwrap_used, clippy::print_stdout)]

use proptest::prelude::*;

use super::*;
use crate::{
    geometry::Aabb,
    instances::{
        Extents, Instance, Shape,
        query::{Labels, Question},
    },
    progress::Monitor,
    scan::{self, UpAxis},
    text,
};

mod limits;
mod odd;
mod overlay;

fn unit(seed: u32) -> Vec<f32> {
    let raw: Vec<f32> = (0..text::TextSpace::default().width as u32)
        .map(|i| noise(seed.wrapping_mul(31).wrapping_add(i)) - 0.5)
        .collect();
    let length = raw.iter().map(|v| v * v).sum::<f32>().sqrt();
    raw.iter().map(|v| v / length).collect()
}

/// A fixed pseudo-random number in 0..1 for every input.
fn noise(seed: u32) -> f32 {
    let mut x = seed.wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b;
    x = (x ^ x >> 16).wrapping_mul(0x21f0_aaad);
    x = (x ^ x >> 15).wrapping_mul(0x735a_2d97);
    (x ^ x >> 15) as f32 / u32::MAX as f32
}

fn bundle(
    positions: Vec<[f32; 3]>,
    colors: Option<Vec<[u8; 3]>>,
    ids: &[u32],
    instances: u32,
) -> Bundle {
    let superpoints = Superpoints::from_ids(ids);
    let count = superpoints.count() as u32;
    let extents = Extents::new(&positions, superpoints.superpoint_of_point());
    let instance = |i: u32| {
        let members = (0..count).filter(|s| (s + i).is_multiple_of(3) || *s == i % count);
        let Shape {
            superpoints,
            points,
            bounds,
        } = extents.shape(&members.collect::<Vec<_>>());
        Instance {
            superpoints,
            score: 1.0 - i as f32 / (instances + 1) as f32,
            embedding: unit(i),
            bounds,
            points,
        }
    };
    let instances = if count == 0 { 0 } else { instances };
    Bundle {
        positions,
        colors,
        superpoints,
        segmentation: Segmentation {
            space: text::TextSpace::default(),
            instances: (0..instances).map(instance).collect(),
            logit_scale: 12.5,
        },
        meta: Meta {
            names: (0..instances)
                .map(|i| Name {
                    text: format!("Büro-Stuhl {i}"),
                    by_user: i == 1,
                })
                .collect(),
            view: SavedView {
                prompt: "chair . \"power strip\"".into(),
                threshold: 0.25,
                camera: Some(SavedCamera {
                    eye: [1.0, 2.0, 3.0],
                    target: [0.0, 0.0, 1.0],
                    fov_y: 0.8,
                }),
                hidden: (0..instances).skip(2).collect(),
                locked: (0..instances).skip(3).collect(),
                ceiling: Some(2.25),
                clip: Some(Aabb {
                    min: [-1.0, 0.0, 0.5],
                    max: [1.0, 2.0, 3.0],
                }),
                color_mode: ColorMode::Label,
            },
            frame: Frame {
                offset: [512_345.0, -3.0, 1e-3],
                metres_per_unit: 0.001,
                up: UpAxis::MinusY,
            },
            provenance: Provenance {
                source: "room.ply".into(),
                source_points: 9,
                frames: 50,
                model: "nano-0123".into(),
                app: "0.1.0".into(),
            },
        },
    }
}

fn small() -> Bundle {
    let positions = (0..200)
        .map(|i| [noise(i) * 3.0, noise(i + 1000) * 4.0, noise(i + 2000)])
        .collect();
    let colors = (0..200)
        .map(|i| [i as u8, (i * 3) as u8, 255 - i as u8])
        .collect();
    bundle(
        positions,
        Some(colors),
        &(0..200).map(|i| i / 20).collect::<Vec<_>>(),
        5,
    )
}

#[test]
fn a_prompt_is_answered_alike_from_a_bundle() {
    let mut sent = small();
    let words = ["chair", "office chair", "desk", "lamp", "couch"];
    for ((index, instance), word) in (0..).zip(&mut sent.segmentation.instances).zip(words) {
        let noun = text::Vocabulary::shipped().lookup(word).unwrap();
        let mixed = noun.iter().zip(unit(index)).map(|(a, b)| a + 0.7 * b);
        instance.embedding = mixed.collect();
        text::normalize(&mut instance.embedding);
    }
    let received = decode(&encode(&sent).unwrap()).unwrap();
    let vocabulary = text::Vocabulary::shipped();
    let terms = Question::parse("chair, table, couch", vocabulary);
    let terms = terms.unwrap().terms();
    let [before, after] = [&sent, &received]
        .map(|bundle| Labels::new(&bundle.segmentation, &terms, vocabulary).unwrap());
    assert!(before.of_instance[0].term == Some(0) && before.of_instance[4].term == Some(2));
    for (before, after) in before.of_instance.iter().zip(&after.of_instance) {
        assert_eq!((&before.name, before.term), (&after.name, after.term));
        assert!(
            (before.confidence - after.confidence).abs() < 2e-3,
            "{before:?} {after:?}"
        );
    }
}

/// The bundle with other JSON.
fn with_meta(bytes: &[u8], json: &[u8]) -> Vec<u8> {
    let reader = container::Reader::open(bytes).unwrap();
    let Inspection {
        points,
        superpoints,
        instances,
        ..
    } = reader.inspection;
    let mut changed = Container::new(points, superpoints, instances);
    changed.push(Section::Meta, json);
    for section in [
        Section::Superpoints,
        Section::Positions,
        Section::Colors,
        Section::Instances,
        Section::Embeddings,
    ] {
        changed.push(section, &reader.section(section, 1 << 20).unwrap());
    }
    changed.finish()
}

#[test]
fn a_bundle_keeps_the_space_of_its_embeddings() {
    let usual = small();
    let json = |bytes: &[u8]| {
        let reader = container::Reader::open(bytes).unwrap();
        String::from_utf8(reader.section(Section::Meta, MAX_META).unwrap()).unwrap()
    };
    // as it was before there was a choice
    assert!(!json(&encode(&usual).unwrap()).contains("text_space"));
    assert_eq!(
        decode(&encode(&usual).unwrap()).unwrap().segmentation.space,
        text::TextSpace::default()
    );

    let mut other = small();
    let space = text::TextSpace {
        encoder: "clip-tiny".into(),
        width: 5,
    };
    other.segmentation.space = space.clone();
    for instance in &mut other.segmentation.instances {
        instance.embedding.truncate(space.width);
    }
    let bytes = encode(&other).unwrap();
    let received = decode(&bytes).unwrap();
    assert_eq!(received.segmentation.space, space);
    assert_sound(&received);
    let vocabulary = text::Vocabulary::shipped();
    let error = Labels::new(&received.segmentation, &[], vocabulary).unwrap_err();
    for space in [&space, vocabulary.space()] {
        assert!(error.to_string().contains(&space.to_string()), "{error}");
    }
    // a width that the section does not have, and one that nothing has
    for (width, word) in [(6_u64, "6 values"), (1 << 40, "1099511627776 values")] {
        let lying = json(&bytes).replace("\"width\":5", &format!("\"width\":{width}"));
        let message = decode(&with_meta(&bytes, lying.as_bytes()))
            .unwrap_err()
            .to_string();
        assert!(message.contains(word), "{message}");
    }
}

/// Updates the checksum in the header of damaged bytes, so that the inner checks are reached.
fn reseal(bytes: &mut [u8]) {
    if bytes.len() >= 60 {
        let sum = *blake3::Hasher::new()
            .update(&bytes[..28])
            .update(&bytes[60..])
            .finalize()
            .as_bytes();
        bytes[28..60].copy_from_slice(&sum);
    }
}

/// Asserts what a bundle guarantees to code that indexes with it, whatever the bytes were.
fn assert_sound(bundle: &Bundle) {
    let count = bundle.superpoints.count();
    assert_eq!(
        bundle.superpoints.superpoint_of_point().len(),
        bundle.positions.len()
    );
    assert!(
        bundle
            .colors
            .as_ref()
            .is_none_or(|colors| colors.len() == bundle.positions.len())
    );
    assert!(
        bundle
            .positions
            .iter()
            .flatten()
            .all(|value| value.abs() <= 1e10)
    );
    let ids = bundle.superpoints.superpoint_of_point();
    let extents = Extents::new(&bundle.positions, ids);
    for instance in &bundle.segmentation.instances {
        let shape = extents.shape(&instance.superpoints);
        assert_eq!(
            (instance.points, instance.bounds),
            (shape.points, shape.bounds)
        );
    }
    assert_instances_sound(&bundle.segmentation, &bundle.meta, count);
}

/// The same of the instances of so many superpoints.
fn assert_instances_sound(segmentation: &Segmentation, meta: &Meta, count: usize) {
    assert_eq!(meta.names.len(), segmentation.instances.len());
    for instance in &segmentation.instances {
        assert!(
            instance.superpoints.is_sorted_by(|a, b| a < b) && !instance.superpoints.is_empty()
        );
        assert!(instance.superpoints.iter().all(|s| (*s as usize) < count));
        assert!(
            instance.embedding.len() == segmentation.space.width
                && instance.embedding.iter().all(|value| value.is_finite())
        );
        assert!((0.0..=1.0).contains(&instance.score));
    }
}

#[test]
fn everything_but_the_order_of_points_survives() {
    let original = small();
    let decoded = decode(&encode(&original).unwrap()).unwrap();
    assert_sound(&decoded);
    assert_eq!(decoded.meta, original.meta);
    assert_eq!(decoded.superpoints.sizes(), original.superpoints.sizes());
    for (found, expected) in decoded
        .segmentation
        .instances
        .iter()
        .zip(&original.segmentation.instances)
    {
        let cosine: f32 = found
            .embedding
            .iter()
            .zip(&expected.embedding)
            .map(|(a, b)| a * b)
            .sum();
        assert!(cosine > 0.99999, "{cosine}");
        let [found_corners, corners] =
            [found, expected].map(|i| [i.bounds.min, i.bounds.max].concat());
        for (found, expected) in found_corners.iter().zip(corners) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
        assert_eq!(
            Instance {
                embedding: vec![],
                bounds: expected.bounds,
                ..found.clone()
            },
            Instance {
                embedding: vec![],
                ..expected.clone()
            }
        );
    }
    assert_eq!(decoded.segmentation.instances.len(), 5);
}

proptest! {
    #[test]
    fn points_survive_with_their_color_and_superpoint(
        points in prop::collection::vec((prop::array::uniform3(-1.0..1.0f32), 0..9u32), 0..200),
        scale in prop::sample::select(vec![0.0, 0.01, 5.0, 40.0, 3000.0f32]),
        with_color: bool,
    ) {
        let positions: Vec<[f32; 3]> = points.iter().map(|(p, _)| p.map(|v| v * scale)).collect();
        // The colour encodes the point's index, which identifies a decoded point.
        let colors: Vec<[u8; 3]> = (0..points.len() as u32).map(|i| [i as u8, (i >> 8) as u8, (i * 7) as u8]).collect();
        let ids: Vec<u32> = points.iter().map(|p| p.1).collect();
        let original = bundle(positions, with_color.then_some(colors), &ids, 3);
        let bytes = encode(&original).unwrap();
        prop_assert_eq!(inspect(&bytes).unwrap(), Inspection {
            bytes: bytes.len(),
            points: ids.len(),
            superpoints: original.superpoints.count(),
            instances: original.segmentation.instances.len(),
            is_overlay: false,
        });
        let decoded = decode(&bytes).unwrap();
        prop_assert_eq!(decoded.positions.len(), original.positions.len());
        prop_assert_eq!(decoded.superpoints.sizes(), original.superpoints.sizes());
        prop_assert_eq!(decoded.colors.is_some(), with_color);
        let tolerance = 0.51 * points::Grid::around(&original.positions).step + 1e-6 * scale;
        let mut seen = vec![false; ids.len()];
        for (row, color) in decoded.colors.iter().flatten().enumerate() {
            let source = color[0] as usize | (color[1] as usize) << 8;
            prop_assert!(!std::mem::replace(&mut seen[source], true));
            prop_assert_eq!(color[2], (source * 7) as u8);
            prop_assert_eq!(decoded.superpoints.superpoint_of_point()[row], original.superpoints.superpoint_of_point()[source]);
            for axis in 0..3 {
                let difference = (decoded.positions[row][axis] - original.positions[source][axis]).abs();
                prop_assert!(difference <= tolerance, "{} > {}", difference, tolerance);
            }
        }
    }

    #[test]
    fn damaged_bytes_with_a_valid_checksum_are_refused_or_sound(at in 0..4000usize, value: u8, length in 0..4000usize) {
        let mut bytes = encode(&small()).unwrap();
        bytes.truncate(bytes.len().min(length.max(60)));
        let at = at % bytes.len();
        bytes[at] = value;
        reseal(&mut bytes);
        decode(&bytes).iter().for_each(assert_sound);
    }
}

#[test]
fn damaged_sections_with_valid_checksums_are_refused_or_sound() {
    // Raw sections, so that the damage reaches the decoders behind the inflater.
    let bytes = encode(&small()).unwrap();
    let reader = container::Reader::open(&bytes).unwrap();
    for section in [
        Section::Meta,
        Section::Superpoints,
        Section::Positions,
        Section::Instances,
        Section::Embeddings,
    ] {
        let raw = reader.section(section, 1 << 20).unwrap();
        for at in 0..raw.len().min(600) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = raw.clone();
                damaged[at] = value;
                let mut container = Container::new(200, 10, 5);
                for other in [
                    Section::Meta,
                    Section::Superpoints,
                    Section::Positions,
                    Section::Colors,
                    Section::Instances,
                    Section::Embeddings,
                ] {
                    let data = if other == section {
                        damaged.clone()
                    } else {
                        reader.section(other, 1 << 20).unwrap()
                    };
                    container.push(other, &data);
                }
                decode(&container.finish()).iter().for_each(assert_sound);
            }
            if section == Section::Meta && at > 100 {
                break;
            }
        }
    }
}

#[test]
fn cut_anywhere_it_is_refused() {
    let bytes = encode(&small()).unwrap();
    for length in 0..bytes.len() {
        let error = decode(&bytes[..length]).unwrap_err();
        assert!(
            matches!(error, BundleError::NotABundle | BundleError::Length { .. }),
            "{length}: {error}"
        );
        let mut resealed = bytes[..length].to_vec();
        reseal(&mut resealed);
        assert!(decode(&resealed).is_err());
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = encode(&bundle(vec![[0.0; 3]; 3], None, &[0, 0, 1], 1)).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert!(inspect(&flipped).is_err(), "byte {at}");
    }
}

/// A room as a scanner sees it: walls, floor and furniture boxes, 3 mm of noise, texture and
/// shading in the colours.
fn room(points: u32) -> (Vec<[f32; 3]>, Vec<[u8; 3]>, Vec<u32>) {
    let mut positions = Vec::new();
    let mut colors = Vec::new();
    let mut ids = Vec::new();
    for i in 0..points {
        let (a, b, c) = (noise(3 * i), noise(3 * i + 1), noise(3 * i + 2));
        let object = (c * 40.0) as u32;
        let (corner, size) = if object < 12 {
            ([0.0, 0.0, 0.0], [6.0, 5.0, 2.6])
        } else {
            let at = |k: u32| noise(1_000_000 + 10 * object + k);
            (
                [at(0) * 5.0, at(1) * 4.0, at(5) * 0.5],
                [0.3 + at(2), 0.3 + at(3), 0.4 + at(4)],
            )
        };
        let face = object % 6;
        let axis = (face / 2) as usize;
        let mut position = [
            corner[0] + a * size[0],
            corner[1] + b * size[1],
            corner[2] + a * size[2],
        ];
        position[(axis + 1) % 3] = corner[(axis + 1) % 3] + b * size[(axis + 1) % 3];
        position[axis] = corner[axis] + (face % 2) as f32 * size[axis];
        let jitter = |k: u32| (noise(7 * i + k) + noise(9 * i + k + 50_000_000) - 1.0) * 0.004;
        let noisy = std::array::from_fn(|k| position[k] + jitter(k as u32));
        let texture =
            ((position[0] * 9.0).sin() + (position[1] * 7.0).cos() + (position[2] * 11.0).sin())
                * 25.0;
        let base = |k: u32| 60.0 + 130.0 * noise(object * 3 + k);
        let color = std::array::from_fn(|k| {
            (base(k as u32) + texture + 10.0 * (noise(11 * i + k as u32) - 0.5)).clamp(0.0, 255.0)
                as u8
        });
        let cell = position.map(|v| (v / 0.3).floor() as u32);
        positions.push(noisy);
        colors.push(color);
        ids.push(object * 100_000 + cell[0] * 900 + cell[1] * 30 + cell[2]);
    }
    (positions, colors, ids)
}

fn report(what: &str, bundle: &Bundle) -> f64 {
    let bytes = encode(bundle).unwrap();
    let decoded = decode(&bytes).unwrap();
    assert_eq!(decoded.positions.len(), bundle.positions.len());
    let per_point = bytes.len() as f64 / bundle.positions.len() as f64;
    println!(
        "{what}: {} points, {} superpoints, {} instances: {} bytes, {per_point:.2} a point",
        bundle.positions.len(),
        bundle.superpoints.count(),
        bundle.segmentation.instances.len(),
        bytes.len(),
    );
    per_point
}

#[test]
fn a_million_points_fit_into_twelve_megabytes() {
    let (positions, colors, ids) = room(1_000_000);
    let per_point = report(
        "synthetic room",
        &bundle(positions, Some(colors), &ids, 300),
    );
    assert!(per_point < 12.0);
}

#[test]
#[ignore = "needs the real scans, whose terms keep them out of the project"]
fn real_scans_fit_into_twelve_bytes_a_point() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/");
    for name in [
        "scannet-gt/scene0000_00.ply",
        "scannet-gt/scene0005_00.ply",
        "derived/slambook-fused.ply",
        "pcl-data/room_scan1.pcd",
    ] {
        let scan = scan::read(
            &std::fs::read(format!("{folder}{name}")).unwrap(),
            &Monitor::silent(),
        )
        .unwrap();
        // 20 cm cells in place of superpoints: as coherent, and faster to compute.
        let cell = |p: &[f32; 3]| {
            p.iter().fold(0, |id: u32, v| {
                id.wrapping_mul(1009)
                    .wrapping_add((v / 0.2).floor() as i32 as u32)
            })
        };
        let ids: Vec<u32> = scan.positions.iter().map(cell).collect();
        // A scan has about one instance per thousand points.
        let per_point = report(
            name,
            &bundle(
                scan.positions.clone(),
                scan.colors.clone(),
                &ids,
                (ids.len() / 1000) as u32,
            ),
        );
        assert!(per_point < 12.0, "{name}: {per_point}");
    }
}
