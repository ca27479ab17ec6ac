//! All messages between the page and the worker that runs 2D models.

use js_sys::Array;
use serde::{Deserialize, Serialize};

use crate::protocol::Bulk;

/// A file that the user chose. Only a handle is sent; the worker reads the bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChosenFile {
    /// Name of the file.
    pub name: String,
    /// The file itself.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    pub blob: web_sys::Blob,
}

/// The origin of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ModelSource {
    /// A manifest and files that it lists.
    Files(Vec<ChosenFile>),
    /// The address of a manifest.
    Url(String),
}

/// Messages from the page to the worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ImageRequest {
    /// Lists the models that are kept.
    List,
    /// Reads a manifest and offers its model. Nothing else is fetched or kept.
    Inspect(ModelSource),
    /// Keeps the model that was offered, and loads it.
    Add,
    /// Deletes the files of a model.
    Delete {
        /// Id of the model.
        id: String,
    },
    /// Loads a model that is kept.
    Load {
        /// Id of the model.
        id: String,
    },
    /// Runs the loaded model on a picture.
    Run {
        /// The picture, a JPEG or PNG file; `None` for the same one as before.
        picture: Option<ChosenFile>,
        /// The place in question, x and y as fractions of width and height.
        at: [f32; 2],
    },
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFileInfo {
    /// Name of the file.
    pub name: String,
    /// Length in bytes, if it is known.
    pub bytes: Option<f64>,
    /// Address that the file will be fetched from.
    pub url: Option<String>,
    /// SHA-256, if the manifest pins it.
    pub sha256: Option<String>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Id of the model; empty for an offer.
    pub id: String,
    /// Name of the model.
    pub name: String,
    /// Purpose of the model in words.
    pub kind: String,
    /// SPDX expression of the license of the weights.
    pub license: String,
    /// Address of the page that offers the model.
    pub source: String,
    /// The files.
    pub files: Vec<ModelFileInfo>,
    /// If `false`, a file is missing, because the browser deleted it.
    pub whole: bool,
}

/// What a model says about a picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ImageAnswer {
    /// The best mask for the place.
    Mask {
        /// Rows of the mask.
        rows: u32,
        /// Columns of the mask.
        columns: u32,
        /// u8, shape `(rows, columns)`: 255 on the object, otherwise 0.
        pixels: Bulk,
        /// The model's estimate of the mask's quality.
        score: f32,
    },
    /// The similarity of every place with the one in question.
    Similarity {
        /// Rows of the grid.
        rows: u32,
        /// Columns of the grid.
        columns: u32,
        /// u8, shape `(rows, columns)`: the cosine, 0 for 0 and less, 255 for 1.
        pixels: Bulk,
        /// Number of channels of the features.
        channels: u32,
    },
    /// The embedding of the whole picture.
    Embedding {
        /// Number of channels.
        channels: u32,
    },
}

/// Messages from the worker to the page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ImageReply {
    /// The worker listens from now on. Earlier messages are lost.
    Listening,
    /// The models that are kept.
    Models(Vec<ModelInfo>),
    /// The model of a manifest, with what would be fetched.
    Offer(ModelInfo),
    /// The progress of a download.
    Progress {
        /// Name of the file.
        file: String,
        /// Number of bytes that have arrived.
        bytes: f64,
    },
    /// A model is loaded.
    Loaded {
        /// Id of the model.
        id: String,
        /// What the runtime computes otherwise than the files say.
        remarks: Vec<String>,
    },
    /// The answer to [`ImageRequest::Run`].
    Answer {
        /// What the model says.
        answer: ImageAnswer,
        /// Duration, milliseconds.
        ms: f64,
    },
    /// A request failed.
    Failed {
        /// A message that tells the user what to do.
        message: String,
    },
    /// The worker is about to die.
    Panicked {
        /// The panic message.
        message: String,
    },
}

impl ImageReply {
    /// The buffers to transfer with this message.
    pub fn transfers(&self) -> Array {
        match self {
            Self::Answer {
                answer: ImageAnswer::Mask { pixels, .. } | ImageAnswer::Similarity { pixels, .. },
                ..
            } => Array::of1(&pixels.0),
            _ => Array::new(),
        }
    }
}
