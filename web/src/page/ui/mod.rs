//! The panels, one component per file. They read [`crate::page::state`] and call [`crate::page::actions`].

mod backend;
mod dialog;
mod drop_zone;
mod endpoint;
mod error;
mod export;
mod frames;
mod header;
mod help;
mod icon;
mod image_models;
mod instances;
mod panel;
mod preflight;
mod progress;
mod prompt;
mod samples;
mod share;
pub mod shortcuts;
mod toolbar;
mod unit;
mod viewer;
mod ways;

pub use backend::Backend;
pub use drop_zone::DropZone;
pub use endpoint::EndpointDialogs;
pub use error::ErrorBanner;
pub use frames::Frames;
pub use header::Header;
pub use help::Help;
pub use image_models::ImageModelList;
pub use panel::Panel;
pub use progress::Progress;
pub use toolbar::Toolbar;
pub use viewer::ViewerCanvas;
