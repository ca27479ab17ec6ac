//! The cameras of a capture, drawn as frusta over the picture of either renderer: on a canvas of
//! their own, from the same camera.

use glam::{Vec2, Vec3};
use web_sys::HtmlCanvasElement;

use super::{cloud::Frame, palette, projection::Projection, surface::Surface};
use crate::protocol::FrameInfo;

/// Depth of a frustum as a fraction of the diagonal of the scene, and its limits, metres.
const DEPTH: f32 = 0.022;
const LIMITS: [f32; 2] = [0.05, 0.25];
/// Distance from a line of a frustum within which the pointer is on it, CSS pixels.
const NEAR_LINE: f32 = 5.0;
/// Vertices of a frustum: the eye, then the corners of its picture.
const LINES: [[usize; 2]; 8] = [
    [0, 1],
    [0, 2],
    [0, 3],
    [0, 4],
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 1],
];
/// Colors of the frusta on a dark and on a light page, and of the highlighted one.
const COLORS: [[u8; 3]; 2] = [[95, 183, 238], [11, 118, 184]];
const HIGHLIGHTED: [[u8; 3]; 2] = [[255, 184, 26], [154, 91, 0]];

/// The frusta of the open capture.
#[derive(Default)]
pub struct Frusta {
    /// The vertices of each, world frame, metres.
    vertices: Vec<[Vec3; 5]>,
    /// If `true`, they are drawn.
    pub shown: bool,
    /// The frame that stands out.
    pub highlighted: Option<u32>,
    surface: Option<Surface>,
}

impl Frusta {
    /// Draws on this canvas from now on.
    pub fn attach(&mut self, canvas: HtmlCanvasElement) {
        self.surface = Surface::of(canvas);
    }

    /// What they are drawn on.
    pub(super) fn surface(&self) -> Option<&Surface> {
        self.surface.as_ref()
    }

    /// Replaces the frusta by those of these frames, in a scene with this diagonal in metres.
    pub fn set(&mut self, frames: &[FrameInfo], diagonal: f32) {
        let depth = (DEPTH * diagonal).clamp(LIMITS[0], LIMITS[1]);
        let vertices = |frame: &FrameInfo| {
            let eye = Vec3::from(frame.eye);
            let corner = |at: usize| eye + (Vec3::from(frame.corners[at]) - eye) * depth;
            [eye, corner(0), corner(1), corner(2), corner(3)]
        };
        self.vertices = frames.iter().map(vertices).collect();
        self.highlighted = None;
    }

    /// Draws all frusta for this frame, on a canvas with `ratio` pixels per CSS pixel.
    pub fn draw(&self, frame: &Frame, ratio: f32) {
        let Some(surface) = &self.surface else {
            return;
        };
        let size = surface.begin(ratio);
        let context = &surface.context;
        if !self.shown || self.vertices.is_empty() {
            return;
        }
        let projection = Projection::new(frame, size);
        let theme = usize::from(!frame.dark);
        context.set_line_width(f64::from(ratio));
        context.set_stroke_style_str(&palette::css(COLORS[theme]));
        context.set_global_alpha(0.6);
        context.begin_path();
        for (index, vertices) in (0..).zip(&self.vertices) {
            if self.highlighted != Some(index)
                && let Some(seen) = seen(&projection, vertices)
            {
                trace(surface, &seen);
            }
        }
        context.stroke();
        context.set_global_alpha(1.0);
        let highlighted = self
            .highlighted
            .and_then(|index| self.vertices.get(index as usize));
        if let Some(seen) = highlighted.and_then(|vertices| seen(&projection, vertices)) {
            context.set_line_width(f64::from(2.5 * ratio));
            context.set_stroke_style_str(&palette::css(HIGHLIGHTED[theme]));
            context.set_fill_style_str(&palette::css(HIGHLIGHTED[theme]));
            context.begin_path();
            trace(surface, &seen);
            context.stroke();
            context.set_global_alpha(0.25);
            context.begin_path();
            for corner in &seen[1..] {
                context.line_to(f64::from(corner.x), f64::from(corner.y));
            }
            context.fill();
            context.set_global_alpha(1.0);
        }
    }

