//! Partition of the points into superpoints: small, homogeneous groups that the network works on.

use crate::progress::{Cancelled, Monitor};

mod boundary;
mod edge;
mod felzenszwalb;
mod graph;
mod hierarchy;

pub use boundary::{Boundaries, Reading, ViewLabel};
pub use edge::WeightedEdge;
pub use felzenszwalb::{Forest, felzenszwalb};
pub use graph::PointGraph;
pub use hierarchy::{Branch, Contact, Hierarchy, LARGEST_THING, Region};

/// The source of the edges between points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdgeSource {
    /// Joins each kept point and its nearest neighbours. The weight is 1 - |n.n| + `color_weight` x
    /// colour distance, where n are normals by principal component analysis and the distance is
    /// Euclidean in sRGB scaled to 0..=1.
    Neighbors {
        /// Minimum spacing in metres: points closer together than this are not all kept, so that
        /// the neighbours of a point reach equally far however dense a scan is; 0 keeps all points.
        spacing: f32,
        /// Number of neighbours per point.
        k: usize,
        /// Weight of a colour difference relative to a difference in direction; has no effect on
        /// scans without colour.
        color_weight: f32,
    },
    /// Uses the edges of the triangles, weighted as in ScanNet's Segmentator.
    Mesh,
}

/// Options that set how fine superpoints are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuperpointOptions {
    /// The source of the edges.
    pub edges: EdgeSource,
    /// Felzenszwalb's k: larger values merge more.
    pub threshold: f32,
    /// Smaller superpoints are merged with a neighbour.
    pub minimum: Minimum,
}

/// The size below which a superpoint is merged with a neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Minimum {
    /// Surface in square metres, which does not depend on how densely a scan was made.
    Area(f32),
    /// Number of points, as in ScanNet's Segmentator.
    Points(u32),
}

impl Default for SuperpointOptions {
    /// The values for room scans, including meshes: they lose least on labelled rooms and give
    /// about as many superpoints whether points are 0.8 or 4.5 cm apart. The minimum is ten points
    /// of a room of fifty thousand.
    fn default() -> Self {
        Self {
            edges: EdgeSource::Neighbors {
                spacing: 0.015,
                k: 16,
                color_weight: 0.5,
            },
            threshold: 0.07,
            minimum: Minimum::Area(0.01),
        }
    }
}

impl SuperpointOptions {
    /// ScanNet's Segmentator, with the parameters that ScanNet and all networks trained on it use
    /// (docs/spec/superpoint.md section 1).
    pub fn segmentator() -> Self {
        Self {
            edges: EdgeSource::Mesh,
            threshold: 0.01,
            minimum: Minimum::Points(20),
        }
    }
}

