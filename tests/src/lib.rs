//! Shared parts of the tests: the cases that every device must pass, the devices, and the built app
//! in a browser.

#[cfg(not(target_family = "wasm"))]
pub mod app;
pub mod cases;
pub mod device;
pub mod golden;
#[cfg(not(target_family = "wasm"))]
pub mod gradients;
#[cfg(not(target_family = "wasm"))]
pub mod odd;
#[cfg(not(target_family = "wasm"))]
pub mod weights;
