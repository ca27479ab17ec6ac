//! A recording whose things are followed from frame to frame, in place of a network that searches
//! the whole scan: the points and the things are there after every frame, and whoever stops early
//! keeps what was found so far.

use std::borrow::Cow;

use glam::Affine3A;

use super::{
    Detected, Recording, RecordingError, RecordingKind,
    recording::{bundle, of_points},
};
use crate::{
    captures::{Capture, CaptureOptions, Files, Fusion, Kind},
    foundation::Image,
    preflight::spacing::median_distance,
    scan::{self, Warning},
    text::Vocabulary,
    track::{
        Added, DepthMaskOptions, Grown, Growth, OnlineTracker, SegmentedTracks, TrackOptions,
        TrackedFrame, TrackingError, depth_masks, segmented,
    },
    views::{Camera, Map},
};

/// Angle by which the up direction may be off, as its cosine, before the points so far are worth
/// another look: three degrees.
const IS_LEVEL: f32 = 0.998_6;
/// Maximum number of frames that are named in a warning.
const NAMED: usize = 3;

/// A recording that is followed. Masks are those of a bundle's images; where there are none, the
/// depth images are taken apart by depth and by hollows ([`depth_masks`]).
///
/// ```no_run
/// use segscape::{captures::{CaptureOptions, Files}, job::{self, Following}, text::Vocabulary};
///
/// # fn follow(files: &dyn Files) -> Result<(), Box<dyn std::error::Error>> {
/// let detected = job::detect(files)?;
/// let mut following = Following::open(files, &detected, &CaptureOptions::default())?;
/// while let Some(seen) = following.next()? {
///     let grown = following.grown();
///     println!("{}: {} things, {:?}", seen.name, grown.instances, seen.problem);
/// }
/// let followed = following.finish(Vocabulary::shipped())?;
/// assert!(followed.tracks.superpoints.count() > 0);
/// # Ok(())
/// # }
/// ```
pub struct Following<'a> {
    files: &'a dyn Files,
    made_of: MadeOf,
    tracker: OnlineTracker,
    growth: Growth,
    depth_masks: DepthMaskOptions,
    /// Number of frames so far.
    done: usize,
    /// The number of frames at which up is looked at again.
    next_look: usize,
    /// The frames without whose masks the things are followed, and why.
    refused: Vec<String>,
    /// The way of the points that were last asked for to the world frame.
    placement: Placement,
}

/// What the frames are those of.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum MadeOf {
    /// A capture, which becomes points.
    Capture(Kind, Fusion<'static>),
    /// A bundle, whose points are there.
    Bundle(Recording),
}

/// The way from the axes of the cameras' poses to the world frame.
#[derive(Clone, Copy, Debug)]
struct Placement {
    turn: Affine3A,
    frame: scan::Frame,
}

impl Placement {
    const NOWHERE: Self = Self {
        turn: Affine3A::IDENTITY,
        frame: scan::Frame {
            offset: [0.0; 3],
            metres_per_unit: 1.0,
            up: scan::UpAxis::PlusZ,
        },
    };

    fn placed(self, position: [f32; 3]) -> [f32; 3] {
        let turned: [f32; 3] = self.turn.transform_point3(position.into()).into();
        let world = self.frame.world_from_file(turned.map(f64::from));
        world.map(|x| x as f32)
    }

    fn back(self, position: [f32; 3]) -> [f32; 3] {
        let turned = self.frame.file_from_world(position.map(f64::from));
        let turned = turned.map(|x| x as f32);
        self.turn.inverse().transform_point3(turned.into()).into()
    }
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenFrame {
    /// Its name.
    pub name: String,
    /// Its camera in the world frame of the points that were last asked for; `None` if the frame is
    /// left out.
    pub camera: Option<Camera>,
    /// Path of its picture among the files.
    pub picture: Option<String>,
    /// Why the frame, or its masks, cannot be used.
    pub problem: Option<String>,
}

/// What became of a recording that was followed.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The recording with the frames that came.
    pub recording: Recording,
    /// The things, as superpoints of its points.
    pub tracks: SegmentedTracks,
}

