//! `trainer name`: names pictures with a CLIP.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use segscape::text::clip::{ClipVision, Pixels};

use learning::{
    device::DeviceChoice,
    words::{self, Words},
};

/// Print the words that are nearest to pictures in the space of a CLIP, with their cosines: the
/// quickest way to see that its files were brought right.
#[derive(Debug, Args)]
pub struct Name {
    /// Folder with the CLIP's published files: config.json, model.safetensors and, if there is one,
    /// preprocessor_config.json.
    clip: PathBuf,
    /// JPEG or PNG files.
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// Folder of the same CLIP's text encoder, with manifest.json.
    #[arg(long)]
    text_encoder: PathBuf,
    /// Words to choose from, as in "chair . table, sofa"; the built-in nouns if not given.
    #[arg(long, default_value = "")]
    prompt: String,
    /// Largest number of words per picture.
    #[arg(long, default_value_t = 5)]
    words: usize,
    /// Device to run the image tower on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

impl Name {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged, or if the two towers are of two spaces.
    pub fn run(self) -> anyhow::Result<()> {
        let space = words::encoder_manifest(&self.text_encoder)?.space();
        let words = Words::of(&space, Some(&self.text_encoder))?;
        let encoder = words::load_image_encoder(&self.clip, &space, &self.device.open()?)?;
        let choice = choice(&words, &self.prompt)?;
        for path in &self.pictures {
            let vector = embed(&encoder, path)?;
            let mut near: Vec<(f32, &str)> = choice
                .iter()
                .map(|(name, word)| (word.iter().zip(&vector).map(|(a, b)| a * b).sum(), &**name))
                .collect();
            near.sort_by(|a, b| b.0.total_cmp(&a.0));
            near.truncate(self.words);
            let near = near
                .iter()
                .map(|(cosine, name)| format!("{name} ({cosine:.3})"));
            let near = near.collect::<Vec<_>>().join(", ");
            writeln!(std::io::stdout(), "{}: {near}", path.display())?;
        }
        Ok(())
    }
}

/// The words to choose from, with their embeddings.
fn choice(words: &Words, prompt: &str) -> anyhow::Result<Vec<(String, Vec<f32>)>> {
    let vocabulary = words.vocabulary();
    if prompt.is_empty() {
        let nouns = vocabulary.names().iter().enumerate();
        let noun = |(index, name): (usize, &&str)| {
            ((*name).to_owned(), vocabulary.embedding(index).to_vec())
        };
        return Ok(nouns.map(noun).collect());
    }
    let terms = words.terms(prompt)?.into_iter();
    terms
        .map(|term| {
            let cannot = || format!("the text encoder cannot read \"{}\"", term.name);
            let embedding = term.embedding.with_context(cannot)?;
            Ok((term.name, embedding))
        })
        .collect()
}

fn embed(encoder: &ClipVision, path: &Path) -> anyhow::Result<Vec<f32>> {
    let picture = image::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let picture = picture.to_rgb8();
    let (columns, rows) = picture.dimensions();
    let vectors = pollster::block_on(encoder.embed(&[Pixels {
        size: [rows as usize, columns as usize],
        rgb: picture.as_raw(),
    }]));
    let vectors = vectors.with_context(|| path.display().to_string())?;
    vectors
        .into_iter()
        .next()
        .context("there is one vector a picture")
}
