//! Pictures as a CLIP sees them: the shorter side resized, the middle cut out, the colors
//! normalized.
//!
//! The numbers are those of transformers with Pillow. That resizes in two passes, first along the
//! rows and then along the columns, each with weights in 22 bits after the point and a result of
//! eight bits. Only what is cut out is computed here. Pillow 13 resizes the columns of pictures that
//! are much taller than wide first, as no version before it did; that differs by some steps where
//! colors change abruptly, and is not followed here.

use serde_json::Value;

use super::super::LoadTextError;

/// The largest accepted side of what is cut out, pixels.
const MAX_SIDE: usize = 2048;
/// Pillow's number for bicubic interpolation.
const BICUBIC: u64 = 3;
/// Bits after the point of a weight.
const BITS: u32 = 22;
/// The reach of bicubic interpolation, pixels.
const REACH: f64 = 2.0;

/// A picture in memory.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// Number of rows and columns.
    pub size: [usize; 2],
    /// `(rows, columns, 3)`, sRGB.
    pub rgb: &'a [u8],
}

/// The reason why a picture could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PixelsError {
    /// The picture is empty, or its values are not those of its size.
    #[error("the picture of {} x {} pixels has {found} values, it must have three for every pixel", size[0], size[1])]
    Size {
        /// Number of rows and columns.
        size: [usize; 2],
        /// Number of values.
        found: usize,
    },
    /// The result could not be read back from the device.
    #[error("the image encoder's result could not be read from the device: {0}")]
    Device(String),
    /// A vector has no direction.
    #[error("the image encoder's vector of picture {0} has a value that is not finite")]
    NotFinite(usize),
}

/// How a picture becomes what the tower reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Preprocessing {
    /// Length of the shorter side after resizing.
    shorter: usize,
    /// Side of the square that is cut out.
    pub side: usize,
    mean: [f32; 3],
    deviation: [f32; 3],
}

impl Preprocessing {
    /// What CLIP does if nothing else is said, for a tower that reads squares of `side` pixels.
    pub(super) fn usual(side: usize) -> Self {
        Self {
            shorter: side,
            side,
            mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
            deviation: [0.268_629_54, 0.261_302_6, 0.275_777_1],
        }
    }

    /// Reads `preprocessor_config.json` for a tower that reads squares of `side` pixels.
    pub(super) fn of_config(json: &[u8], side: usize) -> Result<Self, LoadTextError> {
        let refuse =
            |problem: String| LoadTextError::Config(format!("preprocessor_config.json: {problem}"));
        let config: Value = serde_json::from_slice(json).map_err(|e| refuse(e.to_string()))?;
        let usual = Self::usual(side);
        for step in ["do_resize", "do_center_crop", "do_rescale", "do_normalize"] {
            if config[step] == Value::Bool(false) {
                return Err(refuse(format!("{step} is false, only true is supported")));
            }
        }
        if let Some(resample) = config["resample"].as_u64()
            && resample != BICUBIC
        {
            return Err(refuse(format!(
                "resample is {resample}, only {BICUBIC} (bicubic) is supported"
            )));
        }
        if let Some(factor) = config["rescale_factor"].as_f64()
            && (factor * 255.0 - 1.0).abs() > 1e-6
        {
            return Err(refuse(format!(
                "rescale_factor is {factor}, only 1/255 is supported"
            )));
        }
        // a number, or an object with the names
        let length = |field: &str, names: &[&str]| -> Result<usize, LoadTextError> {
            let value = &config[field];
            let lengths = match value {
                Value::Null => return Ok(side),
                Value::Object(_) => names.iter().map(|name| value[*name].as_u64()).collect(),
                other => vec![other.as_u64()],
            };
            match lengths[..] {
                [Some(length)] => Ok(length as usize),
                [Some(a), Some(b)] if a == b => Ok(a as usize),
                _ => Err(refuse(format!(
                    "{field} is {value}, it must be one length ({})",
                    names.join(", ")
                ))),
            }
        };
        let three = |field: &str, usual: [f32; 3]| match &config[field] {
            Value::Null => Ok(usual),
            value => serde_json::from_value::<[f32; 3]>(value.clone())
                .map_err(|error| refuse(format!("{field}: {error}"))),
        };
        let read = Self {
            shorter: length("size", &["shortest_edge"])?,
            side: length("crop_size", &["height", "width"])?,
            mean: three("image_mean", usual.mean)?,
            deviation: three("image_std", usual.deviation)?,
        };
        if read.side != side {
            return Err(refuse(format!(
                "crop_size is {}, the image tower reads {side} pixels",
                read.side
            )));
        }
        if !(side..=MAX_SIDE).contains(&read.shorter) {
            return Err(refuse(format!(
                "size is {}, it must be from {side} to {MAX_SIDE} pixels",
                read.shorter
            )));
        }
        if let Some(deviation) = read.deviation.iter().find(|d| **d <= 0.0) {
            return Err(refuse(format!(
                "image_std has {deviation}, it must be above 0"
            )));
        }
        Ok(read)
    }

    /// What the tower reads of a picture, `(3, side, side)`.
    pub(super) fn apply(&self, picture: &Pixels) -> Result<Vec<f32>, PixelsError> {
        let [rows, columns] = picture.size;
        let found = picture.rgb.len();
        let values = rows.checked_mul(columns).and_then(|p| p.checked_mul(3));
        if rows == 0 || columns == 0 || values != Some(found) {
            return Err(PixelsError::Size {
                size: picture.size,
                found,
            });
        }
        let shorter = rows.min(columns);
        let resized =
            |length: usize| (self.shorter as u128 * length as u128 / shorter as u128) as usize;
        let (across, down) = (
            Weights::new(columns, resized(columns), self.side),
            Weights::new(rows, resized(rows), self.side),
        );
        let narrow = across.rows(picture.rgb, rows);
        let small = down.columns(&narrow, self.side);
        let mut seen = Vec::with_capacity(small.len());
        for channel in 0..3 {
            let (mean, deviation) = (self.mean[channel], self.deviation[channel]);
            let values = small.iter().skip(channel).step_by(3);
            let in_01 = values.map(|value| f32::from(*value) * (1.0 / 255.0));
            seen.extend(in_01.map(|value| (value - mean) / deviation));
        }
        Ok(seen)
    }
}

