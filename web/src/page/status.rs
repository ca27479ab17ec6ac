//! The state of the work in one line.

use leptos::prelude::*;
use segscape::progress::Stage;

use super::state::{StageState, State, Work};
use crate::numbers::grouped;

impl State {
    /// One line that summarizes the state of the work.
    pub fn status(&self) -> String {
        if let Some(files) = self.files_listed.get() {
            return format!("Listing files … {}", grouped(files));
        }
        match self.work.get() {
            Work::Idle => "Ready for a scan".into(),
            Work::Running if self.following.with(Option::is_some) => {
                self.following.get().unwrap_or_default().words()
            }
            Work::Running => self.stages.with(|stages| match stages.last() {
                Some(stage) if stage.stage == Stage::Read && self.reading.get().is_some() => {
                    let (done, of) = self.reading.get().unwrap_or_default();
                    format!("Reading … frame {done} of {of}")
                }
                Some(stage) => format!("{} … {:.0} %", stage_name(stage.stage), stage.done * 100.0),
                None => "Starting …".into(),
            }),
            Work::Waiting => "The points are shown, nothing is searched so far".into(),
            Work::Done => self.stages.with(|stages| {
                let named =
                    |stage: &&StageState| stage.stage != Stage::Model && !stage.outcome.is_empty();
                let outcomes: Vec<_> = stages
                    .iter()
                    .filter(named)
                    .map(|stage| stage.outcome.as_str())
                    .collect();
                if outcomes.is_empty() {
                    "Done".into()
                } else {
                    format!("Done: {}", outcomes.join(" · "))
                }
            }),
            Work::Cancelled => "Cancelled".into(),
            Work::Failed => "Stopped".into(),
        }
    }
}

/// The name of a stage, for the user.
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "Reading",
        Stage::Superpoints => "Superpoints",
        Stage::Model => "Loading the model",
        Stage::Backbone => "Backbone",
        Stage::Decoder => "Decoder",
        Stage::Instances => "Instances",
    }
}
