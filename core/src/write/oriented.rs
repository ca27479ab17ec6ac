//! The smallest upright box around points.

use crate::scan::Frame;

/// A box that stands upright and is turned about the up axis, in the world frame: metres, z up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OrientedBox {
    /// Center.
    center: [f64; 3],
    /// Length of the longer and the shorter horizontal edges, and the height.
    pub(super) size: [f64; 3],
    /// Unit vector along the longer horizontal edges; x, or y if x is nearly 0, is positive.
    along: [f64; 2],
}

/// A box that is turned about the up axis, in the file's frame and units.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct OrientedBoxRecord {
    /// Center of the box.
    pub center: [f64; 3],
    /// The edge lengths along `axes`: the longer horizontal edges, the shorter ones, the height.
    pub size: [f64; 3],
    /// The angle from the file's horizontal reference axis to the longer horizontal edges, more
    /// than -90 and at most 90 degrees, counterclockwise seen from above. The reference axis is x
    /// or, where x or -x points up, -z or z.
    pub yaw_degrees: f64,
    /// The directions of the edges, unit vectors.
    pub axes: [[f64; 3]; 3],
}

impl OrientedBox {
    /// The upright box with the smallest base around points; `None` without points. An edge of the
    /// smallest rectangle lies on an edge of the convex hull (H. Freeman and R. Shapira, Determining
    /// the minimum-area encasing rectangle for an arbitrary closed curve, 1975). Boxes along the
    /// axes are preferred to others that are no smaller.
    pub(super) fn around(points: impl Iterator<Item = [f32; 3]>) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let base = points.map(|point| {
            let [x, y, z] = point.map(f64::from);
            (low, high) = (low.min(z), high.max(z));
            [x, y]
        });
        let hull = hull(base.collect());
        let first = *hull.first()?;
        let next = hull.iter().cycle().skip(1);
        let edges = hull
            .iter()
            .zip(next)
            .map(|(a, b)| [b[0] - a[0], b[1] - a[1]]);
        let unit = |[x, y]: [f64; 2]| {
            let length = x.hypot(y);
            (length > 0.0).then(|| [x / length, y / length])
        };
        let mut best = Rectangle::around(&hull, first, [1.0, 0.0]);
        for direction in edges.filter_map(unit) {
            let rectangle = Rectangle::around(&hull, first, direction);
            if rectangle.area() < 0.999 * best.area() {
                best = rectangle;
            }
        }
        let [x, y] = best.center();
        let ([length, width], along) = best.sorted();
        Some(Self {
            center: [x, y, (low + high) / 2.0],
            size: [length, width, high - low],
            along,
        })
    }

    /// The same box in the file's frame and units.
    pub(super) fn in_file(&self, frame: &Frame) -> OrientedBoxRecord {
        let [c, s] = self.along;
        let unit = Frame {
            offset: [0.0; 3],
            metres_per_unit: 1.0,
            ..*frame
        };
        // + 0.0 makes a positive zero of a negative one
        let axis = |direction| unit.file_from_world(direction).map(|v| v + 0.0);
        OrientedBoxRecord {
            center: frame.file_from_world(self.center),
            size: self.size.map(|edge| edge / frame.metres_per_unit),
            yaw_degrees: s.atan2(c).to_degrees(),
            axes: [[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]].map(axis),
        }
    }
}

/// A rectangle around points of a plane.
struct Rectangle {
    origin: [f64; 2],
    /// Unit vector along the first edges.
    direction: [f64; 2],
    /// The least coordinates along the edges, relative to the origin.
    low: [f64; 2],
    /// The largest ones.
    high: [f64; 2],
}

impl Rectangle {
    fn around(points: &[[f64; 2]], origin: [f64; 2], direction: [f64; 2]) -> Self {
        let [c, s] = direction;
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for point in points {
            let [x, y] = [point[0] - origin[0], point[1] - origin[1]];
            for (axis, value) in [x * c + y * s, y * c - x * s].into_iter().enumerate() {
                low[axis] = low[axis].min(value);
                high[axis] = high[axis].max(value);
            }
        }
        Self {
            origin,
            direction,
            low,
            high,
        }
    }

    fn size(&self) -> [f64; 2] {
        [self.high[0] - self.low[0], self.high[1] - self.low[1]]
    }

    fn area(&self) -> f64 {
        let [a, b] = self.size();
        a * b
    }

