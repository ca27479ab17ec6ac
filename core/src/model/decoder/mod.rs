//! The decoder. In each layer, queries attend to the superpoints that their masks cover, to each
//! other and to objects seen in images, and refine their boxes (docs/spec/model.md section 8).

mod attention;
mod heads;
mod mlp;
mod position;

use burn::{
    module::Module,
    nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{
        Device, Tensor,
        activation::{relu, sigmoid},
    },
};

use super::{
    Config,
    config::{ObjectAttentionOrder, Objects, QueryStart, Sizes},
    scene::Layout,
};
use crate::ops::{SegmentMap, gelu, linear, matmul, segment_mean};
pub use attention::Keys;
use attention::{AttentionInput, CrossAttention, ObjectAttention, SelfAttention};
use heads::Heads;
pub use heads::{Boxes, Class, Prediction, TextClass};
use mlp::Mlp;
use position::PositionEncoding;

/// Size of every box before the first layer, metres.
const INITIAL_SIZE: f32 = 0.5;
/// Metric sizes closer to zero than this are replaced by it when they are divisors, metres.
const LEAST_SIZE: f32 = 0.02;
/// Lower bound of a size relative to the extent, `p`, and of `1 - p`.
const LEAST_SHARE: f32 = 1e-5;

/// The tensors of a scene that all layers read; encodings `(superpoints, d_model)` are computed
/// once.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Keys and values of the cross-attention.
    content: Tensor<2>,
    /// Features that are multiplied with the queries to give the masks.
    mask_features: Tensor<2>,
    /// Position encoding of the superpoints.
    encoding: Tensor<2>,
    position_encoding: PositionEncoding,
    /// Encoding of the places of the queries, `(queries, d_model)`, if they stay where they are.
    places: Option<Tensor<2>>,
    /// Extent of the scene in metres, `(1, 3)`.
    extent: Tensor<2>,
    objects: Option<SeenObjects>,
}

/// Objects seen in images, prepared for the attention of the layers.
#[derive(Clone, Debug)]
struct SeenObjects {
    /// Features of the objects, `(objects + 1, channels)`: the last row is all ones and can always
    /// be attended to.
    features: Tensor<2>,
    /// 1 where the object is within reach of the superpoint, `(superpoints, objects)`; `None`
    /// without objects.
    near: Option<Tensor<2>>,
}

/// The queries between two layers.
#[derive(Clone, Debug)]
pub struct State {
    /// Query features, `(queries, d_model)`.
    queries: Tensor<2>,
    /// Box centers in metres, `(queries, 3)`. Detached, like the sizes: each layer learns its own
    /// step.
    centers: Tensor<2>,
    /// Box sizes in the unit given by [`Sizes`], `(queries, 3)`.
    sizes: Tensor<2>,
    /// Normalized queries, which the heads read, `(queries, d_model)`.
    normed: Tensor<2>,
    /// Mask logits, `(queries, superpoints)`: the logit that a superpoint belongs to the query's
    /// object.
    masks: Tensor<2>,
    /// The boxes after this layer.
    boxes: Option<Boxes>,
}

/// Queries in the middle of a layer, before they attend to each other.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// Query features, `(queries, d_model)`.
    queries: Tensor<2>,
    /// Learned positions, `(queries, d_model)`.
    position: Tensor<2>,
    centers: Tensor<2>,
    sizes: Tensor<2>,
    masks: Tensor<2>,
    /// What other queries see of these.
    pub keys: Keys,
}

/// The decoder, from superpoint features to predictions.
#[derive(Module, Debug)]
pub struct Decoder {
    content: Linear,
    content_norm: LayerNorm,
    mask_features: Mlp,
    /// Maps the features of a superpoint to a query; `None` if queries begin with nothing.
    initial_queries: Option<Mlp>,
    /// Maps the modulated encoding to the learned position of a query.
    query_position: Mlp,
    /// Maps a query to the reference size that modulates its encoding; `None` if queries stay where
    /// they are.
    box_modulation: Option<Mlp>,
    layers: Vec<DecoderLayer>,
    heads: Heads,
    #[module(skip)]
    config: Config,
}

