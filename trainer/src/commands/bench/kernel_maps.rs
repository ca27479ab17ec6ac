//! Measures how long a device takes to build the kernel maps of a scene: all tables of neighbours
//! that a published U-Net reads.

use burn::tensor::{Device, Distribution, Tensor};
use segscape::{
    model::{Config, Neighborhood, Pyramid},
    ops::{KernelMap, sparse_conv},
    platform::Instant,
};
use serde_json::json;

use super::{Bench, print, sparse_conv::shell};

/// Channels of the convolutions that make the device build its tables.
const CHANNELS: usize = 4;

/// Prints one row: the milliseconds by which narrow convolutions through all maps take longer when
/// the maps are new than when they are on the device. The fastest and the median of all runs but
/// the first, which also compiles shaders.
///
/// # Errors
/// If the device fails.
pub fn run(bench: &Bench, device: &Device) -> anyhow::Result<()> {
    let config = Config::nano();
    let (mut times, mut voxels) = (Vec::new(), 0);
    for run in 0..=bench.runs.max(1) {
        let pyramid = Pyramid::new(shell(bench.voxels), &config.backbone)?;
        let maps = maps(&pyramid);
        voxels = pyramid.first.in_rows();
        let (new, known) = (through(&maps, device)?, through(&maps, device)?);
        if run > 0 {
            times.push(new - known);
        }
    }
    times.sort_by(f64::total_cmp);
    let (fastest, median) = (times[0], times[times.len() / 2]);
    let row = json!({ "part": format!("{voxels} voxels"), "ms": fastest, "median_ms": median });
    let text = format!("kernel maps of {voxels} voxels {fastest:9.2} ms, median {median:9.2} ms");
    Ok(print(bench, &row, &text)?)
}

fn maps(pyramid: &Pyramid) -> Vec<KernelMap> {
    let within = |Neighborhood { around, itself }: &Neighborhood| [around.clone(), itself.clone()];
    let between = |map: &KernelMap| [map.clone(), map.inverse()];
    [pyramid.first.clone()]
        .into_iter()
        .chain(pyramid.neighbors.iter().flat_map(within))
        .chain(pyramid.children.iter().flat_map(between))
        .collect()
}

fn through(maps: &[KernelMap], device: &Device) -> anyhow::Result<f64> {
    let random = |rows: usize| Tensor::<2>::random([rows, CHANNELS], Distribution::Default, device);
    let inputs: Vec<(Tensor<2>, Tensor<3>)> = maps
        .iter()
        .map(|map| {
            let weight = random(map.offsets() * CHANNELS);
            (
                random(map.in_rows()),
                weight.reshape([map.offsets(), CHANNELS, CHANNELS]),
            )
        })
        .collect();
    device.sync()?;
    let start = Instant::now();
    for ((x, w), map) in inputs.into_iter().zip(maps) {
        drop(sparse_conv(x, w, map));
    }
    device.sync()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}
