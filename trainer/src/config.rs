//! What `configs/*.toml` says: data, network, supervision, optimiser, length of the run.

use std::path::{Path, PathBuf};

use anyhow::Context;
use segscape::model::Config as ModelConfig;
use serde::{Deserialize, Serialize};

use crate::synth::{Models, World};

/// One training run. Every field but `data.rooms` has a default; unknown fields are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which scans to learn from.
    pub data: Data,
    /// The network.
    #[serde(default = "ModelConfig::nano")]
    pub model: ModelConfig,
    /// Random changes of the scans.
    #[serde(default)]
    pub augment: Augment,
    /// Which queries learn what, and how much each error weighs.
    #[serde(default)]
    pub loss: Loss,
    /// AdamW and its schedule.
    #[serde(default)]
    pub optimiser: Optimiser,
    /// How long, how often, how much of the machine.
    #[serde(default)]
    pub run: Run,
    /// What the run is measured on while it goes.
    #[serde(default, skip_serializing_if = "Validation::is_off")]
    pub validation: Validation,
}

/// Which scans to learn from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Labelled scans, which supervise whole scenes: PLY files, bundles with truth, folders and
    /// lists of them; relative to the working directory. Read again at the start of every epoch, so
    /// a generator may still be adding rooms.
    #[serde(default)]
    pub rooms: Vec<PathBuf>,
    /// How often a scene of each of `rooms` comes, relative to the others; without it they are one
    /// pool, of which every scene comes equally often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// Folders of foundation bundles (`foundation/bundle.rs`), whose images supervise view by view;
    /// read again in the same way.
    #[serde(default)]
    pub foundations: Vec<PathBuf>,
    /// Share of the bundles that are used, the first by name.
    #[serde(default = "default_part")]
    pub foundation_part: f64,
    /// Rooms that are made while the run goes, every sample a new one; they supervise whole scenes,
    /// as `rooms` do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// Share of the samples that come from bundles, where there are both.
    #[serde(default = "default_share")]
    pub foundation_share: f64,
    /// Whether a view's annotation is held against what the view sees only
    /// ([OVSeg3R](https://arxiv.org/abs/2509.23541), section 3.2), not against the whole scene.
    #[serde(default = "default_true")]
    pub partition: bool,
    /// Whether the superpoints of bundles respect the images' instances (OVSeg3R, section 3.3), and
    /// what that means.
    #[serde(default)]
    pub boundaries: Boundaries,
    /// Names of things that labelled rooms teach nothing about: their points are left out of
    /// `rooms`, as if there were none of the kind. Bundles may still name them.
    #[serde(default)]
    pub held_out: Vec<String>,
    /// Class ids that are stuff, not objects (their points belong to no instance); by default
    /// NYU40's, and of classes that a bundle names those called wall, floor or ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuff: Option<Vec<i32>>,
    /// Where an object's points disagree about its class.
    #[serde(default)]
    pub class_of_object: ClassOfObject,
}

/// Rooms that `trainer synth` would write, made when their turn comes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generated {
    /// The series; a room follows from it and from the number of its sample.
    pub seed: u64,
    /// Folder of models by other hands, as `trainer synth --assets` takes it; without it all
    /// furniture comes from the part grammars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<PathBuf>,
    /// Share of the labelled samples that are made, where there are `rooms`, too.
    pub share: f64,
}

impl Default for Generated {
    fn default() -> Self {
        Self {
            seed: 0,
            assets: None,
            share: default_part(),
        }
    }
}

impl Generated {
    /// Where the rooms come from.
    ///
    /// # Errors
    /// The models cannot be read.
    pub fn world(&self) -> anyhow::Result<World> {
        self.assets.as_deref().map_or_else(
            || Ok(World::grammars()),
            |assets| World::open(assets, Models::Training),
        )
    }
}

/// Which edges between points of a bundle are cut before superpoints are made of them (OVSeg3R,
/// Algorithm 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Boundaries {
    /// None: geometry and colour alone.
    None,
    /// Those whose ends are different instances of one image.
    #[default]
    SameView,
    /// The same, where what no instance covers is one of its own.
    Outlines,
    /// Those whose ends have different numbers in their own images, as the algorithm is written.
    Strict,
}

fn default_part() -> f64 {
    1.0
}

fn default_share() -> f64 {
    0.5
}

fn default_true() -> bool {
    true
}

/// Which of its points name an object (docs/spec/model.md section 11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ClassOfObject {
    /// The first, as in the released code.
    #[default]
    FirstPoint,
    /// Most of them; of equally many the class with the lowest id.
    MostPoints,
}

