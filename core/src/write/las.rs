//! LAS 1.4 (ASPRS, LAS Specification 1.4 R15) and its compressed form LAZ, point data record format
//! 7, in the file's frame and unit.

use std::io::{self, Cursor};

use las::{
    Builder, Color, Point, Transform, Vector, Version, Vlr, Writer,
    point::{Classification, Format},
};

use super::{
    PointLabels, WriteError,
    rows::{NO_ROW, NONE, Rows, coordinates, one_line},
    sliced::{Parts, Whole},
};
use crate::scan::{ColorRange, ColumnView, Element, FileBox, Scan};

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
/// The name of a column with intensities.
const INTENSITY: &str = "intensity";
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
    let points = scan.table.point_rows();
    let columns = coordinates(points);
    let measured = || {
        let rows = (0..rows.count).filter_map(|row| Some((row, rows.point(row)?)));
        let columns = columns.iter();
        columns.flat_map(move |columns| {
            let at = |(row, point)| (row, point, columns.map(|column| column.at(row)));
            rows.clone().map(at)
        })
    };
    let positions = measured().map(|(_, _, at)| at);
    let header = header(scan, labels, bounds(positions), compressed)?;
    let mut writer = Writer::new(Cursor::new(Vec::new()), header)?;
    let own = scan.colors.as_deref().filter(|_| !painted);
    let (scale, intensity) = (Intensity::of(points), points.column(INTENSITY));
    for (row, point, position) in measured() {
        writer.write_point(record(Measured {
            position,
            color: own.map_or_else(|| rows.painted(row), |colors| colors[point]),
            intensity: scale.at(intensity, row),
            rows: &rows,
            row,
        })?)?;
    }
    Ok(writer.into_inner()?.into_inner())
}

/// Writes all points of a file of which `scan` is an excerpt, as [`write`] does, and calls `out` with
/// a part of the file after the other, each with its place: they are in order, but for the first one,
/// which comes last. Points without finite coordinates are left out.
///
/// # Errors
/// [`WriteError`].
pub(super) fn write_slices(
    whole: &Whole,
    labels: &PointLabels,
    painted: bool,
    compressed: bool,
    out: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let Whole { scan, excerpt, .. } = *whole;
    let rows = Rows::new(scan, labels);
    let FileBox { min, max } = *excerpt.bounds();
    let header = header(scan, labels, (min, max), compressed)?;
    let parts = Parts::default();
    let mut writer = Writer::new(parts.clone(), header)?;
    let colors = ColorRange::of(scan).filter(|_| !painted);
    let scale = Intensity::of(scan.table.point_rows());
    whole.slices(&mut |slice| {
        let points = &slice.points;
        let own = colors.as_ref().map(|colors| colors.colors(points));
        let columns = coordinates(points);
        let intensity = points.column(INTENSITY);
        for (index, kept) in slice.kept_rows.iter().enumerate() {
            let Some(position) = columns.map(|columns| columns.map(|c| c.at(index))) else {
                continue;
            };
            let is_inside = |axis: usize| (min[axis]..=max[axis]).contains(&position[axis]);
            if !(0..3).all(is_inside) {
                continue; // not a number, or a mark for what was not measured
            }
            let row = kept.map_or(NO_ROW, |row| row as usize);
            writer.write_point(record(Measured {
                position,
                color: own
                    .as_ref()
                    .map_or_else(|| rows.painted(row), |colors| colors[index]),
                intensity: scale.at(intensity, index),
                rows: &rows,
                row,
            })?)?;
        }
        Ok(parts.pass_on(out)?)
    })?;
    drop(writer.into_inner()?);
    Ok(parts.end(out)?)
}

/// A point and its owner.
struct Measured<'a> {
    position: [f64; 3],
    color: [u8; 3],
    intensity: u16,
    rows: &'a Rows<'a>,
    /// The row that has the owner.
    row: usize,
}

fn record(measured: Measured) -> Result<Point, las::Error> {
    let Measured {
        position: [x, y, z],
        color,
        intensity,
        rows,
        row,
    } = measured;
    let [red, green, blue] = color.map(|channel| 257 * u16::from(channel));
    let (instance, label) = (rows.instance(row), rows.label(row));
    let extra = [
        instance.to_le_bytes(),
        label.to_le_bytes(),
        rows.score(row).to_le_bytes(),
    ];
    Ok(Point {
        x,
        y,
        z,
        intensity,
        return_number: 1,
        number_of_returns: 1,
        classification: Classification::new(class(label))?,
        gps_time: Some(0.0),
        color: Some(Color { red, green, blue }),
        extra_bytes: extra.concat(),
        ..Point::default()
    })
}

fn header(
    scan: &Scan,
    labels: &PointLabels,
    bounds: ([f64; 3], [f64; 3]),
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
    builder.transforms = transforms(bounds, FINEST / scan.frame.metres_per_unit);
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

/// The lowest and the highest coordinates.
fn bounds(positions: impl Iterator<Item = [f64; 3]>) -> ([f64; 3], [f64; 3]) {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for position in positions {
        for axis in 0..3 {
            low[axis] = low[axis].min(position[axis]);
            high[axis] = high[axis].max(position[axis]);
        }
    }
    (low, high)
}

/// How coordinates become integers of 32 bits: from the whole number at their middle, in steps of a
/// power of ten that is no smaller than `finest`.
fn transforms((low, high): ([f64; 3], [f64; 3]), finest: f64) -> Vector<Transform> {
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

/// How a column becomes the intensity, 0 to 65535: as it is where the largest value is above 1 and
/// fits, and else in proportion to the largest one.
struct Intensity {
    scale: f64,
}

impl Intensity {
    /// That of points with such a column; of others it is zero.
    fn of(points: &Element) -> Self {
        let most = f64::from(u16::MAX);
        let Some(column) = points.column(INTENSITY) else {
            return Self { scale: 1.0 };
        };
        let finite = column.values().filter(|value| value.is_finite());
        let scale = match finite.fold(0.0, f64::max) {
            0.0 => 1.0,
            largest if largest <= 1.0 && !column.scalar.is_integer() => most,
            largest if largest <= most => 1.0,
            largest => most / largest,
        };
        Self { scale }
    }

    /// The intensity in a row of such a column.
    fn at(&self, column: Option<ColumnView>, row: usize) -> u16 {
        // `as` clamps, and converts NaN to 0
        column.map_or(0, |column| (column.at(row) * self.scale).round() as u16)
    }
}
