//! `import-text`: the published text encoder as the files that the app fetches.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;
use segscape::text::TextManifest;

/// Converts the published all-MiniLM-L6-v2 into what the app fetches.
#[derive(Parser)]
struct Arguments {
    /// Folder with model.safetensors and tokenizer.json.
    source: PathBuf,
    /// Folder to write.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { source, out } = Arguments::parse();
    let read = |name: &str| {
        let path = source.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let files = TextManifest::files(&read("model.safetensors")?, read("tokenizer.json")?)
        .with_context(|| format!("cannot convert {}", source.display()))?;
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    // the manifest is the last one, so that a folder with a manifest is complete
    for (name, bytes) in files {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
