//! Text embeddings: the built-in vocabulary, prompt parsing, the text encoders for phrases outside
//! the vocabulary, and how a phrase is understood.

mod architecture;
#[cfg(feature = "model")]
pub mod clip;
#[cfg(feature = "model")]
mod encoder;
pub mod kinds;
mod manifest;
pub mod meaning;
#[cfg(feature = "model")]
mod minilm;
pub mod prompt;
mod space;
mod spelling;
#[cfg(feature = "model")]
mod tokens;
mod vocabulary;
#[cfg(feature = "model")]
mod weights;

pub use architecture::{Activation, Architecture, ClipTextConfig, MiniLmConfig};
#[cfg(feature = "model")]
pub use encoder::{Embedding, EncodeError, TextEncoder};
pub use manifest::{LoadTextError, PublishedEncoder, TextManifest};
pub use space::{InvalidSpace, SpaceMismatch, TextSpace};
pub use vocabulary::{Vocabulary, quantize};

/// Scales a vector to unit length; a zero vector stays zero.
pub fn normalize(v: &mut [f32]) {
    let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        v.iter_mut().for_each(|x| *x /= norm);
    }
}
