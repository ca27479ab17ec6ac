//! all-MiniLM-L6-v2: a six-layer BERT. The embedding of a phrase is the mean of its final token
//! states, normalized to unit length.
//!
//! Post-norm encoder, hidden size 384, 12 heads, feed-forward size 1536, exact GELU, layer norm
//! epsilon 1e-12 (the published `config.json`). The token embedding table stays on the CPU in f16:
//! a phrase needs only a few of its 30 522 rows.

use std::ops::Range;

use burn::{
    module::Param,
    nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{
        Device, Tensor, TensorData,
        activation::{gelu, softmax},
    },
};
use half::f16;
use safetensors::{Dtype, SafeTensors};
use tokenizers::{Tokenizer, TruncationParams};

use super::{DIM, EncodeError, LoadTextError, TextEncoder, TextManifest, normalize};
use crate::{
    ops::{linear, matmul},
    shards,
};

const HEADS: usize = 12;
const LAYERS: usize = 6;
const MAX_TOKENS: usize = 256;
/// Number of phrases that are encoded together.
const AT_ONCE: usize = 16;

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
    ) -> Result<MiniLm, LoadTextError> {
        self.tokenizer.check(tokenizer)?;
        MiniLm::load(tokenizer, &shards::join(&self.shards, pieces)?, device)
    }
}

/// The text encoder, ready to embed phrases.
pub struct MiniLm {
    tokenizer: Tokenizer,
    /// `(vocabulary, DIM)`
    words: Vec<f16>,
    /// `(positions, DIM)`, with the constant token type embedding added.
    positions: Vec<f32>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    device: Device,
}

struct Layer {
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
    /// published tensor names, in f32 or f16.
    ///
    /// # Errors
    /// If a file is unreadable or a tensor does not fit the architecture.
    pub fn load(tokenizer: &[u8], weights: &[u8], device: &Device) -> Result<Self, LoadTextError> {
        let mut tokenizer = Tokenizer::from_bytes(tokenizer)
            .map_err(|e| LoadTextError::Tokenizer(e.to_string()))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: MAX_TOKENS,
                ..TruncationParams::default()
            }))
            .map_err(|e| LoadTextError::Tokenizer(e.to_string()))?;
        let words = tokenizer.get_vocab_size(true) * DIM;

        let file = Weights(
            SafeTensors::deserialize(weights).map_err(|e| LoadTextError::Weights(e.to_string()))?,
        );
        let words = file
            .numbers("embeddings.word_embeddings.weight", words)?
            .into_iter()
            .map(f16::from_f32)
            .collect();
        let mut positions = file.numbers("embeddings.position_embeddings.weight", 512 * DIM)?;
        let types = file.numbers("embeddings.token_type_embeddings.weight", 2 * DIM)?;
        for row in positions.chunks_exact_mut(DIM) {
            row.iter_mut().zip(&types).for_each(|(p, t)| *p += t);
        }
        let norm = file.norm("embeddings.LayerNorm", device)?;
        let layers = (0..LAYERS)
            .map(|i| Layer::load(&file, &format!("encoder.layer.{i}"), device))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            tokenizer,
            words,
            positions,
            norm,
            layers,
            device: device.clone(),
        })
    }

    /// The token ids of a phrase with `[CLS]` and `[SEP]`, at most 256.
    ///
    /// # Errors
    /// If the tokenizer rejects the phrase.
    pub fn token_ids(&self, phrase: &str) -> Result<Vec<u32>, EncodeError> {
        let encoding = self
            .tokenizer
            .encode(phrase, true)
            .map_err(|e| tokens(phrase, e))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The tokens of a phrase as text, without `[CLS]` and `[SEP]`, for
    /// [`meaning::of_encoded`](super::meaning::of_encoded).
    ///
    /// # Errors
    /// If the tokenizer rejects the phrase.
    pub fn pieces(&self, phrase: &str) -> Result<Vec<String>, EncodeError> {
        let encoding = self
            .tokenizer
            .encode(phrase, false)
            .map_err(|e| tokens(phrase, e))?;
        Ok(encoding.get_tokens().to_vec())
    }

    /// `(phrases, DIM)`: mean over the last hidden states of each phrase's tokens. The layers
    /// process all tokens together, but tokens attend only to those of their own phrase.
    fn means(&self, phrases: &[Vec<u32>]) -> Tensor<2> {
        let rows = phrases
            .iter()
            .flat_map(|ids| ids.iter().zip(self.positions.chunks_exact(DIM)))
            .flat_map(|(&id, position)| {
                let start = id as usize * DIM;
                let word = self.words.get(start..start + DIM).unwrap_or_default();
                word.iter().zip(position).map(|(w, p)| w.to_f32() + p)
            });
        let rows: Vec<f32> = rows.collect();
        let tokens = rows.len() / DIM;
        let x = Tensor::<2>::from_data(TensorData::new(rows, [tokens, DIM]), &self.device);
        let mut end = 0;
        let spans = phrases.iter().map(|ids| {
            end += ids.len();
            end - ids.len()..end
        });
        let spans: Vec<Range<usize>> = spans.collect();
        let x = self
            .layers
            .iter()
            .fold(self.norm.forward(x), |x, layer| layer.forward(x, &spans));
        Tensor::cat(
            spans
                .into_iter()
                .map(|span| x.clone().slice([span, 0..DIM]).mean_dim(0))
                .collect(),
            0,
        )
    }
}

fn tokens(phrase: &str, cause: impl std::fmt::Display) -> EncodeError {
    EncodeError::Tokens {
        phrase: phrase.to_owned(),
        cause: cause.to_string(),
    }
}

