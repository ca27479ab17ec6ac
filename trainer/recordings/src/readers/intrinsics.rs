//! Focal lengths and principal points in files.

use std::{fs, path::Path};

use anyhow::Context;
use segscape::captures::{Intrinsics, Kind};

use super::Options;

/// Reads Open3D's JSON, or plain numbers: fx fy cx cy, or a matrix of 3 x 3 or 4 x 4, row by row.
///
/// # Errors
/// The file cannot be read, or contains something else.
pub fn read(path: &Path) -> anyhow::Result<Intrinsics> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    Intrinsics::parse(&name, &text).map_err(anyhow::Error::msg)
}

/// Reads the file that the user gave, otherwise the first of `names` that exists in the folder.
///
/// # Errors
/// That file cannot be read.
pub fn find(
    options: &Options,
    folder: &Path,
    names: &[&str],
) -> anyhow::Result<Option<Intrinsics>> {
    let beside = || {
        let mut paths = names.iter().map(|name| folder.join(name));
        paths.find(|path| path.is_file())
    };
    let path = options.intrinsics.clone().or_else(beside);
    path.map(|path| read(&path)).transpose()
}

/// Reads the camera that recordings of this kind have one folder up, if this one has none of its
/// own.
///
/// # Errors
/// That file cannot be read.
pub fn above(folder: &Path, kind: Kind) -> anyhow::Result<Option<Intrinsics>> {
    let Some(name) = kind
        .camera_above()
        .filter(|name| !folder.join(name).is_file())
    else {
        return Ok(None);
    };
    let path = folder.parent().map(|above| above.join(name));
    let path = path.filter(|path| path.is_file());
    path.map(|path| read(&path)).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{read as read_intrinsics, *};
    use segscape::captures::Extent;

    #[test]
    fn cameras_are_read_or_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            read_intrinsics(&folder.path().join(name)).map_err(|error| format!("{error:#}"))
        };
        let camera = |of| {
            Ok(Intrinsics {
                focal: [5.0, 6.0],
                center: [1.5, 2.5],
                of,
            })
        };
        let open3d = |matrix: &str| {
            format!(r#"{{"width": 8, "height": 6, "intrinsic_matrix": [{matrix}]}}"#)
        };
        assert_eq!(
            read("a.json", &open3d("5, 0, 0, 0, 6, 0, 1.5, 2.5, 1")),
            camera(Extent::Size([8.0, 6.0])),
            "column by column"
        );
        assert_eq!(read("a.txt", "5 6 1.5 2.5\n"), camera(Extent::Depth));
        assert_eq!(
            read("a.txt", "5 0 1.5\n0 6 2.5\n0 0 1"),
            camera(Extent::Depth)
        );
        assert_eq!(
            read("a.txt", "5 0 1.5 0\n0 6 2.5 0\n0 0 1 0\n0 0 0 1"),
            camera(Extent::Depth)
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
