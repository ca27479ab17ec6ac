//! Fills bundles with what 2D models find in their pictures: masks, features of the objects in
//! them, and image features. It is what `foundation2d/run.py` does with named objects, for models
//! in ONNX files, which need no other program.
//!
//! One picture is worked on at a time, and its results go to a folder in the bundle. When all
//! pictures are done, the results are moved to the bundle's own files. A run that is stopped
//! anywhere continues where it was.

mod merge;
mod models;
mod perceive;
mod work;

use std::{fs, path::Path};

use anyhow::{Context, ensure};
use segscape::{
    foundation::{INDEX, Index, TENSORS, VERSION, is_plain},
    images::{AutomaticMasks, Picture},
};

pub use models::Models;
use perceive::Wanted;
use work::Work;

/// How a bundle is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// Which masks are kept.
    pub automatic: AutomaticMasks,
    /// Most cells on each side of the image features; more are averaged. 0 for all that the model
    /// gives.
    pub grid: usize,
    /// Compute again what the bundle has.
    pub again: bool,
}

/// What was done with a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Pictures that were looked at now.
    pub looked: usize,
    /// Pictures that an earlier run had looked at before it was stopped.
    pub resumed: usize,
    /// Pictures for which everything was there.
    pub complete: usize,
    /// Images without a picture.
    pub without_picture: usize,
    /// Masks that were found, also by the earlier run.
    pub masks: usize,
}

/// Fills the bundle in `folder`. `looked` is told the name of each picture that was looked at.
///
/// # Errors
/// The error names the file, the rule that it breaks and the value: a picture that cannot be read,
/// a model that fails, features of another number of channels than the bundle has.
pub fn fill(
    folder: &Path,
    models: &Models,
    options: &Fill,
    looked: &mut dyn FnMut(&str),
) -> anyhow::Result<Filled> {
    let at = |name: &str| folder.join(name);
    let text =
        fs::read(at(INDEX)).with_context(|| format!("cannot read {}", at(INDEX).display()))?;
    let mut index: Index = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a valid index", at(INDEX).display()))?;
    ensure!(
        index.foundation <= VERSION,
        "{} is of version {}, this program writes version {VERSION}",
        at(INDEX).display(),
        index.foundation
    );
    for entry in &index.images {
        ensure!(
            is_plain(&entry.name) && entry.picture.as_deref().is_none_or(is_plain),
            "the image \"{}\" or its picture {:?} does not lie in the bundle itself",
            entry.name,
            entry.picture
        );
    }
    let header = merge::Header::read(&at(TENSORS))?;
    let work = Work::open(folder, &models.stamp(options))?;
    let mut filled = Filled::default();
    for entry in &index.images {
        let Some(name) = &entry.picture else {
            filled.without_picture += 1;
            continue;
        };
        if work.has(&entry.name) {
            filled.resumed += 1;
            continue;
        }
        let wanted = Wanted::of(folder, entry, &header, models, options.again);
        if wanted.nothing() {
            filled.complete += 1;
            continue;
        }
        let one = || -> anyhow::Result<()> {
            let file = fs::read(at(name))?;
            let picture = Picture::decode(&file)?;
            let found = perceive::perceive(folder, entry, &picture, models, options, wanted)?;
            work.save(&entry.name, &found)
        };
        one().with_context(|| format!("the picture {}", at(name).display()))?;
        filled.looked += 1;
        looked(&entry.name);
    }
    if filled.looked + filled.resumed > 0 {
        filled.masks = merge::merge(folder, &mut index, &header, &work)?;
    }
    work.remove()?;
    Ok(filled)
}
