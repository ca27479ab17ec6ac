//! Networks with fixed classes: candidates from class logits, and semantic and panoptic labels of
//! the points (docs/spec/model.md section 10, "Semantic output" and "Panoptic").

use super::{Finished, Pick, nms::descending};
use crate::instances::SuperpointGeometry;

/// Number of stuff classes (surfaces, not things); they are the first classes.
pub const STUFF: usize = 2;

/// Thresholds of the panoptic output. The defaults are those of the released configurations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PanopticOptions {
    /// The score of an instance must be above this.
    pub min_score: f32,
    /// An instance must have more points than this left after better instances have taken theirs.
    pub min_points: u32,
}

impl Default for PanopticOptions {
    fn default() -> Self {
        Self {
            min_score: 0.5,
            min_points: 100,
        }
    }
}

/// The class and the instance of every point.
#[derive(Clone, Debug, PartialEq)]
pub struct Panoptic {
    /// A stuff class, or the label of an instance + [`STUFF`], `(points)`.
    pub class_of_point: Vec<u32>,
    /// A stuff class, or [`STUFF`] + the rank of an instance, `(points)`. Ranks are by ascending
    /// score among the instances above the minimum score.
    pub instance_of_point: Vec<u32>,
    /// The instances above the minimum score, by rank; those with too few points left have none.
    pub things: Vec<Pick>,
}

/// The `top_k` (query, class) pairs with the highest probability; a query can be picked with
/// several classes. `logits` are `(queries, columns)`, the last column "no object".
pub fn class_picks(logits: &[f32], columns: usize, top_k: usize) -> Vec<Pick> {
    let mut picks = Vec::with_capacity(logits.len());
    for (query, row) in (0..).zip(logits.chunks_exact(columns.max(1))) {
        let peak = row
            .iter()
            .fold(f32::NEG_INFINITY, |peak, &logit| peak.max(logit));
        let exp = |logit: &f32| f64::from(logit - peak).exp();
        let sum: f64 = row.iter().map(exp).sum();
        picks.extend((0..).zip(&row[..columns - 1]).map(|(label, logit)| Pick {
            query,
            label,
            score: (exp(logit) / sum) as f32,
        }));
    }
    picks.sort_by(|a, b| descending(a.score, b.score));
    picks.truncate(top_k);
    picks
}

/// The most likely of the first `classes` columns of each superpoint's own query, `(superpoints)`;
/// 0 for superpoints without a query. `logits` are `(queries, columns)`.
pub fn semantics(
    logits: &[f32],
    columns: usize,
    classes: usize,
    superpoint_of_query: &[u32],
    superpoints: usize,
) -> Vec<u32> {
    let mut class_of_superpoint = vec![0; superpoints];
    for (row, &superpoint) in logits.chunks_exact(columns.max(1)).zip(superpoint_of_query) {
        let best = (0..)
            .zip(&row[..classes.min(row.len())])
            .reduce(|best, other| if other.1 > best.1 { other } else { best });
        if let (Some(class), Some((best, _))) =
            (class_of_superpoint.get_mut(superpoint as usize), best)
        {
            *class = best;
        }
    }
    class_of_superpoint
}

/// Paints the instances over the stuff, better instances over worse ones. Instances with too few
/// points left are removed, and their points fall back to the stuff.
///
/// `stuff_of_superpoint` is the result of [`semantics`] on the first [`STUFF`] columns.
pub fn panoptic(
    instances: &[Finished],
    stuff_of_superpoint: &[u32],
    geometry: &SuperpointGeometry,
    positions: &[[f32; 3]],
    options: &PanopticOptions,
) -> Panoptic {
    let mut painted: Vec<&Finished> = instances
        .iter()
        .filter(|instance| instance.pick.score > options.min_score)
        .collect();
    painted.sort_by(|a, b| descending(b.pick.score, a.pick.score));
    let mut rank_of_point = vec![None; positions.len()];
    for (rank, instance) in painted.iter().enumerate() {
        let points = instance
            .superpoints
            .iter()
            .flat_map(|&s| geometry.points(s));
        for &point in points.filter(|point| {
            instance
                .crop
                .is_none_or(|crop| crop.contains(positions[**point as usize]))
        }) {
            rank_of_point[point as usize] = Some(rank);
        }
    }
    let mut left = vec![0u32; painted.len()];
    rank_of_point
        .iter()
        .flatten()
        .for_each(|rank| left[*rank] += 1);

    let mut stuff_of_point = vec![0; positions.len()];
    for (superpoint, &stuff) in (0..).zip(stuff_of_superpoint) {
        geometry
            .points(superpoint)
            .iter()
            .for_each(|point| stuff_of_point[*point as usize] = stuff);
    }
    let thing = |rank: &Option<usize>| rank.filter(|rank| left[*rank] > options.min_points);
    let both = rank_of_point
        .iter()
        .zip(stuff_of_point)
        .map(|(rank, stuff)| match thing(rank) {
            Some(rank) => (
                painted[rank].pick.label + STUFF as u32,
                (rank + STUFF) as u32,
            ),
            None => (stuff, stuff),
        });
    let (class_of_point, instance_of_point) = both.unzip();
    Panoptic {
        class_of_point,
        instance_of_point,
        things: painted.iter().map(|instance| instance.pick).collect(),
    }
}
