//! The frames of a recording, and the scene that they make.

use std::{fs, path::Path};

use anyhow::{Context, anyhow, bail, ensure};
use segscape::{
    captures::{self, CellPoints, Cells, Files, NEAREST, PLAUSIBLE_DEPTH},
    views::{Camera, Map},
};

use super::{Options, mesh::LabeledPoints, origins::Origins, reconstruction::median};
use crate::foundation::{Foundation, Given, Image, Writer};

/// Number of depths of each frame from which the median of the recording is taken.
const SAMPLES: usize = 256;
/// Maximum size of an encoded picture in bytes; a larger file is something else.
const PICTURE_LIMIT: u64 = 64 << 20;

/// A posed frame of a recording.
pub struct Shot {
    pub name: String,
    /// Camera of the depth image, which the picture spans as well.
    pub camera: Camera,
    /// Shape `(height, width, 1)`: metres, 0 where unknown.
    pub depth: Map,
    /// The picture as it was stored.
    pub picture: Picture,
}

/// An encoded picture.
pub struct Picture {
    pub extension: &'static str,
    pub bytes: Vec<u8>,
}

impl Shot {
    /// Reads the images of a capture's frame.
    ///
    /// # Errors
    /// A file cannot be read, or its name is neither that of a JPEG nor of a PNG.
    pub fn of(frame: captures::CaptureFrame, files: &dyn Files) -> anyhow::Result<Self> {
        let captures::Shot {
            camera,
            depth,
            picture: bytes,
        } = frame.shot(files)?;
        let path = frame.picture.unwrap_or_default();
        Ok(Self {
            name: frame.name,
            camera,
            depth,
            picture: Picture {
                extension: extension(Path::new(&path))?,
                bytes,
            },
        })
    }
}

impl Picture {
    /// Reads the file of a picture.
    ///
    /// # Errors
    /// The file cannot be read, its name is neither that of a JPEG nor of a PNG, or it is too large
    /// for a picture.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || format!("cannot read {}", path.display());
        let size = fs::metadata(path).with_context(read)?.len();
        ensure!(
            size <= PICTURE_LIMIT,
            "the picture {} has {size} bytes, the limit is {PICTURE_LIMIT}",
            path.display()
        );
        Ok(Self {
            extension: extension(path)?,
            bytes: fs::read(path).with_context(read)?,
        })
    }
}

/// The extension by which the picture of this name is known in a bundle.
fn extension(path: &Path) -> anyhow::Result<&'static str> {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("jpg" | "jpeg") => Ok("jpg"),
        Some("png") => Ok("png"),
        _ => bail!("the picture {} is neither .jpg nor .png", path.display()),
    }
}

/// Decodes the picture of the frame of this name.
///
/// # Errors
/// It is neither a JPEG nor a PNG, or damaged.
pub fn decoded(name: &str, picture: &[u8]) -> anyhow::Result<captures::DecodedImage> {
    captures::DecodedImage::decode(picture, None)
        .map_err(|problem| anyhow!("the picture of frame {name} cannot be read: {problem}"))
}

/// The reason why a frame that a recording lists cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Tracking was lost.
    Pose,
    /// The picture or the depth image is missing.
    File,
}

/// The frames of a recording, one after the other.
pub type Shots<'a> = Box<dyn Iterator<Item = anyhow::Result<Result<Shot, Gap>>> + 'a>;

/// A scene whose pictures and depth images are in its bundle already.
pub struct Prepared {
    /// The scene; its images hold no depth.
    pub foundation: Foundation,
    /// What was used and what was left out, for the user.
    pub summary: String,
    /// What the user should look at.
    pub warnings: Vec<String>,
}

/// The scene of a recording: its labelled points if it has some, otherwise points made from the
/// depth images. Pictures and depth images go to the bundle one by one.
///
/// # Errors
/// A frame cannot be read, no frame can be used and there are no labels either, or no point is near
/// enough.
pub fn prepared(
    shots: Shots,
    labeled: Option<LabeledPoints>,
    options: &Options,
    bundle: &Writer,
) -> anyhow::Result<Prepared> {
    let mut taken = Taken::default();
    let Some(labeled) = labeled else {
        let mut cells = Cells::new(options.spacing);
        taken.all(shots, options, bundle, |view, shot| {
            let picture = decoded(&shot.name, &shot.picture.bytes)?;
            cells.add_image(view, &shot.camera, &shot.depth, &picture, options.farthest);
            Ok(())
        })?;
        taken.check()?;
        let CellPoints {
            positions,
            colors,
            origins,
        } = cells.points();
        ensure!(
            !positions.is_empty(),
            "no frame has a depth from {NEAREST} m to {} m{}: if the depth images are in another unit, name it with --depth-unit",
            options.farthest,
            taken.median().map_or(String::new(), |depth| format!(
                ", the median depth is {depth} m"
            ))
        );
        return Ok(taken.prepared(Foundation {
            positions,
            colors: Some(colors),
            origins: origins.into_iter().map(Some).collect(),
            ..Foundation::default()
        }));
    };
    let mut origins = Origins::new(&labeled.positions);
    taken.all(shots, options, bundle, |view, shot| {
        origins.look(view, &shot.camera, &shot.depth);
        Ok(())
    })?;
    // points and labels are all that training without images needs
    if labeled.truth.is_none() {
        taken.check()?;
    }
    let origins = origins.found();
    Ok(taken.prepared(Foundation {
        positions: labeled.positions,
        colors: labeled.colors,
        origins,
        truth: labeled.truth,
        given: Given {
            superpoints: labeled.superpoints,
            ..Given::default()
        },
        ..Foundation::default()
    }))
}

