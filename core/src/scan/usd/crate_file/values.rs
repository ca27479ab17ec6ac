//! The values of crate files: a word of 64 bits says what a value is, and holds it or its place.

use std::{borrow::Cow, rc::Rc};

use half::f16;

use super::{CrateFile, malformed};
use crate::scan::{
    ReadError, Scalar,
    usd::{
        layer::{Arc, Budget, MAX_ITEMS, Numbers, Path, Selections},
        packed,
    },
};

/// The fewest numbers of an array that are compressed.
const FEWEST_PACKED: u64 = 16;

/// Kinds of values, by OpenUSD's `crateDataTypes.h`.
mod kind {
    pub(super) const BOOL: u8 = 1;
    pub(super) const STRING: u8 = 10;
    pub(super) const TOKEN: u8 = 11;
    pub(super) const ASSET_PATH: u8 = 12;
    pub(super) const PATH_LIST: u8 = 34;
    pub(super) const REFERENCE_LIST: u8 = 35;
    pub(super) const PATH_VECTOR: u8 = 40;
    pub(super) const TOKEN_VECTOR: u8 = 41;
    pub(super) const SPECIFIER: u8 = 42;
    pub(super) const SELECTIONS: u8 = 45;
    pub(super) const TIME_SAMPLES: u8 = 46;
    pub(super) const PAYLOAD: u8 = 47;
    pub(super) const STRING_VECTOR: u8 = 50;
    pub(super) const BLOCK: u8 = 51;
    pub(super) const PAYLOAD_LIST: u8 = 55;
}

/// What a value is, and the value or its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan::usd) struct Rep(pub(super) u64);

impl Rep {
    fn kind(self) -> u8 {
        (self.0 >> 48) as u8
    }

    fn is_array(self) -> bool {
        self.0 >> 63 & 1 == 1
    }

    fn is_inlined(self) -> bool {
        self.0 >> 62 & 1 == 1
    }

    fn is_compressed(self) -> bool {
        self.0 >> 61 & 1 == 1
    }

    fn payload(self) -> u64 {
        self.0 & ((1 << 48) - 1)
    }

    /// `true` for the value that says that there is none.
    pub(in crate::scan::usd) fn is_block(self) -> bool {
        self.kind() == kind::BLOCK
    }

    /// The truth of a value.
    pub(in crate::scan::usd) fn flag(self) -> Option<bool> {
        (self.kind() == kind::BOOL && self.is_inlined()).then(|| self.payload() & 1 == 1)
    }

    pub(super) fn specifier(self) -> Option<u64> {
        (self.kind() == kind::SPECIFIER && self.is_inlined()).then(|| self.payload())
    }

    /// The type and the number of the numbers of an item; 2 bytes for halves.
    fn numbers(self) -> Option<(Element, usize)> {
        use Scalar::{F32, F64, I32, I64, U8, U32, U64};
        let scalar = |scalar, width| Some((Element::Scalar(scalar), width));
        match self.kind() {
            1 | 2 => scalar(U8, 1),
            3 => scalar(I32, 1),
            4 => scalar(U32, 1),
            5 => scalar(I64, 1),
            6 => scalar(U64, 1),
            7 => Some((Element::Half, 1)),
            8 => scalar(F32, 1),
            9 | 56 => scalar(F64, 1),
            13 => scalar(F64, 4),
            14 => scalar(F64, 9),
            15 => scalar(F64, 16),
            16 => scalar(F64, 4),
            17 => scalar(F32, 4),
            18 => Some((Element::Half, 4)),
            vector @ 19..=30 => {
                let width = usize::from(vector - 19) / 4 + 2;
                match (vector - 19) % 4 {
                    0 => scalar(F64, width),
                    1 => scalar(F32, width),
                    2 => Some((Element::Half, width)),
                    _ => scalar(I32, width),
                }
            }
            _ => None,
        }
    }
}

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Scalar(Scalar),
    /// A float of 16 bits.
    Half,
}

impl Element {
    fn size(self) -> usize {
        match self {
            Self::Scalar(scalar) => scalar.size(),
            Self::Half => 2,
        }
    }
}

