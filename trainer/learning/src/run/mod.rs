//! A run: its steps, optimiser, averaged weights, checkpoints and validation.

pub mod checkpoint;
mod elementwise;
pub mod ema;
pub mod flops;
pub mod metrics;
pub mod optimizer;
pub mod step;
pub mod train;
pub mod validation;
pub mod warm_start;
