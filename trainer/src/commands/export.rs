//! `trainer export`: converts a checkpoint into the files that the product loads.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use burn::tensor::Device;
use clap::Args;
use segscape::{
    instances::Ranker,
    model::{
        Config, SegDino3dVl, load_weights,
        manifest::{FORMAT, Golden, Manifest, Training},
        save_weights,
    },
    progress::Monitor,
    shards,
    text::TextSpace,
};

use learning::{
    device::DeviceChoice,
    models::{self, Index, MODELS},
    ranking,
    run::checkpoint::Checkpoint,
    words::{self, Words},
};

/// Terms of the weights of a run, unless others are given.
const LICENSE: &str = "MIT OR Apache-2.0";
/// What a run learned from, unless something else is given.
const DATA: &str = "synthetic rooms made by `trainer synth`; no scan, image or label of anybody";

/// Write `NAME-HASH/manifest.json` and the weights as f16, in pieces of at most 16 MiB, with golden
/// outputs that a client checks; `index.json` then names this model as the default network. A model
/// that was exported before is written again with its ranker, data and terms.
#[derive(Debug, Args)]
pub struct Export {
    /// Folder of the training run, one of its checkpoints, or folder of an exported model.
    run: PathBuf,
    /// Folder in which the model's folder is created.
    #[arg(long, default_value = MODELS)]
    out: PathBuf,
    /// Name of the model.
    #[arg(long, default_value = "nano")]
    name: String,
    /// SPDX expression for the weights, "MIT OR Apache-2.0" by default; change it if they were
    /// trained on data with other terms.
    #[arg(long, alias = "licence")]
    license: Option<String>,
    /// Folder of the text encoder in whose space the network was trained; by default the one that
    /// the run was trained with, or that of its name in static/models. It is copied beside the
    /// model, where the page looks for it.
    #[arg(long)]
    text_encoder: Option<PathBuf>,
    /// Description of the training data and its terms; by default that of a network that learned
    /// from synthetic rooms alone.
    #[arg(long)]
    data: Option<String>,
    /// Share of a scan's own means and variances in the network's normalizations, 0 to 1; by default
    /// that of the configuration. Train the ranker again afterwards.
    #[arg(long)]
    own_statistics: Option<f32>,
}

impl Export {
    /// Runs the command and prints the folder.
    ///
    /// # Errors
    /// Returns an error if there is no network, a weight does not fit f16, or the folder cannot be
    /// written.
    pub fn run(self) -> anyhow::Result<()> {
        let folder = export(&self)?;
        Ok(writeln!(std::io::stdout(), "{}", folder.display())?)
    }
}

/// What is exported.
struct Source {
    config: Config,
    network: SegDino3dVl,
    license: String,
    training: Training,
    ranker: Option<Ranker>,
    /// Folder of the text encoder that a run was trained with, if it names one.
    text_encoder: Option<PathBuf>,
}

impl Source {
    fn of(folder: &Path, device: &Device) -> anyhow::Result<Self> {
        let manifest = folder.join("manifest.json");
        if manifest.exists() {
            let manifest = Manifest::parse(&models::read(&manifest)?)?;
            let (config, network) = models::load_weights(folder, device)?;
            return Ok(Self {
                config,
                network,
                license: manifest.license,
                training: manifest.training,
                ranker: manifest.ranker,
                text_encoder: None,
            });
        }
        let checkpoint = Checkpoint::of(folder)?;
        let config = checkpoint.config.model.clone();
        let state = checkpoint.state.clone();
        Ok(Self {
            network: checkpoint.answering(SegDino3dVl::new(&config, device))?,
            config,
            license: LICENSE.into(),
            training: Training {
                data: DATA.into(),
                scenes: state.scenes,
                steps: state.steps,
                minutes: (state.seconds / 6.0).round() / 10.0,
            },
            ranker: ranking::read(folder)?,
            text_encoder: checkpoint.config.data.text_encoder.clone(),
        })
    }
}

