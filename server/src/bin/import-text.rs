//! `import-text`: a published text encoder as the files that the app fetches.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;
use segscape::text::{PublishedEncoder, TextManifest};

/// Converts a published text encoder into what the app fetches: all-MiniLM-L6-v2 and encoders like
/// it, or the text tower of a CLIP.
#[derive(Parser)]
struct Arguments {
    /// Folder with config.json, tokenizer.json and model.safetensors.
    source: PathBuf,
    /// Folder to write; the app looks for the encoder's name in lower case in static/models.
    #[arg(long)]
    out: PathBuf,
    /// Name of the encoder, which networks that were trained with it name in their manifest.
    #[arg(long)]
    name: String,
    /// SPDX expression for the license of the weights.
    #[arg(long)]
    license: String,
}

fn main() -> anyhow::Result<()> {
    let Arguments {
        source,
        out,
        name,
        license,
    } = Arguments::parse();
    let read = |name: &str| {
        let path = source.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let published = PublishedEncoder {
        config: &read("config.json")?,
        tokenizer: read("tokenizer.json")?,
        weights: &read("model.safetensors")?,
    };
    let files = TextManifest::files(&name, &license, published)
        .with_context(|| format!("cannot convert {}", source.display()))?;
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    // the manifest is the last one, so that a folder with a manifest is complete
    for (name, bytes) in files {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
