//! Properties of every superpoint that need no network: its points, box, moments and colors.

use crate::{
    geometry::Aabb,
    spatial::{self, Places},
    superpoint::Superpoints,
};

/// Sums over points from which means and covariances follow. Adding two of them gives the sums of
/// the union.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub points: f64,
    position: [f64; 3],
    /// The sums of xx, yy, zz, xy, xz, yz.
    products: [f64; 6],
    color: [f64; 3],
    color_squares: f64,
}

impl Moments {
    /// The sums of a point that counts as `share` of one.
    fn of_point([x, y, z]: [f64; 3], color: [f64; 3], share: f64) -> Self {
        Self {
            points: share,
            position: [x, y, z].map(|value| value * share),
            products: [x * x, y * y, z * z, x * y, x * z, y * z].map(|value| value * share),
            color: color.map(|value| value * share),
            color_squares: color.iter().map(|c| c * c).sum::<f64>() * share,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.points += other.points;
        for axis in 0..3 {
            self.position[axis] += other.position[axis];
            self.color[axis] += other.color[axis];
        }
        for (sum, product) in self.products.iter_mut().zip(other.products) {
            *sum += product;
        }
        self.color_squares += other.color_squares;
    }

    /// Standard deviations of the positions along the three principal axes, ascending, metres.
    pub(super) fn principal_deviations(&self) -> [f64; 3] {
        let [mx, my, mz] = self.mean_position();
        let [xx, yy, zz, xy, xz, yz] = self.products.map(|sum| sum / self.points);
        let covariance = [
            xx - mx * mx,
            yy - my * my,
            zz - mz * mz,
            xy - mx * my,
            xz - mx * mz,
            yz - my * mz,
        ];
        eigenvalues(covariance).map(|variance| variance.max(0.0).sqrt())
    }

    /// Mean position, metres.
    pub(super) fn mean_position(&self) -> [f64; 3] {
        self.position.map(|sum| sum / self.points)
    }

    /// Mean color, 0..=1.
    pub(super) fn mean_color(&self) -> [f64; 3] {
        self.color.map(|sum| sum / self.points)
    }

    /// Root mean square distance of the colors from their mean, in color units of 0..=1.
    pub(super) fn color_deviation(&self) -> f64 {
        let mean_square: f64 = self.mean_color().iter().map(|mean| mean.powi(2)).sum();
        (self.color_squares / self.points - mean_square)
            .max(0.0)
            .sqrt()
    }
}

/// Eigenvalues of a symmetric 3x3 matrix (xx, yy, zz, xy, xz, yz), ascending, by the trigonometric
/// solution of the cubic.
fn eigenvalues([xx, yy, zz, xy, xz, yz]: [f64; 6]) -> [f64; 3] {
    let mean = (xx + yy + zz) / 3.0;
    let (a, b, c) = (xx - mean, yy - mean, zz - mean);
    let spread = ((a * a + b * b + c * c + 2.0 * (xy * xy + xz * xz + yz * yz)) / 6.0).sqrt();
    if spread <= f64::EPSILON * mean.abs() {
        return [mean; 3];
    }
    let determinant = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz);
    let angle = (determinant / (2.0 * spread.powi(3)))
        .clamp(-1.0, 1.0)
        .acos()
        / 3.0;
    let third = std::f64::consts::TAU / 3.0;
    let largest = mean + 2.0 * spread * angle.cos();
    let smallest = mean + 2.0 * spread * (angle + third).cos();
    [smallest, 3.0 * mean - largest - smallest, largest]
}

/// The geometry of a scan's superpoints. Borrows the positions; everything else is computed once in
/// O(points).
pub struct SuperpointGeometry<'a> {
    positions: &'a [[f32; 3]],
    /// Offsets into `points`, `(superpoints + 1)`.
    starts: Vec<u32>,
    /// Point indices grouped by superpoint, ascending within each, `(points)`.
    points: Vec<u32>,
    boxes: Vec<Aabb>,
    moments: Vec<Moments>,
    /// Number of places that points of each superpoint have, `(superpoints)`.
    places: Vec<u32>,
    /// Surface areas in square metres, `(superpoints)`.
    areas: Vec<f32>,
    /// `true` for superpoints that consist of stray points, `(superpoints)`.
    is_stray: Vec<bool>,
}

