//! The length of a run and its use of the machine.

use serde::{Deserialize, Serialize};

/// Length of the run and use of the machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Wall-clock budget in minutes, including the parts before a resume. The learning rate reaches
    /// zero when it is used up.
    pub minutes: f64,
    /// Number of steps, in place of the time budget. Only such a run is reproducible.
    pub steps: Option<u64>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Worker threads of the tensor operations for each device.
    pub threads: usize,
    /// Threads that prepare the next scenes meanwhile.
    pub makers: usize,
    /// Minutes between checkpoints, at most 10.
    pub checkpoint_minutes: f64,
    /// Number of devices that the scenes of a step are distributed over. With `--device gpu` and
    /// more than one device, they are the machine's discrete graphics cards in their order. The
    /// gradient equals that of one device; running statistics are means over the devices.
    pub devices: usize,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            minutes: 75.0,
            steps: None,
            seed: 1,
            threads: 2,
            makers: 1,
            checkpoint_minutes: 5.0,
            devices: 1,
        }
    }
}
