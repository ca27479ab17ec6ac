//! Measures every operation that a GPU has a shader for, in each of its variants, beside the
//! operations and bytes that it takes by its definition.

use burn::tensor::{DType, Device, Distribution, Tensor};
use segscape::ops::{
    KernelMap, Level, SegmentMap, SoftmaxRow, Tiles, Tuning, affine, masked_softmax, matmul,
    normalize, segment_mean, sine, sparse_conv,
};

use super::{
    Bench, print,
    sparse_conv::{pairs_of, shell},
    timing::{OperationCost, fastest},
};

/// Batch, rows, inner and outer width of the products: a decoder's linear layer, few rows and a long
/// sum, and attention's scores.
const PRODUCTS: [[usize; 4]; 3] = [
    [1, 1000, 256, 256],
    [1, 128, 1024, 256],
    [8, 1000, 64, 1000],
];
/// Heads, queries and keys of the softmax.
const SCORES: [usize; 3] = [8, 1000, 1000];
/// Voxels of the coarse levels, whose convolutions have few rows, and their channels.
const FEW_VOXELS: [usize; 2] = [500, 2000];
const COARSE_CHANNELS: usize = 128;
/// Channels of the passes over the features of voxels.
const CHANNELS: usize = 64;
/// Voxels per superpoint.
const SEGMENT: usize = 14;
/// Bytes of a number.
const NUMBER: f64 = 4.0;

/// Where the operations are measured.
struct Place<'a> {
    bench: &'a Bench,
    device: &'a Device,
}

/// Prints one row per operation, size and variant. `subgroups` says whether shaders on the device
/// may use them.
///
/// # Errors
/// If the device fails.
pub fn run(bench: &Bench, device: &Device, subgroups: bool) -> anyhow::Result<()> {
    let place = Place { bench, device };
    let chosen = Tuning::of(device);
    for (product, split) in ways() {
        let tuning = Tuning {
            product,
            split,
            ..chosen
        };
        tuning.apply(device);
        PRODUCTS
            .into_iter()
            .try_for_each(|sizes| place.product(sizes, named(product, split)))?;
    }
    let rows = SoftmaxRow::ALL.into_iter();
    for softmax in rows.filter(|row| subgroups || *row != SoftmaxRow::Subgroups) {
        Tuning { softmax, ..chosen }.apply(device);
        place.softmax(softmax)?;
    }
    let storages = [DType::F32, DType::F16].into_iter();
    for storage in storages.filter(|dtype| device.supports_dtype(*dtype)) {
        // Pieces of a sum are f32.
        for (convolution, split) in ways().filter(|(_, split)| !split || storage == DType::F32) {
            let tuning = Tuning {
                convolution,
                split,
                storage,
                ..chosen
            };
            tuning.apply(device);
            FEW_VOXELS.into_iter().try_for_each(|voxels| {
                place.convolution(voxels, named(convolution, split), storage)
            })?;
        }
    }
    chosen.apply(device);
    place.passes()
}

