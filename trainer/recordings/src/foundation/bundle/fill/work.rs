//! Results that wait in a bundle until all its pictures were looked at.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use safetensors::{Dtype, tensor::TensorView};

use super::perceive::Found;

/// Name of the folder in the bundle.
const FOLDER: &str = "2d-models.part";
/// Name of the file that says what the results depend on. Names of results end otherwise.
const STAMP: &str = "stamp";

/// Names of the tensors of a result.
pub(super) const MASK: &str = "mask";
pub(super) const SCORES: &str = "scores";
pub(super) const IMAGE_FEATURES: &str = "image_features";
pub(super) const OBJECT_FEATURES: &str = "object_features";

/// The folder of results.
pub(super) struct Work(PathBuf);

impl Work {
    /// Opens the folder in the bundle. Results of other models or options are deleted.
    pub(super) fn open(bundle: &Path, stamp: &str) -> anyhow::Result<Self> {
        let work = Self(bundle.join(FOLDER));
        let open = || -> anyhow::Result<()> {
            let file = work.0.join(STAMP);
            if fs::read(&file).is_ok_and(|found| found == stamp.as_bytes()) {
                return Ok(());
            }
            if work.0.exists() {
                fs::remove_dir_all(&work.0)?;
            }
            fs::create_dir_all(&work.0)?;
            replace(&file, |part| Ok(fs::write(part, stamp)?))
        };
        open().with_context(|| format!("cannot write to {}", work.0.display()))?;
        Ok(work)
    }

    /// The file with the result of an image.
    pub(super) fn file(&self, image: &str) -> PathBuf {
        self.0.join(format!("{image}.safetensors"))
    }

    /// `true` if there is a result of the image.
    pub(super) fn has(&self, image: &str) -> bool {
        self.file(image).exists()
    }

    /// Writes the result of an image.
    pub(super) fn save(&self, image: &str, found: &Found) -> anyhow::Result<()> {
        let mut tensors: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = vec![];
        if let Some((mask, scores)) = &found.masks {
            let values = bytemuck::cast_slice(mask.values()).to_vec();
            tensors.push((MASK, Dtype::U16, mask.size().to_vec(), values));
            let values = bytemuck::cast_slice(scores).to_vec();
            tensors.push((SCORES, Dtype::F32, vec![scores.len()], values));
        }
        if let Some(features) = &found.features {
            let [rows, columns] = features.size();
            let cells = (0..rows * columns).map(|cell| features.at(cell / columns, cell % columns));
            let values = cells.flat_map(bytemuck::cast_slice).copied().collect();
            let shape = vec![rows, columns, features.channels()];
            tensors.push((IMAGE_FEATURES, Dtype::F32, shape, values));
        }
        if let Some(objects) = &found.objects
            && let Some(first) = objects.first()
        {
            let shape = vec![objects.len(), first.len()];
            let values = objects.iter().flat_map(|row| bytemuck::cast_slice(row));
            let values = values.copied().collect();
            tensors.push((OBJECT_FEATURES, Dtype::F32, shape, values));
        }
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?))
        });
        let views = views.collect::<anyhow::Result<Vec<_>>>()?;
        let bytes = safetensors::serialize(views, None)?;
        replace(&self.file(image), |part| Ok(fs::write(part, &bytes)?))
    }

    /// Deletes the folder.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.0).with_context(|| format!("cannot delete {}", self.0.display()))
    }
}

/// Writes a file so that nobody ever sees half of it.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".part{}", std::process::id()));
    let part = PathBuf::from(part);
    let written = write(&part).and_then(|()| Ok(fs::rename(&part, path)?));
    if written.is_err() {
        drop(fs::remove_file(&part));
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}
