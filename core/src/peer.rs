//! Work that is split between two programs without shared memory, such as two workers of a page.
//! They run the same code and send each other messages (docs: ARCHITECTURE.md, "Decisions").

use std::{future::Future, pin::Pin};

use serde::{Deserialize, Serialize};

/// The program at the other end.
pub trait Peer {
    /// Sends a message and returns at once. Messages arrive in order; a peer that is lost gets none,
    /// which [`receive`](Self::receive) tells.
    fn send(&self, message: Message);

    /// Waits for the next message.
    fn receive(&self) -> Received<'_>;
}

/// The next message of a [`Peer`], once it has come.
pub type Received<'a> = Pin<Box<dyn Future<Output = Result<Message, PeerError>> + 'a>>;

/// Why the peer does not do its share. Whoever asked it can do all of the work alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// It has ended.
    #[error("the program that shares the work has ended: {0}")]
    Lost(String),
    /// It refused or failed.
    #[error("the program that shares the work could not do its part: {0}")]
    Failed(String),
    /// It sent something else than what was waited for.
    #[error("the program that shares the work sent {found} in place of {expected}")]
    Unexpected {
        /// What came.
        found: String,
        /// What was waited for.
        expected: &'static str,
    },
}

/// A message: what it is about, and its arrays, which can be handed over without being copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What the arrays are.
    pub about: About,
    /// Measures and features.
    pub numbers: Vec<f32>,
    /// Indices.
    pub indices: Vec<u32>,
}

/// What a [`Message`] is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum About {
    /// Asks for the features of the voxels of a scan: positions `(points, 3)` in metres and packed
    /// sRGB colors `(points)`, or none.
    Encode,
    /// The features of the voxels, `(voxels, channels)`.
    Voxels {
        /// Features of a voxel.
        channels: usize,
    },
    /// The features of the voxels depend on the superpoints, because points repeat or lie far from
    /// all others.
    NeedsSuperpoints,
    /// Asks for the answers of the last part of the queries: features `(superpoints, channels)`,
    /// then centers of superpoints `(superpoints, 3)` and their range `(2, 3)`, both in metres; and
    /// the superpoints of all queries `(queries)`, ascending.
    Decode {
        /// Number of superpoints.
        superpoints: usize,
        /// The first query that the receiver answers for.
        first: usize,
    },
    /// Keys, then values of the sender's queries in one layer's self-attention, each
    /// `(heads, queries, width)`.
    Attended,
    /// The answers of the sender's queries, see [`Answers`](crate::model::Answers): class outputs,
    /// masks, centers and sizes of boxes, one array after the other.
    Answers,
    /// What was asked for could not be done.
    Failed {
        /// The reason.
        reason: String,
    },
}

impl Message {
    /// A message without arrays.
    pub fn of(about: About) -> Self {
        Self {
            about,
            numbers: Vec::new(),
            indices: Vec::new(),
        }
    }

    /// The error of a message that is not the `expected` one.
    pub fn instead_of(self, expected: &'static str) -> PeerError {
        match self.about {
            About::Failed { reason } => PeerError::Failed(reason),
            about => PeerError::Unexpected {
                found: format!(
                    "{about:?} with {} numbers and {} indices",
                    self.numbers.len(),
                    self.indices.len()
                ),
                expected,
            },
        }
    }
}
