//! Reads the output of MASt3R-SLAM (docs/spec/data.md section 8): `SEQ.ply`, `SEQ.txt` with one
//! line `t x y z qx qy qz qw` per keyframe, `keyframes/SEQ/t.png`; and beside them `SEQ.masks.npy`,
//! which the released program does not save.
//!
//! The points of the PLY are, for one keyframe after the other, the pixels of the resized image
//! whose confidence was high enough, row by row. The pixel of a point is unknown unless the masks
//! are saved too: a boolean array of shape `(keyframes, height, width)`, in the order of the
//! trajectory, made of the same `valid` that selects the points in `save_reconstruction` of
//! `mast3r_slam/evaluate.py`. docs/train-on-recordings.md has the lines to add.
//!
//! The trajectory does not contain the scales of its keyframes, and without calibration the program
//! saves no focal length; both are recovered from the points. The depth of a point is its distance
//! along the optical axis of its keyframe, and the focal length is the one that projects the points
//! to their pixels.

use std::{
    fs,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use glam::{Affine3A, Vec3};
use segscape::{
    progress::Monitor,
    scan,
    views::{Camera, Correspondence, Map},
};

use super::{
    Options, Picture, Prepared, Reader,
    npy::Array,
    phone, quaternion_pose,
    reconstruction::{Point, Reconstruction, median},
};
use crate::foundation::Image;

/// Maximum number of pixels along one side; the program resizes to 512.
const SIDE_LIMIT: usize = 4096;
/// Maximum size of a PLY file in bytes.
const PLY_LIMIT: u64 = 8 << 30;
/// Pixels nearer to the center than this share of the width are ignored in the estimate of the
/// focal length, because they determine it poorly.
const CENTRAL: f32 = 0.125;
/// Step between the points from which the focal length is estimated.
const STRIDE: usize = 11;

/// Paths of the files of a sequence.
struct Sequence {
    ply: PathBuf,
    folder: PathBuf,
    name: String,
}

/// One line of the trajectory.
struct Keyframe {
    time: String,
    world_from_camera: Option<Affine3A>,
}

impl Sequence {
    /// The sequence of a PLY file, or of a folder with a single sequence.
    fn of(scene: &Path) -> Option<Self> {
        if scene.is_dir() {
            let mut found = fs::read_dir(scene).ok()?.filter_map(|entry| {
                Self::of(&entry.ok()?.path())
                    .filter(|sequence| sequence.ply.parent() == Some(scene))
            });
            let only = found.next();
            return if found.next().is_some() { None } else { only };
        }
        let name = scene
            .file_name()?
            .to_str()?
            .strip_suffix(".ply")?
            .to_owned();
        let folder = scene.parent()?.to_owned();
        let sequence = Self {
            ply: scene.to_owned(),
            folder,
            name,
        };
        (sequence.beside("txt").is_file() && sequence.keyframes().is_dir()).then_some(sequence)
    }

    fn beside(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.name))
    }

    fn keyframes(&self) -> PathBuf {
        self.folder.join("keyframes").join(&self.name)
    }
}

/// The output of MASt3R-SLAM.
pub struct Mast3rSlam;

impl Reader for Mast3rSlam {
    fn every(&self) -> usize {
        1
    }

    fn is_scene(&self, scene: &Path) -> bool {
        Sequence::of(scene).is_some()
    }

    fn read(&self, scene: &Path, options: &Options) -> anyhow::Result<Prepared> {
        read(scene, options)?.prepared(options)
    }
}

