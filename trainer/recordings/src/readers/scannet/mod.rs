//! ScanNet's raw folders (docs/spec/data.md section 1).

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{
    Options, Prepared, Reader, Shots,
    annotation::{self, Classes, Segments},
    captured::FRAMES,
    mesh::{self, LabeledPoints},
    sens, shots,
};
use crate::{class_table::ClassTable, foundation::Writer};

const MESH: &str = "_vh_clean_2.ply";
const SEGMENTS: &str = "_vh_clean_2.0.010000.segs.json";
const AGGREGATION: &str = ".aggregation.json";
const STREAM: &str = ".sens";
/// Folders of exported frames.
const EXPORTED: [&str; 3] = ["color", "depth", "pose"];

fn file(folder: &Path, suffix: &str) -> PathBuf {
    folder.join(format!(
        "{}{suffix}",
        folder.file_name().unwrap_or_default().to_string_lossy()
    ))
}

/// ScanNet's raw folders.
pub struct Scannet;

impl Reader for Scannet {
    fn is_scene(&self, folder: &Path) -> bool {
        file(folder, MESH).is_file()
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        let labeled = labeled(scene, options)?;
        shots::prepared(images(scene, options)?, Some(labeled), options, bundle)
    }
}

/// Every `every`-th frame of the stream, or of what was exported from it; none if there are no
/// images, which are most of the download.
///
/// # Errors
/// There are images, but a file breaks its format.
fn images<'a>(folder: &'a Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let stream = file(folder, STREAM);
    if stream.is_file() {
        ensure!(
            options.intrinsics.is_none() && options.depth_unit.is_none(),
            "{} says what its camera and its depth unit are: --intrinsics and --depth-unit are for exported frames",
            stream.display()
        );
        return Ok(Box::new(sens::frames(&stream, options.every)?));
    }
    let is_exported = EXPORTED.iter().any(|sub| folder.join(sub).is_dir());
    match is_exported || FRAMES.is_scene(folder) {
        true => FRAMES.frames(folder, options),
        false => Ok(Box::new(std::iter::empty())),
    }
}

/// The vertices of the mesh, their superpoints and their labels.
///
/// # Errors
/// The mesh cannot be read, there is an annotation but no table of labels or no segments, or the
/// files disagree about the number of vertices.
fn labeled(folder: &Path, options: &Options) -> anyhow::Result<LabeledPoints> {
    let (mut labeled, rows) = mesh::read(&file(folder, MESH), options)?;
    let [segments, aggregation] = [SEGMENTS, AGGREGATION].map(|suffix| file(folder, suffix));
    if !segments.is_file() && !aggregation.is_file() {
        return Ok(labeled);
    }
    let segments = Segments::of_points(&segments, &rows)?;
    if aggregation.is_file() {
        let table = options.labels.as_ref().with_context(|| {
            format!(
                "{} needs the table scannetv2-labels.combined.tsv: name it with --labels",
                aggregation.display()
            )
        })?;
        let classes = options.classes.unwrap_or(ClassTable::Scannet200);
        let classes = Classes::scannet(table, classes)?;
        labeled.truth = Some(annotation::truth(&segments, &aggregation, &classes)?);
    }
    labeled.superpoints = Some(annotation::superpoints(&segments));
    Ok(labeled)
}

#[cfg(test)]
mod tests;
