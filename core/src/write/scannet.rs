//! A submission to the ScanNet benchmark (3D semantic instances, ScanNet200) as a ZIP archive; the
//! format is that of the benchmark's documentation and of `evaluate_semantic_instance.py`.

use std::io::{self, Write};

use zip::{CompressionMethod, result::ZipError};

use super::{
    PointLabels, UNNAMED,
    archive::Archive,
    rows::{Rows, one_line},
};
use crate::{benchmarks, scan::Scan};

/// Writes `SCAN.txt` with a line `pred_mask/NNN.txt label_id confidence` for every instance that has
/// points and whose label is the name of a class of ScanNet200, in any case of letters. A mask has a
/// line for every point of the file, in its order: 1 for those of the instance, and else 0.
/// `README.md` says which instances were left out; the benchmark reads only `*.txt` files.
///
/// # Errors
/// [`ZipError`] if there are more bytes than an archive holds.
pub(super) fn write(scan: &Scan, labels: &PointLabels, name: &str) -> Result<Vec<u8>, ZipError> {
    let rows = Rows::new(scan, labels);
    let mut sizes = vec![0usize; labels.instances.len()];
    let owners: Vec<Option<usize>> = (0..rows.count).map(|row| rows.owner_index(row)).collect();
    owners.iter().flatten().for_each(|owner| sizes[*owner] += 1);

    let mut archive = Archive::new(CompressionMethod::Deflated);
    let (mut list, mut left_out) = (String::new(), String::new());
    for (index, instance) in labels.instances.iter().enumerate() {
        let label = labels.name(instance).unwrap_or(UNNAMED);
        let (id, score) = (instance.id, instance.score);
        let reason = match (class_id(label), sizes[index]) {
            (_, 0) => "it has no points",
            (None, _) => "its label is no class of ScanNet200",
            (Some(class), _) => {
                let file = format!("pred_mask/{id:03}.txt");
                list += &format!("{file} {class} {score}\n");
                let mut out = io::BufWriter::new(archive.begin(&file)?);
                for owner in &owners {
                    let line = if *owner == Some(index) { "1\n" } else { "0\n" };
                    out.write_all(line.as_bytes())?;
                }
                out.flush()?;
                continue;
            }
        };
        left_out += &format!("* {id} `{}`: {reason}\n", one_line(label).replace('`', "'"));
    }
    let name = file_stem(name);
    archive
        .begin(&format!("{name}.txt"))?
        .write_all(list.as_bytes())?;
    let readme = readme(&name, &left_out);
    archive.begin("README.md")?.write_all(readme.as_bytes())?;
    archive.finish()
}

fn readme(name: &str, left_out: &str) -> String {
    let left_out = match left_out {
        "" => "No instance was left out.\n".to_owned(),
        list => format!("These instances were left out:\n\n{list}"),
    };
    format!(
        "# {name}\n\nInstances for the ScanNet200 benchmark, written by Segscape: unpack this folder \
         into that of the predictions.\nEach line of `{name}.txt` names a mask, a ScanNet200 class \
         and a confidence; a mask has a line for every point of the scan's file.\n\n{left_out}"
    )
}

/// The id of the class of ScanNet200 with this name.
fn class_id(label: &str) -> Option<u16> {
    let mut classes = benchmarks::scannet200().iter();
    let found = classes.find(|class| class.name.eq_ignore_ascii_case(label.trim()))?;
    Some(found.id)
}

/// A name for a file whose lines are split at spaces.
fn file_stem(name: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name: String = name
        .chars()
        .map(|c| if keep(c) { c } else { '_' })
        .collect();
    match name.trim_matches('.') {
        "" => "scan".to_owned(),
        name => name.chars().take(100).collect(),
    }
}
