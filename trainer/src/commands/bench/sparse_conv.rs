//! Compares sparse convolution and its gradients with burn's dense matrix products of as many
//! multiplications.

use burn::tensor::{Device, Distribution, Tensor};
use segscape::ops::{
    BINDING_LIMIT, KernelMap, Level, Tuning, sparse_conv, sparse_conv_grad_input,
    sparse_conv_grad_weight,
};
use serde_json::json;

use super::{
    Bench, print,
    timing::{milliseconds, times_of},
};

const CHANNELS: [usize; 3] = [32, 64, 128];

/// Prints one row per width and pass, with the fastest of all runs.
pub fn run(bench: &Bench, device: &Device) -> anyhow::Result<()> {
    let map = KernelMap::submanifold(&Level::new(shell(bench.voxels))?, 3)?;
    CHANNELS
        .into_iter()
        .try_for_each(|channels| passes(bench, &map, channels, device))
}

/// The number of pairs of voxels that meet under a kernel.
pub(super) fn pairs_of(map: &KernelMap) -> usize {
    let met = |k| map.inputs().pairs(k).len();
    (0..map.offsets()).map(met).sum()
}

fn passes(bench: &Bench, map: &KernelMap, channels: usize, device: &Device) -> anyhow::Result<()> {
    let voxels = map.out_rows();
    let pairs = pairs_of(map);
    let tuning = Tuning::of(device);
    let variant = format!("{:?}, {:?}", tuning.convolution, tuning.storage).to_lowercase();
    let random = |rows: usize| Tensor::<2>::random([rows, channels], Distribution::Default, device);
    let (x, grad, weight) = (
        random(voxels),
        random(voxels),
        random(map.offsets() * channels).reshape([map.offsets(), channels, channels]),
    );
    // The device may not be able to hold all pairs at once: the largest part that it can bind is
    // measured, and its time is scaled to all pairs.
    let part = pairs.min(BINDING_LIMIT / size_of::<f32>() / channels);
    let (rows, other_rows, matrix) = (random(part), random(part), random(channels));
    let passes: [(&str, Work, Work); 3] = [
        (
            "forward",
            &|| sparse_conv(x.clone(), weight.clone(), map).flatten(0, 1),
            &|| rows.clone().matmul(matrix.clone()).flatten(0, 1),
        ),
        (
            "grad_input",
            &|| sparse_conv_grad_input(grad.clone(), weight.clone(), map).flatten(0, 1),
            &|| {
                rows.clone()
                    .matmul(matrix.clone().transpose())
                    .flatten(0, 1)
            },
        ),
        (
            "grad_weight",
            &|| sparse_conv_grad_weight(x.clone(), grad.clone(), map).flatten(0, 2),
            &|| {
                rows.clone()
                    .transpose()
                    .matmul(other_rows.clone())
                    .flatten(0, 1)
            },
        ),
    ];
    for (pass, sparse, dense) in passes {
        let (mut ms, mut dense_ms) = (f64::INFINITY, f64::INFINITY);
        // The two alternate, so that any other load on the machine slows down both.
        let (times, dense_times) = (times_of(device, sparse)?, times_of(device, dense)?);
        for _ in 0..bench.runs.max(1) {
            ms = ms.min(milliseconds(device, times, sparse)?);
            let of_part = milliseconds(device, dense_times, dense)?;
            dense_ms = dense_ms.min(of_part * pairs as f64 / part as f64);
        }
        let ratio = dense_ms / ms;
        let gflops = 2e-6 * (pairs * channels * channels) as f64 / ms;
        // Both sides of a pair are gathered for the gradient to the weight; otherwise one is, and
        // the other is written once.
        let gathered = if pass == "grad_weight" {
            2 * pairs
        } else {
            pairs + voxels
        };
        let numbers = gathered * channels + map.offsets() * (voxels + channels * channels);
        let bytes = (numbers * size_of::<f32>()) as f64;
        let row = json!({
            "operation": format!("sparse convolution, {pass}"),
            "size": format!("{voxels} voxels, {channels} channels"),
            "variant": variant,
            "gigaflop": gflops * ms / 1e3,
            "megabytes": bytes / 1e6,
            "gigabytes_per_second": bytes / ms / 1e6,
            "channels": channels,
            "voxels": voxels,
            "pairs": pairs,
            "pass": pass,
            "ms": ms,
            "gflops": gflops,
            "dense_matmul_ms": dense_ms,
            "ratio_to_dense_matmul": ratio,
        });
        let text = format!(
            "{pass:12} {channels:4} channels {voxels:8} voxels {ms:9.1} ms, {gflops:6.1} GFLOPS, {ratio:.2} of a dense product's"
        );
        print(bench, &row, &text)?;
    }
    Ok(())
}

/// About `voxels` voxels of the walls, the floor and the ceiling of a room, with holes as in scans;
/// each voxel has seven to eight neighbours.
pub(super) fn shell(voxels: usize) -> Vec<[i32; 3]> {
    /// Number of cells of the shell, out of 256, that are kept.
    const KEPT: u32 = 217;
    // a room with edges 15 : 13 : 11 has 2 (15 13 + 13 11 + 11 15) cells per squared unit
    let unit = (voxels as f64 * 256.0 / f64::from(KEPT) / 1006.0).sqrt();
    let [x, y, z] = [15.0, 13.0, 11.0].map(|edge| (edge * unit).round().max(1.0) as i32);
    let cells = (0..z).flat_map(|k| (0..y).flat_map(move |j| (0..x).map(move |i| [i, j, k])));
    let is_wall = |[i, j, k]: &[i32; 3]| {
        [(*i, x), (*j, y), (*k, z)]
            .iter()
            .any(|&(at, edge)| at == 0 || at == edge - 1)
    };
    let hash = |[i, j, k]: &[i32; 3]| {
        ((*i as u32).wrapping_mul(73_856_093)
            ^ (*j as u32).wrapping_mul(19_349_663)
            ^ (*k as u32).wrapping_mul(83_492_791))
        .wrapping_mul(0x9E37_79B9)
            >> 24
    };
    cells
        .filter(is_wall)
        .filter(|cell| hash(cell) < KEPT)
        .collect()
}

/// An operation to measure.
type Work<'a> = &'a dyn Fn() -> Tensor<1>;