/// Reads every `options.every`-th keyframe.
///
/// # Errors
/// The masks are missing, or the files disagree about the number of keyframes and points.
fn read(scene: &Path, options: &Options) -> anyhow::Result<Reconstruction> {
    let sequence = Sequence::of(scene)
        .with_context(|| format!("{} is not a sequence of MASt3R-SLAM", scene.display()))?;
    let keyframes = trajectory(&sequence.beside("txt"))?;
    let (positions, colors) = points(&sequence.ply)?;
    let path = sequence.beside("masks.npy");
    ensure!(
        path.is_file(),
        "there is no {}: only masks saved with the points say from which pixels they were made; docs/train-on-recordings.md has the lines that save them",
        path.display()
    );
    let masks = || -> anyhow::Result<_> {
        let array = Array::open(BufReader::new(File::open(&path)?))?;
        let [count, rows, columns] = <[usize; 3]>::try_from(array.shape.clone())
            .ok()
            .with_context(|| {
                format!(
                    "the shape is {:?} instead of (keyframes, rows, columns)",
                    array.shape
                )
            })?;
        ensure!(
            count == keyframes.len(),
            "there are masks of {count} keyframes, {} has {}",
            sequence.beside("txt").display(),
            keyframes.len()
        );
        let is_sane = [rows, columns]
            .iter()
            .all(|side| (1..=SIDE_LIMIT).contains(side));
        ensure!(
            is_sane,
            "the masks have {columns} x {rows} pixels, the limit per side is {SIDE_LIMIT}"
        );
        Ok((array, rows, columns))
    };
    let (mut array, rows, columns) = masks().with_context(|| format!("in {}", path.display()))?;
    let mut taken = Taken {
        positions: &positions,
        colors: &colors,
        next: 0,
        size: [rows, columns],
        images: vec![],
        points: vec![],
        pictures: vec![],
        lost: 0,
    };
    for (row, keyframe) in keyframes.iter().enumerate() {
        let mask = array
            .next(rows * columns)
            .with_context(|| format!("in {}", path.display()))?;
        taken
            .keyframe(
                keyframe,
                &mask,
                row.is_multiple_of(options.every),
                &sequence,
            )
            .with_context(|| format!("keyframe {}", keyframe.time))?;
    }
    ensure!(
        taken.next == positions.len(),
        "{} masks {} pixels, {} has {} points",
        path.display(),
        taken.next,
        sequence.ply.display(),
        positions.len()
    );
    taken.reconstruction()
}

/// The data read so far.
struct Taken<'a> {
    positions: &'a [Vec3],
    colors: &'a [[u8; 3]],
    /// Row of the first point of the next keyframe.
    next: usize,
    /// Rows and columns.
    size: [usize; 2],
    images: Vec<Image>,
    points: Vec<Point>,
    pictures: Vec<Picture>,
    lost: usize,
}

