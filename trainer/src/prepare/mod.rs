//! Recordings and data sets to foundation bundles: what a sensor, a reconstruction or annotators left on disk, brought to one form.

mod frames;
mod reconstruct;
mod scannet;
mod sens;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use glam::{Affine3A, Mat3A, Mat4, Vec3A};
use segscape::{
    scan::{Frame, UpAxis},
    views::{Camera, Map},
};

use crate::foundation::{Foundation, Image};

/// What there is to prepare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Posed colour and depth images: exported as ScanNet's SensReader does (color, depth, pose, intrinsic), or named as in 7-Scenes
    /// (frame-000000.color.jpg, .depth.png, .pose.txt; camera-intrinsics.txt).
    Frames,
    /// ScanNet's raw folders: the mesh, its segments and aggregation, and the .sens stream or the frames exported from it.
    Scannet,
}

/// How scenes are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Every how many frames one is taken.
    pub every: usize,
    /// Points are at least about so far apart, metres.
    pub spacing: f32,
    /// Farther depth is not trusted, metres.
    pub farthest: f32,
    /// Which axis of the recording points up.
    pub up: UpAxis,
    /// `scannetv2-labels.combined.tsv`.
    pub labels: Option<PathBuf>,
}

/// A posed frame of a recording.
struct Shot {
    name: String,
    /// Of the depth image, which the picture spans as well.
    camera: Camera,
    /// (height, width, 1): metres, 0 where unknown.
    depth: Map,
    /// The picture as it was stored.
    picture: Picture,
}

/// An encoded picture.
struct Picture {
    extension: &'static str,
    bytes: Vec<u8>,
}

/// A recording's frames one after the other; `None` for one without a pose.
type Shots<'a> = Box<dyn Iterator<Item = anyhow::Result<Option<Shot>>> + 'a>;

/// The scenes that `input` holds, each with its name: itself, or the folders in it.
///
/// # Errors
/// It cannot be listed, or holds none.
pub fn scenes(kind: Kind, input: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let is_scene = |path: &Path| match kind {
        Kind::Frames => frames::is_scene(path),
        Kind::Scannet => scannet::is_scene(path),
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let whole = input.canonicalize().with_context(|| format!("cannot read {}", input.display()))?;
    if is_scene(&whole) {
        return Ok(vec![(name(&whole), whole)]);
    }
    let mut scenes = Vec::new();
    for entry in std::fs::read_dir(input).with_context(|| format!("cannot list {}", input.display()))? {
        let path = entry?.path();
        if is_scene(&path) {
            scenes.push((name(&path), path));
        }
    }
    scenes.sort();
    ensure!(!scenes.is_empty(), "{} is no scene of this kind, and has none in it", input.display());
    Ok(scenes)
}

/// Prepares one scene and writes it to `out`; says how many frames were taken and left out.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn prepare(kind: Kind, scene: &Path, out: &Path, options: &Options) -> anyhow::Result<String> {
    let (foundation, pictures, summary) = match kind {
        Kind::Frames => {
            let taken = Taken::of(frames::frames(scene, options.every)?, options)?;
            let summary = taken.summary();
            let (positions, colors, origins) = reconstruct::from_depth(&taken.images, &taken.pictures, options)?;
            (Foundation { positions, colors: Some(colors), origins, images: taken.images, truth: None }, taken.pictures, summary)
        }
        Kind::Scannet => {
            let stream = scannet::stream(scene);
            let frames: Shots = match &stream {
                Some(stream) => Box::new(sens::frames(stream, options.every)?),
                None => frames::frames(scene, options.every)?,
            };
            let taken = Taken::of(frames, options)?;
            let summary = taken.summary();
            let scannet::Labelled { positions, colors, truth } = scannet::labelled(scene, options)?;
            let origins = reconstruct::origins(&positions, &taken.images);
            (Foundation { positions, colors, origins, images: taken.images, truth }, taken.pictures, summary)
        }
    };
    let points = foundation.positions.len();
    foundation.write(out, |image| {
        let row = foundation.images.iter().position(|other| other.name == image.name).context("an image of the scene")?;
        Ok(pictures[row].bytes.clone())
    })?;
    Ok(format!("{points} points, {summary}"))
}

/// The frames that could be used.
struct Taken {
    images: Vec<Image>,
    pictures: Vec<Picture>,
    /// Frames whose pose was lost.
    lost: usize,
}

impl Options {
    /// From the recording's frame to the world's.
    fn frame(&self) -> Frame {
        Frame { up: self.up, ..Frame::default() }
    }
}

impl Taken {
    fn of(frames: Shots, options: &Options) -> anyhow::Result<Self> {
        let column = |axis: [f64; 3]| Vec3A::from(options.frame().world_from_file(axis).map(|x| x as f32));
        let turn = Affine3A {
            matrix3: Mat3A::from_cols(column([1.0, 0.0, 0.0]), column([0.0, 1.0, 0.0]), column([0.0, 0.0, 1.0])),
            translation: Vec3A::ZERO,
        };
        let mut taken = Self { images: vec![], pictures: vec![], lost: 0 };
        for frame in frames {
            let Some(Shot { name, mut camera, depth, picture }) = frame? else {
                taken.lost += 1;
                continue;
            };
            camera.world_from_camera = turn * camera.world_from_camera;
            let file = format!("{name}.{}", picture.extension);
            taken.images.push(Image { name, camera, picture: Some(file), depth: Some(depth), mask: None, instances: vec![], features: None });
            taken.pictures.push(picture);
        }
        ensure!(!taken.images.is_empty(), "none of {} frames has a pose", taken.lost);
        Ok(taken)
    }

    fn summary(&self) -> String {
        match self.lost {
            0 => format!("{} frames", self.images.len()),
            lost => format!("{} frames, {lost} without a pose left out", self.images.len()),
        }
    }
}

/// The numbers of a text file, whatever separates them.
fn numbers<const N: usize>(path: &Path) -> anyhow::Result<[f32; N]> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let numbers: Vec<f32> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().with_context(|| format!("{}: \"{word}\" is no number", path.display())))
        .collect::<anyhow::Result<_>>()?;
    let found = numbers.len();
    numbers.try_into().ok().with_context(|| format!("{} holds {found} numbers instead of {N}", path.display()))
}

/// A pose from 16 numbers, row by row; `None` where tracking was lost, which recordings mark by numbers that are not finite.
fn pose(rows: &[f32; 16]) -> Option<Affine3A> {
    let matrix = Mat4::from_cols_array(rows).transpose();
    (matrix.is_finite() && matrix.determinant().abs() > 1e-6).then(|| Affine3A::from_mat4(matrix))
}

#[cfg(test)]
mod tests;
