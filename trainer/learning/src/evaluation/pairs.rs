//! Matches predicted instances to objects, regardless of their names.

use super::Found;
use crate::data::labeled_scan::LabeledScan;

/// IoU above which an object counts as found; at most one object can overlap a mask by more.
const OVERLAP: f64 = 0.5;

/// A predicted instance matched to an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestMatch {
    /// Index of the predicted instance.
    pub found: usize,
    /// Intersection over union of their points.
    pub iou: f64,
}

/// Shape `(objects)`: number of points of each object.
pub fn object_sizes(scan: &LabeledScan) -> Vec<u32> {
    let mut sizes = vec![0; scan.objects.len()];
    scan.object_of_point
        .iter()
        .flatten()
        .for_each(|&object| sizes[object as usize] += 1);
    sizes
}

/// Shape `(objects)`: the instance that overlaps each object most, the first of equal ones; `None`
/// if nothing overlaps the object by more than half. Masks that the evaluators drop because they
/// are too small are left out.
pub fn pairs(scan: &LabeledScan, found: &[Found]) -> Vec<Option<BestMatch>> {
    let sizes = object_sizes(scan);
    let mut best: Vec<Option<BestMatch>> = vec![None; sizes.len()];
    let mut shared = vec![0u32; sizes.len()];
    for (index, mask) in found
        .iter()
        .enumerate()
        .filter(|(_, mask)| mask.points.len() >= segscape::evaluate::MIN_POINTS as usize)
    {
        shared.fill(0);
        mask.points
            .iter()
            .filter_map(|&point| scan.object_of_point[point as usize])
            .for_each(|object| shared[object as usize] += 1);
        for ((&shared, &size), best) in shared.iter().zip(&sizes).zip(&mut best) {
            let iou = f64::from(shared)
                / (mask.points.len() as f64 + f64::from(size) - f64::from(shared));
            if iou > best.map_or(OVERLAP, |pair| pair.iou) {
                *best = Some(BestMatch { found: index, iou });
            }
        }
    }
    best
}
