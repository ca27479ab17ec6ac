//! Instances from masks of 2D models that are tracked through posed depth images, without training:
//! [Any3DIS](https://arxiv.org/abs/2411.16183) (docs/spec/any3dis_segment3d_opentrack3d.md section
//! A), with any [`Tracker`] in place of SAM 2.
//!
//! [`Visibility`] says which superpoints the views see. [`lift()`] takes superpoints that no instance
//! contains yet as seeds, far from each other. Each is segmented in the view that shows it best
//! ([`pivots`]), at points on it ([`prompts()`]), and followed through the other views. The masks
//! vote for superpoints ([`Track`]), [`optimize()`] chooses among them, and this repeats until no
//! superpoint is free.
//!
//! What differs from the released papers' code: neighbours of a superpoint do not include itself,
//! seeds are kept in a set of their own, the pivot is one view of the track and not two, and masks
//! and candidates carry the number of their view.

#[cfg(feature = "captures")]
mod bundle_masks;
#[cfg(feature = "onnx")]
mod model_masks;
mod object_track;
mod optimize;
mod oracle;
mod partition;
mod pivot;
mod prompts;
mod propagate;
#[cfg(feature = "captures")]
mod surface_masks;
#[cfg(test)]
mod tests;
mod tracker;
mod views;
mod visibility;

#[cfg(feature = "captures")]
pub use bundle_masks::BundleMasks;
#[cfg(feature = "onnx")]
pub use model_masks::{ModelMasks, OpenPicture};
pub use object_track::Track;
pub use optimize::{Optimization, optimize};
pub use oracle::{OracleTracker, TrackErrors};
pub use partition::{Fate, LeftReason};
pub use pivot::{Pivot, PivotChoice, histograms, pivots};
pub use prompts::prompts;
pub use propagate::{MaskAnswer, PromptedMasks, PropagatingTracker, Propagation};
#[cfg(feature = "captures")]
pub use surface_masks::SurfaceMasks;
pub use tracker::{OnMask, TrackTask, TrackedMask, Tracker};
pub use views::PosedViews;
#[cfg(feature = "captures")]
pub use views::{BundleViews, CaptureViews};
pub use visibility::{Neighborhoods, Visibility, VisibilityOptions};

use crate::{
    instances::NO_INSTANCE,
    progress::{Cancelled, Monitor, Stage},
    spatial::farthest_points,
    superpoint::Superpoints,
    write::{LabeledInstance, PointLabels},
};

/// The share of the work that the projection of points is, for the report of progress.
const PROJECTED: f32 = 0.2;
/// Maximum number of superpoints in all proposals together.
const MAX_MEMBERS: usize = 1 << 26;
/// Maximum number of neighbours of a superpoint that count.
const MAX_NEIGHBORS: usize = 1024;
/// Maximum number of prompts: that of a model for masks.
const MAX_PROMPTS: usize = 256;

/// How instances are lifted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiftOptions {
    /// κ: number of neighbours whose visibility decides how well a view shows a superpoint.
    pub kappa: usize,
    /// Q: number of seeds of a round.
    pub seeds: usize,
    /// The view in which a seed's object is segmented first.
    pub pivot: PivotChoice,
    /// Number of points on a seed that are asked for in its pivot view.
    pub prompts: usize,
    /// τ: the share of a superpoint's seen points that must be in a mask.
    pub tau: f32,
    /// How superpoints are chosen from what the masks contain.
    pub optimization: Optimization,
    /// Maximum number of views on each side of the pivot in which an object is followed, those with
    /// the largest ψ; all views if `None`, as in the paper.
    pub views_per_side: Option<usize>,
    /// Proposals with a larger IoU, counted in points, are one instance; 1 keeps all.
    pub max_iou: f32,
    /// Maximum number of objects that are followed; all if `None`.
    pub tracks: Option<usize>,
}

impl Default for LiftOptions {
    /// The values of the paper, and a batch of seeds of its unofficial code for large scans.
    fn default() -> Self {
        Self {
            kappa: 32,
            seeds: 256,
            pivot: PivotChoice::default(),
            prompts: 3,
            tau: 0.5,
            optimization: Optimization::default(),
            views_per_side: None,
            max_iou: 0.5,
            tracks: None,
        }
    }
}

