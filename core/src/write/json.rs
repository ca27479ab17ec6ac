//! Instances as JSON (RFC 8259).

use serde::Serialize;

use super::{
    Context, OrientedBoxRecord, PointLabels,
    members::{Members, runs},
    oriented::OrientedBox,
    rows,
};
use crate::{
    geometry::Aabb,
    palette,
    preflight::Unit,
    scan::{Frame, Scan},
};

/// The JSON record of one instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstanceRecord {
    /// Instance id, the same as in the labelled PLY.
    pub id: u32,
    /// Name of the instance; `null` if no label fits.
    pub label: Option<String>,
    /// Confidence score, 0..=1.
    pub score: f32,
    /// Number of points.
    pub points: usize,
    /// Tight box around the points in the file's frame and units; `null` if there are no points.
    #[serde(rename = "box")]
    pub file_box: Option<BoxRecord>,
    /// The same box in the world frame: metres, z up.
    pub world_box: Option<BoxRecord>,
    /// The upright box with the smallest base, in the file's frame and units.
    pub oriented_box: Option<OrientedBoxRecord>,
    /// Mean of the points in the file's frame and units.
    pub centroid: Option<[f64; 3]>,
    /// The color of the instance on the page and in files, `#rrggbb` in sRGB.
    pub color: String,
}

/// An axis-aligned box.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoxRecord {
    /// Center of the box.
    #[serde(rename = "centre")]
    pub center: [f64; 3],
    /// Edge lengths.
    pub size: [f64; 3],
    /// Lower corner.
    pub min: [f64; 3],
    /// Upper corner.
    pub max: [f64; 3],
}

impl BoxRecord {
    fn new(min: [f64; 3], max: [f64; 3]) -> Self {
        let axes = |of: fn(f64, f64) -> f64| std::array::from_fn(|axis| of(min[axis], max[axis]));
        Self {
            center: axes(|min, max| (min + max) / 2.0),
            size: axes(|min, max| max - min),
            min,
            max,
        }
    }
}

/// The instances with their boxes, in the order of `labels.instances`.
pub fn instance_records(scan: &Scan, labels: &PointLabels) -> Vec<InstanceRecord> {
    records(scan, labels, &Members::new(labels, scan.len()))
}

fn records(scan: &Scan, labels: &PointLabels, members: &Members) -> Vec<InstanceRecord> {
    let frame = &scan.frame;
    let record = |(index, instance): (usize, &super::LabeledInstance)| {
        let points = members.of(index);
        let positions = || points.iter().map(|point| scan.positions[*point as usize]);
        let world = positions().fold(Aabb::EMPTY, |all, position| all.with(position));
        let file = frame.file_box_from_world(&world);
        let has_points = !points.is_empty();
        let sum = positions().fold([0.0; 3], |sum, position| {
            std::array::from_fn(|axis| sum[axis] + f64::from(position[axis]))
        });
        let mean = sum.map(|sum| sum / points.len() as f64);
        InstanceRecord {
            id: instance.id,
            label: labels.name(instance).map(str::to_owned),
            score: instance.score,
            points: points.len(),
            file_box: has_points.then(|| BoxRecord::new(file.min, file.max)),
            world_box: has_points
                .then(|| BoxRecord::new(world.min.map(f64::from), world.max.map(f64::from))),
            oriented_box: OrientedBox::around(positions()).map(|found| found.in_file(frame)),
            centroid: has_points.then(|| frame.file_from_world(mean)),
            color: palette::css(rows::color(labels, instance)),
        }
    };
    labels.instances.iter().enumerate().map(record).collect()
}

/// The length of a unit of the file by its name, such as "millimetres".
pub(super) fn unit(frame: &Frame) -> String {
    let unit = Unit::of_metres(frame.metres_per_unit);
    // every frame of a scan has a unit that a scan can have
    unit.map_or_else(|error| error.to_string(), |unit| unit.to_string())
}

/// Writes a JSON document with these keys:
///
/// * `points`: their number;
/// * `frame`: the relation between file and world, [`Frame`];
/// * `unit`: the unit of the file in words, and `up`: the axis of the file that points up, as `+z`;
/// * `prompt`: what was looked for, and `model`: the name of the network; `null` if not known;
/// * `instances`: a list of [`InstanceRecord`], each with `point_runs` as well: the rows of its
///   points among the points of the file, counted from 0, run-length encoded. `"0 3 7 1"` says that
///   three rows from row 0 on and one row from row 7 on are of the instance. Points that were
///   sampled on the faces of a mesh have no row.
pub fn instances_json(scan: &Scan, labels: &PointLabels, context: &Context) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        points: usize,
        frame: Frame,
        unit: String,
        up: String,
        prompt: Option<&'a str>,
        model: Option<&'a str>,
        instances: Vec<Listed>,
    }
    #[derive(Serialize)]
    struct Listed {
        #[serde(flatten)]
        record: InstanceRecord,
        point_runs: String,
    }
    let members = Members::new(labels, scan.len());
    let measured = scan.measured();
    let listed = |(index, record)| {
        let points = members.of(index).iter().map(|point| *point as usize);
        let measured = points.filter(|point| *point < measured);
        Listed {
            record,
            point_runs: runs(measured.map(|point| rows::row_of_point(scan, point) as u32)),
        }
    };
    let records = records(scan, labels, &members).into_iter().enumerate();
    let known = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let document = Document {
        points: scan.len(),
        frame: scan.frame,
        unit: unit(&scan.frame),
        up: scan.frame.up.to_string(),
        prompt: known(context.prompt),
        model: known(context.model),
        instances: records.map(listed).collect(),
    };
    serde_json::to_string_pretty(&document).expect("numbers and strings always serialize")
}
