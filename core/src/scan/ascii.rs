//! Rows of numbers as text, for the ascii variants of both formats.
//!
//! Values are separated by blanks, and line ends are blanks too. Most files have a row per line,
//! though, and a reader that knows this can ignore what a line has in addition and name the line
//! that lacks a value. [`in_either_layout`] therefore tries that first.

use super::{ReadError, Scalar, Warning};

/// A byte order mark. Text that was pasted together has them anywhere between its numbers.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// How the rows of a text are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Every row is a line.
    RowPerLine,
    /// Line ends mean nothing.
    Stream,
}

/// Takes the values of a text row by row. Lines without values do not count.
pub(super) struct Rows<'a> {
    bytes: &'a [u8],
    layout: Layout,
    /// Position after the last value taken.
    pub(super) at: usize,
    /// The end of the row's line; the end of the text if line ends mean nothing.
    end: usize,
    /// Index of the current row in its element.
    row: usize,
    /// Number of rows that have more values than were taken.
    long_rows: usize,
}

impl<'a> Rows<'a> {
    fn new(bytes: &'a [u8], layout: Layout) -> Self {
        Self {
            bytes,
            layout,
            at: 0,
            end: 0,
            row: 0,
            long_rows: 0,
        }
    }

    fn skip_blanks(&mut self, end: usize) {
        while let Some(first) = self.bytes[self.at..end].first() {
            if first.is_ascii_whitespace() {
                self.at += 1;
            } else if self.bytes[self.at..end].starts_with(MARK) {
                self.at += MARK.len();
            } else {
                break;
            }
        }
    }

    /// Starts row `row` of an element; returns `false` if the text has ended.
    pub(super) fn start(&mut self, row: usize) -> bool {
        self.row = row;
        self.skip_blanks(self.bytes.len());
        let rest = &self.bytes[self.at..];
        self.end = match self.layout {
            Layout::RowPerLine => self.at + line_length(rest),
            Layout::Stream => self.bytes.len(),
        };
        !rest.is_empty()
    }

    /// The next value of the row.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        self.skip_blanks(self.end);
        let rest = &self.bytes[self.at..self.end];
        let length = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(&rest[..length])
    }

    /// Ends the row.
    pub(super) fn finish(&mut self) {
        if self.layout == Layout::RowPerLine {
            self.long_rows += usize::from(self.next().is_some());
            self.at = self.end;
        }
    }

    /// `true` if the line at which the last row ended has no more values.
    fn is_at_line_end(&self) -> bool {
        let rest = &self.bytes[self.at..];
        rest[..line_length(rest)].trim_ascii().is_empty()
    }

    /// Warnings about values that no row took. `values` is the number of values of every row of the
    /// last element, if they have equally many.
    pub(super) fn warnings(mut self, values: Option<usize>) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = Warning::long_rows(self.long_rows).into_iter().collect();
        let (mut lines, mut words) = (0, 0);
        while self.start(0) {
            lines += 1;
            while self.next().is_some() {
                words += 1;
            }
        }
        let rows = match (self.layout, values.filter(|values| *values > 0)) {
            (Layout::RowPerLine, _) => Some(lines),
            (Layout::Stream, Some(values)) if words % values == 0 => Some(words / values),
            (Layout::Stream, _) => None,
        };
        warnings.extend(match rows {
            _ if words == 0 => None,
            Some(rows) => Some(Warning(format!(
                "{rows} rows more than the header counts follow the last row; they were left out"
            ))),
            None => Some(Warning(format!(
                "{words} values more than the header counts follow the last row; they were left out"
            ))),
        });
        warnings
    }
}

fn line_length(text: &[u8]) -> usize {
    text.iter()
        .position(|b| matches!(b, b'\n' | b'\r'))
        .unwrap_or(text.len())
}

/// The line end of a header, which its first line shows. If that is CR alone, an LF after the
/// header already belongs to the data.
pub(super) fn line_end(bytes: &[u8]) -> u8 {
    match bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) {
        Some(at) if bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n') => b'\r',
        _ => b'\n',
    }
}