/// The superpoints of an object, from the masks of one track.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Ascending, non-empty.
    pub superpoints: Vec<u32>,
    /// The score of the mask in the pivot view, 0..=1.
    pub score: f32,
    /// The superpoint that was asked for.
    pub seed: u32,
    /// The view in which it was segmented.
    pub pivot: u32,
    /// Number of views in which the object was looked for.
    pub views: u32,
}

/// The instances of a scene, without classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lifted {
    /// Best score first. They may overlap.
    pub instances: Vec<Proposal>,
    /// `(superpoints)`: the one instance that a superpoint belongs to, or why there is none.
    pub fates: Vec<Fate>,
    /// Number of objects that were followed.
    pub tracks: usize,
    /// Number of rounds until no superpoint was free.
    pub rounds: usize,
}

/// The reason why nothing is lifted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LiftError {
    /// The superpoints are those of other points.
    #[error("there are {points} points, the superpoints are of {grouped}")]
    Lengths {
        /// Number of points.
        points: usize,
        /// Number of points that are grouped.
        grouped: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("point {point} has a coordinate that is not a finite number")]
    NotFinite {
        /// Index of the point.
        point: usize,
    },
    /// There is nothing to lift from.
    #[error("no view has a depth image: without depth it is not known what a view sees")]
    NoViews,
    /// A view cannot be used.
    #[error("view {view}: {reason}")]
    View {
        /// Its name or number.
        view: String,
        /// The reason.
        reason: String,
    },
    /// An option makes no sense.
    #[error("{name} is {value}, it must be {expected}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f32,
        /// The rule.
        expected: &'static str,
    },
    /// The tracker gave an answer that cannot be one.
    #[error("the tracker {0}")]
    Answer(String),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Checks that an option is a positive number.
fn positive(name: &'static str, value: f32) -> Result<(), LiftError> {
    let expected = "a number above 0";
    match value.is_finite() && value > 0.0 {
        true => Ok(()),
        false => Err(LiftError::Option {
            name,
            value,
            expected,
        }),
    }
}

impl LiftOptions {
    fn check(&self) -> Result<(), LiftError> {
        let rule = |kept: bool, name, value, expected| match kept {
            true => Ok(()),
            false => Err(LiftError::Option {
                name,
                value,
                expected,
            }),
        };
        let share = |value: f32| (0.0..=1.0).contains(&value);
        let Self {
            kappa,
            seeds,
            prompts,
            tau,
            max_iou,
            ..
        } = *self;
        let few = (1..=MAX_NEIGHBORS).contains(&kappa);
        rule(few, "kappa", kappa as f32, "1 to 1024")?;
        rule(seeds > 0, "seeds", seeds as f32, "at least 1")?;
        let few = (1..=MAX_PROMPTS).contains(&prompts);
        rule(few, "prompts", prompts as f32, "1 to 256")?;
        rule(share(tau) && tau > 0.0, "tau", tau, "above 0 and at most 1")?;
        rule(share(max_iou), "max_iou", max_iou, "from 0 to 1")
    }
}

/// Lifts the masks that `tracker` gives to instances, until every superpoint that a view sees is part
/// of an instance or was asked for itself.
///
/// # Errors
/// See [`LiftError`].
pub fn lift(
    visibility: &Visibility,
    tracker: &mut dyn Tracker,
    options: &LiftOptions,
    monitor: &Monitor,
) -> Result<Lifted, LiftError> {
    options.check()?;
    let neighborhoods = Neighborhoods::new(visibility, options.kappa, monitor)?;
    let mut sampling = Sampling {
        visibility,
        options,
        monitor,
        pivots: pivots(visibility, &neighborhoods, options.pivot),
        neighborhoods,
        is_covered: vec![false; visibility.superpoints()],
        asked: vec![Asked::Not; visibility.superpoints()],
        proposals: Vec::new(),
        members: 0,
        tracks: 0,
        reported: 0.0,
    };
    let mut rounds = 0;
    loop {
        let seeds = sampling.seeds();
        if seeds.is_empty() {
            break;
        }
        rounds += 1;
        for group in seeds.chunks(tracker.together().max(1)) {
            sampling.follow(group, tracker)?;
        }
    }
    monitor.at(Stage::Instances, 1.0)?;
    Ok(sampling.finish(rounds))
}

