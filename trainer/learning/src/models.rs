//! Models on disk: exported models under `static/models`, whose `index.json` names the default
//! ones, and checkpoints of runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use burn::tensor::Device;
use segscape::{
    job::Network,
    model::{self, SegDino3dVl, manifest::Manifest},
    progress::Monitor,
    shards::Shard,
    text::{MiniLm, TextManifest},
};
use serde::{Deserialize, Serialize};

use crate::{ranking, run::checkpoint::Checkpoint};

/// Folder of the exported models, relative to the project's folder.
pub const MODELS: &str = "static/models";
/// Folder of the text encoder, relative to [`MODELS`].
pub const TEXT_ENCODER: &str = "all-minilm-l6-v2";

/// The contents of `index.json`: the folders of the models that are used by default. The page reads
/// it too.
#[derive(Debug, Serialize, Deserialize)]
pub struct Index {
    /// Folder of the network.
    pub network: String,
    /// Folder of the text encoder.
    pub text_encoder: String,
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
/// outputs, or a training run's [checkpoint](Checkpoint::of).
///
/// # Errors
/// Returns an error if neither is there, a file is damaged, or this device computes wrong outputs.
pub fn load_network(folder: Option<&Path>, device: &Device) -> anyhow::Result<Network> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => Path::new(MODELS).join(Index::read(Path::new(MODELS))?.network),
    };
    let manifest = folder.join("manifest.json");
    if !manifest.exists() {
        let (config, network) = load_weights(&folder, device)?;
        return Ok(Network::new(
            folder.display().to_string(),
            network,
            config,
            device,
            ranking::read(&folder)?,
        ));
    }
    let manifest = Manifest::parse(&read(&manifest)?)?;
    let pieces = pieces(&folder, &manifest.shards)?;
    Ok(pollster::block_on(Network::load(
        manifest,
        &pieces,
        device,
        &Monitor::silent(),
    ))?)
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

/// Loads the default text encoder on the CPU.
///
/// # Errors
/// Returns an error if it was not fetched or is damaged.
pub fn load_text_encoder() -> anyhow::Result<MiniLm> {
    let folder = Path::new(MODELS).join(Index::read(Path::new(MODELS))?.text_encoder);
    let manifest = TextManifest::parse(
        &read(&folder.join("manifest.json"))
            .context("the text encoder is missing: run `cargo xtask models`")?,
    )?;
    let tokenizer = read(&folder.join(&manifest.tokenizer.file))?;
    Ok(manifest.load(
        &tokenizer,
        &pieces(&folder, &manifest.shards)?,
        &Device::flex(),
    )?)
}

fn pieces(folder: &Path, shards: &[Shard]) -> anyhow::Result<Vec<Vec<u8>>> {
    shards
        .iter()
        .map(|shard| read(&folder.join(&shard.file)))
        .collect()
}

fn read(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
