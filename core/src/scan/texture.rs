//! Pictures that color a mesh, and the light of colors: what formats with materials share.

#[cfg(feature = "captures")]
use crate::captures::DecodedImage;
use crate::scan::Warning;

/// A picture in builds that decode none.
#[cfg(not(feature = "captures"))]
pub(super) enum DecodedImage {}

#[cfg(not(feature = "captures"))]
impl DecodedImage {
    fn decode(_: &[u8], _: Option<u32>) -> Result<Self, String> {
        Err("this build does not read pictures".to_owned())
    }

    /// The color at a position, given as fractions of width and height.
    pub(super) fn at(&self, _: f32, _: f32) -> [u8; 3] {
        match *self {}
    }
}

/// The last picture that was decoded, and what could not be.
pub(super) struct Pictures {
    /// The bytes of pictures that may still be decoded, so that a file cannot name one picture often.
    left: usize,
    last: Option<(usize, Option<DecodedImage>)>,
    failed: usize,
    first_failure: Option<String>,
}

impl Pictures {
    /// `size` is the number of bytes of all pictures that may be decoded.
    pub(super) fn new(size: usize) -> Self {
        Self {
            left: size,
            last: None,
            failed: 0,
            first_failure: None,
        }
    }

    /// Decodes the picture `image` from its file, unless it was the last.
    pub(super) fn load<B: AsRef<[u8]>>(
        &mut self,
        image: usize,
        encoded: impl FnOnce() -> Result<B, String>,
    ) {
        if self.last.as_ref().is_some_and(|(last, _)| *last == image) {
            return;
        }
        // the one before goes first
        self.last = None;
        let picture = encoded()
            .and_then(|bytes| {
                let bytes = bytes.as_ref();
                let left = self.left.checked_sub(bytes.len());
                self.left = left.ok_or("its pictures are larger than the file")?;
                DecodedImage::decode(bytes, None)
            })
            .map_err(|problem| {
                self.failed += 1;
                self.first_failure
                    .get_or_insert_with(|| problem.chars().take(200).collect());
            });
        self.last = Some((image, picture.ok()));
    }

    /// The picture `image`, if it is the last and could be decoded.
    pub(super) fn picture(&self, image: usize) -> Option<&DecodedImage> {
        let (last, picture) = self.last.as_ref()?;
        picture.as_ref().filter(|_| *last == image)
    }

    pub(super) fn warn(&self, warnings: &mut Vec<Warning>) {
        if let Some(problem) = &self.first_failure {
            warnings.push(Warning(format!(
                "{} textures could not be read, the base colors of their materials were taken: {problem}",
                self.failed
            )));
        }
    }
}

/// What a picture shows beyond its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrap {
    Clamp,
    Repeat,
    Mirror,
}

/// A place along a side of a picture, as a share of it from 0 to 1.
pub(super) fn within(wrap: Wrap, at: f64) -> f32 {
    let within = match wrap {
        Wrap::Clamp => at.clamp(0.0, 1.0),
        // 1 is the far edge, not the near one of the next repetition
        Wrap::Repeat if (0.0..=1.0).contains(&at) => at,
        Wrap::Repeat => at - at.floor(),
        Wrap::Mirror => {
            let twice = at.rem_euclid(2.0);
            if twice > 1.0 { 2.0 - twice } else { twice }
        }
    };
    within as f32
}

/// sRGB (IEC 61966-2-1) to linear light, both from 0 to 1.
pub(super) fn linear(v: f64) -> f64 {
    if v <= 0.040_45 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}

/// Linear light to sRGB, both from 0 to 1.
fn srgb(v: f64) -> f64 {
    if v <= 0.003_130_8 {
        v * 12.92
    } else {
        1.055 * v.powf(1.0 / 2.4) - 0.055
    }
}

/// Linear light from 0 to 1 as bytes in sRGB.
pub(super) fn srgb_bytes(light: [f64; 3]) -> [u8; 3] {
    light.map(|v| (255.0 * srgb(v.clamp(0.0, 1.0))).round() as u8)
}
