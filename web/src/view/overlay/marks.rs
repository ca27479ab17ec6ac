//! The clicks of a user on a thing, as a plus, and beside it, as a minus.

use glam::{Vec2, Vec3};

use super::css;
use crate::view::{cloud::Frame, picture::Colors, projection::Projection, surface::Surface};

/// Half the length of a stroke, CSS pixels.
const HALF: f32 = 6.0;

/// A click.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Its place, world frame, metres.
    pub at: Vec3,
    /// If `true`, it is a plus.
    pub inside: bool,
}

/// Draws marks.
pub(super) fn draw(
    marks: &[Mark],
    surface: &Surface,
    frame: &Frame,
    projection: &Projection,
    ratio: f32,
) {
    let context = &surface.context;
    let colors = Colors::of(frame.dark);
    // A plate of the background's color around each stroke: it is seen before any points.
    for (color, width) in [(colors.background, 7.0), (colors.selected, 3.0)] {
        context.set_stroke_style_str(&css(color));
        context.set_line_width(f64::from(width * ratio));
        context.begin_path();
        for mark in marks {
            let Some(place) = projection.place(mark.at) else {
                continue;
            };
            let half = HALF * ratio;
            let across = Vec2::new(half, 0.0);
            surface.line([place - across, place + across]);
            if mark.inside {
                let along = Vec2::new(0.0, half);
                surface.line([place - along, place + along]);
            }
        }
        context.stroke();
    }
}
