//! The configuration of a training run, as `configs/*.toml` gives it: data, network, supervision,
//! optimiser and length of the run.

use std::path::{Path, PathBuf};

use anyhow::Context;
use segscape::model::Config as ModelConfig;
use serde::{Deserialize, Serialize};

use rooms::{Models, World};

/// The configuration of one training run. Every field but `data.rooms` has a default; unknown
/// fields are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The scans to train on.
    pub data: Data,
    /// The network.
    #[serde(default = "ModelConfig::nano")]
    pub model: ModelConfig,
    /// Random augmentation of the scans.
    #[serde(default)]
    pub augment: Augment,
    /// Supervision of the queries, and the weight of each loss term.
    #[serde(default)]
    pub loss: Loss,
    /// AdamW and its learning rate schedule.
    #[serde(default)]
    pub optimiser: Optimiser,
    /// Length of the run, checkpoints, and use of the machine.
    #[serde(default)]
    pub run: Run,
    /// Scans that the run is evaluated on while it trains.
    #[serde(default, skip_serializing_if = "Validation::is_off")]
    pub validation: Validation,
}

/// The scans to train on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Labelled scans, which supervise whole scenes: PLY files, bundles with ground truth, and
    /// folders and lists of them; relative to the working directory. The folders are listed again
    /// at the start of every epoch, so that a generator may still be adding rooms.
    #[serde(default)]
    pub rooms: Vec<PathBuf>,
    /// Relative frequency of the scenes of each entry of `rooms`. If it is not given, all entries
    /// form one pool in which every scene is equally frequent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// Folders of foundation bundles (`trainer/recordings/src/foundation/bundle.rs`), whose images supervise view by view.
    /// They are listed again at the start of every epoch, too.
    #[serde(default)]
    pub foundations: Vec<PathBuf>,
    /// Share of the bundles that are used: the first ones by name.
    #[serde(default = "default_part")]
    pub foundation_part: f64,
    /// Rooms that are generated during the run, a new one for every sample. They supervise whole
    /// scenes, as `rooms` do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// Share of the samples that come from bundles if there are both bundles and labelled scenes.
    #[serde(default = "default_share")]
    pub foundation_share: f64,
    /// If `true`, a view's annotation is compared only with the predictions for the part of the
    /// scene that the view sees ([OVSeg3R](https://arxiv.org/abs/2509.23541), section 3.2);
    /// otherwise with those for the whole scene.
    #[serde(default = "default_true")]
    pub partition: bool,
    /// Constraints on the superpoints of bundles by the instances of the images (OVSeg3R, section
    /// 3.3).
    #[serde(default)]
    pub boundaries: Boundaries,
    /// Names of objects that are held out of the labelled rooms: their points are removed from
    /// `rooms`, as if no such object existed. Bundles may still name them.
    #[serde(default)]
    pub held_out: Vec<String>,
    /// Ids of the classes that are stuff, not objects (their points belong to no instance). The
    /// default is NYU40's stuff classes; of the classes that a bundle names, it is those called
    /// wall, floor or ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuff: Option<Vec<i32>>,
    /// Rule for the class of an object whose points disagree about it.
    #[serde(default)]
    pub class_of_object: ClassOfObject,
}

/// Rooms as `trainer synth` writes them, generated when a sample needs one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generated {
    /// Seed of the series of rooms. A room follows from it and from the number of its sample.
    pub seed: u64,
    /// Folder of third-party models, as `trainer synth --assets` takes it. If it is not given, all
    /// furniture comes from the part grammars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<PathBuf>,
    /// Share of the labelled samples that are generated if there are `rooms`, too.
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
    /// Opens the source of the rooms.
    ///
    /// # Errors
    /// Returns an error if the models cannot be read.
    pub fn world(&self) -> anyhow::Result<World> {
        self.assets.as_deref().map_or_else(
            || Ok(World::grammars()),
            |assets| World::open(assets, Models::Training),
        )
    }
}

