//! Runs a network on a labelled scan, with the default options or with others.

use anyhow::Context;
use clap::ValueEnum;
use segscape::{
    instances::{Finished, Masks, PointMasks, PostprocessOptions, SelectOptions},
    job::{self, Decoding, NamedClasses, Network},
    progress::Monitor,
};

use super::Found;
use crate::{data::scans::Labeled, query_masks::QueryMasks};

/// The values of `--masks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum MaskSet {
    /// The network's masks, the regions of the merge tree and given masks, ranked together.
    #[default]
    #[value(alias = "both")]
    All,
    /// The network's masks alone, ranked.
    Network,
    /// The network's masks alone, with its own scores.
    Unranked,
    /// The regions of the merge tree alone, ranked.
    Regions,
    /// Given masks alone, with their own scores.
    Given,
}

impl From<MaskSet> for Masks {
    fn from(masks: MaskSet) -> Self {
        match masks {
            MaskSet::All => Self::All,
            MaskSet::Network => Self::Network,
            MaskSet::Unranked => Self::Unranked,
            MaskSet::Regions => Self::Regions,
            MaskSet::Given => Self::Given,
        }
    }
}

/// The values of `--decoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DecodingKind {
    /// Masks and regions ranked together and separated; for networks that are asked with words.
    Ranked,
    /// As the released code does it: pairs of mask and class, matrix NMS, box filter.
    Released,
    /// The mask of every query, for evaluations without classes: nothing is removed, and masks may
    /// overlap.
    Queries,
    /// The same with the post-processing of Segment3D: parts that lie apart are separated, the four
    /// fifths with the highest confidence are kept, and superpoints belong to a mask or not.
    Segment3d,
}

impl DecodingKind {
    /// The decoding with its default options, `choice` if given: networks with fixed classes are
    /// decoded as released, others are ranked.
    ///
    /// # Errors
    /// Returns an error if the choice does not fit the network.
    pub fn of(choice: Option<Self>, network: &Network) -> anyhow::Result<Decoding> {
        let is_fixed = network.fixed_classes().is_some();
        match choice.unwrap_or(if is_fixed {
            Self::Released
        } else {
            Self::Ranked
        }) {
            Self::Released => Ok(Decoding::Released(PostprocessOptions::default())),
            Self::Queries | Self::Segment3d => anyhow::bail!(
                "the masks of queries overlap, which only an evaluation can use: choose --decoding ranked or released"
            ),
            Self::Ranked if !is_fixed => Ok(Decoding::default()),
            Self::Ranked => anyhow::bail!(
                "{} has fixed classes, its masks cannot be ranked: choose --decoding released",
                network.name
            ),
        }
    }
}

/// Options of the search; by default those of the shipped application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// How outputs become instances; by default as it fits the network.
    pub decoding: Option<DecodingKind>,
    /// The classes that a network that is asked with words decides between if it is decoded as
    /// released; without them its instances have no classes.
    pub classes: Option<NamedClasses>,
    /// Selection of instances from ranked candidates.
    pub select: SelectOptions,
    /// Spacing to which the scan is thinned first, metres; the masks that are found are then
    /// carried to all points of the scan.
    pub spacing: Option<f32>,
    /// Leave out the image features and the objects of bundles.
    pub no_images: bool,
}

impl Choice {
    /// `true` if the masks of the queries themselves are the instances, which have no classes then.
    pub fn takes_queries(&self) -> bool {
        matches!(
            self.decoding,
            Some(DecodingKind::Queries | DecodingKind::Segment3d)
        )
    }
}

/// Returns the instances that the network finds in the scan. Those that other methods found in it,
/// `given`, are ranked beside its own.
///
/// # Errors
/// The scan does not fit the network, masks are to be ranked and there is no ranker, or given masks
/// are of another scan or cannot be ranked.
pub fn ask(
    network: &Network,
    labeled: &Labeled,
    given: &[PointMasks],
    choice: &Choice,
) -> anyhow::Result<Vec<Found>> {
    let is_ranked = !choice.takes_queries()
        && matches!(
            DecodingKind::of(choice.decoding, network)?,
            Decoding::Ranked(_)
        );
    let needs_ranker = is_ranked && matches!(choice.select.masks, Masks::Network | Masks::Regions);
    anyhow::ensure!(
        network.has_ranker() || !needs_ranker,
        "{} has no ranker: train one with `trainer rank`, or choose --masks unranked",
        network.name
    );
    anyhow::ensure!(
        is_ranked || given.is_empty(),
        "masks that are decoded as released stand alone: leave out the proposals"
    );
    let Some(spacing) = choice.spacing else {
        return look(network, labeled, given, choice);
    };
    let points = labeled.scan.positions.len();
    given.iter().try_for_each(|masks| masks.check(points))?;
    let (thinned, kept) = labeled.thinned(spacing);
    let rows: Vec<usize> = kept.point_of_kept().iter().map(|p| *p as usize).collect();
    let given: Vec<PointMasks> = given.iter().map(|masks| masks.only(&rows)).collect();
    let mut found = look(network, &thinned, &given, choice)
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
    given: &[PointMasks],
    choice: &Choice,
) -> anyhow::Result<Vec<Found>> {
    let mut observation = labeled.observation();
    if choice.no_images {
        (observation.image, observation.objects) = (None, None);
    }
    let monitor = Monitor::silent();
    let mut grouping = labeled.grouping(network, &monitor)?;
    given.iter().try_for_each(|masks| grouping.propose(masks))?;
    if choice.takes_queries() {
        let masks = QueryMasks::of(network, &observation, &grouping)?;
        let masks = match choice.decoding {
            Some(DecodingKind::Segment3d) => masks.post_processed(),
            _ => masks.whole(),
        };
        let found = masks.into_iter();
        return Ok(found
            .map(|mask| Found::nameless(mask.points, mask.score))
            .collect());
    }
    if let Decoding::Released(options) = DecodingKind::of(choice.decoding, network)? {
        let classes = network.fixed_classes().or(choice.classes.as_ref());
        let found = pollster::block_on(job::segment_as_released(
            &observation,
            &grouping,
            network,
            classes,
            &options,
            &monitor,
        ))?;
        let found = found.iter().map(|finished: &Finished| Found {
            points: finished.point_indices(&grouping.superpoints, observation.positions),
            score: finished.pick.score,
            class: classes.map(|classes| classes.names[finished.pick.label as usize].clone()),
            embedding: Vec::new(),
            logit_scale: 1.0,
        });
        return Ok(found.collect());
    }
    let segmentation = pollster::block_on(job::segment(
        &observation,
        &grouping,
        network,
        &Decoding::Ranked(choice.select),
        &monitor,
    ))?;
    let found = segmentation
        .instances
        .iter()
        .enumerate()
        .map(|(index, instance)| Found {
            points: segmentation.points_of_instance(index, &grouping.superpoints),
            score: instance.score,
            class: None,
            embedding: instance.embedding.clone(),
            logit_scale: segmentation.logit_scale,
        });
    Ok(found.collect())
}

#[cfg(test)]
mod tests;
