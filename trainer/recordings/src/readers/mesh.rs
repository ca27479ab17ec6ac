//! Points that are part of a data set and do not have to be reconstructed from its depth images.

use std::{fs, path::Path};

use anyhow::Context;
use segscape::{progress::Monitor, scan};

use super::Options;

use crate::foundation::SceneTruth;

/// Points with their annotation.
pub struct LabeledPoints {
    /// Shape `(points, 3)`: metres, rotated like the frames.
    pub positions: Vec<[f32; 3]>,
    /// Shape `(points, 3)`: sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// `None` for scenes without annotation, such as those of test splits.
    pub truth: Option<SceneTruth>,
    /// Shape `(points)`: ids of the superpoints, if the data set has its own.
    pub superpoints: Option<Vec<u32>>,
}

/// Reads a scan of any format, with its own labels if it has any. Also returns the row in the file
/// of each point, shape `(points)`.
///
/// # Errors
/// The scan cannot be read.
pub fn read(path: &Path, options: &Options) -> anyhow::Result<(LabeledPoints, Vec<u32>)> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let scan = scan::read(&bytes, &Monitor::silent())
        .with_context(|| format!("cannot read {}", path.display()))?;
    // in the frame of the file, so that the cameras fit
    let positions: Vec<[f32; 3]> = scan
        .positions
        .iter()
        .map(|p| options.turned(scan.frame.file_from_world(p.map(f64::from))))
        .collect();
    let mut names: Vec<_> = scan.table.class_names().into_iter().collect();
    names.sort();
    let truth = scan
        .truth
        .map(|scan::Truth { semantic, instance }| SceneTruth {
            semantic,
            instance,
            names,
            stuff: None,
        });
    let rows = scan
        .row_of_point
        .unwrap_or_else(|| (0..positions.len() as u32).collect());
    Ok((
        LabeledPoints {
            positions,
            colors: scan.colors,
            truth,
            superpoints: None,
        },
        rows,
    ))
}
