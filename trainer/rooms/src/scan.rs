//! Renders pictures and depth from the cameras of a walk, with the flaws of real ones, and fuses
//! them into the points of a scan.

use std::{array, collections::HashMap};

use glam::{IVec3, Vec2, Vec3};

use super::{
    camera::{Camera, RenderedView},
    fusion::{SurfacePoint, Volume},
    light::Lighting,
    material::{Material, wear_at},
    noise::{LANES, Places, below, noise_at, unit},
    rng::RoomRng,
    scene::Scene,
    walk::Sensor,
};

/// The images taken by one camera of the walk.
pub struct Taken {
    /// The error-free view.
    pub view: RenderedView,
    /// `(pixels)`: sRGB as the camera exposed it, with vignetting, blur and grain.
    pub picture: Vec<[u8; 3]>,
    /// `(pixels)`: depth as the sensor measured it, metres, with noise; 0 where it failed or
    /// nothing is in range.
    pub measured: Vec<f32>,
}

/// Fuses the cameras' depth images and samples points from the surface. Returns the points, whose
/// owners index `scene.owners`, and the images of each camera.
pub fn scan(
    scene: &Scene,
    cameras: &[Camera],
    lighting: &Lighting,
    sensor: &Sensor,
    rng: &mut RoomRng,
) -> (Vec<SurfacePoint>, Vec<Taken>) {
    let (lo, hi) = scene
        .positions
        .iter()
        .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), p| {
            (lo.min(*p), hi.max(*p))
        });
    let mut volume = Volume::new(lo - 0.2, hi + 0.2, sensor.voxel);
    let mut exposure = None;
    let mut all = Vec::with_capacity(cameras.len());
    for camera in cameras {
        let frame = Frame::new(scene, *camera, lighting);
        // The exposure follows the picture with a delay, and never fully.
        let target = sensor.brightness / frame.mean().max(0.01);
        let gain = exposure
            .map_or(target, |e: f32| e * (target / e).powf(0.3))
            .clamp(0.2, 12.0);
        exposure = Some(gain);
        let seed = rng.seed();
        let picture = frame.picture(gain, seed);
        let measured = integrate(&mut volume, &frame, &picture, seed, scene, sensor, rng);
        let picture = picture
            .iter()
            .map(|color| (color * 255.0).round().to_array().map(|c| c as u8))
            .collect();
        all.push(Taken {
            view: frame.view,
            picture,
            measured,
        });
    }
    let samples = spread(&volume, sensor, rng);
    (thinned(samples, sensor, rng), all)
}

/// The surface point that a pixel sees.
#[derive(Clone, Copy)]
struct Hit<'a> {
    position: Vec3,
    /// Of unit length, facing the camera.
    normal: Vec3,
    /// The point in the frame of its part.
    texture: Vec3,
    material: &'a Material,
}

/// The view of one camera, row by row.
struct Frame {
    camera: Camera,
    view: RenderedView,
    /// `(pixels)`: linear RGB before exposure.
    color: Vec<Vec3>,
    /// `(pixels)`: unit normals facing the camera.
    normal: Vec<Vec3>,
}

impl Frame {
    fn new(scene: &Scene, camera: Camera, lighting: &Lighting) -> Self {
        let view = camera.view(scene, f32::INFINITY);
        let pixels = view.depth.len();
        let mut frame = Self {
            camera,
            view,
            color: vec![Vec3::ZERO; pixels],
            normal: vec![Vec3::ZERO; pixels],
        };
        let seen: Vec<usize> = (0..pixels)
            .filter(|&i| frame.view.triangle[i] != u32::MAX)
            .collect();
        for pixels in seen.chunks(LANES) {
            // The last pixel fills the unused lanes.
            let hits: [Hit; LANES] =
                array::from_fn(|lane| frame.hit(scene, pixels[lane.min(pixels.len() - 1)]));
            let shade = lighting.shade_at(&Places::new(hits.map(|hit| hit.position)));
            let wear = wear_at(
                &Places::new(hits.map(|hit| hit.texture)),
                &hits.map(|hit| hit.material.seed()),
            );
            for (lane, &i) in pixels.iter().enumerate() {
                let Hit {
                    position,
                    normal,
                    texture,
                    material,
                } = hits[lane];
                let albedo = material.with_wear(material.pattern(texture), wear[lane]);
                frame.color[i] =
                    albedo * albedo * (lighting.at(position, normal, shade[lane]) + material.glow);
                frame.normal[i] = normal;
            }
        }
        frame.darken_creases();
        frame
    }

