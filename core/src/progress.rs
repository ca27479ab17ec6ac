//! Progress reports and cancellation: the last argument of every long stage.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde::{Deserialize, Serialize};

/// The stages of the pipeline, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Bytes to points.
    Read,
    /// Neighbors, normals, superpoints and their hierarchy.
    Superpoints,
    /// Fetching and loading the network's weights.
    Model,
    /// Voxels and the sparse U-Net.
    Backbone,
    /// Queries, attention and masks.
    Decoder,
    /// From proposals to scored, separate instances.
    Instances,
    /// Writing all points of a file that is read in slices.
    Write,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Superpoints,
        Self::Model,
        Self::Backbone,
        Self::Decoder,
        Self::Instances,
        Self::Write,
    ];
}

/// The progress of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The current stage.
    pub stage: Stage,
    /// The finished fraction of it, 0..=1.
    pub done: f32,
}

/// The work was cancelled by its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A token that stops the work at its next check; clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Requests the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// `true` if the work was requested to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Receives the progress of a stage and tells it when to stop.
///
/// ```
/// use segscape::{
///     progress::{Cancel, Monitor, Progress},
///     scan::{self, ReadError},
/// };
///
/// let cancel = Cancel::default();
/// let report = |Progress { stage, done }| println!("{stage:?}: {:.0} %", 100.0 * done);
/// let monitor = Monitor::new(&report, &cancel);
/// cancel.cancel(); // from any thread
/// # let file = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\n\
/// #     property float z\nend_header\n0 0 0\n";
/// assert!(matches!(scan::read(file, &monitor), Err(ReadError::Cancelled(_))));
/// ```
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    report: &'a dyn Fn(Progress),
    cancel: Option<&'a Cancel>,
}

impl<'a> Monitor<'a> {
    /// Creates a monitor that reports to `report` and stops the work once `cancel` is set.
    pub fn new(report: &'a dyn Fn(Progress), cancel: &'a Cancel) -> Self {
        Self {
            report,
            cancel: Some(cancel),
        }
    }

    /// Creates a monitor that reports nothing and never stops the work.
    pub fn silent() -> Self {
        Self {
            report: &|_| (),
            cancel: None,
        }
    }

    /// Reports that the fraction `done` (0..=1) of `stage` is finished. Should be called at most
    /// about twenty times per stage.
    ///
    /// # Errors
    /// [`Cancelled`] if the token is set.
    pub fn at(&self, stage: Stage, done: f32) -> Result<(), Cancelled> {
        self.check()?;
        (self.report)(Progress { stage, done });
        Ok(())
    }

    /// Checks for cancellation; cheap enough for every few thousand iterations of a loop.
    ///
    /// # Errors
    /// [`Cancelled`] if the token is set.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancel.is_some_and(Cancel::is_cancelled) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_cancelled_monitor_reports_nothing_more() {
        let seen = RefCell::new(Vec::new());
        let report = |p: Progress| seen.borrow_mut().push(p.done);
        let cancel = Cancel::default();
        let monitor = Monitor::new(&report, &cancel);
        assert_eq!(monitor.at(Stage::Read, 0.5), Ok(()));
        cancel.clone().cancel();
        assert_eq!(monitor.at(Stage::Read, 1.0), Err(Cancelled));
        assert_eq!(*seen.borrow(), [0.5]);
    }
}
