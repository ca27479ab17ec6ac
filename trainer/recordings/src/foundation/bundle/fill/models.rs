//! The 2D models of a run, loaded from their manifests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use segscape::{
    images::{
        FeatureGrid, ImageModel, ImageModelError, ImageModelManifest, ImageTower, ModelFile,
        SegmentAnything,
    },
    shards::sha256,
};

use super::Fill;

/// Longest manifest, bytes.
const MAX_MANIFEST: u64 = 1 << 20;

/// The models of a run; each may be absent.
#[derive(Default)]
pub struct Models {
    /// Finds masks.
    pub(super) masks: Option<SegmentAnything>,
    /// Gives image features, and features of objects if no model embeds their crops.
    pub(super) features: Option<FeatureGrid>,
    /// Embeds crops of objects.
    pub(super) crops: Option<ImageTower>,
    /// The manifests with the hashes of the files in use.
    identity: Vec<String>,
    /// Remarks for the user.
    warnings: Vec<String>,
}

impl Models {
    /// Loads the models of the manifests at these paths; their files lie beside them.
    ///
    /// # Errors
    /// There is no manifest, a manifest is malformed or for another purpose, a file is missing or
    /// not the one that the manifest lists, or it is not a model that can run.
    pub fn load(
        masks: Option<&Path>,
        features: Option<&Path>,
        crops: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let mut models = Self::default();
        ensure!(
            masks.or(features).or(crops).is_some(),
            "there is no model: give the manifest of one for masks, features or crops"
        );
        if let Some(path) = masks {
            models.masks = match models.open(path)? {
                (ImageModel::Masks(model), _) => Some(model),
                (_, manifest) => return Err(other_kind(path, &manifest, "masks")),
            };
        }
        if let Some(path) = features {
            models.features = match models.open(path)? {
                (ImageModel::Features(model), _) => Some(model),
                (_, manifest) => return Err(other_kind(path, &manifest, "features")),
            };
        }
        if let Some(path) = crops {
            models.crops = match models.open(path)? {
                (ImageModel::ImageText(model), _) => Some(model),
                (_, manifest) => return Err(other_kind(path, &manifest, "image embeddings")),
            };
        }
        Ok(models)
    }

    /// The model that finds masks, if there is one.
    pub fn mask_model(&self) -> Option<&SegmentAnything> {
        self.masks.as_ref()
    }

    /// The model that embeds pictures, if there is one.
    pub fn image_tower(&self) -> Option<&ImageTower> {
        self.crops.as_ref()
    }

    /// Remarks about files that the manifests do not pin.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What results depend on: the models and the options.
    pub(super) fn stamp(&self, options: &Fill) -> String {
        let Fill {
            automatic,
            grid,
            again,
        } = options;
        let models = self.identity.join("\n");
        format!("{models}\n{automatic:?} {grid} {again}\n")
    }

    fn open(&mut self, path: &Path) -> anyhow::Result<(ImageModel, ImageModelManifest)> {
        let read = || -> anyhow::Result<_> {
            let bytes = fs::metadata(path)?.len();
            ensure!(
                bytes <= MAX_MANIFEST,
                "it has {bytes} bytes, the limit is {MAX_MANIFEST}"
            );
            Ok(ImageModelManifest::parse(&fs::read(path)?)?)
        };
        let manifest =
            read().with_context(|| format!("cannot read the manifest {}", path.display()))?;
        let mut files = vec![];
        for listed in manifest.files() {
            files.push(model_file(path, listed, &manifest.license)?);
        }
        for (listed, bytes) in manifest.files().iter().zip(&files) {
            listed
                .check(bytes)
                .with_context(|| format!("the manifest {}", path.display()))?;
            self.warnings.extend(listed.remark(bytes));
            if listed.sha256.is_none() {
                self.warnings.push(format!(
                    "{} does not pin {}; add \"bytes\": {}, \"sha256\": \"{}\"",
                    path.display(),
                    listed.file,
                    bytes.len(),
                    sha256(bytes)
                ));
            }
        }
        let pinned = manifest.clone().pinned(&files);
        self.identity.push(serde_json::to_string(&pinned)?);
        let model = ImageModel::load(&manifest, files)
            .with_context(|| format!("the 2D model of {}", path.display()))?;
        Ok((model, manifest))
    }
}

/// Reads a file that a manifest lists. Its length is checked before.
fn model_file(manifest: &Path, listed: &ModelFile, license: &str) -> anyhow::Result<Vec<u8>> {
    let path: PathBuf = manifest.with_file_name(&listed.file);
    let length = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let size = listed
                .bytes
                .map_or("of unknown length".to_owned(), |bytes| {
                    format!("of {bytes} bytes")
                });
            match &listed.url {
                Some(url) => bail!(
                    "{} is missing, a file {size} under the license {license}; fetch it: curl -L -o '{}' '{url}'",
                    path.display(),
                    path.display()
                ),
                None => bail!(
                    "{} is missing, a file {size} under the license {license}; the manifest has no address of it",
                    path.display()
                ),
            }
        }
        Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
    };
    listed.check_length(length)?;
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn other_kind(path: &Path, manifest: &ImageModelManifest, expected: &'static str) -> anyhow::Error {
    let error = ImageModelError::Kind {
        model: manifest.name.clone(),
        found: manifest.kind(),
        expected,
    };
    anyhow::Error::new(error).context(format!("the manifest {}", path.display()))
}
