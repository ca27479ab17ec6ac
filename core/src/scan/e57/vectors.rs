//! The compressed vectors of E57 files: the values of the properties of points, as ASTM E2807 packs
//! them into pages, packets and bits.

use ::e57::{PointCloud, RecordDataType, RecordName};

use super::malformed;
use crate::scan::{ReadError, Scalar};

/// The bytes of a page with and without its checksum.
const PAGE: usize = 1024;
const PAGE_DATA: usize = PAGE - 4;

/// The bytes at the start of the section of a compressed vector.
const SECTION: usize = 32;

/// The file without its checksums, which were checked.
pub(super) struct Pages {
    data: Vec<u8>,
}

/// CRC-32C of a page, after Castagnoli et al., Optimization of Cyclic Redundancy-Check Codes (1993).
fn checksum(table: &[u32; 256], data: &[u8]) -> u32 {
    !data.iter().fold(!0, |sum, byte| {
        table[((sum ^ u32::from(*byte)) & 255) as usize] ^ (sum >> 8)
    })
}

impl Pages {
    /// # Errors
    /// [`ReadError::Damaged`] if the checksum of a page is wrong.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, ReadError> {
        let table: [u32; 256] = std::array::from_fn(|i| {
            (0..8).fold(i as u32, |v, _| {
                (v >> 1) ^ if v & 1 == 1 { 0x82f6_3b78 } else { 0 }
            })
        });
        let mut data = Vec::with_capacity(bytes.len());
        for (number, page) in bytes.chunks(PAGE).enumerate() {
            let (content, sum) = page.split_at(page.len().min(PAGE_DATA));
            // the standard stores numbers little-endian, but all programs write this one big-endian
            if sum != checksum(&table, content).to_be_bytes() {
                return Err(ReadError::Damaged {
                    format: "E57",
                    problem: format!(
                        "the checksum of page {number}, from byte {} on, is wrong",
                        number * PAGE
                    ),
                });
            }
            data.extend_from_slice(content);
        }
        Ok(Self { data })
    }

    /// The data from a place in the file on.
    fn from(&self, place: u64) -> Option<&[u8]> {
        let place = usize::try_from(place).ok()?;
        let before = place / PAGE;
        let within = place % PAGE;
        self.data.get(before * PAGE_DATA + within.min(PAGE_DATA)..)
    }
}

/// The number of bits of a value.
fn bits(data_type: &RecordDataType) -> u32 {
    match data_type {
        RecordDataType::Single { .. } => 32,
        RecordDataType::Double { .. } => 64,
        RecordDataType::Integer { min, max } | RecordDataType::ScaledInteger { min, max, .. } => {
            let range = max.wrapping_sub(*min) as u64;
            u64::BITS - range.leading_zeros()
        }
    }
}

/// `true` if the coordinates of a cloud have no bits: they cost no bytes, however many there are.
pub(super) fn is_one_place(cloud: &PointCloud, coordinates: &[RecordName; 3]) -> bool {
    let of = |name: &RecordName| cloud.prototype.iter().find(|record| record.name == *name);
    let size = |name: &RecordName| of(name).map_or(0, |record| bits(&record.data_type));
    cloud.records > 0 && coordinates.iter().all(|name| size(name) == 0)
}

/// The values of a cloud.
pub(super) struct Values<'a> {
    cloud: &'a PointCloud,
    /// `(properties)`: the pieces of the stream of each property.
    streams: Vec<Vec<&'a [u8]>>,
}

impl<'a> Values<'a> {
    /// Finds the streams of all properties, and checks that they have a value for every point.
    pub(super) fn new(pages: &'a Pages, cloud: &'a PointCloud) -> Result<Self, ReadError> {
        let beyond = |what: &str, place: u64| {
            malformed(format!(
                "its {what} would be at byte {place}, beyond its end"
            ))
        };
        let place = cloud.file_offset;
        let section = pages.from(place).filter(|data| data.len() >= SECTION);
        let section = section.ok_or_else(|| beyond("points", place))?;
        if section[0] != 1 {
            return Err(malformed(format!(
                "at byte {place}, where its points should be, is a section of kind {}",
                section[0]
            )));
        }
        let place = Scalar::U64.read_integer(&section[16..]).unwrap_or(0) as u64;
        let data = pages.from(place).ok_or_else(|| beyond("packets", place))?;
        let mut values = Self {
            cloud,
            streams: vec![Vec::new(); cloud.prototype.len()],
        };
        values.collect(data)?;
        Ok(values)
    }

