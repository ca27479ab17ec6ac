//! How the scan is looked at: from which side, with what over the picture, and what of it is cut
//! away. None of it changes the things themselves.

use leptos::prelude::*;
use segscape::geometry::Aabb;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

use crate::{
    browser,
    page::{
        actions, coloring::Coloring, cutting, measuring, pointing, preferences::Preferences,
        state::State,
    },
    protocol::{Request, stem},
    text::said_with,
    view::{
        camera::Side,
        cloud::UNCLIPPED,
        overlay::{Boxes, Thing},
    },
};

/// Where the ceiling is cut off first, as a part of the height of the scan: above most furniture
/// and below most lamps.
const FIRST_CEILING: f32 = 0.8;
/// What is shown around things alone: a part of their longest edge, and the least, metres.
const MARGIN: f32 = 0.1;
const LEAST_MARGIN: f32 = 0.1;

/// Keeps what is over the picture up to date.
pub fn follow(state: State) {
    let preference =
        move |of: fn(&Preferences) -> bool| Memo::new(move |_| state.preferences.with(of));
    let (names, guides) = (
        preference(|kept| kept.names),
        preference(|kept| kept.guides),
    );
    let orthographic = preference(|kept| kept.orthographic);
    let boxes = Memo::new(move |_| state.preferences.with(|kept| kept.boxes));
    Effect::new(move |_| {
        let things = things(state);
        state
            .viewer()
            .update_overlay(|overlay| overlay.things = things);
    });
    Effect::new(move |_| {
        let (boxes, names) = (boxes.get(), names.get());
        state.viewer().update_overlay(|overlay| {
            overlay.boxes = boxes;
            overlay.names = names;
        });
    });
    Effect::new(move |_| {
        let has_scan = state.scan.with(Option::is_some);
        let shown = guides.get();
        let viewer = state.viewer();
        viewer.update_guides(|drawn| drawn.shown = shown && has_scan);
        viewer.update(|frame| frame.grid = shown);
    });
    Effect::new(move |_| {
        let wants = state.coloring.get() == Coloring::Normal && state.is_segmented();
        if wants && !state.viewer().has_normals() {
            actions::send(state, Request::Normals);
        }
    });
    Effect::new(move |_| {
        let orthographic = orthographic.get() && !state.flying.get();
        let clip = state.clip.get();
        let mut drawn = clip.unwrap_or(UNCLIPPED);
        let ceiling = state.ceiling.get().unwrap_or(f32::MAX);
        drawn.max[2] = drawn.max[2].min(ceiling);
        let viewer = state.viewer();
        viewer.update(|frame| {
            frame.orthographic = orthographic;
            frame.clip = drawn;
        });
        viewer.update_overlay(|overlay| overlay.clip = clip);
    });
    Effect::new(move |_| {
        let distance = measuring::drawn(state);
        state
            .viewer()
            .update_overlay(|overlay| overlay.distance = distance);
    });
    let cut = Memo::new(move |_| cutting::drawn(state));
    Effect::new(move |_| {
        let cut = cut.get();
        state.viewer().update_overlay(|overlay| overlay.cut = cut);
    });
    let marks = Memo::new(move |_| pointing::marks(state));
    Effect::new(move |_| {
        let marks = marks.get();
        state
            .viewer()
            .update_overlay(|overlay| overlay.marks = marks);
    });
}

/// The things that are shown.
fn things(state: State) -> Vec<Thing> {
    let instances = state.instances.read();
    let (rows, selection) = (state.rows.read(), state.selection.read());
    let shown = rows.iter().filter(|row| row.shown);
    shown
        .filter_map(|row| {
            let bounds = instances.get(row.id as usize)?.bounds;
            Some(Thing {
                name: row.name.clone(),
                bounds,
                confidence: row.confidence,
                color: row.color,
                selected: selection.contains(row.id),
            })
        })
        .collect()
}

