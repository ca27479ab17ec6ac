//! Points that come with a scene, where they do not have to be made from its depth images.

use std::{fs, path::Path};

use anyhow::Context;
use segscape::{progress::Monitor, scan};

use super::Options;
use crate::{dataset::class_names, foundation::Truth};

/// Points, and what annotators said about them.
pub struct LabelledPoints {
    /// (points, 3): metres, turned as the frames are.
    pub positions: Vec<[f32; 3]>,
    /// (points, 3): sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// `None` for scenes without annotation, as those of test splits.
    pub truth: Option<Truth>,
}

/// A scan of any format, with the labels that it has itself, and (points) the rows of the file that
/// its points are.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path, options: &Options) -> anyhow::Result<(LabelledPoints, Vec<u32>)> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let scan = scan::read(&bytes, &Monitor::silent())
        .with_context(|| format!("cannot read {}", path.display()))?;
    // as the file has them, so that the cameras fit
    let positions: Vec<[f32; 3]> = scan
        .positions
        .iter()
        .map(|p| options.turned(scan.frame.file_from_world(p.map(f64::from))))
        .collect();
    let mut names: Vec<_> = class_names(&scan.table.comments).into_iter().collect();
    names.sort();
    let truth = scan.truth.map(|scan::Truth { semantic, instance }| Truth {
        semantic,
        instance,
        names,
    });
    let rows = scan
        .row_of_point
        .unwrap_or_else(|| (0..positions.len() as u32).collect());
    Ok((
        LabelledPoints {
            positions,
            colors: scan.colors,
            truth,
        },
        rows,
    ))
}
