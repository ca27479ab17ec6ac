//! Segscape: from the bytes of a room scan to separate, named 3D instances.
//!
//! The folders follow the order in which a scan passes through them; [`job`] is the only
//! module that knows that order. Inputs are bytes, outputs are structs: no file system, no DOM, no
//! threads; the clock and the yield are in [`platform`].
//!
//! Frames: `file` is the coordinate system of the scan's own file; `world` is in metres, z up, near
//! the origin ([`scan::Frame`] maps between the two). Index maps are named `target_of_source`.

pub mod bundle;
pub mod evaluate;
#[cfg(test)]
mod golden;
pub mod instances;
#[cfg(feature = "model")]
pub mod job;
#[cfg(feature = "model")]
pub mod model;
#[cfg(feature = "model")]
pub mod ops;
pub mod platform;
pub mod preflight;
pub mod progress;
pub mod scan;
pub mod shards;
pub mod spatial;
pub mod superpoint;
pub mod text;
pub mod views;
#[cfg(feature = "model")]
pub mod warm_up;
pub mod write;
