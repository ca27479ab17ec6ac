//! Objects detected in images, as positions in the world with features (docs/spec/model.md section
//! 13).

use super::{Camera, Map, Pixel};
use crate::spatial::{farthest_points, medoid};

/// An object detected in one image.
#[derive(Clone, Debug)]
pub struct Detection<'a> {
    /// The camera of the image.
    pub camera: &'a Camera,
    /// `(height, width, 1)`: metres along the optical axis, 0 or less if unknown.
    pub depth: &'a Map,
    /// The object's pixels of the depth map, all of them on it: `row * width + column`.
    pub pixels: &'a [u32],
    /// The detector's features of the object.
    pub features: &'a [f32],
    /// The detector's confidence.
    pub score: f32,
}

/// Objects seen in images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectQueries {
    /// `(objects, channels)`: the features.
    pub features: Vec<f32>,
    /// `(objects, 3)`: positions in metres, world frame.
    pub positions: Vec<[f32; 3]>,
}

/// The detections with a score of at least `min_score` and some known depth, each at the medoid of
/// its pixels. If there are more than `max`, a subset is chosen by farthest point sampling.
///
/// # Panics
/// If a pixel is not on the depth map.
pub fn object_queries(detections: &[Detection], min_score: f32, max: usize) -> ObjectQueries {
    let placed: Vec<_> = detections
        .iter()
        .filter(|detection| detection.score >= min_score)
        .filter_map(|detection| Some((place(detection)?, detection.features)))
        .collect();
    let positions: Vec<[f32; 3]> = placed.iter().map(|(position, _)| *position).collect();
    let kept = farthest_points(&positions, max)
        .into_iter()
        .map(|i| &placed[i as usize]);
    kept.fold(
        ObjectQueries::default(),
        |mut queries, (position, features)| {
            queries.positions.push(*position);
            queries.features.extend_from_slice(features);
            queries
        },
    )
}

/// The medoid of the detection's pixels in the world frame; `None` if no pixel has a known depth.
fn place(detection: &Detection) -> Option<[f32; 3]> {
    let [height, width] = detection.depth.size();
    let points: Vec<[f32; 3]> = detection
        .pixels
        .iter()
        .filter_map(|&pixel| {
            let (row, column) = (pixel as usize / width, pixel as usize % width);
            let depth = detection.depth.at(row, column)[0];
            let pixel = Pixel {
                x: (column as f32 + 0.5) / width as f32,
                y: (row as f32 + 0.5) / height as f32,
                depth,
            };
            (depth > 0.0 && depth.is_finite()).then(|| detection.camera.back_project(pixel))
        })
        .collect();
    medoid(&points).map(|i| points[i])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::views::camera::tests::camera;

    #[test]
    fn an_object_is_where_its_pixels_are() {
        let camera = camera([0.0; 3]);
        // a wall at 4 m with an object at 2 m in front of it; one pixel is unknown and one is an
        // outlier
        let mut depth = vec![4.0; 64 * 48];
        let mut pixels = vec![];
        for (row, column) in (20..28).flat_map(|row| (30..34).map(move |column| (row, column))) {
            depth[row * 64 + column] = 2.0;
            pixels.push(row as u32 * 64 + column as u32);
        }
        depth[20 * 64 + 30] = 0.0;
        depth[21 * 64 + 30] = 60.0;
        let depth = Map::new(depth, [48, 64, 1]).unwrap();
        let object = Detection {
            camera: &camera,
            depth: &depth,
            pixels: &pixels,
            features: &[1.0, 2.0],
            score: 0.9,
        };
        let detections = [
            object.clone(),
            Detection {
                score: 0.1,
                ..object.clone()
            },
            Detection {
                pixels: &[],
                ..object
            },
        ];
        let found = object_queries(&detections, 0.3, 10);
        assert_eq!(found.features, [1.0, 2.0]);
        let [x, y, z] = found.positions[0];
        assert!(
            (x - 2.0).abs() < 1e-4 && y.abs() < 0.1 && z.abs() < 0.15,
            "{:?}",
            found.positions
        );
    }

    #[test]
    fn of_many_those_that_spread_stay() {
        let depth = Map::new(vec![2.0], [1, 1, 1]).unwrap();
        let cameras: Vec<Camera> = (0..10)
            .map(|i| camera([f32::from(u8::from(i > 7)) * 5.0 + i as f32 * 0.01, 0.0, 0.0]))
            .collect();
        let features: Vec<f32> = (0..10).map(|i| i as f32).collect();
        let detections = cameras.iter().zip(features.chunks(1));
        let detections: Vec<_> = detections
            .map(|(camera, features)| Detection {
                camera,
                depth: &depth,
                pixels: &[0],
                features,
                score: 1.0,
            })
            .collect();
        assert_eq!(object_queries(&detections, 0.0, 2).features, [0.0, 9.0]);
        assert_eq!(object_queries(&detections, 0.0, 99).features.len(), 10);
    }
}
