//! Measures the backbones of the published networks, at their published widths and with random
//! weights, on the shell of a room.

use std::ops::Range;

use burn::tensor::{Device, Distribution, Tensor};
use segscape::{
    model::{Backbone, Config, Features, Pyramid},
    platform::Instant,
};
use serde_json::json;

use super::{Bench, memory, print, shown, sparse_conv::shell};

/// Prints one row per backbone: the fastest of all runs but the first, which also compiles kernels
/// and builds the scene's neighbour tables; if there are no more runs, the first. The time is
/// measured until the device has finished.
pub fn run(bench: &Bench, device: &Device) -> anyhow::Result<()> {
    let backbones = [
        ("nano", "nano", Config::nano()),
        ("scannet20", "spconv U-Net", Config::scannet20()),
        ("scannet200", "Res16UNet34C", Config::scannet200()),
    ];
    for (config_name, name, config) in backbones {
        if bench
            .backbone
            .as_deref()
            .is_some_and(|wanted| wanted != config_name)
        {
            continue;
        }
        memory::forget_peak();
        let pyramid = Pyramid::new(shell(bench.voxels), &config.backbone)?;
        let (voxels, channels) = (pyramid.first.in_rows(), config.inputs.channels());
        let noise =
            |cut: Range<usize>| Tensor::random([voxels, cut.len()], Distribution::Default, device);
        let backbone = Backbone::new(&config.backbone, channels, device);
        let (mut first, mut fastest) = (None, f64::INFINITY);
        for _ in 0..=bench.runs {
            let features = Features::concat(Features::cuts(voxels, channels).map(noise).collect());
            device.sync()?;
            let start = Instant::now();
            let out = backbone.forward(features, &pyramid);
            device.sync()?;
            drop(out);
            let ms = start.elapsed().as_secs_f64() * 1e3;
            if first.is_some() {
                fastest = fastest.min(ms);
            }
            first.get_or_insert(ms);
        }
        let fastest = if fastest.is_finite() {
            fastest
        } else {
            first.unwrap_or_default()
        };
        let peak_mib = memory::peak_mib();
        let row = json!({ "backbone": name, "voxels": voxels, "ms": fastest, "first_ms": first, "peak_mib": peak_mib });
        print(
            bench,
            &row,
            &format!(
                "{name:14} {voxels:8} voxels {fastest:9.1} ms {:>9}",
                shown(peak_mib)
            ),
        )?;
    }
    Ok(())
}
