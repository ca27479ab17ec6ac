//! The masks of a network's queries as instances of their own, neither ranked nor decoded: they may
//! overlap, and nothing decides between them (Segment3D,
//! docs/spec/any3dis_segment3d_opentrack3d.md sections B3 and B5).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use rayon::prelude::*;
use segscape::{
    geometry::sigmoid,
    job::{self, Grouping, Network},
    model::{Answers, ClassAnswers, Observation},
    progress::Monitor,
    spatial::{Voxels, dbscan},
    superpoint::Superpoints,
    text::Vocabulary,
};

/// Edge of the voxels in which masks are measured and separated, metres: it grows in steps of
/// [`COARSER`] until voxels have [`FILLED`] points on average, at most to [`COARSEST`]. The
/// published constants are those of scans that fill such voxels; a sparser scan would fall apart.
const VOXEL: f32 = 0.02;
const COARSER: f32 = 1.25;
const FILLED: usize = 2;
const COARSEST: f32 = 0.1;
/// Reach of the clusters' density in voxels: 5 cm in voxels of 2 cm.
const REACH: f32 = 2.5;
/// Least number of voxels within reach of a dense one, itself included.
const DENSE: u32 = 5;
/// A cluster has more voxels than this.
const LEAST: usize = 15;
/// Share of the separated masks that post-processing keeps, the most confident ones.
const KEPT: f64 = 0.8;
/// Keeps the mean of an empty mask finite.
const TINY: f32 = 1e-6;

/// A mask and the network's confidence in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfidentMask {
    /// Its points, ascending.
    pub points: Vec<u32>,
    /// Probability of an object times mean probability of the mask, 0..=1.
    pub score: f32,
}

/// The masks of all queries on one scan, most confident first.
pub struct QueryMasks {
    masks: Vec<QueryMask>,
    cloud: Cloud,
}

struct QueryMask {
    /// Superpoints, ascending.
    superpoints: Vec<u32>,
    /// Probability of each of these superpoints.
    inside: Vec<f32>,
    /// Probability that the query shows an object.
    object: f32,
    /// Confidence in the whole mask.
    score: f32,
}

/// A part of a mask: its points, ascending, and its voxels of each superpoint.
type Part = (Vec<u32>, Vec<(u32, usize)>);

/// The points of a scan in voxels and superpoints.
struct Cloud {
    /// `(superpoints)`: points, ascending.
    points_of_superpoint: Vec<Vec<u32>>,
    /// `(superpoints)`: voxels whose first point lies in the superpoint.
    voxels_of_superpoint: Vec<Vec<u32>>,
    voxel_of_point: Vec<u32>,
    /// `(voxels, 3)`: centres, metres.
    centers: Vec<[f32; 3]>,
    /// `(voxels)`: superpoint of the first point.
    superpoint_of_voxel: Vec<u32>,
    /// Edge of a voxel, metres.
    edge: f32,
    superpoint_of_point: Vec<u32>,
}

impl QueryMasks {
    /// Runs the network on a scan.
    ///
    /// # Errors
    /// The scan does not fit the network, or its outputs are not finite.
    pub fn of(
        network: &Network,
        observation: &Observation,
        grouping: &Grouping,
    ) -> anyhow::Result<Self> {
        let monitor = Monitor::silent();
        let answers = pollster::block_on(job::infer(observation, grouping, network, &monitor))?;
        let object = object_probabilities(&answers, network.vocabulary());
        Self::new(
            &answers.masks,
            &object,
            observation.positions,
            &grouping.superpoints,
        )
        .with_context(|| format!("the outputs of {} cannot be used", network.name))
    }

