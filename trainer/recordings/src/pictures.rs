//! Decodes pictures and depth images. Small files may unpack to any number of pixels, so that their
//! number is checked before memory is taken for them.

use std::io::Cursor;

use anyhow::ensure;
use image::{DynamicImage, ImageReader};

/// Maximum number of pixels of a picture or a depth image; a file with more is damaged.
pub const PIXEL_LIMIT: usize = 1 << 26;

/// Decodes the content of a PNG or JPEG file.
///
/// # Errors
/// The file has another format, is damaged, or has more than [`PIXEL_LIMIT`] pixels.
pub fn decode(file: &[u8]) -> anyhow::Result<DynamicImage> {
    let reader = || ImageReader::new(Cursor::new(file)).with_guessed_format();
    let (width, height) = reader()?.into_dimensions()?;
    ensure!(
        u64::from(width) * u64::from(height) <= PIXEL_LIMIT as u64,
        "it has {width} x {height} pixels, the limit is {PIXEL_LIMIT} pixels"
    );
    Ok(reader()?.decode()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_small_file_of_a_vast_picture_is_refused() {
        let mut file = Cursor::new(vec![]);
        DynamicImage::new_luma16(8, 6)
            .write_to(&mut file, image::ImageFormat::Png)
            .unwrap();
        let mut file = file.into_inner();
        assert_eq!(decode(&file).unwrap().width(), 8);
        // the header's chunk: width and height, five other bytes, and the checksum of all
        let header = [
            b"IHDR".as_slice(),
            &[0, 0, 32, 0, 0, 0, 32, 1],
            &file[24..29],
        ]
        .concat();
        file[12..29].copy_from_slice(&header);
        file[29..33].copy_from_slice(&crc32(&header).to_be_bytes());
        let error = format!("{:#}", decode(&file).unwrap_err());
        assert!(
            error.contains("8192 x 8193 pixels, the limit is 67108864"),
            "{error}"
        );
    }

    /// The checksum of a chunk of a PNG.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                (sum >> 1) ^ ((sum & 1) * 0xedb8_8320)
            })
        })
    }
}