    /// The surface point that a pixel sees; the pixel must see a triangle.
    fn hit<'a>(&self, scene: &'a Scene, pixel: usize) -> Hit<'a> {
        let (width, index) = (self.camera.size[0], self.view.triangle[pixel] as usize);
        let triangle = &scene.triangles[index];
        let p = self
            .camera
            .point(pixel % width, pixel / width, self.view.depth[pixel]);
        let [a, b, c] = scene.corners(index);
        let cross = (b - a).cross(c - a);
        let squared = cross.length_squared().max(1e-20);
        let (wb, wc) = (
            (p - a).cross(c - a).dot(cross) / squared,
            (b - a).cross(p - a).dot(cross) / squared,
        );
        let [ta, tb, tc] = triangle.corners.map(|i| scene.textures[i as usize]);
        let normal = cross / squared.sqrt();
        Hit {
            position: p,
            normal: if normal.dot(p - self.camera.eye) > 0.0 {
                -normal
            } else {
                normal
            },
            texture: ta + (tb - ta) * wb + (tc - ta) * wc,
            material: &scene.materials[triangle.material as usize],
        }
    }

    /// Screen-space ambient occlusion from the depth image: surfaces that rise next to a point
    /// block its light, so objects get dark where they touch.
    fn darken_creases(&mut self) {
        let [width, height] = self.camera.size;
        for i in 0..self.color.len() {
            let depth = self.view.depth[i];
            if !depth.is_finite() {
                continue;
            }
            let (x, y) = (i % width, i / width);
            let (p, normal) = (self.camera.point(x, y, depth), self.normal[i]);
            let reach = (18.0 / depth.max(0.5)).max(2.0);
            let mut hidden = 0.0;
            for (dx, dy) in [
                (1.0, 0.0),
                (0.5, 0.87),
                (-0.5, 0.87),
                (-1.0, 0.0),
                (-0.5, -0.87),
                (0.5, -0.87),
            ] {
                let (qx, qy) = (
                    (x as f32 + reach * dx) as usize,
                    (y as f32 + reach * dy) as usize,
                );
                if qx >= width || qy >= height || !self.view.depth[qy * width + qx].is_finite() {
                    continue;
                }
                let towards = self.camera.point(qx, qy, self.view.depth[qy * width + qx]) - p;
                let distance = towards.length();
                if distance < 0.5 {
                    hidden += (towards.dot(normal) / distance.max(0.01) - 0.15).max(0.0);
                }
            }
            self.color[i] *= 1.0 - 0.85 * (hidden / 2.2).min(1.0);
        }
    }

    /// `(pixels)`: sRGB in 0..1 as a camera with the exposure `gain` takes it: slightly blurred,
    /// darker in the corners, grainy.
    fn picture(&self, gain: f32, seed: u32) -> Vec<Vec3> {
        let [width, height] = self.camera.size;
        let pixel = |i: usize| {
            let (x, y) = (i % width, i / width);
            let (right, below) = ((x + 1).min(width - 1), (y + 1).min(height - 1));
            let blurred =
                (self.color[i] + self.color[y * width + right] + self.color[below * width + x])
                    / 3.0;
            let off_center = Vec2::new(
                x as f32 / width as f32 - 0.5,
                y as f32 / height as f32 - 0.5,
            )
            .length_squared();
            let grain = 0.06 * (unit(seed, i as u32) - 0.5);
            (blurred * gain * (1.0 - 0.5 * off_center))
                .map(|c| (c.max(0.0).sqrt() + grain).clamp(0.0, 1.0))
        };
        (0..self.color.len()).map(pixel).collect()
    }

    fn mean(&self) -> f32 {
        self.color
            .iter()
            .map(|c| c.element_sum() / 3.0)
            .sum::<f32>()
            / self.color.len() as f32
    }
}

