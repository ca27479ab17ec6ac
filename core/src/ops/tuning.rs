//! Which of several shaders for the same thing runs: the one that was faster on the device at hand, whatever the adapter is called.

use std::sync::{PoisonError, RwLock};

use burn::tensor::{Device, Distribution, ExecutionError, Tensor};

use super::{KernelMap, Level, matmul, sparse_conv};
use crate::platform::Instant;

/// Side of the square floor and of the wall that are convolved, voxels.
const SIDE: i32 = 48;
/// Channels in and out.
const CHANNELS: usize = 32;
/// Rows of the product, and its inner and outer width: those of a decoder.
const PRODUCT: [usize; 3] = [1024, 256, 256];
/// How often each is measured; the fastest counts.
const RUNS: usize = 3;

/// Where a shader keeps the tiles that it multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiles {
    /// In registers: no barrier, which adapters that run on a CPU pay for dearly.
    Registers,
    /// In memory that a workgroup shares.
    Shared,
}

/// What this process's GPU computes with; it has one kind of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Of matrix products: in registers our own shader, shared burn's, which also tunes itself to the shape.
    pub product: Tiles,
    /// Of sparse convolutions.
    pub convolution: Tiles,
}

static CURRENT: RwLock<Tuning> = RwLock::new(Tuning { product: Tiles::Registers, convolution: Tiles::Registers });

impl Tuning {
    /// What is used now.
    pub fn current() -> Self {
        *CURRENT.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses these shaders from now on.
    pub fn apply(self) {
        *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = self;
    }

    /// Measures the shaders on `device`, a GPU, and uses the faster ones from now on: some hundred million products of each.
    ///
    /// # Errors
    /// The device failed.
    pub async fn measure(device: &Device) -> Result<Self, ExecutionError> {
        let mut best = Self::current();
        let mut product_ms = f64::INFINITY;
        for product in [Tiles::Registers, Tiles::Shared] {
            Self { product, ..best }.apply();
            let ms = milliseconds_of_products(device).await?;
            if ms < product_ms {
                (best.product, product_ms) = (product, ms);
            }
        }
        let mut convolution_ms = f64::INFINITY;
        for convolution in [Tiles::Registers, Tiles::Shared] {
            Self { convolution, ..best }.apply();
            let ms = milliseconds_of_convolutions(device).await?;
            if ms < convolution_ms {
                (best.convolution, convolution_ms) = (convolution, ms);
            }
        }
        best.apply();
        Ok(best)
    }
}

/// Milliseconds that `device` takes for a few sparse convolutions of a floor and a wall, shaders compiled before.
///
/// # Errors
/// The device failed.
pub async fn milliseconds_of_convolutions(device: &Device) -> Result<f64, ExecutionError> {
    let floor_and_wall: Vec<[i32; 3]> = (0..SIDE * SIDE).flat_map(|i| [[i % SIDE, i / SIDE, 0], [i % SIDE, SIDE, i / SIDE]]).collect();
    let map = Level::new(floor_and_wall).and_then(|level| KernelMap::submanifold(&level, 3)).expect("distinct voxels near the origin");
    let weight = Tensor::<3>::random([map.offsets(), CHANNELS, CHANNELS], Distribution::Uniform(-0.05, 0.05), device);
    let features = Tensor::<2>::random([map.in_rows(), CHANNELS], Distribution::Default, device);
    fastest(|| (0..RUNS).fold(features.clone(), |features, _| sparse_conv(features, weight.clone(), &map))).await
}

async fn milliseconds_of_products(device: &Device) -> Result<f64, ExecutionError> {
    let [rows, inner, outer] = PRODUCT;
    let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Default, device);
    let (a, b) = (random([rows, inner]), random([inner, outer]));
    fastest(|| matmul(a.clone(), b.clone())).await
}

async fn fastest(work: impl Fn() -> Tensor<2>) -> Result<f64, ExecutionError> {
    let mut fastest = f64::INFINITY;
    // The first one compiles shaders.
    for run in 0..=RUNS {
        let start = Instant::now();
        work().slice([0..1, 0..1]).into_data_async().await?;
        if run > 0 {
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(fastest)
}
