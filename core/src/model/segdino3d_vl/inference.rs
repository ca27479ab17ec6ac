//! Inference: the network in steps that yield, cancel, and can be split between two programs.

use burn::tensor::{DataError, ExecutionError, Tensor, TensorData, Transaction};

use super::{Answers, ClassAnswers, SegDino3dVl, TextAnswers, selection, superpoint_means};
use crate::{
    model::{
        Class, Features, Layout, Prediction, Scene, VoxelScene,
        decoder::{Keys, State},
    },
    ops::SegmentMap,
    peer::{About, Message, Peer, PeerError},
    platform,
    progress::{Cancelled, Monitor, Stage},
};

/// Fewer queries than this are not split: their decoder takes about as long as the messages.
const FEWEST_SPLIT: usize = 64;

/// An error of inference.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The graphics device failed or ran out of memory.
    #[error("the device failed while the network ran: {0}")]
    Device(#[from] ExecutionError),
    /// The device returned something that is not a list of numbers.
    #[error("the device returned unreadable values: {0}")]
    Values(#[from] DataError),
    /// The program that shares the work does not do its part.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

/// What the other program does with the queries of a scene.
#[derive(Clone, Copy)]
struct Others<'a> {
    peer: &'a dyn Peer,
    /// Number of the queries that it answers for.
    queries: usize,
    /// If `true`, its queries come before those of this program.
    come_first: bool,
}

impl SegDino3dVl {
    /// Returns the outputs of the last layer for `queries`, with a single read-back at the end.
    /// Yields to the event loop and checks for cancellation between the levels of the backbone and
    /// between decoder layers.
    ///
    /// # Errors
    /// See [`InferenceError`].
    ///
    /// # Panics
    /// If a query is not a superpoint of the scene.
    pub async fn infer(
        &self,
        scene: Scene,
        queries: Vec<u32>,
        monitor: &Monitor<'_>,
    ) -> Result<Answers, InferenceError> {
        let selection = selection(&scene, &queries);
        let (voxels, segments, layout) = scene.into_parts();
        let voxels = self.encode_voxels(voxels, monitor).await?;
        monitor.at(Stage::Decoder, 0.0)?;
        let features = superpoint_means(voxels, &segments);
        // The decoder reads superpoints alone.
        drop(segments);
        self.answer_alone(features, &layout, (queries, &selection), monitor)
            .await
    }

    /// Runs the backbone: the features of the voxels, `(voxels, channels)`.
    ///
    /// # Errors
    /// See [`InferenceError`].
    pub async fn encode_voxels(
        &self,
        scene: VoxelScene,
        monitor: &Monitor<'_>,
    ) -> Result<Features, InferenceError> {
        let VoxelScene {
            features,
            image,
            pyramid,
            voxels,
        } = scene;
        let stages = self.backbone.stages();
        let mut pass = self
            .backbone
            .begin(self.inputs(features, image, voxels), &pyramid);
        for stage in 0..stages {
            pause(monitor, Stage::Backbone, stage, stages).await?;
            pass = self.backbone.stage(stage, pass, &pyramid);
        }
        let features = self.backbone.end(pass);
        // Of a large scan, the pairs of voxels are as large as what the decoder computes.
        drop(pyramid);
        pause(monitor, Stage::Backbone, stages, stages).await?;
        Ok(features)
    }

    /// Runs the decoder on the features of the voxels, together with a `peer` that runs
    /// [`answer_rest`](Self::answer_rest). `queries` are superpoints, ascending. After an error the
    /// peer is in the middle of something and of no more use.
    ///
    /// # Errors
    /// See [`InferenceError`].
    pub async fn answer_together(
        &self,
        voxels: Features,
        segments: &SegmentMap,
        layout: &Layout,
        mut queries: Vec<u32>,
        peer: &dyn Peer,
        monitor: &Monitor<'_>,
    ) -> Result<Answers, InferenceError> {
        monitor.at(Stage::Decoder, 0.0)?;
        let features = superpoint_means(voxels, segments);
        let [superpoints, _] = features.dims();
        let select = |queries: &[u32]| {
            SegmentMap::selection(queries, superpoints).map_err(|error| PeerError::Unexpected {
                found: error.to_string(),
                expected: "queries of the scene",
            })
        };
        if queries.len() < FEWEST_SPLIT || layout.objects.is_some() {
            let selection = select(&queries)?;
            return self
                .answer_alone(features, layout, (queries, &selection), monitor)
                .await;
        }
        let first = queries.len() - queries.len() / 2;
        let mut numbers = floats(features.clone()).await?;
        numbers.extend(floats(layout.centers.clone()).await?);
        numbers.extend(layout.range.as_flattened());
        peer.send(Message {
            about: About::Decode { superpoints, first },
            numbers,
            indices: queries.clone(),
        });
        let theirs = queries.split_off(first);
        let others = Others {
            peer,
            queries: theirs.len(),
            come_first: false,
        };
        let state = self
            .decode_part(features, layout, &select(&queries)?, Some(others), monitor)
            .await?;
        let mut answers = self.read(&state, queries, superpoints).await?;
        match peer.receive().await? {
            Message {
                about: About::Answers,
                numbers,
                ..
            } => answers.append(&theirs, &numbers)?,
            other => return Err(other.instead_of("answers").into()),
        }
        monitor.at(Stage::Decoder, 1.0)?;
        Ok(answers)
    }

    /// Answers a request about [`About::Decode`] of a `peer` that runs
    /// [`answer_together`](Self::answer_together).
    ///
    /// # Errors
    /// See [`InferenceError`].
    pub async fn answer_rest(
        &self,
        request: Message,
        peer: &dyn Peer,
        monitor: &Monitor<'_>,
    ) -> Result<(), InferenceError> {
        let refused = |found: String| PeerError::Unexpected {
            found,
            expected: "features of superpoints, and queries",
        };
        let About::Decode { superpoints, first } = request.about else {
            return Err(request.instead_of("queries to answer for").into());
        };
        let Message {
            mut numbers,
            indices,
            ..
        } = request;
        let (channels, device) = (self.decoder.channels(), self.decoder.device());
        let [of_features, of_centers] =
            [channels, 3].map(|columns| superpoints.checked_mul(columns));
        let expected = of_features.and_then(|n| n.checked_add(of_centers?)?.checked_add(6));
        let (Some(of_features), true, true) = (
            of_features,
            expected == Some(numbers.len()) && superpoints > 0,
            first < indices.len(),
        ) else {
            let (numbers, queries) = (numbers.len(), indices.len());
            return Err(refused(format!(
                "{numbers} numbers of {superpoints} superpoints, and {queries} queries of which {first} are not asked about"
            ))
            .into());
        };
        let range = numbers.split_off(numbers.len() - 6);
        let centers = numbers.split_off(of_features);
        let rows = |values, columns| {
            Tensor::<2>::from_data(TensorData::new(values, [superpoints, columns]), &device)
        };
        let centers = rows(centers, 3);
        let layout = Layout {
            undistorted: centers.clone(),
            centers,
            range: [
                [range[0], range[1], range[2]],
                [range[3], range[4], range[5]],
            ],
            objects: None,
        };
        let queries = indices[first..].to_vec();
        let selection = SegmentMap::selection(&queries, superpoints)
            .map_err(|error| refused(error.to_string()))?;
        let others = Others {
            peer,
            queries: first,
            come_first: true,
        };
        let features = rows(numbers, channels);
        let state = self
            .decode_part(features, &layout, &selection, Some(others), monitor)
            .await?;
        let answers = self.read(&state, queries, superpoints).await?;
        peer.send(Message {
            numbers: answers.into_numbers(),
            ..Message::of(About::Answers)
        });
        Ok(())
    }

    async fn answer_alone(
        &self,
        features: Tensor<2>,
        layout: &Layout,
        (queries, selection): (Vec<u32>, &SegmentMap),
        monitor: &Monitor<'_>,
    ) -> Result<Answers, InferenceError> {
        let [superpoints, _] = features.dims();
        let state = self
            .decode_part(features, layout, selection, None, monitor)
            .await?;
        let answers = self.read(&state, queries, superpoints).await?;
        monitor.at(Stage::Decoder, 1.0)?;
        Ok(answers)
    }

    /// Runs the layers of the decoder for some of the queries; `others` are all others of the scene.
    async fn decode_part(
        &self,
        features: Tensor<2>,
        layout: &Layout,
        selection: &SegmentMap,
        others: Option<Others<'_>>,
        monitor: &Monitor<'_>,
    ) -> Result<State, InferenceError> {
        let layers = self.decoder.layers();
        let (memory, mut state) = self.decoder.start(features, layout, selection);
        for layer in 0..layers {
            pause(monitor, Stage::Decoder, layer, layers + 1).await?;
            state = match &others {
                None => self.decoder.step(layer, &memory, state),
                Some(others) => {
                    let meeting = self.decoder.meet(layer, &memory, state);
                    let all = others.join(meeting.keys.clone()).await?;
                    self.decoder.part(layer, &memory, meeting, all)
                }
            };
        }
        pause(monitor, Stage::Decoder, layers, layers + 1).await?;
        Ok(state)
    }

    async fn read(
        &self,
        state: &State,
        queries: Vec<u32>,
        superpoints: usize,
    ) -> Result<Answers, InferenceError> {
        let semantics = self.decoder.semantics(state);
        let Prediction {
            class,
            masks,
            boxes,
        } = self.decoder.predict(state);
        let mut read = Transaction::default().register(masks);
        if let Some(boxes) = boxes {
            read = read.register(boxes.centers).register(boxes.sizes);
        }
        let width = match &class {
            Class::Text(class) => Some(class.embedding.dims()[1]),
            Class::Fixed(_) => None,
        };
        read = match class {
            Class::Text(class) => read
                .register(class.embedding)
                .register(class.no_object)
                .register(class.score)
                .register(Tensor::cat(class.affine.to_vec(), 0)),
            Class::Fixed(logits) => semantics
                .into_iter()
                .fold(read.register(logits), Transaction::register),
        };
        let mut read = read
            .execute_async()
            .await?
            .into_iter()
            .map(TensorData::try_into_vec::<f32>);
        let mut next = || read.next().unwrap_or(Ok(vec![]));
        let (masks, centers, sizes) = (next()?, next()?, next()?);
        let class = if let Some(width) = width {
            let (embeddings, no_object, scores) = (next()?, next()?, next()?);
            ClassAnswers::Text(TextAnswers {
                width,
                embeddings,
                no_object,
                scores,
                affine: next()?.try_into().unwrap_or_default(),
            })
        } else {
            ClassAnswers::Fixed {
                instances: next()?,
                semantics: next()?,
            }
        };
        Ok(Answers {
            queries,
            superpoints,
            masks,
            centers,
            sizes,
            class,
        })
    }
}

impl Others<'_> {
    /// Gives the others the keys of this program's queries, and returns those of all, in the order
    /// of the queries.
    async fn join(&self, mine: Keys) -> Result<Keys, InferenceError> {
        let [heads, _, width] = mine.keys.dims();
        let device = mine.keys.device();
        let mut numbers = floats(mine.keys.clone()).await?;
        numbers.extend(floats(mine.values.clone()).await?);
        self.peer.send(Message {
            numbers,
            ..Message::of(About::Attended)
        });
        let mut keys = match self.peer.receive().await? {
            Message {
                about: About::Attended,
                numbers,
                ..
            } if numbers.len() == 2 * heads * self.queries * width => numbers,
            other => return Err(other.instead_of("keys and values of a layer").into()),
        };
        let values = keys.split_off(keys.len() / 2);
        let rows = |values| {
            let shape = [heads, self.queries, width];
            Tensor::from_data(TensorData::new(values, shape), &device)
        };
        let theirs = Keys {
            keys: rows(keys),
            values: rows(values),
        };
        Ok(match self.come_first {
            true => theirs.append(mine),
            false => mine.append(theirs),
        })
    }
}

/// Lets the event loop run, reports progress, and checks for cancellation.
async fn pause(
    monitor: &Monitor<'_>,
    stage: Stage,
    done: usize,
    total: usize,
) -> Result<(), Cancelled> {
    platform::yield_now().await;
    monitor.at(stage, done as f32 / total as f32)
}

async fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, InferenceError> {
    Ok(tensor.into_data_async().await?.try_into_vec::<f32>()?)
}
