//! `trainer import`: converts a published checkpoint into a run of this trainer.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader};
use safetensors::{Dtype, SafeTensors};
use segscape::model::{
    Config as ModelConfig, SegDino3dVl, load_weights,
    published::{self, Checkpoint, Import as Imported, StoredTensor},
};

use learning::{
    config::Config,
    device::DeviceChoice,
    run::checkpoint::{self, CHECKPOINT, State},
    run::optimizer::AdamW,
};

/// Import the weights of SegDINO3D, OneFormer3D, SPFormer or Mask3D: a PyTorch file (`.pth`, `.pt`,
/// `.ckpt`) or safetensors. The parameters without a counterpart are listed.
#[derive(Debug, Args)]
pub struct Import {
    /// The published checkpoint.
    checkpoint: PathBuf,
    /// Folder of the run to write, which `segment`, `eval`, `report` and `export` read; `train` and
    /// `rank` need a network whose classes are words.
    out: PathBuf,
    /// Network of the checkpoint: `scannet200` or `scannet20`, the published networks, or a
    /// training configuration (TOML) that describes it.
    #[arg(long, default_value = "scannet200")]
    network: String,
    /// File of the names of the fixed classes, one per line, in the order of the checkpoint's class
    /// logits; by default those of ScanNet200 or ScanNet.
    #[arg(long)]
    classes: Option<PathBuf>,
    /// Write the run even if parameters are missing, unused or of another shape; missing ones keep
    /// their random values.
    #[arg(long)]
    partial: bool,
}

impl Import {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if the checkpoint cannot be read or does not fit, or if the folder cannot
    /// be written.
    pub fn run(self) -> anyhow::Result<()> {
        let mut config = config(&self.network)?;
        if let Some(path) = &self.classes {
            config.model.class_names = names(path)?;
            let named = config.model.validate();
            named.with_context(|| format!("{} does not fit", path.display()))?;
        }
        let tensors = read(&self.checkpoint)
            .with_context(|| format!("cannot read {}", self.checkpoint.display()))?;
        ensure!(
            !tensors.is_empty(),
            "{} has no weights",
            self.checkpoint.display()
        );
        let device = DeviceChoice::Cpu.open()?;
        let network = SegDino3dVl::new(&config.model, &device);
        let import = published::import(&network, &tensors)?;
        let report = report(&import);
        if !import.is_whole() && !self.partial {
            bail!(
                "{report}\n{} does not fit the whole network; --partial imports the parameters that fit",
                self.checkpoint.display()
            );
        }
        let network = load_weights(network, &import.weights)?;
        fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create {}", self.out.display()))?;
        checkpoint::save(
            &self.out.join(CHECKPOINT),
            &network,
            &AdamW::new(&config.optimizer),
            None,
            &config,
            &State::default(),
        )?;
        Ok(writeln!(std::io::stdout(), "{report}")?)
    }
}

/// The names in a file, one per line.
fn names(path: &Path) -> anyhow::Result<Vec<String>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let names = text.lines().map(|line| line.trim().to_owned());
    Ok(names.filter(|name| !name.is_empty()).collect())
}

fn config(network: &str) -> anyhow::Result<Config> {
    let model = match network {
        "scannet200" => ModelConfig::scannet200(),
        "scannet20" => ModelConfig::scannet20(),
        file => return Config::read(Path::new(file)),
    };
    Ok(Config::of(model))
}

/// Describes the import: one line per kind of parameter with its count, then one line per parameter
/// that was not imported.
fn report(import: &Imported) -> String {
    let Imported {
        imported,
        own,
        missing,
        unused,
        mismatched,
        ..
    } = import;
    let counts = [
        format!("{} parameters imported", imported.len()),
        format!(
            "{} of this project's own not changed: {}",
            own.len(),
            own.join(", ")
        ),
        format!(
            "{} missing, {} unused, {} of another shape",
            missing.len(),
            unused.len(),
            mismatched.len()
        ),
    ];
    let missing = missing
        .iter()
        .map(|(name, key)| format!("missing: {key} ({name} in the network)"));
    let unused = unused.iter().map(|key| format!("unused: {key}"));
    let mismatched = mismatched.iter().map(|m| {
        format!(
            "another shape: {} is {:?} in the file, {:?} in the network",
            m.key, m.found, m.expected
        )
    });
    counts
        .into_iter()
        .chain(missing)
        .chain(unused)
        .chain(mismatched)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The float tensors of the model in a file, under their names in the model.
fn read(path: &Path) -> anyhow::Result<Checkpoint> {
    let tensors = if path
        .extension()
        .is_some_and(|extension| extension == "safetensors")
    {
        safetensors(path)?
    } else {
        pickle(path)?
    };
    // besides the model, the file may hold the optimiser's moments and more
    let nested = ["state_dict.", "model.", "net."]
        .into_iter()
        .find(|prefix| tensors.keys().any(|key| key.starts_with(prefix)));
    Ok(match nested {
        Some(prefix) => tensors
            .into_iter()
            .filter_map(|(key, stored)| Some((key.strip_prefix(prefix)?.to_owned(), stored)))
            .collect(),
        None => tensors,
    })
}

fn safetensors(path: &Path) -> anyhow::Result<Checkpoint> {
    let bytes = fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let floats = file.iter().filter_map(|(name, view)| {
        let values = match view.dtype() {
            Dtype::F64 => floats(DType::F64, view.data()),
            Dtype::F32 => floats(DType::F32, view.data()),
            Dtype::F16 => floats(DType::F16, view.data()),
            Dtype::BF16 => floats(DType::BF16, view.data()),
            _ => None,
        }?;
        Some((
            name.to_owned(),
            StoredTensor {
                shape: view.shape().to_vec(),
                values,
            },
        ))
    });
    Ok(floats.collect())
}

fn pickle(path: &Path) -> anyhow::Result<Checkpoint> {
    let mut checkpoint = Checkpoint::new();
    for (name, tensor) in PytorchReader::new(path)?.into_tensors() {
        if matches!(
            tensor.dtype(),
            DType::F64 | DType::F32 | DType::F16 | DType::BF16
        ) {
            let values = floats(tensor.dtype(), &tensor.read()?).unwrap_or_default();
            checkpoint.insert(
                name,
                StoredTensor {
                    shape: tensor.shape().to_vec(),
                    values,
                },
            );
        }
    }
    Ok(checkpoint)
}

fn floats(dtype: DType, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        DType::F64 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b) as f32)
            .collect(),
        DType::F32 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
        DType::F16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f16::from_le_bytes(*b).to_f32())
            .collect(),
        DType::BF16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| bf16::from_le_bytes(*b).to_f32())
            .collect(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