impl Taken<'_> {
    fn keyframe(
        &mut self,
        keyframe: &Keyframe,
        mask: &[f32],
        is_wanted: bool,
        sequence: &Sequence,
    ) -> anyhow::Result<()> {
        let [rows, columns] = self.size;
        let pixels: Vec<usize> = (0..mask.len())
            .filter(|pixel| mask[*pixel] != 0.0)
            .collect();
        let first = self.next;
        self.next += pixels.len();
        ensure!(
            self.next <= self.positions.len(),
            "the masks need at least {} points, the PLY has {}",
            self.next,
            self.positions.len()
        );
        if !is_wanted {
            return Ok(());
        }
        let path = sequence.keyframes().join(format!("{}.png", keyframe.time));
        let (Some(world_from_camera), true) = (keyframe.world_from_camera, path.is_file()) else {
            self.lost += 1;
            return Ok(());
        };
        let picture = Picture::read(&path)?;
        let view = self.images.len() as u32;
        let camera_from_world = world_from_camera.inverse();
        let mut depth = vec![0.0; rows * columns];
        for (row, pixel) in (first..).zip(pixels) {
            let position = self.positions[row];
            let along = camera_from_world.transform_point3(position).z;
            if along > 0.0 {
                depth[pixel] = along;
                let [x, y] = [
                    ((pixel % columns) as f32 + 0.5) / columns as f32,
                    ((pixel / columns) as f32 + 0.5) / rows as f32,
                ];
                self.points.push(Point {
                    position,
                    color: self.colors[row],
                    origin: Correspondence { view, x, y },
                    depth: along,
                });
            }
        }
        let [width, height] = [columns as f32, rows as f32];
        // the focal length is estimated when all points are known
        let camera = Camera {
            width,
            height,
            focal: [width; 2],
            center: [0.5 * (width - 1.0), 0.5 * (height - 1.0)],
            world_from_camera,
        };
        let depth = Some(Map::new(depth, [rows, columns, 1])?);
        let name = keyframe.time.clone();
        self.images.push(Image {
            picture: Some(format!("{name}.png")),
            name,
            camera,
            depth,
            mask: None,
            instances: vec![],
            features: None,
        });
        self.pictures.push(picture);
        Ok(())
    }

    fn reconstruction(mut self) -> anyhow::Result<Reconstruction> {
        let [rows, columns] = self.size.map(|n| n as f32);
        // offsets of the pixels from the center, and the same offsets at a focal length of 1
        let rays = self.points.iter().step_by(STRIDE).map(|point| {
            let Point {
                position, origin, ..
            } = point;
            let p = self.images[origin.view as usize]
                .camera
                .world_from_camera
                .inverse()
                .transform_point3(*position);
            (
                [(origin.x - 0.5) * columns, (origin.y - 0.5) * rows],
                [p.x / p.z, p.y / p.z],
            )
        });
        let rays: Vec<([f32; 2], [f32; 2])> = rays.collect();
        let outer = rays
            .iter()
            .filter(|([u, v], _)| u.hypot(*v) > CENTRAL * columns);
        let focal = median(
            outer
                .map(|([u, v], [x, y])| (u * x + v * y) / (x * x + y * y))
                .collect(),
        );
        let focal = focal
            .filter(|focal| *focal > 0.0)
            .context("no focal length brings the points to their pixels")?;
        self.images
            .iter_mut()
            .for_each(|image| image.camera.focal = [focal; 2]);
        let off = rays
            .iter()
            .map(|([u, v], [x, y])| (u - focal * x).hypot(v - focal * y) / columns);
        let disagreement = median(off.collect());
        let Self {
            images,
            points,
            pictures,
            lost,
            ..
        } = self;
        Ok(Reconstruction {
            images,
            pictures,
            lost,
            points: Some(points),
            disagreement,
            is_metric: true,
        })
    }
}

fn trajectory(path: &Path) -> anyhow::Result<Vec<Keyframe>> {
    let mut keyframes: Vec<Keyframe> = Vec::new();
    for (number, line) in phone::text(path)?
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = || format!("line {} of {}", number + 1, path.display());
        ensure!(
            words.len() == 8,
            "{} has {} numbers instead of 8: t x y z qx qy qz qw",
            place(),
            words.len()
        );
        let numbers = words[1..]
            .iter()
            .map(|word| {
                word.parse()
                    .with_context(|| format!("{}: \"{word}\" is not a number", place()))
            })
            .collect::<anyhow::Result<Vec<f32>>>()?;
        let time = words[0].to_owned();
        ensure!(
            time.parse::<f64>().is_ok(),
            "{}: \"{time}\" is not a time",
            place()
        );
        let pose = quaternion_pose(
            [numbers[3], numbers[4], numbers[5], numbers[6]],
            [numbers[0], numbers[1], numbers[2]],
        );
        keyframes.push(Keyframe {
            time,
            world_from_camera: pose,
        });
    }
    Ok(keyframes)
}

/// Positions in the frame of the file, and colors.
fn points(path: &Path) -> anyhow::Result<(Vec<Vec3>, Vec<[u8; 3]>)> {
    let size = fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    ensure!(
        size <= PLY_LIMIT,
        "{} has {size} bytes, the limit is {PLY_LIMIT}",
        path.display()
    );
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let scan = scan::read(&bytes, &Monitor::silent())
        .with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        scan.row_of_point.is_none(),
        "{} has points that are not finite, so the pixels of the other points are unknown",
        path.display()
    );
    let positions: Vec<Vec3> = scan
        .positions
        .iter()
        .map(|p| {
            Vec3::from(
                scan.frame
                    .file_from_world(p.map(f64::from))
                    .map(|x| x as f32),
            )
        })
        .collect();
    let colors = scan
        .colors
        .with_context(|| format!("{} has no colours", path.display()))?;
    Ok((positions, colors))
}
