//! What words mean to a network: the nouns in the space of its text encoder, and the encoder itself
//! for all other words.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::Context;
use burn::tensor::Device;
use segscape::{
    instances::query::{PromptTerm, Question},
    text::{
        TextEncoder, TextManifest, TextSpace, Vocabulary,
        clip::{ClipVision, PublishedVision},
        meaning,
    },
};

use crate::models::{MODELS, pieces, read};

/// The words of one space. The encoder is loaded when a word is not among the nouns.
pub struct Words {
    vocabulary: Vocabulary,
    /// Folder of the encoder.
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    encoder: Option<Box<dyn TextEncoder>>,
    /// What the encoder made of words before; `None` for those that it cannot read.
    known: HashMap<String, Option<Vec<f32>>>,
    /// Names of classes that could not be read.
    reported: HashSet<String>,
}

impl Words {
    /// The words of the space, from an encoder's `folder`: the one that is named, otherwise the
    /// encoder's own in [`MODELS`]. The nouns of all-MiniLM-L6-v2 need no folder.
    ///
    /// # Errors
    /// Returns an error if the folder has an encoder of another space, or no nouns.
    pub fn of(space: &TextSpace, folder: Option<&Path>) -> anyhow::Result<Self> {
        let vocabulary = if folder.is_none() && space == Vocabulary::shipped().space() {
            Vocabulary::shipped().clone()
        } else {
            let folder = folder_of(space, folder);
            let manifest = manifest_of(&folder, space)?;
            nouns(&manifest, &folder)?
        };
        Ok(Self {
            vocabulary,
            folder: folder_of(space, folder),
            state: Mutex::default(),
        })
    }

    /// The words of all-MiniLM-L6-v2, the usual ones.
    #[must_use]
    pub fn usual() -> Self {
        let vocabulary = Vocabulary::shipped().clone();
        Self {
            folder: folder_of(vocabulary.space(), None),
            vocabulary,
            state: Mutex::default(),
        }
    }

