//! The sizes of a network: everything its weights' shapes follow from.

use serde::{Deserialize, Serialize};

use crate::views::Choice;

/// The architecture of one SegDINO3D-VL network; stored beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Edge of a voxel in metres.
    pub voxel_size: f32,
    /// What is known of a point beside its colour.
    #[serde(default)]
    pub inputs: Inputs,
    /// Voxel features to voxel features.
    pub backbone: Backbone,
    /// Width of queries and keys; even, at least 6, a multiple of `heads`.
    pub d_model: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden width of the feed-forward step.
    pub ffn: usize,
    /// Decoder layers.
    pub layers: usize,
    /// How queries' boxes say how large they are.
    #[serde(default)]
    pub sizes: Sizes,
    /// Whether boxes scale the encodings of places along each axis (SegDINO3D's box-modulated
    /// cross-attention); to measure what that is worth.
    #[serde(default = "modulated", skip_serializing_if = "is_true")]
    pub modulation: bool,
    /// Attention to objects seen in images; absent where there never are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Objects>,
    /// What a query's class is measured by.
    #[serde(default)]
    pub classes: Classes,
    /// The most superpoints that become queries at inference.
    pub max_queries: usize,
}

/// Features of a point after its colour (red, green, blue), in this order (docs/spec/model.md
/// section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// x, y, z minus the scan's mean, metres.
    pub position: bool,
    /// Height above the floor, metres.
    pub height: bool,
    /// Channels of image features carried over to the points, 0 for none.
    pub image: usize,
    /// Which images they come from.
    #[serde(default)]
    pub views: Choice,
}

impl Inputs {
    /// Channels of a voxel.
    pub fn channels(&self) -> usize {
        3 + 3 * usize::from(self.position) + usize::from(self.height) + self.image
    }
}

impl Default for Inputs {
    /// Those of a network for points alone.
    fn default() -> Self {
        Self {
            position: true,
            height: true,
            image: 0,
            views: Choice::Own,
        }
    }
}

/// The sparse convolutional U-Net.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Backbone {
    /// Pre-activation blocks, two a level each way (docs/spec/model.md section 5).
    SparseUnet {
        /// Channels of the levels, finest first; each level doubles the voxel's edge.
        planes: Vec<usize>,
        /// The grid of the published weights: it begins at the scan's lowest corner, spans at least
        /// this many voxels along each axis, and a voxel at its far border that shares no whole
        /// cell of the next level is lost there. Absent: no border, a corner at the world's origin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grid: Option<u32>,
    },
    /// Post-activation blocks behind a wider first kernel (docs/spec/model.md section 4).
    ResUnet {
        /// Edge of the first kernel in voxels, 3 or 5.
        first_kernel: usize,
        /// Channels of the first convolution.
        stem: usize,
        /// Channels of the stages: down from the finest level, then up to it again, as many each
        /// way.
        planes: Vec<usize>,
        /// Residual blocks of each stage.
        blocks: Vec<usize>,
    },
}

impl Backbone {
    /// Channels of a voxel behind it.
    pub fn output(&self) -> usize {
        match self {
            Self::SparseUnet { planes, .. } => planes[0],
            Self::ResUnet { planes, .. } => planes[planes.len() - 1],
        }
    }

    /// The widest tensor of each level, finest first: where a skip joins what comes up.
    pub(super) fn widths(&self) -> Vec<usize> {
        match self {
            Self::SparseUnet { planes, .. } => planes.iter().map(|p| 2 * p).collect(),
            Self::ResUnet { stem, planes, .. } => {
                let depth = planes.len() / 2;
                let skips = std::iter::once(stem).chain(&planes[..depth]);
                let joined = skips
                    .zip(planes[depth..].iter().rev())
                    .map(|(skip, up)| skip + up);
                joined.chain([planes[depth - 1]]).collect()
            }
        }
    }

    /// Edge of the very first kernel in voxels.
    pub(super) fn first_kernel(&self) -> usize {
        match self {
            Self::SparseUnet { .. } => 3,
            Self::ResUnet { first_kernel, .. } => *first_kernel,
        }
    }

    /// See [`Self::SparseUnet::grid`].
    pub(super) fn grid(&self) -> Option<u32> {
        match self {
            Self::SparseUnet { grid, .. } => *grid,
            Self::ResUnet { .. } => None,
        }
    }

