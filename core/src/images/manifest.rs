//! Descriptions of 2D models: which files, which names of inputs and outputs, which pixels.

use serde::{Deserialize, Serialize};

use super::{ImageModelError, onnx::interpolates_cubically};
use crate::{shards::sha256, text::TextSpace};

/// Version of the format of manifests.
pub const FORMAT: u32 = 1;
/// Longest side of a graph's input, pixels.
pub const MAX_INPUT_SIDE: usize = 4096;
/// Largest file of a model. A wasm memory ends at 4 GiB and holds a file, its weights and what is
/// computed from them.
#[cfg(target_family = "wasm")]
pub const MAX_MODEL_BYTES: u64 = 1 << 30;
/// Largest file of a model; the format that the file is in ends here.
#[cfg(not(target_family = "wasm"))]
pub const MAX_MODEL_BYTES: u64 = 1 << 31;
/// Most embeddings that a mask model's decoder takes from its encoder.
const MAX_EMBEDDINGS: usize = 8;
/// Largest factor of cosines: CLIP is trained with at most 100, SigLIP with somewhat more.
const MAX_SCALE: f32 = 1000.0;
/// Longest text of a manifest.
const MAX_TEXT: usize = 300;

/// How a 2D model is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageModelManifest {
    /// Version of the format: [`FORMAT`].
    pub image_model: u32,
    /// Name of the model, for people.
    pub name: String,
    /// SPDX expression of the license of the weights.
    pub license: String,
    /// Address of the page that offers the model.
    pub source: String,
    /// The input of the graph that takes the picture.
    pub input: ImageInput,
    /// The purpose of the model, and its graphs.
    pub task: ImageModelTask,
}

/// The input of the graph that takes the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// The size to which pictures are brought.
    pub size: InputSize,
    /// The filter of the resizing.
    pub filter: super::ResizeFilter,
    /// Size of the input if the resized picture is padded, below and to the right, with zeros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad_to: Option<[usize; 2]>,
    /// Subtracted from the values of a channel, which are 0..=1.
    pub mean: [f32; 3],
    /// Divisor of the values of a channel after that.
    pub std: [f32; 3],
    /// Order of the input's axes.
    pub layout: PixelLayout,
}

/// The size to which pictures are brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InputSize {
    /// Exactly these rows and columns, whatever the picture's aspect.
    Fixed([usize; 2]),
    /// The longer side has this many pixels.
    LongSide(usize),
    /// The longer side has about this many pixels, and both are multiples of a patch.
    Patches {
        /// Pixels of the longer side.
        long_side: usize,
        /// Pixels of a patch's side.
        patch: usize,
    },
    /// The picture covers these rows and columns, and what is beyond them is cut off evenly.
    Cover([usize; 2]),
}

/// Order of the axes of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelLayout {
    /// `(1, 3, rows, columns)`
    Nchw,
    /// `(1, rows, columns, 3)`
    Nhwc,
    /// `(rows, columns, 3)`
    Hwc,
}

/// The purpose of a model, with its graphs.
#[allow(clippy::large_enum_variant, reason = "a program has a few of them")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageModelTask {
    /// Masks for prompts: an encoder for the picture, a decoder for each prompt.
    Masks(MaskGraphs),
    /// A grid of features.
    Features(FeatureGraph),
    /// An embedding in the space of a text encoder.
    ImageText(TowerGraph),
}

/// The graphs of a mask model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskGraphs {
    /// Takes the picture.
    pub encoder: EncoderGraph,
    /// The encoder's outputs that the decoder takes.
    pub embeddings: Vec<Carried>,
    /// Takes a prompt.
    pub decoder: DecoderGraph,
}

/// A graph that takes the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderGraph {
    /// The file.
    pub file: ModelFile,
    /// Name of the input.
    pub image: String,
}

/// An output of the encoder that is an input of the decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// Name of the encoder's output.
    pub from: String,
    /// Name of the decoder's input.
    pub to: String,
}

