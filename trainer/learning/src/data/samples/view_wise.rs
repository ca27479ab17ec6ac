//! Samples with the annotation of what each view sees.

use std::path::Path;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use segscape::superpoint::{Reading, SuperpointOptions, Superpoints};

use crate::{
    config::{Boundaries, Config},
    data::image_evidence,
    data::superpoint_cache::Points,
    data::view_partition::Part,
    loss::matching,
    words::Words,
};
use recordings::foundation::{self, Foundation};

use super::{Sample, augmented, class_names::names, queries};

/// Augments the scene read from `path`, which only its images annotate, and makes a sample with the
/// annotation of what each view sees. The scene's own ground truth is not used, even if it has one.
pub(super) fn view_wise(
    mut scene: Foundation,
    path: &Path,
    config: &Config,
    words: &Words,
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<Sample> {
    let superpoints = superpoints(&scene, path, config.data.boundaries)?;
    let mut annotations = foundation::annotations(&scene, &superpoints);
    let mut seen = image_evidence::drawn(&mut scene, &config.model, &config.augment, rng)?;
    let input = augmented(
        &mut scene.positions,
        &mut scene.colors,
        &mut seen,
        &superpoints,
        config,
        rng,
    )?;
    let queries = queries(&input, &superpoints, config, rng);
    // an image without a mask was not annotated and says nothing; an empty mask says that nothing
    // is there
    let mut views: Vec<usize> = (0..annotations.len())
        .filter(|&v| scene.images[v].mask.is_some() && !annotations[v].superpoints.is_empty())
        .collect();
    views.shuffle(rng);
    views.truncate(config.loss.views);
    views.sort_unstable();
    let chosen: Vec<_> = views
        .into_iter()
        .map(|view| std::mem::take(&mut annotations[view]))
        .collect();
    let named: Vec<&str> = chosen
        .iter()
        .flat_map(|annotation| annotation.names.iter().map(String::as_str))
        .collect();
    let (text, classes) = names(&named, config, words, rng);
    let (sizes, mut classes) = (superpoints.sizes(), classes.into_iter());
    let mut parts = Vec::with_capacity(chosen.len());
    for annotation in &chosen {
        let class_of_object: Vec<_> = classes.by_ref().take(annotation.names.len()).collect();
        let part = match config.data.partition {
            true => Part::of_view(annotation, &queries, class_of_object),
            false => Some(Part::unpartitioned(
                annotation,
                &queries,
                class_of_object,
                &sizes,
            )),
        };
        let Some(mut part) = part else { continue };
        part.truth.dense_pairs = matching::dense(
            &part.truth.object_of_query,
            annotation.names.len(),
            config.loss.pairs,
            rng,
        );
        parts.push(part);
    }
    anyhow::ensure!(
        !parts.is_empty(),
        "no point was made from an image with masks"
    );
    Ok(Sample {
        input,
        queries,
        text,
        parts,
    })
}

/// The superpoints that came with the scene at `path`, otherwise new ones that respect the instances
/// in its images.
fn superpoints(
    scene: &Foundation,
    path: &Path,
    boundaries: Boundaries,
) -> anyhow::Result<Superpoints> {
    if let Some(ids) = &scene.given.superpoints {
        return Ok(Superpoints::from_ids(ids));
    }
    let reading = match boundaries {
        Boundaries::None => None,
        Boundaries::SameView => Some(Reading::SameView),
        Boundaries::Outlines => Some(Reading::Outlines),
        Boundaries::Strict => Some(Reading::Strict),
    };
    let points = Points {
        positions: &scene.positions,
        colors: scene.colors.as_deref(),
        triangles: &[],
        boundaries: reading.map(|reading| (scene, reading)),
        options: SuperpointOptions::default(),
    };
    Ok(points.superpoints(path)?)
}
