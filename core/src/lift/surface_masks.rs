//! Surfaces of depth images as a tracker's eyes, where there are no masks of a 2D model.

use super::{
    LiftError, MaskAnswer, PosedViews, PromptedMasks,
    bundle_masks::{VOTERS, at_points},
};
use crate::{
    foundation::{ImageInstance, Mask},
    track::{DepthMaskOptions, depth_masks},
};

/// What [`depth_masks`] takes apart in the depth images of views. One view is in memory at a time.
pub struct SurfaceMasks<'a> {
    views: &'a dyn PosedViews,
    options: DepthMaskOptions,
    /// The view that was asked about last, with its masks.
    latest: Option<(u32, Mask, Vec<ImageInstance>)>,
}

impl<'a> SurfaceMasks<'a> {
    /// The surfaces in these views.
    pub fn new(views: &'a dyn PosedViews, options: DepthMaskOptions) -> Self {
        Self {
            views,
            options,
            latest: None,
        }
    }
}

impl PromptedMasks for SurfaceMasks<'_> {
    fn most_points(&self) -> usize {
        VOTERS
    }

    /// The surfaces at the points, that at the most points first.
    fn masks(&mut self, view: u32, points: &[[f32; 2]]) -> Result<Vec<MaskAnswer>, LiftError> {
        let latest = match self.latest.take() {
            Some(latest) if latest.0 == view => latest,
            _ => {
                let camera = self.views.camera(view as usize);
                let depth = self.views.depth(view as usize)?;
                let (mask, instances) = depth_masks(&camera, &depth, &self.options);
                (view, mask, instances)
            }
        };
        let (_, mask, instances) = self.latest.insert(latest);
        Ok(at_points(mask, instances, points))
    }
}
