//! Bundles that cost more than they may, for their readers and their writers.

use super::*;
use crate::{
    bundle::limits::{MAX_CLAIMS, MAX_INSTANCES},
    scan::Scan,
};

/// A bundle of so many points in one superpoint, and so many instances of it.
fn crowd(points: usize, instances: usize) -> Bundle {
    crowd_of(points, 1, instances)
}

/// A bundle of so many points in so many superpoints, all of which each instance has.
fn crowd_of(points: usize, superpoints: usize, instances: usize) -> Bundle {
    let ids: Vec<u32> = (0..points).map(|i| (i % superpoints) as u32).collect();
    let positions: Vec<[f32; 3]> = (0..points).map(|i| [i as f32 * 1e-6, 0.0, 1.0]).collect();
    let space = text::TextSpace {
        encoder: "tiny".into(),
        width: 1,
    };
    let Shape {
        superpoints: all,
        points,
        bounds,
    } = Extents::new(&positions, &ids).shape(&(0..superpoints as u32).collect::<Vec<_>>());
    let instance = Instance {
        superpoints: all,
        score: 0.5,
        embedding: vec![1.0],
        bounds,
        points,
    };
    let name = Name {
        text: "crowd".into(),
        by_user: false,
    };
    Bundle {
        positions,
        superpoints: Superpoints::from_ids(&ids),
        segmentation: Segmentation {
            space,
            instances: vec![instance; instances],
            logit_scale: 20.0,
        },
        meta: Meta {
            names: vec![name; instances],
            ..small().meta
        },
        colors: None,
    }
    .with_a_plain_view()
}

impl Bundle {
    fn with_a_plain_view(mut self) -> Self {
        self.meta.view = SavedView::default();
        self
    }
}

/// What a writer says of a bundle that no reader would read.
fn refused(bundle: &Bundle) -> String {
    encode(bundle).unwrap_err().to_string()
}

/// A bundle with these counts whose sections a reader would inflate.
fn resealed(bundle: &Bundle, counts: [usize; 3], sets: &[u8], embeddings: &[u8]) -> Vec<u8> {
    let bytes = encode(bundle).unwrap();
    let reader = container::Reader::open(&bytes).unwrap();
    let mut container = Container::new(counts[0], counts[1], counts[2]);
    for section in [Section::Meta, Section::Superpoints, Section::Positions] {
        container.push(section, &reader.section(section, 1 << 24).unwrap());
    }
    container.push(Section::Instances, sets);
    container.push(Section::Embeddings, embeddings);
    container.finish()
}

#[test]
fn as_many_instances_as_are_allowed_are_written_and_read() {
    let most = crowd(10, MAX_INSTANCES);
    let bytes = encode(&most).unwrap();
    assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
    let read = decode(&bytes).unwrap();
    assert_sound(&read);
    assert_eq!(read.segmentation.instances.len(), MAX_INSTANCES);

    let more = crowd(10, MAX_INSTANCES + 1);
    assert!(refused(&more).contains("4097 instances, the limit is 4096"));
    let thing = instances::encode_sets(&more.segmentation);
    let embeddings = instances::encode_embeddings(&more.segmentation);
    let counts = [10, 1, MAX_INSTANCES + 1];
    let bytes = resealed(&crowd(10, 1), counts, &thing, &embeddings);
    for error in [decode(&bytes).unwrap_err(), inspect(&bytes).unwrap_err()] {
        let words = error.to_string();
        assert!(
            words.contains("4097 instances, the limit is 4096"),
            "{words}"
        );
    }
}