impl Place<'_> {
    fn report(
        &self,
        (operation, size, variant): (&'static str, String, String),
        [flop, bytes]: [f64; 2],
        work: impl FnMut() -> Tensor<2>,
    ) -> anyhow::Result<()> {
        let ms = fastest(self.device, self.bench.runs, work)?;
        let cost = OperationCost {
            operation,
            size,
            variant,
            flop,
            bytes,
            ms,
        };
        Ok(print(self.bench, &cost.row(), &cost.text())?)
    }

    fn random<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        Tensor::random(shape, Distribution::Default, self.device)
    }

    fn product(&self, [batch, m, k, n]: [usize; 4], variant: String) -> anyhow::Result<()> {
        let (a, b) = (self.random([batch, m, k]), self.random([batch, k, n]));
        let numbers = (batch * (m * k + k * n + m * n)) as f64;
        self.report(
            ("product", format!("{batch} x {m} x {k} x {n}"), variant),
            [2.0 * (batch * m * k * n) as f64, NUMBER * numbers],
            || matmul(a.clone(), b.clone()).flatten(0, 1),
        )
    }

    fn softmax(&self, row: SoftmaxRow) -> anyhow::Result<()> {
        let [heads, queries, keys] = SCORES;
        let (scores, mask) = (self.random(SCORES), self.random([queries, keys]) - 0.5);
        let numbers = (2 * heads * queries * keys + heads * queries * keys) as f64;
        self.report(
            (
                "masked softmax",
                format!("{heads} x {queries} x {keys}"),
                variant(row),
            ),
            [6.0 * (heads * queries * keys) as f64, NUMBER * numbers],
            || masked_softmax(scores.clone(), Some(mask.clone()), keys).flatten(0, 1),
        )
    }

    fn convolution(&self, voxels: usize, way: String, storage: DType) -> anyhow::Result<()> {
        let map = KernelMap::submanifold(&Level::new(shell(voxels))?, 3)?;
        let (rows, offsets, width) = (map.out_rows(), map.offsets(), COARSE_CHANNELS);
        let x = self.random([rows, width]).cast(storage);
        let w = self.random([offsets, width, width]).cast(storage);
        let pairs = pairs_of(&map);
        let values = (pairs * width + rows * width + offsets * width * width) as f64;
        let table = NUMBER * (offsets * rows) as f64;
        self.report(
            (
                "sparse convolution",
                format!("{rows} voxels, {width} channels"),
                format!("{way}, {}", variant(storage)),
            ),
            [
                2.0 * (pairs * width * width) as f64,
                values * storage.size() as f64 + table,
            ],
            || sparse_conv(x.clone(), w.clone(), &map),
        )
    }

    /// The operations with one shader, each a pass over the features of voxels.
    fn passes(&self) -> anyhow::Result<()> {
        let rows = self.bench.voxels;
        let (values, segments) = ((rows * CHANNELS) as f64, rows.div_ceil(SEGMENT));
        let size = format!("{rows} x {CHANNELS}");
        let x = self.random([rows, CHANNELS]);
        let named = |operation| (operation, size.clone(), String::new());
        let scales = self.random([2, CHANNELS]);
        self.report(
            named("affine"),
            [3.0 * values, 2.0 * NUMBER * values],
            || affine(x.clone(), scales.clone(), true),
        )?;
        let one = Tensor::<1>::ones([CHANNELS], self.device);
        self.report(
            named("normalization"),
            [5.0 * values, 3.0 * NUMBER * values],
            || normalize(x.clone(), one.clone(), one.clone(), 1e-3, true).output,
        )?;
        self.report(named("sine"), [values, 2.0 * NUMBER * values], || {
            sine(x.clone())
        })?;
        let segment_of: Vec<u32> = (0..rows).map(|row| (row / SEGMENT) as u32).collect();
        let row_of: Vec<u32> = (0..rows as u32).collect();
        let map = SegmentMap::new(&segment_of, &row_of, segments, rows)?;
        let bytes = NUMBER * (values + (segments * CHANNELS) as f64);
        self.report(named("segment mean"), [2.0 * values, bytes], || {
            segment_mean(x.clone(), &map)
        })
    }
}

/// Where tiles are, and whether sums of few rows are split, which those in registers can be.
fn ways() -> impl Iterator<Item = (Tiles, bool)> {
    Tiles::ALL
        .into_iter()
        .flat_map(|tiles| [(tiles, false), (tiles, true)])
        .filter(|(tiles, split)| !split || *tiles == Tiles::Registers)
}

fn named(tiles: Tiles, split: bool) -> String {
    variant(tiles) + if split { ", split" } else { "" }
}

/// The name of a variant.
pub fn variant(choice: impl std::fmt::Debug) -> String {
    format!("{choice:?}").to_lowercase()
}
