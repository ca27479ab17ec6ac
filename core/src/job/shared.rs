//! Stub of the core side.

use super::{Decoding, Grouping, Network, SegmentError, segment_keeping_masks};
use crate::{
    instances::{KeptMasks, Segmentation},
    model::Observation,
    peer::{Message, Peer},
    progress::Monitor,
};

/// Stub.
pub fn encode_elsewhere(_: &Observation, _: &dyn Peer) -> bool {
    false
}

/// Stub.
pub async fn segment_shared(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    decoding: &Decoding,
    _: &dyn Peer,
    _: bool,
    monitor: &Monitor<'_>,
) -> Result<(Segmentation, KeptMasks), SegmentError> {
    segment_keeping_masks(observation, grouping, network, decoding, monitor).await
}

/// Stub.
pub async fn assist(
    _: &Network,
    _: &dyn Peer,
    _: Message,
    _: &Monitor<'_>,
) -> Result<(), SegmentError> {
    Ok(())
}
