//! A list of all controls: mouse, touch and keys; and what runs in this browser.

use leptos::prelude::*;

use super::{about::About, dialog::Dialog, segments::Segments};
use crate::{
    browser,
    page::{language, state::State},
    text::{Language, Text, tr},
};

/// What the help is about.
#[derive(Clone, Copy, PartialEq)]
enum Topic {
    Keys,
    Touch,
    About,
}

/// What is done, and what it does.
type Deeds = &'static [(Text, Text)];
/// Keys, which are called the same in all languages, and what they do.
type Keys = &'static [(&'static str, Text)];

const MOUSE: Deeds = &[
    (tr("Drag"), tr("turn")),
    (tr("Right or Shift drag"), tr("pan")),
    (tr("Wheel"), tr("zoom")),
    (tr("Click"), tr("select the instance there")),
    (
        tr("Ctrl or Shift click"),
        tr("select another one beside it"),
    ),
    (
        tr("Alt click"),
        tr("while things are pointed out: this is not part of it"),
    ),
    (tr("Click a camera"), tr("show the frame that it took")),
    (tr("Double click"), tr("centre the view on that point")),
    (
        tr("Right button held"),
        tr("W A S D, Q and E fly; drag looks around"),
    ),
];
const TOUCH: Deeds = &[
    (tr("One finger"), tr("turn")),
    (tr("Two fingers"), tr("pan; pinch zooms")),
    (tr("Tap"), tr("select the instance there")),
    (tr("Tap a camera"), tr("show the frame that it took")),
    (tr("Double tap"), tr("centre the view on that point")),
];
/// What fingers find where.
const PLACES: Deeds = &[
    (tr("The lasso"), tr("one finger draws, two move the view")),
    (
        tr("The arrow with a plus"),
        tr("tap a thing to point it out; after Not part, tap what is not part of it"),
    ),
    (
        tr("The bucket"),
        tr(
            "tap where a thing begins: what touches it is filled, as far as Reach says, up to what other things have",
        ),
    ),
    (tr("The ruler"), tr("tap two points for their distance")),
    (
        tr("View"),
        tr(
            "sides, boxes, names, X-ray, the ceiling, a clip box, the size of points, a picture to save, a link to this view",
        ),
    ),
    (
        tr("A row of the list"),
        tr("select; then rename, show alone, hide, lock, delete"),
    ),
    (
        tr("What is selected"),
        tr(
            "More selects others beside it, Similar shows what is like it, Merge, Split, Cut (one finger draws the line, two move the view), Shrink, Grow, Lock, Delete",
        ),
    ),
    (
        tr("Share"),
        tr(
            "a link; after changes, the same link with the scene as it is now; the links that this browser keeps",
        ),
    ),
    (tr("The arrow of the list"), tr("fold the list away")),
    (tr("The sun or moon"), tr("light, dark, or as the system")),
];
const VIEW_KEYS: Keys = &[
    (
        "F",
        tr("look at the selected instance, or at the whole scan"),
    ),
    ("← → ↑ ↓", tr("turn; with Shift pan")),
    ("+ −", tr("zoom")),
    (
        "Shift 1 … 7",
        tr("look from the top, front, left, a corner, back, right, bottom"),
    ),
    ("Shift O", tr("orthographic: without perspective")),
    (
        "1 … 7",
        tr("colour by scan colour, instance, label, score, height, similarity, normal"),
    ),
    ("Shift B", tr("boxes: of none, the selected, all")),
    ("Shift L", tr("names at the things")),
    ("Shift X", tr("X-ray: all but the selected fade")),
    ("Shift C", tr("ceiling off and on")),
    (
        "B",
        tr("clip box: only what is around the selected, and everything again"),
    ),
    ("G", tr("grid, axes and scale bar")),
    ("[ ]", tr("smaller or larger points")),
    ("V", tr("fly: W A S D, Q down, E up, Shift fast, Alt slow")),
    ("Shift P", tr("save the picture")),
];
const KEYS: Keys = &[
    ("/", tr("type what to look for")),
    (
        "↑ ↓",
        tr("in the empty prompt: what was asked before; in the list: the rows"),
    ),
    (", .", tr("lower or raise the threshold")),
    ("C", tr("show or hide the cameras and frames of a capture")),
    (
        "← →",
        tr("previous or next frame, while one is shown large"),
    ),
    ("H", tr("hide or show the selected instance")),
    ("X", tr("show the selected instance alone")),
    ("Shift H", tr("show all instances")),
    ("Enter", tr("rename the selected instance")),
    (
        "Y",
        tr("show what is most like the selected instance, and all again"),
    ),
    ("M", tr("merge the selected instances into the first")),
    (
        "S",
        tr("split the selected instance: click parts, then Enter or Esc"),
    ),
    (
        "D",
        tr(
            "cut the selected instance in two: take an axis and a place, or draw a line across it, then Enter or Esc; superpoints stay whole and go where most of their points are",
        ),
    ),
    (
        "L",
        tr(
            "lasso: draw around parts or click them, then Enter makes a new thing; the right button turns, Esc ends",
        ),
    ),
    (
        "P",
        tr(
            "point out: click on a thing, Alt click beside it; Tab shows a larger candidate, Shift Tab a smaller one, Enter makes a new thing, Esc ends",
        ),
    ),
    (
        "I",
        tr(
            "fill: click where a thing begins; what touches it is filled, up to what other things have; Tab reaches further, Shift Tab less far, Enter makes a new thing, Esc ends",
        ),
    ),
    (
        "Space",
        tr("with a tool, over the picture: click its middle"),
    ),
    (
        "< >",
        tr(
            "take a part off what is pointed out or selected, or add the one beside it that fits best",
        ),
    ),
    (
        "K",
        tr("lock the selected instances, which other changes then leave, or unlock them"),
    ),
    (
        "R",
        tr("measure: click two points; a known distance sets the scale"),
    ),
    ("Delete", tr("delete the selected instances from the list")),
    ("Ctrl A", tr("select everything in the list")),
    ("Ctrl Z, Ctrl Shift Z", tr("undo, redo")),
    (
        "Ctrl V",
        tr("open what is in the clipboard: addresses of scans, or files"),
    ),
    ("Ctrl S", tr("save the project, which opens as it is now")),
    (
        "Esc",
        tr("put the tool away, end the flight, close what is open, clear the selection"),
    ),
    ("?", tr("this help")),
];

