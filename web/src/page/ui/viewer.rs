//! The canvas: creates a renderer for it, turns pointer and key events into camera moves, and keeps
//! the picture up to date with the state.

use glam::Vec2;
use leptos::{ev, html, prelude::*};
use segscape::{instances::NO_INSTANCE, preflight::Color};
use wasm_bindgen::{JsCast, prelude::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlCanvasElement, PointerEvent};

use crate::{
    browser,
    page::{
        actions, drawing, editing, lasso, measuring, pointing, selection::Selection, state::State,
        tool::Tool, viewing,
    },
    protocol::Processor,
    text::{said_with, tr},
    view::{
        self,
        camera::Side,
        cloud::Hit,
        navigate::{Gesture, Navigator, Press},
        overlay::cube::face,
    },
};

/// The bit of the right button among those of a mouse that are down.
const RIGHT: u16 = 2;
/// Number of lost devices after which the page draws without WebGPU.
const LOST_DEVICES: u32 = 3;

/// The 3D view, which fills the window.
#[component]
pub fn ViewerCanvas() -> impl IntoView {
    let state = State::expect();
    keep_in_step(state);
    // A canvas that has had one kind of context cannot get another kind, so every renderer gets its
    // own canvas: an element with another key is another element.
    view! {
        <For each=move || [state.canvas.get()] key=|made| *made let:made>
            <Canvas made />
        </For>
    }
}

#[component]
fn Canvas(made: u32) -> impl IntoView {
    let state = State::expect();
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            observe_size(state, &canvas);
            spawn_local(attach(state, canvas, made));
        }
    });
    let navigator = StoredValue::new_local(Navigator::default());
    let held = StoredValue::new(Held::default());
    let act = move |gesture| act(state, canvas, gesture, held.get_value());
    let on_down = move |event: PointerEvent| {
        if let Some(canvas) = canvas.get_untracked() {
            // Without capture, a drag that leaves the canvas would never end. Capture fails only
            // for a pointer that no longer exists.
            let _ = canvas.set_pointer_capture(event.pointer_id());
        }
        state.view_menu.set(false);
        state.holds_to_fly.set_value(event.button() == 2);
        held.set_value(Held {
            beside: event.ctrl_key() || event.meta_key() || event.shift_key(),
            alt: event.alt_key(),
        });
        let draws = untrack(|| drawing::is_wanted(state)) && !state.flying.get_untracked();
        let press = match (event.button(), event.shift_key()) {
            (0, false) => Press::Turn,
            (0, true) => Press::Pan,
            // Where the left button draws, the right one turns.
            (2, false) if draws => Press::TurnOnly,
            _ => Press::PanOnly,
        };
        let is_first = navigator.with_value(|n| !n.is_active());
        drawing::give_up(state); // two fingers move the view
        if draws && is_first && event.button() == 0 && press == Press::Turn {
            drawing::begin(state, position(&event));
        }
        navigator.update_value(|n| n.press(event.pointer_id(), position(&event), press));
    };
    let on_move = move |event: PointerEvent| {
        // The button may go up where nobody hears of it.
        if state.holds_to_fly.get_value() && event.buttons() & RIGHT == 0 {
            let_go(state);
        }
        if let Some(gesture) =
            navigator.try_update_value(|n| n.drag(event.pointer_id(), position(&event)))
        {
            match gesture {
                Gesture::Orbit(_) if drawing::is_begun(state) => {
                    drawing::extend(state, position(&event));
                }
                gesture => act(gesture),
            }
        }
    };
    let on_up = move |event: PointerEvent| {
        let_go(state);
        if let Some(gesture) =
            navigator.try_update_value(|n| n.release(event.pointer_id(), position(&event)))
        {
            match gesture {
                Gesture::None => drawing::finish(state),
                gesture => act(gesture),
            }
        }
    };
    let on_wheel = move |event: ev::WheelEvent| {
        event.prevent_default();
        // Pixels per unit of `delta_mode` (pixel, line, page); Firefox may count in lines or pages.
        let unit = [1.0, 16.0, 400.0][event.delta_mode().min(2) as usize];
        let amount = (event.delta_y() * unit).clamp(-400.0, 400.0) as f32;
        state
            .viewer()
            .steer(|camera| camera.zoom((amount * 0.0016).exp()));
    };
    let on_double = move |event: ev::MouseEvent| {
        let viewer = state.viewer();
        let at = Vec2::new(event.offset_x() as f32, event.offset_y() as f32);
        state.viewer().pick(at, move |hit| {
            hit.into_iter()
                .for_each(|hit| viewer.focus_point(hit.point))
        });
    };
    view! {
        <canvas
            node_ref=canvas
            class="viewer"
            class:precise=move || state.tool.with(Option::is_some)
            data-testid="viewer-canvas"
            data-first-look=move || state.first_look.with(Option::is_some)
            tabindex="0"
            role="application"
            aria-label=tr("The scan in 3D. Arrow keys turn, Shift with arrow keys pans, plus and minus zoom, F fits the view to the selected instance or the whole scan.")
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=on_up
            on:pointercancel=move |event| {
                let_go(state);
                drawing::give_up(state);
                navigator.update_value(|n| n.cancel(event.pointer_id()));
            }
            on:pointerleave=move |_| {
                state.hovered.set(None);
                state.hovered_frame.set(None);
            }
            on:wheel=on_wheel
            on:dblclick=on_double
            on:contextmenu=|event| event.prevent_default()
            on:keydown=move |event| steer_by_key(state, &event)
        />
        <Cameras />
        <Over />
        <Outline />
    }
}