/// Integrates a frame into the field as a real camera measures it: noisy, with holes, slightly
/// misplaced. Returns the measured depth, 0 where there is none.
fn integrate(
    volume: &mut Volume,
    frame: &Frame,
    picture: &[Vec3],
    seed: u32,
    scene: &Scene,
    sensor: &Sensor,
    rng: &mut RoomRng,
) -> Vec<f32> {
    let Frame { camera, view, .. } = frame;
    let [width, height] = camera.size;
    let mut all_measured = vec![0.0; width * height];
    let drift = Vec3::new(rng.normal(), rng.normal(), rng.normal()) * sensor.drift[0];
    let spin = Vec3::new(rng.normal(), rng.normal(), rng.normal()) * sensor.drift[1];
    // The color camera is a few pixels off.
    let (shift_x, shift_y) = (rng.count(0, 4) as i32 - 2, rng.count(0, 4) as i32 - 2);
    let clamp = |v: i32, n: usize| v.clamp(0, n as i32 - 1) as usize;
    for y in 1..height - 1 {
        let patches = along_row(y, width, 9.0, 0.0, seed);
        let waves = along_row(y, width, 14.0, 7.0, seed);
        for x in 1..width - 1 {
            let i = y * width + x;
            let depth = view.depth[i];
            if !(0.35..sensor.range).contains(&depth) {
                continue;
            }
            let triangle = &scene.triangles[view.triangle[i] as usize];
            let ray = camera.ray(x, y);
            let facing = -frame.normal[i].dot(ray) / ray.length();
            let edge = [i - 1, i + 1, i - width, i + width]
                .into_iter()
                .any(|j| (view.depth[j] - depth).abs() > 0.04 + 0.03 * depth);
            // Depth fails in patches on glass and black gloss, at grazing angles, and often at
            // outlines.
            let miss = scene.materials[triangle.material as usize].missing
                + if facing < 0.2 { 0.5 } else { 0.0 }
                + if edge { 0.35 } else { 0.0 };
            let luck = 0.6 * patches[x] + 0.4 * rng.within(0.0, 1.0);
            if luck < 0.2 + 0.6 * miss - 0.2 * f32::from(miss < 0.05) {
                continue;
            }
            let spread = sensor.noise * (0.4 + depth * depth);
            let wave = waves[x] - 0.5;
            let measured = depth + spread * (0.7 * rng.normal() + 3.0 * wave);
            all_measured[i] = measured;
            let color = picture
                [clamp(y as i32 + shift_y, height) * width + clamp(x as i32 + shift_x, width)];
            let eye = camera.eye + drift;
            let weight = facing.max(0.1) / (0.3 + depth * depth * 0.3);
            volume.integrate(
                eye,
                ray + spin.cross(ray),
                measured,
                weight,
                color,
                triangle.owner,
            );
        }
    }
    all_measured
}

/// Noise for each pixel of a row, with features of `size` pixels; each `layer` has different noise.
fn along_row(y: usize, width: usize, size: f32, layer: f32, seed: u32) -> Vec<f32> {
    let noises = |first: usize| {
        let places =
            array::from_fn(|lane| Vec3::new((first + lane) as f32 / size, y as f32 / size, layer));
        noise_at(&Places::<LANES>::new(places), &[seed; LANES])
    };
    (0..width).step_by(LANES).flat_map(noises).collect()
}

/// Points of the surface, at least as dense as the sensor requires; uniformly random unless they
/// are thinned as a mesh later.
fn spread(volume: &Volume, sensor: &Sensor, rng: &mut RoomRng) -> Vec<SurfacePoint> {
    // Enough points per crossing that thinning leaves no gaps.
    let times = if sensor.is_mesh {
        (1.3 * (sensor.voxel / sensor.clearance()).powi(2))
            .ceil()
            .max(1.0) as usize
    } else {
        1
    };
    // More than the 0.25 of `points_of`, because not every crossing of a surface was seen.
    let wanted = 0.29 * (sensor.voxel / sensor.spacing).powi(2);
    let mut samples = Vec::new();
    for sample in volume.surface() {
        // The number of crossings with voxel edges grows with the sum of the normal's absolute
        // components.
        let normal = volume.normal(sample.position);
        let crossings = normal.abs().element_sum().max(1.0);
        for _ in 0..times {
            if !sensor.is_mesh && !rng.chance(wanted / crossings) {
                continue;
            }
            let mut moved = sample;
            // Crossings lie on the voxels' edges; real vertices do not lie on a grid.
            if normal != Vec3::ZERO {
                let shift =
                    Vec3::new(rng.about(0.5), rng.about(0.5), rng.about(0.5)) * sensor.voxel;
                moved.position += shift - normal * shift.dot(normal);
            }
            samples.push(moved);
        }
    }
    samples
}

/// Thins the points of a decimated mesh to a minimum distance, and drops points above the limit.
fn thinned(
    mut samples: Vec<SurfacePoint>,
    sensor: &Sensor,
    rng: &mut RoomRng,
) -> Vec<SurfacePoint> {
    rng.shuffle(&mut samples);
    if sensor.is_mesh {
        let clearance = sensor.clearance();
        let cell_of = |p: Vec3| below(p / clearance);
        let mut kept: HashMap<IVec3, Vec3> = HashMap::new();
        samples.retain(|s| {
            let cell = cell_of(s.position);
            let mut near = (-1..=1).flat_map(|z| {
                (-1..=1).flat_map(move |y| (-1..=1).map(move |x| IVec3::new(x, y, z)))
            });
            let crowded = near.any(|d| {
                kept.get(&(cell + d))
                    .is_some_and(|q| q.distance(s.position) < clearance)
            });
            if !crowded {
                kept.insert(cell, s.position);
            }
            !crowded
        });
    }
    samples.truncate(sensor.points);
    samples
}
