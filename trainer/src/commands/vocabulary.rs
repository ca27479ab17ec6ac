//! `trainer vocabulary`: makes the shipped table of embeddings from its list of nouns.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use segscape::text::{TextEncoder as _, quantize};

use learning::models;

/// Embed every line of vocabulary.txt and write vocabulary.i8 beside it.
#[derive(Debug, Args)]
pub struct Vocabulary {
    /// The list, with one noun per line.
    #[arg(default_value = "core/src/text/vocabulary.txt")]
    list: PathBuf,
}

impl Vocabulary {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if the list cannot be read, or if the text encoder is missing.
    pub fn run(self) -> anyhow::Result<()> {
        let list = fs::read_to_string(&self.list)
            .with_context(|| format!("cannot read {}", self.list.display()))?;
        let encoder = models::load_text_encoder()?;
        let bar = indicatif::ProgressBar::new(list.lines().count() as u64);
        let mut table = Vec::new();
        for noun in bar.wrap_iter(list.lines()) {
            table.extend(quantize(&pollster::block_on(encoder.embed(&[noun]))?[0]));
        }
        let out = self.list.with_extension("i8");
        fs::write(&out, table).with_context(|| format!("cannot write {}", out.display()))
    }
}
