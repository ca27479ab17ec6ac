//! Runs a network on a labelled scan, with the default options or with others.

use anyhow::Context;
use clap::ValueEnum;
use segscape::{
    instances::{Masks, SelectOptions},
    job::{self, Network},
    progress::Monitor,
};

use super::Found;
use crate::data::scans::Labeled;

/// The values of `--masks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum MaskSet {
    /// The network's masks and the regions of the merge tree, ranked together.
    #[default]
    Both,
    /// The network's masks alone, ranked.
    Network,
    /// The network's masks alone, with its own scores.
    Unranked,
    /// The regions of the merge tree alone, ranked.
    Regions,
}

impl From<MaskSet> for Masks {
    fn from(masks: MaskSet) -> Self {
        match masks {
            MaskSet::Both => Self::Both,
            MaskSet::Network => Self::Network,
            MaskSet::Unranked => Self::Unranked,
            MaskSet::Regions => Self::Regions,
        }
    }
}

/// Options of the search; by default those of the shipped application.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choice {
    /// Selection of instances from the candidates.
    pub select: SelectOptions,
    /// Spacing to which the scan is thinned first, metres; the masks that are found are then
    /// carried to all points of the scan.
    pub spacing: Option<f32>,
}

/// Returns the instances that the network finds in the scan.
///
/// # Errors
/// The scan does not fit the network, or masks are to be ranked and there is no ranker.
pub fn ask(network: &Network, labeled: &Labeled, choice: &Choice) -> anyhow::Result<Vec<Found>> {
    let needs_ranker = matches!(choice.select.masks, Masks::Network | Masks::Regions);
    anyhow::ensure!(
        network.has_ranker() || !needs_ranker,
        "{} has no ranker: train one with `trainer rank`, or choose --masks unranked",
        network.name
    );
    let Some(spacing) = choice.spacing else {
        return look(network, labeled, &choice.select);
    };
    let (thinned, kept) = labeled.thinned(spacing);
    let mut found = look(network, &thinned, &choice.select)
        .with_context(|| format!("thinned to {spacing} m"))?;
    let mut points_of_kept: Vec<Vec<u32>> = vec![Vec::new(); kept.len()];
    (0..)
        .zip(kept.kept_of_point())
        .for_each(|(point, &row)| points_of_kept[row as usize].push(point));
    for one in &mut found {
        one.points = one
            .points
            .iter()
            .flat_map(|&row| &points_of_kept[row as usize])
            .copied()
            .collect();
        one.points.sort_unstable();
    }
    Ok(found)
}

fn look(
    network: &Network,
    labeled: &Labeled,
    select: &SelectOptions,
) -> anyhow::Result<Vec<Found>> {
    let observation = labeled.observation();
    let monitor = Monitor::silent();
    let grouping = labeled.grouping(&monitor)?;
    let segmentation = pollster::block_on(job::segment(
        &observation,
        &grouping,
        network,
        select,
        &monitor,
    ))?;
    let found = segmentation
        .instances
        .iter()
        .enumerate()
        .map(|(index, instance)| Found {
            points: segmentation.points_of_instance(index, &grouping.superpoints),
            score: instance.score,
            embedding: instance.embedding.clone(),
            logit_scale: segmentation.logit_scale,
        });
    Ok(found.collect())
}
