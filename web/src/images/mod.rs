//! 2D models in the tab: a worker of their own keeps the files of models and runs them. It starts
//! when somebody opens the list of models. A model that breaks its runtime ends this worker and
//! nothing else.

pub mod protocol;
#[cfg(feature = "images")]
mod session;
#[cfg(feature = "images")]
mod shelf;

/// Listens for requests until the page terminates the worker.
#[cfg(feature = "images")]
pub fn run() {
    crate::dedicated::listen(session::Session::default());
}
