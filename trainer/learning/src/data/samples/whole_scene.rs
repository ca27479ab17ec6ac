//! Samples with the ground truth of the whole scene.

use rand_chacha::ChaCha8Rng;

use crate::{
    config::Config,
    data::labeled_scan::LabeledScan,
    data::scans::Labeled,
    data::view_partition::Part,
    loss::{ObjectMasks, Targets, matching},
    words::Words,
};

use super::{Sample, augmented, class_names::names, queries};

/// Augments the scan and makes a sample with the ground truth of the whole scene.
pub(super) fn sample(
    mut labeled: Labeled,
    config: &Config,
    words: &Words,
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<Sample> {
    let input = augmented(
        &mut labeled.scan.positions,
        &mut labeled.scan.colors,
        &mut labeled.seen,
        &labeled.scan.superpoints,
        config,
        rng,
    )?;
    let scan = labeled.scan;

    let object_of_superpoint = scan.object_of_superpoint();
    let queries = queries(&input, &scan.superpoints, config, rng);
    let object_of_query: Vec<_> = queries
        .iter()
        .map(|&s| object_of_superpoint[s as usize])
        .collect();

    let named: Vec<&str> = scan
        .objects
        .iter()
        .map(|object| object.name.as_deref().unwrap_or_default())
        .collect();
    let (text, class_of_object) = names(&named, config, words, rng);
    let (centers, sizes) = boxes(&scan);
    let truth = Targets {
        dense_pairs: matching::dense(&object_of_query, scan.objects.len(), config.loss.pairs, rng),
        superpoint_sizes: scan.superpoints.sizes(),
        masks: ObjectMasks::apart(&object_of_superpoint),
        object_of_query,
        class_of_object,
        centers,
        sizes,
        surface_of_query: vec![],
    };
    Ok(Sample {
        input,
        queries,
        text,
        parts: vec![Part { seen: None, truth }],
    })
}

/// The centre and the size of the bounding box of each object's points, `(objects, 3)` each.
pub(super) fn boxes(scan: &LabeledScan) -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
    let mut bounds = vec![([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]); scan.objects.len()];
    for (position, object) in scan.positions.iter().zip(&scan.object_of_point) {
        if let Some(object) = object {
            let (low, high) = &mut bounds[*object as usize];
            for axis in 0..3 {
                low[axis] = low[axis].min(position[axis]);
                high[axis] = high[axis].max(position[axis]);
            }
        }
    }
    let axes = |f: fn(f32, f32) -> f32| {
        bounds
            .iter()
            .map(|(low, high)| [0, 1, 2].map(|i| f(low[i], high[i])))
            .collect()
    };
    (
        axes(|low, high| (low + high) / 2.0),
        axes(|low, high| high - low),
    )
}