/// What was learned of a superpoint by asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// It was not asked for.
    Not,
    /// The tracker has no mask of it.
    NoMask,
    /// The tracker has a mask of it.
    Mask,
}

/// Iterative sampling of seeds.
struct Sampling<'a> {
    visibility: &'a Visibility,
    options: &'a LiftOptions,
    monitor: &'a Monitor<'a>,
    neighborhoods: Neighborhoods,
    /// `(superpoints)`: `None` for those that no view sees.
    pivots: Vec<Option<Pivot>>,
    /// `(superpoints)`: `true` for those in a proposal.
    is_covered: Vec<bool>,
    /// `(superpoints)`
    asked: Vec<Asked>,
    proposals: Vec<Proposal>,
    /// Number of superpoints in all proposals together.
    members: usize,
    /// Number of objects that were followed.
    tracks: usize,
    /// The share of superpoints that was reported as done.
    reported: f32,
}

impl Sampling<'_> {
    /// A superpoint is free if a view sees it, no proposal contains it and it was not asked for.
    fn is_free(&self, superpoint: u32) -> bool {
        let s = superpoint as usize;
        self.pivots[s].is_some() && !self.is_covered[s] && self.asked[s] == Asked::Not
    }

    fn has_reached_limit(&self) -> bool {
        let most = self.options.tracks.unwrap_or(usize::MAX);
        self.tracks >= most || self.members >= MAX_MEMBERS
    }

    /// The seeds of a round: free superpoints far from each other; none if none is free.
    fn seeds(&self) -> Vec<u32> {
        if self.has_reached_limit() {
            return Vec::new();
        }
        let all = 0..self.visibility.superpoints() as u32;
        let free: Vec<u32> = all.filter(|s| self.is_free(*s)).collect();
        let centroids = self.visibility.centroids();
        let places: Vec<[f32; 3]> = free.iter().map(|s| centroids[*s as usize]).collect();
        let chosen = farthest_points(&places, self.options.seeds).into_iter();
        chosen.map(|i| free[i as usize]).collect()
    }

    /// Follows the objects of those of the seeds that are still free.
    fn follow(&mut self, seeds: &[u32], tracker: &mut dyn Tracker) -> Result<(), LiftError> {
        if self.has_reached_limit() {
            return Ok(());
        }
        let left = self.options.tracks.unwrap_or(usize::MAX) - self.tracks;
        let free = seeds.iter().copied().filter(|s| self.is_free(*s));
        let tasks = self.tasks(&free.take(left).collect::<Vec<u32>>());
        if tasks.is_empty() {
            return Ok(());
        }
        self.report()?;
        let mut found = vec![Track::default(); tasks.len()];
        let scores = {
            let visibility = self.visibility;
            let mut add = |task: usize, view: u32, mask: &TrackedMask| {
                let of = found.len();
                let track = found.get_mut(task).ok_or_else(|| {
                    LiftError::Answer(format!("gave a mask of object {task} of {of}"))
                })?;
                track.add(visibility, view, mask)
            };
            tracker.track(&tasks, self.monitor, &mut add)?
        };
        if scores.len() != tasks.len() {
            return Err(LiftError::Answer(format!(
                "gave {} scores for {} objects",
                scores.len(),
                tasks.len()
            )));
        }
        self.tracks += tasks.len();
        for ((task, track), score) in tasks.iter().zip(found).zip(scores) {
            self.propose(task, &track, score)?;
        }
        Ok(())
    }

    /// Reports progress whenever another twentieth of the superpoints is done.
    fn report(&mut self) -> Result<(), LiftError> {
        let all = self.visibility.superpoints();
        let free = (0..all as u32).filter(|s| self.is_free(*s)).count();
        let done = 1.0 - free as f32 / all as f32;
        if done >= self.reported {
            self.reported = done + 0.05;
            let done = PROJECTED + (1.0 - PROJECTED) * done;
            self.monitor.at(Stage::Instances, done)?;
        }
        Ok(())
    }

    fn tasks(&self, seeds: &[u32]) -> Vec<TrackTask> {
        let all: Vec<u32> = (0..self.visibility.views() as u32).collect();
        let psi = match self.options.views_per_side {
            Some(_) => histograms(self.visibility, &self.neighborhoods, seeds),
            None => Vec::new(),
        };
        let task = |(row, &seed): (usize, &u32)| {
            let pivot = self.pivots[seed as usize]?.view;
            let views = match self.options.views_per_side {
                Some(most) => pivot::views_around(&psi[row], pivot, most),
                None => all.clone(),
            };
            Some(TrackTask {
                seed,
                pivot,
                prompts: prompts(self.visibility, pivot, seed, self.options.prompts),
                views,
            })
        };
        seeds.iter().enumerate().filter_map(task).collect()
    }

    /// Makes a proposal from a track.
    fn propose(
        &mut self,
        task: &TrackTask,
        track: &Track,
        score: Option<f32>,
    ) -> Result<(), LiftError> {
        let Some(score) = score else {
            self.asked[task.seed as usize] = Asked::NoMask;
            return Ok(());
        };
        if !(0.0..=1.0).contains(&score) {
            return Err(LiftError::Answer(format!(
                "gave the score {score}, it must be 0 to 1"
            )));
        }
        self.asked[task.seed as usize] = Asked::Mask;
        let candidates = track.candidates(self.visibility, self.options.tau);
        let gain = |superpoint| track.gain(self.visibility, superpoint);
        let superpoints = optimize(&candidates, gain, self.options.optimization);
        if superpoints.is_empty() {
            return Ok(());
        }
        for &superpoint in &superpoints {
            self.is_covered[superpoint as usize] = true;
        }
        self.members += superpoints.len();
        self.proposals.push(Proposal {
            superpoints,
            score,
            seed: task.seed,
            pivot: task.pivot,
            views: track.views() as u32,
        });
        Ok(())
    }

    fn finish(self, rounds: usize) -> Lifted {
        let sizes: Vec<u32> = (0..self.visibility.superpoints() as u32)
            .map(|superpoint| self.visibility.size(superpoint))
            .collect();
        let instances = partition::instances(self.proposals, &sizes, self.options.max_iou);
        let left = |superpoint: u32| {
            let s = superpoint as usize;
            match (self.pivots[s], self.asked[s]) {
                (None, _) => LeftReason::Unseen,
                (_, Asked::NoMask) => LeftReason::NoMask,
                (_, Asked::Mask) => LeftReason::Refused,
                (_, Asked::Not) => LeftReason::Limit,
            }
        };
        Lifted {
            fates: partition::fates(&instances, &sizes, left),
            instances,
            tracks: self.tracks,
            rounds,
        }
    }
}

