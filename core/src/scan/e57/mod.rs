//! The reader of E57, ASTM E2807: all point clouds of a file, in the frame of the file.
//!
//! The crate `e57` reads the header and the XML section, which describes the clouds. The points
//! themselves are read here (`vectors`), so that their number is known to fit before memory is
//! reserved. Positions are cartesian or spherical; the pose of a cloud is applied to them. Points
//! that are marked as invalid lose their coordinates, and are left out like all without coordinates.
//! The unit is the metre; the format names no up axis.

use std::{collections::HashMap, io::Cursor};

use ::e57::{PointCloud, Record, RecordDataType, RecordName, RecordValue};

use super::{Column, Element, ReadError, Scalar, Steps, Table, Warning, build};

mod vectors;

use vectors::{Pages, Values};

/// The maximum number of bytes of the XML section.
const MAX_XML: usize = 8 << 20;

/// The bytes of the header.
const HEADER: usize = 48;

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "E57",
        problem: problem.into(),
    }
}

/// Reads a file that starts with `ASTM-E57`.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let clouds = clouds(bytes)?;
    if clouds.is_empty() {
        return Err(ReadError::NoPoints);
    }
    let total: u64 = clouds
        .iter()
        .map(|cloud| cloud.records)
        .fold(0, u64::saturating_add);
    let targets = Targets::of(&clouds)?;
    let mut points = build::points(targets.columns.clone());
    build::check_limits(total, points.stride())?;
    let pages = Pages::new(bytes)?;
    steps.at(bytes.len() / 4)?;
    let mut comments = Vec::new();
    for (number, cloud) in clouds.iter().enumerate() {
        let name = cloud.name.as_deref().unwrap_or_default();
        if comments.len() < 1000 && !name.is_empty() {
            comments.push(build::remark(&format!("scan {number} {name}")));
        }
        let share = (number + 1) as f64 / clouds.len() as f64;
        add(&mut points, &pages, cloud, number, &targets)?;
        steps.at(bytes.len() / 4 + (0.75 * share * bytes.len() as f64) as usize)?;
    }
    if clouds.len() > 1 {
        warnings.push(Warning(format!(
            "the {} point clouds of the file were put together by their poses",
            clouds.len()
        )));
    }
    Ok(Table {
        comments,
        ..Table::of_points(points)
    })
}

/// The descriptions of the point clouds.
fn clouds(bytes: &[u8]) -> Result<Vec<PointCloud>, ReadError> {
    if bytes.len() < HEADER {
        return Err(ReadError::Truncated {
            format: "E57",
            expected: HEADER as u64,
            found: bytes.len() as u64,
        });
    }
    let word = |at: usize| Scalar::U64.read(&bytes[at..]);
    let (size, xml) = (word(16), word(32));
    if size > bytes.len() as f64 {
        return Err(ReadError::Truncated {
            format: "E57",
            expected: size as u64,
            found: bytes.len() as u64,
        });
    }
    if xml > bytes.len().min(MAX_XML) as f64 {
        return Err(malformed(format!(
            "its XML section has {xml} bytes, the limit is {}",
            bytes.len().min(MAX_XML)
        )));
    }
    let reader = ::e57::E57Reader::new(Cursor::new(bytes));
    let reader = reader.map_err(|error| malformed(words(&error)))?;
    Ok(reader.pointclouds())
}

/// The words of an error and of what caused it.
fn words(error: &dyn std::error::Error) -> String {
    let mut words: String = error.to_string().chars().take(200).collect();
    if let Some(source) = error.source() {
        words.push_str(": ");
        words.extend(source.to_string().chars().take(200));
    }
    words
}

/// The columns of the table, and what they hold.
struct Targets {
    columns: Vec<Column>,
    /// The columns of what is neither a coordinate nor a color, by name.
    others: HashMap<String, usize>,
    /// The first of the three columns of colors.
    colors: Option<usize>,
    /// The column with the number of the cloud.
    number: Option<usize>,
}

const COORDINATES: [[RecordName; 3]; 2] = [
    [
        RecordName::CartesianX,
        RecordName::CartesianY,
        RecordName::CartesianZ,
    ],
    [
        RecordName::SphericalRange,
        RecordName::SphericalAzimuth,
        RecordName::SphericalElevation,
    ],
];

