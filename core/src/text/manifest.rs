//! A text encoder's files as the app fetches them, and their conversion from the published files.
//! This module does not need the tensor library.

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{Architecture, InvalidSpace, TextSpace, Vocabulary};
use crate::shards::{self, Shard, ShardError};

/// The reason why a text encoder could not be loaded from its files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadTextError {
    /// `config.json` is unusable.
    #[error("the encoder's config.json cannot be used: {0}")]
    Config(String),
    /// `tokenizer.json` is unusable.
    #[error("the text encoder's tokenizer cannot be read: {0}")]
    Tokenizer(String),
    /// The manifest is unusable.
    #[error("the text encoder's manifest is malformed: {0}")]
    Manifest(String),
    /// Name or width are impossible.
    #[error(transparent)]
    Space(#[from] InvalidSpace),
    /// A shard does not match the manifest.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The weights are not a safetensors file.
    #[error("the encoder's weights cannot be read: {0}")]
    Weights(String),
    /// A tensor is missing, has the wrong shape or type, or has impossible values.
    #[error(
        "the encoder's tensor \"{name}\" must have shape {expected:?} and finite numbers of type F32, F16 or BF16: {found}"
    )]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// The shape that it must have.
        expected: Vec<usize>,
        /// Description of what was found instead.
        found: String,
    },
    /// The folder has no embeddings of the built-in nouns.
    #[error(
        "{0} has no embeddings of the built-in nouns; `trainer vocabulary --text-encoder FOLDER` makes them"
    )]
    NoVocabulary(TextSpace),
    /// The embeddings of the built-in nouns are unusable.
    #[error("the table of nouns of {space} cannot be used: {problem}")]
    Vocabulary {
        /// The space that the table is for.
        space: TextSpace,
        /// Description of the problem.
        problem: String,
    },
}

/// Name of the file with the embeddings of the built-in nouns.
const VOCABULARY: &str = "vocabulary.i8";

/// `manifest.json` of the encoder: the files to fetch and the data to verify them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextManifest {
    /// Name of the encoder.
    pub name: String,
    /// SPDX expression of the license.
    #[serde(alias = "licence")]
    pub license: String,
    /// The sizes of the encoder; manifests of before there was a choice are of all-MiniLM-L6-v2.
    #[serde(default)]
    pub architecture: Architecture,
    /// The file `tokenizer.json`.
    pub tokenizer: Shard,
    /// Shards of one safetensors file, to be joined in this order.
    pub shards: Vec<Shard>,
    /// The embeddings of the built-in nouns; all-MiniLM-L6-v2's are built into the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<Shard>,
}

/// The published files of a text encoder.
pub struct PublishedEncoder<'a> {
    /// `config.json`.
    pub config: &'a [u8],
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `model.safetensors`.
    pub weights: &'a [u8],
}

