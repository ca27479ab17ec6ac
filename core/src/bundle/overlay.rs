//! Labels without their points: the superpoint of every point of a scan that is in another file, the
//! instances with their names, and what that file is.
//!
//! Superpoints are numbered in the order in which the points of the file first have them. A point has
//! the difference to the number of the point before as an unsigned LEB128 integer, small magnitudes of
//! either sign as small integers: neighbours in a file are mostly of one superpoint, and zeros deflate
//! to nearly nothing.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    BundleError, Inspection, Meta,
    bytes::{Cursor, push_varint},
    container::{Container, Reader, Section},
    limits::{check, check_shapes},
    push_instances, push_meta, read_instances, read_meta,
};
use crate::{instances::Segmentation, preflight::Choices, superpoint::Superpoints};

/// What an overlay has, in words.
pub(super) const LABELS: &str = "labels alone, whose scan is in another file";
/// What another bundle has, in words.
pub(super) const SCENE: &str = "a whole scene";

/// Maximum size in bytes of what is said of the scan's file as JSON.
const MAX_SCAN: usize = 16 << 10;
/// Maximum length of the URL of a scan, bytes.
const MAX_URL: usize = 2048;
/// Maximum size of a scan's file, bytes: far beyond any, and exact in JavaScript.
const MAX_BYTES: u64 = 1 << 50;
/// Maximum size in bytes of the superpoint of a point.
const MAX_POINT: usize = 5;

/// The labels of a scan that is in another file.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// The partition of the points, in the order in which the file has them.
    pub superpoints: Superpoints,
    /// The instances in descending order of score.
    pub segmentation: Segmentation,
    /// Names, view and origin. Its frame is that in which the scan has to be placed.
    pub meta: Meta,
    /// The file that has the points.
    pub scan: ScanFile,
}

impl Overlay {
    /// The up axis and the unit with which the scan is placed as its labels were found.
    pub fn choices(&self) -> Choices {
        Choices::of(&self.meta.frame)
    }
}

/// The file of a scan, by which it is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFile {
    /// The hash of its bytes.
    pub blake3: ContentHash,
    /// Number of its bytes.
    pub bytes: u64,
    /// Where everybody gets it, if there is such a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl ScanFile {
    /// Describes a file by its bytes and the URL that they came from, if they came from one.
    ///
    /// # Errors
    /// [`ScanFileError`] if nobody else can use the URL.
    pub fn of(bytes: &[u8], url: Option<String>) -> Result<Self, ScanFileError> {
        let file = Self {
            blake3: ContentHash::of(bytes),
            bytes: bytes.len() as u64,
            url,
        };
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), ScanFileError> {
        if self.bytes > MAX_BYTES {
            return Err(ScanFileError::TooLarge(self.bytes));
        }
        let Some(url) = &self.url else {
            return Ok(());
        };
        if url.len() > MAX_URL {
            return Err(ScanFileError::TooLong(url.len()));
        }
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        match ["https://", "http://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
        {
            Some(rest) if !rest.is_empty() && !url.contains(is_odd) => Ok(()),
            _ => Err(ScanFileError::NotAnAddress(url.chars().take(80).collect())),
        }
    }
}

/// The reason why a scan's file is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanFileError {
    /// The file is larger than any.
    #[error("the file of the scan has {0} bytes, the limit is {MAX_BYTES}")]
    TooLarge(u64),
    /// The URL is too long.
    #[error("the URL of the scan has {0} bytes, the limit is {MAX_URL}")]
    TooLong(usize),
    /// It is no URL that a browser fetches.
    #[error("the scan cannot be fetched from {0:?}, which is no https address")]
    NotAnAddress(String),
}

