//! The text tower of a CLIP.

use burn::{
    nn::LayerNorm,
    tensor::{Device, Int, Tensor, TensorData},
};
use tokenizers::Tokenizer;

use super::layers::{Layers, Sizes};
use crate::{
    ops::matmul,
    text::{
        ClipTextConfig, LoadTextError, TextEncoder, TextSpace,
        meaning::WordMarks,
        tokens::{self, Embeddings},
        weights::Weights,
    },
};

/// The end token in configurations of before the id was written down correctly.
const UNKNOWN_END: u32 = 2;

/// The text encoder, ready to embed phrases.
pub(in crate::text) struct ClipText {
    space: TextSpace,
    tokenizer: Tokenizer,
    embeddings: Embeddings,
    layers: Layers,
    norm: LayerNorm,
    /// `(width, embedding)`
    projection: Tensor<2>,
    end: u32,
}

impl ClipText {
    /// Loads the encoder from the text of `tokenizer.json` and a safetensors file with the names
    /// that transformers gives the tensors.
    pub(in crate::text) fn load(
        space: TextSpace,
        config: &ClipTextConfig,
        tokenizer: &[u8],
        weights: &[u8],
        device: &Device,
    ) -> Result<Self, LoadTextError> {
        let file = Weights::open(weights, device)?;
        let tables = [
            "text_model.embeddings.token_embedding.weight",
            "text_model.embeddings.position_embedding.weight",
        ];
        let shape = [config.vocabulary, config.positions, config.width];
        let sizes = Sizes {
            width: config.width,
            ffn: config.ffn,
            heads: config.heads,
            layers: config.layers,
            activation: config.activation,
            epsilon: config.epsilon,
            causal: true,
        };
        let tokenizer = tokens::tokenizer(tokenizer, config.positions, config.vocabulary)?;
        if config.end != UNKNOWN_END && tokenizer.id_to_token(config.end).is_none() {
            return Err(LoadTextError::Tokenizer(format!(
                "it has no token {}, which the configuration says ends a phrase (eos_token_id)",
                config.end
            )));
        }
        let norm = "text_model.final_layer_norm";
        Ok(Self {
            space,
            tokenizer,
            embeddings: Embeddings::load(&file, tables, shape)?,
            layers: Layers::load(&file, "text_model.encoder.layers", sizes)?,
            norm: file.norm(norm, config.width, config.epsilon)?,
            projection: file
                .transposed("text_projection.weight", &[config.embedding, config.width])?,
            end: config.end,
        })
    }
}

/// The token whose state stands for the phrase: the first end token, or, where its id is unknown,
/// the first of those with the highest id. The first of all if there is none.
fn last_of(ids: &[u32], end: u32) -> usize {
    let end = match end {
        UNKNOWN_END => ids.iter().copied().max().unwrap_or_default(),
        end => end,
    };
    ids.iter().position(|&id| id == end).unwrap_or_default()
}

impl TextEncoder for ClipText {
    fn space(&self) -> &TextSpace {
        &self.space
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn word_marks(&self) -> WordMarks {
        WordMarks::Ended
    }

    fn vectors(&self, phrases: &[Vec<u32>]) -> Tensor<2> {
        let (x, spans) = self.embeddings.rows(phrases);
        let [width, _] = self.projection.dims();
        let shape = [x.len() / width, width];
        let x = Tensor::from_data(TensorData::new(x, shape), &self.projection.device());
        let x = self.layers.forward(x, &spans);
        let ends = phrases.iter().zip(&spans);
        let ends = ends.map(|(ids, span)| (span.start + last_of(ids, self.end)) as i32);
        let ends = TensorData::new(ends.collect::<Vec<_>>(), [phrases.len()]);
        let ends = Tensor::<1, Int>::from_data(ends, &x.device());
        // normalization is row by row, so that the other rows need none
        let states = self.norm.forward(x.select(0, ends));
        matmul(states, self.projection.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::last_of;

    #[test]
    fn the_end_of_a_phrase_is_found_by_either_convention() {
        // the known id: its first place, even if other ids are higher
        assert_eq!(last_of(&[5, 9, 7, 3, 7], 7), 2);
        assert_eq!(last_of(&[5, 9], 7), 0);
        // the unknown id: the first place of the highest
        assert_eq!(last_of(&[5, 9, 7, 9, 2], 2), 1);
        assert_eq!(last_of(&[], 2), 0);
    }
}