/// A place in a file from which values are read.
struct Place<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Place<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], ReadError> {
        let end = self.at.checked_add(count);
        let range = usize::try_from(self.at)
            .ok()
            .zip(end.and_then(|end| usize::try_from(end).ok()));
        let taken = range.and_then(|(start, end)| self.bytes.get(start..end));
        let taken = taken.ok_or_else(|| {
            malformed(format!(
                "a value needs {count} bytes from byte {} on, the file has {}",
                self.at,
                self.bytes.len()
            ))
        })?;
        self.at += count;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, ReadError> {
        Ok(Scalar::U32.read(self.take(4)?) as u32)
    }

    fn u64(&mut self) -> Result<u64, ReadError> {
        let bytes = self.take(8)?;
        Ok(packed::unsigned(bytes))
    }

    /// Goes to the place of a value within another, which is said as a distance.
    fn follow(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        let distance = self.u64()? as i64;
        let at = start.checked_add_signed(distance);
        self.at = at.ok_or_else(|| {
            malformed(format!(
                "a value at byte {start} is {distance} bytes from there"
            ))
        })?;
        Ok(())
    }

    /// The number of items of a list that composes prims.
    fn items(&mut self) -> Result<u64, ReadError> {
        let count = self.u64()?;
        if count > MAX_ITEMS as u64 {
            return Err(malformed(format!(
                "a list has {count} items, the limit is {MAX_ITEMS}"
            )));
        }
        Ok(count)
    }
}

