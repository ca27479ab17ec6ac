//! The sizes of a text encoder, as the `config.json` beside its published weights states them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::LoadTextError;

/// The architecture of a text encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model_type")]
pub enum Architecture {
    /// A BERT whose embedding of a phrase is the mean of its final token states.
    #[serde(rename = "bert")]
    MiniLm(MiniLmConfig),
    /// The text tower of a CLIP.
    #[serde(rename = "clip_text_model")]
    ClipText(ClipTextConfig),
}

impl Default for Architecture {
    fn default() -> Self {
        Self::MiniLm(MiniLmConfig::default())
    }
}

/// Sizes of a BERT; the default is all-MiniLM-L6-v2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MiniLmConfig {
    /// Width of a token's state, and of an embedding.
    #[serde(rename = "hidden_size")]
    pub width: usize,
    /// Hidden width of the feed-forward network.
    #[serde(rename = "intermediate_size")]
    pub ffn: usize,
    /// Number of layers.
    #[serde(rename = "num_hidden_layers")]
    pub layers: usize,
    /// Number of attention heads.
    #[serde(rename = "num_attention_heads")]
    pub heads: usize,
    /// Number of tokens that have a position.
    #[serde(rename = "max_position_embeddings")]
    pub positions: usize,
    /// Added to the variance in layer normalization.
    #[serde(rename = "layer_norm_eps")]
    pub epsilon: f64,
}

impl Default for MiniLmConfig {
    fn default() -> Self {
        Self {
            width: 384,
            ffn: 1536,
            layers: 6,
            heads: 12,
            positions: 512,
            epsilon: 1e-12,
        }
    }
}

/// The function between the two layers of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// The exact GELU.
    Gelu,
}

/// Sizes of a CLIP's text tower. What a `config.json` leaves out are those of CLIP ViT-B/32, as for
/// the program that wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClipTextConfig {
    /// Number of tokens in the table of embeddings.
    #[serde(rename = "vocab_size")]
    pub vocabulary: usize,
    /// Width of a token's state.
    #[serde(rename = "hidden_size")]
    pub width: usize,
    /// Hidden width of the feed-forward network.
    #[serde(rename = "intermediate_size")]
    pub ffn: usize,
    /// Width of an embedding.
    #[serde(rename = "projection_dim")]
    pub embedding: usize,
    /// Number of layers.
    #[serde(rename = "num_hidden_layers")]
    pub layers: usize,
    /// Number of attention heads.
    #[serde(rename = "num_attention_heads")]
    pub heads: usize,
    /// Number of tokens that have a position; longer phrases are cut.
    #[serde(rename = "max_position_embeddings")]
    pub positions: usize,
    /// The function in the feed-forward network.
    #[serde(rename = "hidden_act")]
    pub activation: Activation,
    /// Added to the variance in layer normalization.
    #[serde(rename = "layer_norm_eps")]
    pub epsilon: f64,
    /// The token whose final state is the phrase's, at its first place. 2 stands for the token with
    /// the highest id: configurations of before the id was written down correctly say 2.
    #[serde(rename = "eos_token_id")]
    pub end: u32,
}

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            vocabulary: 49_408,
            width: 512,
            ffn: 2048,
            embedding: 512,
            layers: 12,
            heads: 8,
            positions: 77,
            activation: Activation::QuickGelu,
            epsilon: 1e-5,
            end: 49_407,
        }
    }
}

impl Architecture {
    /// Reads a published `config.json`: of a BERT, of a CLIP, or of a CLIP's text tower alone.
    ///
    /// # Errors
    /// If it is of another kind of model, or states impossible sizes.
    pub fn of_config(json: &[u8]) -> Result<Self, LoadTextError> {
        let malformed = |error: serde_json::Error| LoadTextError::Config(error.to_string());
        let config: Value = serde_json::from_slice(json).map_err(malformed)?;
        let architecture = match config["model_type"].as_str() {
            Some("bert") => Self::MiniLm(serde_json::from_value(config).map_err(malformed)?),
            Some("clip") => Self::ClipText(tower(&config, "text_config")?),
            Some("clip_text_model") => {
                Self::ClipText(serde_json::from_value(config).map_err(malformed)?)
            }
            Some(other) => {
                return Err(LoadTextError::Config(format!(
                    "its model_type is \"{}\", only bert, clip and clip_text_model are read",
                    other.chars().take(100).collect::<String>()
                )));
            }
            None => return Err(LoadTextError::Config("it has no model_type".to_owned())),
        };
        architecture.validate()?;
        Ok(architecture)
    }