/// The outline or the line that is drawn, over the points.
#[component]
fn Outline() -> impl IntoView {
    let state = State::expect();
    let points = move || {
        let place = |at: &Vec2| format!("{:.0},{:.0}", at.x, at.y);
        state
            .outline
            .with(|outline| outline.iter().map(place).collect::<Vec<_>>().join(" "))
    };
    view! {
        <svg class="viewer over outline" aria-hidden="true" data-testid="outline">
            <polygon points=points />
        </svg>
    }
}

/// The cameras of a capture, over the points.
#[component]
fn Cameras() -> impl IntoView {
    let state = State::expect();
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            state.viewer().update_frusta(|frusta| frusta.attach(canvas));
        }
    });
    let count = move || {
        let shown = state.cameras.get();
        state
            .frames
            .with(|frames| if shown { frames.len() } else { 0 })
    };
    view! {
        <canvas
            node_ref=canvas
            class="viewer cameras"
            aria-hidden="true"
            data-testid="cameras"
            data-count=count
            data-highlighted=move || state.highlighted_frame()
        />
    }
}

/// Boxes, names, axes and the scale bar, over the points.
#[component]
fn Over() -> impl IntoView {
    let state = State::expect();
    let things = NodeRef::<html::Canvas>::new();
    let guides = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let (Some(things), Some(guides)) = (things.get(), guides.get()) {
            let viewer = state.viewer();
            viewer.update_overlay(|overlay| overlay.attach(things));
            viewer.update_guides(|drawn| drawn.attach(guides));
        }
    });
    let shown = move || {
        let kept = state.preferences.with(|kept| kept.guides);
        kept && state.scan.with(Option::is_some)
    };
    view! {
        <canvas node_ref=things class="viewer over" aria-hidden="true" data-testid="overlay" />
        <canvas node_ref=guides class="guides" class:shown=shown role="img" data-testid="guides" />
        <ViewCube shown=Signal::derive(shown) />
    }
}

/// Half an edge of the cube, CSS pixels; `static/style.css` has the same.
const HALF_CUBE: f32 = 24.0;

/// A cube that is turned as the scene is; a press on a face looks from that side.
#[component]
fn ViewCube(shown: Signal<bool>) -> impl IntoView {
    let state = State::expect();
    let cube = NodeRef::<html::Div>::new();
    cube.on_load(move |cube| state.viewer().turn_with_scene(cube.into()));
    let faces = Side::ALL.into_iter().filter_map(|(side, name)| {
        let transform = face(side, HALF_CUBE)?;
        // The keyboard has the same in the menu of the view, and with Shift and a digit.
        Some(view! {
            <button tabindex="-1" style:transform=transform aria-label=move || said_with("Look from: {side}", &[("side", &name.said())]) data-testid=format!("cube-{}", name.english().to_lowercase()) on:click=move |_| viewing::look_from(state, side)>
                {name}
            </button>
        })
    });
    view! {
        <div class="view-cube" class:shown=shown data-testid="view-cube">
            <div node_ref=cube>{faces.collect_view()}</div>
        </div>
    }
}

