//! Stray Scanner: `odometry.csv` with one pose per frame, `camera_matrix.csv`, `depth/000007.png`,
//! `confidence/000007.png`, and a video, whose frames must be extracted first. The app has already
//! converted ARKit's axes to x right, y down, z forward.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use glam::Affine3A;

use segscape::scan::UpAxis;

use super::{
    Options, Prepared, Reader, Shots, numbers, phone, phone::PictureIntrinsics, quaternion_pose,
    shots,
};
use crate::foundation::Writer;

const ODOMETRY: &str = "odometry.csv";
const MATRIX: &str = "camera_matrix.csv";
/// Command that extracts the frames of the video to `rgb/`.
const EXTRACT: &str =
    "mkdir rgb && ffmpeg -noautorotate -i rgb.mp4 -start_number 0 -q:v 2 rgb/%06d.jpg";

/// A row of the odometry.
struct Row {
    frame: String,
    world_from_camera: Option<Affine3A>,
    /// Intrinsics of this frame, which newer versions of the app write.
    intrinsics: Option<PictureIntrinsics>,
}

/// Stray Scanner's recordings.
pub struct Stray;

impl Reader for Stray {
    fn up(&self) -> UpAxis {
        UpAxis::PlusY
    }

    fn is_scene(&self, folder: &Path) -> bool {
        folder.join(ODOMETRY).is_file() && folder.join(MATRIX).is_file()
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        shots::prepared(frames(scene, options)?, None, options, bundle)
    }
}

/// Every `options.every`-th frame.
///
/// # Errors
/// The frames were not extracted from the video, or a table breaks the format.
fn frames<'a>(folder: &'a Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let pictures = folder.join("rgb");
    if !pictures.is_dir() {
        bail!(
            "{} has no folder rgb with the frames of the video, which is not read itself; this command extracts them there: {EXTRACT}",
            folder.display()
        );
    }
    let m = numbers::<9>(&folder.join(MATRIX))?;
    let of_all = PictureIntrinsics {
        focal: [m[0], m[4]],
        center: [m[2], m[5]],
    };
    let frame = move |Row {
                          frame,
                          world_from_camera,
                          intrinsics,
                      }: Row| {
        let [depth, confidence] =
            ["depth", "confidence"].map(|of| folder.join(of).join(format!("{frame}.png")));
        let picture = phone::picture(&pictures, &frame);
        let intrinsics = intrinsics.unwrap_or(of_all);
        phone::Frame {
            name: frame,
            world_from_camera,
            intrinsics,
            picture,
            depth,
            confidence: Some(confidence),
        }
        .shot(options)
    };
    Ok(Box::new(
        rows(&folder.join(ODOMETRY))?
            .into_iter()
            .step_by(options.every)
            .map(frame),
    ))
}

/// Reads the odometry. Columns are found by their names, because versions of the app have different
/// columns.
fn rows(path: &Path) -> anyhow::Result<Vec<Row>> {
    let text = phone::text(path)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let place = |name: &str| header.iter().position(|column| *column == name);
    let column = |name: &str| {
        place(name).with_context(|| format!("{} has no column \"{name}\"", path.display()))
    };
    let frame = column("frame")?;
    let mut pose = [0; 7];
    for (place, name) in pose.iter_mut().zip(["x", "y", "z", "qx", "qy", "qz", "qw"]) {
        *place = column(name)?;
    }
    let camera = ["fx", "fy", "cx", "cy"].map(place);
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in lines
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |place: usize| -> anyhow::Result<&str> {
            cells.get(place).copied().with_context(|| {
                format!(
                    "line {} of {} has {} cells, the header has {}",
                    number + 2,
                    path.display(),
                    cells.len(),
                    header.len()
                )
            })
        };
        let value = |place: usize| -> anyhow::Result<f32> {
            let word = cell(place)?;
            word.parse().with_context(|| {
                format!(
                    "line {} of {}: \"{word}\" is not a number",
                    number + 2,
                    path.display()
                )
            })
        };
        let index: u32 = cell(frame)?.parse().with_context(|| {
            format!(
                "line {} of {}: \"{}\" is not a frame number",
                number + 2,
                path.display(),
                cells[frame]
            )
        })?;
        let [x, y, z, qx, qy, qz, qw] = pose.map(value);
        let intrinsics = match camera {
            [Some(fx), Some(fy), Some(cx), Some(cy)] => Some(PictureIntrinsics {
                focal: [value(fx)?, value(fy)?],
                center: [value(cx)?, value(cy)?],
            }),
            _ => None,
        };
        rows.push(Row {
            frame: format!("{index:06}"),
            world_from_camera: quaternion_pose([qx?, qy?, qz?, qw?], [x?, y?, z?]),
            intrinsics,
        });
    }
    let mut frames: Vec<&str> = rows.iter().map(|row| row.frame.as_str()).collect();
    frames.sort_unstable();
    let twice = frames.windows(2).find(|pair| pair[0] == pair[1]);
    ensure!(
        twice.is_none(),
        "{} lists frame {} twice",
        path.display(),
        twice.map_or("", |pair| pair[0])
    );
    Ok(rows)
}
