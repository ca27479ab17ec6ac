//! A model for masks in ONNX files as a tracker's eyes.

use super::{LiftError, MaskAnswer, PromptedMasks, TrackedMask};
use crate::images::{EncodedPicture, MaskModel, MaskPrompt, Picture};

/// Number of points that a model is asked with (docs/spec/any3dis_segment3d_opentrack3d.md section
/// A2).
const POINTS: usize = 3;
/// Longest side of the masks, pixels: finer than the depth images of phones.
const SIDE: usize = 640;

/// Reads the picture of a view; `None` if it has none.
pub type OpenPicture<'a> = &'a dyn Fn(u32) -> Result<Option<Picture>, LiftError>;

/// Masks that a model finds in the pictures of views. One encoded picture is in memory at a time.
pub struct ModelMasks<'a> {
    model: &'a dyn MaskModel,
    open: OpenPicture<'a>,
    /// Masks whose quality the model estimates lower are left out.
    min_score: f32,
    /// The picture that was asked about last, with its size.
    latest: Option<Latest>,
}

/// A view that was asked about.
struct Latest {
    view: u32,
    /// Its picture, if it has one, and the picture's size.
    encoded: Option<(EncodedPicture, [usize; 2])>,
}

impl<'a> ModelMasks<'a> {
    /// Asks `model` about the pictures that `open` reads.
    pub fn new(model: &'a dyn MaskModel, open: OpenPicture<'a>, min_score: f32) -> Self {
        Self {
            model,
            open,
            min_score,
            latest: None,
        }
    }

    /// Looks at the picture of a view, unless it was the last one.
    fn look(&mut self, view: u32) -> Result<(), LiftError> {
        if self
            .latest
            .as_ref()
            .is_some_and(|latest| latest.view == view)
        {
            return Ok(());
        }
        self.latest = None;
        let encoded = match (self.open)(view)? {
            Some(picture) => {
                let encoded = self.model.encode(&picture).map_err(|e| failed(view, &e))?;
                Some((encoded, picture.size()))
            }
            None => None,
        };
        self.latest = Some(Latest { view, encoded });
        Ok(())
    }
}

fn failed(view: u32, error: &dyn std::error::Error) -> LiftError {
    LiftError::View {
        view: view.to_string(),
        reason: error.to_string(),
    }
}

impl PromptedMasks for ModelMasks<'_> {
    fn most_points(&self) -> usize {
        POINTS
    }

    fn masks(&mut self, view: u32, points: &[[f32; 2]]) -> Result<Vec<MaskAnswer>, LiftError> {
        self.look(view)?;
        let Some(Latest {
            encoded: Some((encoded, size)),
            ..
        }) = &self.latest
        else {
            return Ok(Vec::new());
        };
        let [rows, columns] = *size;
        let points: Vec<([f32; 2], bool)> = points
            .iter()
            .map(|[x, y]| ([x * columns as f32, y * rows as f32], true))
            .collect();
        let found = self.model.masks(encoded, &MaskPrompt::Points(&points));
        let found = found.map_err(|error| failed(view, &error))?;
        let shrink = (SIDE as f32 / rows.max(columns) as f32).min(1.0);
        let size = size.map(|side| ((side as f32 * shrink).round() as usize).max(1));
        let good = found
            .into_iter()
            .filter(|mask| mask.score >= self.min_score);
        let masks = good.filter_map(|mask| {
            let on = mask
                .resized(size)
                .iter()
                .map(|logit| *logit > 0.0)
                .collect();
            Some(MaskAnswer {
                mask: TrackedMask::new(on, size)?,
                score: mask.score.clamp(0.0, 1.0),
            })
        });
        Ok(masks.collect())
    }
}
