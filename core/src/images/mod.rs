//! 2D models that people bring: ONNX files with a manifest that says how they are used.
//!
//! Three traits are what the rest of the project knows: [`MaskModel`] (a picture and a prompt give
//! masks), [`ImageFeatures`] (a picture gives a grid of features) and [`ImageText`] (a picture
//! gives an embedding in the space of a text encoder). [`ImageModelManifest`] describes a model,
//! and [`ImageModel`] is one that is loaded: its graphs run in rten, on the CPU, natively and in
//! wasm. [`embed_things`] finds the best pictures of things and embeds them. `docs/2d-models.md` is the
//! guide, `configs/image-models` has ready manifests.
//!
//! Positions in pictures are in pixels, `[x, y]`; the corner of the picture is at 0, the center of
//! its first pixel at 0.5. Sizes are `[rows, columns]`.

mod automatic;
mod best_pictures;
mod crops;
mod features;
mod image_text;
mod manifest;
mod mask_model;
mod onnx;
mod picture;
mod pixels;
mod wire;

pub use automatic::{AutomaticMasks, FoundMask, Runs, automatic_masks};
pub use best_pictures::{
    FrameProblem, PictureSource, PosedPictures, SeenThing, SeenThings, ThingPicture, Things,
    embed_things,
};
pub use features::{FeatureGrid, ImageFeatures, mask_feature, pooled};
pub use image_text::{ImageText, ImageTower};
pub use manifest::{
    FORMAT, ImageInput, ImageModelManifest, ImageModelTask, MAX_INPUT_SIDE, MAX_MODEL_BYTES,
    ModelFile,
};
pub use mask_model::{EncodedPicture, MaskLogits, MaskModel, MaskPrompt, SegmentAnything};
pub use picture::{MAX_PICTURE_SIDE, Picture, PictureError, ResizeFilter};

/// The reason why a 2D model cannot be used, or failed on a picture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ImageModelError {
    /// The manifest breaks a rule.
    #[error("the manifest of the 2D model is malformed: {0}")]
    Manifest(String),
    /// The files that were given are not those that the manifest lists.
    #[error("the manifest of {model} lists {expected} files, {found} were given")]
    Files {
        /// Name of the model.
        model: String,
        /// Number in the manifest.
        expected: usize,
        /// Number of files that were given.
        found: usize,
    },
    /// A file is not the one that the manifest lists.
    #[error("{file} is not the file of the manifest: its {what} is {found}, it must be {expected}")]
    AnotherFile {
        /// Name of the file.
        file: String,
        /// The property that differs: length or SHA-256.
        what: &'static str,
        /// Actual value.
        found: String,
        /// Value in the manifest.
        expected: String,
    },
    /// A file is larger than what is read.
    #[error("{file} has {bytes} bytes, the limit is {MAX_MODEL_BYTES}")]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Its length.
        bytes: u64,
    },
    /// A file is not an ONNX model that can run here.
    #[error("{file} is not an ONNX model that can run here: {reason}")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// What the runtime says.
        reason: String,
    },
    /// The graph has no input or output of a name in the manifest, or one that the manifest does
    /// not name.
    #[error("{file} must have the {what} {expected}; it has {found}")]
    Names {
        /// Name of the file.
        file: String,
        /// Inputs or outputs.
        what: &'static str,
        /// Names in the manifest.
        expected: String,
        /// Names in the file.
        found: String,
    },
    /// An input or output has another shape or type than the manifest says.
    #[error("{file}: \"{name}\" has {found}, it must have {expected}")]
    Shape {
        /// Name of the file.
        file: String,
        /// Name of the input or output.
        name: String,
        /// Actual shape or type.
        found: String,
        /// Necessary shape or type.
        expected: String,
    },
    /// An output has values that are not numbers.
    #[error(
        "{file}: {count} values of \"{name}\" are not finite numbers; the weights are damaged or do not suit 32 bits"
    )]
    NotFinite {
        /// Name of the file.
        file: String,
        /// Name of the output.
        name: String,
        /// Number of such values.
        count: usize,
    },
    /// The runtime failed.
    #[error("{file} failed: {reason}")]
    Failed {
        /// Name of the file.
        file: String,
        /// What the runtime says.
        reason: String,
    },
    /// The model is for another purpose.
    #[error("{model} is a model for {found}, one for {expected} is needed")]
    Kind {
        /// Name of the model.
        model: String,
        /// Purpose in the manifest.
        found: &'static str,
        /// Necessary purpose.
        expected: &'static str,
    },
    /// Embeddings of pictures cannot be compared with those of words.
    #[error(
        "the embeddings of pictures have {found} values, those of the text encoder have {expected}: they cannot be compared"
    )]
    Width {
        /// Number of values of the model.
        found: usize,
        /// Number of values of the text encoder.
        expected: usize,
    },
    /// The prompt is not one for the picture.
    #[error("the prompt {found} must be {expected}")]
    Prompt {
        /// The prompt.
        found: String,
        /// The rule that it breaks.
        expected: String,
    },
    /// The picture cannot be used.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// A loaded 2D model.
#[allow(clippy::large_enum_variant, reason = "a program has a few of them")]
pub enum ImageModel {
    /// Masks for prompts.
    Masks(SegmentAnything),
    /// A grid of features.
    Features(FeatureGrid),
    /// An embedding in the space of a text encoder.
    ImageText(ImageTower),
}

impl ImageModel {
    /// Checks the files of a model, in the order of [`ImageModelManifest::files`], and loads them.
    ///
    /// # Errors
    /// [`ImageModelError`] names the file, the rule that it breaks and the value.
    pub fn load(
        manifest: &ImageModelManifest,
        files: Vec<Vec<u8>>,
    ) -> Result<Self, ImageModelError> {
        let listed = manifest.files();
        if files.len() != listed.len() {
            return Err(ImageModelError::Files {
                model: manifest.name.clone(),
                expected: listed.len(),
                found: files.len(),
            });
        }
        for (file, bytes) in listed.iter().zip(&files) {
            file.check(bytes)?;
        }
        let mut files = files.into_iter();
        let mut next = || files.next().unwrap_or_default();
        Ok(match &manifest.task {
            ImageModelTask::Masks(masks) => {
                Self::Masks(SegmentAnything::load(manifest, masks, next(), next())?)
            }
            ImageModelTask::Features(features) => {
                Self::Features(FeatureGrid::load(manifest, features, next())?)
            }
            ImageModelTask::ImageText(tower) => {
                Self::ImageText(ImageTower::load(manifest, tower, next())?)
            }
        })
    }
}

#[cfg(test)]
mod tests;
