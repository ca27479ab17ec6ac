//! Attention of the decoder: masked cross-attention to the superpoints, self-attention among the queries, and masked attention to objects seen
//! in images (spec/model.md section 8, steps 4 to 6).

use burn::{
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};

use super::MAX_TENSOR_BYTES;
use crate::ops::{linear, masked_softmax, matmul};

/// Queries to superpoints. Each head compares half content and half position: both are projected on their own and concatenated.
#[derive(Module, Debug)]
pub struct CrossAttention {
    query_content: Linear,
    key_content: Linear,
    value: Linear,
    query_position: Linear,
    key_position: Linear,
    /// The first layer only: the queries' learned position, added to their content, as the keys' projected position is to theirs.
    first_query_position: Option<Linear>,
    out: Linear,
    heads: usize,
}

/// One side of a cross-attention: what it is and where it is, both (rows, d_model).
pub struct Side<'a> {
    /// Features.
    pub content: &'a Tensor<2>,
    /// Sine encoding; the queries' is modulated by their boxes.
    pub encoding: &'a Tensor<2>,
}

impl CrossAttention {
    /// Of `d_model` channels in `heads` heads; `first` as the first layer of the decoder.
    pub fn new(d_model: usize, heads: usize, first: bool, device: &Device) -> Self {
        let linear = || LinearConfig::new(d_model, d_model).init(device);
        Self {
            query_content: linear(),
            key_content: linear(),
            value: linear(),
            query_position: linear(),
            key_position: linear(),
            first_query_position: first.then(linear),
            out: linear(),
            heads,
        }
    }

    /// (queries, d_model). `query_point` (queries, d_model) is the learned position of the queries;
    /// `masks` (queries, superpoints) are logits: a query looks at the superpoints that its mask covers, at all where it covers none.
    pub fn forward(&self, query: Side, key: Side, query_point: Tensor<2>, masks: Tensor<2>) -> Tensor<2> {
        let mut query_content = linear(&self.query_content, query.content.clone());
        let mut key_content = linear(&self.key_content, key.content.clone());
        let key_position = linear(&self.key_position, key.encoding.clone());
        if let Some(first) = &self.first_query_position {
            query_content = query_content + linear(first, query_point);
            key_content = key_content + key_position.clone();
        }
        let query_position = linear(&self.query_position, query.encoding.clone());
        let heads = |x| split_heads(x, self.heads);
        let attended = attend(
            Tensor::cat(vec![heads(query_content), heads(query_position)], 2),
            Tensor::cat(vec![heads(key_content), heads(key_position)], 2),
            heads(linear(&self.value, key.content.clone())),
            Some(masks),
        );
        linear(&self.out, attended)
    }
}

/// Queries to queries; learned positions are added to queries and keys, not to values.
#[derive(Module, Debug)]
pub struct SelfAttention {
    query_content: Linear,
    query_position: Linear,
    key_content: Linear,
    key_position: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

impl SelfAttention {
    /// Of `d_model` channels in `heads` heads.
    pub fn new(d_model: usize, heads: usize, device: &Device) -> Self {
        let linear = || LinearConfig::new(d_model, d_model).init(device);
        Self {
            query_content: linear(),
            query_position: linear(),
            key_content: linear(),
            key_position: linear(),
            value: linear(),
            out: linear(),
            heads,
        }
    }

    /// `content` and `point` (queries, d_model) to (queries, d_model).
    pub fn forward(&self, content: Tensor<2>, point: Tensor<2>) -> Tensor<2> {
        let query = linear(&self.query_content, content.clone()) + linear(&self.query_position, point.clone());
        let key = linear(&self.key_content, content.clone()) + linear(&self.key_position, point);
        let heads = |x| split_heads(x, self.heads);
        let attended = attend(heads(query), heads(key), heads(linear(&self.value, content)), None);
        linear(&self.out, attended)
    }
}

/// Queries to objects seen in images; no positions take part.
#[derive(Module, Debug)]
pub struct ObjectAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

impl ObjectAttention {
    /// Of `d_model` channels in `heads` heads, to features of `channels`.
    pub fn new(d_model: usize, channels: usize, heads: usize, device: &Device) -> Self {
        let linear = |input| LinearConfig::new(input, d_model).init(device);
        Self { query: linear(d_model), key: linear(channels), value: linear(channels), out: linear(d_model), heads }
    }

