//! A run: its steps, optimiser, averaged weights, checkpoints and validation.

pub mod checkpoint;
pub mod ema;
pub mod flops;
pub mod metrics;
pub mod optimizer;
mod passes;
pub mod step;
pub mod train;
pub mod validation;
pub mod warm_start;
