//! The page and its worker. Two programs share this crate: `app` draws and handles user input,
//! `worker` computes.
//!
//! ```text
//! app: ui -> state -> link ==protocol==> worker: session -> segscape
//!            state -> view (camera, renderers)
//! ```

pub mod actions;
pub mod app;
pub mod browser;
pub mod edits;
pub mod gpu_support;
pub mod link;
pub mod listing;
mod numbers;
pub mod protocol;
mod replies;
pub mod share;
pub mod state;
mod ui;
pub mod view;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(test)]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