    fn complaint(&self) -> Option<String> {
        const LEVELS: std::ops::RangeInclusive<usize> = 1..=8;
        let widths = |planes: &[usize]| planes.iter().all(|p| (1..=1024).contains(p));
        match self {
            Self::SparseUnet { planes, .. } => (!LEVELS.contains(&planes.len()) || !widths(planes))
                .then(|| {
                    format!(
                        "planes is {planes:?}, it must have 1 to 8 levels of 1 to 1024 channels"
                    )
                }),
            Self::ResUnet {
                first_kernel,
                stem,
                planes,
                blocks,
            } => {
                if ![3, 5].contains(first_kernel) {
                    return Some(format!("first_kernel is {first_kernel}, it must be 3 or 5"));
                }
                if !LEVELS.contains(&(planes.len() / 2))
                    || !planes.len().is_multiple_of(2)
                    || !widths(planes)
                    || !widths(&[*stem])
                {
                    return Some(format!(
                        "stem is {stem} and planes is {planes:?}, they must be 1 to 8 levels down and as many up of 1 to 1024 channels"
                    ));
                }
                (blocks.len() != planes.len() || blocks.iter().any(|b| !(1..=16).contains(b)))
                    .then(|| format!("blocks is {blocks:?}, it must have 1 to 16 blocks for each of the {} planes", planes.len()))
            }
        }
    }
}

/// How queries' boxes say how large they are (docs/spec/model.md section 8, step 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizes {
    /// Metres; layers add to them.
    #[default]
    Metric,
    /// Shares of the scene's extent; layers add to their logits.
    Normalized,
}

/// Attention to objects seen in images (docs/spec/model.md section 8, step 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// Channels of an object's features.
    pub channels: usize,
    /// A query sees an object that lies within this L1 distance of a superpoint its mask covers,
    /// metres.
    pub reach: f32,
    /// When a layer looks at them.
    #[serde(default)]
    pub turn: Turn,
}

/// Whether objects seen in images come after or before the other queries (docs/spec/model.md
/// section 12, item 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// As the published code does.
    #[default]
    AfterSelfAttention,
    /// As the papers say.
    BeforeSelfAttention,
}

/// What a query's class is measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Classes {
    /// Similarity to the embeddings of names (docs/spec/model.md section 15).
    #[default]
    Text,
    /// One logit a class.
    Fixed {
        /// Classes of objects.
        instances: usize,
        /// Classes of superpoints, walls and floors included.
        semantics: usize,
    },
}

fn modulated() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_true(value: &bool) -> bool {
    *value
}

/// A configuration that no network can be built from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network's configuration is invalid: {0}")]
pub struct InvalidConfig(String);

impl Config {
    /// The small network that ships: colour and position in, 4 cm voxels, 3.4 M parameters.
    ///
    /// 4 cm is the point spacing of a room scanned with 50 k points; finer voxels would leave most
    /// points of such a scan without neighbours in a 3x3x3 kernel.
    pub fn nano() -> Self {
        Self {
            voxel_size: 0.04,
            inputs: Inputs::default(),
            backbone: Backbone::SparseUnet {
                planes: vec![16, 32, 48, 64, 80],
                grid: None,
            },
            d_model: 96,
            heads: 4,
            ffn: 256,
            layers: 3,
            sizes: Sizes::Metric,
            modulation: true,
            objects: None,
            classes: Classes::Text,
            max_queries: 1000,
        }
    }

    /// The published network for ScanNet200 (docs/spec/model.md section 1): image features in, 2 cm
    /// voxels.
    pub fn scannet200() -> Self {
        Self {
            voxel_size: 0.02,
            inputs: Inputs {
                position: false,
                height: false,
                image: 256,
                views: Choice::Nearest,
            },
            backbone: Backbone::ResUnet {
                first_kernel: 5,
                stem: 32,
                planes: vec![32, 64, 128, 256, 256, 128, 96, 96],
                blocks: vec![2, 3, 4, 6, 2, 2, 2, 2],
            },
            d_model: 256,
            heads: 8,
            ffn: 1024,
            layers: 6,
            sizes: Sizes::Normalized,
            modulation: true,
            objects: Some(Objects {
                channels: 256,
                reach: 0.2,
                turn: Turn::AfterSelfAttention,
            }),
            classes: Classes::Fixed {
                instances: 198,
                semantics: 200,
            },
            max_queries: 16_384,
        }
    }