    /// Number of values of an embedding.
    pub fn width(&self) -> usize {
        match self {
            Self::MiniLm(config) => config.width,
            Self::ClipText(config) => config.embedding,
        }
    }

    /// `true` if the encoder reads the tensor of this name in a published file. A CLIP's file has
    /// its image tower too, and files of older programs number the positions.
    pub fn reads(&self, tensor: &str) -> bool {
        let read = match self {
            Self::MiniLm(_) => !tensor.starts_with("pooler."),
            Self::ClipText(_) => {
                tensor.starts_with("text_model.") || tensor == "text_projection.weight"
            }
        };
        read && !tensor.ends_with(".position_ids")
    }

    /// Checks sizes that come from a file.
    ///
    /// # Errors
    /// [`LoadTextError::Config`] names the size and the limit.
    pub fn validate(&self) -> Result<(), LoadTextError> {
        let sizes = match self {
            Self::MiniLm(c) => [
                ("hidden_size", c.width, MAX_WIDTH),
                ("intermediate_size", c.ffn, 4 * MAX_WIDTH),
                ("num_hidden_layers", c.layers, MAX_LAYERS),
                ("num_attention_heads", c.heads, c.width),
                ("max_position_embeddings", c.positions, MAX_POSITIONS),
            ]
            .to_vec(),
            Self::ClipText(c) => [
                ("hidden_size", c.width, MAX_WIDTH),
                ("intermediate_size", c.ffn, 4 * MAX_WIDTH),
                ("num_hidden_layers", c.layers, MAX_LAYERS),
                ("num_attention_heads", c.heads, c.width),
                ("max_position_embeddings", c.positions, MAX_POSITIONS),
                ("projection_dim", c.embedding, MAX_WIDTH),
                ("vocab_size", c.vocabulary, MAX_TOKENS),
            ]
            .to_vec(),
        };
        let (width, heads, positions, epsilon) = match self {
            Self::MiniLm(c) => (c.width, c.heads, c.positions, c.epsilon),
            Self::ClipText(c) => (c.width, c.heads, c.positions, c.epsilon),
        };
        check_sizes(&sizes, width, heads, epsilon)?;
        // a phrase has a token that begins it and one that ends it
        if positions < 2 {
            return Err(LoadTextError::Config(format!(
                "its max_position_embeddings is {positions}, it must be at least 2"
            )));
        }
        Ok(())
    }
}

/// The largest accepted width of a state or an embedding.
const MAX_WIDTH: usize = 4096;
/// The largest accepted number of layers.
const MAX_LAYERS: usize = 64;
/// The largest accepted number of positions.
const MAX_POSITIONS: usize = 4096;
/// The largest accepted number of tokens.
const MAX_TOKENS: usize = 1 << 20;

