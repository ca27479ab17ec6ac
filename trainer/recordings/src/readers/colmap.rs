//! COLMAP's text files cameras.txt and images.txt; their poses map the world to the camera.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    str::{FromStr, SplitWhitespace},
};

use anyhow::{Context, bail, ensure};
use glam::Affine3A;
use segscape::captures::{Extent, Intrinsics, quaternion_pose};

/// A registered image.
pub struct Registered {
    /// File name, as it was given to COLMAP.
    pub name: String,
    /// Id of the camera in `cameras.txt`.
    pub camera: u32,
    /// `None` if the numbers are not a pose.
    pub world_from_camera: Option<Affine3A>,
}

/// The cameras of `cameras.txt` by their ids. Only the pinhole part of each model is read;
/// distortion is ignored.
///
/// # Errors
/// A line breaks the format, or a model has no pinhole part.
pub fn cameras(path: &Path) -> anyhow::Result<BTreeMap<u32, Intrinsics>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut cameras = BTreeMap::new();
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| is_content(line) && !line.trim().is_empty())
    {
        let read = || -> anyhow::Result<(u32, Intrinsics)> {
            let mut words = line.split_whitespace();
            let id = word(&mut words, "camera id")?;
            let model: String = word(&mut words, "model")?;
            let size: [f32; 2] = [word(&mut words, "width")?, word(&mut words, "height")?];
            let mut number = |what| word::<f32>(&mut words, what);
            let focal = match model.as_str() {
                "SIMPLE_PINHOLE" | "SIMPLE_RADIAL" | "RADIAL" => [number("focal length")?; 2],
                "PINHOLE" | "OPENCV" | "FULL_OPENCV" => {
                    [number("focal length")?, number("focal length")?]
                }
                other => bail!(
                    "the camera model is {other}; SIMPLE_PINHOLE, PINHOLE, SIMPLE_RADIAL, RADIAL, OPENCV and FULL_OPENCV are read"
                ),
            };
            // COLMAP counts from the corner of the first pixel, this program from its center
            let center = [
                number("principal point")? - 0.5,
                number("principal point")? - 0.5,
            ];
            let all = focal.iter().chain(&center).chain(&size);
            ensure!(
                all.clone().all(|x| x.is_finite()) && focal.iter().chain(&size).all(|x| *x > 0.0),
                "the size {size:?} in pixels and the focal lengths {focal:?} must be positive, and the principal point finite"
            );
            Ok((
                id,
                Intrinsics {
                    focal,
                    center,
                    of: Extent::Size(size),
                },
            ))
        };
        let (id, camera) =
            read().with_context(|| format!("line {number} of {}", path.display()))?;
        cameras.insert(id, camera);
    }
    Ok(cameras)
}

/// The images of `images.txt`, sorted by name.
///
/// # Errors
/// A line breaks the format, or there is no image.
pub fn images(path: &Path) -> anyhow::Result<Vec<Registered>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut images = Vec::new();
    // every second line, which may be empty, lists points
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| is_content(line))
        .step_by(2)
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let read = || -> anyhow::Result<Registered> {
            let mut words = line.split_whitespace();
            word::<u32>(&mut words, "image id")?;
            let mut numbers = [0.0f32; 7];
            for value in &mut numbers {
                *value = word(&mut words, "pose")?;
            }
            let [qw, qx, qy, qz, tx, ty, tz] = numbers;
            let camera = word(&mut words, "camera id")?;
            let name = words.collect::<Vec<_>>().join(" ");
            ensure!(!name.is_empty(), "the line names no file");
            let camera_from_world = quaternion_pose([qx, qy, qz, qw], [tx, ty, tz]);
            Ok(Registered {
                name,
                camera,
                world_from_camera: camera_from_world.map(|pose| pose.inverse()),
            })
        };
        images.push(read().with_context(|| format!("line {number} of {}", path.display()))?);
    }
    ensure!(!images.is_empty(), "{} lists no images", path.display());
    images.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(images)
}

fn is_content(line: &str) -> bool {
    !line.starts_with('#')
}

fn word<T: FromStr>(words: &mut SplitWhitespace, what: &str) -> anyhow::Result<T> {
    let word = words
        .next()
        .with_context(|| format!("it ends before the {what}"))?;
    word.parse()
        .ok()
        .with_context(|| format!("the {what} cannot be \"{word}\""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn cameras_and_poses_are_read_or_refused_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        let write = |text: &str| fs::write(&path, text).unwrap();
        write(
            "# header\n1 OPENCV 1920 1440 1400 1410 960 720 0.1 0 0 0\n7 SIMPLE_PINHOLE 8 6 5 4 3\n",
        );
        let found = cameras(&path).unwrap();
        assert_eq!(
            found[&1],
            Intrinsics {
                focal: [1400.0, 1410.0],
                center: [959.5, 719.5],
                of: Extent::Size([1920.0, 1440.0])
            }
        );
        assert_eq!((found[&7].focal, found[&7].center), ([5.0; 2], [3.5, 2.5]));
        for (text, words) in [
            ("1 FOV 8 6 5 4 3", "model is FOV"),
            ("1 PINHOLE 8 6 5 4", "ends before the principal"),
            ("1 PINHOLE x", "the width cannot be \"x\""),
        ] {
            write(text);
            let error = format!("{:#}", cameras(&path).unwrap_err());
            assert!(
                error.contains(words) && error.contains("line 1 of"),
                "{error} does not say {words}"
            );
        }
        write("1 PINHOLE 8 6 0 5 4 3");
        assert!(cameras(&path).is_err(), "a focal length of nothing");

        // the world origin lies one metre in front of the second camera; the first image has no
        // points, the third has no valid pose
        write(
            "# two lines an image\n2 1 0 0 0 0 0 1 7 b.jpg\n1 1 -1 2 2 -1\n1 0 0 1 0 1 2 3 7 a b.jpg\n\n3 0 0 0 0 0 0 1 7 c.jpg\n",
        );
        let found = images(&path).unwrap();
        assert_eq!(
            found
                .iter()
                .map(|image| image.name.as_str())
                .collect::<Vec<_>>(),
            ["a b.jpg", "b.jpg", "c.jpg"]
        );
        assert_eq!(
            found[1].world_from_camera.unwrap().translation,
            glam::Vec3A::new(0.0, 0.0, -1.0)
        );
        assert!(
            (found[0].world_from_camera.unwrap().translation - glam::Vec3A::new(1.0, -2.0, 3.0))
                .length()
                < 1e-5,
            "turned about y and back"
        );
        assert!(found[2].world_from_camera.is_none());
        for (text, words) in [
            ("1 1 0 0 0 0 0 1 7", "no file"),
            ("x", "the image id cannot be \"x\""),
            ("1 1 0 0 y", "the pose cannot be \"y\""),
            ("#", "lists no image"),
        ] {
            write(text);
            let error = format!("{:#}", images(&path).err().unwrap());
            assert!(
                error.contains(words) && error.contains("list.txt"),
                "{error} does not say {words}"
            );
        }
    }
}
