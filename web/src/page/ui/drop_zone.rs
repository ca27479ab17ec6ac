//! Opening a scan or a capture: by dropping files or folders anywhere on the page, by choosing them,
//! or by giving a URL. The drop zone fills the page while no scan is open and appears while a file or a
//! link is dragged over the page.

use leptos::{html, prelude::*};

use super::{
    address::AddressForm,
    icon::{Glyph, Icon},
    samples::Samples,
    ways::Ways,
};
use crate::{
    page::{actions, autosave, incoming, state::State},
    text::{said_around, said_with, tr},
};

/// The drop zone, and the listeners for what is dropped or pasted anywhere on the page.
#[component]
pub fn DropZone() -> impl IntoView {
    let state = State::expect();
    incoming::listen(state);
    let input = NodeRef::<html::Input>::new();
    let folder = NodeRef::<html::Input>::new();
    folder.on_load(|folder| drop(folder.set_attribute("webkitdirectory", "")));
    let on_pick = move |input: NodeRef<html::Input>| {
        if let Some(input) = input.get_untracked() {
            actions::open_files(state, input.files());
            input.set_value(""); // so that the same file can be chosen again
        }
    };
    let empty = move || state.scan.with(Option::is_none) && state.opening.with(Option::is_none);
    // Later the header has buttons that press the inputs, which have no labels then.
    let reach = move || if empty() { "0" } else { "-1" };
    view! {
        <input
            node_ref=input
            id="file-input"
            class="visually-hidden"
            tabindex=reach
            type="file"
            multiple=true
            accept=".ply,.pcd,.las,.laz,.e57,.glb,.gltf,.usdz,.usdc,.usda,.usd,.obj,.stl,.spz,.xyz,.pts,.asc,.csv,.txt,.segscape,.zip"
            data-testid="file-input"
            aria-label=tr("Choose scans or the ZIP of a capture")
            on:change=move |_| on_pick(input)
        />
        <input
            node_ref=folder
            id="folder-input"
            class="visually-hidden"
            tabindex=reach
            type="file"
            data-testid="folder-input"
            aria-label=tr("Choose the folder of a capture")
            on:change=move |_| on_pick(folder)
        />
        <section
            class="drop-zone"
            class:empty=empty
            class:dragging=move || state.dragging.get()
            data-testid="drop-zone"
            aria-label=tr("Open a scan")
            inert=move || !empty()
        >
            <div class="invitation">
                <Continue />
                <div class="target">
                    <Glyph icon=Icon::Cube />
                    <h2>{tr("Drop a scan of a room")}</h2>
                    <p>{tr("A point cloud or a mesh: PLY, PCD, LAS or LAZ, E57, GLB, USDZ, OBJ, STL, XYZ, PTS or CSV; Gaussian splats: PLY or SPZ. You get every object in it as a separate, named instance. Several scans at once become one scene.")}</p>
                    <p class="kinds">
                        {move || said_around(
                            "Or the folder or ZIP of a capture with depth: {Polycam} raw data, {Record3D} EXR + JPG, {Stray Scanner}, {3D Scanner App} all data, frames of {ScanNet}, {7-Scenes}, {TUM} or {Open3D}.",
                            |name| view! { <b>{name}</b> }.into_any(),
                        )}
                    </p>
                    <Ways group="way-of-captures" />
                    <div class="choices">
                        <label class="button primary" for="file-input">
                            {tr("Choose a file")}
                        </label>
                        <label class="button folder" for="folder-input">
                            {tr("Choose a folder")}
                        </label>
                    </div>
                </div>
                <AddressForm />
                <Samples />
                <Show when=move || state.links.with(|links| !links.is_empty())>
                    <button class="button small kept-links" type="button" data-testid="kept-links" on:click=move |_| state.sharing.set(true)>
                        <Glyph icon=Icon::Share />
                        {tr("Links that you shared")}
                    </button>
                </Show>
                <p class="privacy">{tr("Everything runs in this tab: only what you share, or send to a language model of your own, leaves your machine.")}</p>
            </div>
        </section>
    }
}

/// The project that the browser keeps, to go on with or to delete.
#[component]
fn Continue() -> impl IntoView {
    let state = State::expect();
    let what = move || {
        let kept = state.kept.read();
        kept.as_ref().map(|kept| {
            let age = kept.age(js_sys::Date::now());
            let name = kept.name.trim_end_matches(".segscape").to_owned();
            view! { <b>{name}</b> <span class="muted">{said_with("edited {age}", &[("age", &age)])}</span> }
        })
    };
    view! {
        <Show when=move || state.kept.with(Option::is_some)>
            <div class="continue card" data-testid="continue">
                <button class="button primary" data-testid="continue-project" on:click=move |_| autosave::open(state)>
                    {tr("Continue")}
                </button>
                <p>{what}</p>
                <button
                    class="button quiet square"
                    aria-label=tr("Delete the project from this browser")
                    title=tr("Delete the project from this browser")
                    data-testid="forget-project"
                    on:click=move |_| autosave::forget(state)
                >
                    <Glyph icon=Icon::Trash />
                </button>
            </div>
        </Show>
    }
}
