//! One channel of an OpenEXR image made of scan lines, as phones write depth: half or single precision, uncompressed, run lengths or deflated.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use segscape::views::Map;

const MAGIC: [u8; 4] = [0x76, 0x2f, 0x31, 0x01];
/// Flags of images that are made of tiles, have deep pixels or several parts.
const OTHER_LAYOUTS: u32 = 0x200 | 0x800 | 0x1000;
/// Most pixels along one side, and of one image: beyond that the file is damaged.
const SIDE_LIMIT: i64 = 16_384;
const PIXEL_LIMIT: i64 = 1 << 26;
/// Most bytes of the file.
const FILE_LIMIT: u64 = 1 << 30;
/// Which channel depth is in, best first; otherwise the first one.
const NAMES: [&str; 5] = ["Z", "R", "Y", "depth", "A"];

/// Compressions and how many lines a block of them holds.
const NONE: u8 = 0;
const RUN_LENGTHS: u8 = 1;
const ZIP_LINE: u8 = 2;
const ZIP_BLOCK: u8 = 3;

struct Header {
    compression: u8,
    width: usize,
    height: usize,
    top: i64,
    channels: Vec<Channel>,
}

struct Channel {
    name: String,
    /// Bytes of a value: 2 is half, 4 is single precision, or a whole number where `is_whole`.
    bytes: usize,
    is_whole: bool,
}

/// (height, width, 1): metres, 0 where the file holds no finite positive number.
///
/// # Errors
/// Names the file and what is not read or damaged in it.
pub fn depth(path: &Path) -> anyhow::Result<Map> {
    let size = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    ensure!(size <= FILE_LIMIT, "{} has {size} bytes, at most {FILE_LIMIT} are read", path.display());
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    decode(&bytes).with_context(|| format!("in {}", path.display()))
}

