//! What lies beside a network's weights: what they are, how to know that they arrived whole, and
//! that this device computes with them as the exporting one did.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{
    Answers, ClassAnswers, Config, InferenceError, InvalidConfig, Observation, SceneError,
    SceneInput, SegDino3dVl, TextAnswers, WeightsError, config::Classes, load_weights,
};
use crate::{
    instances::Ranker,
    progress::Monitor,
    shards::{self, Shard, ShardError},
    superpoint::Superpoints,
};

/// The only layout of manifest and weights this version reads.
pub const FORMAT: u32 = 2;

/// `manifest.json` of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The network's name and the first eight digits of the SHA-256 of its weights; also the
    /// folder's name.
    pub name: String,
    /// What the weights' shapes follow from.
    pub config: Config,
    /// The text encoder whose space the network answers in.
    pub text_encoder: String,
    /// Pieces of one safetensors file, to be joined in this order.
    pub shards: Vec<Shard>,
    /// SPDX expression for the weights.
    pub licence: String,
    /// Where they come from.
    pub training: Training,
    /// What the network says about [`probe`].
    pub golden: Golden,
    /// What scores the candidates, trained on this network's answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranker: Option<Ranker>,
}

/// Where weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The scans learnt from, in words, with their terms.
    pub data: String,
    /// Scenes seen, repetitions included.
    pub scenes: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Wall time in minutes.
    pub minutes: f64,
}

/// Some of the network's answers about [`probe`], one query a superpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// (queries, superpoints): mask logits.
    pub masks: Vec<f32>,
    /// (queries): logits of the IoU.
    pub scores: Vec<f32>,
    /// (queries): logits of "no object".
    pub no_object: Vec<f32>,
    /// (`text::DIM`): the first query's place in the text encoder's space.
    pub text: Vec<f32>,
    /// (queries, 3): box centres, metres.
    pub centers: Vec<f32>,
}

/// Largest difference to a golden value, as a fraction of the largest value of its kind: orders of
/// summation differ between devices, and f16 shaders are not used.
const TOLERANCE: f32 = 0.01;

/// Why a network could not be put together from its files.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// No manifest, or one of another version of it.
    #[error("the model's manifest is malformed: {0}")]
    Malformed(String),
    /// Made by another version.
    #[error("the model's manifest has format {found}, this version reads format {FORMAT}")]
    Format {
        /// In the manifest.
        found: u32,
    },
    /// The sizes make no network.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// The network cannot be asked with words.
    #[error(
        "the network answers in fixed classes; only one that answers in a text encoder's space can ship"
    )]
    FixedClasses,
    /// A piece is not the one that was promised.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The joined pieces are not this network's weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device computes something else than the exporting one.
    #[error(
        "the network's {what} for the test scene differ by {difference} from the expected ones (at most {limit}): this device computes wrongly"
    )]
    Golden {
        /// Which answers.
        what: &'static str,
        /// Largest difference.
        difference: f32,
        /// What would be accepted.
        limit: f32,
    },
    /// The test scene did not fit the network.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The network did not answer.
    #[error(transparent)]
    Inference(#[from] InferenceError),
}

impl Manifest {
    /// Reads `manifest.json` and checks everything that can be checked without the weights.
    ///
    /// # Errors
    /// [`ManifestError::Malformed`], [`ManifestError::Format`] or [`ManifestError::Config`].
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        /// Read first, so that another version is told apart from a damaged file.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let malformed = |error: serde_json::Error| ManifestError::Malformed(error.to_string());
        let Version { format } = serde_json::from_slice(json).map_err(malformed)?;
        if format != FORMAT {
            return Err(ManifestError::Format { found: format });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(malformed)?;
        manifest.config.validate()?;
        if manifest.config.classes != Classes::Text {
            return Err(ManifestError::FixedClasses);
        }
        shards::check_list(&manifest.shards)?;
        Ok(manifest)
    }

