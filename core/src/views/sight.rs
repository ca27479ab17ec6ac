//! Whether a view sees a point: one test for everything that asks.

use super::{Camera, Map, Pixel, Projection};

/// How far a point may lie from the surface that a view measured in its direction, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Occlusion {
    /// At most so far behind the surface, and anywhere before it.
    Behind(f32),
    /// At most so far behind the surface or before it: the point lies on what the view shows.
    Around(f32),
}

/// A view that is asked for many points.
///
/// The view sees a point that projects into its image and is not occluded. The depth there is
/// interpolated; a view sees nothing where its depth is unknown, and everything in its image if it
/// has no depth map.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    projection: Projection,
    depth: Option<&'a Map>,
    occlusion: Occlusion,
}

impl<'a> Sight<'a> {
    /// The view of a camera with a depth map, shape `(height, width, 1)`, that spans its image.
    pub fn new(camera: &Camera, depth: Option<&'a Map>, occlusion: Occlusion) -> Self {
        Self {
            projection: camera.projection(),
            depth,
            occlusion,
        }
    }

    /// Where the view sees the point (metres, world frame), with the depth of the point itself;
    /// `None` if it does not.
    pub fn sees(&self, position: [f32; 3]) -> Option<Pixel> {
        let pixel = self.projection.project(position)?;
        let Some(depth) = self.depth else {
            return Some(pixel);
        };
        let surface = depth.positive_sample(pixel.x, pixel.y)?;
        let is_seen = match self.occlusion {
            Occlusion::Behind(tolerance) => pixel.depth <= surface + tolerance,
            Occlusion::Around(tolerance) => (pixel.depth - surface).abs() <= tolerance,
        };
        is_seen.then_some(pixel)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::views::camera::tests::camera;

    #[test]
    fn a_view_sees_what_lies_on_the_surfaces_that_it_measured() {
        let camera = camera([0.0; 3]);
        let wall = Map::new(vec![2.0; 12], [3, 4, 1]).unwrap();
        let sees = |depth: Option<&Map>, occlusion, x: f32| {
            Sight::new(&camera, depth, occlusion)
                .sees([x, 0.0, 0.0])
                .map(|pixel| pixel.depth)
        };
        let (behind, around) = (Occlusion::Behind(0.1), Occlusion::Around(0.1));
        for (x, by_behind, by_around) in [
            (1.0, true, false),
            (1.95, true, true),
            (2.05, true, true),
            (2.2, false, false),
            (-1.0, false, false),
        ] {
            assert_eq!(sees(Some(&wall), behind, x), by_behind.then_some(x));
            assert_eq!(sees(Some(&wall), around, x), by_around.then_some(x));
        }
        let unknown = Map::new(vec![0.0; 12], [3, 4, 1]).unwrap();
        assert_eq!(sees(Some(&unknown), around, 1.0), None);
        assert_eq!(sees(None, around, 9.0), Some(9.0));
        assert_eq!(sees(None, around, f32::NAN), None);
    }
}