impl Decoder {
    /// Creates a decoder for superpoint features of `channels`. `config` must be
    /// [valid](Config::validate).
    pub fn new(config: &Config, channels: usize, device: &Device) -> Self {
        let d = config.d_model;
        let follows = config.queries == QueryStart::Superpoint;
        Self {
            content: LinearConfig::new(channels, d).init(device),
            content_norm: LayerNormConfig::new(d).init(device),
            mask_features: Mlp::new(&[channels, d, d], device),
            initial_queries: follows.then(|| Mlp::new(&[channels, d, d], device)),
            query_position: Mlp::new(&[d, d, d], device),
            box_modulation: follows.then(|| Mlp::new(&[d, d, 3], device)),
            layers: (0..config.layers)
                .map(|i| DecoderLayer::new(config, i == 0, device))
                .collect(),
            heads: Heads::new(d, config.classes, config.text.width, device),
            config: config.clone(),
        }
    }

    /// Number of values of a superpoint's features.
    pub fn channels(&self) -> usize {
        self.content.weight.dims()[0]
    }

    /// The device of the weights.
    pub fn device(&self) -> Device {
        self.content.weight.device()
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Prepares the first layer. `features` `(superpoints, channels)` are those of all superpoints;
    /// `queries` selects the superpoints that become queries.
    pub fn start(
        &self,
        features: Tensor<2>,
        layout: &Layout,
        queries: &SegmentMap,
    ) -> (Memory, State) {
        let device = features.device();
        let [min, max] = layout.range;
        let d = self.config.d_model;
        let position_encoding = PositionEncoding::new(d, min, max, &device);
        let centers = segment_mean(layout.centers.clone(), queries);
        let (encoding, places) = match self.config.queries {
            QueryStart::Superpoint => (position_encoding.encode(layout.centers.clone()), None),
            QueryStart::Place => {
                let fourier = PositionEncoding::fourier(d, min, max, &device);
                let places = fourier.encode(centers.clone());
                (fourier.encode(layout.centers.clone()), Some(places))
            }
        };
        let memory = Memory {
            content: relu(
                self.content_norm
                    .forward(linear(&self.content, features.clone())),
            ),
            mask_features: self.mask_features.forward(features.clone()),
            encoding,
            places,
            extent: position_encoding.extent(),
            position_encoding,
            objects: self
                .config
                .objects
                .as_ref()
                .map(|config| SeenObjects::new(config, layout)),
        };
        let sizes = Tensor::full(centers.shape(), INITIAL_SIZE, &device);
        let sizes = match self.config.sizes {
            Sizes::Metric => sizes,
            Sizes::Normalized => sizes / memory.extent.clone(),
        };
        let queries = match &self.initial_queries {
            Some(initial) => initial.forward(segment_mean(features, queries)),
            None => Tensor::zeros([centers.dims()[0], d], &device),
        };
        let normed = self.heads.normalize(queries.clone());
        let masks = self.heads.masks(normed.clone(), &memory.mask_features);
        (
            memory,
            State {
                queries,
                centers,
                sizes,
                normed,
                masks,
                boxes: None,
            },
        )
    }

    /// Runs one layer, `layer < self.layers()`.
    pub fn step(&self, layer: usize, memory: &Memory, state: State) -> State {
        let meeting = self.meet(layer, memory, state);
        let all = meeting.keys.clone();
        self.part(layer, memory, meeting, all)
    }

    /// Runs a layer up to the self-attention, where the queries of [`State`] meet all others;
    /// everything else is about each query alone, so that the queries of a scene can be split.
    pub fn meet(&self, layer: usize, memory: &Memory, state: State) -> Meeting {
        let (encoding, position) = self.query_positions(memory, &state);
        let layer = &self.layers[layer];
        let masks = state.masks.detach();
        let queries = layer.cross_attention(
            memory,
            state.queries,
            &encoding,
            position.clone(),
            masks.clone(),
        );
        let queries = match self.object_attention_order() {
            Some(ObjectAttentionOrder::BeforeSelfAttention) => {
                layer.object_attention(memory, queries, masks.clone())
            }
            _ => queries,
        };
        Meeting {
            keys: layer.self_attention.keys(queries.clone(), position.clone()),
            queries,
            position,
            centers: state.centers,
            sizes: state.sizes,
            masks,
        }
    }

    /// Runs the rest of a layer. `all` are the keys of all queries of the scene, in their order.
    pub fn part(&self, layer: usize, memory: &Memory, meeting: Meeting, all: Keys) -> State {
        let Meeting {
            queries,
            position,
            centers,
            sizes,
            masks,
            keys: _,
        } = meeting;
        let layer = &self.layers[layer];
        let queries = layer.self_attention(queries, position, all);
        let queries = match self.object_attention_order() {
            Some(ObjectAttentionOrder::AfterSelfAttention) => {
                layer.object_attention(memory, queries, masks)
            }
            _ => queries,
        };
        let queries = layer.feed_forward(queries);
        let (centers, sizes) = (
            centers + layer.center.forward(queries.clone()),
            self.resize(sizes, layer.size.forward(queries.clone())),
        );
        let boxes = Boxes {
            centers: centers.clone(),
            sizes: self.metric(memory, sizes.clone()),
        };
        let normed = self.heads.normalize(queries.clone());
        let masks = self.heads.masks(normed.clone(), &memory.mask_features);
        State {
            queries,
            centers: centers.detach(),
            sizes: sizes.detach(),
            normed,
            masks,
            boxes: Some(boxes),
        }
    }

    fn object_attention_order(&self) -> Option<ObjectAttentionOrder> {
        self.config.objects.as_ref().map(|objects| objects.order)
    }

    /// Predicts masks, classes and boxes from the current state.
    pub fn predict(&self, state: &State) -> Prediction {
        Prediction {
            class: self.heads.class(state.normed.clone()),
            masks: state.masks.clone(),
            boxes: state.boxes.clone(),
        }
    }

    /// Semantic logits of each query's own superpoint, `(queries, superpoint classes + 1)`; `None`
    /// unless the classes are fixed.
    pub fn semantics(&self, state: &State) -> Option<Tensor<2>> {
        self.heads.semantics(state.normed.clone())
    }

    /// Returns the positional inputs of the queries, `(queries, d_model)` each: the encoding of
    /// their centers and the learned position computed from it. With modulation, the encoding is
    /// scaled by the ratio of the query's reference size to the size of its box. Of queries that
    /// stay where they are, both are the learned position.
    fn query_positions(&self, memory: &Memory, state: &State) -> (Tensor<2>, Tensor<2>) {
        let State {
            queries,
            centers,
            sizes,
            ..
        } = state;
        if let Some(places) = &memory.places {
            let position = relu(self.query_position.forward(places.clone()));
            return (position.clone(), position);
        }
        let least = match self.config.sizes {
            Sizes::Metric => LEAST_SIZE,
            Sizes::Normalized => LEAST_SHARE,
        };
        let encoding = memory.position_encoding.encode(centers.clone());
        let encoding = match &self.box_modulation {
            Some(modulation) if self.config.modulation => {
                let ratios = sigmoid(modulation.forward(queries.clone()))
                    / away_from_zero(sizes.clone(), least);
                memory.position_encoding.modulate(encoding, ratios)
            }
            _ => encoding,
        };
        let position = self.query_position.forward(encoding.clone());
        (encoding, position)
    }

    fn resize(&self, sizes: Tensor<2>, step: Tensor<2>) -> Tensor<2> {
        match self.config.sizes {
            Sizes::Metric => sizes + step,
            Sizes::Normalized => {
                let share = sizes.clamp(0.0, 1.0);
                let logit = share.clone().clamp_min(LEAST_SHARE).log()
                    - (share * -1.0 + 1.0).clamp_min(LEAST_SHARE).log();
                sigmoid(logit + step)
            }
        }
    }

    fn metric(&self, memory: &Memory, sizes: Tensor<2>) -> Tensor<2> {
        match self.config.sizes {
            Sizes::Metric => sizes,
            Sizes::Normalized => sizes * memory.extent.clone(),
        }
    }
}

/// Replaces every size closer to zero than `least` by `least`.
fn away_from_zero(sizes: Tensor<2>, least: f32) -> Tensor<2> {
    let tiny = sizes.clone().abs().lower_elem(least);
    sizes.mask_fill(tiny, least)
}

impl SeenObjects {
    fn new(config: &Objects, layout: &Layout) -> Self {
        let nothing = Tensor::ones([1, config.channels], &layout.centers.device());
        let Some((features, positions)) = &layout.objects else {
            return Self {
                features: nothing,
                near: None,
            };
        };
        let along = |axis: usize| {
            let column = |x: &Tensor<2>| x.clone().narrow(1, axis, 1);
            (column(&layout.undistorted) - column(positions).transpose()).abs()
        };
        let near = (along(0) + along(1) + along(2))
            .lower_elem(config.reach)
            .float();
        Self {
            features: Tensor::cat(vec![features.clone(), nothing], 0),
            near: Some(near),
        }
    }

