//! Scans to try the page with, opened by one click. `static/samples/NOTICE.md` says whose they are.

use leptos::prelude::*;

use crate::{
    browser,
    page::{actions, state::State},
    protocol::Source,
    text::{Text, tr},
};

struct Sample {
    /// Name in `samples/`.
    file: &'static str,
    picture: &'static str,
    title: Text,
    about: Text,
}

const SAMPLES: [Sample; 3] = [
    Sample {
        file: "bedroom.ply",
        picture: "bedroom.webp",
        title: tr("Bedroom"),
        about: tr("a synthetic room"),
    },
    Sample {
        file: "living-room.zip",
        picture: "living-room.webp",
        title: tr("Living room"),
        about: tr("25 frames of a synthetic capture"),
    },
    Sample {
        file: "laser-scan.pcd",
        picture: "laser-scan.webp",
        title: tr("Laser scan"),
        about: tr("a real room, without color"),
    },
];

/// The samples, each with a picture of what is found in it.
#[component]
pub fn Samples() -> impl IntoView {
    let state = State::expect();
    let tile = move |sample: &'static Sample| {
        view! {
            <li>
                <button
                    class="sample"
                    data-testid=format!("sample-{}", sample.file)
                    on:click=move |_| actions::open(state, Source::at(address(sample.file)))
                >
                    <img src=format!("/samples/{}", sample.picture) alt="" width="320" height="200" loading="lazy" />
                    <b>{sample.title}</b>
                    <span class="muted">{sample.about}</span>
                </button>
            </li>
        }
    };
    view! {
        <section class="samples" aria-labelledby="samples-title">
            <h3 id="samples-title">{tr("No scan at hand? Try one of these")}</h3>
            <ul>{SAMPLES.iter().map(tile).collect_view()}</ul>
        </section>
    }
}

/// The address of a sample on the server of the page.
fn address(file: &str) -> String {
    format!("{}/samples/{file}", browser::origin())
}
