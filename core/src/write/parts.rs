//! The parts of a scan: the triangles and points of every instance, and the rest.

use super::PointLabels;
use crate::scan::Scan;

/// What an instance has of a scan.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Index of the instance; `None` for the part that belongs to none.
    pub(super) owner: Option<usize>,
    /// The triangles, as points.
    pub(super) triangles: Vec<[u32; 3]>,
    /// The points that are no corner of a triangle.
    pub(super) points: Vec<u32>,
}

/// The parts that have anything, in the order of the instances; the part of none comes last. A
/// triangle belongs to the instance of at least two of its corners, and else to that of its first
/// one. Points that were sampled on faces are not among them: the faces are.
pub(super) fn parts(scan: &Scan, labels: &PointLabels) -> Vec<Part> {
    let count = labels.instances.len();
    let owner = |point: u32| {
        let owner = labels.instance_of_point.get(point as usize);
        owner.map_or(count, |owner| (*owner as usize).min(count))
    };
    let part = |owner| Part {
        owner: (owner < count).then_some(owner),
        ..Part::default()
    };
    let mut parts: Vec<Part> = (0..=count).map(part).collect();
    let measured = scan.measured().min(scan.len());
    let mut is_corner = vec![false; measured];
    for triangle in &scan.triangles {
        let [a, b, c] = triangle.map(owner);
        let owner = if b == c { b } else { a };
        parts[owner].triangles.push(*triangle);
        triangle
            .iter()
            .for_each(|corner| is_corner[*corner as usize] = true);
    }
    for (point, is_corner) in (0..).zip(is_corner) {
        if !is_corner {
            parts[owner(point)].points.push(point);
        }
    }
    parts.retain(|part| !part.triangles.is_empty() || !part.points.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{instances::NO_INSTANCE, write::LabeledInstance};

    #[test]
    fn triangles_go_where_most_corners_are() {
        let mut scan = Scan::from_points(&[[0.0; 3]; 6], None).unwrap();
        scan.triangles = vec![[0, 1, 2], [2, 0, 1], [1, 2, 3], [0, 2, 3]];
        let instance = |id| LabeledInstance {
            id,
            label: None,
            score: 1.0,
        };
        let labels = PointLabels {
            instance_of_point: vec![0, 0, 1, NO_INSTANCE, 0, 99],
            instances: vec![instance(5), instance(6), instance(7)],
            labels: Vec::new(),
        };
        let part = |owner, triangles: &[[u32; 3]], points: &[u32]| Part {
            owner,
            triangles: triangles.to_vec(),
            points: points.to_vec(),
        };
        let wanted = [
            part(Some(0), &[[0, 1, 2], [2, 0, 1], [1, 2, 3], [0, 2, 3]], &[4]),
            part(None, &[], &[5]),
        ];
        assert_eq!(parts(&scan, &labels), wanted);
    }
}