    /// From mask logits `(queries, superpoints)` and the probabilities that the queries show an
    /// object, `(queries)`.
    fn new(
        logits: &[f32],
        object: &[f32],
        positions: &[[f32; 3]],
        superpoints: &Superpoints,
    ) -> anyhow::Result<Self> {
        let value = logits.iter().chain(object).find(|value| !value.is_finite());
        if let Some(value) = value {
            anyhow::bail!("they contain {value}, all must be finite");
        }
        let cloud = Cloud::new(positions, superpoints);
        let rows = logits.chunks_exact(superpoints.count().max(1));
        let mask = |(row, &object): (&[f32], &f32)| {
            let covered = (0..).zip(row).filter(|(_, logit)| **logit > 0.0);
            let (superpoints, inside): (Vec<u32>, Vec<f32>) = covered
                .map(|(superpoint, logit)| (superpoint, sigmoid(*logit)))
                .unzip();
            let voxels = |at: u32| cloud.voxels_of_superpoint[at as usize].len();
            let voxels = superpoints.iter().map(|&at| voxels(at));
            let score = object * mean(voxels.zip(inside.iter().copied()));
            QueryMask {
                superpoints,
                inside,
                object,
                score,
            }
        };
        let mut masks: Vec<_> = rows.zip(object).map(mask).collect();
        masks.retain(|mask| !mask.superpoints.is_empty());
        masks.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(Self { masks, cloud })
    }

    /// Every mask as it is.
    pub fn whole(&self) -> Vec<ConfidentMask> {
        let mask = |mask: &QueryMask| ConfidentMask {
            points: self.cloud.points(&mask.superpoints),
            score: mask.score,
        };
        self.masks.iter().map(mask).collect()
    }

    /// The parts of the masks that lie apart from each other, without noise and small ones, most
    /// confident first. A part has a confidence of its own.
    pub fn separated(&self) -> Vec<ConfidentMask> {
        // queries in one object often have the same mask
        let masks = self.masks.iter();
        let different: BTreeSet<&[u32]> = masks.map(|mask| &mask.superpoints[..]).collect();
        let parts: BTreeMap<&[u32], Vec<Part>> = different
            .into_par_iter()
            .map(|superpoints| (superpoints, self.cloud.parts(superpoints)))
            .collect();
        let mut masks = Vec::new();
        for mask in &self.masks {
            for (points, voxels) in parts.get(&mask.superpoints[..]).into_iter().flatten() {
                let inside = voxels.iter().map(|(superpoint, count)| {
                    let at = mask.superpoints.binary_search(superpoint);
                    (*count, at.map_or(0.0, |at| mask.inside[at]))
                });
                masks.push(ConfidentMask {
                    points: points.clone(),
                    score: mask.object * mean(inside),
                });
            }
        }
        masks.sort_by(|a, b| b.score.total_cmp(&a.score));
        masks
    }

    /// The post-processing of Segment3D: separated masks, the most confident four fifths of them, of
    /// whole superpoints each.
    pub fn post_processed(&self) -> Vec<ConfidentMask> {
        let mut masks = self.separated();
        masks.truncate((KEPT * masks.len() as f64) as usize);
        for mask in &mut masks {
            mask.points = self.cloud.vote(&mask.points);
        }
        masks.retain(|mask| !mask.points.is_empty());
        masks
    }
}

impl Cloud {
    fn new(positions: &[[f32; 3]], superpoints: &Superpoints) -> Self {
        let mut edge = VOXEL;
        let mut voxels = Voxels::new(positions, edge);
        while positions.len() < FILLED * voxels.coords.len() && edge < COARSEST {
            edge = (edge * COARSER).min(COARSEST);
            voxels = Voxels::new(positions, edge);
        }
        let Voxels {
            coords,
            voxel_of_point,
        } = voxels;
        let superpoint_of_point = superpoints.superpoint_of_point().to_vec();
        let mut points_of_superpoint = vec![Vec::new(); superpoints.count()];
        let mut voxels_of_superpoint = vec![Vec::new(); superpoints.count()];
        let mut superpoint_of_voxel = vec![u32::MAX; coords.len()];
        for (point, (&superpoint, &voxel)) in
            (0..).zip(superpoint_of_point.iter().zip(&voxel_of_point))
        {
            points_of_superpoint[superpoint as usize].push(point);
            let known = &mut superpoint_of_voxel[voxel as usize];
            if *known == u32::MAX {
                *known = superpoint;
                voxels_of_superpoint[superpoint as usize].push(voxel);
            }
        }
        let center = |cell: &[i32; 3]| cell.map(|at| (at as f32 + 0.5) * edge);
        Self {
            edge,
            superpoint_of_voxel,
            points_of_superpoint,
            voxels_of_superpoint,
            voxel_of_point,
            centers: coords.iter().map(center).collect(),
            superpoint_of_point,
        }
    }

