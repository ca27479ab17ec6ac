//! The network's part of the job, split between two programs.
//!
//! One of them, which owns the scan, asks for the features of the voxels
//! ([`encode_elsewhere`]) before it makes superpoints, and decodes with half of the queries
//! ([`segment_shared`]). The other has the same network and answers both requests ([`assist`]).

use burn::tensor::{Tensor, TensorData};

use super::{
    Decoding, Grouping, Network, SegmentError, Segmentation, scene_input, seen::Seen, separate,
};
use crate::{
    instances::KeptMasks,
    model::{Answers, Features, InferenceError, Observation, SuperpointInput, VoxelInput},
    peer::{About, Message, Peer, PeerError},
    progress::{Monitor, Stage},
    superpoint::Superpoints,
};

/// Asks the peer for the features of the voxels. Returns `false`, and asks nothing, of a scan with
/// features of images or with distorted positions.
pub fn encode_elsewhere(observation: &Observation, peer: &dyn Peer) -> bool {
    let plain = observation.image.is_none()
        && observation.distorted.is_none()
        && observation.objects.is_none();
    if plain {
        let colors = observation.colors.unwrap_or_default();
        peer.send(Message {
            about: About::Encode,
            numbers: observation.positions.as_flattened().to_vec(),
            indices: colors
                .iter()
                .map(|&[r, g, b]| u32::from_le_bytes([r, g, b, 0]))
                .collect(),
        });
    }
    plain
}

/// The same as [`segment_keeping_masks`](super::segment_keeping_masks), together with a peer that
/// [assists](assist). If it `encodes`, it was [asked](encode_elsewhere) for the features of the
/// voxels and still owes them. After an error of the peer, all can be done alone.
///
/// # Errors
/// See [`SegmentError`]; an error of the peer is [`InferenceError::Peer`].
pub async fn segment_shared(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    decoding: &Decoding,
    (peer, encodes): (&dyn Peer, bool),
    monitor: &Monitor<'_>,
) -> Result<(Segmentation, KeptMasks), SegmentError> {
    monitor.at(Stage::Backbone, 0.0)?;
    observation.check(&grouping.superpoints, &network.config)?;
    let encoded = match encodes {
        true => encoded(observation, grouping, network, peer).await?,
        false => None,
    };
    let answers = match encoded {
        Some((input, voxels)) => {
            let layout = input.to_device(&network.device);
            let queries = input.queries(network.config.max_queries);
            let model = &network.model;
            model
                .answer_together(voxels, input.segments(), &layout, queries, peer, monitor)
                .await?
        }
        None => alone(observation, grouping, network, peer, monitor).await?,
    };
    separate(observation, grouping, network, decoding, answers, monitor)
}

/// The features of the voxels that the peer has computed, `(voxels, channels)`, and what the decoder
/// needs besides; `None` if they depend on the superpoints.
async fn encoded(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    peer: &dyn Peer,
) -> Result<Option<(SuperpointInput, Features)>, SegmentError> {
    let input = SuperpointInput::new(observation, &grouping.superpoints, &network.config)?;
    let voxels = input.segments().rows();
    match peer.receive().await.map_err(InferenceError::Peer)? {
        Message {
            about: About::Voxels { channels },
            numbers,
            ..
        } if channels == network.config.backbone.output() && numbers.len() == voxels * channels => {
            let values = TensorData::new(numbers, [voxels, channels]);
            let tensor = Tensor::from_data(values, &network.device);
            Ok(Some((input, Features::of(tensor))))
        }
        Message {
            about: About::NeedsSuperpoints,
            ..
        } => Ok(None),
        other => {
            let error = other.instead_of("the features of the scan's voxels");
            Err(InferenceError::Peer(error).into())
        }
    }
}

/// Runs the backbone here, and the decoder together with the peer.
async fn alone(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    peer: &dyn Peer,
    monitor: &Monitor<'_>,
) -> Result<Answers, SegmentError> {
    let seen = Seen::new(observation, &grouping.superpoints);
    let scene = scene_input(observation, grouping, seen.as_ref(), network)?;
    let model = &network.model;
    let (queries, scene) = {
        let scene = scene.to_device(&network.device);
        (scene.queries(network.config.max_queries), scene)
    };
    let (voxels, segments, layout) = scene.into_parts();
    let voxels = model.encode_voxels(voxels, monitor).await?;
    let answers = model
        .answer_together(voxels, &segments, &layout, queries, peer, monitor)
        .await?;
    Ok(match &seen {
        Some(seen) => seen.about_all(answers),
        None => answers,
    })
}

