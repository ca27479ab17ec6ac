//! The progress of a run by its clock, and the progress bar that shows it.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{config::Config, run::checkpoint::State};

/// Measures the progress of the run, by wall time or by steps.
pub(super) struct Clock {
    began: Instant,
    before: f64,
    budget: f64,
    steps: Option<u64>,
    /// The progress where this part of the run began.
    first: f64,
    /// Time that the device waited for samples, and the time of all steps, since the last message
    /// in the log.
    lately: [Duration; 2],
    pub(super) bar: ProgressBar,
}

impl Clock {
    /// Number of units of the progress bar.
    const PARTS: u64 = 1000;

    pub(super) fn new(config: &Config, state: &State) -> Self {
        let bar = ProgressBar::new(Self::PARTS);
        if let Ok(style) =
            ProgressStyle::with_template("{elapsed_precise} {wide_bar} {percent}% {msg}")
        {
            bar.set_style(style);
        }
        let mut clock = Self {
            began: Instant::now(),
            before: state.seconds,
            budget: config.run.minutes * 60.0,
            steps: config.run.steps,
            first: 0.0,
            lately: [Duration::ZERO; 2],
            bar,
        };
        clock.first = clock.progress(state);
        clock
    }

    /// Seconds of the whole run, including the parts before a resume.
    pub(super) fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    pub(super) fn progress(&self, state: &State) -> f64 {
        match self.steps {
            Some(steps) => state.steps as f64 / steps.max(1) as f64,
            None => self.seconds() / self.budget,
        }
    }

    /// Shows the progress after a step that took `took`, of which the device waited `waited` for
    /// samples.
    pub(super) fn show(
        &mut self,
        state: &State,
        figures: &[f32],
        waited: Duration,
        took: Duration,
    ) {
        let progress = self.progress(state);
        let left = time_left(self.began.elapsed(), self.first, progress).as_secs() / 60;
        self.lately[0] += waited;
        self.lately[1] += took;
        let message = format!(
            "step {} loss {:.3} IoU {:.3}, {} % of the time waiting for samples, {left} min left",
            state.steps,
            figures[0],
            figures[figures.len() - 1],
            percent(self.lately)
        );
        self.bar
            .set_position((progress * Self::PARTS as f64) as u64);
        let is_said = state.steps.is_power_of_two() || state.steps.is_multiple_of(100);
        if is_said {
            self.lately = [Duration::ZERO; 2];
        }
        if self.bar.is_hidden() && is_said {
            tracing::info!("{message}");
        }
        self.bar.set_message(message);
    }
}

/// The time that the rest takes if it is as fast as the part since `first`, which took `elapsed`.
pub(super) fn time_left(elapsed: Duration, first: f64, progress: f64) -> Duration {
    let rest = (1.0 - progress).max(0.0) / (progress - first).max(1e-9);
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * rest).unwrap_or(Duration::MAX)
}

/// The part in percent of the whole.
fn percent([part, whole]: [Duration; 2]) -> u64 {
    (100.0 * part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)).round() as u64
}
