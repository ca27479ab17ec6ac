//! Mask losses on the CPU: cross-entropy and Dice loss of given pairs of masks, and the IoU of all
//! masks. Each takes one pass over the logits; the gradient recomputes the sums and takes one pass
//! more. One exponential and a dozen operations on 8 bytes per value.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, TensorMetadata as _,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        flex::FlexTensor,
        tensor::FloatTensor,
    },
    tensor::{Tensor, TensorData},
};
use pulp::{Simd, WithSimd};

use super::{
    attention::cpu::exp,
    products::{dispatch, values},
};
use crate::platform;

/// Mask losses and IoU as backend operations, on the CPU only. Trainers call [`mask_terms`] and
/// [`mask_ious`] instead.
#[backend_extension(Flex, Autodiff)]
pub trait MaskTerms: Backend {
    /// See [`mask_terms`].
    fn mask_terms(
        logits: FloatTensor<Self>,
        masks: FloatTensor<Self>,
        pairs: Arc<[(u32, u32)]>,
    ) -> FloatTensor<Self>;
    /// See [`mask_ious`].
    fn mask_ious(
        logits: FloatTensor<Self>,
        masks: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        own: Arc<[u32]>,
    ) -> FloatTensor<Self>;
}

/// Computes the mean binary cross-entropy and the mean Dice loss of pairs of masks; returns `(2)`.
///
/// The cross-entropy of a pair's row of logits with its mask is averaged over pairs and columns.
/// The Dice loss of a pair is `1 - (2 |a b| + 1) / (|a| + |b| + 1)`, where `a` is the sigmoid of
/// the logits and `b` is the mask. `logits` are `(queries, columns)`, `masks` are
/// `(objects, columns)` in 0..=1 and without a gradient; `pairs` are `(query, object)`, a row of
/// each. f32 only, on the CPU.
///
/// # Panics
/// If the columns differ, `pairs` is empty or names a row that does not exist, and on any other
/// device.
pub fn mask_terms(logits: Tensor<2>, masks: Tensor<2>, pairs: &[(u32, u32)]) -> Tensor<1> {
    let ([queries, columns], [objects, others]) = (logits.dims(), masks.dims());
    assert_eq!(columns, others, "columns of logits and masks");
    assert!(
        !pairs.is_empty()
            && pairs
                .iter()
                .all(|(query, object)| (*query as usize) < queries && (*object as usize) < objects),
        "pairs of rows"
    );
    Tensor::from_dispatch(<Dispatch as MaskTerms>::mask_terms(
        logits.into_dispatch(),
        masks.into_dispatch(),
        pairs.into(),
    ))
}

/// Computes the IoU of each query's mask, where its logits are above 0, with the mask of its object
/// in `own`, with weighted columns; returns `(queries, 1)`.
///
/// `logits` are `(queries, columns)`, `masks` are `(objects, columns)` of 0 and 1, `weights` are
/// `(1, columns)`. Without a gradient. f32 only, on the CPU.
///
/// # Panics
/// If the columns differ, `own` does not have one entry per query or names an object that does not
/// exist, and on any other device.
pub fn mask_ious(
    logits: Tensor<2>,
    masks: Tensor<2>,
    weights: Tensor<2>,
    own: &[u32],
) -> Tensor<2> {
    let ([queries, columns], [objects, others]) = (logits.dims(), masks.dims());
    assert_eq!(
        (columns, queries, weights.dims()),
        (others, own.len(), [1, columns]),
        "columns and queries of masks"
    );
    assert!(
        own.iter().all(|own| (*own as usize) < objects),
        "an object of every query"
    );
    let [logits, masks, weights] =
        [logits, masks, weights].map(|tensor| tensor.detach().into_dispatch());
    Tensor::from_dispatch(<Dispatch as MaskTerms>::mask_ious(
        logits,
        masks,
        weights,
        own.into(),
    ))
}

/// Sums over the columns of a pair.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    cross_entropy: f64,
    /// Sum of the products of sigmoid and mask.
    both: f64,
    /// Sum of sigmoid plus mask.
    area: f64,
}

impl Sums {
    /// Computes the sums of a pair from its rows.
    fn of(logits: &[f32], mask: &[f32]) -> Self {
        dispatch(AddUp { logits, mask })
    }

    fn dice(self) -> f64 {
        1.0 - (2.0 * self.both + 1.0) / (self.area + 1.0)
    }
}

