//! Opens what consists of many files: captures, whose depth images become points, and foundation
//! bundles, whose points are made already and whose images may say something of them.

use std::fmt;

use super::{
    ChannelError, ImageContent, ImageEvidence, NothingToSeparate, check, without_features,
};
use crate::{
    captures::{
        self, Capture, CaptureError, CaptureOptions, DepthEncoding, DepthFile, Files, Found,
        FrameView, Gap, GapReason, Kind, MILLIMETRES, Names, Points,
    },
    foundation::{Foundation, INDEX, depth_file},
    model::Config,
    preflight::{Certainty, Choices, Finding, Preflight, preflight},
    progress::{Monitor, Stage},
    scan::{MAX_POINTS, ReadError, Scan, Warning},
    superpoint::Superpoints,
    views::Camera,
};

/// What a folder or an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingKind {
    /// A capture.
    Capture(Kind),
    /// A foundation bundle.
    Bundle,
}

impl fmt::Display for RecordingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(kind) => kind.fmt(f),
            Self::Bundle => f.write_str("foundation bundle"),
        }
    }
}

/// A recording among files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// What it is.
    pub kind: RecordingKind,
    /// Path of its folder among the files with a slash at its end; empty for the files themselves.
    pub root: String,
}

/// The reason why a recording does not become a scan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Its points are not a scan.
    #[error(transparent)]
    Points(#[from] ReadError),
    /// The scan cannot contain separate objects.
    #[error(transparent)]
    Nothing(#[from] NothingToSeparate),
}

/// A frame of a recording that is in the scan.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedFrame {
    /// Unique in the recording.
    pub name: String,
    /// The camera, which the picture spans; world frame.
    pub camera: Camera,
    /// Path of the picture among the files.
    pub picture: Option<String>,
    /// The depth image, which spans the picture.
    pub depth: Option<DepthFile>,
}

/// A recording whose points are in the world frame.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What it is.
    pub kind: RecordingKind,
    /// Name of its folder or archive.
    pub name: String,
    /// The points.
    pub scan: Scan,
    /// What was found out about them.
    pub preflight: Preflight,
    /// The frames that are in the scan.
    pub frames: Vec<RecordedFrame>,
    /// Number of frames that were recorded, of which every [`Self::every`]th was looked at.
    pub recorded: usize,
    /// Interval between the frames that were looked at.
    pub every: usize,
    /// The frames that were left out although they were looked at.
    pub gaps: Vec<Gap>,
    /// What the user should know besides what the scan itself says.
    pub warnings: Vec<Warning>,
    /// What else a bundle says of the points.
    pub about: Option<SceneImages>,
}

/// What a bundle says of its points besides their positions and colors.
#[derive(Clone, Debug)]
pub struct SceneImages {
    scene: Foundation,
    /// What its images have.
    pub content: ImageContent,
}

/// Finds the recording among files: in their folder, or in a folder inside.
///
/// # Errors
/// [`CaptureError::Unknown`] with what was looked for, or [`CaptureError::Several`] with the
/// recordings.
pub fn detect(files: &dyn Files) -> Result<Detected, CaptureError> {
    let kind_of = |names: &dyn Names| {
        if names.has_file(INDEX) {
            return Some(RecordingKind::Bundle);
        }
        let kind = Kind::ALL.into_iter().find(|kind| kind.is_here(names));
        kind.map(RecordingKind::Capture)
    };
    let mut signs = Kind::ALL.map(Kind::signs).to_vec();
    signs.push("foundation.json (a foundation bundle)");
    let (kind, root) = captures::find(files, kind_of, &signs)?;
    Ok(Detected { kind, root })
}

/// Reads a recording: makes the points of a capture, frame by frame, or takes those of a bundle.
/// `on_frame` is told how many frames are done and how many there are; the `options` are for
/// captures alone.
///
/// # Errors
/// See [`RecordingError`].
pub fn open(
    files: &dyn Files,
    detected: &Detected,
    options: &CaptureOptions,
    monitor: &Monitor,
    on_frame: &mut dyn FnMut(usize, usize),
) -> Result<Recording, RecordingError> {
    let root = &detected.root;
    match detected.kind {
        RecordingKind::Capture(kind) => {
            let found = Found {
                kind,
                root: root.clone(),
            };
            capture(files, &found, options, monitor, on_frame)
        }
        RecordingKind::Bundle => {
            monitor.at(Stage::Read, 0.0).map_err(CaptureError::from)?;
            let bundle = bundle(files, root)?;
            monitor.at(Stage::Read, 1.0).map_err(CaptureError::from)?;
            Ok(bundle)
        }
    }
}

fn capture(
    files: &dyn Files,
    Found { kind, root }: &Found,
    options: &CaptureOptions,
    monitor: &Monitor,
    on_frame: &mut dyn FnMut(usize, usize),
) -> Result<Recording, RecordingError> {
    let capture = Capture::list(files, *kind, root, options)?;
    capture.check()?;
    let of = capture.frames.len();
    let points = capture.points(files, options, monitor, &mut |taken| {
        on_frame(taken.frame + 1, of);
    })?;
    of_points(*kind, capture, points)
}

