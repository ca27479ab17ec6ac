//! Writers for results: labelled PLY and JSON. Both use the file's own frame and units.

mod json;
mod ply;

pub use json::{BoxRecord, InstanceRecord, instance_records, instances_json};
pub use ply::{labeled_ply, ply};

/// The disjoint result of a prompt: every point has at most one instance, every instance at most
/// one label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointLabels {
    /// `(points)`: index into `instances`, or [`crate::instances::NO_INSTANCE`].
    pub instance_of_point: Vec<u32>,
    /// The instances that may own points.
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
