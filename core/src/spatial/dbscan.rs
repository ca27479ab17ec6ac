//! Clusters of points by density, [DBSCAN](https://cdn.aaai.org/KDD/1996/KDD96-037.pdf).

use super::Voxels;

/// `(points)`: the cluster of each point of `positions`, `(points, 3)`; `None` for noise.
///
/// A point is dense if the weights of the points within `radius` > 0, its own included, reach
/// `min_weight`. Dense points within reach of each other share a cluster, and other points within
/// reach of a dense one belong to the first such cluster. Clusters are numbered in the order of
/// their first dense points, so equal input has equal results.
///
/// The cost is that of the pairs within about two radii; points that are denser than that makes
/// sense are thinned and weighted first.
///
/// ```
/// use segscape::spatial::dbscan;
///
/// let along_x = [0.0, 0.1, 0.2, 5.0, 9.0, 9.1].map(|x| [x, 0.0, 0.0]);
/// let clusters = dbscan(&along_x, |_| 1, 0.15, 2);
/// assert_eq!(clusters, [Some(0), Some(0), Some(0), None, Some(1), Some(1)]);
/// ```
pub fn dbscan(
    positions: &[[f32; 3]],
    weight: impl Fn(usize) -> u32,
    radius: f32,
    min_weight: u32,
) -> Vec<Option<u32>> {
    let grid = Grid::new(positions, radius);
    let mut near = Vec::new();
    let is_dense: Vec<bool> = (0..positions.len())
        .map(|point| {
            grid.gather(positions, point, &mut near);
            let sum = near.iter().map(|&near| u64::from(weight(near as usize)));
            sum.sum::<u64>() >= u64::from(min_weight)
        })
        .collect();
    let mut cluster_of_point = vec![None; positions.len()];
    let (mut clusters, mut open) = (0, Vec::new());
    for first in 0..positions.len() {
        if !is_dense[first] || cluster_of_point[first].is_some() {
            continue;
        }
        cluster_of_point[first] = Some(clusters);
        open.push(first);
        while let Some(point) = open.pop() {
            grid.gather(positions, point, &mut near);
            for near in near.iter().map(|&near| near as usize) {
                if cluster_of_point[near].is_none() {
                    cluster_of_point[near] = Some(clusters);
                    if is_dense[near] {
                        open.push(near);
                    }
                }
            }
        }
        clusters += 1;
    }
    cluster_of_point
}

/// Points in cells as large as the radius.
struct Grid {
    radius: f32,
    cells: Voxels,
    /// `(points)`: the points in the order of their cells.
    points: Vec<u32>,
    /// `(cells + 1)`: where the points of each cell begin.
    starts: Vec<u32>,
}

impl Grid {
    fn new(positions: &[[f32; 3]], radius: f32) -> Self {
        let cells = Voxels::new(positions, radius);
        let mut starts = vec![0; cells.coords.len() + 1];
        for &cell in &cells.voxel_of_point {
            starts[cell as usize + 1] += 1;
        }
        for cell in 1..starts.len() {
            starts[cell] += starts[cell - 1];
        }
        let mut points: Vec<u32> = (0..positions.len() as u32).collect();
        points.sort_by_key(|&point| cells.voxel_of_point[point as usize]);
        Self {
            radius,
            cells,
            points,
            starts,
        }
    }

    /// Fills `near` with the points within the radius of a point, itself included.
    fn gather(&self, positions: &[[f32; 3]], point: usize, near: &mut Vec<u32>) {
        near.clear();
        let Voxels {
            coords,
            voxel_of_point,
        } = &self.cells;
        let [x, y, z] = coords[voxel_of_point[point] as usize];
        let here = glam::Vec3::from(positions[point]);
        let around = |at: i32| at.saturating_sub(1)..=at.saturating_add(1);
        for column in around(x).flat_map(|x| around(y).map(move |y| [x, y])) {
            let [x, y] = column;
            // The cells of a column follow each other.
            let first = coords.partition_point(|cell| *cell < [x, y, z.saturating_sub(1)]);
            let last = [x, y, z.saturating_add(1)];
            let count = coords[first..].partition_point(|cell| *cell <= last);
            let range = self.starts[first] as usize..self.starts[first + count] as usize;
            near.extend(self.points[range].iter().filter(|&&other| {
                let there = positions[other as usize].into();
                here.distance_squared(there) <= self.radius * self.radius
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_near_no_dense_point_is_noise() {
        // Within 0.15: 0.0 has {0.0, 0.1}, 0.1 has {0.0, 0.1, 0.2}, 0.2 has {0.1, 0.2}. With three
        // needed only 0.1 is dense; the others are within its reach.
        let positions = [0.2, 0.1, 0.0, 0.5].map(|x| [x, 0.0, 0.0]);
        let of = |min_weight| dbscan(&positions, |_| 1, 0.15, min_weight);
        assert_eq!(of(3), [Some(0), Some(0), Some(0), None]);
        assert_eq!(of(4), [None; 4]);
        // The last point stands for three.
        let heavy = dbscan(&positions, |point| [1, 1, 1, 3][point], 0.15, 3);
        assert_eq!(heavy, [Some(0), Some(0), Some(0), Some(1)]);
        assert!(dbscan(&[], |_| 1, 0.1, 1).is_empty());
        // No two points that are no places are near each other, nor is one near itself.
        assert_eq!(dbscan(&[[f32::NAN; 3]; 2], |_| 1, 0.1, 1), [None; 2]);
        let far = [f32::MAX, f32::MIN].map(|x| [x; 3]);
        assert_eq!(dbscan(&far, |_| 1, 0.1, 2), [None; 2]);
    }

    proptest! {
        #[test]
        fn clusters_are_those_of_the_definition(cells in prop::collection::vec(prop::array::uniform3(0i8..6), 0..40), min_weight in 1u32..5) {
            let positions: Vec<[f32; 3]> = cells.iter().map(|cell| cell.map(|x| f32::from(x) * 0.3)).collect();
            let clusters = dbscan(&positions, |_| 1, 0.5, min_weight);
            let near = |a: usize, b: usize| glam::Vec3::from(positions[a]).distance(positions[b].into()) <= 0.5;
            let all = || 0..positions.len();
            let dense: Vec<bool> = all().map(|a| all().filter(|b| near(a, *b)).count() as u32 >= min_weight).collect();
            for a in all() {
                prop_assert_eq!(clusters[a].is_some(), all().any(|b| dense[b] && near(a, b)));
                for b in all().filter(|b| dense[a] && dense[*b] && near(a, *b)) {
                    prop_assert_eq!(clusters[a], clusters[b]);
                }
            }
            // Each cluster is connected: it cannot be reached from its first dense point otherwise.
            for cluster in clusters.iter().flatten() {
                let dense_of: Vec<usize> = all().filter(|a| dense[*a] && clusters[*a] == Some(*cluster)).collect();
                let mut reached = vec![dense_of[0]];
                let mut next = 0;
                while next < reached.len() {
                    let more: Vec<usize> = dense_of.iter().copied().filter(|b| near(reached[next], *b) && !reached.contains(b)).collect();
                    reached.extend(more);
                    next += 1;
                }
                prop_assert_eq!(reached.len(), dense_of.len());
            }
        }
    }
}