fn decode(file: &[u8]) -> anyhow::Result<Map> {
    let mut at = 0;
    ensure!(take(file, &mut at, 4)? == MAGIC, "the file is no OpenEXR image");
    let version = u32::from_le_bytes(array(file, &mut at)?);
    ensure!(
        version & 0xff == 2 && version & OTHER_LAYOUTS == 0,
        "version and flags {version:#x}: only images of one part made of scan lines are read"
    );
    let header = header(file, &mut at)?;
    let Header { compression, width, height, top, channels } = &header;
    let lines = match *compression {
        NONE | RUN_LENGTHS | ZIP_LINE => 1,
        ZIP_BLOCK => 16,
        other => bail!("compression {other} is not read; none, run lengths and ZIP are"),
    };
    let wanted = NAMES.iter().find_map(|name| channels.iter().position(|channel| channel.name == *name)).unwrap_or(0);
    ensure!(!channels[wanted].is_whole, "channel \"{}\" holds whole numbers, depth in metres has fractions", channels[wanted].name);
    let row: usize = channels.iter().map(|channel| channel.bytes * width).sum();
    let before: usize = channels[..wanted].iter().map(|channel| channel.bytes * width).sum();
    let blocks = height.div_ceil(lines);
    // every block has an offset here, so a file without them takes no memory
    let offsets = take(file, &mut at, 8 * blocks)?.to_vec();
    let mut depth = vec![0.0; width * height];
    for offset in offsets.chunks_exact(8) {
        let offset = offset.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let mut at = usize::try_from(offset)?;
        let first = i64::from(i32::from_le_bytes(array(file, &mut at)?)) - top;
        ensure!((0..*height as i64).contains(&first), "a block begins with line {first} of {height}");
        let first = first as usize;
        let count = lines.min(height - first);
        let size = usize::try_from(i32::from_le_bytes(array(file, &mut at)?)).context("a block of a negative size")?;
        let block = unpack(take(file, &mut at, size)?, *compression, count * row)?;
        for line in 0..count {
            let values = &block[line * row + before..][..channels[wanted].bytes * width];
            for (pixel, value) in depth[(first + line) * width..].iter_mut().zip(values.chunks_exact(channels[wanted].bytes)) {
                let metres = match *value {
                    [a, b] => half::f16::from_le_bytes([a, b]).to_f32(),
                    [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
                    _ => 0.0,
                };
                *pixel = if metres.is_finite() && metres > 0.0 { metres } else { 0.0 };
            }
        }
    }
    Ok(Map::new(depth, [*height, *width, 1])?)
}

fn header(file: &[u8], at: &mut usize) -> anyhow::Result<Header> {
    let (mut compression, mut window, mut channels) = (None, None, vec![]);
    loop {
        let name = word(file, at)?;
        if name.is_empty() {
            break;
        }
        word(file, at)?;
        let size = usize::try_from(i32::from_le_bytes(array(file, at)?)).context("an attribute of a negative size")?;
        let value = take(file, at, size)?;
        let mut inner = 0;
        match name {
            b"compression" => compression = value.first().copied(),
            b"dataWindow" => {
                let mut corner = || Ok::<_, anyhow::Error>(i64::from(i32::from_le_bytes(array(value, &mut inner)?)));
                window = Some([corner()?, corner()?, corner()?, corner()?]);
            }
            b"channels" => channels = self::channels(value)?,
            _ => {}
        }
    }
    let (compression, [left, top, right, bottom]) = compression.zip(window).context("the header lacks compression or dataWindow")?;
    ensure!(!channels.is_empty(), "the header lists no channels");
    let [width, height] = [right - left + 1, bottom - top + 1];
    let is_sane = [width, height].iter().all(|side| (1..=SIDE_LIMIT).contains(side)) && width * height <= PIXEL_LIMIT;
    ensure!(is_sane, "an image of {width} x {height} pixels, at most {SIDE_LIMIT} a side and {PIXEL_LIMIT} in all are believed");
    Ok(Header { compression, width: width as usize, height: height as usize, top, channels })
}

fn channels(list: &[u8]) -> anyhow::Result<Vec<Channel>> {
    let (mut at, mut channels) = (0, Vec::new());
    loop {
        let name = String::from_utf8_lossy(word(list, &mut at)?).into_owned();
        if name.is_empty() {
            return Ok(channels);
        }
        let kind = i32::from_le_bytes(array(list, &mut at)?);
        ensure!((0..=2).contains(&kind), "channel \"{name}\" is of the unknown type {kind}");
        take(list, &mut at, 4)?;
        let sampling = [i32::from_le_bytes(array(list, &mut at)?), i32::from_le_bytes(array(list, &mut at)?)];
        ensure!(sampling == [1, 1], "channel \"{name}\" has a value for every {sampling:?} pixels only");
        channels.push(Channel { name, bytes: if kind == 1 { 2 } else { 4 }, is_whole: kind == 0 });
    }
}

/// The bytes of a block, `size` of them.
fn unpack(packed: &[u8], compression: u8, size: usize) -> anyhow::Result<Vec<u8>> {
    // what compression would not make smaller is stored as it is
    if packed.len() == size {
        return Ok(packed.to_vec());
    }
    let mut bytes = match compression {
        ZIP_LINE | ZIP_BLOCK => {
            decompress_to_vec_zlib_with_limit(packed, size).map_err(|error| anyhow::anyhow!("a block cannot be inflated: {error}"))?
        }
        RUN_LENGTHS => runs(packed, size)?,
        _ => bail!("a block of {} bytes instead of {size}", packed.len()),
    };
    ensure!(bytes.len() == size, "a block of {} bytes instead of {size}", bytes.len());
    // differences of neighbours, offset by 128, of the even bytes followed by the odd ones
    for i in 1..size {
        bytes[i] = bytes[i].wrapping_add(bytes[i - 1]).wrapping_sub(128);
    }
    let (even, odd) = bytes.split_at(size.div_ceil(2));
    Ok((0..size).map(|i| if i % 2 == 0 { even[i / 2] } else { odd[i / 2] }).collect())
}

fn runs(packed: &[u8], size: usize) -> anyhow::Result<Vec<u8>> {
    let (mut at, mut bytes) = (0, Vec::new());
    while at < packed.len() && bytes.len() <= size {
        let count = packed[at] as i8;
        at += 1;
        match count {
            ..0 => bytes.extend(take(packed, &mut at, usize::from(count.unsigned_abs()))?),
            _ => bytes.extend(std::iter::repeat_n(take(packed, &mut at, 1)?[0], count as usize + 1)),
        }
    }
    Ok(bytes)
}

/// Up to a zero, which is left out.
fn word<'a>(file: &'a [u8], at: &mut usize) -> anyhow::Result<&'a [u8]> {
    let rest = file.get(*at..).unwrap_or_default();
    let end = rest.iter().take(256).position(|byte| *byte == 0).context("a name without an end")?;
    *at += end + 1;
    Ok(&rest[..end])
}

fn take<'a>(file: &'a [u8], at: &mut usize, size: usize) -> anyhow::Result<&'a [u8]> {
    let bytes = at.checked_add(size).and_then(|end| file.get(*at..end)).context("the file ends too early")?;
    *at += size;
    Ok(bytes)
}