/// The keys that were held when the pointer went down.
#[derive(Clone, Copy, Default)]
struct Held {
    /// If `true`, one that selects beside what is selected.
    beside: bool,
    /// If `true`, Alt.
    alt: bool,
}

/// Ends a flight for which the right mouse button was held.
fn let_go(state: State) {
    state.holds_to_fly.set_value(false);
    if !state.flying.get_untracked() {
        state.viewer().hover_in_place();
    }
}

fn position(event: &PointerEvent) -> Vec2 {
    Vec2::new(event.offset_x() as f32, event.offset_y() as f32)
}

async fn attach(state: State, canvas: HtmlCanvasElement, made: u32) {
    let asked = state.wishes.with_value(|wishes| wishes.renderer);
    let wanted = if made < LOST_DEVICES {
        asked
    } else {
        Some(Processor::Cpu)
    };
    match view::renderer_for(&canvas, wanted).await {
        Ok(renderer) => state.viewer().attach(canvas, renderer, move || {
            state.canvas.update(|made| *made += 1)
        }),
        // Only a canvas that has had a WebGPU context fails here, so take another canvas.
        Err(_) => state.canvas.set(LOST_DEVICES.max(made + 1)),
    }
}

fn act(state: State, canvas: NodeRef<html::Canvas>, gesture: Gesture, held: Held) {
    let viewer = state.viewer();
    if gesture != Gesture::None {
        drawing::give_up(state);
    }
    let flies = state.flying.get_untracked() || viewer.is_flying();
    match gesture {
        Gesture::None => {}
        Gesture::Orbit(pixels) | Gesture::PanZoom(pixels, _) if flies => {
            viewer.steer(|camera| camera.look_around(pixels));
        }
        Gesture::Orbit(pixels) => viewer.steer(|camera| camera.orbit(pixels)),
        Gesture::PanZoom(pixels, factor) => {
            let height = canvas
                .get_untracked()
                .map_or(1, |c| c.client_height())
                .max(1) as f32;
            viewer.steer(|camera| {
                camera.pan(pixels, height);
                camera.zoom(factor);
            });
        }
        Gesture::Hover(at) => hover(state, at),
        Gesture::Click(at) => match viewer.frustum_at(at) {
            Some(frame) => actions::show_frame(state, Some(frame)),
            None => viewer.pick(at, move |hit| click(state, hit, held)),
        },
    }
}

/// Does what the tool is for with what was clicked; without one, selects it, or, beside others,
/// selects it or no longer.
fn click(state: State, hit: Option<Hit>, Held { beside, alt }: Held) {
    let instance = hit.and_then(|hit| hit.instance);
    if let Some(tool) = state.tool.get_untracked() {
        match (tool, hit.and_then(|hit| hit.superpoint)) {
            (Tool::Split(_), Some(part)) => editing::toggle_part(state, part),
            (Tool::Lasso(_), Some(part)) => lasso::toggle_part(state, part, instance),
            (Tool::Point(_), Some(part)) => {
                let points = hit.into_iter().map(|hit| hit.point);
                points.for_each(|point| pointing::click(state, point, (part, instance), alt));
            }
            (Tool::Cut(_), _) => {}
            (Tool::Measure(_), _) => {
                let points = hit.into_iter().map(|hit| hit.point);
                points.for_each(|point| measuring::click(state, point));
            }
            (_, None) => {}
        }
    } else if beside || state.adding.get_untracked() {
        // A click beside everything leaves what is selected.
        instance
            .into_iter()
            .for_each(|instance| editing::toggle_selected(state, instance));
    } else {
        state.selection.set(Selection::of(instance));
    }
}

