//! Figures of each scan, and how much they differ between scans.

use serde_json::{Value, json};

use super::{Averages, Claims};

/// Results for one scan, classes ignored.
#[derive(Clone, Debug)]
pub struct OfScan {
    /// Name of the scan.
    pub scan: String,
    /// Number of ground-truth objects that are large enough to count.
    pub things: usize,
    /// With the model's scores.
    pub model_scores: Averages,
    /// With every confidence set to 1.
    pub confidence_one: Averages,
    /// Share of the room's own structure that is claimed by predicted instances.
    pub structure: Claims,
}

/// A figure that every scan has, with its names in the JSON and in the table.
pub struct Column {
    /// Key of the JSON object that holds the figure.
    pub group: &'static str,
    /// Key of the figure in that object.
    pub key: &'static str,
    /// Heading of the table column.
    pub head: &'static str,
    /// Reads the figure of a scan.
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

/// The figures of a scan, in the order of the table.
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
        scan.structure
            .of_part(crate::data::structure::Structure::Wall)
            .1
    }),
    column("structure", "mostly_structure", "mostly it", |scan| {
        scan.structure.mostly_structure() as f64 / scan.structure.found() as f64
    }),
];

/// Mean and sample standard deviation of the values that are not NaN; NaN where there are too few
/// values.
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

/// An array with one object per scan, and the mean and standard deviation of each figure over the
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