/// Reads a text whose rows are lines or, if that fails, a stream of values. The stream must end
/// where a line ends: otherwise a value is missing somewhere, and the values after it have slipped
/// into the wrong places.
///
/// # Errors
/// The error of `read`: of the first attempt, which knows the line, unless not even the first row
/// of an element was a line.
pub(super) fn in_either_layout<'a, T>(
    body: &'a [u8],
    mut read: impl FnMut(&mut Rows<'a>) -> Result<T, ReadError>,
) -> Result<(T, Rows<'a>), ReadError> {
    let mut lines = Rows::new(body, Layout::RowPerLine);
    let error = match read(&mut lines) {
        Ok(read) => return Ok((read, lines)),
        Err(error @ ReadError::Cancelled(_)) => return Err(error),
        Err(error) => error,
    };
    let mut stream = Rows::new(body, Layout::Stream);
    match read(&mut stream) {
        Ok(read) if stream.is_at_line_end() => Ok((read, stream)),
        Err(error @ ReadError::Cancelled(_)) => Err(error),
        Err(of_stream) if lines.row == 0 || lines.long_rows > 0 => Err(of_stream),
        _ => Err(error),
    }
}

/// The words of a message about a word that is not a value of a type; characters that cannot be
/// seen are shown by their codes.
pub(super) fn not_a_value(word: &[u8], scalar: Scalar) -> String {
    let word = String::from_utf8_lossy(&word[..word.len().min(40)]);
    let word = word.escape_debug();
    if scalar.is_integer() {
        format!("`{word}` is not a value of type {}", scalar.ply_name())
    } else {
        format!("`{word}` is not a number")
    }
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
        Scalar::I64 => out.extend(whole(word, i64::to_le_bytes)?),
        Scalar::U64 => out.extend(whole(word, u64::to_le_bytes)?),
        Scalar::Bool => match word.to_ascii_lowercase().as_slice() {
            b"true" => out.push(1),
            b"false" => out.push(0),
            _ => out.extend(whole(word, u8::to_le_bytes)?),
        },
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

    /// The rows of `values` values each, and the warnings.
    fn rows(text: &[u8], count: usize, values: usize) -> (Vec<Vec<String>>, Vec<Warning>) {
        let read = |rows: &mut Rows| {
            let row = |row| {
                let missing = || ReadError::NoPoints;
                if !rows.start(row) {
                    return Err(missing());
                }
                let row: Result<Vec<String>, _> = (0..values)
                    .map(|_| {
                        let word = rows.next().ok_or_else(missing)?;
                        Ok(String::from_utf8_lossy(word).into_owned())
                    })
                    .collect();
                rows.finish();
                row
            };
            (0..count).map(row).collect::<Result<Vec<_>, _>>()
        };
        let (read, rest) = in_either_layout(text, read).expect("enough values");
        (read, rest.warnings(Some(values)))
    }

    #[test]
    fn blanks_are_blanks_and_line_ends_are_line_ends() {
        let wanted = [["a", "b"], ["c", "d"], ["e", "f"]];
        for text in [
            "a b\r\n\r\n c\td\r  \ne \x0c f",
            "\u{feff}a b\n\u{feff}c d\n\u{feff}\ne\u{feff} f",
            "a\nb\nc\nd\ne\nf\n",
            "a b c d\re f",
            "a b c d e\nf\n",
        ] {
            // within a word a mark is a letter
            let text = text.replace("e\u{feff}", "e");
            let (found, warnings) = rows(text.as_bytes(), 3, 2);
            assert_eq!(found, wanted, "{text:?}");
            assert_eq!(warnings, [], "{text:?}");
        }
    }

    #[test]
    fn what_is_left_over_is_counted_in_rows() {
        for (text, wanted) in [
            ("a b\nc d\ne f\n\n", "1 rows more"),
            ("a b 1\nc d\n", "1 rows have more values"),
            ("a\nb\nc\nd\ne\nf\ng\nh", "2 rows more"),
            ("a\nb\nc\nd\ne\nf\ng", "3 values more"),
        ] {
            let (found, warnings) = rows(text.as_bytes(), 2, 2);
            assert_eq!(found, [["a", "b"], ["c", "d"]], "{text:?}");
            assert!(
                warnings.len() == 1 && warnings[0].0.contains(wanted),
                "{text:?}: {warnings:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        let shown = not_a_value("\u{200b}1".as_bytes(), Scalar::F32);
        assert_eq!(shown, "`\\u{200b}1` is not a number");
        let shown = not_a_value(b"256", Scalar::U8);
        assert_eq!(shown, "`256` is not a value of type uchar");
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
            ("18446744073709551615", Scalar::U64, true),
            ("18446744073709551616", Scalar::U64, false),
            ("-9223372036854775808", Scalar::I64, true),
            ("1", Scalar::Bool, true),
            ("False", Scalar::Bool, true),
            ("maybe", Scalar::Bool, false),
        ] {
            assert_eq!(
                push(text.as_bytes(), scalar, &mut out).is_some(),
                fits,
                "{text} as {scalar:?}"
            );
        }
    }
}
