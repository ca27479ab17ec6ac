//! ScanNet's raw folders (docs/spec/data.md section 1).

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{
    Options,
    annotation::{self, Classes},
    mesh::{self, LabeledPoints},
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

/// `true` if the folder is a raw scene.
pub fn is_scene(folder: &Path) -> bool {
    file(folder, MESH).is_file()
}

/// The path of the stream of frames, if it exists.
pub fn stream(folder: &Path) -> Option<PathBuf> {
    Some(file(folder, ".sens")).filter(|path| path.is_file())
}

/// The vertices of the mesh and their labels.
///
/// # Errors
/// The mesh cannot be read, there is an annotation but no table of labels, or the files disagree
/// about the number of vertices.
pub fn labeled(folder: &Path, options: &Options) -> anyhow::Result<LabeledPoints> {
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
