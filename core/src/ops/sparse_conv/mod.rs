//! Sparse convolution: every output voxel sums the features of its neighbours, each multiplied by
//! the weight matrix of its offset.
//!
//! The operation and its two gradients are the three derivatives of one form that is linear in
//! input, weight and output gradient. The gradient of each of them is therefore made of the other
//! two, and derivatives of any order exist.
//!
//! With `pairs` pairs of voxels, each of the three takes `2 pairs c_in c_out` operations. They
//! gather `4 pairs c_in` bytes of features (the gradient with respect to the input gathers
//! `4 pairs c_out`, that with respect to the weight gathers both), read `4 pairs` bytes of
//! neighbours, and read or write the weights and the rows of the other side once. That is
//! `c_out / 2` operations per byte gathered: they are compute-bound from 16 channels on.
//!
//! At inference the operations after a convolution, [`FusedEpilogue`], need no pass of their own:
//! they are applied to the sums before these are first written.

mod cpu;
mod definition;
mod gpu;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, TensorMetadata as _,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, NodeGuard, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};

use super::KernelMap;
pub use definition::{
    plain_sparse_conv, plain_sparse_conv_grad_input, plain_sparse_conv_grad_weight,
};

/// Sparse convolution as a backend operation. Models call [`sparse_conv`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait SparseConv: Backend {
    /// See [`sparse_conv`].
    fn sparse_conv(x: FloatTensor<Self>, w: FloatTensor<Self>, map: KernelMap)
    -> FloatTensor<Self>;
    /// See [`sparse_conv_with_epilogue`]; `affine` and `addend` are only read if `after` says so.
    fn sparse_conv_with_epilogue(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
        affine: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        after: EpilogueFlags,
    ) -> FloatTensor<Self>;
    /// See [`sparse_conv_grad_input`].
    fn sparse_conv_grad_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self>;
    /// See [`sparse_conv_grad_weight`].
    fn sparse_conv_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self>;
}

/// Computes `out[p] = sum_k W[k]^T x[neighbor(p, k)]` over the offsets `k` at which `p` has a
/// neighbour (docs/spec/model.md section 3.1).
///
/// `x` is `(in_rows, c_in)`, `w` is `(offsets, c_in, c_out)` with offsets numbered as in
/// [`KernelMap`]; returns `(out_rows, c_out)`. The sums are f32.
///
/// # Panics
/// If the shapes do not fit the map or each other.
pub fn sparse_conv(x: Tensor<2>, w: Tensor<3>, map: &KernelMap) -> Tensor<2> {
    let ([in_rows, c_in], [offsets, w_in, _]) = (x.dims(), w.dims());
    assert_eq!(
        (in_rows, offsets, c_in),
        (map.in_rows(), map.offsets(), w_in),
        "input rows, offsets and channels of a sparse convolution"
    );
    Tensor::from_dispatch(<Dispatch as SparseConv>::sparse_conv(
        x.into_dispatch(),
        w.into_dispatch(),
        map.clone(),
    ))
}

/// Operations on the sums of a convolution, in the order of the fields.
#[derive(Clone, Debug, Default)]
pub struct FusedEpilogue {
    /// `(2, c_out)` in f32: a scale and a shift per channel.
    pub affine: Option<Tensor<2>>,
    /// `(out_rows, c_out)`: added after `affine`.
    pub addend: Option<Tensor<2>>,
    /// If `true`, a ReLU follows last.
    pub with_relu: bool,
}

/// The parts of a [`FusedEpilogue`] that are present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpilogueFlags {
    /// If `true`, there are scales and shifts.
    pub affine: bool,
    /// If `true`, there is an addend.
    pub added: bool,
    /// If `true`, there is a ReLU.
    pub with_relu: bool,
}

