//! Simple features of a candidate mask, for the learned ranker: they transfer from synthetic to real rooms where the network's own scores do not.

use super::{Contact, ProposalError, Proposals, SuperpointGeometry, postprocess::mask_score, proposals::sigmoid};
use crate::text;

/// Number of features.
pub const FEATURES: usize = 24;

/// What the features are, in order. A ranker stores them and refuses to run when they change.
///
/// "Members" are the queries that started inside the mask. Lengths in metres, shares in 0..=1; -1 where nothing is known.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "from_network",    // 1 for a query's mask, 0 for a geometric region
    "persistence",     // ln(death / birth) of a region in the hierarchy, 0 for a query's mask
    "consensus",       // mean IoU of the mask with its members' masks
    "objectness",      // mean P(object) of the members
    "best_objectness", // the largest P(object) of a member
    "predicted_iou",   // mean predicted IoU of the members
    "certainty",       // mask score: of the query itself, or the mean over the members
    "coverage",        // mean probability that a member gives to the mask's superpoints
    "inner_affinity",  // mean mutual mask probability over contacts inside the mask
    "outer_affinity",  // the same over contacts across its border
    "inner_contrast",  // mean geometric contrast over contacts inside
    "outer_contrast",  // the same across the border
    "exposure",        // share of the mask's contact edges that cross its border
    "text_agreement",  // length of the members' mean embedding
    "log_points",      // log2
    "log_superpoints", // log2
    "height",          // vertical extent
    "length",          // larger horizontal extent
    "width",           // smaller horizontal extent
    "bottom",          // above the scene's lowest point
    "flatness",        // smallest over largest principal deviation
    "elongation",      // middle over largest principal deviation
    "color_deviation", // of the points' colours, 0..=1
    "scene_share",     // of all points
];

/// At most this many members are compared with a mask, those with the largest superpoints.
const MAX_MEMBERS: usize = 64;

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// The mask of a query.
    Query(u32),
    /// A region of the geometric hierarchy that exists between two merge thresholds.
    Region {
        /// Threshold at which it appears.
        birth: f32,
        /// Threshold at which it becomes part of a larger one.
        death: f32,
    },
}

/// A set of superpoints that may be one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Ascending, non-empty superpoint ids.
    pub superpoints: Vec<u32>,
    /// Its origin.
    pub source: Source,
}

/// Everything that is known about a scene's superpoints, arranged for looking at candidates.
pub struct Evidence<'a> {
    proposals: &'a Proposals,
    geometry: &'a SuperpointGeometry<'a>,
    query_of_superpoint: Vec<Option<u32>>,
    /// (queries): points of each query's mask.
    area_of_query: Vec<f32>,
    /// (superpoints): each contact, seen from both sides.
    contacts: Vec<Vec<Neighbor>>,
    floor: f32,
    scene_points: f32,
}

struct Neighbor {
    superpoint: u32,
    edges: f32,
    contrast: f32,
    /// Mean probability that the two belong together, by the queries that started in them.
    affinity: Option<f32>,
}

impl<'a> Evidence<'a> {
    /// Prepares the comparison; O(queries * superpoints + contacts).
    ///
    /// # Errors
    /// [`ProposalError`] when the arrays do not fit together or not to `geometry`.
    ///
    /// # Panics
    /// When a contact names a superpoint that does not exist.
    pub fn new(proposals: &'a Proposals, geometry: &'a SuperpointGeometry<'a>, contacts: &[Contact]) -> Result<Self, ProposalError> {
        proposals.check(geometry.count())?;
        let query_of_superpoint = proposals.query_of_superpoint();
        let sizes: Vec<f32> = (0..geometry.count() as u32).map(|s| geometry.size(s) as f32).collect();
        let area = |query| proposals.logits(query).iter().zip(&sizes).filter(|(logit, _)| **logit > 0.0).map(|(_, size)| size).sum();
        let mut neighbors: Vec<Vec<Neighbor>> = (0..geometry.count()).map(|_| Vec::new()).collect();
        for contact in contacts {
            let [a, b] = contact.superpoints;
            let seen = |from: u32, to: u32| query_of_superpoint[from as usize].map(|query| sigmoid(proposals.logits(query as usize)[to as usize]));
            let affinity = mean([seen(a, b), seen(b, a)].into_iter().flatten().map(|probability| (probability, 1.0)));
            for (from, to) in [(a, b), (b, a)] {
                let neighbor = Neighbor { superpoint: to, edges: contact.edges as f32, contrast: contact.contrast, affinity };
                neighbors[from as usize].push(neighbor);
            }
        }
        Ok(Self {
            proposals,
            geometry,
            area_of_query: (0..proposals.queries()).map(area).collect(),
            query_of_superpoint,
            contacts: neighbors,
            floor: geometry.scene().min[2],
            scene_points: sizes.iter().sum(),
        })
    }

