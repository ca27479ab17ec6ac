//! Pictures and depth images of captures, decoded from their files.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, ImageReader, Limits, imageops::FilterType};

use crate::views::{Map, MapError};

/// Maximum number of pixels of an image; a file that says more is damaged.
pub const PIXEL_LIMIT: u64 = 1 << 26;
/// Maximum number of pixels that a byte of a file can stand for: a pixel is at least a bit, and
/// deflate packs a byte at most 1032-fold.
const PIXELS_PER_BYTE: u64 = 8 * 1032;
/// Maximum number of pixels along a side of an image, and of bytes that decoding it may take.
const SIDE_LIMIT: u32 = 16_384;
const MEMORY_LIMIT: u64 = 512 << 20;
/// Values of depth images for unknown depth.
const UNKNOWN: [u16; 2] = [0, u16::MAX];
/// Units per metre of depth images in millimetres.
pub const MILLIMETRES: f32 = 1000.0;

/// A decoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedImage {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `(height, width, 3)`: sRGB, row by row.
    pub rgb: Vec<u8>,
}

/// A reader of a JPEG or PNG that allocates no more than an image of a camera needs.
fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let format = image::guess_format(bytes).ok();
    let known = [ImageFormat::Jpeg, ImageFormat::Png];
    let format = format.filter(|format| known.contains(format));
    reader.set_format(format.ok_or("it is neither a JPEG nor a PNG")?);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(MEMORY_LIMIT);
    reader.limits(limits);
    Ok(reader)
}

/// Decodes a JPEG or PNG.
///
/// # Errors
/// The reason why it cannot be decoded, or the limit that it exceeds.
pub fn decoded(bytes: &[u8]) -> Result<DynamicImage, String> {
    size(bytes)?;
    reader(bytes)?.decode().map_err(|error| error.to_string())
}

/// Width and height of a JPEG or PNG.
///
/// # Errors
/// The reason why they cannot be read, or the limit that they exceed.
pub fn size(bytes: &[u8]) -> Result<[u32; 2], String> {
    let size = reader(bytes)?.into_dimensions();
    let (width, height) = size.map_err(|error| error.to_string())?;
    check_size([width, height].map(|n| n as usize), 1, bytes.len())?;
    Ok([width, height])
}

/// Checks the size [columns, rows] that the header of a file of so many bytes claims, before memory
/// is taken for so many pixels of all channels.
///
/// # Errors
/// There are more than any image has, or than the bytes can hold.
pub(super) fn check_size(
    [columns, rows]: [usize; 2],
    channels: usize,
    bytes: usize,
) -> Result<(), String> {
    let shown = || match channels {
        1 => format!("{columns} x {rows} pixels"),
        _ => format!("{columns} x {rows} pixels and {channels} channels"),
    };
    let pixels = (columns as u64).saturating_mul(rows as u64);
    let values = pixels.saturating_mul(channels as u64);
    if values > PIXEL_LIMIT {
        return Err(format!("it has {}, the limit is {PIXEL_LIMIT}", shown()));
    }
    if values > PIXELS_PER_BYTE * bytes as u64 {
        return Err(format!("its {bytes} bytes cannot hold {}", shown()));
    }
    Ok(())
}

impl DecodedImage {
    /// Decodes a JPEG or PNG. With `longest_edge` it is made smaller, unless it is as small.
    ///
    /// # Errors
    /// The reason why it cannot be decoded.
    pub fn decode(bytes: &[u8], longest_edge: Option<u32>) -> Result<Self, String> {
        let image = decoded(bytes)?;
        let edge = longest_edge.map_or(u32::MAX, |edge| edge.max(1));
        let image = if image.width().max(image.height()) > edge {
            image.resize(edge, edge, FilterType::Triangle)
        } else {
            image
        };
        let rgb = image.into_rgb8();
        Ok(Self {
            width: rgb.width(),
            height: rgb.height(),
            rgb: rgb.into_raw(),
        })
    }

    /// The colour at a position, given as fractions of width and height.
    pub fn at(&self, x: f32, y: f32) -> [u8; 3] {
        let along = |share: f32, extent: u32| ((share * extent as f32) as u32).min(extent - 1);
        let pixel =
            along(y, self.height) as usize * self.width as usize + along(x, self.width) as usize;
        [0, 1, 2].map(|channel| self.rgb[3 * pixel + channel])
    }
}

/// Size (rows, columns) and values of a grey PNG of 16 bits per pixel; `name` is that of its file.
///
/// # Errors
/// It is another image or none; the message names the file.
pub fn gray16(name: &str, bytes: &[u8]) -> Result<([usize; 2], Vec<u16>), String> {
    let image = decoded(bytes).map_err(|error| format!("cannot read {name}: {error}"))?;
    let DynamicImage::ImageLuma16(image) = image else {
        return Err(format!(
            "{name} must be a grey PNG of 16 bits, it is {:?}",
            image.color()
        ));
    };
    let size = [image.height() as usize, image.width() as usize];
    Ok((size, image.into_raw()))
}

/// Depth in metres from values that count `units_per_metre`, 0 where the depth is unknown.
///
/// # Errors
/// The image has no pixels, or not as many as there are values.
pub fn metres(
    [rows, columns]: [usize; 2],
    values: Vec<u16>,
    units_per_metre: f32,
) -> Result<Map, MapError> {
    let metre = |value: u16| match UNKNOWN.contains(&value) {
        true => 0.0,
        false => f32::from(value) / MILLIMETRES,
    };
    let depth = Map::new(values.into_iter().map(metre).collect(), [rows, columns, 1])?;
    Ok(depth.scaled(MILLIMETRES / units_per_metre))
}
