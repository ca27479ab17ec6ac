//! Estimates the up direction of recordings with arbitrary axes: first from the orientation of the
//! cameras, then from the level surfaces.

use glam::Vec3;

use crate::views::{Camera, Map, Pixel};

/// Minimum length of the mean of the cameras' upward unit vectors; if it is lower, the cameras were
/// held in all directions.
const HELD: f32 = 0.5;
/// Angles around up, radians, within which surfaces count as level; up is refined with each in
/// turn.
const CONES: [f32; 4] = [0.7, 0.35, 0.15, 0.09];
/// Minimum share of level surfaces among all; with fewer, the refinement stops, and at the first
/// angle the cameras alone decide.
const LEVEL: f32 = 0.02;
/// The pixels from which a normal is computed are 1 / `STEPS` of the longer side apart; nearer ones
/// would mostly measure the noise of the sensor.
const STEPS: usize = 32;
/// Two such pixels belong to different surfaces if their depths differ by more than this share; the
/// depth of a floor seen at a low angle changes by a tenth.
const JUMP: f32 = 0.15;

/// What the frames of a recording say about the up direction: under a thousand normals of each.
#[derive(Clone, Debug, Default)]
pub struct UpVotes {
    /// Sum of the cameras' upward unit vectors.
    held: Vec3,
    cameras: usize,
    normals: Vec<Vec3>,
}

impl UpVotes {
    /// Adds how a camera was held.
    pub fn add_camera(&mut self, camera: &Camera) {
        self.held -= Vec3::from(camera.world_from_camera.matrix3.y_axis);
        self.cameras += 1;
    }

    /// Adds the surfaces that a depth image shows.
    pub fn add_depth(&mut self, camera: &Camera, depth: &Map) {
        self.normals.extend(normals(camera, depth));
    }

    /// The up direction, a unit vector; `None` if the cameras were held in all directions.
    pub fn up(&self) -> Option<Vec3> {
        let held = self.held / self.cameras.max(1) as f32;
        if held.length() <= HELD || !held.is_finite() {
            return None;
        }
        let mut up = held.normalize();
        for cone in CONES {
            let towards = |normal: &Vec3| {
                if normal.dot(up) < 0.0 {
                    -*normal
                } else {
                    *normal
                }
            };
            let level: Vec<Vec3> = self
                .normals
                .iter()
                .map(towards)
                .filter(|normal| normal.dot(up) > cone.cos())
                .collect();
            if (level.len() as f32) < LEVEL * self.normals.len() as f32 || level.is_empty() {
                break;
            }
            up = level.into_iter().sum::<Vec3>().normalize();
        }
        Some(up)
    }
}

/// Normals of the surfaces that the depth of an image shows, on a coarse grid of pixels.
pub fn normals(camera: &Camera, depth: &Map) -> Vec<Vec3> {
    let [rows, columns] = depth.size();
    let step = (columns.max(rows) / STEPS).max(1);
    let point = |row: usize, column: usize| {
        let [x, y] = [
            (column as f32 + 0.5) / columns as f32,
            (row as f32 + 0.5) / rows as f32,
        ];
        Vec3::from(camera.back_project(Pixel {
            x,
            y,
            depth: depth.at(row, column)[0],
        }))
    };
    let mut normals = Vec::new();
    for row in (0..rows.saturating_sub(step)).step_by(step) {
        for column in (0..columns.saturating_sub(step)).step_by(step) {
            let here = depth.at(row, column)[0];
            let is_near = |other: f32| other > 0.0 && (other - here).abs() <= JUMP * here;
            if here > 0.0
                && is_near(depth.at(row + step, column)[0])
                && is_near(depth.at(row, column + step)[0])
            {
                let [along, down] = [point(row, column + step), point(row + step, column)]
                    .map(|other| other - point(row, column));
                normals.extend(along.cross(down).try_normalize());
            }
        }
    }
    normals
}
