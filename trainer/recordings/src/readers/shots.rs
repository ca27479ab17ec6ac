//! The frames of a recording, and the scene that they make.

use anyhow::ensure;
use segscape::views::{Camera, Map};

use super::{Options, mesh::LabeledPoints, points_from_depth};
use crate::foundation::{Foundation, Image};

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

/// A scene without its pictures, the pictures, and a summary for the user.
pub type Prepared = (Foundation, Vec<Picture>, String);

/// The scene of a recording: its labelled points if it has some, otherwise points made from the
/// depth images.
///
/// # Errors
/// A frame cannot be read, no frame can be used, or no point is near enough.
pub fn prepared(
    shots: Shots,
    labeled: Option<LabeledPoints>,
    options: &Options,
) -> anyhow::Result<Prepared> {
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
    Ok((
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
    ))
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
