//! Guesses the up axis from the positions of horizontal surfaces.
//!
//! Floors, seats and tables face up and lie in the lower half of a room; the upper half is mostly
//! walls. The true up axis therefore has more surface perpendicular to it in the lower half than in
//! the upper half, and nothing similar holds for the walls. A room is also lower than it is wide.
//! If both ends of an axis are closed by surfaces (floor and ceiling, or two walls), the difference
//! is not informative and is not counted. A bonus for common conventions is added last: for z up in
//! general, and for y down or up if the points lie in front of a camera at the origin. If the
//! winner would not have won clearly without that bonus, it is an assumption, unless the file
//! itself says which way is up: that decides where the points do not decide clearly.

use super::{Certainty, Finding, Sample};
use crate::{scan::UpAxis, spatial};

/// Number of neighbours of a sampled point that determine its normal.
const NEIGHBORS: usize = 16;

/// A surface is perpendicular to an axis if its normal is within 15 degrees of the axis.
pub(super) const SQUARE: f32 = 0.966;

/// An end of an axis is closed if surfaces perpendicular to the axis contain this share of all
/// points there.
const CLOSED: f64 = 0.05;

/// The weight of "lower than wide".
const FLATNESS: f64 = 0.1;

/// The evidence that the points alone must give for a finding: the minimum of `floor`, a share of
/// the points, and the minimum lead over every other direction in `floor` plus weighted flatness.
const CLEAR: f64 = 0.03;

/// The evidence for an axis, for both signs.
struct Evidence {
    /// Share of the points in surfaces perpendicular to the axis, lower half minus upper half; 0 if
    /// both ends are closed.
    floor: f64,
    /// 0 for an axis longer than the others, up to 1 for a much shorter one.
    flatness: f64,
}

/// `stated` is what the file says.
pub(super) fn guess(sample: &Sample, stated: Option<UpAxis>) -> Finding<UpAxis> {
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
                "Up is {value}: most level surfaces, such as floors and seats, lie low along this axis."
            ),
        }
    } else if let Some(value) = stated {
        Finding {
            value,
            certainty: Certainty::Found,
            words: format!("Up is {value}: the file or its format says so."),
        }
    } else {
        Finding {
            value,
            certainty: Certainty::Assumed,
            words: format!("Up is assumed to be {value}, as is usual for such files."),
        }
    }
}

/// The bonus for common conventions: for a view from a camera at the origin (+z forward and y down,
/// or -z forward and y up), and for other scans.
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

/// `(points)`: unit normals of the surfaces around points, whose lower corner is `origin`; empty if
/// there are none.
pub(super) fn normals(points: &[[f64; 3]], origin: [f64; 3]) -> Vec<[f32; 3]> {
    let local: Vec<[f32; 3]> = points
        .iter()
        .map(|point| std::array::from_fn(|axis| (point[axis] - origin[axis]) as f32))
        .collect();
    let nobody_cancels = |_: f32| Ok(());
    spatial::normals_of_points(&local, NEIGHBORS, &nobody_cancels).unwrap_or_default()
}

fn evidence(sample: &Sample) -> [Evidence; 3] {
    let normals = &sample.normals;
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
        // (bins) share of points in perpendicular surfaces, from one end to the other
        const BINS: usize = 50;
        let mut histogram = [0.0; BINS];
        for (point, normal) in sample.points.iter().zip(normals) {
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