/// Finds what is under the cursor: a camera, or an instance.
fn hover(state: State, at: Vec2) {
    let viewer = state.viewer();
    let frame = viewer.frustum_at(at);
    if state.hovered_frame.get_untracked() != frame {
        state.hovered_frame.set(frame);
    }
    viewer.pick(at, move |hit| {
        let hit = hit.filter(|_| frame.is_none());
        let instance = hit.and_then(|hit| hit.instance);
        if state.hovered.try_get_untracked() != Some(instance) {
            state.hovered.set(instance);
        }
    });
}

fn steer_by_key(state: State, event: &ev::KeyboardEvent) {
    if state.open_frame.get_untracked().is_some() {
        return; // the arrow keys go to other frames
    }
    let viewer = state.viewer();
    let step = 24.0;
    let move_by = |x: f32, y: f32| {
        let pixels = Vec2::new(x, y) * step;
        if event.shift_key() {
            viewer.steer(|camera| camera.pan(pixels, 800.0));
        } else {
            viewer.steer(|camera| camera.orbit(pixels));
        }
    };
    match event.key().as_str() {
        "ArrowLeft" => move_by(1.0, 0.0),
        "ArrowRight" => move_by(-1.0, 0.0),
        "ArrowUp" => move_by(0.0, 1.0),
        "ArrowDown" => move_by(0.0, -1.0),
        // Without a mouse, the view is turned until what is meant is in the middle.
        " " if state.tool.with_untracked(Option::is_some) => {
            viewer.pick(viewer.middle(), move |hit| {
                click(state, hit, Held::default());
            });
        }
        "+" | "=" => viewer.steer(|camera| camera.zoom(0.85)),
        "-" | "_" => viewer.steer(|camera| camera.zoom(1.0 / 0.85)),
        _ => return,
    }
    event.prevent_default();
}

/// Redraws when the size of the canvas changes.
fn observe_size(state: State, canvas: &HtmlCanvasElement) {
    let resized = Closure::<dyn FnMut()>::new(move || {
        let covered = covered(state, state.folded.get_untracked());
        state.viewer().update(|frame| frame.covered = covered);
        state.viewer().invalidate();
    });
    if let Ok(observer) = web_sys::ResizeObserver::new(resized.as_ref().unchecked_ref()) {
        observer.observe(canvas);
    }
    resized.forget(); // lives as long as the canvas, and there are only one or two
}

/// Fractions of the width at the right and of the height at the bottom that the panel covers, in
/// agreement with `static/style.css`.
fn covered(state: State, folded: bool) -> Vec2 {
    const PANEL: f32 = 352.0;
    const SHEET: f32 = 0.52;
    const FOLDED: f32 = 88.0;
    if state.is_embedded() {
        return Vec2::ZERO; // in frames there is no panel
    }
    let (width, height) = browser::window_size();
    match (!browser::is_narrow(), folded) {
        (true, _) => Vec2::new(PANEL / width, 0.0),
        (false, false) => Vec2::new(0.0, SHEET),
        (false, true) => Vec2::new(0.0, FOLDED / height),
    }
}

/// Updates the frame settings of the viewer whenever the state they depend on changes.
fn keep_in_step(state: State) {
    Effect::new(move |_| {
        let colored = state.scan.with(|scan| match scan {
            Some(scan) => scan.preflight.color.value == Color::Present,
            None => state.first_look.get().is_none_or(|look| look.colored),
        });
        let (paint, dark) = (state.coloring.get().paint(colored), state.dark.get());
        let (point_size, blend, budget) = state
            .preferences
            .with(|kept| (kept.point_size, kept.blend, kept.budget));
        let owner = |instance: Option<u32>| instance.unwrap_or(NO_INSTANCE);
        let covered = covered(state, state.folded.get());
        let (hovered, selected) = (owner(state.hovered.get()), editing::outlined(state));
        state.viewer().update(|frame| {
            frame.paint = paint;
            frame.point_size = point_size;
            frame.blend = blend;
            frame.budget = budget.saturating_mul(1_000_000);
            frame.dark = dark;
            frame.covered = covered;
            frame.hovered = hovered;
            frame.selected = selected;
        });
    });
}