/// Probabilities and ranges of the augmentations (docs/spec/model.md section 11.5), in the order
/// they are applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Of mirroring x, and independently y.
    pub flip: f64,
    /// Whether to turn about z by a uniform angle.
    pub rotate: bool,
    /// Uniform scale from this range.
    pub scale: [f32; 2],
    /// Standard deviation of the shift along each axis, metres.
    pub translate: f32,
    /// Of the elastic distortion.
    pub elastic: f64,
    /// Largest gain and offset of each colour channel, as a fraction of full scale; 0 turns it off.
    pub colour_jitter: f32,
    /// Of taking all colour away, so that scans without colour work.
    pub colour_drop: f64,
    /// Of taking all image features away, so that points alone work.
    pub image_drop: f64,
    /// Of taking all objects seen in images away.
    pub objects_drop: f64,
    /// Of taking each object seen in images away.
    pub object_drop: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: 0.5,
            rotate: true,
            scale: [0.8, 1.2],
            translate: 0.1,
            elastic: 0.5,
            colour_jitter: 0.15,
            colour_drop: 0.1,
            image_drop: 0.5,
            objects_drop: 0.3,
            object_drop: 0.7,
        }
    }
}

/// Which queries learn an object's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Each object teaches its one cheapest query (`SparseMatcher`, docs/spec/model.md section
    /// 11.2); the released scheme, for long runs.
    #[default]
    Sparse,
    /// Every query whose own superpoint lies in an object learns that object: many more gradients a
    /// scene, for runs of hours.
    Dense,
}

/// How objects find their queries with sparse supervision (docs/spec/model.md section 11.2); the
/// defaults are the released behaviour.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matching {
    /// Whether an object whose two cheapest queries cost the same takes the first of them;
    /// otherwise it goes without.
    pub ties: bool,
    /// Whether a query may serve several objects, the last of which names its class; otherwise it
    /// serves the one that it costs least.
    pub shared_queries: bool,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            ties: false,
            shared_queries: true,
        }
    }
}

/// Supervision and the weight of each term (docs/spec/model.md section 11.3). What is not given is
/// as in the released code, but for a scene in which no query matches: its loss is NaN there and
/// has no mask and box terms here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// Which queries learn an object's mask.
    pub supervision: Supervision,
    /// With sparse supervision: how objects find their queries.
    pub matching: Matching,
    /// Smallest and largest share of the superpoints that become queries (docs/spec/model.md
    /// section 7).
    pub queries: [f64; 2],
    /// At most this many queries.
    pub max_queries: usize,
    /// With dense supervision: at most this many (query, object) pairs a scene feel the mask and
    /// box terms, drawn evenly over the objects.
    pub pairs: usize,
    /// Of bundles: at most this many views a sample, drawn among those that say something.
    pub views: usize,
    /// T: class names a scene is asked about, its own and random others.
    pub classes: usize,
    /// Random class names closer than this (cosine) to one of the scene's own are not used as
    /// negatives.
    pub synonym: f32,
    /// Weight of a query without object in the class term.
    pub no_object: f32,
    /// Cross-entropy over T names and no-object.
    pub class: f32,
    /// Mask binary cross-entropy, mean over superpoints.
    pub bce: f32,
    /// Mask dice.
    pub dice: f32,
    /// Factor on the dice of every output, beside its weight.
    pub dice_factor: f32,
    /// Whether the dice of all outputs but the last is divided by the number of scenes a step once
    /// more.
    pub auxiliary_dice_by_batch: bool,
    /// Binary cross-entropy of the score with the mask's true IoU.
    pub score: f32,
    /// L1 of the box centre, metres.
    pub centre: f32,
    /// L1 of the box size, metres.
    pub size: f32,
    /// Cross-entropy of what the queries' own superpoints are, of the last output, where the
    /// network says it.
    pub semantic: f32,
    /// Whether "background" is one of the classes there; in the released code it is not, and
    /// nothing is learnt from such superpoints.
    pub semantic_background: bool,
}

impl Default for Loss {
    fn default() -> Self {
        Self {
            supervision: Supervision::Sparse,
            matching: Matching::default(),
            queries: [0.5, 1.0],
            max_queries: 16_384,
            pairs: 128,
            views: 1024,
            classes: 64,
            synonym: 0.7,
            no_object: 0.1,
            class: 0.5,
            bce: 1.0,
            dice: 1.0,
            dice_factor: 4.0,
            auxiliary_dice_by_batch: true,
            score: 0.5,
            centre: 0.5,
            size: 0.5,
            semantic: 0.5,
            semantic_background: false,
        }
    }
}

