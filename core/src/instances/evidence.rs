//! Everything known about a scene, evaluated for one candidate mask at a time.

use std::sync::OnceLock;

use super::{Contact, ProposalError, Proposals, SuperpointGeometry, released::mask_score};
use crate::geometry::sigmoid;

/// Maximum number of members that are compared with a mask: those with the largest superpoints.
const MAX_MEMBERS: usize = 64;

/// The origin of a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// The mask of a query.
    Query(u32),
    /// A region of the geometric hierarchy, which exists between two merge thresholds.
    Region {
        /// Threshold at which it appears.
        birth: f32,
        /// Threshold at which it becomes part of a larger region.
        death: f32,
    },
    /// A mask that another method found.
    Given {
        /// The confidence of that method.
        score: f32,
    },
}

/// A set of superpoints that may be one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Ascending, non-empty superpoint ids.
    pub superpoints: Vec<u32>,
    /// Origin of the candidate.
    pub source: Source,
}

/// Everything known about a scene's superpoints, prepared for evaluating candidates.
pub struct Evidence<'a> {
    pub(super) proposals: &'a Proposals,
    pub(super) geometry: &'a SuperpointGeometry<'a>,
    query_of_superpoint: Vec<Option<u32>>,
    /// Number of places in each query's mask, `(queries)`. Repeated points count once everywhere
    /// here, and stray points do not count.
    area_of_query: Vec<f32>,
    /// Mask score of each query, `(queries)`.
    pub(super) certainty: Vec<f32>,
    /// Mask probabilities, `(superpoints, queries)`: the network's masks the other way round, so
    /// that those of one superpoint are next to each other.
    probabilities: OnceLock<Vec<f32>>,
    /// Contacts of each superpoint, `(superpoints)`; each contact is stored from both sides.
    contacts: Vec<Vec<Neighbor>>,
    /// Height of the lowest point.
    pub(super) floor: f32,
    pub(super) scene_points: f32,
}

pub(super) struct Neighbor {
    pub superpoint: u32,
    /// Number of graph edges between the two.
    pub edges: f32,
    /// Mean weight of those edges.
    pub contrast: f32,
    /// Mean probability that the two superpoints belong together, according to the queries that
    /// started in them.
    affinity: Option<f32>,
}

impl<'a> Evidence<'a> {
    /// Prepares the evidence. O(queries * superpoints + contacts).
    ///
    /// # Errors
    /// [`ProposalError`] if the arrays are inconsistent with each other or with `geometry`.
    ///
    /// # Panics
    /// If a contact names a superpoint that does not exist.
    pub fn new(
        proposals: &'a Proposals,
        geometry: &'a SuperpointGeometry<'a>,
        contacts: &[Contact],
    ) -> Result<Self, ProposalError> {
        proposals.check(geometry.count())?;
        let query_of_superpoint = proposals.query_of_superpoint();
        let sizes: Vec<f32> = (0..geometry.count() as u32)
            .map(|s| {
                if geometry.is_stray(s) {
                    0
                } else {
                    geometry.places(s)
                }
            })
            .map(|places| places as f32)
            .collect();
        let area = |query| {
            proposals
                .logits(query)
                .iter()
                .zip(&sizes)
                .filter(|(logit, _)| **logit > 0.0)
                .map(|(_, size)| size)
                .sum()
        };
        let mut neighbors: Vec<Vec<Neighbor>> = (0..geometry.count()).map(|_| Vec::new()).collect();
        for contact in contacts {
            let [a, b] = contact.superpoints;
            let seen = |from: u32, to: u32| {
                query_of_superpoint[from as usize]
                    .map(|query| sigmoid(proposals.logits(query as usize)[to as usize]))
            };
            let affinity = mean(
                [seen(a, b), seen(b, a)]
                    .into_iter()
                    .flatten()
                    .map(|probability| (probability, 1.0)),
            );
            for (from, to) in [(a, b), (b, a)] {
                let neighbor = Neighbor {
                    superpoint: to,
                    edges: contact.edges as f32,
                    contrast: contact.contrast,
                    affinity,
                };
                neighbors[from as usize].push(neighbor);
            }
        }
        Ok(Self {
            proposals,
            geometry,
            area_of_query: (0..proposals.queries()).map(area).collect(),
            certainty: (0..proposals.queries())
                .map(|query| mask_score(proposals.logits(query)))
                .collect(),
            probabilities: OnceLock::new(),
            query_of_superpoint,
            contacts: neighbors,
            floor: geometry.scene().min[2],
            scene_points: sizes.iter().sum(),
        })
    }

