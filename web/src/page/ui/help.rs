//! A list of all controls: mouse, touch and keys; and what runs in this browser.

use leptos::prelude::*;

use super::{about::About, dialog::Dialog, segments::Segments};
use crate::{browser, page::state::State};

/// What the help is about.
#[derive(Clone, Copy, PartialEq)]
enum Topic {
    Keys,
    Touch,
    About,
}

type Rows = &'static [(&'static str, &'static str)];

const MOUSE: Rows = &[
    ("Drag", "turn"),
    ("Right or Shift drag", "pan"),
    ("Wheel", "zoom"),
    ("Click", "select the instance there"),
    ("Ctrl or Shift click", "select another one beside it"),
    ("Click a camera", "show the frame that it took"),
    ("Double click", "centre the view on that point"),
    (
        "Right button held",
        "W A S D, Q and E fly; drag looks around",
    ),
];
const TOUCH: Rows = &[
    ("One finger", "turn"),
    ("Two fingers", "pan; pinch zooms"),
    ("Tap", "select the instance there"),
    ("Tap a camera", "show the frame that it took"),
    ("Double tap", "centre the view on that point"),
];
/// What fingers find where.
const PLACES: Rows = &[
    ("The lasso", "one finger draws, two move the view"),
    ("The ruler", "tap two points for their distance"),
    (
        "View",
        "sides, boxes, names, X-ray, the ceiling, a clip box, the size of points, a picture to save, a link to this view",
    ),
    (
        "A row of the list",
        "select; then rename, show alone, hide, lock, delete",
    ),
    (
        "What is selected",
        "More selects others beside it, Similar shows what is like it, Merge, Split, Lock, Delete",
    ),
    (
        "Share",
        "a link; after changes, the same link with the scene as it is now; the links that this browser keeps",
    ),
    (
        "Share",
        "a link; after changes, the same link with the scene as it is now; the links that this browser keeps",
    ),
    ("The arrow of the list", "fold the list away"),
    ("The sun or moon", "light, dark, or as the system"),
];
const VIEW_KEYS: Rows = &[
    ("F", "look at the selected instance, or at the whole scan"),
    ("← → ↑ ↓", "turn; with Shift pan"),
    ("+ −", "zoom"),
    (
        "Shift 1 … 7",
        "look from the top, front, left, a corner, back, right, bottom",
    ),
    ("Shift O", "orthographic: without perspective"),
    (
        "1 … 7",
        "colour by scan colour, instance, label, score, height, similarity, normal",
    ),
    ("Shift B", "boxes: of none, the selected, all"),
    ("Shift L", "names at the things"),
    ("Shift X", "X-ray: all but the selected fade"),
    ("Shift C", "ceiling off and on"),
    (
        "B",
        "clip box: only what is around the selected, and everything again",
    ),
    ("G", "grid, axes and scale bar"),
    ("[ ]", "smaller or larger points"),
    ("V", "fly: W A S D, Q down, E up, Shift fast, Alt slow"),
    ("Shift P", "save the picture"),
];
const KEYS: Rows = &[
    ("/", "type what to look for"),
    (
        "↑ ↓",
        "in the empty prompt: what was asked before; in the list: the rows",
    ),
    (", .", "lower or raise the threshold"),
    ("C", "show or hide the cameras and frames of a capture"),
    ("← →", "previous or next frame, while one is shown large"),
    ("H", "hide or show the selected instance"),
    ("X", "show the selected instance alone"),
    ("Shift H", "show all instances"),
    ("Enter", "rename the selected instance"),
    (
        "Y",
        "show what is most like the selected instance, and all again",
    ),
    ("M", "merge the selected instances into the first"),
    (
        "S",
        "split the selected instance: click parts, then Enter or Esc",
    ),
    (
        "L",
        "lasso: draw around parts or click them, then Enter makes a new thing; the right button turns, Esc ends",
    ),
    (
        "K",
        "lock the selected instances, which other changes then leave, or unlock them",
    ),
    (
        "R",
        "measure: click two points; a known distance sets the scale",
    ),
    ("Delete", "delete the selected instances from the list"),
    ("Ctrl A", "select everything in the list"),
    ("Ctrl Z, Ctrl Shift Z", "undo, redo"),
    ("Ctrl S", "save the project, which opens as it is now"),
    (
        "Esc",
        "put the tool away, end the flight, close what is open, clear the selection",
    ),
    ("?", "this help"),
];

/// The help, as a dialog over the page.
#[component]
pub fn Help() -> impl IntoView {
    let state = State::expect();
    let topic = RwSignal::new(match browser::has_fingers() {
        true => Topic::Touch,
        false => Topic::Keys,
    });
    let table = |rows: Rows| {
        let row = |(key, what): &(&'static str, &'static str)| {
            view! { <dt><kbd>{*key}</kbd></dt><dd>{*what}</dd> }
        };
        view! { <dl>{rows.iter().map(row).collect_view()}</dl> }
    };
    let shown = move || {
        match topic.get() {
        // What is kept may have changed since the help was open before.
        Topic::About => state.help.get().then(|| view! { <About /> }).into_any(),
        Topic::Touch => {
            view! { <div class="columns">{table(TOUCH)} {table(PLACES)}</div> }.into_any()
        }
        Topic::Keys => view! {
            <label class="single-keys">
                <input
                    type="checkbox"
                    data-testid="single-keys"
                    prop:checked=move || state.preferences.with(|kept| kept.single_keys)
                    on:change=move |event| state.preferences.update(|kept| kept.single_keys = event_target_checked(&event))
                />
                "Single letters, digits and signs are shortcuts"
            </label>
            <div class="columns">
                <div>{table(MOUSE)} {table(KEYS)}</div>
                {table(VIEW_KEYS)}
            </div>
        }
        .into_any(),
    }
    };
    view! {
        <Dialog class="help" title="How to get around" open=state.help on_close=move || state.help.set(false)>
            <Segments
                legend="Help on"
                group="help-on"
                options=vec![(Topic::Keys, "Mouse and keys"), (Topic::Touch, "Touch"), (Topic::About, "This browser")]
                chosen=topic
                on_choose=move |chosen| topic.set(chosen)
            />
            {shown}
            <p class="muted">
                "Drop a scan (PLY, PCD, LAS/LAZ, E57, GLB/glTF, USDZ/USD, OBJ, STL, SPZ, or text such as XYZ, PTS and CSV), a .segscape bundle, or the folder or ZIP of a capture: Polycam (raw data), Record3D (EXR + JPG), Stray Scanner, 3D Scanner App (all data), or frames of ScanNet's SensReader, 7-Scenes, TUM RGB-D or Open3D; or that of a foundation bundle."
            </p>
            <p class="muted">
                "Segscape reads the scan, computes superpoints, runs the network and answers prompts in this tab. Data leave it in two ways alone: Share sends the scene to the server of this page, after it has said what and how much, and a question goes to a language model of your own when you have set one up and agreed."
            </p>
        </Dialog>
    }
}