impl<'a> CrateFile<'a> {
    fn place(&self, rep: Rep) -> Place<'a> {
        Place {
            bytes: self.bytes,
            at: rep.payload(),
        }
    }

    /// The numbers of a value; `None` if it is of another kind.
    pub(in crate::scan::usd) fn numbers(
        &self,
        rep: Rep,
        budget: &Budget,
    ) -> Result<Option<Numbers<'a>>, ReadError> {
        let Some((element, width)) = rep.numbers() else {
            return Ok(None);
        };
        if rep.is_inlined() {
            return Ok(inlined(rep, element, width));
        }
        let mut place = self.place(rep);
        let count = match (rep.is_array(), rep.payload()) {
            (false, _) => 1,
            (true, 0) => 0,
            (true, _) => {
                if self.version < [0, 5] {
                    // the number of dimensions, which is one
                    place.u32()?;
                }
                match self.version < [0, 7] {
                    true => u64::from(place.u32()?),
                    false => place.u64()?,
                }
            }
        };
        let data = if rep.is_compressed() && count >= FEWEST_PACKED {
            budget.take(count.saturating_mul(element.size().max(4) as u64))?;
            Cow::Owned(unpacked(&mut place, element, count as usize)?)
        } else {
            let size = (element.size() * width) as u64;
            Cow::Borrowed(place.take(count.saturating_mul(size))?)
        };
        let Element::Scalar(scalar) = element else {
            budget.take(2 * data.len() as u64)?;
            let single = |half: &[u8]| {
                f16::from_bits(Scalar::U16.read(half) as u16)
                    .to_f32()
                    .to_le_bytes()
            };
            return Ok(Some(Numbers {
                data: Cow::Owned(data.chunks_exact(2).flat_map(single).collect()),
                scalar: Scalar::F32,
                width,
            }));
        };
        Ok(Some(Numbers {
            data,
            scalar,
            width,
        }))
    }

    /// A token, a string or an asset path.
    pub(in crate::scan::usd) fn word(&self, rep: Rep) -> Option<Rc<str>> {
        let number = u32::try_from(rep.payload())
            .ok()
            .filter(|_| rep.is_inlined())?;
        match rep.kind() {
            kind::TOKEN | kind::ASSET_PATH => self.token(number).ok().cloned(),
            kind::STRING => self.string(number).ok().cloned(),
            _ => None,
        }
    }

    /// The items of a list of tokens or strings.
    pub(in crate::scan::usd) fn words(&self, rep: Rep) -> Result<Vec<Rc<str>>, ReadError> {
        let mut place = self.place(rep);
        let is_list = matches!(rep.kind(), kind::TOKEN_VECTOR | kind::STRING_VECTOR)
            || rep.is_array() && matches!(rep.kind(), kind::TOKEN | kind::STRING);
        if !is_list || rep.is_array() && rep.payload() == 0 {
            return Ok(Vec::new());
        }
        if rep.is_array() && self.version < [0, 5] {
            place.u32()?;
        }
        let count = match rep.is_array() && self.version < [0, 7] {
            true => u64::from(place.u32()?),
            false => place.u64()?,
        };
        if count > MAX_ITEMS as u64 {
            return Err(malformed(format!(
                "a list has {count} words, the limit is {MAX_ITEMS}"
            )));
        }
        let is_string = matches!(rep.kind(), kind::STRING | kind::STRING_VECTOR);
        let word = |_| {
            let number = place.u32()?;
            let word = if is_string {
                self.string(number)
            } else {
                self.token(number)
            };
            word.cloned()
        };
        (0..count).map(word).collect()
    }

    /// The first of a list of paths.
    pub(in crate::scan::usd) fn path_of(&self, rep: Rep) -> Result<Option<Path>, ReadError> {
        let mut place = self.place(rep);
        match rep.kind() {
            kind::PATH_VECTOR => {
                if place.u64()? == 0 {
                    return Ok(None);
                }
            }
            kind::PATH_LIST => {
                let header = place.take(1)?[0];
                // the first kinds of lists that there can be are those that matter, strongest first
                let mut lists = (0..LISTS.len()).filter(|list| header & LISTS[*list] != 0);
                loop {
                    if lists.next().is_none() {
                        return Ok(None);
                    }
                    if place.u64()? > 0 {
                        break;
                    }
                }
            }
            _ => return Ok(None),
        }
        self.path(place.u32()?)
    }

    /// The prims of references, payloads and inheritance.
    pub(in crate::scan::usd) fn arcs(&self, rep: Rep) -> Result<Vec<Arc>, ReadError> {
        let mut place = self.place(rep);
        if rep.kind() == kind::PAYLOAD {
            return Ok(vec![self.arc(&mut place, rep.kind())?]);
        }
        if !matches!(
            rep.kind(),
            kind::REFERENCE_LIST | kind::PAYLOAD_LIST | kind::PATH_LIST
        ) {
            return Ok(Vec::new());
        }
        let header = place.take(1)?[0];
        let mut arcs = Vec::new();
        for list in LISTS {
            let count = if header & list == 0 {
                0
            } else {
                place.items()?
            };
            for _ in 0..count {
                arcs.push(self.arc(&mut place, rep.kind())?);
            }
        }
        Ok(arcs)
    }

    /// An item of a list of `kind`.
    fn arc(&self, place: &mut Place, kind: u8) -> Result<Arc, ReadError> {
        /// The bytes of an offset and a scale of time.
        const LAYER_OFFSET: u64 = 16;
        let asset = match kind {
            kind::PATH_LIST => None,
            _ => Some(self.string(place.u32()?)?.clone()).filter(|asset| !asset.is_empty()),
        };
        let path = self.path(place.u32()?)?;
        let has_offset = match kind {
            kind::REFERENCE_LIST => true,
            kind::PATH_LIST => false,
            _ => self.version >= [0, 8],
        };
        if has_offset {
            place.take(LAYER_OFFSET)?;
        }
        if kind == kind::REFERENCE_LIST {
            // remarks, each a name and where its value is; what it is stands behind it
            for _ in 0..place.items()? {
                place.u32()?;
                place.follow()?;
                place.take(8)?;
            }
        }
        Ok(Arc {
            asset,
            path: path.filter(|path| !path.prims.is_empty()),
        })
    }

    /// The selected variants, by set.
    pub(in crate::scan::usd) fn selections(&self, rep: Rep) -> Result<Selections, ReadError> {
        if rep.kind() != kind::SELECTIONS {
            return Ok(Vec::new());
        }
        let mut place = self.place(rep);
        let count = place.items()?;
        let mut pair = |_| {
            let (set, name) = (place.u32()?, place.u32()?);
            Ok((self.string(set)?.clone(), self.string(name)?.clone()))
        };
        (0..count).map(&mut pair).collect()
    }

    /// The first of the values that change over time.
    pub(in crate::scan::usd) fn first_sample(&self, rep: Rep) -> Result<Option<Rep>, ReadError> {
        if rep.kind() != kind::TIME_SAMPLES {
            return Ok(None);
        }
        let mut place = self.place(rep);
        // the times
        place.follow()?;
        place.take(8)?;
        place.follow()?;
        match place.u64()? {
            0 => Ok(None),
            _ => Ok(Some(Rep(place.u64()?))),
        }
    }
}