const COLORS: [RecordName; 3] = [
    RecordName::ColorRed,
    RecordName::ColorGreen,
    RecordName::ColorBlue,
];

/// The marks that what they belong to is invalid: 0 stands for valid.
const MARKS: [RecordName; 3] = [
    RecordName::CartesianInvalidState,
    RecordName::SphericalInvalidState,
    RecordName::IsColorInvalid,
];

/// The three properties that are the coordinates of a cloud.
fn coordinates(cloud: &PointCloud) -> Option<&'static [RecordName; 3]> {
    static NAMES: [[RecordName; 3]; 2] = COORDINATES;
    NAMES
        .iter()
        .find(|names| names.iter().all(|name| has(cloud, name)))
}

fn has(cloud: &PointCloud, name: &RecordName) -> bool {
    cloud.prototype.iter().any(|record| record.name == *name)
}

/// The name of the column of a property.
fn title(name: &RecordName) -> String {
    let known = match name {
        RecordName::CartesianX => "cartesian_x",
        RecordName::CartesianY => "cartesian_y",
        RecordName::CartesianZ => "cartesian_z",
        RecordName::SphericalRange => "range",
        RecordName::SphericalAzimuth => "azimuth",
        RecordName::SphericalElevation => "elevation",
        RecordName::Intensity => "intensity",
        RecordName::IsIntensityInvalid => "is_intensity_invalid",
        RecordName::RowIndex => "row_index",
        RecordName::ColumnIndex => "column_index",
        RecordName::ReturnCount => "return_count",
        RecordName::ReturnIndex => "return_index",
        RecordName::TimeStamp => "time_stamp",
        RecordName::IsTimeStampInvalid => "is_time_stamp_invalid",
        RecordName::Unknown { namespace, name } if !namespace.is_empty() => {
            return build::column_name(&format!("{namespace}_{name}"));
        }
        RecordName::Unknown { name, .. } => return build::column_name(name),
        _ => "property",
    };
    known.to_owned()
}

/// `true` for a property that has a column of its own.
fn is_other(cloud: &PointCloud, name: &RecordName) -> bool {
    let is_coordinate = coordinates(cloud).is_some_and(|names| names.contains(name));
    !is_coordinate && !COLORS.contains(name) && !MARKS.contains(name)
}

impl Targets {
    fn of(clouds: &[PointCloud]) -> Result<Self, ReadError> {
        /// The maximum number of properties of a point.
        const MOST: usize = 256;
        for (number, cloud) in clouds.iter().enumerate() {
            if coordinates(cloud).is_none() {
                return Err(malformed(format!(
                    "the points of cloud {number} have neither cartesian nor spherical coordinates"
                )));
            }
            if vectors::is_one_place(cloud, coordinates(cloud).unwrap_or(&COORDINATES[0])) {
                return Err(malformed(format!(
                    "all its points are at one place, in cloud {number}"
                )));
            }
        }
        let mut columns = build::columns(build::XYZ);
        let colored = |cloud: &PointCloud| COLORS.iter().all(|name| has(cloud, name));
        let mut colors = None;
        if clouds.iter().any(colored) {
            colors = Some(columns.len());
            let known = |cloud: &PointCloud| colored(cloud) && !has(cloud, &MARKS[2]);
            // NaN stands for colors that are not known
            let scalar = if clouds.iter().all(known) {
                Scalar::U8
            } else {
                Scalar::F32
            };
            columns.extend(build::columns(
                ["red", "green", "blue"].map(|name| (name, scalar)),
            ));
        }
        let mut others = HashMap::new();
        for cloud in clouds {
            let records = cloud.prototype.iter();
            for record in records.filter(|record| is_other(cloud, &record.name)) {
                let name = title(&record.name);
                if !others.contains_key(&name) {
                    others.insert(name.clone(), columns.len());
                    columns.push(Column {
                        scalar: scalar_in_all(clouds, &name),
                        name,
                    });
                }
                if columns.len() > MOST {
                    return Err(malformed(format!(
                        "a point has more than {MOST} properties"
                    )));
                }
            }
        }
        let number = (clouds.len() > 1).then_some(columns.len());
        if number.is_some() {
            columns.extend(build::columns([("scan", Scalar::I32)]));
        }
        build::make_unique(&mut columns);
        Ok(Self {
            columns,
            others,
            colors,
            number,
        })
    }
}

