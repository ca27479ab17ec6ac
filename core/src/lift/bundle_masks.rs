//! The masks of a foundation bundle as a tracker's eyes: instances in its images are matched by
//! overlap.

use std::collections::BTreeMap;

use super::{BundleViews, LiftError, MaskAnswer, PromptedMasks, TrackedMask};
use crate::foundation::{Image, Mask};

/// Number of carried points that an image is asked with: they vote for its instances.
const VOTERS: usize = 64;
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
        let Some(mask) = &image.mask else {
            return Ok(Vec::new());
        };
        let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
        for instance in points.iter().filter_map(|[x, y]| mask.at(*x, *y)) {
            *votes.entry(instance).or_default() += 1;
        }
        let mut found: Vec<(usize, u32)> = votes
            .into_iter()
            .map(|(instance, votes)| (votes, instance))
            .collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let answers = found.into_iter().take(ANSWERS);
        Ok(answers
            .filter_map(|(_, instance)| of_instance(image, mask, instance))
            .collect())
    }
}

fn of_instance(image: &Image, mask: &Mask, instance: u32) -> Option<MaskAnswer> {
    let value = u16::try_from(instance + 1).ok()?;
    let on = mask.values().iter().map(|other| *other == value).collect();
    Some(MaskAnswer {
        mask: TrackedMask::new(on, mask.size())?,
        score: image.instances.get(instance as usize)?.score,
    })
}
