//! The light in a room: lamps and daylight with shadows, and ambient light that gets darker towards
//! corners.

use glam::Vec3;

use super::{
    camera::{Camera, RenderedView},
    noise::{Places, noise_at},
    scene::{Light, Scene},
};

/// Range of a lamp, metres: beyond it the lamp gives no light.
const REACH: f32 = 8.0;

/// The lights of a scene with their shadow maps.
pub struct Lighting {
    lamps: Vec<(Light, Camera, RenderedView)>,
    ambient: Vec3,
    seed: u32,
}

impl Lighting {
    /// Renders the shadow map of every light.
    pub fn new(scene: &Scene, ambient: Vec3, seed: u32) -> Self {
        let lamps = scene.lights.iter().map(|light| {
            let camera = Camera::new(light.position, light.direction, 2.5, [256, 256]);
            (*light, camera, camera.view(scene, REACH))
        });
        Self {
            lamps: lamps.collect(),
            ambient,
            seed,
        }
    }

    /// Brightness factor of the ambient light at points; it gets darker towards corners.
    pub fn shade_at<const N: usize>(&self, places: &Places<N>) -> [f32; N] {
        let (wide, near) = (
            noise_at(&places.scaled(0.55), &[self.seed; N]),
            noise_at(&places.scaled(1.7), &[self.seed.wrapping_add(1); N]),
        );
        std::array::from_fn(|lane| 0.25 + 1.5 * wide[lane] * near[lane] * 2.0)
    }

    /// The light that reaches a surface point with the given normal, where the ambient light has
    /// the given [shade](Self::shade_at): linear RGB, about 1 where it is well lit.
    pub fn at(&self, p: Vec3, normal: Vec3, shade: f32) -> Vec3 {
        let sky = 0.75 + 0.25 * normal.z;
        let soft = self.ambient * sky * shade;
        self.lamps.iter().fold(soft, |sum, (light, camera, view)| {
            let towards = light.position - p;
            if normal.dot(towards) <= 0.0 || towards.length_squared() > REACH * REACH {
                return sum;
            }
            let distance = towards.length().max(0.3);
            let facing = normal.dot(towards / distance);
            let left = 1.0 - (distance / REACH).powi(2);
            sum + light.power
                * (facing * left * self.lit(p + normal * 0.02, camera, view)
                    / (1.0 + distance * distance))
        })
    }

    /// The visible share of a light at a point, averaged over neighbouring pixels of its shadow
    /// map.
    fn lit(&self, p: Vec3, camera: &Camera, view: &RenderedView) -> f32 {
        let Some((x, y, depth)) = camera.project(p) else {
            return 0.6;
        };
        let [width, height] = camera.size;
        let (mut open, mut all) = (0.0, 0.0);
        for (dx, dy) in [(0, 0), (2, 1), (-1, 2), (-2, -1), (1, -2)] {
            let (x, y) = (x as i32 + dx, y as i32 + dy);
            if x >= 0 && y >= 0 && (x as usize) < width && (y as usize) < height {
                all += 1.0;
                open += f32::from(view.depth[y as usize * width + x as usize] > depth - 0.04);
            }
        }
        open / f32::max(all, 1.0)
    }
}