/// Computes [`sparse_conv`] and the operations after it, in one pass if no gradient is required.
///
/// # Panics
/// If the shapes do not fit the map or each other.
pub fn sparse_conv_with_epilogue(
    x: Tensor<2>,
    w: Tensor<3>,
    map: &KernelMap,
    then: FusedEpilogue,
) -> Tensor<2> {
    let ([in_rows, c_in], [offsets, w_in, c_out]) = (x.dims(), w.dims());
    assert_eq!(
        (in_rows, offsets, c_in),
        (map.in_rows(), map.offsets(), w_in),
        "input rows, offsets and channels of a sparse convolution"
    );
    let FusedEpilogue {
        affine,
        addend,
        with_relu,
    } = then;
    assert!(
        affine
            .as_ref()
            .is_none_or(|affine| affine.dims() == [2, c_out]),
        "scales and shifts of {c_out} channels"
    );
    assert!(
        addend
            .as_ref()
            .is_none_or(|addend| addend.dims() == [map.out_rows(), c_out]),
        "an addend of the shape of the result"
    );
    let after = EpilogueFlags {
        affine: affine.is_some(),
        added: addend.is_some(),
        with_relu,
    };
    // A missing operand is replaced by a tensor that is not read.
    let [affine, addend] =
        [affine, addend].map(|given| given.unwrap_or_else(|| x.clone()).into_dispatch());
    Tensor::from_dispatch(<Dispatch as SparseConv>::sparse_conv_with_epilogue(
        x.into_dispatch(),
        w.into_dispatch(),
        map.clone(),
        affine,
        addend,
        after,
    ))
}

/// Applies `after` to `y`, `(rows, channels)`, one operation after the other.
pub(super) fn epilogue_by_steps<B: Backend>(
    y: FloatTensor<B>,
    affine: FloatTensor<B>,
    addend: FloatTensor<B>,
    after: EpilogueFlags,
) -> FloatTensor<B> {
    let channels = y.shape()[1];
    let row = |row: usize| {
        B::float_slice(
            affine.clone(),
            &[(row..row + 1).into(), (0..channels).into()],
        )
    };
    let y = if after.affine {
        B::float_add(B::float_mul(y, row(0)), row(1))
    } else {
        y
    };
    let y = if after.added {
        B::float_add(y, addend)
    } else {
        y
    };
    if after.with_relu { B::relu(y) } else { y }
}

/// Computes the gradient of [`sparse_conv`] with respect to its input: `x'[q] = sum_k W[k] grad[p]`
/// over the outputs `p` that have `q` as neighbour at `k`.
///
/// `grad` is `(out_rows, c_out)`, `w` is `(offsets, c_in, c_out)`; returns `(in_rows, c_in)`.
///
/// # Panics
/// If the shapes do not fit the map or each other.
pub fn sparse_conv_grad_input(grad: Tensor<2>, w: Tensor<3>, map: &KernelMap) -> Tensor<2> {
    let ([out_rows, c_out], [offsets, _, w_out]) = (grad.dims(), w.dims());
    assert_eq!(
        (out_rows, offsets, c_out),
        (map.out_rows(), map.offsets(), w_out),
        "output rows, offsets and channels of a sparse convolution"
    );
    Tensor::from_dispatch(<Dispatch as SparseConv>::sparse_conv_grad_input(
        grad.into_dispatch(),
        w.into_dispatch(),
        map.clone(),
    ))
}

/// Computes the gradient of [`sparse_conv`] with respect to its weight:
/// `W'[k] = sum_p x[neighbor(p, k)] grad[p]^T`.
///
/// `x` is `(in_rows, c_in)`, `grad` is `(out_rows, c_out)`; returns `(offsets, c_in, c_out)`.
///
/// # Panics
/// If the rows do not fit the map.
pub fn sparse_conv_grad_weight(x: Tensor<2>, grad: Tensor<2>, map: &KernelMap) -> Tensor<3> {
    assert_eq!(
        (x.dims()[0], grad.dims()[0]),
        (map.in_rows(), map.out_rows()),
        "input and output rows of a sparse convolution"
    );
    Tensor::from_dispatch(<Dispatch as SparseConv>::sparse_conv_grad_weight(
        x.into_dispatch(),
        grad.into_dispatch(),
        map.clone(),
    ))
}

/// The derivative that is computed.
#[derive(Clone, Copy, Debug)]
enum Form {
    Output,
    GradInput,
    GradWeight,
}

