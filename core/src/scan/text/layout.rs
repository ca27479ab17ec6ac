//! Finds out how a table of numbers is laid out: what separates the values of a line, how decimals
//! are written, which line names the columns, and what the columns hold.

use super::names::{self, Meaning, Named};
use crate::scan::{ascii, table::text};

/// The number of lines from which the layout is found: as many from the start, and as many more
/// from all over the file.
const SAMPLE: usize = 400;

/// The number of lines of which at least half must be rows or their header.
const FIRST: usize = 8;

/// The maximum number of columns.
const MAX_COLUMNS: usize = 256;

/// How the values of a line are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Blanks,
    BlanksAndCommas,
    Mark(u8),
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    separator: Separator,
    /// Decimals follow a comma, as in most of Europe.
    pub(super) decimal_comma: bool,
}

impl Spelling {
    /// Splits a line into its values.
    pub(super) fn split<'a>(self, line: &'a [u8], cells: &mut Vec<&'a [u8]>) {
        cells.clear();
        let is_value = |cell: &&[u8]| !cell.is_empty();
        match self.separator {
            Separator::Blanks => {
                cells.extend(line.split(u8::is_ascii_whitespace).filter(is_value));
            }
            Separator::BlanksAndCommas => {
                let is_blank = |b: &u8| b.is_ascii_whitespace() || *b == b',';
                cells.extend(line.split(is_blank).filter(is_value));
            }
            Separator::Mark(mark) => cells.extend(line.split(|b| *b == mark).map(unquoted)),
        }
    }

    /// The number that a value is; an empty value and the usual words for "none" are NaN. `None` if
    /// it is no number.
    pub(super) fn number(self, cell: &[u8]) -> Option<f64> {
        let is_none = cell.is_empty()
            || [b"-".as_slice(), b"na", b"n/a", b"null", b"none"]
                .iter()
                .any(|none| cell.eq_ignore_ascii_case(none));
        if is_none {
            return Some(f64::NAN);
        }
        if self.decimal_comma && cell.contains(&b',') {
            let mut word = [0; 64];
            let word = word.get_mut(..cell.len())?;
            word.copy_from_slice(cell);
            word.iter_mut()
                .filter(|b| **b == b',')
                .for_each(|b| *b = b'.');
            return ascii::float(word);
        }
        ascii::float(cell)
    }
}

fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"")
        .and_then(|cell| cell.strip_suffix(b"\""))
        .unwrap_or(cell)
}

/// The layout of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) spelling: Spelling,
    /// `(columns)`: the names that columns get; `None` for columns without numbers.
    pub(super) columns: Vec<Option<Named>>,
    /// The line that names the columns, counted from 0, unless it is a remark.
    pub(super) header: Option<usize>,
    /// The number of points that the first line promises, as in PTS files.
    pub(super) promised: Option<u64>,
    /// `true` if the names come from the values alone.
    pub(super) guessed: bool,
}

/// The lines of a text, with their numbers from 0 on. Line ends are LF, CR or both.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = ascii::line_end(bytes);
    bytes.split(move |b| *b == end).map(<[u8]>::trim_ascii)
}

/// The text of a remark; `None` for other lines.
pub(super) fn remark(line: &[u8]) -> Option<&[u8]> {
    let marks: [&[u8]; 5] = [b"//", b"#", b"%", b"!", b"'"];
    let rest = marks.iter().find_map(|mark| line.strip_prefix(*mark))?;
    let start = rest.iter().position(|b| !b"/#%! \t".contains(b));
    Some(&rest[start.unwrap_or(rest.len())..])
}

/// Lines from the start of the file, without empty ones, and their numbers.
fn head(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let numbered = lines(bytes).enumerate();
    numbered
        .filter(|(_, line)| !line.is_empty())
        .take(SAMPLE)
        .collect()
}

/// Lines from all over the file, without the first in each place, which may lack its start.
fn spread(bytes: &[u8]) -> Vec<&[u8]> {
    let step = (bytes.len() / SAMPLE).max(1);
    let line = |at: usize| lines(&bytes[at..(at + 4096).min(bytes.len())]).nth(1);
    let all = (1..SAMPLE).map(|i| (i * step).min(bytes.len()));
    all.filter_map(line).filter(|l| !l.is_empty()).collect()
}