impl<'a> Following<'a> {
    /// Opens a recording. No frame is read so far; of a bundle, all is.
    ///
    /// # Errors
    /// See [`open`](super::open()).
    pub fn open(
        files: &'a dyn Files,
        detected: &Detected,
        options: &CaptureOptions,
    ) -> Result<Self, RecordingError> {
        let track = TrackOptions {
            farthest: options.farthest,
            ..TrackOptions::default()
        };
        let tracker = OnlineTracker::new(track);
        let tracker = tracker.map_err(|error| unusable(&error))?;
        Ok(Self {
            made_of: MadeOf::open(files, detected, options)?,
            growth: Growth::new(track.voxel_size),
            tracker,
            depth_masks: DepthMaskOptions {
                farthest: options.farthest,
                ..DepthMaskOptions::default()
            },
            done: 0,
            next_look: 2,
            refused: Vec::new(),
            placement: Placement::NOWHERE,
            files,
        })
    }

    /// Number of frames that there are.
    pub fn frames(&self) -> usize {
        match &self.made_of {
            MadeOf::Capture(_, fusion) => fusion.capture().frames.len(),
            MadeOf::Bundle(recording) => images(recording).len(),
        }
    }

    /// Number of frames that came, those included that are left out.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Follows the things to the next frame; `None` after the last. A frame that cannot be used is
    /// left out and says why.
    ///
    /// # Errors
    /// There are too many points.
    #[allow(clippy::should_implement_trait, reason = "a frame may be an error")]
    pub fn next(&mut self) -> Result<Option<SeenFrame>, RecordingError> {
        let number = self.done;
        if number >= self.frames() {
            return Ok(None);
        }
        let (name, picture) = self.named(number);
        self.done += 1;
        let (camera, problem) = match &mut self.made_of {
            MadeOf::Capture(_, fusion) => match fusion.add(number, self.files)? {
                Some(shot) => {
                    let track = track(
                        &mut self.tracker,
                        number,
                        (&shot.camera, &shot.depth),
                        None,
                        &self.depth_masks,
                    );
                    let camera = Camera {
                        world_from_camera: self.placement.turn * shot.camera.world_from_camera,
                        ..shot.camera
                    };
                    (Some(camera), track.err().map(|error| error.to_string()))
                }
                None => {
                    let reason = fusion.gaps().last().map(|gap| gap.reason.to_string());
                    (None, reason)
                }
            },
            MadeOf::Bundle(recording) => {
                let image = &images(recording)[number];
                let seen = match &image.depth {
                    Some(depth) => track(
                        &mut self.tracker,
                        number,
                        (&image.camera, depth),
                        Some(image),
                        &self.depth_masks,
                    )
                    .map_err(|error| error.to_string()),
                    None => Err("it has no depth image".to_owned()),
                };
                (Some(image.camera), seen.err())
            }
        };
        if let (Some(_), Some(problem)) = (camera, &problem) {
            self.refused.push(format!("{name}: {problem}"));
        }
        Ok(Some(SeenFrame {
            name,
            camera,
            picture,
            problem,
        }))
    }

    fn named(&self, number: usize) -> (String, Option<String>) {
        match &self.made_of {
            MadeOf::Capture(_, fusion) => {
                let frame = &fusion.capture().frames[number];
                (frame.name.clone(), frame.picture.clone())
            }
            MadeOf::Bundle(recording) => {
                let frame = &recording.frames[number];
                (frame.name.clone(), frame.picture.clone())
            }
        }
    }

