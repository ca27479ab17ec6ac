//! The configuration of a network, which determines the shapes of all its weights.

mod backbone;

use serde::{Deserialize, Serialize};

use crate::{
    benchmarks,
    superpoint::SuperpointOptions,
    text::{TextSpace, Vocabulary},
    views::Choice,
};

pub use backbone::BackboneConfig;

/// The architecture of one SegDINO3D-VL network, stored next to its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Edge length of a voxel, metres.
    pub voxel_size: f32,
    /// Input features of a point in addition to its color.
    #[serde(default)]
    pub inputs: Inputs,
    /// Architecture of the backbone, from voxel features to voxel features.
    pub backbone: BackboneConfig,
    /// Width of queries and keys; even, at least 6, a multiple of `heads`.
    pub d_model: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Hidden width of the feed-forward network.
    pub ffn: usize,
    /// Number of decoder layers.
    pub layers: usize,
    /// What queries begin with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub queries: QueryStart,
    /// Representation of the sizes of the queries' boxes.
    #[serde(default)]
    pub sizes: Sizes,
    /// If `true`, boxes scale the position encodings along each axis (SegDINO3D's box-modulated
    /// cross-attention); `false` serves to measure its benefit.
    #[serde(default = "modulated", skip_serializing_if = "is_true")]
    pub modulation: bool,
    /// Attention to objects seen in images; `None` if there are never any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Objects>,
    /// Method by which the class of a query is predicted.
    #[serde(default)]
    pub classes: Classes,
    /// Names of the fixed object classes, in the order of their logits; empty if the classes are
    /// words, or unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    /// Space of the text encoder in which the names of classes are compared, whether they are words
    /// or fixed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: TextSpace,
    /// Superpoints of meshes that the network was trained on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mesh_superpoints: MeshSuperpoints,
    /// Maximum number of superpoints that become queries at inference.
    pub max_queries: usize,
    /// Share of a scene's own means and variances in the normalizations of a `SparseUnet` at
    /// inference, 0..=1; the rest are those of all scenes in training, where each scene is
    /// normalized by its own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub own_statistics: f32,
}

/// Features of a point after its color (red, green, blue), in this order (docs/spec/model.md
/// section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// If `true`, x, y, z minus the mean of the scan, metres.
    pub position: bool,
    /// If `true`, height above the floor, metres.
    pub height: bool,
    /// Channels of image features projected onto the points; 0 for none.
    pub image: usize,
    /// The images from which the image features are taken.
    #[serde(default)]
    pub views: Choice,
}

impl Inputs {
    /// Number of input channels of a voxel.
    pub fn channels(&self) -> usize {
        3 + 3 * usize::from(self.position) + usize::from(self.height) + self.image
    }
}

impl Default for Inputs {
    /// The inputs of a network that reads points alone, without images.
    fn default() -> Self {
        Self {
            position: true,
            height: true,
            image: 0,
            views: Choice::Own,
        }
    }
}

/// What the queries of the decoder begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryStart {
    /// The features and the place of a superpoint; each layer moves the box around the place.
    #[default]
    Superpoint,
    /// The place of a superpoint alone, in Fourier features, the same in every layer (Segment3D,
    /// docs/spec/any3dis_segment3d_opentrack3d.md section B1).
    Place,
}

/// Representation of the sizes of the queries' boxes (docs/spec/model.md section 8, step 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizes {
    /// In metres; layers add to them.
    #[default]
    Metric,
    /// As fractions of the scene's extent; layers add to their logits.
    Normalized,
}

/// Attention to objects seen in images (docs/spec/model.md section 8, step 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// Number of channels of an object's features.
    pub channels: usize,
    /// A query attends to an object within this L1 distance, in metres, of a superpoint that its
    /// mask covers.
    pub reach: f32,
    /// Place of this attention in a layer.
    #[serde(default, alias = "turn")]
    pub order: ObjectAttentionOrder,
}

/// Order of the attention to objects seen in images and the self-attention in a layer
/// (docs/spec/model.md section 12, item 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectAttentionOrder {
    /// The order of the published code.
    #[default]
    AfterSelfAttention,
    /// The order of the papers.
    BeforeSelfAttention,
}