    fn center(&self) -> [f64; 2] {
        let [c, s] = self.direction;
        let [u, v] = [0, 1].map(|axis| (self.low[axis] + self.high[axis]) / 2.0);
        [
            self.origin[0] + u * c - v * s,
            self.origin[1] + u * s + v * c,
        ]
    }

    /// The longer and the shorter edge, and the direction of the longer one.
    fn sorted(&self) -> ([f64; 2], [f64; 2]) {
        let ([a, b], [c, s]) = (self.size(), self.direction);
        let (size, [x, y]) = match a >= b {
            true => ([a, b], [c, s]),
            false => ([b, a], [-s, c]),
        };
        // rounding must not turn a box around
        let turned = x < -1e-6 || (x <= 1e-6 && y < 0.0);
        let along = if turned { [-x, -y] } else { [x, y] };
        (size, along.map(|v| v + 0.0))
    }
}

/// The corners of the convex hull, counterclockwise (A. M. Andrew, Another efficient algorithm for
/// convex hulls in two dimensions, 1979).
fn hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let order = |a: &[f64; 2], b: &[f64; 2]| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1]));
    points.sort_unstable_by(order);
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let mut hull: Vec<[f64; 2]> = Vec::new();
    let mut chain = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let start = hull.len();
        for point in points {
            while let [.., a, b] = hull[start..]
                && (b[0] - a[0]) * (point[1] - a[1]) <= (b[1] - a[1]) * (point[0] - a[0])
            {
                hull.pop();
            }
            hull.push(*point);
        }
        // it is the first of the other chain
        hull.pop();
    };
    chain(&mut points.iter());
    chain(&mut points.iter().rev());
    hull
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn near(a: &[f64], b: &[f64]) {
        let close = a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "{a:?} is not {b:?}");
    }

    #[test]
    fn a_turned_box_is_found_as_it_stands() {
        let corners = |yaw: f64| {
            let (s, c) = yaw.to_radians().sin_cos();
            let corner = move |(u, v, z): (f64, f64, f64)| {
                [5.0 + u * c - v * s, -2.0 + u * s + v * c, z].map(|v| v as f32)
            };
            [-1.0, 1.0].into_iter().flat_map(move |u| {
                [-0.25, 0.25]
                    .into_iter()
                    .flat_map(move |v| [0.0, 0.75].into_iter().map(move |z| corner((u, v, z))))
            })
        };
        for yaw in [0.0, 30.0, -60.0, 90.0, -5.0] {
            let found = OrientedBox::around(corners(yaw)).unwrap();
            let file = found.in_file(&Frame::default());
            near(&file.center, &[5.0, -2.0, 0.375]);
            near(&file.size, &[2.0, 0.5, 0.75]);
            assert!(
                (file.yaw_degrees - yaw).abs() < 1e-3,
                "{}",
                file.yaw_degrees
            );
        }
    }

    #[test]
    fn few_points_have_boxes_too() {
        let around = |points: &[[f32; 3]]| OrientedBox::around(points.iter().copied());
        assert_eq!(around(&[]), None);
        near(&around(&[[1.0, 2.0, 3.0]; 4]).unwrap().size, &[0.0; 3]);
        let line = around(&[[0.0; 3], [3.0, 4.0, 1.0], [1.5, 2.0, 0.0]]).unwrap();
        near(&line.size, &[5.0, 0.0, 1.0]);
        near(&line.along, &[0.6, 0.8]);
        let upright = around(&[[0.0; 3], [0.0, 2.0, 0.0]]).unwrap();
        near(&upright.along, &[0.0, 1.0]);
    }

    proptest! {
        #[test]
        fn every_point_is_inside_and_no_base_is_larger_than_that_along_the_axes(points in prop::collection::vec(prop::array::uniform3(-5.0..5.0f32), 1..60)) {
            let found = OrientedBox::around(points.iter().copied()).unwrap();
            let [c, s] = found.along;
            let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
            for point in &points {
                let [x, y, z] = point.map(f64::from);
                let [x, y, z] = [x - found.center[0], y - found.center[1], z - found.center[2]];
                for (value, edge) in [x * c + y * s, y * c - x * s, z].into_iter().zip(found.size) {
                    prop_assert!(2.0 * value.abs() <= edge + 1e-9);
                }
                for axis in 0..2 {
                    low[axis] = low[axis].min([x, y][axis]);
                    high[axis] = high[axis].max([x, y][axis]);
                }
            }
            prop_assert!(found.size[0] >= found.size[1]);
            prop_assert!(found.size[0] * found.size[1] <= (high[0] - low[0]) * (high[1] - low[1]) + 1e-9);
        }
    }
}
