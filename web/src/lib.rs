//! The page and its worker. Two programs share this crate: `app` draws and handles user input,
//! `worker` computes.
//!
//! ```text
//! page: ui -> state -> connection ==protocol==> worker: session -> segscape
//!             state -> view (camera, renderers)
//! ```

pub mod browser;
pub mod edits;
pub mod gpu_support;
mod numbers;
pub mod page;
pub mod protocol;
pub mod view;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(test)]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
