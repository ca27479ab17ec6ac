//! Choice between several shaders for the same operation: the one that was fastest on the device
//! runs, whatever the name of the adapter.

use std::{
    hint::black_box,
    sync::{PoisonError, RwLock},
};

use burn::tensor::{DType, Device, Distribution, ExecutionError, Tensor};

use super::{KernelMap, Level, masked_softmax, matmul, sparse_conv};
use crate::platform::Instant;

/// Side of the square floor and of the wall that are convolved, in voxels.
const SIDE: i32 = 48;
/// Input and output channels.
const CHANNELS: usize = 32;
/// Rows, inner width and outer width of the product: those of a decoder.
const PRODUCT: [usize; 3] = [1024, 256, 256];
/// Heads, queries and keys of the softmax.
const SCORES: [usize; 3] = [8, 128, 1024];
/// Side of a square floor with the voxels of a coarse level, and their channels.
const COARSE: [usize; 2] = [16, 64];
/// Rows, inner width and outer width of a product of few rows.
const FEW_ROWS: [usize; 3] = [64, 1024, 64];
/// Minimum speed-up at which f16 storage is worth its rounding errors.
const WORTH_ROUNDING: f64 = 1.1;
/// Number of measured runs; the fastest counts.
const RUNS: usize = 3;

/// Memory in which a shader keeps its tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiles {
    /// Registers of single threads: no barriers, which are expensive on adapters that run on a CPU.
    Registers,
    /// Memory that a workgroup shares.
    Shared,
}

impl Tiles {
    /// All alternatives.
    pub const ALL: [Self; 2] = [Self::Registers, Self::Shared];
}

/// Threads that compute a row of a softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftmaxRow {
    /// One thread.
    Thread,
    /// A workgroup, through shared memory.
    Workgroup,
    /// A workgroup, through its subgroups: only for devices that have them.
    Subgroups,
}

impl SoftmaxRow {
    /// All alternatives.
    pub const ALL: [Self; 3] = [Self::Thread, Self::Workgroup, Self::Subgroups];
}

/// The shaders and the storage type that a GPU uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// For matrix products: in registers the shader of this crate, shared burn's implementation,
    /// which also tunes itself to the shape.
    pub product: Tiles,
    /// For the softmax of attention.
    pub softmax: SoftmaxRow,
    /// For sparse convolutions.
    pub convolution: Tiles,
    /// Whether the sums of convolutions and products of few rows are split over more threads, with a
    /// second pass, where tiles are in registers.
    pub split: bool,
    /// Type in which a backbone stores features and weights; sums are f32 in either case.
    pub storage: DType,
}

impl Default for Tuning {
    /// The settings that every adapter supports.
    fn default() -> Self {
        Self {
            product: Tiles::Registers,
            softmax: SoftmaxRow::Thread,
            convolution: Tiles::Registers,
            split: false,
            storage: DType::F32,
        }
    }
}

/// The tuning of every device that has one of its own.
static TUNED: RwLock<Vec<(Device, Tuning)>> = RwLock::new(Vec::new());

impl Tuning {
    /// The tuning of `device`: the default until another one is applied.
    pub fn of(device: &Device) -> Self {
        let tuned = TUNED.read().unwrap_or_else(PoisonError::into_inner);
        tuned
            .iter()
            .find(|(known, _)| known == device)
            .map(|(_, tuning)| *tuning)
            .unwrap_or_default()
    }

    /// Uses this tuning on `device`, a GPU, from now on.
    pub fn apply(self, device: &Device) {
        let mut tuned = TUNED.write().unwrap_or_else(PoisonError::into_inner);
        match tuned.iter_mut().find(|(known, _)| known == device) {
            Some((_, tuning)) => *tuning = self,
            None => tuned.push((device.clone(), self)),
        }
    }

    /// Measures all alternatives on `device`, a GPU with or without `subgroups`, and uses the
    /// fastest from now on. This takes some hundred million operations of each kind.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn measure(device: &Device, subgroups: bool) -> Result<Self, ExecutionError> {
        let (mut best, mut fastest) = (Self::default(), f64::INFINITY);
        for product in Tiles::ALL {
            Self { product, ..best }.apply(device);
            let ms = milliseconds_of_products(device).await?;
            if ms < fastest {
                (best.product, fastest) = (product, ms);
            }
        }
        fastest = f64::INFINITY;
        for softmax in SoftmaxRow::ALL
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
            storages.flat_map(|storage| Tiles::ALL.map(|tiles| (storage, tiles)))
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
        fastest = f64::INFINITY;
        for split in [false, true] {
            Self { split, ..best }.apply(device);
            let ms = milliseconds_of_few_rows(device).await?;
            if ms < fastest {
                (best.split, fastest) = (split, ms);
            }
        }
        best.apply(device);
        Ok(best)
    }
}

/// Measures the milliseconds that `device` takes for a few sparse convolutions of a floor and a
/// wall, with its current tuning and without compilation of shaders.
///
/// # Errors
/// If the device fails.
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

/// A convolution of a coarse level, then a product of few rows.
async fn milliseconds_of_few_rows(device: &Device) -> Result<f64, ExecutionError> {
    let [side, channels] = COARSE;
    let floor = (0..side * side).map(|i| [(i % side) as i32, (i / side) as i32, 0]);
    let map = Level::new(floor.collect())
        .and_then(|level| KernelMap::submanifold(&level, 3))
        .expect("distinct voxels near the origin");
    let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Default, device);
    let weight = random([map.offsets() * channels, channels]);
    let weight = weight.reshape([map.offsets(), channels, channels]);
    let features = random([map.in_rows(), channels]);
    let [rows, inner, outer] = FEW_ROWS;
    let (a, b) = (random([rows, inner]), random([inner, outer]));
    fastest(|| {
        let product = matmul(a.clone(), b.clone());
        sparse_conv(features.clone(), weight.clone(), &map).narrow(0, 0, rows) + product
    })
    .await
}

async fn milliseconds_of_softmaxes(device: &Device) -> Result<f64, ExecutionError> {
    let [heads, queries, keys] = SCORES;
    let scores = Tensor::<3>::random(SCORES, Distribution::Default, device);
    fastest(|| masked_softmax(scores.clone(), None, keys).reshape([heads * queries, keys])).await
}

async fn fastest(work: impl Fn() -> Tensor<2>) -> Result<f64, ExecutionError> {
    let mut fastest = f64::INFINITY;
    // The first run compiles shaders.
    for run in 0..=RUNS {
        let start = Instant::now();
        let value = work().slice([0..1, 0..1]).into_data_async().await?;
        // On native targets a read waits for the device only when its bytes are accessed.
        black_box(value.as_bytes().first());
        if run > 0 {
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(fastest)
}
