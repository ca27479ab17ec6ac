//! Tokens as the first layers of encoders see them: their ids, their vectors, and attention among
//! those of one phrase.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use half::f16;
use tokenizers::{Tokenizer, TruncationParams};

use super::{LoadTextError, weights::Weights};
use crate::ops::matmul;

/// Reads `tokenizer.json` for phrases of at most `limit` tokens. Its ids must be below `rows`, the
/// number of rows of the table of embeddings.
pub(super) fn tokenizer(
    json: &[u8],
    limit: usize,
    rows: usize,
) -> Result<Tokenizer, LoadTextError> {
    let unusable = |error: tokenizers::Error| LoadTextError::Tokenizer(error.to_string());
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(unusable)?;
    tokenizer.with_padding(None);
    let cut = TruncationParams {
        max_length: limit,
        ..TruncationParams::default()
    };
    tokenizer.with_truncation(Some(cut)).map_err(unusable)?;
    let highest = tokenizer
        .get_vocab(true)
        .into_iter()
        .max_by_key(|(_, id)| *id);
    match highest {
        Some((token, id)) if id as usize >= rows => Err(LoadTextError::Tokenizer(format!(
            "its token \"{token}\" has id {id}, the encoder has {rows} tokens"
        ))),
        Some(_) => Ok(tokenizer),
        None => Err(LoadTextError::Tokenizer("it has no tokens".to_owned())),
    }
}

/// The vectors that tokens start with.
pub(super) struct Embeddings {
    /// `(vocabulary, width)`, on the CPU and in f16: a phrase needs only a few of its rows.
    words: Vec<f16>,
    /// `(positions, width)`
    positions: Vec<f32>,
    width: usize,
}

impl Embeddings {
    /// Reads the table of `rows` tokens and that of positions.
    pub(super) fn load(
        weights: &Weights,
        [words, positions]: [&str; 2],
        [rows, places, width]: [usize; 3],
    ) -> Result<Self, LoadTextError> {
        let table = weights.numbers(words, &[rows, width])?;
        Ok(Self {
            words: table.into_iter().map(f16::from_f32).collect(),
            positions: weights.numbers(positions, &[places, width])?,
            width,
        })
    }

    /// Adds a vector to all tokens.
    pub(super) fn add(&mut self, constant: &[f32]) {
        for row in self.positions.chunks_exact_mut(self.width) {
            row.iter_mut().zip(constant).for_each(|(p, c)| *p += c);
        }
    }

    /// The vectors of all tokens of phrases, `(tokens, width)`, and the rows of each phrase. A
    /// phrase has at most as many tokens as there are positions, and ids of the table.
    pub(super) fn rows(&self, phrases: &[Vec<u32>]) -> (Vec<f32>, Vec<Range<usize>>) {
        let tokens = phrases
            .iter()
            .flat_map(|ids| ids.iter().zip(self.positions.chunks_exact(self.width)));
        let rows = tokens.flat_map(|(&id, position)| {
            let word = &self.words[id as usize * self.width..][..self.width];
            word.iter().zip(position).map(|(w, p)| w.to_f32() + p)
        });
        let rows = rows.collect();
        let mut end = 0;
        let spans = phrases.iter().map(|ids| {
            end += ids.len();
            end - ids.len()..end
        });
        (rows, spans.collect())
    }
}

/// Attention of several heads among the rows of each span, `(rows, width)`; `causal` if a row
/// attends only to itself and to those before it.
pub(super) fn attend(
    [q, k, v]: [&Tensor<2>; 3],
    heads: usize,
    spans: &[Range<usize>],
    causal: bool,
) -> Tensor<2> {
    let [_, width] = q.dims();
    let span = |span: &Range<usize>| {
        let rows = span.len();
        let split = |t: &Tensor<2>| {
            t.clone()
                .slice([span.clone(), 0..width])
                .reshape([rows, heads, width / heads])
                .swap_dims(0, 1)
        };
        let scale = ((width / heads) as f32).sqrt();
        let mut scores = matmul(split(q), split(k).swap_dims(1, 2)).div_scalar(scale);
        if causal {
            scores = scores + later_rows(rows, &q.device());
        }
        matmul(softmax(scores, 2), split(v))
            .swap_dims(0, 1)
            .reshape([rows, width])
    };
    Tensor::cat(spans.iter().map(span).collect(), 0)
}

/// `(1, rows, rows)`: what takes later rows out of a softmax of scores.
fn later_rows(rows: usize, device: &Device) -> Tensor<3> {
    let score = |(row, column)| if column > row { f32::MIN / 2.0 } else { 0.0 };
    let places = (0..rows).flat_map(|row| (0..rows).map(move |column| (row, column)));
    let scores: Vec<f32> = places.map(score).collect();
    Tensor::from_data(TensorData::new(scores, [1, rows, rows]), device)
}
