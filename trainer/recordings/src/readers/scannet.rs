//! ScanNet's raw folders (docs/spec/data.md section 1).

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{
    Options, Prepared, Reader, Shots,
    annotation::{self, Classes},
    frames,
    mesh::{self, LabeledPoints},
    sens, shots,
};

const MESH: &str = "_vh_clean_2.ply";
const SEGMENTS: &str = "_vh_clean_2.0.010000.segs.json";
const AGGREGATION: &str = ".aggregation.json";

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

    fn read(&self, scene: &Path, options: &Options) -> anyhow::Result<Prepared> {
        let stream = file(scene, ".sens");
        let shots: Shots = if stream.is_file() {
            Box::new(sens::frames(&stream, options.every)?)
        } else {
            frames::frames(scene, options)?
        };
        shots::prepared(shots, Some(labeled(scene, options)?), options)
    }
}

/// The vertices of the mesh and their labels.
///
/// # Errors
/// The mesh cannot be read, there is an annotation but no table of labels, or the files disagree
/// about the number of vertices.
fn labeled(folder: &Path, options: &Options) -> anyhow::Result<LabeledPoints> {
    let (mut labeled, rows) = mesh::read(&file(folder, MESH), options)?;
    let aggregation = file(folder, AGGREGATION);
    if aggregation.is_file() {
        let table = options.labels.as_ref().with_context(|| {
            format!(
                "{} needs the table scannetv2-labels.combined.tsv: name it with --labels",
                aggregation.display()
            )
        })?;
        labeled.truth = Some(annotation::truth(
            &file(folder, SEGMENTS),
            &aggregation,
            &rows,
            &Classes::read(table)?,
        )?);
    }
    Ok(labeled)
}
