//! The header of a PCD file: fields, number of points, encoding, and how the sensor was turned.

use super::malformed;
use crate::scan::{ReadError, Remark, Scalar, UpAxis, ascii::line_end, table::text};

/// The maximum number of values per point.
const MAX_VALUES: usize = 4096;

/// The name of fields that hold nothing.
pub(super) const PADDING: &str = "_";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Ascii,
    Binary,
    Compressed,
}

impl Encoding {
    fn from_name(name: &str) -> Result<Self, ReadError> {
        match name.to_ascii_lowercase().as_str() {
            "ascii" => Ok(Self::Ascii),
            "binary" => Ok(Self::Binary),
            "binary_compressed" => Ok(Self::Compressed),
            _ => Err(malformed(format!(
                "DATA `{}` is unknown",
                name.chars().take(40).collect::<String>()
            ))),
        }
    }
}

/// The storage type of one value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Scalar(Scalar),
    I64,
    U64,
}

impl Value {
    fn new(kind: &str, size: usize) -> Option<Self> {
        Some(match (kind.to_ascii_uppercase().as_str(), size) {
            ("I", 1) => Self::Scalar(Scalar::I8),
            ("I", 2) => Self::Scalar(Scalar::I16),
            ("I", 4) => Self::Scalar(Scalar::I32),
            ("I", 8) => Self::I64,
            ("U", 1) => Self::Scalar(Scalar::U8),
            ("U", 2) => Self::Scalar(Scalar::U16),
            ("U", 4) => Self::Scalar(Scalar::U32),
            ("U", 8) => Self::U64,
            ("F", 4) => Self::Scalar(Scalar::F32),
            ("F", 8) => Self::Scalar(Scalar::F64),
            _ => return None,
        })
    }

    pub(super) const fn size(self) -> usize {
        match self {
            Self::Scalar(scalar) => scalar.size(),
            Self::I64 | Self::U64 => 8,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) count: usize,
}

impl Field {
    pub(super) fn size(&self) -> usize {
        self.value.size() * self.count
    }

    pub(super) fn is_padding(&self) -> bool {
        self.name == PADDING
    }

    /// The type that a value has in a message.
    pub(super) fn scalar(&self) -> Scalar {
        match self.value {
            Value::Scalar(scalar) => scalar,
            Value::I64 => Scalar::I64,
            Value::U64 => Scalar::U64,
        }
    }

    /// `true` if the field is four bytes (blue, green, red, alpha), whatever type the file gives
    /// them.
    pub(super) fn is_packed_color(&self) -> bool {
        let is_color = |name| self.name.eq_ignore_ascii_case(name);
        (is_color("rgb") || is_color("rgba")) && self.size() == 4 && self.count == 1
    }
}

pub(super) struct Header {
    pub(super) fields: Vec<Field>,
    pub(super) points: usize,
    pub(super) encoding: Encoding,
    pub(super) up: Option<UpAxis>,
    pub(super) comments: Vec<Remark>,
    pub(super) body_at: usize,
}

/// The entries of a header so far; empty or `None` without such a line.
#[derive(Default)]
struct Entries {
    names: Vec<String>,
    sizes: Vec<usize>,
    kinds: Vec<String>,
    counts: Vec<usize>,
    width: Option<usize>,
    height: Option<usize>,
    points: Option<usize>,
    up: Option<UpAxis>,
    comments: Vec<Remark>,
}

pub(super) fn header(bytes: &[u8]) -> Result<Header, ReadError> {
    let mut entries = Entries::default();
    let mut at = 0;
    let line_end = line_end(bytes);
    for line in bytes.split(|b| *b == line_end) {
        at += line.len() + 1;
        if let Some(remark) = line.trim_ascii_start().strip_prefix(b"#") {
            let remark = remark.strip_suffix(b"\r").unwrap_or(remark);
            let start = remark
                .iter()
                .position(|b| *b != b'#' && !b.is_ascii_whitespace());
            let remark = &remark[start.unwrap_or(remark.len())..];
            entries.comments.push(Remark::new("comment ", remark));
            continue;
        }
        let text = text(line);
        let text = text.trim_ascii();
        let Some((key, rest)) = text
            .split_once([' ', '\t'])
            .or((!text.is_empty()).then_some((text, "")))
        else {
            continue;
        };
        let key = key.to_ascii_uppercase();
        if key == "DATA" {
            let encoding = Encoding::from_name(rest.trim_ascii())?;
            return entries.into_header(encoding, at.min(bytes.len()));
        }
        entries.add(&key, rest.trim_ascii(), text)?;
    }
    Err(malformed("its header has no DATA line"))
}

impl Entries {
    /// Adds the line `text`, which consists of a key and the rest.
    fn add(&mut self, key: &str, rest: &str, text: &str) -> Result<(), ReadError> {
        let words = || rest.split_ascii_whitespace();
        let numbers = || -> Result<Vec<usize>, ReadError> {
            let number = |word: &str| {
                word.parse().map_err(|_| {
                    malformed(format!(
                        "{key} has the value `{}`",
                        &word.chars().take(40).collect::<String>()
                    ))
                })
            };
            words().map(number).collect()
        };
        match key {
            "VERSION" => {}
            "FIELDS" | "COLUMNS" => self.names = words().map(str::to_owned).collect(),
            "SIZE" => self.sizes = numbers()?,
            "TYPE" => self.kinds = words().map(str::to_owned).collect(),
            "COUNT" => self.counts = numbers()?,
            "WIDTH" => self.width = numbers()?.first().copied(),
            "HEIGHT" => self.height = numbers()?.first().copied(),
            "POINTS" => self.points = numbers()?.first().copied(),
            "VIEWPOINT" => {
                let numbers: Vec<f64> = words().filter_map(|word| word.parse().ok()).collect();
                if let [_, _, _, w, x, y, z] = numbers[..] {
                    self.up = upright(glam::DQuat::from_xyzw(x, y, z, w));
                }
                self.comments.push(format!("comment {text}").into());
            }
            _ => {
                return Err(malformed(format!(
                    "the header line `{}` is not understood",
                    text.chars().take(80).collect::<String>()
                )));
            }
        }
        Ok(())
    }