    /// The number of bytes that the values of a property need.
    fn needed(&self, property: usize) -> u64 {
        let bits = u64::from(bits(&self.cloud.prototype[property].data_type));
        self.cloud.records.saturating_mul(bits).div_ceil(8)
    }

    fn collect(&mut self, mut data: &'a [u8]) -> Result<(), ReadError> {
        let properties = self.streams.len();
        let mut found = vec![0u64; properties];
        let is_complete = |values: &Self, found: &[u64]| {
            (0..properties).all(|property| found[property] >= values.needed(property))
        };
        while !is_complete(self, &found) {
            let ends = || {
                malformed(format!(
                    "its packets end before its {} points are complete",
                    self.cloud.records
                ))
            };
            let header = data.get(..6).ok_or_else(ends)?;
            let size = Scalar::U16.read(&header[2..]) as usize + 1;
            let packet = data.get(..size).ok_or_else(ends)?;
            match header[0] {
                // an index of packets, and one without meaning
                0 | 2 => {}
                1 => {
                    let streams = Scalar::U16.read(&header[4..]) as usize;
                    let sizes = packet.get(6..6 + 2 * properties);
                    let sizes = sizes.filter(|_| streams == properties).ok_or_else(|| {
                        malformed(format!(
                            "a packet has {streams} streams, its points have {properties} properties"
                        ))
                    })?;
                    let mut at = 6 + 2 * properties;
                    for (property, size) in sizes.chunks_exact(2).enumerate() {
                        let size = Scalar::U16.read(size) as usize;
                        let piece = packet.get(at..at + size).ok_or_else(|| {
                            malformed(format!(
                                "a packet of {} bytes has a stream of {size} from byte {at} on",
                                packet.len()
                            ))
                        })?;
                        self.streams[property].push(piece);
                        found[property] += size as u64;
                        at += size;
                    }
                }
                kind => return Err(malformed(format!("a packet has the unknown kind {kind}"))),
            }
            data = &data[size..];
        }
        Ok(())
    }

    /// The values of a property in the order of the points, as numbers.
    pub(super) fn of(&self, name: &RecordName) -> Result<impl Iterator<Item = f64>, ReadError> {
        let mut records = self.cloud.prototype.iter();
        let property = records
            .position(|record| record.name == *name)
            .ok_or_else(|| malformed("a property of its points is missing"))?;
        let data_type = &self.cloud.prototype[property].data_type;
        let size = bits(data_type);
        let mut bytes = self.streams[property].iter().copied().flatten();
        let (mut waiting, mut count) = (0u128, 0);
        let next = move |_| {
            while count < size {
                waiting |= u128::from(*bytes.next()?) << count;
                count += 8;
            }
            let value = (waiting & ((1u128 << size) - 1)) as u64;
            waiting >>= size;
            count -= size;
            Some(number(data_type, value))
        };
        Ok((0..self.cloud.records).map_while(next))
    }
}

/// The number that bits stand for.
fn number(data_type: &RecordDataType, bits: u64) -> f64 {
    // wrapping as the encoder does for ranges of all 64 bits
    let whole = |min: i64| min.wrapping_add(bits as i64) as f64;
    match data_type {
        RecordDataType::Single { .. } => f32::from_bits(bits as u32).into(),
        RecordDataType::Double { .. } => f64::from_bits(bits),
        RecordDataType::Integer { min, .. } => whole(*min),
        RecordDataType::ScaledInteger {
            min, scale, offset, ..
        } => whole(*min) * scale + offset,
    }
}
