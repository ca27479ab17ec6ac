//! The masks of a foundation bundle as a tracker's eyes: instances in its images are matched by
//! overlap.

use std::collections::BTreeMap;

use super::{BundleViews, LiftError, MaskAnswer, PromptedMasks, TrackedMask};
use crate::foundation::{ImageInstance, Mask};

/// Number of carried points that an image is asked with: they vote for its instances.
pub(super) const VOTERS: usize = 64;
/// Maximum number of instances that a question gets.
const ANSWERS: usize = 3;

/// The instances that 2D models found in the images of a bundle.
#[derive(Clone, Debug)]
pub struct BundleMasks<'a>(BundleViews<'a>);

impl<'a> BundleMasks<'a> {
    /// The masks of these views.
    ///
    /// # Errors
    /// [`LiftError::View`] if no image has masks.
    pub fn new(views: &BundleViews<'a>) -> Result<Self, LiftError> {
        let images = views.images();
        if !images.iter().any(|image| image.mask.is_some()) {
            return Err(LiftError::View {
                view: format!("each of the {} with depth", images.len()),
                reason: "it has no masks; `trainer perceive` fills bundles with them".to_owned(),
            });
        }
        Ok(Self(views.clone()))
    }
}

impl PromptedMasks for BundleMasks<'_> {
    fn most_points(&self) -> usize {
        VOTERS
    }

    /// The instances at the points, that at the most points first.
    fn masks(&mut self, view: u32, points: &[[f32; 2]]) -> Result<Vec<MaskAnswer>, LiftError> {
        let image = self.0.images()[view as usize];
        let answers = image.mask.as_ref();
        let answers = answers.map(|mask| at_points(mask, &image.instances, points));
        Ok(answers.unwrap_or_default())
    }
}

/// The instances of an image at the points, that at the most points first.
pub(super) fn at_points(
    mask: &Mask,
    instances: &[ImageInstance],
    points: &[[f32; 2]],
) -> Vec<MaskAnswer> {
    let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
    for instance in points.iter().filter_map(|[x, y]| mask.at(*x, *y)) {
        *votes.entry(instance).or_default() += 1;
    }
    let mut found: Vec<(usize, u32)> = votes
        .into_iter()
        .map(|(instance, votes)| (votes, instance))
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let answer = |(_, instance): (usize, u32)| {
        let value = u16::try_from(instance + 1).ok()?;
        let on = mask.values().iter().map(|other| *other == value).collect();
        Some(MaskAnswer {
            mask: TrackedMask::new(on, mask.size())?,
            score: instances.get(instance as usize)?.score,
        })
    };
    found.into_iter().take(ANSWERS).filter_map(answer).collect()
}
