//! The manifest of a network: a description of the weights, the means to check that they arrived
//! intact, and the means to check that this device computes the same results as the exporting one.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{WeightsError, load_weights};
use crate::model::{
    Answers, ClassAnswers, Config, InferenceError, InvalidConfig, Observation, SceneError,
    SceneInput, SegDino3dVl, TextAnswers, config::Classes,
};
use crate::{
    instances::Ranker,
    progress::Monitor,
    shards::{self, Shard, ShardError},
    superpoint::Superpoints,
    text::SpaceMismatch,
};

/// The only format of manifest and weights that this version reads.
pub const FORMAT: u32 = 2;

/// The `manifest.json` of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format version, [`FORMAT`].
    pub format: u32,
    /// Name of the network and the first eight digits of the SHA-256 of its weights; also the name
    /// of the folder.
    pub name: String,
    /// Architecture of the network, which determines the shapes of the weights.
    pub config: Config,
    /// Name of the text encoder in whose space the network's embeddings lie; their width is that of
    /// the configuration's [space](crate::text::TextSpace), which has the same name.
    pub text_encoder: String,
    /// Pieces of one safetensors file, to be joined in this order.
    pub shards: Vec<Shard>,
    /// SPDX expression for the license of the weights.
    #[serde(alias = "licence")]
    pub license: String,
    /// Origin of the weights.
    pub training: Training,
    /// Expected outputs of the network for [`probe`], with features of images and objects if it
    /// reads any.
    pub golden: Golden,
    /// Scorer of the candidates, trained on this network's outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranker: Option<Ranker>,
}

/// The origin of a network's weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Training scans in words, with their terms of use.
    pub data: String,
    /// Number of scenes seen, including repetitions.
    pub scenes: u64,
    /// Number of optimizer steps.
    pub steps: u64,
    /// Wall time, minutes.
    pub minutes: f64,
}

/// Some of the network's outputs for [`probe`], with one query per superpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Mask logits, `(queries, superpoints)`.
    pub masks: Vec<f32>,
    /// Logits of the predicted IoU, `(queries)`; empty if the classes are fixed.
    pub scores: Vec<f32>,
    /// Logits of "no object", `(queries)`.
    pub no_object: Vec<f32>,
    /// Embedding of the first query in the text encoder's space, `(width)`, or its logits of the
    /// fixed classes, `(classes)`.
    pub text: Vec<f32>,
    /// Box centers in metres, `(queries, 3)`.
    pub centers: Vec<f32>,
}

/// Largest accepted difference from a golden value, as a fraction of the largest value of its kind,
/// or of 1 if all values are smaller. The order of summation differs between devices, and a device
/// may store features as f16.
const TOLERANCE: f32 = 0.01;

/// An error of assembling a network from its files.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file is not a manifest, or a manifest with the fields of another version.
    #[error("the model's manifest is malformed: {0}")]
    Malformed(String),
    /// The manifest was made for another format version.
    #[error("the model's manifest has format {found}, this program reads format {FORMAT}")]
    Format {
        /// Format in the manifest.
        found: u32,
    },
    /// The configuration does not describe a valid network.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// The network's classes are fixed, and nothing says what they are.
    #[error(
        "the network has fixed classes without names; `class_names` of its configuration lists them"
    )]
    UnnamedClasses,
    /// The manifest names two text encoders.
    #[error("the model's manifest names the text encoder {named}, its configuration {configured}")]
    TextEncoder {
        /// The name in the manifest.
        named: String,
        /// The name in the configuration.
        configured: String,
    },
    /// The words that the network is asked with lie in another space than its embeddings.
    #[error(transparent)]
    Space(#[from] SpaceMismatch),
    /// A piece does not match the manifest.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The joined pieces are not the weights of this network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device computes different results than the exporting one.
    #[error(
        "the network's {what} for the test scene differ by {difference} from the expected ones, the limit is {limit}: this device computes wrong results"
    )]
    Golden {
        /// Name of the outputs that differ.
        what: &'static str,
        /// Largest difference.
        difference: f32,
        /// Largest accepted difference.
        limit: f32,
    },
    /// The test scene did not fit the network.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// Inference failed.
    #[error(transparent)]
    Inference(#[from] InferenceError),
}

