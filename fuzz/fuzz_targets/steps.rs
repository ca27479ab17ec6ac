//! The steps behind the reading of a scan: what it seems to be, its superpoints and their merge
//! tree, and the written results; for few points that lie in the oddest places.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use segscape::{
    instances::{NO_INSTANCE, SuperpointGeometry},
    preflight::{Choices, Unit, preflight},
    progress::Monitor,
    scan::{self, Scan, UpAxis},
    superpoint::{Hierarchy, PointGraph, SuperpointOptions},
    write::{self, LabeledInstance, PointLabels},
};

/// The maximum number of points.
const POINTS: usize = 400;
/// Larger scans are not grouped: faces of any size were sampled, which takes seconds.
const SAMPLED: usize = 20_000;

#[derive(Arbitrary, Debug)]
enum Coordinate {
    /// Centimetres, where neighbours are.
    Near(i8),
    /// Decimetres.
    Far(i16),
    /// `±2^n`.
    Power(bool, i8),
    /// Anything, NaN too.
    Any(f32),
}

impl Coordinate {
    fn value(&self) -> f32 {
        match *self {
            Self::Near(cm) => f32::from(cm) * 0.01,
            Self::Far(dm) => f32::from(dm) * 0.1,
            Self::Power(sign, power) => {
                let value = f32::from(power).exp2();
                if sign { value } else { -value }
            }
            Self::Any(value) => value,
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Cloud {
    /// How often all points occur, less one.
    repeated: u8,
    colored: bool,
    up: Option<u8>,
    unit: Option<f64>,
    mesh: bool,
    triangles: Vec<[u8; 3]>,
    points: Vec<([Coordinate; 3], [u8; 3])>,
}

fuzz_target!(|cloud: Cloud| {
    let points = cloud.points.len().min(POINTS);
    let times = (1 + usize::from(cloud.repeated)).min(POINTS / points.max(1));
    let (positions, colors): (Vec<_>, Vec<_>) = (0..times)
        .flat_map(|_| &cloud.points[..points])
        .map(|(position, color)| (position.each_ref().map(Coordinate::value), *color))
        .unzip();
    let Ok(mut scan) = Scan::from_points(&positions, cloud.colored.then_some(&colors[..])) else {
        return;
    };
    let corner = |corner: u8| u32::from(corner) % scan.len() as u32;
    scan.triangles = cloud.triangles.iter().map(|t| t.map(corner)).collect();
    let choices = Choices {
        up: cloud
            .up
            .map(|up| UpAxis::ALL[usize::from(up) % UpAxis::ALL.len()]),
        unit: cloud.unit.and_then(|metres| Unit::of_metres(metres).ok()),
    };
    let found = preflight(&scan, choices);
    found.apply(&mut scan);
    let options = match cloud.mesh {
        true => SuperpointOptions::segmentator(),
        false => SuperpointOptions::default(),
    };
    if scan.len() <= SAMPLED {
        group(&scan, &options);
        written(&scan);
    }
});

fn group(scan: &Scan, options: &SuperpointOptions) {
    let monitor = Monitor::silent();
    let (positions, colors) = (&scan.positions, scan.colors.as_deref());
    let graph = PointGraph::new(
        positions,
        colors,
        &scan.triangles,
        None,
        options.edges,
        &monitor,
    );
    let Ok(graph) = graph else {
        assert!(!positions.as_flattened().iter().all(|v| v.is_finite()));
        return;
    };
    let superpoints = graph.cut(options, &monitor).expect("nobody cancelled");
    assert_eq!(superpoints.superpoint_of_point().len(), positions.len());
    assert!(superpoints.sizes().iter().all(|size| *size > 0));
    let tree = Hierarchy::new(&graph, &superpoints, &monitor).expect("nobody cancelled");
    let areas = tree.areas();
    assert_eq!(areas.len(), superpoints.count());
    for region in tree.regions(10.0) {
        assert!(region.birth <= region.death);
        assert!(region.superpoints.is_sorted_by(|a, b| a < b));
    }
    let geometry = SuperpointGeometry::new(positions, colors, &superpoints, areas);
    let all: Vec<u32> = (0..geometry.count() as u32).collect();
    assert_eq!(geometry.points_in(&all) as usize, positions.len());
}

/// Every third point belongs to nothing, the others to one of two instances.
fn written(scan: &Scan) {
    let owner = [0, 1, NO_INSTANCE];
    let labels = PointLabels {
        instance_of_point: (0..scan.len()).map(|point| owner[point % 3]).collect(),
        instances: [(3, Some(0)), (9, None)]
            .map(|(id, label)| LabeledInstance {
                id,
                label,
                score: 0.5,
            })
            .into(),
        labels: vec!["chair".to_owned()],
    };
    write::instances_json(scan, &labels);
    let labeled = write::labeled_ply(scan, &labels);
    if let Ok(again) = scan::read(&labeled, &Monitor::silent()) {
        let ids = again.table.point_rows().column("instance");
        let rows = again.table.point_rows().count;
        assert_eq!(ids.map(|ids| ids.values().count()), Some(rows));
    }
}
