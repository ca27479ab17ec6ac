//! From proposals, which overlap and repeat each other, to instances and the fate of every
//! superpoint.

use super::Proposal;
use crate::instances::{Claim, NO_INSTANCE, owner_of_superpoint};

/// What became of a superpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It belongs to the instance with this index; of several that contain it, to the smallest, as
    /// everywhere in this crate.
    Instance(u32),
    /// No instance contains it.
    Left(LeftReason),
}

/// Why no instance contains a superpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftReason {
    /// No view sees it.
    Unseen,
    /// It was asked for, and the tracker has no mask of it in its pivot view.
    NoMask,
    /// It was asked for, and the masks contradict each other so that no instance includes it.
    Refused,
    /// The limit of objects that are followed was reached before it was asked for.
    Limit,
}

/// Sorts proposals and joins those whose IoU, counted in points, is above `max_iou`: a proposal that
/// repeats a better one adds to it only the superpoints that no other instance contains. `sizes`,
/// `(superpoints)`, are numbers of points.
pub(super) fn instances(
    mut proposals: Vec<Proposal>,
    sizes: &[u32],
    max_iou: f32,
) -> Vec<Proposal> {
    let points = |of: &[u32]| {
        of.iter()
            .map(|s| u64::from(sizes[*s as usize]))
            .sum::<u64>()
    };
    proposals.sort_by(|a, b| {
        let by_score = b.score.total_cmp(&a.score);
        let by_points = || points(&b.superpoints).cmp(&points(&a.superpoints));
        by_score.then_with(by_points).then(a.seed.cmp(&b.seed))
    });
    let mut kept: Vec<Proposal> = Vec::new();
    let mut kept_points: Vec<u64> = Vec::new();
    // `(superpoints)`: the kept proposals that contain each.
    let mut owners: Vec<Vec<u32>> = vec![Vec::new(); sizes.len()];
    let mut doubles: Vec<(usize, Proposal)> = Vec::new();
    for proposal in proposals {
        let own = points(&proposal.superpoints);
        let mut shared = vec![0u64; kept.len()];
        for &superpoint in &proposal.superpoints {
            for &other in &owners[superpoint as usize] {
                shared[other as usize] += u64::from(sizes[superpoint as usize]);
            }
        }
        let iou = |other: usize| {
            shared[other] as f32 / (own + kept_points[other] - shared[other]).max(1) as f32
        };
        let nearest = (0..kept.len()).max_by(|a, b| iou(*a).total_cmp(&iou(*b)).then(b.cmp(a)));
        match nearest.filter(|other| iou(*other) > max_iou) {
            Some(other) => doubles.push((other, proposal)),
            None => {
                for &superpoint in &proposal.superpoints {
                    owners[superpoint as usize].push(kept.len() as u32);
                }
                kept_points.push(own);
                kept.push(proposal);
            }
        }
    }
    for (into, double) in doubles {
        for superpoint in double.superpoints {
            let owners = &mut owners[superpoint as usize];
            if owners.is_empty() {
                owners.push(into as u32);
                kept[into].superpoints.push(superpoint);
            }
        }
    }
    for proposal in &mut kept {
        proposal.superpoints.sort_unstable();
    }
    kept
}

/// `(superpoints)`: the owner of each, or the reason why there is none, which `left` tells.
pub(super) fn fates(
    instances: &[Proposal],
    sizes: &[u32],
    left: impl Fn(u32) -> LeftReason,
) -> Vec<Fate> {
    let claims = (0..).zip(instances).map(|(instance, proposal)| {
        let points = proposal.superpoints.iter().map(|s| sizes[*s as usize]);
        Claim {
            instance,
            points: points.fold(0, u32::saturating_add),
            superpoints: &proposal.superpoints,
        }
    });
    let owners = owner_of_superpoint(sizes.len(), claims);
    let fate = |(superpoint, owner): (u32, u32)| match owner {
        NO_INSTANCE => Fate::Left(left(superpoint)),
        owner => Fate::Instance(owner),
    };
    (0..).zip(owners).map(fate).collect()
}
