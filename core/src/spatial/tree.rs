//! A balanced k-d tree over distinct places. It serves the neighbours of all points alone, whose
//! search goes through it leaf by leaf; other searches use kiddo's tree.

use super::candidates::Candidates;
use crate::platform;

/// Number of places in a leaf: enough for several SIMD vectors, few enough that a leaf is not much
/// larger than a neighbourhood.
pub(super) const LEAF: usize = 16;

/// Number of leaves below a node above which its halves are built in parallel.
const SIDE_BY_SIDE: usize = 256;

/// A place and its id.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub at: [f32; 3],
    pub id: u32,
}

/// The x, y and z coordinates of a leaf's places; unused entries are infinite.
pub(super) type Leaf = [[f32; LEAF]; 3];

/// An axis-aligned box.
#[derive(Clone, Copy)]
struct Bounds {
    low: [f32; 3],
    high: [f32; 3],
}

impl Bounds {
    const NOTHING: Self = Self {
        low: [f32::INFINITY; 3],
        high: [f32::NEG_INFINITY; 3],
    };

    fn point(at: [f32; 3]) -> Self {
        Self { low: at, high: at }
    }

    fn of(places: impl Iterator<Item = [f32; 3]>) -> Self {
        places.fold(Self::NOTHING, |Self { mut low, mut high }, place| {
            for axis in 0..3 {
                // Unlike `min` and `max`, these compile to one instruction each: nothing here is
                // NaN.
                low[axis] = if place[axis] < low[axis] {
                    place[axis]
                } else {
                    low[axis]
                };
                high[axis] = if place[axis] > high[axis] {
                    place[axis]
                } else {
                    high[axis]
                };
            }
            Self { low, high }
        })
    }

    /// The squared distance between the boxes, rounded in the same way as that of two points: a
    /// point of one box is never nearer than that to a point of the other.
    fn distance(&self, other: &Self) -> f32 {
        let gap = |axis: usize| {
            let gap = f32::max(
                self.low[axis] - other.high[axis],
                other.low[axis] - self.high[axis],
            );
            gap.max(0.0)
        };
        let [x, y, z] = [gap(0), gap(1), gap(2)];
        x * x + y * y + z * z
    }

    /// The longest axis of the box.
    fn longest(&self) -> usize {
        let [x, y, z] = [0, 1, 2].map(|axis| self.high[axis] - self.low[axis]);
        if x >= y && x >= z {
            0
        } else if y >= z {
            1
        } else {
            2
        }
    }
}

/// The k-d tree. All leaves but the last are full, and a node is split at a whole number of leaves,
/// so the tree needs no pointers: the left child of a node follows it, and the right child follows
/// all nodes of the left subtree.
///
/// The left child of a node has the places that are lower along the node's longest axis; among
/// equally low places it has those with the lower ids. However many coordinates are equal, the tree
/// is therefore unique and its depth is always the same.
pub(super) struct Tree {
    nodes: Vec<Bounds>,
    leaves: Vec<Leaf>,
    /// `(places)`: the ids, leaf after leaf; the *slot* of a place is its index here.
    ids: Vec<u32>,
}

/// A node of the tree and the leaves below it.
#[derive(Clone, Copy)]
struct Node {
    index: usize,
    first_leaf: usize,
    leaves: usize,
}

impl Node {
    fn children(self) -> [Self; 2] {
        let left = left_leaves(self.leaves);
        [
            Self {
                index: self.index + 1,
                first_leaf: self.first_leaf,
                leaves: left,
            },
            Self {
                index: self.index + 2 * left,
                first_leaf: self.first_leaf + left,
                leaves: self.leaves - left,
            },
        ]
    }
}

fn left_leaves(leaves: usize) -> usize {
    leaves.div_ceil(2)
}

