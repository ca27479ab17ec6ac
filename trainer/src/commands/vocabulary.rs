//! `trainer vocabulary`: embeds the built-in nouns with a text encoder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use segscape::text::{TextEncoder, TextSpace, quantize};

use learning::{models::MODELS, words};

/// The list of nouns, from which the built-in table is made.
const LIST: &str = "core/src/text/vocabulary.txt";

/// Embed the built-in nouns. For all-MiniLM-L6-v2 this writes vocabulary.i8 beside the list, which
/// the next build takes in; for another text encoder it writes vocabulary.i8 into its folder.
#[derive(Debug, Args)]
pub struct Vocabulary {
    /// The list of all-MiniLM-L6-v2's nouns, with one noun per line.
    #[arg(default_value = LIST)]
    list: PathBuf,
    /// Folder of another text encoder, with manifest.json, as `import-text` writes it.
    #[arg(long)]
    text_encoder: Option<PathBuf>,
}

impl Vocabulary {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if the list cannot be read, or if the text encoder is missing.
    pub fn run(self) -> anyhow::Result<()> {
        let usual = TextSpace::default();
        let folder = self.text_encoder;
        let folder = folder.unwrap_or_else(|| Path::new(MODELS).join(usual.folder()));
        let (mut manifest, encoder) = words::load_encoder(&folder)?;
        if manifest.space() == usual {
            let list = fs::read_to_string(&self.list)
                .with_context(|| format!("cannot read {}", self.list.display()))?;
            let nouns: Vec<&str> = list.lines().collect();
            return write(&self.list.with_extension("i8"), &table(&*encoder, &nouns)?);
        }
        anyhow::ensure!(
            self.list == Path::new(LIST),
            "{} reads the built-in nouns, not {}: only the list of {usual} can be another one",
            manifest.space(),
            self.list.display()
        );
        let table = table(&*encoder, segscape::text::Vocabulary::shipped().names())?;
        let file = manifest.set_vocabulary(&table)?;
        write(&folder.join(file), &table)?;
        write(&folder.join("manifest.json"), &manifest.json()?)
    }
}

/// One row per noun.
fn table(encoder: &dyn TextEncoder, nouns: &[&str]) -> anyhow::Result<Vec<u8>> {
    let bar = indicatif::ProgressBar::new(nouns.len() as u64);
    let mut table = Vec::new();
    for noun in bar.wrap_iter(nouns.iter()) {
        let embedding = pollster::block_on(encoder.embed(&[noun]))?;
        table.extend(quantize(&embedding[0]));
    }
    Ok(table)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
