//! What is filled from a place: the superpoints that can be reached from a click over others that touch
//! each other, bounded by those that may not be filled, as far as one of the nodes of the merge tree
//! around the clicks goes.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    Clicks, Ground, MOST_BY_CLICK, PointedFrom, PointedOut, SMALLEST, Suggestions, TOO_LARGE,
    by_size,
};
use crate::superpoint::{Branch, LARGEST_THING};

/// Of what is filled within nodes of the tree, two sets are the same suggestion if the larger one is
/// less than this larger.
const LARGER: f32 = 1.3;
/// Further sets are not suggested, apart from the largest one.
const MOST_FILLED: usize = 70;

/// What is filled within a node of the tree.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Number of superpoints.
    count: usize,
    /// Surface area, square metres.
    area: f32,
    /// The part of the merge costs below those of the next step at which it stays as it is, 0..=1.
    persistence: f32,
}

impl Ground<'_> {
    /// The sets of superpoints that can be filled from the clicks inside, each a part of the next:
    /// what touches the clicks, or each other, within a node of the merge tree that has all clicks
    /// inside. `barred` superpoints, and the largest nodes around the clicks outside that contain no
    /// click inside, stop it. The largest set is everything that can be reached at all. The one that
    /// is meant most likely is the one that stays as it is for the longest part of the tree and is no
    /// larger than things are. O(superpoints + contacts log superpoints).
    pub fn filled(&self, clicks: &Clicks, barred: &[u32]) -> Suggestions {
        let clicks = self.known(clicks);
        let nodes = self.around(&clicks);
        let mut is_free: Vec<bool> = self.away(&clicks).iter().map(|away| !away).collect();
        for id in barred.iter().chain(&clicks.outside) {
            if let Some(is_free) = is_free.get_mut(*id as usize) {
                *is_free = false;
            }
        }
        for id in &clicks.inside {
            is_free[*id as usize] = true;
        }
        let reached = self.reached(
            &clicks,
            &rank_of_superpoint(&nodes, is_free.len()),
            &is_free,
        );
        let steps = self.steps(&nodes, &reached);
        let smallest = steps
            .first()
            .map_or(SMALLEST, |step| step.area.max(SMALLEST));
        let count = (clicks.inside.len() + clicks.outside.len()).min(MOST_BY_CLICK);
        let worth = |step: &Step| {
            let worth = step.persistence * by_size(step.area, smallest, count);
            match step.area > LARGEST_THING {
                true => TOO_LARGE * worth,
                false => worth,
            }
        };
        let all = steps.iter().enumerate();
        let best = all.max_by(|(_, a), (_, b)| worth(a).total_cmp(&worth(b)));
        let set = |step: &Step| {
            let ids = reached[..step.count].iter().map(|(_, id)| *id);
            let mut superpoints: Vec<u32> = ids.collect();
            superpoints.sort_unstable();
            PointedOut {
                superpoints,
                from: PointedFrom::Region,
                cut: !clicks.outside.is_empty(),
            }
        };
        Suggestions {
            best: best.map_or(0, |(index, _)| index as u32),
            sets: steps.iter().map(set).collect(),
        }
    }

    /// The nodes that contain all clicks inside, smallest first. Where no node does, those around the
    /// first click.
    fn around(&self, clicks: &Clicks) -> Vec<Branch<'_>> {
        let leaf = clicks.inside.first().and_then(|id| self.tree.leaf(*id));
        let all: Vec<Branch> = std::iter::successors(leaf, Branch::parent).collect();
        let holds_all = |node: &Branch| clicks.inside.iter().all(|id| node.contains(*id));
        let first = all.iter().position(holds_all).unwrap_or(0);
        all.into_iter().skip(first).collect()
    }

    /// The free superpoints that can be reached from the clicks inside, each with the highest rank on
    /// the way that keeps it lowest, by ascending rank.
    fn reached(&self, clicks: &Clicks, rank: &[u32], is_free: &[bool]) -> Vec<(u32, u32)> {
        let touching = self.touching();
        let begin = clicks.inside.iter().map(|id| Reverse((0, *id)));
        let mut waiting: BinaryHeap<Reverse<(u32, u32)>> = begin.collect();
        let mut is_reached = vec![false; is_free.len()];
        let mut reached = Vec::new();
        while let Some(Reverse((highest, id))) = waiting.pop() {
            if std::mem::replace(&mut is_reached[id as usize], true) {
                continue;
            }
            reached.push((highest, id));
            for next in &touching[id as usize] {
                if is_free[*next as usize] && !is_reached[*next as usize] {
                    waiting.push(Reverse((highest.max(rank[*next as usize]), *next)));
                }
            }
        }
        reached
    }

    /// `(superpoints)`: the superpoints that each one touches.
    fn touching(&self) -> Vec<Vec<u32>> {
        let mut touching = vec![Vec::new(); self.areas.len()];
        for [a, b] in self
            .tree
            .contacts()
            .iter()
            .map(|contact| contact.superpoints)
        {
            touching[a as usize].push(b);
            touching[b as usize].push(a);
        }
        touching
    }

    /// What is filled within the nodes, smallest first: of sets of about the same size, the one that
    /// stays longest; and last, everything that is reached.
    fn steps(&self, nodes: &[Branch], reached: &[(u32, u32)]) -> Vec<Step> {
        let level = |rank: u32| nodes.get(rank as usize).map_or(0.0, Branch::level);
        let (mut area, mut smallest) = (0.0, 0.0);
        let mut kept: Vec<Step> = Vec::new();
        for (index, (rank, id)) in reached.iter().enumerate() {
            area += self.areas[*id as usize];
            let next = reached.get(index + 1).map(|(next, _)| *next);
            if next == Some(*rank) {
                continue;
            }
            let persistence = match next.map(level) {
                Some(next) if next > 0.0 => (1.0 - level(*rank) / next).max(0.0),
                Some(_) => 0.0,
                // It stays to the root, or is all there is, which is no thing.
                None => {
                    let top = level(nodes.len().saturating_sub(1) as u32).max(f32::MIN_POSITIVE);
                    let others = 1.0 - reached.len() as f32 / self.areas.len() as f32;
                    (1.0 - level(*rank) / top).max(others)
                }
            };
            let step = Step {
                count: index + 1,
                area,
                persistence,
            };
            let is_full = kept.len() == MOST_FILLED;
            match kept.last_mut() {
                Some(last) if area.max(SMALLEST) < LARGER * smallest => {
                    if next.is_none() || persistence > last.persistence {
                        *last = step;
                    }
                }
                Some(last) if is_full => *last = step,
                _ => {
                    smallest = area.max(SMALLEST);
                    kept.push(step);
                }
            }
        }
        kept
    }
}

/// `(superpoints)`: index of the smallest of the nodes, each a part of the next, that contains each
/// superpoint, or their number.
fn rank_of_superpoint(nodes: &[Branch], superpoints: usize) -> Vec<u32> {
    let mut ranks = vec![nodes.len() as u32; superpoints];
    if let Some(first) = nodes.first() {
        for id in first.superpoints() {
            ranks[*id as usize] = 0;
        }
    }
    for (rank, ends) in (1..).zip(nodes.windows(2)) {
        for id in ends[1].beside(&ends[0]) {
            ranks[id as usize] = rank;
        }
    }
    ranks
}
