//! The nodes of the merge tree, from a superpoint to the root.

use super::{Hierarchy, Node};

/// A node of the merge tree: a superpoint, or what became of two smaller nodes.
#[derive(Clone, Copy, Debug)]
pub struct Branch<'a> {
    tree: &'a Hierarchy,
    node: &'a Node,
}

impl<'a> Branch<'a> {
    /// Ids of its superpoints, in no particular order; never empty.
    pub fn superpoints(&self) -> &'a [u32] {
        self.tree.superpoints_of(self.node)
    }

    /// Ids of its superpoints that a node below it does not have, in no particular order.
    pub(crate) fn beside(&self, part: &Self) -> impl Iterator<Item = u32> + use<'a> {
        let all = self.superpoints();
        let first = part.node.first.saturating_sub(self.node.first) as usize;
        let (before, rest) = all.split_at(first.min(all.len()));
        let after = rest.get(part.node.superpoints as usize..);
        before.iter().chain(after.unwrap_or_default()).copied()
    }

    /// The level of the tree at which it appears.
    pub(crate) fn level(&self) -> f32 {
        self.node.birth
    }

    /// `true` if a superpoint is part of it.
    pub fn contains(&self, superpoint: u32) -> bool {
        let place = self.tree.leaf(superpoint).map(|leaf| leaf.node.first);
        let first = self.node.first;
        place.is_some_and(|place| (first..first + self.node.superpoints).contains(&place))
    }

    /// Surface area in square metres.
    pub fn area(&self) -> f32 {
        self.node.area as f32
    }

    /// The node that it is merged into; `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        let parent = self.tree.nodes.get(self.node.parent? as usize)?;
        Some(Self {
            node: parent,
            ..*self
        })
    }

    /// The part of the merge costs below its parent's at which it exists, 0..=1. What touches nothing
    /// else has the part of the superpoints that it does not have, so that of everything it is 0.
    pub fn persistence(&self) -> f32 {
        match self.parent() {
            Some(parent) if parent.node.birth > 0.0 => {
                (1.0 - self.node.birth / parent.node.birth).max(0.0)
            }
            Some(_) => 0.0,
            None => 1.0 - self.superpoints().len() as f32 / self.tree.order.len() as f32,
        }
    }
}

impl Hierarchy {
    /// A superpoint as a node of the tree; `None` if there is no such superpoint.
    pub fn leaf(&self, superpoint: u32) -> Option<Branch<'_>> {
        let leaves = self.nodes.get(..self.order.len())?;
        let node = leaves.get(superpoint as usize)?;
        Some(Branch { tree: self, node })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::tests::{boxes, hierarchy},
        *,
    };
    use crate::{progress::Monitor, superpoint::SuperpointError};

    #[test]
    fn the_tree_of_known_superpoints_is_climbed_from_leaf_to_root() {
        let (positions, colors, _) = boxes();
        let (superpoints, whole) = hierarchy(&positions, &colors);
        let silent = Monitor::silent();
        let again = Hierarchy::of_points(&positions, Some(&colors), &superpoints, &silent).unwrap();
        assert_eq!(again.contacts(), whole.contacts());
        for superpoint in 0..superpoints.count() as u32 {
            let mut branch = again.leaf(superpoint).unwrap();
            assert_eq!(branch.superpoints(), [superpoint]);
            while let Some(parent) = branch.parent() {
                let beside: Vec<u32> = parent.beside(&branch).collect();
                let all = parent.superpoints().len();
                assert_eq!(beside.len() + branch.superpoints().len(), all);
                assert!(!beside.iter().any(|id| branch.contains(*id)));
                assert!(parent.contains(superpoint) && parent.area() >= branch.area());
                assert!((0.0..=1.0).contains(&branch.persistence()));
                branch = parent;
            }
            assert_eq!(branch.superpoints().len(), superpoints.count());
            assert_eq!(branch.persistence(), 0.0, "everything is no thing");
        }
        assert!(again.leaf(superpoints.count() as u32).is_none());
        assert!(!again.leaf(0).unwrap().contains(u32::MAX));
        let few = Hierarchy::of_points(&positions[1..], None, &superpoints, &silent);
        assert!(matches!(few, Err(SuperpointError::Lengths { .. })));
    }
}
