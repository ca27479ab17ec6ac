//! all-MiniLM-L6-v2, a six-layer BERT, and its like. The embedding of a phrase is the mean of its
//! final token states.
//!
//! Post-norm encoder with the exact GELU.

use std::ops::Range;

use burn::{
    nn::{LayerNorm, Linear},
    tensor::{Device, Tensor, activation::gelu},
};
use safetensors::SafeTensors;
use tokenizers::Tokenizer;

use super::{
    LoadTextError, MiniLmConfig, TextEncoder, TextSpace,
    meaning::WordMarks,
    tokens::{self, Embeddings, attend},
    weights::Weights,
};
use crate::ops::linear;

/// The length that phrases were cut to when all-MiniLM-L6-v2 was trained.
const MAX_TOKENS: usize = 256;
const WORDS: &str = "embeddings.word_embeddings.weight";

/// The text encoder, ready to embed phrases.
pub(super) struct MiniLm {
    space: TextSpace,
    tokenizer: Tokenizer,
    embeddings: Embeddings,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    attention_out: Linear,
    attention_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl MiniLm {
    /// Loads the encoder from the text of `tokenizer.json` and a safetensors file with the
    /// published tensor names.
    pub(super) fn load(
        space: TextSpace,
        config: &MiniLmConfig,
        tokenizer: &[u8],
        weights: &[u8],
        device: &Device,
    ) -> Result<Self, LoadTextError> {
        let words = rows(weights)?;
        let file = Weights::open(weights, device)?;
        let mut embeddings = Embeddings::load(
            &file,
            [WORDS, "embeddings.position_embeddings.weight"],
            [words, config.positions, config.width],
            device,
        )?;
        let types = "embeddings.token_type_embeddings.weight";
        // all tokens are of the first of two types
        embeddings.add(&file.numbers(types, &[2, config.width])?[..config.width]);
        let layers = 0..config.layers;
        Ok(Self {
            space,
            tokenizer: tokens::tokenizer(tokenizer, MAX_TOKENS.min(config.positions), words)?,
            embeddings,
            norm: file.norm("embeddings.LayerNorm", config.width, config.epsilon)?,
            layers: layers
                .map(|i| Layer::load(&file, &format!("encoder.layer.{i}"), config))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The number of tokens in the table of embeddings.
fn rows(weights: &[u8]) -> Result<usize, LoadTextError> {
    let file = SafeTensors::deserialize(weights);
    let file = file.map_err(|error| LoadTextError::Weights(error.to_string()))?;
    let rows = file
        .tensor(WORDS)
        .ok()
        .and_then(|words| words.shape().first().copied());
    // a missing table is reported when it is read
    Ok(rows.unwrap_or_default())
}

impl TextEncoder for MiniLm {
    fn space(&self) -> &TextSpace {
        &self.space
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn word_marks(&self) -> WordMarks {
        WordMarks::Continued
    }

    fn vectors(&self, phrases: &[Vec<u32>]) -> Tensor<2> {
        let (x, spans) = self.embeddings.rows(phrases);
        let x = self
            .layers
            .iter()
            .fold(self.norm.forward(x), |x, layer| layer.forward(x, &spans));
        let mean = |span| x.clone().slice([span, 0..self.space.width]).mean_dim(0);
        Tensor::cat(spans.into_iter().map(mean).collect(), 0)
    }
}

impl Layer {
    fn load(file: &Weights, prefix: &str, config: &MiniLmConfig) -> Result<Self, LoadTextError> {
        let (width, ffn) = (config.width, config.ffn);
        let linear =
            |name: &str, inputs, outputs| file.linear(&format!("{prefix}.{name}"), inputs, outputs);
        let norm = |name: &str| file.norm(&format!("{prefix}.{name}"), width, config.epsilon);
        Ok(Self {
            heads: config.heads,
            query: linear("attention.self.query", width, width)?,
            key: linear("attention.self.key", width, width)?,
            value: linear("attention.self.value", width, width)?,
            attention_out: linear("attention.output.dense", width, width)?,
            attention_norm: norm("attention.output.LayerNorm")?,
            widen: linear("intermediate.dense", width, ffn)?,
            narrow: linear("output.dense", ffn, width)?,
            norm: norm("output.LayerNorm")?,
        })
    }

    /// `(tokens, width)` -> `(tokens, width)`; `phrases` are the token ranges of the phrases.
    fn forward(&self, x: Tensor<2>, phrases: &[Range<usize>]) -> Tensor<2> {
        let [q, k, v] = [&self.query, &self.key, &self.value].map(|l| linear(l, x.clone()));
        let mixed = attend([&q, &k, &v], self.heads, phrases, false);
        let x = self
            .attention_norm
            .forward(linear(&self.attention_out, mixed) + x);
        let wide = gelu(linear(&self.widen, x.clone()));
        self.norm.forward(linear(&self.narrow, wide) + x)
    }
}
