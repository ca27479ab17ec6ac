//! What is kept of an instance besides its voxels: of a bounded size, however many frames show it.

use std::collections::BTreeMap;

use super::{
    BestView, TrackedFrame,
    lifted_mask::{LiftedMask, unit},
};

/// Maximum number of names that are kept for an instance; of more, the one with the least votes is
/// forgotten.
const NAMES: usize = 32;
/// Number of views that are kept for whoever looks at the pictures of an instance.
const VIEWS: usize = 3;

/// An instance without its voxels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Track {
    /// Smallest and largest number of a frame with a mask of it.
    pub frames: [u32; 2],
    /// Number of the tracker's frames before the last one with a mask of it.
    pub last: u64,
    /// Number of masks.
    pub observations: u32,
    /// Number of pixels of all masks.
    pub pixels: u64,
    /// Sum of the masks' scores.
    scores: f64,
    /// Sum of the masks' features, weighted with their pixels; empty if none has features.
    features: Vec<f64>,
    /// Sum of the scores of the masks with each name.
    pub votes: BTreeMap<String, f64>,
    /// The frames that show most of it, best first.
    pub views: Vec<BestView>,
}

impl Track {
    /// Adds a mask of the frame before which the tracker had so many `frames`.
    pub fn observe(&mut self, frame: &TrackedFrame, mask: &LiftedMask, frames: u64) {
        self.join(&Self::new(frame, mask, frames));
    }

    /// An instance that a mask begins; see [`Self::observe`].
    pub fn new(frame: &TrackedFrame, mask: &LiftedMask, frames: u64) -> Self {
        let instance = &frame.instances[mask.instance];
        let score = f64::from(instance.score);
        let features = mask.feature.as_ref().map_or(Vec::new(), |feature| {
            let weighted = |x: &f32| f64::from(*x) * f64::from(mask.pixels);
            feature.iter().map(weighted).collect()
        });
        let name = instance.name.trim();
        let votes = (!name.is_empty()).then(|| (name.to_owned(), score));
        Self {
            frames: [frame.number; 2],
            last: frames,
            observations: 1,
            pixels: mask.pixels.into(),
            scores: score,
            features,
            votes: votes.into_iter().collect(),
            views: vec![BestView {
                frame: frame.number,
                voxels: mask.voxels.len() as u32,
            }],
        }
    }

    /// Adds what is known of another instance that is the same thing. Which of the two is added to
    /// the other does not matter.
    pub fn join(&mut self, other: &Self) {
        self.frames[0] = self.frames[0].min(other.frames[0]);
        self.frames[1] = self.frames[1].max(other.frames[1]);
        self.last = self.last.max(other.last);
        self.observations = self.observations.saturating_add(other.observations);
        self.pixels = self.pixels.saturating_add(other.pixels);
        self.scores += other.scores;
        match self.features.is_empty() {
            true => self.features.clone_from(&other.features),
            false => {
                let both = self.features.iter_mut().zip(&other.features);
                both.for_each(|(sum, x)| *sum += x);
            }
        }
        for (name, votes) in &other.votes {
            *self.votes.entry(name.clone()).or_default() += votes;
        }
        while self.votes.len() > NAMES {
            // Of equal ones the last of the alphabet.
            let least = self.votes.iter().rev().min_by(|a, b| a.1.total_cmp(b.1));
            let Some(name) = least.map(|(name, _)| name.clone()) else {
                break;
            };
            self.votes.remove(&name);
        }
        self.views.extend(&other.views);
        let order = |view: &BestView| (std::cmp::Reverse(view.voxels), view.frame);
        self.views.sort_by_key(order);
        self.views.dedup();
        self.views.truncate(VIEWS);
    }

    /// What it looks like, a unit vector.
    pub fn feature(&self) -> Option<Vec<f32>> {
        let sum: Vec<f32> = self.features.iter().map(|x| *x as f32).collect();
        unit(&sum)
    }

    /// Mean score of its masks.
    pub fn score(&self) -> f32 {
        (self.scores / f64::from(self.observations.max(1))) as f32
    }
}

#[cfg(test)]
impl Track {
    /// An instance of which the features are known and nothing else.
    pub fn looking(features: &[f32]) -> Self {
        Self {
            features: features.iter().map(|x| f64::from(*x)).collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn track(number: u32, score: f64, name: String, voxels: u32) -> Track {
        Track {
            frames: [number, number + 1],
            last: number.into(),
            observations: 2,
            pixels: u64::from(voxels) * 10,
            scores: score,
            features: vec![f64::from(number), 1.0],
            votes: [(name, score)].into(),
            views: vec![BestView {
                frame: number,
                voxels,
            }],
        }
    }

    fn any_track() -> impl Strategy<Value = Track> {
        (0u32..9, 0u8..9, "[a-c]", 1u32..9).prop_map(|(number, score, name, voxels)| {
            track(number, f64::from(score) / 8.0, name, voxels)
        })
    }

    proptest! {
        #[test]
        fn joining_is_symmetric(one in any_track(), other in any_track()) {
            let [mut a, mut b] = [one.clone(), other.clone()];
            a.join(&other);
            b.join(&one);
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn what_is_kept_does_not_grow() {
        let mut kept = track(0, 9.0, "lamp".to_owned(), 5);
        for number in 0..1000 {
            kept.join(&track(number, 0.5, format!("name {number}"), number % 7));
        }
        assert!(kept.votes.len() == NAMES && kept.votes.contains_key("lamp"));
        // The first three of the frames with six voxels: 6, 13, 20.
        let views: Vec<_> = kept
            .views
            .iter()
            .map(|view| (view.frame, view.voxels))
            .collect();
        assert_eq!(views, [(6, 6), (13, 6), (20, 6)]);
        assert_eq!((kept.frames, kept.observations), ([0, 1000], 2002));
    }

    #[test]
    fn features_are_weighted_with_pixels() {
        let mut sum = Track::looking(&[30.0, 0.0]);
        sum.join(&Track::looking(&[0.0, 40.0]));
        // (30, 40) / 50
        assert_eq!(sum.feature(), Some(vec![0.6, 0.8]));
        assert_eq!(Track::default().feature(), None);
    }
}
