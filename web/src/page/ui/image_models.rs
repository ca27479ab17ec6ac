//! The list of 2D models: add, look at size, license and hash, try on a picture, delete.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlElement, ImageData, MouseEvent};

use super::{
    dialog::Dialog,
    icon::{Glyph, Icon},
};
use crate::{
    images::protocol::{ImageAnswer, ModelFileInfo, ModelInfo},
    page::image_models::ImageModels,
    text::{said, said_around, said_with, tr},
};

/// The color of masks and similarities.
const COLOR: [u8; 3] = [255, 122, 24];

/// The list, as a dialog over the page.
#[component]
pub fn ImageModelList() -> impl IntoView {
    let state = ImageModels::expect();
    view! {
        <Dialog class="models" title=tr("2D models") open=state.open on_close=move || state.open.set(false)>
            <p class="muted">
                {tr("Models of pictures that you bring: ONNX files with a manifest. They run in this tab; their files stay in this browser until you delete them.")}
            </p>
            <Add />
            <Show when=move || state.error.with(Option::is_some)>
                <p class="refusal" role="alert" data-testid="model-error">{move || state.error.get()}</p>
            </Show>
            <p class="muted" role="status" data-testid="model-busy">{move || state.busy.get()}</p>
            <Offered />
            <ul data-testid="models">
                <For each=move || state.models.get() key=|model| (model.id.clone(), model.whole) let:model>
                    <Model model />
                </For>
            </ul>
            <Show when=move || state.loaded.with(Option::is_some)>
                <Try />
            </Show>
        </Dialog>
    }
}

/// The ways to add a model.
#[component]
fn Add() -> impl IntoView {
    let state = ImageModels::expect();
    let input = NodeRef::<html::Input>::new();
    let url = RwSignal::new(String::new());
    let on_pick = move |_| {
        if let Some(input) = input.get_untracked() {
            state.inspect_files(input.files());
            input.set_value(""); // so that the same files can be chosen again
        }
    };
    let on_url = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let url = url.get_untracked().trim().to_owned();
        if !url.is_empty() {
            state.inspect_url(url);
        }
    };
    view! {
        <form class="address" on:submit=on_url>
            <input
                node_ref=input
                id="model-input"
                class="visually-hidden"
                type="file"
                multiple=true
                accept=".json,.onnx"
                data-testid="model-input"
                on:change=on_pick
            />
            <label class="button" for="model-input">{tr("Choose manifest and files")}</label>
            <input
                type="url"
                class="field"
                placeholder=tr("or its address: https://…")
                aria-label=tr("Address of a manifest")
                data-testid="model-url"
                prop:value=url
                on:input=move |event| url.set(event_target_value(&event))
            />
            <button class="button" type="submit">{tr("Read")}</button>
        </form>
    }
}

/// What would be added, with its license and size, before anything is fetched.
#[component]
fn Offered() -> impl IntoView {
    let state = ImageModels::expect();
    let card = move |offer: ModelInfo| {
        let fetched = offer.files.iter().any(|file| file.url.is_some());
        view! {
            <div class="offer card" data-testid="offer">
                <AboutModel model=offer />
                <div class="actions">
                    <button class="button primary" data-testid="add-model" disabled=move || state.busy.with(Option::is_some) on:click=move |_| state.add()>
                        {if fetched { tr("Download and add") } else { tr("Add") }}
                    </button>
                    <button class="button" on:click=move |_| state.offer.set(None)>{tr("Cancel")}</button>
                </div>
            </div>
        }
    };
    move || state.offer.get().map(card)
}

/// Name, purpose, license, source and files of a model.
#[component]
fn AboutModel(model: ModelInfo) -> impl IntoView {
    let ModelInfo {
        name,
        kind,
        license,
        source,
        files,
        ..
    } = model;
    let file = |file: ModelFileInfo| {
        let sha256 = file.sha256.clone();
        let hash = move || match &sha256 {
            Some(hash) => format!("SHA-256 {}…", &hash[..hash.len().min(12)]),
            None => said("its hash will be taken from what arrives").to_owned(),
        };
        let from = move || {
            let url = file.url.as_ref()?;
            Some(format!(" {}", said_with("from {url}", &[("url", url)])))
        };
        view! { <li>{file.name}" · "{move || size(file.bytes)}" · "<span title=file.sha256>{hash}</span>{from}</li> }
    };
    let address = source.clone();
    let total = files.iter().map(|file| file.bytes).sum::<Option<f64>>();
    view! {
        <h3>{name}</h3>
        <p>
            {kind}
            " · "
            {move || {
                let license = license.clone();
                said_around("license {license}", move |_| {
                    let license = license.clone();
                    view! { <b>{license}</b> }.into_any()
                })
            }}
            " · "
            {move || size(total)}
        </p>
        <p><a href=address target="_blank" rel="noopener noreferrer">{source}</a></p>
        <ul class="muted">{files.into_iter().map(file).collect_view()}</ul>
    }
}