/// Checks that each size is from 1 to its limit, and that the layers can be built.
pub(super) fn check_sizes(
    sizes: &[(&'static str, usize, usize)],
    width: usize,
    heads: usize,
    epsilon: f64,
) -> Result<(), LoadTextError> {
    let refuse = |problem: String| Err(LoadTextError::Config(problem));
    for &(name, value, limit) in sizes {
        if !(1..=limit).contains(&value) {
            return refuse(format!(
                "its {name} is {value}, it must be from 1 to {limit}"
            ));
        }
    }
    if !width.is_multiple_of(heads) {
        return refuse(format!(
            "its num_attention_heads is {heads}, it must divide hidden_size = {width}"
        ));
    }
    if !(0.0..=0.1).contains(&epsilon) {
        return refuse(format!(
            "its layer_norm_eps is {epsilon}, it must be from 0 to 0.1"
        ));
    }
    Ok(())
}

/// The configuration of one tower in that of a whole CLIP, whose width of embeddings counts. Older
/// files have a second object whose values count more.
pub(super) fn tower<T: DeserializeOwned>(clip: &Value, name: &str) -> Result<T, LoadTextError> {
    let mut merged = serde_json::Map::new();
    for part in [&clip[name], &clip[format!("{name}_dict")]] {
        match part {
            Value::Object(values) => merged.extend(values.clone()),
            Value::Null => {}
            other => {
                return Err(LoadTextError::Config(format!(
                    "its {name} is not an object: {}",
                    other.to_string().chars().take(40).collect::<String>()
                )));
            }
        }
    }
    if let Some(width) = clip.get("projection_dim") {
        merged.insert("projection_dim".to_owned(), width.clone());
    }
    serde_json::from_value(Value::Object(merged))
        .map_err(|error| LoadTextError::Config(format!("its {name}: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn published_configurations_are_told_apart() {
        let minilm = r#"{"_name_or_path": "x", "architectures": ["BertModel"], "hidden_act": "gelu",
            "hidden_size": 384, "intermediate_size": 1536, "layer_norm_eps": 1e-12,
            "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12,
            "num_hidden_layers": 6, "vocab_size": 30522}"#;
        let minilm = Architecture::of_config(minilm.as_bytes()).unwrap();
        assert_eq!(minilm, Architecture::default());
        assert_eq!(minilm.width(), 384);
        assert!(minilm.reads("embeddings.LayerNorm.weight") && !minilm.reads("pooler.dense.bias"));

        let of = |json: &str| Architecture::of_config(json.as_bytes()).unwrap();
        let base = ClipTextConfig::default();
        let clip = of(r#"{"model_type": "clip", "projection_dim": 768,
            "text_config": {"hidden_size": 768, "num_attention_heads": 4, "eos_token_id": 2},
            "text_config_dict": {"num_attention_heads": 12}, "vision_config": {}}"#);
        let expected = ClipTextConfig {
            width: 768,
            heads: 12,
            embedding: 768,
            end: 2,
            ..base.clone()
        };
        assert_eq!(clip, Architecture::ClipText(expected));
        assert!(clip.reads("text_projection.weight"));
        assert!(!clip.reads("text_model.embeddings.position_ids"));
        assert!(!clip.reads("vision_model.post_layernorm.bias"));
        let alone = of(r#"{"model_type": "clip_text_model", "hidden_act": "gelu"}"#);
        let expected = ClipTextConfig {
            activation: Activation::Gelu,
            ..base
        };
        assert_eq!(alone, Architecture::ClipText(expected));
        // as the manifest keeps them
        for architecture in [clip, alone, minilm] {
            let json = serde_json::to_vec(&architecture).unwrap();
            let read: Architecture = serde_json::from_slice(&json).unwrap();
            assert_eq!(read, architecture);
        }
    }

    #[test]
    fn impossible_configurations_are_refused_by_name() {
        for (json, word) in [
            ("{", "EOF"),
            ("{}", "no model_type"),
            (r#"{"model_type": "siglip"}"#, "siglip"),
            (r#"{"model_type": "bert"}"#, "hidden_size"),
            (r#"{"model_type": "clip", "text_config": 3}"#, "text_config"),
            (
                r#"{"model_type": "clip", "text_config": {"hidden_act": "relu"}}"#,
                "relu",
            ),
            (
                r#"{"model_type": "clip", "text_config": {"hidden_size": 1000000}}"#,
                "hidden_size is 1000000",
            ),
            (
                r#"{"model_type": "clip", "projection_dim": 0}"#,
                "projection_dim is 0",
            ),
            (
                r#"{"model_type": "clip_text_model", "num_attention_heads": 7}"#,
                "must divide",
            ),
            (
                r#"{"model_type": "clip_text_model", "layer_norm_eps": -1}"#,
                "layer_norm_eps",
            ),
            (
                r#"{"model_type": "clip_text_model", "max_position_embeddings": 1}"#,
                "max_position_embeddings is 1",
            ),
        ] {
            let message = Architecture::of_config(json.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(message.contains(word), "{json}: {message}");
        }
    }
}
