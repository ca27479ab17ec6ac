//! Figures scan by scan, and how much they differ between scans.

use serde_json::{Value, json};

use super::{Averages, Claims};

/// What was measured in one scan, classes ignored.
#[derive(Clone, Debug)]
pub struct OfScan {
    /// Its name.
    pub scan: String,
    /// Things that are large enough to count.
    pub things: usize,
    /// With the model's scores.
    pub model_scores: Averages,
    /// Every confidence 1.
    pub confidence_one: Averages,
    /// Of the room itself.
    pub structure: Claims,
}

/// A figure of every scan, in its group, as programs and as people read it.
pub struct Column {
    /// Where JSON has it.
    pub group: &'static str,
    /// Its name there.
    pub key: &'static str,
    /// Over the table's column.
    pub head: &'static str,
    /// The figure.
    pub of: fn(&OfScan) -> f64,
}

const fn column(
    group: &'static str,
    key: &'static str,
    head: &'static str,
    of: fn(&OfScan) -> f64,
) -> Column {
    Column {
        group,
        key,
        head,
        of,
    }
}

/// The figures of a scan in the order of the table.
pub const COLUMNS: [Column; 11] = [
    column("model_scores", "ap", "AP", |scan| scan.model_scores.ap),
    column("model_scores", "ap50", "AP50", |scan| {
        scan.model_scores.ap50
    }),
    column("model_scores", "ap25", "AP25", |scan| {
        scan.model_scores.ap25
    }),
    column("model_scores", "recall50", "recall50", |scan| {
        scan.model_scores.recall50
    }),
    column("model_scores", "recall25", "recall25", |scan| {
        scan.model_scores.recall25
    }),
    column("confidence_one", "ap", "AP, 1", |scan| {
        scan.confidence_one.ap
    }),
    column("confidence_one", "ap50", "AP50, 1", |scan| {
        scan.confidence_one.ap50
    }),
    column("confidence_one", "ap25", "AP25, 1", |scan| {
        scan.confidence_one.ap25
    }),
    column("structure", "all", "structure", |scan| {
        scan.structure.of_all().1
    }),
    column("structure", "wall", "wall", |scan| {
        scan.structure.of_part(crate::structure::Structure::Wall).1
    }),
    column("structure", "mostly_structure", "mostly it", |scan| {
        scan.structure.mostly_structure() as f64 / scan.structure.found() as f64
    }),
];

/// Mean and standard deviation of what is not NaN; NaN where there is too little.
pub fn spread(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    let variance = known
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / known.len().saturating_sub(1) as f64;
    [mean, variance.sqrt()]
}

/// An array of one object a scan; and of every figure its mean and standard deviation over the
/// scans.
pub fn json(scans: &[OfScan]) -> [Value; 2] {
    let of_scan = |scan: &OfScan| {
        json!({
            "scan": scan.scan,
            "things": scan.things,
            "model_scores": scan.model_scores,
            "confidence_one": scan.confidence_one,
            "structure": scan.structure.json(),
        })
    };
    let mut over_scans = json!({});
    for Column { group, key, of, .. } in COLUMNS {
        let [mean, deviation] = spread(scans.iter().map(of));
        over_scans[group][key] = json!({ "mean": mean, "deviation": deviation });
    }
    [scans.iter().map(of_scan).collect(), over_scans]
}
