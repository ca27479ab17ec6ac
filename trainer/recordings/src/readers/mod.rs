//! Converts recordings and data sets to foundation bundles: the output of sensors, reconstructions
//! and annotators, in one common format.

mod annotation;
mod colmap;
mod exr;
mod frames;
mod intrinsics;
mod mast3r_slam;
mod mesh;
mod npy;
mod phone;
mod points_from_depth;
mod polycam;
mod reconstruction;
mod record3d;
mod recorded;
mod replica;
mod scanner3d;
mod scannet;
mod scannetpp;
mod segdino3d;
mod sens;
mod stray;
mod torch;
mod trajectory;
mod tum;
mod up_direction;
mod vggt;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use glam::{Affine3A, Mat3A, Mat4, Quat, Vec3, Vec3A};
use segscape::{
    scan::{Frame, UpAxis},
    views::{Camera, Map},
};

use self::mesh::LabeledPoints;
use crate::foundation::{Foundation, Image};

/// The formats that can be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Posed color and depth images: exported by ScanNet's SensReader (color, depth, pose,
    /// intrinsic), named as in 7-Scenes (frame-000000.color.jpg, .depth.png, .pose.txt;
    /// camera-intrinsics.txt), listed as in TUM RGB-D (rgb.txt, depth.txt, groundtruth.txt), or
    /// laid out as in Open3D and Redwood (color or image, depth, trajectory.log,
    /// camera_intrinsic.json).
    Frames,
    /// ScanNet's raw folders: the mesh, its segments and aggregation, and the .sens stream or the
    /// frames exported from it.
    Scannet,
    /// Replica in the layout of Open3DIS: replica_2d/SCENE with color, depth and pose, and
    /// replica_3d/SCENE.ply or .pth with labelled points.
    Replica,
    /// ScanNet++: data/SCENE with scans (the mesh, its segments and their annotation) and iphone
    /// (rgb, depth, colmap).
    Scannetpp,
    /// ScanNet in the layout of SegDINO3D and OneFormer3D: points, instance_mask, semantic_mask,
    /// super_points, features_2d/SET; or one of the lists in meta_data.
    Segdino3d,
    /// Polycam's raw export: keyframes/ with cameras, images, depth, confidence; files corrected by
    /// Polycam are preferred if they exist.
    Polycam,
    /// Record3D's export "EXR + JPG sequence": metadata.json, rgb, depth. A .r3d file must be
    /// exported to this form first.
    Record3d,
    /// Stray Scanner: odometry.csv, camera_matrix.csv, depth, confidence, and rgb with the frames
    /// of the video (extracted with ffmpeg).
    Stray,
    /// 3D Scanner App, "All data": frame_00000.json, frame_00000.jpg, depth_00000.png,
    /// conf_00000.png.
    Scanner3d,
    /// The output of MASt3R-SLAM: SEQ.ply, SEQ.txt, keyframes/SEQ, and SEQ.masks.npy, which
    /// requires a small change to the program.
    Mast3rSlam,
    /// The predictions of VGGT: predictions.npz.
    Vggt,
}

impl Kind {
    /// The default up axis: the worlds of phones are those of ARKit. Reconstructions are levelled
    /// instead.
    pub fn up(self) -> UpAxis {
        match self {
            Self::Frames
            | Self::Scannet
            | Self::Replica
            | Self::Scannetpp
            | Self::Segdino3d
            | Self::Mast3rSlam
            | Self::Vggt => UpAxis::PlusZ,
            Self::Polycam | Self::Record3d | Self::Stray | Self::Scanner3d => UpAxis::PlusY,
        }
    }

    /// The default frame interval: 10 for videos, 1 for keyframes.
    pub fn every(self) -> usize {
        match self {
            Self::Frames
            | Self::Scannet
            | Self::Replica
            | Self::Scannetpp
            | Self::Segdino3d
            | Self::Record3d
            | Self::Stray
            | Self::Scanner3d => 10,
            Self::Polycam | Self::Mast3rSlam | Self::Vggt => 1,
        }
    }
}

/// Options of the conversion.
#[derive(Clone, Debug)]
pub struct Options {
    /// Interval between the frames that are used.
    pub every: usize,
    /// Approximate minimum distance between points, metres.
    pub spacing: f32,
    /// Depth beyond this distance is not trusted, metres.
    pub farthest: f32,
    /// The axis of the recording that points up.
    pub up: UpAxis,
    /// If `true`, the up direction is estimated instead, for reconstructions, whose axes are
    /// arbitrary.
    pub level: bool,
    /// Metres per unit of a reconstruction; `None` for the default of its kind.
    pub metres_per_unit: Option<f32>,
    /// Path of `scannetv2-labels.combined.tsv`, or of a list of classes.
    pub labels: Option<PathBuf>,
    /// Path of the camera intrinsics of recordings with depth images, replacing their own.
    pub intrinsics: Option<PathBuf>,
    /// Folder of the features of `segdino3d`.
    pub features: Option<PathBuf>,
    /// If `true`, the labels of `segdino3d` are those of NYU40.
    pub nyu40: bool,
}

