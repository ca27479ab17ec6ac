//! Masks for prompts, by models of the Segment Anything kind
//! ([SAM](https://arxiv.org/abs/2304.02643), [SAM 2](https://arxiv.org/abs/2408.00714)).

use super::{
    ImageInput, ImageModelError, ImageModelManifest, Picture,
    manifest::{DecoderGraph, MaskGraphs, Span},
    onnx::{Array, Graph},
    pixels::Placement,
};

/// Most masks for a prompt.
const MAX_MASKS: usize = 16;
/// Most points of a prompt.
const MAX_POINTS: usize = 256;
/// Labels of points in the decoder's input.
const NOT_A_POINT: f32 = -1.0;
const FIRST_CORNER: f32 = 2.0;
const LAST_CORNER: f32 = 3.0;

/// What a mask is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaskPrompt<'a> {
    /// Points `[x, y]`, each with `true` if it is on the object.
    Points(&'a [([f32; 2], bool)]),
    /// The box `[x0, y0, x1, y1]` around the object.
    Box([f32; 4]),
}

/// A picture that a mask model has seen, to be asked any number of times.
#[derive(Clone, Debug)]
pub struct EncodedPicture {
    embeddings: Vec<Array>,
    placed: Placement,
}

/// A mask as logits, above zero on the object.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskLogits {
    /// Rows and columns of `values`.
    pub size: [usize; 2],
    /// Shape `(rows, columns)`.
    pub values: Vec<f32>,
    /// The fractions of rows and columns that the picture covers; the rest is padding.
    pub share: [f32; 2],
    /// The model's estimate of the mask's quality; not bounded.
    pub score: f32,
}

impl MaskLogits {
    /// The logits in another size, spanning exactly the picture, interpolated linearly.
    pub fn resized(&self, [rows, columns]: [usize; 2]) -> Vec<f32> {
        let along = |axis: usize, extent: usize| -> Vec<(usize, usize, f32)> {
            let last = (self.size[axis] - 1) as f32;
            let scale = self.share[axis] * self.size[axis] as f32 / extent as f32;
            (0..extent)
                .map(|i| {
                    let at = ((i as f32 + 0.5) * scale - 0.5).clamp(0.0, last);
                    let low = at.floor();
                    (low as usize, (low + 1.0).min(last) as usize, at - low)
                })
                .collect()
        };
        let across = along(1, columns);
        let mut resized = Vec::with_capacity(rows * columns);
        for (top, bottom, v) in along(0, rows) {
            let [top, bottom] = [top, bottom].map(|row| &self.values[row * self.size[1]..]);
            resized.extend(across.iter().map(|&(left, right, u)| {
                let mix = |row: &[f32]| row[left] + (row[right] - row[left]) * u;
                let (above, below) = (mix(top), mix(bottom));
                above + (below - above) * v
            }));
        }
        resized
    }
}

/// A model that finds the mask of what a prompt points at.
pub trait MaskModel {
    /// Looks at a picture.
    ///
    /// # Errors
    /// [`ImageModelError`]
    fn encode(&self, picture: &Picture) -> Result<EncodedPicture, ImageModelError>;

    /// The masks for a prompt, best first: several for a single point, which may mean a thing or a
    /// part of it.
    ///
    /// # Errors
    /// [`ImageModelError`]
    fn masks(
        &self,
        picture: &EncodedPicture,
        prompt: &MaskPrompt,
    ) -> Result<Vec<MaskLogits>, ImageModelError>;
}

/// A mask model of the Segment Anything kind.
pub struct SegmentAnything {
    input: ImageInput,
    graphs: MaskGraphs,
    encoder: Graph,
    decoder: Graph,
}

impl SegmentAnything {
    pub(super) fn load(
        manifest: &ImageModelManifest,
        graphs: &MaskGraphs,
        encoder: Vec<u8>,
        decoder: Vec<u8>,
    ) -> Result<Self, ImageModelError> {
        let from: Vec<&str> = graphs.embeddings.iter().map(|c| c.from.as_str()).collect();
        let MaskGraphs { encoder: about, .. } = graphs;
        let encoder = Graph::load(&about.file.file, encoder, &[&about.image], &from)?;
        let about = &graphs.decoder;
        let mut inputs = vec![about.points.as_str(), &about.labels];
        inputs.extend(about.mask_input.iter().map(|mask| mask.name.as_str()));
        inputs.extend(about.has_mask_input.as_deref());
        inputs.extend(about.original_size.as_deref());
        inputs.extend(graphs.embeddings.iter().map(|c| c.to.as_str()));
        let outputs = [about.masks.as_str(), &about.scores];
        let decoder = Graph::load(&about.file.file, decoder, &inputs, &outputs)?;
        Ok(Self {
            input: manifest.input.clone(),
            graphs: graphs.clone(),
            encoder,
            decoder,
        })
    }

