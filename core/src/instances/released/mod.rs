//! Instances as the released code makes them (docs/spec/model.md section 10): best pairs of query
//! and class, mask score, matrix NMS, binary masks, removal of small masks, box filter.

mod fixed_classes;
pub(super) mod nms;

use super::{ProposalError, SuperpointGeometry};
use crate::{
    geometry::{Aabb, sigmoid},
    superpoint::Superpoints,
};
pub use fixed_classes::{Panoptic, PanopticOptions, STUFF, class_picks, panoptic, semantics};
use nms::descending;
pub use nms::matrix_nms;

/// A predicted box in metres, world frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CenteredBox {
    /// Center of the box.
    pub center: [f32; 3],
    /// Full edge lengths.
    pub size: [f32; 3],
}

impl CenteredBox {
    /// Returns the box with its extents multiplied by `factor`, as corners.
    pub fn enlarged(&self, factor: f32) -> Aabb {
        let half = self.size.map(|extent| 0.5 * factor * extent);
        Aabb {
            min: std::array::from_fn(|axis| self.center[axis] - half[axis]),
            max: std::array::from_fn(|axis| self.center[axis] + half[axis]),
        }
    }
}

/// What the last decoder layer says about the queries, apart from their classes.
#[derive(Clone, Copy, Debug)]
pub struct QueryMasks<'a> {
    /// Number of superpoints S.
    pub superpoints: usize,
    /// Mask logits, row-major `(queries, S)`.
    pub logits: &'a [f32],
    /// Predicted boxes, `(queries)`; without them no points are removed.
    pub boxes: Option<&'a [CenteredBox]>,
}

impl QueryMasks<'_> {
    fn of(&self, query: u32) -> &[f32] {
        &self.logits[query as usize * self.superpoints..][..self.superpoints]
    }
}

/// Limits of the post-processing. The defaults are those of the released configurations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PostprocessOptions {
    /// Number of pairs of query and class that become candidates.
    pub candidates: usize,
    /// Scores must be above this after non-maximum suppression.
    pub min_score: f32,
    /// A superpoint belongs to a mask if its probability is above this.
    pub mask_threshold: f32,
    /// A mask must have more points than this before the box filter.
    pub min_points: u32,
    /// Points outside the predicted box, enlarged by this factor, are removed.
    pub box_factor: f32,
}

impl Default for PostprocessOptions {
    fn default() -> Self {
        Self {
            candidates: 600,
            min_score: 0.0,
            mask_threshold: 0.4,
            min_points: 100,
            box_factor: 2.5,
        }
    }
}

/// A query chosen as a candidate with one label. Only candidates of equal label suppress each
/// other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// Index of the query, a row of the proposals.
    pub query: u32,
    /// Any id; the same for all candidates if the classes are open.
    pub label: u32,
    /// Score before multiplication with the mask score.
    pub score: f32,
}

/// A candidate that remains after the post-processing.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The pick, with its final score.
    pub pick: Pick,
    /// Ascending ids of the superpoints above the mask threshold. They may have no points left
    /// after the crop.
    pub superpoints: Vec<u32>,
    /// Enlarged box of the query.
    pub crop: Option<Aabb>,
    /// Tight bounding box of the points left after the crop.
    pub bounds: Aabb,
    /// Number of points left after the crop.
    pub points: u32,
}

impl Finished {
    /// Indices of the instance's points, ascending: those of its superpoints inside the box.
    /// `positions` are `(points, 3)`, in the order of `superpoints`.
    pub fn point_indices(&self, superpoints: &Superpoints, positions: &[[f32; 3]]) -> Vec<u32> {
        let mut is_in = vec![false; superpoints.count()];
        for &superpoint in &self.superpoints {
            is_in[superpoint as usize] = true;
        }
        let is_inside = |position| self.crop.is_none_or(|crop| crop.contains(position));
        (0..)
            .zip(superpoints.superpoint_of_point().iter().zip(positions))
            .filter(|(_, (superpoint, position))| {
                is_in[**superpoint as usize] && is_inside(**position)
            })
            .map(|(point, _)| point)
            .collect()
    }
}

/// The `top_k` queries with the highest P(object) times predicted IoU, both `(queries)`, all with
/// the same label, for an open vocabulary.
pub fn top_queries(object: &[f32], iou: &[f32], top_k: usize) -> Vec<Pick> {
    let mut picks: Vec<Pick> = (0..)
        .zip(object.iter().zip(iou))
        .map(|(query, (object, iou))| Pick {
            query,
            label: 0,
            score: object * iou,
        })
        .collect();
    picks.sort_by(|a, b| descending(a.score, b.score));
    picks.truncate(top_k);
    picks
}