/// AdamW with a warm-up and a polynomial decay (docs/spec/model.md section 11.4).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Whether it falls on vectors, too, which are the norms' and the biases, as in the released
    /// code.
    pub decay_vectors: bool,
    /// Largest norm of the whole gradient.
    pub clip: f32,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Share of the run with the peak learning rate, before the decay.
    #[serde(skip_serializing_if = "is_zero")]
    pub constant: f64,
    /// Exponent of the decay to zero at the end of the run.
    pub power: f64,
    /// Scenes whose gradients make one step.
    pub scenes_per_step: usize,
    /// Decay an update of the running means of the weights, as 0.999; where it is given, they are
    /// kept in checkpoints and it is they that are evaluated and exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self {
            learning_rate: 5e-4,
            weight_decay: 0.05,
            decay_vectors: true,
            clip: 10.0,
            warmup: 100,
            constant: 0.0,
            power: 0.9,
            scenes_per_step: 1,
            ema: None,
        }
    }
}

/// How long the run takes and what it writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Wall-clock budget, minutes, resumed parts included: the learning rate reaches zero when it
    /// is used up.
    pub minutes: f64,
    /// Instead of a time budget: this many steps. Only such a run is reproducible.
    pub steps: Option<u64>,
    /// Seed of everything random.
    pub seed: u64,
    /// Worker threads of the tensor operations.
    pub threads: usize,
    /// Threads that prepare the next scenes beside them.
    pub makers: usize,
    /// Minutes between checkpoints, at most 10.
    pub checkpoint_minutes: f64,
    /// Devices that a step's scenes are spread over: with `--device gpu` and more than one, the
    /// machine's discrete graphics cards in their order. The gradient is that of one device;
    /// running statistics are means over the devices.
    pub devices: usize,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            minutes: 75.0,
            steps: None,
            seed: 1,
            threads: 2,
            makers: 1,
            checkpoint_minutes: 5.0,
            devices: 1,
        }
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Scans that a run is measured on while it goes, without classes: the network's running means
/// where it keeps them, and no ranker but one that lies in the run's folder. Nothing is learnt from
/// them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// Minutes from one measurement to the next.
    pub minutes: f64,
    /// What is measured, each set by itself.
    pub sets: Vec<ValidationSet>,
}

/// Scans that are measured together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationSet {
    /// What `validation.jsonl` calls them.
    pub name: String,
    /// Labelled PLY files, bundles with truth, folders and lists of them.
    pub scans: Vec<PathBuf>,
    /// Whether they say which checkpoint is the best; otherwise they are for the record alone.
    #[serde(default = "default_true")]
    pub chooses: bool,
}

impl ValidationSet {
    /// Scans that choose, under the name of the file or folder.
    pub fn called_by_its_path(path: PathBuf) -> Self {
        let name = path
            .file_stem()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        Self {
            name,
            scans: vec![path],
            chooses: true,
        }
    }
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            minutes: 60.0,
            sets: vec![],
        }
    }
}

impl Validation {
    fn is_off(&self) -> bool {
        self.sets.is_empty()
    }
}

impl Config {
    /// A run of this network over rooms that are not named yet.
    pub fn of(model: ModelConfig) -> Self {
        let data = Data {
            rooms: vec![],
            weights: vec![],
            foundations: vec![],
            generated: None,
            foundation_part: default_part(),
            foundation_share: default_share(),
            partition: true,
            boundaries: Boundaries::default(),
            held_out: vec![],
            stuff: None,
            class_of_object: ClassOfObject::default(),
        };
        Self {
            data,
            model,
            augment: Augment::default(),
            loss: Loss::default(),
            optimiser: Optimiser::default(),
            run: Run::default(),
            validation: Validation::default(),
        }
    }