    /// The decoder's inputs for a prompt.
    fn inputs(
        &self,
        picture: &EncodedPicture,
        prompt: &MaskPrompt,
    ) -> Result<Vec<(&str, Array)>, ImageModelError> {
        let about = &self.graphs.decoder;
        let (points, labels) = points(prompt, picture.placed, about.padding_point)?;
        let count = labels.len();
        let array = |shape, values| Array { shape, values };
        let mut inputs: Vec<(&str, Array)> = vec![
            (&about.points, array(vec![1, count, 2], points)),
            (&about.labels, array(vec![1, count], labels)),
        ];
        if let Some(mask) = &about.mask_input {
            let [rows, columns] = mask.size;
            inputs.push((&mask.name, Array::zeros(vec![1, 1, rows, columns])));
        }
        if let Some(name) = &about.has_mask_input {
            inputs.push((name, Array::zeros(vec![1])));
        }
        if let Some(name) = &about.original_size {
            let size = picture.placed.picture.map(|side| side as f32);
            inputs.push((name, array(vec![2], size.to_vec())));
        }
        let carried = self.graphs.embeddings.iter().zip(&picture.embeddings);
        inputs.extend(carried.map(|(name, array)| (name.to.as_str(), array.clone())));
        Ok(inputs)
    }

    /// Splits the decoder's answer into masks.
    fn split(
        &self,
        masks: Array,
        scores: &Array,
        placed: Placement,
    ) -> Result<Vec<MaskLogits>, ImageModelError> {
        let DecoderGraph {
            masks: name, span, ..
        } = &self.graphs.decoder;
        let [1, count @ 1..=MAX_MASKS, rows, columns] = masks.shape[..] else {
            let expected = format!("(1, 1 to {MAX_MASKS} masks, rows, columns)");
            return Err(self.decoder.other_shape(name, &masks.shape, &expected));
        };
        let share = match span {
            Span::Input => placed.share(),
            Span::Picture if [rows, columns] == placed.picture => [1.0; 2],
            Span::Picture => {
                let expected = format!("the picture's {:?} rows and columns", placed.picture);
                return Err(self.decoder.other_shape(name, &masks.shape, &expected));
            }
        };
        if scores.shape[..] != [1, count] {
            let name = &self.graphs.decoder.scores;
            let expected = format!("[1, {count}], a score for each mask");
            return Err(self.decoder.other_shape(name, &scores.shape, &expected));
        }
        let planes = masks.values.chunks_exact(rows * columns);
        Ok(planes
            .zip(&scores.values)
            .map(|(values, &score)| MaskLogits {
                size: [rows, columns],
                values: values.to_vec(),
                share,
                score,
            })
            .collect())
    }
}

impl MaskModel for SegmentAnything {
    fn encode(&self, picture: &Picture) -> Result<EncodedPicture, ImageModelError> {
        let (pixels, placed) = self.input.prepare(picture)?;
        let outputs: Vec<&str> = self
            .graphs
            .embeddings
            .iter()
            .map(|c| c.from.as_str())
            .collect();
        let image = self.graphs.encoder.image.as_str();
        let embeddings = self.encoder.run(vec![(image, pixels)], &outputs)?;
        Ok(EncodedPicture { embeddings, placed })
    }

    fn masks(
        &self,
        picture: &EncodedPicture,
        prompt: &MaskPrompt,
    ) -> Result<Vec<MaskLogits>, ImageModelError> {
        let about = &self.graphs.decoder;
        let inputs = self.inputs(picture, prompt)?;
        let mut outputs = self
            .decoder
            .run(inputs, &[&about.masks, &about.scores])?
            .into_iter();
        let mut next = || outputs.next().unwrap_or_else(|| Array::zeros(vec![0]));
        let (masks, scores) = (next(), next());
        let mut found = self.split(masks, &scores, picture.placed)?;
        if let Some(single) = about.single_mask
            && found.len() > 1
        {
            if single >= found.len() {
                let expected = format!("more than {single} masks, as `single_mask` says");
                let shape = &scores.shape;
                return Err(self.decoder.other_shape(&about.masks, shape, &expected));
            }
            let alone = found.remove(single);
            if !matches!(prompt, MaskPrompt::Points([_])) {
                found = vec![alone];
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(found)
    }
}

/// The points and labels of a prompt, in pixels of the encoder's input.
fn points(
    prompt: &MaskPrompt,
    placed: Placement,
    padding_point: bool,
) -> Result<(Vec<f32>, Vec<f32>), ImageModelError> {
    let mut points: Vec<[f32; 2]> = vec![];
    let mut labels = vec![];
    match *prompt {
        MaskPrompt::Points(given) => {
            if !(1..=MAX_POINTS).contains(&given.len()) {
                return Err(ImageModelError::Prompt {
                    found: format!("of {} points", given.len()),
                    expected: format!("of 1 to {MAX_POINTS}"),
                });
            }
            for &(point, on_it) in given {
                points.push(point);
                labels.push(f32::from(u8::from(on_it)));
            }
        }
        MaskPrompt::Box([x0, y0, x1, y1]) => {
            points.extend([[x0, y0], [x1, y1]]);
            labels.extend([FIRST_CORNER, LAST_CORNER]);
        }
    }
    let [rows, columns] = placed.picture;
    let inside =
        |[x, y]: &[f32; 2]| (0.0..=columns as f32).contains(x) && (0.0..=rows as f32).contains(y);
    if let Some(outside) = points.iter().find(|point| !inside(point)) {
        return Err(ImageModelError::Prompt {
            found: format!("at {outside:?}"),
            expected: format!("inside the picture, {columns} x {rows} pixels"),
        });
    }
    let mut points: Vec<[f32; 2]> = points.into_iter().map(|p| placed.in_input(p)).collect();
    if padding_point && matches!(prompt, MaskPrompt::Points(_)) {
        points.push([0.0; 2]);
        labels.push(NOT_A_POINT);
    }
    Ok((points.into_flattened(), labels))
}
