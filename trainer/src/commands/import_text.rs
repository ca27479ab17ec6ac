//! `trainer import-text`: converts the published text encoder into f16 shards.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use segscape::{
    shards::{self, Shard},
    text::TextManifest,
};

/// Convert the published all-MiniLM-L6-v2 into the files that the app fetches.
#[derive(Debug, Args)]
pub struct ImportText {
    /// Folder with model.safetensors and tokenizer.json.
    source: PathBuf,
    /// Folder to write.
    #[arg(long)]
    out: PathBuf,
}

impl ImportText {
    /// Runs the command. The manifest is written last, so that a folder that has one is complete.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or written, or is malformed.
    pub fn run(self) -> anyhow::Result<()> {
        let read = |name: &str| {
            fs::read(self.source.join(name))
                .with_context(|| format!("cannot read {name} in {}", self.source.display()))
        };
        let (weights, tokenizer) = (read("model.safetensors")?, read("tokenizer.json")?);
        let weights = halved(&weights).context("model.safetensors is malformed")?;
        fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create {}", self.out.display()))?;
        let write = |name: &str, bytes: &[u8]| {
            fs::write(self.out.join(name), bytes).with_context(|| format!("cannot write {name}"))
        };

        write("tokenizer.json", &tokenizer)?;
        let mut shards = Vec::new();
        for (shard, piece) in shards::split("weights", &weights) {
            write(&shard.file, piece)?;
            shards.push(shard);
        }
        let tokenizer = Shard::of("tokenizer.json".into(), &tokenizer);
        let manifest = TextManifest {
            name: "all-MiniLM-L6-v2".into(),
            licence: "Apache-2.0".into(),
            tokenizer,
            shards,
        };
        write("manifest.json", &serde_json::to_vec_pretty(&manifest)?)?;
        tracing::info!(out = %self.out.display(), pieces = manifest.shards.len(), "text encoder converted");
        Ok(())
    }
}

/// The tensors that the encoder uses, in f16; the pooler and the position ids are left out.
fn halved(file: &[u8]) -> anyhow::Result<Vec<u8>> {
    let file = SafeTensors::deserialize(file)?;
    let used = file
        .tensors()
        .into_iter()
        .filter(|(name, tensor)| tensor.dtype() == Dtype::F32 && !name.starts_with("pooler"));
    let halves: Vec<(String, Vec<usize>, Vec<u8>)> = used
        .map(|(name, tensor)| {
            let half = |b: &[u8; 4]| f16::from_f32(f32::from_le_bytes(*b)).to_le_bytes();
            (
                name,
                tensor.shape().to_vec(),
                tensor
                    .data()
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .flat_map(half)
                    .collect(),
            )
        })
        .collect();
    let views = halves
        .iter()
        .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), data)?)));
    Ok(safetensors::serialize(
        views.collect::<anyhow::Result<Vec<_>>>()?,
        None,
    )?)
}
