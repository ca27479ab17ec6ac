//! Superpoints merged step by step into ever larger regions: object proposals that do not need a
//! network.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

mod branch;

pub use branch::Branch;

use super::{PointGraph, SuperpointError, SuperpointOptions, Superpoints};
use crate::progress::{Cancelled, Monitor};

/// Surface area in square metres of the largest things: of wardrobes and sofas. What is larger is
/// seldom one thing.
pub const LARGEST_THING: f32 = 15.0;

/// The contact between two adjacent superpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// The two superpoints, the smaller id first.
    pub superpoints: [u32; 2],
    /// Number of graph edges between them.
    pub edges: u32,
    /// Mean weight of those edges (normals and colour; 0 is smooth).
    pub contrast: f32,
}

/// A connected set of superpoints that exists between two levels of the hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Superpoint ids, ascending; never empty.
    pub superpoints: Vec<u32>,
    /// Level at which the region appears.
    pub birth: f32,
    /// Level at which it becomes part of a larger region, at least `birth`.
    pub death: f32,
}

/// The merge tree of a scan's superpoints.
///
/// Each step merges the two adjacent regions a, b with the lowest cost,
///
/// cost = contrast x sqrt(area(a) area(b)) x sqrt(border(a) border(b)) / border(a, b)
///
/// where contrast is the mean weight of the edges between them and border counts edges. Regions
/// merge first if they look alike across a border that is long relative to their outlines, and
/// small regions merge before large ones. The area factor makes levels square metres, independent
/// of how densely a surface was scanned. The level of a region is the highest cost within it, so
/// levels never fall towards the root.
///
/// On the labelled rooms, an oracle selection among the regions reaches a higher AP than one among
/// the partitions of [`super::felzenszwalb`] at as many thresholds, and the computation only
/// processes the superpoint graph instead of the point graph.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    contacts: Vec<Contact>,
    /// The superpoints, then one node per merge; parents follow their children.
    nodes: Vec<Node>,
    /// The superpoints in an order in which those of every node are consecutive.
    order: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Node {
    parent: Option<u32>,
    birth: f32,
    /// Surface area in square metres.
    area: f64,
    /// Start of the node's superpoints: `order[first..first + superpoints]`.
    first: u32,
    superpoints: u32,
}

/// The edges between two regions.
#[derive(Clone, Copy, Default)]
struct Border {
    edges: f64,
    /// Sum of the edge weights.
    contrast: f64,
}

impl Border {
    fn add(&mut self, other: Self) {
        self.edges += other.edges;
        self.contrast += other.contrast;
    }
}

impl Hierarchy {
    /// Builds the merge tree of superpoints that are known already, from `positions` and `colors`,
    /// `(points)`, thinned as [`SuperpointOptions`] do by default: time and memory are those of the
    /// superpoints of a scan. A superpoint of which no point is kept touches nothing.
    ///
    /// # Errors
    /// See [`SuperpointError`].
    pub fn of_points(
        positions: &[[f32; 3]],
        colors: Option<&[[u8; 3]]>,
        superpoints: &Superpoints,
        monitor: &Monitor,
    ) -> Result<Self, SuperpointError> {
        let (points, found) = (positions.len(), superpoints.superpoint_of_point().len());
        if points != found {
            let what = "superpoints of points";
            return Err(SuperpointError::Lengths {
                what,
                found,
                points,
            });
        }
        let edges = SuperpointOptions::default().edges;
        let graph = PointGraph::new(positions, colors, &[], None, edges, monitor)?;
        Ok(Self::new(&graph, superpoints, monitor)?)
    }

