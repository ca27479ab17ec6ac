//! Image features lifted to points.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Occlusion, Sight, View};
use crate::platform;

/// Number of points that one task handles.
const CHUNK: usize = 256;
/// Number of views whose features are averaged (docs/spec/model.md section 13).
const VIEWS: usize = 3;
/// A point that lies less than 10 cm behind the depth of a view is seen, and so is one before it:
/// where images disagree about a surface, their features are still of it.
const OCCLUSION: Occlusion = Occlusion::Behind(0.1);

/// The pixel that a point was made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correspondence {
    /// Index of the view.
    pub view: u32,
    /// Horizontal position, a fraction of the image's width, 0..=1.
    pub x: f32,
    /// Vertical position, a fraction of the image's height, 0..=1.
    pub y: f32,
}

/// The images from which a point takes its features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The image that the point was made from (OVSeg3R, section 3.1).
    #[default]
    Own,
    /// The three images with the nearest cameras, among those that see the point (SegDINO3D,
    /// section 3.2).
    Nearest,
    /// The three images with the farthest cameras, among those that see the point, which
    /// SegDINO3D compares with.
    Farthest,
}

/// `(points, channels)`: the features of the images that `choice` selects for each point, averaged
/// if it selects several; zeros if there is none. `O(points views)` except for [`Choice::Own`].
///
/// # Panics
/// If the views' features differ in their number of channels, or the numbers of correspondences and
/// positions differ.
pub fn lifted(
    choice: Choice,
    positions: &[[f32; 3]],
    origins: &[Option<Correspondence>],
    views: &[View],
) -> Vec<f32> {
    assert_eq!(
        positions.len(),
        origins.len(),
        "a correspondence, or none, for every point"
    );
    match choice {
        Choice::Own => from_correspondences(origins, views),
        Choice::Nearest => from_views(positions, views, |a, b| a.total_cmp(b)),
        Choice::Farthest => from_views(positions, views, |a, b| b.total_cmp(a)),
    }
}

/// The bilinear sample at each point's own pixel; a correspondence to a view that does not exist
/// counts as none.
fn from_correspondences(correspondences: &[Option<Correspondence>], views: &[View]) -> Vec<f32> {
    let channels = channels(views);
    let mut features = vec![0.0; correspondences.len() * channels];
    platform::for_each_chunk(&mut features, CHUNK * channels.max(1), |chunk, features| {
        for (correspondence, feature) in correspondences[chunk * CHUNK..]
            .iter()
            .zip(features.chunks_exact_mut(channels))
        {
            if let Some(Correspondence { view, x, y }) = correspondence
                && let Some(view) = views.get(*view as usize)
            {
                view.features.add_sample(*x, *y, 1.0, feature);
            }
        }
    });
    features
}

/// The mean over the first [`VIEWS`] views that see a point, in the `order` of the squared
/// distances of their cameras.
fn from_views(
    positions: &[[f32; 3]],
    views: &[View],
    order: impl Fn(&f32, &f32) -> Ordering + Sync,
) -> Vec<f32> {
    let channels = channels(views);
    let sights: Vec<Sight> = views
        .iter()
        .map(|view| Sight::new(&view.camera, view.depth.as_ref(), OCCLUSION))
        .collect();
    let mut features = vec![0.0; positions.len() * channels];
    platform::for_each_chunk(&mut features, CHUNK * channels.max(1), |chunk, features| {
        for (&position, feature) in positions[chunk * CHUNK..]
            .iter()
            .zip(features.chunks_exact_mut(channels))
        {
            let distance = |view: &View| {
                glam::Vec3::from(view.camera.position()).distance_squared(position.into())
            };
            let mut seeing: Vec<_> = views
                .iter()
                .zip(&sights)
                .filter_map(|(view, sight)| Some((distance(view), view, sight.sees(position)?)))
                .collect();
            seeing.sort_by(|a, b| order(&a.0, &b.0));
            seeing.truncate(VIEWS);
            let weight = 1.0 / seeing.len().max(1) as f32;
            seeing
                .iter()
                .for_each(|(_, view, at)| view.features.add_sample(at.x, at.y, weight, feature));
        }
    });
    features
}

fn channels(views: &[View]) -> usize {
    let channels = views.first().map_or(0, |view| view.features.channels());
    assert!(
        views
            .iter()
            .all(|view| view.features.channels() == channels),
        "all views have the same channels"
    );
    channels
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::views::{Map, camera::tests::camera};

    /// A view along x from `x` metres; everything it sees has the feature `name` and lies at
    /// `depth`.
    fn view(x: f32, name: f32, depth: f32) -> View {
        View {
            camera: camera([x, 0.0, 0.0]),
            depth: Some(Map::new(vec![depth; 12], [3, 4, 1]).unwrap()),
            features: Map::new(vec![name, 1.0], [1, 1, 2]).unwrap(),
        }
    }

    #[test]
    fn the_nearest_or_farthest_views_that_see_a_point_are_averaged() {
        let views = [
            view(0.0, 12.0, 9.0),
            view(1.0, 20.0, 9.0),
            view(2.0, 40.0, 9.0),
            view(3.0, 80.0, 0.5),
            view(-1.0, 6.0, 9.0),
        ];
        let at = |choice, x: f32, views: &[View]| lifted(choice, &[[x, 0.0, 0.0]], &[None], views);
        // something occludes the point in the view at 3 m, and no view looks backwards
        assert_eq!(at(Choice::Nearest, 5.0, &views), [24.0, 1.0]);
        assert_eq!(at(Choice::Farthest, 5.0, &views), [38.0 / 3.0, 1.0]);
        assert_eq!(at(Choice::Nearest, -3.0, &views), [0.0, 0.0]);
        assert_eq!(
            at(Choice::Nearest, 5.0, &views[1..3]),
            [30.0, 1.0],
            "fewer than three"
        );
        assert_eq!(
            at(Choice::Nearest, 3.55, &views[3..4]),
            [80.0, 1.0],
            "just behind the surface"
        );
        assert_eq!(
            at(Choice::Nearest, 5.0, &[view(0.0, 10.0, 0.0)]),
            [0.0, 0.0],
            "of unknown depth"
        );
        let without_depth = View {
            depth: None,
            ..view(0.0, 10.0, 0.0)
        };
        assert_eq!(at(Choice::Nearest, 5.0, &[without_depth]), [10.0, 1.0]);
        assert!(at(Choice::Nearest, 5.0, &[]).is_empty());
    }

    #[test]
    fn a_point_has_the_features_of_its_own_pixel() {
        let features = Map::new(vec![0.0, 0.0, 4.0, 0.0], [1, 2, 2]).unwrap();
        let views = [
            view(0.0, 10.0, 9.0),
            View {
                features,
                ..view(0.0, 0.0, 1.0)
            },
        ];
        let own = |view, x| Some(Correspondence { view, x, y: 0.5 });
        let carried = lifted(
            Choice::Own,
            &[[0.0; 3]; 4],
            &[own(1, 0.5), None, own(0, 0.2), own(7, 0.5)],
            &views,
        );
        assert_eq!(carried, [2.0, 0.0, 0.0, 0.0, 10.0, 1.0, 0.0, 0.0]);
    }
}
