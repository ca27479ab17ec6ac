//! The outer layer of a bundle, all numbers little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | [`MAGIC`] |
//! | 8..12 | version: [`VERSION`] for scenes, [`OVERLAY_VERSION`] for labels without their points |
//! | 12..16 | number of sections n |
//! | 16..28 | points, superpoints, instances |
//! | 28..60 | BLAKE3 of everything else |
//! | 60..60+12n | per section: four letters, stored bytes, bytes once inflated |
//! | then | the sections, raw deflate, in the order of the table, nothing between and nothing after |

use miniz_oxide::{
    deflate::compress_to_vec,
    inflate::{
        TINFLStatus,
        core::{
            DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        },
    },
};

use super::{
    BundleError,
    bytes::Cursor,
    limits::{MAX_INSTANCES, check_count},
};
use crate::scan::MAX_POINTS;

/// The first bytes of every bundle.
pub const MAGIC: [u8; 8] = *b"SEGSCAPE";
/// The format version of scenes.
pub const VERSION: u32 = 1;
/// The format version of labels without their points, which older programs refuse.
pub const OVERLAY_VERSION: u32 = 2;

const CHECKSUM: std::ops::Range<usize> = 28..60;
const TABLE: usize = CHECKSUM.end;
const ENTRY: usize = 12;
/// Higher levels gain under a percent here: the planes are mostly noise.
const LEVEL: u8 = 6;

/// A section of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Meta,
    Superpoints,
    Positions,
    Colors,
    Instances,
    Embeddings,
    Scan,
    Points,
}

impl Section {
    /// The sections of a scene.
    pub const ALL: [Self; 6] = [
        Self::Meta,
        Self::Superpoints,
        Self::Positions,
        Self::Colors,
        Self::Instances,
        Self::Embeddings,
    ];
    /// The sections of labels without their points.
    pub const OVERLAY: [Self; 5] = [
        Self::Meta,
        Self::Scan,
        Self::Points,
        Self::Instances,
        Self::Embeddings,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Superpoints => "supr",
            Self::Positions => "posn",
            Self::Colors => "colr",
            Self::Instances => "inst",
            Self::Embeddings => "embd",
            Self::Scan => "scan",
            Self::Points => "pnts",
        }
    }
}

/// The information in the outer layer of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Size of the whole file in bytes.
    pub bytes: usize,
    /// Number of points.
    pub points: usize,
    /// Number of superpoints.
    pub superpoints: usize,
    /// Number of instances.
    pub instances: usize,
    /// If `true`, it has labels alone, and their points are in another file.
    pub is_overlay: bool,
}

/// A bundle that is being written.
pub(super) struct Container {
    version: u32,
    counts: [usize; 3],
    table: Vec<u8>,
    sections: Vec<u8>,
}

impl Container {
    pub fn new(points: usize, superpoints: usize, instances: usize) -> Self {
        Self {
            version: VERSION,
            counts: [points, superpoints, instances],
            table: Vec::new(),
            sections: Vec::new(),
        }
    }

    /// One of labels without their points.
    pub fn overlay(points: usize, superpoints: usize, instances: usize) -> Self {
        Self {
            version: OVERLAY_VERSION,
            ..Self::new(points, superpoints, instances)
        }
    }

    pub fn push(&mut self, section: Section, data: &[u8]) {
        let stored = compress_to_vec(data, LEVEL);
        self.table.extend(section.name().bytes());
        self.table.extend((stored.len() as u32).to_le_bytes());
        self.table.extend((data.len() as u32).to_le_bytes());
        self.sections.extend(stored);
    }

    pub fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TABLE + self.table.len() + self.sections.len());
        bytes.extend(MAGIC);
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(((self.table.len() / ENTRY) as u32).to_le_bytes());
        bytes.extend(
            self.counts
                .iter()
                .flat_map(|count| (*count as u32).to_le_bytes()),
        );
        bytes.extend([0; 32]);
        bytes.extend(self.table);
        bytes.extend(self.sections);
        let sum = checksum(&bytes);
        bytes[CHECKSUM].copy_from_slice(&sum);
        bytes
    }
}

fn checksum(bytes: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new()
        .update(&bytes[..CHECKSUM.start])
        .update(&bytes[CHECKSUM.end..])
        .finalize()
        .as_bytes()
}

/// A bundle whose outer layer is valid.
pub(super) struct Reader<'a> {
    pub inspection: Inspection,
    sections: Vec<Stored<'a>>,
}

struct Stored<'a> {
    section: Section,
    data: &'a [u8],
    inflated: usize,
}

