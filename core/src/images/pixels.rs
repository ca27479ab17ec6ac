//! From a picture to the input of a graph: resized, padded and normalized as the manifest says.

use super::{
    ImageInput, ImageModelError, Picture, PictureError,
    manifest::{InputSize, PixelLayout},
    onnx::Array,
};

/// Where the picture lies in the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// Size of the picture.
    pub(super) picture: [usize; 2],
    /// Size of the resized picture.
    pub(super) content: [usize; 2],
    /// Size of the input. The resized picture begins at its first row and column.
    pub(super) input: [usize; 2],
}

impl Placement {
    /// A position in the picture as a position in the input, pixels.
    pub(super) fn in_input(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let scale = |axis: usize| self.content[axis] as f32 / self.picture[axis] as f32;
        [x * scale(1), y * scale(0)]
    }

    /// The fractions of the input's rows and columns that the picture covers.
    pub(super) fn share(&self) -> [f32; 2] {
        [0, 1].map(|axis| self.content[axis] as f32 / self.input[axis] as f32)
    }
}

impl ImageInput {
    /// Prepares a picture.
    ///
    /// # Errors
    /// [`PictureError::Size`] if the picture is so long and narrow that it cannot be resized.
    pub(super) fn prepare(&self, picture: &Picture) -> Result<(Array, Placement), ImageModelError> {
        let size = picture.size();
        let resized_to = self.resized(size);
        let limits = super::MAX_INPUT_SIDE;
        if resized_to.iter().any(|side| !(1..=limits).contains(side)) {
            let [rows, columns] = size;
            return Err(PictureError::Size { rows, columns }.into());
        }
        let mut resized = if resized_to == size {
            picture.clone()
        } else {
            picture.resized(resized_to, self.filter)?
        };
        if let InputSize::Cover([rows, columns]) = self.size {
            let (top, left) = ((resized_to[0] - rows) / 2, (resized_to[1] - columns) / 2);
            resized = resized.cropped([left, top, left + columns, top + rows].map(|x| x as f32));
        }
        let content = resized.size();
        let placed = Placement {
            picture: size,
            content,
            input: self.pad_to.unwrap_or(content),
        };
        Ok((self.array(&resized, placed), placed))
    }

    /// The size to which a picture is resized, before it is cropped or padded.
    fn resized(&self, size: [usize; 2]) -> [usize; 2] {
        let scaled = |scale: f64| size.map(|side| (side as f64 * scale + 0.5) as usize);
        let longest = size[0].max(size[1]) as f64;
        match self.size {
            InputSize::Fixed(fixed) => fixed,
            InputSize::LongSide(long) => scaled(long as f64 / longest).map(|side| side.max(1)),
            InputSize::Patches { long_side, patch } => {
                let scale = long_side as f64 / longest / patch as f64;
                scaled(scale).map(|patches| patches.max(1) * patch)
            }
            InputSize::Cover([rows, columns]) => {
                let scale = (rows as f64 / size[0] as f64).max(columns as f64 / size[1] as f64);
                let [high, wide] = scaled(scale);
                [high.max(rows), wide.max(columns)]
            }
        }
    }

    /// The normalized values, with zeros below and to the right of the picture.
    fn array(&self, picture: &Picture, placed: Placement) -> Array {
        let [rows, columns] = placed.input;
        let [_, width] = placed.content;
        let plane = rows * columns;
        let mut values = vec![0.0; 3 * plane];
        for (i, pixel) in picture.bytes().as_chunks::<3>().0.iter().enumerate() {
            let at = i / width * columns + i % width;
            for (channel, &value) in pixel.iter().enumerate() {
                let value = (f32::from(value) / 255.0 - self.mean[channel]) / self.std[channel];
                match self.layout {
                    PixelLayout::Nchw => values[channel * plane + at] = value,
                    PixelLayout::Nhwc | PixelLayout::Hwc => values[at * 3 + channel] = value,
                }
            }
        }
        let shape = match self.layout {
            PixelLayout::Nchw => vec![1, 3, rows, columns],
            PixelLayout::Nhwc => vec![1, rows, columns, 3],
            PixelLayout::Hwc => vec![rows, columns, 3],
        };
        Array { shape, values }
    }
}
