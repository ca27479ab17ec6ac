//! Rows of numbers as text, for the ascii variants of both formats.

use super::Scalar;

/// An iterator over the lines that are not blank; a line ends with LF, CR or both.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// Position after the last line returned.
    pub(super) at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            let end = rest
                .iter()
                .position(|b| matches!(b, b'\n' | b'\r'))
                .unwrap_or(rest.len());
            self.at = (self.at + end + 1).min(self.bytes.len());
            let line = rest[..end].trim_ascii();
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    }
}

/// Splits a line into words.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// Parses a floating-point number in the spellings of C's `printf` on any system; `None` if the
/// word is not a number.
pub(super) fn float(word: &[u8]) -> Option<f64> {
    let text = str::from_utf8(word).ok()?;
    text.parse().ok().or_else(|| {
        // glibc writes -nan, older Windows runtimes 1.#QNAN or -1.#IND
        let unsigned = text.trim_start_matches(['-', '+']).to_ascii_lowercase();
        (unsigned.starts_with("nan") || unsigned.starts_with("1.#")).then_some(f64::NAN)
    })
}

/// Parses an integer; `3.0` and `1e3` count as integers too.
pub(super) fn integer(word: &[u8]) -> Option<i128> {
    let text = str::from_utf8(word).ok()?;
    let short = text.parse::<i64>().map(i128::from);
    short
        .or_else(|_| text.parse())
        .ok()
        .or_else(|| float(word).filter(|v| v.fract() == 0.0).map(|v| v as i128))
}

/// Appends the number as a little-endian `scalar`; `None` if the word is not a number of that type
/// or does not fit.
pub(super) fn push(word: &[u8], scalar: Scalar, out: &mut Vec<u8>) -> Option<()> {
    fn whole<T: TryFrom<i128>, const N: usize>(
        word: &[u8],
        bytes: fn(T) -> [u8; N],
    ) -> Option<[u8; N]> {
        integer(word)?.try_into().ok().map(bytes)
    }
    match scalar {
        Scalar::I8 => out.extend(whole(word, i8::to_le_bytes)?),
        Scalar::U8 => out.extend(whole(word, u8::to_le_bytes)?),
        Scalar::I16 => out.extend(whole(word, i16::to_le_bytes)?),
        Scalar::U16 => out.extend(whole(word, u16::to_le_bytes)?),
        Scalar::I32 => out.extend(whole(word, i32::to_le_bytes)?),
        Scalar::U32 => out.extend(whole(word, u32::to_le_bytes)?),
        Scalar::F32 => {
            // Parsed directly as f32: parsing as f64 first would round twice.
            let value = str::from_utf8(word)
                .ok()
                .and_then(|text| text.parse::<f32>().ok());
            out.extend(
                value
                    .or_else(|| float(word).map(|v| v as f32))?
                    .to_le_bytes(),
            );
        }
        Scalar::F64 => out.extend(float(word)?.to_le_bytes()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_any_line_end_and_blank_ones_are_skipped() {
        let lines: Vec<_> = Lines::new(b"a b\r\n\r\n c\rd\n  \ne").collect();
        assert_eq!(lines, [b"a b".as_slice(), b"c", b"d", b"e"]);
    }

    #[test]
    fn numbers_in_every_spelling() {
        let cases: &[(&str, Option<f64>)] = &[
            ("1", Some(1.0)),
            ("-1.5e3", Some(-1500.0)),
            ("+.5", Some(0.5)),
            ("inf", Some(f64::INFINITY)),
            ("nan", Some(f64::NAN)),
            ("-nan", Some(f64::NAN)),
            ("-nan(ind)", Some(f64::NAN)),
            ("1.#QNAN", Some(f64::NAN)),
            ("1,5", None),
            ("0x10", None),
            ("abc", None),
        ];
        for (text, wanted) in cases {
            let found = float(text.as_bytes());
            assert!(
                found == *wanted
                    || (found.is_some_and(f64::is_nan) && wanted.is_some_and(f64::is_nan)),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn integers_must_be_whole_and_fit() {
        let mut out = Vec::new();
        for (text, scalar, fits) in [
            ("255", Scalar::U8, true),
            ("255.0", Scalar::U8, true),
            ("256", Scalar::U8, false),
            ("-1", Scalar::U16, false),
            ("0.5", Scalar::I32, false),
            ("nan", Scalar::I32, false),
            ("4294967295", Scalar::U32, true),
        ] {
            assert_eq!(
                push(text.as_bytes(), scalar, &mut out).is_some(),
                fits,
                "{text} as {scalar:?}"
            );
        }
    }
}
