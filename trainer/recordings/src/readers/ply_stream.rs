//! Reads the coloured points of a binary PLY piece by piece, in their order and all of them, so
//! that a file of any length needs little memory.

use std::io::BufRead;

use anyhow::{Context, bail, ensure};
use glam::Vec3;

/// Maximum length of the header in bytes, and of one vertex.
const HEADER_LIMIT: usize = 64 << 10;
const VERTEX_LIMIT: usize = 4096;

/// The vertices of a file, read on demand.
#[derive(Debug)]
pub struct PlyStream<R> {
    file: R,
    /// Number of vertices.
    pub count: u64,
    positions: [(usize, Number); 3],
    /// Offsets of the bytes of red, green and blue.
    colors: [usize; 3],
    vertex: Vec<u8>,
}

/// A point as the file gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColoredPoint {
    pub position: Vec3,
    /// sRGB.
    pub color: [u8; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Byte,
    F32,
    F64,
    /// An integer of this many bytes, which is skipped.
    Other(usize),
}

impl Number {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "uchar" | "uint8" => Self::Byte,
            "char" | "int8" => Self::Other(1),
            "short" | "ushort" | "int16" | "uint16" => Self::Other(2),
            "int" | "uint" | "int32" | "uint32" => Self::Other(4),
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Other(bytes) => bytes,
        }
    }
}

/// A property of the vertices: its name, offset and type.
type Property = (String, usize, Number);

impl<R: BufRead> PlyStream<R> {
    /// Reads the header. `length` is that of the file in bytes.
    ///
    /// # Errors
    /// The file is not a binary PLY whose first element has positions and colours, or it is shorter
    /// than its header says.
    pub fn open(mut file: R, length: u64) -> anyhow::Result<Self> {
        let (mut read, mut count, mut properties) = (0, None, Vec::<Property>::new());
        let (mut stride, mut is_vertex, mut is_binary) = (0, false, false);
        for number in 1.. {
            let line = line(&mut file, &mut read)?;
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match (number, &words[..]) {
                (1, ["ply"]) => {}
                (1, _) => bail!("it is not a PLY file"),
                (_, ["comment" | "obj_info", ..] | []) => {}
                (_, ["format", "binary_little_endian", _]) => is_binary = true,
                (_, ["format", format, ..]) => bail!(
                    "its format is {format}, but binary_little_endian is what MASt3R-SLAM writes and what is read"
                ),
                (_, ["element", name, number]) => {
                    is_vertex = count.is_none();
                    if is_vertex {
                        ensure!(*name == "vertex", "its first element is {name}, not vertex");
                        count = Some(
                            number
                                .parse::<u64>()
                                .with_context(|| format!("\"{number}\" vertices"))?,
                        );
                    }
                }
                (_, ["property", kind, name]) if is_vertex => {
                    let kind = Number::of(kind)
                        .with_context(|| format!("{name} has the unknown type {kind}"))?;
                    properties.push(((*name).to_owned(), stride, kind));
                    stride += kind.bytes();
                    ensure!(
                        stride <= VERTEX_LIMIT,
                        "a vertex has more than {VERTEX_LIMIT} bytes"
                    );
                }
                (_, ["property", ..]) if !is_vertex => {}
                (_, ["end_header"]) => break,
                _ => bail!(
                    "line {number} of its header, \"{}\", is not read",
                    line.trim()
                ),
            }
        }
        ensure!(is_binary, "its header does not give a format");
        let count = count.context("it has no vertices")?;
        let needed = count
            .checked_mul(stride as u64)
            .and_then(|bytes| bytes.checked_add(read as u64));
        ensure!(
            needed.is_some_and(|needed| needed <= length),
            "its header promises {count} vertices of {stride} bytes, but it has {length} bytes"
        );
        let property = |name: &str| {
            properties
                .iter()
                .find(|(other, ..)| other == name)
                .with_context(|| format!("its vertices have no {name}"))
        };
        let position = |name: &str| match property(name)? {
            (_, at, kind @ (Number::F32 | Number::F64)) => Ok((*at, *kind)),
            _ => bail!("{name} is neither a float nor a double"),
        };
        let color = |name: &str| match property(name)? {
            (_, at, Number::Byte) => Ok(*at),
            _ => bail!("{name} is not a uchar"),
        };
        Ok(Self {
            count,
            positions: [position("x")?, position("y")?, position("z")?],
            colors: [color("red")?, color("green")?, color("blue")?],
            vertex: vec![0; stride],
            file,
        })
    }