    /// Builds the merge tree of `superpoints`, the superpoints of `graph`'s points.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn new(
        graph: &PointGraph,
        superpoints: &Superpoints,
        monitor: &Monitor,
    ) -> Result<Self, Cancelled> {
        let superpoint_of_point = graph.of_kept(superpoints.superpoint_of_point());
        let mut areas = vec![0.0; superpoints.count()];
        for (&s, &area) in superpoint_of_point.iter().zip(graph.areas()) {
            areas[s as usize] += f64::from(area);
        }
        let mut inside = vec![Border::default(); superpoints.count()];
        let mut between: HashMap<[u32; 2], Border> = HashMap::new();
        for &edge in graph.edges() {
            let [a, b] = edge.ends().map(|point| superpoint_of_point[point as usize]);
            let border = if a == b {
                &mut inside[a as usize]
            } else {
                between.entry([a.min(b), a.max(b)]).or_default()
            };
            // Rounding can leave 1 - |n.n| just below zero; the weights of a mesh may be NaN.
            border.add(Border {
                edges: 1.0,
                contrast: f64::from(edge.weight().max(0.0)),
            });
        }
        monitor.check()?;
        let leaf = |(area, inside): (f64, Border)| Node {
            parent: None,
            // The cost of merging two halves of the superpoint.
            birth: (inside.contrast / inside.edges.max(1.0) * area) as f32,
            area,
            first: 0,
            superpoints: 1,
        };
        let nodes = areas.into_iter().zip(inside).map(leaf).collect();
        let mut between: Vec<_> = between.into_iter().collect();
        between.sort_unstable_by_key(|(pair, _)| *pair);
        let contact = |(superpoints, border): &([u32; 2], Border)| Contact {
            superpoints: *superpoints,
            edges: border.edges as u32,
            contrast: (border.contrast / border.edges) as f32,
        };
        let contacts = between.iter().map(contact).collect();
        let mut growing = Growing::new(nodes, &between);
        let children = growing.merge_all(monitor)?;
        Ok(Self::arrange(contacts, growing.nodes, &children))
    }

    /// Assigns every node its range of superpoints. `children` are those of the merged nodes.
    fn arrange(contacts: Vec<Contact>, mut nodes: Vec<Node>, children: &[[u32; 2]]) -> Self {
        let leaves = nodes.len() - children.len();
        let mut order = vec![0; leaves];
        let mut next_root = 0;
        for id in (0..nodes.len()).rev() {
            if nodes[id].parent.is_none() {
                nodes[id].first = next_root;
                next_root += nodes[id].superpoints;
            }
            let first = nodes[id].first;
            match id.checked_sub(leaves) {
                None => order[first as usize] = id as u32,
                Some(merge) => {
                    let [a, b] = children[merge].map(|child| child as usize);
                    nodes[a].first = first;
                    nodes[b].first = first + nodes[a].superpoints;
                }
            }
        }
        Self {
            contacts,
            nodes,
            order,
        }
    }

    /// Every pair of adjacent superpoints, in ascending order.
    pub fn contacts(&self) -> &[Contact] {
        &self.contacts
    }

    /// `(superpoints)`: surface areas in square metres.
    pub fn areas(&self) -> Vec<f32> {
        self.nodes
            .iter()
            .filter(|node| node.superpoints == 1)
            .map(|node| node.area as f32)
            .collect()
    }

    /// The regions of at most `max_area` square metres, including single superpoints; within every
    /// branch, small regions come before large ones.
    pub fn regions(&self, max_area: f32) -> Vec<Region> {
        // Regions without a parent never die; their death is set to the highest level.
        let top = self.nodes.iter().map(|node| node.birth).fold(0.0, f32::max);
        let fits = |node: &&Node| node.area <= f64::from(max_area);
        let region = |node: &Node| {
            let mut superpoints = self.superpoints_of(node).to_vec();
            superpoints.sort_unstable();
            let death = node
                .parent
                .map_or(top, |parent| self.nodes[parent as usize].birth);
            Region {
                superpoints,
                birth: node.birth.min(death),
                death,
            }
        };
        self.nodes.iter().filter(fits).map(region).collect()
    }

    fn superpoints_of(&self, node: &Node) -> &[u32] {
        &self.order[node.first as usize..][..node.superpoints as usize]
    }

    /// A tree of superpoints with these areas and levels that merge in this order, each time at a
    /// level.
    #[cfg(test)]
    pub(crate) fn by_hand(
        (areas, level): (&[f64], f32),
        contacts: Vec<Contact>,
        merges: &[([u32; 2], f32)],
    ) -> Self {
        let leaf = |area: &f64| Node {
            parent: None,
            birth: level,
            area: *area,
            first: 0,
            superpoints: 1,
        };
        let mut nodes: Vec<Node> = areas.iter().map(leaf).collect();
        for (children, level) in merges {
            let merged = nodes.len() as u32;
            let [a, b] = children.map(|child| nodes[child as usize].clone());
            children
                .iter()
                .for_each(|child| nodes[*child as usize].parent = Some(merged));
            nodes.push(Node {
                parent: None,
                birth: *level,
                area: a.area + b.area,
                first: 0,
                superpoints: a.superpoints + b.superpoints,
            });
        }
        let children: Vec<[u32; 2]> = merges.iter().map(|(children, _)| *children).collect();
        Self::arrange(contacts, nodes, &children)
    }
}

