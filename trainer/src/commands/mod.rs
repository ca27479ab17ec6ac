//! The commands of the trainer, one file per command.

pub mod ablate;
mod ask;
pub mod bench;
mod by_views;
mod capture;
pub mod eval;
pub mod export;
pub mod import;
pub mod lift;
pub mod name;
mod orientation;
pub mod perceive;
pub mod prepare;
mod proposals;
pub mod pseudo;
pub mod rank;
pub mod report;
mod results;
mod scene_cache;
pub mod segment;
mod shard;
pub mod shell;
pub mod synth;
pub mod track;
pub mod train;
pub mod vocabulary;
