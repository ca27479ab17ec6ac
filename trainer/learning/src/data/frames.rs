//! Frames: what one image with depth sees, as a partial cloud of points with the segments that a 2D
//! model found in the image (Segment3D, docs/spec/any3dis_segment3d_opentrack3d.md section B2).

use anyhow::Context;
use recordings::foundation::Image;
use segscape::views::Pixel;

/// The points of a frame, and the segments among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// `(points, 3)`: metres, world frame.
    pub positions: Vec<[f32; 3]>,
    /// `(points, 3)`: sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// The points of each segment, ascending. A pixel belongs to one segment at most, so segments
    /// share no points.
    pub segments: Vec<Vec<u32>>,
}

/// The pixels of a picture, sRGB: rows and columns, and `(rows, columns)`.
pub type Pixels<'a> = ([usize; 2], &'a [[u8; 3]]);

impl Frame {
    /// The point at each pixel of the depth image that measured something. Of the segments, those
    /// with at least `least` points are kept.
    ///
    /// # Errors
    /// The image has no depth or no segments, or no segment is large enough.
    pub fn of(image: &Image, picture: Option<Pixels>, least: usize) -> anyhow::Result<Self> {
        let name = &image.name;
        let depth = image.depth.as_ref();
        let depth = depth.with_context(|| format!("image {name} has no depth"))?;
        anyhow::ensure!(image.mask.is_some(), "image {name} has no segments");
        let [rows, columns] = depth.size();
        let mut frame = Self {
            positions: Vec::new(),
            colors: picture.map(|_| Vec::new()),
            segments: vec![Vec::new(); image.instances.len()],
        };
        for row in 0..rows {
            for column in 0..columns {
                let depth = depth.at(row, column)[0];
                if !(depth > 0.0 && depth.is_finite()) {
                    continue;
                }
                let share = |at: usize, extent: usize| (at as f32 + 0.5) / extent as f32;
                let (x, y) = (share(column, columns), share(row, rows));
                let point = frame.positions.len() as u32;
                let position = image.camera.back_project(Pixel { x, y, depth });
                frame.positions.push(position);
                if let (Some(colors), Some((size, pixels))) = (&mut frame.colors, picture) {
                    colors.push(color(size, pixels, [x, y]));
                }
                let segment = image.instance_at(x, y);
                if let Some(segment) = segment.and_then(|at| frame.segments.get_mut(at as usize)) {
                    segment.push(point);
                }
            }
        }
        let largest = frame.segments.iter().map(Vec::len).max().unwrap_or(0);
        frame.segments.retain(|segment| segment.len() >= least);
        anyhow::ensure!(
            !frame.segments.is_empty(),
            "image {name} has no segment of {least} points, the largest has {largest}"
        );
        Ok(frame)
    }
}

/// The colour of the pixel at the fractions of width and height.
fn color([rows, columns]: [usize; 2], pixels: &[[u8; 3]], [x, y]: [f32; 2]) -> [u8; 3] {
    let along = |share: f32, extent: usize| ((share * extent as f32) as usize).min(extent - 1);
    pixels[along(y, rows) * columns + along(x, columns)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use recordings::foundation::{ImageInstance, Mask};
    use segscape::views::{Camera, Map};

    use super::*;

    /// A wall two metres in front of a camera of 4 x 2 pixels: the left half is a segment, one
    /// pixel of the right half another, and one pixel was not measured.
    fn image() -> Image {
        let camera = Camera {
            width: 4.0,
            height: 2.0,
            focal: [2.0, 2.0],
            center: [1.5, 0.5],
            world_from_camera: Default::default(),
        };
        let instance = || ImageInstance {
            name: String::new(),
            score: 1.0,
            features: vec![],
        };
        Image {
            depth: Map::new(vec![2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 2.0, 2.0], [2, 4, 1]).ok(),
            mask: Mask::new(vec![1, 1, 0, 2, 1, 1, 0, 0], [2, 4]),
            instances: vec![instance(), instance()],
            ..Image::new("0".into(), camera, None)
        }
    }

    #[test]
    fn pixels_with_depth_become_points_of_their_segments() {
        let pixels: Vec<[u8; 3]> = (0..8).map(|i| [i; 3]).collect();
        let frame = Frame::of(&image(), Some(([2, 4], &pixels)), 2).unwrap();
        assert_eq!(frame.positions[0], [-1.5, -0.5, 2.0]);
        assert_eq!(frame.positions.len(), 7);
        let red: Vec<u8> = frame.colors.unwrap().iter().map(|color| color[0]).collect();
        assert_eq!(red, [0, 1, 2, 3, 4, 6, 7]);
        assert_eq!(frame.segments, [vec![0, 1, 4]], "the other has one point");
    }

    #[test]
    fn a_frame_without_anything_to_learn_says_what_it_lacks() {
        let refused = |image: Image, word: &str| {
            let error = Frame::of(&image, None, 4).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(image(), "no segment of 4 points, the largest has 3");
        refused(
            Image {
                depth: None,
                ..image()
            },
            "no depth",
        );
        refused(
            Image {
                mask: None,
                ..image()
            },
            "no segments",
        );
    }
}
