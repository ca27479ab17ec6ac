//! The reconstruction of a room from images, with its errors.

use glam::Vec3;
use segscape::{spatial, views::Correspondence};

use recordings::foundation::Foundation;
use rooms::{Shot, noise::noise, rng::RoomRng};

use super::Errors;

/// An image sees a point if their depths differ by less than this, metres.
const TOLERANCE: f32 = 0.06;
/// Number of neighbours that a point is smoothed with.
const NEIGHBORS: usize = 16;

/// Adds the errors of a reconstruction from images.
pub(super) fn reconstructed(
    mut scene: Foundation,
    errors: &Errors,
    dice: &mut RoomRng,
) -> Foundation {
    smooth(&mut scene.positions, errors.smoothing);
    // the drift accumulated up to each image
    let mut way = Vec3::ZERO;
    let drifts: Vec<Vec3> = scene
        .images
        .iter()
        .map(|_| {
            way += Vec3::new(dice.normal(), dice.normal(), dice.normal()) * errors.drift;
            way
        })
        .collect();
    for (position, origin) in scene.positions.iter_mut().zip(&scene.origins) {
        *position =
            (Vec3::from(*position) + origin.map_or(Vec3::ZERO, |o| drifts[o.view as usize])).into();
    }
    for (image, drift) in scene.images.iter_mut().zip(&drifts) {
        image.camera.world_from_camera.translation += glam::Vec3A::from(*drift);
    }
    let seed = dice.seed();
    // this noise has features of half a metre and is below the threshold in about a share
    // `holes` of the space
    let is_hole = |p: &[f32; 3]| noise(Vec3::from(*p) * 2.0, seed) < errors.holes.sqrt() * 0.9;
    let kept: Vec<bool> = scene
        .positions
        .iter()
        .map(|p| errors.holes == 0.0 || !is_hole(p))
        .collect();
    keep(&mut scene, &kept);
    let floaters = (errors.floaters * scene.positions.len() as f32) as usize;
    for _ in 0..floaters {
        let point = dice.count(0, scene.positions.len() - 1);
        let Some(origin) = scene.origins[point] else {
            continue;
        };
        let eye = Vec3::from(scene.images[origin.view as usize].camera.position());
        let position = eye.lerp(scene.positions[point].into(), dice.within(0.3, 0.95));
        scene.positions.push(position.into());
        scene.origins.push(Some(origin));
        if let Some(colors) = &mut scene.colors {
            colors.push(colors[point]);
        }
        if let Some(truth) = &mut scene.truth {
            truth.semantic.push(0);
            truth.instance.push(0);
        }
    }
    let scale = 1.0 + dice.about(errors.scale);
    scene
        .positions
        .iter_mut()
        .flatten()
        .for_each(|x| *x *= scale);
    for image in &mut scene.images {
        image.camera.world_from_camera.translation *= scale;
        image.depth = image.depth.take().map(|depth| depth.scaled(scale));
    }
    scene
}

/// Moves every point by a share `by` of the way to the mean of its neighbours.
fn smooth(positions: &mut Vec<[f32; 3]>, by: f32) {
    let Ok(neighbors) = spatial::nearest_neighbors(positions, NEIGHBORS, &|_| Ok(())) else {
        return;
    };
    let point = |row: usize| neighbors.point_of_row()[row] as usize;
    let mut smooth = positions.clone();
    for row in 0..positions.len() {
        let around = neighbors.of(row);
        let mean = around
            .iter()
            .map(|&other| Vec3::from(positions[point(other as usize)]))
            .sum::<Vec3>()
            / around.len().max(1) as f32;
        if !around.is_empty() {
            smooth[point(row)] = Vec3::from(positions[point(row)]).lerp(mean, by).into();
        }
    }
    *positions = smooth;
}

/// Removes the points that are not `kept`, `(points)`.
fn keep(scene: &mut Foundation, kept: &[bool]) {
    fn filter<T: Copy>(values: &mut Vec<T>, kept: &[bool]) {
        let mut kept = kept.iter();
        values.retain(|_| *kept.next().unwrap_or(&true));
    }
    filter(&mut scene.positions, kept);
    filter(&mut scene.origins, kept);
    scene
        .colors
        .iter_mut()
        .for_each(|colors| filter(colors, kept));
    if let Some(truth) = &mut scene.truth {
        filter(&mut truth.semantic, kept);
        filter(&mut truth.instance, kept);
    }
}

/// The pixel of a random image among those that see the point, because reconstructions merge the
/// points of all images.
pub(super) fn origin(
    position: [f32; 3],
    shots: &[Shot],
    dice: &mut RoomRng,
) -> Option<Correspondence> {
    let seen = (0..).zip(shots).filter_map(|(view, shot)| {
        let pixel = shot.camera.project(position)?;
        let [rows, columns] = shot.size;
        let along = |share: f32, extent: usize| ((share * extent as f32) as usize).min(extent - 1);
        let there = shot.depth[along(pixel.y, rows) * columns + along(pixel.x, columns)];
        ((there - pixel.depth).abs() < TOLERANCE).then_some(Correspondence {
            view,
            x: pixel.x,
            y: pixel.y,
        })
    });
    let seen: Vec<_> = seen.collect();
    (!seen.is_empty()).then(|| dice.pick(&seen))
}
