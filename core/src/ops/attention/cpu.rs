//! Attention on the CPU, one block of queries at a time, whose scores stay in the cache from
//! product through softmax to product. A query that attends to few keys visits only those.

use burn::{
    backend::{Flex, TensorMetadata as _, flex::FlexTensor, tensor::FloatTensor},
    tensor::TensorData,
};
use pulp::{Simd, WithSimd};

use crate::ops::products::{AddProducts, Packed, dispatch, dot, values};
use crate::platform;

/// Queries per block: with 1 000 keys their scores take 190 KiB, which fits a level-2 cache.
pub(super) const BLOCK: usize = 48;
/// A query that attends to less than one in `FEW` keys visits them one by one, which is slower per
/// key than the product of a whole block.
const FEW: usize = 3;

/// See [`super::attention`]; `query` is already divided by the square root of its width.
pub(super) fn attention(
    query: FloatTensor<Flex>,
    key: FloatTensor<Flex>,
    value: FloatTensor<Flex>,
    mask: Option<FloatTensor<Flex>>,
) -> FloatTensor<Flex> {
    let ([heads, queries, width], [_, keys, value_width]) =
        (query.shape().dims(), value.shape().dims());
    let [query, key, value] = [query, key, value].map(|x| x.to_contiguous());
    let mask = mask.map(|mask| mask.to_contiguous());
    let mask = mask.as_ref().map(values);
    let heads = Heads {
        query: values(&query),
        key: values(&key),
        value: values(&value),
        keys_packed: Packed::new(values(&key), [heads, width, keys], true),
        values_packed: Packed::new(values(&value), [heads, keys, value_width], false),
        count: heads,
        queries,
    };
    let row = heads.count * value_width;
    let out = platform::make_by_chunks(queries * row, BLOCK * row, |block, out| {
        heads.look(block * BLOCK, mask, out)
    });
    FlexTensor::from_data(TensorData::new(out, [queries, heads.count * value_width]))
}

/// The inputs of an attention, `(heads, rows, width)` each, and packed copies for the products of
/// whole matrices, in the order in which these read them.
struct Heads<'a> {
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    keys_packed: Packed,
    values_packed: Packed,
    count: usize,
    queries: usize,
}

impl Heads<'_> {
    /// Computes the attention of the queries from `first` on; `out` is
    /// `(queries of the block, heads, value_width)`.
    fn look(&self, first: usize, mask: Option<&[f32]>, out: &mut [f32]) {
        let (width, keys, value_width) = (
            self.keys_packed.from,
            self.values_packed.from,
            self.values_packed.to,
        );
        let rows = out.len() / (self.count * value_width);
        let (mut much, mut few) = (vec![], vec![]);
        for row in 0..rows {
            match open_keys(mask, first + row, keys) {
                Open::All => much.push((row, None)),
                Open::Many(mask) => much.push((row, Some(mask))),
                Open::Few(open) => few.push((row, open)),
            }
        }
        let mut scores = vec![0.0; much.len() * keys];
        let mut seen = vec![0.0; much.len() * value_width];
        let slots: Vec<(u32, u32)> = (0..).zip(&much).map(|(slot, _)| (slot, slot)).collect();
        let asking: Vec<(u32, u32)> = (0..)
            .zip(&much)
            .map(|(slot, (row, _))| (slot, (first + row) as u32))
            .collect();
        for head in 0..self.count {
            let of_head =
                |rows: usize, width: usize| head * rows * width..(head + 1) * rows * width;
            let query = &self.query[of_head(self.queries, width)];
            scores.fill(0.0);
            seen.fill(0.0);
            AddProducts {
                x: query,
                w: self.keys_packed.at(head),
                widths: [width, keys],
                pairs: &asking,
                y: &mut scores,
                first: 0,
            }
            .run();
            let sums: Vec<f32> = scores
                .chunks_exact_mut(keys)
                .zip(&much)
                .map(|(scores, (_, mask))| {
                    dispatch(Exponentials {
                        scores,
                        mask: *mask,
                    })
                })
                .collect();
            AddProducts {
                x: &scores,
                w: self.values_packed.at(head),
                widths: [keys, value_width],
                pairs: &slots,
                y: &mut seen,
                first: 0,
            }
            .run();
            for ((seen, (row, _)), sum) in seen.chunks_exact(value_width).zip(&much).zip(&sums) {
                let out = &mut out[(row * self.count + head) * value_width..][..value_width];
                out.iter_mut()
                    .zip(seen)
                    .for_each(|(out, seen)| *out = seen / sum);
            }
            let (key, value) = (
                &self.key[of_head(keys, width)],
                &self.value[of_head(keys, value_width)],
            );
            for (row, open) in &few {
                let query = &query[(first + row) * width..][..width];
                let out = &mut out[(row * self.count + head) * value_width..][..value_width];
                dispatch(LookAtFew {
                    query,
                    key,
                    value,
                    open,
                    out,
                });
            }
        }
    }
}

