//! The rules of the format.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context, ensure};
use segscape::views::{Camera, Correspondence, Map};

use crate::foundation::{Foundation, Image, Instance};

impl Foundation {
    /// Checks the rules of the format.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let points = self.positions.len();
        ensure!(
            self.positions.iter().flatten().all(|x| x.is_finite()),
            "a position is not a finite number"
        );
        ensure!(
            self.origins.len() == points,
            "there are {} origins for {points} points",
            self.origins.len()
        );
        ensure!(
            self.colors
                .as_ref()
                .is_none_or(|colors| colors.len() == points),
            "`colors` must have {points} rows, as `positions` has"
        );
        if let Some(truth) = &self.truth {
            ensure!(
                truth.semantic.len() == points && truth.instance.len() == points,
                "`semantic` and `instance` must have {points} values"
            );
        }
        self.given.check(points)?;
        for (point, origin) in self.origins.iter().enumerate() {
            let Some(Correspondence { view, x, y }) = origin else {
                continue;
            };
            ensure!(
                (*view as usize) < self.images.len(),
                "point {point} was made from image {view}, but there are only {} images",
                self.images.len()
            );
            ensure!(
                (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y),
                "point {point} was made from the pixel at {x}, {y}, which is outside 0 to 1"
            );
        }
        let mut names = HashSet::new();
        for image in &self.images {
            image
                .check()
                .with_context(|| format!("image \"{}\"", image.name))?;
            ensure!(
                names.insert(&image.name),
                "two images have the name \"{}\"",
                image.name
            );
        }
        let channels = |of: &dyn Fn(&Image) -> Vec<usize>| {
            self.images.iter().flat_map(of).collect::<HashSet<_>>()
        };
        let [points, objects] = self.given.channels(points);
        for (what, given, images) in [
            (
                "image features",
                points,
                channels(&|image| image.features.iter().map(Map::channels).collect()),
            ),
            (
                "object features",
                objects,
                channels(&|image| {
                    image
                        .instances
                        .iter()
                        .map(|i| i.features.len())
                        .filter(|n| *n > 0)
                        .collect()
                }),
            ),
        ] {
            let channels: BTreeSet<usize> = given.into_iter().chain(images).collect();
            ensure!(
                channels.len() <= 1,
                "{what} must have the same number of channels everywhere, not {channels:?}"
            );
        }
        Ok(())
    }
}

/// `true` if the name can be that of a file in the bundle itself, or the beginning of one.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

impl Image {
    fn check(&self) -> anyhow::Result<()> {
        ensure!(
            is_plain(&self.name),
            "the name is part of file names, so it must not be empty, contain a slash or begin with a dot"
        );
        ensure!(
            self.picture.as_deref().is_none_or(is_plain),
            "the picture must lie in the bundle itself, not at {:?}",
            self.picture
        );
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = self.camera;
        ensure!(
            width >= 1.0 && height >= 1.0,
            "the picture has {width} x {height} pixels, at least 1 x 1 is needed"
        );
        ensure!(
            focal.iter().all(|f| f.is_finite() && *f > 0.0) && center.iter().all(|c| c.is_finite()),
            "the focal lengths {focal:?} must be positive, and the center {center:?} must be finite"
        );
        ensure!(
            world_from_camera.is_finite(),
            "the pose is not finite; leave out images whose pose was lost"
        );
        for Instance {
            name,
            score,
            features,
        } in &self.instances
        {
            ensure!(
                (0.0..=1.0).contains(score),
                "\"{name}\" has the score {score}, which is outside 0 to 1"
            );
            ensure!(
                features.len() == self.instances[0].features.len(),
                "instances have features of different lengths"
            );
        }
        let highest = self
            .mask
            .as_ref()
            .and_then(|mask| mask.values().iter().max())
            .copied()
            .unwrap_or(0);
        ensure!(
            usize::from(highest) <= self.instances.len(),
            "the mask counts {highest} instances, {} are listed",
            self.instances.len()
        );
        Ok(())
    }
}
