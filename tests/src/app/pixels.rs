//! The pixels of the 3D view, exactly as they are on screen.

use std::{fs, time::Instant};

use serde_json::{Value, json};

use super::{
    page::{Page, STEP},
    pictures, script,
};

/// A picture of the 3D view, in device pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Width and height, pixels.
    pub size: (usize, usize),
    /// Red, green and blue of each pixel, shape `(height, width)`.
    pub colors: Vec<[u8; 3]>,
}

impl Page {
    /// The pixels of the 3D view once it is at rest, without the elements in front of it. Keeps
    /// them as `target/tmp/pages/NAME.png`. The browser composes them for the screen: a script
    /// could not read a canvas of WebGPU after its frame.
    pub async fn pixels(&self, name: &str) -> Pixels {
        self.run::<Value>(script::BARE, &[json!(true)]).await;
        self.until_at_rest().await;
        let mut png = self.screenshot().await;
        let start = Instant::now();
        // A frame of WebGPU is shown after it is drawn.
        loop {
            let next = self.screenshot().await;
            if next == png {
                break;
            }
            png = next;
            assert!(start.elapsed() < STEP, "the picture does not come to rest");
        }
        self.run::<Value>(script::BARE, &[json!(false)]).await;
        fs::write(pictures().join(format!("{name}.png")), &png)
            .expect("the target folder can be written");
        let picture = image::load_from_memory(&png)
            .expect("a picture of the screen")
            .into_rgb8();
        Pixels {
            size: (picture.width() as usize, picture.height() as usize),
            colors: picture.pixels().map(|pixel| pixel.0).collect(),
        }
    }
}

impl Pixels {
    /// Mean difference of the channels, in `0..=255`.
    pub fn difference(&self, other: &Self) -> f64 {
        let sum: u64 = self.channels_apart(other).flatten().map(u64::from).sum();
        sum as f64 / (3 * self.colors.len()) as f64
    }

    /// Fraction of the pixels that differ by more than `most` in a channel.
    pub fn differing(&self, other: &Self, most: u8) -> f64 {
        let differing = self
            .channels_apart(other)
            .filter(|apart| apart.iter().any(|apart| *apart > most));
        differing.count() as f64 / self.colors.len() as f64
    }

    /// One flag per pixel: `true` if it has exactly this color, shape `(height, width)`.
    pub fn with_color(&self, color: [u8; 3]) -> Vec<bool> {
        self.colors.iter().map(|pixel| *pixel == color).collect()
    }

    fn channels_apart(&self, other: &Self) -> impl Iterator<Item = [u8; 3]> {
        assert_eq!(self.size, other.size, "pictures of different sizes");
        self.colors
            .iter()
            .zip(&other.colors)
            .map(|(a, b)| std::array::from_fn(|channel| a[channel].abs_diff(b[channel])))
    }
}
