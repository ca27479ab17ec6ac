//! Values for the pixels of an image.

/// `(height, width, channels)` values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    width: usize,
    height: usize,
    channels: usize,
    values: Vec<f32>,
}

/// The number of values does not fit the size of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{values} values do not make an image of {height} x {width} pixels with {channels} channels"
)]
pub struct MapError {
    height: usize,
    width: usize,
    channels: usize,
    values: usize,
}

impl Map {
    /// Creates a map from `values`, `(height, width, channels)`.
    ///
    /// # Errors
    /// [`MapError`] if the number of values is different or zero.
    pub fn new(values: Vec<f32>, [height, width, channels]: [usize; 3]) -> Result<Self, MapError> {
        let fits = height
            .checked_mul(width)
            .and_then(|pixels| pixels.checked_mul(channels))
            == Some(values.len());
        if !fits || values.is_empty() {
            return Err(MapError {
                height,
                width,
                channels,
                values: values.len(),
            });
        }
        Ok(Self {
            width,
            height,
            channels,
            values,
        })
    }

    /// The number of values per pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The numbers of rows and columns.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The values of a pixel.
    pub fn at(&self, row: usize, column: usize) -> &[f32] {
        &self.values[(row * self.width + column) * self.channels..][..self.channels]
    }

    /// `(height, width, channels)`: all values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// `true` if all values are finite.
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    /// Multiplies every value by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f32) -> Self {
        self.values.iter_mut().for_each(|value| *value *= factor);
        self
    }

    /// The four pixels around a position, which is given as fractions of width and height, each
    /// with its weight. Beyond the outermost pixel centres, the values at the border are repeated.
    pub(crate) fn around(&self, x: f32, y: f32) -> [(usize, usize, f32); 4] {
        let along = |share: f32, extent: usize| {
            let last = (extent - 1) as f32;
            let at = (share * extent as f32 - 0.5).clamp(0.0, last);
            let low = at.floor();
            (low as usize, (low + 1.0).min(last) as usize, at - low)
        };
        let (left, right, u) = along(x, self.width);
        let (top, bottom, v) = along(y, self.height);
        [
            (top, left, (1.0 - u) * (1.0 - v)),
            (top, right, u * (1.0 - v)),
            (bottom, left, (1.0 - u) * v),
            (bottom, right, u * v),
        ]
    }

    /// Adds `weight` times the bilinear sample at a position, which is given as fractions of width
    /// and height, to `sum`, `(channels)`.
    pub fn add_sample(&self, x: f32, y: f32, weight: f32, sum: &mut [f32]) {
        for (row, column, share) in self.around(x, y) {
            sum.iter_mut()
                .zip(self.at(row, column))
                .for_each(|(sum, value)| *sum += weight * share * value);
        }
    }

    /// The bilinear sample of the first channel; `None` if a pixel with a nonzero weight is not
    /// above zero.
    pub fn positive_sample(&self, x: f32, y: f32) -> Option<f32> {
        self.around(x, y)
            .into_iter()
            .filter(|(.., share)| *share > 0.0)
            .try_fold(0.0, |sum, (row, column, share)| {
                let value = self.at(row, column)[0];
                (value > 0.0).then_some(sum + share * value)
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn samples_are_linear_between_centers_and_constant_beyond() {
        let map = Map::new(vec![0.0, 10.0, 1.0, 20.0], [1, 2, 2]).unwrap();
        let sample = |x: f32| {
            let mut sum = [0.0; 2];
            map.add_sample(x, 0.5, 1.0, &mut sum);
            sum
        };
        assert_eq!(sample(0.25), [0.0, 10.0]);
        assert_eq!(sample(0.5), [0.5, 15.0]);
        assert_eq!(sample(0.75), [1.0, 20.0]);
        assert_eq!((sample(0.0), sample(1.0)), ([0.0, 10.0], [1.0, 20.0]));
    }

    #[test]
    fn unknown_pixels_are_not_mixed_in() {
        let map = Map::new(vec![0.0, 2.0, 4.0], [1, 3, 1]).unwrap();
        assert_eq!(map.positive_sample(0.5, 0.5), Some(2.0));
        assert_eq!(
            map.positive_sample(2.0 / 3.0, 0.5)
                .map(|d| (d * 100.0).round()),
            Some(300.0)
        );
        assert_eq!(map.positive_sample(0.3, 0.5), None);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(Map::new(vec![1.0; 5], [2, 3, 1]).is_err());
        assert!(Map::new(vec![], [0, 3, 1]).is_err());
        assert!(
            Map::new(vec![1.0], [usize::MAX, 2, 1])
                .unwrap_err()
                .to_string()
                .contains("1 values")
        );
    }
}
