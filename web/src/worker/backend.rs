//! Where the network runs: decided by a short measurement, not by the adapter's name.
//!
//! A software adapter can be slower than wasm SIMD, and a laptop's small GPU may or may not be, so both do the same small
//! job once and the faster one is taken.

use burn::tensor::{Device, Distribution, Tensor, wgpu::MemoryConfiguration};
use segscape::ops::{KernelMap, sparse_conv};

use crate::{
    browser,
    gpu_support::{self, NoGpu},
    protocol::{BackendInfo, Processor},
};

/// Side of the square floor and of the wall that are convolved, voxels.
const SIDE: i32 = 48;
/// Channels in and out.
const CHANNELS: usize = 32;
/// Convolutions in one measurement.
const RUNS: usize = 3;

/// The CPU, and why it.
pub fn cpu(reason: String) -> (Device, BackendInfo) {
    (Device::flex(), BackendInfo { processor: Processor::Cpu, name: "wasm SIMD".into(), reason })
}

/// The device to use and why.
pub async fn choose(forced: Option<Processor>) -> (Device, BackendInfo) {
    if forced == Some(Processor::Cpu) {
        return cpu("asked for by ?backend=cpu".into());
    }
    let (gpu, name) = match gpu().await {
        Ok(found) => found,
        Err(cause) => return cpu(cause),
    };
    let webgpu = |reason: String| (gpu.clone(), BackendInfo { processor: Processor::WebGpu, name, reason });
    if forced == Some(Processor::WebGpu) {
        return webgpu("asked for by ?backend=webgpu".into());
    }
    match (measure(&gpu).await, measure(&Device::flex()).await) {
        (Ok(gpu_ms), Ok(cpu_ms)) => {
            let measured = format!("the same small convolutions took {gpu_ms:.1} ms with WebGPU and {cpu_ms:.1} ms with wasm SIMD");
            if gpu_ms <= cpu_ms { webgpu(measured) } else { cpu(measured) }
        }
        (Err(error), _) => cpu(format!("WebGPU failed its first convolution: {error}")),
        (_, Err(error)) => webgpu(format!("the CPU failed its first convolution: {error}")),
    }
}

async fn gpu() -> Result<(Device, String), String> {
    let name = gpu_support::model_adapter().await.map_err(|cause: NoGpu| cause.to_string())?;
    let options = Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages);
    let device = options.init_async().await.map_err(|error| format!("WebGPU did not start: {error}"))?;
    Ok((device, name))
}

/// Milliseconds for a few sparse convolutions of a floor and a wall, without the first one, which compiles shaders.
async fn measure(device: &Device) -> Result<f64, String> {
    let floor_and_wall: Vec<[i32; 3]> = (0..SIDE * SIDE).flat_map(|i| [[i % SIDE, i / SIDE, 0], [i % SIDE, SIDE, i / SIDE]]).collect();
    let map = KernelMap::submanifold(&floor_and_wall, 3).map_err(|error| error.to_string())?;
    let weight = Tensor::<3>::random([map.offsets(), CHANNELS, CHANNELS], Distribution::Uniform(-0.05, 0.05), device);
    let mut features = Tensor::<2>::random([floor_and_wall.len(), CHANNELS], Distribution::Default, device);
    let mut start = 0.0;
    for run in 0..=RUNS {
        features = sparse_conv(features, weight.clone(), &map);
        if run == 0 {
            read(&features).await?;
            start = browser::now();
        }
    }
    read(&features).await?;
    Ok(browser::now() - start)
}

/// Waits until the tensor is there.
async fn read(tensor: &Tensor<2>) -> Result<(), String> {
    tensor.clone().slice([0..1, 0..1]).into_data_async().await.map(drop).map_err(|error| error.to_string())
}