/// A posed frame of a recording.
struct Shot {
    name: String,
    /// Camera of the depth image, which the picture spans as well.
    camera: Camera,
    /// Shape `(height, width, 1)`: metres, 0 where unknown.
    depth: Map,
    /// The picture as it was stored.
    picture: Picture,
}

/// An encoded picture.
struct Picture {
    extension: &'static str,
    bytes: Vec<u8>,
}

/// The reason why a frame that a recording lists cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Tracking was lost.
    Pose,
    /// The picture or the depth image is missing.
    File,
}

/// The frames of a recording, one after the other.
type Shots<'a> = Box<dyn Iterator<Item = anyhow::Result<Result<Shot, Gap>>> + 'a>;

/// `true` if the path is a scene of this kind; only the names and the existence of files are
/// checked.
pub fn is_scene(kind: Kind, path: &Path) -> bool {
    match kind {
        Kind::Frames => frames::is_scene(path),
        Kind::Scannet => scannet::is_scene(path),
        Kind::Replica => replica::is_scene(path),
        Kind::Scannetpp => scannetpp::is_scene(path),
        // its scenes are parts of file names
        Kind::Segdino3d => false,
        Kind::Polycam => polycam::is_scene(path),
        Kind::Record3d => record3d::is_scene(path),
        Kind::Stray => stray::is_scene(path),
        Kind::Scanner3d => scanner3d::is_scene(path),
        Kind::Mast3rSlam => mast3r_slam::is_scene(path),
        Kind::Vggt => vggt::is_scene(path),
    }
}

/// The scenes in `input`, each with its name: `input` itself, or the folders in it.
///
/// # Errors
/// `input` cannot be listed, or contains no scene.
pub fn scenes(kind: Kind, input: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    if kind == Kind::Segdino3d {
        return segdino3d::scenes(input);
    }
    let input = &match kind {
        Kind::Replica => replica::home(input),
        Kind::Scannetpp => scannetpp::home(input),
        _ => input.to_owned(),
    };
    let name = |path: &Path| {
        let name = if path.is_file() {
            path.file_stem()
        } else {
            path.file_name()
        };
        name.unwrap_or_default().to_string_lossy().into_owned()
    };
    let whole = input
        .canonicalize()
        .with_context(|| format!("cannot read {}", input.display()))?;
    if is_scene(kind, &whole) {
        return Ok(vec![(name(&whole), whole)]);
    }
    let mut scenes = Vec::new();
    for entry in
        std::fs::read_dir(input).with_context(|| format!("cannot list {}", input.display()))?
    {
        let path = entry?.path();
        if is_scene(kind, &path) {
            scenes.push((name(&path), path));
        }
    }
    scenes.sort();
    ensure!(
        !scenes.is_empty(),
        "{} is not a scene of this kind and contains none",
        input.display()
    );
    Ok(scenes)
}

/// Prepares one scene and writes it to `out`. Returns a summary with the numbers of frames that
/// were used and left out.
///
/// # Errors
/// The error names the file and what is wrong with it.
pub fn prepare(kind: Kind, scene: &Path, out: &Path, options: &Options) -> anyhow::Result<String> {
    let stream = scannet::stream(scene);
    let (shots, labeled) = match kind {
        Kind::Frames => (frames::frames(scene, options)?, None),
        Kind::Scannet => {
            let shots: Shots = match &stream {
                Some(stream) => Box::new(sens::frames(stream, options.every)?),
                None => frames::frames(scene, options)?,
            };
            (shots, Some(scannet::labeled(scene, options)?))
        }
        Kind::Replica => (
            replica::shots(scene, options)?,
            replica::points(scene, options)?,
        ),
        Kind::Scannetpp => (
            scannetpp::shots(scene, options)?,
            Some(scannetpp::labeled(scene, options)?),
        ),
        Kind::Segdino3d => {
            let foundation = segdino3d::scene(scene, options)?;
            foundation.write(out, |image| {
                anyhow::bail!("there is no picture of {}", image.name)
            })?;
            return Ok(format!(
                "{} points, {} objects",
                foundation.positions.len(),
                foundation.given.objects.positions.len()
            ));
        }
        Kind::Polycam => (polycam::frames(scene, options.every)?, None),
        Kind::Record3d => (record3d::frames(scene, options.every)?, None),
        Kind::Stray => (stray::frames(scene, options.every)?, None),
        Kind::Scanner3d => (scanner3d::frames(scene, options.every)?, None),
        Kind::Mast3rSlam => {
            return written(mast3r_slam::read(scene, options)?.prepared(options)?, out);
        }
        Kind::Vggt => return written(vggt::read(scene, options)?.prepared(options)?, out),
    };
    let taken = Taken::of(shots, options)?;
    let summary = taken.summary();
    let (positions, colors, origins, truth) = match labeled {
        Some(LabeledPoints {
            positions,
            colors,
            truth,
        }) => {
            let origins = points_from_depth::origins(&positions, &taken.images);
            (positions, colors, origins, truth)
        }
        None => {
            let (positions, colors, origins) =
                points_from_depth::from_depth(&taken.images, &taken.pictures, options)?;
            (positions, Some(colors), origins, None)
        }
    };
    written(
        (
            Foundation {
                positions,
                colors,
                origins,
                images: taken.images,
                truth,
                ..Foundation::default()
            },
            taken.pictures,
            summary,
        ),
        out,
    )
}

