//! The GPU under test: a software adapter natively, the browser's in a browser.

use std::{ops::RangeInclusive, sync::OnceLock};

#[cfg(not(target_family = "wasm"))]
use burn::tensor::wgpu::wgpu::DeviceDescriptor;
use burn::tensor::{
    Device,
    wgpu::{MemoryConfiguration, WgpuOptions, WgpuSetup, wgpu::Features},
};

/// A device and what it can hold.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The device.
    pub device: Device,
    /// Bytes of the tensors that it is asked for.
    pub tensors: RangeInclusive<u64>,
    /// Whether its shaders may use subgroups.
    pub subgroups: bool,
}

/// The CPU.
pub fn cpu() -> Subject {
    Subject {
        device: Device::flex(),
        tensors: 0..=u64::MAX,
        subgroups: false,
    }
}

/// The GPU, initialised once per process as the product does it: every tensor in a buffer of its
/// own, because the shaders declare what they only read and WebGPU refuses one buffer in both
/// roles.
///
/// # Panics
/// If there is no adapter: a proof that did not run must not look green.
#[cfg(not(target_family = "wasm"))]
pub async fn gpu() -> Subject {
    adapter().0.clone()
}

/// The same adapter with the limits that every device with WebGPU has, and no more.
///
/// # Panics
/// If there is no adapter.
#[cfg(not(target_family = "wasm"))]
pub fn smallest_gpu() -> Subject {
    static SMALLEST: OnceLock<Subject> = OnceLock::new();
    let open = || {
        let setup = adapter().1.clone();
        // The default limits are WebGPU's; halves and subgroups have shaders of their own. Burn
        // asks the adapter, not the device, whether it may index by 64 bits.
        let required_features = setup.adapter.features()
            & (Features::SHADER_INT64 | Features::SHADER_F16 | Features::SUBGROUP);
        let wanted = DeviceDescriptor {
            required_features,
            ..DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(setup.adapter.request_device(&wanted))
            .expect("a device with the default limits");
        let setup = WgpuSetup {
            device,
            queue,
            ..setup
        };
        subject((
            options()
                .setup(setup.clone())
                .init()
                .expect("a device of burn's"),
            setup,
        ))
        .0
    };
    SMALLEST.get_or_init(open).clone()
}

/// The GPU with all that it offers, for tensors that the smallest cannot hold; says so where it
/// offers no more.
///
/// # Panics
/// If there is no adapter.
#[cfg(not(target_family = "wasm"))]
pub fn large_gpu() -> Option<Subject> {
    let (
        Subject {
            device,
            tensors,
            subgroups,
        },
        smallest,
    ) = (adapter().0.clone(), smallest_gpu());
    if tensors.end() == smallest.tensors.end() {
        eprintln!(
            "skipped: this adapter binds at most {} bytes, as every other does",
            tensors.end()
        );
        return None;
    }
    Some(Subject {
        device,
        tensors: smallest.tensors.end() + 1..=*tensors.end(),
        subgroups,
    })
}

#[cfg(not(target_family = "wasm"))]
fn adapter() -> &'static (Subject, WgpuSetup) {
    static GPU: OnceLock<(Subject, WgpuSetup)> = OnceLock::new();
    GPU.get_or_init(|| {
        subject(
            options()
                .init_with_setup()
                .expect("a Vulkan adapter; the package mesa-vulkan-drivers has a software one"),
        )
    })
}

/// The browser's GPU, initialised once.
///
/// # Panics
/// If there is no adapter.
#[cfg(target_family = "wasm")]
pub async fn gpu() -> Subject {
    static GPU: OnceLock<Subject> = OnceLock::new();
    if GPU.get().is_none() {
        drop(
            GPU.set(
                subject(
                    options()
                        .init_with_setup_async()
                        .await
                        .expect("a WebGPU adapter"),
                )
                .0,
            ),
        );
    }
    GPU.get().expect("set above").clone()
}

fn options() -> WgpuOptions {
    Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages)
}

fn subject((device, setup): (Device, WgpuSetup)) -> (Subject, WgpuSetup) {
    let tensors = 0..=setup.device.limits().max_storage_buffer_binding_size;
    (
        Subject {
            device,
            tensors,
            subgroups: setup.device.features().contains(Features::SUBGROUP),
        },
        setup,
    )
}
