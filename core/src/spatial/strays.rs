//! Stray points: few, and far away from all others.

use std::{borrow::Cow, collections::HashMap};

/// Number of points that determine the size of the scan.
const SAMPLE: usize = 20_000;

/// The share of the points on either side of an axis that does not count for the size.
const BEYOND: f64 = 0.02;

/// The maximum share of strays among all points; more points far away are another part of the scan.
const SHARE: f64 = 0.05;

/// The maximum share of one group of strays among all points, and the number of points that a group
/// may have however small the scan is.
const GROUP: f64 = 0.01;
const FEW: usize = 10;

/// The points of one group are in cells of this edge that touch, in sizes of the scan.
const CELL: f64 = 0.1;

/// The indices of the stray points, ascending: those further from the main part of the scan than it
/// is long, in small groups that nothing connects with it. Such points come from reflections and
/// glass. O(points).
///
/// ```
/// use segscape::spatial::strays;
///
/// let mut points: Vec<_> = (0..100).map(|i| [i as f32 * 0.04, 0.0, 0.0]).collect();
/// assert!(strays(&points).is_empty());
/// points.push([300.0, 0.0, 12.0]);
/// assert_eq!(strays(&points), [100]);
/// ```
pub fn strays(positions: &[[f32; 3]]) -> Vec<u32> {
    let Some(main) = Main::of(positions) else {
        return Vec::new();
    };
    let outside: Vec<u32> = (0..)
        .zip(positions)
        .filter(|(_, position)| main.distance(position) > 0.5)
        .map(|(point, _)| point)
        .collect();
    let is_far = |point: u32| main.distance(&positions[point as usize]) > 1.0;
    let far = outside.iter().filter(|point| is_far(**point)).count();
    if far == 0 || far as f64 > SHARE * positions.len() as f64 {
        return Vec::new();
    }
    let mut points_of_cell: HashMap<[i64; 3], Vec<u32>> = HashMap::new();
    for &point in &outside {
        let cell = main.cell(&positions[point as usize]);
        points_of_cell.entry(cell).or_default().push(point);
    }
    let most = FEW.max((GROUP * positions.len() as f64) as usize);
    let mut strays = Vec::new();
    for &point in &outside {
        // every group is taken out of the map as a whole, so the order does not matter
        let group = take_group(&mut points_of_cell, main.cell(&positions[point as usize]));
        if group.len() <= most && group.iter().all(|point| is_far(*point)) {
            strays.extend(group);
        }
    }
    strays.sort_unstable();
    strays
}

/// Removes the cells that are connected with a cell, and returns their points.
fn take_group(points_of_cell: &mut HashMap<[i64; 3], Vec<u32>>, first: [i64; 3]) -> Vec<u32> {
    let (mut group, mut open) = (Vec::new(), vec![first]);
    while let Some(cell) = open.pop() {
        let Some(points) = points_of_cell.remove(&cell) else {
            continue;
        };
        group.extend(points);
        for step in 0..27 {
            let steps = [step % 3 - 1, step / 3 % 3 - 1, step / 9 - 1];
            open.push(std::array::from_fn(|axis| {
                cell[axis].saturating_add(steps[axis])
            }));
        }
    }
    group
}

/// The box of most points.
struct Main {
    low: [f64; 3],
    high: [f64; 3],
    /// The longest edge.
    size: f64,
}

impl Main {
    /// `None` if most points are in one place.
    fn of(positions: &[[f32; 3]]) -> Option<Self> {
        let step = positions.len().div_ceil(SAMPLE).max(1);
        let quantile = |axis: usize, share: f64| {
            let values = positions.iter().step_by(step);
            let mut values: Vec<f32> = values.map(|position| position[axis]).collect();
            let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
            (!values.is_empty())
                .then(|| f64::from(*values.select_nth_unstable_by(at, f32::total_cmp).1))
        };
        let (mut low, mut high) = ([0.0; 3], [0.0; 3]);
        for axis in 0..3 {
            (low[axis], high[axis]) = (quantile(axis, BEYOND)?, quantile(axis, 1.0 - BEYOND)?);
        }
        let size = (0..3)
            .map(|axis| high[axis] - low[axis])
            .fold(0.0, f64::max);
        (size > 0.0 && size.is_finite()).then_some(Self { low, high, size })
    }

