//! The state of the work in one line.

use leptos::prelude::*;
use segscape::progress::Stage;

use super::state::{StageState, State, Work};
use crate::{
    numbers::grouped,
    text::{Text, said, said_with, tr},
};

impl State {
    /// One line that summarizes the state of the work.
    pub fn status(&self) -> String {
        if let Some(files) = self.files_listed.get() {
            return said_with("Listing files … {count}", &[("count", &grouped(files))]);
        }
        match self.work.get() {
            Work::Idle => said("Ready for a scan").to_owned(),
            Work::Running if self.following.with(Option::is_some) => {
                self.following.get().unwrap_or_default().words()
            }
            Work::Running => self.stages.with(|stages| match stages.last() {
                Some(stage) if stage.stage == Stage::Read && self.reading.get().is_some() => {
                    let (done, of) = self.reading.get().unwrap_or_default();
                    said_with(
                        "Reading … frame {done} of {of}",
                        &[("done", &done), ("of", &of)],
                    )
                }
                stage => {
                    let doing = match stage {
                        Some(stage) => {
                            let name = stage_name(stage.stage).said();
                            format!("{name} … {:.0} %", stage.done * 100.0)
                        }
                        None => said("Starting …").to_owned(),
                    };
                    match self.first_look.get() {
                        Some(_) => said_with(
                            "{reading}, a part of the points is shown",
                            &[("reading", &doing)],
                        ),
                        None => doing,
                    }
                }
            }),
            Work::Waiting => said("The points are shown, nothing is searched so far").to_owned(),
            Work::Done => self.stages.with(|stages| {
                let named =
                    |stage: &&StageState| stage.stage != Stage::Model && !stage.outcome.is_empty();
                let outcomes: Vec<_> = stages
                    .iter()
                    .filter(named)
                    .map(|stage| stage.outcome.as_str())
                    .collect();
                if outcomes.is_empty() {
                    said("Done").to_owned()
                } else {
                    said_with("Done: {outcomes}", &[("outcomes", &outcomes.join(" · "))])
                }
            }),
            Work::Cancelled => said("Cancelled").to_owned(),
            Work::Failed => said("Stopped").to_owned(),
        }
    }
}

/// The name of a stage, for the user.
pub fn stage_name(stage: Stage) -> Text {
    match stage {
        Stage::Read => tr("Reading"),
        Stage::Superpoints => tr("Superpoints"),
        Stage::Model => tr("Loading the model"),
        Stage::Backbone => tr("Backbone"),
        Stage::Decoder => tr("Decoder"),
        Stage::Instances => tr("Instances"),
        Stage::Write => tr("Writing"),
    }
}
