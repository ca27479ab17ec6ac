//! LZF, the compression of `binary_compressed` PCD files.
//!
//! The stream is a sequence of runs. A control byte below 32 copies the next `control + 1` bytes.
//! Any other control byte copies from the bytes already decoded: its upper three bits plus two are
//! the length (seven means that a further byte is added), its lower five bits and the next byte are
//! the distance minus one.

/// The largest expansion per byte of input: a three-byte reference yields up to 264 bytes.
const MAX_EXPANSION: usize = 88;

/// The reasons why an LZF stream is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LzfError {
    #[error("{compressed} compressed bytes cannot hold the {expected} bytes that are promised")]
    Expansion { compressed: usize, expected: usize },
    #[error("the compressed data ends within a run, at byte {0}")]
    CutShort(usize),
    #[error("the compressed data refers to bytes before its start, at byte {0}")]
    BadReference(usize),
    #[error("the compressed data unpacks to {found} bytes, {expected} are promised")]
    Length { expected: usize, found: usize },
}

/// Decodes exactly `expected` bytes.
pub(super) fn decode(input: &[u8], expected: usize) -> Result<Vec<u8>, LzfError> {
    if expected / MAX_EXPANSION > input.len() {
        return Err(LzfError::Expansion {
            compressed: input.len(),
            expected,
        });
    }
    let mut out = Vec::with_capacity(expected);
    let mut at = 0;
    while let Some(&control) = input.get(at) {
        let start = at;
        let cut = || LzfError::CutShort(start);
        at += 1;
        if control < 32 {
            let literals = input
                .get(at..at + usize::from(control) + 1)
                .ok_or_else(cut)?;
            at += literals.len();
            out.extend_from_slice(literals);
        } else {
            let mut length = usize::from(control >> 5) + 2;
            if length == 9 {
                length += usize::from(*input.get(at).ok_or_else(cut)?);
                at += 1;
            }
            let low = *input.get(at).ok_or_else(cut)?;
            at += 1;
            let distance = (usize::from(control & 31) << 8) + usize::from(low) + 1;
            let from = out
                .len()
                .checked_sub(distance)
                .ok_or(LzfError::BadReference(start))?;
            if distance >= length {
                out.extend_from_within(from..from + length);
            } else {
                // The run overlaps its source, so it repeats with the period `distance`.
                for i in 0..length {
                    out.push(out[from + i]);
                }
            }
        }
        if out.len() > expected {
            return Err(LzfError::Length {
                expected,
                found: out.len(),
            });
        }
    }
    if out.len() == expected {
        Ok(out)
    } else {
        Err(LzfError::Length {
            expected,
            found: out.len(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Encodes `data` as a valid stream without references.
    pub(crate) fn encode_literally(data: &[u8]) -> Vec<u8> {
        data.chunks(32)
            .flat_map(|run| std::iter::once(run.len() as u8 - 1).chain(run.iter().copied()))
            .collect()
    }

    #[test]
    fn streams_decode_or_say_what_is_wrong() {
        type Case<'a> = (&'a [u8], usize, Result<&'a [u8], LzfError>);
        let cases: &[Case] = &[
            (&[], 0, Ok(b"")),
            (&[2, b'a', b'b', b'c'], 3, Ok(b"abc")),
            // "ab", then five bytes from a distance of two: source and run overlap
            (&[1, b'a', b'b', (3 << 5), 1], 7, Ok(b"abababa")),
            // one byte, then the long form: 7 + 2 + 1 bytes
            (&[0, b'z', 7 << 5, 1, 0], 11, Ok(b"zzzzzzzzzzz")),
            (&[3, b'a'], 4, Err(LzfError::CutShort(0))),
            (&[0, b'a', 7 << 5], 10, Err(LzfError::CutShort(2))),
            (&[0, b'a', 1 << 5, 9], 4, Err(LzfError::BadReference(2))),
            (
                &[0, b'a'],
                9,
                Err(LzfError::Length {
                    expected: 9,
                    found: 1,
                }),
            ),
            (
                &[1, b'a', b'b'],
                1,
                Err(LzfError::Length {
                    expected: 1,
                    found: 2,
                }),
            ),
            (
                &[0, b'a'],
                usize::MAX,
                Err(LzfError::Expansion {
                    compressed: 2,
                    expected: usize::MAX,
                }),
            ),
        ];
        for (input, expected, wanted) in cases {
            assert_eq!(
                decode(input, *expected),
                wanted.clone().map(<[u8]>::to_vec),
                "{input:?}"
            );
        }
    }

    #[test]
    fn literal_runs_return() {
        let data: Vec<u8> = (0..1000).map(|i| (i % 251) as u8).collect();
        assert_eq!(decode(&encode_literally(&data), data.len()), Ok(data));
    }
}
