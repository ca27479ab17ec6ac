//! A network from disk: an exported model, or the checkpoint of a run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use burn::tensor::Device;
use segscape::model::{Config, SegDino3dVl, manifest::Manifest};

use crate::{checkpoint::Checkpoint, train::CHECKPOINT};

/// Where exported models are, relative to the project's folder.
pub const MODELS: &str = "static/models";
/// How the shipped network's folder begins.
const SHIPPED: &str = "nano-";

/// The network in `folder`: an exported model's, or a training run's.
///
/// # Errors
/// Neither is there, or it is damaged.
pub fn load(folder: &Path, device: &Device) -> anyhow::Result<(SegDino3dVl, Config)> {
    let manifest = folder.join("manifest.json");
    if !manifest.exists() {
        let checkpoint = Checkpoint::read(&folder.join(CHECKPOINT))?;
        let config = checkpoint.config.model.clone();
        return Ok((checkpoint.module(SegDino3dVl::new(&config, device))?, config));
    }
    let read = |path: PathBuf| fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
    let manifest = Manifest::parse(&read(manifest)?)?;
    let pieces = manifest.shards.iter().map(|shard| read(folder.join(&shard.file))).collect::<anyhow::Result<Vec<_>>>()?;
    Ok((manifest.network(&manifest.join(&pieces)?, device)?, manifest.config))
}

/// The folder of the network that ships.
///
/// # Errors
/// There is none, or more than one.
pub fn shipped() -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(MODELS).with_context(|| format!("cannot list {MODELS}: run in the project's folder, or give --weights"))?;
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SHIPPED));
        if named && path.join("manifest.json").exists() {
            found.push(path);
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => anyhow::bail!("no model {SHIPPED}* in {MODELS}; give --weights"),
        more => anyhow::bail!("more than one model in {MODELS}: {more:?}; give --weights"),
    }
}