/// The type that holds the values of a property in all clouds, and NaN where a cloud lacks it.
fn scalar_in_all(clouds: &[PointCloud], name: &str) -> Scalar {
    let types: Vec<Option<&RecordDataType>> = clouds
        .iter()
        .map(|cloud| {
            let mut records = cloud.prototype.iter();
            let record = records.find(|r| is_other(cloud, &r.name) && title(&r.name) == name)?;
            Some(&record.data_type)
        })
        .collect();
    let is_short = |min: i64, max: i64| i32::try_from(min).is_ok() && i32::try_from(max).is_ok();
    let all = |is: &dyn Fn(&RecordDataType) -> bool| types.iter().all(|t| t.is_some_and(is));
    if all(&|t| matches!(t, RecordDataType::Integer { min, max } if is_short(*min, *max))) {
        Scalar::I32
    } else if types
        .iter()
        .flatten()
        .all(|t| matches!(t, RecordDataType::Single { .. }))
    {
        Scalar::F32
    } else {
        Scalar::F64
    }
}

/// Adds the points of a cloud.
fn add(
    points: &mut Element,
    pages: &Pages,
    cloud: &PointCloud,
    number: usize,
    targets: &Targets,
) -> Result<(), ReadError> {
    let values = Values::new(pages, cloud)?;
    let count = cloud.records as usize;
    let stride = points.stride();
    let start = points.rows.len();
    points.rows.reserve_exact(count * stride);
    let mut empty = Vec::with_capacity(stride);
    for column in &targets.columns {
        match column.scalar {
            Scalar::F32 => empty.extend(f32::NAN.to_le_bytes()),
            Scalar::F64 => empty.extend(f64::NAN.to_le_bytes()),
            scalar => empty.extend(vec![0; scalar.size()]),
        }
    }
    for _ in 0..count {
        points.rows.extend_from_slice(&empty);
    }
    points.count += count;
    let offset = |column: usize| -> usize {
        let before = &targets.columns[..column];
        before.iter().map(|c| c.scalar.size()).sum()
    };
    let rows = &mut points.rows[start..];
    let mut set = |column: usize, values: &mut dyn Iterator<Item = f64>| {
        let (at, scalar) = (offset(column), targets.columns[column].scalar);
        for (row, value) in rows.chunks_exact_mut(stride).zip(values) {
            let cell = &mut row[at..at + scalar.size()];
            match scalar {
                Scalar::U8 => cell[0] = value as u8,
                Scalar::I32 => cell.copy_from_slice(&(value as i32).to_le_bytes()),
                Scalar::F32 => cell.copy_from_slice(&(value as f32).to_le_bytes()),
                _ => cell.copy_from_slice(&value.to_le_bytes()),
            }
        }
    };
    let names = coordinates(cloud).unwrap_or(&COORDINATES[0]);
    for (axis, name) in names.iter().enumerate() {
        set(axis, &mut values.of(name)?);
    }
    if let Some(first) = targets.colors.filter(|_| has(cloud, &COLORS[0])) {
        let whole = targets.columns[first].scalar == Scalar::U8;
        for (channel, name) in COLORS
            .iter()
            .enumerate()
            .filter(|(_, name)| has(cloud, name))
        {
            let [low, high] = limits(cloud, channel, name);
            let scale = if whole { 255.0 } else { 1.0 } / (high - low);
            let byte = |v: f64| if whole { v.round() } else { v };
            let mut scaled = values.of(name)?.map(|v| byte((v - low) * scale));
            set(first + channel, &mut scaled);
        }
    }
    for record in &cloud.prototype {
        if is_other(cloud, &record.name)
            && let Some(column) = targets.others.get(&title(&record.name))
        {
            set(*column, &mut values.of(&record.name)?);
        }
    }
    if let Some(column) = targets.number {
        set(column, &mut std::iter::repeat(number as f64));
    }
    for mark in MARKS.iter().filter(|mark| has(cloud, mark)) {
        let columns = match (mark, targets.colors) {
            (RecordName::IsColorInvalid, Some(first)) => first..first + 3,
            (RecordName::IsColorInvalid, None) => 0..0,
            _ => 0..3,
        };
        let marks: Vec<bool> = values.of(mark)?.map(|v| v != 0.0).collect();
        for column in columns {
            let (at, scalar) = (offset(column), targets.columns[column].scalar);
            let marked = rows.chunks_exact_mut(stride).zip(&marks);
            for (row, _) in marked.filter(|(_, is_marked)| **is_marked) {
                let nan = f64::NAN.to_le_bytes();
                let short = f32::NAN.to_le_bytes();
                match scalar {
                    Scalar::F32 => row[at..at + 4].copy_from_slice(&short),
                    _ => row[at..at + 8].copy_from_slice(&nan),
                }
            }
        }
    }
    place(rows, stride, cloud);
    Ok(())
}

