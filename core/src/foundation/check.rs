//! The rules of the format.

use std::collections::{BTreeSet, HashSet};

use super::{Foundation, Image, ImageInstance, is_plain, tensors::broken};
use crate::{
    captures::CaptureError,
    views::{Camera, Correspondence, Map},
};

/// Returns an error with the message unless the rule is kept.
pub(super) fn ensure(is_kept: bool, rule: impl FnOnce() -> String) -> Result<(), CaptureError> {
    match is_kept {
        true => Ok(()),
        false => Err(broken(rule())),
    }
}

impl Foundation {
    /// Checks the rules of the format.
    ///
    /// # Errors
    /// The rule that the scene breaks, and where.
    pub fn check(&self) -> Result<(), CaptureError> {
        let points = self.positions.len();
        ensure(
            self.positions.iter().flatten().all(|x| x.is_finite()),
            || "a position is not a finite number".to_owned(),
        )?;
        ensure(self.origins.len() == points, || {
            format!(
                "there are {} origins for {points} points",
                self.origins.len()
            )
        })?;
        ensure(
            self.colors
                .as_ref()
                .is_none_or(|colors| colors.len() == points),
            || format!("`colors` must have {points} rows, as `positions` has"),
        )?;
        if let Some(truth) = &self.truth {
            ensure(
                truth.semantic.len() == points && truth.instance.len() == points,
                || format!("`semantic` and `instance` must have {points} values"),
            )?;
        }
        self.given.check(points)?;
        for (point, origin) in self.origins.iter().enumerate() {
            let Some(Correspondence { view, x, y }) = origin else {
                continue;
            };
            ensure((*view as usize) < self.images.len(), || {
                format!(
                    "point {point} was made from image {view}, but there are only {} images",
                    self.images.len()
                )
            })?;
            ensure((0.0..=1.0).contains(x) && (0.0..=1.0).contains(y), || {
                format!(
                    "point {point} was made from the pixel at {x}, {y}, which is outside 0 to 1"
                )
            })?;
        }
        let mut names = HashSet::new();
        for image in &self.images {
            image
                .check()
                .map_err(|error| broken(format!("image \"{}\": {error}", image.name)))?;
            ensure(names.insert(&image.name), || {
                format!("two images have the name \"{}\"", image.name)
            })?;
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
            ensure(channels.len() <= 1, || {
                format!("{what} must have the same number of channels everywhere, not {channels:?}")
            })?;
        }
        Ok(())
    }
}

/// Checks that files can be named after an image.
pub(super) fn check_name(name: &str) -> Result<(), CaptureError> {
    ensure(is_plain(name), || {
        "the name is part of file names, so it must not be empty, contain a slash or begin with a dot".to_owned()
    })
}

impl Image {
    fn check(&self) -> Result<(), CaptureError> {
        check_name(&self.name)?;
        ensure(self.picture.as_deref().is_none_or(is_plain), || {
            format!(
                "the picture must lie in the bundle itself, not at {:?}",
                self.picture
            )
        })?;
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = self.camera;
        ensure(width >= 1.0 && height >= 1.0, || {
            format!("the picture has {width} x {height} pixels, at least 1 x 1 is needed")
        })?;
        ensure(
            focal.iter().all(|f| f.is_finite() && *f > 0.0) && center.iter().all(|c| c.is_finite()),
            || {
                format!(
                    "the focal lengths {focal:?} must be positive, and the center {center:?} must be finite"
                )
            },
        )?;
        ensure(world_from_camera.is_finite(), || {
            "the pose is not finite; leave out images whose pose was lost".to_owned()
        })?;
        for ImageInstance {
            name,
            score,
            features,
        } in &self.instances
        {
            ensure((0.0..=1.0).contains(score), || {
                format!("\"{name}\" has the score {score}, which is outside 0 to 1")
            })?;
            ensure(features.len() == self.instances[0].features.len(), || {
                "instances have features of different lengths".to_owned()
            })?;
        }
        ensure(
            self.features.as_ref().is_none_or(Map::is_finite)
                && self
                    .instances
                    .iter()
                    .flat_map(|i| &i.features)
                    .all(|x| x.is_finite()),
            || "a feature is not a finite number".to_owned(),
        )?;
        let highest = self
            .mask
            .as_ref()
            .and_then(|mask| mask.values().iter().max())
            .copied()
            .unwrap_or(0);
        ensure(usize::from(highest) <= self.instances.len(), || {
            format!(
                "the mask counts {highest} instances, {} are listed",
                self.instances.len()
            )
        })?;
        Ok(())
    }
}
