//! Numbers and poses in text files.

use std::path::Path;

use anyhow::Context;
use glam::{Affine3A, Mat4, Quat, Vec3};

/// The numbers of a text file, separated by white space or commas.
pub fn listed(path: &Path) -> anyhow::Result<Vec<f32>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.parse()
                .with_context(|| format!("{}: \"{word}\" is not a number", path.display()))
        })
        .collect()
}

/// The `N` numbers of a text file.
pub fn numbers<const N: usize>(path: &Path) -> anyhow::Result<[f32; N]> {
    let numbers = listed(path)?;
    let found = numbers.len();
    numbers
        .try_into()
        .ok()
        .with_context(|| format!("{} has {found} numbers instead of {N}", path.display()))
}

/// A pose from 16 numbers, row by row; `None` if tracking was lost, which recordings mark with
/// numbers that are not finite.
pub fn pose(rows: &[f32; 16]) -> Option<Affine3A> {
    let matrix = Mat4::from_cols_array(rows).transpose();
    (matrix.is_finite() && matrix.determinant().abs() > 1e-6).then(|| Affine3A::from_mat4(matrix))
}

/// A pose from a quaternion (x, y, z, w) and a position; `None` if either is not finite, or the
/// quaternion is zero.
pub fn quaternion_pose(quaternion: [f32; 4], place: [f32; 3]) -> Option<Affine3A> {
    let (turn, place) = (Quat::from_array(quaternion), Vec3::from(place));
    (turn.is_finite() && place.is_finite() && turn.length() > 1e-6)
        .then(|| Affine3A::from_rotation_translation(turn.normalize(), place))
}
