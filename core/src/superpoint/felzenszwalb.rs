//! The forest of Felzenszwalb and Huttenlocher as ScanNet's Segmentator and OVSeg3R run it (spec/superpoint.md section 4).

use crate::{
    progress::Cancelled,
    spatial::{Tick, tick_at},
};

/// One edge in eight bytes, ordered by (weight, index); NaN weights come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeightedEdge(u64);

impl WeightedEdge {
    /// The edge number `index` of its graph.
    pub fn new(weight: f32, index: u32) -> Self {
        // Flipped like this, the bits of floats compare as the floats do.
        let bits = (weight + 0.0).to_bits();
        let ordered = if weight.is_nan() {
            u32::MAX
        } else if bits >> 31 == 0 {
            bits | 1 << 31
        } else {
            !bits
        };
        Self(u64::from(ordered) << 32 | u64::from(index))
    }

    /// Which edge of the graph.
    pub fn index(self) -> u32 {
        self.0 as u32
    }

    /// Its weight.
    pub fn weight(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered == u32::MAX {
            f32::NAN.to_bits()
        } else if ordered >> 31 == 1 {
            ordered & !(1 << 31)
        } else {
            !ordered
        })
    }
}

/// The edges by (weight, index), of edges by rising index: a radix sort by the weights alone, which keeps the order of equal ones.
pub(super) fn sorted(mut edges: Vec<WeightedEdge>) -> Vec<WeightedEdge> {
    const DIGIT: u32 = 11;
    debug_assert!(edges.is_sorted_by_key(|edge| edge.index()));
    let mut moved = vec![WeightedEdge(0); edges.len()];
    for shift in (u32::BITS..u64::BITS).step_by(DIGIT as usize) {
        let digit = |edge: &WeightedEdge| (edge.0 >> shift) as usize % (1 << DIGIT);
        let mut next = [0usize; 1 << DIGIT];
        edges.iter().for_each(|edge| next[digit(edge)] += 1);
        let mut start = 0;
        for next in &mut next {
            (*next, start) = (start, start + *next);
        }
        for edge in &edges {
            let place = &mut next[digit(edge)];
            moved[*place] = *edge;
            *place += 1;
        }
        std::mem::swap(&mut edges, &mut moved);
    }
    edges
}

/// Disjoint sets over nodes that may already stand for several points each.
#[derive(Clone, Debug)]
pub struct Forest {
    parent: Vec<u32>,
    rank: Vec<u8>,
    size: Vec<u32>,
}

impl Forest {
    /// Every node its own tree; `sizes` (nodes) are their numbers of points.
    pub fn new(sizes: Vec<u32>) -> Self {
        Self { parent: (0..sizes.len() as u32).collect(), rank: vec![0; sizes.len()], size: sizes }
    }

    /// The root of `node`'s tree. Paths are halved on the way, which changes no root.
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

    /// Points under a root.
    pub fn size(&self, root: u32) -> u32 {
        self.size[root as usize]
    }

    /// Joins two different roots by rank and gives the new root: `b` when the ranks are equal.
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

    /// (nodes): the root of every node.
    pub fn roots(&mut self) -> Vec<u32> {
        (0..self.parent.len() as u32).map(|node| self.find(node)).collect()
    }
}

/// Grows `forest` along `edges`, which are sorted; `ends` gives the two nodes of an edge by its index.
///
/// First pass: trees join while the edge weighs no more than the threshold of either, which starts at `threshold` and
/// becomes weight + `threshold` / size. Second pass: a tree of fewer than `minimum` points joins whatever its lightest edge
/// leads to; one without any edge stays small.
///
/// # Errors
/// What `tick` says.
pub fn felzenszwalb(
    forest: &mut Forest,
    edges: &[WeightedEdge],
    ends: impl Fn(u32) -> [u32; 2],
    threshold: f32,
    minimum: u32,
    tick: Tick,
) -> Result<(), Cancelled> {
    debug_assert!(edges.is_sorted());
    let mut limit: Vec<f32> = forest.size.iter().map(|&size| threshold / size as f32).collect();
    for (done, edge) in edges.iter().enumerate() {
        tick_at(done, edges.len(), tick)?;
        let weight = edge.weight();
        let [a, b] = ends(edge.index()).map(|node| forest.find(node));
        if a != b && weight <= limit[a as usize] && weight <= limit[b as usize] {
            let root = forest.join(a, b);
            limit[root as usize] = weight + threshold / forest.size(root) as f32;
        }
    }
    for edge in edges {
        let [a, b] = ends(edge.index()).map(|node| forest.find(node));
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

    fn grow(points: usize, edges: &[(u32, u32, f32)], threshold: f32, minimum: u32) -> Vec<u32> {
        let mut sorted: Vec<_> = edges.iter().enumerate().map(|(i, e)| WeightedEdge::new(e.2, i as u32)).collect();
        sorted.sort_unstable();
        let mut forest = Forest::new(vec![1; points]);
        let ends = |i: u32| [edges[i as usize].0, edges[i as usize].1];
        felzenszwalb(&mut forest, &sorted, ends, threshold, minimum, &|_| Ok(())).unwrap();
        forest.roots()
    }

    /// Whether two labellings put the same points together.
    fn same_partition(a: &[u32], b: &[u32]) -> bool {
        crate::superpoint::Superpoints::from_ids(a) == crate::superpoint::Superpoints::from_ids(b)
    }

    proptest! {
        #[test]
        fn edges_sort_as_their_weights(a in any::<f32>(), b in any::<f32>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            prop_assert_eq!(WeightedEdge::new(a, 7).weight(), a);
            prop_assert_eq!(WeightedEdge::new(a, 7).index(), 7);
            prop_assert_eq!(WeightedEdge::new(a, 0).cmp(&WeightedEdge::new(b, 0)), (a + 0.0).total_cmp(&(b + 0.0)));
        }

        #[test]
        fn the_radix_sort_sorts(weights in prop::collection::vec(any::<f32>(), 0..300)) {
            let edges: Vec<_> = weights.iter().enumerate().map(|(i, w)| WeightedEdge::new(*w, i as u32)).collect();
            let mut want = edges.clone();
            want.sort_unstable();
            prop_assert_eq!(sorted(edges), want);
        }

        /// Why a neighbour graph may keep one of the two copies of an edge.
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

    #[test]
    fn thresholds_tighten_as_trees_grow() {
        // 0-1-2 join at weight 0.1: the limit becomes 0.1 + 0.6 / 3 = 0.3, so 0.35 is too much though 0.6 was not.
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
