//! What a user points out: the sets of superpoints that contain all clicks on a thing and none beside
//! it, best first chosen, and sets that grow and shrink by a superpoint.
//!
//! Sets come from the instances found, from the masks that the network proposed ([`KeptMasks`]), and
//! from the merge tree; without masks, as in a scene from a file, from the others alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Instance, KeptMasks};
use crate::superpoint::{Branch, Hierarchy, LARGEST_THING};

mod filling;
mod steps;
#[cfg(test)]
mod tests;

/// Further clicks are ignored.
const MOST_CLICKS: usize = 64;
/// Maximum number of sets that are suggested.
const MOST_SETS: usize = 12;
/// Two sets are the same suggestion if the surface that they share is this part of both.
const ALIKE: f32 = 0.9;
/// Nodes of the tree that are less than this larger than another one are one suggestion.
const LARGER: f32 = 1.1;
/// What a set is worth from which the surroundings of clicks beside the thing are taken.
const CUT: f32 = 0.8;
/// What separate pieces are worth together.
const PIECES: f32 = 0.6;
/// What a node of the tree is worth that is larger than things are.
const TOO_LARGE: f32 = 0.25;
/// Every click makes small sets worth more: a set that is a thousand times as large as the smallest
/// one loses half of its worth, at most so many times.
const SMALL_BY_CLICK: f32 = 0.1;
const MOST_BY_CLICK: usize = 5;
/// Sets smaller than this, in square metres, are equally small: so large are the smallest
/// superpoints.
const SMALLEST: f32 = 0.01;

/// The superpoints that a user clicked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clicks {
    /// Those that are part of the thing.
    pub inside: Vec<u32>,
    /// Those that are not.
    pub outside: Vec<u32>,
}

/// Where a set of superpoints comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PointedFrom {
    /// It was found.
    Found,
    /// The network proposed it, and another candidate was found in its place.
    Mask,
    /// It is a node of the merge tree, or what of it is filled.
    Region,
    /// No set has all clicks: it is the sets of some of them together.
    Pieces,
}

/// A set of superpoints that contains all clicks inside, and none outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointedOut {
    /// Ascending ids, never empty.
    pub superpoints: Vec<u32>,
    /// Where it comes from.
    pub from: PointedFrom,
    /// If `true`, what surrounds the clicks outside was taken from it.
    pub cut: bool,
}

/// The sets that clicks may mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suggestions {
    /// By ascending surface area; at most twelve where clicks point out, and seventy where they fill.
    pub sets: Vec<PointedOut>,
    /// Index of the one that is meant most likely; 0 without any.
    pub best: u32,
}

/// What sets are chosen from.
pub struct Ground<'a> {
    tree: &'a Hierarchy,
    masks: &'a KeptMasks,
    found: &'a [Instance],
    /// `(superpoints)`: square metres, never 0.
    areas: Vec<f32>,
}

/// A set that contains all clicks inside, before its superpoints are listed.
struct Held<'a> {
    set: Set<'a>,
    /// If `true`, it contains a click outside.
    cut: bool,
    area: f32,
    worth: f32,
}

