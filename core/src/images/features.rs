//! Grids of features, by vision transformers such as [DINOv2](https://arxiv.org/abs/2304.07193).

use super::{
    ImageInput, ImageModelError, ImageModelManifest, Picture,
    manifest::{FeatureGraph, GridForm},
    onnx::{Array, Graph},
    pixels::Placement,
};
use crate::views::Map;

/// A model that describes the places of a picture.
pub trait ImageFeatures {
    /// `(rows, columns, channels)`, spanning the picture.
    ///
    /// # Errors
    /// [`ImageModelError`]
    fn features(&self, picture: &Picture) -> Result<Map, ImageModelError>;
}

/// A model whose output is a grid of features.
pub struct FeatureGrid {
    input: ImageInput,
    about: FeatureGraph,
    graph: Graph,
}

impl FeatureGrid {
    pub(super) fn load(
        manifest: &ImageModelManifest,
        about: &FeatureGraph,
        file: Vec<u8>,
    ) -> Result<Self, ImageModelError> {
        let encoder = &about.encoder;
        let graph = Graph::load(
            &encoder.file.file,
            file,
            &[&encoder.image],
            &[&about.output],
        )?;
        Ok(Self {
            input: manifest.input.clone(),
            about: about.clone(),
            graph,
        })
    }

    /// `(rows, columns, channels)` of the grid that spans the input.
    fn grid(&self, output: Array, placed: Placement) -> Result<Map, ImageModelError> {
        let name = &self.about.output;
        let refused =
            |shape: &[usize], expected: &str| Err(self.graph.other_shape(name, shape, expected));
        let Array { shape, mut values } = output;
        let size = match self.about.grid {
            GridForm::Tokens { patch, before } => {
                let [rows, columns] = placed.input.map(|side| side / patch);
                let tokens = before + rows * columns;
                let &[1, found, channels] = &shape[..] else {
                    return refused(&shape, &format!("(1, {tokens} tokens, channels)"));
                };
                if found != tokens || rows * columns == 0 {
                    let expected = format!(
                        "{before} tokens and one for each of {rows} x {columns} patches, {tokens}"
                    );
                    return refused(&shape, &expected);
                }
                values.drain(..before * channels);
                [rows, columns, channels]
            }
            GridForm::Nchw => {
                let &[1, channels, rows, columns] = &shape[..] else {
                    return refused(&shape, "(1, channels, rows, columns)");
                };
                let plane = rows * columns;
                values = (0..plane)
                    .flat_map(|at| (0..channels).map(move |channel| channel * plane + at))
                    .map(|from| values[from])
                    .collect();
                [rows, columns, channels]
            }
        };
        Map::new(values, size).or_else(|_| refused(&shape, "at least one value"))
    }
}

impl ImageFeatures for FeatureGrid {
    fn features(&self, picture: &Picture) -> Result<Map, ImageModelError> {
        let (pixels, placed) = self.input.prepare(picture)?;
        let image = self.about.encoder.image.as_str();
        let output = self
            .graph
            .run(vec![(image, pixels)], &[&self.about.output])?;
        let output = output.into_iter().next();
        let grid = self.grid(output.unwrap_or_else(|| Array::zeros(vec![0])), placed)?;
        Ok(without_padding(grid, placed.share()))
    }
}

/// The part of a grid that the picture covers, in cells of about the same size.
fn without_padding(grid: Map, share: [f32; 2]) -> Map {
    if share == [1.0; 2] {
        return grid;
    }
    let [rows, columns] =
        [0, 1].map(|axis| ((grid.size()[axis] as f32 * share[axis]).round() as usize).max(1));
    let channels = grid.channels();
    let mut values = vec![0.0; rows * columns * channels];
    for (cell, sum) in values.chunks_exact_mut(channels).enumerate() {
        let x = ((cell % columns) as f32 + 0.5) / columns as f32 * share[1];
        let y = ((cell / columns) as f32 + 0.5) / rows as f32 * share[0];
        grid.add_sample(x, y, 1.0, sum);
    }
    Map::new(values, [rows, columns, channels]).unwrap_or(grid)
}

/// The features averaged in at most `cells` x `cells` cells that span the picture.
pub fn pooled(features: Map, cells: usize) -> Map {
    let [rows, columns] = features.size();
    let (high, wide) = (rows.min(cells.max(1)), columns.min(cells.max(1)));
    if [high, wide] == [rows, columns] {
        return features;
    }
    let channels = features.channels();
    let span = |cell: usize, cells: usize, extent: usize| {
        cell * extent / cells..((cell + 1) * extent).div_ceil(cells)
    };
    let mut values = vec![0.0; high * wide * channels];
    for (cell, sum) in values.chunks_exact_mut(channels).enumerate() {
        let (over, across) = (
            span(cell / wide, high, rows),
            span(cell % wide, wide, columns),
        );
        let weight = 1.0 / (over.len() * across.len()) as f32;
        for (row, column) in over.flat_map(|row| across.clone().map(move |column| (row, column))) {
            let place = sum.iter_mut().zip(features.at(row, column));
            place.for_each(|(sum, value)| *sum += weight * value);
        }
    }
    Map::new(values, [high, wide, channels]).unwrap_or(features)
}

/// The mean of the features at the pixels of a mask, `(channels)`. Between the centers of cells,
/// features are interpolated linearly. Pixels are fractions `(x, y)` of width and height.
pub fn mask_feature(features: &Map, pixels: impl Iterator<Item = [f32; 2]>) -> Vec<f32> {
    // weights of cells first: a mask has many more pixels than a grid has cells
    let [_, columns] = features.size();
    let mut weights = vec![0.0_f64; features.size().iter().product()];
    let mut count = 0_u32;
    for [x, y] in pixels {
        for (row, column, weight) in features.around(x, y) {
            weights[row * columns + column] += f64::from(weight);
        }
        count += 1;
    }
    let mut mean = vec![0.0; features.channels()];
    for (cell, weight) in weights.into_iter().enumerate().filter(|(_, w)| *w > 0.0) {
        let weight = (weight / f64::from(count)) as f32;
        let place = features.at(cell / columns, cell % columns);
        mean.iter_mut()
            .zip(place)
            .for_each(|(mean, value)| *mean += weight * value);
    }
    mean
}
