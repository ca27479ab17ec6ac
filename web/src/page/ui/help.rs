//! A list of all controls: mouse, touch and keys.

use leptos::prelude::*;

use super::dialog::Dialog;
use crate::page::state::State;

const MOVES: [(&str, &str); 6] = [
    ("Drag", "turn (one finger on a touch screen)"),
    ("Right or Shift drag", "pan (two fingers)"),
    ("Wheel", "zoom (pinch)"),
    ("Click", "select the instance there"),
    ("Click a camera", "show the frame that it took"),
    ("Double click", "centre the view on that point"),
];
const KEYS: [(&str, &str); 16] = [
    ("/", "type what to look for"),
    ("F", "look at the selected instance, or at the whole scan"),
    ("← → ↑ ↓", "turn; with Shift pan"),
    ("+ −", "zoom"),
    (
        "1 … 5",
        "colour by scan colour, instance, label, score, height",
    ),
    ("C", "show or hide the cameras and frames of a capture"),
    ("← →", "previous or next frame, while one is shown large"),
    ("[ ]", "smaller or larger points"),
    (", .", "lower or raise the threshold"),
    ("H", "hide or show the selected instance"),
    ("X", "show the selected instance alone"),
    ("Shift H", "show all instances"),
    ("Enter", "rename the selected instance"),
    ("Ctrl Z, Ctrl Shift Z", "undo, redo"),
    ("Esc", "close the frame, clear the selection"),
    ("?", "this help"),
];

/// The help, as a dialog over the page.
#[component]
pub fn Help() -> impl IntoView {
    let state = State::expect();
    let rows = |rows: &'static [(&'static str, &'static str)]| {
        rows.iter()
            .map(|(key, what)| view! { <dt><kbd>{*key}</kbd></dt><dd>{*what}</dd> })
            .collect_view()
    };
    view! {
        <Dialog class="help" title="How to get around" open=state.help on_close=move || state.help.set(false)>
            <div class="columns">
                <dl>{rows(&MOVES)}</dl>
                <dl>{rows(&KEYS)}</dl>
            </div>
            <p class="muted">
                "Drop a scan (PLY, PCD, LAS/LAZ, E57, GLB/glTF, OBJ, STL, SPZ, or text such as XYZ, PTS and CSV), a .segscape bundle, or the folder or ZIP of a capture: Polycam (raw data), Record3D (EXR + JPG), Stray Scanner, 3D Scanner App (all data), or frames of ScanNet's SensReader, 7-Scenes, TUM RGB-D or Open3D; or that of a foundation bundle."
            </p>
            <p class="muted">
                "Segscape reads the scan, computes superpoints, runs the network and answers prompts in this tab. Data leave it in two ways alone: Share sends the scene to the server of this page, and a question goes to a language model of your own when you have set one up and agreed."
            </p>
        </Dialog>
    }
}