/// Number of values processed side by side.
const LANES: usize = 16;
/// Groups of values whose factors, 2 at most each, are multiplied before their logarithm is taken.
const GROUPS: usize = 512;

struct AddUp<'a> {
    logits: &'a [f32],
    mask: &'a [f32],
}

impl WithSimd for AddUp<'_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Sums {
        let mut sums = Sums::default();
        for (logits, mask) in self
            .logits
            .chunks(GROUPS * LANES)
            .zip(self.mask.chunks(GROUPS * LANES))
        {
            // the logarithm of a product is the sum of the logarithms
            let mut factors = [1.0f64; LANES];
            let (mut linear, mut both, mut area) =
                ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
            for (logits, mask) in logits.chunks(LANES).zip(mask.chunks(LANES)) {
                for (i, (x, mask)) in logits.iter().zip(mask).enumerate() {
                    let (sigmoid, small) = sigmoid(*x);
                    factors[i] *= 1.0 + f64::from(small);
                    linear[i] += (if *x > 0.0 { *x } else { 0.0 }) - x * mask;
                    both[i] += sigmoid * mask;
                    area[i] += sigmoid + mask;
                }
            }
            let sum = |lanes: [f32; LANES]| lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
            sums.cross_entropy +=
                sum(linear) + factors.iter().map(|factor| factor.ln()).sum::<f64>();
            sums.both += sum(both);
            sums.area += sum(area);
        }
        sums
    }
}

/// Returns the sigmoid of a logit, and `exp(-|x|)`.
#[inline(always)]
fn sigmoid(x: f32) -> (f32, f32) {
    let small = exp(-x.abs());
    let share = 1.0 / (1.0 + small);
    (if x >= 0.0 { share } else { small * share }, small)
}

/// Adds the gradient of a pair's losses to the gradient of its logits.
struct AddSlope<'a> {
    logits: &'a [f32],
    mask: &'a [f32],
    /// Factor of the difference between sigmoid and mask.
    cross_entropy: f32,
    /// Derivative of the Dice loss with respect to a sigmoid where the mask is 0, and the change of
    /// this derivative where the mask is 1.
    dice: [f32; 2],
    slope: &'a mut [f32],
}

impl WithSimd for AddSlope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            logits,
            mask,
            cross_entropy,
            dice,
            slope,
        } = self;
        for ((slope, x), mask) in slope.iter_mut().zip(logits).zip(mask) {
            let (sigmoid, small) = sigmoid(*x);
            // sigmoid (1 - sigmoid), without cancellation
            let steepness = small / ((1.0 + small) * (1.0 + small));
            *slope += cross_entropy * (sigmoid - mask) + (dice[0] + dice[1] * mask) * steepness;
        }
    }
}

fn rows(values: &[f32], columns: usize, row: u32) -> &[f32] {
    &values[row as usize * columns..][..columns]
}

impl MaskTerms for Flex {
    fn mask_terms(
        logits: FloatTensor<Self>,
        masks: FloatTensor<Self>,
        pairs: Arc<[(u32, u32)]>,
    ) -> FloatTensor<Self> {
        let [_, columns] = logits.shape().dims();
        let sums = sums_of(&logits, &masks, &pairs);
        let mean = |term: fn(Sums) -> f64| {
            sums.iter().map(|sums| term(*sums)).sum::<f64>() / pairs.len() as f64
        };
        let terms = vec![
            (mean(|sums| sums.cross_entropy) / columns.max(1) as f64) as f32,
            mean(Sums::dice) as f32,
        ];
        FlexTensor::from_data(TensorData::new(terms, [2]))
    }

    fn mask_ious(
        logits: FloatTensor<Self>,
        masks: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        own: Arc<[u32]>,
    ) -> FloatTensor<Self> {
        let [queries, columns] = logits.shape().dims();
        let [logits, masks, weights] =
            [logits, masks, weights].map(|tensor| tensor.to_contiguous());
        let (logits, masks, weights) = (values(&logits), values(&masks), values(&weights));
        let mut ious = vec![0.0; queries];
        platform::for_each_chunk(&mut ious, 1, |query, iou| {
            let own = rows(masks, columns, own[query]);
            iou[0] = dispatch(Overlap {
                logits: rows(logits, columns, query as u32),
                own,
                weights,
            });
        });
        FlexTensor::from_data(TensorData::new(ious, [queries, 1]))
    }
}

/// IoU of the columns with logits above 0 and a mask.
struct Overlap<'a> {
    logits: &'a [f32],
    own: &'a [f32],
    weights: &'a [f32],
}

