//! Where what the user opened comes from, and what it is called.

use js_sys::Array;
use serde::{Deserialize, Serialize};

/// The name of a shared scene whose sender kept the name of its file.
pub const UNNAMED: &str = "Shared scene";
/// The name of files that lie in no folder.
pub const NO_FOLDER: &str = "the chosen files";

/// The name of a scan without its ending, for the names of files that are made of it. An ending has no
/// blanks: "hall.ply and 2 more" has none.
pub fn stem(name: &str) -> &str {
    let parts = name.rsplit_once('.');
    let parts = parts.filter(|(_, ending)| !ending.contains(' '));
    parts.map_or(name, |(stem, _)| stem)
}

/// The origin of a scan or a bundle. The page keeps it to be able to pass it to a new worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Source {
    /// A file that the user chose. Only a handle is sent; the worker reads the bytes.
    File {
        /// Name of the file, used for titles and downloads only.
        name: String,
        /// The file itself.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        blob: web_sys::Blob,
    },
    /// Many files, or a folder, with a capture or with scans. Only handles are sent.
    Folder {
        /// Name of the folder.
        name: String,
        /// Paths of the files in the folder.
        paths: Vec<String>,
        /// The files, in the order of their paths.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        files: Array,
    },
    /// A scan, a bundle or an archive on another server, or several scans; at least one.
    Urls(Vec<Address>),
    /// The id of a scene on the share server.
    Shared(String),
    /// Labels without their points, and the file of these, which the user was asked for.
    Overlay {
        /// The origin of the labels.
        labels: Box<Source>,
        /// The file.
        scan: Box<Source>,
    },
}

impl Source {
    /// What is at a URL that ends in its name.
    pub fn at(url: String) -> Self {
        Self::Urls(vec![Address { url, name: None }])
    }

    /// What was opened: of labels with a file that the user was asked for, the labels.
    pub fn opened(&self) -> &Self {
        match self {
            Self::Overlay { labels, .. } => labels,
            other => other,
        }
    }

    /// The file that the user was asked for, with the points of labels that came without.
    pub fn scan(&self) -> Option<&Self> {
        match self {
            Self::Overlay { scan, .. } => Some(scan),
            _ => None,
        }
    }
}

/// Where a file on another server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Its URL.
    pub url: String,
    /// Its name, where the URL does not end in it.
    pub name: Option<String>,
}