/// The help, as a dialog over the page.
#[component]
pub fn Help() -> impl IntoView {
    let state = State::expect();
    let topic = RwSignal::new(match browser::has_fingers() {
        true => Topic::Touch,
        false => Topic::Keys,
    });
    let row = |(key, what): (&'static str, Text)| {
        view! { <dt><kbd>{key}</kbd></dt><dd>{what}</dd> }
    };
    let keys = move |rows: Keys| {
        view! { <dl>{rows.iter().copied().map(row).collect_view()}</dl> }
    };
    let deeds = move |rows: Deeds| {
        let rows = rows.iter().map(|(deed, what)| row((deed.said(), *what)));
        view! { <dl>{rows.collect_view()}</dl> }
    };
    let shown = move || {
        match topic.get() {
        // What is kept may have changed since the help was open before.
        Topic::About => state.help.get().then(|| view! { <About /> }).into_any(),
        Topic::Touch => {
            view! { <div class="columns">{deeds(TOUCH)} {deeds(PLACES)}</div> }.into_any()
        }
        Topic::Keys => view! {
            <label class="single-keys">
                <input
                    type="checkbox"
                    data-testid="single-keys"
                    prop:checked=move || state.preferences.with(|kept| kept.single_keys)
                    on:change=move |event| state.preferences.update(|kept| kept.single_keys = event_target_checked(&event))
                />
                {tr("Single letters, digits and signs are shortcuts")}
            </label>
            <div class="columns">
                <div>{deeds(MOUSE)} {keys(KEYS)}</div>
                {keys(VIEW_KEYS)}
            </div>
        }
        .into_any(),
    }
    };
    view! {
        <Dialog class="help" title=tr("How to get around") open=state.help on_close=move || state.help.set(false)>
            <LanguageChoice />
            <Segments
                legend=tr("Help on")
                group="help-on"
                options=vec![(Topic::Keys, tr("Mouse and keys")), (Topic::Touch, tr("Touch")), (Topic::About, tr("This browser"))]
                chosen=topic
                on_choose=move |chosen| topic.set(chosen)
            />
            {shown}
            <p class="muted">
                {tr("Drop a scan (PLY, PCD, LAS/LAZ, E57, GLB/glTF, USDZ/USD, OBJ, STL, SPZ, or text such as XYZ, PTS and CSV), a .segscape bundle, or the folder or ZIP of a capture: Polycam (raw data), Record3D (EXR + JPG), Stray Scanner, 3D Scanner App (all data), or frames of ScanNet's SensReader, 7-Scenes, TUM RGB-D or Open3D; or that of a foundation bundle.")}
            </p>
            <p class="muted">
                {tr("LAS, LAZ and binary PLY may be larger than memory: the page then shows and segments points that stand for all, and the labelled files have every point. With ?budget=1000000 in the address it keeps at most so many.")}
            </p>
            <p class="muted">
                {tr("Segscape reads the scan, computes superpoints, runs the network and answers prompts in this tab. Data leave it in two ways alone: Share sends the scene, or its labels alone for those who have the scan, to the server of this page, after it has said what and how much, and a question goes to a language model of your own when you have set one up and agreed.")}
            </p>
        </Dialog>
    }
}

/// The choice of the language. Each has its name in itself, so that who reads no other finds it.
#[component]
fn LanguageChoice() -> impl IntoView {
    let state = State::expect();
    let option = move |choice: Language| {
        view! {
            <option value=choice.code() lang=choice.code() prop:selected=move || state.language.get() == choice>
                {choice.name()}
            </option>
        }
    };
    let on_change = move |event| {
        let chosen = Language::of_tag(&event_target_value(&event));
        chosen
            .into_iter()
            .for_each(|chosen| language::choose(state, chosen));
    };
    view! {
        <label class="language">
            <span>{tr("Language")}</span>
            <select class="field" data-testid="language" on:change=on_change>
                {Language::ALL.map(option).collect_view()}
            </select>
        </label>
    }
}
