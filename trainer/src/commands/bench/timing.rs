//! Times operations on a device, and puts them beside the operations and bytes that they take.

use burn::tensor::Device;
use segscape::platform::Instant;
use serde_json::{Value, json};

/// Milliseconds that one measurement should take: enough for a wait for the device not to count.
const ROUND: f64 = 20.0;
/// Maximum number of runs in one measurement.
const MOST: f64 = 64.0;

/// Milliseconds of one run of `work`, of `times` runs that are measured together until the device
/// has finished them.
///
/// # Errors
/// If the device fails.
pub fn milliseconds<T>(
    device: &Device,
    times: usize,
    mut work: impl FnMut() -> T,
) -> anyhow::Result<f64> {
    device.sync()?;
    let start = Instant::now();
    for _ in 0..times {
        drop(work());
    }
    device.sync()?;
    Ok(start.elapsed().as_secs_f64() * 1e3 / times as f64)
}

/// Runs `work` twice, so that its shaders are compiled, and returns how often it should run in one
/// measurement.
///
/// # Errors
/// If the device fails.
pub fn times_of<T>(device: &Device, mut work: impl FnMut() -> T) -> anyhow::Result<usize> {
    milliseconds(device, 1, &mut work)?;
    let ms = milliseconds(device, 1, work)?;
    Ok((ROUND / ms).clamp(1.0, MOST) as usize)
}

/// Milliseconds of one run of `work`: the fastest of `runs` measurements.
///
/// # Errors
/// If the device fails.
pub fn fastest<T>(
    device: &Device,
    runs: usize,
    mut work: impl FnMut() -> T,
) -> anyhow::Result<f64> {
    let times = times_of(device, &mut work)?;
    (0..runs.max(1)).try_fold(f64::INFINITY, |fastest, _| {
        Ok(milliseconds(device, times, &mut work)?.min(fastest))
    })
}

/// What an operation takes by its definition, and the time that it took.
pub struct OperationCost {
    pub operation: &'static str,
    pub size: String,
    /// The shader, where there are several.
    pub variant: String,
    /// Floating-point operations.
    pub flop: f64,
    /// Bytes read and written.
    pub bytes: f64,
    pub ms: f64,
}

impl OperationCost {
    /// The row in JSON.
    pub fn row(&self) -> Value {
        json!({
            "operation": self.operation,
            "size": self.size,
            "variant": self.variant,
            "ms": self.ms,
            "gigaflop": self.flop / 1e9,
            "megabytes": self.bytes / 1e6,
            "gflops": self.flop / self.ms / 1e6,
            "gigabytes_per_second": self.bytes / self.ms / 1e6,
        })
    }

    /// The row as a line of text.
    pub fn text(&self) -> String {
        format!(
            "{:26} {:34} {:12} {:9.3} ms, {:8.1} GFLOPS, {:7.1} GB/s",
            self.operation,
            self.size,
            self.variant,
            self.ms,
            self.flop / self.ms / 1e6,
            self.bytes / self.ms / 1e6
        )
    }
}