impl Manifest {
    /// Parses `manifest.json` and checks everything that can be checked without the weights.
    ///
    /// # Errors
    /// [`ManifestError::Malformed`], [`ManifestError::Format`], [`ManifestError::Config`],
    /// [`ManifestError::UnnamedClasses`], [`ManifestError::TextEncoder`] or
    /// [`ManifestError::Shards`].
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        /// Parsed first, to tell another version from a damaged file.
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
        if manifest.config.classes != Classes::Text && manifest.config.class_names.is_empty() {
            return Err(ManifestError::UnnamedClasses);
        }
        if manifest.text_encoder != manifest.config.text.encoder {
            return Err(ManifestError::TextEncoder {
                named: manifest.text_encoder,
                configured: manifest.config.text.encoder,
            });
        }
        shards::check_list(&manifest.shards)?;
        Ok(manifest)
    }

    /// Checks the pieces, given in the order of the manifest, and joins them.
    ///
    /// # Errors
    /// [`ManifestError::Shards`].
    pub fn join(&self, pieces: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, ManifestError> {
        Ok(shards::join(&self.shards, pieces)?)
    }

    /// Creates the network on `device` with the joined `weights`.
    ///
    /// # Errors
    /// [`ManifestError::Weights`].
    pub fn network(&self, weights: &[u8], device: &Device) -> Result<SegDino3dVl, ManifestError> {
        Ok(load_weights(
            SegDino3dVl::new(&self.config, device),
            weights,
        )?)
    }

    /// Runs the network on [`probe`] and compares the result with the golden outputs.
    ///
    /// # Errors
    /// [`ManifestError::Golden`] if they differ; errors of the device.
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
    /// Runs `network` on [`probe`] and returns its outputs.
    ///
    /// # Errors
    /// Errors of the device.
    pub async fn ask(
        network: &SegDino3dVl,
        config: &Config,
        device: &Device,
        monitor: &Monitor<'_>,
    ) -> Result<Self, ManifestError> {
        let (positions, colors, superpoints) = probe();
        let image = features(positions.len() * config.inputs.image);
        let objects: Vec<[f32; 3]> = positions.iter().copied().step_by(50).collect();
        let channels = config.objects.as_ref().map(|objects| objects.channels);
        let of_objects = features(objects.len() * channels.unwrap_or(0));
        let observation = Observation {
            positions: &positions,
            colors: Some(&colors),
            image: (config.inputs.image > 0).then_some(&image),
            objects: channels.map(|_| (&of_objects[..], &objects[..])),
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
        let (scores, no_object, text) = match class {
            ClassAnswers::Text(TextAnswers {
                width,
                mut embeddings,
                no_object,
                scores,
                ..
            }) => {
                embeddings.truncate(width);
                (scores, no_object, embeddings)
            }
            ClassAnswers::Fixed { instances, .. } => {
                let columns = instances.len() / superpoints.count();
                let none = instances.iter().skip(columns - 1).step_by(columns);
                let first = instances[..columns - 1].to_vec();
                (vec![], none.copied().collect(), first)
            }
        };
        Ok(Self {
            masks,
            scores,
            no_object,
            text,
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

/// Features of images and objects of [`probe`], for networks that read them: multiples of 1/8
/// between -1 and 1.
fn features(count: usize) -> Vec<f32> {
    let feature = |index: usize| (index * 7 % 17) as f32 / 8.0 - 1.0;
    (0..count).map(feature).collect()
}

/// A tiny scene that is bit-identical everywhere: a floor of 1 m x 1 m with a red box and a blue
/// slab on it, 9 superpoints.
pub fn probe() -> (Vec<[f32; 3]>, Vec<[u8; 3]>, Superpoints) {
    /// Spacing of the points, metres.
    const STEP: f32 = 0.04;
    let mut positions = Vec::new();
    let mut colors = Vec::new();
    let mut ids = Vec::new();
    // Adds a sheet of n x m points spanned by two axes.
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

    use safetensors::{Dtype, SafeTensors};

    use super::*;
    use crate::model::{
        config::{BackboneConfig, ObjectAttentionOrder, Objects},
        save_weights,
    };

    fn exported() -> (Manifest, Vec<u8>) {
        let device = Device::flex();
        device.seed(5);
        let config = Config {
            backbone: BackboneConfig::SparseUnet {
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
            license: "MIT OR Apache-2.0".into(),
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
        refuse(|m| m.text_encoder = "clip".into(), "clip");
        refuse(|m| m.config.text.encoder = "clip".into(), "clip");
        refuse(|m| m.config.text.width = 0, "0 values");
        const FIXED: Classes = Classes::Fixed {
            instances: 18,
            semantics: 20,
        };
        refuse(|m| m.config.classes = FIXED, "class_names");
        refuse(|m| m.config.class_names = vec!["chair".into()], "0 fixed");
        refuse(
            |m| {
                m.config.classes = FIXED;
                m.config.class_names = vec!["gronkulator".into(); 18];
            },
            "gronkulator",
        );
        assert!(matches!(
            Manifest::parse(b"{"),
            Err(ManifestError::Malformed(_))
        ));
    }

    #[test]
    fn what_reads_images_is_checked() {
        let (mut manifest, _) = exported();
        manifest.config.inputs.image = 4;
        manifest.config.objects = Some(Objects {
            channels: 4,
            reach: 0.2,
            order: ObjectAttentionOrder::AfterSelfAttention,
        });
        let (device, monitor) = (Device::flex(), Monitor::silent());
        let network = SegDino3dVl::new(&manifest.config, &device);
        let golden = Golden::ask(&network, &manifest.config, &device, &monitor);
        manifest.golden = cubecl::future::block_on(golden).unwrap();
        cubecl::future::block_on(manifest.verify(&network, &device, &monitor)).unwrap();
        let weights = save_weights(&network).unwrap();
        let verify = |name: &str| {
            let weights = with_ones(weights.clone(), name);
            let network = SegDino3dVl::new(&manifest.config, &device);
            let network = load_weights(network, &weights).unwrap();
            cubecl::future::block_on(manifest.verify(&network, &device, &monitor))
        };
        let error = verify("object_attention").unwrap_err();
        assert!(matches!(error, ManifestError::Golden { .. }), "{error}");
        // What stands for missing images is not asked, because there are images.
        verify("missing_image_embedding").unwrap();
    }

    /// Sets all values of the tensors whose names contain `name` to 1.
    fn with_ones(mut weights: Vec<u8>, name: &str) -> Vec<u8> {
        let tensors = SafeTensors::deserialize(&weights).unwrap();
        let start = weights.as_ptr() as usize;
        let ranges: Vec<_> = tensors
            .tensors()
            .into_iter()
            .filter(|(tensor, _)| tensor.contains(name))
            .map(|(_, view)| {
                assert_eq!(view.dtype(), Dtype::F16);
                let from = view.data().as_ptr() as usize - start;
                from..from + view.data().len()
            })
            .collect();
        assert!(!ranges.is_empty(), "{name}");
        for range in ranges {
            for value in weights[range].chunks_exact_mut(2) {
                value.copy_from_slice(&0x3C00_u16.to_le_bytes());
            }
        }
        weights
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