fn export(options: &Export) -> anyhow::Result<PathBuf> {
    let device = DeviceChoice::Cpu.open()?;
    let mut source = Source::of(&options.run, &device)?;
    if let Some(share) = options.own_statistics {
        source.config.own_statistics = share;
        source.config.validate()?;
    }
    bring_encoder(options, &source)?;
    let Source {
        config,
        network,
        license,
        mut training,
        ranker,
        text_encoder: _,
    } = source;
    if let Some(data) = &options.data {
        training.data.clone_from(data);
    }
    let weights = save_weights(&network)?;
    // The golden outputs are those of the rounded weights, because clients have these.
    let network = load_weights(SegDino3dVl::new(&config, &device), &weights)?;
    let golden = pollster::block_on(Golden::ask(&network, &config, &device, &Monitor::silent()))?;
    let name = format!("{}-{}", options.name, &shards::sha256(&weights)[..8]);
    let folder = options.out.join(&name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let pieces = shards::split("weights", &weights).into_iter();
    let shards =
        pieces.map(|(shard, piece)| write(&folder.join(&shard.file), piece).map(|()| shard));
    let manifest = Manifest {
        format: FORMAT,
        name,
        text_encoder: config.text.encoder.clone(),
        config,
        shards: shards.collect::<anyhow::Result<_>>()?,
        license: options.license.clone().unwrap_or(license),
        training,
        golden,
        ranker,
    };
    // The manifest is written on one line: most of it is weights of the ranker, which would fill
    // 14 000 lines that no reader needs.
    let json = serde_json::to_vec(&manifest)?;
    Manifest::parse(&json)
        .context("the manifest of this run is not valid, so nothing could load the model")?;
    write(&folder.join("manifest.json"), &json)?;
    Index {
        network: manifest.name,
    }
    .write(&options.out)?;
    Ok(folder)
}

/// Puts the text encoder of the network beside it, where the page looks for it, unless it is there.
/// all-MiniLM-L6-v2 is fetched by `cargo xtask models`.
fn bring_encoder(options: &Export, source: &Source) -> anyhow::Result<()> {
    let space = &source.config.text;
    let trained_with = source.text_encoder.as_deref();
    let given = options.text_encoder.as_deref().or(trained_with);
    let (target, usual) = (options.out.join(space.folder()), TextSpace::default());
    if given.is_none() && (*space == usual || target.join("manifest.json").exists()) {
        let known = (*space != usual).then_some(target.as_path());
        Words::of(space, known)?;
        return Ok(());
    }
    // also checks that the encoder's space is the network's
    Words::of(space, given)?;
    let default = Path::new(MODELS).join(space.folder());
    let source = given.unwrap_or(&default);
    if target.exists() && source.canonicalize()? == target.canonicalize()? {
        return Ok(());
    }
    let manifest = words::encoder_manifest(source)?;
    fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    let listed = [&manifest.tokenizer];
    let listed = listed.into_iter().chain(&manifest.shards);
    for shard in listed.chain(&manifest.vocabulary) {
        let bytes = models::read(&source.join(&shard.file))?;
        shard
            .check(&bytes)
            .with_context(|| source.display().to_string())?;
        write(&target.join(&shard.file), &bytes)?;
    }
    // last, because a folder with a manifest is complete
    write(&target.join("manifest.json"), &manifest.json()?)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::model::{Config as ModelConfig, config::BackboneConfig};

    use super::*;
    use learning::{
        config::Config,
        run::checkpoint::{self, CHECKPOINT, State},
        run::optimizer::AdamW,
    };

    #[test]
    fn an_exported_checkpoint_loads_and_answers_as_promised() {
        let folder = tempfile::tempdir().unwrap();
        let mut config: Config = toml::from_str("[data]\nrooms = ['x']").unwrap();
        config.model = ModelConfig {
            backbone: BackboneConfig::SparseUnet {
                planes: vec![8, 8],
                grid: None,
            },
            d_model: 12,
            heads: 2,
            ffn: 8,
            layers: 1,
            ..ModelConfig::nano()
        };
        let device = DeviceChoice::Cpu.open().unwrap();
        let network = SegDino3dVl::new(&config.model, &device.clone().autodiff());
        let state = State {
            steps: 7,
            scenes: 14,
            ..State::default()
        };
        let path = folder.path().join(CHECKPOINT);
        checkpoint::save(
            &path,
            &network,
            &AdamW::new(&config.optimizer),
            None,
            &config,
            &state,
        )
        .unwrap();
        let made = export(&Export {
            run: folder.path().into(),
            out: folder.path().join("models"),
            name: "tiny".into(),
            license: Some("MIT".into()),
            text_encoder: None,
            data: Some("nothing".into()),
            own_statistics: None,
        })
        .unwrap();

        let manifest = Manifest::parse(&fs::read(made.join("manifest.json")).unwrap()).unwrap();
        assert_eq!(made.file_name().unwrap().to_str().unwrap(), manifest.name);
        assert_eq!((manifest.training.steps, manifest.training.scenes), (7, 14));
        let pieces: Vec<Vec<u8>> = manifest
            .shards
            .iter()
            .map(|s| fs::read(made.join(&s.file)).unwrap())
            .collect();
        let network = manifest
            .network(&manifest.join(&pieces).unwrap(), &device)
            .unwrap();
        pollster::block_on(manifest.verify(&network, &device, &Monitor::silent())).unwrap();

        let again = export(&Export {
            run: made.clone(),
            out: folder.path().join("again"),
            name: "tiny".into(),
            license: None,
            text_encoder: None,
            data: None,
            own_statistics: Some(0.5),
        })
        .unwrap();
        let blended = Manifest::parse(&fs::read(again.join("manifest.json")).unwrap()).unwrap();
        assert_eq!(blended.config.own_statistics, 0.5);
        let kept = |of: &Manifest| (of.name.clone(), of.license.clone(), of.training.clone());
        assert_eq!(kept(&blended), kept(&manifest));
        let verified = pollster::block_on(blended.verify(&network, &device, &Monitor::silent()));
        assert!(verified.is_err(), "it answers otherwise");
    }
}
