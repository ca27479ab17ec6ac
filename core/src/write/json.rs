//! Instances as JSON.

use serde::Serialize;

use super::PointLabels;
use crate::{
    geometry::Aabb,
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
}

/// An axis-aligned box.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoxRecord {
    /// Centre of the box.
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
    let mut points = vec![0; labels.instances.len()];
    let mut bounds = vec![Aabb::EMPTY; labels.instances.len()];
    for (position, owner) in scan.positions.iter().zip(&labels.instance_of_point) {
        let Some(bounds) = bounds.get_mut(*owner as usize) else {
            continue;
        };
        points[*owner as usize] += 1;
        *bounds = bounds.with(*position);
    }
    let record = |((instance, points), world): ((&super::LabeledInstance, usize), Aabb)| {
        let file = scan.frame.file_box_from_world(&world);
        InstanceRecord {
            id: instance.id,
            label: labels.name(instance).map(str::to_owned),
            score: instance.score,
            points,
            file_box: (points > 0).then(|| BoxRecord::new(file.min, file.max)),
            world_box: (points > 0)
                .then(|| BoxRecord::new(world.min.map(f64::from), world.max.map(f64::from))),
        }
    };
    labels
        .instances
        .iter()
        .zip(points)
        .zip(bounds)
        .map(record)
        .collect()
}

/// Writes a JSON document with `points` (their number), `frame` (the relation between file and
/// world) and `instances` (a list of [`InstanceRecord`]).
pub fn instances_json(scan: &Scan, labels: &PointLabels) -> String {
    #[derive(Serialize)]
    struct Document {
        points: usize,
        frame: Frame,
        instances: Vec<InstanceRecord>,
    }
    let document = Document {
        points: scan.len(),
        frame: scan.frame,
        instances: instance_records(scan, labels),
    };
    serde_json::to_string_pretty(&document).expect("numbers and strings always serialise")
}
