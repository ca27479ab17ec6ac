//! Where the network runs and why.

use leptos::prelude::*;

use crate::{protocol::Processor, state::State};

/// Bottom right, one line; the reason is one click away.
#[component]
pub fn Backend() -> impl IntoView {
    let state = State::expect();
    let line = move || {
        state.backend.with(|backend| match backend {
            None => "measuring this machine …".to_owned(),
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