impl TextEncoder for MiniLm {
    fn dim(&self) -> usize {
        DIM
    }

    async fn embed(&self, phrases: &[&str]) -> Result<Vec<Vec<f32>>, EncodeError> {
        let ids = phrases
            .iter()
            .map(|phrase| self.token_ids(phrase))
            .collect::<Result<Vec<_>, _>>()?;
        let mut embeddings = Vec::with_capacity(phrases.len());
        for ids in ids.chunks(AT_ONCE) {
            let means = self
                .means(ids)
                .into_data_async()
                .await
                .map_err(|e| EncodeError::Device(e.to_string()))?;
            let means = means
                .try_into_vec::<f32>()
                .map_err(|e| EncodeError::Device(e.to_string()))?;
            embeddings.extend(means.chunks_exact(DIM).map(<[f32]>::to_vec));
        }
        embeddings
            .iter_mut()
            .for_each(|embedding| normalize(embedding));
        Ok(embeddings)
    }
}

impl Layer {
    fn load(file: &Weights, prefix: &str, device: &Device) -> Result<Self, LoadTextError> {
        let linear =
            |name: &str, d_in, d_out| file.linear(&format!("{prefix}.{name}"), d_in, d_out, device);
        Ok(Self {
            query: linear("attention.self.query", DIM, DIM)?,
            key: linear("attention.self.key", DIM, DIM)?,
            value: linear("attention.self.value", DIM, DIM)?,
            attention_out: linear("attention.output.dense", DIM, DIM)?,
            attention_norm: file.norm(&format!("{prefix}.attention.output.LayerNorm"), device)?,
            widen: linear("intermediate.dense", DIM, 4 * DIM)?,
            narrow: linear("output.dense", 4 * DIM, DIM)?,
            norm: file.norm(&format!("{prefix}.output.LayerNorm"), device)?,
        })
    }

    /// `(tokens, DIM)` -> `(tokens, DIM)`; `phrases` are the token ranges of the phrases.
    fn forward(&self, x: Tensor<2>, phrases: &[Range<usize>]) -> Tensor<2> {
        let width = DIM / HEADS;
        let (q, k, v) = (
            linear(&self.query, x.clone()),
            linear(&self.key, x.clone()),
            linear(&self.value, x.clone()),
        );
        let attend = |phrase: &Range<usize>| {
            let heads = |t: &Tensor<2>| {
                t.clone()
                    .slice([phrase.clone(), 0..DIM])
                    .reshape([phrase.len(), HEADS, width])
                    .swap_dims(0, 1)
            };
            let weights = softmax(
                matmul(heads(&q), heads(&k).swap_dims(1, 2)).div_scalar((width as f32).sqrt()),
                2,
            );
            matmul(weights, heads(&v))
                .swap_dims(0, 1)
                .reshape([phrase.len(), DIM])
        };
        let mixed = Tensor::cat(phrases.iter().map(attend).collect(), 0);
        let x = self
            .attention_norm
            .forward(linear(&self.attention_out, mixed) + x);
        let wide = gelu(linear(&self.widen, x.clone()));
        self.norm.forward(linear(&self.narrow, wide) + x)
    }
}

struct Weights<'a>(SafeTensors<'a>);

impl Weights<'_> {
    fn numbers(&self, name: &str, count: usize) -> Result<Vec<f32>, LoadTextError> {
        let wrong = |found: String| LoadTextError::Tensor {
            name: name.to_owned(),
            expected: count,
            found,
        };
        let tensor = self.0.tensor(name).map_err(|e| wrong(e.to_string()))?;
        let numbers: Vec<f32> = match tensor.dtype() {
            Dtype::F32 => tensor
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Dtype::F16 => tensor
                .data()
                .chunks_exact(2)
                .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            other => return Err(wrong(format!("it is {other:?}"))),
        };
        if numbers.len() == count {
            Ok(numbers)
        } else {
            Err(wrong(format!("it has {}", numbers.len())))
        }
    }

    fn linear(
        &self,
        name: &str,
        d_in: usize,
        d_out: usize,
        device: &Device,
    ) -> Result<Linear, LoadTextError> {
        // transposed once here: a matrix product would copy a transposed view each time
        let stored = self.numbers(&format!("{name}.weight"), d_out * d_in)?;
        let weight: Vec<f32> = (0..d_in)
            .flat_map(|i| stored.iter().skip(i).step_by(d_in))
            .copied()
            .collect();
        let weight = TensorData::new(weight, [d_in, d_out]);
        let bias = TensorData::new(self.numbers(&format!("{name}.bias"), d_out)?, [d_out]);
        let mut linear = LinearConfig::new(d_in, d_out).init(device);
        linear.weight = Param::from_tensor(Tensor::<2>::from_data(weight, device));
        linear.bias = Some(Param::from_tensor(Tensor::from_data(bias, device)));
        Ok(linear)
    }

    fn norm(&self, name: &str, device: &Device) -> Result<LayerNorm, LoadTextError> {
        let vector = |part: &str| -> Result<Param<Tensor<1>>, LoadTextError> {
            let data = TensorData::new(self.numbers(&format!("{name}.{part}"), DIM)?, [DIM]);
            Ok(Param::from_tensor(Tensor::<1>::from_data(data, device)))
        };
        let mut norm = LayerNormConfig::new(DIM).with_epsilon(1e-12).init(device);
        norm.gamma = vector("weight")?;
        norm.beta = Some(vector("bias")?);
        Ok(norm)
    }
}
