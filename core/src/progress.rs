//! Progress out, cancellation in: what every long stage takes as its last argument.

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
    /// Neighbours, normals and the superpoint forest.
    Superpoints,
    /// Fetching and loading the network's weights.
    Model,
    /// Voxels and the sparse U-Net.
    Backbone,
    /// Queries, attention, masks.
    Decoder,
    /// Proposals to scored, separate instances.
    Instances,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Superpoints,
        Self::Model,
        Self::Backbone,
        Self::Decoder,
        Self::Instances,
    ];
}

/// How far one stage has come; `done` is in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The stage at work.
    pub stage: Stage,
    /// The finished share of it, 0..=1.
    pub done: f32,
}

/// The work was cancelled by whoever asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A token that ends the work at its next check; clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the work to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work was asked to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a stage reports to and where it learns that it should stop.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    report: &'a dyn Fn(Progress),
    cancel: Option<&'a Cancel>,
}

impl<'a> Monitor<'a> {
    /// Reports to `report`; stops when `cancel` says so.
    pub fn new(report: &'a dyn Fn(Progress), cancel: &'a Cancel) -> Self {
        Self {
            report,
            cancel: Some(cancel),
        }
    }

    /// Reports to nobody and never stops.
    pub fn silent() -> Self {
        Self {
            report: &|_| (),
            cancel: None,
        }
    }

    /// Reports that `done` (0..=1) of `stage` is finished. Call it at most about twenty times a
    /// stage.
    ///
    /// # Errors
    /// [`Cancelled`] once the token was set.
    pub fn at(&self, stage: Stage, done: f32) -> Result<(), Cancelled> {
        self.check()?;
        (self.report)(Progress { stage, done });
        Ok(())
    }

    /// Cheap enough for every few thousand iterations of a loop.
    ///
    /// # Errors
    /// [`Cancelled`] once the token was set.
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
