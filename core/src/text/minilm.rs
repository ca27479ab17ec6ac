//! all-MiniLM-L6-v2, a six-layer BERT, and its like. The embedding of a phrase is the mean of its
//! final token states.
//!
//! Post-norm encoder with the exact GELU. It runs on the CPU whatever the device: a phrase is a
//! handful of tokens, for which a GPU needs some hundred launches.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use tokenizers::Tokenizer;

use super::{
    LoadTextError, MiniLmConfig, TextEncoder, TextSpace,
    meaning::WordMarks,
    tokens::{self, Embeddings},
    weights::Weights,
};
use crate::ops::{FixedPointLinear, RowNorm, attend_in_spans, gelu_in_place};

/// The length that phrases were cut to when all-MiniLM-L6-v2 was trained.
const MAX_TOKENS: usize = 256;
const WORDS: &str = "embeddings.word_embeddings.weight";

/// The text encoder, ready to embed phrases.
pub(super) struct MiniLm {
    space: TextSpace,
    tokenizer: Tokenizer,
    embeddings: Embeddings,
    norm: RowNorm,
    layers: Vec<Layer>,
    device: Device,
}

struct Layer {
    heads: usize,
    width: usize,
    /// Queries, keys and values side by side.
    attention_in: FixedPointLinear,
    attention_out: FixedPointLinear,
    attention_norm: RowNorm,
    widen: FixedPointLinear,
    narrow: FixedPointLinear,
    norm: RowNorm,
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
        )?;
        let types = "embeddings.token_type_embeddings.weight";
        // all tokens are of the first of two types
        embeddings.add(&file.numbers(types, &[2, config.width])?[..config.width]);
        let layers = 0..config.layers;
        Ok(Self {
            space,
            tokenizer: tokens::tokenizer(tokenizer, MAX_TOKENS.min(config.positions), words)?,
            embeddings,
            norm: file.row_norm("embeddings.LayerNorm", config.width, config.epsilon)?,
            layers: layers
                .map(|i| Layer::load(&file, &format!("encoder.layer.{i}"), config))
                .collect::<Result<_, _>>()?,
            device: device.clone(),
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
        let (mut x, spans) = self.embeddings.rows(phrases);
        self.norm.normalize(&mut x);
        for layer in &self.layers {
            x = layer.forward(x, &spans);
        }
        let width = self.space.width;
        let mut means = vec![0.0; phrases.len() * width];
        for (mean, span) in means.chunks_exact_mut(width).zip(spans) {
            let share = 1.0 / span.len() as f32;
            for row in x[span.start * width..span.end * width].chunks_exact(width) {
                mean.iter_mut()
                    .zip(row)
                    .for_each(|(mean, x)| *mean += x * share);
            }
        }
        Tensor::from_data(TensorData::new(means, [phrases.len(), width]), &self.device)
    }
}

impl Layer {
    fn load(file: &Weights, prefix: &str, config: &MiniLmConfig) -> Result<Self, LoadTextError> {
        let (width, ffn) = (config.width, config.ffn);
        let norm = |name: &str| file.row_norm(&format!("{prefix}.{name}"), width, config.epsilon);
        let linear = |names: &[&str], inputs, outputs| {
            let names = names.iter().map(|name| format!("{prefix}.{name}"));
            file.fixed_point_linear(names, inputs, outputs)
        };
        let attention_in = ["query", "key", "value"].map(|name| format!("attention.self.{name}"));
        Ok(Self {
            heads: config.heads,
            width,
            attention_in: linear(&attention_in.each_ref().map(String::as_str), width, width)?,
            attention_out: linear(&["attention.output.dense"], width, width)?,
            attention_norm: norm("attention.output.LayerNorm")?,
            widen: linear(&["intermediate.dense"], width, ffn)?,
            narrow: linear(&["output.dense"], ffn, width)?,
            norm: norm("output.LayerNorm")?,
        })
    }

    /// `(tokens, width)` -> `(tokens, width)`; `phrases` are the token ranges of the phrases.
    fn forward(&self, x: Vec<f32>, phrases: &[Range<usize>]) -> Vec<f32> {
        let sides = self.attention_in.forward(&x);
        let mixed = attend_in_spans(&sides, self.heads, self.width, phrases);
        let mut seen = self.attention_out.forward(&mixed);
        self.attention_norm.of_sum(&mut seen, &x);
        let mut wide = self.widen.forward(&seen);
        gelu_in_place(&mut wide);
        let mut out = self.narrow.forward(&wide);
        self.norm.of_sum(&mut out, &seen);
        out
    }
}
