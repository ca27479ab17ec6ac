//! Test cases as data: the same list runs on the CPU, on a software GPU and in the browser.

pub mod affine;
pub mod attention;
pub mod clip;
pub mod gelu;
pub mod images;
pub mod masked_softmax;
pub mod matmul;
pub mod network;
pub mod published;
pub mod segment_mean;
pub mod sine;
pub mod sparse_conv;
pub mod variants;

use burn::tensor::{Device, Tensor, TensorData};

use crate::device::Subject;

/// Largest allowed difference, relative to the largest value, for sums of some hundred thousand
/// terms in f32.
const TOLERANCE: f32 = 3e-5;

/// Pseudo-random values in `-1..1`, the same on every device for the same seed.
pub fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mix = |i: u32| {
        let mut h = i.wrapping_mul(0x9E37_79B9) ^ seed.wrapping_mul(0x85EB_CA6B);
        h = (h ^ h >> 16).wrapping_mul(0x7FEB_352D);
        h = (h ^ h >> 15).wrapping_mul(0x846C_A68B);
        h ^ h >> 16
    };
    (0..len as u32)
        .map(|i| mix(i) as f32 / 2_147_483_648.0 - 1.0)
        .collect()
}

/// A tensor of the given values.
pub fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// Fills the memory that the next results will probably occupy with NaN, so that values that are
/// never written are detected.
fn poison(device: &Device, shape: [usize; 2]) {
    let fill = || Tensor::<2>::full(shape, f32::NAN, device);
    drop([fill(), fill()]);
}

/// Returns a description of the difference if the tensor does not have the expected values.
async fn differs<const D: usize>(what: &str, got: Tensor<D>, want: &[f32]) -> Option<String> {
    let got = match got
        .into_data_async()
        .await
        .map(|data| data.try_to_vec::<f32>())
    {
        Ok(Ok(got)) => got,
        error => return Some(format!("{what}: {error:?}")),
    };
    if got.len() != want.len() {
        return Some(format!(
            "{what}: {} values instead of {}",
            got.len(),
            want.len()
        ));
    }
    let allowed = TOLERANCE * want.iter().fold(1.0, |max: f32, v| max.max(v.abs()));
    let close = |(got, want): (&f32, &f32)| (got - want).abs() <= allowed;
    let at = got.iter().zip(want).position(|pair| !close(pair))?;
    let count = got.iter().zip(want).filter(|&pair| !close(pair)).count();
    Some(format!(
        "{what}: {count} of {} values differ; first at {at}: {} instead of {}",
        want.len(),
        got[at],
        want[at]
    ))
}

/// Returns `true` if `subject` is tested with tensors of this many values. Prints a message if the
/// device cannot hold them.
fn fits(subject: &Subject, what: &str, values: usize) -> bool {
    let bytes = (values * size_of::<f32>()) as u64;
    if bytes > *subject.tensors.end() {
        eprintln!(
            "skipped: {what} needs a tensor of {bytes} bytes, this device holds at most {}",
            subject.tensors.end()
        );
    }
    subject.tensors.contains(&bytes)
}
