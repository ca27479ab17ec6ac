//! The points of a capture, made from its depth images frame by frame.

use std::borrow::Cow;

use glam::{Affine3A, Mat3A, Quat, Vec3, Vec3A};

use super::{
    Capture, CaptureError, CaptureFrame, CaptureOptions, CellPoints, Cells, Extent, Files, Gap,
    GapReason, NEAREST, Shot, UpVotes, none_left,
};
use crate::{
    preflight::{Certainty, Choices, Finding, Preflight, Unit, preflight},
    progress::{Monitor, Stage},
    scan::{self, MAX_POINTS, ReadError, Scan, UpAxis, Warning},
    views::{Camera, Correspondence, Map},
};

/// Median depths that recordings of rooms have, metres; another one speaks of a wrong unit.
pub const PLAUSIBLE_DEPTH: [f32; 2] = [0.3, 8.0];
/// Number of depths of each frame from which the median of the recording is taken.
const SAMPLES: usize = 256;
/// Maximum distance of a camera from the origin, metres: farther away, coordinates lose the
/// millimetres.
const AWAY: f32 = 900.0;
/// Cosine of the angle, five degrees, within which an estimated up direction is an axis of the
/// recording.
const IS_AXIS: f32 = 0.996;
/// Maximum number of progress reports.
const REPORTS: usize = 50;

/// The points of a capture.
#[derive(Clone, Debug)]
pub struct Points {
    /// The points in the world frame: metres, z up.
    pub scan: Scan,
    /// `(points)`: the pixel that each point was made from; its view is an index of `views`.
    pub origins: Vec<Option<Correspondence>>,
    /// The frames whose depth was used.
    pub views: Vec<FrameView>,
    /// The frames that were left out, both those of the capture and those whose images cannot be
    /// used.
    pub gaps: Vec<Gap>,
    /// The rotation from the capture's own axes to the world frame.
    pub world_from_capture: Affine3A,
    /// How the up direction is known.
    pub up: Finding<UpAxis>,
    /// What the user should know, with what was noticed when the capture was opened.
    pub warnings: Vec<Warning>,
}

/// A frame whose depth was used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameView {
    /// Index among the frames of the capture.
    pub frame: usize,
    /// Camera of its depth image, which the picture spans as well; world frame.
    pub camera: Camera,
}

/// A frame that has just become points.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// Index among the frames of the capture.
    pub frame: usize,
    /// The images of the frame; `None` if it was left out.
    pub shot: Option<&'a Shot>,
    /// Number of points so far.
    pub points: usize,
}

impl Capture {
    /// Makes points from the depth images, frame by frame, and calls `on_frame` after each. Frames
    /// whose images cannot be used are left out.
    ///
    /// # Errors
    /// No frame can be used, no point is near enough, there are too many points, or the caller
    /// cancelled.
    pub fn points(
        &self,
        files: &dyn Files,
        options: &CaptureOptions,
        monitor: &Monitor,
        on_frame: &mut dyn FnMut(Taken),
    ) -> Result<Points, CaptureError> {
        let mut fusion = Fusion::new(Cow::Borrowed(self), options);
        let step = self.frames.len().div_ceil(REPORTS).max(1);
        for index in 0..self.frames.len() {
            if index % step == 0 {
                monitor.at(Stage::Read, index as f32 / self.frames.len() as f32)?;
            }
            monitor.check()?;
            let shot = fusion.add(index, files)?;
            on_frame(Taken {
                frame: index,
                shot: shot.as_ref(),
                points: fusion.so_far().positions.len(),
            });
        }
        let points = fusion.points()?;
        monitor.at(Stage::Read, 1.0)?;
        Ok(points)
    }

    /// Reads the images of a frame.
    ///
    /// # Errors
    /// There is no such frame, or see [`CaptureFrame::shot`].
    pub fn shot(&self, files: &dyn Files, frame: usize) -> Result<Shot, CaptureError> {
        self.frame(frame)?.shot(files)
    }

    /// The picture of a frame, made smaller if its longest edge has more than `longest_edge` pixels.
    ///
    /// # Errors
    /// There is no such frame, or see [`CaptureFrame::decoded_picture`].
    pub fn picture(
        &self,
        files: &dyn Files,
        frame: usize,
        longest_edge: Option<u32>,
    ) -> Result<super::DecodedImage, CaptureError> {
        self.frame(frame)?.decoded_picture(files, longest_edge)
    }

    fn frame(&self, frame: usize) -> Result<&CaptureFrame, CaptureError> {
        self.frames.get(frame).ok_or_else(|| {
            CaptureError::Unusable(format!(
                "{} has {} frames, there is none with the index {frame}",
                self.name,
                self.frames.len()
            ))
        })
    }
}

