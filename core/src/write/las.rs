//! LAS 1.4 (ASPRS, LAS Specification 1.4 R15) and its compressed form LAZ, point data record format
//! 7, in the file's frame and unit.

use std::io::Cursor;

use las::{
    Builder, Color, Point, Transform, Vector, Version, Vlr, Writer,
    point::{Classification, Format},
};

use super::{
    PointLabels,
    rows::{NONE, Rows, coordinates, one_line},
};
use crate::scan::{ColumnView, Scan};

/// The class of points without a label.
const UNCLASSIFIED: u8 = 1;
/// The first class that users may define, which the first label gets.
const FIRST_CLASS: i32 = 64;
/// Number of classes that users may define.
const CLASSES: i32 = 192;
/// The finest resolution of coordinates, metres.
const FINEST: f64 = 1e-4;
/// The largest integer to which coordinates are rounded; a little below that of 32 bits.
const LARGEST: f64 = 2e9;
/// The longest data of a variable length record, bytes.
const LONGEST_RECORD: usize = u16::MAX as usize;

/// Writes the points of the scan in the order of the file. Rows that are no points have no place in
/// the format if they have no coordinates, and are left out. Of each point there are
///
/// * the coordinates, to a tenth of a millimetre where the extent allows it;
/// * red, green and blue (16 bits: 257 times the byte), those of the scan or, if it has none or is
///   `painted`, those of the instances;
/// * the intensity, if the file has a column `intensity`;
/// * the classification: 1 (unclassified) without a label, else 64 and the index of the label, for
///   192 labels at most;
/// * the extra bytes `instance` and `label` (int32, -1 is none) and `score` (float).
///
/// The names of the labels are in the text area description.
///
/// # Errors
/// [`las::Error`] if the coordinates of a point cannot be written.
pub(super) fn write(
    scan: &Scan,
    labels: &PointLabels,
    painted: bool,
    compressed: bool,
) -> Result<Vec<u8>, las::Error> {
    let rows = Rows::new(scan, labels);
    let columns = coordinates(scan);
    let points = || {
        let rows = (0..rows.count).filter_map(|row| Some((row, rows.point(row)?)));
        let columns = columns.iter();
        columns.flat_map(move |columns| {
            let at = |(row, point)| (row, point, columns.map(|column| column.at(row)));
            rows.clone().map(at)
        })
    };
    let mut writer = Writer::new(
        Cursor::new(Vec::new()),
        header(scan, labels, points().map(|(_, _, at)| at), compressed)?,
    )?;
    let own = scan.colors.as_deref().filter(|_| !painted);
    let intensity = intensity(scan);
    for (row, point, [x, y, z]) in points() {
        let color = own.map_or_else(|| rows.painted(row), |colors| colors[point]);
        let [red, green, blue] = color.map(|channel| 257 * u16::from(channel));
        let (instance, label) = (rows.instance(row), rows.label(row));
        let extra = [
            instance.to_le_bytes(),
            label.to_le_bytes(),
            rows.score(row).to_le_bytes(),
        ];
        writer.write_point(Point {
            x,
            y,
            z,
            intensity: intensity.as_ref().map_or(0, |of| of(row)),
            return_number: 1,
            number_of_returns: 1,
            classification: Classification::new(class(label))?,
            gps_time: Some(0.0),
            color: Some(Color { red, green, blue }),
            extra_bytes: extra.concat(),
            ..Point::default()
        })?;
    }
    Ok(writer.into_inner()?.into_inner())
}