/// The state of the regions during merging.
struct Growing {
    nodes: Vec<Node>,
    /// `(nodes)`: the borders to adjacent regions; empty after the region is merged.
    borders: Vec<BTreeMap<u32, Border>>,
    /// `(nodes)`: number of edges to all other regions.
    outlines: Vec<f64>,
}

impl Growing {
    fn new(nodes: Vec<Node>, between: &[([u32; 2], Border)]) -> Self {
        let mut borders = vec![BTreeMap::new(); nodes.len()];
        for &([a, b], border) in between {
            borders[a as usize].insert(b, border);
            borders[b as usize].insert(a, border);
        }
        let outlines = borders
            .iter()
            .map(|all| all.values().map(|border| border.edges).sum())
            .collect();
        Self {
            nodes,
            borders,
            outlines,
        }
    }

    /// Merges until no two regions are adjacent; returns the children of every new node, in order.
    fn merge_all(&mut self, monitor: &Monitor) -> Result<Vec<[u32; 2]>, Cancelled> {
        let mut children = vec![];
        // One entry per region: its cheapest neighbour when the region was created. If the
        // neighbour has been merged, the entry is recomputed when it is popped; until then the
        // merged region's own entry covers the pair.
        let mut queue: BinaryHeap<_> = (0..self.nodes.len() as u32)
            .filter_map(|id| self.cheapest(id))
            .map(Reverse)
            .collect();
        while let Some(Reverse((cost, a, b))) = queue.pop() {
            if self.nodes[a as usize].parent.is_some() {
                continue;
            }
            if self.nodes[b as usize].parent.is_some() {
                queue.extend(self.cheapest(a).map(Reverse));
                continue;
            }
            if children.len().is_multiple_of(1024) {
                monitor.check()?;
            }
            let merged = self.merge(a, b, f64::from_bits(cost) as f32);
            children.push([a, b]);
            queue.extend(self.cheapest(merged).map(Reverse));
        }
        Ok(children)
    }

    /// Returns (bits of the cost, `a`, neighbour). Costs are not negative, so the integer order of
    /// their bits is the order of the costs.
    fn cheapest(&self, a: u32) -> Option<(u64, u32, u32)> {
        let node = &self.nodes[a as usize];
        let cost = |b: u32, border: &Border| {
            let contrast = border.contrast / border.edges;
            let areas = (node.area * self.nodes[b as usize].area).sqrt();
            contrast * areas * (self.outlines[a as usize] * self.outlines[b as usize]).sqrt()
                / border.edges
        };
        self.borders[a as usize]
            .iter()
            .map(|(&b, border)| (cost(b, border).to_bits(), a, b))
            .min()
    }

