//! ScanNet's stream of compressed colour and depth images (docs/spec/data.md section 1.1).

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use segscape::{
    captures::{MILLIMETRES, PIXEL_LIMIT, metres, pose},
    views::Camera,
};

use super::{Gap, Picture, Shot};

const VERSION: u32 = 4;
/// Maximum length of the sensor name, and maximum size in bytes of one compressed image; a file
/// with more is damaged.
const NAME_LIMIT: u64 = 4096;
const IMAGE_LIMIT: u64 = 64 << 20;
const JPEG: i32 = 2;
const PNG: i32 = 1;
const RAW: i32 = 0;
const ZLIB: i32 = 1;
/// Depth shift of images in millimetres.
const SHIFT: f32 = 1000.0;

/// Every `every`-th frame of the stream.
///
/// # Errors
/// The file has another version, uses an unsupported compression, or specifies sizes that no sensor
/// has.
pub fn frames(
    path: &Path,
    every: usize,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Result<Shot, Gap>>> + use<>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut stream = Stream {
        reader: BufReader::new(file),
        header: Header::default(),
    };
    stream.header = stream
        .header()
        .with_context(|| format!("in the header of {}", path.display()))?;
    let path = path.to_owned();
    let count = stream.header.frames;
    let frame = move |number: u64| {
        let frame = stream
            .frame(number, number.is_multiple_of(every as u64))
            .with_context(|| format!("frame {number} of {}", path.display()));
        // the frames after a broken frame cannot be located
        frame.transpose()
    };
    let mut numbers = 0..count;
    let mut frame = frame;
    let mut broken = false;
    Ok(std::iter::from_fn(move || {
        loop {
            let number = numbers.next().filter(|_| !broken)?;
            if let Some(frame) = frame(number) {
                broken = frame.is_err();
                return Some(frame);
            }
        }
    }))
}

#[derive(Clone, Copy, Debug, Default)]
struct Header {
    focal: [f32; 2],
    center: [f32; 2],
    color: i32,
    depth: i32,
    depth_size: [u32; 2],
    frames: u64,
}

struct Stream<R> {
    reader: R,
    header: Header,
}

impl<R: Read + Seek> Stream<R> {
    fn bytes<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader
            .read_exact(&mut bytes)
            .context("the file ends too early")?;
        Ok(bytes)
    }

    fn matrix(&mut self) -> anyhow::Result<[f32; 16]> {
        let bytes = self.bytes::<64>()?;
        Ok(std::array::from_fn(|i| {
            f32::from_le_bytes([
                bytes[4 * i],
                bytes[4 * i + 1],
                bytes[4 * i + 2],
                bytes[4 * i + 3],
            ])
        }))
    }

    fn header(&mut self) -> anyhow::Result<Header> {
        let version = u32::from_le_bytes(self.bytes()?);
        ensure!(
            version == VERSION,
            "the version is {version}, this program reads version {VERSION}"
        );
        let name = u64::from_le_bytes(self.bytes()?);
        ensure!(
            name <= NAME_LIMIT,
            "the sensor's name has {name} bytes, the limit is {NAME_LIMIT}"
        );
        self.reader.seek(SeekFrom::Current(name as i64))?;
        let [_, _, depth_camera, _] = [
            self.matrix()?,
            self.matrix()?,
            self.matrix()?,
            self.matrix()?,
        ];
        let (color, depth) = (
            i32::from_le_bytes(self.bytes()?),
            i32::from_le_bytes(self.bytes()?),
        );
        ensure!(
            [JPEG, PNG].contains(&color),
            "the colour compression is {color}, this program reads {PNG} (PNG) and {JPEG} (JPEG)"
        );
        ensure!(
            [RAW, ZLIB].contains(&depth),
            "the depth compression is {depth}, this program reads {RAW} (none) and {ZLIB} (zlib)"
        );
        let sizes = [
            u32::from_le_bytes(self.bytes()?),
            u32::from_le_bytes(self.bytes()?),
            u32::from_le_bytes(self.bytes()?),
            u32::from_le_bytes(self.bytes()?),
        ];
        let fits = |width: u32, height: u32| {
            (1..=PIXEL_LIMIT).contains(&(u64::from(width) * u64::from(height)))
        };
        ensure!(
            fits(sizes[0], sizes[1]) && fits(sizes[2], sizes[3]),
            "the sizes of the images are {sizes:?} pixels, each image must have 1 to {PIXEL_LIMIT} pixels"
        );
        let shift = f32::from_le_bytes(self.bytes()?);
        ensure!(
            shift == SHIFT,
            "the depth unit is 1/{shift} m, this program reads millimetres"
        );
        Ok(Header {
            focal: [depth_camera[0], depth_camera[5]],
            center: [depth_camera[2], depth_camera[6]],
            color,
            depth,
            depth_size: [sizes[3], sizes[2]],
            frames: u64::from_le_bytes(self.bytes()?),
        })
    }

    /// Reads or skips a frame. Returns `None` for a skipped frame, a gap for a frame without a
    /// pose, or the frame.
    fn frame(&mut self, number: u64, wanted: bool) -> anyhow::Result<Option<Result<Shot, Gap>>> {
        let rows = self.matrix()?;
        self.bytes::<16>()?;
        let [color, depth] = [
            u64::from_le_bytes(self.bytes()?),
            u64::from_le_bytes(self.bytes()?),
        ];
        for (what, size) in [("a picture", color), ("a depth image", depth)] {
            ensure!(
                size <= IMAGE_LIMIT,
                "{what} has {size} bytes, the limit is {IMAGE_LIMIT}"
            );
        }
        let world_from_camera = pose(&rows);
        let (true, Some(world_from_camera)) = (wanted, world_from_camera) else {
            self.reader
                .seek(SeekFrom::Current((color + depth) as i64))?;
            return Ok(wanted.then_some(Err(Gap::Pose)));
        };
        let [picture, depth] = [self.blob(color)?, self.blob(depth)?];
        let Header {
            focal,
            center,
            depth_size: [height, width],
            ..
        } = self.header;
        let pixels = height as usize * width as usize;
        let depth = match self.header.depth {
            RAW => depth,
            _ => match decompress_to_vec_zlib_with_limit(&depth, 2 * pixels) {
                Ok(depth) => depth,
                Err(error) => {
                    bail!("the depth image cannot be inflated to {pixels} pixels: {error}")
                }
            },
        };
        ensure!(
            depth.len() == 2 * pixels,
            "a depth image has {} bytes instead of {}",
            depth.len(),
            2 * pixels
        );
        let values = depth
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
            .collect();
        let depth = metres([height as usize, width as usize], values, MILLIMETRES)?;
        let camera = Camera {
            width: width as f32,
            height: height as f32,
            focal,
            center,
            world_from_camera,
        };
        let picture = Picture {
            extension: if self.header.color == JPEG {
                "jpg"
            } else {
                "png"
            },
            bytes: picture,
        };
        Ok(Some(Ok(Shot {
            name: format!("{number:06}"),
            camera,
            depth,
            picture,
        })))
    }

    fn blob(&mut self, size: u64) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.reader).take(size).read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 == size, "the file ends too early");
        Ok(bytes)
    }
}
