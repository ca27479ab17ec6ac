//! The reasons why a capture, or a part of it, cannot be used.

use crate::{progress::Cancelled, scan::ReadError};

/// The reason why a capture cannot be read; the message names the file, the problem and the limit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CaptureError {
    /// A file is missing, too large or breaks its format.
    #[error("{message}")]
    File {
        /// Path of the file in the capture.
        path: String,
        /// The problem, with the path as the user knows it.
        message: String,
    },
    /// An archive breaks a rule, so that none of its files is read.
    #[error("{0}")]
    Archive(String),
    /// The files are not a capture of a known kind.
    #[error("{0}")]
    Unknown(String),
    /// There are several captures.
    #[error("{0}")]
    Several(String),
    /// The capture lacks something, or none of it can be used.
    #[error("{0}")]
    Unusable(String),
    /// Nothing in the capture says what its camera is, so [`CaptureOptions::intrinsics`] must.
    ///
    /// [`CaptureOptions::intrinsics`]: super::CaptureOptions::intrinsics
    #[error("{0}")]
    NoCamera(String),
    /// The points are not a scan.
    #[error(transparent)]
    Points(#[from] ReadError),
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl CaptureError {
    /// An error of one file, described by a message that names it.
    pub fn file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::File {
            path: path.into(),
            message: message.into(),
        }
    }

    /// Puts where it happened in front of the message of a file's error.
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        match self {
            Self::File { path, message } => Self::File {
                path,
                message: format!("{place}: {message}"),
            },
            other => other,
        }
    }
}
