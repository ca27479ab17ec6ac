//! Training: data, loss, runs, the ranker of masks and regions, evaluation, and reports.

pub mod atomic_write;
pub mod config;
pub mod data;
pub mod device;
pub mod evaluation;
pub mod loss;
pub mod models;
pub mod query_masks;
pub mod ranking;
pub mod report;
pub mod run;
pub mod words;
