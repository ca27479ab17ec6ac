//! Attention layers of the decoder: masked cross-attention to the superpoints, self-attention among
//! the queries, and masked cross-attention to objects seen in images (docs/spec/model.md section 8,
//! steps 4 to 6).

use burn::{
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{Device, Tensor},
};

use crate::ops::{attention, linear};

/// Cross-attention from queries to superpoints. One half of each head's channels compares content,
/// the other half position: the two are projected separately and concatenated.
#[derive(Module, Debug)]
pub struct CrossAttention {
    query_content: Linear,
    key_content: Linear,
    value: Linear,
    query_position: Linear,
    key_position: Linear,
    /// First layer only: projection of the queries' learned position, which is added to their
    /// content, as the keys' projected position is added to theirs.
    first_query_position: Option<Linear>,
    out: Linear,
    heads: usize,
}

/// One side of a cross-attention: content and position encoding, both `(rows, d_model)`.
pub struct AttentionInput<'a> {
    /// Features.
    pub content: &'a Tensor<2>,
    /// Sine encoding of the position; that of the queries is modulated by their boxes.
    pub encoding: &'a Tensor<2>,
}

impl CrossAttention {
    /// Creates a layer of `d_model` channels in `heads` heads; `first` for the first layer of the
    /// decoder.
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

    /// Returns the attended features, `(queries, d_model)`. `query_point` `(queries, d_model)` is
    /// the learned position of the queries; `masks` `(queries, superpoints)` are logits: a query
    /// attends to the superpoints that its mask covers, or to all superpoints if its mask is empty.
    pub fn forward(
        &self,
        query: AttentionInput,
        key: AttentionInput,
        query_point: Tensor<2>,
        masks: Tensor<2>,
    ) -> Tensor<2> {
        let mut query_content = linear(&self.query_content, query.content.clone());
        let mut key_content = linear(&self.key_content, key.content.clone());
        let key_position = linear(&self.key_position, key.encoding.clone());
        if let Some(first) = &self.first_query_position {
            query_content = query_content + linear(first, query_point);
            key_content = key_content + key_position.clone();
        }
        let query_position = linear(&self.query_position, query.encoding.clone());
        let heads = |x| split_heads(x, self.heads);
        let attended = attention(
            Tensor::cat(vec![heads(query_content), heads(query_position)], 2),
            Tensor::cat(vec![heads(key_content), heads(key_position)], 2),
            heads(linear(&self.value, key.content.clone())),
            Some(masks),
        );
        linear(&self.out, attended)
    }
}

/// Self-attention among the queries; learned positions are added to queries and keys, not to
/// values.
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
    /// Creates a layer of `d_model` channels in `heads` heads.
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

    /// Keys and values of queries with `content` and `point`, both `(queries, d_model)`.
    pub fn keys(&self, content: Tensor<2>, point: Tensor<2>) -> Keys {
        let keys = linear(&self.key_content, content.clone()) + linear(&self.key_position, point);
        Keys {
            keys: split_heads(keys, self.heads),
            values: split_heads(linear(&self.value, content), self.heads),
        }
    }

    /// Lets queries with `content` and `point`, both `(queries, d_model)`, attend to all queries;
    /// the result is `(queries, d_model)`.
    pub fn forward(&self, content: Tensor<2>, point: Tensor<2>, all: Keys) -> Tensor<2> {
        let query = linear(&self.query_content, content) + linear(&self.query_position, point);
        let attended = attention(split_heads(query, self.heads), all.keys, all.values, None);
        linear(&self.out, attended)
    }
}

/// What is attended to: keys and values, `(heads, rows, width)` each.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Compared with the queries.
    pub keys: Tensor<3>,
    /// Averaged.
    pub values: Tensor<3>,
}

impl Keys {
    /// These rows, and then those of `others`.
    #[must_use]
    pub fn append(self, others: Self) -> Self {
        Self {
            keys: Tensor::cat(vec![self.keys, others.keys], 1),
            values: Tensor::cat(vec![self.values, others.values], 1),
        }
    }
}

/// Cross-attention from queries to objects seen in images, without position encodings.
#[derive(Module, Debug)]
pub struct ObjectAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

impl ObjectAttention {
    /// Creates a layer of `d_model` channels in `heads` heads that attends to features of
    /// `channels`.
    pub fn new(d_model: usize, channels: usize, heads: usize, device: &Device) -> Self {
        let linear = |input| LinearConfig::new(input, d_model).init(device);
        Self {
            query: linear(d_model),
            key: linear(channels),
            value: linear(channels),
            out: linear(d_model),
            heads,
        }
    }

    /// Maps `queries` `(queries, d_model)` and `objects` `(objects, channels)` to
    /// `(queries, d_model)`; `masks` `(queries, objects)` are logits as in [`CrossAttention`].
    pub fn forward(&self, queries: Tensor<2>, objects: Tensor<2>, masks: Tensor<2>) -> Tensor<2> {
        let heads =
            |layer: &Linear, x: &Tensor<2>| split_heads(linear(layer, x.clone()), self.heads);
        let attended = attention(
            heads(&self.query, &queries),
            heads(&self.key, &objects),
            heads(&self.value, &objects),
            Some(masks),
        );
        linear(&self.out, attended)
    }
}

/// Reshapes `(rows, heads * width)` to `(heads, rows, width)`.
fn split_heads(x: Tensor<2>, heads: usize) -> Tensor<3> {
    let [rows, channels] = x.dims();
    x.reshape([rows, heads, channels / heads]).swap_dims(0, 1)
}
