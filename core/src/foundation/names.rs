//! Names of things by the masks in the images that show them best.

use std::collections::BTreeMap;

use super::Image;
use crate::views::{BestViewOptions, BestViews, Look, Occlusion, Sight};

/// The name that masks give to a thing.
#[derive(Clone, Debug, PartialEq)]
pub struct VotedName {
    /// The name with most votes; of names with equal votes, the first in the alphabet.
    pub name: String,
    /// The images that voted, best first, with the share of the thing's points that each sees.
    pub images: Vec<(String, f32)>,
}

/// `(things)`: the names that masks give to things, each a list of points among `positions`. The
/// [best views](BestViews) of a thing vote among those in which a named mask shows some of it: a view
/// has as many votes as it is good, and divides them among the masks by what they show of the thing
/// and by how certain the 2D model was. Images without depth have no vote, because it is not known
/// what they see. `None` for things without a vote.
pub fn names_by_views(
    positions: &[[f32; 3]],
    things: &[Vec<u32>],
    images: &[Image],
    options: &BestViewOptions,
) -> Vec<Option<VotedName>> {
    let mut best = BestViews::new(positions, things, *options);
    for (view, image) in (0..).zip(images) {
        let is_named = image.instances.iter().any(|of| !of.name.trim().is_empty());
        if let (Some(depth), Some(_), true) = (&image.depth, &image.mask, is_named) {
            best.add(view, &image.camera, Some(depth));
        }
    }
    let votes_of = |thing: usize, look: &Look| {
        let image = &images[look.view as usize];
        votes(image, best.samples(thing), options.tolerance)
    };
    // No picture is opened, so all are equally sharp.
    let is_usable = |thing: usize, look: &Look| (!votes_of(thing, look).is_empty()).then_some(1.0);
    let ranked = best.ranked(&is_usable);
    let named = |(thing, looks): (usize, &Vec<Look>)| {
        let mut sums = BTreeMap::<&str, f64>::new();
        for look in looks {
            for (name, votes) in votes_of(thing, look) {
                *sums.entry(name).or_default() += votes * f64::from(look.score);
            }
        }
        let most = sums.into_iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
        most.map(|(name, _)| VotedName {
            name: name.to_owned(),
            images: looks
                .iter()
                .map(|look| (images[look.view as usize].name.clone(), look.share))
                .collect(),
        })
    };
    ranked.iter().enumerate().map(named).collect()
}

/// What the masks of an image say of a thing: for each name, the share of the thing's seen points
/// that its masks show, weighted with the confidence of the 2D model.
fn votes<'a>(image: &'a Image, points: &[[f32; 3]], tolerance: f32) -> BTreeMap<&'a str, f64> {
    let occlusion = Occlusion::Around(tolerance);
    let sight = Sight::new(&image.camera, image.depth.as_ref(), occlusion);
    let (mut votes, mut seen) = (BTreeMap::<&str, f64>::new(), 0.0);
    for pixel in points.iter().filter_map(|point| sight.sees(*point)) {
        seen += 1.0;
        let instance = image.instance_at(pixel.x, pixel.y);
        let instance = instance.and_then(|instance| image.instances.get(instance as usize));
        let Some(instance) = instance else {
            continue;
        };
        let name = instance.name.trim();
        if !name.is_empty() && instance.score > 0.0 {
            *votes.entry(name).or_default() += f64::from(instance.score);
        }
    }
    votes.values_mut().for_each(|votes| *votes /= seen);
    votes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        foundation::{ImageInstance, Mask},
        views::{Map, camera_that_looks_along_x as camera},
    };

    /// A plate of 0.4 x 0.4 m, 2 m away from the origin.
    fn plate() -> (Vec<[f32; 3]>, Vec<Vec<u32>>) {
        let at = |i: u32| (i as f32 / 20.0 - 0.5) * 0.4;
        let positions: Vec<[f32; 3]> = (0..21 * 21)
            .map(|i| [2.0, at(i % 21), at(i / 21)])
            .collect();
        let all = (0..positions.len() as u32).collect();
        (positions, vec![all])
    }

    /// An image from `x` that shows one thing of this name everywhere.
    fn image(number: usize, x: f32, name: &str, score: f32) -> Image {
        Image {
            depth: Map::new(vec![2.0 - x; 12], [3, 4, 1]).ok(),
            mask: Mask::new(vec![1; 12], [3, 4]),
            instances: vec![ImageInstance {
                name: name.to_owned(),
                score,
                features: vec![],
            }],
            ..Image::new(number.to_string(), camera([x, 0.0, 0.0]), None)
        }
    }

    fn named(images: &[Image]) -> Option<VotedName> {
        let (positions, things) = plate();
        names_by_views(&positions, &things, images, &BestViewOptions::default()).remove(0)
    }

    #[test]
    fn the_best_views_name_a_thing() {
        // Many views from far away say another thing than the three that are near.
        let far = (0..9).map(|number| image(number, -4.0, "door", 0.9));
        let near = (9..12).map(|number| image(number, 1.0, "picture", 0.5));
        let images: Vec<Image> = far.chain(near).collect();
        let found = named(&images).unwrap();
        assert_eq!(found.name, "picture");
        let from: Vec<&str> = found.images.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(from, ["9", "10", "11"]);
        assert!(found.images.iter().all(|(_, share)| *share > 0.9));
    }

    #[test]
    fn views_vote_by_confidence_and_those_without_a_name_do_not() {
        let mut images = vec![
            image(0, 1.0, " ", 0.9),
            image(1, 1.0, "lamp", 0.3),
            image(2, 1.0, "sign", 0.8),
            image(3, 1.0, "lamp", 0.4),
        ];
        assert_eq!(named(&images).unwrap().name, "sign");
        images[3].instances[0].score = 0.6;
        assert_eq!(named(&images).unwrap().name, "lamp");
        assert_eq!(named(&images).unwrap().images.len(), 3);
        // What hides the thing, what has no mask of it, and what has no depth does not vote.
        images[1].depth = Map::new(vec![0.5; 12], [3, 4, 1]).ok();
        images[3].mask = Mask::new(vec![0; 12], [3, 4]);
        assert_eq!(named(&images).unwrap().images, [("2".to_owned(), 1.0)]);
        images[2].depth = None;
        assert_eq!(named(&images), None);
    }
}
