//! Where points of the world are in the picture, for what is drawn over it.

use glam::{Mat4, Vec2, Vec3, Vec4};

use super::cloud::Frame;

/// The projection of one frame to a picture of some size.
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    clip_from_world: Mat4,
    /// The distance whose scale holds at every depth, metres; `None` in a perspective picture.
    flat_distance: Option<f32>,
    near: f32,
    size: Vec2,
}

impl Projection {
    /// The projection to a picture of this width and height.
    pub fn new(frame: &Frame, size: Vec2) -> Self {
        Self {
            clip_from_world: frame.clip_from_world((size.x, size.y)),
            flat_distance: frame.camera.flat_distance(),
            near: frame.camera.near(),
            size,
        }
    }

    /// The place of a point; `None` if it is behind the eye.
    pub fn place(&self, point: Vec3) -> Option<Vec2> {
        let clip = self.clip_from_world * point.extend(1.0);
        (clip.w >= self.near).then(|| self.on_picture(clip))
    }

    /// The places of the ends of a line, without the part behind the eye.
    pub fn line(&self, ends: [Vec3; 2]) -> Option<[Vec2; 2]> {
        let [from, to] = ends.map(|end| self.clip_from_world * end.extend(1.0));
        let is_seen = |end: Vec4| end.w >= self.near;
        if !is_seen(from) && !is_seen(to) {
            return None;
        }
        let cut = |end: Vec4, other: Vec4| match is_seen(end) {
            true => end,
            false => end.lerp(other, (self.near - end.w) / (other.w - end.w)),
        };
        Some([cut(from, to), cut(to, from)].map(|end| self.on_picture(end)))
    }

    /// The plane through a line between two places of the picture in the direction of the view: a
    /// normal of unit length, and the distance of the plane from the origin along it. `None` if the
    /// places are one.
    pub fn plane(&self, line: [Vec2; 2]) -> Option<(Vec3, f32)> {
        let [from, to] = line.map(|place| (place * 2.0 / self.size - Vec2::ONE).extend(1.0));
        // What is on the line has no part along this direction.
        let across = from.cross(to);
        let (deep, flat) = match self.flat_distance {
            Some(distance) => (0.0, across.z * distance),
            None => (across.z, 0.0),
        };
        let plane = Vec4::new(across.x, -across.y, 0.0, deep);
        let plane = self.clip_from_world.transpose() * plane + Vec4::W * flat;
        let length = plane.truncate().length();
        let found = (plane.truncate() / length, -plane.w / length);
        (found.0.is_finite() && found.1.is_finite()).then_some(found)
    }

    fn on_picture(&self, clip: Vec4) -> Vec2 {
        let divisor = self.flat_distance.unwrap_or(clip.w);
        (Vec2::new(clip.x, -clip.y) / divisor + Vec2::ONE) / 2.0 * self.size
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::view::camera::Camera;

    #[wasm_bindgen_test]
    fn a_plane_is_seen_as_the_line_that_it_was_drawn_as() {
        let mut frame = Frame {
            covered: Vec2::new(0.3, 0.1),
            ..Frame::default()
        };
        let size = Vec2::new(800.0, 600.0);
        for orthographic in [None, Some(30.0)] {
            frame.camera.orthographic = orthographic;
            let projection = Projection::new(&frame, size);
            let line = [Vec2::new(100.0, 200.0), Vec2::new(500.0, 450.0)];
            let (normal, at) = projection.plane(line).expect("a line");
            assert!((normal.length() - 1.0).abs() < 1e-5);
            let along = (line[1] - line[0]).normalize();
            for point in [Vec3::ZERO, Vec3::X, Vec3::Y, Vec3::new(0.3, 0.2, -0.8)] {
                let on_plane = point - normal * (point.dot(normal) - at);
                let place = projection.place(on_plane).expect("in front of the eye");
                let beside = along.perp_dot(place - line[0]);
                assert!(beside.abs() < 0.1, "{beside} pixels beside the line");
            }
        }
        let projection = Projection::new(&frame, size);
        assert_eq!(projection.plane([Vec2::ONE, Vec2::ONE]), None);
    }

    #[wasm_bindgen_test]
    fn a_line_is_cut_at_the_eye_and_parallels_stay_parallel_without_perspective() {
        let mut frame = Frame {
            camera: Camera {
                yaw: 0.0,
                pitch: 0.0,
                distance: 4.0,
                ..Camera::default()
            },
            ..Frame::default()
        };
        let size = Vec2::new(800.0, 600.0);
        let projection = Projection::new(&frame, size);
        let middle = projection.place(Vec3::ZERO).expect("in front of the eye");
        assert!(middle.distance(size / 2.0) < 1e-2);
        assert_eq!(projection.place(Vec3::new(0.0, -9.0, 0.0)), None);
        let ends = [Vec3::new(0.1, -9.0, 0.0), Vec3::new(0.1, 3.0, 0.0)];
        let [cut, end] = projection.line(ends).expect("partly in front of the eye");
        assert!(cut.is_finite() && cut.x > end.x, "{cut} {end}");

        frame.camera.orthographic = Some(30.0);
        let flat = Projection::new(&frame, size);
        let [near, far] = flat
            .line(ends)
            .expect("nothing is behind an eye so far away");
        assert!(near.distance(far) < 1e-2, "{near} {far}");
    }
}
