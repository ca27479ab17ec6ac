//! Converts recordings and data sets to foundation bundles: the output of sensors, reconstructions
//! and annotators, in one common format. Each format is a file that implements [`Reader`].

mod annotation;
mod captured;
mod colmap;
mod intrinsics;
mod mast3r_slam;
mod mesh;
mod npy;
mod origins;
mod ply_stream;
mod reconstruction;
mod replica;
mod scannet;
mod scannetpp;
mod segdino3d;
mod sens;
mod shots;
mod torch;
mod vggt;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use glam::Affine3A;
use segscape::{
    captures::{self, Intrinsics, axis_up},
    scan::{Frame, UpAxis},
};

pub use captured::in_words;

use self::shots::{Gap, Picture, Prepared, Shot, Shots};
use crate::{class_table::ClassTable, folder::FolderNames, foundation::Writer};

/// The formats that can be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Posed color and depth images: exported by ScanNet's SensReader (color, depth, pose,
    /// intrinsic), named as in 7-Scenes and 3DMatch (frame-000000.color.png, .depth.png, .pose.txt;
    /// camera-intrinsics.txt there or one folder up, or --intrinsics), listed as in TUM RGB-D
    /// (rgb.txt, depth.txt, groundtruth.txt), or laid out as in Open3D and Redwood (color or image,
    /// depth, trajectory.log, camera_intrinsic.json).
    Frames,
    /// ScanNet's raw folders: the mesh, its segments and aggregation, and the .sens stream or the
    /// frames exported from it, if there are images.
    Scannet,
    /// Replica in the layout of Open3DIS: replica_2d/SCENE with color, depth and pose, and
    /// replica_3d/SCENE.ply or .pth with labelled points.
    Replica,
    /// ScanNet++: data/SCENE with scans (the mesh, its segments and their annotation) and, if there
    /// are images, iphone (rgb, depth, colmap).
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

/// A format of recordings or data sets.
trait Reader: Sync {
    /// The default up axis.
    fn up(&self) -> UpAxis {
        UpAxis::PlusZ
    }

    /// The default frame interval: 10 for videos, 1 for keyframes.
    fn every(&self) -> usize {
        10
    }

    /// `true` if the path is a scene; only the names and the existence of files are checked.
    fn is_scene(&self, path: &Path) -> bool;

    /// Name of the folder of a data set in which its scenes are, if they are in one.
    fn scenes_folder(&self) -> Option<&'static str> {
        None
    }

    /// The scenes in `input`, each with its name: `input` itself, or the paths in it or, if it is a
    /// data set, in its folder of scenes.
    ///
    /// # Errors
    /// The folder cannot be listed, or contains no scene.
    fn scenes(&self, input: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let inner = self.scenes_folder().map(|name| input.join(name));
        let home = inner
            .filter(|inner| inner.is_dir())
            .unwrap_or_else(|| input.to_owned());
        let whole = home
            .canonicalize()
            .with_context(|| format!("cannot read {}", home.display()))?;
        if self.is_scene(&whole) {
            return Ok(vec![(scene_name(&whole), whole)]);
        }
        let mut scenes = Vec::new();
        for entry in
            std::fs::read_dir(&home).with_context(|| format!("cannot list {}", home.display()))?
        {
            let path = entry?.path();
            if self.is_scene(&path) {
                scenes.push((scene_name(&path), path));
            }
        }
        scenes.sort();
        ensure!(
            !scenes.is_empty(),
            "{} is not a scene of this kind and contains none",
            home.display()
        );
        Ok(scenes)
    }

    /// Reads a scene. Its pictures and depth images go to the bundle one by one.
    ///
    /// # Errors
    /// The error names the file and what is wrong with it.
    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared>;
}

/// The name of the scene at a path.
fn scene_name(path: &Path) -> String {
    let name = if path.is_file() {
        path.file_stem()
    } else {
        path.file_name()
    };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

impl Kind {
    fn reader(self) -> &'static dyn Reader {
        match self {
            Self::Frames => &captured::FRAMES,
            Self::Scannet => &scannet::Scannet,
            Self::Replica => &replica::Replica,
            Self::Scannetpp => &scannetpp::Scannetpp,
            Self::Segdino3d => &segdino3d::Segdino3d,
            Self::Polycam => &captured::POLYCAM,
            Self::Record3d => &captured::RECORD3D,
            Self::Stray => &captured::STRAY,
            Self::Scanner3d => &captured::SCANNER3D,
            Self::Mast3rSlam => &mast3r_slam::Mast3rSlam,
            Self::Vggt => &vggt::Vggt,
        }
    }

    /// The default up axis: the worlds of phones are those of ARKit. Reconstructions are levelled
    /// instead.
    pub fn up(self) -> UpAxis {
        self.reader().up()
    }

    /// The default frame interval: 10 for videos, 1 for keyframes.
    pub fn every(self) -> usize {
        self.reader().every()
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
    /// Metres per unit of depth images of 16 bits; `None` for what their kind has.
    pub depth_unit: Option<f32>,
    /// Path of `scannetv2-labels.combined.tsv`, or of a list of classes.
    pub labels: Option<PathBuf>,
    /// The benchmark whose classes ScanNet's labels get; `None` if the user did not say.
    pub classes: Option<ClassTable>,
    /// Path of the camera intrinsics of recordings with depth images, replacing their own.
    pub intrinsics: Option<PathBuf>,
    /// Folder of the features of `segdino3d`.
    pub features: Option<PathBuf>,
}

impl Options {
    /// Units of depth images per metre, which are `of_kind` unless the user says something else.
    fn units_per_metre(&self, of_kind: f32) -> f32 {
        self.depth_unit.map_or(of_kind, f32::recip)
    }

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
        axis_up(self.up)
    }
}

/// Reads the camera that the user gave, or the one that recordings like that in the folder have one
/// folder up.
///
/// # Errors
/// That file cannot be read.
pub fn camera(given: Option<&Path>, folder: &Path) -> anyhow::Result<Option<Intrinsics>> {
    let is_here = |kind: &captures::Kind| kind.is_here(&FolderNames(folder));
    match (given, captures::Kind::ALL.into_iter().find(is_here)) {
        (Some(path), _) => intrinsics::read(path).map(Some),
        (None, Some(kind)) => intrinsics::above(folder, kind),
        (None, None) => Ok(None),
    }
}

/// `true` if the path is a scene of this kind; only the names and the existence of files are
/// checked.
pub fn is_scene(kind: Kind, path: &Path) -> bool {
    kind.reader().is_scene(path)
}

/// The scenes in `input`, each with its name: `input` itself, or the folders in it.
///
/// # Errors
/// `input` cannot be listed, or contains no scene.
pub fn scenes(kind: Kind, input: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    kind.reader().scenes(input)
}

/// What became of a scene, for the user.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Numbers of points and of frames that were used and left out.
    pub summary: String,
    /// What the user should look at.
    pub warnings: Vec<String>,
}

/// Prepares one scene and writes it to `out`, with the memory of one frame beside the points of
/// the scene.
///
/// # Errors
/// The error names the file and what is wrong with it.
pub fn prepare(kind: Kind, scene: &Path, out: &Path, options: &Options) -> anyhow::Result<Outcome> {
    let bundle = Writer::create(out)?;
    let Prepared {
        foundation,
        summary,
        warnings,
    } = kind.reader().read(scene, options, &bundle)?;
    bundle.complete(&foundation)?;
    Ok(Outcome {
        summary: format!("{} points, {summary}", foundation.positions.len()),
        warnings,
    })
}

#[cfg(test)]
pub(crate) mod tests;
