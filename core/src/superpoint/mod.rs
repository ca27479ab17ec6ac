//! Points to superpoints: small, homogeneous groups that the network reasons about.

/// A partition of the points into `count` non-empty groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superpoints {
    superpoint_of_point: Vec<u32>,
    count: usize,
}

impl Superpoints {
    /// From any ids: renumbers them to 0..count in order of first appearance.
    pub fn from_ids(ids: &[u32]) -> Self {
        let mut new_of_old = std::collections::HashMap::new();
        let superpoint_of_point = ids
            .iter()
            .map(|id| {
                let next = new_of_old.len() as u32;
                *new_of_old.entry(*id).or_insert(next)
            })
            .collect();
        Self { superpoint_of_point, count: new_of_old.len() }
    }

    /// (points): the superpoint of each point, each below [`Self::count`].
    pub fn superpoint_of_point(&self) -> &[u32] {
        &self.superpoint_of_point
    }

    /// Number of superpoints; every one has at least one point.
    pub fn count(&self) -> usize {
        self.count
    }

    /// (superpoints): number of points in each.
    pub fn sizes(&self) -> Vec<u32> {
        let mut sizes = vec![0; self.count];
        for &s in &self.superpoint_of_point {
            sizes[s as usize] += 1;
        }
        sizes
    }
}
