//! The fields of points beside their positions, by point format.

use crate::scan::{Scalar, build, table::text};

/// `(formats)`: the bytes of a point without extra bytes.
pub(super) const SIZES: [usize; 11] = [20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67];

/// The bytes of a description of extra bytes.
const DESCRIPTION: usize = 192;

/// The degrees in one unit of the scan angle of formats from 6 on.
const ANGLE: f64 = 0.006;

/// A field of every point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    /// The type of its column.
    pub(super) scalar: Scalar,
    at: usize,
    stored: Scalar,
    /// The bits of the stored number, and their distance from its end.
    bits: Option<(u64, u32)>,
    /// What a stored number is multiplied with, and what is added to that.
    scaled: Option<[f64; 2]>,
}

impl Field {
    fn new(name: &str, at: usize, stored: Scalar) -> Self {
        Self {
            name: name.to_owned(),
            scalar: stored,
            at,
            stored,
            bits: None,
            scaled: None,
        }
    }

    fn bits(name: &str, at: usize, mask: u64, shift: u32) -> Self {
        Self {
            bits: Some((mask, shift)),
            ..Self::new(name, at, Scalar::U8)
        }
    }

    fn scaled(self, scale: f64, offset: f64, scalar: Scalar) -> Self {
        Self {
            scalar,
            scaled: Some([scale, offset]),
            ..self
        }
    }

    /// The value in a point.
    pub(super) fn value(&self, record: &[u8]) -> f64 {
        let value = self.stored.read(&record[self.at..]);
        let value = match self.bits {
            Some((mask, shift)) => ((value as u64 >> shift) & mask) as f64,
            None => value,
        };
        self.scaled
            .map_or(value, |[scale, offset]| value * scale + offset)
    }

    /// `true` for a channel of the color that the format of points has: extra bytes of the same name
    /// may have any type.
    pub(super) fn is_color(&self) -> bool {
        self.stored == Scalar::U16
            && self.scaled.is_none()
            && ["red", "green", "blue"].contains(&self.name.as_str())
    }

    /// Appends the value in a point as its column has it.
    pub(super) fn push(&self, record: &[u8], row: &mut Vec<u8>) {
        if self.bits.is_none() && self.scaled.is_none() && self.scalar.size() <= self.stored.size()
        {
            // the first bytes of a little-endian number are the number if it fits
            row.extend(&record[self.at..self.at + self.scalar.size()]);
            return;
        }
        let value = self.value(record);
        match self.scalar {
            Scalar::U8 => row.push(value as u8),
            Scalar::F32 => row.extend((value as f32).to_le_bytes()),
            _ => row.extend(value.to_le_bytes()),
        }
    }
}

/// The fields of a format, and those of extra bytes; also the number of extra bytes that nothing
/// describes.
pub(super) fn of(format: u8, extra: usize, descriptions: &[u8]) -> (Vec<Field>, usize) {
    use Scalar::{F32, F64, I8, I16, U8, U16, U32, U64};
    let mut fields = vec![Field::new("intensity", 12, U16)];
    let mut at;
    if format < 6 {
        fields.extend([
            Field::bits("return_number", 14, 7, 0),
            Field::bits("number_of_returns", 14, 7, 3),
            Field::bits("scan_direction_flag", 14, 1, 6),
            Field::bits("edge_of_flight_line", 14, 1, 7),
            Field::bits("classification", 15, 31, 0),
            Field::bits("classification_flags", 15, 7, 5),
            Field::new("scan_angle", 16, I8).scaled(1.0, 0.0, F32),
            Field::new("user_data", 17, U8),
            Field::new("point_source_id", 18, U16),
        ]);
        at = 20;
    } else {
        fields.extend([
            Field::bits("return_number", 14, 15, 0),
            Field::bits("number_of_returns", 14, 15, 4),
            Field::bits("classification_flags", 15, 15, 0),
            Field::bits("scanner_channel", 15, 3, 4),
            Field::bits("scan_direction_flag", 15, 1, 6),
            Field::bits("edge_of_flight_line", 15, 1, 7),
            Field::new("classification", 16, U8),
            Field::new("user_data", 17, U8),
            Field::new("scan_angle", 18, I16).scaled(ANGLE, 0.0, F32),
            Field::new("point_source_id", 20, U16),
            Field::new("gps_time", 22, F64),
        ]);
        at = 30;
    }
    let mut add = |name: &str, stored: Scalar| {
        fields.push(Field::new(name, at, stored));
        at += stored.size();
    };
    if matches!(format, 1 | 3 | 4 | 5) {
        add("gps_time", F64);
    }
    if matches!(format, 2 | 3 | 5 | 7 | 8 | 10) {
        for name in ["red", "green", "blue"] {
            add(name, U16);
        }
    }
    if matches!(format, 8 | 10) {
        add("nir", U16);
    }
    if matches!(format, 4 | 5 | 9 | 10) {
        add("wave_packet", U8);
        add("wave_offset", U64);
        add("wave_size", U32);
        for name in ["wave_location", "wave_dx", "wave_dy", "wave_dz"] {
            add(name, F32);
        }
    }
    let described = described(&mut fields, at, extra, descriptions);
    (fields, extra - described)
}

/// Adds the extra bytes from `at` on that have a description; returns their number.
fn described(fields: &mut Vec<Field>, at: usize, extra: usize, descriptions: &[u8]) -> usize {
    let mut described = 0;
    let mut place = 0;
    for description in descriptions.chunks_exact(DESCRIPTION) {
        let options = description[3];
        let stored = match description[2] {
            1 => Scalar::U8,
            2 => Scalar::I8,
            3 => Scalar::U16,
            4 => Scalar::I16,
            5 => Scalar::U32,
            6 => Scalar::I32,
            7 => Scalar::U64,
            8 => Scalar::I64,
            9 => Scalar::F32,
            10 => Scalar::F64,
            0 => {
                // bytes without a type, as many as the options say
                place += usize::from(options);
                continue;
            }
            // The arrays of version 1.3 are deprecated.
            _ => break,
        };
        if place + stored.size() > extra {
            break;
        }
        let name = description[4..36].split(|b| *b == 0).next();
        let name = build::column_name(&text(name.unwrap_or_default()));
        let field = Field::new(&name, at + place, stored);
        let number = |at: usize| Scalar::F64.read(&description[at..]);
        let scale = if options & 8 != 0 { number(112) } else { 1.0 };
        let offset = if options & 16 != 0 { number(136) } else { 0.0 };
        fields.push(if options & 24 != 0 {
            field.scaled(scale, offset, Scalar::F64)
        } else {
            field
        });
        place += stored.size();
        described += stored.size();
    }
    described
}
