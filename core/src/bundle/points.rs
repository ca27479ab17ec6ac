//! Points on a grid, in an order in which neighbours differ little, as planes of bytes that deflate
//! well.

use super::{
    BundleError,
    bytes::{Cursor, push_varint},
    container::Section,
    limits::check_point,
};

/// The maximum number of steps along an axis, so that a coordinate has 16 bits.
const MAX_STEPS: f32 = 65_535.0;
/// The grid step for rooms, metres. Fine enough for any room: scanners are noisier.
const ROOM_STEP: f32 = 0.001;
/// The minimum number of steps: scans smaller than a few metres are stored on a finer grid than a
/// room.
const MIN_STEPS: f32 = 4_096.0;
/// Size of the origin and step in bytes.
const GRID_LEN: usize = 16;

/// The grid on which positions are stored: `position = origin + step * [x, y, z]` with 16-bit
/// integers. The step is a millimetre for rooms, less for small objects, and a 65 535th of the
/// extent for anything larger than 65 m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    pub origin: [f32; 3],
    pub step: f32,
}

impl Grid {
    pub fn around(positions: &[[f32; 3]]) -> Self {
        let mut min = [f32::INFINITY; 3];
        let mut max = [f32::NEG_INFINITY; 3];
        for position in positions {
            for axis in 0..3 {
                min[axis] = min[axis].min(position[axis]);
                max[axis] = max[axis].max(position[axis]);
            }
        }
        let extent = (0..3).map(|axis| max[axis] - min[axis]).fold(0.0, f32::max);
        let step = (extent / MAX_STEPS).max(ROOM_STEP.min(extent / MIN_STEPS));
        let origin = if positions.is_empty() { [0.0; 3] } else { min };
        Self {
            origin,
            step: if step > 0.0 { step } else { ROOM_STEP },
        }
    }

    fn cell(&self, position: [f32; 3]) -> [u16; 3] {
        // The cast saturates, and converts NaN to 0.
        std::array::from_fn(|axis| {
            ((position[axis] - self.origin[axis]) / self.step).round() as u16
        })
    }

    fn position(&self, cell: [u16; 3]) -> [f32; 3] {
        std::array::from_fn(|axis| self.origin[axis] + self.step * f32::from(cell[axis]))
    }
}

/// Indices of the points, sorted by superpoint and then along a Morton curve.
pub(super) fn order(positions: &[[f32; 3]], superpoint_of_point: &[u32], grid: &Grid) -> Vec<u32> {
    let morton = |cell: [u16; 3]| (0..3).fold(0, |code, axis| code | spread(cell[axis]) << axis);
    let mut keyed: Vec<(u32, u64, u32)> = (0..)
        .zip(positions.iter().zip(superpoint_of_point))
        .map(|(point, (&position, &s))| (s, morton(grid.cell(position)), point))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, point)| point).collect()
}

/// Moves bit i of the value to bit 3i.
fn spread(value: u16) -> u64 {
    let mut bits = u64::from(value);
    bits = (bits | bits << 16) & 0x001f_0000_ff00_00ff;
    bits = (bits | bits << 8) & 0x100f_00f0_0f00_f00f;
    bits = (bits | bits << 4) & 0x10c3_0c30_c30c_30c3;
    (bits | bits << 2) & 0x1249_2492_4924_9249
}

/// Maps small magnitudes of either sign to small numbers.
fn zigzag(delta: i16) -> u16 {
    (delta << 1 ^ delta >> 15) as u16
}

fn unzigzag(code: u16) -> i16 {
    (code >> 1) as i16 ^ -((code & 1) as i16)
}

/// Encodes the number of points of each superpoint.
pub(super) fn encode_sizes(sizes: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * sizes.len());
    sizes.iter().for_each(|size| push_varint(&mut bytes, *size));
    bytes
}

pub(super) fn decode_sizes(
    bytes: &[u8],
    superpoints: usize,
    points: usize,
) -> Result<Vec<u32>, BundleError> {
    let malformed = |problem: String| BundleError::malformed(Section::Superpoints, problem);
    let mut cursor = Cursor(bytes);
    let mut left = points as u32;
    let mut sizes = Vec::with_capacity(superpoints.min(bytes.len()));
    for id in 0..superpoints {
        let size = cursor.varint().ok_or_else(|| {
            malformed(format!(
                "it ends early, at superpoint {id} of {superpoints}"
            ))
        })?;
        if size == 0 || size > left {
            return Err(malformed(format!(
                "superpoint {id} has {size} points, it must have from 1 to the {left} that are left of {points}"
            )));
        }
        left -= size;
        sizes.push(size);
    }
    if left > 0 {
        return Err(malformed(format!(
            "{left} of {points} points are in no superpoint"
        )));
    }
    if !cursor.is_empty() {
        return Err(malformed(format!(
            "{} bytes come after the last superpoint",
            cursor.0.len()
        )));
    }
    Ok(sizes)
}

pub(super) const fn positions_len(points: usize) -> usize {
    GRID_LEN + 6 * points
}