    /// Reads the next point.
    ///
    /// # Errors
    /// The file ends too early, or a coordinate is not finite, so that the point belongs to no
    /// pixel.
    pub fn point(&mut self) -> anyhow::Result<ColoredPoint> {
        self.read()?;
        let coordinate = |(at, kind): (usize, Number)| {
            let bytes = &self.vertex[at..];
            match kind {
                Number::F64 => {
                    let bytes: [u8; 8] = std::array::from_fn(|i| bytes[i]);
                    f64::from_le_bytes(bytes) as f32
                }
                _ => f32::from_le_bytes(std::array::from_fn(|i| bytes[i])),
            }
        };
        let position = Vec3::from(self.positions.map(coordinate));
        ensure!(
            position.is_finite(),
            "a point is at {position}, which is not finite"
        );
        Ok(ColoredPoint {
            position,
            color: self.colors.map(|at| self.vertex[at]),
        })
    }

    /// Skips points.
    ///
    /// # Errors
    /// The file ends too early.
    pub fn skip(&mut self, count: usize) -> anyhow::Result<()> {
        (0..count).try_for_each(|_| self.read())
    }

    fn read(&mut self) -> anyhow::Result<()> {
        self.file
            .read_exact(&mut self.vertex)
            .context("the file ends too early")
    }
}

/// The next line of a header, of which `read` bytes have been read.
fn line(file: &mut impl BufRead, read: &mut usize) -> anyhow::Result<String> {
    let mut line = Vec::new();
    let left = HEADER_LIMIT - *read;
    std::io::Read::take(file, left as u64).read_until(b'\n', &mut line)?;
    *read += line.len();
    ensure!(
        line.last() == Some(&b'\n'),
        "its header has no end within {HEADER_LIMIT} bytes"
    );
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEADER: &str = "ply\nformat binary_little_endian 1.0\ncomment by hand\nelement vertex 2\n\
        property ushort id\nproperty double x\nproperty float y\nproperty float z\nproperty uchar blue\n\
        property uchar red\nproperty uchar green\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n";

    fn vertex(x: f64) -> Vec<u8> {
        let mut bytes = vec![9, 9];
        bytes.extend(x.to_le_bytes());
        bytes.extend([2.0f32, 3.0].into_iter().flat_map(f32::to_le_bytes));
        bytes.extend([3, 1, 2]);
        bytes
    }

    fn open(bytes: &[u8]) -> anyhow::Result<PlyStream<&[u8]>> {
        PlyStream::open(bytes, bytes.len() as u64)
    }

    #[test]
    fn points_come_in_their_order_whatever_lies_between() {
        let file = [HEADER.as_bytes(), &vertex(0.5), &vertex(1.5), &[3; 13]].concat();
        let point = |x| ColoredPoint {
            position: Vec3::new(x, 2.0, 3.0),
            color: [1, 2, 3],
        };
        let mut stream = open(&file).unwrap();
        assert_eq!(stream.count, 2);
        assert_eq!(
            [stream.point().unwrap(), stream.point().unwrap()],
            [point(0.5), point(1.5)]
        );
        let mut stream = open(&file).unwrap();
        stream.skip(1).unwrap();
        assert_eq!(stream.point().unwrap(), point(1.5));
        let file = [HEADER.as_bytes(), &vertex(0.5), &vertex(f64::NAN)].concat();
        let mut stream = open(&file).unwrap();
        stream.skip(1).unwrap();
        let error = stream.point().unwrap_err().to_string();
        assert!(error.contains("not finite"), "{error}");
    }

    #[test]
    fn what_is_no_such_file_is_refused_before_memory_is_taken() {
        let changed = |from: &str, to: &str| {
            let header = HEADER.replace(from, to);
            assert_ne!(header, HEADER);
            [header.as_bytes(), &vertex(0.5), &vertex(1.5)].concat()
        };
        for (words, file) in [
            ("not a PLY", changed("ply\n", "plz\n")),
            ("format is ascii", changed("binary_little_endian", "ascii")),
            (
                "format is binary_big",
                changed("binary_little", "binary_big"),
            ),
            (
                "not give a format",
                changed("format binary_little_endian 1.0", ""),
            ),
            ("promises 3 vertices", changed("vertex 2", "vertex 3")),
            (
                "promises 18446744073709551615",
                changed("vertex 2", &format!("vertex {}", u64::MAX)),
            ),
            ("\"-2\" vertices", changed("vertex 2", "vertex -2")),
            ("first element is face", changed("vertex 2", "face 2")),
            ("no red", changed(" red", " rot")),
            ("unknown type half", changed("double x", "half x")),
            ("x is neither", changed("double x", "int x")),
            ("red is not", changed("uchar red", "char red")),
            ("is not read", changed("ushort id", "list uchar int id")),
            (
                "4096 bytes",
                changed("property ushort id", &"property double w\n".repeat(600)),
            ),
            ("no end", changed("end_header", "")),
            (
                "no end",
                changed("comment by hand", &"x".repeat(HEADER_LIMIT)),
            ),
        ] {
            let error = format!("{:#}", open(&file).unwrap_err());
            assert!(error.contains(words), "{error} does not say {words}");
        }
        let whole = changed("ushort id", "short id");
        assert!(open(&whole[..whole.len() - 1]).is_err());
    }
}
