//! The points that a part of the last picture shows.

/// What a pixel without a point shows.
pub const NOTHING: u32 = u32::MAX;
/// Points are sparse, so the nearest one within so many pixels of the cursor counts.
const REACH: u32 = 3;

/// A rectangle of a picture, pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its upper left pixel.
    pub corner: (u32, u32),
    /// Width and height.
    pub size: (u32, u32),
}

impl Window {
    /// The rectangle between two pixels, both included, as far as it lies in a picture of this size.
    pub fn between(from: (u32, u32), to: (u32, u32), (width, height): (u32, u32)) -> Self {
        let size =
            |from: u32, to: u32, end: u32| to.saturating_add(1).min(end).saturating_sub(from);
        Self {
            corner: from,
            size: (size(from.0, to.0, width), size(from.1, to.1, height)),
        }
    }

    /// The pixels whose points count as under a cursor at a pixel.
    pub fn around((x, y): (u32, u32), picture: (u32, u32)) -> Self {
        if x >= picture.0 || y >= picture.1 {
            return Self::default();
        }
        let from = (x.saturating_sub(REACH), y.saturating_sub(REACH));
        Self::between(from, (x + REACH, y + REACH), picture)
    }

    /// `true` if it has no pixels.
    pub fn is_empty(&self) -> bool {
        self.size.0 == 0 || self.size.1 == 0
    }
}

/// The points that a rectangle of the last picture shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Width and height of the whole picture, pixels.
    pub picture: (u32, u32),
    /// The rectangle.
    pub window: Window,
    /// Index of the point that each of its pixels shows, or [`NOTHING`], shape `(height, width)`;
    /// empty if the picture cannot be read.
    pub points: Vec<u32>,
}

impl Seen {
    /// The point that a pixel of the picture shows, if it is in the rectangle and shows one.
    pub fn at(&self, (x, y): (u32, u32)) -> Option<u32> {
        let Window { corner, size } = self.window;
        let (column, row) = (x.checked_sub(corner.0)?, y.checked_sub(corner.1)?);
        let point = (column < size.0 && row < size.1)
            .then(|| self.points.get((row * size.0 + column) as usize))
            .flatten();
        point.copied().filter(|point| *point != NOTHING)
    }

    /// The point nearest to a pixel of the picture.
    pub fn nearest(&self, (x, y): (u32, u32)) -> Option<u32> {
        let Window { corner, size } = self.window;
        let rows = corner.1..corner.1 + size.1;
        rows.flat_map(|row| (corner.0..corner.0 + size.0).map(move |column| (column, row)))
            .filter_map(|pixel| {
                let point = self.at(pixel)?;
                Some((
                    pixel.0.abs_diff(x).pow(2) + pixel.1.abs_diff(y).pow(2),
                    point,
                ))
            })
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, point)| point)
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn the_nearest_point_counts_and_windows_end_where_the_picture_does() {
        let picture = (10, 8);
        let window = Window::around((9, 1), picture);
        assert_eq!((window.corner, window.size), ((6, 0), (4, 5)));
        let mut points = vec![NOTHING; 20];
        points[0] = 5; // at 6, 0
        points[4 * 4 + 3] = 7; // at 9, 4
        let seen = Seen {
            picture,
            window,
            points,
        };
        assert_eq!((seen.at((6, 0)), seen.at((9, 4))), (Some(5), Some(7)));
        assert_eq!(
            (seen.at((7, 0)), seen.at((5, 0)), seen.at((6, 5))),
            (None, None, None)
        );
        assert_eq!(seen.nearest((9, 2)), Some(7));
        assert_eq!(seen.nearest((7, 1)), Some(5));
        assert!(Window::around((10, 1), picture).is_empty());
        assert_eq!(Seen::default().nearest((0, 0)), None);
    }
}
