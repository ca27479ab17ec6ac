//! The reasons why something about an upload fails.

use segscape::bundle::BundleError;

use super::{KEPT_FOR, MOST_PER_ADDRESS};
use crate::store::StoreError;

/// The reason why something about an upload failed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is no such upload.
    #[error("there is no such upload; it was cancelled, or began more than {} hours ago", KEPT_FOR / 3_600)]
    Missing,
    /// The bundle is empty or too large.
    #[error("the scene has {bytes} bytes; this server takes from 1 to {limit}")]
    Size {
        /// Size of the bundle.
        bytes: u64,
        /// Maximum size.
        limit: u64,
    },
    /// The address has too many unfinished uploads.
    #[error("{MOST_PER_ADDRESS} uploads from this address are not finished, and no more are kept; finish or cancel one, or try again in {} minutes", wait.div_ceil(60))]
    TooMany {
        /// Time until the oldest of them is given up, seconds.
        wait: u64,
    },
    /// The server has too many bytes of unfinished uploads.
    #[error(
        "the unfinished uploads on this server may have {limit} bytes together, and this one of {bytes} bytes is too much; try again later"
    )]
    Full {
        /// Size of the bundle.
        bytes: u64,
        /// Maximum of all together.
        limit: u64,
    },
    /// The store has too many bytes.
    #[error(
        "this server keeps {limit} bytes, and this scene of {bytes} bytes is too much; scenes have to expire first"
    )]
    StoreFull {
        /// Size of the bundle.
        bytes: u64,
        /// Maximum of all together.
        limit: u64,
    },
    /// The number of a part is too large.
    #[error("there is no part {number}: the upload has {parts}, counted from 0")]
    NoSuchPart {
        /// The number.
        number: u64,
        /// Number of parts.
        parts: u64,
    },
    /// A part is too short or too long.
    #[error("part {number} has {found} bytes in place of {expected}")]
    Length {
        /// Number of the part.
        number: u64,
        /// What it must have.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// A part is not what its sender sent.
    #[error("part {number} arrived damaged: its SHA-256 is {found}, not {expected}")]
    Damaged {
        /// Number of the part.
        number: u64,
        /// What the sender says, in base64.
        expected: String,
        /// What arrived, in base64.
        found: String,
    },
    /// The upload cannot be completed so far.
    #[error("part {number} of {parts}, counted from 0, has not arrived")]
    Incomplete {
        /// Number of the first missing part.
        number: u64,
        /// Number of parts.
        parts: u64,
    },
    /// Another request is about to end the upload.
    #[error("the upload is being completed or cancelled; ask again in a moment")]
    Completing,
    /// What was sent is no bundle.
    #[error("{0}")]
    Malformed(#[from] BundleError),
    /// The store failed, or the link cannot be replaced.
    #[error(transparent)]
    Store(#[from] StoreError),
}
