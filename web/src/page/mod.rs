//! The page: its state, what users and the worker change in it, and what it shows.

pub mod actions;
pub mod address;
mod app;
pub mod autosave;
pub mod caution;
pub mod connection;
pub mod crash;
pub mod editing;
pub mod embedding;
pub mod endpoint;
pub mod exchange;
pub mod following;
pub mod gather;
pub mod history;
pub mod image_models;
pub mod lasso;
pub mod listing;
pub mod measuring;
pub mod names;
pub mod pictures;
pub mod preferences;
pub mod preview;
pub mod prompts;
mod replies;
pub mod saving;
pub mod selection;
pub mod share;
pub mod state;
pub mod status;
pub mod tool;
mod ui;
pub mod upload;
pub mod viewing;

pub use app::App;
