//! One frame after the other: its masks, what the tracker says, and the line that is printed.

use std::io::{self, Write as _};

use anyhow::Context;
use learning::frame_masks::FrameNetwork;
use recordings::foundation::{Image, ImageInstance, Mask, Models};
use segscape::{
    captures::{Files, Shot},
    images::{AutomaticMasks, Picture},
    scan::UpAxis,
    track::{Added, DepthMaskOptions, OnlineTracker, TrackedFrame, TrackedInstance, depth_masks},
    views::{Camera, Map},
};
use serde_json::{Value, json};

use crate::commands::by_views::Looking;

/// Longest file of a picture, bytes.
const PICTURE_LIMIT: u64 = 64 << 20;

/// A frame of a recording.
pub struct Seen<'a> {
    /// Its number in the recording.
    pub number: u32,
    /// Its name.
    pub name: &'a str,
    /// The camera of the depth image.
    pub camera: &'a Camera,
    /// The axis of its pose that points up, if that is known.
    pub up: Option<UpAxis>,
    /// The depth image.
    pub depth: &'a Map,
    /// The masks that it comes with.
    pub masks: Option<(&'a Mask, &'a [ImageInstance])>,
    /// The image features that it comes with.
    pub features: Option<&'a Map>,
    /// Gives the encoded picture, if there is one.
    pub picture: Box<dyn Fn() -> anyhow::Result<Option<Vec<u8>>> + 'a>,
}

impl<'a> Seen<'a> {
    /// A frame of a capture, whose picture was read with its depth.
    pub fn of_shot(number: u32, name: &'a str, shot: &'a Shot, up: Option<UpAxis>) -> Self {
        Self {
            number,
            name,
            camera: &shot.camera,
            up,
            depth: &shot.depth,
            masks: None,
            features: None,
            picture: Box::new(move || Ok(Some(shot.picture.clone()))),
        }
    }

    /// An image of a bundle in the folder `root` among files; `None` if it has no depth.
    pub fn of_image(
        number: u32,
        image: &'a Image,
        files: &'a dyn Files,
        root: &'a str,
    ) -> Option<Self> {
        let picture = move || -> anyhow::Result<Option<Vec<u8>>> {
            let Some(picture) = &image.picture else {
                return Ok(None);
            };
            Ok(Some(
                files.read(&format!("{root}{picture}"), PICTURE_LIMIT)?,
            ))
        };
        let mask = image.mask.as_ref();
        Some(Self {
            number,
            name: &image.name,
            camera: &image.camera,
            up: Some(UpAxis::PlusZ),
            depth: image.depth.as_ref()?,
            masks: mask.map(|mask| (mask, image.instances.as_slice())),
            features: image.features.as_ref(),
            picture: Box::new(picture),
        })
    }
}

/// What is kept between frames.
pub struct Frames {
    /// The tracker.
    pub tracker: OnlineTracker,
    /// Models for frames without masks.
    pub models: Models,
    /// A network for frames without masks.
    pub network: Option<FrameNetwork>,
    /// Which of the model's masks are kept.
    pub automatic: AutomaticMasks,
    /// `true` if depth alone makes the masks.
    pub by_depth: bool,
    /// How it makes them.
    pub depth_masks: DepthMaskOptions,
    /// Names the instances by pictures in the end.
    pub looking: Option<Looking>,
    /// `true` if a line is printed for each frame.
    pub json: bool,
    /// Number of frames so far.
    pub count: u32,
    /// Number of those that were refused.
    pub refused: u32,
}

/// The masks of a frame and where they are from.
enum Masks<'a> {
    /// They came with the frame.
    Given(&'a Mask, &'a [ImageInstance]),
    /// They were made, by this.
    Made(Mask, Vec<ImageInstance>, &'static str),
}

