//! How a file's coordinates relate to the world frame (metres, z up, near the origin).

use serde::{Deserialize, Serialize};

/// The axis of the file's frame that points up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum UpAxis {
    /// +x is up.
    PlusX,
    /// -x is up.
    MinusX,
    /// +y is up (phone scans, game engines).
    PlusY,
    /// -y is up (camera frames: y points down).
    MinusY,
    /// +z is up (ScanNet, surveying).
    #[default]
    PlusZ,
    /// -z is up.
    MinusZ,
}

/// `world = up_rotation * (metres_per_unit * (file - offset))`, in f64.
///
/// The rotation only permutes and flips axes, so axis-aligned boxes stay axis-aligned in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Subtracted first; file units.
    pub offset: [f64; 3],
    /// Metres in one unit of the file.
    pub metres_per_unit: f64,
    /// Which file axis is up.
    pub up: UpAxis,
}