    /// The distance of a point from the box along the axis on which it is longest, in sizes.
    fn distance(&self, position: &[f32; 3]) -> f64 {
        let of_axis = |axis: usize| {
            let x = f64::from(position[axis]);
            (self.low[axis] - x).max(x - self.high[axis])
        };
        (0..3).map(of_axis).fold(0.0, f64::max) / self.size
    }

    fn cell(&self, position: &[f32; 3]) -> [i64; 3] {
        let edge = CELL * self.size;
        std::array::from_fn(|axis| {
            ((f64::from(position[axis]) - self.low[axis]) / edge).floor() as i64
        })
    }
}

/// The positions, with the stray points moved into the box of all others: positions are encoded
/// relative to the whole scan, and its voxels have to fit into a grid.
pub fn without_strays(positions: &[[f32; 3]]) -> Cow<'_, [[f32; 3]]> {
    let strays = strays(positions);
    if strays.is_empty() {
        return Cow::Borrowed(positions);
    }
    let is_stray = |point: u32| strays.binary_search(&point).is_ok();
    let others = (0..).zip(positions).filter(|(point, _)| !is_stray(*point));
    let (low, high) = others.fold(
        ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]),
        |(low, high), (_, position)| {
            (
                std::array::from_fn(|axis| low[axis].min(position[axis])),
                std::array::from_fn(|axis| high[axis].max(position[axis])),
            )
        },
    );
    let mut moved = positions.to_vec();
    for stray in strays {
        let position = &mut moved[stray as usize];
        *position = std::array::from_fn(|axis| position[axis].clamp(low[axis], high[axis]));
    }
    Cow::Owned(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Floor and wall of 4 x 3 m, a point every 5 cm.
    fn room() -> Vec<[f32; 3]> {
        let at = |i: usize| ((i % 80) as f32 * 0.05, (i / 80) as f32 * 0.05);
        let floor = (0..4800).map(|i| [at(i).0, at(i).1, 0.0]);
        let wall = (0..4800).map(|i| [at(i).0, 0.0, at(i).1]);
        floor.chain(wall).collect()
    }

    fn with(more: &[[f32; 3]]) -> Vec<[f32; 3]> {
        [more, &room()].concat()
    }

    #[test]
    fn few_points_far_away_are_strays() {
        assert!(strays(&room()).is_empty());
        assert!(strays(&[]).is_empty());
        assert!(strays(&[[1.0; 3]; 1000]).is_empty());
        for far in [
            vec![[20.0, 1.0, 1.0]],
            vec![[300.0, 0.0, 0.0], [-120.0, 200.0, 12.0], [0.0, 0.0, -90.0]],
            vec![[1e9, -1e9, 1e9], [f32::MAX, 0.0, f32::MIN]],
            // a reflection
            (0..60)
                .map(|i| [200.0 + i as f32 * 0.1, 3.0, 1.0])
                .collect(),
        ] {
            let found = strays(&with(&far));
            assert_eq!(found, (0..far.len() as u32).collect::<Vec<_>>(), "{far:?}");
        }
    }

    #[test]
    fn what_is_near_connected_or_large_is_part_of_the_scan() {
        let corridor = (0..200).map(|i| [4.0 + i as f32 * 0.1, 1.0, 0.0]);
        let other_house: Vec<_> = room()[..400]
            .iter()
            .map(|p| [p[0] + 30.0, p[1], p[2]])
            .collect();
        for more in [vec![[7.0, 1.0, 1.0]], corridor.collect(), other_house] {
            assert_eq!(strays(&with(&more)), [0; 0], "{more:?}");
        }
    }

    #[test]
    fn strays_are_moved_to_the_others() {
        let room = with(&[[300.0, 1.0, -50.0]]);
        let near = without_strays(&room);
        assert_eq!(near[0], [3.95, 1.0, 0.0]);
        assert_eq!(near[1..], room[1..]);
        assert!(matches!(without_strays(&room[1..]), Cow::Borrowed(_)));
    }
}