/// Encodes the grid, then per axis the low and the high bytes of the differences from point to
/// point.
///
/// # Errors
/// [`BundleError::Malformed`] if a point cannot be read again.
pub(super) fn encode_positions(
    positions: &[[f32; 3]],
    order: &[u32],
    grid: &Grid,
) -> Result<Vec<u8>, BundleError> {
    let points = order.len();
    let mut bytes = vec![0; positions_len(points)];
    for (chunk, value) in bytes
        .chunks_exact_mut(4)
        .zip(grid.origin.into_iter().chain([grid.step]))
    {
        chunk.copy_from_slice(&value.to_le_bytes());
    }
    let planes = &mut bytes[GRID_LEN..];
    let mut previous = [0_u16; 3];
    for (row, &point) in order.iter().enumerate() {
        let position = positions[point as usize];
        let cell = grid.cell(position);
        check_point(point as usize, position)?;
        check_point(point as usize, grid.position(cell))?;
        for axis in 0..3 {
            let [low, high] = zigzag(cell[axis].wrapping_sub(previous[axis]) as i16).to_le_bytes();
            planes[2 * axis * points + row] = low;
            planes[(2 * axis + 1) * points + row] = high;
        }
        previous = cell;
    }
    Ok(bytes)
}

/// The positions of so many points, each of which is near the origin.
///
/// # Errors
/// [`BundleError::Malformed`].
pub(super) fn positions(
    bytes: &[u8],
    points: usize,
) -> Result<impl Iterator<Item = [f32; 3]>, BundleError> {
    let malformed = |problem: String| BundleError::malformed(Section::Positions, problem);
    let needed = positions_len(points);
    if bytes.len() != needed {
        return Err(malformed(format!(
            "it has {} bytes, a grid and {points} points have {needed}",
            bytes.len()
        )));
    }
    let mut cursor = Cursor(bytes);
    let origin = cursor.finite3();
    let origin = origin.ok_or_else(|| malformed("the origin of the grid is not finite".into()))?;
    let step = cursor.finite().filter(|step| *step > 0.0);
    let step =
        step.ok_or_else(|| malformed("the step of the grid is not a positive number".into()))?;
    let grid = Grid { origin, step };
    let planes = cursor.0;
    let mut cell = [0_u16; 3];
    let row = move |row: usize| {
        for axis in 0..3 {
            let code = u16::from_le_bytes([
                planes[2 * axis * points + row],
                planes[(2 * axis + 1) * points + row],
            ]);
            cell[axis] = cell[axis].wrapping_add(unzigzag(code) as u16);
        }
        grid.position(cell)
    };
    let positions = (0..points).map(row);
    for (point, position) in positions.clone().enumerate() {
        check_point(point, position)?;
    }
    Ok(positions)
}

/// Encodes colours as planes of the differences from point to point: green, red minus green, blue
/// minus green; lossless.
pub(super) fn encode_colors(colors: &[[u8; 3]], order: &[u32]) -> Vec<u8> {
    let points = order.len();
    let mut planes = vec![0; 3 * points];
    let mut previous = [0_u8; 3];
    for (row, &point) in order.iter().enumerate() {
        let color = colors[point as usize];
        let [red, green, blue]: [u8; 3] =
            std::array::from_fn(|channel| color[channel].wrapping_sub(previous[channel]));
        planes[row] = green;
        planes[points + row] = red.wrapping_sub(green);
        planes[2 * points + row] = blue.wrapping_sub(green);
        previous = color;
    }
    planes
}

/// The colours of so many points.
///
/// # Errors
/// [`BundleError::Malformed`].
pub(super) fn colors(
    planes: &[u8],
    points: usize,
) -> Result<impl Iterator<Item = [u8; 3]>, BundleError> {
    if planes.len() != 3 * points {
        let problem = format!(
            "it has {} bytes, {points} points have {}",
            planes.len(),
            3 * points
        );
        return Err(BundleError::malformed(Section::Colors, problem));
    }
    let mut color = [0_u8; 3];
    let row = move |row: usize| {
        let green = planes[row];
        let step = [
            planes[points + row].wrapping_add(green),
            green,
            planes[2 * points + row].wrapping_add(green),
        ];
        color = std::array::from_fn(|channel| color[channel].wrapping_add(step[channel]));
        color
    };
    Ok((0..points).map(row))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_step_follows_the_extent() {
        let step = |extent: f32| Grid::around(&[[1.0, 2.0, 3.0], [1.0 + extent, 2.0, 3.0]]).step;
        assert_eq!(step(8.0), 0.001);
        assert!((step(0.5) - 0.5 / 4096.0).abs() < 1e-9);
        assert!((step(655_350.0) - 10.0).abs() < 1e-3);
        assert_eq!(step(0.0), 0.001);
        assert_eq!(Grid::around(&[]).origin, [0.0; 3]);
    }

    proptest! {
        #[test]
        fn spreading_interleaves_three_axes(x: u16) {
            let naive = (0..16).fold(0_u64, |code, bit| code | u64::from(x >> bit & 1) << (3 * bit));
            prop_assert_eq!(spread(x), naive);
        }

        #[test]
        fn zigzag_survives(delta: i16) {
            prop_assert_eq!(unzigzag(zigzag(delta)), delta);
            prop_assert_eq!(zigzag(delta) / 2, if delta < 0 { !delta as u16 } else { delta as u16 });
        }
    }
}
