//! Boxes, names, distances, cuts and clicks over the picture of either renderer, on a canvas of their own,
//! from the same camera.

use std::fmt::Write as _;

use glam::{Vec2, Vec3};
use segscape::geometry::Aabb;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use self::labels::Wish;
pub use self::{cut::Cut, distance::Distance, marks::Mark};
use super::{
    cloud::Frame, palette::css, picture::Colors, projection::Projection, surface::Surface,
};

pub mod cube;
mod cut;
mod distance;
pub mod guides;
mod labels;
mod marks;

/// Height of a label and the room at each end of its words, CSS pixels.
const LABEL_HEIGHT: f32 = 20.0;
const LABEL_ROOM: f32 = 7.0;
/// Corners of a box that differ in one axis, numbered by the bits of their axes.
const EDGES: [[usize; 2]; 12] = [
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7],
    [0, 2],
    [1, 3],
    [4, 6],
    [5, 7],
    [0, 4],
    [1, 5],
    [2, 6],
    [3, 7],
];

/// The things whose boxes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Boxes {
    /// None.
    #[default]
    Off,
    /// The selected ones.
    Selected,
    /// All that are shown.
    All,
}

/// A thing that may have a box and a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Its name.
    pub name: String,
    /// Its box, world frame, metres.
    pub bounds: Aabb,
    /// Its confidence: of names that overlap, those of the surest things are shown.
    pub confidence: f32,
    /// The color of its box.
    pub color: [u8; 3],
    /// If `true`, it is selected.
    pub selected: bool,
}

/// The things and what is drawn of them.
#[derive(Default)]
pub struct Overlay {
    /// The things that are shown.
    pub things: Vec<Thing>,
    /// Which of them have a box.
    pub boxes: Boxes,
    /// If `true`, they have their names.
    pub names: bool,
    /// The distance that is measured.
    pub distance: Option<Distance>,
    /// The plane that cuts a thing.
    pub cut: Option<Cut>,
    /// What was clicked to point out a thing.
    pub marks: Vec<Mark>,
    /// The box outside of which points are hidden.
    pub clip: Option<Aabb>,
    pub(super) surface: Option<Surface>,
}

#[wasm_bindgen]
extern "C" {
    /// A context of a 2D canvas, as far as it measures words.
    type Measuring;
    type Measured;
    #[wasm_bindgen(method, js_name = measureText)]
    fn measure_text(this: &Measuring, words: &str) -> Measured;
    #[wasm_bindgen(method, getter)]
    fn width(this: &Measured) -> f64;
}

impl Overlay {
    /// Draws on this canvas from now on.
    pub fn attach(&mut self, canvas: HtmlCanvasElement) {
        self.surface = Surface::of(canvas);
    }

    /// Draws all boxes, names, distances, cuts and clicks for this frame, with `ratio` pixels per CSS pixel.
    pub fn draw(&self, frame: &Frame, ratio: f32) {
        let Some(surface) = &self.surface else {
            return;
        };
        let size = surface.begin(ratio);
        let projection = Projection::new(frame, size);
        self.draw_clip(surface, frame, &projection, ratio);
        let boxes = self.draw_boxes(surface, frame, &projection, ratio);
        if let Some(distance) = &self.distance {
            distance.draw(surface, frame, &projection, ratio);
        }
        if let Some(cut) = &self.cut {
            cut.draw(surface, frame, &projection, ratio);
        }
        marks::draw(&self.marks, surface, frame, &projection, ratio);
        let labels = self.draw_labels(surface, frame, &projection, size, ratio);
        surface.tell("data-boxes", &boxes.to_string());
        surface.tell("data-labels", &labels.to_string());
    }

    fn has_box(&self, thing: &Thing) -> bool {
        match self.boxes {
            Boxes::Off => false,
            Boxes::Selected => thing.selected,
            Boxes::All => true,
        }
    }

    /// Draws the boxes. Returns how many.
    fn draw_boxes(
        &self,
        surface: &Surface,
        frame: &Frame,
        projection: &Projection,
        ratio: f32,
    ) -> usize {
        let context = &surface.context;
        let boxed = |thing: &&Thing| self.has_box(thing);
        let mut count = 0;
        for thing in self.things.iter().filter(boxed) {
            let (color, width) = match thing.selected {
                true => (Colors::of(frame.dark).selected, 2.0),
                false => (thing.color, 1.3),
            };
            context.set_stroke_style_str(&css(color));
            context.set_line_width(f64::from(width * ratio));
            context.begin_path();
            add_edges(&thing.bounds, surface, projection);
            context.stroke();
            count += 1;
        }
        count
    }

    /// Draws the edges of the box outside of which points are hidden, in the color of the grid.
    fn draw_clip(&self, surface: &Surface, frame: &Frame, projection: &Projection, ratio: f32) {
        if let Some(clip) = &self.clip {
            let context = &surface.context;
            context.set_stroke_style_str(&css(Colors::of(frame.dark).grid));
            context.set_line_width(f64::from(1.3 * ratio));
            context.begin_path();
            add_edges(clip, surface, projection);
            context.stroke();
        }
    }