/// The layout of a table of numbers; `None` if the text is none.
pub(super) fn layout(bytes: &[u8]) -> Option<Layout> {
    let head = head(bytes);
    let mut data: Vec<(usize, &[u8])> = head
        .iter()
        .filter(|(_, line)| remark(line).is_none())
        .copied()
        .collect();
    let is_count = |line: &[u8]| line.iter().all(u8::is_ascii_digit);
    let promised = data
        .first()
        .filter(|(_, line)| is_count(line))
        .and_then(|(_, line)| text(line).parse().ok());
    data.retain(|(_, line)| !is_count(line));
    let spelling = spelling(data.get(1).or(data.first()).map(|_| &data[..])?);
    let mut cells = Vec::new();
    let mut rows: Vec<Vec<&[u8]>> = Vec::new();
    let mut header = None;
    let mut rows_at_first = 0;
    for (place, (number, line)) in data.iter().enumerate() {
        spelling.split(line, &mut cells);
        let numbers = cells.iter().filter(|c| is_number(spelling, c)).count();
        let titles = || cells.iter().filter(|c| has_letter(c)).count();
        if numbers >= 3 && 2 * numbers >= cells.len() {
            rows.push(cells.clone());
            rows_at_first += usize::from(place < FIRST);
        } else if rows.is_empty() && header.is_none() && titles() >= 3 {
            let titles: Vec<String> = cells.iter().map(|c| text(c).into_owned()).collect();
            header = Some((*number, titles));
        }
    }
    let width = usual_width(&rows).filter(|width| (3..=MAX_COLUMNS).contains(width))?;
    let header = header.filter(|(_, titles)| (width..=width + 1).contains(&titles.len()));
    // otherwise it is prose with numbers in it
    if 2 * (rows_at_first + usize::from(header.is_some())) < data.len().min(FIRST) {
        return None;
    }
    for line in spread(bytes).into_iter().filter(|l| remark(l).is_none()) {
        spelling.split(line, &mut cells);
        rows.push(cells.clone());
    }
    rows.retain(|row| row.len() >= width);
    let of_remark = || {
        let remarks = head.iter().filter_map(|(_, line)| remark(line));
        remarks.rev().find_map(|line| titles(line, width))
    };
    let (header, titles) = match header {
        Some((number, titles)) => (Some(number), Some(titles)),
        None => (None, of_remark()),
    };
    Some(Layout {
        promised,
        header,
        ..with_columns(spelling, &rows, width, titles)
    })
}

/// `true` for a word that may be a name.
fn has_letter(cell: &[u8]) -> bool {
    cell.iter()
        .any(|b| b.is_ascii_alphabetic() || !b.is_ascii())
}

/// `true` for a value that is a number, and not only the absence of one.
fn is_number(spelling: Spelling, cell: &[u8]) -> bool {
    let has_digit = cell.iter().any(u8::is_ascii_digit);
    let is_nan = cell.eq_ignore_ascii_case(b"nan") || cell.eq_ignore_ascii_case(b"inf");
    (has_digit || is_nan) && spelling.number(cell).is_some()
}

/// The number of values that most rows have.
fn usual_width(rows: &[Vec<&[u8]>]) -> Option<usize> {
    let mut widths: Vec<usize> = rows.iter().map(Vec::len).collect();
    widths.sort_unstable();
    let most = widths
        .chunk_by(|a, b| a == b)
        .max_by_key(|same| same.len())?;
    most.first().copied()
}

/// The names that a remark gives to columns, if it has one for each, and coordinates among them.
fn titles(remark: &[u8], width: usize) -> Option<Vec<String>> {
    let remark = text(remark);
    let words = remark.split(|c: char| c.is_ascii_whitespace() || ",;".contains(c));
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_matches('"').to_owned())
        .take(MAX_COLUMNS + 1)
        .collect();
    let names =
        words.len() == width && (names::named(&words).is_some() || names::is_trajectory(&words));
    names.then_some(words)
}

/// What separates the values of most lines, and how decimals are written.
fn spelling(lines: &[(usize, &[u8])]) -> Spelling {
    let with = |separator, decimal_comma| Spelling {
        separator,
        decimal_comma,
    };
    let all = |is: &dyn Fn(&[u8]) -> bool| {
        let found = lines.iter().filter(|(_, line)| is(line)).count();
        10 * found >= 9 * lines.len()
    };
    // every value between two marks is one word
    let by_mark = |mark: u8| {
        all(&|line: &[u8]| {
            let cells = line.split(|b| *b == mark).map(unquoted);
            let mut count = 0;
            let words = cells
                .inspect(|_| count += 1)
                .filter(|cell| cell.first().is_some_and(u8::is_ascii_digit))
                .all(|cell| !cell.iter().any(u8::is_ascii_whitespace));
            words && count >= 3
        })
    };
    let is_decimal = |cell: &[u8]| {
        let digits = cell.strip_prefix(b"-").unwrap_or(cell);
        let commas = digits.iter().filter(|b| **b == b',').count();
        commas <= 1
            && !digits.contains(&b'.')
            && digits.first().is_some_and(u8::is_ascii_digit)
            && digits.last().is_some_and(u8::is_ascii_digit)
    };
    let has_comma = lines.iter().any(|(_, line)| line.contains(&b','));
    for mark in [b';', b'\t'] {
        if by_mark(mark) {
            let has_point = lines.iter().any(|(_, line)| line.contains(&b'.'));
            return with(Separator::Mark(mark), has_comma && !has_point);
        }
    }
    if !has_comma {
        return with(Separator::Blanks, false);
    }
    let decimals = |line: &[u8]| {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        words.clone().count() >= 3 && words.all(is_decimal)
    };
    if all(&decimals) {
        with(Separator::Blanks, true)
    } else if by_mark(b',') {
        with(Separator::Mark(b','), false)
    } else {
        with(Separator::BlanksAndCommas, false)
    }
}

