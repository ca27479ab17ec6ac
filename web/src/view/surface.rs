//! A 2D canvas over the picture, on which lines and words are drawn.

use glam::Vec2;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// The canvas with its context.
pub struct Surface {
    /// The canvas.
    pub canvas: HtmlCanvasElement,
    /// What draws on it.
    pub context: CanvasRenderingContext2d,
}

impl Surface {
    /// The surface of a canvas that has no other kind of context.
    pub fn of(canvas: HtmlCanvasElement) -> Option<Self> {
        let context = canvas.get_context("2d").ok().flatten()?;
        let context = context.dyn_into().ok()?;
        Some(Self { canvas, context })
    }

    /// Clears the surface, with `ratio` pixels per CSS pixel. Returns its size in pixels.
    pub fn begin(&self, ratio: f32) -> Vec2 {
        let Self { canvas, context } = self;
        let (width, height) = (canvas.client_width() as f32, canvas.client_height() as f32);
        let size = [width, height].map(|side| ((side * ratio) as u32).clamp(1, 8192));
        if [canvas.width(), canvas.height()] != size {
            canvas.set_width(size[0]);
            canvas.set_height(size[1]);
        }
        context.clear_rect(0.0, 0.0, f64::from(size[0]), f64::from(size[1]));
        Vec2::new(size[0] as f32, size[1] as f32)
    }

    /// Adds a line to the current path.
    pub fn line(&self, [from, to]: [Vec2; 2]) {
        self.context.move_to(f64::from(from.x), f64::from(from.y));
        self.context.line_to(f64::from(to.x), f64::from(to.y));
    }

    /// Tells what is drawn, in an attribute of the canvas.
    pub fn tell(&self, name: &str, value: &str) {
        if self.canvas.get_attribute(name).as_deref() != Some(value) {
            // The names are fixed, and valid.
            let _ = self.canvas.set_attribute(name, value);
        }
    }
}