impl Tree {
    /// Builds the tree of distinct, finite places; at least one.
    pub(super) fn new(mut items: Vec<Item>) -> Self {
        let mut nodes = vec![Bounds::NOTHING; (2 * items.len().div_ceil(LEAF)).saturating_sub(1)];
        build(&mut items, &mut nodes);
        let leaf = |items: &[Item]| {
            std::array::from_fn(|axis| {
                std::array::from_fn(|i| items.get(i).map_or(f32::INFINITY, |item| item.at[axis]))
            })
        };
        Self {
            nodes,
            leaves: items.chunks(LEAF).map(leaf).collect(),
            ids: items.iter().map(|item| item.id).collect(),
        }
    }

    /// `(places)`: the id of every slot.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub(super) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Offers the places around `at` to `nearest`, near leaves first.
    pub(super) fn search(&self, at: [f32; 3], nearest: &mut Candidates) {
        self.search_below(self.root(), at, nearest);
    }

    fn search_below(&self, node: Node, at: [f32; 3], nearest: &mut Candidates) {
        if node.leaves == 1 {
            return nearest.offer(&self.leaves[node.first_leaf], node.first_leaf, at);
        }
        let mut children = node
            .children()
            .map(|child| (self.nodes[child.index].distance(&Bounds::point(at)), child));
        if children[1].0 < children[0].0 {
            children.swap(0, 1);
        }
        for (distance, child) in children {
            if distance <= nearest.limit() {
                self.search_below(child, at, nearest);
            }
        }
    }

    /// Puts into `found` the leaves with places within the squared distance `limit` of the places
    /// of `leaf`, and possibly others: all of them or, if there are more than `most`, `most` + 1 of
    /// them.
    pub(super) fn around(&self, leaf: usize, limit: f32, most: usize, found: &mut Vec<u32>) {
        found.clear();
        let [x, y, z] = &self.leaves[leaf];
        // The unused entries of the last leaf are skipped.
        let places = x
            .iter()
            .zip(y)
            .zip(z)
            .map(|((&x, &y), &z)| [x, y, z])
            .take(self.ids.len() - leaf * LEAF);
        let bounds = Bounds::of(places);
        self.around_below(self.root(), &bounds, limit, most, found);
    }

    fn around_below(
        &self,
        node: Node,
        bounds: &Bounds,
        limit: f32,
        most: usize,
        found: &mut Vec<u32>,
    ) {
        if found.len() > most || self.nodes[node.index].distance(bounds) > limit {
            return;
        }
        if node.leaves == 1 {
            return found.push(node.first_leaf as u32);
        }
        for child in node.children() {
            self.around_below(child, bounds, limit, most, found);
        }
    }

    fn root(&self) -> Node {
        Node {
            index: 0,
            first_leaf: 0,
            leaves: self.leaves.len(),
        }
    }
}

/// Sorts `items` into the order of the leaves and fills `nodes`, which are the nodes above them.
fn build(items: &mut [Item], nodes: &mut [Bounds]) {
    let Some((node, below)) = nodes.split_first_mut() else {
        return;
    };
    *node = Bounds::of(items.iter().map(|item| item.at));
    let leaves = items.len().div_ceil(LEAF);
    if leaves == 1 {
        return items.sort_unstable_by_key(|item| item.id);
    }
    let axis = node.longest();
    let left = left_leaves(leaves);
    items.select_nth_unstable_by_key(left * LEAF, |item| {
        // With this bit transformation, the integer order is the order of the floats.
        let bits = item.at[axis].to_bits() as i32;
        i64::from(bits ^ ((bits >> 31) & i32::MAX)) << 32 | i64::from(item.id)
    });
    let (items, below) = (
        items.split_at_mut(left * LEAF),
        below.split_at_mut(2 * left - 1),
    );
    let (mut left, mut right) = (|| build(items.0, below.0), || build(items.1, below.1));
    if leaves > SIDE_BY_SIDE {
        platform::join(left, right);
    } else {
        left();
        right();
    }
}