/// The reason why points could not be grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuperpointError {
    /// The number of values differs from the number of points.
    #[error("there are {points} points but {found} {what}")]
    Lengths {
        /// The kind of values: colours, labels or superpoints.
        what: &'static str,
        /// Number of values.
        found: usize,
        /// Number of points.
        points: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("point {point} has a coordinate that is not a finite number")]
    NotFinite {
        /// Index of the point.
        point: usize,
    },
    /// A triangle has a corner that does not exist.
    #[error("triangle {triangle} refers to a point that does not exist; there are {points} points")]
    Triangle {
        /// Index of the triangle.
        triangle: usize,
        /// Number of points.
        points: usize,
    },
    /// Indices would not fit in 32 bits.
    #[error(
        "the scan has {points} points and {edges} edges, too many for 32-bit indices; thin it out first"
    )]
    TooMany {
        /// Number of points.
        points: usize,
        /// Number of edges.
        edges: usize,
    },
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Groups `positions`, `(points, 3)`: builds the graph of [`PointGraph`] and cuts it with
/// [`felzenszwalb`]. `colors` are sRGB, `(points, 3)`; `triangles` are used by [`EdgeSource::Mesh`]
/// only.
///
/// ```
/// use segscape::{
///     progress::Monitor,
///     superpoint::{SuperpointError, SuperpointOptions, superpoints},
/// };
///
/// // A floor and a wall, one point every 2 cm.
/// let at = |i: usize| ((i % 50) as f32 * 0.02, (i / 50) as f32 * 0.02);
/// let floor = (0..2500).map(|i| [at(i).0, at(i).1, 0.0]);
/// let wall = (0..2500).map(|i| [at(i).0, 0.0, at(i).1 + 0.02]);
/// let positions: Vec<_> = floor.chain(wall).collect();
///
/// let options = SuperpointOptions::default();
/// let found = superpoints(&positions, None, &[], &options, &Monitor::silent())?;
/// let of = found.superpoint_of_point();
/// assert_eq!(of[1000], of[2400]);
/// assert_ne!(of[2400], of[4900]);
/// # Ok::<(), SuperpointError>(())
/// ```
///
/// # Errors
/// See [`SuperpointError`]; never panics.
pub fn superpoints(
    positions: &[[f32; 3]],
    colors: Option<&[[u8; 3]]>,
    triangles: &[[u32; 3]],
    options: &SuperpointOptions,
    monitor: &Monitor,
) -> Result<Superpoints, SuperpointError> {
    let graph = PointGraph::new(positions, colors, triangles, None, options.edges, monitor)?;
    Ok(graph.cut(options, monitor)?)
}

/// A partition of the points into `count` non-empty groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superpoints {
    superpoint_of_point: Vec<u32>,
    count: usize,
}

impl Superpoints {
    /// Creates a partition from arbitrary ids, renumbered to 0..count in order of first appearance.
    pub fn from_ids(ids: &[u32]) -> Self {
        // Ids about as small as the number of points index a table directly; larger ids are looked
        // up in a sorted list.
        let largest = ids.iter().copied().max().unwrap_or(0) as usize;
        let sorted = (largest >= 2 * ids.len()).then(|| {
            let mut sorted = ids.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            sorted
        });
        let mut new_of_old = vec![u32::MAX; sorted.as_ref().map_or(largest + 1, Vec::len)];
        let mut count = 0;
        let mut renumbered = |id: &u32| {
            let place = sorted.as_ref().map_or(*id as usize, |sorted| {
                sorted.partition_point(|old| old < id)
            });
            let new = &mut new_of_old[place];
            if *new == u32::MAX {
                *new = count;
                count += 1;
            }
            *new
        };
        let superpoint_of_point = ids.iter().map(&mut renumbered).collect();
        Self {
            superpoint_of_point,
            count: count as usize,
        }
    }

    /// The coarser partition that merges superpoints with equal entries in `region_of_superpoint`,
    /// `(superpoints)`.
    ///
    /// # Panics
    /// If `region_of_superpoint` has fewer entries than there are superpoints.
    pub fn merged(&self, region_of_superpoint: &[u32]) -> Self {
        let ids: Vec<u32> = self
            .superpoint_of_point
            .iter()
            .map(|&s| region_of_superpoint[s as usize])
            .collect();
        Self::from_ids(&ids)
    }

    /// The partition of some of the points, in their order, and the superpoint of this partition that
    /// each of its superpoints is a part of, ascending.
    ///
    /// # Panics
    /// If one of `points` does not exist.
    pub fn of_points(&self, points: &[u32]) -> (Self, Vec<u32>) {
        const ABSENT: u32 = u32::MAX;
        let mut new_of_old = vec![ABSENT; self.count];
        for &point in points {
            new_of_old[self.superpoint_of_point[point as usize] as usize] = 0;
        }
        let mut old_of_new = Vec::new();
        for (old, new) in (0..)
            .zip(&mut new_of_old)
            .filter(|(_, new)| **new != ABSENT)
        {
            *new = old_of_new.len() as u32;
            old_of_new.push(old);
        }
        let new_of_point = |&point: &u32| {
            let old = self.superpoint_of_point[point as usize];
            new_of_old[old as usize]
        };
        let part = Self {
            superpoint_of_point: points.iter().map(new_of_point).collect(),
            count: old_of_new.len(),
        };
        (part, old_of_new)
    }