/// A capture that becomes points, one frame after the other. [`Capture::points`] adds all frames;
/// who shows the points as they grow adds them one by one.
#[derive(Clone, Debug)]
pub struct Fusion<'a> {
    capture: Cow<'a, Capture>,
    options: CaptureOptions,
    cells: Cells,
    views: Vec<FrameView>,
    gaps: Vec<Gap>,
    votes: UpVotes,
    /// Some depths of each frame, metres.
    depths: Vec<f32>,
    /// Rows and columns of the first depth image that a camera given for depth images fits.
    size: Option<[usize; 2]>,
}

impl<'a> Fusion<'a> {
    /// Begins without a frame.
    pub fn new(capture: Cow<'a, Capture>, options: &CaptureOptions) -> Self {
        Self {
            options: options.clone(),
            cells: Cells::new(options.spacing),
            views: Vec::new(),
            gaps: capture.gaps.clone(),
            votes: UpVotes::default(),
            depths: Vec::new(),
            size: None,
            capture,
        }
    }

    /// The capture.
    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// The points so far, in the capture's own axes. Those that are there keep their places in the
    /// list, and move only within their cells.
    pub fn so_far(&self) -> &CellPoints {
        self.cells.so_far()
    }

    /// The frames that were left out so far, those first that the capture has no images of.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Adds the points of a frame of the capture. If its images cannot be used it is left out, and
    /// the last of [`Self::gaps`] says why.
    ///
    /// # Errors
    /// There are too many points, or there is no such frame.
    pub fn add(&mut self, index: usize, files: &dyn Files) -> Result<Option<Shot>, CaptureError> {
        let frame = self.capture.frame(index)?.clone();
        let shot = match self.added(index, &frame, files) {
            Ok(shot) => Some(shot),
            Err(error) => {
                self.gaps.push(Gap {
                    frame: frame.name,
                    reason: GapReason::Broken(error),
                });
                None
            }
        };
        let points = self.cells.len();
        if points > MAX_POINTS {
            return Err(ReadError::TooManyPoints {
                found: points as u64,
                limit: MAX_POINTS,
            }
            .into());
        }
        Ok(shot)
    }

    fn added(
        &mut self,
        index: usize,
        frame: &CaptureFrame,
        files: &dyn Files,
    ) -> Result<Shot, CaptureError> {
        let away = frame.world_from_camera.translation.length();
        if away > AWAY {
            return Err(CaptureError::Unusable(format!(
                "its camera is {away} m from the origin, the limit is {AWAY} m"
            )));
        }
        let shot = frame.shot(files)?;
        if frame.intrinsics.of == Extent::Depth {
            self.check_size(frame, shot.depth.size(), files)?;
        }
        let picture = frame.decode(&shot.picture, None)?;
        let Shot { camera, depth, .. } = &shot;
        let view = self.views.len() as u32;
        self.cells
            .add_image(view, camera, depth, &picture, self.options.farthest);
        if self.given_up().is_none() {
            self.votes.add_camera(camera);
            self.votes.add_depth(camera, depth);
        }
        self.sample(depth);
        self.views.push(FrameView {
            frame: index,
            camera: *camera,
        });
        Ok(shot)
    }

    /// Checks that a depth image has the size of those before, because the pixels of the camera are
    /// theirs.
    fn check_size(
        &mut self,
        frame: &CaptureFrame,
        size: [usize; 2],
        files: &dyn Files,
    ) -> Result<(), CaptureError> {
        let [rows, columns] = *self.size.get_or_insert(size);
        if size == [rows, columns] {
            return Ok(());
        }
        let path = frame.depth.as_ref().map_or("", |depth| depth.path.as_str());
        let message = format!(
            "{}/{path} has {} x {} pixels, the depth images before have {columns} x {rows}",
            files.name(),
            size[1],
            size[0]
        );
        Err(CaptureError::file(path, message))
    }

    fn sample(&mut self, depth: &Map) {
        let [rows, columns] = depth.size();
        let step = (rows * columns).div_ceil(SAMPLES);
        let seen = (step / 2..rows * columns)
            .step_by(step)
            .map(|pixel| depth.at(pixel / columns, pixel % columns)[0]);
        self.depths.extend(seen.filter(|depth| *depth > 0.0));
    }

    /// The axis that the user or the kind of the capture says is up.
    fn given_up(&self) -> Option<UpAxis> {
        self.options.up.or(self.capture.kind.up())
    }

    /// The points of the frames that were added.
    ///
    /// # Errors
    /// No frame can be used, or no point is near enough.
    pub fn points(self) -> Result<Points, CaptureError> {
        let Self {
            capture,
            options,
            views,
            gaps,
            ..
        } = &self;
        if views.is_empty() {
            return Err(none_left(&capture.name, gaps));
        }
        let median = median(self.depths.clone());
        if self.cells.is_empty() {
            return Err(CaptureError::Unusable(format!(
                "no frame of {} has a depth from {NEAREST} m to {} m{}: if its depth images are in another unit, give it",
                capture.name,
                options.farthest,
                median.map_or(String::new(), |depth| format!(
                    ", the median depth is {depth} m"
                ))
            )));
        }
        let mut warnings = capture.warnings.clone();
        warnings.extend(implausible(median));
        let (turn, up) = self.turn()?;
        let Self {
            cells,
            mut views,
            gaps,
            ..
        } = self;
        let CellPoints {
            mut positions,
            colors,
            origins,
        } = cells.points();
        for position in &mut positions {
            *position = turn.transform_point3((*position).into()).into();
        }
        for view in &mut views {
            view.camera.world_from_camera = turn * view.camera.world_from_camera;
        }
        Ok(Points {
            scan: Scan::from_points(&positions, Some(&colors))?,
            origins: origins.into_iter().map(Some).collect(),
            views,
            gaps,
            world_from_capture: turn,
            up,
            warnings,
        })
    }