/// The recording of a capture that became points.
pub(super) fn of_points(
    kind: Kind,
    capture: Capture,
    points: Points,
) -> Result<Recording, RecordingError> {
    check(&points.scan)?;
    let preflight = points.preflight();
    let Points {
        scan,
        views,
        gaps,
        warnings,
        ..
    } = points;
    Ok(Recording {
        kind: RecordingKind::Capture(kind),
        frames: recorded_frames(&capture, &views),
        recorded: capture.recorded,
        every: capture.every,
        name: capture.name,
        about: None,
        preflight,
        gaps,
        warnings,
        scan,
    })
}

/// The frames of a capture that became points.
pub fn recorded_frames(capture: &Capture, views: &[FrameView]) -> Vec<RecordedFrame> {
    let recorded = |view: &FrameView| {
        let frame = capture.frames.get(view.frame)?;
        Some(RecordedFrame {
            name: frame.name.clone(),
            camera: view.camera,
            picture: frame.picture.clone(),
            depth: frame.depth.clone(),
        })
    };
    views.iter().filter_map(recorded).collect()
}

/// The depth image of a bundle's image, whose files are in the folder `root`.
pub fn bundle_depth(root: &str, image: &str) -> DepthFile {
    DepthFile {
        path: format!("{root}{}", depth_file(image)),
        encoding: DepthEncoding::Gray16 {
            units_per_metre: MILLIMETRES,
        },
        confidence: None,
    }
}

pub(super) fn bundle(files: &dyn Files, root: &str) -> Result<Recording, RecordingError> {
    let mut scene = Foundation::open(files, root)?;
    let points = scene.positions.len();
    if points > MAX_POINTS {
        return Err(RecordingError::Points(ReadError::TooManyPoints {
            found: points as u64,
            limit: MAX_POINTS,
        }));
    }
    let scan = Scan::from_points(&scene.positions, scene.colors.as_deref())?;
    check(&scan)?;
    follow(&mut scene, &scan);
    let frame = |image: &crate::foundation::Image| RecordedFrame {
        name: image.name.clone(),
        camera: image.camera,
        picture: image.picture.as_ref().map(|name| format!("{root}{name}")),
        depth: image
            .depth
            .as_ref()
            .map(|_| bundle_depth(root, &image.name)),
    };
    let frames: Vec<RecordedFrame> = scene.images.iter().map(frame).collect();
    Ok(Recording {
        kind: RecordingKind::Bundle,
        name: captures::Tree { files, root }.name().to_owned(),
        preflight: of_bundle(&scan),
        recorded: frames.len(),
        every: 1,
        frames,
        gaps: Vec::new(),
        warnings: Vec::new(),
        about: Some(SceneImages {
            content: ImageContent::of(&scene),
            scene,
        }),
        scan,
    })
}

/// Moves the cameras and objects of a scene with its points, which a scan moves to the origin if
/// they are far from it.
fn follow(scene: &mut Foundation, scan: &Scan) {
    let moved = |position: [f32; 3]| {
        let position = scan.frame.world_from_file(position.map(f64::from));
        position.map(|x| x as f32)
    };
    scene.positions.clone_from(&scan.positions);
    for image in &mut scene.images {
        let pose = &mut image.camera.world_from_camera;
        pose.translation = moved(pose.translation.into()).into();
    }
    for position in &mut scene.given.objects.positions {
        *position = moved(*position);
    }
}

/// What there is to know about the points of a bundle, whose axes and unit are those of the world.
fn of_bundle(scan: &Scan) -> Preflight {
    let found = preflight(scan, Choices::WORLD);
    Preflight {
        up: Finding {
            certainty: Certainty::Found,
            words: "Up is +z in bundles.".to_owned(),
            ..found.up
        },
        unit: Finding {
            certainty: Certainty::Found,
            words: "Bundles are in metres.".to_owned(),
            ..found.unit
        },
        ..found
    }
}

impl Recording {
    /// What its images have for networks that read it.
    pub fn content(&self) -> ImageContent {
        let content = self.about.as_ref().map(|about| about.content);
        content.unwrap_or_default()
    }

    /// A sentence for each reason why frames were left out, with their number and the first of
    /// them.
    pub fn left_out(&self) -> Vec<String> {
        let kind = |gap: &Gap| match gap.reason {
            GapReason::Pose => 0,
            GapReason::File => 1,
            GapReason::Broken(_) => 2,
        };
        let looked_at = self.frames.len() + self.gaps.len();
        let sentence = |of: usize| {
            let mut gaps = self.gaps.iter().filter(|gap| kind(gap) == of);
            let first = gaps.next()?;
            Some(format!(
                "{} of {looked_at} frames are left out; {}: {}",
                1 + gaps.count(),
                first.frame,
                first.reason
            ))
        };
        (0..3).filter_map(sentence).collect()
    }
}