/// Replaces the coordinates of a cloud, which come first in a row, by those in the file's frame.
fn place(rows: &mut [u8], stride: usize, cloud: &PointCloud) {
    let is_spherical = coordinates(cloud).is_some_and(|names| *names == COORDINATES[1]);
    let pose = cloud.transform.as_ref().map(|pose| {
        let (r, t) = (&pose.rotation, &pose.translation);
        let rotation = glam::DQuat::from_xyzw(r.x, r.y, r.z, r.w);
        let is_rotation = rotation.is_finite() && rotation.length_squared() > 0.0;
        let rotation = if is_rotation {
            rotation.normalize()
        } else {
            glam::DQuat::IDENTITY
        };
        (rotation, glam::DVec3::new(t.x, t.y, t.z))
    });
    if !is_spherical && pose.is_none() {
        return;
    }
    for row in rows.chunks_exact_mut(stride) {
        let [a, b, c] = [0, 8, 16].map(|at| Scalar::F64.read(&row[at..]));
        let mut place = glam::DVec3::new(a, b, c);
        if is_spherical {
            let (range, azimuth, elevation) = (a, b, c);
            place = range
                * glam::DVec3::new(
                    elevation.cos() * azimuth.cos(),
                    elevation.cos() * azimuth.sin(),
                    elevation.sin(),
                );
        }
        if let Some((rotation, translation)) = pose {
            place = rotation * place + translation;
        }
        for (cell, value) in row.chunks_exact_mut(8).zip(place.to_array()) {
            cell.copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// The values that stand for no light and full light of a channel: those that the file states, or
/// else those of its type.
fn limits(cloud: &PointCloud, channel: usize, name: &RecordName) -> [f64; 2] {
    let record = cloud.prototype.iter().find(|record| record.name == *name);
    let record: Option<&Record> = record;
    let number = |value: &Option<RecordValue>| -> Option<f64> {
        value.as_ref()?.to_f64(&record?.data_type).ok()
    };
    let stated = cloud.color_limits.as_ref().and_then(|limits| {
        let (low, high) = match channel {
            0 => (&limits.red_min, &limits.red_max),
            1 => (&limits.green_min, &limits.green_max),
            _ => (&limits.blue_min, &limits.blue_max),
        };
        Some([number(low)?, number(high)?])
    });
    let of_type = || match record.map(|record| &record.data_type)? {
        RecordDataType::Integer { min, max } => Some([*min as f64, *max as f64]),
        RecordDataType::ScaledInteger {
            min,
            max,
            scale,
            offset,
        } => Some([*min, *max].map(|v| v as f64 * scale + offset)),
        RecordDataType::Single { min, max } => Some([(*min)?.into(), (*max)?.into()]),
        RecordDataType::Double { min, max } => Some([(*min)?, (*max)?]),
    };
    let is_range = |[low, high]: &[f64; 2]| high > low && (high - low).is_finite();
    stated
        .filter(is_range)
        .or_else(|| of_type().filter(is_range))
        .unwrap_or([0.0, 1.0])
}