/// Steps 2 to 8 of the section for the given candidates; the result is sorted by descending final
/// score.
///
/// # Errors
/// [`ProposalError`] if the arrays are inconsistent with each other or with `geometry`, or not
/// finite.
pub fn postprocess_picks(
    masks: &QueryMasks,
    picks: &[Pick],
    geometry: &SuperpointGeometry,
    options: &PostprocessOptions,
) -> Result<Vec<Finished>, ProposalError> {
    check(masks, picks, geometry)?;
    let count = masks.superpoints;
    let mut probabilities = Vec::with_capacity(picks.len() * count);
    let mut scores = Vec::with_capacity(picks.len());
    for pick in picks {
        let logits = masks.of(pick.query);
        scores.push(pick.score * mask_score(logits));
        probabilities.extend(logits.iter().map(|&logit| sigmoid(logit)));
    }
    let labels: Vec<u32> = picks.iter().map(|pick| pick.label).collect();
    let mut finished = Vec::new();
    for (candidate, score) in matrix_nms(&probabilities, count, &labels, &scores) {
        if score <= options.min_score {
            continue;
        }
        let mask = &probabilities[candidate * count..][..count];
        let superpoints: Vec<u32> = (0..)
            .zip(mask)
            .filter(|(_, probability)| **probability > options.mask_threshold)
            .map(|(s, _)| s)
            .collect();
        if geometry.points_in(&superpoints) <= options.min_points {
            continue;
        }
        let pick = Pick {
            score,
            ..picks[candidate]
        };
        let crop = masks
            .boxes
            .map(|boxes| boxes[pick.query as usize].enlarged(options.box_factor));
        let (points, bounds) = geometry.measure(&superpoints, crop.as_ref());
        finished.push(Finished {
            pick,
            superpoints,
            crop,
            bounds,
            points,
        });
    }
    Ok(finished)
}

fn check(
    masks: &QueryMasks,
    picks: &[Pick],
    geometry: &SuperpointGeometry,
) -> Result<(), ProposalError> {
    let superpoints = geometry.count();
    if masks.superpoints != superpoints {
        return Err(ProposalError::Superpoints {
            network: masks.superpoints,
            scan: superpoints,
        });
    }
    let queries = masks.boxes.map_or_else(
        || masks.logits.len() / superpoints.max(1),
        <[CenteredBox]>::len,
    );
    if masks.logits.len() != queries * superpoints {
        return Err(ProposalError::Length {
            array: "masks",
            expected: queries * superpoints,
            found: masks.logits.len(),
        });
    }
    if let Some(index) = masks.logits.iter().position(|logit| !logit.is_finite()) {
        return Err(ProposalError::NotFinite {
            array: "masks",
            index,
        });
    }
    let finite = |pick: &Pick| pick.score.is_finite() && (pick.query as usize) < queries;
    match picks.iter().position(|pick| !finite(pick)) {
        Some(index) => Err(ProposalError::NotFinite {
            array: "classes",
            index,
        }),
        None => Ok(()),
    }
}

