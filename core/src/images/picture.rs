//! Pictures as 2D models read them.

use std::io::Cursor;

use image::{
    ImageBuffer, ImageReader, Limits, Rgb,
    imageops::{self, FilterType},
};
use serde::{Deserialize, Serialize};

/// Longest side of a picture, pixels.
pub const MAX_PICTURE_SIDE: usize = 16_384;
/// Most pixels of a picture: 64 million, twice what a phone's camera takes.
const MAX_PIXELS: usize = 64_000_000;

/// The reason why a picture cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The size is outside the limits.
    #[error(
        "a picture of {rows} x {columns} pixels cannot be used; its sides must have 1 to {MAX_PICTURE_SIDE} pixels, at most {MAX_PIXELS} together"
    )]
    Size {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// The number of bytes does not fit the size.
    #[error("{bytes} bytes do not make a picture of {rows} x {columns} pixels of 3 bytes")]
    Bytes {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
        /// Number of bytes.
        bytes: usize,
    },
    /// The file is not a picture that can be read.
    #[error("the picture cannot be read (JPEG and PNG can): {0}")]
    Unreadable(String),
}

/// A filter that computes the pixels of a picture of another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeFilter {
    /// A triangle, widened where the picture shrinks.
    Bilinear,
    /// Catmull-Rom's cubic, widened where the picture shrinks.
    Bicubic,
}

/// An sRGB picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pixels: ImageBuffer<Rgb<u8>, Vec<u8>>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [rows, columns] = self.size();
        write!(f, "Picture({rows} x {columns})")
    }
}

impl Picture {
    /// Creates a picture from `(rows, columns, 3)` bytes.
    ///
    /// # Errors
    /// [`PictureError`] if the size is outside the limits or the number of bytes does not fit.
    pub fn new(bytes: Vec<u8>, [rows, columns]: [usize; 2]) -> Result<Self, PictureError> {
        check_size([rows, columns])?;
        let found = bytes.len();
        (found == rows * columns * 3)
            .then(|| ImageBuffer::from_raw(columns as u32, rows as u32, bytes))
            .flatten()
            .map(|pixels| Self { pixels })
            .ok_or(PictureError::Bytes {
                rows,
                columns,
                bytes: found,
            })
    }

    /// Reads a JPEG or PNG file. An orientation in the file is ignored: cameras of captures are
    /// those of the pixels as stored.
    ///
    /// # Errors
    /// [`PictureError`]
    pub fn decode(file: &[u8]) -> Result<Self, PictureError> {
        let unreadable =
            |error: &dyn std::fmt::Display| PictureError::Unreadable(error.to_string());
        let reader = || {
            ImageReader::new(Cursor::new(file))
                .with_guessed_format()
                .map_err(|e| unreadable(&e))
        };
        // The header is read first: a few bytes may claim any size.
        let (columns, rows) = reader()?.into_dimensions().map_err(|e| unreadable(&e))?;
        check_size([rows as usize, columns as usize])?;
        let mut reader = reader()?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(columns);
        limits.max_image_height = Some(rows);
        limits.max_alloc = Some(8 * MAX_PIXELS as u64);
        reader.limits(limits);
        let pixels = reader.decode().map_err(|e| unreadable(&e))?.into_rgb8();
        Ok(Self { pixels })
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        [self.pixels.height() as usize, self.pixels.width() as usize]
    }

    /// `(rows, columns, 3)`
    pub fn bytes(&self) -> &[u8] {
        self.pixels.as_raw()
    }

    /// The picture in another size.
    ///
    /// # Errors
    /// [`PictureError::Size`]
    pub fn resized(
        &self,
        [rows, columns]: [usize; 2],
        filter: ResizeFilter,
    ) -> Result<Self, PictureError> {
        check_size([rows, columns])?;
        let filter = match filter {
            ResizeFilter::Bilinear => FilterType::Triangle,
            ResizeFilter::Bicubic => FilterType::CatmullRom,
        };
        Ok(Self {
            pixels: imageops::resize(&self.pixels, columns as u32, rows as u32, filter),
        })
    }

    /// The part of the picture in a box `[x0, y0, x1, y1]`, pixels, which is cut to the picture and
    /// rounded outward to at least one pixel.
    #[must_use]
    pub fn cropped(&self, [x0, y0, x1, y1]: [f32; 4]) -> Self {
        let along = |from: f32, to: f32, extent: u32| {
            let from = (from.max(0.0).floor() as u32).min(extent - 1);
            let to = (to.max(0.0).ceil() as u32).clamp(from + 1, extent);
            (from, to - from)
        };
        let (left, width) = along(x0, x1, self.pixels.width());
        let (top, height) = along(y0, y1, self.pixels.height());
        Self {
            pixels: imageops::crop_imm(&self.pixels, left, top, width, height).to_image(),
        }
    }
}

fn check_size([rows, columns]: [usize; 2]) -> Result<(), PictureError> {
    let side = 1..=MAX_PICTURE_SIDE;
    if side.contains(&rows) && side.contains(&columns) && rows * columns <= MAX_PIXELS {
        Ok(())
    } else {
        Err(PictureError::Size { rows, columns })
    }
}
