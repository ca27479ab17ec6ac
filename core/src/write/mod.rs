//! Results as files: labelled PLY, JSON. Both speak the file's own frame and units.

mod json;
mod ply;

pub use json::{BoxRecord, InstanceRecord, instance_records, instances_json};
pub use ply::{labelled_ply, ply};

/// The disjoint answer to a prompt: every point has at most one instance, every instance at most
/// one label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointLabels {
    /// (points): index into `instances`, or [`crate::instances::NO_INSTANCE`].
    pub instance_of_point: Vec<u32>,
    /// The instances that may own points.
    pub instances: Vec<LabelledInstance>,
    /// The names that instances refer to.
    pub labels: Vec<String>,
}

/// What a file says about one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledInstance {
    /// The id that files and the page show; unique, stable when others are deleted.
    pub id: u32,
    /// Index into [`PointLabels::labels`]; `None` where nothing fits.
    pub label: Option<u32>,
    /// 0..=1.
    pub score: f32,
}

impl PointLabels {
    /// The instance that owns a point; `None` also for points and owners that do not exist.
    pub fn owner(&self, point: usize) -> Option<&LabelledInstance> {
        self.instances
            .get(*self.instance_of_point.get(point)? as usize)
    }

    /// The name of an instance.
    pub fn name(&self, instance: &LabelledInstance) -> Option<&str> {
        Some(self.labels.get(instance.label? as usize)?.as_str())
    }
}

#[cfg(test)]
mod tests;
