//! Stub of the core side.

use super::{Decoding, Grouping, Network, SegmentError, segment_keeping_masks};
use crate::{
    instances::{KeptMasks, Segmentation},
    model::Observation,
    peer::{About, Message, Peer, PeerError},
    progress::{Monitor, Stage},
};

/// Stub.
pub fn encode_elsewhere(observation: &Observation, peer: &dyn Peer) -> bool {
    peer.send(Message {
        about: About::Encode,
        numbers: observation.positions.as_flattened().to_vec(),
        indices: vec![1, 2, 3],
    });
    true
}

/// Stub.
pub async fn segment_shared(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    decoding: &Decoding,
    peer: &dyn Peer,
    encoded: bool,
    monitor: &Monitor<'_>,
) -> Result<(Segmentation, KeptMasks), SegmentError> {
    let unexpected = |message: Message| PeerError::Unexpected {
        found: format!("{:?}", message.about),
        expected: "what the stub wants",
    };
    monitor.at(Stage::Backbone, 0.0)?;
    if encoded {
        let message = peer.receive().await?;
        if message.about != (About::Voxels { channels: 3 })
            || message.numbers != observation.positions.as_flattened()
            || message.indices != [1, 2, 3]
        {
            return Err(unexpected(message).into());
        }
    }
    peer.send(Message::of(About::Decode {
        superpoints: 1,
        first: 1,
    }));
    for _ in 0..3 {
        peer.send(Message::of(About::Attended));
        let message = peer.receive().await?;
        if message.about != About::Attended {
            return Err(unexpected(message).into());
        }
    }
    segment_keeping_masks(observation, grouping, network, decoding, monitor).await
}

/// Stub.
pub async fn assist(
    _: &Network,
    peer: &dyn Peer,
    request: Message,
    monitor: &Monitor<'_>,
) -> Result<(), SegmentError> {
    match request.about {
        About::Encode => {
            for i in 0..10 {
                monitor.at(Stage::Backbone, i as f32 / 10.0)?;
            }
            peer.send(Message {
                about: About::Voxels { channels: 3 },
                ..request
            });
        }
        _ => {
            for _ in 0..3 {
                peer.send(Message::of(About::Attended));
                let message = peer.receive().await?;
                assert!(message.about == About::Attended);
            }
        }
    }
    Ok(())
}
