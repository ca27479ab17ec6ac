//! Points from depth images, and which pixel each point was made of.

use std::collections::HashMap;

use anyhow::Context;
use segscape::views::{Correspondence, Map, Pixel};

use super::{Options, Picture};
use crate::foundation::Image;

/// Nearer depth is the sensor's own noise, metres.
const NEAREST: f32 = 0.2;
/// A neighbour whose depth differs by more than this share is another surface: between the two,
/// sensors invent points.
const JUMP: f32 = 0.04;
/// A view sees a point that lies not more than this from its depth, metres.
const TOLERANCE: f32 = 0.05;

/// Positions, colours and origins.
pub type Points = (Vec<[f32; 3]>, Vec<[u8; 3]>, Vec<Option<Correspondence>>);

/// Points, one for each cell: that of the nearest camera, whose depth is the most exact.
#[derive(Default)]
pub struct Cells {
    /// Of a cell's edge, metres.
    spacing: f32,
    /// How far the camera was, and the row of the point.
    nearest: HashMap<[i32; 3], (f32, usize)>,
    points: Points,
}

impl Cells {
    /// None yet; cells are `spacing` metres wide.
    pub fn new(spacing: f32) -> Self {
        Self {
            spacing,
            ..Self::default()
        }
    }

    /// A point (metres, world) that `origin` shows `depth` metres away.
    pub fn add(&mut self, position: [f32; 3], color: [u8; 3], origin: Correspondence, depth: f32) {
        let (positions, colors, origins) = &mut self.points;
        let cell = position.map(|x| (x / self.spacing).floor() as i32);
        let place = self
            .nearest
            .entry(cell)
            .or_insert((f32::INFINITY, positions.len()));
        if place.1 == positions.len() {
            positions.push(position);
            colors.push(color);
            origins.push(Some(origin));
            place.0 = depth;
        } else if depth < place.0 {
            (positions[place.1], colors[place.1], origins[place.1]) =
                (position, color, Some(origin));
            place.0 = depth;
        }
    }

    /// In the order in which their cells were first met.
    pub fn points(self) -> Points {
        self.points
    }
}

/// One point for each cell of `options.spacing` that a depth pixel falls into.
pub fn from_depth(
    images: &[Image],
    pictures: &[Picture],
    options: &Options,
) -> anyhow::Result<Points> {
    let mut cells = Cells::new(options.spacing);
    for ((view, image), picture) in (0..).zip(images).zip(pictures) {
        let Some(depth) = &image.depth else { continue };
        let color = image::load_from_memory(&picture.bytes)
            .with_context(|| format!("the picture of frame {} cannot be read", image.name))?
            .into_rgb8();
        let [rows, columns] = depth.size();
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
        {
            let here = depth.at(row, column)[0];
            if !(NEAREST..options.farthest).contains(&here) || is_edge(depth, row, column) {
                continue;
            }
            let [x, y] = [
                (column as f32 + 0.5) / columns as f32,
                (row as f32 + 0.5) / rows as f32,
            ];
            let along = |share: f32, extent: u32| ((share * extent as f32) as u32).min(extent - 1);
            let color = color
                .get_pixel(along(x, color.width()), along(y, color.height()))
                .0;
            cells.add(
                image.camera.back_project(Pixel { x, y, depth: here }),
                color,
                Correspondence { view, x, y },
                here,
            );
        }
    }
    let points = cells.points();
    anyhow::ensure!(
        !points.0.is_empty(),
        "no depth between {NEAREST} and {} m in any frame",
        options.farthest
    );
    Ok(points)
}

fn is_edge(depth: &Map, row: usize, column: usize) -> bool {
    let [rows, columns] = depth.size();
    let here = depth.at(row, column)[0];
    let other = |row: usize, column: usize| {
        let there = depth.at(row, column)[0];
        there > 0.0 && (there - here).abs() > JUMP * here
    };
    (row > 0 && other(row - 1, column))
        || (row + 1 < rows && other(row + 1, column))
        || (column > 0 && other(row, column - 1))
        || (column + 1 < columns && other(row, column + 1))
}

/// For points that come from elsewhere: the pixel of the nearest camera that sees each.
pub fn origins(positions: &[[f32; 3]], images: &[Image]) -> Vec<Option<Correspondence>> {
    let origin = |position: &[f32; 3]| {
        let seen = (0..).zip(images).filter_map(|(view, image)| {
            let pixel = image.camera.project(*position)?;
            let there = image.depth.as_ref()?.positive_sample(pixel.x, pixel.y)?;
            ((pixel.depth - there).abs() <= TOLERANCE).then_some((
                pixel.depth,
                Correspondence {
                    view,
                    x: pixel.x,
                    y: pixel.y,
                },
            ))
        });
        seen.min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, origin)| origin)
    };
    positions.iter().map(origin).collect()
}
