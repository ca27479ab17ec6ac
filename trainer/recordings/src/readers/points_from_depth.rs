//! Points from depth images, and the pixel that each point comes from.

use std::collections::HashMap;

use anyhow::Context;
use segscape::views::{Camera, Correspondence, Map, Pixel};

use crate::pictures;

/// Nearer depth is noise of the sensor, metres.
pub const NEAREST: f32 = 0.2;
/// A neighbouring pixel whose depth differs by more than this share belongs to another surface;
/// between the two, sensors produce false points.
const JUMP: f32 = 0.04;
/// Maximum difference between the depth of a point and the depth image of a view that sees it,
/// metres.
const TOLERANCE: f32 = 0.05;

/// Positions, colours and origins.
pub type Points = (Vec<[f32; 3]>, Vec<[u8; 3]>, Vec<Option<Correspondence>>);

/// Points, one per cell of a grid: the point seen from the nearest camera, whose depth is the most
/// accurate.
#[derive(Default)]
pub struct Cells {
    /// Edge of a cell, metres.
    spacing: f32,
    /// The distance from the camera and the index of the point, by cell.
    nearest: HashMap<[i32; 3], (f32, usize)>,
    points: Points,
}

impl Cells {
    /// Creates an empty grid of cells with edges of `spacing` metres.
    pub fn new(spacing: f32) -> Self {
        Self {
            spacing,
            ..Self::default()
        }
    }

    /// Adds a point (metres, world frame) that `origin` shows at a depth of `depth` metres.
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

    /// Adds the points of the depth pixels of image number `view`, which are nearer than `farthest`
    /// metres; their colours are those of the encoded picture.
    ///
    /// # Errors
    /// The picture cannot be read.
    pub fn add_image(
        &mut self,
        view: u32,
        name: &str,
        camera: &Camera,
        depth: &Map,
        picture: &[u8],
        farthest: f32,
    ) -> anyhow::Result<()> {
        let color = pictures::decode(picture)
            .with_context(|| format!("the picture of frame {name} cannot be read"))?
            .into_rgb8();
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
            let along = |share: f32, extent: u32| ((share * extent as f32) as u32).min(extent - 1);
            let color = color
                .get_pixel(along(x, color.width()), along(y, color.height()))
                .0;
            self.add(
                camera.back_project(Pixel { x, y, depth: here }),
                color,
                Correspondence { view, x, y },
                here,
            );
        }
        Ok(())
    }

    /// The points, in the order in which their cells were first occupied.
    pub fn points(self) -> Points {
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

/// For points that come from elsewhere: the pixel of each point in the nearest camera that sees it,
/// found image by image.
pub struct Origins<'a> {
    positions: &'a [[f32; 3]],
    /// Shape `(points)`: the depth at which the nearest camera so far sees the point, and where.
    nearest: Vec<Option<(f32, Correspondence)>>,
}

impl<'a> Origins<'a> {
    /// Points (metres, world frame) that no image shows yet.
    pub fn new(positions: &'a [[f32; 3]]) -> Self {
        Self {
            positions,
            nearest: vec![None; positions.len()],
        }
    }

    /// Looks for the points in image number `view`.
    pub fn look(&mut self, view: u32, camera: &Camera, depth: &Map) {
        for (position, nearest) in self.positions.iter().zip(&mut self.nearest) {
            let Some(pixel) = camera.project(*position) else {
                continue;
            };
            let is_seen = depth
                .positive_sample(pixel.x, pixel.y)
                .is_some_and(|there| (pixel.depth - there).abs() <= TOLERANCE);
            if is_seen && nearest.is_none_or(|(depth, _)| pixel.depth < depth) {
                let Pixel { x, y, depth } = pixel;
                *nearest = Some((depth, Correspondence { view, x, y }));
            }
        }
    }

    /// Shape `(points)`: the pixels; `None` for points that no image shows.
    pub fn found(self) -> Vec<Option<Correspondence>> {
        self.nearest
            .into_iter()
            .map(|nearest| nearest.map(|(_, origin)| origin))
            .collect()
    }
}
