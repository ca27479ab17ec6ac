//! Which of several shaders for the same thing runs: the one that was faster on the device at hand,
//! whatever the adapter is called.

use std::{
    hint::black_box,
    sync::{PoisonError, RwLock},
};

use burn::tensor::{DType, Device, Distribution, ExecutionError, Tensor};

use super::{KernelMap, Level, masked_softmax, matmul, sparse_conv};
use crate::platform::Instant;

/// Side of the square floor and of the wall that are convolved, voxels.
const SIDE: i32 = 48;
/// Channels in and out.
const CHANNELS: usize = 32;
/// Rows of the product, and its inner and outer width: those of a decoder.
const PRODUCT: [usize; 3] = [1024, 256, 256];
/// Heads, queries and keys of the softmax.
const SCORES: [usize; 3] = [8, 128, 1024];
/// Halves that are not this much faster are not worth what they round away.
const WORTH_ROUNDING: f64 = 1.1;
/// How often each is measured; the fastest counts.
const RUNS: usize = 3;

/// Where a shader keeps what it works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiles {
    /// In registers of single threads: no barrier, which adapters that run on a CPU pay for dearly.
    Registers,
    /// In memory that a workgroup shares.
    Shared,
}

/// Who computes a row of a softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftmaxRow {
    /// One thread.
    Thread,
    /// A workgroup through shared memory.
    Workgroup,
    /// A workgroup by its subgroups: only for devices that have them.
    Subgroups,
}

/// What a GPU computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Of matrix products: in registers our own shader, shared burn's, which also tunes itself to
    /// the shape.
    pub product: Tiles,
    /// Of the softmax of attention.
    pub softmax: SoftmaxRow,
    /// Of sparse convolutions.
    pub convolution: Tiles,
    /// How a backbone stores features and weights; sums are of single precision either way.
    pub storage: DType,
}

impl Default for Tuning {
    /// What every adapter can do.
    fn default() -> Self {
        Self {
            product: Tiles::Registers,
            softmax: SoftmaxRow::Thread,
            convolution: Tiles::Registers,
            storage: DType::F32,
        }
    }
}

/// The GPU in use and its tuning: a process uses one at a time, or several of one kind.
static CURRENT: RwLock<Option<(Device, Tuning)>> = RwLock::new(None);

impl Tuning {
    /// Of the GPU in use.
    pub fn current() -> Self {
        CURRENT
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|(_, tuning)| *tuning)
            .unwrap_or_default()
    }

    /// Of `device`: that of the GPU in use if it is this one.
    pub fn of(device: &Device) -> Self {
        let current = CURRENT.read().unwrap_or_else(PoisonError::into_inner);
        current
            .as_ref()
            .filter(|(tuned, _)| tuned == device)
            .map(|(_, tuning)| *tuning)
            .unwrap_or_default()
    }

    /// Uses it on `device`, a GPU, from now on.
    pub fn apply(self, device: &Device) {
        *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = Some((device.clone(), self));
    }

    /// Measures on `device`, a GPU with subgroups or without, and uses what was fastest from now
    /// on: some hundred million operations of each kind.
    ///
    /// # Errors
    /// The device failed.
    pub async fn measure(device: &Device, subgroups: bool) -> Result<Self, ExecutionError> {
        let tiles = [Tiles::Registers, Tiles::Shared];
        let (mut best, mut fastest) = (Self::default(), f64::INFINITY);
        for product in tiles {
            Self { product, ..best }.apply(device);
            let ms = milliseconds_of_products(device).await?;
            if ms < fastest {
                (best.product, fastest) = (product, ms);
            }
        }
        fastest = f64::INFINITY;
        let rows = [
            SoftmaxRow::Thread,
            SoftmaxRow::Workgroup,
            SoftmaxRow::Subgroups,
        ];
        for softmax in rows
            .into_iter()
            .filter(|row| subgroups || *row != SoftmaxRow::Subgroups)
        {
            Self { softmax, ..best }.apply(device);
            let ms = milliseconds_of_softmaxes(device).await?;
            if ms < fastest {
                (best.softmax, fastest) = (softmax, ms);
            }
        }
        fastest = f64::INFINITY;
        let storages = [DType::F32, DType::F16]
            .into_iter()
            .filter(|storage| device.supports_dtype(*storage));
        for (storage, convolution) in
            storages.flat_map(|storage| tiles.map(|tiles| (storage, tiles)))
        {
            let tuning = Self {
                convolution,
                storage,
                ..best
            };
            tuning.apply(device);
            let ms = milliseconds_of_convolutions(device).await?;
            let gain = if storage == DType::F16 {
                WORTH_ROUNDING
            } else {
                1.0
            };
            if ms * gain < fastest {
                (best, fastest) = (tuning, ms);
            }
        }
        best.apply(device);
        Ok(best)
    }
}

/// Milliseconds that `device` takes for a few sparse convolutions of a floor and a wall, tuned as
/// it is, shaders compiled before.
///
/// # Errors
/// The device failed.
pub async fn milliseconds_of_convolutions(device: &Device) -> Result<f64, ExecutionError> {
    let floor_and_wall: Vec<[i32; 3]> = (0..SIDE * SIDE)
        .flat_map(|i| [[i % SIDE, i / SIDE, 0], [i % SIDE, SIDE, i / SIDE]])
        .collect();
    let map = Level::new(floor_and_wall)
        .and_then(|level| KernelMap::submanifold(&level, 3))
        .expect("distinct voxels near the origin");
    let storage = Tuning::of(device).storage;
    let weight = Tensor::<3>::random(
        [map.offsets(), CHANNELS, CHANNELS],
        Distribution::Uniform(-0.05, 0.05),
        device,
    )
    .cast(storage);
    let features =
        Tensor::<2>::random([map.in_rows(), CHANNELS], Distribution::Default, device).cast(storage);
    fastest(|| {
        (0..RUNS).fold(features.clone(), |features, _| {
            sparse_conv(features, weight.clone(), &map)
        })
    })
    .await
}

async fn milliseconds_of_products(device: &Device) -> Result<f64, ExecutionError> {
    let [rows, inner, outer] = PRODUCT;
    let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Default, device);
    let (a, b) = (random([rows, inner]), random([inner, outer]));
    fastest(|| matmul(a.clone(), b.clone())).await
}

async fn milliseconds_of_softmaxes(device: &Device) -> Result<f64, ExecutionError> {
    let [heads, queries, keys] = SCORES;
    let scores = Tensor::<3>::random(SCORES, Distribution::Default, device);
    fastest(|| masked_softmax(scores.clone(), None, keys).reshape([heads * queries, keys])).await
}

async fn fastest(work: impl Fn() -> Tensor<2>) -> Result<f64, ExecutionError> {
    let mut fastest = f64::INFINITY;
    // The first one compiles shaders.
    for run in 0..=RUNS {
        let start = Instant::now();
        let value = work().slice([0..1, 0..1]).into_data_async().await?;
        // Natively a read waits for the device only when what it read is looked at.
        black_box(value.as_bytes().first());
        if run > 0 {
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(fastest)
}
