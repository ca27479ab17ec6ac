//! Folders of posed colour and depth images (spec/data.md section 1.2).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use segscape::views::{Camera, Map};

use super::{Picture, Shot, Shots, numbers, pose};
use crate::foundation::load_grey16;

/// Depth images count millimetres, and mark what they do not know by one of these.
const UNKNOWN: [u16; 2] = [0, u16::MAX];
const MILLIMETRES: f32 = 1000.0;

/// How files are named.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// `color/7.jpg`, `depth/7.png`, `pose/7.txt`, `intrinsic/intrinsic_depth.txt`.
    SensReader,
    /// `frame-000007.color.jpg`, `.depth.png`, `.pose.txt`, `camera-intrinsics.txt`.
    SevenScenes,
}

impl Layout {
    fn of(folder: &Path) -> Option<Self> {
        if folder.join("depth").is_dir() && folder.join("pose").is_dir() {
            Some(Self::SensReader)
        } else if folder.join("camera-intrinsics.txt").is_file() {
            Some(Self::SevenScenes)
        } else {
            None
        }
    }

    /// The frames' names, by their numbers.
    fn names(self, folder: &Path) -> anyhow::Result<Vec<String>> {
        let listed = match self {
            Self::SensReader => folder.join("depth"),
            Self::SevenScenes => folder.to_owned(),
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&listed).with_context(|| format!("cannot list {}", listed.display()))? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let name = match self {
                Self::SensReader => file.strip_suffix(".png"),
                Self::SevenScenes => file.strip_suffix(".depth.png"),
            };
            names.extend(name.map(str::to_owned));
        }
        let number = |name: &String| name.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap_or(u64::MAX);
        names.sort_by(|a, b| number(a).cmp(&number(b)).then(a.cmp(b)));
        ensure!(!names.is_empty(), "no depth image in {}", listed.display());
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

    fn picture(self, folder: &Path, name: &str) -> anyhow::Result<Picture> {
        for extension in ["jpg", "png"] {
            let path = match self {
                Self::SensReader => folder.join("color").join(format!("{name}.{extension}")),
                Self::SevenScenes => folder.join(format!("{name}.color.{extension}")),
            };
            if path.is_file() {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                return Ok(Picture { extension, bytes });
            }
        }
        bail!("frame {name} of {} has a depth image but no picture (.jpg or .png)", folder.display())
    }

    /// Focal lengths and principal point of the depth images.
    fn intrinsics(self, folder: &Path) -> anyhow::Result<([f32; 2], [f32; 2])> {
        match self {
            Self::SensReader => {
                let m = numbers::<16>(&folder.join("intrinsic").join("intrinsic_depth.txt"))?;
                Ok(([m[0], m[5]], [m[2], m[6]]))
            }
            Self::SevenScenes => {
                let m = numbers::<9>(&folder.join("camera-intrinsics.txt"))?;
                Ok(([m[0], m[4]], [m[2], m[5]]))
            }
        }
    }
}

/// Whether the folder is a recording.
pub fn is_scene(folder: &Path) -> bool {
    Layout::of(folder).is_some()
}

/// Every `every`-th frame; `None` for those without a pose.
///
/// # Errors
/// The folder has no known layout, no intrinsics, or no frame.
pub fn frames(folder: &Path, every: usize) -> anyhow::Result<Shots<'_>> {
    let layout = Layout::of(folder).with_context(|| format!("{} has neither depth and pose folders nor camera-intrinsics.txt", folder.display()))?;
    let (focal, center) = layout.intrinsics(folder)?;
    let names = layout.names(folder)?;
    let frame = move |name: String| {
        let at = layout.pose(folder, &name);
        let Some(world_from_camera) = pose(&numbers::<16>(&at)?) else { return Ok(None) };
        let picture = layout.picture(folder, &name)?;
        let depth = depth(&layout.depth(folder, &name))?;
        let [height, width] = depth.size().map(|n| n as f32);
        Ok(Some(Shot { name, camera: Camera { width, height, focal, center, world_from_camera }, depth, picture }))
    };
    Ok(Box::new(names.into_iter().step_by(every).map(frame)))
}

fn depth(path: &Path) -> anyhow::Result<Map> {
    let ([rows, columns], millimetres) = load_grey16(path)?.with_context(|| format!("there is no {}", path.display()))?;
    Ok(Map::new(metres(millimetres), [rows, columns, 1])?)
}

/// Millimetres to metres, 0 where unknown.
pub fn metres(millimetres: Vec<u16>) -> Vec<f32> {
    millimetres.into_iter().map(|mm| if UNKNOWN.contains(&mm) { 0.0 } else { f32::from(mm) / MILLIMETRES }).collect()
}