    fn into_header(mut self, encoding: Encoding, body_at: usize) -> Result<Header, ReadError> {
        if let (Some(width), Some(height)) = (self.width, self.height.filter(|h| *h > 1)) {
            let layout = format!("comment organised as WIDTH {width} HEIGHT {height}");
            self.comments.push(layout.into());
        }
        let area = self
            .width
            .map(|w| w.saturating_mul(self.height.unwrap_or(1)));
        if let (Some(points), Some(area)) =
            (self.points, area.filter(|area| Some(*area) != self.points))
        {
            return Err(malformed(format!(
                "POINTS is {points}, WIDTH x HEIGHT is {area}"
            )));
        }
        let points = self
            .points
            .or(area)
            .ok_or_else(|| malformed("its header has neither POINTS nor WIDTH"))?;
        Ok(Header {
            fields: fields(self.names, &self.sizes, &self.kinds, self.counts)?,
            points,
            encoding,
            up: self.up,
            comments: self.comments,
            body_at,
        })
    }
}

fn fields(
    names: Vec<String>,
    sizes: &[usize],
    kinds: &[String],
    mut counts: Vec<usize>,
) -> Result<Vec<Field>, ReadError> {
    if counts.is_empty() {
        counts = vec![1; names.len()];
    }
    if names.is_empty() || [sizes.len(), kinds.len(), counts.len()] != [names.len(); 3] {
        let found = format!(
            "FIELDS has {} entries, SIZE {}, TYPE {}, COUNT {}",
            names.len(),
            sizes.len(),
            kinds.len(),
            counts.len()
        );
        return Err(malformed(found));
    }
    if counts
        .iter()
        .fold(0, |sum: usize, count| sum.saturating_add(*count))
        > MAX_VALUES
    {
        return Err(malformed(format!(
            "a point has more than {MAX_VALUES} values"
        )));
    }
    let columns = names.into_iter().zip(sizes).zip(kinds).zip(counts);
    columns
        .map(|(((name, size), kind), count)| {
            let value = Value::new(kind, *size).ok_or_else(|| {
                malformed(format!(
                    "field `{name}` has the unknown type {kind} of {size} bytes"
                ))
            })?;
            Ok(Field { name, value, count })
        })
        .collect()
}

/// The axis of the file that points up if `turned` is the rotation of the sensor; `None` if it is
/// not turned, or if no axis is upright.
///
/// z is up in the world of most programs and y in that of PCL's viewer, for which the drivers of
/// depth cameras turn their clouds. A sensor that hangs upside down in a world where z is up and
/// one that is level where y is up have the same rotation, and the second is taken to be the case.
fn upright(turned: glam::DQuat) -> Option<UpAxis> {
    const CLEAR: f64 = 0.8;
    let turned = Some(turned).filter(|q| q.is_finite() && q.length_squared() > 0.0)?;
    let turned = turned.normalize();
    let of_world = |up: glam::DVec3| {
        let up = (turned.inverse() * up).to_array();
        UpAxis::ALL
            .into_iter()
            .find(|axis| axis.sign() * up[axis.index()] > CLEAR)
    };
    if turned.w.abs() > 0.9999 {
        return None;
    }
    match of_world(glam::DVec3::Z) {
        Some(UpAxis::MinusZ) => of_world(glam::DVec3::Y),
        up => up,
    }
}
