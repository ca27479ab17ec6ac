//! Checkpoints: everything a run needs to continue where it stopped, in one safetensors file. A
//! checkpoint holds the parameters, the running statistics, the running means of both if the run
//! keeps them, the optimiser's moments (all f32) and the counters. The random number generators
//! need no state: the draws for each scene follow from the seed and the scene's number.

use std::{borrow::Cow, collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use safetensors::{Dtype, SafeTensors, View, tensor::TensorView};
use segscape::model::{current_name, load_weights, parameters};
use serde::{Deserialize, Serialize};

use crate::{
    atomic_write::write_atomically,
    config::Config,
    run::ema::{Ema, Mean},
    run::optimizer::AdamW,
};

/// The counters of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps made, including skipped ones.
    pub steps: u64,
    /// Updates of the optimiser.
    pub updates: u64,
    /// Number of the next scene to train on.
    pub scenes: u64,
    /// Wall time spent so far, seconds.
    pub seconds: f64,
}

/// Key of the safetensors metadata that holds the configuration and the state.
const HEADER: &str = "run";

/// The header of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Header {
    config: Config,
    state: State,
}

/// File name of the newest checkpoint in the folder of a run.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// File name of the checkpoint before the newest.
const PREVIOUS: &str = "previous.safetensors";
/// File name of the checkpoint with the best validation result.
const BEST: &str = "best.safetensors";
/// File name of a checkpoint that is still being written.
const NEXT: &str = "next.safetensors";

/// Reads the newest undamaged checkpoint in the folder of a run. Returns `None` if there is no
/// checkpoint at all.
///
/// # Errors
/// Returns an error if every checkpoint in the folder is damaged.
pub fn latest(run: &Path) -> anyhow::Result<Option<Checkpoint>> {
    let mut damage = None;
    for name in [CHECKPOINT, PREVIOUS] {
        let path = run.join(name);
        if !path.exists() {
            continue;
        }
        match Checkpoint::read(&path) {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(error) => {
                tracing::warn!("{error:#}");
                damage.get_or_insert(error);
            }
        }
    }
    damage.map_or(Ok(None), Err)
}

/// Writes the newest checkpoint of a run into its folder. The newest one so far becomes the
/// previous one, unless it is damaged. Whenever this function is interrupted, one of the two files
/// is undamaged.
///
/// # Errors
/// See [`save`].
pub fn save_newest<M: Module>(
    run: &Path,
    module: &M,
    optimizer: &AdamW,
    ema: Option<&Ema>,
    config: &Config,
    state: &State,
) -> anyhow::Result<()> {
    let [next, newest, previous] = [NEXT, CHECKPOINT, PREVIOUS].map(|name| run.join(name));
    save(&next, module, optimizer, ema, config, state)?;
    if Checkpoint::read(&newest).is_ok() {
        fs::rename(&newest, &previous)
            .with_context(|| format!("cannot write {}", previous.display()))?;
    }
    fs::rename(&next, &newest).with_context(|| format!("cannot write {}", newest.display()))
}

/// Copies the newest checkpoint of a run to its best one.
///
/// # Errors
/// Returns an error if there is no newest checkpoint or the folder cannot be written.
pub fn keep_as_best(run: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(run.join(CHECKPOINT))
        .with_context(|| format!("cannot read {CHECKPOINT} in {}", run.display()))?;
    write_atomically(&run.join(BEST), &bytes)
        .with_context(|| format!("cannot write {BEST} in {}", run.display()))
}

