//! Arrays for NumPy: an uncompressed ZIP archive (NPZ) of arrays in the NPY format, version 1.0
//! (`numpy.lib.format`). All numbers are little-endian, all arrays in C order.

use std::io::{self, Write};

use zip::{CompressionMethod, result::ZipError};

use super::{PointLabels, archive::Archive, instance_records, rows::Rows};
use crate::scan::Scan;

/// The longest text in an array, characters: NumPy gives every text the room of the longest one.
const LONGEST: usize = 256;

/// Writes these arrays. `rows` are the points of the file in its order, including those that were
/// dropped on reading, `instances` and `labels` the lists of [`PointLabels`].
///
/// * `instance` `(rows)` int32: the id of the instance of a point, -1 without;
/// * `label` `(rows)` int32: the index of its label in `labels`, -1 without;
/// * `score` `(rows)` float32: the score of its instance, 0 without;
/// * `labels` `(labels)` text of at most 256 characters;
/// * `instance_ids`, `instance_labels` `(instances)` int32, `instance_scores` float32;
/// * `boxes` `(instances, 2, 3)` float64: lower and upper corner in the file's frame and units;
/// * `oriented_boxes` `(instances, 7)` float64: center, length, width, height and yaw in degrees,
///   see [`OrientedBoxRecord`](super::OrientedBoxRecord). NaN for instances without points.
///
/// # Errors
/// [`ZipError`] if there are more bytes than an archive holds.
pub(super) fn write(scan: &Scan, labels: &PointLabels) -> Result<Vec<u8>, ZipError> {
    let rows = Rows::new(scan, labels);
    let records = instance_records(scan, labels);
    let mut archive = Archive::new(CompressionMethod::Stored);
    let count = [rows.count];
    let mut array = |name: &str, kind: &str, shape: &[usize], values: &mut Bytes| {
        let out = archive.begin(&format!("{name}.npy"))?;
        let mut out = io::BufWriter::new(out);
        out.write_all(&header(kind, shape))?;
        for value in values {
            out.write_all(&value)?;
        }
        out.flush()?;
        Ok::<_, ZipError>(())
    };
    let all = || 0..rows.count;
    array(
        "instance",
        "<i4",
        &count,
        &mut all().map(|row| i32s(rows.instance(row))),
    )?;
    array(
        "label",
        "<i4",
        &count,
        &mut all().map(|row| i32s(rows.label(row))),
    )?;
    array(
        "score",
        "<f4",
        &count,
        &mut all().map(|row| f32s(rows.score(row))),
    )?;

    let (kind, names) = texts(&labels.labels);
    array(
        "labels",
        &kind,
        &[labels.labels.len()],
        &mut names.into_iter(),
    )?;

    let instances = || labels.instances.iter();
    let count = [instances().len()];
    let ids = &mut instances().map(|instance| i32s(instance.id as i32));
    array("instance_ids", "<i4", &count, ids)?;
    let label = |label: Option<u32>| i32s(label.map_or(super::rows::NONE, |label| label as i32));
    let of_instances = &mut instances().map(|instance| label(instance.label));
    array("instance_labels", "<i4", &count, of_instances)?;
    let scores = &mut instances().map(|instance| f32s(instance.score));
    array("instance_scores", "<f4", &count, scores)?;
    let corners = records.iter().map(|record| {
        let found = record.file_box.map(|found| [found.min, found.max]);
        found.unwrap_or([[f64::NAN; 3]; 2]).concat()
    });
    array(
        "boxes",
        "<f8",
        &[count[0], 2, 3],
        &mut corners.map(|values| f64s(&values)),
    )?;
    let oriented = records.iter().map(|record| {
        let found = record.oriented_box;
        found.map_or(vec![f64::NAN; 7], |found| {
            [&found.center[..], &found.size, &[found.yaw_degrees]].concat()
        })
    });
    array(
        "oriented_boxes",
        "<f8",
        &[count[0], 7],
        &mut oriented.map(|values| f64s(&values)),
    )?;
    archive.finish()
}

/// The bytes of the values of an array.
type Bytes<'a> = dyn Iterator<Item = Vec<u8>> + 'a;

fn i32s(value: i32) -> Vec<u8> {
    value.to_le_bytes().into()
}

fn f32s(value: f32) -> Vec<u8> {
    value.to_le_bytes().into()
}

fn f64s(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The type and the values of an array of texts: UTF-32, padded with zeros to the longest one.
fn texts(texts: &[String]) -> (String, Vec<Vec<u8>>) {
    let chars = |text: &String| text.chars().count().min(LONGEST);
    let width = texts.iter().map(chars).max().unwrap_or(0).max(1);
    let padded = |text: &String| {
        let chars = text.chars().map(u32::from).chain(std::iter::repeat(0));
        chars.take(width).flat_map(u32::to_le_bytes).collect()
    };
    (format!("<U{width}"), texts.iter().map(padded).collect())
}

/// The header of an array: its values begin at a multiple of 64 bytes.
fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    let shape: String = shape.iter().map(|edge| format!("{edge}, ")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    const START: usize = 10;
    let padding = (START + text.len() + 1).next_multiple_of(64) - START - text.len() - 1;
    text += &" ".repeat(padding);
    text.push('\n');
    let length = (text.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes()].concat()
}
