//! Which device computes.

use burn::tensor::{Device, wgpu::MemoryConfiguration};
use clap::ValueEnum;

/// `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// This machine's processor.
    #[default]
    Cpu,
    /// The first graphics adapter.
    Gpu,
}

impl DeviceChoice {
    /// The device.
    ///
    /// # Errors
    /// There is no graphics adapter, or it is too small.
    pub fn open(self) -> anyhow::Result<Device> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            // Pages of their own: hand-written shaders bind buffers read-only beside others they write.
            Self::Gpu => Device::wgpu_options()
                .memory_config(MemoryConfiguration::ExclusivePages)
                .init()
                .map_err(|error| anyhow::anyhow!("no usable graphics device: {error}")),
        }
    }
}
