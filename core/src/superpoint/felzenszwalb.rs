//! The graph segmentation of Felzenszwalb and Huttenlocher as ScanNet's Segmentator and OVSeg3R run
//! it (docs/spec/superpoint.md section 4).

use super::WeightedEdge;
use crate::{
    progress::Cancelled,
    spatial::{Tick, sixteenth},
};

/// A disjoint-set forest over nodes, each of which may represent several points.
#[derive(Clone, Debug)]
pub struct Forest {
    parent: Vec<u32>,
    rank: Vec<u8>,
    size: Vec<u32>,
}

impl Forest {
    /// Creates a forest in which every node is a tree; `sizes`, `(nodes)`, are the nodes' numbers
    /// of points.
    pub fn new(sizes: Vec<u32>) -> Self {
        Self {
            parent: (0..sizes.len() as u32).collect(),
            rank: vec![0; sizes.len()],
            size: sizes,
        }
    }

    /// The root of `node`'s tree. Halves paths on the way, which does not change any root.
    pub fn find(&mut self, mut node: u32) -> u32 {
        loop {
            let parent = self.parent[node as usize];
            let grandparent = self.parent[parent as usize];
            if parent == grandparent {
                return parent;
            }
            self.parent[node as usize] = grandparent;
            node = grandparent;
        }
    }

    /// The number of points in the tree of a root.
    pub fn size(&self, root: u32) -> u32 {
        self.size[root as usize]
    }

    /// Joins two different roots by rank and returns the new root, which is `b` if the ranks are
    /// equal.
    pub fn join(&mut self, a: u32, b: u32) -> u32 {
        let (rank_a, rank_b) = (self.rank[a as usize], self.rank[b as usize]);
        let (child, root) = if rank_a > rank_b { (b, a) } else { (a, b) };
        self.parent[child as usize] = root;
        self.size[root as usize] += self.size[child as usize];
        if rank_a == rank_b {
            self.rank[root as usize] += 1;
        }
        root
    }

    /// `(nodes)`: the root of every node.
    pub fn roots(&mut self) -> Vec<u32> {
        (0..self.parent.len() as u32)
            .map(|node| self.find(node))
            .collect()
    }
}

