//! Models on disk: exported models under `static/models`, whose `index.json` names the default
//! ones, and checkpoints of runs.

use std::{fs, path::Path};

use anyhow::Context;
use burn::tensor::Device;
use segscape::{
    job::Network,
    model::{self, SegDino3dVl, manifest::Manifest},
    progress::Monitor,
    shards::Shard,
};
use serde::{Deserialize, Serialize};

use crate::{ranking, run::checkpoint::Checkpoint, words::Words};

/// Folder of the exported models, relative to the project's folder.
pub const MODELS: &str = "static/models";

/// The contents of `index.json`: the folder of the network that is used by default. The page reads
/// it too. The network's manifest names the text encoder.
#[derive(Debug, Serialize, Deserialize)]
pub struct Index {
    /// Folder of the network.
    pub network: String,
}

impl Index {
    /// Reads the index in a folder of models.
    ///
    /// # Errors
    /// Returns an error if it is missing or malformed.
    pub fn read(models: &Path) -> anyhow::Result<Self> {
        let path = models.join("index.json");
        let json = fs::read(&path).with_context(|| {
            format!(
                "cannot read {}: run the program in the project's folder, or name a model with --weights",
                path.display()
            )
        })?;
        serde_json::from_slice(&json).with_context(|| format!("{} is malformed", path.display()))
    }

    /// Writes the index into a folder of models.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub fn write(&self, models: &Path) -> anyhow::Result<()> {
        let path = models.join("index.json");
        fs::write(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Loads the network in `folder`, or the default one: an exported model, checked against its golden
/// outputs, or a training run's [checkpoint](Checkpoint::of). The words that it can be asked with
/// are those of the `encoder`'s folder; if that is not given, of the folder that the run was trained
/// with, of the one beside an exported model, or of the one in [`MODELS`].
///
/// # Errors
/// Returns an error if neither is there, a file is damaged, the encoder's space is not the network's,
/// or this device computes wrong outputs.
pub fn load_network(
    folder: Option<&Path>,
    encoder: Option<&Path>,
    device: &Device,
) -> anyhow::Result<(Network, Words)> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => Path::new(MODELS).join(Index::read(Path::new(MODELS))?.network),
    };
    let manifest = folder.join("manifest.json");
    if !manifest.exists() {
        let checkpoint = Checkpoint::of(&folder)?;
        let trained_with = checkpoint.config.data.text_encoder.clone();
        let config = checkpoint.config.model.clone();
        let words = Words::of(&config.text, encoder.or(trained_with.as_deref()))?;
        let network = Network::new(
            folder.display().to_string(),
            checkpoint.answering(SegDino3dVl::new(&config, device))?,
            config,
            words.vocabulary(),
            device,
            ranking::read(&folder)?,
        )?;
        return Ok((network, words));
    }
    let manifest = Manifest::parse(&read(&manifest)?)?;
    let space = &manifest.config.text;
    let beside = folder.with_file_name(space.folder());
    let beside = beside.join("manifest.json").exists().then_some(beside);
    let words = Words::of(space, encoder.or(beside.as_deref()))?;
    let pieces = pieces(&folder, &manifest.shards)?;
    let network = pollster::block_on(Network::load(
        manifest,
        &pieces,
        words.vocabulary(),
        device,
        &Monitor::silent(),
    ))?;
    Ok((network, words))
}

/// Loads the configuration and the weights of the network in `folder`, an exported model or a
/// training run's [checkpoint](Checkpoint::of), on `device`, without running the network.
///
/// # Errors
/// Returns an error if neither is there, or a file is damaged.
pub fn load_weights(
    folder: &Path,
    device: &Device,
) -> anyhow::Result<(model::Config, SegDino3dVl)> {
    let manifest = folder.join("manifest.json");
    if !manifest.exists() {
        let checkpoint = Checkpoint::of(folder)?;
        let config = checkpoint.config.model.clone();
        let network = checkpoint.answering(SegDino3dVl::new(&config, device))?;
        return Ok((config, network));
    }
    let manifest = Manifest::parse(&read(&manifest)?)?;
    let weights = manifest.join(&pieces(folder, &manifest.shards)?)?;
    let network = model::load_weights(SegDino3dVl::new(&manifest.config, device), &weights)?;
    Ok((manifest.config, network))
}

pub(crate) fn pieces(folder: &Path, shards: &[Shard]) -> anyhow::Result<Vec<Vec<u8>>> {
    shards
        .iter()
        .map(|shard| read(&folder.join(&shard.file)))
        .collect()
}

/// Reads a file whole.
///
/// # Errors
/// Returns an error that names the file if it cannot be read.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
