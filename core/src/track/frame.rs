//! A frame as it comes to the tracker, and the rules that it has to keep.

use super::TrackingError;
use crate::{
    captures::PIXEL_LIMIT,
    foundation::{ImageInstance, Mask},
    views::{Camera, Map},
};

/// Maximum number of masks of a frame.
pub const MAX_MASKS: usize = 1024;
/// Maximum number of channels of features.
pub const MAX_CHANNELS: usize = 4096;
/// Maximum length of a name, bytes.
pub const MAX_NAME: usize = 1000;
/// Maximum distance of a camera from the origin, metres: farther away, coordinates lose the
/// millimetres.
const AWAY: f32 = 900.0;

/// A posed depth image with the masks that a 2D model found in it.
#[derive(Clone, Copy, Debug)]
pub struct TrackedFrame<'a> {
    /// What the caller calls the frame; instances name their first and last frame so.
    pub number: u32,
    /// The camera, which depth and masks span.
    pub camera: &'a Camera,
    /// `(height, width, 1)`: metres along the optical axis; what is not a positive number is
    /// unknown.
    pub depth: &'a Map,
    /// The instance that each pixel shows, of any resolution.
    pub mask: &'a Mask,
    /// The instances, in the order of their numbers in the mask, with name, score and perhaps
    /// features.
    pub instances: &'a [ImageInstance],
    /// `(height, width, channels)`: features of the image, of any resolution. They describe the
    /// instances if none of these has features of its own.
    pub features: Option<&'a Map>,
}

impl TrackedFrame<'_> {
    /// Number of channels of what describes the instances; 0 without.
    pub(super) fn channels(&self) -> usize {
        match self.own_channels() {
            0 => self.features.map_or(0, Map::channels),
            own => own,
        }
    }

    /// Number of channels of the instances' own features; 0 if they have none.
    pub(super) fn own_channels(&self) -> usize {
        let lengths = self.instances.iter().map(|i| i.features.len());
        lengths.max().unwrap_or(0)
    }

    /// Checks the rules of a frame; `channels` is the length of the features before, 0 if there
    /// were none.
    pub(super) fn check(&self, channels: usize) -> Result<(), TrackingError> {
        self.check_camera()?;
        let [rows, columns] = self.depth.size();
        ensure(self.depth.channels() == 1, || {
            let channels = self.depth.channels();
            format!("the depth image has {channels} values per pixel, it must have 1")
        })?;
        for [rows, columns] in [[rows, columns], self.mask.size()] {
            let fits = rows as u64 * columns as u64 <= PIXEL_LIMIT;
            ensure(fits, || {
                format!("an image has {columns} x {rows} pixels, the limit is {PIXEL_LIMIT}")
            })?;
        }
        let count = self.instances.len();
        ensure(count <= MAX_MASKS, || {
            format!("the frame has {count} masks, the limit is {MAX_MASKS}")
        })?;
        let highest = self.mask.values().iter().max().copied().unwrap_or(0);
        ensure(usize::from(highest) <= count, || {
            format!("the mask counts {highest} instances, {count} are listed")
        })?;
        self.check_instances()?;
        let here = self.channels();
        ensure(here <= MAX_CHANNELS, || {
            format!("the features have {here} channels, the limit is {MAX_CHANNELS}")
        })?;
        ensure(channels == 0 || here == 0 || here == channels, || {
            format!("the features have {here} channels, those of the frames before {channels}")
        })?;
        ensure(self.features.is_none_or(Map::is_finite), || {
            "a feature of the image is not a finite number".to_owned()
        })
    }

    fn check_camera(&self) -> Result<(), TrackingError> {
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = *self.camera;
        let is_size = |n: f32| n.is_finite() && n >= 1.0;
        ensure(is_size(width) && is_size(height), || {
            format!("the camera has {width} x {height} pixels, at least 1 x 1 is needed")
        })?;
        let is_focal = |f: &f32| f.is_finite() && *f > 0.0;
        ensure(
            focal.iter().all(is_focal) && center.iter().all(|c| c.is_finite()),
            || {
                format!(
                    "the focal lengths {focal:?} must be positive, and the center {center:?} must be finite"
                )
            },
        )?;
        ensure(world_from_camera.is_finite(), || {
            "the pose is not finite".to_owned()
        })?;
        let away = world_from_camera.translation.length();
        ensure(away <= AWAY, || {
            format!("the camera is {away} m from the origin, the limit is {AWAY} m")
        })
    }

    fn check_instances(&self) -> Result<(), TrackingError> {
        let own = self.own_channels();
        for (index, instance) in self.instances.iter().enumerate() {
            let ImageInstance {
                name,
                score,
                features,
            } = instance;
            ensure(name.len() <= MAX_NAME, || {
                let bytes = name.len();
                format!("the name of mask {index} has {bytes} bytes, the limit is {MAX_NAME}")
            })?;
            ensure((0.0..=1.0).contains(score), || {
                format!("mask {index} has the score {score}, which is outside 0 to 1")
            })?;
            ensure(features.is_empty() || features.len() == own, || {
                let found = features.len();
                format!("mask {index} has features with {found} channels, another one {own}")
            })?;
            ensure(features.iter().all(|x| x.is_finite()), || {
                format!("a feature of mask {index} is not a finite number")
            })?;
        }
        Ok(())
    }

    /// A hash of everything but the number, by which a frame that comes again is known.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = *self.camera;
        let camera = [width, height, focal[0], focal[1], center[0], center[1]];
        hasher.update(bytemuck::cast_slice(&camera));
        hasher.update(bytemuck::cast_slice(&world_from_camera.to_cols_array()));
        let mut sized = |size: &[usize], bytes: &[u8]| {
            for &length in size {
                hasher.update(&(length as u64).to_le_bytes());
            }
            hasher.update(bytes);
        };
        sized(
            &self.depth.size(),
            bytemuck::cast_slice(self.depth.values()),
        );
        sized(&self.mask.size(), bytemuck::cast_slice(self.mask.values()));
        for instance in self.instances {
            sized(&[instance.name.len()], instance.name.as_bytes());
            sized(&[], &instance.score.to_le_bytes());
            let features = &instance.features;
            sized(&[features.len()], bytemuck::cast_slice(features));
        }
        if let Some(features) = self.features {
            let [rows, columns] = features.size();
            let size = [rows, columns, features.channels()];
            sized(&size, bytemuck::cast_slice(features.values()));
        }
        *hasher.finalize().as_bytes()
    }
}

fn ensure(is_kept: bool, rule: impl FnOnce() -> String) -> Result<(), TrackingError> {
    match is_kept {
        true => Ok(()),
        false => Err(TrackingError::Frame(rule())),
    }
}
