//! Simple features of a candidate mask for the learned ranker. They transfer from synthetic to real
//! rooms, while the network's own scores do not.

use super::{
    Candidate, Evidence, Source,
    evidence::{length, mean},
};

/// Number of features.
pub const FEATURES: usize = 29;

/// Names of the features, in order. A ranker stores those that it takes, and one that takes a feature
/// of another name is refused.
///
/// "Members" are the queries that started inside the mask. Lengths are in metres, fractions in
/// 0..=1; -1 stands for an unknown value.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "from_network",    // 1 for a query's or a given mask, 0 for a geometric region
    "persistence",     // ln(death / birth) of a region in the hierarchy, 0 for other masks
    "consensus",       // mean IoU of the mask with its members' masks
    "objectness",      // mean P(object) of the members
    "best_objectness", // largest P(object) of the members
    "predicted_iou",   // mean predicted IoU of the members
    "certainty",       // mask score of the query itself, or its mean over the members
    "coverage",        // mean probability that the members give to the mask's superpoints
    "inner_affinity",  // mean mutual mask probability over contacts inside the mask
    "outer_affinity",  // the same over contacts across the border of the mask
    "inner_contrast",  // mean geometric contrast over contacts inside the mask
    "outer_contrast",  // the same over contacts across its border
    "exposure",        // fraction of the mask's contact edges that cross its border
    "text_agreement",  // length of the mean embedding of the members
    "log_points",      // log2 of the number of points on the mask's area in a typical scan
    "log_superpoints", // log2 of the number of superpoints
    "height",          // vertical extent
    "length",          // larger horizontal extent
    "width",           // smaller horizontal extent
    "bottom",          // height of the lowest point above the scene's lowest point
    "flatness",        // smallest over largest principal deviation
    "elongation",      // middle over largest principal deviation
    "color_deviation", // deviation of the points' colors, 0..=1
    "scene_share",     // fraction of all points of the scene
    "ring_creases",    // fraction of the contact edges across the border with a high contrast
    "ring_text",       // cosine of the embedding with the mean embedding around the mask
    "ring_objectness", // mean P(object) of the queries around the mask
    "ring_color",      // distance of the mean color from the mean color around the mask
    "ring_rise",       // mean height above what is around the mask
];

/// Area per point in a typical scan, a room of fifty thousand points, square metres.
const ORDINARY_POINT: f32 = 0.001;

