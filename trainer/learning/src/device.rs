//! The device that runs the network.

use anyhow::Context as _;
use burn::tensor::{
    Device, DeviceKind,
    wgpu::{MemoryConfiguration, WgpuSetup, wgpu::Features},
};
use clap::ValueEnum;
use segscape::ops::Tuning;

/// Launches in a submission. A training step on a graphics card took 468 ms with 32, burn's default,
/// 407 with 128 and 430 with 512 (BENCHMARKS.md).
const LAUNCHES: usize = 128;

/// The value of `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// This machine's processor.
    #[default]
    Cpu,
    /// The first graphics adapter.
    Gpu,
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// Returns an error if there is no graphics adapter, or if it is too small.
    pub fn open(self) -> anyhow::Result<Device> {
        Ok(self.open_with_setup()?.0)
    }

    /// Opens the device, and returns what describes it if it is a graphics adapter.
    ///
    /// # Errors
    /// The same as for [`open`](Self::open).
    pub fn open_with_setup(self) -> anyhow::Result<(Device, Option<WgpuSetup>)> {
        self.open_kind(DeviceKind::DefaultDevice)
    }

    /// Opens `count` devices: the processor that many times, or the first `count` discrete graphics
    /// cards. A single graphics adapter is the one that [`open`](Self::open) opens.
    ///
    /// # Errors
    /// Returns an error if there are fewer devices, or if one is too small.
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
                    .map(|(device, _)| device)
                    .with_context(|| format!("device {} of {count}", index + 1))
            })
            .collect()
    }

    fn open_kind(self, kind: DeviceKind) -> anyhow::Result<(Device, Option<WgpuSetup>)> {
        match self {
            Self::Cpu => Ok((Device::flex(), None)),
            Self::Gpu => {
                // Every buffer has pages of its own: the hand-written kernels bind some buffers
                // read-only beside others that they write.
                let options = Device::wgpu_options()
                    .device_kind(kind)
                    .tasks_max(LAUNCHES)
                    .memory_config(MemoryConfiguration::ExclusivePages);
                let (device, setup) = options
                    .init_with_setup()
                    .map_err(|error| anyhow::anyhow!("no graphics adapter can be used: {error}"))?;
                let subgroups = setup.device.features().contains(Features::SUBGROUP);
                let tuning = pollster::block_on(Tuning::measure(&device, subgroups))
                    .context("the graphics adapter failed its first matrix products")?;
                tracing::info!(?tuning, "fastest kernels on this graphics adapter");
                Ok((device, Some(setup)))
            }
        }
    }
}
