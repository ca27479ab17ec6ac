//! Writers for results: labelled PLY and JSON. Both use the file's own frame and units.
//!
//! ```
//! use segscape::{
//!     instances::NO_INSTANCE,
//!     progress::Monitor,
//!     scan::{self, Scan},
//!     write::{LabeledInstance, PointLabels, instances_json, labeled_ply},
//! };
//!
//! let scan = Scan::from_points(&[[0.0; 3], [1.0, 0.0, 0.5]], None)?;
//! let chair = LabeledInstance { id: 7, label: Some(0), score: 0.8 };
//! let labels = PointLabels {
//!     instance_of_point: vec![NO_INSTANCE, 0],
//!     instances: vec![chair],
//!     labels: vec!["chair".to_owned()],
//! };
//!
//! let labeled = scan::read(&labeled_ply(&scan, &labels), &Monitor::silent())?;
//! let ids = labeled.table.point_rows().column("instance").ok_or("no ids")?;
//! assert_eq!(ids.values().collect::<Vec<_>>(), [-1.0, 7.0]);
//!
//! let json: serde_json::Value = serde_json::from_str(&instances_json(&scan, &labels))?;
//! assert_eq!(json["instances"][0]["label"], "chair");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod json;
mod ply;

pub use json::{BoxRecord, InstanceRecord, instance_records, instances_json};
pub use ply::{labeled_ply, ply};

/// The disjoint result of a prompt: every point has at most one instance, every instance at most
/// one label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointLabels {
    /// `(points)`: index into `instances`, or [`NO_INSTANCE`](crate::instances::NO_INSTANCE).
    pub instance_of_point: Vec<u32>,
    /// The instances that files list.
    pub instances: Vec<LabeledInstance>,
    /// The names that instances refer to.
    pub labels: Vec<String>,
}

/// The data of one instance that is written to files.
#[derive(Clone, Debug, PartialEq)]
pub struct LabeledInstance {
    /// The id that files and the page show; unique, and stable when other instances are deleted.
    pub id: u32,
    /// Index into [`PointLabels::labels`]; `None` if no label fits.
    pub label: Option<u32>,
    /// Confidence score, 0..=1.
    pub score: f32,
}

impl PointLabels {
    /// Returns the instance that owns a point; `None` also for points and instances that do not
    /// exist.
    pub fn owner(&self, point: usize) -> Option<&LabeledInstance> {
        self.instances
            .get(*self.instance_of_point.get(point)? as usize)
    }

    /// Returns the name of an instance.
    pub fn name(&self, instance: &LabeledInstance) -> Option<&str> {
        Some(self.labels.get(instance.label? as usize)?.as_str())
    }
}

#[cfg(test)]
mod tests;
