//! How the scan is looked at: from which side, with what over the picture, and what of it is cut
//! away. None of it changes the things themselves.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

use crate::{
    browser,
    page::{
        actions,
        preferences::Preferences,
        state::{Coloring, State},
    },
    protocol::Request,
    view::{
        camera::Side,
        overlay::{Boxes, Thing},
    },
};

/// Where the ceiling is cut off first, as a part of the height of the scan: above most furniture
/// and below most lamps.
const FIRST_CEILING: f32 = 0.8;

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
        let ceiling = state.ceiling.get().unwrap_or(f32::MAX);
        state.viewer().update(|frame| {
            frame.orthographic = orthographic;
            frame.ceiling = ceiling;
        });
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

/// Saves the picture with what is drawn over it, as PNG named after the scan.
pub fn take_picture(state: State) {
    let Some(name) = state
        .scan
        .with_untracked(|scan| scan.as_ref().map(|scan| scan.name.clone()))
    else {
        return;
    };
    let stem = name
        .rsplit_once('.')
        .map_or(name.as_str(), |(stem, _)| stem);
    let file = format!("{stem}.png");
    state.viewer().photograph(move |canvas| {
        let refused = format!("the browser refused to save {file}");
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