/// The frames that could be used.
#[derive(Default)]
struct Taken {
    images: Vec<Image>,
    /// Number of frames whose pose was lost.
    lost: usize,
    /// Number of frames with missing files.
    missing: usize,
    /// Some depths of each frame, metres.
    depths: Vec<f32>,
}

impl Taken {
    /// Takes one frame after the other: turns its camera to the world, writes its picture and its
    /// depth, and shows it to `look` with its number.
    fn all(
        &mut self,
        frames: Shots,
        options: &Options,
        bundle: &Writer,
        mut look: impl FnMut(u32, &Shot) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let turn = options.turn();
        for frame in frames {
            let mut shot = match frame? {
                Ok(shot) => shot,
                Err(gap) => {
                    *match gap {
                        Gap::Pose => &mut self.lost,
                        Gap::File => &mut self.missing,
                    } += 1;
                    continue;
                }
            };
            shot.camera.world_from_camera = turn * shot.camera.world_from_camera;
            let file = format!("{}.{}", shot.name, shot.picture.extension);
            bundle.picture(&file, &shot.picture.bytes)?;
            bundle.depth(&shot.name, &shot.depth)?;
            self.sample(&shot.depth);
            look(self.images.len() as u32, &shot)?;
            self.images
                .push(Image::new(shot.name, shot.camera, Some(file)));
        }
        Ok(())
    }

    fn sample(&mut self, depth: &Map) {
        let [rows, columns] = depth.size();
        let step = (rows * columns).div_ceil(SAMPLES);
        let seen = (step / 2..rows * columns)
            .step_by(step)
            .map(|pixel| depth.at(pixel / columns, pixel % columns)[0]);
        self.depths.extend(seen.filter(|depth| *depth > 0.0));
    }

    fn median(&self) -> Option<f32> {
        median(self.depths.clone())
    }

    /// Checks that a frame could be used.
    fn check(&self) -> anyhow::Result<()> {
        let gaps = self.lost + self.missing;
        ensure!(
            !self.images.is_empty() || gaps > 0,
            "there are neither frames nor labels"
        );
        ensure!(
            !self.images.is_empty(),
            "none of {gaps} frames has a pose, a picture and a depth image"
        );
        Ok(())
    }

    /// The scene with these images.
    fn prepared(self, scene: Foundation) -> Prepared {
        let warning = self
            .median()
            .filter(|depth| !(PLAUSIBLE_DEPTH[0]..=PLAUSIBLE_DEPTH[1]).contains(depth))
            .map(|depth| {
                format!(
                    "the median depth is {depth} m, rooms have {} m to {} m: if the depth images are in another unit, name it with --depth-unit",
                    PLAUSIBLE_DEPTH[0], PLAUSIBLE_DEPTH[1]
                )
            });
        Prepared {
            summary: self.summary(&scene),
            warnings: warning.into_iter().collect(),
            foundation: Foundation {
                images: self.images,
                ..scene
            },
        }
    }

    fn summary(&self, scene: &Foundation) -> String {
        let images = match self.images.len() {
            0 => "no images".to_owned(),
            count => format!("{count} frames"),
        };
        let gaps = [
            (self.lost, "without a pose"),
            (self.missing, "without its files"),
        ];
        let gaps = gaps
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {count} {what} left out"));
        let superpoints = scene.given.superpoints.as_ref().map_or(0, |ids| {
            let ids: std::collections::HashSet<&u32> = ids.iter().collect();
            ids.len()
        });
        let superpoints = match superpoints {
            0 => String::new(),
            count => format!(", {count} published superpoints"),
        };
        format!("{images}{}{superpoints}", gaps.collect::<String>())
    }
}