    /// `queries` (queries, d_model) and `objects` (objects, channels) to (queries, d_model); `masks` (queries, objects) are logits, as those of
    /// [`CrossAttention`].
    pub fn forward(&self, queries: Tensor<2>, objects: Tensor<2>, masks: Tensor<2>) -> Tensor<2> {
        let heads = |layer: &Linear, x: &Tensor<2>| split_heads(linear(layer, x.clone()), self.heads);
        let attended = attend(heads(&self.query, &queries), heads(&self.key, &objects), heads(&self.value, &objects), Some(masks));
        linear(&self.out, attended)
    }
}

/// (rows, heads * width) to (heads, rows, width).
fn split_heads(x: Tensor<2>, heads: usize) -> Tensor<3> {
    let [rows, channels] = x.dims();
    x.reshape([rows, heads, channels / heads]).swap_dims(0, 1)
}

/// `softmax(q k^T / sqrt(width)) v`, heads side by side again.
///
/// `q` (heads, queries, width), `k` (heads, keys, width), `v` (heads, keys, value width), `masks` (queries, keys) to
/// (queries, heads * value width). Works on as many queries at a time as keep the scores within [`MAX_TENSOR_BYTES`].
fn attend(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, masks: Option<Tensor<2>>) -> Tensor<2> {
    let [heads, queries, width] = q.dims();
    let [_, keys, value_width] = v.dims();
    // Products on a GPU want whole vectors of four; here they cost a few rows, on the scores a copy of them all.
    let columns = keys.next_multiple_of(4);
    let filled = |x: Tensor<3>, width: usize| match columns - keys {
        0 => x,
        missing => Tensor::cat(vec![x.clone(), Tensor::zeros([heads, missing, width], &x.device())], 1),
    };
    let (k, v) = (filled(k, width).swap_dims(1, 2), filled(v, value_width));
    let q = q / (width as f32).sqrt();
    let rows_at_once = (MAX_TENSOR_BYTES / size_of::<f32>() / (heads * columns).max(1)).max(1);
    let chunk = |start: usize| {
        let rows = rows_at_once.min(queries - start);
        let scores = matmul(q.clone().narrow(1, start, rows), k.clone());
        let masks = masks.clone().map(|masks| masks.narrow(0, start, rows));
        matmul(masked_softmax(scores, masks, keys), v.clone()).swap_dims(0, 1).reshape([rows, heads * value_width])
    };
    let mut chunks: Vec<_> = (0..queries).step_by(rows_at_once).map(chunk).collect();
    match chunks.len() {
        1 => chunks.remove(0),
        _ => Tensor::cat(chunks, 0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
    }

    /// The definition, one number at a time.
    fn reference(q: &Tensor<3>, k: &Tensor<3>, v: &Tensor<3>, blocked: impl Fn(usize, usize) -> bool) -> Vec<f32> {
        let ([heads, queries, width], [_, keys, value_width]) = (q.dims(), v.dims());
        let [q, k, v] = [q, k, v].map(|t| t.to_data().as_slice::<f32>().unwrap().to_vec());
        let mut out = vec![0.0; queries * heads * value_width];
        for (h, i) in (0..heads).flat_map(|h| (0..queries).map(move |i| (h, i))) {
            let dot = |j: usize| -> f32 { (0..width).map(|c| q[(h * queries + i) * width + c] * k[(h * keys + j) * width + c]).sum() };
            let weights: Vec<f32> = (0..keys).map(|j| if blocked(i, j) { 0.0 } else { (dot(j) / (width as f32).sqrt()).exp() }).collect();
            for c in 0..value_width {
                let sum: f32 = (0..keys).map(|j| weights[j] * v[(h * keys + j) * value_width + c]).sum();
                out[(i * heads + h) * value_width + c] = sum / weights.iter().sum::<f32>();
            }
        }
        out
    }

    #[test]
    fn attention_is_a_blocked_softmax_average() {
        let (q, k, v) = (random([2, 5, 6]), random([2, 7, 6]), random([2, 7, 3]));
        let is_blocked = |i: usize, j: usize| (i + j).is_multiple_of(2);
        let masks: Vec<f32> = (0..35).map(|e| if is_blocked(e / 7, e % 7) { -1.0 } else { 0.0 }).collect();
        let masks = Tensor::<2>::from_data(burn::tensor::TensorData::new(masks, [5, 7]), &Device::flex());
        let expected = reference(&q, &k, &v, is_blocked);
        let found = attend(q, k, v, Some(masks));
        found.into_data().assert_approx_eq::<f32>(&burn::tensor::TensorData::new(expected, [5, 6]), Tolerance::absolute(1e-5));
    }

    /// More scores than one tensor may hold: the chunks must join without a seam.
    #[test]
    fn chunks_of_queries_join() {
        let keys = MAX_TENSOR_BYTES / size_of::<f32>() / 3;
        let (q, k, v) = (random([1, 7, 1]), random([1, keys, 1]), random([1, keys, 1]));
        let whole = attend(q.clone(), k.clone(), v.clone(), None);
        let parts = (0..7).map(|i| attend(q.clone().narrow(1, i, 1), k.clone(), v.clone(), None)).collect();
        whole.into_data().assert_approx_eq::<f32>(&Tensor::cat(parts, 0).into_data(), Tolerance::absolute(1e-5));
    }
}
