//! The page and its workers. Four programs share this crate: `app` draws and handles user input,
//! `worker` segments scans, `reader` shows the first points while that one is on the way, and `images`
//! runs 2D models once somebody wants to.
//!
//! ```text
//! page: ui -> state -> connection ==protocol==> worker: session -> segscape
//!                                                       assistant ==peer==> the same program
//!                  -> first_look ==reader::LookRequest==> reader: shown -> segscape::scan
//!             state -> view (camera, renderers)
//! ```

pub mod browser;
#[cfg(any(feature = "worker", feature = "reader", feature = "images"))]
mod dedicated;
pub mod edits;
pub mod gpu_support;
pub mod images;
#[cfg(any(feature = "page", feature = "worker"))]
pub mod model_cache;
#[cfg(any(feature = "page", feature = "worker"))]
mod numbers;
#[cfg(feature = "page")]
pub mod page;
pub mod protocol;
pub mod reader;
#[cfg(any(feature = "worker", feature = "reader"))]
mod shown;
mod streamed;
#[cfg(feature = "page")]
pub mod text;
#[cfg(feature = "page")]
pub mod view;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(test)]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