impl SceneImages {
    /// The superpoints that came with the scene.
    pub fn superpoints(&self) -> Option<Superpoints> {
        let ids = self.scene.given.superpoints.as_deref();
        ids.map(Superpoints::from_ids)
    }

    /// The scene, with the points and cameras of the recording.
    pub fn scene(&self) -> &Foundation {
        &self.scene
    }

    /// What the images say to a network of this `config`, with what there is to say about them.
    ///
    /// # Errors
    /// See [`ChannelError`].
    pub fn evidence(
        mut self,
        config: &Config,
    ) -> Result<(ImageEvidence, Option<String>), ChannelError> {
        let partly = without_features(&self.scene, config);
        Ok((ImageEvidence::all(&mut self.scene, config)?, partly))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{
        captures::InMemory,
        foundation::tests::{files, wall},
        model::config::{ObjectAttentionOrder, Objects},
    };

    fn opened(scene: &Foundation, folder: &str) -> Result<Recording, RecordingError> {
        let named = files(scene)
            .into_iter()
            .map(|(path, bytes)| (format!("{folder}{path}"), bytes));
        let files = InMemory::new("wall.zip", named).unwrap();
        let detected = detect(&files)?;
        assert_eq!(detected.kind, RecordingKind::Bundle);
        assert_eq!(detected.root, folder);
        let options = CaptureOptions::default();
        open(
            &files,
            &detected,
            &options,
            &Monitor::silent(),
            &mut |_, _| (),
        )
    }

    #[test]
    fn a_bundle_in_a_folder_inside_is_opened_with_its_frames() {
        let mut scene = wall();
        scene.images[0].picture = Some("wall.jpg".into());
        scene.given.superpoints = Some((0..1600).map(|point| point / 400).collect());
        let recording = opened(&scene, "scans/wall/").unwrap();
        assert_eq!(recording.kind.to_string(), "foundation bundle");
        assert_eq!(recording.name, "wall");
        assert_eq!(recording.scan.positions, scene.positions);
        assert_eq!(recording.recorded, 1);
        assert_eq!(
            recording.frames[0].picture.as_deref(),
            Some("scans/wall/wall.jpg")
        );
        assert_eq!(recording.frames[0].camera, scene.images[0].camera);
        let depth = recording.frames[0].depth.as_ref().map(|file| &file.path);
        assert_eq!(depth.unwrap(), "scans/wall/wall.depth.png");
        assert!(!recording.preflight.has_assumptions());
        let about = recording.about.unwrap();
        assert_eq!((about.content.features, about.content.objects), (true, 1));
        assert_eq!(about.superpoints().unwrap().count(), 4);
    }

    #[test]
    fn cameras_and_objects_move_with_points_far_away() {
        let far = [40_000.0, -20_000.0, 0.0];
        let shift = |p: &mut [f32; 3]| (0..3).for_each(|axis| p[axis] += far[axis]);
        let mut scene = wall();
        scene.positions.iter_mut().for_each(shift);
        for image in &mut scene.images {
            let mut eye = image.camera.position();
            shift(&mut eye);
            image.camera.world_from_camera.translation = eye.into();
        }
        let mut given = [2.0, 1.0, 1.0];
        shift(&mut given);
        scene.given.objects.features = vec![0.5; 6];
        scene.given.objects.positions = vec![given];

        let recording = opened(&scene, "").unwrap();
        let near = recording.scan.positions.iter().flatten();
        assert!(near.into_iter().all(|x| x.abs() < 10.0), "it was moved");
        let [camera, point] = [
            recording.frames[0].camera.position(),
            recording.scan.positions[820],
        ];
        let (eye, seen) = (wall().images[0].camera.position(), wall().positions[820]);
        for axis in 0..3 {
            let (found, expected) = (point[axis] - camera[axis], seen[axis] - eye[axis]);
            assert!((found - expected).abs() < 0.01, "{found} for {expected}");
        }
        let mut config = Config::nano();
        config.objects = Some(Objects {
            channels: 6,
            reach: 1.0,
            order: ObjectAttentionOrder::default(),
        });
        let (evidence, _) = recording.about.unwrap().evidence(&config).unwrap();
        for object in evidence.objects.positions {
            assert!((object[0] - camera[0] - 2.0).abs() < 0.01, "{object:?}");
        }
    }

    #[test]
    fn what_is_neither_a_capture_nor_a_bundle_says_what_was_looked_for() {
        let files = InMemory::new("notes", [("a.txt", &b""[..])]).unwrap();
        let error = detect(&files).unwrap_err().to_string();
        assert!(error.contains("nor foundation.json"), "{error}");
        let few = Foundation {
            positions: vec![[1.0; 3]; 3],
            origins: vec![None; 3],
            ..Foundation::default()
        };
        let error = opened(&few, "").unwrap_err().to_string();
        assert!(error.contains("3 points, which is too few"), "{error}");
    }
}