/// A graph that takes a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderGraph {
    /// The file.
    pub file: ModelFile,
    /// Name of the input `(1, points, 2)`: x and y in pixels of the encoder's input.
    pub points: String,
    /// Name of the input `(1, points)`: 1 on the object, 0 not on it, 2 and 3 the first and the
    /// last corner of a box, -1 for a point that is not one.
    pub labels: String,
    /// The input that takes a mask as a prompt; it is given zeros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_input: Option<MaskInput>,
    /// Name of the input `(1)` that says whether there is a mask prompt; it is given 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_mask_input: Option<String>,
    /// Name of the input `(2)` that takes rows and columns of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_size: Option<String>,
    /// `true` if the decoder expects a point with the label -1 after points without a box.
    pub padding_point: bool,
    /// Name of the output `(1, masks, rows, columns)`: logits.
    pub masks: String,
    /// What the output spans.
    pub span: Span,
    /// Name of the output `(1, masks)`: the predicted quality of each mask.
    pub scores: String,
    /// Index of the mask for prompts that leave no choice, if the decoder has one; the others are
    /// for a single point, which may mean a thing or a part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_mask: Option<usize>,
}

/// The input that takes a mask as a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskInput {
    /// Name of the input `(1, 1, rows, columns)`.
    pub name: String,
    /// Rows and columns.
    pub size: [usize; 2],
}

/// What a decoder's masks span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// The encoder's input, with its padding.
    Input,
    /// The picture.
    Picture,
}

/// The graph of a model that gives a grid of features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureGraph {
    /// The graph.
    pub encoder: EncoderGraph,
    /// Name of the output.
    pub output: String,
    /// Form of the output.
    pub grid: GridForm,
}

/// Form of an output that is a grid of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GridForm {
    /// `(1, tokens, channels)`: some tokens that are not patches, then the patches row by row.
    Tokens {
        /// Pixels of a patch's side.
        patch: usize,
        /// Number of tokens before the patches.
        before: usize,
    },
    /// `(1, channels, rows, columns)`
    Nchw,
}

