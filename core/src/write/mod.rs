//! Writers for results: [`Export`] lists the formats. All use the file's own frame and units unless a
//! format fixes both, and all give the same bytes for the same input.
//!
//! ```
//! use segscape::{
//!     instances::NO_INSTANCE,
//!     progress::Monitor,
//!     scan::{self, Scan},
//!     write::{Context, LabeledInstance, PointLabels, instances_json, labeled_ply},
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
//! let labeled = scan::read(&labeled_ply(&scan, &labels, false), &Monitor::silent())?;
//! let ids = labeled.table.point_rows().column("instance").ok_or("no ids")?;
//! assert_eq!(ids.values().collect::<Vec<_>>(), [-1.0, 7.0]);
//!
//! let json = instances_json(&scan, &labels, &Context::default());
//! let json: serde_json::Value = serde_json::from_str(&json)?;
//! assert_eq!(json["instances"][0]["label"], "chair");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "exports")]
mod archive;
#[cfg(feature = "exports")]
mod csv;
mod export;
#[cfg(feature = "exports")]
mod glb;
#[cfg(feature = "exports")]
mod html;
#[cfg(feature = "exports")]
mod inventory;
mod json;
mod labeled;
#[cfg(feature = "exports")]
mod las;
mod members;
#[cfg(feature = "exports")]
mod npz;
#[cfg(feature = "exports")]
mod obj;
mod oriented;
#[cfg(feature = "exports")]
mod parts;
#[cfg(feature = "exports")]
mod pcd;
mod ply;
mod rows;
#[cfg(feature = "exports")]
mod scannet;
#[cfg(feature = "exports")]
mod sliced;
#[cfg(feature = "exports")]
mod viewer;

#[cfg(feature = "exports")]
pub use export::WriteError;
pub use export::{Export, UnknownExport};
pub use json::{BoxRecord, InstanceRecord, instance_records, instances_json};
pub use oriented::OrientedBoxRecord;
pub use ply::{labeled_ply, ply};

/// The name of an instance that no word fits, where there has to be one.
pub const UNNAMED: &str = "unnamed";

/// What files say beside the scan and its instances. All of it may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Name of the scan.
    pub scan: &'a str,
    /// The prompt as typed; empty if nothing was looked for.
    pub prompt: &'a str,
    /// Name of the network.
    pub model: &'a str,
    /// The date as it is to be printed: files have no other, so that they do not depend on a clock.
    pub date: &'a str,
    /// A picture of the scan as PNG.
    pub picture: Option<&'a [u8]>,
    /// If `true`, points have the colors of their instances.
    pub painted: bool,
}

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
