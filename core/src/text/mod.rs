//! Words to embeddings: the shipped vocabulary, prompt parsing, and the text encoder for everything
//! else.

mod manifest;
#[cfg(feature = "model")]
mod minilm;
pub mod prompt;
mod vocabulary;

pub use manifest::{LoadTextError, TextManifest};
#[cfg(feature = "model")]
pub use minilm::MiniLm;
pub use vocabulary::{Vocabulary, quantise};

/// Width of a text embedding (all-MiniLM-L6-v2).
pub const DIM: usize = 384;

/// Turns phrases into vectors that visual embeddings can be compared with.
#[cfg(feature = "model")]
pub trait TextEncoder {
    /// Width of the embeddings.
    fn dim(&self) -> usize;

    /// One unit vector of length [`Self::dim`] for each phrase; each phrase is encoded by itself.
    ///
    /// # Errors
    /// When the device fails.
    fn embed(&self, phrases: &[&str]) -> impl Future<Output = Result<Vec<Vec<f32>>, EncodeError>>;
}

/// A phrase could not be encoded.
#[cfg(feature = "model")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The tokenizer refused it.
    #[error("the phrase \"{phrase}\" cannot be split into tokens: {cause}")]
    Tokens {
        /// The phrase.
        phrase: String,
        /// The tokenizer's words.
        cause: String,
    },
    /// The result could not be read back from the device.
    #[error("the text encoder's result could not be read from the device: {0}")]
    Device(String),
}

/// Scales to unit length; a zero vector stays zero.
pub fn normalise(v: &mut [f32]) {
    let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        v.iter_mut().for_each(|x| *x /= norm);
    }
}
