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
use glam::Affine3A;
use segscape::{
    captures::quaternion_pose,
    views::{Camera, Correspondence, Map},
};

use super::{
    Options, Picture, Prepared, Reader,
    npy::Array,
    ply_stream::{ColoredPoint, PlyStream},
    reconstruction::{Point, Reconstruction, SAMPLES, SIDE_LIMIT, median},
};
use crate::foundation::Writer;

/// Maximum size of the trajectory in bytes.
const TEXT_LIMIT: u64 = 16 << 20;
/// Bytes of the PLY that are read at once.
const BUFFER: usize = 1 << 20;
/// Pixels nearer to the center than this share of the width are ignored in the estimate of the
/// focal length, because they determine it poorly.
const CENTRAL: f32 = 0.125;
/// Step between the points of a keyframe from which the focal length is estimated, if no more than
/// [`SAMPLES`] are taken.
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

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        read(scene, options, bundle)?.prepared(options)
    }
}

/// Reads every `options.every`-th keyframe, one after the other, and skips the points between.
///
/// # Errors
/// The masks are missing, or the files disagree about the number of keyframes and points.
fn read<'a>(
    scene: &Path,
    options: &Options,
    bundle: &'a Writer,
) -> anyhow::Result<Reconstruction<'a>> {
    let sequence = Sequence::of(scene)
        .with_context(|| format!("{} is not a sequence of MASt3R-SLAM", scene.display()))?;
    let keyframes = trajectory(&sequence.beside("txt"))?;
    let path = sequence.beside("masks.npy");
    ensure!(
        path.is_file(),
        "there is no {}: only masks saved with the points say from which pixels they were made; docs/train-on-recordings.md has the lines that save them",
        path.display()
    );
    let (mut masks, size) = masks(&path, &sequence, keyframes.len())
        .with_context(|| format!("in {}", path.display()))?;
    let in_ply = || format!("in {}", sequence.ply.display());
    let points = points(&sequence.ply).with_context(in_ply)?;
    let left = points.count;
    let scale = options.metres_per_unit.unwrap_or(1.0);
    let mut taken = Taken {
        points,
        left,
        size,
        bundle,
        reconstruction: Reconstruction::new(bundle, options, scale),
        rays: vec![],
    };
    let [rows, columns] = size;
    for (row, keyframe) in keyframes.iter().enumerate() {
        let mask = masks
            .next(rows * columns)
            .with_context(|| format!("in {}", path.display()))?;
        let is_wanted = row.is_multiple_of(options.every);
        taken
            .keyframe(keyframe, &mask, is_wanted, &sequence)
            .with_context(|| format!("keyframe {}", keyframe.time))?;
    }
    ensure!(
        taken.left == 0,
        "{} masks {} pixels, {} has {} points",
        path.display(),
        taken.points.count - taken.left,
        sequence.ply.display(),
        taken.points.count
    );
    taken.reconstruction()
}

/// The masks of the keyframes, and their numbers of rows and columns.
fn masks(
    path: &Path,
    sequence: &Sequence,
    keyframes: usize,
) -> anyhow::Result<(Array<BufReader<File>>, [usize; 2])> {
    let array = Array::open(BufReader::new(File::open(path)?))?;
    let [count, rows, columns] = <[usize; 3]>::try_from(array.shape.clone())
        .ok()
        .with_context(|| {
            format!(
                "the shape is {:?} instead of (keyframes, rows, columns)",
                array.shape
            )
        })?;
    ensure!(
        count == keyframes,
        "there are masks of {count} keyframes, {} has {keyframes}",
        sequence.beside("txt").display()
    );
    let is_sane = [rows, columns]
        .iter()
        .all(|side| (1..=SIDE_LIMIT).contains(side));
    ensure!(
        is_sane,
        "the masks have {columns} x {rows} pixels, the limit per side is {SIDE_LIMIT}"
    );
    Ok((array, [rows, columns]))
}

/// The points of the keyframes, one keyframe after the other.
fn points(path: &Path) -> anyhow::Result<PlyStream<BufReader<File>>> {
    let file = File::open(path).context("it cannot be opened")?;
    let length = file.metadata()?.len();
    PlyStream::open(BufReader::with_capacity(BUFFER, file), length)
}