/// A scene without its pictures, the pictures, and a summary for the user.
type Prepared = (Foundation, Vec<Picture>, String);

fn written((foundation, pictures, summary): Prepared, out: &Path) -> anyhow::Result<String> {
    let points = foundation.positions.len();
    foundation.write(out, |image| {
        let row = foundation
            .images
            .iter()
            .position(|other| other.name == image.name)
            .context("an image of the scene")?;
        Ok(pictures[row].bytes.clone())
    })?;
    Ok(format!("{points} points, {summary}"))
}

/// The frames that could be used.
struct Taken {
    images: Vec<Image>,
    pictures: Vec<Picture>,
    /// Number of frames whose pose was lost.
    lost: usize,
    /// Number of frames with missing files.
    missing: usize,
}

impl Options {
    /// Conversion from the frame of the recording to the world.
    fn frame(&self) -> Frame {
        Frame {
            up: self.up,
            ..Frame::default()
        }
    }

    /// Converts a position from the frame of the recording to the world.
    fn turned(&self, place: [f64; 3]) -> [f32; 3] {
        self.frame().world_from_file(place).map(|x| x as f32)
    }

    /// The same conversion as a transform.
    fn turn(&self) -> Affine3A {
        let column = |axis: [f64; 3]| Vec3A::from(self.turned(axis));
        Affine3A {
            matrix3: Mat3A::from_cols(
                column([1.0, 0.0, 0.0]),
                column([0.0, 1.0, 0.0]),
                column([0.0, 0.0, 1.0]),
            ),
            translation: Vec3A::ZERO,
        }
    }
}

impl Taken {
    fn of(frames: Shots, options: &Options) -> anyhow::Result<Self> {
        let turn = options.turn();
        let mut taken = Self {
            images: vec![],
            pictures: vec![],
            lost: 0,
            missing: 0,
        };
        for frame in frames {
            let Shot {
                name,
                mut camera,
                depth,
                picture,
            } = match frame? {
                Ok(shot) => shot,
                Err(gap) => {
                    *match gap {
                        Gap::Pose => &mut taken.lost,
                        Gap::File => &mut taken.missing,
                    } += 1;
                    continue;
                }
            };
            camera.world_from_camera = turn * camera.world_from_camera;
            let file = format!("{name}.{}", picture.extension);
            taken.images.push(Image {
                name,
                camera,
                picture: Some(file),
                depth: Some(depth),
                mask: None,
                instances: vec![],
                features: None,
            });
            taken.pictures.push(picture);
        }
        ensure!(
            !taken.images.is_empty(),
            "none of {} frames has a pose, a picture and a depth image",
            taken.lost + taken.missing
        );
        Ok(taken)
    }

    fn summary(&self) -> String {
        let gaps = [
            (self.lost, "without a pose"),
            (self.missing, "without its files"),
        ];
        let gaps = gaps
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {count} {what} left out"));
        format!("{} frames{}", self.images.len(), gaps.collect::<String>())
    }
}

/// The numbers of a text file, separated by white space or commas.
fn listed(path: &Path) -> anyhow::Result<Vec<f32>> {
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
fn numbers<const N: usize>(path: &Path) -> anyhow::Result<[f32; N]> {
    let numbers = listed(path)?;
    let found = numbers.len();
    numbers
        .try_into()
        .ok()
        .with_context(|| format!("{} has {found} numbers instead of {N}", path.display()))
}

/// A pose from 16 numbers, row by row; `None` if tracking was lost, which recordings mark with
/// numbers that are not finite.
fn pose(rows: &[f32; 16]) -> Option<Affine3A> {
    let matrix = Mat4::from_cols_array(rows).transpose();
    (matrix.is_finite() && matrix.determinant().abs() > 1e-6).then(|| Affine3A::from_mat4(matrix))
}

/// A pose from a quaternion (x, y, z, w) and a position; `None` if either is not finite, or the
/// quaternion is zero.
fn quaternion_pose(quaternion: [f32; 4], place: [f32; 3]) -> Option<Affine3A> {
    let (turn, place) = (Quat::from_array(quaternion), Vec3::from(place));
    (turn.is_finite() && place.is_finite() && turn.length() > 1e-6)
        .then(|| Affine3A::from_rotation_translation(turn.normalize(), place))
}

#[cfg(test)]
pub(crate) mod tests;
