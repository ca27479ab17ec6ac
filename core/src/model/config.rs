//! The sizes of a network: everything its weights' shapes follow from.

use serde::{Deserialize, Serialize};

/// The architecture of one SegDINO3D-VL network; stored beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Edge of a voxel in metres.
    pub voxel_size: f32,
    /// Channels of the sparse U-Net at each level, finest first; each level doubles the voxel's edge.
    pub planes: Vec<usize>,
    /// Width of queries and keys; even, at least 6, a multiple of `heads`.
    pub d_model: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden width of the feed-forward step.
    pub ffn: usize,
    /// Decoder layers.
    pub layers: usize,
    /// The most superpoints that become queries at inference.
    pub max_queries: usize,
}

/// A configuration that no network can be built from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network's configuration is invalid: {0}")]
pub struct InvalidConfig(String);

impl Config {
    /// The small network that ships: colour and position in, 4 cm voxels, 3.4 M parameters.
    ///
    /// 4 cm is the point spacing of a room scanned with 50 k points; finer voxels would leave most points of such a scan
    /// without neighbours in a 3x3x3 kernel.
    pub fn nano() -> Self {
        Self { voxel_size: 0.04, planes: vec![16, 32, 48, 64, 80], d_model: 96, heads: 4, ffn: 256, layers: 3, max_queries: 1000 }
    }

    /// Checks what the layers rely on; a configuration that comes from a file must pass before a network is built.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the field, its value and the limit.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let reject = |message: String| Err(InvalidConfig(message));
        if !(0.001..=1.0).contains(&self.voxel_size) {
            return reject(format!("voxel_size is {} m, it must lie in 0.001..=1", self.voxel_size));
        }
        if !(1..=8).contains(&self.planes.len()) || self.planes.iter().any(|p| !(1..=1024).contains(p)) {
            return reject(format!("planes is {:?}, it must have 1 to 8 levels of 1 to 1024 channels", self.planes));
        }
        if !(6..=1024).contains(&self.d_model) || !self.d_model.is_multiple_of(2) {
            return reject(format!("d_model is {}, it must be even and lie in 6..=1024", self.d_model));
        }
        if self.heads == 0 || !self.d_model.is_multiple_of(self.heads) {
            return reject(format!("heads is {}, it must divide d_model = {}", self.heads, self.d_model));
        }
        for (name, value, limit) in [("ffn", self.ffn, 8192), ("layers", self.layers, 24), ("max_queries", self.max_queries, 16_384)] {
            if !(1..=limit).contains(&value) {
                return reject(format!("{name} is {value}, it must lie in 1..={limit}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nano_is_valid_and_survives_json() {
        let nano = Config::nano();
        nano.validate().unwrap();
        let json = serde_json::to_string(&nano).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), nano);
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
        reject(|c| c.planes.clear(), "planes");
        reject(|c| c.planes[2] = 1 << 30, "planes");
        reject(|c| c.d_model = 97, "d_model");
        reject(|c| c.heads = 5, "heads");
        reject(|c| c.layers = 0, "layers");
    }
}