    /// The points of superpoints, ascending.
    fn points(&self, superpoints: &[u32]) -> Vec<u32> {
        let of = |superpoint: &u32| &self.points_of_superpoint[*superpoint as usize];
        let mut points: Vec<u32> = superpoints.iter().flat_map(of).copied().collect();
        points.sort_unstable();
        points
    }

    /// The clusters of the superpoints' voxels that are large enough.
    fn parts(&self, superpoints: &[u32]) -> Vec<Part> {
        let of = |superpoint: &u32| &self.voxels_of_superpoint[*superpoint as usize];
        let mut voxels: Vec<u32> = superpoints.iter().flat_map(of).copied().collect();
        voxels.sort_unstable();
        let center = |voxel: &u32| self.centers[*voxel as usize];
        let centers: Vec<[f32; 3]> = voxels.iter().map(center).collect();
        let clusters = dbscan(&centers, |_| 1, REACH * self.edge, DENSE);
        let count = clusters.iter().flatten().max().map_or(0, |last| last + 1);
        let mut voxels_of = vec![BTreeMap::<u32, usize>::new(); count as usize];
        for (voxel, cluster) in voxels.iter().zip(&clusters) {
            if let Some(cluster) = cluster {
                let superpoint = self.superpoint_of_voxel[*voxel as usize];
                let counts = &mut voxels_of[*cluster as usize];
                *counts.entry(superpoint).or_default() += 1;
            }
        }
        let mut points_of = vec![Vec::new(); count as usize];
        for point in self.points(superpoints) {
            let voxel = voxels.binary_search(&self.voxel_of_point[point as usize]);
            // a voxel at the border may count to a superpoint outside
            if let Some(cluster) = voxel.ok().and_then(|voxel| clusters[voxel]) {
                points_of[cluster as usize].push(point);
            }
        }
        let is_large = |counts: &BTreeMap<_, usize>| counts.values().sum::<usize>() > LEAST;
        let parts = points_of.into_iter().zip(voxels_of);
        parts
            .filter(|(points, counts)| is_large(counts) && !points.is_empty())
            .map(|(points, counts)| (points, counts.into_iter().collect()))
            .collect()
    }

    /// The points of the superpoints that have more than half of their points among `points`.
    fn vote(&self, points: &[u32]) -> Vec<u32> {
        let mut inside = BTreeMap::<u32, usize>::new();
        for &point in points {
            *inside
                .entry(self.superpoint_of_point[point as usize])
                .or_default() += 1;
        }
        let size = |superpoint: u32| self.points_of_superpoint[superpoint as usize].len();
        let most = inside
            .into_iter()
            .filter(|(superpoint, inside)| 2 * inside > size(*superpoint));
        self.points(&most.map(|(superpoint, _)| superpoint).collect::<Vec<u32>>())
    }
}

/// The mean of probabilities, each with its number of voxels, 0..=1; 0 of none.
fn mean(probabilities: impl Iterator<Item = (usize, f32)>) -> f32 {
    let sums = probabilities.fold((0.0, 0.0), |(voxels, sum), (count, probability)| {
        (voxels + count as f32, sum + count as f32 * probability)
    });
    (sums.1 / (sums.0 + TINY)).clamp(0.0, 1.0)
}