impl<'a> SuperpointGeometry<'a> {
    /// Computes the geometry from `positions` `(points, 3)` in the world frame and sRGB `colors`
    /// `(points, 3)`, both in the order of `superpoints`, and from the surface `areas` of the
    /// superpoints in square metres. Several points at one place of a superpoint have the moments
    /// of one point: how often a file repeats a place says nothing about the room.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn new(
        positions: &'a [[f32; 3]],
        colors: Option<&[[u8; 3]]>,
        superpoints: &Superpoints,
        areas: Vec<f32>,
    ) -> Self {
        let superpoint_of_point = superpoints.superpoint_of_point();
        assert_eq!(
            positions.len(),
            superpoint_of_point.len(),
            "one superpoint id per point"
        );
        let count = superpoints.count();
        assert_eq!(areas.len(), count, "one area per superpoint");
        let mut starts = vec![0; count + 1];
        for (superpoint, size) in superpoints.sizes().into_iter().enumerate() {
            starts[superpoint + 1] = starts[superpoint] + size;
        }
        let mut next = starts.clone();
        let mut points = vec![0; positions.len()];
        let mut boxes = vec![Aabb::EMPTY; count];
        let mut moments = vec![Moments::default(); count];
        let distinct = Places::new(positions, superpoint_of_point);
        let mut places = vec![0; count];
        for &first in distinct.first_points() {
            places[superpoint_of_point[first as usize] as usize] += 1;
        }
        let crowd = distinct.points_at();
        for (point, (&superpoint, &position)) in
            superpoint_of_point.iter().zip(positions).enumerate()
        {
            let s = superpoint as usize;
            points[next[s] as usize] = point as u32;
            next[s] += 1;
            boxes[s] = boxes[s].with(position);
            let color = colors.map_or([0.0; 3], |colors| {
                colors[point].map(|c| f64::from(c) / 255.0)
            });
            let share = 1.0 / f64::from(crowd[distinct.of_point(point) as usize]);
            moments[s].add(&Moments::of_point(position.map(f64::from), color, share));
        }
        let mut strays = vec![0; count];
        for stray in spatial::strays(positions) {
            strays[superpoint_of_point[stray as usize] as usize] += 1;
        }
        let is_stray = (0..count)
            .map(|s| strays[s] > 0 && strays[s] == starts[s + 1] - starts[s])
            .collect();
        Self {
            positions,
            starts,
            points,
            boxes,
            moments,
            places,
            areas,
            is_stray,
        }
    }

    /// `true` if a superpoint consists of stray points, which belong to no object.
    pub fn is_stray(&self, superpoint: u32) -> bool {
        self.is_stray[superpoint as usize]
    }

    /// Number of superpoints.
    pub fn count(&self) -> usize {
        self.boxes.len()
    }

    /// Number of points of one superpoint.
    pub fn size(&self, superpoint: u32) -> u32 {
        self.starts[superpoint as usize + 1] - self.starts[superpoint as usize]
    }

    /// The points of one superpoint, ascending.
    pub fn points(&self, superpoint: u32) -> &[u32] {
        &self.points[self.starts[superpoint as usize] as usize
            ..self.starts[superpoint as usize + 1] as usize]
    }

    /// Tight bounding box of one superpoint.
    pub fn bounds(&self, superpoint: u32) -> Aabb {
        self.boxes[superpoint as usize]
    }

    /// Tight bounding box of all points but strays.
    pub fn scene(&self) -> Aabb {
        self.boxes
            .iter()
            .zip(&self.is_stray)
            .filter(|(_, is_stray)| !**is_stray)
            .fold(Aabb::EMPTY, |all, (one, _)| all.union(one))
    }

    /// Number of places of one superpoint: of its points, without those at the place of another.
    pub fn places(&self, superpoint: u32) -> u32 {
        self.places[superpoint as usize]
    }

    /// Number of places of a set of superpoints.
    pub fn places_in(&self, superpoints: &[u32]) -> u32 {
        superpoints.iter().map(|&s| self.places(s)).sum()
    }

    /// Number of points of a set of superpoints.
    pub fn points_in(&self, superpoints: &[u32]) -> u32 {
        superpoints.iter().map(|&s| self.size(s)).sum()
    }

    /// Total surface area of a set of superpoints, square metres.
    pub fn area_of(&self, superpoints: &[u32]) -> f32 {
        superpoints.iter().map(|&s| self.areas[s as usize]).sum()
    }

    pub(super) fn moments(&self, superpoints: &[u32]) -> Moments {
        let mut sum = Moments::default();
        for &s in superpoints {
            sum.add(&self.moments[s as usize]);
        }
        sum
    }

    /// Returns the number of points and the tight bounding box of a set of superpoints after
    /// `crop`. Examines single points only where a superpoint straddles the crop.
    pub fn measure(&self, superpoints: &[u32], crop: Option<&Aabb>) -> (u32, Aabb) {
        let mut count = 0;
        let mut bounds = Aabb::EMPTY;
        for &s in superpoints {
            let own = self.bounds(s);
            let inside = crop.is_none_or(|crop| crop.contains(own.min) && crop.contains(own.max));
            if inside {
                count += self.size(s);
                bounds = bounds.union(&own);
                continue;
            }
            for &point in self.points(s) {
                let position = self.positions[point as usize];
                if crop.is_some_and(|crop| crop.contains(position)) {
                    count += 1;
                    bounds = bounds.with(position);
                }
            }
        }
        (count, bounds)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Areas as if every point covered ten square centimetres, `(superpoints)`.
    pub fn areas(superpoints: &Superpoints) -> Vec<f32> {
        superpoints
            .sizes()
            .into_iter()
            .map(|size| size as f32 * 0.001)
            .collect()
    }

    #[test]
    fn a_flat_square_has_one_small_deviation() {
        let positions: Vec<[f32; 3]> = (0..100)
            .map(|i| [(i % 10) as f32, (i / 10) as f32, 5.0])
            .collect();
        let geometry = SuperpointGeometry::new(
            &positions,
            None,
            &Superpoints::from_ids(&[7; 100]),
            vec![1.0],
        );
        let [thin, a, b] = geometry.moments(&[0]).principal_deviations();
        assert!(
            thin < 1e-6 && (a - b).abs() < 1e-6 && (a - 8.25_f64.sqrt()).abs() < 1e-6,
            "{thin} {a} {b}"
        );
    }

    #[test]
    fn points_at_one_place_count_once() {
        let room: Vec<[f32; 3]> = (0..60)
            .map(|i| [(i % 10) as f32, (i / 10) as f32, (i % 3) as f32])
            .collect();
        let colors: Vec<[u8; 3]> = (0..60).map(|i| [i, 2 * i, 255 - i]).collect();
        let ids: Vec<u32> = (0..60).map(|i| i % 2).collect();
        // every place one to five times
        let copies = || (0..60).flat_map(|i| std::iter::repeat_n(i, 1 + i * 7 % 5));
        let repeated: Vec<_> = copies().map(|i| room[i]).collect();
        let painted: Vec<_> = copies().map(|i| colors[i]).collect();
        let grouped = Superpoints::from_ids(&copies().map(|i| ids[i]).collect::<Vec<_>>());
        let once = Superpoints::from_ids(&ids);
        let once = SuperpointGeometry::new(&room, Some(&colors), &once, vec![1.0; 2]);
        let many = SuperpointGeometry::new(&repeated, Some(&painted), &grouped, vec![1.0; 2]);
        assert_eq!((once.places_in(&[0, 1]), many.places_in(&[0, 1])), (60, 60));
        assert_eq!(many.points_in(&[0, 1]) as usize, repeated.len());
        let (a, b) = (once.moments(&[1]), many.moments(&[1]));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        (0..3).for_each(|i| near(a.principal_deviations()[i], b.principal_deviations()[i]));
        near(a.color_deviation(), b.color_deviation());
    }

    proptest! {
        #[test]
        fn eigenvalues_have_the_trace_and_determinant_of_their_matrix(m in prop::array::uniform6(-5.0..5.0f64)) {
            let [xx, yy, zz, xy, xz, yz] = m;
            let [a, b, c] = eigenvalues(m);
            prop_assert!(a <= b + 1e-9 && b <= c + 1e-9);
            let determinant = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz);
            prop_assert!((a + b + c - (xx + yy + zz)).abs() < 1e-9);
            prop_assert!((a * b * c - determinant).abs() < 1e-6);
        }

        #[test]
        fn measuring_by_boxes_equals_counting_points(
            points in prop::collection::vec((prop::array::uniform3(-1.0..1.0f32), 0..6u32), 1..80),
            corner in prop::array::uniform3(-1.0..1.0f32),
            size in prop::array::uniform3(0.0..1.5f32),
        ) {
            let positions: Vec<_> = points.iter().map(|p| p.0).collect();
            let ids: Vec<_> = points.iter().map(|p| p.1).collect();
            let superpoints = Superpoints::from_ids(&ids);
            let geometry = SuperpointGeometry::new(&positions, None, &superpoints, areas(&superpoints));
            let crop = Aabb { min: corner, max: std::array::from_fn(|i| corner[i] + size[i]) };
            let chosen: Vec<u32> = (0..superpoints.count() as u32).step_by(2).collect();
            let members: Vec<_> = positions.iter().zip(superpoints.superpoint_of_point())
                .filter(|(p, s)| chosen.contains(s) && crop.contains(**p)).map(|(p, _)| *p).collect();
            let bounds = members.iter().fold(Aabb::EMPTY, |b, p| b.with(*p));
            prop_assert_eq!(geometry.measure(&chosen, Some(&crop)), (members.len() as u32, bounds));
            prop_assert!((geometry.area_of(&chosen) - 0.001 * geometry.points_in(&chosen) as f32).abs() < 1e-5);
        }
    }
}
