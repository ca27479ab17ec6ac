//! What runs here and what the browser keeps of it: the network and its card, the models with their
//! sizes, and a report to copy when something is wrong.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{
    card::ModelCard,
    icon::{Glyph, Icon},
};
use crate::{
    browser,
    model_cache::{CachedModel, ModelCache},
    numbers::grouped,
    page::{offline, state::State, status::stage_name},
    text::{said, said_with, tr},
    view::PictureCost,
};

/// The version, the models that are kept, and the report.
#[component]
pub fn About() -> impl IntoView {
    view! {
        <div class="about" data-testid="about">
            <h3>{tr("The network")}</h3>
            <ModelCard />
            <h3>{tr("Models kept in this browser")}</h3>
            <Models />
            <h3>{tr("Report")}</h3>
            <Report />
        </div>
    }
}

#[component]
fn Models() -> impl IntoView {
    // Nothing is said until the browser has answered.
    let models = RwSignal::new(None::<Option<Vec<CachedModel>>>);
    let look = move || {
        spawn_local(async move {
            let list = async { ModelCache::open().await?.list().await };
            models.set(Some(list.await.ok()));
        });
    };
    look();
    let row = move |CachedModel { name, bytes }: CachedModel| {
        let (label, shown) = (said_with("Delete {name}", &[("name", &name)]), name.clone());
        let delete = move |_| {
            let name = name.clone();
            spawn_local(async move {
                // What could not be deleted is still in the list.
                if let Ok(cache) = ModelCache::open().await {
                    drop(cache.delete(|model| model == name).await);
                }
                look();
            });
        };
        view! {
            <li>
                <span>{shown}</span>
                <span class="number">{format!("{:.1} MB", bytes / 1e6)}</span>
                <button class="button quiet small square" aria-label=label.clone() title=label data-testid="delete-kept" on:click=delete>
                    <Glyph icon=Icon::Trash />
                </button>
            </li>
        }
    };
    let list = move || {
        let list = match models.get()? {
        None => view! { <p class="muted">{tr("This browser keeps no files for this page; models are downloaded on every visit.")}</p> }.into_any(),
        Some(models) if models.is_empty() => {
            view! { <p class="muted">{tr("None. A model is downloaded when it is needed, and kept for the next visit.")}</p> }.into_any()
        }
        Some(models) => {
            let total: f64 = models.iter().map(|model| model.bytes).sum();
            view! {
                <ul class="kept" data-testid="kept-models">{models.into_iter().map(row).collect_view()}</ul>
                <p class="muted">{move || {
                    let total = format!("{:.1}", total / 1e6);
                    said_with("{total} MB in all. What is deleted is downloaded again when it is needed.", &[("total", &total)])
                }}</p>
            }
            .into_any()
        }
        };
        Some(list)
    };
    view! { {list} }
}

/// What helps to find out why something went wrong. It names neither the scan nor the prompt.
#[component]
fn Report() -> impl IntoView {
    let state = State::expect();
    let report = Memo::new(move |_| {
        let agent = browser::window().navigator().user_agent();
        let mut lines = vec![
            format!("Segscape {}", env!("CARGO_PKG_VERSION")),
            agent.unwrap_or_default(),
            format!("Without a network: {}", offline::standing()),
        ];
        state.backend.with(|backend| {
            lines.extend(backend.iter().flat_map(|info| {
                [
                    format!("{:?}: {}", info.processor, info.name),
                    info.reason.clone(),
                ]
            }));
        });
        state.scan.with(|scan| {
            lines.extend(
                scan.iter()
                    .map(|scan| format!("{} points, {} triangles", scan.points, scan.triangles)),
            );
        });
        if let Some(PictureCost { points, draws, ms }) = state.viewer().cost() {
            lines.push(format!(
                "the last picture: {} points in {draws} draws, {ms:.0} ms",
                grouped(points)
            ));
        }
        state.stages.with(|stages| {
            lines.extend(stages.iter().map(|stage| {
                let ms = stage
                    .ms
                    .map_or("not finished".to_owned(), |ms| format!("{ms:.0} ms"));
                format!(
                    "{}: {ms} {}",
                    stage_name(stage.stage).english(),
                    stage.outcome
                )
            }));
        });
        lines.join("\n")
    });
    let copied = RwSignal::new(false);
    let copy = move |_| {
        // Browsers refuse this on pages without https; the text can still be selected.
        drop(
            browser::window()
                .navigator()
                .clipboard()
                .write_text(&report.get_untracked()),
        );
        copied.set(true);
    };
    view! {
        <textarea class="field" readonly rows="8" aria-label=tr("Report") data-testid="report" prop:value=report></textarea>
        <p>
            <button class="button small" on:click=copy>
                <Glyph icon=Icon::Copy />
                {tr("Copy")}
            </button>
            " "
            <span class="muted" role="status">{move || copied.get().then(|| said("Copied"))}</span>
        </p>
    }
}