#[test]
fn the_superpoints_of_all_instances_together_are_limited() {
    let (points, instances) = (5000, MAX_CLAIMS / 5000);
    let most = crowd_of(points, points, instances);
    let bytes = encode(&most).unwrap();
    assert!(bytes.len() < 100_000, "{} bytes", bytes.len());
    assert_eq!(inspect(&bytes).unwrap().instances, instances);

    let more = crowd_of(points, points, instances + 1);
    let words = "4005000 superpoints in its instances, the limit is 4000000";
    assert!(refused(&more).contains(words), "{}", refused(&more));
    let sets = instances::encode_sets(&more.segmentation);
    let embeddings = instances::encode_embeddings(&more.segmentation);
    let less = Bundle {
        segmentation: Segmentation {
            instances: Vec::new(),
            ..more.segmentation.clone()
        },
        meta: Meta {
            names: Vec::new(),
            ..more.meta.clone()
        },
        ..more
    };
    let bytes = encode(&less).unwrap();
    let reader = container::Reader::open(&bytes).unwrap();
    let json = reader.section(Section::Meta, MAX_META).unwrap();
    let json = String::from_utf8(json).unwrap();
    let name = r#"{"text":"","by_user":false}"#;
    let names = vec![name; instances + 1].join(",");
    let json = json.replace("\"names\":[]", &format!("\"names\":[{names}]"));
    let mut container = Container::new(points, points, instances + 1);
    container.push(Section::Meta, json.as_bytes());
    for section in [Section::Superpoints, Section::Positions] {
        container.push(section, &reader.section(section, 1 << 24).unwrap());
    }
    container.push(Section::Instances, &sets);
    container.push(Section::Embeddings, &embeddings);
    let error = decode(&container.finish()).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_no_reader_would_read_is_not_written() {
    let changed = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = small();
        change(&mut bundle);
        refused(&bundle)
    };
    let far = changed(&|bundle| bundle.positions[7] = [0.0, -2e10, 0.0]);
    assert!(
        far.contains("point 7 lies at [0.0, -20000000000.0, 0.0] m"),
        "{far}"
    );
    let nowhere = changed(&|bundle| bundle.positions[7] = [f32::NAN; 3]);
    assert!(nowhere.contains("point 7 lies at [NaN"), "{nowhere}");
    let long = changed(&|bundle| bundle.meta.names[0].text = "x".repeat(201));
    assert!(long.contains("201 characters, the limit is 200"), "{long}");
    let named = changed(&|bundle| drop(bundle.meta.names.pop()));
    assert!(named.contains("4 names for 5 instances"), "{named}");
    let camera = changed(&|bundle| {
        bundle.meta.view.camera = Some(SavedCamera {
            eye: [f32::INFINITY; 3],
            target: [0.0; 3],
            fov_y: 1.0,
        });
    });
    assert!(camera.contains("the camera is at [inf"), "{camera}");
    let threshold = changed(&|bundle| bundle.meta.view.threshold = f32::NAN);
    assert!(threshold.contains("threshold is NaN"), "{threshold}");
    let hidden = changed(&|bundle| bundle.meta.view.hidden = vec![5]);
    assert!(hidden.contains("hides instance 5"), "{hidden}");
    let prompt = changed(&|bundle| bundle.meta.view.prompt = "x".repeat(40_000));
    assert!(
        prompt.contains("40000 bytes, the limit is 32768"),
        "{prompt}"
    );
}

#[test]
fn instances_have_the_points_of_their_superpoints_whatever_they_say() {
    let mut lying = small();
    for instance in &mut lying.segmentation.instances {
        instance.points = u32::MAX;
        instance.bounds = Aabb {
            min: [-3e38; 3],
            max: [3e38; 3],
        };
    }
    let read = decode(&encode(&lying).unwrap()).unwrap();
    assert_sound(&read);
    for (read, honest) in read
        .segmentation
        .instances
        .iter()
        .zip(small().segmentation.instances)
    {
        assert_eq!(read.points, honest.points);
        assert!(
            read.bounds.max.iter().all(|v| *v < 5.0),
            "{:?}",
            read.bounds
        );
    }
}

/// A bundle that reaches beyond the places of a scan lost points on the way to the page, which had
/// superpoints for all of them.
#[test]
fn what_is_read_of_a_bundle_becomes_a_scan_with_all_of_its_points() {
    for at in [0.0, 1e7, 9.9e9] {
        let positions = (0..500).map(|i| [at + i as f32, -at, i as f32]).collect();
        let sent = bundle(positions, None, &[0; 500], 1);
        let read = decode(&encode(&sent).unwrap()).unwrap();
        let scan = Scan::from_points(&read.positions, None).unwrap();
        assert_eq!(scan.len(), 500);
        assert!(scan.row_of_point.is_none());
    }
}

#[test]
fn an_inspection_keeps_one_section_at_a_time() {
    let points = 500_000;
    let bytes = encode(&crowd(points, 1)).unwrap();
    let memory = |read: &dyn Fn()| allocation_counter::measure(read).bytes_max as usize;
    let inspected = memory(&|| assert!(inspect(&bytes).is_ok()));
    let decoded = memory(&|| assert!(decode(&bytes).is_ok()));
    // the positions, inflated into a vector that grows
    assert!(inspected < 12 * points, "{inspected} bytes");
    assert!(decoded > 20 * points, "{decoded} bytes");
}

#[test]
fn what_is_within_the_limits_fits_into_its_section() {
    let mut longest = crowd(10, MAX_INSTANCES);
    for name in &mut longest.meta.names {
        name.text = "\u{1}".repeat(MAX_NAME_CHARS);
    }
    let all: Vec<u32> = (0..MAX_INSTANCES as u32).collect();
    longest.meta.view = SavedView {
        prompt: "\u{1}".repeat(text::prompt::MAX_PROMPT_BYTES),
        hidden: all.clone(),
        locked: all,
        ..small().meta.view
    };
    let read = decode(&encode(&longest).unwrap()).unwrap();
    assert_eq!(read.meta, longest.meta);
}