enum Set<'a> {
    Found(&'a Instance),
    Mask(usize),
    Region(Branch<'a>),
    Pieces(Vec<u32>),
}

impl<'a> Ground<'a> {
    /// What there is to choose from in a scan. `masks` and `found` are of the superpoints of the
    /// `tree`. O(superpoints).
    pub fn new(tree: &'a Hierarchy, masks: &'a KeptMasks, found: &'a [Instance]) -> Self {
        let areas = tree.areas().into_iter().map(|area| area.max(1e-6));
        Self {
            tree,
            masks,
            found,
            areas: areas.collect(),
        }
    }

    /// The sets that contain all clicks inside and none outside. What was found is preferred to what
    /// the network proposed, and that to nodes of the tree, which are better the longer they live; the
    /// more clicks there are, the smaller is the best set. Where a set contains clicks outside, the
    /// largest nodes around these that contain no click inside are taken from it. A superpoint that
    /// is inside and outside is inside, and those that do not exist are ignored.
    /// O((masks + instances) x superpoints) at worst, milliseconds for ten thousand.
    pub fn pointed_out(&self, clicks: &Clicks) -> Suggestions {
        let clicks = self.known(clicks);
        let away = self.away(&clicks);
        let mut held = self.held(&clicks, &away);
        held.extend(self.pieces(&clicks));
        let mut sets: Vec<(f32, PointedOut)> = Vec::new();
        for held in ranked(held, &clicks) {
            if sets.len() == MOST_SETS {
                break;
            }
            let superpoints = self.superpoints(&held, &away);
            let is_known = |(area, known): &(f32, PointedOut)| {
                self.are_alike((*area, &known.superpoints), (held.area, &superpoints))
            };
            if !superpoints.is_empty() && !sets.iter().any(is_known) {
                let from = match held.set {
                    Set::Found(_) => PointedFrom::Found,
                    Set::Mask(_) => PointedFrom::Mask,
                    Set::Region(_) => PointedFrom::Region,
                    Set::Pieces(_) => PointedFrom::Pieces,
                };
                let cut = held.cut;
                let set = PointedOut {
                    superpoints,
                    from,
                    cut,
                };
                sets.push((held.area, set));
            }
        }
        let area_of_best = sets.first().map_or(0.0, |(area, _)| *area);
        let best = sets.iter().filter(|(area, _)| *area < area_of_best).count();
        // The sort is stable: of equally large sets, the best one stays first.
        sets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Suggestions {
            sets: sets.into_iter().map(|(_, set)| set).collect(),
            best: best as u32,
        }
    }

    /// The clicks on superpoints that exist, each once.
    fn known(&self, clicks: &Clicks) -> Clicks {
        let mut seen = BTreeSet::new();
        let mut known = |ids: &[u32]| -> Vec<u32> {
            let exist = |id: &u32| (*id as usize) < self.areas.len();
            let ids = ids.iter().copied().filter(exist);
            ids.filter(|id| seen.insert(*id))
                .take(MOST_CLICKS)
                .collect()
        };
        let inside = known(&clicks.inside);
        let outside = known(&clicks.outside);
        Clicks { inside, outside }
    }

    /// `(superpoints)`: `true` for the largest nodes that contain a click outside and none inside.
    fn away(&self, clicks: &Clicks) -> Vec<bool> {
        let mut away = vec![false; self.areas.len()];
        let holds = |branch: &Branch| clicks.inside.iter().any(|id| branch.contains(*id));
        for leaf in clicks.outside.iter().filter_map(|id| self.tree.leaf(*id)) {
            let mut largest = leaf;
            while let Some(parent) = largest.parent().filter(|parent| !holds(parent)) {
                largest = parent;
            }
            for superpoint in largest.superpoints() {
                away[*superpoint as usize] = true;
            }
        }
        away
    }

    /// The sets that contain all clicks inside.
    fn held(&self, clicks: &Clicks, away: &[bool]) -> Vec<Held<'a>> {
        if clicks.inside.is_empty() {
            return Vec::new();
        }
        let found = self.found.iter().map(Set::Found);
        let masks = (0..self.masks.count()).map(Set::Mask);
        let regions = self.regions(clicks).into_iter().map(Set::Region);
        let holds_all = |set: &Set| clicks.inside.iter().all(|id| self.contains(set, *id));
        let sets = found.chain(masks).filter(holds_all).chain(regions);
        let held = |set: Set<'a>| {
            let cut = clicks.outside.iter().any(|id| self.contains(&set, *id));
            let (worth, area) = (self.worth(&set), 0.0);
            let mut held = Held {
                set,
                cut,
                area,
                worth: if cut { CUT * worth } else { worth },
            };
            held.area = match &held.set {
                Set::Region(branch) if !cut => branch.area(),
                _ => self.area(&self.superpoints(&held, away)),
            };
            held
        };
        sets.map(held).collect()
    }

    /// The nodes of the tree that contain all clicks inside, smallest first. Of those of about the
    /// same size, the one that lives longest.
    fn regions(&self, clicks: &Clicks) -> Vec<Branch<'a>> {
        let mut kept: Vec<Branch> = Vec::new();
        let (mut smallest, mut was_cut) = (0.0, false);
        let mut next = clicks.inside.first().and_then(|id| self.tree.leaf(*id));
        while let Some(branch) = next {
            next = branch.parent();
            if !clicks.inside.iter().all(|id| branch.contains(*id)) {
                continue;
            }
            let cut = clicks.outside.iter().any(|id| branch.contains(*id));
            match kept.last_mut() {
                Some(last) if branch.area() < LARGER * smallest && cut == was_cut => {
                    if branch.persistence() > last.persistence() {
                        *last = branch;
                    }
                }
                _ => {
                    (smallest, was_cut) = (branch.area(), cut);
                    kept.push(branch);
                }
            }
        }
        kept
    }

    /// The best sets of the single clicks inside, together.
    fn pieces(&self, clicks: &Clicks) -> Option<Held<'a>> {
        if clicks.inside.len() < 2 {
            return None;
        }
        let (mut all, mut worth) = (BTreeSet::new(), f32::INFINITY);
        for id in &clicks.inside {
            if all.contains(id) {
                continue;
            }
            let alone = Clicks {
                inside: vec![*id],
                outside: clicks.outside.clone(),
            };
            let away = self.away(&alone);
            let best = ranked(self.held(&alone, &away), &alone)
                .into_iter()
                .next()?;
            all.extend(self.superpoints(&best, &away));
            worth = worth.min(best.worth);
        }
        let superpoints: Vec<u32> = all.into_iter().collect();
        Some(Held {
            cut: false,
            area: self.area(&superpoints),
            worth: PIECES * worth,
            set: Set::Pieces(superpoints),
        })
    }

    fn contains(&self, set: &Set, superpoint: u32) -> bool {
        match set {
            Set::Found(Instance { superpoints, .. }) | Set::Pieces(superpoints) => {
                superpoints.binary_search(&superpoint).is_ok()
            }
            Set::Mask(mask) => self.masks.contains(*mask, superpoint),
            Set::Region(branch) => branch.contains(superpoint),
        }
    }

    /// What a set is worth by itself, 0..=1: at least one half if it was found, up to 0.8 if the
    /// network proposed it, and up to one half if it is a node of the tree.
    fn worth(&self, set: &Set) -> f32 {
        let worth = match set {
            Set::Found(instance) => 0.5 + 0.5 * instance.score.clamp(0.0, 1.0),
            Set::Mask(mask) => 0.3 + 0.5 * self.masks.score(*mask).clamp(0.0, 1.0),
            Set::Region(branch) => 0.5 * branch.persistence(),
            Set::Pieces(_) => 0.0,
        };
        worth.max(0.0) // not even a score that is no number comes first
    }

    /// Ascending ids of the superpoints of a set, without those that are `away` if it is cut.
    fn superpoints(&self, held: &Held, away: &[bool]) -> Vec<u32> {
        let mut superpoints = match &held.set {
            Set::Found(instance) => instance.superpoints.clone(),
            Set::Mask(mask) => self.masks.superpoints(*mask),
            Set::Region(branch) => {
                let mut superpoints = branch.superpoints().to_vec();
                superpoints.sort_unstable();
                superpoints
            }
            Set::Pieces(superpoints) => superpoints.clone(),
        };
        superpoints.retain(|id| {
            let is_away = held.cut && away.get(*id as usize).is_some_and(|is_away| *is_away);
            !is_away && (*id as usize) < self.areas.len()
        });
        superpoints
    }

    fn area(&self, superpoints: &[u32]) -> f32 {
        let areas = superpoints.iter().map(|id| self.areas[*id as usize]);
        areas.sum()
    }

    /// `true` if two sets, each with its area, are nearly the same.
    fn are_alike(&self, (a, first): (f32, &[u32]), (b, second): (f32, &[u32])) -> bool {
        if a.min(b) < ALIKE * a.max(b) {
            return false;
        }
        let shared = second.iter().copied();
        let shared: Vec<u32> = shared
            .filter(|id| first.binary_search(id).is_ok())
            .collect();
        let shared = self.area(&shared);
        shared >= ALIKE * (a + b - shared)
    }
}

/// What part of its worth a set of this area keeps after so many clicks, if `smallest` is the area of
/// the smallest one.
fn by_size(area: f32, smallest: f32, clicks: usize) -> f32 {
    (area.max(smallest) / smallest).powf(-SMALL_BY_CLICK * clicks as f32)
}

/// Sets by descending worth, in which their sizes now count.
fn ranked<'a>(mut held: Vec<Held<'a>>, clicks: &Clicks) -> Vec<Held<'a>> {
    let areas = held.iter().map(|held| held.area);
    let smallest = areas.fold(f32::INFINITY, f32::min).max(SMALLEST);
    let clicks = (clicks.inside.len() + clicks.outside.len()).min(MOST_BY_CLICK);
    for held in &mut held {
        held.worth *= by_size(held.area, smallest, clicks);
        if matches!(held.set, Set::Region(_)) && held.area > LARGEST_THING {
            held.worth *= TOO_LARGE;
        }
    }
    held.sort_by(|a, b| b.worth.total_cmp(&a.worth));
    held
}
