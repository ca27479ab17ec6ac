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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::Cell;

    use super::*;
    use crate::{
        golden,
        images::{ImageModel, ImageModelManifest, ModelFile, SegmentAnything},
    };

    fn model() -> SegmentAnything {
        let manifest = golden::json("onnx/sam.json").to_string();
        let manifest = ImageModelManifest::parse(manifest.as_bytes()).unwrap();
        let file = |file: &&ModelFile| golden::bytes(&format!("onnx/{}", file.file));
        let files = manifest.files().iter().map(file).collect();
        match ImageModel::load(&manifest, files).unwrap() {
            ImageModel::Masks(model) => model,
            _ => panic!("not a model for masks"),
        }
    }

    #[test]
    fn a_picture_is_looked_at_once_for_questions_that_follow_each_other() {
        let model = model();
        let opened = Cell::new(0);
        let open = |view: u32| {
            opened.set(opened.get() + 1);
            let bytes = (0..48 * 64 * 3).map(|i| (i * 37 % 251) as u8).collect();
            match view {
                7 => Ok(None),
                8 => Err(LiftError::View {
                    view: "kitchen".to_owned(),
                    reason: "it is gone".to_owned(),
                }),
                _ => Ok(Some(Picture::new(bytes, [48, 64]).unwrap())),
            }
        };
        let points = [[0.3, 0.4], [0.5, 0.5], [1.0, 0.0]];
        let mut masks = ModelMasks::new(&model, &open, f32::NEG_INFINITY);
        let found = masks.masks(0, &points).unwrap();
        assert!(!found.is_empty());
        for answer in &found {
            assert_eq!(answer.mask.size(), [48, 64]);
            assert!((0.0..=1.0).contains(&answer.score));
        }
        assert_eq!(masks.masks(0, &points).unwrap(), found);
        assert_eq!(opened.get(), 1);
        masks.masks(1, &points[..1]).unwrap();
        assert_eq!(masks.masks(0, &points).unwrap(), found);
        assert_eq!(opened.get(), 3);
        assert!(masks.masks(7, &points).unwrap().is_empty());
        let error = masks.masks(8, &points).unwrap_err().to_string();
        assert_eq!(error, "view kitchen: it is gone");
        let error = masks.masks(0, &[[2.0, 0.0]]).unwrap_err().to_string();
        assert!(error.starts_with("view 0: the prompt"), "{error}");
        let mut strict = ModelMasks::new(&model, &open, f32::INFINITY);
        assert!(strict.masks(0, &points).unwrap().is_empty());
    }
}
