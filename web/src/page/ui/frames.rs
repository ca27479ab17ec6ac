//! The frames of a capture: thumbnails in a strip, and one frame large.

use leptos::{ev, html, prelude::*};
use wasm_bindgen_futures::spawn_local;
use web_sys::Url;

use super::icon::{Glyph, Icon};
use crate::{
    browser,
    page::{actions, state::State},
    text::{Text, said_with, tr},
};

/// Distance between thumbnails, CSS pixels, in agreement with `static/style.css`.
const STEP: u32 = 82;
/// Number of thumbnails that exist before the width of the strip is known.
const AT_FIRST: u32 = 16;
/// Time for which a thumbnail has to be in sight before its picture is decoded, milliseconds:
/// most of those that are scrolled past never are.
const IN_SIGHT_MS: i32 = 80;

/// The strip of thumbnails, and the frame that is shown large.
#[component]
pub fn Frames() -> impl IntoView {
    let state = State::expect();
    // Frames that follow those before add thumbnails; others make another strip.
    let shown = Memo::new(move |_| {
        let shown = state.cameras.get() && state.frames.with(|frames| !frames.is_empty());
        shown.then(|| state.recordings.get())
    });
    let strip = move || shown.get().map(|_| view! { <Strip /> });
    view! {
        {strip}
        <Show when=move || state.open_frame.with(Option::is_some)>
            <Large />
        </Show>
    }
}

/// A strip of thumbnails. Only those in sight exist.
#[component]
fn Strip() -> impl IntoView {
    let state = State::expect();
    let list = NodeRef::<html::Div>::new();
    let count = Memo::new(move |_| state.frames.with(Vec::len) as u32);
    let in_sight = RwSignal::new(0..AT_FIRST.min(count.get_untracked()));
    let look = move || {
        let Some(count) = count.try_get_untracked() else {
            return;
        };
        if let Some(list) = list.try_get_untracked().flatten() {
            let first = list.scroll_left().max(0) as u32 / STEP;
            let end = (list.scroll_left().max(0) + list.client_width()) as u32 / STEP + 1;
            in_sight.set(first.min(count)..end.min(count));
        }
    };
    list.on_load(move |_| browser::next_frame(look));
    let resized = window_event_listener(ev::resize, move |_| look());
    on_cleanup(move || resized.remove());
    Effect::new(move |_| {
        count.track();
        look();
    });
    // Keeps the frame that stands out in sight.
    Effect::new(move |_| {
        if let (Some(frame), Some(list)) = (state.highlighted_frame(), list.get()) {
            let (left, width) = ((frame * STEP) as i32, list.client_width());
            let scrolled = list.scroll_left();
            if left < scrolled {
                list.set_scroll_left(left);
            } else if left + STEP as i32 > scrolled + width {
                list.set_scroll_left(left + STEP as i32 - width);
            }
        }
    });
    view! {
        <div
            node_ref=list
            class="strip card"
            role="group"
            aria-label=tr("Frames of the capture")
            data-testid="frames"
            on:scroll=move |_| look()
            on:pointerleave=move |_| state.hovered_frame.set(None)
        >
            <div class="track" style:width=move || format!("{}px", count.get() * STEP)>
                <For each=move || in_sight.get() key=|frame| *frame let:frame>
                    <Thumbnail frame />
                </For>
            </div>
        </div>
    }
}

#[component]
fn Thumbnail(frame: u32) -> impl IntoView {
    let state = State::expect();
    let canvas = NodeRef::<html::Canvas>::new();
    let failed = RwSignal::new(false);
    canvas.on_load(move |canvas| {
        let pictures = state.pictures.get_value();
        let wait = match pictures.has_thumbnail(frame) {
            true => 0,
            false => IN_SIGHT_MS,
        };
        browser::after(wait, move || {
            if failed.is_disposed() {
                return;
            }
            spawn_local(async move {
                if !pictures.draw_thumbnail(frame, &canvas).await {
                    failed.try_set(true);
                }
            });
        });
    });
    let name = name(state, frame);
    view! {
        <button
            class="thumbnail"
            class:on=move || state.highlighted_frame() == Some(frame)
            class:failed=move || failed.get()
            style:left=format!("{}px", frame * STEP)
            data-frame=frame.to_string()
            aria-label=name.clone()
            title=name
            on:pointerenter=move |_| state.hovered_frame.set(Some(frame))
            on:click=move |_| actions::show_frame(state, Some(frame))
        >
            <canvas node_ref=canvas width="1" height="1" />
        </button>
    }
}

fn name(state: State, frame: u32) -> String {
    state.frames.with_untracked(|frames| {
        let frame = frames.get(frame as usize);
        frame.map_or_else(String::new, |frame| frame.name.clone())
    })
}

/// A frame as large as the place beside the panel allows.
#[component]
fn Large() -> impl IntoView {
    let state = State::expect();
    let shown = RwSignal::new(None::<String>);
    let failed = RwSignal::new(false);
    // The browser holds a picture in memory as long as it has an address.
    let show = move |url: Option<String>| {
        if let Some(Some(before)) = shown.try_get_untracked() {
            drop(Url::revoke_object_url(&before));
        }
        failed.try_set(url.is_none());
        shown.try_set(url);
    };
    Effect::new(move |_| {
        let Some(frame) = state.open_frame.get() else {
            return;
        };
        let pictures = state.pictures.get_value();
        spawn_local(async move {
            let picture = pictures.encoded(frame).await;
            let is_open = state.open_frame.try_get_untracked() == Some(Some(frame));
            if is_open && !shown.is_disposed() {
                let url = picture.and_then(|blob| Url::create_object_url_with_blob(&blob).ok());
                show(url);
            }
        });
    });
    on_cleanup(move || show(None));
    let frame = move || state.open_frame.get().unwrap_or_default();
    let count = move || state.frames.with(Vec::len) as u32;
    let step = move |step: i32, label: Text| {
        let ends = move || match step {
            ..0 => frame() == 0,
            _ => frame() + 1 >= count(),
        };
        view! {
            <button
                class="button square"
                class:back={step < 0}
                aria-label=label
                title=label
                disabled=ends
                on:click=move |_| actions::step_frame(state, step)
            >
                <Glyph icon=Icon::Next />
            </button>
        }
    };
    view! {
        <section class="large card" role="dialog" aria-label=tr("Frame") data-testid="open-frame" data-frame=move || frame().to_string()>
            <div class="title">
                <p role="status">
                    <span class="name">{move || name(state, frame())}</span>
                    <span class="muted">{move || said_with("{number} of {count}", &[("number", &(frame() + 1)), ("count", &count())])}</span>
                </p>
                {step(-1, tr("Previous frame (←)"))}
                {step(1, tr("Next frame (→)"))}
                <button class="button quiet square" aria-label=tr("Close") title=tr("Close (Esc)") on:click=move |_| actions::show_frame(state, None)>
                    <Glyph icon=Icon::Close />
                </button>
            </div>
            <Show
                when=move || !failed.get()
                fallback=|| view! { <p class="muted">{tr("The browser cannot show this picture.")}</p> }
            >
                <img
                    data-testid="frame-picture"
                    alt=move || said_with("Frame {name}", &[("name", &name(state, frame()))])
                    src=move || shown.get()
                    on:error=move |_| failed.set(true)
                />
            </Show>
        </section>
    }
}
