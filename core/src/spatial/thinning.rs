//! Subsampling: fewer, evenly spaced points that represent all points of a scan.

use kiddo::{ImmutableKdTree, SquaredEuclidean};

use super::Voxels;
use crate::platform;

/// Number of points whose representatives one task finds.
const CHUNK: usize = 4096;

/// The maximum number of kept points of a cell that are compared. A cell cannot hold more points
/// that are so far apart, except for points that must not represent each other and points beyond
/// the range of the cell coordinates.
const CROWD: usize = 64;

/// A subset of a scan's points, and the representative of every point.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Thinned {
    point_of_kept: Vec<u32>,
    kept_of_point: Vec<u32>,
}

impl Thinned {
    /// Keeps points of `positions`, `(points, 3)`, that are at least `spacing` > 0 apart, so many
    /// that every other point is closer than that to a kept point. If `may_join` returns `false`,
    /// neither of the two points represents the other, however near they are.
    pub fn new(
        positions: &[[f32; 3]],
        spacing: f32,
        may_join: impl Fn(u32, u32) -> bool + Sync,
    ) -> Self {
        let mut cells = Cells::new(positions, spacing);
        let squared = |a: u32, b: u32| {
            glam::Vec3::from(positions[a as usize]).distance_squared(positions[b as usize].into())
        };
        let mut is_kept = vec![false; positions.len()];
        let mut near: Vec<u32> = Vec::new();
        for cell in 0..cells.count() {
            cells.gather_kept(cell, &mut near);
            for place in cells.places(cell) {
                let point = cells.points[place];
                if near.iter().any(|&other| {
                    squared(point, other) < spacing * spacing && may_join(point, other)
                }) {
                    continue;
                }
                is_kept[point as usize] = true;
                if cells.keep(cell, place) {
                    near.push(point);
                }
            }
        }
        let point_of_kept: Vec<u32> = (0..)
            .zip(&is_kept)
            .filter(|(_, is_kept)| **is_kept)
            .map(|(point, _)| point)
            .collect();
        let kept_of_point = nearest_kept(
            positions,
            &cells.kept_points(),
            &point_of_kept,
            spacing,
            may_join,
        );
        Self {
            point_of_kept,
            kept_of_point,
        }
    }

    /// The number of points that are kept.
    pub fn len(&self) -> usize {
        self.point_of_kept.len()
    }

    /// `true` if there were no points.
    pub fn is_empty(&self) -> bool {
        self.point_of_kept.is_empty()
    }

    /// `(kept)`: the point index of each kept point, ascending.
    pub fn point_of_kept(&self) -> &[u32] {
        &self.point_of_kept
    }

    /// `(points)`: the index, among the kept points, of the nearest kept point.
    pub fn kept_of_point(&self) -> &[u32] {
        &self.kept_of_point
    }

    /// Reduces values of all points, `(points)`, to the kept points.
    pub fn of_kept<T: Copy>(&self, of_points: &[T]) -> Vec<T> {
        self.point_of_kept
            .iter()
            .map(|&point| of_points[point as usize])
            .collect()
    }

    /// Expands values of the kept points, `(kept)`, to all points.
    pub fn of_points<T: Copy>(&self, of_kept: &[T]) -> Vec<T> {
        self.kept_of_point
            .iter()
            .map(|&kept| of_kept[kept as usize])
            .collect()
    }
}