    /// Checks the pieces, given in the manifest's order, and joins them.
    ///
    /// # Errors
    /// [`ManifestError::Shards`].
    pub fn join(&self, pieces: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, ManifestError> {
        Ok(shards::join(&self.shards, pieces)?)
    }

    /// The network with the joined `weights`, on `device`.
    ///
    /// # Errors
    /// [`ManifestError::Weights`].
    pub fn network(&self, weights: &[u8], device: &Device) -> Result<SegDino3dVl, ManifestError> {
        Ok(load_weights(
            SegDino3dVl::new(&self.config, device),
            weights,
        )?)
    }

    /// Asks the network about [`probe`] and compares with the golden answers.
    ///
    /// # Errors
    /// [`ManifestError::Golden`] when they differ; the device's own failures.
    pub async fn verify(
        &self,
        network: &SegDino3dVl,
        device: &Device,
        monitor: &Monitor<'_>,
    ) -> Result<(), ManifestError> {
        self.golden
            .compare(&Golden::ask(network, &self.config, device, monitor).await?)
    }
}

impl Golden {
    /// What `network` says about [`probe`].
    ///
    /// # Errors
    /// The device's failures.
    pub async fn ask(
        network: &SegDino3dVl,
        config: &Config,
        device: &Device,
        monitor: &Monitor<'_>,
    ) -> Result<Self, ManifestError> {
        let (positions, colors, superpoints) = probe();
        let observation = Observation {
            positions: &positions,
            colors: Some(&colors),
            ..Observation::default()
        };
        let scene = SceneInput::new(&observation, &superpoints, config)?.to_device(device);
        let queries = (0..superpoints.count() as u32).collect();
        let Answers {
            masks,
            centers,
            class,
            ..
        } = network.infer(scene, queries, monitor).await?;
        let ClassAnswers::Text(TextAnswers {
            mut embeddings,
            no_object,
            scores,
            ..
        }) = class
        else {
            return Err(ManifestError::FixedClasses);
        };
        embeddings.truncate(crate::text::DIM);
        Ok(Self {
            masks,
            scores,
            no_object,
            text: embeddings,
            centers,
        })
    }