fn header(
    scan: &Scan,
    labels: &PointLabels,
    positions: impl Iterator<Item = [f64; 3]>,
    compressed: bool,
) -> Result<las::Header, las::Error> {
    let mut format = Format::new(7)?;
    format.extra_bytes = 12;
    format.is_compressed = compressed;
    let record = |record_id, description: &str, data| Vlr {
        user_id: "LASF_Spec".to_owned(),
        record_id,
        description: description.to_owned(),
        data,
    };
    let none = f64::from(NONE);
    let declared = [
        declaration("instance", 6, none, "id of the instance"),
        declaration("label", 6, none, "index of the label"),
        declaration("score", 9, f64::NAN, "score of the instance"),
    ];
    let mut builder = Builder::default();
    builder.version = Version::new(1, 4);
    builder.generating_software = "Segscape".to_owned();
    builder.point_format = format;
    builder.transforms = transforms(positions, FINEST / scan.frame.metres_per_unit);
    // the format demands it, also without a coordinate system
    builder.has_wkt_crs = true;
    builder.vlrs = vec![
        record(4, "extra bytes", declared.concat()),
        record(3, "names of the labels", names(labels)),
    ];
    builder.into_header()
}

/// An entry of the record that declares extra bytes (192 bytes): type 6 is int32, 9 is float. A
/// `none` that is a number is the value of points without one.
fn declaration(name: &str, kind: u8, none: f64, description: &str) -> Vec<u8> {
    let mut entry = vec![0; 192];
    entry[2] = kind;
    entry[4..4 + name.len()].copy_from_slice(name.as_bytes());
    if !none.is_nan() {
        // bit 0 says that there is a value without meaning, an integer of 64 bits here
        entry[3] = 1;
        entry[40..48].copy_from_slice(&(none as i64).to_le_bytes());
    }
    entry[160..160 + description.len()].copy_from_slice(description.as_bytes());
    entry
}

/// A line `label 3 office chair` for every label that fits, ended by a zero byte.
fn names(labels: &PointLabels) -> Vec<u8> {
    let mut text = Vec::new();
    for (index, label) in labels.labels.iter().enumerate() {
        let line = format!("label {index} {}\n", one_line(label));
        if text.len() + line.len() >= LONGEST_RECORD {
            break;
        }
        text.extend(line.into_bytes());
    }
    text.push(0);
    text
}

/// The class of points with this label.
fn class(label: i32) -> u8 {
    match u8::try_from(FIRST_CLASS + label) {
        Ok(class) if (0..CLASSES).contains(&label) => class,
        _ => UNCLASSIFIED,
    }
}

/// How coordinates become integers of 32 bits: from the whole number at their middle, in steps of a
/// power of ten that is no smaller than `finest`.
fn transforms(positions: impl Iterator<Item = [f64; 3]>, finest: f64) -> Vector<Transform> {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for position in positions {
        for axis in 0..3 {
            low[axis] = low[axis].min(position[axis]);
            high[axis] = high[axis].max(position[axis]);
        }
    }
    let transform = |axis: usize| {
        let (low, high) = (low[axis], high[axis]);
        let offset = if low <= high {
            ((low + high) / 2.0).round()
        } else {
            0.0
        };
        let farthest = if low <= high {
            (high - offset).max(offset - low)
        } else {
            0.0
        };
        let power = finest.max(farthest / LARGEST).log10() - 1e-9;
        // written out, because powers of ten of all machines must be the same
        let scale = format!("1e{}", power.ceil()).parse().unwrap_or(1.0);
        Transform { scale, offset }
    };
    Vector {
        x: transform(0),
        y: transform(1),
        z: transform(2),
    }
}

/// The intensity of a row, 0 to 65535: as it is where the largest value is above 1 and fits, and else
/// in proportion to the largest one.
fn intensity(scan: &Scan) -> Option<impl Fn(usize) -> u16> {
    let column: ColumnView = scan.table.point_rows().column("intensity")?;
    let finite = column.values().filter(|value| value.is_finite());
    let largest = finite.fold(0.0, f64::max);
    let most = f64::from(u16::MAX);
    let scale = match largest {
        0.0 => 1.0,
        largest if largest <= 1.0 && !column.scalar.is_integer() => most,
        largest if largest <= most => 1.0,
        largest => most / largest,
    };
    // `as` clamps, and converts NaN to 0
    Some(move |row| (column.at(row) * scale).round() as u16)
}
