//! The constants of `trainer lift`, and the errors of a tracker that knows the truth.

use clap::{Args, ValueEnum};
use segscape::lift::{LiftOptions, Optimization, PivotChoice, TrackErrors, VisibilityOptions};

/// A tracker that knows the labels of a bundle.
#[derive(Args, Clone, Copy, Debug)]
pub struct Oracle {
    /// Follow the objects by the labels of the bundle, with the errors below, in place of masks: it
    /// tells what errors of a tracker cost.
    #[arg(long, conflicts_with = "masks")]
    pub oracle: bool,
    /// Probability that the oracle misses an object in a view.
    #[arg(long, default_value_t = 0.0, requires = "oracle")]
    missed: f32,
    /// Pixels by which its outlines are off at most.
    #[arg(long, default_value_t = 0, requires = "oracle", value_parser = clap::value_parser!(u16).range(0..=64))]
    ragged: u16,
    /// Probability that its mask includes a neighbour.
    #[arg(long, default_value_t = 0.0, requires = "oracle")]
    merged: f32,
    /// Probability in each view that it follows a neighbour from there on.
    #[arg(long, default_value_t = 0.0, requires = "oracle")]
    switched: f32,
    /// Number that the errors depend on.
    #[arg(long, default_value_t = 0, requires = "oracle")]
    seed: u64,
}

/// The constants of the method.
#[derive(Args, Clone, Copy, Debug)]
pub struct Tuning {
    /// Share of a superpoint's seen points that must be in a mask.
    #[arg(long, default_value_t = LiftOptions::default().tau)]
    tau: f32,
    /// Number of neighbours that a view should show beside a superpoint.
    #[arg(long, default_value_t = LiftOptions::default().kappa)]
    kappa: usize,
    /// Number of superpoints that are asked for in a round.
    #[arg(long, default_value_t = LiftOptions::default().seeds)]
    seeds: usize,
    /// How superpoints are chosen from what the masks contain.
    #[arg(long, value_enum, default_value_t)]
    optimization: OptimizationKind,
    /// With `top`: number of views, those with the best masks, whose superpoints can be chosen.
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// View in which an object is segmented first: the one that shows it best, or the first that
    /// sees it.
    #[arg(long, value_enum, default_value_t)]
    pivot: PivotKind,
    /// Follow an object in at most so many views on each side of its best one, those that show it
    /// best; all views if not given.
    #[arg(long)]
    views_per_side: Option<usize>,
    /// Largest IoU of two instances; beyond it they are one.
    #[arg(long, default_value_t = LiftOptions::default().max_iou)]
    max_iou: f32,
    /// Follow at most so many objects in a scan; all if not given.
    #[arg(long)]
    tracks: Option<usize>,
    /// Largest distance of a point from the depth of a view that sees it, metres.
    #[arg(long, default_value_t = VisibilityOptions::default().tolerance)]
    pub tolerance: f32,
}

/// The values of `--optimization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OptimizationKind {
    /// View after view, as in the paper.
    #[default]
    OnePass,
    /// The same, and begin anew with a view that is better alone.
    Restart,
    /// The view with the best masks first.
    BestFirst,
    /// The best choice there is.
    Best,
    /// The best choice from the views with the best masks, of which `--top` is the number.
    Top,
    /// Everything that some mask contains.
    All,
}

/// The values of `--pivot`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PivotKind {
    /// The view that shows the object and what is around it best.
    #[default]
    Best,
    /// The first view that sees it.
    First,
}

impl Tuning {
    /// The options of the lifting.
    pub fn options(&self) -> LiftOptions {
        LiftOptions {
            kappa: self.kappa,
            seeds: self.seeds,
            tau: self.tau,
            optimization: match self.optimization {
                OptimizationKind::OnePass => Optimization::OnePass { restart: false },
                OptimizationKind::Restart => Optimization::OnePass { restart: true },
                OptimizationKind::BestFirst => Optimization::BestFirst,
                OptimizationKind::Best => Optimization::Best,
                OptimizationKind::Top => Optimization::Top(self.top),
                OptimizationKind::All => Optimization::All,
            },
            pivot: match self.pivot {
                PivotKind::Best => PivotChoice::Best,
                PivotKind::First => PivotChoice::First,
            },
            views_per_side: self.views_per_side,
            max_iou: self.max_iou,
            tracks: self.tracks,
            ..LiftOptions::default()
        }
    }

    /// The options of the visibility.
    pub fn visibility(&self) -> VisibilityOptions {
        VisibilityOptions {
            tolerance: self.tolerance,
            ..VisibilityOptions::default()
        }
    }
}

impl Oracle {
    /// The errors of the tracker.
    pub fn errors(&self) -> TrackErrors {
        TrackErrors {
            missed: self.missed,
            ragged: self.ragged.into(),
            merged: self.merged,
            switched: self.switched,
            seed: self.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;

    use super::*;
    use crate::commands::lift::Lift;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        lift: Lift,
    }

    #[test]
    fn constants_are_those_of_the_paper_unless_they_are_given() {
        let parse = |words: &[&str]| {
            let words = ["lift", "bundle"].iter().chain(words);
            Cli::try_parse_from(words).map(|cli| cli.lift)
        };
        let plain = parse(&[]).unwrap();
        assert_eq!(plain.tuning.options(), LiftOptions::default());
        assert_eq!(plain.tuning.visibility(), VisibilityOptions::default());
        let given = parse(&["--optimization", "best-first", "--views-per-side", "10"]).unwrap();
        let options = given.tuning.options();
        assert_eq!(options.optimization, Optimization::BestFirst);
        assert_eq!(options.views_per_side, Some(10));
        assert!(
            parse(&["--missed", "0.1"]).is_err(),
            "only the oracle has errors"
        );
        assert!(parse(&["--oracle", "--missed", "0.1"]).is_ok());
        assert!(parse(&["--oracle", "--masks", "sam.json"]).is_err());
        assert!(
            parse(&["--min-score", "0.7"]).is_err(),
            "only a model has scores"
        );
    }
}