/// Mean probability over the superpoints that the mask covers (logit above zero); 0 if it covers
/// none.
pub(in crate::instances) fn mask_score(logits: &[f32]) -> f32 {
    let (sum, count) = logits
        .iter()
        .filter(|logit| **logit > 0.0)
        .fold((0.0, 0.0), |(sum, count), &logit| {
            (sum + sigmoid(logit), count + 1.0)
        });
    sum / (count + 1e-6)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safetensors::{Dtype, SafeTensors};

    use super::*;
    use crate::{
        golden,
        instances::{
            Panoptic, PanopticOptions, STUFF, class_picks, geometry::tests::areas, panoptic,
            semantics,
        },
    };

    fn numbers(tensors: &SafeTensors, name: &str) -> Vec<f64> {
        let tensor = tensors.tensor(name).unwrap();
        let data = tensor.data();
        match tensor.dtype() {
            Dtype::F32 => data
                .chunks_exact(4)
                .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
                .collect(),
            Dtype::F64 => data
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
                .collect(),
            Dtype::I64 => data
                .chunks_exact(8)
                .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64)
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    fn triples(values: Vec<f64>) -> Vec<[f32; 3]> {
        values
            .chunks_exact(3)
            .map(|c| [c[0] as f32, c[1] as f32, c[2] as f32])
            .collect()
    }

    /// Checks the queries, labels, points and scores of the instances found.
    fn assert_picks(
        case: &str,
        found: &[Finished],
        (superpoints, positions): (&Superpoints, &[[f32; 3]]),
        expected: impl Fn(&str) -> Vec<f64>,
    ) {
        let values = |value: fn(&Finished) -> f64| found.iter().map(value).collect::<Vec<_>>();
        assert_eq!(
            values(|f| f64::from(f.pick.query)),
            expected("query_index"),
            "{case}"
        );
        assert_eq!(
            values(|f| f64::from(f.pick.label)),
            expected("labels"),
            "{case}"
        );
        assert_eq!(
            values(|f| f64::from(f.points)),
            expected("mask_point_count"),
            "{case}"
        );
        let listed = found
            .iter()
            .map(|f| f.point_indices(superpoints, positions).len() as f64);
        assert_eq!(
            listed.collect::<Vec<_>>(),
            expected("mask_point_count"),
            "{case}"
        );
        for (f, score) in found.iter().zip(expected("scores")) {
            assert!(
                (f64::from(f.pick.score) - score).abs() <= 1e-4 * score,
                "{case}: {} is not {score}",
                f.pick.score
            );
        }
    }

    #[test]
    fn equals_the_released_code() {
        for case in ["postproc_sn200", "postproc_sn20"] {
            let bytes = golden::bytes(&format!("segdino3d/{case}.safetensors"));
            let tensors = SafeTensors::deserialize(&bytes).unwrap();
            let positions = triples(numbers(&tensors, "input.points_xyz"));
            let raw_ids: Vec<u32> = numbers(&tensors, "input.superpoint_ids")
                .iter()
                .map(|&v| v as u32)
                .collect();
            let superpoints = Superpoints::from_ids(&raw_ids);
            let count = superpoints.count();
            let mut raw_of_superpoint = vec![0; count];
            for (raw, s) in raw_ids.iter().zip(superpoints.superpoint_of_point()) {
                raw_of_superpoint[*s as usize] = *raw as usize;
            }
            let raw_masks = numbers(&tensors, "input.masks");
            let queries = raw_masks.len() / count;
            let centers = triples(numbers(&tensors, "input.centers"));
            let sizes = triples(numbers(&tensors, "input.sizes"));
            let logits: Vec<f32> = raw_masks
                .chunks(count)
                .flat_map(|row| raw_of_superpoint.iter().map(|&raw| row[raw] as f32))
                .collect();
            let boxes: Vec<CenteredBox> = centers
                .iter()
                .zip(&sizes)
                .map(|(&center, &size)| CenteredBox { center, size })
                .collect();
            let floats = |name: &str| {
                numbers(&tensors, name)
                    .iter()
                    .map(|v| *v as f32)
                    .collect::<Vec<_>>()
            };
            let (class_logits, surface_logits) =
                (floats("input.cls_preds"), floats("input.sem_preds"));
            let picks = class_picks(&class_logits, class_logits.len() / queries, 600);
            let geometry =
                SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
            let finished = |boxes| {
                let masks = QueryMasks {
                    superpoints: count,
                    logits: &logits,
                    boxes,
                };
                let options = PostprocessOptions::default();
                postprocess_picks(&masks, &picks, &geometry, &options).unwrap()
            };
            // Every superpoint is a query, in the order of the file.
            let columns = surface_logits.len() / queries;
            let own = |classes: usize| {
                let of_raw = semantics(
                    &surface_logits,
                    columns,
                    classes,
                    &(0..queries as u32).collect::<Vec<_>>(),
                    count,
                );
                raw_of_superpoint
                    .iter()
                    .map(|&raw| of_raw[raw])
                    .collect::<Vec<_>>()
            };
            let class_of_superpoint = own(columns - 1);
            let map: Vec<f64> = superpoints
                .superpoint_of_point()
                .iter()
                .map(|&s| f64::from(class_of_superpoint[s as usize]))
                .collect();
            assert_eq!(map, numbers(&tensors, "expected.semantic_map"), "{case}");
            for (found, prefix) in [
                (finished(Some(&boxes[..])), "expected"),
                (finished(None), "expected_no_box_filter"),
            ] {
                let expected = |name: &str| numbers(&tensors, &format!("{prefix}.{name}"));
                assert_picks(case, &found, (&superpoints, &positions), expected);
                let Panoptic {
                    class_of_point,
                    instance_of_point,
                    ..
                } = panoptic(
                    &found,
                    &own(STUFF),
                    &geometry,
                    &positions,
                    &PanopticOptions::default(),
                );
                assert_eq!(
                    class_of_point
                        .iter()
                        .map(|c| f64::from(*c))
                        .collect::<Vec<_>>(),
                    expected("panoptic_semantic_map"),
                    "{case}"
                );
                assert_eq!(
                    instance_of_point
                        .iter()
                        .map(|i| f64::from(*i))
                        .collect::<Vec<_>>(),
                    expected("panoptic_instance_map"),
                    "{case}"
                );
            }
        }
    }
}