/// `(points)`: the index, among `point_of_kept`, of the nearest point of `candidates` that may join
/// each point, and of the point itself if it is kept. Every other point has such a candidate closer
/// than `spacing`. Among equally near candidates, the first one is taken, whatever the order in
/// which kiddo finds them: the result is the same on every machine.
fn nearest_kept(
    positions: &[[f32; 3]],
    candidates: &[u32],
    point_of_kept: &[u32],
    spacing: f32,
    may_join: impl Fn(u32, u32) -> bool + Sync,
) -> Vec<u32> {
    const NOT_KEPT: u32 = u32::MAX;
    let mut kept_of_point = vec![NOT_KEPT; positions.len()];
    (0..)
        .zip(point_of_kept)
        .for_each(|(kept, &point)| kept_of_point[point as usize] = kept);
    let kept_of_candidate: Vec<u32> = candidates
        .iter()
        .map(|&point| kept_of_point[point as usize])
        .collect();
    let places: Vec<[f32; 3]> = candidates
        .iter()
        .map(|&point| positions[point as usize])
        .collect();
    let tree = ImmutableKdTree::<f32, 3>::new_from_slice(&places)
        .expect("the indices of points fit into 32 bits");
    // The tree rounds the distances to its nodes.
    let reach = 1.0001 * spacing * spacing;
    platform::for_each_chunk(&mut kept_of_point, CHUNK, |chunk, kept| {
        let mut scratch = tree.create_scratch::<SquaredEuclidean<f32>>();
        for (point, kept) in (chunk * CHUNK..)
            .zip(kept)
            .filter(|(_, kept)| **kept == NOT_KEPT)
        {
            let mut nearest = (f32::INFINITY, u32::MAX);
            tree.query(&positions[point])
                .within::<SquaredEuclidean<f32>>(reach)
                .unsorted()
                .with_scratch(&mut scratch)
                .visit(|found| {
                    let this = (found.distance, found.item);
                    if this < nearest && may_join(point as u32, candidates[found.item as usize]) {
                        nearest = this;
                    }
                });
            *kept = kept_of_candidate
                .get(nearest.1 as usize)
                .copied()
                .unwrap_or(0);
        }
    });
    kept_of_point
}

/// The occupied cells of a grid, sorted by (x, y, z).
struct Cells {
    /// `(cells)`: for each of the nine columns at and around a cell, the range (first, one past the
    /// last) of its cells that touch the cell or are the cell itself.
    around: Vec<[[u32; 2]; 9]>,
    /// `(cells + 1)`: start of each cell's points in `points`.
    starts: Vec<u32>,
    /// Point indices by cell; within a cell, the kept points come first.
    points: Vec<u32>,
    /// `(cells)`: number of kept points of each cell.
    kept: Vec<u32>,
}

impl Cells {
    fn new(positions: &[[f32; 3]], size: f32) -> Self {
        let Voxels {
            coords,
            voxel_of_point,
        } = Voxels::new(positions, size);
        let mut starts = vec![0; coords.len() + 1];
        voxel_of_point
            .iter()
            .for_each(|&cell| starts[cell as usize + 1] += 1);
        (0..coords.len()).for_each(|cell| starts[cell + 1] += starts[cell]);
        let (mut next, mut points) = (starts.clone(), vec![0; positions.len()]);
        for (point, &cell) in (0..).zip(&voxel_of_point) {
            points[next[cell as usize] as usize] = point;
            next[cell as usize] += 1;
        }
        // Cells are sorted, and so are their neighbours in each column, so one pass with cursors
        // finds them all. At the limits of the coordinate range this may miss some cells, and
        // points near each other there are both kept.
        let mut cursors = [0; 9];
        let column = |index: usize, cursor: &mut usize, [x, y, z]: [i32; 3]| {
            let [x, y] = [
                x.saturating_add(index as i32 / 3 - 1),
                y.saturating_add(index as i32 % 3 - 1),
            ];
            while coords
                .get(*cursor)
                .is_some_and(|other| *other < [x, y, z.saturating_sub(1)])
            {
                *cursor += 1;
            }
            let touching = coords[*cursor..]
                .iter()
                .take(3)
                .take_while(|other| **other <= [x, y, z.saturating_add(1)])
                .count();
            [*cursor as u32, (*cursor + touching) as u32]
        };
        let mut columns = |coord: &[i32; 3]| {
            std::array::from_fn(|index| column(index, &mut cursors[index], *coord))
        };
        Self {
            around: coords.iter().map(&mut columns).collect(),
            starts,
            points,
            kept: vec![0; coords.len()],
        }
    }

    fn count(&self) -> usize {
        self.kept.len()
    }

    /// The range of a cell's points in `points`.
    fn places(&self, cell: usize) -> std::ops::Range<usize> {
        self.starts[cell] as usize..self.starts[cell + 1] as usize
    }

    /// Collects the points kept so far in a cell and in the cells that touch it.
    fn gather_kept(&self, cell: usize, near: &mut Vec<u32>) {
        near.clear();
        for other in self.around[cell]
            .iter()
            .flat_map(|&[first, end]| first as usize..end as usize)
        {
            near.extend(&self.points[self.places(other)][..self.kept[other] as usize]);
        }
    }

