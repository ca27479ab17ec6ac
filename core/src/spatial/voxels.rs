//! Voxelization: the assignment of points to the voxels of a regular grid.

/// The occupied voxels of a grid of cubes of equal size; the origin is a corner of the grid.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Voxels {
    /// `(voxels, 3)`: `floor(position / size)`, distinct, in ascending order of (x, y, z).
    pub coords: Vec<[i32; 3]>,
    /// `(points)`: the voxel of each point.
    pub voxel_of_point: Vec<u32>,
}

impl Voxels {
    /// Assigns `positions`, `(points, 3)`, to cubes of edge `size` > 0, in the unit of the
    /// positions.
    ///
    /// Coordinates beyond the range of i32 are clamped to the outermost voxel.
    pub fn new(positions: &[[f32; 3]], size: f32) -> Self {
        let coord_of_point: Vec<[i32; 3]> = positions
            .iter()
            .map(|p| p.map(|x| (x / size).floor() as i32))
            .collect();
        let mut voxels = Self {
            coords: vec![],
            voxel_of_point: vec![0; positions.len()],
        };
        for point in by_coord(&coord_of_point) {
            let coord = coord_of_point[point as usize];
            if voxels.coords.last() != Some(&coord) {
                voxels.coords.push(coord);
            }
            voxels.voxel_of_point[point as usize] = voxels.coords.len() as u32 - 1;
        }
        voxels
    }
}

/// The points in ascending order of their coordinates, then of their indices. Integers are sorted
/// that contain both, so that the sort reads memory in order: 64 bits are enough for a room or a
/// building, 128 for everything.
fn by_coord(coord_of_point: &[[i32; 3]]) -> Vec<u32> {
    let (mut low, mut high) = ([i32::MAX; 3], [i32::MIN; 3]);
    for coord in coord_of_point {
        for axis in 0..3 {
            low[axis] = low[axis].min(coord[axis]);
            high[axis] = high[axis].max(coord[axis]);
        }
    }
    // wraps where there is no point
    let bits =
        |axis: usize| u32::BITS - (high[axis].wrapping_sub(low[axis]) as u32).leading_zeros();
    let offset = |coord: &[i32; 3], axis: usize| coord[axis].wrapping_sub(low[axis]) as u32;
    let indexed = (0u32..).zip(coord_of_point);
    if bits(0) + bits(1) + bits(2) <= u32::BITS {
        let key = |(point, coord): (u32, &[i32; 3])| {
            let key = (0..3).fold(0, |key: u64, axis| {
                key << bits(axis) | u64::from(offset(coord, axis))
            });
            key << u32::BITS | u64::from(point)
        };
        let mut keys: Vec<u64> = indexed.map(key).collect();
        keys.sort_unstable();
        return keys.into_iter().map(|key| key as u32).collect();
    }
    let key = |(point, coord): (u32, &[i32; 3])| {
        let key = (0..3).fold(0, |key: u128, axis| {
            key << u32::BITS | u128::from(offset(coord, axis))
        });
        key << u32::BITS | u128::from(point)
    };
    let mut keys: Vec<u128> = indexed.map(key).collect();
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_point_is_in_its_voxel(positions in prop::collection::vec(prop::array::uniform3(-3.0f32..3.0), 0..100), size in 0.1f32..2.0) {
            let voxels = Voxels::new(&positions, size);
            prop_assert!(voxels.coords.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(voxels.voxel_of_point.len(), positions.len());
            let mut used = vec![false; voxels.coords.len()];
            for (p, &v) in positions.iter().zip(&voxels.voxel_of_point) {
                used[v as usize] = true;
                prop_assert_eq!(voxels.coords[v as usize], p.map(|x| (x / size).floor() as i32));
            }
            prop_assert!(used.into_iter().all(|u| u));
        }
    }

    #[test]
    fn negative_coordinates_round_down() {
        let voxels = Voxels::new(
            &[[-0.01, 0.01, 0.03], [0.01, 0.0, 0.02], [f32::MAX, 0.0, 0.0]],
            0.02,
        );
        assert_eq!(voxels.coords, [[-1, 0, 1], [0, 0, 1], [i32::MAX, 0, 0]]);
        assert_eq!(voxels.voxel_of_point, [0, 1, 2]);
    }

    #[test]
    fn near_and_far_points_have_one_order() {
        let near = [[0.03, -0.01, 0.0], [-0.03, 0.5, 0.0], [0.03, -0.01, -0.5]];
        let far = near.map(|p| p.map(|x| x * 1e9));
        for (positions, size) in [(near, 0.02), (far, 0.02e9), (far, 0.02)] {
            let voxels = Voxels::new(&positions, size);
            assert_eq!(voxels.voxel_of_point, [2, 0, 1], "{size}");
            assert!(voxels.coords.is_sorted());
        }
        assert_eq!(Voxels::new(&[], 0.02), Voxels::default());
    }
}
