//! The decoder: queries look at the superpoints their masks cover, at each other, and move their boxes, layer by layer
//! (spec/model.md section 8). Boxes are metric.
//!
//! The 2D cross-attention of the full network belongs between self-attention and feed-forward; without views there is nothing
//! to attend to, and the step is absent.

use burn::{
    module::Module,
    nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{
        Device, Tensor,
        activation::{gelu, relu, sigmoid},
    },
};

use super::{
    Boxes, Config, Prediction,
    attention::{CrossAttention, SelfAttention, Side},
    heads::Heads,
    mlp::Mlp,
    position::PositionEncoding,
};
use crate::ops::{SegmentMap, linear, segment_mean};

/// Size of every box before the first layer, metres.
const INITIAL_SIZE: f32 = 0.5;
/// Sizes nearer to zero than this count as this when they divide, metres.
const LEAST_SIZE: f32 = 0.02;

/// What all layers read of a scene; the encodings (superpoints, d_model) are computed once.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Keys and values.
    content: Tensor<2>,
    /// What masks compare queries with.
    mask_features: Tensor<2>,
    /// Of the superpoints' positions.
    encoding: Tensor<2>,
    position_encoding: PositionEncoding,
}

/// Queries on their way through the layers.
#[derive(Clone, Debug)]
pub struct State {
    /// (queries, d_model).
    queries: Tensor<2>,
    /// Detached: each layer learns its own step.
    pub boxes: Boxes,
    /// What the queries say at this point.
    pub prediction: Prediction,
}

/// Superpoint features to predictions.
#[derive(Module, Debug)]
pub struct Decoder {
    content: Linear,
    content_norm: LayerNorm,
    mask_features: Mlp,
    initial_queries: Mlp,
    /// Modulated encoding to the learned position of a query.
    point: Mlp,
    /// Query to the reference size that modulates its encoding.
    anchor: Mlp,
    layers: Vec<DecoderLayer>,
    heads: Heads,
}

