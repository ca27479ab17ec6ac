//! Axes that show what is up, and a scale bar, on a small canvas in a corner of the picture.

use glam::{Vec2, Vec3};
use web_sys::HtmlCanvasElement;

use crate::{
    text::{said, said_with},
    view::{camera::Camera, cloud::Frame, palette::css, picture::Colors, surface::Surface},
};

/// Length of an axis, CSS pixels.
const AXIS: f32 = 26.0;
/// The axes with their names and colors, which are legible on dark and light pages.
const AXES: [(Vec3, &str, [u8; 3]); 3] = [
    (Vec3::X, "x", [214, 86, 72]),
    (Vec3::Y, "y", [52, 150, 84]),
    (Vec3::Z, "up", [56, 132, 222]),
];

/// The axes and the scale bar.
#[derive(Default)]
pub struct Guides {
    /// If `true`, they are drawn.
    pub shown: bool,
    pub(in crate::view) surface: Option<Surface>,
}

impl Guides {
    /// Draws on this canvas from now on.
    pub fn attach(&mut self, canvas: HtmlCanvasElement) {
        self.surface = Surface::of(canvas);
    }

    /// Draws both for a picture that is `height` CSS pixels high, with `ratio` pixels per CSS pixel.
    pub fn draw(&self, frame: &Frame, height: f32, ratio: f32) {
        let Some(surface) = &self.surface else {
            return;
        };
        let size = surface.begin(ratio);
        if !self.shown {
            return;
        }
        let colors = Colors::of(frame.dark);
        surface.context.set_fill_style_str(&css(colors.background));
        surface.context.set_global_alpha(0.72);
        let [wide, high] = size.to_array().map(f64::from);
        surface.context.fill_rect(0.0, 0.0, wide, high);
        surface.context.set_global_alpha(1.0);
        surface.context.set_text_baseline("middle");
        surface.context.set_text_align("center");
        let font = format!("{}px system-ui, sans-serif", 11.0 * ratio);
        surface.context.set_font(&font);
        // The axes are in a square at the right, the bar in what is left of it.
        let middle = Vec2::new(size.x - size.y / 2.0, size.y / 2.0);
        draw_axes(surface, &frame.camera, middle, ratio);
        let room = size.x - size.y;
        let per_metre = Camera::pixels_per_metre(height * ratio) / frame.camera.distance;
        let metres = round_length(room * 0.92 / per_metre);
        let color = css(colors.hovered);
        draw_bar(surface, metres, per_metre, [room, size.y], &color, ratio);
        let length = length_in_words(metres);
        let words = said_with("Scale bar: {length}", &[("length", &length)]);
        surface.tell("aria-label", &words);
    }
}

fn draw_axes(surface: &Surface, camera: &Camera, middle: Vec2, ratio: f32) {
    let context = &surface.context;
    let (right, up) = camera.right_and_up();
    let forward = camera.forward();
    let mut axes = AXES;
    axes.sort_by(|a, b| b.0.dot(forward).total_cmp(&a.0.dot(forward)));
    context.set_line_width(f64::from(2.0 * ratio));
    for (axis, name, color) in axes {
        let end = AXIS * ratio * Vec2::new(axis.dot(right), -axis.dot(up));
        context.set_stroke_style_str(&css(color));
        context.set_fill_style_str(&css(color));
        context.begin_path();
        surface.line([middle, middle + end]);
        context.stroke();
        let name = match name {
            "up" => said("up"),
            letter => letter,
        };
        let word = middle + end + end.normalize_or_zero() * 8.0 * ratio;
        let _ = context.fill_text(name, f64::from(word.x), f64::from(word.y));
    }
}

fn draw_bar(
    surface: &Surface,
    metres: f32,
    per_metre: f32,
    [room, height]: [f32; 2],
    color: &str,
    ratio: f32,
) {
    let context = &surface.context;
    let length = metres * per_metre;
    let (left, right) = ((room - length) / 2.0, (room + length) / 2.0);
    let (line, tick) = (height * 0.6, 5.0 * ratio);
    context.set_line_width(f64::from(1.5 * ratio));
    context.set_stroke_style_str(color);
    context.set_fill_style_str(color);
    context.begin_path();
    surface.line([Vec2::new(left, line), Vec2::new(right, line)]);
    for end in [left, right] {
        surface.line([Vec2::new(end, line - tick), Vec2::new(end, line + tick)]);
    }
    context.stroke();
    let above = f64::from(line - 12.0 * ratio);
    let _ = context.fill_text(&length_in_words(metres), f64::from(room / 2.0), above);
}

/// The longest length of 1, 2 or 5 times a power of ten that is at most `metres`.
fn round_length(metres: f32) -> f32 {
    let metres = metres.clamp(1e-4, 1e6);
    let power = 10f32.powf(metres.log10().floor());
    let digit = [5.0, 2.0, 1.0]
        .into_iter()
        .find(|digit| digit * power <= metres * 1.0001);
    digit.unwrap_or(1.0) * power
}

/// A round length in the unit that needs no decimal point.
fn length_in_words(metres: f32) -> String {
    match metres {
        _ if metres >= 999.0 => format!("{:.0} km", metres / 1000.0),
        _ if metres >= 0.999 => format!("{metres:.0} m"),
        _ if metres >= 0.00999 => format!("{:.0} cm", metres * 100.0),
        _ => format!("{:.1} mm", metres * 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn scale_bars_have_round_lengths() {
        let words = |metres| length_in_words(round_length(metres));
        assert_eq!(words(1.0), "1 m");
        assert_eq!(words(4.9), "2 m");
        assert_eq!(words(0.5), "50 cm");
        assert_eq!(words(0.0123), "1 cm");
        assert_eq!(words(73.0), "50 m");
        assert_eq!(words(2500.0), "2 km");
    }
}