    /// P(object) times predicted IoU times mask score for a query's mask; the other method's
    /// confidence for a given mask; 0 for a region.
    pub(super) fn own_score(&self, candidate: &Candidate) -> f32 {
        match candidate.source {
            Source::Query(query) => {
                let query = query as usize;
                self.proposals.object[query] * self.proposals.iou[query] * self.certainty[query]
            }
            Source::Given { score } => score,
            Source::Region { .. } => 0.0,
        }
    }

    /// The unit embedding of a candidate: the mean of its members' embeddings, weighted by points
    /// and, for a query's mask, by its probabilities. If no query started inside, a query's mask
    /// has the embedding of that query, and for other masks all queries are weighted by how much of
    /// it they cover. `None` only if there is no query at all.
    pub fn embedding(&self, candidate: &Candidate) -> Option<Vec<f32>> {
        let mask = &candidate.superpoints;
        let mut weighted: Vec<(usize, f32)> = Vec::new();
        for &superpoint in mask {
            if let Some(query) = self.query_of_superpoint[superpoint as usize] {
                let probability = match candidate.source {
                    Source::Query(own) => {
                        sigmoid(self.proposals.logits(own as usize)[superpoint as usize])
                    }
                    Source::Region { .. } | Source::Given { .. } => 1.0,
                };
                weighted.push((
                    query as usize,
                    probability * self.geometry.places(superpoint) as f32,
                ));
            }
        }
        let near = |candidates: Vec<(usize, f32)>| {
            self.text_sum(&candidates).and_then(|(sum, _)| unit(sum))
        };
        near(weighted)
            .or_else(|| {
                if let Source::Query(query) = candidate.source {
                    unit(self.proposals.embedding(query as usize).to_vec())
                } else {
                    None
                }
            })
            .or_else(|| near(self.coverages(mask).into_iter().enumerate().collect()))
    }

    /// The queries that started inside the mask, largest superpoint first; their weights are the
    /// numbers of points of their superpoints.
    pub(super) fn members(&self, mask: &[u32]) -> Vec<(usize, f32)> {
        let query = |&s: &u32| {
            self.query_of_superpoint[s as usize]
                .map(|query| (query as usize, self.geometry.places(s) as f32))
        };
        let mut members: Vec<(usize, f32)> = mask.iter().filter_map(query).collect();
        members.sort_by(|a, b| b.1.total_cmp(&a.1));
        members.truncate(MAX_MEMBERS);
        members
    }

    /// IoU, counted in points, of the mask with a query's mask.
    pub(super) fn consensus(&self, mask: &[u32], points: f32, query: usize) -> f32 {
        let logits = self.proposals.logits(query);
        let inter: f32 = mask
            .iter()
            .filter(|s| logits[**s as usize] > 0.0)
            .map(|&s| self.geometry.places(s) as f32)
            .sum();
        inter / (points + self.area_of_query[query] - inter).max(1.0)
    }

    /// Mean probability over the points of the mask that they belong to a query's object.
    pub(super) fn coverage(&self, mask: &[u32], points: f32, query: usize) -> f32 {
        let logits = self.proposals.logits(query);
        let sum: f32 = mask
            .iter()
            .map(|&s| sigmoid(logits[s as usize]) * self.geometry.places(s) as f32)
            .sum();
        sum / points.max(1.0)
    }

    /// [`Self::coverage`] of all queries, `(queries)`.
    fn coverages(&self, mask: &[u32]) -> Vec<f32> {
        let queries = self.proposals.queries();
        let probabilities = self.probabilities.get_or_init(|| self.by_superpoint());
        let mut sums = vec![0.0; queries];
        for &superpoint in mask {
            let places = self.geometry.places(superpoint) as f32;
            let of_queries = &probabilities[superpoint as usize * queries..][..queries];
            for (sum, probability) in sums.iter_mut().zip(of_queries) {
                *sum += probability * places;
            }
        }
        let points = (self.geometry.places_in(mask) as f32).max(1.0);
        sums.iter_mut().for_each(|sum| *sum /= points);
        sums
    }

