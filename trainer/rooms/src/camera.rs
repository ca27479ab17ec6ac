//! A pinhole camera and the z-buffer that finds the triangle seen by each of its pixels.

use glam::{Affine3A, Mat3, Vec2, Vec3};
use segscape::views;

use super::scene::Scene;

/// Distance of the near plane, metres.
const NEAR: f32 = 0.08;

/// A pinhole camera with square pixels.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    /// The center of projection.
    pub eye: Vec3,
    right: Vec3,
    down: Vec3,
    /// The viewing direction.
    pub forward: Vec3,
    focal: f32,
    /// Width and height, pixels.
    pub size: [usize; 2],
}

/// The depth and the triangle that each pixel sees, row by row.
pub struct RenderedView {
    /// `(pixels)`: depth along the viewing direction; infinite where there is no surface.
    pub depth: Vec<f32>,
    /// `(pixels)`: index of the triangle; `u32::MAX` where there is none.
    pub triangle: Vec<u32>,
}

impl Camera {
    /// A camera at `eye` that looks along `forward` with a horizontal field of view in radians.
    pub fn new(eye: Vec3, forward: Vec3, field: f32, size: [usize; 2]) -> Self {
        let forward = forward.normalize_or(Vec3::X);
        let right = forward.cross(Vec3::Z).try_normalize().unwrap_or(Vec3::X);
        Self {
            eye,
            right,
            down: forward.cross(right),
            forward,
            focal: size[0] as f32 / 2.0 / (field / 2.0).tan(),
            size,
        }
    }