    /// The recording as it is after the frames so far. Everything else is in its world frame from now
    /// on, and [`Self::grown`] begins anew. O(points).
    ///
    /// # Errors
    /// The frames so far have too few points.
    pub fn so_far(&mut self) -> Result<Recording, RecordingError> {
        let (recording, placement) = self.made_of.recording()?;
        self.placement = placement;
        self.growth = Growth::new(self.tracker.options().voxel_size);
        Ok(recording)
    }

    /// `true` if up turned out to be elsewhere than it was in [`Self::so_far`]. This is looked at when
    /// there are twice as many frames as at the last look, so that few looks suffice for any number
    /// of frames.
    pub fn has_turned(&mut self) -> bool {
        let MadeOf::Capture(_, fusion) = &self.made_of else {
            return false;
        };
        if self.done < self.next_look {
            return false;
        }
        self.next_look = 2 * self.done;
        fusion.turn_so_far().is_some_and(|now| {
            let turned = now.matrix3 * self.placement.turn.matrix3.transpose();
            turned.z_axis.z < IS_LEVEL
        })
    }

    /// Positions and colors of the points from number `first` on, in the world frame of
    /// [`Self::so_far`]. A bundle has no points but those.
    pub fn points_from(&self, first: usize) -> (Vec<[f32; 3]>, Vec<[u8; 3]>) {
        let MadeOf::Capture(_, fusion) = &self.made_of else {
            return Default::default();
        };
        let points = fusion.so_far();
        let positions = points.positions.get(first..).unwrap_or_default();
        let colors = points.colors.get(first..).unwrap_or_default();
        let placed = positions.iter().map(|p| self.placement.placed(*p));
        (placed.collect(), colors.to_vec())
    }

    /// Median distance from a point so far to the nearest one, metres; `None` if all are in one place.
    /// O(points log points).
    pub fn spacing(&self) -> Option<f32> {
        median_distance(self.made_of.positions()).map(|metres| metres as f32)
    }

    /// What became of points and things since the last call, or since [`Self::so_far`]; boxes are in
    /// its world frame. O(voxels + new points).
    pub fn grown(&mut self) -> Grown {
        let mut grown = self.growth.since(self.made_of.positions(), &self.tracker);
        for instance in &mut grown.changed {
            let corner = |which: usize| {
                let corner = |axis: usize| match which >> axis & 1 {
                    0 => instance.bounds.min[axis],
                    _ => instance.bounds.max[axis],
                };
                self.placement.placed([0, 1, 2].map(corner))
            };
            let all = (0..8).fold(crate::geometry::Aabb::EMPTY, |all, which| {
                all.with(corner(which))
            });
            instance.bounds = all;
        }
        grown
    }

    /// The recording with the frames that came, and its things, whose names are in the space of the
    /// vocabulary.
    ///
    /// # Errors
    /// No frame can be used, or there are too few points.
    pub fn finish(self, vocabulary: &Vocabulary) -> Result<Followed, RecordingError> {
        let of = self.frames();
        let (mut recording, placement) = match self.made_of {
            MadeOf::Bundle(recording) => (recording, Placement::NOWHERE),
            capture @ MadeOf::Capture(..) => capture.into_recording()?,
        };
        let warn = &mut recording.warnings;
        if self.done < of {
            let words = format!("Stopped after {} of {of} frames.", self.done);
            warn.push(Warning(words));
        }
        if !self.refused.is_empty() {
            let named = self.refused.iter().take(NAMED).cloned();
            let named: Vec<String> = named.collect();
            warn.push(Warning(format!(
                "The things are followed without {} of {} frames: {}.",
                self.refused.len(),
                self.done,
                named.join("; ")
            )));
        }
        let tracks = segmented(
            &self.tracker.instances(),
            &recording.scan.positions,
            &|position| placement.back(position),
            self.tracker.options().voxel_size,
            vocabulary,
        );
        Ok(Followed { recording, tracks })
    }
}

