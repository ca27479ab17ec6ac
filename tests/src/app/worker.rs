//! What the page's worker says of a file, as the page reads it.

use segscape::preflight::Preflight;
use serde::Deserialize;

use crate::odd::found::{Found, Thing};

/// The replies of the worker.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkerSaid {
    /// The points, if the file was read.
    pub points: Option<PointsSaid>,
    /// The objects, if the network ran.
    pub instances: Option<InstancesSaid>,
    /// Names of the objects.
    pub names: Vec<String>,
    /// The message of the failure.
    pub failed: Option<String>,
}

/// The points to draw.
#[derive(Clone, Debug, Deserialize)]
pub struct PointsSaid {
    /// World coordinates, three per point.
    pub positions: Vec<f32>,
    /// Red, green, blue and alpha of every point; empty without colors.
    pub colors: Vec<u8>,
    /// What was found out about the scan.
    pub scan: ScanSaid,
}

/// What was found out about a scan.
#[derive(Clone, Debug, Deserialize)]
pub struct ScanSaid {
    /// Number of points.
    pub points: u32,
    /// Up axis, unit, spacing and color.
    pub preflight: Preflight,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// The objects.
#[derive(Clone, Debug, Deserialize)]
pub struct InstancesSaid {
    /// The objects.
    pub instances: Vec<Thing>,
    /// Superpoint of each point.
    pub superpoint_of_point: Vec<u32>,
}

impl WorkerSaid {
    /// The objects with their names.
    ///
    /// # Panics
    /// If the worker named no objects.
    pub fn found(self) -> Found {
        let instances = self
            .instances
            .expect("the worker says which objects there are");
        Found {
            things: instances.instances,
            names: self.names,
            superpoint_of_point: instances.superpoint_of_point,
        }
    }
}
