//! What lies around a mask: the superpoints that touch it from outside, each weighted by its graph
//! edges into the mask. They tell a whole object, which differs from its surroundings, from a part
//! of one, which does not.

use std::collections::BTreeMap;

use super::{
    Candidate, Evidence,
    evidence::{Neighbor, length, mean},
    geometry::Moments,
};

/// Contrast above which the contact of two superpoints is a crease or an edge of colors.
const CREASE: f32 = 0.3;

/// How a mask differs from its ring; -1 for unknown values.
pub(super) struct Ring {
    /// Share of the edges across the border of the mask whose contrast is high.
    pub creases: f32,
    /// Cosine of the mask's embedding with the mean embedding of the ring.
    pub text: f32,
    /// Mean P(object) of the queries that started in the ring.
    pub objectness: f32,
    /// Distance of the mean colors, 0..=1 along each channel.
    pub color: f32,
    /// Height of the mask's points above those of the ring in the mean, metres; 0 if unknown.
    pub rise: f32,
}

impl Evidence<'_> {
    /// Compares a candidate, whose points have these moments, with what touches it: `touching` are
    /// its contacts with superpoints outside it, one for each pair.
    pub(super) fn ring(
        &self,
        candidate: &Candidate,
        touching: &[&Neighbor],
        moments: &Moments,
    ) -> Ring {
        let is_crease = |contrast: f32| if contrast > CREASE { 1.0 } else { 0.0 };
        let creases = mean(touching.iter().map(|t| (is_crease(t.contrast), t.edges)));
        let mut edges_of: BTreeMap<u32, f32> = BTreeMap::new();
        for one in touching {
            *edges_of.entry(one.superpoint).or_default() += one.edges;
        }
        let queries: Vec<(usize, f32)> = edges_of
            .iter()
            .filter_map(|(&s, &edges)| Some((self.query_of(s)?, edges)))
            .collect();
        let text = || {
            let (sum, _) = self.text_sum(&queries)?;
            let own = self.embedding(candidate)?;
            let dot: f32 = sum.iter().zip(&own).map(|(a, b)| a * b).sum();
            let long = length(&sum);
            (long > 1e-6).then(|| dot / long)
        };
        let objects = queries
            .iter()
            .map(|&(query, edges)| (self.proposals.object[query], edges));
        let of_superpoint = |s: u32| self.geometry.moments(&[s]);
        let channel = |channel: usize| {
            let around = edges_of
                .iter()
                .map(|(&s, &edges)| (of_superpoint(s).mean_color()[channel] as f32, edges));
            Some(mean(around)? - moments.mean_color()[channel] as f32)
        };
        let color = || Some(length(&[channel(0)?, channel(1)?, channel(2)?]));
        let heights = edges_of
            .iter()
            .map(|(&s, &edges)| (of_superpoint(s).mean_position()[2] as f32, edges));
        let rise = mean(heights).map(|around| moments.mean_position()[2] as f32 - around);
        Ring {
            creases: creases.unwrap_or(-1.0),
            text: text().unwrap_or(-1.0),
            objectness: mean(objects).unwrap_or(-1.0),
            color: color().unwrap_or(-1.0),
            rise: rise.unwrap_or(0.0),
        }
    }
}
