//! The selected instances, in the order in which they were selected.

/// The selected instances. The first one stands for all where there can be only one: the camera
/// flies to it, and others are merged into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(Vec<u32>);

impl Selection {
    /// One instance, or none.
    pub fn of(instance: Option<u32>) -> Self {
        Self(instance.into_iter().collect())
    }

    /// The instance that was selected first.
    pub fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    /// All selected instances.
    pub fn all(&self) -> &[u32] {
        &self.0
    }

    /// `true` if the instance is selected.
    pub fn contains(&self, instance: u32) -> bool {
        self.0.contains(&instance)
    }

    /// `true` if nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Selects an instance beside the others, or no longer.
    pub fn toggle(&mut self, instance: u32) {
        match self.0.iter().position(|selected| *selected == instance) {
            Some(at) => drop(self.0.remove(at)),
            None => self.0.push(instance),
        }
    }

    /// Leaves only instances selected that `keep` names. Returns `true` if that changed anything.
    pub fn retain(&mut self, keep: impl Fn(u32) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|instance| keep(*instance));
        self.0.len() != before
    }
}
