//! The architecture of a network's backbone, the sparse convolutional U-Net.

use serde::{Deserialize, Serialize};

/// Architecture of the sparse convolutional U-Net.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BackboneConfig {
    /// Pre-activation residual blocks, two per level each way (docs/spec/model.md section 5).
    SparseUnet {
        /// Channels of the levels, finest first; each level doubles the voxel's edge.
        planes: Vec<usize>,
        /// Minimum extent of the grid in voxels along each axis, for the published weights. Their
        /// grid starts at the scan's lowest corner, and a voxel at its far border that does not lie
        /// in a whole cell of the next level is dropped there. `None`: no border, and the grid has
        /// a corner at the world's origin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grid: Option<u32>,
    },
    /// Post-activation residual blocks after a wider first kernel (docs/spec/model.md section 4).
    ResUnet {
        /// Edge of the first kernel in voxels: 3 or 5.
        first_kernel: usize,
        /// Output channels of the first convolution.
        stem: usize,
        /// Channels of the stages: down from the finest level, then up to it again, equally many
        /// each way.
        planes: Vec<usize>,
        /// Number of residual blocks of each stage.
        blocks: Vec<usize>,
    },
}

impl BackboneConfig {
    /// Number of output channels of a voxel.
    pub fn output(&self) -> usize {
        match self {
            Self::SparseUnet { planes, .. } => planes[0],
            Self::ResUnet { planes, .. } => planes[planes.len() - 1],
        }
    }

    /// Width of the widest tensor of each level, finest first: the concatenation of the skip
    /// connection and the features from the coarser level. The coarsest level has no skip
    /// connection; `SparseUnet` still counts twice its channels there.
    pub(in crate::model) fn widths(&self) -> Vec<usize> {
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

    /// Edge of the first kernel in voxels.
    pub(in crate::model) fn first_kernel(&self) -> usize {
        match self {
            Self::SparseUnet { .. } => 3,
            Self::ResUnet { first_kernel, .. } => *first_kernel,
        }
    }

    /// See [`Self::SparseUnet::grid`].
    pub(in crate::model) fn grid(&self) -> Option<u32> {
        match self {
            Self::SparseUnet { grid, .. } => *grid,
            Self::ResUnet { .. } => None,
        }
    }

    /// What is wrong with the architecture, with the value and the limit.
    pub(super) fn complaint(&self) -> Option<String> {
        const LEVELS: std::ops::RangeInclusive<usize> = 1..=8;
        let widths = |planes: &[usize]| planes.iter().all(|p| (1..=1024).contains(p));
        match self {
            Self::SparseUnet { planes, .. } => (!LEVELS.contains(&planes.len()) || !widths(planes))
                .then(|| {
                    format!(
                        "planes is {planes:?}, it must have 1 to 8 levels, of 1 to 1024 channels each"
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
                        "stem is {stem} and planes is {planes:?}, they must have 1 to 8 levels down and as many up, of 1 to 1024 channels each"
                    ));
                }
                (blocks.len() != planes.len() || blocks.iter().any(|b| !(1..=16).contains(b)))
                    .then(|| format!("blocks is {blocks:?}, it must have 1 to 16 blocks for each of the {} planes", planes.len()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Config;

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
        let sparse = |planes: &[usize]| BackboneConfig::SparseUnet {
            planes: planes.to_vec(),
            grid: None,
        };
        let residual = |first_kernel, planes: &[usize], blocks: &[usize]| BackboneConfig::ResUnet {
            first_kernel,
            stem: 8,
            planes: planes.to_vec(),
            blocks: blocks.to_vec(),
        };
        let reject_backbone = |backbone: BackboneConfig, word: &str| {
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
    }
}
