//! Points from depth images, and the pixel that each point comes from.

use std::collections::HashMap;

use super::DecodedImage;
use crate::views::{Camera, Correspondence, Map, Pixel};

/// Nearer depth is noise of the sensor, metres.
pub const NEAREST: f32 = 0.2;
/// A neighbouring pixel whose depth differs by more than this share belongs to another surface;
/// between the two, sensors produce false points.
const JUMP: f32 = 0.04;

/// The points of a capture, one per cell of a grid: the point seen from the nearest camera, whose
/// depth is the most accurate.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// Edge of a cell, metres.
    spacing: f32,
    /// The distance from the camera and the index of the point, by cell.
    nearest: HashMap<[i32; 3], (f32, usize)>,
    points: CellPoints,
}

/// Points in the order in which their cells were first occupied.
#[derive(Clone, Debug, Default)]
pub struct CellPoints {
    /// `(points, 3)`: metres, in the axes of the cameras.
    pub positions: Vec<[f32; 3]>,
    /// `(points, 3)`: sRGB.
    pub colors: Vec<[u8; 3]>,
    /// `(points)`: the pixel that each point was made from.
    pub origins: Vec<Correspondence>,
}

impl Cells {
    /// Creates an empty grid of cells with edges of `spacing` metres.
    pub fn new(spacing: f32) -> Self {
        Self {
            spacing,
            ..Self::default()
        }
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.points.positions.len()
    }

    /// `true` if there are no points yet.
    pub fn is_empty(&self) -> bool {
        self.points.positions.is_empty()
    }

    /// Adds a point in metres that `origin` shows at a depth of `depth` metres.
    pub fn add(&mut self, position: [f32; 3], color: [u8; 3], origin: Correspondence, depth: f32) {
        let CellPoints {
            positions,
            colors,
            origins,
        } = &mut self.points;
        let cell = position.map(|x| (x / self.spacing).floor() as i32);
        let place = self
            .nearest
            .entry(cell)
            .or_insert((f32::INFINITY, positions.len()));
        if place.1 == positions.len() {
            positions.push(position);
            colors.push(color);
            origins.push(origin);
            place.0 = depth;
        } else if depth < place.0 {
            (positions[place.1], colors[place.1], origins[place.1]) = (position, color, origin);
            place.0 = depth;
        }
    }

    /// Adds the points of the depth pixels of image number `view`, which are nearer than `farthest`
    /// metres; their colours are those of the picture.
    pub fn add_image(
        &mut self,
        view: u32,
        camera: &Camera,
        depth: &Map,
        picture: &DecodedImage,
        farthest: f32,
    ) {
        let [rows, columns] = depth.size();
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
        {
            let here = depth.at(row, column)[0];
            if !(NEAREST..farthest).contains(&here) || is_edge(depth, row, column) {
                continue;
            }
            let [x, y] = [
                (column as f32 + 0.5) / columns as f32,
                (row as f32 + 0.5) / rows as f32,
            ];
            let position = camera.back_project(Pixel { x, y, depth: here });
            let origin = Correspondence { view, x, y };
            self.add(position, picture.at(x, y), origin, here);
        }
    }

    /// The points so far.
    pub fn so_far(&self) -> &CellPoints {
        &self.points
    }

    /// The points.
    pub fn points(self) -> CellPoints {
        self.points
    }
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
