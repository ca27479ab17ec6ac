//! Ranks network masks, geometric regions and given masks together and selects separate instances.

use super::{
    Candidate, Contact, Evidence, GivenMask, Instance, ProposalError, Proposals, Ranker, Region,
    Segmentation, Source, SuperpointGeometry, released::nms::descending, top_queries,
};

/// The masks that become candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Masks {
    /// The masks of the queries, the regions and the given masks, ranked together.
    #[default]
    All,
    /// The masks of the queries only, ranked.
    Network,
    /// The masks of the queries only, with the network's own scores.
    Unranked,
    /// The regions only, ranked.
    Regions,
    /// The given masks only, with their own scores.
    Given,
}

impl Masks {
    fn has_queries(self) -> bool {
        matches!(self, Self::All | Self::Network | Self::Unranked)
    }

    fn has_regions(self) -> bool {
        matches!(self, Self::All | Self::Regions)
    }

    fn has_given(self) -> bool {
        matches!(self, Self::All | Self::Given)
    }

    fn is_ranked(self) -> bool {
        matches!(self, Self::All | Self::Network | Self::Regions)
    }
}

/// Limits of the selection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelectOptions {
    /// The masks to select from.
    pub masks: Masks,
    /// Maximum number of query masks that become candidates: those with the highest P(object) times
    /// predicted IoU.
    pub queries: usize,
    /// A superpoint belongs to a query's mask if its logit is above this; -0.405 is a probability
    /// of 0.4.
    pub mask_logit: f32,
    /// Minimum surface area of a candidate, square metres.
    pub min_area: f32,
    /// Subtracted from the ranker's score of a query's mask, for networks whose masks fit less well
    /// than the ranker believes. The network that ships does best without (MODEL_CARD.md).
    pub query_handicap: f32,
    /// Weight of a given mask's own score beside that of the ranker, 0..=1.
    pub given_weight: f32,
    /// A candidate is removed if its IoU with a better one is above this. A candidate much smaller
    /// than the object around it, such as a cushion on a sofa, is kept.
    pub max_iou: f32,
    /// Scores must be above this.
    pub min_score: f32,
    /// Maximum number of instances.
    pub instances: usize,
}

impl Default for SelectOptions {
    fn default() -> Self {
        Self {
            masks: Masks::All,
            queries: 600,
            mask_logit: -0.405_465_1,
            min_area: 0.1,
            query_handicap: 0.0,
            given_weight: 0.75,
            max_iou: 0.15,
            min_score: 0.25,
            instances: 1000,
        }
    }
}

/// Returns the given masks, the regions and the masks of the best queries, as far as the options ask
/// for them, without stray points and without masks whose surface area is too small. If a region and
/// queries have the same mask, it is there once, as a region, whose score never has a handicap; a
/// given mask has a score of its own, and the better one of equal masks is selected.
pub fn candidates(
    proposals: &Proposals,
    regions: &[Region],
    given: &[GivenMask],
    geometry: &SuperpointGeometry,
    options: &SelectOptions,
) -> Vec<Candidate> {
    let masks = options.masks;
    let queries = if masks.has_queries() {
        options.queries
    } else {
        0
    };
    let regions = if masks.has_regions() { regions } else { &[] };
    let given = if masks.has_given() { given } else { &[] };
    let without_strays = |superpoints: &[u32]| {
        let superpoints = superpoints.iter().copied();
        superpoints.filter(|s| !geometry.is_stray(*s)).collect()
    };
    let queries = top_queries(&proposals.object, &proposals.iou, queries)
        .into_iter()
        .map(|pick| {
            let logits = proposals.logits(pick.query as usize);
            let superpoints = (0..)
                .zip(logits)
                .filter(|(s, logit)| **logit > options.mask_logit && !geometry.is_stray(*s))
                .map(|(s, _)| s)
                .collect();
            Candidate {
                superpoints,
                source: Source::Query(pick.query),
            }
        });
    let regions = regions.iter().map(|region| Candidate {
        superpoints: without_strays(&region.superpoints),
        source: Source::Region {
            birth: region.birth,
            death: region.death,
        },
    });
    let given = given.iter().map(|mask| Candidate {
        superpoints: without_strays(&mask.superpoints),
        source: Source::Given { score: mask.score },
    });
    let mut seen = std::collections::HashSet::new();
    let is_large = |candidate: &Candidate| {
        !candidate.superpoints.is_empty()
            && geometry.area_of(&candidate.superpoints) >= options.min_area
    };
    let is_new = |candidate: &Candidate| seen.insert(candidate.superpoints.clone());
    let own = regions.chain(queries).filter(is_large).filter(is_new);
    given.filter(is_large).chain(own).collect()
}

