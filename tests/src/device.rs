//! The devices under test: natively a software GPU adapter, in a browser the browser's GPU.

use std::{ops::RangeInclusive, sync::OnceLock};

#[cfg(not(target_family = "wasm"))]
use burn::tensor::wgpu::wgpu::DeviceDescriptor;
use burn::tensor::{
    Device,
    wgpu::{MemoryConfiguration, WgpuOptions, WgpuSetup, wgpu::Features},
};

/// A device and its capabilities.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The device.
    pub device: Device,
    /// Sizes of the tensors with which the device is tested, bytes.
    pub tensors: RangeInclusive<u64>,
    /// If `true`, kernels on this device may use subgroups.
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

/// The GPU, initialized once per process in the same way as the product does: every tensor has its
/// own buffer, because the kernels declare read-only bindings and WebGPU does not allow one buffer
/// to be bound both read-only and writable.
///
/// # Panics
/// Panics if there is no adapter, because a test that did not run must not look as if it passed.
#[cfg(not(target_family = "wasm"))]
pub async fn gpu() -> Subject {
    adapter().0.clone()
}

/// The same adapter with only the limits that every WebGPU device has.
///
/// # Panics
/// Panics if there is no adapter.
#[cfg(not(target_family = "wasm"))]
pub fn smallest_gpu() -> Subject {
    static SMALLEST: OnceLock<Subject> = OnceLock::new();
    SMALLEST.get_or_init(another_smallest_gpu).clone()
}

/// A new device of the same kind, which has a tuning of its own.
///
/// # Panics
/// Panics if there is no adapter.
#[cfg(not(target_family = "wasm"))]
pub fn another_smallest_gpu() -> Subject {
    let setup = adapter().1.clone();
    // The default limits are WebGPU's. f16 and subgroups are enabled because they have separate
    // kernels, 64-bit integers because burn asks the adapter, not the device, whether 64-bit
    // indices are allowed.
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
    let opened = options().setup(setup.clone()).init();
    subject((opened.expect("a device of burn's"), setup)).0
}

/// The GPU with all its capabilities, for tensors that the smallest GPU cannot hold. Returns `None`
/// and prints a message if the adapter offers no more.
///
/// # Panics
/// Panics if there is no adapter.
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

/// The browser's GPU, initialized once.
///
/// # Panics
/// Panics if there is no adapter.
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
