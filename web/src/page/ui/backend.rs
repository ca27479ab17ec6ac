//! Shows the processor that runs the network and the reason for that choice.

use leptos::prelude::*;

use crate::{page::state::State, protocol::Processor, text::said};

/// A line at the bottom right that names the processor; a click shows the reason.
#[component]
pub fn Backend() -> impl IntoView {
    let state = State::expect();
    let line = move || {
        state.backend.with(|backend| match backend {
            None => said("measuring this machine …").to_owned(),
            Some(info) => match info.processor {
                Processor::WebGpu => format!("webgpu · {}", info.name),
                Processor::Cpu => format!("cpu · {}", info.name),
            },
        })
    };
    let reason = move || {
        state
            .backend
            .with(|backend| backend.as_ref().map(|info| info.reason.clone()))
    };
    view! {
        <details class="backend">
            <summary data-testid="backend">{line}</summary>
            <p class="card" data-testid="backend-reason">{reason}</p>
        </details>
    }
}