/// The probabilities that the queries show an object of any class, `(queries)`: of a network that is
/// asked with words, against all default labels.
fn object_probabilities(answers: &Answers, vocabulary: &Vocabulary) -> Vec<f32> {
    let asked;
    let logits = match &answers.class {
        ClassAnswers::Fixed { instances, .. } => instances,
        ClassAnswers::Text(class) => {
            asked = class.logits(vocabulary.label_embeddings());
            &asked
        }
    };
    let columns = (logits.len() / answers.queries.len().max(1)).max(1);
    let object = |row: &[f32]| {
        let (peak, none) = (
            row.iter().copied().fold(f32::MIN, f32::max),
            row[columns - 1],
        );
        let all: f32 = row.iter().map(|logit| (logit - peak).exp()).sum();
        1.0 - (none - peak).exp() / all
    };
    logits.chunks_exact(columns).map(object).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Two plates of 20 x 20 voxels of 2 cm, half a metre from each other, a plate of 3 x 3, and a
    /// stray place, with `filled` points in each voxel. Superpoints: the halves of the first plate,
    /// the second plate with the stray place, the small plate.
    fn scene(filled: usize) -> (Vec<[f32; 3]>, Superpoints) {
        let plate = |x: f32, edge: usize| {
            (0..edge * edge).map(move |i| {
                let along = |i: usize| i as f32 * 0.02 + 0.01;
                [x + along(i % edge), along(i / edge), 0.01]
            })
        };
        let mut places: Vec<_> = plate(0.0, 20).chain(plate(1.0, 20)).collect();
        places.push([5.01, 5.01, 5.01]);
        places.extend(plate(3.0, 3));
        let id = |(i, p): (usize, &[f32; 3])| match i {
            0..400 => u32::from(p[1] > 0.2),
            400..=800 => 2,
            _ => 3,
        };
        let ids = places.iter().enumerate().map(id);
        let ids: Vec<u32> = ids.flat_map(|id| std::iter::repeat_n(id, filled)).collect();
        let points = |&[x, y, z]: &[f32; 3]| (0..filled).map(move |i| [x, y, z + i as f32 * 1e-3]);
        let positions = places.iter().flat_map(points).collect();
        (positions, Superpoints::from_ids(&ids))
    }

    fn masks(logits: &[[f32; 4]], object: &[f32]) -> QueryMasks {
        let (positions, superpoints) = scene(2);
        QueryMasks::new(logits.as_flattened(), object, &positions, &superpoints).unwrap()
    }

    #[test]
    fn confidence_is_that_of_the_object_times_that_of_the_mask() {
        let logits = [[2.0, -1.0, -1.0, 0.5], [9.0; 4], [-1.0; 4]];
        let masks = masks(&logits, &[0.5, 0.9, 1.0]);
        let whole = masks.whole();
        assert_eq!(whole.len(), 2, "a mask without points is none");
        assert!((whole[0].score - 0.9).abs() < 1e-3 && whole[0].points.len() == 1620);
        let mean = (200.0 * sigmoid(2.0) + 9.0 * sigmoid(0.5)) / 209.0;
        assert!(
            (whole[1].score - 0.5 * mean).abs() < 1e-5,
            "{}",
            whole[1].score
        );
        assert!(whole[1].points.is_sorted_by(|a, b| a < b));
        // without the plate that is too small, the rest is surer
        let part = masks.separated().pop().unwrap();
        assert!(
            (part.score - 0.5 * sigmoid(2.0)).abs() < 1e-5,
            "{}",
            part.score
        );
    }

    #[test]
    fn what_lies_apart_is_separated_and_what_is_small_is_dropped() {
        let masks = masks(&[[1.0; 4], [1.0, -1.0, -1.0, -1.0]], &[1.0, 0.5]);
        let parts: Vec<(u32, usize)> = masks
            .separated()
            .iter()
            .map(|mask| (mask.points[0], mask.points.len()))
            .collect();
        assert_eq!(parts, [(0, 800), (800, 800), (0, 400)]);
        // Two of three are four fifths, rounded down; the stray place comes back with its
        // superpoint.
        let sizes: Vec<usize> = masks
            .post_processed()
            .iter()
            .map(|mask| mask.points.len())
            .collect();
        assert_eq!(sizes, [800, 802]);
    }

    /// A plate of which every third point was scanned is still one thing.
    #[test]
    fn sparse_scans_do_not_fall_apart() {
        let (positions, _) = scene(1);
        let sparse: Vec<[f32; 3]> = positions[..400].iter().step_by(3).copied().collect();
        let superpoints = Superpoints::from_ids(&vec![0; sparse.len()]);
        let masks = QueryMasks::new(&[1.0], &[1.0], &sparse, &superpoints).unwrap();
        let parts = masks.separated();
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].points.len(), sparse.len());
    }

    #[test]
    fn a_superpoint_needs_more_than_half_of_its_points() {
        let (positions, superpoints) = scene(1);
        let cloud = Cloud::new(&positions, &superpoints);
        let points: Vec<u32> = (0..100).chain(400..601).collect();
        assert_eq!(cloud.vote(&points), (400..=800).collect::<Vec<_>>());
    }

    #[test]
    fn outputs_that_are_no_numbers_are_refused() {
        let (positions, superpoints) = scene(1);
        let refused = QueryMasks::new(&[0.0, f32::NAN, 0.0, 0.0], &[1.0], &positions, &superpoints);
        let error = refused.err().unwrap().to_string();
        assert!(error.contains("NaN"), "{error}");
    }
}
