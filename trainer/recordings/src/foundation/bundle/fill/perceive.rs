//! What models find in one picture.

use std::path::Path;

use segscape::{
    foundation::{Entry, Mask, masks_file},
    images::{FoundMask, ImageFeatures, ImageText, Picture, automatic_masks, mask_feature, pooled},
    views::Map,
};

use super::{Fill, Models, merge::Header};
use crate::foundation::gray16::load_gray16;

/// Most instances of an image: their numbers have 16 bits, and 0 is none.
const MOST_INSTANCES: usize = 65_534;
/// The crop of an object is its box, wider by this fraction on each side.
const MARGIN: f32 = 0.1;

/// What an image lacks and the models can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    masks: bool,
    features: bool,
    objects: bool,
}

impl Wanted {
    pub(super) fn of(
        folder: &Path,
        entry: &Entry,
        header: &Header,
        models: &Models,
        again: bool,
    ) -> Self {
        let image = &entry.name;
        let has_masks = folder.join(masks_file(image)).exists();
        let has_objects = has_masks && !entry.instances.is_empty();
        let lacks = |kind: &str| again || !header.has(&format!("{kind}.{image}"));
        let masks = models.masks.is_some() && (again || !has_masks);
        let describes = models.features.is_some() || models.crops.is_some();
        Self {
            masks,
            features: models.features.is_some() && lacks("image_features"),
            objects: describes && (masks || (has_objects && lacks("object_features"))),
        }
    }

    pub(super) fn nothing(self) -> bool {
        !(self.masks || self.features || self.objects)
    }
}

/// What was found in a picture.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// New masks with their scores; `None` if those of the bundle stay.
    pub(super) masks: Option<(Mask, Vec<f32>)>,
    /// New image features.
    pub(super) features: Option<Map>,
    /// New features of the objects, `(objects, channels)`.
    pub(super) objects: Option<Vec<Vec<f32>>>,
}

pub(super) fn perceive(
    folder: &Path,
    entry: &Entry,
    picture: &Picture,
    models: &Models,
    options: &Fill,
    wanted: Wanted,
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    if let (true, Some(model)) = (wanted.masks, &models.masks) {
        let masks = automatic_masks(model, picture, &options.automatic)?;
        found.masks = painted(&masks, picture.size());
    }
    let features = match &models.features {
        Some(model) if wanted.features || (wanted.objects && models.crops.is_none()) => {
            Some(model.features(picture)?)
        }
        _ => None,
    };
    if wanted.objects {
        let there = match &found.masks {
            Some((mask, scores)) => Some((mask.clone(), scores.len())),
            None => load_gray16(&folder.join(masks_file(&entry.name)))?
                .and_then(|(size, values)| Mask::new(values, size))
                .map(|mask| (mask, entry.instances.len())),
        };
        if let Some((mask, count)) = there {
            let pixels = pixels(&mask, count);
            found.objects = match (&models.crops, &features) {
                (Some(model), _) => Some(embeddings(model, picture, &mask, &pixels)?),
                (None, Some(features)) => Some(means(features, &mask, &pixels)),
                (None, None) => None,
            };
        }
    }
    if wanted.features {
        found.features = features.map(|features| match options.grid {
            0 => features,
            cells => pooled(features, cells),
        });
    }
    Ok(found)
}

/// The masks in one image, and the scores of those that are seen in it, best first; `None` for a
/// picture without pixels. Smaller masks lie on larger ones, so that a pillow is seen on its bed.
fn painted(masks: &[FoundMask], picture: [usize; 2]) -> Option<(Mask, Vec<f32>)> {
    let masks = &masks[..masks.len().min(MOST_INSTANCES)];
    let size = masks.first().map_or(picture, |mask| mask.size);
    let mut owner = vec![usize::MAX; size[0] * size[1]];
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(masks[i].runs.area()));
    for i in order {
        masks[i].runs.pixels().for_each(|pixel| owner[pixel] = i);
    }
    let mut seen = vec![false; masks.len()];
    owner
        .iter()
        .filter(|i| **i < masks.len())
        .for_each(|&i| seen[i] = true);
    let mut scores = vec![];
    let number: Vec<u16> = masks
        .iter()
        .zip(&seen)
        .map(|(mask, seen)| {
            if *seen {
                scores.push(mask.score.clamp(0.0, 1.0));
            }
            scores.len() as u16
        })
        .collect();
    let values = owner
        .into_iter()
        .map(|i| number.get(i).copied().unwrap_or(0))
        .collect();
    Some((Mask::new(values, size)?, scores))
}

/// The pixels of each instance.
fn pixels(mask: &Mask, count: usize) -> Vec<Vec<u32>> {
    let mut pixels = vec![vec![]; count];
    for (at, value) in mask.values().iter().enumerate() {
        let instance = usize::from(*value).checked_sub(1);
        if let Some(of) = instance.and_then(|instance| pixels.get_mut(instance)) {
            of.push(at as u32);
        }
    }
    pixels
}

/// The mean feature of each object.
fn means(features: &Map, mask: &Mask, pixels: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let [rows, columns] = mask.size();
    let center = |at: &u32| {
        let at = *at as usize;
        [
            ((at % columns) as f32 + 0.5) / columns as f32,
            ((at / columns) as f32 + 0.5) / rows as f32,
        ]
    };
    let mean = |pixels: &Vec<u32>| mask_feature(features, pixels.iter().map(center));
    pixels.iter().map(mean).collect()
}

/// The embedding of the crop of each object; of the whole picture for one that no pixel shows.
fn embeddings(
    model: &impl ImageText,
    picture: &Picture,
    mask: &Mask,
    pixels: &[Vec<u32>],
) -> anyhow::Result<Vec<Vec<f32>>> {
    let [rows, columns] = mask.size();
    let scale = {
        let [high, wide] = picture.size();
        [wide as f32 / columns as f32, high as f32 / rows as f32]
    };
    let crop = |pixels: &Vec<u32>| {
        let x = |at: &u32| *at as usize % columns;
        let y = |at: &u32| *at as usize / columns;
        let least = |of: &dyn Fn(&u32) -> usize| pixels.iter().map(of).min();
        let most = |of: &dyn Fn(&u32) -> usize| pixels.iter().map(of).max();
        let (Some(x0), Some(y0)) = (least(&x), least(&y)) else {
            return picture.clone();
        };
        let (x1, y1) = (most(&x).unwrap_or(x0) + 1, most(&y).unwrap_or(y0) + 1);
        let [wide, high] = [(x1 - x0) as f32 * MARGIN, (y1 - y0) as f32 * MARGIN];
        picture.cropped([
            (x0 as f32 - wide) * scale[0],
            (y0 as f32 - high) * scale[1],
            (x1 as f32 + wide) * scale[0],
            (y1 as f32 + high) * scale[1],
        ])
    };
    let embed = |pixels: &Vec<u32>| Ok(model.embed(&crop(pixels))?);
    pixels.iter().map(embed).collect()
}