/// Method by which the class of a query is predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Classes {
    /// By similarity to the embeddings of names (docs/spec/model.md section 15).
    #[default]
    Text,
    /// With one logit per class.
    Fixed {
        /// Number of object classes.
        instances: usize,
        /// Number of superpoint classes, including walls and floors.
        semantics: usize,
    },
}

impl Classes {
    /// The classes of a network that tells objects from nothing and has no names for them.
    pub const OBJECT_OR_NOT: Self = Self::Fixed {
        instances: 1,
        semantics: 1,
    };
}

/// Superpoints of scans that are meshes. Scans without triangles have one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeshSuperpoints {
    /// Those of their points, as for scans without triangles.
    #[default]
    Points,
    /// Those of ScanNet's Segmentator, which the published networks were trained on
    /// (docs/spec/superpoint.md).
    Segmentator,
}

impl MeshSuperpoints {
    /// The options for a scan with this number of triangles.
    pub fn options(self, triangles: usize) -> SuperpointOptions {
        match self {
            Self::Segmentator if triangles > 0 => SuperpointOptions::segmentator(),
            _ => SuperpointOptions::default(),
        }
    }
}

fn modulated() -> bool {
    true
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_true(value: &bool) -> bool {
    *value
}

/// The configuration does not describe a valid network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network's configuration is invalid: {0}")]
pub struct InvalidConfig(String);

impl Config {
    /// The small network that ships: inputs are color and position, voxels are 4 cm, 3.4 M
    /// parameters.
    ///
    /// 4 cm is the point spacing of a room scanned with 50 k points; smaller voxels would leave
    /// most points of such a scan without neighbors in a 3x3x3 kernel.
    pub fn nano() -> Self {
        Self {
            voxel_size: 0.04,
            inputs: Inputs::default(),
            backbone: BackboneConfig::SparseUnet {
                planes: vec![16, 32, 48, 64, 80],
                grid: None,
            },
            d_model: 96,
            heads: 4,
            ffn: 256,
            layers: 3,
            queries: QueryStart::Superpoint,
            sizes: Sizes::Metric,
            modulation: true,
            objects: None,
            classes: Classes::Text,
            class_names: Vec::new(),
            text: TextSpace::default(),
            mesh_superpoints: MeshSuperpoints::Points,
            max_queries: 1000,
            own_statistics: 0.0,
        }
    }

    /// The published network for ScanNet200 (docs/spec/model.md section 1): reads image features,
    /// 2 cm voxels.
    pub fn scannet200() -> Self {
        Self {
            voxel_size: 0.02,
            inputs: Inputs {
                position: false,
                height: false,
                image: 256,
                views: Choice::Nearest,
            },
            backbone: BackboneConfig::ResUnet {
                first_kernel: 5,
                stem: 32,
                planes: vec![32, 64, 128, 256, 256, 128, 96, 96],
                blocks: vec![2, 3, 4, 6, 2, 2, 2, 2],
            },
            d_model: 256,
            heads: 8,
            ffn: 1024,
            layers: 6,
            queries: QueryStart::Superpoint,
            sizes: Sizes::Normalized,
            modulation: true,
            objects: Some(Objects {
                channels: 256,
                reach: 0.2,
                order: ObjectAttentionOrder::AfterSelfAttention,
            }),
            classes: Classes::Fixed {
                instances: 198,
                semantics: 200,
            },
            class_names: benchmarks::objects(benchmarks::scannet200()),
            text: TextSpace::default(),
            mesh_superpoints: MeshSuperpoints::Segmentator,
            max_queries: 16_384,
            own_statistics: 0.0,
        }
    }

    /// The published network for the twenty classes of ScanNet.
    pub fn scannet20() -> Self {
        Self {
            inputs: Inputs {
                position: true,
                height: false,
                image: 256,
                views: Choice::Nearest,
            },
            backbone: BackboneConfig::SparseUnet {
                planes: vec![32, 64, 96, 128, 160],
                grid: Some(128),
            },
            sizes: Sizes::Metric,
            modulation: true,
            classes: Classes::Fixed {
                instances: 18,
                semantics: 20,
            },
            class_names: benchmarks::objects(benchmarks::scannet20()),
            ..Self::scannet200()
        }
    }

    /// Checks the assumptions of the layers. A configuration from a file must pass before a network
    /// is built from it.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the field, its value and the limit.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let reject = |message: String| Err(InvalidConfig(message));
        if !(0.001..=1.0).contains(&self.voxel_size) {
            return reject(format!(
                "voxel_size is {} m, it must be from 0.001 m to 1 m",
                self.voxel_size
            ));
        }
        let complaint = self.backbone.complaint();
        if let Some(complaint) = complaint.or_else(|| self.statistics_complaint()) {
            return reject(complaint);
        }
        if !(6..=1024).contains(&self.d_model) || !self.d_model.is_multiple_of(2) {
            return reject(format!(
                "d_model is {}, it must be even and from 6 to 1024",
                self.d_model
            ));
        }
        if self.heads == 0 || !self.d_model.is_multiple_of(self.heads) {
            return reject(format!(
                "heads is {}, it must divide d_model = {}",
                self.heads, self.d_model
            ));
        }
        for (name, value, limit) in [
            ("ffn", self.ffn, 8192),
            ("layers", self.layers, 24),
            ("max_queries", self.max_queries, 16_384),
        ] {
            if !(1..=limit).contains(&value) {
                return reject(format!("{name} is {value}, it must be from 1 to {limit}"));
            }
        }
        if self.inputs.image > 2048 {
            return reject(format!(
                "inputs.image is {} channels, it must be at most 2048",
                self.inputs.image
            ));
        }
        if let Some(Objects {
            channels, reach, ..
        }) = self.objects
            && (!(1..=2048).contains(&channels) || !(0.0..=100.0).contains(&reach))
        {
            return reject(format!(
                "objects has {channels} channels and a reach of {reach} m, it must have 1 to 2048 channels and a reach from 0 m to 100 m"
            ));
        }
        if let Classes::Fixed {
            instances,
            semantics,
        } = self.classes
            && (!(1..=10_000).contains(&instances) || !(1..=10_000).contains(&semantics))
        {
            return reject(format!(
                "classes are {instances} of instances and {semantics} of superpoints, each number must be from 1 to 10000"
            ));
        }
        let expected = match self.classes {
            Classes::Text => 0,
            Classes::Fixed { instances, .. } => instances,
        };
        if let Err(invalid) = self.text.validate() {
            return reject(invalid.to_string());
        }
        let unknown = |name: &&String| Vocabulary::shipped().find(name).is_none();
        if let Some(name) = self.class_names.iter().find(unknown) {
            return reject(format!(
                "class_names has \"{name}\", which is not in the built-in vocabulary; use a word with the same meaning"
            ));
        }
        if !self.class_names.is_empty() && self.class_names.len() != expected {
            return reject(format!(
                "class_names has {} names, the network has {expected} fixed classes",
                self.class_names.len()
            ));
        }
        Ok(())
    }

    /// What is wrong with [`Self::own_statistics`].
    fn statistics_complaint(&self) -> Option<String> {
        let most = match self.backbone {
            BackboneConfig::SparseUnet { .. } => 1.0,
            BackboneConfig::ResUnet { .. } => 0.0,
        };
        let own = self.own_statistics;
        (!(0.0..=most).contains(&own)).then(|| {
            format!("own_statistics is {own}, with this backbone it must be from 0 to {most}")
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ours_are_valid_and_survive_json() {
        for config in [Config::nano(), Config::scannet200(), Config::scannet20()] {
            config.validate().unwrap();
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        }
    }

    #[test]
    fn impossible_sizes_are_named() {
        let reject = |change: fn(&mut Config), word: &str| {
            let mut config = Config::nano();
            change(&mut config);
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        };
        reject(|c| c.voxel_size = f32::NAN, "voxel_size");
        reject(|c| c.d_model = 97, "d_model");
        reject(|c| c.heads = 5, "heads");
        reject(|c| c.own_statistics = 1.5, "own_statistics is 1.5");
        reject(|c| c.own_statistics = f32::NAN, "own_statistics");
        reject(|c| c.layers = 0, "layers");
        reject(|c| c.text.width = 1 << 30, "1073741824");
        reject(|c| c.text.encoder = "../x".into(), "../x");
        reject(|c| c.inputs.image = 1 << 20, "inputs.image");
        reject(
            |c| {
                c.objects = Some(Objects {
                    channels: 8,
                    reach: f32::NAN,
                    order: ObjectAttentionOrder::default(),
                })
            },
            "reach",
        );
        reject(
            |c| {
                c.classes = Classes::Fixed {
                    instances: 0,
                    semantics: 20,
                }
            },
            "classes",
        );
    }
}
