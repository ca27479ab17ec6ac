//! Grey PNGs of 16 bits per pixel.

use std::path::Path;

use anyhow::{Context, bail};
use image::{ImageBuffer, ImageFormat, Luma};

/// Writes values of the size (rows, columns) as a grey PNG.
pub(super) fn save_gray16(
    path: &Path,
    [rows, columns]: [usize; 2],
    values: Vec<u16>,
) -> anyhow::Result<()> {
    let image = ImageBuffer::<Luma<u16>, _>::from_raw(columns as u32, rows as u32, values)
        .context("a value for every pixel")?;
    // the name may be that of a file in the making
    Ok(image.save_with_format(path, ImageFormat::Png)?)
}

/// Size (rows, columns) and 16-bit values of a grey PNG; `None` if there is no such file.
pub fn load_gray16(path: &Path) -> anyhow::Result<Option<([usize; 2], Vec<u16>)>> {
    if !path.exists() {
        return Ok(None);
    }
    let image = image::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let image::DynamicImage::ImageLuma16(image) = image else {
        bail!(
            "{} must be a grey PNG of 16 bits, it is {:?}",
            path.display(),
            image.color()
        );
    };
    Ok(Some((
        [image.height() as usize, image.width() as usize],
        image.into_raw(),
    )))
}