/// BLAKE3 of the bytes of a file, which `b3sum` computes as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Number of hexadecimal digits that tell files apart for people.
    const SHORT: usize = 12;

    /// Hashes bytes. O(bytes).
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Its first digits, for people.
    ///
    /// ```
    /// use segscape::bundle::ContentHash;
    ///
    /// let hash = ContentHash::of(b"abc");
    /// assert_eq!(hash.short(), "6437b3ac3846");
    /// assert_eq!(hash.to_string().parse(), Ok(hash));
    /// ```
    pub fn short(&self) -> String {
        let mut digits = self.to_string();
        digits.truncate(Self::SHORT);
        digits
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text is not the hash of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a BLAKE3 hash has 64 hexadecimal digits, not {found} characters such as {shown:?}")]
pub struct NotAHash {
    /// Number of characters.
    found: usize,
    /// The first characters.
    shown: String,
}

impl FromStr for ContentHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let wrong = || NotAHash {
            found: text.chars().count(),
            shown: text.chars().take(16).collect(),
        };
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() {
            return Err(wrong());
        }
        let digit = |digit: u8| (digit as char).to_digit(16).map(|digit| digit as u8);
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let (high, low) = (digit(digits[0]), digit(digits[1]));
            *byte = high
                .zip(low)
                .map(|(high, low)| high << 4 | low)
                .ok_or_else(wrong)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

/// Encodes labels without their points as bytes. O(points).
///
/// # Errors
/// [`BundleError`] if [`decode_overlay`] would refuse these bytes, because a limit is exceeded or the
/// instances have other points than their superpoints.
///
/// # Panics
/// If an instance has a superpoint that does not exist.
pub fn encode_overlay(overlay: &Overlay) -> Result<Vec<u8>, BundleError> {
    let Overlay {
        superpoints,
        segmentation,
        meta,
        scan,
    } = overlay;
    let ids = superpoints.superpoint_of_point();
    check(ids.len(), segmentation, meta)?;
    check_shapes(segmentation, &superpoints.sizes())?;
    scan.check().map_err(malformed_scan)?;
    let instances = segmentation.instances.len();
    let mut container = Container::overlay(ids.len(), superpoints.count(), instances);
    push_meta(&mut container, meta, segmentation);
    let json = serde_json::to_vec(scan).unwrap_or_default();
    container.push(Section::Scan, &json);
    container.push(Section::Points, &encode_points(ids));
    push_instances(&mut container, segmentation);
    Ok(container.finish())
}

/// Decodes labels without their points. What the instances say of the number of their points is that
/// of their superpoints, and their bounds are somewhere: where exactly, only the scan says.
///
/// # Errors
/// See [`BundleError`]. Never panics; allocates at most in proportion to the counts in the header,
/// which are limited.
pub fn decode_overlay(bytes: &[u8]) -> Result<Overlay, BundleError> {
    let reader = Reader::open(bytes)?;
    if !reader.inspection.is_overlay {
        return Err(BundleError::Kind {
            found: SCENE,
            expected: LABELS,
        });
    }
    let (meta, space) = read_meta(&reader)?;
    let scan = read_scan(&reader)?;
    let superpoints = Superpoints::from_ids(&read_points(&reader)?);
    let segmentation = read_instances(&reader, space)?;
    check_shapes(&segmentation, &superpoints.sizes())?;
    Ok(Overlay {
        superpoints,
        segmentation,
        meta,
        scan,
    })
}

/// Checks labels without their points, as [`decode_overlay`] does, and keeps nothing of them.
///
/// # Errors
/// Those of [`decode_overlay`].
pub(super) fn inspect(reader: &Reader) -> Result<(), BundleError> {
    let (_, space) = read_meta(reader)?;
    read_scan(reader)?;
    let ids = read_points(reader)?;
    // There are as many, now that all of them were read.
    let mut sizes = vec![0; reader.inspection.superpoints];
    for id in ids {
        sizes[id as usize] += 1;
    }
    check_shapes(&read_instances(reader, space)?, &sizes)
}

/// The file of the scan.
fn read_scan(reader: &Reader) -> Result<ScanFile, BundleError> {
    let json = reader.section(Section::Scan, MAX_SCAN)?;
    let scan: ScanFile = serde_json::from_slice(&json).map_err(malformed_scan)?;
    scan.check().map_err(malformed_scan)?;
    Ok(scan)
}

fn malformed_scan(error: impl fmt::Display) -> BundleError {
    BundleError::malformed(Section::Scan, error.to_string())
}

/// The superpoint of every point.
fn read_points(reader: &Reader) -> Result<Vec<u32>, BundleError> {
    let Inspection {
        points,
        superpoints,
        ..
    } = reader.inspection;
    let most = MAX_POINT.saturating_mul(points);
    decode_points(&reader.section(Section::Points, most)?, points, superpoints)
}

/// Encodes the superpoint of every point.
fn encode_points(superpoint_of_point: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(superpoint_of_point.len());
    let mut previous = 0;
    for &superpoint in superpoint_of_point {
        let difference = superpoint.wrapping_sub(previous) as i32;
        push_varint(&mut bytes, (difference << 1 ^ difference >> 31) as u32);
        previous = superpoint;
    }
    bytes
}

/// Decodes `points` superpoints, numbered in the order in which they first appear.
fn decode_points(bytes: &[u8], points: usize, superpoints: usize) -> Result<Vec<u32>, BundleError> {
    let malformed = |problem: String| BundleError::malformed(Section::Points, problem);
    // Every point has a byte.
    if bytes.len() < points {
        let found = bytes.len();
        return Err(malformed(format!(
            "{found} bytes do not hold {points} points"
        )));
    }
    let mut cursor = Cursor(bytes);
    let mut ids = Vec::with_capacity(points);
    let (mut previous, mut known) = (0_u32, 0_u32);
    for point in 0..points {
        let code = cursor
            .varint()
            .ok_or_else(|| malformed(format!("it ends early, at point {point} of {points}")))?;
        let difference = (code >> 1) as i32 ^ -((code & 1) as i32);
        let id = previous.wrapping_add(difference as u32);
        if id > known || id as usize >= superpoints {
            return Err(malformed(format!(
                "point {point} is in superpoint {id}, after {known} of {superpoints} superpoints"
            )));
        }
        known += u32::from(id == known);
        ids.push(id);
        previous = id;
    }
    if known as usize != superpoints {
        return Err(malformed(format!(
            "it has {known} superpoints instead of {superpoints}"
        )));
    }
    if !cursor.is_empty() {
        return Err(malformed("there are bytes after the last point".to_owned()));
    }
    Ok(ids)
}