/// The graph of a model that embeds pictures in the space of a text encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TowerGraph {
    /// The graph.
    pub encoder: EncoderGraph,
    /// Name of the output `(1, channels)`.
    pub output: String,
    /// Name of the text encoder in whose space the embeddings lie, as in [`TextSpace`].
    ///
    /// [`TextSpace`]: crate::text::TextSpace
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_encoder: Option<String>,
    /// Factor of the cosines with words before a softmax; 100 if absent, that of the released CLIPs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logit_scale: Option<f32>,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Name of the file, beside the manifest.
    pub file: String,
    /// Address that the file can be fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Length; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 in lower-case hexadecimal; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl ModelFile {
    /// Checks that `bytes` are this file.
    ///
    /// # Errors
    /// [`ImageModelError::AnotherFile`], [`ImageModelError::TooLarge`]
    pub fn check(&self, bytes: &[u8]) -> Result<(), ImageModelError> {
        self.check_length(bytes.len() as u64)?;
        let Some(expected) = &self.sha256 else {
            return Ok(());
        };
        let found = sha256(bytes);
        if found == *expected {
            Ok(())
        } else {
            Err(self.another("SHA-256", found, expected.clone()))
        }
    }

    /// Checks a length, before a file is read.
    ///
    /// # Errors
    /// [`ImageModelError::AnotherFile`], [`ImageModelError::TooLarge`]
    pub fn check_length(&self, bytes: u64) -> Result<(), ImageModelError> {
        if bytes > MAX_MODEL_BYTES {
            let file = self.file.clone();
            return Err(ImageModelError::TooLarge { file, bytes });
        }
        match self.bytes {
            Some(expected) if expected != bytes => {
                Err(self.another("length", bytes.to_string(), expected.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// What the runtime computes otherwise than the graph `bytes` says, in words for the user.
    pub fn remark(&self, bytes: &[u8]) -> Option<String> {
        interpolates_cubically(bytes).then(|| {
            format!(
                "{} interpolates cubically, which the runtime does linearly; use the model's own input size, or export it with constants folded",
                self.file
            )
        })
    }

    fn another(&self, what: &'static str, found: String, expected: String) -> ImageModelError {
        let file = self.file.clone();
        ImageModelError::AnotherFile {
            file,
            what,
            found,
            expected,
        }
    }
}

impl ImageModelManifest {
    /// Parses a manifest and checks everything that can be checked without the files.
    ///
    /// # Errors
    /// [`ImageModelError::Manifest`]
    pub fn parse(json: &[u8]) -> Result<Self, ImageModelError> {
        #[derive(Deserialize)]
        struct Version {
            image_model: u32,
        }
        let malformed = |error: serde_json::Error| ImageModelError::Manifest(error.to_string());
        let Version { image_model } = serde_json::from_slice(json).map_err(malformed)?;
        if image_model != FORMAT {
            return Err(ImageModelError::Manifest(format!(
                "its format is {image_model}, this program reads {FORMAT}"
            )));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(malformed)?;
        manifest.check().map_err(ImageModelError::Manifest)?;
        Ok(manifest)
    }

    /// The purpose in words.
    pub fn kind(&self) -> &'static str {
        match self.task {
            ImageModelTask::Masks(_) => "masks",
            ImageModelTask::Features(_) => "features",
            ImageModelTask::ImageText(_) => "image embeddings",
        }
    }

    /// The files, in the order in which they are loaded.
    pub fn files(&self) -> Vec<&ModelFile> {
        match &self.task {
            ImageModelTask::Masks(masks) => vec![&masks.encoder.file, &masks.decoder.file],
            ImageModelTask::Features(features) => vec![&features.encoder.file],
            ImageModelTask::ImageText(tower) => vec![&tower.encoder.file],
        }
    }

    /// The manifest with length and SHA-256 of the files that are used, given in the order of
    /// [`Self::files`]: from then on no other files pass as these.
    #[must_use]
    pub fn pinned(mut self, files: &[impl AsRef<[u8]>]) -> Self {
        let listed = match &mut self.task {
            ImageModelTask::Masks(masks) => {
                vec![&mut masks.encoder.file, &mut masks.decoder.file]
            }
            ImageModelTask::Features(features) => vec![&mut features.encoder.file],
            ImageModelTask::ImageText(tower) => vec![&mut tower.encoder.file],
        };
        for (listed, file) in listed.into_iter().zip(files) {
            listed.bytes = Some(file.as_ref().len() as u64);
            listed.sha256 = Some(sha256(file.as_ref()));
        }
        self
    }

    fn check(&self) -> Result<(), String> {
        for (what, text) in [
            ("name", &self.name),
            ("license", &self.license),
            ("source", &self.source),
        ] {
            if text.trim().is_empty() || text.len() > MAX_TEXT {
                return Err(format!(
                    "`{what}` has {} bytes, it must have 1 to {MAX_TEXT}",
                    text.len()
                ));
            }
        }
        if !self.source.starts_with("https://") {
            return Err(format!(
                "`source` must begin with https://, it is {}",
                self.source
            ));
        }
        self.input.check()?;
        let files = self.files();
        for (i, file) in files.iter().enumerate() {
            file.check_entry()?;
            if files[..i].iter().any(|other| other.file == file.file) {
                return Err(format!("the file {} is listed twice", file.file));
            }
        }
        let cuts = matches!(self.input.size, InputSize::Cover(_));
        match &self.task {
            ImageModelTask::Masks(masks) => {
                if cuts {
                    return Err("`cover` cuts pictures, a model for masks must see all".into());
                }
                masks.check()
            }
            ImageModelTask::Features(features) => {
                if cuts {
                    return Err("`cover` cuts pictures, a model for features must see all".into());
                }
                named(&[
                    ("image", &features.encoder.image),
                    ("output", &features.output),
                ])?;
                match features.grid {
                    GridForm::Tokens { patch, before } => {
                        side("patch", patch)?;
                        within("before", before, 0, 64)
                    }
                    GridForm::Nchw => Ok(()),
                }
            }
            ImageModelTask::ImageText(tower) => {
                if self.input.pad_to.is_some() {
                    return Err("`pad_to` is not for models that embed whole pictures".into());
                }
                if let Some(scale) = tower.logit_scale
                    && !(scale > 0.0 && scale <= MAX_SCALE)
                {
                    return Err(format!(
                        "`logit_scale` is {scale}, it must be above 0 and at most {MAX_SCALE}"
                    ));
                }
                if let Some(encoder) = &tower.text_encoder {
                    // The width is not known before the model runs.
                    let space = TextSpace {
                        encoder: encoder.clone(),
                        width: 1,
                    };
                    space.validate().map_err(|error| error.to_string())?;
                }
                named(&[("image", &tower.encoder.image), ("output", &tower.output)])
            }
        }
    }
}

impl ImageInput {
    fn check(&self) -> Result<(), String> {
        let largest = match self.size {
            InputSize::Fixed(size) | InputSize::Cover(size) => {
                side("size", size[0])?;
                side("size", size[1])?;
                size
            }
            InputSize::LongSide(long) => {
                side("long_side", long)?;
                [long; 2]
            }
            InputSize::Patches { long_side, patch } => {
                side("long_side", long_side)?;
                side("patch", patch)?;
                if patch > long_side {
                    return Err(format!("`patch` {patch} is above `long_side` {long_side}"));
                }
                [(long_side + patch / 2) / patch * patch; 2]
            }
        };
        if let Some(pad_to) = self.pad_to {
            side("pad_to", pad_to[0])?;
            side("pad_to", pad_to[1])?;
            if matches!(self.size, InputSize::Cover(_))
                || pad_to[0] < largest[0]
                || pad_to[1] < largest[1]
            {
                return Err(format!(
                    "`pad_to` {pad_to:?} must be at least the resized picture, {largest:?}"
                ));
            }
        }
        for (mean, std) in self.mean.iter().zip(self.std) {
            if !mean.is_finite() || !std.is_finite() || std.abs() < 1e-6 {
                return Err(format!(
                    "`mean` {:?} must be finite and `std` {:?} not zero",
                    self.mean, self.std
                ));
            }
        }
        Ok(())
    }
}

impl MaskGraphs {
    fn check(&self) -> Result<(), String> {
        within("embeddings", self.embeddings.len(), 1, MAX_EMBEDDINGS)?;
        let decoder = &self.decoder;
        let mut inputs = vec![("points", &decoder.points), ("labels", &decoder.labels)];
        inputs.extend(
            decoder
                .mask_input
                .iter()
                .map(|mask| ("mask_input", &mask.name)),
        );
        inputs.extend(
            decoder
                .has_mask_input
                .iter()
                .map(|name| ("has_mask_input", name)),
        );
        inputs.extend(
            decoder
                .original_size
                .iter()
                .map(|name| ("original_size", name)),
        );
        inputs.extend(self.embeddings.iter().map(|carried| ("to", &carried.to)));
        named(&inputs)?;
        let outputs: Vec<_> = self.embeddings.iter().map(|c| ("from", &c.from)).collect();
        named(&outputs)?;
        named(&[("image", &self.encoder.image)])?;
        named(&[("masks", &decoder.masks), ("scores", &decoder.scores)])?;
        if let Some(mask) = &decoder.mask_input {
            side("mask_input", mask.size[0])?;
            side("mask_input", mask.size[1])?;
        }
        within("single_mask", decoder.single_mask.unwrap_or(0), 0, 15)
    }
}

impl ModelFile {
    fn check_entry(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let Self {
            file,
            url,
            bytes,
            sha256,
        } = self;
        if file.is_empty() || file.starts_with('.') || file.len() > 128 || !file.chars().all(plain)
        {
            return Err(format!("\"{file}\" is not a plain file name"));
        }
        if let Some(bytes) = bytes
            && !(1..=MAX_MODEL_BYTES).contains(bytes)
        {
            return Err(format!(
                "{file} has {bytes} bytes, the limits are 1 and {MAX_MODEL_BYTES}"
            ));
        }
        if let Some(hash) = sha256
            && (hash.len() != 64
                || !hash
                    .bytes()
                    .all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)))
        {
            return Err(format!(
                "the SHA-256 of {file} must be 64 hexadecimal digits in lower case, not \"{hash}\""
            ));
        }
        match url {
            Some(url) if !url.starts_with("https://") => Err(format!(
                "the address of {file} must begin with https://, it is {url}"
            )),
            _ => Ok(()),
        }
    }
}

/// Checks that names are there and differ.
fn named(names: &[(&str, &String)]) -> Result<(), String> {
    for (i, (what, name)) in names.iter().enumerate() {
        if name.is_empty() || name.len() > MAX_TEXT {
            return Err(format!(
                "`{what}` has {} bytes, it must have 1 to {MAX_TEXT}",
                name.len()
            ));
        }
        if names[..i].iter().any(|(_, other)| other == name) {
            return Err(format!("the name \"{name}\" is used twice"));
        }
    }
    Ok(())
}

fn side(what: &str, value: usize) -> Result<(), String> {
    within(what, value, 1, MAX_INPUT_SIDE)
}

fn within(what: &str, value: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("`{what}` is {value}, it must be {least} to {most}"))
    }
}