impl TextManifest {
    /// Parses `manifest.json` and checks everything that can be checked without the weights.
    ///
    /// # Errors
    /// If the manifest is malformed.
    pub fn parse(json: &[u8]) -> Result<Self, LoadTextError> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|e| LoadTextError::Manifest(e.to_string()))?;
        manifest.architecture.validate()?;
        manifest.space().validate()?;
        shards::check_list(std::slice::from_ref(&manifest.tokenizer))?;
        shards::check_list(&manifest.shards)?;
        if let Some(vocabulary) = &manifest.vocabulary {
            shards::check_list(std::slice::from_ref(vocabulary))?;
        }
        Ok(manifest)
    }

    /// The space that the encoder's vectors lie in.
    pub fn space(&self) -> TextSpace {
        TextSpace {
            encoder: self.name.clone(),
            width: self.architecture.width(),
        }
    }

    /// The file with the embeddings of the built-in nouns.
    ///
    /// # Errors
    /// [`LoadTextError::NoVocabulary`].
    pub fn vocabulary_file(&self) -> Result<&Shard, LoadTextError> {
        let none = || LoadTextError::NoVocabulary(self.space());
        self.vocabulary.as_ref().ok_or_else(none)
    }

    /// The built-in nouns in the encoder's space, from the content of [`Self::vocabulary_file`].
    ///
    /// # Errors
    /// If there is no such file, or it is damaged.
    pub fn load_vocabulary(&self, table: &[u8]) -> Result<Vocabulary, LoadTextError> {
        self.vocabulary_file()?.check(table)?;
        Vocabulary::of_table(self.space(), table)
    }

    /// Adds the embeddings of the built-in nouns, and returns the name of their file.
    ///
    /// # Errors
    /// If the table has another size.
    pub fn set_vocabulary(&mut self, table: &[u8]) -> Result<String, LoadTextError> {
        Vocabulary::of_table(self.space(), table)?;
        let shard = Shard::of(VOCABULARY.to_owned(), table);
        Ok(self.vocabulary.insert(shard).file.clone())
    }

    /// The content of `manifest.json`.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn json(&self) -> Result<Vec<u8>, LoadTextError> {
        serde_json::to_vec_pretty(self).map_err(|e| LoadTextError::Manifest(e.to_string()))
    }

    /// Converts published files into those that the app fetches, with their names: shards of the
    /// weights in f16, the tokenizer, and last the manifest, without which a folder is incomplete.
    /// `name` is the name of the encoder's space, and `license` that of its weights.
    ///
    /// # Errors
    /// If the configuration is of no encoder that can be used, the weights are not a safetensors
    /// file, or a weight is not finite in f16.
    pub fn files(
        name: &str,
        license: &str,
        published: PublishedEncoder,
    ) -> Result<Vec<(String, Vec<u8>)>, LoadTextError> {
        let architecture = Architecture::of_config(published.config)?;
        let weights = in_f16(published.weights, &architecture)?;
        let (shards, mut files): (Vec<Shard>, Vec<(String, Vec<u8>)>) =
            shards::split("weights", &weights)
                .into_iter()
                .map(|(shard, piece)| (shard.clone(), (shard.file, piece.to_vec())))
                .unzip();
        let manifest = Self {
            name: name.to_owned(),
            license: license.to_owned(),
            architecture,
            tokenizer: Shard::of("tokenizer.json".into(), &published.tokenizer),
            shards,
            vocabulary: None,
        };
        manifest.space().validate()?;
        files.push(("tokenizer.json".into(), published.tokenizer));
        files.push(("manifest.json".into(), manifest.json()?));
        Ok(files)
    }
}

/// The numbers of a tensor in f32; `None` if they are of another type.
pub(super) fn numbers(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    let pairs = || data.as_chunks::<2>().0.iter();
    Some(match dtype {
        Dtype::F32 => {
            let all = data.as_chunks::<4>().0.iter();
            all.map(|b| f32::from_le_bytes(*b)).collect()
        }
        Dtype::F16 => pairs().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        _ => return None,
    })
}

