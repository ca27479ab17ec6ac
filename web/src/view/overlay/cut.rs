//! The plane that cuts a thing, as the polygon in which it meets the thing's box.

use glam::Vec3;
use segscape::geometry::Aabb;

use super::{EDGES, corners, css};
use crate::view::{cloud::Frame, picture::Colors, projection::Projection, surface::Surface};

/// A plane through a thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Direction of unit length, square to the plane.
    pub normal: Vec3,
    /// Where the plane is along that direction, metres from the origin.
    pub at: f32,
    /// The box of the thing, world frame, metres.
    pub bounds: Aabb,
}

impl Cut {
    /// The corners of the polygon in their order; none if the plane misses the box.
    fn polygon(&self) -> Vec<Vec3> {
        let corners = corners(&self.bounds);
        let beyond = corners.map(|corner| corner.dot(self.normal) - self.at);
        let crossing = |[from, to]: [usize; 2]| {
            let is_crossed = (beyond[from] >= 0.0) != (beyond[to] >= 0.0);
            let along = beyond[from] / (beyond[from] - beyond[to]);
            is_crossed.then(|| corners[from].lerp(corners[to], along))
        };
        let mut found: Vec<Vec3> = EDGES.into_iter().filter_map(crossing).collect();
        let middle = found.iter().sum::<Vec3>() / found.len().max(1) as f32;
        let across = self.normal.any_orthonormal_vector();
        let up = self.normal.cross(across);
        let angle = |corner: &Vec3| {
            let out = *corner - middle;
            out.dot(up).atan2(out.dot(across))
        };
        found.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
        found
    }

    /// Draws the polygon.
    pub(super) fn draw(
        &self,
        surface: &Surface,
        frame: &Frame,
        projection: &Projection,
        ratio: f32,
    ) {
        let polygon = self.polygon();
        let ends = polygon.iter().zip(polygon.iter().cycle().skip(1));
        let lines = ends.filter_map(|(from, to)| projection.line([*from, *to]));
        let lines: Vec<_> = lines.collect();
        let context = &surface.context;
        let colors = Colors::of(frame.dark);
        // A line of the background's color around the other one: it is seen before any points.
        for (color, width) in [(colors.background, 5.0), (colors.selected, 2.0)] {
            context.set_stroke_style_str(&css(color));
            context.set_line_width(f64::from(width * ratio));
            context.begin_path();
            lines.iter().for_each(|line| surface.line(*line));
            context.stroke();
        }
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn a_plane_meets_a_box_in_up_to_six_corners_around_it() {
        let bounds = Aabb {
            min: [0.0; 3],
            max: [1.0; 3],
        };
        let cut = |normal: Vec3, at| Cut { normal, at, bounds };
        let square = cut(Vec3::X, 0.25).polygon();
        assert_eq!(square.len(), 4);
        let around = square.iter().zip(square.iter().cycle().skip(1));
        for (from, to) in around {
            assert!(from.x == 0.25 && (from.distance(*to) - 1.0).abs() < 1e-6);
        }
        let slanted = Vec3::ONE.normalize();
        assert_eq!(
            cut(slanted, Vec3::splat(0.5).dot(slanted)).polygon().len(),
            6
        );
        assert!(cut(Vec3::X, 2.0).polygon().is_empty());
    }
}
