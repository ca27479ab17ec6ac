//! Export of the results: files to download and a link to share.

use leptos::prelude::*;
use segscape::write::Export as Format;

use super::{
    icon::{Glyph, Icon},
    share::ShareButton,
};
use crate::{
    numbers::grouped,
    page::{actions, autosave, saving, state::State},
    text::{Text, of_core, said_with, tr},
};

/// The id of the menu, which its buttons open and close without a script.
const MENU: &str = "downloads";

/// The button that opens the menu of downloads, and the share button.
#[component]
pub fn Export() -> impl IntoView {
    let state = State::expect();
    let nothing_yet = move || state.visible.with(Vec::is_empty) || !state.is_segmented();
    view! {
        <section class="out" aria-label=tr("Download and share")>
            <button
                class="button"
                title=tr("Save the scan and its things as a file, in a format of your choice")
                data-testid="download"
                popovertarget=MENU
                disabled=nothing_yet
            >
                <Glyph icon=Icon::Download />
                {tr("Download")}
            </button>
            <Menu />
            <ShareButton />
        </section>
    }
}

/// The name of a format: an abbreviation, or a word.
fn name(format: Format) -> Text {
    match format {
        Format::Inventory => tr("Inventory"),
        Format::Viewer => tr("Viewer"),
        format => of_core(format.name()),
    }
}

/// The formats, each with a line that says what it is for. Escape or a click beside the menu closes
/// it.
#[component]
fn Menu() -> impl IntoView {
    let state = State::expect();
    let painted = RwSignal::new(false);
    let size = move |format: Format| {
        let points = state.scan.with(|scan| Some(scan.as_ref()?.points))?;
        let bytes = format.bytes(points as usize)?;
        let size = format!("{:.1}", bytes as f64 / 1e6);
        Some(said_with(": about {size} MB", &[("size", &size)]))
    };
    // Formats without a row for every point have those that are shown.
    let of_excerpt = move || {
        let all = state.scan.with(|scan| scan.as_ref()?.of_points)?;
        let words = said_with(
            "PLY, LAS and LAZ have all {count} points of the file; other files have those shown.",
            &[("count", &grouped(all as usize))],
        );
        Some(view! { <p class="muted" data-testid="download-all">{words}</p> })
    };
    let entry = move |format: Format| {
        view! {
            <li>
                <button
                    class="entry"
                    data-testid=format!("download-{}", format.key())
                    popovertarget=MENU
                    popovertargetaction="hide"
                    on:click=move |_| actions::export(state, format, painted.get_untracked())
                >
                    <b>{name(format)}</b>
                    <span class="muted">{of_core(format.purpose())} {move || size(format)}</span>
                </button>
            </li>
        }
    };
    view! {
        <div id=MENU class="downloads" popover="auto" role="dialog" aria-labelledby="downloads-title">
            <h2 id="downloads-title">{tr("Download")}</h2>
            <p class="muted">{tr("What is shown now, made in this tab: hidden things are left out, except in projects.")}</p>
            {of_excerpt}
            <label class="choice">
                <input
                    type="checkbox"
                    data-testid="painted"
                    prop:checked=painted
                    on:change=move |event| painted.set(event_target_checked(&event))
                />
                {tr("Colour points and models by thing")}
            </label>
            <label class="choice" title=tr("Until there is another one, or you switch this off; the page offers to continue")>
                <input
                    type="checkbox"
                    data-testid="autosave"
                    prop:checked=move || state.preferences.with(|kept| kept.autosave)
                    on:change=move |event| autosave::choose(state, event_target_checked(&event))
                />
                {tr("Keep the latest project with changes in this browser")}
            </label>
            <ul>
                <li>
                    <button
                        class="entry"
                        data-testid="save-project"
                        title="Ctrl S"
                        popovertarget=MENU
                        popovertargetaction="hide"
                        on:click=move |_| saving::save(state)
                    >
                        <b>{tr("Project")}</b>
                        <span class="muted">{tr("All of it to open here again, as it is now: points, things, your changes, prompt and view")}</span>
                    </button>
                </li>
                {Format::ALL.map(entry).collect_view()}
            </ul>
        </div>
    }
}
