//! Focal lengths and principal points, read from Open3D's JSON and from files of plain numbers.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};
use glam::Affine3A;
use segscape::views::Camera;
use serde::Deserialize;

use super::{Options, listed};

/// Intrinsics of a camera without distortion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intrinsics {
    /// Focal lengths, pixels.
    pub focal: [f32; 2],
    /// Principal point, pixels.
    pub center: [f32; 2],
    /// Width and height of the images that the intrinsics refer to; `None` if these are the depth
    /// images.
    pub size: Option<[f32; 2]>,
}

/// A camera as Open3D writes it.
#[derive(Deserialize)]
struct Pinhole {
    width: u32,
    height: u32,
    /// 3 x 3, column by column.
    intrinsic_matrix: [f32; 9],
}

impl Intrinsics {
    /// Reads Open3D's JSON, or plain numbers: fx fy cx cy, or a matrix of 3 x 3 or 4 x 4, row by
    /// row.
    ///
    /// # Errors
    /// The file cannot be read, or contains something else.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let intrinsics = match path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        {
            true => {
                let text =
                    fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                let Pinhole { width, height, intrinsic_matrix: [fx, _, _, _, fy, _, cx, cy, _] } = serde_json::from_slice(&text)
                    .with_context(|| format!("{} is not a camera with width, height and intrinsic_matrix, as Open3D writes it", path.display()))?;
                Self {
                    focal: [fx, fy],
                    center: [cx, cy],
                    size: Some([width as f32, height as f32]),
                }
            }
            false => {
                let (focal, center) = match listed(path)?[..] {
                    [fx, fy, cx, cy]
                    | [fx, _, cx, _, fy, cy, _, _, _]
                    | [fx, _, cx, _, _, fy, cy, _, _, _, _, _, _, _, _, _] => ([fx, fy], [cx, cy]),
                    ref other => bail!(
                        "{} has {} numbers; fx fy cx cy, or a matrix of 3 x 3 or 4 x 4, is read",
                        path.display(),
                        other.len()
                    ),
                };
                Self {
                    focal,
                    center,
                    size: None,
                }
            }
        };
        let Self {
            focal,
            center,
            size,
        } = intrinsics;
        ensure!(
            focal.iter().all(|f| f.is_finite() && *f > 0.0) && center.iter().all(|c| c.is_finite()),
            "{}: the focal lengths {focal:?} must be positive, and the principal point {center:?} must be finite",
            path.display()
        );
        ensure!(
            size.is_none_or(|size| size.iter().all(|n| *n >= 1.0)),
            "{}: the size of the images is {size:?} pixels, at least 1 x 1 is needed",
            path.display()
        );
        Ok(intrinsics)
    }

    /// Reads the file that the user gave, otherwise the first of `names` that exists in the folder.
    ///
    /// # Errors
    /// That file cannot be read.
    pub fn find(options: &Options, folder: &Path, names: &[&str]) -> anyhow::Result<Option<Self>> {
        let beside = || {
            names
                .iter()
                .map(|name| folder.join(name))
                .find(|path| path.is_file())
        };
        options
            .intrinsics
            .clone()
            .or_else(beside)
            .map(|path| Self::read(&path))
            .transpose()
    }

    /// The camera of an image; `size` (rows, columns) is that of its depth image.
    pub fn camera(&self, [rows, columns]: [usize; 2], world_from_camera: Affine3A) -> Camera {
        let [width, height] = self.size.unwrap_or([columns as f32, rows as f32]);
        Camera {
            width,
            height,
            focal: self.focal,
            center: self.center,
            world_from_camera,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn cameras_are_read_or_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            Intrinsics::read(&folder.path().join(name)).map_err(|error| format!("{error:#}"))
        };
        let camera = |size| {
            Ok(Intrinsics {
                focal: [5.0, 6.0],
                center: [1.5, 2.5],
                size,
            })
        };
        let open3d = |matrix: &str| {
            format!(r#"{{"width": 8, "height": 6, "intrinsic_matrix": [{matrix}]}}"#)
        };
        assert_eq!(
            read("a.json", &open3d("5, 0, 0, 0, 6, 0, 1.5, 2.5, 1")),
            camera(Some([8.0, 6.0])),
            "column by column"
        );
        assert_eq!(read("a.txt", "5 6 1.5 2.5\n"), camera(None));
        assert_eq!(read("a.txt", "5 0 1.5\n0 6 2.5\n0 0 1"), camera(None));
        assert_eq!(
            read("a.txt", "5 0 1.5 0\n0 6 2.5 0\n0 0 1 0\n0 0 0 1"),
            camera(None)
        );
        let refused = [
            ("a.txt", "1 2 3", "3 numbers"),
            ("a.txt", "0 6 1 2", "must be positive"),
            ("a.txt", "5 6 nan 2", "must be positive"),
            ("a.json", "{}", "Open3D"),
        ];
        for (name, text, words) in refused {
            let error = read(name, text).unwrap_err();
            assert!(
                error.contains(words) && error.contains(name),
                "{error} does not say {words}"
            );
        }
        assert!(
            read(
                "a.json",
                &open3d("5, 0, 0, 0, 6, 0, 1.5, 2.5, 1").replace('8', "0")
            )
            .unwrap_err()
            .contains("pixels")
        );
    }
}