/// Serializes the tensors that the encoder uses as f16 safetensors.
fn in_f16(weights: &[u8], architecture: &Architecture) -> Result<Vec<u8>, LoadTextError> {
    let malformed = |e: safetensors::SafeTensorError| LoadTextError::Weights(e.to_string());
    let file = SafeTensors::deserialize(weights).map_err(malformed)?;
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in file.tensors() {
        if !architecture.reads(&name) {
            continue;
        }
        let wrong = |found: String| LoadTextError::Tensor {
            name: name.clone(),
            expected: tensor.shape().to_vec(),
            found,
        };
        let values = numbers(tensor.dtype(), tensor.data())
            .ok_or_else(|| wrong(format!("it is {:?}", tensor.dtype())))?;
        let halves = values.iter().map(|value| f16::from_f32(*value));
        if let Some(at) = halves.clone().position(|half| !half.is_finite()) {
            return Err(wrong(format!(
                "number {at} is {} , which f16 cannot hold",
                values[at]
            )));
        }
        let halves = halves.flat_map(f16::to_le_bytes).collect();
        tensors.push((name.clone(), tensor.shape().to_vec(), halves));
    }
    let views = tensors
        .iter()
        .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), data)?)));
    let views = views.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    safetensors::serialize(views, None).map_err(malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CONFIG: &[u8] = br#"{"model_type": "clip", "projection_dim": 3, "text_config":
        {"vocab_size": 2, "hidden_size": 2, "num_attention_heads": 1}}"#;

    fn file(tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
        let views = tensors.iter().map(|(name, dtype, shape, data)| {
            (*name, TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    fn convert(name: &str, config: &[u8], weights: &[u8]) -> Result<TextManifest, LoadTextError> {
        let published = PublishedEncoder {
            config,
            tokenizer: b"{}".to_vec(),
            weights,
        };
        let files = TextManifest::files(name, "MIT", published)?;
        TextManifest::parse(&files.last().unwrap().1)
    }

    #[test]
    fn only_what_the_encoder_reads_is_kept_whatever_its_type() {
        let ones = |dtype: Dtype| match dtype {
            Dtype::F32 => 1.5_f32.to_le_bytes().repeat(6),
            Dtype::F16 => f16::from_f32(1.5).to_le_bytes().repeat(6),
            _ => bf16::from_f32(1.5).to_le_bytes().repeat(6),
        };
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
            let weights = file(&[
                ("text_projection.weight", dtype, vec![3, 2], ones(dtype)),
                ("visual_projection.weight", dtype, vec![3, 2], ones(dtype)),
                ("logit_scale", dtype, vec![6], ones(dtype)),
                (
                    "text_model.embeddings.position_ids",
                    Dtype::I64,
                    vec![1],
                    vec![0; 8],
                ),
            ]);
            let published = PublishedEncoder {
                config: CONFIG,
                tokenizer: b"{}".to_vec(),
                weights: &weights,
            };
            let files = TextManifest::files("clip-tiny", "MIT", published).unwrap();
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["weights-0.bin", "tokenizer.json", "manifest.json"]);
            let kept = SafeTensors::deserialize(&files[0].1).unwrap();
            assert_eq!(kept.names(), ["text_projection.weight"]);
            let kept = kept.tensor("text_projection.weight").unwrap();
            assert_eq!(numbers(kept.dtype(), kept.data()).unwrap(), [1.5; 6]);
            let manifest = TextManifest::parse(&files[2].1).unwrap();
            assert_eq!(manifest.space().to_string(), "clip-tiny (3 values)");
        }
    }

    #[test]
    fn what_cannot_be_converted_is_refused_by_name() {
        let infinite = file(&[(
            "text_projection.weight",
            Dtype::F32,
            vec![2],
            [1.0_f32, 1e6].map(f32::to_le_bytes).concat(),
        )]);
        let integers = file(&[("text_model.x", Dtype::I64, vec![1], vec![0; 8])]);
        for (name, config, weights, word) in [
            ("clip", CONFIG, &infinite[..], "text_projection.weight"),
            ("clip", CONFIG, &integers[..], "I64"),
            ("clip", CONFIG, b"no", "weights"),
            ("../clip", CONFIG, &file(&[]), "../clip"),
            ("clip", b"{}", &file(&[]), "model_type"),
        ] {
            let message = convert(name, config, weights).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn a_table_of_nouns_belongs_to_its_manifest() {
        let weights = file(&[]);
        let mut manifest = convert("clip-tiny", CONFIG, &weights).unwrap();
        let error = manifest.load_vocabulary(&[]).unwrap_err().to_string();
        assert!(
            error.contains("clip-tiny (3 values)") && error.contains("trainer vocabulary"),
            "{error}"
        );
        let nouns = Vocabulary::shipped().names().len();
        assert!(manifest.set_vocabulary(&vec![1; 2 * nouns]).is_err());
        let table = vec![1; 3 * nouns];
        assert_eq!(manifest.set_vocabulary(&table).unwrap(), "vocabulary.i8");
        let manifest = TextManifest::parse(&manifest.json().unwrap()).unwrap();
        let vocabulary = manifest.load_vocabulary(&table).unwrap();
        assert_eq!(*vocabulary.space(), manifest.space());
        let error = manifest.load_vocabulary(&vec![2; 3 * nouns]).unwrap_err();
        assert!(matches!(error, LoadTextError::Shards(_)), "{error}");
    }

    #[test]
    fn a_manifest_without_an_architecture_is_of_minilm() {
        let manifest = r#"{"name": "all-MiniLM-L6-v2", "licence": "Apache-2.0", "tokenizer":
            {"file": "tokenizer.json", "bytes": 1, "sha256": "SUM"}, "shards":
            [{"file": "weights-0.bin", "bytes": 1, "sha256": "SUM"}]}"#;
        let manifest = manifest.replace("SUM", &"0".repeat(64));
        let manifest = TextManifest::parse(manifest.as_bytes()).unwrap();
        assert_eq!(manifest.space(), TextSpace::default());
    }
}