    /// The frame whose frustum is drawn at a CSS pixel of a picture of this size; the nearest one to
    /// the eye if there are several.
    pub fn at(&self, frame: &Frame, size: Vec2, at: Vec2) -> Option<u32> {
        if !self.shown {
            return None;
        }
        let eye = frame.camera.eye();
        let projection = Projection::new(frame, size);
        let near = (0..).zip(&self.vertices).filter(|(_, vertices)| {
            seen(&projection, vertices).is_some_and(|seen| {
                let distance = |[from, to]: [usize; 2]| to_line(at, seen[from], seen[to]);
                LINES.into_iter().map(distance).any(|d| d <= NEAR_LINE)
            })
        });
        near.min_by(|(_, a), (_, b)| {
            let distance = |vertices: &[Vec3; 5]| vertices[0].distance(eye);
            distance(a).total_cmp(&distance(b))
        })
        .map(|(index, _)| index)
    }
}

/// The places of the vertices in the picture; `None` if one of them is behind the eye.
fn seen(projection: &Projection, vertices: &[Vec3; 5]) -> Option<[Vec2; 5]> {
    let mut seen = [Vec2::ZERO; 5];
    for (place, vertex) in seen.iter_mut().zip(vertices) {
        *place = projection.place(*vertex)?;
    }
    Some(seen)
}

fn trace(surface: &Surface, seen: &[Vec2; 5]) {
    for ends in LINES {
        surface.line(ends.map(|end| seen[end]));
    }
}

/// Distance of a point from a line between two others.
fn to_line(point: Vec2, from: Vec2, to: Vec2) -> f32 {
    let along = to - from;
    let share = (point - from).dot(along) / along.length_squared().max(1e-6);
    point.distance(from + along * share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::view::camera::Camera;

    fn frame() -> Frame {
        Frame {
            camera: Camera {
                target: Vec3::ZERO,
                distance: 4.0,
                yaw: 0.0,
                pitch: 0.0,
                orthographic: None,
            },
            ..Frame::default()
        }
    }

    /// A camera at the position that looks along +y, as the view does.
    fn camera(x: f32, y: f32) -> FrameInfo {
        let corner = |right: f32, up: f32| [x + right, y + 1.0, up];
        FrameInfo {
            name: String::new(),
            eye: [x, y, 0.0],
            corners: [
                corner(-0.5, 0.4),
                corner(0.5, 0.4),
                corner(0.5, -0.4),
                corner(-0.5, -0.4),
            ],
            inflated_bytes: None,
        }
    }

    #[wasm_bindgen_test]
    fn the_nearest_frustum_at_the_pointer_is_found_unless_it_is_hidden() {
        let mut frusta = Frusta {
            shown: true,
            ..Frusta::default()
        };
        // the second and the third are in one line, the fourth behind the eye
        frusta.set(
            &[
                camera(1.0, 0.0),
                camera(0.0, 2.0),
                camera(0.0, 0.0),
                camera(0.0, -9.0),
            ],
            10.0,
        );
        let size = Vec2::new(800.0, 600.0);
        let middle = Vec2::new(400.0, 300.0);
        assert_eq!(frusta.at(&frame(), size, middle), Some(2));
        let pixels = Camera::pixels_per_metre(600.0) / 4.0;
        let right = middle + Vec2::new(pixels, 0.0);
        assert_eq!(frusta.at(&frame(), size, right), Some(0));
        assert_eq!(
            frusta.at(&frame(), size, middle + Vec2::new(0.0, 200.0)),
            None
        );
        frusta.shown = false;
        assert_eq!(frusta.at(&frame(), size, middle), None);
    }
}