impl Frames {
    /// Tracks a frame. One that is refused, or whose picture cannot be read, is reported and changes
    /// nothing.
    ///
    /// # Errors
    /// The line cannot be printed.
    pub fn add(&mut self, seen: &Seen) -> anyhow::Result<()> {
        match self.tracked(seen) {
            Ok((added, source)) => {
                self.count += 1;
                let about = json!({
                    "masks_from": source,
                    "masks": added.masks,
                    "uncertain": added.uncertain,
                    "placeless": added.placeless,
                    "matched": added.matched,
                    "started": added.started,
                    "merged": added.merged,
                    "repeated": added.repeated,
                });
                self.print(seen.number, seen.name, about)
            }
            Err(error) => self.refuse(seen.number, seen.name, &error),
        }
    }

    /// Reports a frame that cannot be used.
    ///
    /// # Errors
    /// The line cannot be printed.
    pub fn refuse(&mut self, number: u32, name: &str, error: &anyhow::Error) -> anyhow::Result<()> {
        self.count += 1;
        self.refused += 1;
        eprintln!("frame {name}: {error:#}");
        self.print(number, name, json!({"error": format!("{error:#}")}))
    }

    fn tracked(&mut self, seen: &Seen) -> anyhow::Result<(Added, &'static str)> {
        let masks = self.masks(seen)?;
        let (mask, instances, source) = match &masks {
            Masks::Given(mask, instances) => (*mask, *instances, "recording"),
            Masks::Made(mask, instances, source) => (mask, instances.as_slice(), *source),
        };
        let added = self.tracker.add(&TrackedFrame {
            number: seen.number,
            camera: seen.camera,
            depth: seen.depth,
            mask,
            instances,
            features: seen.features,
        })?;
        Ok((added, source))
    }

    /// The masks of a frame: its own, those of a model or of a network, or those of its depth.
    fn masks<'a>(&mut self, seen: &Seen<'a>) -> anyhow::Result<Masks<'a>> {
        if let (Some((mask, instances)), false) = (seen.masks, self.by_depth) {
            return Ok(Masks::Given(mask, instances));
        }
        if self.models.mask_model().is_some() {
            let bytes = (seen.picture)()?.context("it has no picture for the model for masks")?;
            let picture = Picture::decode(&bytes)?;
            if let Some((mask, instances)) = self.models.instances(&picture, &self.automatic)? {
                return Ok(Masks::Made(mask, instances, "model"));
            }
        }
        if let Some(network) = &mut self.network {
            let picture = (seen.picture)()?;
            let picture = picture.map(|bytes| Picture::decode(&bytes)).transpose()?;
            let (mask, instances) =
                network.masks(seen.camera, seen.depth, picture.as_ref(), seen.up)?;
            return Ok(Masks::Made(mask, instances, "network"));
        }
        let (mask, instances) = depth_masks(seen.camera, seen.depth, &self.depth_masks);
        Ok(Masks::Made(mask, instances, "depth"))
    }

    /// Prints the line of a frame: `about` it, and the instances so far.
    fn print(&self, number: u32, name: &str, about: Value) -> anyhow::Result<()> {
        if !self.json {
            return Ok(());
        }
        let instances: Vec<Value> = self.tracker.instances().iter().map(record).collect();
        let mut line = json!({"frame": name, "number": number});
        if let (Some(line), Value::Object(about)) = (line.as_object_mut(), about) {
            line.extend(about);
            line.insert("instances".to_owned(), instances.into());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        // Whoever reads along waits for it.
        out.flush()?;
        Ok(())
    }
}

/// An instance in the line of a frame; its box has the axes of the cameras' poses.
fn record(instance: &TrackedInstance) -> Value {
    json!({
        "id": instance.id,
        "label": instance.name(),
        "score": instance.score,
        "points": instance.points,
        "voxels": instance.voxels.len(),
        "box": {"min": instance.bounds.min, "max": instance.bounds.max},
        "observations": instance.observations,
        "first_frame": instance.first_frame,
        "last_frame": instance.last_frame,
    })
}