    fn compare(&self, found: &Self) -> Result<(), ManifestError> {
        let kinds = [
            ("masks", &self.masks, &found.masks),
            ("scores", &self.scores, &found.scores),
            ("no-object logits", &self.no_object, &found.no_object),
            ("embeddings", &self.text, &found.text),
            ("box centres", &self.centers, &found.centers),
        ];
        for (what, expected, found) in kinds {
            let limit = TOLERANCE * expected.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
            let difference = if expected.len() == found.len() {
                expected
                    .iter()
                    .zip(found)
                    .map(|(e, f)| (e - f).abs())
                    .fold(0.0, |m: f32, d| if d > m || d.is_nan() { d } else { m })
            } else {
                f32::INFINITY
            };
            if difference.is_nan() || difference > limit {
                return Err(ManifestError::Golden {
                    what,
                    difference,
                    limit,
                });
            }
        }
        Ok(())
    }
}

/// A tiny scene, the same bits everywhere: a floor of 1 m x 1 m with a red box and a blue slab on
/// it, 9 superpoints.
pub fn probe() -> (Vec<[f32; 3]>, Vec<[u8; 3]>, Superpoints) {
    /// Between points, metres.
    const STEP: f32 = 0.04;
    let mut positions = Vec::new();
    let mut colors = Vec::new();
    let mut ids = Vec::new();
    // A sheet of n x m points spanned by two axes.
    let mut sheet =
        |origin: [i32; 3], axes: [usize; 2], count: [i32; 2], color: [u8; 3], id: u32| {
            for a in 0..count[0] {
                for b in 0..count[1] {
                    let mut at = origin;
                    at[axes[0]] += a;
                    at[axes[1]] += b;
                    positions.push(at.map(|x| x as f32 * STEP));
                    colors.push(color.map(|c| c.saturating_add((7 * a + 3 * b) as u8 % 16)));
                    ids.push(id);
                }
            }
        };
    for quarter in 0..4 {
        sheet(
            [12 * (quarter % 2), 12 * (quarter / 2), 0],
            [0, 1],
            [12, 12],
            [120, 110, 100],
            quarter as u32,
        );
    }
    sheet([3, 3, 8], [0, 1], [7, 7], [200, 40, 40], 4);
    sheet([3, 3, 1], [0, 2], [7, 7], [190, 40, 40], 5);
    sheet([3, 3, 1], [1, 2], [7, 7], [180, 40, 40], 6);
    sheet([14, 12, 3], [0, 1], [8, 9], [40, 60, 200], 7);
    sheet([14, 12, 1], [0, 2], [8, 2], [40, 60, 190], 8);
    (positions, colors, Superpoints::from_ids(&ids))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::{config::Backbone, save_weights};

    fn exported() -> (Manifest, Vec<u8>) {
        let device = Device::flex();
        device.seed(5);
        let config = Config {
            backbone: Backbone::SparseUnet {
                planes: vec![8, 8],
                grid: None,
            },
            d_model: 12,
            heads: 2,
            ffn: 8,
            layers: 1,
            ..Config::nano()
        };
        let weights = save_weights(&SegDino3dVl::new(&config, &device)).unwrap();
        let network = load_weights(SegDino3dVl::new(&config, &device), &weights).unwrap();
        let golden =
            cubecl::future::block_on(Golden::ask(&network, &config, &device, &Monitor::silent()))
                .unwrap();
        let shards = weights
            .chunks(10_000)
            .enumerate()
            .map(|(i, piece)| Shard::of(format!("weights-{i}.bin"), piece))
            .collect();
        let manifest = Manifest {
            format: FORMAT,
            name: "test-00000000".into(),
            config,
            text_encoder: "all-MiniLM-L6-v2".into(),
            shards,
            licence: "MIT OR Apache-2.0".into(),
            training: Training {
                data: "none".into(),
                scenes: 0,
                steps: 0,
                minutes: 0.0,
            },
            golden,
            ranker: None,
        };
        (manifest, weights)
    }

    #[test]
    fn whole_weights_load_and_answer_as_when_exported() {
        let (manifest, weights) = exported();
        let manifest = Manifest::parse(&serde_json::to_vec(&manifest).unwrap()).unwrap();
        let pieces: Vec<&[u8]> = weights.chunks(10_000).collect();
        assert!(pieces.len() > 1);
        let device = Device::flex();
        let network = manifest
            .network(&manifest.join(&pieces).unwrap(), &device)
            .unwrap();
        cubecl::future::block_on(manifest.verify(&network, &device, &Monitor::silent())).unwrap();

        let mut wrong = manifest.clone();
        wrong.golden.scores[3] += 0.5;
        let error = cubecl::future::block_on(wrong.verify(&network, &device, &Monitor::silent()))
            .unwrap_err();
        assert!(
            matches!(error, ManifestError::Golden { what: "scores", .. }),
            "{error}"
        );
    }

    #[test]
    fn hostile_manifests_are_refused() {
        let (manifest, _) = exported();
        let refuse = |change: fn(&mut Manifest), word: &str| {
            let mut changed = manifest.clone();
            change(&mut changed);
            let message = Manifest::parse(&serde_json::to_vec(&changed).unwrap())
                .unwrap_err()
                .to_string();
            assert!(message.contains(word), "{message}");
        };
        refuse(|m| m.format = FORMAT + 1, &format!("format {}", FORMAT + 1));
        refuse(|m| m.shards[0].file = "../secret".into(), "../secret");
        refuse(|m| m.shards[0].bytes = usize::MAX, "limit");
        refuse(|m| m.shards.clear(), "0 pieces");
        refuse(|m| m.config.d_model = 1 << 20, "d_model");
        refuse(
            |m| {
                m.config.classes = Classes::Fixed {
                    instances: 18,
                    semantics: 20,
                }
            },
            "fixed classes",
        );
        assert!(matches!(
            Manifest::parse(b"{"),
            Err(ManifestError::Malformed(_))
        ));
    }

    #[test]
    fn the_probe_does_not_change() {
        let (positions, colors, superpoints) = probe();
        let mut bytes: Vec<u8> = positions
            .iter()
            .flatten()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        bytes.extend(colors.iter().flatten());
        bytes.extend(
            superpoints
                .superpoint_of_point()
                .iter()
                .flat_map(|s| s.to_le_bytes()),
        );
        assert_eq!(superpoints.count(), 9);
        assert_eq!(shards::sha256(&bytes)[..16], *"7c5aa9dbce49a6e7");
    }
}