/// A model that is kept.
#[component]
fn Model(model: ModelInfo) -> impl IntoView {
    let state = ImageModels::expect();
    let model = StoredValue::new(model);
    let whole = model.with_value(|model| model.whole);
    let loaded = move || {
        let id = model.with_value(|model| model.id.clone());
        state.loaded.with(|loaded| loaded.as_ref() == Some(&id))
    };
    let busy = move || state.busy.with(Option::is_some);
    view! {
        <li class="model" data-testid="model">
            <AboutModel model=model.get_value() />
            <p>
                {move || match (whole, loaded()) {
                    (false, _) => said("The browser has deleted a file of it; delete it and add it again."),
                    (true, true) => said("Loaded, its hashes are right."),
                    (true, false) => "",
                }}
            </p>
            {move || loaded().then(|| state.remarks.get().into_iter().map(|remark| view! { <p class="remark" data-testid="model-remark">{remark}</p> }).collect_view())}
            <div class="actions">
                <button
                    class="button"
                    data-testid="load-model"
                    disabled=move || busy() || loaded() || !whole
                    on:click=move |_| model.with_value(|model| state.load(model))
                >
                    {tr("Load")}
                </button>
                <button
                    class="button"
                    data-testid="delete-model"
                    disabled=busy
                    on:click=move |_| model.with_value(|model| state.delete(model))
                >
                    <Glyph icon=Icon::Trash />
                    {tr("Delete")}
                </button>
            </div>
        </li>
    }
}

/// Tries the loaded model on a picture.
#[component]
fn Try() -> impl IntoView {
    let state = ImageModels::expect();
    let input = NodeRef::<html::Input>::new();
    let on_pick = move |_| {
        if let Some(input) = input.get_untracked() {
            state.choose_sample(input.files());
            input.set_value("");
        }
    };
    let on_click = move |event: MouseEvent| {
        let Some(area) = event
            .current_target()
            .and_then(|target| target.dyn_into::<HtmlElement>().ok())
        else {
            return;
        };
        let bounds = area.get_bounding_client_rect();
        let x = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
        let y = (f64::from(event.client_y()) - bounds.top()) / bounds.height().max(1.0);
        // A key has no place.
        let inside = |share: &f64| (0.0..=1.0).contains(share);
        let (x, y) = Some((x, y))
            .filter(|(x, y)| inside(x) && inside(y))
            .unwrap_or((0.5, 0.5));
        state.run([x as f32, y as f32]);
    };
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let (Some(canvas), Some(drawn)) = (canvas.get(), state.seen.with(drawn)) {
            draw(&canvas, drawn);
        }
    });
    let words = move || state.seen.with(|seen| seen.as_ref().map(in_words));
    let picture = move || state.sample.get().map(|sample| sample.url);
    view! {
        <div class="try">
            <input
                node_ref=input
                id="sample-input"
                class="visually-hidden"
                type="file"
                accept="image/jpeg,image/png"
                data-testid="sample-input"
                on:change=on_pick
            />
            <label class="button" for="sample-input">{tr("Try it on a picture")}</label>
            <Show when=move || picture().is_some()>
                <p class="muted">{tr("Click a place in the picture; Enter asks about its middle.")}</p>
                <button class="sample" data-testid="sample" on:click=on_click>
                    <img src=picture alt=tr("The picture, to ask about a place in it") />
                    <canvas node_ref=canvas aria-hidden="true" hidden=move || state.seen.with(|seen| drawn(seen).is_none()) />
                </button>
            </Show>
            <p role="status" data-testid="seen">{words}</p>
        </div>
    }
}

/// What a model found, and after how long, in words.
fn in_words((seen, ms): &(ImageAnswer, f64)) -> String {
    let ms = format!("{ms:.0}");
    match seen {
        ImageAnswer::Mask { score, .. } => {
            let score = format!("{score:.2}");
            said_with(
                "A mask with the score {score}, after {ms} ms",
                &[("score", &score), ("ms", &ms)],
            )
        }
        ImageAnswer::Similarity {
            rows,
            columns,
            channels,
            ..
        } => said_with(
            "{rows} x {columns} cells of {channels} channels, after {ms} ms; the more orange, the more similar to the place you chose",
            &[
                ("rows", rows),
                ("columns", columns),
                ("channels", channels),
                ("ms", &ms),
            ],
        ),
        ImageAnswer::Embedding { channels } => said_with(
            "An embedding of {channels} channels, after {ms} ms",
            &[("channels", channels), ("ms", &ms)],
        ),
    }
}

/// Size and opacities of what is drawn over the picture.
fn drawn(seen: &Option<(ImageAnswer, f64)>) -> Option<(u32, u32, Vec<u8>)> {
    match &seen.as_ref()?.0 {
        ImageAnswer::Mask {
            rows,
            columns,
            pixels,
            ..
        }
        | ImageAnswer::Similarity {
            rows,
            columns,
            pixels,
            ..
        } => Some((*rows, *columns, pixels.to_vec())),
        ImageAnswer::Embedding { .. } => None,
    }
}

fn draw(canvas: &web_sys::HtmlCanvasElement, (rows, columns, opacities): (u32, u32, Vec<u8>)) {
    canvas.set_width(columns);
    canvas.set_height(rows);
    let rgba: Vec<u8> = opacities
        .iter()
        .flat_map(|opacity| [COLOR[0], COLOR[1], COLOR[2], opacity / 3 * 2])
        .collect();
    let context = canvas
        .get_context("2d")
        .ok()
        .flatten()
        .and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok());
    let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&rgba), columns, rows);
    if let (Some(context), Ok(image)) = (context, image) {
        // it fails only for images without pixels
        drop(context.put_image_data(&image, 0.0, 0.0));
    }
}

/// A length in words.
fn size(bytes: Option<f64>) -> String {
    bytes.map_or_else(
        || said("unknown size").to_owned(),
        |bytes| format!("{:.1} MB", bytes / 1e6),
    )
}