/// The layout of rows of `width` values, named by a header or by their values.
fn with_columns(
    spelling: Spelling,
    rows: &[Vec<&[u8]>],
    width: usize,
    titles: Option<Vec<String>>,
) -> Layout {
    let values = |column: usize| rows.iter().map(move |row| row[column]);
    let is_numeric = |column: usize| {
        let numbers = values(column).filter(|c| spelling.number(c).is_some());
        let any = values(column).any(|cell| is_number(spelling, cell));
        any && 2 * numbers.count() > rows.len()
    };
    let numeric: Vec<bool> = (0..width).map(is_numeric).collect();
    let titles = titles.map(|mut titles| {
        titles.truncate(width);
        titles
    });
    let known = titles.as_deref().and_then(names::named);
    let guessed = known.is_none();
    let columns = match (known, titles) {
        (Some(known), _) => known,
        // names without coordinates: the error names them
        (None, Some(titles)) => {
            let other = |title: &String| Named {
                name: crate::scan::build::column_name(title),
                meaning: Meaning::Other,
            };
            titles.iter().map(other).collect()
        }
        (None, None) => guess(spelling, rows, &numeric),
    };
    let columns = columns.into_iter().zip(numeric);
    Layout {
        spelling,
        columns: columns.map(|(c, numeric)| numeric.then_some(c)).collect(),
        header: None,
        promised: None,
        guessed,
    }
}

/// Names columns by their values: the first three numbers are coordinates, and three columns behind
/// them may be normals or colors.
fn guess(spelling: Spelling, rows: &[Vec<&[u8]>], numeric: &[bool]) -> Vec<Named> {
    let width = numeric.len();
    let number = |cell: &&[u8]| spelling.number(cell).unwrap_or(f64::NAN);
    let rows: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| row[..width].iter().map(number).collect())
        .collect();
    let mut columns: Vec<Named> = (1..=width)
        .map(|number| Named {
            name: match width {
                4 => "intensity".to_owned(),
                _ => format!("column_{number}"),
            },
            meaning: Meaning::Other,
        })
        .collect();
    let mut left = (0..width).filter(|column| numeric[*column]);
    for (column, name) in left.by_ref().take(3).zip(["x", "y", "z"]) {
        columns[column] = Named {
            name: name.to_owned(),
            meaning: Meaning::Coordinate,
        };
    }
    let left: Vec<usize> = left.collect();
    let (mut at, mut taken) = (0, [false; 2]);
    while at < left.len() {
        let three = left.get(at..at + 3).and_then(|three| {
            let triple = || rows.iter().map(|row| [0, 1, 2].map(|k| row[three[k]]));
            // Where a value comes first, as the intensities of PTS files do, the colors are last.
            let later = !taken[1] && left.len() - at == 4 && {
                let last = &left[at + 1..];
                is_intensity(rows.iter().map(|row| row[left[at]]))
                    && are_colors(rows.iter().map(|row| [0, 1, 2].map(|k| row[last[k]])))
            };
            if !taken[0] && are_normals(triple()) {
                Some((["nx", "ny", "nz"], Meaning::Normal, 0))
            } else if !taken[1] && !later && are_colors(triple()) {
                Some((["red", "green", "blue"], Meaning::Color, 1))
            } else {
                None
            }
        });
        let Some((names, meaning, kind)) = three else {
            at += 1;
            continue;
        };
        for (column, name) in left[at..].iter().zip(names) {
            columns[*column] = Named {
                name: name.to_owned(),
                meaning,
            };
        }
        taken[kind] = true;
        at += 3;
    }
    columns
}

/// `true` if most rows are vectors of length 1, or 0 where the normal is not known.
fn are_normals(rows: impl Iterator<Item = [f64; 3]> + Clone) -> bool {
    let length = |v: [f64; 3]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let count = rows.clone().count();
    let units = rows
        .clone()
        .filter(|v| (length(*v) - 1.0).abs() < 0.02)
        .count();
    let zeros = rows.filter(|v| length(*v) == 0.0).count();
    2 * units > count && 10 * (units + zeros) >= 9 * count
}

/// `true` if all values that are numbers are whole numbers up to 255, or all are from 0 to 1.
fn are_colors(rows: impl Iterator<Item = [f64; 3]> + Clone) -> bool {
    let mut values = rows.flatten().filter(|v| !v.is_nan());
    let bytes = values
        .clone()
        .all(|v| (0.0..=255.0).contains(&v) && v.fract() == 0.0);
    bytes || values.all(|v| (0.0..=1.0).contains(&v))
}

/// `true` if a value cannot be a channel of colors in bytes.
fn is_intensity(mut values: impl Iterator<Item = f64>) -> bool {
    values.any(|v| !(0.0..=255.0).contains(&v) || v.fract() != 0.0)
}
