//! Reads NumPy arrays piece by piece: a `.npy` file, or a member of a `.npz` archive.

use std::io::Read;

use anyhow::{Context, bail, ensure};

/// Maximum length of the header in bytes; NumPy writes 128 bytes for a plain array.
const HEADER_LIMIT: u64 = 64 << 10;
const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// An array whose values are read on demand, with the last index varying fastest.
#[derive(Debug)]
pub struct Array<R> {
    /// Extents of the dimensions.
    pub shape: Vec<usize>,
    kind: Kind,
    values: R,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    F16,
    F32,
    F64,
    /// Also used for booleans.
    U8,
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::U8 => 1,
        }
    }
}

impl<R: Read> Array<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// The file is not an array, or has an unsupported type, order or version.
    pub fn open(mut file: R) -> anyhow::Result<Self> {
        let mut head = [0; 8];
        file.read_exact(&mut head)
            .context("the file ends in its header")?;
        ensure!(head[..6] == MAGIC, "the file is not a NumPy array");
        let mut size = [0; 4];
        let length = if head[6] == 1 { 2 } else { 4 };
        file.read_exact(&mut size[..length])
            .context("the file ends in its header")?;
        let size = u64::from(u32::from_le_bytes(size));
        ensure!(
            (1..=3).contains(&head[6]) && size <= HEADER_LIMIT,
            "the version is {} and the header has {size} bytes; versions 1 to 3 and at most {HEADER_LIMIT} bytes are read",
            head[6]
        );
        let mut header = String::new();
        (&mut file)
            .take(size)
            .read_to_string(&mut header)
            .context("the header is not text")?;
        // {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
        let after = |key: &str| {
            header
                .split_once(&format!("'{key}':"))
                .map(|(_, rest)| rest.trim_start())
        };
        let kind = match after("descr")
            .and_then(|rest| rest.split('\'').nth(1))
            .unwrap_or_default()
        {
            "<f2" => Kind::F16,
            "<f4" => Kind::F32,
            "<f8" => Kind::F64,
            "|u1" | "|b1" => Kind::U8,
            other => {
                bail!("the numbers have the type \"{other}\"; <f2, <f4, <f8, |u1 and |b1 are read")
            }
        };
        ensure!(
            after("fortran_order").is_some_and(|rest| rest.starts_with("False")),
            "the array is not in C order: save it row by row"
        );
        let shape = after("shape")
            .and_then(|rest| rest.strip_prefix('('))
            .and_then(|rest| rest.split_once(')'))
            .context("the header has no shape")?
            .0;
        let extents = shape
            .split(',')
            .map(str::trim)
            .filter(|extent| !extent.is_empty());
        let shape = extents
            .map(|extent| {
                extent
                    .parse()
                    .with_context(|| format!("the extent \"{extent}\" is not a whole number"))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            shape,
            kind,
            values: file,
        })
    }

    /// Reads the next `count` values.
    ///
    /// # Errors
    /// The file ends too early.
    pub fn next(&mut self, count: usize) -> anyhow::Result<Vec<f32>> {
        let size = count
            .checked_mul(self.kind.bytes())
            .with_context(|| format!("{count} values do not fit into memory"))?;
        let mut bytes = Vec::new();
        // reads no more than the file holds, whatever its header claims
        (&mut self.values)
            .take(size as u64)
            .read_to_end(&mut bytes)?;
        ensure!(
            bytes.len() == size,
            "the array of shape {:?} ends too early",
            self.shape
        );
        Ok(match self.kind {
            Kind::F16 => bytes
                .chunks_exact(2)
                .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            Kind::F32 => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Kind::F64 => bytes
                .chunks_exact(8)
                .map(|b| {
                    f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32
                })
                .collect(),
            Kind::U8 => bytes.into_iter().map(f32::from).collect(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Encodes a file as NumPy writes it.
    pub fn encode(descr: &str, shape: &[usize], values: &[u8]) -> Vec<u8> {
        let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
        let mut header = format!(
            "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
            extents.trim_end()
        );
        header += &" ".repeat(63 - (10 + header.len()) % 64);
        header.push('\n');
        [
            &MAGIC[..],
            &[1, 0],
            &(header.len() as u16).to_le_bytes(),
            header.as_bytes(),
            values,
        ]
        .concat()
    }

    /// Encodes an f32 array.
    pub fn floats(shape: &[usize], values: &[f32]) -> Vec<u8> {
        encode(
            "<f4",
            shape,
            &values
                .iter()
                .flat_map(|x| x.to_le_bytes())
                .collect::<Vec<u8>>(),
        )
    }

    #[test]
    fn numbers_of_every_kind_come_back() {
        let kinds: [(&str, Vec<u8>); 4] = [
            (
                "<f2",
                [1.5, -2.0]
                    .into_iter()
                    .flat_map(|x| half::f16::from_f32(x).to_le_bytes())
                    .collect(),
            ),
            (
                "<f4",
                [1.5f32, -2.0]
                    .into_iter()
                    .flat_map(f32::to_le_bytes)
                    .collect(),
            ),
            (
                "<f8",
                [1.5f64, -2.0]
                    .into_iter()
                    .flat_map(f64::to_le_bytes)
                    .collect(),
            ),
            ("|b1", vec![1, 0]),
        ];
        for (descr, bytes) in kinds {
            let file = encode(descr, &[2, 1], &bytes);
            let mut array = Array::open(&file[..]).unwrap();
            assert_eq!(array.shape, [2, 1]);
            let expected = if descr == "|b1" {
                [1.0, 0.0]
            } else {
                [1.5, -2.0]
            };
            assert_eq!(
                (array.next(1).unwrap(), array.next(1).unwrap()),
                (vec![expected[0]], vec![expected[1]]),
                "{descr}"
            );
        }
        assert!(
            Array::open(&encode("<f4", &[], &[])[..])
                .unwrap()
                .shape
                .is_empty()
        );
    }

    #[test]
    fn what_is_no_array_is_refused() {
        let good = floats(&[3], &[1.0, 2.0, 3.0]);
        let mut long = good.clone();
        (long[6], long[8], long[9], long[10], long[11]) = (2, 0xff, 0xff, 0xff, 0xff);
        let swapped = encode("<f4", &[3], &[])
            .iter()
            .map(|byte| if *byte == b'<' { b'>' } else { *byte })
            .collect();
        let turned = encode("<f4", &[3], &[]);
        let turned = turned
            .windows(5)
            .position(|w| w == b"False")
            .map(|at| [&turned[..at], b"True ", &turned[at + 5..]].concat())
            .unwrap();
        let cases: [(&str, Vec<u8>); 5] = [
            ("not a NumPy", [b"x", &good[1..]].concat()),
            ("header", good[..9].to_vec()),
            ("at most", long),
            (">f4", swapped),
            ("order", turned),
        ];
        for (words, file) in cases {
            let error = format!("{:#}", Array::open(&file[..]).unwrap_err());
            assert!(error.contains(words), "{error} does not say {words}");
        }
        // the shape claims more values than the file has, or than fit in memory
        let mut array = Array::open(&good[..]).unwrap();
        assert!(array.next(4).unwrap_err().to_string().contains("too early"));
        assert!(Array::open(&good[..]).unwrap().next(usize::MAX).is_err());
    }
}
