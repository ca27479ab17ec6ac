//! The GPU under test: a software adapter natively, the browser's in a browser.

use std::sync::OnceLock;

use burn::tensor::{
    Device,
    wgpu::{MemoryConfiguration, WgpuSetup},
};

/// A device and what it can hold.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The device.
    pub device: Device,
    /// Bytes of its largest tensor.
    pub largest: u64,
}

/// The CPU.
pub fn cpu() -> Subject {
    Subject { device: Device::flex(), largest: u64::MAX }
}

/// The GPU, initialised once per process as the product does it: every tensor in a buffer of its own, because the shaders declare what they
/// only read and WebGPU refuses one buffer in both roles.
///
/// # Panics
/// If there is no adapter: a proof that did not run must not look green.
pub async fn gpu() -> Subject {
    static GPU: OnceLock<Subject> = OnceLock::new();
    let options = || Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages);
    let subject = |(device, setup): (Device, WgpuSetup)| Subject { device, largest: setup.device.limits().max_storage_buffer_binding_size };
    #[cfg(not(target_family = "wasm"))]
    return GPU
        .get_or_init(|| subject(options().init_with_setup().expect("a Vulkan adapter; the package mesa-vulkan-drivers has a software one")))
        .clone();
    #[cfg(target_family = "wasm")]
    {
        if GPU.get().is_none() {
            drop(GPU.set(subject(options().init_with_setup_async().await.expect("a WebGPU adapter"))));
        }
        GPU.get().expect("set above").clone()
    }
}