fn array<const N: usize>(file: &[u8], at: &mut usize) -> anyhow::Result<[u8; N]> {
    Ok(take(file, at, N)?.try_into()?)
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used)]
    use miniz_oxide::deflate::compress_to_vec_zlib;

    use super::*;

    /// An image of `width` columns with the channels A (half, all 9) and R (single, `depth`).
    pub fn encode(depth: &[f32], width: usize, compression: u8) -> Vec<u8> {
        let height = depth.len() / width;
        let mut file = MAGIC.to_vec();
        file.extend(2u32.to_le_bytes());
        let mut attribute = |name: &str, kind: &str, value: &[u8]| {
            file.extend(name.bytes().chain([0]).chain(kind.bytes()).chain([0]));
            file.extend((value.len() as i32).to_le_bytes());
            file.extend(value);
        };
        let channel = |name: &str, kind: i32| {
            let numbers = [kind, 0, 1, 1].into_iter().flat_map(i32::to_le_bytes);
            name.bytes().chain([0]).chain(numbers).collect::<Vec<u8>>()
        };
        attribute("channels", "chlist", &[channel("A", 1), channel("R", 2), vec![0]].concat());
        attribute("compression", "compression", &[compression]);
        // the window does not begin at 0
        let window: Vec<u8> = [-3, 5, width as i32 - 4, height as i32 + 4].into_iter().flat_map(i32::to_le_bytes).collect();
        attribute("dataWindow", "box2i", &window);
        attribute("owner", "string", b"nobody");
        file.push(0);
        let lines = if compression == ZIP_BLOCK { 16 } else { 1 };
        let blocks: Vec<Vec<u8>> = depth.chunks(width * lines).map(|block| pack(block, width, compression)).collect();
        let mut offset = (file.len() + 8 * blocks.len()) as u64;
        for block in &blocks {
            file.extend(offset.to_le_bytes());
            offset += 8 + block.len() as u64;
        }
        for (number, block) in blocks.iter().enumerate() {
            file.extend(((number * lines) as i32 + 5).to_le_bytes());
            file.extend((block.len() as i32).to_le_bytes());
            file.extend(block);
        }
        file
    }

    fn pack(block: &[f32], width: usize, compression: u8) -> Vec<u8> {
        let line = |line: &[f32]| {
            let other = line.iter().flat_map(|_| half::f16::from_f32(9.0).to_le_bytes());
            other.chain(line.iter().flat_map(|x| x.to_le_bytes())).collect::<Vec<u8>>()
        };
        let raw: Vec<u8> = block.chunks(width).flat_map(line).collect();
        let mut parted: Vec<u8> = raw.iter().step_by(2).chain(raw.iter().skip(1).step_by(2)).copied().collect();
        for i in (1..parted.len()).rev() {
            parted[i] = parted[i].wrapping_sub(parted[i - 1]).wrapping_add(128);
        }
        let packed = match compression {
            NONE => return raw,
            RUN_LENGTHS => parted.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(127).flat_map(|run| [run.len() as u8 - 1, run[0]])).collect(),
            _ => compress_to_vec_zlib(&parted, 6),
        };
        if packed.len() < raw.len() { packed } else { raw }
    }

    #[test]
    fn depth_comes_back_whatever_packed_it() {
        let mut depth: Vec<f32> = (0..20 * 37).map(|i| 0.5 + (i / 20) as f32 * 0.125).collect();
        (depth[3], depth[4], depth[5]) = (f32::NAN, -1.0, f32::INFINITY);
        for compression in [NONE, RUN_LENGTHS, ZIP_LINE, ZIP_BLOCK] {
            let map = decode(&encode(&depth, 20, compression)).unwrap();
            assert_eq!(map.size(), [37, 20]);
            for (i, expected) in depth.iter().enumerate() {
                let expected = if (3..6).contains(&i) { 0.0 } else { *expected };
                assert_eq!(map.at(i / 20, i % 20), [expected], "pixel {i}, compression {compression}");
            }
        }
    }

    #[test]
    fn damage_is_named_and_takes_no_memory() {
        let good = encode(&[1.0; 32], 8, ZIP_BLOCK);
        let window = good.windows(10).position(|w| w == b"dataWindow").unwrap() + 10 + 1 + 6 + 4;
        let compression = good.windows(23).position(|w| w == b"compression\0compression").unwrap() + 24 + 4;
        let offsets = good.windows(6).position(|w| w == b"nobody").unwrap() + 7;
        let with = |at: usize, bytes: &[u8]| {
            let mut file = good.clone();
            file[at..at + bytes.len()].copy_from_slice(bytes);
            file
        };
        let cases: [(&str, Vec<u8>); 8] = [
            ("no OpenEXR", with(0, b"x")),
            ("scan lines", with(5, &[2])),
            ("compression 4", with(compression, &[4])),
            ("pixels", with(window + 8, &i32::MAX.to_le_bytes())),
            ("ends too early", with(window + 12, &16_000i32.to_le_bytes())),
            ("ends too early", with(offsets, &u64::MAX.to_le_bytes())),
            ("begins with line", with(offsets + 8, &99i32.to_le_bytes())),
            ("inflated", with(offsets + 16, &[0; 4])),
        ];
        for (words, file) in cases {
            let error = format!("{:#}", decode(&file).unwrap_err());
            assert!(error.contains(words), "{error} does not say {words}");
        }
        for end in 0..good.len() {
            assert!(decode(&good[..end]).is_err(), "cut after {end} bytes");
        }
    }
}
