//! The distance that is measured, as a line between its ends.

use glam::{Vec2, Vec3};

use super::css;
use crate::view::{cloud::Frame, picture::Colors, projection::Projection, surface::Surface};

/// Half the size of the cross at an end, CSS pixels.
const CROSS: f32 = 6.0;

/// A distance that is measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distance {
    /// Its ends as far as they are known, at most two, world frame, metres.
    pub ends: Vec<Vec3>,
    /// What is written at its middle.
    pub words: String,
}

impl Distance {
    /// The place between the ends.
    pub(super) fn middle(&self) -> Option<Vec3> {
        self.ends.iter().copied().reduce(Vec3::midpoint)
    }

    /// Draws the ends and the line between them.
    pub(super) fn draw(
        &self,
        surface: &Surface,
        frame: &Frame,
        projection: &Projection,
        ratio: f32,
    ) {
        let context = &surface.context;
        let colors = Colors::of(frame.dark);
        // A line of the background's color around the other one: it is seen before any points.
        for (color, width) in [(colors.background, 5.0), (colors.selected, 2.0)] {
            context.set_stroke_style_str(&css(color));
            context.set_line_width(f64::from(width * ratio));
            context.begin_path();
            if let [from, to] = *self.ends
                && let Some(line) = projection.line([from, to])
            {
                surface.line(line);
            }
            let half = CROSS * ratio;
            for end in self.ends.iter().filter_map(|end| projection.place(*end)) {
                surface.line([end - Vec2::splat(half), end + Vec2::splat(half)]);
                let other = Vec2::new(half, -half);
                surface.line([end - other, end + other]);
            }
            context.stroke();
        }
    }
}