    /// Attention mask of the queries, `(queries, objects + 1)`: not negative where a query may
    /// attend, as [`masked_softmax`](crate::ops::masked_softmax) expects. A query may attend to
    /// objects near a superpoint that its mask covers, and to the last row of the features.
    fn masks(&self, masks: Tensor<2>) -> Tensor<2> {
        let [queries, _] = masks.dims();
        let always = Tensor::ones([queries, 1], &masks.device());
        let Some(near) = &self.near else {
            return always;
        };
        let covered = masks.greater_equal_elem(0.0).float();
        // An empty mask counts as covering everything, as in the attention to superpoints.
        let empty = covered.clone().max_dim(1) * -1.0 + 1.0;
        Tensor::cat(vec![matmul(covered + empty, near.clone()) - 0.5, always], 1)
    }
}

#[derive(Module, Debug)]
struct DecoderLayer {
    cross_attention: CrossAttention,
    cross_norm: LayerNorm,
    self_attention: SelfAttention,
    self_norm: LayerNorm,
    object_attention: Option<ObjectAttention>,
    object_norm: Option<LayerNorm>,
    expand: Linear,
    contract: Linear,
    feed_forward_norm: LayerNorm,
    center: Mlp,
    size: Mlp,
}

impl DecoderLayer {
    fn new(config: &Config, first: bool, device: &Device) -> Self {
        let d = config.d_model;
        let norm = || LayerNormConfig::new(d).init(device);
        Self {
            cross_attention: CrossAttention::new(d, config.heads, first, device),
            cross_norm: norm(),
            self_attention: SelfAttention::new(d, config.heads, device),
            self_norm: norm(),
            object_attention: config
                .objects
                .as_ref()
                .map(|objects| ObjectAttention::new(d, objects.channels, config.heads, device)),
            object_norm: config.objects.as_ref().map(|_| norm()),
            expand: LinearConfig::new(d, config.ffn).init(device),
            contract: LinearConfig::new(config.ffn, d).init(device),
            feed_forward_norm: norm(),
            center: Mlp::zeroed(&[d, d, d, 3], device),
            size: Mlp::zeroed(&[d, d, d, 3], device),
        }
    }