    /// The rotation from the capture's axes to the world, as far as the frames so far say; `None` if
    /// they say nothing.
    pub fn turn_so_far(&self) -> Option<Affine3A> {
        match self.given_up() {
            Some(axis) => Some(axis_up(axis)),
            None => self.votes.up().map(turned_up),
        }
    }

    /// The rotation from the capture's axes to the world, and how it is known.
    fn turn(&self) -> Result<(Affine3A, Finding<UpAxis>), CaptureError> {
        let Self {
            capture, options, ..
        } = self;
        if let Some(value) = self.given_up() {
            let (certainty, words) = match options.up {
                Some(_) => (Certainty::Chosen, format!("Up is {value}, as you chose.")),
                None => (
                    Certainty::Found,
                    format!("Up is {value} in recordings of {}.", capture.kind),
                ),
            };
            return Ok((axis_up(value), known(certainty, words)));
        }
        let Some(up) = self.votes.up() else {
            return self.guessed_turn();
        };
        let words = match axis_along(up) {
            Some(axis) => format!("Up is {axis}: the cameras and the level surfaces agree."),
            None => format!(
                "Up is ({:.2}, {:.2}, {:.2}) of the recording, found from its cameras and level surfaces.",
                up.x, up.y, up.z
            ),
        };
        Ok((turned_up(up), known(Certainty::Found, words)))
    }

    /// The up axis that the points suggest, where the cameras were held in all directions.
    fn guessed_turn(&self) -> Result<(Affine3A, Finding<UpAxis>), CaptureError> {
        let points = self.cells.clone().points();
        let scan = Scan::from_points(&points.positions, Some(&points.colors))?;
        let found = preflight(&scan, in_metres(None));
        let up = known(found.up.certainty, found.up.words);
        Ok((axis_up(found.up.value), up))
    }
}

/// The axis that a direction is along.
fn axis_along(up: Vec3) -> Option<UpAxis> {
    UpAxis::ALL
        .into_iter()
        .find(|axis| direction(*axis).dot(up) > IS_AXIS)
}

/// The rotation that takes a direction to +z; that of an axis if it is along one.
fn turned_up(up: Vec3) -> Affine3A {
    match axis_along(up) {
        Some(axis) => axis_up(axis),
        None => {
            let turn = Mat3A::from_quat(Quat::from_rotation_arc(up, Vec3::Z));
            Affine3A::from_mat3(turn.into())
        }
    }
}

/// How the world's up axis, +z, is known.
fn known(certainty: Certainty, words: String) -> Finding<UpAxis> {
    Finding {
        value: UpAxis::PlusZ,
        certainty,
        words,
    }
}

/// The warning about a depth that rooms do not have.
fn implausible(median: Option<f32>) -> Option<Warning> {
    let [low, high] = PLAUSIBLE_DEPTH;
    let median = median.filter(|depth| !(low..=high).contains(depth))?;
    Some(Warning(format!(
        "the median depth is {median} m, rooms have {low} m to {high} m: the depth images may be in another unit"
    )))
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// The unit vector along an axis.
fn direction(axis: UpAxis) -> Vec3 {
    let mut direction = Vec3::ZERO;
    direction[axis.index()] = axis.sign() as f32;
    direction
}

/// The rotation that takes the axis to +z, as [`scan::Frame`] does it.
pub fn axis_up(up: UpAxis) -> Affine3A {
    let frame = scan::Frame {
        up,
        ..scan::Frame::default()
    };
    let column = |axis: [f64; 3]| Vec3A::from(frame.world_from_file(axis).map(|x| x as f32));
    Affine3A {
        matrix3: Mat3A::from_cols(
            column([1.0, 0.0, 0.0]),
            column([0.0, 1.0, 0.0]),
            column([0.0, 0.0, 1.0]),
        ),
        translation: Vec3A::ZERO,
    }
}

fn in_metres(up: Option<UpAxis>) -> Choices {
    Choices {
        up,
        unit: Some(Unit::Metres),
    }
}

impl Points {
    /// What there is to know about the scan: its unit and its up axis are those of the world
    /// already.
    pub fn preflight(&self) -> Preflight {
        let found = preflight(&self.scan, in_metres(Some(UpAxis::PlusZ)));
        Preflight {
            up: self.up.clone(),
            unit: Finding {
                certainty: Certainty::Found,
                words: "Captures are in metres.".to_owned(),
                ..found.unit
            },
            ..found
        }
    }
}