/// The keys that a query attends to.
pub(super) enum Open<'a> {
    /// All keys: there is no mask, or it covers none.
    All,
    /// The keys whose logit is not below 0, too many to visit one by one.
    Many(&'a [f32]),
    /// Only these keys.
    Few(Vec<u32>),
}

/// Returns the keys that the query with this index attends to.
pub(super) fn open_keys(mask: Option<&[f32]>, query: usize, keys: usize) -> Open<'_> {
    let Some(mask) = mask.map(|mask| &mask[query * keys..][..keys]) else {
        return Open::All;
    };
    let open: Vec<u32> = (0..)
        .zip(mask)
        .filter(|(_, logit)| **logit >= 0.0)
        .map(|(key, _)| key)
        .collect();
    match open.len() {
        0 => Open::All,
        found if found * FEW < keys => Open::Few(open),
        _ => Open::Many(mask),
    }
}

/// Replaces scores by `exp(score - highest)`, those of masked keys by 0, and returns their sum.
pub(super) struct Exponentials<'a> {
    pub scores: &'a mut [f32],
    /// Logits, at least one of which is not below 0.
    pub mask: Option<&'a [f32]>,
}

impl WithSimd for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        let Self { scores, mask } = self;
        if let Some(mask) = mask {
            for (score, logit) in scores.iter_mut().zip(mask) {
                *score = if *logit >= 0.0 { *score } else { f32::MIN };
            }
        }
        let highest = lanes(scores, f32::MIN, |highest, score| {
            if score > highest { score } else { highest }
        });
        for score in scores.iter_mut() {
            *score = exp(*score - highest);
        }
        lanes(scores, 0.0, |sum, weight| sum + weight)
    }
}

/// Folds sixteen values at a time, so that the compiler can vectorize; `fold` must allow any order.
#[inline(always)]
pub(in crate::ops) fn lanes(values: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> f32 {
    let (groups, rest) = values.as_chunks::<16>();
    let mut folded = [start; 16];
    for group in groups {
        for (folded, value) in folded.iter_mut().zip(group) {
            *folded = fold(*folded, *value);
        }
    }
    folded
        .iter()
        .chain(rest)
        .fold(start, |folded, value| fold(folded, *value))
}

/// Returns e to the power of `x`, which must not be above 0, accurate to a few units in the last
/// place; 0 where the result is below the smallest normal number. It has neither a branch nor a
/// table, so that the compiler can vectorize it.
#[inline(always)]
pub(in crate::ops) fn exp(x: f32) -> f32 {
    /// Adding this constant leaves a whole number in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    const LOWEST: f32 = -87.3;
    let clamped = if x > LOWEST { x } else { LOWEST };
    let whole = clamped * std::f32::consts::LOG2_E + WHOLE;
    let n = whole - WHOLE;
    // ln 2 is split in two parts, so that the remainder is exact
    let rest = clamped - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let series = 1.0 / 5040.0;
    let series = series * rest + 1.0 / 720.0;
    let series = series * rest + 1.0 / 120.0;
    let series = series * rest + 1.0 / 24.0;
    let series = series * rest + 1.0 / 6.0;
    let series = series * rest + 0.5;
    let power = series * rest * rest + rest + 1.0;
    let power = f32::from_bits(power.to_bits().wrapping_add(whole.to_bits() << 23));
    if x < LOWEST { 0.0 } else { power }
}

/// Attention of one query to the keys `open`.
struct LookAtFew<'a> {
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    open: &'a [u32],
    out: &'a mut [f32],
}

impl WithSimd for LookAtFew<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            query,
            key,
            value,
            open,
            out,
        } = self;
        let (width, value_width) = (query.len(), out.len());
        let mut weights = vec![0.0; open.len()];
        for (weight, j) in weights.iter_mut().zip(open) {
            *weight = dot(simd, query, &key[*j as usize * width..][..width]);
        }
        let sum = Exponentials {
            scores: &mut weights,
            mask: None,
        }
        .with_simd(simd);
        out.fill(0.0);
        for (j, weight) in open.iter().zip(&weights) {
            let value = &value[*j as usize * value_width..][..value_width];
            out.iter_mut()
                .zip(value)
                .for_each(|(out, value)| *out += weight * value);
        }
        out.iter_mut().for_each(|out| *out /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_double_precision() {
        for x in (0..=100_000).map(|i| i as f32 * -1e-3) {
            let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(
                (got - want).abs() <= 3e-7 * want + 2e-38,
                "{x}: {got} instead of {want}"
            );
        }
        assert_eq!((exp(0.0), exp(f32::MIN)), (1.0, 0.0));
    }
}
