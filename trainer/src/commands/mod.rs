//! One file a command.

pub mod eval;
pub mod export;
pub mod synth;
pub mod train;
