//! Voxel features cut along the channels, so that any graphics device can hold them.

use std::ops::Range;

use burn::tensor::{DType, Tensor};

use crate::ops::BINDING_LIMIT;

/// Features of voxels, `(voxels, channels)`, split along the channels into parts that each fit one
/// binding of every WebGPU device. Concatenating two of them copies nothing. In training there is a
/// single part, whatever its size, because statistics are computed over whole tensors.
#[derive(Clone, Debug)]
pub struct Features(Vec<Tensor<2>>);

impl Features {
    /// The largest number of voxels whose features can be held: a part of four channels then fills
    /// a binding.
    pub const MOST_VOXELS: usize = BINDING_LIMIT / (4 * size_of::<f32>());

    /// The channel ranges of the parts for that many voxels and `channels`: as few parts as
    /// possible, of equal width where that is a multiple of four channels.
    pub fn cuts(voxels: usize, channels: usize) -> impl Iterator<Item = Range<usize>> {
        let widest = (BINDING_LIMIT / size_of::<f32>() / voxels.max(1) / 4 * 4).max(4);
        let width = channels
            .max(1)
            .div_ceil(channels.max(1).div_ceil(widest))
            .next_multiple_of(4);
        (0..channels)
            .step_by(width)
            .map(move |start| start..(start + width).min(channels))
    }

    /// Wraps a tensor that the device can hold as a whole.
    pub fn of(tensor: Tensor<2>) -> Self {
        Self(vec![tensor])
    }

    /// Concatenates parts with equally many rows along the channels, from left to right.
    ///
    /// # Panics
    /// If `parts` is empty.
    pub fn concat(parts: Vec<Tensor<2>>) -> Self {
        assert!(!parts.is_empty(), "features without channels");
        match parts[0].device().is_autodiff() {
            true => Self::of(Tensor::cat(parts, 1)),
            false => Self(parts),
        }
    }

    /// Concatenates `others` to the right of these features.
    #[must_use]
    pub fn append(self, others: Self) -> Self {
        Self::concat([self.0, others.0].concat())
    }

    /// Iterates over the parts with the channel range of each.
    pub fn parts(&self) -> impl Iterator<Item = (Range<usize>, &Tensor<2>)> {
        let mut end = 0;
        self.0.iter().map(move |part| {
            let start = end;
            end += part.dims()[1];
            (start..end, part)
        })
    }

    /// The part that holds exactly these channels, a range from [`cuts`](Self::cuts).
    pub fn part(&self, channels: &Range<usize>) -> Option<&Tensor<2>> {
        self.parts()
            .find(|(range, _)| range == channels)
            .map(|(_, part)| part)
    }

    /// Applies `change` to one part after the other, each with its channel range. A part that
    /// nothing else holds is freed before the next one is changed.
    #[must_use]
    pub fn map(self, change: impl Fn(Range<usize>, Tensor<2>) -> Tensor<2>) -> Self {
        let mut end = 0;
        let change = |part: Tensor<2>| {
            let start = end;
            end += part.dims()[1];
            change(start..end, part)
        };
        Self(self.0.into_iter().map(change).collect())
    }

    /// Converts all parts to `dtype`.
    #[must_use]
    pub fn stored_as(self, dtype: DType) -> Self {
        self.map(|_, part| {
            if part.dtype() == dtype {
                part
            } else {
                part.cast(dtype)
            }
        })
    }

    /// Concatenates all channels into one tensor: for few rows, or on a device that can hold it.
    pub fn into_tensor(mut self) -> Tensor<2> {
        if self.0.len() == 1 {
            self.0.remove(0)
        } else {
            Tensor::cat(self.0, 1)
        }
    }

    /// `true` if gradients are tracked.
    pub fn is_autodiff(&self) -> bool {
        self.0[0].device().is_autodiff()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_fit_a_binding_and_cover_all_channels(voxels in 0usize..=Features::MOST_VOXELS, channels in 1usize..800) {
            let cuts: Vec<_> = Features::cuts(voxels, channels).collect();
            let mut next = 0;
            for cut in &cuts {
                prop_assert_eq!(cut.start, next);
                prop_assert!(cut.len().next_multiple_of(4) * voxels * 4 <= BINDING_LIMIT);
                next = cut.end;
            }
            prop_assert_eq!(next, channels);
            prop_assert!(cuts.iter().rev().skip(1).all(|cut| cut.len() % 4 == 0));
            prop_assert!(channels.next_multiple_of(4) * voxels * 4 > BINDING_LIMIT || cuts.len() == 1);
        }
    }
}