impl WithSimd for Overlap<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        let (mut inter, mut union) = ([0.0f32; LANES], [0.0f32; LANES]);
        for ((logits, own), weights) in self
            .logits
            .chunks(LANES)
            .zip(self.own.chunks(LANES))
            .zip(self.weights.chunks(LANES))
        {
            for (i, ((x, own), weight)) in logits.iter().zip(own).zip(weights).enumerate() {
                let inside = if *x > 0.0 { *weight } else { 0.0 };
                inter[i] += inside * own;
                union[i] += inside + own * weight - inside * own;
            }
        }
        inter.iter().sum::<f32>() / union.iter().sum::<f32>().max(1e-9)
    }
}

/// Computes the sums of every pair.
fn sums_of(logits: &FlexTensor, masks: &FlexTensor, pairs: &[(u32, u32)]) -> Vec<Sums> {
    let [_, columns] = logits.shape().dims();
    let (logits, masks) = (logits.to_contiguous(), masks.to_contiguous());
    let (logits, masks) = (values(&logits), values(&masks));
    let mut sums = vec![Sums::default(); pairs.len()];
    platform::for_each_chunk(&mut sums, 1, |pair, sums| {
        let (query, object) = pairs[pair];
        sums[0] = Sums::of(rows(logits, columns, query), rows(masks, columns, object));
    });
    sums
}

/// Returns the gradient of the logits, given the gradients of the two losses.
fn slopes(
    logits: &FlexTensor,
    masks: &FlexTensor,
    pairs: &[(u32, u32)],
    grad: &[f32],
) -> FlexTensor {
    let [queries, columns] = logits.shape().dims();
    let sums = sums_of(logits, masks, pairs);
    let (logits, masks) = (logits.to_contiguous(), masks.to_contiguous());
    let (logits, masks) = (values(&logits), values(&masks));
    let mut by_query: Vec<usize> = (0..pairs.len()).collect();
    by_query.sort_by_key(|pair| pairs[*pair].0);
    let slopes = platform::make_by_chunks(queries * columns, columns, |query, slope| {
        let first = by_query.partition_point(|pair| (pairs[*pair].0 as usize) < query);
        for pair in by_query[first..]
            .iter()
            .take_while(|pair| pairs[**pair].0 as usize == query)
        {
            let Sums { both, area, .. } = sums[*pair];
            let (share, whole) = (f64::from(grad[1]) / pairs.len() as f64, area + 1.0);
            let dice = [
                share * (2.0 * both + 1.0) / (whole * whole),
                -2.0 * share / whole,
            ]
            .map(|x| x as f32);
            let cross_entropy = grad[0] / (pairs.len() * columns) as f32;
            let (logits, mask) = (
                rows(logits, columns, query as u32),
                rows(masks, columns, pairs[*pair].1),
            );
            dispatch(AddSlope {
                logits,
                mask,
                cross_entropy,
                dice,
                slope,
            });
        }
    });
    FlexTensor::from_data(TensorData::new(slopes, [queries, columns]))
}

#[derive(Debug)]
struct MaskTermsBackward;

impl Backward<Flex, 1> for MaskTermsBackward {
    type State = (FloatTensor<Flex>, FloatTensor<Flex>, Arc<[(u32, u32)]>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (logits, masks, pairs) = ops.state;
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, slopes(&logits, &masks, &pairs, values(&grad)));
        }
    }
}

impl<C: CheckpointStrategy> MaskTerms for Autodiff<Flex, C> {
    fn mask_terms(
        logits: FloatTensor<Self>,
        masks: FloatTensor<Self>,
        pairs: Arc<[(u32, u32)]>,
    ) -> FloatTensor<Self> {
        let ((logits, node), masks) = (logits.into_parts(), masks.into_primitive());
        let terms = Flex::mask_terms(logits.clone(), masks.clone(), pairs.clone());
        match Backward::<Flex, 1>::prepare::<C>(MaskTermsBackward, [node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((logits, masks, pairs), terms),
            OpsKind::UnTracked(prep) => prep.finish(terms),
        }
    }

    fn mask_ious(
        logits: FloatTensor<Self>,
        masks: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        own: Arc<[u32]>,
    ) -> FloatTensor<Self> {
        let [logits, masks, weights] =
            [logits, masks, weights].map(|tensor| tensor.into_primitive());
        FloatTensor::<Self>::new(Flex::mask_ious(logits, masks, weights, own))
    }
}
