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
        let mut order: Vec<u32> = (0..positions.len() as u32).collect();
        order.sort_unstable_by_key(|&p| coord_of_point[p as usize]);
        let mut voxels = Self {
            coords: vec![],
            voxel_of_point: vec![0; positions.len()],
        };
        for same in
            order.chunk_by(|&a, &b| coord_of_point[a as usize] == coord_of_point[b as usize])
        {
            for &p in same {
                voxels.voxel_of_point[p as usize] = voxels.coords.len() as u32;
            }
            voxels.coords.push(coord_of_point[same[0] as usize]);
        }
        voxels
    }
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
}