impl<'a> Reader<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, BundleError> {
        if bytes.get(..MAGIC.len()) != Some(&MAGIC) {
            return Err(BundleError::NotABundle);
        }
        let mut header = Cursor(&bytes[MAGIC.len()..]);
        let short = BundleError::Length {
            expected: TABLE as u64,
            found: bytes.len() as u64,
        };
        let mut number = || header.u32().ok_or(short.clone());
        let version = number()?;
        let known: &[Section] = match version {
            VERSION => &Section::ALL,
            OVERLAY_VERSION => &Section::OVERLAY,
            found => return Err(BundleError::Version { found }),
        };
        let mut counted = |what, limit| {
            let found = number()? as usize;
            check_count(what, found, limit).map(|()| found)
        };
        let count = counted("sections", known.len())?;
        let points = counted("points", MAX_POINTS)?;
        let superpoints = counted("superpoints", points)?;
        let instances = counted("instances", MAX_INSTANCES)?;
        let table_end = TABLE + count * ENTRY;
        let table = bytes.get(TABLE..table_end).ok_or(BundleError::Length {
            expected: table_end as u64,
            found: bytes.len() as u64,
        })?;

        let entry = |entry: &[u8]| {
            let mut entry = Cursor(entry);
            Some((entry.array::<4>()?, entry.u32()?, entry.u32()?))
        };
        let entries: Vec<_> = table.chunks_exact(ENTRY).filter_map(entry).collect();
        let expected = table_end as u64
            + entries
                .iter()
                .map(|(_, stored, _)| u64::from(*stored))
                .sum::<u64>();
        if expected != bytes.len() as u64 {
            return Err(BundleError::Length {
                expected,
                found: bytes.len() as u64,
            });
        }
        if bytes[CHECKSUM] != checksum(bytes) {
            return Err(BundleError::Checksum);
        }
        let mut rest = Cursor(&bytes[table_end..]);
        let mut sections: Vec<Stored> = Vec::with_capacity(count);
        for (name, stored, inflated) in entries {
            let section = *known
                .iter()
                .find(|section| section.name().as_bytes() == name)
                .ok_or(BundleError::Malformed {
                    section: "table",
                    problem: format!("section `{}` is unknown", name.escape_ascii()),
                })?;
            if sections.iter().any(|known| known.section == section) {
                return Err(BundleError::malformed(section, "it occurs twice"));
            }
            let data = rest
                .take(stored as usize)
                .ok_or(BundleError::malformed(section, "it ends early"))?;
            sections.push(Stored {
                section,
                data,
                inflated: inflated as usize,
            });
        }
        Ok(Self {
            inspection: Inspection {
                bytes: bytes.len(),
                points,
                superpoints,
                instances,
                is_overlay: version == OVERLAY_VERSION,
            },
            sections,
        })
    }

    pub fn has(&self, section: Section) -> bool {
        self.sections.iter().any(|stored| stored.section == section)
    }

    /// Inflates a section that may have at most `limit` bytes.
    pub fn section(&self, section: Section, limit: usize) -> Result<Vec<u8>, BundleError> {
        let stored = self
            .sections
            .iter()
            .find(|stored| stored.section == section)
            .ok_or(BundleError::malformed(section, "it is missing"))?;
        if stored.inflated > limit {
            return Err(BundleError::malformed(
                section,
                format!(
                    "it has {} bytes, but at most {limit} are possible with the bundle's counts",
                    stored.inflated
                ),
            ));
        }
        inflate(stored.data, stored.inflated)
            .map_err(|problem| BundleError::malformed(section, problem))
    }
}

/// Inflates all of `data` to exactly `length` bytes. Allocates in proportion to what comes out of
/// it, whatever the length.
///
/// # Errors
/// What is wrong with the data.
fn inflate(data: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut state = Box::<DecompressorOxide>::default();
    let mut inflated = vec![0; length.min(2 * data.len())];
    let (mut read, mut written) = (0, 0);
    loop {
        let (status, more_read, more_written) = decompress(
            &mut state,
            &data[read..],
            &mut inflated,
            written,
            TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        );
        read += more_read;
        written += more_written;
        match status {
            TINFLStatus::Done if written != length => {
                return Err(format!(
                    "it inflates to {written} bytes instead of {length}"
                ));
            }
            TINFLStatus::Done if read != data.len() => {
                return Err(format!(
                    "it has {} bytes, of which {} come after its end",
                    data.len(),
                    data.len() - read
                ));
            }
            TINFLStatus::Done => return Ok(inflated),
            TINFLStatus::HasMoreOutput if inflated.len() < length => {
                let more = inflated.len().min(length - inflated.len());
                inflated.reserve_exact(more);
                inflated.resize(inflated.len() + more, 0);
            }
            status => {
                return Err(format!(
                    "it does not inflate to {length} bytes ({status:?})"
                ));
            }
        }
    }
}
