//! The commands of the trainer, one file per command.

pub mod ablate;
pub mod bench;
mod capture;
pub mod eval;
pub mod export;
pub mod import;
mod orientation;
pub mod prepare;
pub mod rank;
pub mod report;
pub mod segment;
pub mod synth;
pub mod train;
pub mod vocabulary;