impl Decoder {
    /// For superpoint features of `channels`.
    pub fn new(config: &Config, channels: usize, device: &Device) -> Self {
        let d = config.d_model;
        Self {
            content: LinearConfig::new(channels, d).init(device),
            content_norm: LayerNormConfig::new(d).init(device),
            mask_features: Mlp::new(&[channels, d, d], device),
            initial_queries: Mlp::new(&[channels, d, d], device),
            point: Mlp::new(&[d, d, d], device),
            anchor: Mlp::new(&[d, d, 3], device),
            layers: (0..config.layers).map(|i| DecoderLayer::new(config, i == 0, device)).collect(),
            heads: Heads::new(d, device),
        }
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// The output heads.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// Before the first layer: `features` (superpoints, channels) and `centers` (superpoints, 3) metres of all superpoints, `queries`
    /// those among them that become queries.
    pub fn start(&self, features: Tensor<2>, centers: Tensor<2>, position_encoding: PositionEncoding, queries: &SegmentMap) -> (Memory, State) {
        let memory = Memory {
            content: relu(self.content_norm.forward(linear(&self.content, features.clone()))),
            mask_features: self.mask_features.forward(features.clone()),
            encoding: position_encoding.encode(centers.clone()),
            position_encoding,
        };
        let centers = segment_mean(centers, queries);
        let sizes = Tensor::full(centers.shape(), INITIAL_SIZE, &centers.device());
        let queries = self.initial_queries.forward(segment_mean(features, queries));
        let prediction = self.heads.forward(queries.clone(), &memory.mask_features, None);
        (memory, State { queries, boxes: Boxes { centers, sizes }, prediction })
    }

    /// One layer, `layer < self.layers()`.
    pub fn step(&self, layer: usize, memory: &Memory, state: State) -> State {
        let State { queries, boxes, prediction } = state;
        let (encoding, point) = self.place(memory, &queries, &boxes);
        let layer = &self.layers[layer];
        let queries = layer.look(memory, queries, &encoding, point, prediction.masks);
        let queries = layer.think(queries);
        let boxes = layer.move_boxes(&queries, boxes);
        let prediction = self.heads.forward(queries.clone(), &memory.mask_features, Some(boxes.clone()));
        State { queries, boxes: Boxes { centers: boxes.centers.detach(), sizes: boxes.sizes.detach() }, prediction }
    }

    /// Where the queries are, (queries, d_model) each: the encoding of their centres, modulated by the size they look for relative to
    /// the size of their boxes, and what is learned from it.
    fn place(&self, memory: &Memory, queries: &Tensor<2>, boxes: &Boxes) -> (Tensor<2>, Tensor<2>) {
        let modulation = sigmoid(self.anchor.forward(queries.clone())) / away_from_zero(boxes.sizes.clone());
        let encoding = memory.position_encoding.encode(boxes.centers.clone());
        let encoding = memory.position_encoding.modulate(encoding, modulation);
        let point = self.point.forward(encoding.clone());
        (encoding, point)
    }
}

/// `sizes` with every value nearer to zero than [`LEAST_SIZE`] replaced by it.
fn away_from_zero(sizes: Tensor<2>) -> Tensor<2> {
    let tiny = sizes.clone().abs().lower_elem(LEAST_SIZE);
    sizes.mask_fill(tiny, LEAST_SIZE)
}

#[derive(Module, Debug)]
struct DecoderLayer {
    cross_attention: CrossAttention,
    cross_norm: LayerNorm,
    self_attention: SelfAttention,
    self_norm: LayerNorm,
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
            expand: LinearConfig::new(d, config.ffn).init(device),
            contract: LinearConfig::new(config.ffn, d).init(device),
            feed_forward_norm: norm(),
            center: Mlp::zeroed(&[d, d, d, 3], device),
            size: Mlp::zeroed(&[d, d, d, 3], device),
        }
    }

    /// Attention to superpoints and to other queries; `encoding` and `point` (queries, d_model) say where the queries are.
    fn look(&self, memory: &Memory, queries: Tensor<2>, encoding: &Tensor<2>, point: Tensor<2>, masks: Tensor<2>) -> Tensor<2> {
        let query = Side { content: &queries, encoding };
        let key = Side { content: &memory.content, encoding: &memory.encoding };
        let seen = self.cross_attention.forward(query, key, point.clone(), masks);
        let queries = self.cross_norm.forward(queries + seen);

        let told = self.self_attention.forward(queries.clone(), point);
        self.self_norm.forward(queries + told)
    }

    /// The feed-forward step.
    fn think(&self, queries: Tensor<2>) -> Tensor<2> {
        let thought = linear(&self.contract, gelu(linear(&self.expand, queries.clone())));
        self.feed_forward_norm.forward(queries + thought)
    }

    fn move_boxes(&self, queries: &Tensor<2>, boxes: Boxes) -> Boxes {
        Boxes { centers: boxes.centers + self.center.forward(queries.clone()), sizes: boxes.sizes + self.size.forward(queries.clone()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::golden::{Golden, transposed, with_weights};

    /// The published key of a decoder parameter; `None` for heads of our own.
    fn decoder_key(name: &str) -> Option<String> {
        let rules = [
            ("content_norm.", "input_proj.1."),
            ("content.", "input_proj.0."),
            ("mask_features.layers.0.", "x_mask.0."),
            ("mask_features.layers.1.", "x_mask.2."),
            ("initial_queries.layers.0.", "query_proj.0."),
            ("initial_queries.layers.1.", "query_proj.2."),
            ("point.", "ref_point_head."),
            ("anchor.", "ref_anchor_head."),
            ("heads.norm.", "out_norm."),
            ("layers.0.cross_attention.first_query_position.", "ca_qpos_proj."),
        ];
        let layer_rules = [
            ("cross_attention.query_content.", "ca_qcontent_proj.#."),
            ("cross_attention.key_content.", "ca_kcontent_proj.#."),
            ("cross_attention.value.", "ca_v_proj.#."),
            ("cross_attention.query_position.", "ca_qpos_sine_proj.#."),
            ("cross_attention.key_position.", "ca_kpos_proj.#."),
            ("cross_attention.out.", "cross_attn_layers.#.out_proj."),
            ("cross_norm.", "norm1.#."),
            ("self_attention.query_content.", "sa_qcontent_proj.#."),
            ("self_attention.query_position.", "sa_qpos_proj.#."),
            ("self_attention.key_content.", "sa_kcontent_proj.#."),
            ("self_attention.key_position.", "sa_kpos_proj.#."),
            ("self_attention.value.", "sa_v_proj.#."),
            ("self_attention.out.", "self_attn_layers.#.out_proj."),
            ("self_norm.", "norm2.#."),
            ("expand.", "ffn_layers.#.net.0."),
            ("contract.", "ffn_layers.#.net.3."),
            ("feed_forward_norm.", "ffn_layers.#.norm."),
            ("center.", "bbox_embed.#."),
            ("size.", "bbox_size_embed.#."),
        ];
        let replace = |name: &str, from: &str, to: &str| name.strip_prefix(from).map(|rest| format!("decoder.{to}{rest}"));
        let key = rules.iter().find_map(|(from, to)| replace(name, from, to)).or_else(|| {
            let (layer, rest) = name.strip_prefix("layers.")?.split_once('.')?;
            layer_rules.iter().find_map(|(from, to)| replace(rest, from, &to.replace('#', layer)))
        })?;
        Some(key.replace(".gamma", ".weight").replace(".beta", ".bias"))
    }

    /// Every step of both layers; what the 2D cross-attention adds comes from the reference.
    #[test]
    fn steps_equal_the_reference() {
        let (Some(weights), Some(golden)) = (Golden::open("decoder_tiny_weights"), Golden::open("decoder_tiny_metric")) else { return };
        let device = Device::flex();
        let config = Config { d_model: 16, heads: 4, ffn: 32, layers: 2, ..Config::nano() };
        let decoder = with_weights(Decoder::new(&config, 12, &device), |name| {
            let key = decoder_key(name)?;
            let values = weights.values(&key);
            let is_matrix = key.ends_with("weight") && !key.contains("norm") && !key.contains("input_proj.1");
            Some(if is_matrix { transposed(values, weights.shape(&key)[0]) } else { values.to_vec() })
        });
        let corner = |name: &str| -> [f32; 3] { golden.values(name).try_into().unwrap() };
        let encoding = PositionEncoding::new(16, corner("input.scene_min"), corner("input.scene_max"), &device);
        let all = SegmentMap::selection(&(0..24).collect::<Vec<_>>(), 24).unwrap();
        let features = golden.tensor("input.superpoint_features");
        let (memory, State { mut queries, mut boxes, mut prediction }) =
            decoder.start(features, golden.tensor("input.superpoint_pos"), encoding, &all);
        golden.check("expected.inst_feats", &memory.content, 1e-5);
        golden.check("expected.mask_feats", &memory.mask_features, 1e-5);
        golden.check("expected.key_pe", &memory.encoding, 1e-5);
        golden.check("expected.query_init", &queries, 1e-5);
        for (i, layer) in decoder.layers.iter().enumerate() {
            let at = |step: &str| format!("expected.layer{i}.{step}");
            golden.check(&format!("expected.head{i}.mask"), &prediction.masks, 1e-4);
            let (encoding, point) = decoder.place(&memory, &queries, &boxes);
            golden.check(&at("query_pe"), &encoding, 2e-5);
            golden.check(&at("query_pos"), &point, 2e-5);
            queries = layer.look(&memory, queries, &encoding, point, prediction.masks);
            golden.check(&at("after_norm2"), &queries, 2e-5);
            queries = layer.think(golden.tensor(&at("after_daca")));
            golden.check(&at("after_ffn"), &queries, 2e-5);
            boxes = layer.move_boxes(&queries, boxes);
            golden.check(&format!("expected.head{}.center", i + 1), &boxes.centers, 2e-5);
            golden.check(&format!("expected.head{}.size", i + 1), &boxes.sizes, 2e-5);
            prediction = decoder.heads.forward(queries.clone(), &memory.mask_features, None);
        }
        golden.check("expected.head2.mask", &prediction.masks, 1e-4);
    }
}