/// The data read so far.
struct Taken<'a> {
    points: PlyStream<BufReader<File>>,
    /// Number of points that were not read yet.
    left: u64,
    /// Rows and columns.
    size: [usize; 2],
    bundle: &'a Writer,
    reconstruction: Reconstruction<'a>,
    /// Offsets of some pixels from the center, and the same offsets at a focal length of 1.
    rays: Vec<([f32; 2], [f32; 2])>,
}

impl<'a> Taken<'a> {
    fn keyframe(
        &mut self,
        keyframe: &Keyframe,
        mask: &[f32],
        is_wanted: bool,
        sequence: &Sequence,
    ) -> anyhow::Result<()> {
        let pixels: Vec<usize> = (0..mask.len())
            .filter(|pixel| mask[*pixel] != 0.0)
            .collect();
        self.left = self
            .left
            .checked_sub(pixels.len() as u64)
            .with_context(|| {
                format!(
                    "the masks need at least {} points, the PLY has {}",
                    self.points.count - self.left + pixels.len() as u64,
                    self.points.count
                )
            })?;
        let path = sequence.keyframes().join(format!("{}.png", keyframe.time));
        let pose = keyframe.world_from_camera.filter(|_| path.is_file());
        let (true, Some(world_from_camera)) = (is_wanted, pose) else {
            self.reconstruction.lost += usize::from(is_wanted);
            return self.points.skip(pixels.len()).context("in the PLY");
        };
        let name = keyframe.time.clone();
        let file = format!("{name}.png");
        self.bundle.picture(&file, &Picture::read(&path)?.bytes)?;
        let depth = self.depth(&pixels, world_from_camera)?;
        let [height, width] = self.size.map(|n| n as f32);
        // the focal length is estimated when all points are known
        let camera = Camera {
            width,
            height,
            focal: [width; 2],
            center: [0.5 * (width - 1.0), 0.5 * (height - 1.0)],
            world_from_camera,
        };
        self.reconstruction.add_image(name, camera, depth, file)
    }

    /// Reads the points of these pixels, and returns the depth of the image that shows them.
    fn depth(&mut self, pixels: &[usize], world_from_camera: Affine3A) -> anyhow::Result<Map> {
        let [rows, columns] = self.size;
        let view = self.reconstruction.images.len() as u32;
        let camera_from_world = world_from_camera.inverse();
        let mut depth = vec![0.0; rows * columns];
        let step = STRIDE.max(pixels.len().div_ceil(SAMPLES));
        for (number, &pixel) in pixels.iter().enumerate() {
            let ColoredPoint { position, color } = self.points.point().context("in the PLY")?;
            let seen = camera_from_world.transform_point3(position);
            if seen.z <= 0.0 {
                continue;
            }
            depth[pixel] = seen.z;
            let [x, y] = [
                ((pixel % columns) as f32 + 0.5) / columns as f32,
                ((pixel / columns) as f32 + 0.5) / rows as f32,
            ];
            if number.is_multiple_of(step) {
                let offsets = [(x - 0.5) * columns as f32, (y - 0.5) * rows as f32];
                self.rays
                    .push((offsets, [seen.x / seen.z, seen.y / seen.z]));
            }
            self.reconstruction.add_point(Point {
                position,
                color,
                origin: Correspondence { view, x, y },
                depth: seen.z,
            });
        }
        Ok(Map::new(depth, [rows, columns, 1])?)
    }

    /// The reconstruction, with the focal length that brings the points to their pixels.
    fn reconstruction(mut self) -> anyhow::Result<Reconstruction<'a>> {
        let columns = self.size[1] as f32;
        let outer = self
            .rays
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
        for image in &mut self.reconstruction.images {
            image.camera.focal = [focal; 2];
        }
        let off = self
            .rays
            .iter()
            .map(|([u, v], [x, y])| (u - focal * x).hypot(v - focal * y) / columns);
        self.reconstruction.disagreement = median(off.collect());
        Ok(self.reconstruction)
    }
}

fn trajectory(path: &Path) -> anyhow::Result<Vec<Keyframe>> {
    let unreadable = || format!("cannot read {}", path.display());
    let size = fs::metadata(path).with_context(unreadable)?.len();
    ensure!(
        size <= TEXT_LIMIT,
        "{} has {size} bytes, the limit is {TEXT_LIMIT}",
        path.display()
    );
    let mut keyframes: Vec<Keyframe> = Vec::new();
    for (number, line) in fs::read_to_string(path)
        .with_context(unreadable)?
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