    /// The nouns, which need no encoder.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The unit embedding of a word: that of a noun that it is a spelling of, otherwise what the
    /// encoder makes of it. `None` if it has no letters or none that the encoder can read.
    ///
    /// # Errors
    /// Returns an error if an encoder is needed and missing, damaged or of another space.
    pub fn embedding(&self, word: &str) -> anyhow::Result<Option<Vec<f32>>> {
        if let Some(noun) = self.vocabulary.lookup(word) {
            return Ok(Some(noun.to_vec()));
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.known.get(word) {
            return Ok(known.clone());
        }
        let embedding = match meaning::unreadable(word) {
            Some(_) => None,
            None => Some(
                self.encode(&mut state, word)
                    .with_context(|| format!("\"{word}\" is not among the built-in nouns"))?
                    .1,
            ),
        };
        state.known.insert(word.to_owned(), embedding.clone());
        Ok(embedding)
    }

    /// The embedding of a class's name; `None` if there is no name, or none that can be read. The
    /// first time that a name cannot be read is reported.
    pub(crate) fn class(&self, name: &str) -> Option<Vec<f32>> {
        if name.is_empty() {
            return None;
        }
        let problem = match self.embedding(name) {
            Ok(Some(embedding)) => return Some(embedding),
            Ok(None) => "the text encoder cannot read it".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.reported.insert(name.to_owned()) {
            tracing::warn!("objects called \"{name}\" train without a class: {problem}");
        }
        None
    }

    /// The terms of a prompt, in the space of these words.
    ///
    /// # Errors
    /// Returns an error if the prompt cannot be parsed, or as for [`Self::embedding`].
    pub fn terms(&self, prompt: &str) -> anyhow::Result<Vec<PromptTerm>> {
        let mut question = Question::parse(prompt, &self.vocabulary)?;
        let unread: Vec<String> = question.unread().into_iter().map(str::to_owned).collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &unread {
            let (in_pieces, embedding) = self
                .encode(&mut state, name)
                .with_context(|| format!("\"{name}\" is not among the built-in nouns"))?;
            question.read(name, in_pieces, embedding);
        }
        Ok(question.terms())
    }

    /// Whether the encoder puts a word together from pieces, and the unit embedding.
    fn encode(&self, state: &mut State, word: &str) -> anyhow::Result<(bool, Vec<f32>)> {
        if state.encoder.is_none() {
            let (_, encoder) = load_encoder(&self.folder)?;
            same_space(self.vocabulary.space(), encoder.space(), &self.folder)?;
            state.encoder = Some(encoder);
        }
        let encoder = state.encoder.as_ref().context("the encoder was loaded")?;
        let embedding = pollster::block_on(encoder.embed(&[word]))?.remove(0);
        Ok((encoder.in_pieces(word)?, embedding))
    }
}

fn folder_of(space: &TextSpace, folder: Option<&Path>) -> PathBuf {
    folder.map_or_else(|| Path::new(MODELS).join(space.folder()), Path::to_owned)
}

/// The manifest of an encoder in its folder.
///
/// # Errors
/// Returns an error if there is none, or it is malformed.
pub fn encoder_manifest(folder: &Path) -> anyhow::Result<TextManifest> {
    let path = folder.join("manifest.json");
    let json = read(&path).context(
        "the text encoder is missing: `cargo xtask models` fetches all-MiniLM-L6-v2, and `import-text` converts others",
    )?;
    TextManifest::parse(&json).with_context(|| path.display().to_string())
}

fn manifest_of(folder: &Path, space: &TextSpace) -> anyhow::Result<TextManifest> {
    let manifest = encoder_manifest(folder)?;
    same_space(space, &manifest.space(), folder)?;
    Ok(manifest)
}

fn same_space(network: &TextSpace, encoder: &TextSpace, folder: &Path) -> anyhow::Result<()> {
    network
        .check("the network", encoder, "the text encoder")
        .with_context(|| folder.display().to_string())
}

/// The nouns in the space of an encoder: its own table, or the built-in one.
fn nouns(manifest: &TextManifest, folder: &Path) -> anyhow::Result<Vocabulary> {
    if manifest.space() == *Vocabulary::shipped().space() {
        return Ok(Vocabulary::shipped().clone());
    }
    let found = || {
        let table = read(&folder.join(&manifest.vocabulary_file()?.file))?;
        anyhow::Ok(manifest.load_vocabulary(&table)?)
    };
    found().with_context(|| folder.display().to_string())
}

/// Loads the image tower of a CLIP on `device`, from a folder with its published files:
/// `config.json`, `model.safetensors` and, if there is one, `preprocessor_config.json`. Its vectors
/// can be compared with those of the text encoder of the same CLIP, whose `space` it gets.
///
/// # Errors
/// Returns an error if a file is missing or damaged, or if its vectors have another width than the
/// space.
pub fn load_image_encoder(
    folder: &Path,
    space: &TextSpace,
    device: &Device,
) -> anyhow::Result<ClipVision> {
    let preprocessor = folder.join("preprocessor_config.json");
    let preprocessor = preprocessor.exists().then(|| read(&preprocessor));
    let preprocessor = preprocessor.transpose()?;
    let published = PublishedVision {
        config: &read(&folder.join("config.json"))?,
        preprocessor: preprocessor.as_deref(),
        weights: &read(&folder.join("model.safetensors"))?,
    };
    let encoder = ClipVision::load(&space.encoder, &published, device);
    let encoder = encoder.with_context(|| folder.display().to_string())?;
    space
        .check("the text encoder", encoder.space(), "the image encoder")
        .with_context(|| folder.display().to_string())?;
    Ok(encoder)
}

/// Loads an encoder on the CPU, with its manifest.
///
/// # Errors
/// Returns an error if it is missing or damaged.
pub fn load_encoder(folder: &Path) -> anyhow::Result<(TextManifest, Box<dyn TextEncoder>)> {
    let manifest = encoder_manifest(folder)?;
    let tokenizer = read(&folder.join(&manifest.tokenizer.file))?;
    let weights = pieces(folder, &manifest.shards)?;
    let encoder = manifest.load(&tokenizer, &weights, &Device::flex());
    let encoder = encoder.with_context(|| folder.display().to_string())?;
    Ok((manifest, encoder))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use segscape::text::{PublishedEncoder, quantize};

    use super::*;

    /// A tiny CLIP that transformers saved, as `import-text` converts it, with random nouns.
    pub(crate) fn clip(folder: &Path) -> TextSpace {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/clip");
        let read = |name: &str| fs::read(golden.join(name)).unwrap();
        let published = PublishedEncoder {
            config: &read("config.json"),
            tokenizer: read("tokenizer.json"),
            weights: &read("model.safetensors"),
        };
        for (name, bytes) in TextManifest::files("clip-tiny", "MIT", published).unwrap() {
            fs::write(folder.join(name), bytes).unwrap();
        }
        let mut manifest = encoder_manifest(folder).unwrap();
        let width = manifest.space().width;
        let nouns = Vocabulary::shipped().names().len();
        let value = |i: usize| (i * 7919 % 997) as f32 / 498.0 - 1.0;
        let values: Vec<f32> = (0..nouns * width).map(value).collect();
        let table: Vec<u8> = values.chunks_exact(width).flat_map(quantize).collect();
        let file = manifest.set_vocabulary(&table).unwrap();
        fs::write(folder.join(file), table).unwrap();
        fs::write(folder.join("manifest.json"), manifest.json().unwrap()).unwrap();
        manifest.space()
    }

    #[test]
    fn words_outside_the_nouns_are_read_by_the_encoder() {
        let folder = tempfile::tempdir().unwrap();
        let space = clip(folder.path());
        let words = Words::of(&space, Some(folder.path())).unwrap();
        let noun = words.vocabulary().lookup("chair").map(<[f32]>::to_vec);
        assert_eq!(words.embedding("Chairs").unwrap(), noun);
        let read = words.embedding("gronkulator").unwrap().unwrap();
        assert_eq!(read.len(), space.width);
        let length = read.iter().map(|v| v * v).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
        assert_eq!(words.embedding("椅子").unwrap(), None);
        let terms = words.terms("chair, gronkulator, 椅子").unwrap();
        let embeddings: Vec<_> = terms.into_iter().map(|term| term.embedding).collect();
        assert_eq!(embeddings, [noun, Some(read), None]);
    }

    #[test]
    fn pictures_lie_in_the_space_of_the_words_of_their_clip() {
        let folder = tempfile::tempdir().unwrap();
        let space = clip(folder.path());
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/clip");
        let device = Device::flex();
        let encoder = load_image_encoder(&golden, &space, &device).unwrap();
        assert_eq!(*encoder.space(), space);
        let wide = TextSpace { width: 8, ..space };
        let error = load_image_encoder(&golden, &wide, &device).err().unwrap();
        let error = format!("{error:#}");
        assert!(
            error.contains("clip-tiny (8 values)") && error.contains("clip-tiny (40 values)"),
            "{error}"
        );
    }

    #[test]
    fn an_encoder_of_another_space_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let space = clip(folder.path());
        let usual = Vocabulary::shipped().space();
        let error = format!("{:#}", Words::of(usual, Some(folder.path())).err().unwrap());
        for space in [&space, usual] {
            assert!(error.contains(&space.to_string()), "{error}");
        }
        // the same name and another width
        let wide = TextSpace { width: 8, ..space };
        let error = format!("{:#}", Words::of(&wide, Some(folder.path())).err().unwrap());
        assert!(error.contains("clip-tiny (8 values)"), "{error}");
        let error = Words::of(&wide, None).err().unwrap();
        assert!(format!("{error:#}").contains("clip-tiny"), "{error:#}");
    }
}
