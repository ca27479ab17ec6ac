//! One file a command.

pub mod synth;