impl Form {
    fn compute<B: SparseConv>(
        self,
        a: FloatTensor<B>,
        b: FloatTensor<B>,
        map: KernelMap,
    ) -> FloatTensor<B> {
        match self {
            Self::Output => B::sparse_conv(a, b, map),
            Self::GradInput => B::sparse_conv_grad_input(a, b, map),
            Self::GradWeight => B::sparse_conv_grad_weight(a, b, map),
        }
    }

    fn record<B: SparseConv, C: CheckpointStrategy>(
        self,
        a: FloatTensor<Autodiff<B, C>>,
        b: FloatTensor<Autodiff<B, C>>,
        map: KernelMap,
    ) -> FloatTensor<Autodiff<B, C>> {
        let ((a, a_node), (b, b_node)): ((_, NodeGuard), (_, NodeGuard)) =
            (a.into_parts(), b.into_parts());
        match Backward::<B, 2>::prepare::<C>(self, [a_node, b_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let out = self.compute::<B>(a.clone(), b.clone(), map.clone());
                prep.finish((a, b, map), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(self.compute::<B>(a, b, map)),
        }
    }
}

impl<B: SparseConv> Backward<B, 2> for Form {
    type State = (FloatTensor<B>, FloatTensor<B>, KernelMap);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let u = grads.consume::<B>(&ops.node);
        let [a_node, b_node] = ops.parents;
        let (a, b, map) = ops.state;
        if let Some(node) = a_node {
            let (u, b, map) = (u.clone(), b, map.clone());
            let grad = match self {
                Self::Output => B::sparse_conv_grad_input(u, b, map),
                Self::GradInput => B::sparse_conv(u, b, map),
                Self::GradWeight => B::sparse_conv_grad_input(b, u, map),
            };
            grads.register::<B>(node.id, grad);
        }
        if let Some(node) = b_node {
            let grad = match self {
                Self::Output => B::sparse_conv_grad_weight(a, u, map),
                Self::GradInput => B::sparse_conv_grad_weight(u, a, map),
                Self::GradWeight => B::sparse_conv(a, u, map),
            };
            grads.register::<B>(node.id, grad);
        }
    }
}

/// A convolution plus an addend, to which the gradient passes unchanged.
#[derive(Debug)]
struct Sum;

impl<B: SparseConv> Backward<B, 3> for Sum {
    type State = (FloatTensor<B>, FloatTensor<B>, KernelMap);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let u = grads.consume::<B>(&ops.node);
        let [x_node, w_node, addend_node] = ops.parents;
        let (x, w, map) = ops.state;
        if let Some(node) = x_node {
            grads.register::<B>(
                node.id,
                B::sparse_conv_grad_input(u.clone(), w, map.clone()),
            );
        }
        if let Some(node) = w_node {
            grads.register::<B>(node.id, B::sparse_conv_grad_weight(x, u.clone(), map));
        }
        if let Some(node) = addend_node {
            grads.register::<B>(node.id, u);
        }
    }
}

impl<B: SparseConv, C: CheckpointStrategy> SparseConv for Autodiff<B, C> {
    fn sparse_conv(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        Form::Output.record::<B, C>(x, w, map)
    }
    fn sparse_conv_with_epilogue(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
        affine: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        after: EpilogueFlags,
    ) -> FloatTensor<Self> {
        if after
            != (EpilogueFlags {
                added: true,
                ..EpilogueFlags::default()
            })
        {
            return epilogue_by_steps::<Self>(Self::sparse_conv(x, w, map), affine, addend, after);
        }
        let [(x, x_node), (w, w_node), (addend, addend_node)]: [(_, NodeGuard); 3] =
            [x, w, addend].map(|tensor| tensor.into_parts());
        let out = B::sparse_conv_with_epilogue(
            x.clone(),
            w.clone(),
            map.clone(),
            x.clone(),
            addend,
            after,
        );
        match Backward::<B, 3>::prepare::<C>(Sum, [x_node, w_node, addend_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((x, w, map), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
    fn sparse_conv_grad_input(
        grad: FloatTensor<Self>,
        w: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        Form::GradInput.record::<B, C>(grad, w, map)
    }
    fn sparse_conv_grad_weight(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        map: KernelMap,
    ) -> FloatTensor<Self> {
        Form::GradWeight.record::<B, C>(x, grad, map)
    }
}