    /// Cross-attention to the superpoints; `encoding` and `position` `(queries, d_model)` are the
    /// position encoding and the learned position of the queries.
    fn cross_attention(
        &self,
        memory: &Memory,
        queries: Tensor<2>,
        encoding: &Tensor<2>,
        position: Tensor<2>,
        masks: Tensor<2>,
    ) -> Tensor<2> {
        let query = AttentionInput {
            content: &queries,
            encoding,
        };
        let key = AttentionInput {
            content: &memory.content,
            encoding: &memory.encoding,
        };
        let attended = self.cross_attention.forward(query, key, position, masks);
        self.cross_norm.forward(queries + attended)
    }

    /// Self-attention to the keys of all queries.
    fn self_attention(&self, queries: Tensor<2>, position: Tensor<2>, all: Keys) -> Tensor<2> {
        let attended = self.self_attention.forward(queries.clone(), position, all);
        self.self_norm.forward(queries + attended)
    }

    /// Cross-attention to objects seen in images.
    fn object_attention(&self, memory: &Memory, queries: Tensor<2>, masks: Tensor<2>) -> Tensor<2> {
        let (Some(attention), Some(norm), Some(objects)) =
            (&self.object_attention, &self.object_norm, &memory.objects)
        else {
            return queries;
        };
        let attended = attention.forward(
            queries.clone(),
            objects.features.clone(),
            objects.masks(masks),
        );
        norm.forward(queries + attended)
    }

    /// The feed-forward network.
    fn feed_forward(&self, queries: Tensor<2>) -> Tensor<2> {
        let update = linear(&self.contract, gelu(linear(&self.expand, queries.clone())));
        self.feed_forward_norm.forward(queries + update)
    }
}