impl Evidence<'_> {
    /// Computes the features of one candidate, in the order of [`FEATURE_NAMES`]; always finite.
    pub fn features(&self, candidate: &Candidate) -> [f32; FEATURES] {
        let mask = &candidate.superpoints;
        let points = self.geometry.places_in(mask) as f32;
        let members = self.members(mask);
        let over_members = |value: &dyn Fn(usize) -> f32| {
            mean(
                members
                    .iter()
                    .map(|&(query, weight)| (value(query), weight)),
            )
            .unwrap_or(-1.0)
        };
        let object = |query: usize| self.proposals.object[query];
        let (from_network, persistence, certainty) = match candidate.source {
            Source::Query(query) => (1.0, 0.0, self.certainty[query as usize]),
            Source::Region { birth, death } => (
                0.0,
                (death.max(1e-6) / birth.max(1e-6)).ln(),
                over_members(&|query| self.certainty[query]),
            ),
            // Like a query's mask, it is no union of what geometry separates least.
            Source::Given { .. } => (1.0, 0.0, over_members(&|query| self.certainty[query])),
        };
        let sides = self.sides(mask);
        let border = Self::border(&sides);
        let (_, bounds) = self.geometry.measure(mask, None);
        let [x, y, height] = bounds.size();
        let moments = self.geometry.moments(mask);
        let [small, middle, large] = moments
            .principal_deviations()
            .map(|deviation| deviation as f32);
        let share_of_largest = |deviation: f32| if large > 0.0 { deviation / large } else { 0.0 };
        let ring = self.ring(candidate, &sides[1], &moments);
        let features = [
            from_network,
            persistence,
            over_members(&|query| self.consensus(mask, points, query)),
            over_members(&object),
            members
                .iter()
                .map(|&(query, _)| object(query))
                .fold(-1.0, f32::max),
            over_members(&|query| self.proposals.iou[query]),
            certainty,
            over_members(&|query| self.coverage(mask, points, query)),
            border.inner_affinity,
            border.outer_affinity,
            border.inner_contrast,
            border.outer_contrast,
            border.exposure,
            self.text_sum(&members)
                .map_or(-1.0, |(sum, weight)| length(&sum) / weight),
            (self.geometry.area_of(mask) / ORDINARY_POINT)
                .max(1.0)
                .log2(),
            (mask.len().max(1) as f32).log2(),
            height,
            x.max(y),
            x.min(y),
            bounds.min[2] - self.floor,
            share_of_largest(small),
            share_of_largest(middle),
            moments.color_deviation() as f32,
            points / self.scene_points.max(1.0),
            ring.creases,
            ring.text,
            ring.objectness,
            ring.color,
            ring.rise,
        ];
        features.map(|value| if value.is_finite() { value } else { -1.0 })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        instances::{Contact, Proposals, SuperpointGeometry, geometry::tests::areas},
        superpoint::Superpoints,
        text::TextSpace,
    };

    /// Four superpoints in a row with ten points each and one query each. The queries of 0 and 1
    /// agree on the mask {0, 1}, those of 2 and 3 on {2, 3}.
    fn room() -> (Vec<[f32; 3]>, Superpoints, Proposals, Vec<Contact>) {
        let positions: Vec<[f32; 3]> = (0..40)
            .map(|i| [i as f32 * 0.1, (i % 3) as f32 * 0.01, 1.0 + (i % 2) as f32])
            .collect();
        let superpoints = Superpoints::from_ids(&(0..40).map(|i| i / 10).collect::<Vec<_>>());
        let space = TextSpace::default();
        let mut text = vec![0.0; 4 * space.width];
        for query in 0..4 {
            text[query * space.width + query / 2] = 1.0;
        }
        let proposals = Proposals {
            superpoint_count: 4,
            superpoint_of_query: vec![0, 1, 2, 3],
            masks: (0..16)
                .map(|i| {
                    if (i / 4 < 2) == (i % 4 < 2) {
                        5.0
                    } else {
                        -5.0
                    }
                })
                .collect(),
            object: vec![0.8, 0.6, 0.9, 0.9],
            iou: vec![0.7; 4],
            text,
            space,
            logit_scale: 20.0,
        };
        let contact = |a, contrast| Contact {
            superpoints: [a, a + 1],
            edges: 4,
            contrast,
        };
        (
            positions,
            superpoints,
            proposals,
            vec![contact(0, 0.1), contact(1, 0.9), contact(2, 0.2)],
        )
    }

    fn feature(features: &[f32; FEATURES], name: &str) -> f32 {
        features[FEATURE_NAMES.iter().position(|n| *n == name).unwrap()]
    }

    #[test]
    fn an_object_is_told_from_a_piece_and_from_a_merger() {
        let (positions, superpoints, proposals, contacts) = room();
        let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
        let evidence = Evidence::new(&proposals, &geometry, &contacts).unwrap();
        let look = |superpoints: &[u32]| {
            evidence.features(&Candidate {
                superpoints: superpoints.to_vec(),
                source: Source::Region {
                    birth: 0.1,
                    death: 0.8,
                },
            })
        };
        let (piece, object, merger) = (look(&[0]), look(&[0, 1]), look(&[0, 1, 2, 3]));
        assert_eq!(feature(&object, "consensus"), 1.0);
        assert_eq!(feature(&piece, "consensus"), 0.5);
        assert_eq!(feature(&merger, "consensus"), 0.5);
        assert!((feature(&object, "objectness") - 0.7).abs() < 1e-6);
        assert!(
            feature(&object, "inner_affinity") > 0.99 && feature(&object, "outer_affinity") < 0.01
        );
        assert!(feature(&piece, "outer_affinity") > 0.99);
        assert_eq!(
            (
                feature(&object, "inner_contrast"),
                feature(&object, "outer_contrast")
            ),
            (0.1, 0.9)
        );
        assert_eq!(feature(&object, "exposure"), 0.5);
        assert_eq!(
            [&piece, &object, &merger].map(|mask| feature(mask, "ring_creases")),
            [0.0, 1.0, -1.0],
            "nothing is around all of it"
        );
        assert_eq!(
            [&piece, &object, &merger].map(|mask| feature(mask, "ring_text")),
            [1.0, 0.0, -1.0],
            "around a piece is more of the same thing"
        );
        assert!((feature(&piece, "ring_objectness") - 0.6).abs() < 1e-6);
        assert!(feature(&piece, "ring_rise").abs() < 1e-6);
        assert_eq!(feature(&merger, "exposure"), 0.0);
        assert_eq!(feature(&object, "text_agreement"), 1.0);
        assert!((feature(&merger, "text_agreement") - 0.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!(
            (feature(&object, "height"), feature(&object, "bottom")),
            (1.0, 0.0)
        );
        assert_eq!(feature(&object, "scene_share"), 0.5);
        assert!((feature(&object, "log_points") - 20.0_f32.log2()).abs() < 1e-5);
        assert!((feature(&object, "persistence") - 8.0_f32.ln()).abs() < 1e-5);
    }

    #[test]
    fn without_a_network_the_geometry_still_speaks() {
        let (positions, superpoints, _, contacts) = room();
        let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
        let nothing = Proposals {
            superpoint_count: 4,
            ..Proposals::default()
        };
        let evidence = Evidence::new(&nothing, &geometry, &contacts).unwrap();
        let candidate = Candidate {
            superpoints: vec![0, 1],
            source: Source::Region {
                birth: 0.0,
                death: 1.0,
            },
        };
        let features = evidence.features(&candidate);
        assert_eq!(
            (
                feature(&features, "consensus"),
                feature(&features, "inner_affinity")
            ),
            (-1.0, -1.0)
        );
        assert_eq!(feature(&features, "outer_contrast"), 0.9);
        assert_eq!(evidence.embedding(&candidate), None);
    }

    #[test]
    fn a_mask_speaks_with_its_members_voice() {
        let (positions, superpoints, mut proposals, contacts) = room();
        let axis = |embedding: Vec<f32>| (embedding[0], embedding[1]);
        let region = |superpoints: &[u32]| Candidate {
            superpoints: superpoints.to_vec(),
            source: Source::Region {
                birth: 0.1,
                death: 0.8,
            },
        };
        let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
        let evidence = Evidence::new(&proposals, &geometry, &contacts).unwrap();
        assert_eq!(
            axis(evidence.embedding(&region(&[2, 3])).unwrap()),
            (0.0, 1.0)
        );
        let half = 0.5_f32.sqrt();
        let (a, b) = axis(evidence.embedding(&region(&[0, 2])).unwrap());
        assert!((a - half).abs() < 1e-6 && (b - half).abs() < 1e-6);
        // The mask of a query gives more weight to the superpoints with a high probability.
        let (a, b) = axis(
            evidence
                .embedding(&Candidate {
                    superpoints: vec![0, 2],
                    source: Source::Query(0),
                })
                .unwrap(),
        );
        assert!(a > 0.999 && b < 0.01);
        // Superpoint 3 has no query any more, so the queries that cover it determine the embedding.
        proposals.superpoint_of_query = vec![0, 1, 2];
        proposals.object.truncate(3);
        proposals.iou.truncate(3);
        proposals.masks.truncate(12);
        proposals.text.truncate(3 * proposals.space.width);
        let evidence = Evidence::new(&proposals, &geometry, &contacts).unwrap();
        let (a, b) = axis(evidence.embedding(&region(&[3])).unwrap());
        assert!(b > 0.99 && a < 0.05, "{a} {b}");
    }
}
