//! The reader of SPZ, Niantic's compressed Gaussian splats: versions 2 and 3 of the format that the
//! README of nianticlabs/spz describes.
//!
//! A gzip stream holds a header and then one property of all splats after the other. The table gets
//! the columns of splats in PLY files, so that both are interpreted alike. Harmonics above the
//! constant one are left out. The axes are right, up and back, so +y is up.

use miniz_oxide::inflate::{
    core::{
        DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
    },
    decompress_to_vec_with_limit,
};

use super::{ReadError, Scalar, Steps, Table, Warning, build};

const MAGIC: &[u8; 4] = b"NGSP";

/// The bytes of the header.
const HEADER: usize = 16;

/// How much more a deflate stream can unpack to than it has bytes.
const MOST_UNPACKED: u64 = 1032;

/// The columns of splats in PLY files.
const COLUMNS: [&str; 14] = [
    "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2",
    "rot_0", "rot_1", "rot_2", "rot_3",
];

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "SPZ",
        problem: problem.into(),
    }
}

/// The deflate stream of a gzip file; `None` if it is none. RFC 1952.
fn deflate_stream(bytes: &[u8]) -> Option<&[u8]> {
    let [0x1f, 0x8b, 8, flags, ..] = bytes else {
        return None;
    };
    let mut rest = bytes.get(10..)?;
    if flags & 4 != 0 {
        let size = Scalar::U16.read(rest.get(..2)?) as usize;
        rest = rest.get(2 + size..)?;
    }
    // a name, and a remark
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = rest.iter().position(|b| *b == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// The first bytes of a gzip file after unpacking.
fn header(bytes: &[u8]) -> Option<[u8; HEADER]> {
    let stream = deflate_stream(bytes)?;
    let mut header = [0; HEADER];
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut inflate = Box::<DecompressorOxide>::default();
    let (_, _, found) = decompress(&mut inflate, stream, &mut header, 0, flags);
    (found == HEADER).then_some(header)
}

/// `true` for a gzip file that holds splats.
pub(super) fn is_spz(bytes: &[u8]) -> bool {
    header(bytes).is_some_and(|header| header.starts_with(MAGIC))
}

/// Reads a file for which [`is_spz`] holds.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let header = header(bytes).ok_or_else(|| malformed("it has no header"))?;
    let stream = deflate_stream(bytes).unwrap_or_default();
    let (version, count) = (
        Scalar::U32.read(&header[4..]) as u32,
        Scalar::U32.read(&header[8..]) as usize,
    );
    let [degree, fraction, ..] = header[12..] else {
        return Err(malformed("it has no header"));
    };
    let rotation = match version {
        2 => 3,
        3 => 4,
        _ => {
            return Err(malformed(format!(
                "its version is {version}; versions 2 and 3 are read"
            )));
        }
    };
    let harmonics = match degree {
        0 => 0,
        1 => 3,
        2 => 8,
        3 => 15,
        _ => {
            return Err(malformed(format!(
                "its harmonics have degree {degree}, 3 is the limit"
            )));
        }
    };
    if fraction > 30 {
        return Err(malformed(format!(
            "its positions have {fraction} bits after the point"
        )));
    }
    build::check_limits(count as u64, 4 * COLUMNS.len())?;
    let sizes = [9, 1, 3, 3, rotation, 3 * harmonics];
    let needed = HEADER + count * sizes.iter().sum::<usize>();
    if needed as u64 > stream.len() as u64 * MOST_UNPACKED {
        return Err(ReadError::Truncated {
            format: "SPZ",
            expected: needed as u64 / MOST_UNPACKED,
            found: stream.len() as u64,
        });
    }
    let data = decompress_to_vec_with_limit(stream, needed)
        .map_err(|error| malformed(format!("its compressed data are damaged: {error}")))?;
    steps.at(bytes.len() / 2)?;
    if data.len() < needed {
        return Err(ReadError::Truncated {
            format: "SPZ",
            expected: needed as u64,
            found: data.len() as u64,
        });
    }
    if harmonics > 0 {
        warnings.push(Warning(
            "the harmonics of the splats, by which colors depend on the direction, were left out"
                .to_owned(),
        ));
    }
    let mut starts = [HEADER; 5];
    for part in 1..5 {
        starts[part] = starts[part - 1] + count * sizes[part - 1];
    }
    let mut points = build::points(build::columns(COLUMNS.map(|name| (name, Scalar::F32))));
    points.count = count;
    points.rows.reserve_exact(count * points.stride());
    for splat in 0..count {
        let part = |k: usize| &data[starts[k] + splat * sizes[k]..][..sizes[k]];
        let values = values([0, 1, 2, 3, 4].map(part), fraction);
        let bytes = values.iter().flat_map(|v| v.to_le_bytes());
        points.rows.extend(bytes);
    }
    Ok(Table::of_points(points))
}

/// The values of the columns of one splat.
fn values([position, alpha, color, scale, rotation]: [&[u8]; 5], fraction: u8) -> [f32; 14] {
    let unit = f64::from(1u32 << fraction);
    let coordinate = |k: usize| {
        let [a, b, c] = [0, 1, 2].map(|byte| position[3 * k + byte]);
        // the sign is in the highest of the three bytes
        let fixed = i32::from_le_bytes([0, a, b, c]) >> 8;
        (f64::from(fixed) / unit) as f32
    };
    let color = |k: usize| (f32::from(color[k]) / 255.0 - 0.5) / 0.15;
    let scale = |k: usize| f32::from(scale[k]) / 16.0 - 10.0;
    let opacity = f32::from(alpha[0]) / 255.0;
    let logit = (opacity / (1.0 - opacity)).ln().clamp(-20.0, 20.0);
    let [x, y, z, w] = quaternion(rotation);
    [
        coordinate(0),
        coordinate(1),
        coordinate(2),
        color(0),
        color(1),
        color(2),
        logit,
        scale(0),
        scale(1),
        scale(2),
        w,
        x,
        y,
        z,
    ]
}

/// A rotation (x, y, z, w): of three bytes, the first three components; of four, the three smallest
/// components with nine bits and a sign each, and which one is the largest.
fn quaternion(bytes: &[u8]) -> [f32; 4] {
    let rest = |sum: f32| (1.0 - sum).max(0.0).sqrt();
    if let [x, y, z] = *bytes {
        let [x, y, z] = [x, y, z].map(|v| f32::from(v) / 127.5 - 1.0);
        return [x, y, z, rest(x * x + y * y + z * z)];
    }
    let mut bits = Scalar::U32.read(bytes) as u32;
    let largest = (bits >> 30) as usize;
    let mut quaternion = [0.0; 4];
    let mut sum = 0.0;
    for component in (0..4).rev().filter(|component| *component != largest) {
        let size = (bits & 511) as f32 / 511.0 * std::f32::consts::FRAC_1_SQRT_2;
        quaternion[component] = if bits & 512 == 0 { size } else { -size };
        sum += size * size;
        bits >>= 10;
    }
    quaternion[largest] = rest(sum);
    quaternion
}