impl Lifted {
    /// The number of superpoints that are left for a reason.
    pub fn left(&self, reason: LeftReason) -> usize {
        let fates = self.fates.iter();
        fates.filter(|fate| **fate == Fate::Left(reason)).count()
    }

    /// The points of each instance, ascending; they may overlap. `superpoints` are those that were
    /// lifted.
    pub fn points(&self, superpoints: &Superpoints) -> Vec<Vec<u32>> {
        let instances = self.instances.iter();
        superpoints.points(instances.map(|instance| instance.superpoints.as_slice()))
    }

    /// Gives the points to their instances, with a name for each instance, `(instances)`; instances
    /// without a name have `None`. `superpoints` are those that were lifted.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn point_labels(&self, superpoints: &Superpoints, names: &[Option<String>]) -> PointLabels {
        assert_eq!(
            names.len(),
            self.instances.len(),
            "a name, or none, for each"
        );
        let mut labels: Vec<String> = names.iter().flatten().cloned().collect();
        labels.sort_unstable();
        labels.dedup();
        let instances = (0..).zip(self.instances.iter().zip(names));
        let instances = instances.map(|(id, (instance, name))| LabeledInstance {
            id,
            label: name
                .as_ref()
                .and_then(|name| labels.binary_search(name).ok())
                .map(|label| label as u32),
            score: instance.score,
        });
        let owner = |superpoint: &u32| match self.fates[*superpoint as usize] {
            Fate::Instance(instance) => instance,
            Fate::Left(_) => NO_INSTANCE,
        };
        PointLabels {
            instance_of_point: superpoints
                .superpoint_of_point()
                .iter()
                .map(owner)
                .collect(),
            instances: instances.collect(),
            labels,
        }
    }
}