    /// The geometry that candidates refer to.
    pub fn geometry(&self) -> &SuperpointGeometry<'a> {
        self.geometry
    }

    /// The network's output that candidates refer to.
    pub fn proposals(&self) -> &Proposals {
        self.proposals
    }

    /// The features of one candidate, in the order of [`FEATURE_NAMES`]; always finite.
    pub fn features(&self, candidate: &Candidate) -> [f32; FEATURES] {
        let mask = &candidate.superpoints;
        let points = self.geometry.points_in(mask) as f32;
        let members = self.members(mask);
        let over_members = |value: &dyn Fn(usize) -> f32| mean(members.iter().map(|&(query, weight)| (value(query), weight))).unwrap_or(-1.0);
        let object = |query: usize| self.proposals.object[query];
        let (from_network, persistence, certainty) = match candidate.source {
            Source::Query(query) => (1.0, 0.0, mask_score(self.proposals.logits(query as usize))),
            Source::Region { birth, death } => {
                (0.0, (death.max(1e-6) / birth.max(1e-6)).ln(), over_members(&|query| mask_score(self.proposals.logits(query))))
            }
        };
        let border = self.border(mask);
        let (_, bounds) = self.geometry.measure(mask, None);
        let [x, y, height] = bounds.size();
        let moments = self.geometry.moments(mask);
        let [small, middle, large] = moments.principal_deviations().map(|deviation| deviation as f32);
        let share_of_largest = |deviation: f32| if large > 0.0 { deviation / large } else { 0.0 };
        let features = [
            from_network,
            persistence,
            over_members(&|query| self.consensus(mask, points, query)),
            over_members(&object),
            members.iter().map(|&(query, _)| object(query)).fold(-1.0, f32::max),
            over_members(&|query| self.proposals.iou[query]),
            certainty,
            over_members(&|query| self.coverage(mask, points, query)),
            border.inner_affinity,
            border.outer_affinity,
            border.inner_contrast,
            border.outer_contrast,
            border.exposure,
            self.text_sum(&members).map_or(-1.0, |(sum, weight)| length(&sum) / weight),
            points.max(1.0).log2(),
            (mask.len().max(1) as f32).log2(),
            height,
            x.max(y),
            x.min(y),
            bounds.min[2] - self.floor,
            share_of_largest(small),
            share_of_largest(middle),
            moments.color_deviation() as f32,
            points / self.scene_points.max(1.0),
        ];
        features.map(|value| if value.is_finite() { value } else { -1.0 })
    }

    /// P(object) times predicted IoU times mask score of a query's mask; 0 for a region.
    pub(super) fn network_score(&self, candidate: &Candidate) -> f32 {
        match candidate.source {
            Source::Query(query) => {
                let query = query as usize;
                self.proposals.object[query] * self.proposals.iou[query] * mask_score(self.proposals.logits(query))
            }
            Source::Region { .. } => 0.0,
        }
    }

    /// The unit embedding of a candidate: the mean of its members' embeddings, weighted by points and, for a query's mask, by its probabilities. Where no query
    /// started inside, all queries count by how much of the candidate they cover. `None` only when there is no query at all.
    pub fn embedding(&self, candidate: &Candidate) -> Option<Vec<f32>> {
        let mask = &candidate.superpoints;
        let mut weighted: Vec<(usize, f32)> = Vec::new();
        for &superpoint in mask {
            if let Some(query) = self.query_of_superpoint[superpoint as usize] {
                let probability = match candidate.source {
                    Source::Query(own) => sigmoid(self.proposals.logits(own as usize)[superpoint as usize]),
                    Source::Region { .. } => 1.0,
                };
                weighted.push((query as usize, probability * self.geometry.size(superpoint) as f32));
            }
        }
        let points = self.geometry.points_in(mask) as f32;
        let near = |candidates: Vec<(usize, f32)>| self.text_sum(&candidates).and_then(|(sum, _)| unit(sum));
        near(weighted)
            .or_else(|| if let Source::Query(query) = candidate.source { unit(self.proposals.embedding(query as usize).to_vec()) } else { None })
            .or_else(|| near((0..self.proposals.queries()).map(|query| (query, self.coverage(mask, points, query))).collect()))
    }

    /// Queries that started inside the mask, with the points of their superpoints as weights; the largest first.
    fn members(&self, mask: &[u32]) -> Vec<(usize, f32)> {
        let query = |&s: &u32| self.query_of_superpoint[s as usize].map(|query| (query as usize, self.geometry.size(s) as f32));
        let mut members: Vec<(usize, f32)> = mask.iter().filter_map(query).collect();
        members.sort_by(|a, b| b.1.total_cmp(&a.1));
        members.truncate(MAX_MEMBERS);
        members
    }

    /// Intersection over union, in points, of the mask with a query's mask.
    fn consensus(&self, mask: &[u32], points: f32, query: usize) -> f32 {
        let logits = self.proposals.logits(query);
        let inter: f32 = mask.iter().filter(|s| logits[**s as usize] > 0.0).map(|&s| self.geometry.size(s) as f32).sum();
        inter / (points + self.area_of_query[query] - inter).max(1.0)
    }

    /// Mean probability over the points of the mask that they belong to a query's object.
    fn coverage(&self, mask: &[u32], points: f32, query: usize) -> f32 {
        let logits = self.proposals.logits(query);
        let sum: f32 = mask.iter().map(|&s| sigmoid(logits[s as usize]) * self.geometry.size(s) as f32).sum();
        sum / points.max(1.0)
    }

    fn border(&self, mask: &[u32]) -> Border {
        let mut inner = Vec::new();
        let mut outer = Vec::new();
        for &superpoint in mask {
            for neighbor in &self.contacts[superpoint as usize] {
                let side = if mask.binary_search(&neighbor.superpoint).is_ok() { &mut inner } else { &mut outer };
                side.push(neighbor);
            }
        }
        let affinity = |side: &[&Neighbor]| mean(side.iter().filter_map(|n| Some((n.affinity?, n.edges)))).unwrap_or(-1.0);
        let contrast = |side: &[&Neighbor]| mean(side.iter().map(|n| (n.contrast, n.edges))).unwrap_or(-1.0);
        let edges = |side: &[&Neighbor]| side.iter().map(|n| n.edges).sum::<f32>();
        // Contacts inside are met from both sides.
        let all = 0.5 * edges(&inner) + edges(&outer);
        Border {
            inner_affinity: affinity(&inner),
            outer_affinity: affinity(&outer),
            inner_contrast: contrast(&inner),
            outer_contrast: contrast(&outer),
            exposure: if all > 0.0 { edges(&outer) / all } else { 0.0 },
        }
    }

    /// Weighted sum of embeddings and the sum of the weights; `None` when that is zero.
    fn text_sum(&self, weighted: &[(usize, f32)]) -> Option<(Vec<f32>, f32)> {
        let mut sum = vec![0.0; text::DIM];
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

struct Border {
    inner_affinity: f32,
    outer_affinity: f32,
    inner_contrast: f32,
    outer_contrast: f32,
    exposure: f32,
}

/// Weighted mean of (value, weight); `None` without weight.
fn mean(values: impl Iterator<Item = (f32, f32)>) -> Option<f32> {
    let (sum, weight) = values.fold((0.0, 0.0), |(sum, total), (value, weight)| (sum + value * weight, total + weight));
    (weight > 0.0).then(|| sum / weight)
}

fn length(vector: &[f32]) -> f32 {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::superpoint::Superpoints;

    /// Four superpoints in a row, ten points each, one query in each; the queries of 0, 1 agree on {0, 1}, those of 2, 3 on {2, 3}.
    fn room() -> (Vec<[f32; 3]>, Superpoints, Proposals, Vec<Contact>) {
        let positions: Vec<[f32; 3]> = (0..40).map(|i| [i as f32 * 0.1, (i % 3) as f32 * 0.01, 1.0 + (i % 2) as f32]).collect();
        let superpoints = Superpoints::from_ids(&(0..40).map(|i| i / 10).collect::<Vec<_>>());
        let mut text = vec![0.0; 4 * text::DIM];
        for query in 0..4 {
            text[query * text::DIM + query / 2] = 1.0;
        }
        let proposals = Proposals {
            superpoint_count: 4,
            superpoint_of_query: vec![0, 1, 2, 3],
            masks: (0..16).map(|i| if (i / 4 < 2) == (i % 4 < 2) { 5.0 } else { -5.0 }).collect(),
            object: vec![0.8, 0.6, 0.9, 0.9],
            iou: vec![0.7; 4],
            text,
            boxes: None,
        };
        let contact = |a, contrast| Contact { superpoints: [a, a + 1], edges: 4, contrast };
        (positions, superpoints, proposals, vec![contact(0, 0.1), contact(1, 0.9), contact(2, 0.2)])
    }

    fn feature(features: &[f32; FEATURES], name: &str) -> f32 {
        features[FEATURE_NAMES.iter().position(|n| *n == name).unwrap()]
    }

    #[test]
    fn an_object_is_told_from_a_piece_and_from_a_merger() {
        let (positions, superpoints, proposals, contacts) = room();
        let geometry = SuperpointGeometry::new(&positions, None, &superpoints);
        let evidence = Evidence::new(&proposals, &geometry, &contacts).unwrap();
        let look = |superpoints: &[u32]| {
            evidence.features(&Candidate { superpoints: superpoints.to_vec(), source: Source::Region { birth: 0.1, death: 0.8 } })
        };
        let (piece, object, merger) = (look(&[0]), look(&[0, 1]), look(&[0, 1, 2, 3]));
        assert_eq!(feature(&object, "consensus"), 1.0);
        assert_eq!(feature(&piece, "consensus"), 0.5);
        assert_eq!(feature(&merger, "consensus"), 0.5);
        assert!((feature(&object, "objectness") - 0.7).abs() < 1e-6);
        assert!(feature(&object, "inner_affinity") > 0.99 && feature(&object, "outer_affinity") < 0.01);
        assert!(feature(&piece, "outer_affinity") > 0.99);
        assert_eq!((feature(&object, "inner_contrast"), feature(&object, "outer_contrast")), (0.1, 0.9));
        assert_eq!(feature(&object, "exposure"), 0.5);
        assert_eq!(feature(&merger, "exposure"), 0.0);
        assert_eq!(feature(&object, "text_agreement"), 1.0);
        assert!((feature(&merger, "text_agreement") - 0.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!((feature(&object, "height"), feature(&object, "bottom")), (1.0, 0.0));
        assert_eq!(feature(&object, "scene_share"), 0.5);
        assert!((feature(&object, "persistence") - 8.0_f32.ln()).abs() < 1e-5);
    }

    #[test]
    fn without_a_network_the_geometry_still_speaks() {
        let (positions, superpoints, _, contacts) = room();
        let geometry = SuperpointGeometry::new(&positions, None, &superpoints);
        let nothing = Proposals { superpoint_count: 4, ..Proposals::default() };
        let evidence = Evidence::new(&nothing, &geometry, &contacts).unwrap();
        let candidate = Candidate { superpoints: vec![0, 1], source: Source::Region { birth: 0.0, death: 1.0 } };
        let features = evidence.features(&candidate);
        assert_eq!((feature(&features, "consensus"), feature(&features, "inner_affinity")), (-1.0, -1.0));
        assert_eq!(feature(&features, "outer_contrast"), 0.9);
        assert_eq!(evidence.embedding(&candidate), None);
    }

    #[test]
    fn a_mask_speaks_with_its_members_voice() {
        let (positions, superpoints, mut proposals, contacts) = room();
        let axis = |embedding: Vec<f32>| (embedding[0], embedding[1]);
        let region = |superpoints: &[u32]| Candidate { superpoints: superpoints.to_vec(), source: Source::Region { birth: 0.1, death: 0.8 } };
        let geometry = SuperpointGeometry::new(&positions, None, &superpoints);
        let evidence = Evidence::new(&proposals, &geometry, &contacts).unwrap();
        assert_eq!(axis(evidence.embedding(&region(&[2, 3])).unwrap()), (0.0, 1.0));
        let half = 0.5_f32.sqrt();
        let (a, b) = axis(evidence.embedding(&region(&[0, 2])).unwrap());
        assert!((a - half).abs() < 1e-6 && (b - half).abs() < 1e-6);
        // A query's own mask trusts the superpoints it is sure of.
        let (a, b) = axis(evidence.embedding(&Candidate { superpoints: vec![0, 2], source: Source::Query(0) }).unwrap());
        assert!(a > 0.999 && b < 0.01);
        // No query started in superpoint 3 any more: those that cover it speak.
        proposals.superpoint_of_query = vec![0, 1, 2];
        proposals.object.truncate(3);
        proposals.iou.truncate(3);
        proposals.masks.truncate(12);
        proposals.text.truncate(3 * text::DIM);
        let evidence = Evidence::new(&proposals, &geometry, &contacts).unwrap();
        let (a, b) = axis(evidence.embedding(&region(&[3])).unwrap());
        assert!(b > 0.99 && a < 0.05, "{a} {b}");
    }
}