/// The pixels that the middle ones of a resized row are made of.
struct Weights {
    /// First pixel, and the weights from there on; `None` if the row keeps its length.
    of_pixel: Vec<(usize, Vec<i32>)>,
    /// Length of the row before.
    length: usize,
}

impl Weights {
    fn new(length: usize, resized: usize, side: usize) -> Self {
        let first = (resized - side) / 2;
        let of_pixel = (first..first + side).map(|pixel| {
            if resized == length {
                return (pixel, vec![1 << BITS]);
            }
            let scale = length as f64 / resized as f64;
            let stretch = scale.max(1.0);
            let (center, reach) = ((pixel as f64 + 0.5) * scale, REACH * stretch);
            let start = (center - reach + 0.5).max(0.0) as usize;
            let end = ((center + reach + 0.5) as usize).min(length);
            let weight = |at: usize| cubic((at as f64 - center + 0.5) / stretch);
            let weights: Vec<f64> = (start..end).map(weight).collect();
            let total: f64 = weights.iter().sum();
            let fixed = |weight: &f64| (weight / total * f64::from(1 << BITS)).round() as i32;
            (start, weights.iter().map(fixed).collect())
        });
        Self {
            of_pixel: of_pixel.collect(),
            length,
        }
    }

    /// Resizes every row, `(rows, length, 3)` -> `(rows, side, 3)`.
    fn rows(&self, rgb: &[u8], rows: usize) -> Vec<u8> {
        let mut narrow = Vec::with_capacity(rows * self.of_pixel.len() * 3);
        for row in rgb.chunks_exact(3 * self.length) {
            for (first, weights) in &self.of_pixel {
                for channel in 0..3 {
                    let values = row[3 * first + channel..].iter().step_by(3);
                    narrow.push(sum(values, weights));
                }
            }
        }
        narrow
    }

    /// Resizes every column, `(length, columns, 3)` -> `(side, columns, 3)`.
    fn columns(&self, rgb: &[u8], columns: usize) -> Vec<u8> {
        let stride = 3 * columns;
        let mut small = Vec::with_capacity(self.of_pixel.len() * stride);
        for (first, weights) in &self.of_pixel {
            for place in 0..stride {
                let values = rgb[first * stride + place..].iter().step_by(stride);
                small.push(sum(values, weights));
            }
        }
        small
    }
}

/// The weighted sum of values, rounded to eight bits.
fn sum<'a>(values: impl Iterator<Item = &'a u8>, weights: &[i32]) -> u8 {
    let products = values
        .zip(weights)
        .map(|(value, weight)| i64::from(*value) * i64::from(*weight));
    let total = products.sum::<i64>() + (1 << (BITS - 1));
    (total >> BITS).clamp(0, 255) as u8
}

/// Bicubic interpolation with the slope of Pillow.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < REACH {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pictures_of_impossible_sizes_are_refused_and_narrow_ones_are_not() {
        let usual = Preprocessing::usual(4);
        for (size, values) in [([0, 3], 0), ([2, 2], 11), ([usize::MAX, 3], 9)] {
            let rgb = vec![0; values];
            let error = usual.apply(&Pixels { size, rgb: &rgb }).unwrap_err();
            assert_eq!(
                error,
                PixelsError::Size {
                    size,
                    found: values
                }
            );
        }
        // resized as a whole it would have 4 x 400 000 pixels
        let rgb = vec![255; 300_000];
        for size in [[1, 100_000], [100_000, 1]] {
            let seen = usual.apply(&Pixels { size, rgb: &rgb }).unwrap();
            assert_eq!(seen.len(), 3 * 16);
            let white = (1.0 - usual.mean[0]) / usual.deviation[0];
            assert!((seen[0] - white).abs() < 1e-5);
        }
    }

    #[test]
    fn other_preprocessing_is_refused_by_name() {
        let of = |json: &str| Preprocessing::of_config(json.as_bytes(), 32);
        let usual = Preprocessing::usual(32);
        assert_eq!(of("{}").unwrap(), usual);
        // as older programs wrote it
        assert_eq!(of(r#"{"size": 32, "crop_size": 32}"#).unwrap(), usual);
        let wider = of(r#"{"size": {"shortest_edge": 40}}"#).unwrap();
        assert_eq!(
            wider,
            Preprocessing {
                shorter: 40,
                ..usual
            }
        );
        for (json, word) in [
            ("[", "EOF"),
            (r#"{"resample": 2}"#, "resample is 2"),
            (r#"{"do_normalize": false}"#, "do_normalize"),
            (r#"{"rescale_factor": 1}"#, "rescale_factor"),
            (r#"{"crop_size": 224}"#, "crop_size is 224"),
            (r#"{"size": {"height": 3}}"#, "size is"),
            (r#"{"size": 16}"#, "size is 16"),
            (r#"{"size": 1000000000}"#, "size is 1000000000"),
            (r#"{"image_std": [1, 0, 1]}"#, "image_std"),
            (r#"{"image_mean": [1]}"#, "image_mean"),
        ] {
            let message = of(json).unwrap_err().to_string();
            assert!(message.contains(word), "{json}: {message}");
        }
    }
}