    /// The kept points that others may join, cell after cell.
    fn kept_points(&self) -> Vec<u32> {
        (0..self.count())
            .flat_map(|cell| &self.points[self.places(cell)][..self.kept[cell] as usize])
            .copied()
            .collect()
    }

    /// Moves a point of a cell to its kept points; returns `false` if there was no room.
    fn keep(&mut self, cell: usize, place: usize) -> bool {
        let has_room = (self.kept[cell] as usize) < CROWD;
        if has_room {
            self.points
                .swap(self.starts[cell] as usize + self.kept[cell] as usize, place);
            self.kept[cell] += 1;
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
        glam::Vec3::from(a).distance(b.into())
    }

    proptest! {
        #[test]
        fn those_kept_are_apart_and_near_to_all(
            positions in prop::collection::vec(prop::array::uniform3(-1.0f32..1.0), 0..300), spacing in 0.01f32..1.0,
        ) {
            let thinned = Thinned::new(&positions, spacing, |_, _| true);
            let kept = thinned.of_kept(&positions);
            prop_assert!(thinned.point_of_kept().is_sorted_by(|a, b| a < b));
            for (i, &a) in kept.iter().enumerate() {
                prop_assert!(kept[..i].iter().all(|&b| distance(a, b) >= spacing));
            }
            for (&position, &row) in positions.iter().zip(thinned.kept_of_point()) {
                let nearest = kept.iter().map(|&other| distance(position, other)).fold(f32::INFINITY, f32::min);
                prop_assert!(nearest < spacing && distance(position, kept[row as usize]) == nearest);
            }
        }

        #[test]
        fn nobody_stands_for_those_who_may_not_join(
            cells in prop::collection::vec((prop::array::uniform3(0u8..4), 0u8..3), 0..200),
        ) {
            let positions: Vec<_> = cells.iter().map(|(cell, _)| cell.map(|x| 0.01 * f32::from(x))).collect();
            let of_group = |point: u32| cells[point as usize].1;
            let thinned = Thinned::new(&positions, 0.02, |a, b| of_group(a) == of_group(b));
            let standing = thinned.of_points(thinned.point_of_kept());
            prop_assert!((0..).zip(&standing).all(|(point, &other)| of_group(point) == of_group(other)));
        }
    }

    #[test]
    fn nothing_and_one_place() {
        assert!(Thinned::new(&[], 0.1, |_, _| true).is_empty());
        let one = Thinned::new(&[[2.5; 3]; 1000], 0.1, |_, _| true);
        assert_eq!(
            (one.point_of_kept(), one.kept_of_point()),
            (&[0][..], &[0; 1000][..])
        );
    }

    #[test]
    fn of_equally_near_points_the_one_in_the_first_cell_represents() {
        let at = |x: f32| [x, 0.0, 0.0];
        for (positions, expected) in [
            ([at(0.0), at(0.02), at(0.01)], [0, 1, 0]),
            ([at(0.02), at(0.0), at(0.01)], [0, 1, 1]),
        ] {
            let thinned = Thinned::new(&positions, 0.015, |_, _| true);
            assert_eq!(thinned.kept_of_point(), expected);
        }
    }

    /// This test would not finish if all of these points were compared with each other.
    #[test]
    fn crowds_are_no_trap() {
        let heap = vec![[0.5; 3]; 1_000_000];
        assert_eq!(Thinned::new(&heap, 0.01, |_, _| true).len(), 1);
        let of_group = |point: u32| point % 50;
        let groups = Thinned::new(&heap, 0.01, |a, b| of_group(a) == of_group(b));
        let standing = groups.of_points(groups.point_of_kept());
        assert_eq!(groups.len(), 50);
        assert!(
            (0..)
                .zip(standing)
                .all(|(point, other)| of_group(point) == of_group(other))
        );
        let far: Vec<[f32; 3]> = (0..100_000)
            .map(|i| [1e30 * (i + 1) as f32, 0.0, 0.0])
            .collect();
        assert_eq!(Thinned::new(&far, 0.01, |_, _| true).len(), far.len());
        assert_eq!(
            Thinned::new(&vec![[0.0; 3]; 100_000], 0.01, |_, _| false).len(),
            100_000,
            "everybody stands for himself alone"
        );
    }
}