/// Answers one request of a peer, about [`About::Encode`] or [`About::Decode`]. What cannot be done
/// is said to the peer as well. Of the decoder the peer reports the progress, which is the same
/// there.
///
/// # Errors
/// See [`SegmentError`].
pub async fn assist(
    network: &Network,
    peer: &dyn Peer,
    request: Message,
    monitor: &Monitor<'_>,
) -> Result<(), SegmentError> {
    let done = match request.about {
        About::Encode => encode(network, peer, request, monitor).await,
        _ => {
            monitor.check()?;
            let silent = Monitor::silent();
            let answered = network.model.answer_rest(request, peer, &silent);
            answered.await.map_err(SegmentError::from)
        }
    };
    if let Err(error) = &done {
        peer.send(Message::of(About::Failed {
            reason: error.to_string(),
        }));
    }
    done
}

async fn encode(
    network: &Network,
    peer: &dyn Peer,
    request: Message,
    monitor: &Monitor<'_>,
) -> Result<(), SegmentError> {
    let (positions, rest) = request.numbers.as_chunks::<3>();
    let colors: Vec<[u8; 3]> = request
        .indices
        .iter()
        .map(|color| {
            let [r, g, b, _] = color.to_le_bytes();
            [r, g, b]
        })
        .collect();
    if !rest.is_empty() || !(colors.is_empty() || colors.len() == positions.len()) {
        let error = PeerError::Unexpected {
            found: format!(
                "{} numbers and {} colors",
                request.numbers.len(),
                colors.len()
            ),
            expected: "three coordinates of every point, and its color or none",
        };
        return Err(InferenceError::Peer(error).into());
    }
    let observation = Observation {
        positions,
        colors: (!colors.is_empty()).then_some(&colors),
        ..Observation::default()
    };
    // Of points that the network sees only once or not at all, the superpoints say which.
    let undivided = Superpoints::from_ids(&vec![0; positions.len()]);
    observation.check(&undivided, &network.config)?;
    if Seen::new(&observation, &undivided).is_some() {
        peer.send(Message::of(About::NeedsSuperpoints));
        return Ok(());
    }
    let input = VoxelInput::new(&observation, &network.config)?;
    let voxels = network
        .model
        .encode_voxels(input.to_device(&network.device), monitor)
        .await?
        .into_tensor();
    let [_, channels] = voxels.dims();
    let numbers = voxels
        .into_data_async()
        .await
        .map_err(InferenceError::from)?
        .try_into_vec::<f32>()
        .map_err(InferenceError::from)?;
    peer.send(Message {
        numbers,
        ..Message::of(About::Voxels { channels })
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        collections::HashSet,
        sync::mpsc::{Receiver, Sender, channel},
        thread,
    };

    use super::*;
    use crate::{
        job::{
            group, segment_keeping_masks,
            tests::{network, room},
        },
        peer::Received,
        scan::Scan,
    };

    /// One end of two channels.
    struct End(Sender<Message>, Receiver<Message>);

    fn ends() -> [End; 2] {
        let ((to_b, from_a), (to_a, from_b)) = (channel(), channel());
        [End(to_b, from_b), End(to_a, from_a)]
    }

    impl Peer for End {
        fn send(&self, message: Message) {
            drop(self.0.send(message));
        }

        fn receive(&self) -> Received<'_> {
            let message = self.1.recv();
            Box::pin(async { message.map_err(|error| PeerError::Lost(error.to_string())) })
        }
    }

    /// A grouping into superpoints of 40 points each, by their order.
    fn grouping(observation: &Observation) -> Grouping {
        let ids: Vec<u32> = (0..observation.positions.len() as u32)
            .map(|point| point / 40)
            .collect();
        let given = Some(Superpoints::from_ids(&ids));
        group(observation, given, &Default::default(), &Monitor::silent()).unwrap()
    }

    /// Segments a scan alone and together with a thread that shares nothing with this one, and
    /// returns what the peer was asked and sent.
    fn compare(scan: &Scan) -> Vec<About> {
        let (network, monitor) = (network(), Monitor::silent());
        let (observation, decoding) = (Observation::from(scan), Decoding::default());
        let grouping = grouping(&observation);
        assert!(grouping.superpoints.count() > 100);
        let alone = segment_keeping_masks(&observation, &grouping, &network, &decoding, &monitor);
        let alone = pollster::block_on(alone).unwrap();
        let [mine, theirs] = ends();
        let (together, log) = thread::scope(|scope| {
            let network = &network;
            let other = scope.spawn(move || {
                let mut log = vec![];
                let peer = Logged(&theirs, Default::default());
                while let Ok(request) = pollster::block_on(theirs.receive()) {
                    log.push(request.about.clone());
                    pollster::block_on(assist(network, &peer, request, &Monitor::silent()))
                        .unwrap();
                }
                log.extend(peer.1.into_inner());
                log
            });
            assert!(encode_elsewhere(&observation, &mine));
            let together = segment_shared(
                &observation,
                &grouping,
                network,
                &decoding,
                (&mine, true),
                &monitor,
            );
            let together = pollster::block_on(together).unwrap();
            drop(mine);
            (together, other.join().unwrap())
        });
        assert_eq!(together.0.instances.len(), alone.0.instances.len());
        assert!(!alone.0.instances.is_empty());
        for (a, b) in together.0.instances.iter().zip(&alone.0.instances) {
            assert_eq!((a.points, &a.superpoints), (b.points, &b.superpoints));
            assert!((a.score - b.score).abs() < 1e-4, "{} {}", a.score, b.score);
        }
        log
    }

    /// An end that notes what is sent besides keys and values.
    struct Logged<'a>(&'a End, std::cell::RefCell<Vec<About>>);

    impl Peer for Logged<'_> {
        fn send(&self, message: Message) {
            if message.about != About::Attended {
                self.1.borrow_mut().push(message.about.clone());
            }
            self.0.send(message);
        }

        fn receive(&self) -> Received<'_> {
            self.0.receive()
        }
    }

    /// The room with every place once.
    fn places() -> Scan {
        let (room, mut seen) = (room(), HashSet::new());
        let colors = room.colors.clone().unwrap();
        let kept = room.positions.iter().zip(colors);
        let kept = kept.filter(|(p, _)| seen.insert(p.map(f32::to_bits)));
        let (positions, colors): (Vec<_>, Vec<_>) = kept.map(|(p, color)| (*p, color)).unzip();
        assert!(positions.len() < room.positions.len());
        Scan::from_points(&positions, Some(&colors)).unwrap()
    }

    #[test]
    fn two_programs_find_what_one_finds() {
        let log = compare(&places());
        assert!(
            matches!(
                log[..],
                [
                    About::Encode,
                    About::Decode { .. },
                    About::Voxels { .. },
                    About::Answers
                ]
            ),
            "{log:?}"
        );
    }

    #[test]
    fn repeated_points_are_encoded_where_the_superpoints_are() {
        let log = compare(&room());
        assert!(
            matches!(
                log[..],
                [
                    About::Encode,
                    About::Decode { .. },
                    About::NeedsSuperpoints,
                    About::Answers
                ]
            ),
            "{log:?}"
        );
    }

    #[test]
    fn what_is_lost_or_wrong_is_an_error_and_no_panic() {
        let (scan, network, monitor) = (places(), network(), Monitor::silent());
        let observation = Observation::from(&scan);
        let grouping = grouping(&observation);
        let segment = |peer: &End, encodes| {
            let decoding = Decoding::default();
            pollster::block_on(segment_shared(
                &observation,
                &grouping,
                &network,
                &decoding,
                (peer, encodes),
                &monitor,
            ))
        };
        let [mine, theirs] = ends();
        drop(theirs);
        for encodes in [true, false] {
            let error = segment(&mine, encodes).unwrap_err();
            assert!(
                matches!(
                    error,
                    SegmentError::Inference(InferenceError::Peer(PeerError::Lost(_)))
                ),
                "{error}"
            );
        }
        for wrong in [
            About::Voxels { channels: 7 },
            About::Attended,
            About::Failed {
                reason: "no".into(),
            },
        ] {
            let [mine, theirs] = ends();
            theirs.send(Message {
                numbers: vec![0.5; 35],
                ..Message::of(wrong)
            });
            let error = segment(&mine, true).unwrap_err();
            assert!(
                matches!(error, SegmentError::Inference(InferenceError::Peer(_))),
                "{error}"
            );
        }
        let numbers = |count| vec![0.5f32; count];
        for (about, numbers, indices) in [
            (About::Encode, numbers(7), vec![]),
            (About::Encode, numbers(6), vec![1]),
            (About::Encode, numbers(0), vec![]),
            (About::Encode, vec![f32::NAN; 3], vec![]),
            (About::Attended, numbers(6), vec![1]),
            (decode(2, 0), numbers(13), vec![0]),
            (decode(usize::MAX, 0), numbers(13), vec![0]),
            (decode(0, 0), numbers(6), vec![0]),
            (decode(1, 1), numbers(41), vec![0]),
            (decode(1, 0), numbers(41), vec![1]),
        ] {
            let [mine, theirs] = ends();
            let request = Message {
                about: about.clone(),
                numbers,
                indices,
            };
            let done = pollster::block_on(assist(&network, &mine, request, &monitor));
            assert!(done.is_err(), "{about:?}");
            let answer = pollster::block_on(theirs.receive()).unwrap();
            assert!(matches!(answer.about, About::Failed { .. }), "{about:?}");
        }
    }

    fn decode(superpoints: usize, first: usize) -> About {
        About::Decode { superpoints, first }
    }
}