/// The edges between points of a bundle that are cut before superpoints are computed (OVSeg3R,
/// Algorithm 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Boundaries {
    /// No edges: superpoints follow from geometry and colour alone.
    None,
    /// Edges whose ends are different instances of the same image.
    #[default]
    SameView,
    /// As `SameView`, but the pixels that no instance covers count as an instance of their own.
    Outlines,
    /// Edges whose ends have different instance numbers in their respective images, as the
    /// algorithm is written.
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

/// The points of an object that determine its class (docs/spec/model.md section 11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ClassOfObject {
    /// The class of the first point, as in the released code.
    #[default]
    FirstPoint,
    /// The class of most points; in a tie, the class with the lowest id.
    MostPoints,
}

/// Probabilities and ranges of the augmentations (docs/spec/model.md section 11.5), in the order
/// they are applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Probability of mirroring x, and independently of mirroring y.
    pub flip: f64,
    /// If `true`, rotates about z by a uniformly random angle.
    pub rotate: bool,
    /// Range of the uniformly random scale.
    pub scale: [f32; 2],
    /// Standard deviation of the translation along each axis, metres.
    pub translate: f32,
    /// Probability of the elastic distortion.
    pub elastic: f64,
    /// Largest gain and offset of each colour channel, as a fraction of full scale; 0 disables
    /// both.
    #[serde(alias = "colour_jitter")]
    pub color_jitter: f32,
    /// Probability of removing all colours, so that the network also works on scans without colour.
    #[serde(alias = "colour_drop")]
    pub color_drop: f64,
    /// Probability of removing all image features, so that the network also works on points alone.
    pub image_drop: f64,
    /// Probability of removing all objects seen in images.
    pub objects_drop: f64,
    /// Probability of removing each object seen in images.
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
            color_jitter: 0.15,
            color_drop: 0.1,
            image_drop: 0.5,
            objects_drop: 0.3,
            object_drop: 0.7,
        }
    }
}

/// The queries that learn an object's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Each object supervises its one cheapest query (`SparseMatcher`, docs/spec/model.md section
    /// 11.2). This is the released scheme, for long runs.
    #[default]
    Sparse,
    /// Every query whose own superpoint lies in an object learns that object. This gives many more
    /// gradients per scene, for runs of hours.
    Dense,
}

/// Rules for matching objects with queries under sparse supervision (docs/spec/model.md section
/// 11.2). The defaults are the released behaviour.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matching {
    /// If `true`, an object whose two cheapest queries have the same cost takes the first of them;
    /// otherwise it stays unmatched.
    pub ties: bool,
    /// If `true`, a query may be matched with several objects, the last of which determines its
    /// class; otherwise it is matched with the object for which its cost is lowest.
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

/// Supervision, and the weight of each loss term (docs/spec/model.md section 11.3). The defaults
/// are those of the released code, except for a scene in which no query matches: there its loss is
/// NaN, here it has no mask and box terms.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// The queries that learn an object's mask.
    pub supervision: Supervision,
    /// Rules for matching objects with queries under sparse supervision.
    pub matching: Matching,
    /// Smallest and largest share of the superpoints that become queries (docs/spec/model.md
    /// section 7).
    pub queries: [f64; 2],
    /// Largest number of queries.
    pub max_queries: usize,
    /// Largest number of (query, object) pairs per scene in the mask and box terms under dense
    /// supervision, drawn evenly over the objects.
    pub pairs: usize,
    /// Largest number of views per sample of a bundle, drawn among those with an annotation.
    pub views: usize,
    /// T: number of candidate class names per scene, its own and random others.
    pub classes: usize,
    /// Random class names whose cosine similarity to one of the scene's own names is larger than
    /// this are not used as negatives.
    pub synonym: f32,
    /// Weight of a query without an object in the class term.
    pub no_object: f32,
    /// Weight of the cross-entropy over T names and no-object.
    pub class: f32,
    /// Weight of the binary cross-entropy of the mask, mean over superpoints.
    pub bce: f32,
    /// Weight of the dice loss of the mask.
    pub dice: f32,
    /// Factor on the dice loss of every output, besides its weight.
    pub dice_factor: f32,
    /// If `true`, the dice loss of all outputs but the last is divided once more by the number of
    /// scenes per step.
    pub auxiliary_dice_by_batch: bool,
    /// Weight of the binary cross-entropy between the score and the true IoU of the mask.
    pub score: f32,
    /// Weight of the L1 loss of the box centre, metres.
    #[serde(alias = "centre")]
    pub center: f32,
    /// Weight of the L1 loss of the box size, metres.
    pub size: f32,
    /// Weight of the cross-entropy of the superpoint classes of the queries, for the last output,
    /// if the network predicts them.
    pub semantic: f32,
    /// If `true`, "background" is one of these superpoint classes. In the released code it is not,
    /// and background superpoints do not contribute to the loss.
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
            center: 0.5,
            size: 0.5,
            semantic: 0.5,
            semantic_background: false,
        }
    }
}