    /// Draws the names, the sizes of the selected things beside their boxes, and the distance that is
    /// measured. Returns how many found room.
    fn draw_labels(
        &self,
        surface: &Surface,
        frame: &Frame,
        projection: &Projection,
        size: Vec2,
        ratio: f32,
    ) -> usize {
        let context = &surface.context;
        context.set_font(&format!("{}px system-ui, sans-serif", 12.0 * ratio));
        context.set_text_baseline("middle");
        let free = size * (Vec2::ONE - frame.covered);
        let colors = Colors::of(frame.dark);
        let mut wanted: Vec<(String, [u8; 3], Wish)> = Vec::new();
        let mut want = |words: String, mark: [u8; 3], anchor: Option<Vec2>, priority: f32| {
            if let Some(anchor) = anchor.filter(|_| !words.is_empty()) {
                let width = context.unchecked_ref::<Measuring>().measure_text(&words);
                let room = 2.0 * LABEL_ROOM * ratio;
                let wish = Wish {
                    anchor,
                    size: Vec2::new(width.width() as f32 + room, LABEL_HEIGHT * ratio),
                    priority,
                };
                wanted.push((words, mark, wish));
            }
        };
        for thing in &self.things {
            let (mark, priority) = match thing.selected {
                true => (colors.selected, 2.0),
                false => (thing.color, thing.confidence),
            };
            let anchor = anchor(projection, &thing.bounds, free);
            want(self.words(thing), mark, anchor, priority);
        }
        if let Some(distance) = &self.distance {
            let middle = distance
                .middle()
                .and_then(|middle| projection.place(middle));
            want(distance.words.clone(), colors.selected, middle, 3.0);
        }
        let wishes: Vec<Wish> = wanted.iter().map(|(_, _, wish)| *wish).collect();
        let mut count = 0;
        for ((words, mark, wish), place) in wanted.iter().zip(labels::place(&wishes, free)) {
            if let Some(place) = place {
                draw_label(surface, words, [place, wish.size], (*mark, colors), ratio);
                count += 1;
            }
        }
        count
    }

    /// What is written at a thing; empty for nothing.
    fn words(&self, thing: &Thing) -> String {
        let mut words = String::new();
        if self.names {
            words.push_str(&thing.name);
        }
        if thing.selected && self.boxes != Boxes::Off {
            let gap = if words.is_empty() { "" } else { "  " };
            // Writing to a string does not fail.
            let _ = write!(words, "{gap}{}", size_in_words(thing.bounds.size()));
        }
        words
    }
}

/// The edge lengths of a box in metres, along x, y and z: `0.62 × 0.58 × 1.10 m`.
pub fn size_in_words(size: [f32; 3]) -> String {
    format!("{} m", size.map(|edge| format!("{edge:.2}")).join(" × "))
}

/// Draws words on a plate with this upper left corner and size, with a mark at its left.
fn draw_label(
    surface: &Surface,
    words: &str,
    [place, size]: [Vec2; 2],
    (mark, colors): ([u8; 3], Colors),
    ratio: f32,
) {
    let context = &surface.context;
    let [x, y, width, height] = [place.x, place.y, size.x, size.y].map(f64::from);
    context.set_global_alpha(0.82);
    context.set_fill_style_str(&css(colors.background));
    context.fill_rect(x, y, width, height);
    context.set_global_alpha(1.0);
    context.set_fill_style_str(&css(mark));
    context.fill_rect(x, y, f64::from(3.0 * ratio), height);
    context.set_fill_style_str(&css(colors.hovered));
    let left = x + f64::from(LABEL_ROOM * ratio);
    // A font without the letters leaves a gap, which is no failure.
    let _ = context.fill_text(words, left, y + height / 2.0);
}

/// Adds the edges of a box to the current path.
fn add_edges(bounds: &Aabb, surface: &Surface, projection: &Projection) {
    let corners = corners(bounds);
    for ends in EDGES {
        if let Some(line) = projection.line(ends.map(|corner| corners[corner])) {
            surface.line(line);
        }
    }
}

/// The corners of a box, numbered by the bits of their axes.
fn corners(bounds: &Aabb) -> [Vec3; 8] {
    std::array::from_fn(|corner| {
        let side = |axis: usize| match corner >> axis & 1 {
            0 => bounds.min[axis],
            _ => bounds.max[axis],
        };
        Vec3::new(side(0), side(1), side(2))
    })
}

/// Where the name of a thing belongs: at the middle of its upper side, or at its middle if that side
/// is out of the picture's free part; `None` if both are.
fn anchor(projection: &Projection, bounds: &Aabb, free: Vec2) -> Option<Vec2> {
    let middle = (Vec3::from(bounds.min) + Vec3::from(bounds.max)) / 2.0;
    [middle.with_z(bounds.max[2]), middle]
        .into_iter()
        .filter_map(|point| projection.place(point))
        .find(|place| place.cmpge(Vec2::ZERO).all() && place.cmple(free).all())
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn edges_join_neighboring_corners_and_sizes_are_in_metres() {
        let bounds = Aabb {
            min: [0.0; 3],
            max: [0.62, 0.584, 1.1],
        };
        let corners = corners(&bounds);
        let length: f32 = EDGES
            .iter()
            .map(|[from, to]| corners[*from].distance(corners[*to]))
            .sum();
        assert!((length - 4.0 * (0.62 + 0.584 + 1.1)).abs() < 1e-4);
        assert_eq!(size_in_words(bounds.size()), "0.62 × 0.58 × 1.10 m");
    }
}