/// Writes the checkpoint. An existing file of this name is replaced only once the new one is
/// complete.
///
/// # Errors
/// Returns an error if a value is not finite, because no run could continue from it, if the folder
/// is missing or if the disk is full.
pub fn save<M: Module>(
    path: &Path,
    module: &M,
    optimizer: &AdamW,
    ema: Option<&Ema>,
    config: &Config,
    state: &State,
) -> anyhow::Result<()> {
    let parameters = parameters(module).into_iter().map(|p| {
        (
            format!("{MODEL}{}", p.name),
            Stored::new(p.shape, &p.values),
        )
    });
    let moments = optimizer.moments.iter().flat_map(|(name, moments)| {
        MOMENTS.iter().zip(moments).map(move |(kind, moment)| {
            let values: Vec<f32> = moment.clone().into_data().iter::<f32>().collect();
            (
                format!("{kind}.{name}"),
                Stored::new(vec![values.len()], &values),
            )
        })
    });
    let means = ema
        .into_iter()
        .flat_map(|ema| &ema.means)
        .map(|(name, mean)| {
            let values: Vec<f32> = mean.values.clone().into_data().iter::<f32>().collect();
            (
                format!("{AVERAGE}{name}"),
                Stored::new(mean.shape.clone(), &values),
            )
        });
    let header = serde_json::to_string(&Header {
        config: config.clone(),
        state: state.clone(),
    })?;
    let tensors: Vec<(String, Stored)> = parameters.chain(moments).chain(means).collect();
    let bytes = safetensors::serialize(tensors, Some([(HEADER.to_owned(), header)].into()))?;
    finite(&SafeTensors::deserialize(&bytes)?)
        .context("the run's state is damaged and was not saved")?;
    write_atomically(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Returns an error that names the first tensor with a value that is not finite.
fn finite(file: &SafeTensors) -> anyhow::Result<()> {
    for (name, view) in file.iter() {
        anyhow::ensure!(
            view.dtype() == Dtype::F32,
            "{name} has numbers of type {:?}, not F32",
            view.dtype()
        );
        let is_finite = view
            .data()
            .chunks_exact(4)
            .all(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).is_finite());
        anyhow::ensure!(is_finite, "{name} is not finite everywhere");
    }
    Ok(())
}

const MODEL: &str = "model.";
const AVERAGE: &str = "average.";
const MOMENTS: [&str; 2] = ["moment1", "moment2"];

/// A checkpoint that was read from disk.
pub struct Checkpoint {
    /// The configuration that the run was trained with.
    pub config: Config,
    /// The counters of the run.
    pub state: State,
    bytes: Vec<u8>,
}

impl Checkpoint {
    /// Reads the newest undamaged checkpoint in the folder of a run, or the file itself if `run` is
    /// a file.
    ///
    /// # Errors
    /// See [`Self::read`]; also if there is no checkpoint in the folder.
    pub fn of(run: &Path) -> anyhow::Result<Self> {
        match run.is_file() {
            true => Self::read(run),
            false => latest(run)?
                .with_context(|| format!("there is no {CHECKPOINT} in {}", run.display())),
        }
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// Returns an error if the file is missing, was not written by [`save`], or holds values that
    /// are not finite.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let malformed = || format!("{} is not a checkpoint of this program", path.display());
        let (_, header) = SafeTensors::read_metadata(&bytes).with_context(malformed)?;
        let header = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get(HEADER))
            .with_context(malformed)?;
        let Header { config, state } = serde_json::from_str(header).with_context(malformed)?;
        let tensors = SafeTensors::deserialize(&bytes).with_context(malformed)?;
        finite(&tensors)
            .and_then(|()| Ok(config.model.validate()?))
            .with_context(|| format!("{} is damaged", path.display()))?;
        Ok(Self {
            config,
            state,
            bytes,
        })
    }

    /// Returns `module` with the checkpoint's parameters and running statistics, to continue
    /// training.
    ///
    /// # Errors
    /// Returns an error if the parameters are not those of `module`.
    pub fn module<M: Module>(&self, module: M) -> anyhow::Result<M> {
        self.load(module, MODEL)
    }

    /// Returns `module` as it is evaluated and exported: with the running means of the parameters
    /// and statistics if the run keeps them, otherwise with the values themselves.
    ///
    /// # Errors
    /// Returns an error if the parameters are not those of `module`.
    pub fn answering<M: Module>(&self, module: M) -> anyhow::Result<M> {
        let has_means = SafeTensors::deserialize(&self.bytes)?
            .names()
            .iter()
            .any(|name| name.starts_with(AVERAGE));
        self.load(module, if has_means { AVERAGE } else { MODEL })
    }

    fn load<M: Module>(&self, module: M, prefix: &str) -> anyhow::Result<M> {
        let file = SafeTensors::deserialize(&self.bytes)?;
        let parameters = file
            .iter()
            .filter_map(|(name, view)| Some((name.strip_prefix(prefix)?, view)));
        Ok(load_weights(
            module,
            &safetensors::serialize(parameters, None)?,
        )?)
    }

    /// Restores the running means on `device`; leaves `ema` empty if the run has kept none so
    /// far.
    ///
    /// # Errors
    /// Returns an error if the file is damaged.
    pub fn ema(&self, ema: &mut Ema, device: &Device) -> anyhow::Result<()> {
        let file = SafeTensors::deserialize(&self.bytes)?;
        let means = file
            .iter()
            .filter_map(|(name, view)| Some((name.strip_prefix(AVERAGE)?, view)));
        ema.means = means
            .map(|(name, view)| {
                (
                    current_name(name).into_owned(),
                    Mean {
                        shape: view.shape().to_vec(),
                        values: flat(&view, device),
                    },
                )
            })
            .collect();
        Ok(())
    }

    /// Restores the optimiser's moments on `device`.
    ///
    /// # Errors
    /// Returns an error if the file is damaged.
    pub fn optimizer(&self, optimizer: &mut AdamW, device: &Device) -> anyhow::Result<()> {
        let file = SafeTensors::deserialize(&self.bytes)?;
        let moment = |kind: &str, name: &str| -> anyhow::Result<Tensor<1>> {
            Ok(flat(&file.tensor(&format!("{kind}.{name}"))?, device))
        };
        let names = file
            .names()
            .into_iter()
            .filter_map(|name| name.strip_prefix(MOMENTS[0])?.strip_prefix('.'));
        let moments = names.map(|name| {
            Ok((
                current_name(name).into_owned(),
                [moment(MOMENTS[0], name)?, moment(MOMENTS[1], name)?],
            ))
        });
        optimizer.moments = moments.collect::<anyhow::Result<BTreeMap<_, _>>>()?;
        optimizer.updates = self.state.updates;
        Ok(())
    }
}

/// Reads a stored f32 tensor as a flat tensor, `(elements)`.
fn flat(view: &TensorView, device: &Device) -> Tensor<1> {
    let values: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

/// A tensor in the layout that safetensors writes.
struct Stored {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    fn new(shape: Vec<usize>, values: &[f32]) -> Self {
        Self {
            shape,
            bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests;
