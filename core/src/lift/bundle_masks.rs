//! The masks of a foundation bundle as a tracker's eyes: instances in its images are matched by
//! overlap.

use std::collections::BTreeMap;

use super::{BundleViews, LiftError, MaskAnswer, PromptedMasks, Proposal, TrackedMask, Visibility};
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

/// `(instances)`: the names that the masks in the images give to instances; a pixel counts as much as
/// the 2D model was confident. `None` for instances that no named mask shows.
pub fn names(
    visibility: &Visibility,
    views: &BundleViews,
    instances: &[Proposal],
) -> Vec<Option<String>> {
    // `(superpoints)`: the instances that contain each.
    let mut instances_of: Vec<Vec<u32>> = vec![Vec::new(); visibility.superpoints()];
    for (index, instance) in (0..).zip(instances) {
        for &superpoint in &instance.superpoints {
            instances_of[superpoint as usize].push(index);
        }
    }
    let mut votes: Vec<BTreeMap<&str, f64>> = vec![BTreeMap::new(); instances.len()];
    for (view, image) in views.images().iter().enumerate().take(visibility.views()) {
        for seen in visibility.seen(view) {
            let of = &instances_of[seen.superpoint as usize];
            if of.is_empty() {
                continue;
            }
            let weight = f64::from(seen.points) / seen.places.len() as f64;
            for [x, y] in seen.places.iter().map(|place| place.at()) {
                let shown = image.instance_at(x, y);
                let shown = shown.and_then(|instance| image.instances.get(instance as usize));
                let Some(shown) = shown.filter(|shown| !shown.name.is_empty()) else {
                    continue;
                };
                for &instance in of {
                    let vote = votes[instance as usize].entry(&shown.name).or_default();
                    *vote += weight * f64::from(shown.score);
                }
            }
        }
    }
    // Of names with equal votes, the first in the alphabet.
    let best = |votes: BTreeMap<&str, f64>| {
        let most = votes.into_iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
        most.map(|(name, _)| name.to_owned())
    };
    votes.into_iter().map(best).collect()
}
