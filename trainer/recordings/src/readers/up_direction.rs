//! Estimates the up direction of a reconstruction with arbitrary axes: first from the orientation
//! of the cameras, then from the level surfaces.

use anyhow::ensure;
use glam::Vec3;
use segscape::views::{Camera, Map, Pixel};

use crate::foundation::Image;

/// Minimum length of the mean of the cameras' upward unit vectors; if it is lower, the cameras were
/// held in all directions.
const HELD: f32 = 0.5;
/// Angles around up, radians, within which surfaces count as level; up is refined with each in
/// turn.
const CONES: [f32; 4] = [0.7, 0.35, 0.15, 0.09];
/// Minimum share of level surfaces among all; with fewer, the refinement stops, and at the first
/// angle the cameras alone decide.
const LEVEL: f32 = 0.02;
/// The pixels from which a normal is computed are 1 / `STEPS` of the width apart; nearer pixels
/// would mostly measure the noise of the sensor.
const STEPS: usize = 32;
/// Two such pixels belong to different surfaces if their depths differ by more than this share; the
/// depth of a floor seen at a low angle changes by a tenth.
const JUMP: f32 = 0.15;

/// The up direction, a unit vector; `depth` returns the depth of an image, which is needed once.
///
/// # Errors
/// The cameras were held in all directions, or a depth image cannot be read.
pub fn up(
    images: &[Image],
    depth: impl Fn(&Image) -> anyhow::Result<Option<Map>>,
) -> anyhow::Result<Vec3> {
    let held: Vec3 = images
        .iter()
        .map(|image| -Vec3::from(image.camera.world_from_camera.matrix3.y_axis))
        .sum();
    let held = held / images.len().max(1) as f32;
    ensure!(
        held.length() > HELD,
        "the cameras were held in all directions, so up cannot be guessed: name the axis with --up"
    );
    let mut up = held.normalize();
    let mut normals = Vec::new();
    for image in images {
        if let Some(depth) = depth(image)? {
            normals.extend(self::normals(&image.camera, &depth));
        }
    }
    for cone in CONES {
        let towards = |normal: &Vec3| {
            if normal.dot(up) < 0.0 {
                -*normal
            } else {
                *normal
            }
        };
        let level: Vec<Vec3> = normals
            .iter()
            .map(towards)
            .filter(|normal| normal.dot(up) > cone.cos())
            .collect();
        if (level.len() as f32) < LEVEL * normals.len() as f32 || level.is_empty() {
            break;
        }
        up = level.into_iter().sum::<Vec3>().normalize();
    }
    Ok(up)
}

/// Normals of the surfaces that the depth of an image shows, on a coarse grid of pixels.
fn normals(camera: &Camera, depth: &Map) -> Vec<Vec3> {
    let [rows, columns] = depth.size();
    let step = (columns / STEPS).max(1);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;
    use crate::readers::{Kind, Options, tests::options, tests::prepared};

    #[test]
    #[ignore = "needs the real recordings, whose terms keep them out of the project"]
    fn a_real_kitchen_is_found_level() {
        let folder = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/data/seq-7scenes"
        ));
        // the world frame is that of the first camera, which looked down
        let scene = prepared(
            Kind::Frames,
            folder,
            &Options {
                every: 5,
                ..options()
            },
        )
        .unwrap()
        .0;
        let held: Vec3 = scene
            .images
            .iter()
            .map(|image| -Vec3::from(image.camera.world_from_camera.matrix3.y_axis))
            .sum();
        let depth = |image: &Image| image.depth.clone();
        let normals: Vec<Vec3> = scene
            .images
            .iter()
            .flat_map(|image| normals(&image.camera, &depth(image).unwrap()))
            .collect();
        let level = |up: Vec3| {
            normals
                .iter()
                .filter(|normal| normal.dot(up).abs() > 0.09f32.cos())
                .count() as f32
                / normals.len() as f32
        };
        let [held, found] = [
            held.normalize(),
            up(&scene.images, |image| Ok(depth(image))).unwrap(),
        ];
        assert!(
            level(found) > 0.15 && level(found) > 3.0 * level(held),
            "{} of the surfaces are level, {} before",
            level(found),
            level(held)
        );
        assert!(found.angle_between(held) < 0.6, "{found} {held}");
    }
}
