//! The pixels in which points are seen that come from elsewhere than the depth images.

use segscape::views::{Camera, Correspondence, Map, Pixel};

/// Maximum difference between the depth of a point and the depth image of a view that sees it,
/// metres.
const TOLERANCE: f32 = 0.05;

/// The pixel of each point in the nearest camera that sees it, found image by image.
pub struct Origins<'a> {
    positions: &'a [[f32; 3]],
    /// Shape `(points)`: the depth at which the nearest camera so far sees the point, and where.
    nearest: Vec<Option<(f32, Correspondence)>>,
}

impl<'a> Origins<'a> {
    /// Points (metres, world frame) that no image shows yet.
    pub fn new(positions: &'a [[f32; 3]]) -> Self {
        Self {
            positions,
            nearest: vec![None; positions.len()],
        }
    }

    /// Looks for the points in image number `view`.
    pub fn look(&mut self, view: u32, camera: &Camera, depth: &Map) {
        for (position, nearest) in self.positions.iter().zip(&mut self.nearest) {
            let Some(pixel) = camera.project(*position) else {
                continue;
            };
            let is_seen = depth
                .positive_sample(pixel.x, pixel.y)
                .is_some_and(|there| (pixel.depth - there).abs() <= TOLERANCE);
            if is_seen && nearest.is_none_or(|(depth, _)| pixel.depth < depth) {
                let Pixel { x, y, depth } = pixel;
                *nearest = Some((depth, Correspondence { view, x, y }));
            }
        }
    }

    /// Shape `(points)`: the pixels; `None` for points that no image shows.
    pub fn found(self) -> Vec<Option<Correspondence>> {
        self.nearest
            .into_iter()
            .map(|nearest| nearest.map(|(_, origin)| origin))
            .collect()
    }
}