/// Ranks all candidates of a scene and keeps the best ones that are distinct objects.
///
/// Unranked, or without a `ranker`, the score of a query's mask is P(object) times predicted IoU
/// times mask score, and regions are left out because no score is known for them. `given` masks
/// have scores of their own.
///
/// # Errors
/// [`ProposalError`] if the arrays are inconsistent with each other or with `geometry`.
pub fn select(
    proposals: &Proposals,
    regions: &[Region],
    given: &[GivenMask],
    contacts: &[Contact],
    geometry: &SuperpointGeometry,
    ranker: Option<&Ranker>,
    options: &SelectOptions,
) -> Result<Segmentation, ProposalError> {
    let evidence = Evidence::new(proposals, geometry, contacts)?;
    let ranker = ranker.filter(|_| options.masks.is_ranked());
    let regions = if ranker.is_some() { regions } else { &[] };
    let candidates = candidates(proposals, regions, given, geometry, options);
    let score = |candidate: &Candidate| {
        let Some(ranker) = ranker else {
            return evidence.own_score(candidate);
        };
        let ranked = ranker.score(&evidence.features(candidate));
        match candidate.source {
            Source::Query(_) => ranked - options.query_handicap,
            Source::Region { .. } => ranked,
            Source::Given { score } => {
                options.given_weight * score + (1.0 - options.given_weight) * ranked
            }
        }
    };
    let scored = candidates
        .into_iter()
        .map(|candidate| (score(&candidate), candidate));
    let mut scored: Vec<(f32, Candidate)> = scored
        .filter(|(score, _)| *score > options.min_score)
        .collect();
    scored.sort_by(|a, b| descending(a.0, b.0));
    let instances = separate(scored, geometry, options)
        .into_iter()
        .map(|(score, candidate)| {
            let (points, bounds) = geometry.measure(&candidate.superpoints, None);
            let embedding = evidence
                .embedding(&candidate)
                .unwrap_or_else(|| vec![0.0; proposals.space.width]);
            Instance {
                superpoints: candidate.superpoints,
                score,
                embedding,
                bounds,
                points,
            }
        });
    Ok(Segmentation {
        space: proposals.space.clone(),
        instances: instances.collect(),
        logit_scale: proposals.logit_scale,
    })
}

/// Greedy non-maximum suppression in the given order: removes a candidate that overlaps too much
/// with one already kept. O(sum of mask sizes): the kept candidates overlap so little that few of
/// them share a superpoint.
fn separate(
    scored: Vec<(f32, Candidate)>,
    geometry: &SuperpointGeometry,
    options: &SelectOptions,
) -> Vec<(f32, Candidate)> {
    let mut kept = Vec::new();
    let mut sizes: Vec<u32> = Vec::new();
    // The kept candidates that contain each superpoint, `(superpoints)`.
    let mut owners: Vec<Vec<u32>> = vec![Vec::new(); geometry.count()];
    for (score, candidate) in scored {
        if kept.len() == options.instances {
            break;
        }
        let mut shared = vec![0; kept.len()];
        for &s in &candidate.superpoints {
            owners[s as usize]
                .iter()
                .for_each(|&other| shared[other as usize] += geometry.places(s));
        }
        let points = geometry.places_in(&candidate.superpoints);
        if shared.iter().zip(&sizes).any(|(&shared, &size)| {
            shared as f32 > options.max_iou * (points + size - shared) as f32
        }) {
            continue;
        }
        candidate
            .superpoints
            .iter()
            .for_each(|&s| owners[s as usize].push(kept.len() as u32));
        sizes.push(points);
        kept.push((score, candidate));
    }
    kept
}

#[cfg(test)]
mod tests;
