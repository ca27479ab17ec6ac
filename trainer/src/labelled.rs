//! Scenes to measure on: labelled scans, and labelled bundles with what came with them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use segscape::{
    progress::Monitor,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
};

use crate::{
    config::ClassOfObject,
    dataset::{self, Room},
    foundation::{Foundation, Given},
};

/// A labelled scene.
pub struct Labelled {
    /// Its points and objects.
    pub room: Room,
    /// What others made of it.
    pub given: Given,
}

impl Labelled {
    /// Reads a scan, or the folder of a bundle; points of classes in `stuff` belong to no object.
    ///
    /// # Errors
    /// It cannot be read, or has no labels.
    pub fn read(path: &Path, stuff: &[i32]) -> anyhow::Result<Self> {
        let (class_of, options) = (ClassOfObject::default(), SuperpointOptions::default());
        if !path.is_dir() {
            return Ok(Self { room: Room::read(path, stuff, class_of, &options)?, given: Given::default() });
        }
        let Foundation { positions, colors, truth, given, .. } = Foundation::read(path)?;
        let truth = truth.with_context(|| format!("the bundle {} has no labels", path.display()))?;
        let superpoints = match &given.superpoints {
            Some(ids) => Superpoints::from_ids(ids),
            None => superpoints(&positions, colors.as_deref(), &[], &options, &Monitor::silent())
                .with_context(|| format!("cannot group the points of {}", path.display()))?,
        };
        Ok(Self { room: Room::of_scene(positions, colors, superpoints, truth, stuff, class_of), given })
    }

    /// The scans and bundles at `paths`, and in them.
    ///
    /// # Errors
    /// There is nothing at one of them.
    pub fn list(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for path in paths {
            let here = std::slice::from_ref(path);
            let bundles = if path.is_dir() { Foundation::folders(here)? } else { vec![] };
            found.extend(if bundles.is_empty() { dataset::files(here)? } else { bundles });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::samples::tests::processed;

    #[test]
    fn bundles_are_measured_on_like_scans() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundles/scene");
        fs::create_dir(folder.path().join("bundles")).unwrap();
        processed().write(&bundle, |_| unreachable!()).unwrap();
        fs::write(folder.path().join("room.ply"), "ply").unwrap();
        let found = Labelled::list(&[folder.path().join("bundles"), folder.path().to_owned(), bundle.clone()]).unwrap();
        assert_eq!(found, [bundle.clone(), folder.path().join("room.ply"), bundle.clone()]);
        assert!(Labelled::list(&[folder.path().join("nothing")]).is_err());

        let Labelled { room, given } = Labelled::read(&bundle, &[0, 1, 3]).unwrap();
        assert_eq!((room.superpoints.count(), given), (6, processed().given));
        assert_eq!(room.objects.iter().map(|object| object.class).collect::<Vec<_>>(), [2, 4], "of these ids 1 and 3 are stuff");
        let unlabelled = Foundation { truth: None, ..processed() };
        unlabelled.write(&bundle, |_| unreachable!()).unwrap();
        assert!(Labelled::read(&bundle, &[]).err().unwrap().to_string().contains("no labels"));
    }
}
