//! The backbones of the published networks, at their published widths and with random weights, on the shell of a room.

use burn::tensor::{Device, Distribution, Tensor};
use segscape::{
    model::{Backbone, Config, Features, Pyramid},
    platform::Instant,
};
use serde_json::json;

use super::{Bench, memory, print, shown, sparse_conv::shell};

/// One row a backbone, the fastest of all runs. Time is until the device is through, without the scene's tables of neighbours on their first use.
pub fn run(bench: &Bench, device: &Device) -> anyhow::Result<()> {
    for (name, config) in [("nano", Config::nano()), ("spconv U-Net", Config::scannet20()), ("Res16UNet34C", Config::scannet200())] {
        memory::forget_peak();
        let pyramid = Pyramid::new(shell(bench.voxels), &config.backbone)?;
        let (voxels, channels) = (pyramid.first.in_rows(), config.inputs.channels());
        let parts = Features::cuts(voxels, channels).map(|cut| Tensor::random([voxels, cut.len()], Distribution::Default, device)).collect();
        let features = Features::beside(parts);
        let backbone = Backbone::new(&config.backbone, channels, device);
        let (mut first, mut fastest) = (None, f64::INFINITY);
        for _ in 0..=bench.runs.max(1) {
            device.sync()?;
            let start = Instant::now();
            let out = backbone.forward(&features, &pyramid);
            device.sync()?;
            drop(out);
            let ms = start.elapsed().as_secs_f64() * 1e3;
            if first.is_some() {
                fastest = fastest.min(ms);
            }
            first.get_or_insert(ms);
        }
        let peak_mib = memory::peak_mib();
        let row = json!({ "backbone": name, "voxels": voxels, "ms": fastest, "first_ms": first, "peak_mib": peak_mib });
        print(bench, &row, &format!("{name:14} {voxels:8} voxels {fastest:9.1} ms {:>9}", shown(peak_mib)))?;
    }
    Ok(())
}