/// AdamW with a linear warm-up and a polynomial decay of the learning rate (docs/spec/model.md
/// section 11.4).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// If `true`, weight decay also applies to vectors, that is the parameters of norms and the
    /// biases, as in the released code.
    pub decay_vectors: bool,
    /// Largest norm of the whole gradient.
    pub clip: f32,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Share of the run at the peak learning rate, before the decay.
    #[serde(skip_serializing_if = "is_zero")]
    pub constant: f64,
    /// Exponent of the polynomial decay to zero at the end of the run.
    pub power: f64,
    /// Number of scenes whose gradients are averaged in one step.
    pub scenes_per_step: usize,
    /// Decay per update of the exponential moving average of the weights, for example 0.999. If it
    /// is given, the averages are kept in checkpoints, and they are evaluated and exported in place
    /// of the weights.
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

/// Length of the run and use of the machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Wall-clock budget in minutes, including the parts before a resume. The learning rate reaches
    /// zero when it is used up.
    pub minutes: f64,
    /// Number of steps, in place of the time budget. Only such a run is reproducible.
    pub steps: Option<u64>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Worker threads of the tensor operations.
    pub threads: usize,
    /// Threads that prepare the next scenes meanwhile.
    pub makers: usize,
    /// Minutes between checkpoints, at most 10.
    pub checkpoint_minutes: f64,
    /// Number of devices that the scenes of a step are distributed over. With `--device gpu` and
    /// more than one device, they are the machine's discrete graphics cards in their order. The
    /// gradient equals that of one device; running statistics are means over the devices.
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

/// Scans that a run is evaluated on while it trains, without classes. The evaluated network has the
/// running means of the weights if the run keeps them; a ranker is used only if there is one in the
/// run's folder. The run does not train on these scans.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// Minutes between two evaluations.
    pub minutes: f64,
    /// Sets of scans, each evaluated by itself.
    pub sets: Vec<ValidationSet>,
}

/// Scans that are evaluated together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationSet {
    /// Name of the set in `validation.jsonl`.
    pub name: String,
    /// Labelled PLY files, bundles with ground truth, and folders and lists of them.
    pub scans: Vec<PathBuf>,
    /// If `true`, the set takes part in choosing the best checkpoint; otherwise it is only
    /// recorded.
    #[serde(default = "default_true")]
    pub chooses: bool,
}

impl ValidationSet {
    /// A set that takes part in choosing the best checkpoint, named after the file or folder.
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
    /// The configuration of a run of this network, with no rooms yet.
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
    /// Returns an error if the file is missing or malformed, or if a value is out of its range.
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

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// Returns an error that names the value that is out of its range.
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
            color_drop,
            image_drop,
            objects_drop,
            object_drop,
            ..
        } = self.augment;
        let probabilities = [
            ("flip", flip),
            ("elastic", elastic),
            ("color_drop", color_drop),
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
mod tests;