    /// `(points)`: the superpoint of each point, below [`Self::count`].
    pub fn superpoint_of_point(&self) -> &[u32] {
        &self.superpoint_of_point
    }

    /// The number of superpoints; each has at least one point.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The points of sets of superpoints, ascending; ids of superpoints that do not exist have none.
    pub fn points<'a>(&self, sets: impl Iterator<Item = &'a [u32]>) -> Vec<Vec<u32>> {
        let mut points_of: Vec<Vec<u32>> = vec![Vec::new(); self.count()];
        for (point, &superpoint) in (0..).zip(self.superpoint_of_point()) {
            points_of[superpoint as usize].push(point);
        }
        let of_set = |set: &[u32]| {
            let of = set.iter().filter_map(|id| points_of.get(*id as usize));
            let mut points = of.flatten().copied().collect::<Vec<u32>>();
            points.sort_unstable();
            points
        };
        sets.map(of_set).collect()
    }

    /// `(superpoints)`: number of points in each superpoint.
    pub fn sizes(&self) -> Vec<u32> {
        let mut sizes = vec![0; self.count];
        for &s in &self.superpoint_of_point {
            sizes[s as usize] += 1;
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::{golden, progress::Cancel};

    #[test]
    fn a_part_of_the_points_keeps_the_order_of_superpoints() {
        let all = Superpoints::from_ids(&[9, 4, 4, 7, 9, 7]);
        let (part, old_of_new) = all.of_points(&[5, 3, 0]);
        assert_eq!(part.superpoint_of_point(), [1, 1, 0]);
        assert_eq!((part.count(), &old_of_new[..]), (2, &[0, 2][..]));
    }

    /// Reads only these files: binary little-endian, float x y z, faces of a byte and three ints.
    fn mesh(bytes: &[u8]) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
        let end = bytes
            .windows(11)
            .position(|w| w == b"end_header\n")
            .unwrap()
            + 11;
        let header = std::str::from_utf8(&bytes[..end]).unwrap();
        let count = |element: &str| {
            header
                .split(element)
                .nth(1)
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap()
        };
        let (vertices, faces): (usize, usize) = (count("element vertex "), count("element face "));
        let three = |bytes: &[u8]| {
            [0, 4, 8].map(|i| u32::from_le_bytes(bytes[i..i + 4].try_into().unwrap()))
        };
        let (vertex_bytes, face_bytes) = bytes[end..].split_at(12 * vertices);
        assert_eq!(face_bytes.len(), 13 * faces);
        (
            vertex_bytes
                .chunks(12)
                .map(|v| three(v).map(f32::from_bits))
                .collect(),
            face_bytes.chunks(13).map(|f| three(&f[1..])).collect(),
        )
    }

    /// Seven of the eight cases; the partition of the flat sheet depends on how ties are sorted
    /// (docs/spec/superpoint.md section 5).
    #[test]
    fn partitions_of_the_scannet_segmentator() {
        let cases: Vec<serde_json::Value> =
            serde_json::from_value(golden::json("superpoints/cases.json")).unwrap();
        let mut compared = 0;
        for case in cases
            .iter()
            .filter(|case| case["partition_invariant_to_tie_order"].as_bool().unwrap())
        {
            let (positions, triangles) = mesh(&golden::bytes(&format!(
                "superpoints/{}",
                case["mesh"].as_str().unwrap()
            )));
            let (threshold, minimum) = (
                case["kThresh"].as_f64().unwrap() as f32,
                case["segMinVerts"].as_u64().unwrap() as u32,
            );
            let graph = PointGraph::new(
                &positions,
                None,
                &triangles,
                None,
                EdgeSource::Mesh,
                &Monitor::silent(),
            )
            .unwrap();
            let found = graph
                .superpoints(threshold, minimum, &Monitor::silent())
                .unwrap();
            let expected: Vec<u32> =
                serde_json::from_value(case["canonical_first_seen"].clone()).unwrap();
            assert_eq!(
                found.superpoint_of_point(),
                expected,
                "{} at {threshold}, {minimum}",
                case["mesh"]
            );
            compared += 1;
        }
        assert_eq!(compared, 7);
    }

    proptest! {
        #[test]
        fn any_cloud_is_partitioned(
            positions in prop::collection::vec(prop::array::uniform3(prop_oneof![-2.0f32..2.0, Just(0.0), Just(1e30)]), 0..120),
            threshold in 0.0f32..2.0, minimum in 0.0f32..0.5, k in 0usize..20, spacing in prop_oneof![Just(0.0f32), 0.001f32..1.0],
        ) {
            let options = SuperpointOptions { edges: EdgeSource::Neighbors { spacing, k, color_weight: 0.5 }, threshold, minimum: Minimum::Area(minimum) };
            let colors = vec![[9, 8, 7]; positions.len()];
            let found = superpoints(&positions, Some(&colors), &[], &options, &Monitor::silent()).unwrap();
            prop_assert_eq!(found.superpoint_of_point().len(), positions.len());
            prop_assert!(found.sizes().iter().all(|&size| size > 0));
            prop_assert_eq!(&found, &superpoints(&positions, Some(&colors), &[], &options, &Monitor::silent()).unwrap());
        }
    }

    #[test]
    fn bad_input_is_named() {
        let options = SuperpointOptions::default();
        let silent = Monitor::silent();
        let run = |positions: &[[f32; 3]], colors: Option<&[[u8; 3]]>, options| {
            superpoints(positions, colors, &[[0, 1, 2]], options, &silent)
        };
        assert_eq!(run(&[], None, &options).unwrap().count(), 0);
        assert_eq!(run(&[[0.0; 3]], None, &options).unwrap().count(), 1);
        assert_eq!(
            run(&[[0.0; 3], [f32::NAN; 3]], None, &options),
            Err(SuperpointError::NotFinite { point: 1 })
        );
        let colors = SuperpointError::Lengths {
            what: "colours",
            found: 2,
            points: 1,
        };
        assert_eq!(run(&[[0.0; 3]], Some(&[[0; 3]; 2]), &options), Err(colors));
        let mesh = SuperpointOptions {
            edges: EdgeSource::Mesh,
            ..options
        };
        assert_eq!(
            run(&[[0.0; 3]; 2], None, &mesh),
            Err(SuperpointError::Triangle {
                triangle: 0,
                points: 2
            })
        );
    }

    #[test]
    fn a_hundred_thousand_equal_points_are_one_superpoint() {
        let found = superpoints(
            &[[0.3; 3]; 100_000],
            None,
            &[],
            &SuperpointOptions::default(),
            &Monitor::silent(),
        )
        .unwrap();
        assert_eq!(found.count(), 1);
    }

    #[test]
    fn progress_rises_and_cancel_ends_it() {
        let positions: Vec<_> = (0..5000)
            .map(|i| [(i % 71) as f32, (i / 71) as f32, 0.0])
            .collect();
        let seen = std::cell::RefCell::new(vec![]);
        let cancel = Cancel::default();
        let run = |limit: f32| {
            let report = |p: crate::progress::Progress| {
                seen.borrow_mut().push(p.done);
                if p.done > limit {
                    cancel.cancel();
                }
            };
            superpoints(
                &positions,
                None,
                &[],
                &SuperpointOptions::default(),
                &Monitor::new(&report, &cancel),
            )
        };
        assert!(run(1.0).is_ok());
        assert!(
            seen.borrow().is_sorted()
                && seen.borrow().last() == Some(&1.0)
                && seen.borrow().len() < 80,
            "{:?}",
            seen.borrow()
        );
        assert_eq!(run(0.3), Err(SuperpointError::Cancelled(Cancelled)));
    }
}
