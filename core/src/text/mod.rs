//! Text embeddings: the built-in vocabulary, prompt parsing, the text encoder for phrases outside the
//! vocabulary, and how a phrase is understood.

mod manifest;
pub mod meaning;
#[cfg(feature = "model")]
mod minilm;
pub mod prompt;
mod spelling;
mod vocabulary;

pub use manifest::{LoadTextError, TextManifest};
#[cfg(feature = "model")]
pub use minilm::MiniLm;
pub use vocabulary::{Vocabulary, quantize};

/// Width of a text embedding (all-MiniLM-L6-v2).
pub const DIM: usize = 384;

/// Encodes phrases as vectors that visual embeddings can be compared with.
#[cfg(feature = "model")]
pub trait TextEncoder {
    /// Width of the embeddings.
    fn dim(&self) -> usize;

    /// Returns one unit vector of length [`Self::dim`] per phrase; each phrase is encoded by
    /// itself.
    ///
    /// # Errors
    /// If the device fails.
    fn embed(&self, phrases: &[&str]) -> impl Future<Output = Result<Vec<Vec<f32>>, EncodeError>>;
}

/// The reason why a phrase could not be encoded.
#[cfg(feature = "model")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The tokenizer rejected the phrase.
    #[error("the phrase \"{phrase}\" cannot be split into tokens: {cause}")]
    Tokens {
        /// The phrase.
        phrase: String,
        /// The tokenizer's error message.
        cause: String,
    },
    /// The result could not be read back from the device.
    #[error("the text encoder's result could not be read from the device: {0}")]
    Device(String),
}

/// Scales a vector to unit length; a zero vector stays zero.
pub fn normalize(v: &mut [f32]) {
    let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        v.iter_mut().for_each(|x| *x /= norm);
    }
}