    /// The published network for ScanNet's twenty classes.
    pub fn scannet20() -> Self {
        Self {
            inputs: Inputs {
                position: true,
                height: false,
                image: 256,
                views: Choice::Nearest,
            },
            backbone: Backbone::SparseUnet {
                planes: vec![32, 64, 96, 128, 160],
                grid: Some(128),
            },
            sizes: Sizes::Metric,
            modulation: true,
            classes: Classes::Fixed {
                instances: 18,
                semantics: 20,
            },
            ..Self::scannet200()
        }
    }

    /// The published widths with classes by text and points alone: what a larger network of our own
    /// is trained from.
    pub fn base() -> Self {
        Self {
            inputs: Inputs::default(),
            objects: None,
            classes: Classes::Text,
            ..Self::scannet20()
        }
    }

    /// Checks what the layers rely on; a configuration that comes from a file must pass before a
    /// network is built.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the field, its value and the limit.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let reject = |message: String| Err(InvalidConfig(message));
        if !(0.001..=1.0).contains(&self.voxel_size) {
            return reject(format!(
                "voxel_size is {} m, it must lie in 0.001..=1",
                self.voxel_size
            ));
        }
        if let Some(complaint) = self.backbone.complaint() {
            return reject(complaint);
        }
        if !(6..=1024).contains(&self.d_model) || !self.d_model.is_multiple_of(2) {
            return reject(format!(
                "d_model is {}, it must be even and lie in 6..=1024",
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
                return reject(format!("{name} is {value}, it must lie in 1..={limit}"));
            }
        }
        if self.inputs.image > 2048 {
            return reject(format!(
                "inputs.image is {}, it may be at most 2048 channels",
                self.inputs.image
            ));
        }
        if let Some(Objects {
            channels, reach, ..
        }) = self.objects
            && (!(1..=2048).contains(&channels) || !(0.0..=100.0).contains(&reach))
        {
            return reject(format!(
                "objects has {channels} channels and a reach of {reach} m, they must lie in 1..=2048 and 0..=100"
            ));
        }
        if let Classes::Fixed {
            instances,
            semantics,
        } = self.classes
            && (!(1..=10_000).contains(&instances) || !(1..=10_000).contains(&semantics))
        {
            return reject(format!(
                "classes are {instances} of objects and {semantics} of superpoints, each must lie in 1..=10000"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ours_are_valid_and_survive_json() {
        for config in [
            Config::nano(),
            Config::base(),
            Config::scannet200(),
            Config::scannet20(),
        ] {
            config.validate().unwrap();
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        }
    }

    #[test]
    fn the_widest_tensors_are_where_skips_join() {
        assert_eq!(
            Config::scannet200().backbone.widths(),
            [32 + 96, 32 + 96, 64 + 128, 128 + 256, 256]
        );
        assert_eq!(
            Config::scannet20().backbone.widths(),
            [64, 128, 192, 256, 320]
        );
        assert_eq!(
            (
                Config::scannet200().inputs.channels(),
                Config::scannet20().inputs.channels()
            ),
            (259, 262)
        );
    }

    #[test]
    fn impossible_sizes_are_named() {
        let reject = |change: fn(&mut Config), word: &str| {
            let mut config = Config::nano();
            change(&mut config);
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        };
        let sparse = |planes: &[usize]| Backbone::SparseUnet {
            planes: planes.to_vec(),
            grid: None,
        };
        let residual = |first_kernel, planes: &[usize], blocks: &[usize]| Backbone::ResUnet {
            first_kernel,
            stem: 8,
            planes: planes.to_vec(),
            blocks: blocks.to_vec(),
        };
        let reject_backbone = |backbone: Backbone, word: &str| {
            let message = Config {
                backbone,
                ..Config::nano()
            }
            .validate()
            .unwrap_err()
            .to_string();
            assert!(message.contains(word), "{message}");
        };
        reject_backbone(sparse(&[]), "planes");
        reject_backbone(sparse(&[8, 1 << 30]), "planes");
        reject_backbone(residual(4, &[8, 8], &[1, 1]), "first_kernel");
        reject_backbone(residual(5, &[8, 8, 8], &[1, 1, 1]), "planes");
        reject_backbone(residual(5, &[8, 8], &[1]), "blocks");
        reject(|c| c.voxel_size = f32::NAN, "voxel_size");
        reject(|c| c.d_model = 97, "d_model");
        reject(|c| c.heads = 5, "heads");
        reject(|c| c.layers = 0, "layers");
        reject(|c| c.inputs.image = 1 << 20, "inputs.image");
        reject(
            |c| {
                c.objects = Some(Objects {
                    channels: 8,
                    reach: f32::NAN,
                    turn: Turn::default(),
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