    /// Reads and checks a TOML file.
    ///
    /// # Errors
    /// The file is missing or malformed, or a value is out of its range.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let config: Self = toml::from_str(&text)
            .with_context(|| format!("malformed configuration {}", path.display()))?;
        config
            .check()
            .with_context(|| format!("in the configuration {}", path.display()))?;
        Ok(config)
    }

    /// Whether every value is in its range.
    ///
    /// # Errors
    /// Names the value that is not.
    pub fn check(&self) -> anyhow::Result<()> {
        self.model.validate()?;
        let [low, high] = self.augment.scale;
        let is_empty = self.data.rooms.is_empty()
            && self.data.foundations.is_empty()
            && self.data.generated.is_none();
        anyhow::ensure!(
            !is_empty,
            "data.rooms and data.foundations name no folder, and data.generated is not there"
        );
        if let Some(Generated { share, .. }) = self.data.generated {
            anyhow::ensure!(
                (0.0..=1.0).contains(&share),
                "data.generated.share is a share, not {share}"
            );
        }
        let weights = &self.data.weights;
        anyhow::ensure!(
            weights.is_empty()
                || weights.len() == self.data.rooms.len()
                    && weights
                        .iter()
                        .all(|weight| weight.is_finite() && *weight > 0.0),
            "data.weights must be one positive number for each of data.rooms, not {weights:?}"
        );
        let share = self.data.foundation_share;
        anyhow::ensure!(
            (0.0..=1.0).contains(&share),
            "data.foundation_share is a share, not {share}"
        );
        let part = self.data.foundation_part;
        anyhow::ensure!(
            (0.0..=1.0).contains(&part),
            "data.foundation_part is a share, not {part}"
        );
        anyhow::ensure!(
            0.0 < low && low <= high,
            "augment.scale must be an ascending range of positive numbers, not {low}..{high}"
        );
        let Augment {
            flip,
            elastic,
            colour_drop,
            image_drop,
            objects_drop,
            object_drop,
            ..
        } = self.augment;
        let probabilities = [
            ("flip", flip),
            ("elastic", elastic),
            ("colour_drop", colour_drop),
        ];
        for (name, p) in probabilities.into_iter().chain([
            ("image_drop", image_drop),
            ("objects_drop", objects_drop),
            ("object_drop", object_drop),
        ]) {
            anyhow::ensure!(
                (0.0..=1.0).contains(&p),
                "augment.{name} is a probability, not {p}"
            );
        }
        let [few, many] = self.loss.queries;
        anyhow::ensure!(
            0.0 < few && few <= many && many <= 1.0,
            "loss.queries must be an ascending range in 0..=1, not {few}..{many}"
        );
        anyhow::ensure!(
            self.loss.max_queries > 0,
            "loss.max_queries must be at least 1"
        );
        anyhow::ensure!(
            self.loss.classes > 0 && self.loss.pairs > 0 && self.loss.views > 0,
            "loss.classes, loss.pairs and loss.views must be at least 1"
        );
        anyhow::ensure!(
            self.optimiser.scenes_per_step > 0,
            "optimiser.scenes_per_step must be at least 1"
        );
        anyhow::ensure!(
            self.run.minutes > 0.0,
            "run.minutes must be positive, not {}",
            self.run.minutes
        );
        anyhow::ensure!(
            self.run.checkpoint_minutes > 0.0 && self.run.checkpoint_minutes <= 10.0,
            "run.checkpoint_minutes must be in 0..=10, not {}",
            self.run.checkpoint_minutes
        );
        anyhow::ensure!(
            self.run.threads > 0 && self.run.makers > 0,
            "run.threads and run.makers must be at least 1"
        );
        let constant = self.optimiser.constant;
        anyhow::ensure!(
            (0.0..=1.0).contains(&constant),
            "optimiser.constant is a share of the run, not {constant}"
        );
        let mut names = std::collections::HashSet::new();
        let twice = self
            .validation
            .sets
            .iter()
            .find(|set| !names.insert(&set.name));
        anyhow::ensure!(
            twice.is_none(),
            "two of validation.sets are called {}",
            twice.map_or("", |set| &set.name)
        );
        anyhow::ensure!(
            self.validation.minutes > 0.0,
            "validation.minutes must be positive, not {}",
            self.validation.minutes
        );
        let (devices, scenes) = (self.run.devices, self.optimiser.scenes_per_step);
        anyhow::ensure!(
            (1..=scenes).contains(&devices),
            "run.devices is {devices}, it must lie in 1..=optimiser.scenes_per_step = {scenes}"
        );
        if let Some(decay) = self.optimiser.ema {
            anyhow::ensure!(
                0.0 < decay && decay < 1.0,
                "optimiser.ema must lie between 0 and 1, not {decay}"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_shipped_configurations_are_valid() {
        for name in [
            "ablation",
            "ablation-start",
            "nano",
            "ovseg3r",
            "scannet200",
        ] {
            Config::read(Path::new(&format!(
                "{}/../configs/{name}.toml",
                env!("CARGO_MANIFEST_DIR")
            )))
            .unwrap();
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (change, word) in [
            ("[run]\ndevices = 2", "run.devices is 2"),
            ("[run]\ndevices = 0", "run.devices is 0"),
            ("[optimiser]\nema = 1.0", "optimiser.ema"),
            ("[optimiser]\nema = 0.0", "optimiser.ema"),
        ] {
            let config: Config =
                toml::from_str(&format!("[data]\nrooms = ['x']\n{change}")).unwrap();
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let error =
            toml::from_str::<Config>("[data]\nrooms = ['x']\n[optimiser]\nlearning_rat = 1.0")
                .unwrap_err();
        assert!(error.to_string().contains("learning_rat"), "{error}");
    }
}
