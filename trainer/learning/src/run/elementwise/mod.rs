//! The element-wise computations of a step on every parameter. On the CPU each is one pass over the
//! values, in place, instead of one pass for each operation of the formula; on a GPU they are
//! burn's operations. There are about ten operations on 28 bytes per value, so memory bandwidth is
//! the limit.

use burn::{
    backend::{
        Backend, Dispatch, Flex, TensorMetadata as _, backend_extension, flex::FlexTensor,
        ops::FloatTensorOps as _, tensor::FloatTensor, wgpu::CubeBackend,
    },
    tensor::{Tensor, TensorData},
};
use rayon::prelude::*;

/// Values per block of parallel work.
const BLOCK: usize = 1 << 14;

/// The computations as backend operations; none of them is differentiated.
#[backend_extension(Cube, Flex)]
pub trait Passes: Backend {
    /// See [`sum_of_squares`].
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`descend`].
    fn descend(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        by: Descent,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// See [`approach`].
    fn approach(mean: FloatTensor<Self>, value: FloatTensor<Self>, decay: f32)
    -> FloatTensor<Self>;
}

/// The factors of one AdamW update.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    /// Factor on the gradients, applied first.
    pub scale: f32,
    /// Decay of the running means of the gradients and of their squares.
    pub beta: [f32; 2],
    /// Divisors that correct the bias of those means.
    pub unbias: [f32; 2],
    /// Added to the square root of the mean square.
    pub epsilon: f32,
    /// Factor on the values, for the weight decay.
    pub keep: f32,
    /// Learning rate.
    pub rate: f32,
}

/// The sum of squares, `(1)`.
pub fn sum_of_squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Passes>::sum_of_squares(x.into_dispatch()))
}

/// Makes one AdamW update: returns the new `value` and the new running means of its gradient and of
/// the gradient's square, `(values)` each.
pub fn descend<const D: usize>(
    value: Tensor<D>,
    gradient: Tensor<D>,
    [mean, square]: [Tensor<1>; 2],
    by: Descent,
) -> (Tensor<D>, [Tensor<1>; 2]) {
    let [mean, square] = [mean, square].map(Tensor::into_dispatch);
    let (value, mean, square) = <Dispatch as Passes>::descend(
        value.into_dispatch(),
        gradient.into_dispatch(),
        mean,
        square,
        by,
    );
    (
        Tensor::from_dispatch(value),
        [mean, square].map(Tensor::from_dispatch),
    )
}

/// Returns `mean * decay + value * (1 - decay)`.
pub fn approach(mean: Tensor<1>, value: Tensor<1>, decay: f32) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Passes>::approach(
        mean.into_dispatch(),
        value.into_dispatch(),
        decay,
    ))
}

impl Passes for CubeBackend {
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_sum(Self::float_mul(x.clone(), x))
    }

    fn descend(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        by: Descent,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let scaled = |x: FloatTensor<Self>, by: f32| Self::float_mul_scalar(x, by.into());
        let gradient = scaled(Self::float_reshape(gradient, mean.shape()), by.scale);
        let [beta, beta_square] = by.beta;
        let mean = Self::float_add(scaled(mean, beta), scaled(gradient.clone(), 1.0 - beta));
        let square = Self::float_add(
            scaled(square, beta_square),
            scaled(
                Self::float_mul(gradient.clone(), gradient),
                1.0 - beta_square,
            ),
        );
        let unbiased =
            |x: &FloatTensor<Self>, by: f32| Self::float_div_scalar(x.clone(), by.into());
        let width = Self::float_add_scalar(
            Self::float_sqrt(unbiased(&square, by.unbias[1])),
            by.epsilon.into(),
        );
        let direction = Self::float_reshape(
            Self::float_div(unbiased(&mean, by.unbias[0]), width),
            value.shape(),
        );
        (
            Self::float_sub(scaled(value, by.keep), scaled(direction, by.rate)),
            mean,
            square,
        )
    }

    fn approach(
        mean: FloatTensor<Self>,
        value: FloatTensor<Self>,
        decay: f32,
    ) -> FloatTensor<Self> {
        Self::float_add(
            Self::float_mul_scalar(mean, decay.into()),
            Self::float_mul_scalar(value, (1.0 - decay).into()),
        )
    }
}

