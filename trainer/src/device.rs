//! Which device computes.

use anyhow::Context as _;
use burn::tensor::{
    Device, DeviceKind,
    wgpu::{MemoryConfiguration, wgpu::Features},
};
use clap::ValueEnum;
use segscape::ops::Tuning;

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
        self.open_kind(DeviceKind::DefaultDevice)
    }

    /// So many devices: the processor as often, one graphics adapter as [`open`](Self::open) has
    /// it, or the first discrete graphics cards.
    ///
    /// # Errors
    /// There are fewer, or one is too small.
    pub fn open_all(self, count: usize) -> anyhow::Result<Vec<Device>> {
        let kind = |index| {
            if count == 1 {
                DeviceKind::DefaultDevice
            } else {
                DeviceKind::DiscreteGpu(index)
            }
        };
        (0..count)
            .map(|index| {
                self.open_kind(kind(index))
                    .with_context(|| format!("device {} of {count}", index + 1))
            })
            .collect()
    }

    fn open_kind(self, kind: DeviceKind) -> anyhow::Result<Device> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Gpu => {
                // Pages of their own: hand-written shaders bind buffers read-only beside others
                // they write.
                let options = Device::wgpu_options()
                    .device_kind(kind)
                    .memory_config(MemoryConfiguration::ExclusivePages);
                let (device, setup) = options
                    .init_with_setup()
                    .map_err(|error| anyhow::anyhow!("no usable graphics device: {error}"))?;
                let subgroups = setup.device.features().contains(Features::SUBGROUP);
                let tuning = pollster::block_on(Tuning::measure(&device, subgroups))
                    .context("the graphics device failed its first products")?;
                tracing::info!(?tuning, "fastest on this graphics device");
                Ok(device)
            }
        }
    }
}
