//! The commands of the trainer, one file per command.

pub mod ablate;
pub mod bench;
mod capture;
pub mod eval;
pub mod export;
pub mod import;
pub mod name;
mod orientation;
pub mod perceive;
pub mod prepare;
pub mod rank;
pub mod report;
mod scene_cache;
pub mod segment;
pub mod synth;
pub mod train;
pub mod vocabulary;
