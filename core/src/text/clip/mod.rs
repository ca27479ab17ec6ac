//! The two towers of CLIP, whose vectors lie in one space: words and pictures can be compared.
//!
//! The text tower is an encoder like others, see
//! [`Architecture::ClipText`](super::Architecture::ClipText). Both towers are pre-norm transformers
//! with the same layers. In the text tower tokens attend to those before them, and the state at the
//! end token stands for the phrase; the image tower puts a class token before the patches, whose
//! state stands for the picture.

mod layers;
mod pixels;
pub(super) mod text;
mod vision;

pub use pixels::{Pixels, PixelsError};
pub use vision::{ClipVision, PublishedVision};
