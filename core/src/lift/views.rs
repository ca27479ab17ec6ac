//! The posed depth images of a scene, wherever they lie.

use std::borrow::Cow;

use super::LiftError;
use crate::views::{Camera, Map};

/// Views with depth, in the order in which they were taken. Depth is read when it is asked for: all
/// depth images of a long recording need not fit into memory.
pub trait PosedViews {
    /// The number of views.
    fn count(&self) -> usize;

    /// The camera of a view, which its depth and its picture span; world frame.
    fn camera(&self, view: usize) -> Camera;

    /// The depth of a view, shape `(height, width, 1)`: metres along the optical axis, 0 where
    /// unknown.
    ///
    /// # Errors
    /// [`LiftError::View`] if it cannot be read.
    fn depth(&self, view: usize) -> Result<Cow<'_, Map>, LiftError>;
}

#[cfg(feature = "captures")]
mod recorded {
    use super::*;
    use crate::{
        captures::{Capture, Files, FrameView},
        foundation::Image,
    };

    /// The images of a foundation bundle that have depth.
    #[derive(Clone, Debug)]
    pub struct BundleViews<'a>(Vec<&'a Image>);

    impl<'a> BundleViews<'a> {
        /// Takes the images that have depth, in order.
        pub fn new(images: &'a [Image]) -> Self {
            Self(images.iter().filter(|i| i.depth.is_some()).collect())
        }

        /// The image of each view.
        pub fn images(&self) -> &[&'a Image] {
            &self.0
        }
    }

    impl PosedViews for BundleViews<'_> {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn camera(&self, view: usize) -> Camera {
            self.0[view].camera
        }

        fn depth(&self, view: usize) -> Result<Cow<'_, Map>, LiftError> {
            let image = self.0[view];
            let depth = image.depth.as_ref().ok_or_else(|| LiftError::View {
                view: image.name.clone(),
                reason: "it has no depth".to_owned(),
            })?;
            Ok(Cow::Borrowed(depth))
        }
    }

    /// The frames of a capture that became points; the depth of a frame is read from its files each
    /// time.
    #[derive(Clone, Copy)]
    pub struct CaptureViews<'a> {
        /// The files of the capture.
        pub files: &'a dyn Files,
        /// The capture.
        pub capture: &'a Capture,
        /// Its frames that became points.
        pub frames: &'a [FrameView],
    }

    impl CaptureViews<'_> {
        /// The name of a view.
        pub fn name(&self, view: usize) -> &str {
            &self.capture.frames[self.frames[view].frame].name
        }
    }

    impl PosedViews for CaptureViews<'_> {
        fn count(&self) -> usize {
            self.frames.len()
        }

        fn camera(&self, view: usize) -> Camera {
            self.frames[view].camera
        }

        fn depth(&self, view: usize) -> Result<Cow<'_, Map>, LiftError> {
            let shot = self.capture.shot(self.files, self.frames[view].frame);
            let shot = shot.map_err(|error| LiftError::View {
                view: self.name(view).to_owned(),
                reason: error.to_string(),
            })?;
            Ok(Cow::Owned(shot.depth))
        }
    }
}

#[cfg(feature = "captures")]
pub use recorded::{BundleViews, CaptureViews};