/// The recording of which the first `frames` frames came, as [`Following::finish`] returns it,
/// without a look at its things: they are known already.
///
/// # Errors
/// See [`Following::finish`].
pub fn points_of_first(
    frames: usize,
    files: &dyn Files,
    detected: &Detected,
    options: &CaptureOptions,
) -> Result<Recording, RecordingError> {
    let mut made_of = MadeOf::open(files, detected, options)?;
    if let MadeOf::Capture(_, fusion) = &mut made_of {
        for index in 0..frames.min(fusion.capture().frames.len()) {
            fusion.add(index, files)?;
        }
    }
    Ok(made_of.into_recording()?.0)
}

impl MadeOf {
    /// Positions of the points so far, in the axes of the recording, metres.
    fn positions(&self) -> &[[f32; 3]] {
        match self {
            Self::Capture(_, fusion) => &fusion.so_far().positions,
            Self::Bundle(recording) => &recording.scan.positions,
        }
    }

    fn open(
        files: &dyn Files,
        Detected { kind, root }: &Detected,
        options: &CaptureOptions,
    ) -> Result<Self, RecordingError> {
        Ok(match kind {
            RecordingKind::Capture(kind) => {
                let capture = Capture::list(files, *kind, root, options)?;
                capture.check()?;
                Self::Capture(*kind, Fusion::new(Cow::Owned(capture), options))
            }
            RecordingKind::Bundle => Self::Bundle(bundle(files, root)?),
        })
    }

    /// The recording as it is, without what images say, and the way from the axes of the cameras to
    /// its world frame.
    fn recording(&self) -> Result<(Recording, Placement), RecordingError> {
        match self {
            Self::Capture(kind, fusion) => Self::Capture(*kind, fusion.clone()).into_recording(),
            Self::Bundle(recording) => {
                let points = Recording {
                    kind: recording.kind,
                    name: recording.name.clone(),
                    scan: recording.scan.clone(),
                    preflight: recording.preflight.clone(),
                    frames: recording.frames.clone(),
                    recorded: recording.recorded,
                    every: recording.every,
                    gaps: recording.gaps.clone(),
                    warnings: recording.warnings.clone(),
                    about: None,
                };
                Ok((points, Placement::NOWHERE))
            }
        }
    }

    /// The recording as it is, and the way from the axes of the cameras to its world frame.
    fn into_recording(self) -> Result<(Recording, Placement), RecordingError> {
        match self {
            Self::Capture(kind, fusion) => {
                let capture = fusion.capture().clone();
                let points = fusion.points()?;
                let placement = Placement {
                    turn: points.world_from_capture,
                    frame: points.scan.frame,
                };
                Ok((of_points(kind, capture, points)?, placement))
            }
            Self::Bundle(recording) => Ok((recording, Placement::NOWHERE)),
        }
    }
}

/// The images of a bundle.
fn images(recording: &Recording) -> &[Image] {
    let about = recording.about.as_ref();
    about.map_or(&[], |about| about.scene().images.as_slice())
}

/// Tracks a frame: the masks of a bundle's image, or those of its depth.
fn track(
    tracker: &mut OnlineTracker,
    number: usize,
    (camera, depth): (&Camera, &Map),
    image: Option<&Image>,
    options: &DepthMaskOptions,
) -> Result<Added, TrackingError> {
    let made;
    let given = image.and_then(|image| Some((image.mask.as_ref()?, image.instances.as_slice())));
    let (mask, instances) = match given {
        Some(given) => given,
        None => {
            made = depth_masks(camera, depth, options);
            (&made.0, made.1.as_slice())
        }
    };
    tracker.add(&TrackedFrame {
        number: number as u32,
        camera,
        depth,
        mask,
        instances,
        features: image.and_then(|image| image.features.as_ref()),
    })
}

fn unusable(error: &TrackingError) -> RecordingError {
    crate::captures::CaptureError::Unusable(error.to_string()).into()
}

#[cfg(test)]
mod tests;
