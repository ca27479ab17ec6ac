//! The up axis, from where horizontal surfaces are.
//!
//! Floors, seats and tables face up and lie in the lower half of a room; the upper half is mostly
//! walls. So for the true up direction there are more surfaces square to it below the middle than
//! above, and nothing like that holds for walls. A room is also lower than it is wide. Where both
//! ends of an axis are closed by surfaces (floor and ceiling, or two walls) the difference says
//! nothing and is not counted. What conventions make likely is added last: z up in general, y down
//! or up where the points lie in front of a camera at the origin. If the winner would not have won
//! clearly without that, it is an assumption.

use super::{Certainty, Finding, Sample};
use crate::{scan::UpAxis, spatial};

/// Neighbours of a sampled point that make its normal.
const NEIGHBOURS: usize = 16;

/// A surface is square to an axis within 15 degrees.
const SQUARE: f32 = 0.966;

/// An end of an axis is closed when this share of all points lies there in surfaces square to it.
const CLOSED: f64 = 0.05;

/// How much being flat counts: the weight of "lower than wide".
const FLATNESS: f64 = 0.1;

/// What the points alone must say for a finding: so much of a floor, and so much more than any
/// other direction has.
const CLEAR: f64 = 0.03;

/// What an axis looks like, both ways up.
struct Evidence {
    /// Share of the points in square surfaces in the lower minus the upper half of the axis; 0
    /// where both ends are closed.
    floor: f64,
    /// 0 for an axis longer than the others, up to 1 for a much shorter one.
    flatness: f64,
}

pub(super) fn guess(sample: &Sample) -> Finding<UpAxis> {
    let evidence = evidence(sample);
    let seen = |up: UpAxis| {
        up.sign() * evidence[up.index()].floor + FLATNESS * evidence[up.index()].flatness
    };
    let convention = |up: UpAxis| convention(sample, up);
    let score = |up: &UpAxis| seen(*up) + convention(*up);
    let value = UpAxis::ALL
        .into_iter()
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .unwrap_or_default();
    let has_floor = value.sign() * evidence[value.index()].floor > CLEAR;
    if has_floor
        && UpAxis::ALL
            .into_iter()
            .all(|other| other == value || seen(other) + CLEAR < seen(value))
    {
        Finding {
            value,
            certainty: Certainty::Found,
            words: format!(
                "Up is {value}: most level surfaces lie low along it, as floors and seats do."
            ),
        }
    } else {
        Finding {
            value,
            certainty: Certainty::Assumed,
            words: format!("Up is assumed to be {value}, as is usual for such files."),
        }
    }
}

/// What is usual: for a view from a camera at the origin (+z forward and y down, or -z forward and
/// y up), and for the rest.
fn convention(sample: &Sample, up: UpAxis) -> f64 {
    let straddles = |axis: usize| sample.low[axis] < 0.0 && sample.high[axis] > 0.0;
    let in_front =
        |near: f64, far: f64| near > 0.1 * far && far > 0.0 && straddles(0) && straddles(1);
    let camera = 0.12;
    match up {
        UpAxis::MinusY if in_front(sample.low[2], sample.high[2]) => camera,
        UpAxis::PlusY if in_front(-sample.high[2], -sample.low[2]) => camera,
        UpAxis::PlusZ => 0.1,
        UpAxis::PlusY => 0.05,
        UpAxis::MinusY => 0.03,
        _ => 0.0,
    }
}

fn evidence(sample: &Sample) -> [Evidence; 3] {
    let origin = sample.low;
    let local: Vec<[f32; 3]> = sample
        .points
        .iter()
        .map(|point| std::array::from_fn(|axis| (point[axis] - origin[axis]) as f32))
        .collect();
    let nobody_cancels = |_: f32| Ok(());
    let normals =
        spatial::nearest_neighbours(&local, NEIGHBOURS, &nobody_cancels).and_then(|near| {
            let normals = spatial::normals(&near.by_row(&local), &near, &nobody_cancels)?;
            Ok(near.by_point(&normals))
        });
    let normals = normals.unwrap_or_default();
    std::array::from_fn(|axis| {
        let [low, extent] = [sample.low[axis], sample.extent[axis]];
        let others = (sample.extent.iter().sum::<f64>() - extent) / 2.0;
        let flatness = if others > 0.0 {
            (1.0 - extent / others).max(0.0)
        } else {
            0.0
        };
        if extent <= 0.0 || normals.is_empty() {
            return Evidence {
                floor: 0.0,
                flatness,
            };
        }
        // (bins) points in square surfaces, from one end to the other
        const BINS: usize = 50;
        let mut histogram = [0.0; BINS];
        for (point, normal) in sample.points.iter().zip(&normals) {
            if normal[axis].abs() > SQUARE {
                let bin =
                    ((point[axis] - low) / extent * BINS as f64).clamp(0.0, BINS as f64 - 1.0);
                histogram[bin as usize] += 1.0 / normals.len() as f64;
            }
        }
        let slab = |bins: &[f64]| {
            bins.windows(2)
                .map(|pair| pair[0] + pair[1])
                .fold(0.0, f64::max)
        };
        let closed =
            slab(&histogram[..BINS / 5]) > CLOSED && slab(&histogram[BINS - BINS / 5..]) > CLOSED;
        let (lower, upper) = histogram.split_at(BINS / 2);
        let floor = if closed {
            0.0
        } else {
            lower.iter().sum::<f64>() - upper.iter().sum::<f64>()
        };
        Evidence { floor, flatness }
    })
}