/// The lists of an edit of a list that add items, in the order of the file: all items, and those to
/// add somewhere, before and after others.
const LISTS: [u8; 4] = [1 << 1, 1 << 2, 1 << 5, 1 << 6];

/// The numbers of a value that is its own place.
fn inlined(rep: Rep, element: Element, width: usize) -> Option<Numbers<'static>> {
    let bytes = rep.payload().to_le_bytes();
    let numbers = |data: Vec<u8>, scalar| Numbers {
        data: Cow::Owned(data),
        scalar,
        width,
    };
    if rep.is_array() {
        return None;
    }
    if matches!(rep.kind(), 13..=15) {
        // the diagonal of a matrix
        let side = width.isqrt();
        let mut data = Vec::with_capacity(8 * width);
        for number in 0..width {
            let (row, column) = (number / side, number % side);
            let value = match row == column {
                true => f64::from(bytes[row] as i8),
                false => 0.0,
            };
            data.extend(value.to_le_bytes());
        }
        return Some(numbers(data, Scalar::F64));
    }
    if width > 1 {
        return Some(numbers(bytes[..width].to_vec(), Scalar::I8));
    }
    Some(match element {
        Element::Half => {
            let value = f16::from_bits(u16::from_le_bytes([bytes[0], bytes[1]]));
            numbers(value.to_f32().to_le_bytes().to_vec(), Scalar::F32)
        }
        Element::Scalar(Scalar::U8) => numbers(bytes[..1].to_vec(), Scalar::U8),
        Element::Scalar(Scalar::F32 | Scalar::F64) => numbers(bytes[..4].to_vec(), Scalar::F32),
        Element::Scalar(Scalar::U32 | Scalar::U64) => numbers(bytes[..4].to_vec(), Scalar::U32),
        Element::Scalar(_) => numbers(bytes[..4].to_vec(), Scalar::I32),
    })
}

/// The bytes of an array of compressed numbers.
fn unpacked(place: &mut Place, element: Element, count: usize) -> Result<Vec<u8>, ReadError> {
    let wrong = |problem: String| malformed(format!("an array is damaged: {problem}"));
    let mut integers = |size| {
        let packed = place.u64()?;
        packed::integers(place.take(packed)?, count, size).map_err(wrong)
    };
    if let Element::Scalar(scalar) = element
        && scalar.is_integer()
    {
        return integers(scalar.size());
    }
    // floats are whole numbers, or numbers of entries of a table
    let size = element.size();
    let code = place.take(1)?[0];
    match code {
        b'i' => {
            let packed = place.u64()?;
            let whole = packed::integers(place.take(packed)?, count, 4).map_err(wrong)?;
            let mut data = Vec::with_capacity(count * size);
            for value in whole.chunks_exact(4).map(|bytes| Scalar::I32.read(bytes)) {
                match element {
                    Element::Half => data.extend(f16::from_f64(value).to_le_bytes()),
                    Element::Scalar(Scalar::F32) => data.extend((value as f32).to_le_bytes()),
                    Element::Scalar(_) => data.extend(value.to_le_bytes()),
                }
            }
            Ok(data)
        }
        b't' => {
            let entries = u64::from(place.u32()?);
            let table = place.take(entries * size as u64)?;
            let packed = place.u64()?;
            let numbers = packed::words(place.take(packed)?, count).map_err(wrong)?;
            let mut data = Vec::with_capacity(count * size);
            for number in numbers {
                let entry = table.chunks_exact(size).nth(number as usize);
                data.extend(entry.ok_or_else(|| {
                    wrong(format!("there is no entry {number}, there are {entries}"))
                })?);
            }
            Ok(data)
        }
        other => Err(wrong(format!("its floats are packed as {other}"))),
    }
}