    /// The same camera rolled by an angle about its viewing direction.
    pub fn rolled(self, angle: f32) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            right: self.right * cos + self.down * sin,
            down: self.down * cos - self.right * sin,
            ..self
        }
    }

    /// Converts to a camera of the views module, in the frame that `placed` maps this camera's to.
    pub fn placed(&self, placed: Affine3A) -> views::Camera {
        let [width, height] = self.size.map(|n| n as f32);
        let axes = Mat3::from_cols(self.right, self.down, self.forward);
        views::Camera {
            width,
            height,
            focal: [self.focal; 2],
            center: [width / 2.0 - 0.5, height / 2.0 - 0.5],
            world_from_camera: placed * Affine3A::from_mat3_translation(axes, self.eye),
        }
    }

    /// The point `depth` metres along the viewing direction through the center of a pixel.
    pub fn point(&self, x: usize, y: usize, depth: f32) -> Vec3 {
        self.eye + self.ray(x, y) * depth
    }

    /// The direction through the center of a pixel, one metre long along the viewing direction.
    pub fn ray(&self, x: usize, y: usize) -> Vec3 {
        let u = (x as f32 + 0.5 - self.size[0] as f32 / 2.0) / self.focal;
        let v = (y as f32 + 0.5 - self.size[1] as f32 / 2.0) / self.focal;
        self.forward + u * self.right + v * self.down
    }

    fn to_camera(self, p: Vec3) -> Vec3 {
        let d = p - self.eye;
        Vec3::new(d.dot(self.right), d.dot(self.down), d.dot(self.forward))
    }

    fn to_pixel(self, p: Vec3) -> Vec2 {
        Vec2::new(p.x, p.y) * (self.focal / p.z)
            + Vec2::new(self.size[0] as f32, self.size[1] as f32) / 2.0
    }

    /// The pixel and depth of a point; `None` if it is outside the image or nearer than the near
    /// plane.
    pub fn project(&self, p: Vec3) -> Option<(usize, usize, f32)> {
        let p = self.to_camera(p);
        if p.z < NEAR {
            return None;
        }
        let q = self.to_pixel(p);
        let inside =
            q.x >= 0.0 && q.y >= 0.0 && q.x < self.size[0] as f32 && q.y < self.size[1] as f32;
        inside.then_some((q.x as usize, q.y as usize, p.z))
    }

    /// Renders the scene into a z-buffer; parts farther away than `far` may be left out.
    pub fn view(&self, scene: &Scene, far: f32) -> RenderedView {
        let pixels = self.size[0] * self.size[1];
        let mut nearest = vec![0.0; pixels]; // 1 / depth, which is affine on the image
        let mut triangle = vec![u32::MAX; pixels];
        let half = Vec2::new(self.size[0] as f32, self.size[1] as f32) / (2.0 * self.focal);
        // Ratio of the offset beyond a side plane along an image axis to the distance from that
        // plane.
        let slope = (half * half + 1.0).map(f32::sqrt);
        let mut points = Vec::new();
        for piece in &scene.pieces {
            let (center, radius) = (self.to_camera(piece.center), piece.radius);
            let beside = (center.truncate().abs() - half * center.z)
                .cmpgt(slope * radius)
                .any();
            if beside
                || center.z + radius < NEAR
                || center.length_squared() > (far + radius).powi(2)
            {
                continue;
            }
            let first = piece.vertices.start;
            points.clear();
            points.extend(
                scene.positions[piece.vertices.clone()]
                    .iter()
                    .map(|p| self.to_camera(*p)),
            );
            for index in piece.triangles.clone() {
                let [a, b, c] = scene.triangles[index]
                    .corners
                    .map(|i| points[i as usize - first]);
                let outside = |f: &dyn Fn(Vec3) -> bool| f(a) && f(b) && f(c);
                if outside(&|p| p.z < NEAR)
                    || outside(&|p| p.x > half.x * p.z)
                    || outside(&|p| -p.x > half.x * p.z)
                    || outside(&|p| p.y > half.y * p.z)
                    || outside(&|p| -p.y > half.y * p.z)
                {
                    continue;
                }
                let polygon = clipped([a, b, c]);
                for i in 2..polygon.len() {
                    self.fill(
                        [polygon[0], polygon[i - 1], polygon[i]],
                        index as u32,
                        &mut nearest,
                        &mut triangle,
                    );
                }
            }
        }
        RenderedView {
            depth: nearest
                .into_iter()
                .map(|n| if n > 0.0 { 1.0 / n } else { f32::INFINITY })
                .collect(),
            triangle,
        }
    }

    fn fill(&self, corners: [Vec3; 3], index: u32, nearest: &mut [f32], triangle: &mut [u32]) {
        let [a, b, c] = corners.map(|p| self.to_pixel(p));
        let area = (b - a).perp_dot(c - a);
        if area.abs() < 1e-9 {
            return;
        }
        let [width, height] = self.size;
        let (lo, hi) = (a.min(b).min(c), a.max(b).max(c));
        let first = |v: f32| (v - 0.5).ceil().max(0.0) as usize;
        let last = |v: f32, n: usize| ((v - 0.5).floor() + 1.0).clamp(0.0, n as f32) as usize;
        let inverse = corners.map(|p| 1.0 / p.z);
        for y in first(lo.y)..last(hi.y, height) {
            for x in first(lo.x)..last(hi.x, width) {
                let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
                let wb = (p - a).perp_dot(c - a) / area;
                let wc = (b - a).perp_dot(p - a) / area;
                let wa = 1.0 - wb - wc;
                if wa < 0.0 || wb < 0.0 || wc < 0.0 {
                    continue;
                }
                let near = wa * inverse[0] + wb * inverse[1] + wc * inverse[2];
                let at = y * width + x;
                if near > nearest[at] {
                    nearest[at] = near;
                    triangle[at] = index;
                }
            }
        }
    }
}

/// The part of a triangle in front of the near plane: three or four corners, none if it is behind.
fn clipped(corners: [Vec3; 3]) -> Vec<Vec3> {
    let mut kept = Vec::with_capacity(4);
    for (i, p) in corners.into_iter().enumerate() {
        let q = corners[(i + 1) % 3];
        if p.z >= NEAR {
            kept.push(p);
        }
        if (p.z >= NEAR) != (q.z >= NEAR) {
            kept.push(p.lerp(q, (NEAR - p.z) / (q.z - p.z)));
        }
    }
    kept
}
