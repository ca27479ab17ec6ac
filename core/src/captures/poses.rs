//! Numbers and poses in text files.

use glam::{Affine3A, Mat4, Quat, Vec3};

use super::{CaptureError, files::Tree};

/// Maximum size in bytes of a file of text; the longest recordings have a few megabytes.
pub(super) const TEXT_LIMIT: u64 = 256 << 20;

/// The numbers of a text, separated by white space or commas.
///
/// # Errors
/// The word that is not a number.
pub fn listed(text: &str) -> Result<Vec<f32>, &str> {
    text.split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(|_| word))
        .collect()
}

/// The `N` numbers of a text file.
///
/// # Errors
/// The file cannot be read, has a word that is not a number, or another number of them.
pub(super) fn numbers<const N: usize>(tree: &Tree, path: &str) -> Result<[f32; N], CaptureError> {
    let text = tree.text(path, TEXT_LIMIT)?;
    let numbers = listed(&text)
        .map_err(|word| tree.wrong(path, |file| format!("{file}: \"{word}\" is not a number")))?;
    let found = numbers.len();
    numbers.try_into().map_err(|_| {
        tree.wrong(path, |file| {
            format!("{file} has {found} numbers instead of {N}")
        })
    })
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