    /// The mask probabilities, `(superpoints, queries)`.
    fn by_superpoint(&self) -> Vec<f32> {
        /// Queries whose masks are read at the same time: their values for one superpoint fill a
        /// line of the cache.
        const TOGETHER: usize = 16;
        let (queries, superpoints) = (self.proposals.queries(), self.proposals.superpoint_count);
        let mut probabilities = vec![0.0; queries * superpoints];
        for first in (0..queries).step_by(TOGETHER) {
            let some = first..queries.min(first + TOGETHER);
            for (superpoint, row) in probabilities.chunks_exact_mut(queries.max(1)).enumerate() {
                for (query, value) in some.clone().zip(&mut row[some.clone()]) {
                    *value = sigmoid(self.proposals.masks[query * superpoints + superpoint]);
                }
            }
        }
        probabilities
    }

    /// The query that started in a superpoint.
    pub(super) fn query_of(&self, superpoint: u32) -> Option<usize> {
        self.query_of_superpoint[superpoint as usize].map(|query| query as usize)
    }

    /// The contacts inside a mask, stored from both sides, and those across its border with
    /// superpoints outside it.
    pub(super) fn sides(&self, mask: &[u32]) -> [Vec<&Neighbor>; 2] {
        let mut sides = [Vec::new(), Vec::new()];
        for &superpoint in mask {
            for neighbor in &self.contacts[superpoint as usize] {
                let is_inside = mask.binary_search(&neighbor.superpoint).is_ok();
                sides[usize::from(!is_inside)].push(neighbor);
            }
        }
        sides
    }

    /// The connections over the contacts on either side of a mask's border.
    pub(super) fn border([inner, outer]: &[Vec<&Neighbor>; 2]) -> Border {
        let affinity = |side: &[&Neighbor]| {
            mean(side.iter().filter_map(|n| Some((n.affinity?, n.edges)))).unwrap_or(-1.0)
        };
        let contrast =
            |side: &[&Neighbor]| mean(side.iter().map(|n| (n.contrast, n.edges))).unwrap_or(-1.0);
        let edges = |side: &[&Neighbor]| side.iter().map(|n| n.edges).sum::<f32>();
        // Contacts inside are stored from both sides.
        let all = 0.5 * edges(inner) + edges(outer);
        Border {
            inner_affinity: affinity(inner),
            outer_affinity: affinity(outer),
            inner_contrast: contrast(inner),
            outer_contrast: contrast(outer),
            exposure: if all > 0.0 { edges(outer) / all } else { 0.0 },
        }
    }

    /// Weighted sum of embeddings and the sum of the weights; `None` if that is zero.
    pub(super) fn text_sum(&self, weighted: &[(usize, f32)]) -> Option<(Vec<f32>, f32)> {
        let mut sum = vec![0.0; self.proposals.space.width];
        let mut total = 0.0;
        for &(query, weight) in weighted {
            total += weight;
            for (sum, value) in sum.iter_mut().zip(self.proposals.embedding(query)) {
                *sum += weight * value;
            }
        }
        (total > 0.0).then_some((sum, total))
    }
}

/// Connections of a mask inside and with its surroundings; -1 for unknown values.
pub(super) struct Border {
    pub inner_affinity: f32,
    pub outer_affinity: f32,
    pub inner_contrast: f32,
    pub outer_contrast: f32,
    pub exposure: f32,
}

/// Weighted mean of (value, weight) pairs; `None` if the weights sum to zero.
pub(super) fn mean(values: impl Iterator<Item = (f32, f32)>) -> Option<f32> {
    let (sum, weight) = values.fold((0.0, 0.0), |(sum, total), (value, weight)| {
        (sum + value * weight, total + weight)
    });
    (weight > 0.0).then(|| sum / weight)
}

pub(super) fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|value| value * value).sum::<f32>().sqrt()
}

fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = length(&vector);
    if length < 1e-6 {
        return None;
    }
    vector.iter_mut().for_each(|value| *value /= length);
    Some(vector)
}