    fn merge(&mut self, a: u32, b: u32, cost: f32) -> u32 {
        let merged = self.nodes.len() as u32;
        let mut around = BTreeMap::new();
        let mut outline = 0.0;
        for (old, other) in [(a, b), (b, a)] {
            for (neighbor, border) in std::mem::take(&mut self.borders[old as usize]) {
                if neighbor != other {
                    outline += border.edges;
                    self.borders[neighbor as usize].remove(&old);
                    around
                        .entry(neighbor)
                        .or_insert_with(Border::default)
                        .add(border);
                }
            }
        }
        for (&neighbor, &border) in &around {
            self.borders[neighbor as usize].insert(merged, border);
        }
        let [first, second] = [a, b].map(|child| &self.nodes[child as usize]);
        // The births of superpoints are computed differently: they only shorten the life of the
        // superpoint itself.
        let level = |node: &Node| {
            if node.superpoints > 1 {
                node.birth
            } else {
                0.0
            }
        };
        self.nodes.push(Node {
            parent: None,
            birth: cost.max(level(first)).max(level(second)),
            area: first.area + second.area,
            first: 0,
            superpoints: first.superpoints + second.superpoints,
        });
        self.borders.push(around);
        self.outlines.push(outline);
        for child in [a, b] {
            self.nodes[child as usize].parent = Some(merged);
        }
        merged
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::superpoint::{EdgeSource, SuperpointOptions};

    pub fn hierarchy(positions: &[[f32; 3]], colors: &[[u8; 3]]) -> (Superpoints, Hierarchy) {
        let options = SuperpointOptions::default();
        let silent = Monitor::silent();
        let graph =
            PointGraph::new(positions, Some(colors), &[], None, options.edges, &silent).unwrap();
        let superpoints = graph.cut(&options, &silent).unwrap();
        let hierarchy = Hierarchy::new(&graph, &superpoints, &silent).unwrap();
        (superpoints, hierarchy)
    }

    /// A floor of 80 x 80 points with two boxes on it, each with a lid of a different colour; the
    /// points are 5 cm apart.
    pub fn boxes() -> (Vec<[f32; 3]>, Vec<[u8; 3]>, Vec<u32>) {
        let (mut positions, mut colors, mut things) = (vec![], vec![], vec![]);
        let mut put = |position: [f32; 3], color, thing| {
            positions.push(position.map(|x| 0.05 * x));
            colors.push(color);
            things.push(thing);
        };
        let inside = |x: i32, y: i32, x0: i32, y0: i32| {
            (x0..=x0 + 15).contains(&x) && (y0..=y0 + 15).contains(&y)
        };
        for (x, y) in (0..80).flat_map(|x| (0..80).map(move |y| (x, y))) {
            if !inside(x, y, 15, 15) && !inside(x, y, 45, 45) {
                put([x as f32, y as f32, 0.0], [120, 120, 120], 0);
            }
        }
        for (thing, corner, side, lid) in [
            (1, 15, [140, 90, 60], [170, 90, 60]),
            (2, 45, [60, 90, 140], [60, 90, 170]),
        ] {
            for (u, v) in (0..16).flat_map(|u| (0..16).map(move |v| (u, v))) {
                let at =
                    |x: i32, y: i32, z: i32| [(corner + x) as f32, (corner + y) as f32, z as f32];
                put(at(u, v, 16), lid, thing);
                for wall in [at(u, 0, v), at(u, 15, v), at(0, u, v), at(15, u, v)] {
                    put(wall, side, thing);
                }
            }
        }
        (positions, colors, things)
    }

    #[test]
    fn whole_boxes_are_regions() {
        let (positions, colors, things) = boxes();
        let (superpoints, hierarchy) = hierarchy(&positions, &colors);
        let regions = hierarchy.regions(10.0);
        for thing in [1, 2] {
            let overlap = |region: &Region| {
                let inside = |p: usize| {
                    region
                        .superpoints
                        .binary_search(&superpoints.superpoint_of_point()[p])
                        .is_ok()
                };
                let count = |test: &dyn Fn(usize) -> bool| {
                    (0..things.len()).filter(|&p| test(p)).count() as f64
                };
                count(&|p| things[p] == thing && inside(p))
                    / count(&|p| things[p] == thing || inside(p))
            };
            let best = regions.iter().map(overlap).fold(0.0, f64::max);
            assert!(best > 0.95, "thing {thing}: {best}");
        }
    }

    #[test]
    fn areas_are_square_metres_and_bound_the_regions() {
        let (positions, colors, _) = boxes();
        let (_, hierarchy) = hierarchy(&positions, &colors);
        let total: f64 = hierarchy
            .nodes
            .iter()
            .filter(|node| node.superpoints == 1)
            .map(|node| node.area)
            .sum();
        // 80 x 80 floor points minus the boxes' footprints, plus 2 x 5 x 256 points on the boxes;
        // each point covers a square with an edge of 5 cm.
        let expected = (80.0 * 80.0 - 2.0 * 256.0 + 2.0 * 5.0 * 256.0) * 0.0025;
        assert!(
            (total / expected - 1.0).abs() < 0.2,
            "{total} instead of {expected}"
        );
        let small = hierarchy.regions(1.0);
        assert!(small.len() < hierarchy.regions(1e9).len() && !small.is_empty());
        assert!((hierarchy.areas().iter().sum::<f32>() - total as f32).abs() < 1e-3);
    }

    proptest! {
        #[test]
        fn regions_are_nested_and_cuts_are_partitions(
            cells in prop::collection::vec((0u8..30, 0u8..30, 0u8..3, any::<u8>()), 30..400),
        ) {
            let positions: Vec<_> = cells.iter().map(|c| [c.0, c.1, c.2].map(|x| 0.02 * f32::from(x))).collect();
            let colors: Vec<_> = cells.iter().map(|c| [c.3 & 0xc0; 3]).collect();
            let (superpoints, hierarchy) = hierarchy(&positions, &colors);
            let all = hierarchy.regions(f32::MAX);
            prop_assert!(all.len() >= superpoints.count() && all.len() < 2 * superpoints.count());
            let mut parents = 0;
            for (id, node) in hierarchy.nodes.iter().enumerate() {
                let region = &all[id];
                prop_assert!(region.superpoints.is_sorted_by(|a, b| a < b) && !region.superpoints.is_empty());
                prop_assert!(region.birth <= region.death && region.death.is_finite());
                let area: f32 = region.superpoints.iter().map(|&s| hierarchy.areas()[s as usize]).sum();
                prop_assert!((f64::from(area) - node.area).abs() <= 1e-4 * node.area);
                if let Some(parent) = node.parent {
                    parents += 1;
                    prop_assert!(region.superpoints.iter().all(|s| all[parent as usize].superpoints.contains(s)));
                }
            }
            prop_assert_eq!(parents, 2 * (all.len() - superpoints.count()));
            let edges: u32 = hierarchy.contacts().iter().map(|c| c.edges).sum();
            prop_assert!(hierarchy.contacts().iter().all(|c| c.superpoints[0] < c.superpoints[1] && c.contrast >= 0.0));
            prop_assert!(hierarchy.contacts().is_empty() == (edges == 0));
        }
    }

    #[test]
    fn nothing_and_one_superpoint() {
        let (_, hierarchy) = hierarchy(&[[1.0; 3]; 20], &[[0; 3]; 20]);
        assert_eq!(
            hierarchy.regions(1.0),
            [Region {
                superpoints: vec![0],
                birth: 0.0,
                death: 0.0
            }]
        );
        let graph =
            PointGraph::new(&[], None, &[], None, EdgeSource::Mesh, &Monitor::silent()).unwrap();
        let none = Hierarchy::new(&graph, &Superpoints::from_ids(&[]), &Monitor::silent()).unwrap();
        assert!(none.regions(1.0).is_empty() && none.areas().is_empty());
        let (superpoints, one) = self::hierarchy(&[[1.0; 3]], &[[0; 3]]);
        assert_eq!((superpoints.count(), one.areas()), (1, vec![0.0]));
    }
}
