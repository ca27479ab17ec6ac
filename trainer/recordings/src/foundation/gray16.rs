//! Grey PNGs of 16 bits per pixel.

use std::{fs, path::Path};

use anyhow::Context;
use image::{ImageBuffer, ImageFormat, Luma};
use segscape::captures::gray16;

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
pub(super) fn load_gray16(path: &Path) -> anyhow::Result<Option<([usize; 2], Vec<u16>)>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = gray16(&path.display().to_string(), &bytes);
    read.map(Some).map_err(anyhow::Error::msg)
}