/// Grows `forest` along `edges`, which are sorted by weight.
///
/// First pass: two trees are joined if the weight of the edge is at most the threshold of each of
/// them. The threshold of a tree starts at `threshold` / size and becomes weight + `threshold` /
/// size after a join. Second pass: a tree of fewer than `minimum` points is joined to the tree that
/// its lightest edge leads to; a tree without edges stays small.
///
/// # Errors
/// The error of `tick`.
pub fn felzenszwalb(
    forest: &mut Forest,
    edges: &[WeightedEdge],
    threshold: f32,
    minimum: u32,
    tick: Tick,
) -> Result<(), Cancelled> {
    let part = sixteenth(edges.len());
    let mut limit: Vec<f32> = forest
        .size
        .iter()
        .map(|&size| threshold / size as f32)
        .collect();
    // Nodes of trees for which some edge was too heavy: all later edges are too heavy as well.
    let mut finished = vec![false; limit.len()];
    for (done, some) in edges.chunks(part).enumerate() {
        tick((done * part) as f32 / edges.len() as f32)?;
        for edge in some {
            let nodes = edge.ends().map(|node| node as usize);
            if nodes.map(|node| finished[node]).contains(&true) {
                continue;
            }
            let weight = edge.weight();
            let [a, b] = edge.ends().map(|node| forest.find(node));
            if a == b {
                continue;
            }
            let light = [a, b].map(|root| weight <= limit[root as usize]);
            if light == [true; 2] {
                let root = forest.join(a, b);
                limit[root as usize] = weight + threshold / forest.size(root) as f32;
            } else {
                nodes
                    .into_iter()
                    .zip(light)
                    .for_each(|(node, light)| finished[node] |= !light);
            }
        }
    }
    // Trees only grow, so an edge without an end in a tree that is small now can be skipped.
    let small: Vec<bool> = forest
        .roots()
        .into_iter()
        .map(|root| forest.size(root) < minimum)
        .collect();
    for edge in edges
        .iter()
        .filter(|edge| edge.ends().map(|node| small[node as usize]).contains(&true))
    {
        let [a, b] = edge.ends().map(|node| forest.find(node));
        if a != b && (forest.size(a) < minimum || forest.size(b) < minimum) {
            forest.join(a, b);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::superpoint::edge::by_weight;

    fn grow(points: usize, edges: &[(u32, u32, f32)], threshold: f32, minimum: u32) -> Vec<u32> {
        let sorted = by_weight(
            edges
                .iter()
                .map(|&(a, b, weight)| WeightedEdge::new(weight, [a, b]))
                .collect(),
        );
        let mut forest = Forest::new(vec![1; points]);
        felzenszwalb(&mut forest, &sorted, threshold, minimum, &|_| Ok(())).unwrap();
        forest.roots()
    }

    /// `true` if two labellings group the points in the same way.
    fn same_partition(a: &[u32], b: &[u32]) -> bool {
        crate::superpoint::Superpoints::from_ids(a) == crate::superpoint::Superpoints::from_ids(b)
    }

    proptest! {
        /// The reason why a neighbour graph may keep only one of the two copies of an edge.
        #[test]
        fn a_second_copy_of_an_edge_changes_nothing(
            edges in prop::collection::vec((0u32..12, 0u32..12, 0u8..8), 1..60), threshold in 0.01f32..4.0, minimum in 1u32..5,
        ) {
            let edges: Vec<_> = edges.into_iter().map(|(a, b, w)| (a, b, f32::from(w) / 8.0)).collect();
            let mut twice = edges.clone();
            twice.extend(edges.iter().map(|&(a, b, w)| (b, a, w)));
            prop_assert!(same_partition(&grow(12, &edges, threshold, minimum), &grow(12, &twice, threshold, minimum)));
        }
    }

    /// A direct implementation of the two passes as they are defined.
    fn grow_plainly(
        points: usize,
        edges: &[(u32, u32, f32)],
        threshold: f32,
        minimum: usize,
    ) -> Vec<u32> {
        let mut edges = edges.to_vec();
        edges.sort_by(|a, b| a.2.total_cmp(&b.2));
        let mut tree: Vec<u32> = (0..points as u32).collect();
        let mut limit = vec![threshold; points];
        let size = |tree: &[u32], id: u32| tree.iter().filter(|&&of| of == id).count();
        for first_pass in [true, false] {
            for &(a, b, weight) in &edges {
                let (a, b) = (tree[a as usize], tree[b as usize]);
                let light = weight <= limit[a as usize] && weight <= limit[b as usize];
                if a != b
                    && if first_pass {
                        light
                    } else {
                        size(&tree, a).min(size(&tree, b)) < minimum
                    }
                {
                    tree.iter_mut()
                        .filter(|of| **of == a)
                        .for_each(|of| *of = b);
                    limit[b as usize] = weight + threshold / size(&tree, b) as f32;
                }
            }
        }
        tree
    }

    proptest! {
        #[test]
        fn nothing_is_lost_by_looking_at_fewer_edges(
            edges in prop::collection::vec((0u32..30, 0u32..30, 0u8..16), 1..150), threshold in 0.01f32..2.0, minimum in 1u32..8,
        ) {
            let edges: Vec<_> = edges.into_iter().map(|(a, b, w)| (a, b, f32::from(w) / 16.0)).collect();
            let plainly = grow_plainly(30, &edges, threshold, minimum as usize);
            prop_assert!(same_partition(&grow(30, &edges, threshold, minimum), &plainly));
        }
    }

    #[test]
    fn thresholds_tighten_as_trees_grow() {
        // 0-1-2 are joined at weight 0.1. The limit becomes 0.1 + 0.6 / 3 = 0.3, so 0.35 is too
        // much, although 0.6 was the limit at the start.
        let edges = [(0, 1, 0.1), (1, 2, 0.1), (2, 3, 0.35), (3, 4, 0.35)];
        assert_eq!(grow(5, &edges, 0.6, 1), [1, 1, 1, 4, 4]);
        assert!(same_partition(&grow(5, &edges, 0.6, 3), &[0; 5]));
    }

    #[test]
    fn nan_never_joins_but_rescues_small_trees() {
        assert_eq!(grow(2, &[(0, 1, f32::NAN)], 1.0, 1), [0, 1]);
        assert_eq!(grow(2, &[(0, 1, f32::NAN)], 1.0, 2), [1, 1]);
    }

    #[test]
    fn an_unconnected_point_stays_alone() {
        assert_eq!(grow(3, &[(0, 1, 0.0)], 1.0, 10), [1, 1, 2]);
    }
}
