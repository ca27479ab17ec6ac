//! What all text encoders have in common: phrases to tokens, tokens to vectors, a few phrases at a
//! time.

use std::pin::Pin;

use burn::tensor::{Device, Tensor};
use tokenizers::Tokenizer;

use super::{
    Architecture, LoadTextError, TextManifest, TextSpace,
    clip::text::ClipText,
    meaning::{self, WordMarks},
    minilm::MiniLm,
    normalize,
};
use crate::shards;

/// Number of phrases that are encoded together.
const AT_ONCE: usize = 16;

/// The reason why a phrase could not be encoded.
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
    #[error("the encoder's result could not be read from the device: {0}")]
    Device(String),
    /// A vector has no direction.
    #[error("the text encoder's vector of \"{phrase}\" has a value that is not finite")]
    NotFinite {
        /// The phrase.
        phrase: String,
    },
}

/// The vectors that a device computes.
pub type Embedding<'a> = Pin<Box<dyn Future<Output = Result<Vec<Vec<f32>>, EncodeError>> + 'a>>;

/// Encodes phrases as vectors that visual embeddings of the same space can be compared with.
pub trait TextEncoder: Send {
    /// The space that the vectors lie in.
    fn space(&self) -> &TextSpace;

    /// Splits phrases into tokens, at most as many as the encoder has positions for.
    fn tokenizer(&self) -> &Tokenizer;

    /// How tokens show which of them make up one word.
    fn word_marks(&self) -> WordMarks;

    /// The vectors of phrases, of any length, `(phrases, width)`. Tokens attend only to those of
    /// their own phrase.
    fn vectors(&self, phrases: &[Vec<u32>]) -> Tensor<2>;

    /// The token ids of a phrase, with those that begin and end it.
    ///
    /// # Errors
    /// If the tokenizer rejects the phrase.
    fn token_ids(&self, phrase: &str) -> Result<Vec<u32>, EncodeError> {
        let encoding = self.tokenizer().encode(phrase, true);
        Ok(encoding
            .map_err(|cause| rejected(phrase, cause))?
            .get_ids()
            .to_vec())
    }

    /// The tokens of the words of a phrase as text.
    ///
    /// # Errors
    /// If the tokenizer rejects the phrase.
    fn pieces(&self, phrase: &str) -> Result<Vec<String>, EncodeError> {
        let encoding = self.tokenizer().encode(phrase, false);
        Ok(encoding
            .map_err(|cause| rejected(phrase, cause))?
            .get_tokens()
            .to_vec())
    }

    /// `true` if a word of the phrase is none that the encoder knows as a whole, see
    /// [`meaning::of_encoded`].
    ///
    /// # Errors
    /// If the tokenizer rejects the phrase.
    fn in_pieces(&self, phrase: &str) -> Result<bool, EncodeError> {
        Ok(meaning::in_pieces(&self.pieces(phrase)?, self.word_marks()))
    }

    /// Returns one unit vector per phrase; each phrase is encoded by itself.
    ///
    /// # Errors
    /// If the tokenizer rejects a phrase, the device fails, or a vector is not finite.
    fn embed<'a>(&'a self, phrases: &'a [&'a str]) -> Embedding<'a> {
        Box::pin(async move {
            let mut embeddings = Vec::with_capacity(phrases.len());
            for phrases in phrases.chunks(AT_ONCE) {
                let ids = phrases
                    .iter()
                    .map(|phrase| self.token_ids(phrase))
                    .collect::<Result<Vec<_>, _>>()?;
                let rows = read(self.vectors(&ids)).await?;
                for (phrase, mut row) in phrases.iter().zip(rows) {
                    if row.iter().any(|value| !value.is_finite()) {
                        let phrase = (*phrase).to_owned();
                        return Err(EncodeError::NotFinite { phrase });
                    }
                    normalize(&mut row);
                    embeddings.push(row);
                }
            }
            Ok(embeddings)
        })
    }
}

fn rejected(phrase: &str, cause: impl std::fmt::Display) -> EncodeError {
    EncodeError::Tokens {
        phrase: phrase.to_owned(),
        cause: cause.to_string(),
    }
}

/// The rows of a tensor in main memory.
pub(super) async fn read(vectors: Tensor<2>) -> Result<Vec<Vec<f32>>, EncodeError> {
    let [_, width] = vectors.dims();
    let data = vectors.into_data_async().await;
    let data = data.map_err(|error| EncodeError::Device(error.to_string()))?;
    let values = data.try_into_vec::<f32>();
    let values = values.map_err(|error| EncodeError::Device(error.to_string()))?;
    Ok(values.chunks_exact(width).map(<[f32]>::to_vec).collect())
}

impl Architecture {
    /// Loads an encoder from the text of `tokenizer.json` and a safetensors file with the published
    /// tensor names, in f32 or in 16 bits. `name` is the name of its space.
    ///
    /// # Errors
    /// If a file is unreadable, or a tensor is missing, has another shape than the architecture or
    /// a number that is not finite.
    pub fn load(
        &self,
        name: &str,
        tokenizer: &[u8],
        weights: &[u8],
        device: &Device,
    ) -> Result<Box<dyn TextEncoder>, LoadTextError> {
        self.validate()?;
        let space = TextSpace {
            encoder: name.to_owned(),
            width: self.width(),
        };
        space.validate()?;
        Ok(match self {
            Self::MiniLm(config) => {
                Box::new(MiniLm::load(space, config, tokenizer, weights, device)?)
            }
            Self::ClipText(config) => {
                Box::new(ClipText::load(space, config, tokenizer, weights, device)?)
            }
        })
    }
}

impl TextManifest {
    /// Loads the encoder from its fetched files.
    ///
    /// # Errors
    /// If a file is damaged or does not fit the architecture.
    pub fn load(
        &self,
        tokenizer: &[u8],
        pieces: &[impl AsRef<[u8]>],
        device: &Device,
    ) -> Result<Box<dyn TextEncoder>, LoadTextError> {
        self.tokenizer.check(tokenizer)?;
        let weights = shards::join(&self.shards, pieces)?;
        self.architecture
            .load(&self.name, tokenizer, &weights, device)
    }
}
