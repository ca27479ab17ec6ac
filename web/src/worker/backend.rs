//! Chooses the processor that runs the network by a short measurement, not by the adapter's name.
//!
//! A software adapter can be slower than wasm SIMD, and a laptop's small GPU may or may not be, so
//! both run the same small job once and the faster one is used.

use burn::tensor::{Device, ExecutionError, wgpu::MemoryConfiguration};
use segscape::ops::{Tuning, milliseconds_of_convolutions};

use crate::{
    gpu_support::{self, NoGpu},
    protocol::{BackendInfo, Processor},
};

/// A GPU that is slower than the CPU by this factor before tuning stays slower after it.
const HOPELESS: f64 = 4.0;

/// The CPU device, with the reason for choosing it.
pub fn cpu(reason: String) -> (Device, BackendInfo) {
    (
        Device::flex(),
        BackendInfo {
            processor: Processor::Cpu,
            name: "wasm SIMD".into(),
            reason,
        },
    )
}

/// The CPU device, chosen because WebGPU failed with this message.
pub fn cpu_instead(failure: &str) -> (Device, BackendInfo) {
    cpu(format!(
        "WebGPU failed, so the network runs on the CPU: {}",
        failure.lines().next().unwrap_or_default()
    ))
}

/// Chooses the device and states the reason.
pub async fn choose(forced: Option<Processor>) -> (Device, BackendInfo) {
    if forced == Some(Processor::Cpu) {
        return cpu("the address of the page has ?backend=cpu".into());
    }
    let (gpu, name) = match gpu().await {
        Ok(found) => found,
        Err(cause) => return cpu(cause),
    };
    let webgpu = |reason: String| {
        (
            gpu.clone(),
            BackendInfo {
                processor: Processor::WebGpu,
                name,
                reason,
            },
        )
    };
    match (compare(&gpu).await, forced) {
        (_, Some(Processor::WebGpu)) => {
            webgpu("the address of the page has ?backend=webgpu".into())
        }
        (Ok([gpu_ms, cpu_ms]), _) => {
            let measured = format!(
                "the same small convolutions took {gpu_ms:.1} ms with WebGPU and {cpu_ms:.1} ms with wasm SIMD"
            );
            if gpu_ms <= cpu_ms {
                webgpu(measured)
            } else {
                cpu(measured)
            }
        }
        (Err(error), _) => cpu(format!("WebGPU failed its first convolution: {error}")),
    }
}

/// Milliseconds of the same convolutions on the GPU and on the CPU. The GPU is tuned first unless
/// it is slower by more than [`HOPELESS`].
async fn compare(gpu: &Device) -> Result<[f64; 2], ExecutionError> {
    let cpu_ms = milliseconds_of_convolutions(&Device::flex()).await?;
    let gpu_ms = milliseconds_of_convolutions(gpu).await?;
    if gpu_ms > HOPELESS * cpu_ms {
        return Ok([gpu_ms, cpu_ms]);
    }
    // `false` because wgpu requests no subgroups in a browser.
    Tuning::measure(gpu, false).await?;
    Ok([milliseconds_of_convolutions(gpu).await?, cpu_ms])
}

async fn gpu() -> Result<(Device, String), String> {
    let name = gpu_support::model_adapter()
        .await
        .map_err(|cause: NoGpu| cause.to_string())?;
    let options = Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages);
    let device = options
        .init_async()
        .await
        .map_err(|error| format!("WebGPU did not start: {error}"))?;
    Ok((device, name))
}