/// The values of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a contiguous tensor of f32")
}

/// The same tensor in storage that is not shared, copied if necessary.
fn own(tensor: FlexTensor) -> FlexTensor {
    let shape = tensor.shape();
    if tensor.is_contiguous()
        && tensor.is_unique()
        && tensor.bytes().len() == size_of::<f32>() * shape.num_elements()
    {
        return tensor;
    }
    FlexTensor::from_data(TensorData::new(
        values(&tensor.to_contiguous()).to_vec(),
        shape,
    ))
}

impl Passes for Flex {
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        // the parts are added in their order, so the result does not depend on the number of
        // threads
        let parts: Vec<f32> = values(&x).par_chunks(BLOCK).map(squares).collect();
        FlexTensor::from_data(TensorData::new(
            vec![parts.iter().map(|part| f64::from(*part)).sum::<f64>() as f32],
            [1],
        ))
    }

    fn descend(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        by: Descent,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [mut value, mut mean, mut square] = [value, mean, square].map(own);
        let gradient = gradient.to_contiguous();
        let blocks = value
            .storage_mut::<f32>()
            .par_chunks_mut(BLOCK)
            .zip(values(&gradient).par_chunks(BLOCK));
        let moments = mean
            .storage_mut::<f32>()
            .par_chunks_mut(BLOCK)
            .zip(square.storage_mut::<f32>().par_chunks_mut(BLOCK));
        blocks
            .zip(moments)
            .for_each(|((value, gradient), (mean, square))| {
                #[cfg(target_arch = "x86_64")]
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: AVX2 was detected.
                    return unsafe { descend_in_wide_vectors(value, gradient, mean, square, by) };
                }
                descend_block(value, gradient, mean, square, by);
            });
        (value, mean, square)
    }

    fn approach(
        mean: FloatTensor<Self>,
        value: FloatTensor<Self>,
        decay: f32,
    ) -> FloatTensor<Self> {
        let (mut mean, value) = (own(mean), value.to_contiguous());
        mean.storage_mut::<f32>()
            .par_chunks_mut(BLOCK)
            .zip(values(&value).par_chunks(BLOCK))
            .for_each(|(mean, value)| {
                mean.iter_mut()
                    .zip(value)
                    .for_each(|(mean, value)| *mean = *mean * decay + value * (1.0 - decay));
            });
        mean
    }
}

/// [`descend_block`] compiled for AVX2: eight values at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn descend_in_wide_vectors(
    value: &mut [f32],
    gradient: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
    by: Descent,
) {
    descend_block(value, gradient, mean, square, by);
}

/// Applies [`descend`] to one block.
#[inline(always)]
fn descend_block(
    value: &mut [f32],
    gradient: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
    by: Descent,
) {
    for (((value, gradient), mean), square) in value.iter_mut().zip(gradient).zip(mean).zip(square)
    {
        let gradient = gradient * by.scale;
        *mean = *mean * by.beta[0] + gradient * (1.0 - by.beta[0]);
        *square = *square * by.beta[1] + gradient * gradient * (1.0 - by.beta[1]);
        let direction = *mean / by.unbias[0] / ((*square / by.unbias[1]).sqrt() + by.epsilon);
        *value = *value * by.keep - direction * by.rate;
    }
}

/// The sum of the squares of these values, with 16 independent partial sums.
fn squares(values: &[f32]) -> f32 {
    let (groups, rest) = values.as_chunks::<16>();
    let mut sums = [0.0; 16];
    for group in groups {
        sums.iter_mut()
            .zip(group)
            .for_each(|(sum, x)| *sum += x * x);
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}

#[cfg(test)]
mod tests;
