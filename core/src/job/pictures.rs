//! The photographs of a recording, read from its files when they are asked for.

use std::borrow::Cow;

use super::RecordedFrame;
use crate::{
    captures::{CaptureError, Files, IMAGE_LIMIT},
    images::{FrameProblem, Picture, PosedPictures},
    views::{Camera, Map},
};

/// The frames of a recording with the files that they name.
#[derive(Clone, Copy)]
pub struct RecordedPictures<'a> {
    /// The files of the recording.
    pub files: &'a dyn Files,
    /// The frames, whose cameras are in the frame of the points.
    pub frames: &'a [RecordedFrame],
}

impl PosedPictures for RecordedPictures<'_> {
    fn count(&self) -> usize {
        self.frames.len()
    }

    fn name(&self, frame: usize) -> &str {
        &self.frames[frame].name
    }

    fn camera(&self, frame: usize) -> Camera {
        self.frames[frame].camera
    }

    fn depth(&self, frame: usize) -> Result<Option<Cow<'_, Map>>, FrameProblem> {
        let depth = self.frames[frame].depth.as_ref();
        let read = depth.map(|depth| depth.read(self.files)).transpose();
        Ok(read.map_err(of_files)?.map(Cow::Owned))
    }

    fn has_picture(&self, frame: usize) -> bool {
        self.frames[frame].picture.is_some()
    }

    fn picture(&self, frame: usize) -> Result<Picture, FrameProblem> {
        let Some(path) = &self.frames[frame].picture else {
            return Err(FrameProblem("it has no picture".to_owned()));
        };
        let bytes = self.files.read(path, IMAGE_LIMIT).map_err(of_files)?;
        Picture::decode(&bytes).map_err(|error| FrameProblem(format!("{path}: {error}")))
    }
}

fn of_files(error: CaptureError) -> FrameProblem {
    FrameProblem(error.to_string())
}
