//! The files of the text encoder as the app fetches them, and how they are made from the published
//! ones. Nothing here needs the network's tensor library.

use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::shards::{self, Shard, ShardError};

/// The encoder's files do not hold what it needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadTextError {
    /// `tokenizer.json` is unusable.
    #[error("the text encoder's tokenizer cannot be read: {0}")]
    Tokenizer(String),
    /// The manifest is unusable.
    #[error("the text encoder's manifest is malformed: {0}")]
    Manifest(String),
    /// A piece is not the one that was promised.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The weights are not a safetensors file.
    #[error("the text encoder's weights cannot be read: {0}")]
    Weights(String),
    /// A tensor is absent or has another shape or type.
    #[error(
        "the text encoder's weights lack \"{name}\" as f16 or f32 with {expected} numbers: {found}"
    )]
    Tensor {
        /// Its name.
        name: String,
        /// How many numbers it must have.
        expected: usize,
        /// What is there instead.
        found: String,
    },
}

/// `manifest.json` of the encoder: what to fetch, and how to know that it arrived whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextManifest {
    /// The encoder's name.
    pub name: String,
    /// SPDX expression.
    pub licence: String,
    /// `tokenizer.json`.
    pub tokenizer: Shard,
    /// Pieces of one safetensors file, to be joined in this order.
    pub shards: Vec<Shard>,
}

impl TextManifest {
    /// Reads `manifest.json` and checks everything that can be checked without the weights.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(json: &[u8]) -> Result<Self, LoadTextError> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|e| LoadTextError::Manifest(e.to_string()))?;
        shards::check_list(std::slice::from_ref(&manifest.tokenizer))?;
        shards::check_list(&manifest.shards)?;
        Ok(manifest)
    }

    /// The files of all-MiniLM-L6-v2 from the published `model.safetensors` and `tokenizer.json`,
    /// each with its name: weights in f16, in pieces, then the manifest, without which a folder is
    /// not complete.
    ///
    /// # Errors
    /// When the weights are not a safetensors file.
    pub fn files(
        weights: &[u8],
        tokenizer: Vec<u8>,
    ) -> Result<Vec<(String, Vec<u8>)>, LoadTextError> {
        let malformed = |e: safetensors::SafeTensorError| LoadTextError::Weights(e.to_string());
        let weights =
            in_f16(&SafeTensors::deserialize(weights).map_err(malformed)?).map_err(malformed)?;
        let (shards, mut files): (Vec<Shard>, Vec<(String, Vec<u8>)>) =
            shards::split("weights", &weights)
                .into_iter()
                .map(|(shard, piece)| (shard.clone(), (shard.file, piece.to_vec())))
                .unzip();
        let manifest = Self {
            name: "all-MiniLM-L6-v2".into(),
            licence: "Apache-2.0".into(),
            tokenizer: Shard::of("tokenizer.json".into(), &tokenizer),
            shards,
        };
        files.push(("tokenizer.json".into(), tokenizer));
        let manifest = serde_json::to_vec_pretty(&manifest)
            .map_err(|e| LoadTextError::Manifest(e.to_string()))?;
        files.push(("manifest.json".into(), manifest));
        Ok(files)
    }
}

/// A safetensors file of the tensors that an encoder uses, in f16: the pooler and the position ids
/// are left out.
fn in_f16(file: &SafeTensors) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let half = |b: &[u8; 4]| f16::from_f32(f32::from_le_bytes(*b)).to_le_bytes();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .tensors()
        .into_iter()
        .filter(|(name, tensor)| tensor.dtype() == Dtype::F32 && !name.starts_with("pooler"))
        .map(|(name, tensor)| {
            let values = tensor.data().as_chunks::<4>().0.iter().flat_map(half);
            (name, tensor.shape().to_vec(), values.collect())
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), data)?)));
    safetensors::serialize(
        views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?,
        None,
    )
}