/// Looks at the selected instance, or at the whole scan, from a side.
pub fn look_from(state: State, side: Side) {
    state
        .viewer()
        .look_from(side, actions::selected_bounds(state));
}

/// Goes on to boxes of other things: of none, of the selected one, of all.
pub fn next_boxes(kept: &mut Preferences) {
    kept.boxes = match kept.boxes {
        Boxes::Off => Boxes::Selected,
        Boxes::Selected => Boxes::All,
        Boxes::All => Boxes::Off,
    };
}

/// Least and greatest height of the scan on screen, metres.
pub fn heights(state: State) -> [f32; 2] {
    let bounds = state.viewer().bounds();
    bounds.map_or([0.0, 1.0], |bounds| [bounds.min[2], bounds.max[2]])
}

/// Hides what is above a height, or shows it again.
pub fn toggle_ceiling(state: State) {
    let [low, high] = heights(state);
    state.ceiling.update(|ceiling| {
        *ceiling = match ceiling {
            Some(_) => None,
            None => Some(low + FIRST_CEILING * (high - low)),
        }
    });
}

/// Shows only what is around the selected things, or, if nothing is selected, in a box around the
/// whole scan; or everything again.
pub fn toggle_clip(state: State) {
    let clip = match state.clip.get_untracked() {
        Some(_) => None,
        None => match actions::selected_bounds(state) {
            Some(bounds) => Some(with_margin(&bounds)),
            None => state.viewer().bounds(),
        },
    };
    state.clip.set(clip);
}

/// Shows only what is around the selected things.
pub fn clip_around_selected(state: State) {
    if let Some(bounds) = actions::selected_bounds(state) {
        state.clip.set(Some(with_margin(&bounds)));
    }
}

/// A box with some of the surroundings of another one.
fn with_margin(bounds: &Aabb) -> Aabb {
    let longest = bounds.size().into_iter().fold(0.0, f32::max);
    let margin = (MARGIN * longest).max(LEAST_MARGIN);
    Aabb {
        min: bounds.min.map(|low| low - margin),
        max: bounds.max.map(|high| high + margin),
    }
}

/// Moves a side of the box outside of which points are hidden: the lower or the upper one along an
/// axis. The other side makes way for it.
pub fn move_side(clip: &mut Aabb, axis: usize, upper: bool, to: f32) {
    match upper {
        true => {
            clip.max[axis] = to;
            clip.min[axis] = clip.min[axis].min(to);
        }
        false => {
            clip.min[axis] = to;
            clip.max[axis] = clip.max[axis].max(to);
        }
    }
}

/// Saves the picture with what is drawn over it, as PNG named after the scan.
pub fn take_picture(state: State) {
    let Some(name) = state
        .scan
        .with_untracked(|scan| scan.as_ref().map(|scan| scan.name.clone()))
    else {
        return;
    };
    let file = format!("{}.png", stem(&name));
    state.viewer().photograph(move |canvas| {
        let refused = said_with("the browser refused to save {name}", &[("name", &file)]);
        let words = refused.clone();
        let save = Closure::once_into_js(move |blob: Option<Blob>| {
            let saved = blob.map(|blob| browser::download(&file, &blob));
            if !matches!(saved, Some(Ok(()))) {
                state.error.set(Some(words));
            }
        });
        if canvas.to_blob(save.unchecked_ref()).is_err() {
            state.error.set(Some(refused));
        }
    });
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn boxes_have_a_margin_and_never_turn_inside_out() {
        let bounds = Aabb {
            min: [0.0; 3],
            max: [2.0, 0.5, 0.25],
        };
        let mut clip = with_margin(&bounds);
        assert_eq!((clip.min, clip.max), ([-0.2; 3], [2.2, 0.7, 0.45]));
        move_side(&mut clip, 1, false, 3.0);
        assert_eq!((clip.min[1], clip.max[1]), (3.0, 3.0));
        move_side(&mut clip, 0, true, -1.0);
        assert_eq!((clip.min[0], clip.max[0]), (-1.0, -1.0));
    }
}
