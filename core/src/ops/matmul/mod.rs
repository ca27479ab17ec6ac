//! Matrix products: burn's implementation on the CPU, in a browser the one of `products`, whose sums
//! stay in registers there; on the GPU a shader or burn's implementation, which relies on barriers
//! that are expensive on software adapters.
//!
//! `2 batch m k n` operations on `4 batch (m k + k n + m n)` bytes: compute-bound, unless one of
//! the sizes is only a few tens.

mod gpu;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, TensorMetadata as _,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, NodeGuard, Ops, OpsKind},
        },
        backend_extension,
        flex::FlexTensor,
        ops::FloatTensorOps as _,
        tensor::FloatTensor,
    },
    nn::Linear,
    tensor::{Tensor, TensorData},
};

use super::products::{Packed, values};

/// Fewer rows are not worth the packing of the matrix that they are multiplied with.
const LEAST_ROWS: usize = 8;

/// Matrix products as a backend operation. Models call [`matmul`] and [`linear`] instead.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait Matmul: Backend {
    /// See [`matmul`].
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Computes the matrix product `a b`, or one product for each index of the dimensions before the
/// last two.
///
/// `a` is `(.., m, k)`, `b` is `(.., k, n)`. f32 only.
///
/// # Panics
/// If the shapes do not fit each other; nothing is broadcast.
pub fn matmul<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (left, right) = (a.dims(), b.dims());
    assert_eq!(
        (&left[..D - 2], left[D - 1]),
        (&right[..D - 2], right[D - 2]),
        "batch and inner size of a matrix product"
    );
    Tensor::from_dispatch(<Dispatch as Matmul>::product(
        a.into_dispatch(),
        b.into_dispatch(),
    ))
}

/// Computes `x w + bias` with the weight and bias of `layer`: `x` is `(rows, inputs)`, the result
/// is `(rows, outputs)`.
pub fn linear(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    let y = matmul(x, layer.weight.val());
    match &layer.bias {
        Some(bias) => y + bias.val().unsqueeze(),
        None => y,
    }
}

/// Reference implementation: `a` is `(batch, m, k)`, `b` is `(batch, k, n)`, the result is
/// `(batch, m, n)`.
pub fn plain_matmul(a: &[f32], b: &[f32], [batch, m, k, n]: [usize; 4]) -> Vec<f32> {
    let mut c = vec![0.0; batch * m * n];
    for matrix in 0..batch {
        for row in 0..m {
            for i in 0..k {
                for column in 0..n {
                    c[(matrix * m + row) * n + column] +=
                        a[(matrix * m + row) * k + i] * b[(matrix * k + i) * n + column];
                }
            }
        }
    }
    c
}

impl Matmul for Flex {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        if cfg!(target_arch = "wasm32") {
            packed_product(a, b)
        } else {
            Self::float_matmul(a, b)
        }
    }
}

/// The CPU path in a browser.
fn packed_product(a: FloatTensor<Flex>, b: FloatTensor<Flex>) -> FloatTensor<Flex> {
    let (mut shape, columns) = (a.shape(), b.shape());
    let last = shape.num_dims() - 1;
    let (m, k, n) = (shape[last - 1], shape[last], columns[last]);
    let batch: usize = shape[..last - 1].iter().product();
    if m < LEAST_ROWS || batch * k * n == 0 {
        return Flex::float_matmul(a, b);
    }
    let [a, b] = [a, b].map(|x| x.to_contiguous());
    let packed = Packed::new(values(&b), [batch, k, n], false);
    shape[last] = n;
    FlexTensor::from_data(TensorData::new(packed.products(values(&a), m), shape))
}

#[derive(Debug)]
struct MatmulBackward;

impl<B: Matmul> Backward<B, 2> for MatmulBackward {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let [a_node, b_node] = ops.parents;
        let (a, b) = ops.state;
        let transposed = |tensor: FloatTensor<B>| {
            let dims = tensor.shape().num_dims();
            B::float_swap_dims(tensor, dims - 2, dims - 1)
        };
        if let Some(node) = a_node {
            grads.register::<B>(node.id, B::product(grad.clone(), transposed(b)));
        }
        if let Some(node) = b_node {
            grads.register::<B>(node.id, B::product(transposed(a), grad));
        }
    }
}

impl<B: Matmul, C: CheckpointStrategy> Matmul for Autodiff<B, C> {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((a, a_node), (b, b_node)): ((_, NodeGuard), (_, NodeGuard)) =
            (a.into_parts(), b.into_parts());
        match Backward::<B, 2>::prepare::<C>(MatmulBackward, [a_node, b_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let out = B::product(a.clone(), b.clone());
                prep.finish((a, b), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::product(a, b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tolerance};

    use super::*;

    #[test]
    fn both_paths_of_the_cpu_agree() {
        let device = Device::flex();
        for [batch, m, k, n] in [
            [1, 3, 4, 5],
            [1, 811, 96, 61],
            [4, 33, 48, 20],
            [2, 9, 0, 3],
        ] {
            let random = |shape| Tensor::<3>::random(shape, Distribution::Default, &device);
            let (a, b) = (random([batch, m, k]), random([batch, n, k]).swap_dims(1, 2));
            let run = |product: fn(FloatTensor<Flex>, FloatTensor<Flex>) -> FloatTensor<Flex>| {
                let [a, b] = [&a, &b].map(|x| FlexTensor::from_data(x.to_data()));
                product(a, b).into_data()
            };
            run(packed_product)
                .assert_approx_eq::<f32>(&run(Flex::float_matmul), Tolerance::rel_abs(1e-5, 1e-5));
        }
    }
}
