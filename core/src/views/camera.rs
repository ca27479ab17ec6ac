//! A calibrated pinhole camera.

use glam::{Affine3A, Vec3};

/// The minimum depth at which a point is seen, metres.
const NEAR: f32 = 1e-3;

/// Intrinsics in pixels of an image of `width` x `height`, and the pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Width of the image, pixels.
    pub width: f32,
    /// Height of the image, pixels.
    pub height: f32,
    /// Focal lengths, pixels.
    pub focal: [f32; 2],
    /// Principal point, pixels.
    pub center: [f32; 2],
    /// Transform from the camera frame to the world frame.
    pub world_from_camera: Affine3A,
}

/// The position at which a point is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// Horizontal position, a fraction of the image's width, 0..=1.
    pub x: f32,
    /// Vertical position, a fraction of the image's height, 0..=1.
    pub y: f32,
    /// Depth along the optical axis, metres.
    pub depth: f32,
}

impl Camera {
    /// Projects `point` (metres, world frame) into the image; `None` if it is outside.
    pub fn project(&self, point: [f32; 3]) -> Option<Pixel> {
        self.projection().project(point)
    }

    /// The camera with the inverse of its pose, for projecting many points.
    pub fn projection(&self) -> Projection {
        Projection {
            camera: *self,
            camera_from_world: self.world_from_camera.inverse(),
        }
    }

    /// The point (metres, world frame) that is seen at the pixel.
    pub fn back_project(&self, pixel: Pixel) -> [f32; 3] {
        let along = |share: f32, focal: f32, center: f32, extent: f32| {
            (share * extent - 0.5 - center) / focal * pixel.depth
        };
        let x = along(pixel.x, self.focal[0], self.center[0], self.width);
        let y = along(pixel.y, self.focal[1], self.center[1], self.height);
        self.world_from_camera
            .transform_point3(Vec3::new(x, y, pixel.depth))
            .into()
    }

    /// The position of the camera, metres, world frame.
    pub fn position(&self) -> [f32; 3] {
        self.world_from_camera.translation.into()
    }
}

/// A camera with the inverse of its pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    camera: Camera,
    camera_from_world: Affine3A,
}

impl Projection {
    /// Projects `point` (metres, world frame) into the image; `None` if it is outside.
    pub fn project(&self, point: [f32; 3]) -> Option<Pixel> {
        let camera = &self.camera;
        let p = self.camera_from_world.transform_point3(point.into());
        let share = |along: f32, focal: f32, center: f32, extent: f32| {
            (focal * along / p.z + center + 0.5) / extent
        };
        let x = share(p.x, camera.focal[0], camera.center[0], camera.width);
        let y = share(p.y, camera.focal[1], camera.center[1], camera.height);
        let inside = |share: f32| (0.0..=1.0).contains(&share);
        (p.z > NEAR && inside(x) && inside(y)).then_some(Pixel { x, y, depth: p.z })
    }
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// A camera at `position` that looks along the world's x, with the world's z up.
    pub fn camera(position: [f32; 3]) -> Camera {
        let axes = glam::Mat3::from_cols(-Vec3::Y, -Vec3::Z, Vec3::X);
        Camera {
            width: 64.0,
            height: 48.0,
            focal: [50.0, 50.0],
            center: [31.5, 23.5],
            world_from_camera: Affine3A::from_mat3_translation(axes, position.into()),
        }
    }

    #[test]
    fn what_is_ahead_is_in_the_middle() {
        let camera = camera([1.0, 0.0, 0.0]);
        let pixel = camera.project([3.0, 0.0, 0.0]).unwrap();
        assert_eq!(
            pixel,
            Pixel {
                x: 0.5,
                y: 0.5,
                depth: 2.0
            }
        );
        // up is up and left is left
        let above = camera.project([3.0, 0.5, 0.5]).unwrap();
        assert!(above.x < 0.5 && above.y < 0.5);
        assert_eq!(camera.project([-1.0, 0.0, 0.0]), None);
        assert_eq!(camera.project([3.0, 3.0, 0.0]), None);
        assert_eq!(camera.project([f32::NAN; 3]), None);
        assert_eq!(camera.position(), [1.0, 0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn back_projection_undoes_projection(point in (1.0f32..5.0, -1.0f32..1.0, -1.0f32..1.0)) {
            let (camera, point) = (camera([-1.0, 0.2, 0.1]), [point.0, point.1, point.2]);
            if let Some(pixel) = camera.project(point) {
                let back = camera.back_project(pixel);
                prop_assert!((0..3).all(|axis| (back[axis] - point[axis]).abs() < 1e-4), "{back:?} {point:?}");
            }
        }
    }
}
