//! Segment mean on the GPU: `wgsl/segment_mean.wgsl`, in several passes if a segment is long.

use std::sync::Arc;

use burn::backend::{
    TensorMetadata as _,
    tensor::FloatTensor,
    wgpu::{CubeBackend, CubeTensor},
};
use cubecl::server::Handle;

use super::{SegmentMap, SegmentMean, WeightedRows};
use crate::ops::wgsl::{Shader, empty_like, padded, to_f32, trimmed, vectors, zeros_like};

const MEAN: Shader = Shader::new(
    "segment_mean",
    include_str!("../../../../wgsl/segment_mean.wgsl"),
);

/// Maximum number of entries that one thread adds up.
const LONGEST: usize = 128;

/// One sparse matrix on a device.
pub(super) struct SparseMatrix {
    outputs: usize,
    starts: Handle,
    rows: Handle,
    weights: Handle,
}

impl WeightedRows {
    /// Splits the sums into two steps, pieces of at most [`LONGEST`] entries and then their totals.
    /// Returns `None` if no list is longer than that.
    fn split(&self) -> Option<(Self, Self)> {
        if self
            .starts
            .windows(2)
            .all(|pair| (pair[1] - pair[0]) as usize <= LONGEST)
        {
            return None;
        }
        let (mut pieces, mut totals) = (Vec::new(), vec![0]);
        for pair in self.starts.windows(2) {
            pieces.extend((pair[0]..pair[1]).step_by(LONGEST));
            totals.push(pieces.len() as u32);
        }
        let count = pieces.len();
        pieces.push(self.rows.len() as u32);
        let totals = Self::new(totals, (0..count as u32).collect(), vec![1.0; count]);
        Some((
            Self::new(pieces, self.rows.clone(), self.weights.clone()),
            totals,
        ))
    }

    /// Returns the passes that compute the sums on the device of `like`; uploaded once.
    fn passes_beside(&self, like: &CubeTensor) -> Arc<Vec<SparseMatrix>> {
        let upload = |matrix: &Self| SparseMatrix {
            outputs: matrix.outputs(),
            starts: like
                .client
                .create_from_slice(bytemuck::cast_slice(&matrix.starts)),
            rows: like
                .client
                .create_from_slice(bytemuck::cast_slice(&matrix.rows)),
            weights: like
                .client
                .create_from_slice(bytemuck::cast_slice(&matrix.weights)),
        };
        self.on_device().get(&like.device, || {
            let (mut passes, mut rest) = (Vec::new(), self.split());
            let mut last = None;
            while let Some((pieces, totals)) = rest {
                passes.push(upload(&pieces));
                rest = totals.split();
                last = Some(totals);
            }
            passes.push(upload(last.as_ref().unwrap_or(self)));
            passes
        })
    }
}

impl SparseMatrix {
    /// Runs the pass on `x`, `(rows, channels)`, padded; returns `(outputs, channels)`.
    fn run(&self, x: CubeTensor) -> CubeTensor {
        let y = empty_like(&x, [self.outputs, x.shape()[1]]);
        let width = vectors(&x);
        let info = [self.outputs, width, 0, 0].map(|word| word as u32);
        let buffers = [
            x.handle.clone(),
            self.starts.clone(),
            self.rows.clone(),
            self.weights.clone(),
            y.handle.clone(),
        ];
        MEAN.launch(&x.client, self.outputs * width, buffers, info);
        y
    }
}

impl SegmentMean for CubeBackend {
    fn segment_mean(x: FloatTensor<Self>, map: SegmentMap) -> FloatTensor<Self> {
        let shape = [map.segments(), x.shape()[1]];
        if shape.contains(&0) || map.means().rows.is_empty() {
            return zeros_like(&x, shape);
        }
        let passes = map.means().passes_beside(&x);
        trimmed(
            passes
                .iter()
                .fold(padded(to_f32(x), 1), |x, pass| pass.run(x)),
            shape,
        )
    }
}
