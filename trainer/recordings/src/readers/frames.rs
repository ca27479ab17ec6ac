//! Folders of posed color and depth images (docs/spec/data.md section 1.2): two layouts with one
//! pose file per frame here, two with a trajectory in modules of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

use super::{
    Options, Prepared, Reader, Shots,
    intrinsics::Intrinsics,
    numbers, pose,
    recorded::{MILLIMETRES, Recorded},
    shots, trajectory, tum,
};
use crate::foundation::Writer;

/// Values of depth images for unknown depth.
const UNKNOWN: [u16; 2] = [0, u16::MAX];

/// Naming scheme of the files.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// `color/7.jpg`, `depth/7.png`, `pose/7.txt`, `intrinsic/intrinsic_depth.txt`.
    SensReader,
    /// `frame-000007.color.jpg`, `.depth.png`, `.pose.txt`; `camera-intrinsics.txt` beside them,
    /// one folder up (as in 3DMatch) or nowhere (as 7-Scenes was released).
    SevenScenes,
}

/// What the names of the depth images of 7-Scenes begin and end with.
const SEVEN_SCENES: [&str; 2] = ["frame-", ".depth.png"];
const CAMERA: &str = "camera-intrinsics.txt";

impl Layout {
    fn of(folder: &Path) -> Option<Self> {
        if folder.join("depth").is_dir() && folder.join("pose").is_dir() {
            Some(Self::SensReader)
        } else if has_seven_scenes(folder) {
            Some(Self::SevenScenes)
        } else {
            None
        }
    }

    /// Names of the frames, sorted by their numbers.
    fn names(self, folder: &Path) -> anyhow::Result<Vec<String>> {
        let listed = match self {
            Self::SensReader => folder.join("depth"),
            Self::SevenScenes => folder.to_owned(),
        };
        let mut names = Vec::new();
        for entry in
            fs::read_dir(&listed).with_context(|| format!("cannot list {}", listed.display()))?
        {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let name = match self {
                Self::SensReader => file.strip_suffix(".png"),
                Self::SevenScenes => file.strip_suffix(SEVEN_SCENES[1]),
            };
            names.extend(name.map(str::to_owned));
        }
        let number = |name: &String| {
            name.chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
                .parse::<u64>()
                .unwrap_or(u64::MAX)
        };
        names.sort_by(|a, b| number(a).cmp(&number(b)).then(a.cmp(b)));
        ensure!(
            !names.is_empty(),
            "there is no depth image in {}",
            listed.display()
        );
        Ok(names)
    }

    fn depth(self, folder: &Path, name: &str) -> PathBuf {
        match self {
            Self::SensReader => folder.join("depth").join(format!("{name}.png")),
            Self::SevenScenes => folder.join(format!("{name}.depth.png")),
        }
    }

    fn pose(self, folder: &Path, name: &str) -> PathBuf {
        match self {
            Self::SensReader => folder.join("pose").join(format!("{name}.txt")),
            Self::SevenScenes => folder.join(format!("{name}.pose.txt")),
        }
    }

    /// Path of the PNG if there is one, otherwise of the JPEG.
    fn picture(self, folder: &Path, name: &str) -> PathBuf {
        let path = |extension| match self {
            Self::SensReader => folder.join("color").join(format!("{name}.{extension}")),
            Self::SevenScenes => folder.join(format!("{name}.color.{extension}")),
        };
        let png = path("png");
        if png.is_file() { png } else { path("jpg") }
    }

    fn shots(
        self,
        folder: &Path,
        every: usize,
        intrinsics: Intrinsics,
        unit: f32,
    ) -> anyhow::Result<Shots<'_>> {
        let names = self.names(folder)?;
        let frame = move |name: String| {
            let recorded = Recorded {
                world_from_camera: pose(&numbers::<16>(&self.pose(folder, &name))?),
                picture: self.picture(folder, &name),
                depth: self.depth(folder, &name),
                name,
            };
            recorded.shot(&intrinsics, unit)
        };
        Ok(Box::new(names.into_iter().step_by(every).map(frame)))
    }

    /// The intrinsics of the depth images: those that the user gave, otherwise those of the
    /// recording.
    ///
    /// # Errors
    /// The recording has none, or its file cannot be read.
    fn intrinsics(self, folder: &Path, options: &Options) -> anyhow::Result<Intrinsics> {
        let places = match self {
            Self::SensReader => vec![folder.join("intrinsic").join("intrinsic_depth.txt")],
            Self::SevenScenes => [Some(folder), folder.parent()]
                .into_iter()
                .flatten()
                .map(|folder| folder.join(CAMERA))
                .collect(),
        };
        let found = places.iter().find(|path| path.is_file());
        let path = options.intrinsics.as_ref().or(found).with_context(|| {
            let places: Vec<_> = places.iter().map(|path| path.display().to_string()).collect();
            format!(
                "the camera is not known, there is no {}: name a file with --intrinsics, fx fy cx cy or the matrix",
                places.join(" and no ")
            )
        })?;
        Intrinsics::read(path)
    }
}

/// `true` if the folder has a depth image that is named as in 7-Scenes.
fn has_seven_scenes(folder: &Path) -> bool {
    let [first, last] = SEVEN_SCENES;
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(first) && name.ends_with(last)
        })
    })
}

/// Posed color and depth images in the layout of one of several programs.
pub struct Frames;

impl Reader for Frames {
    fn is_scene(&self, folder: &Path) -> bool {
        Layout::of(folder).is_some() || tum::is_scene(folder) || trajectory::is_scene(folder)
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        shots::prepared(frames(scene, options)?, None, options, bundle)
    }
}

/// Every `every`-th frame.
///
/// # Errors
/// The folder has no known layout, no intrinsics, or no frame.
pub fn frames<'a>(folder: &'a Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let Some(layout) = Layout::of(folder) else {
        return match tum::is_scene(folder) {
            true => tum::frames(folder, options),
            false => trajectory::frames(folder, options),
        };
    };
    let intrinsics = layout.intrinsics(folder, options)?;
    let unit = options.units_per_metre(MILLIMETRES);
    layout.shots(folder, options.every, intrinsics, unit)
}

/// Every `every`-th frame of a folder with color, depth and pose; `unit` is the number of depth
/// units per metre.
///
/// # Errors
/// There is no frame.
pub fn sens_reader(
    folder: &Path,
    every: usize,
    intrinsics: Intrinsics,
    unit: f32,
) -> anyhow::Result<Shots<'_>> {
    Layout::SensReader.shots(folder, every, intrinsics, unit)
}

/// Converts depth of `unit` units per metre to metres, 0 where unknown.
pub fn metres(depth: Vec<u16>, unit: f32) -> Vec<f32> {
    let of_pixel = |depth: u16| {
        if UNKNOWN.contains(&depth) {
            0.0
        } else {
            f32::from(depth) / unit
        }
    };
    depth.into_iter().map(of_pixel).collect()
}
