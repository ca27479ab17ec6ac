//! Masks of everything in a picture: a grid of points is asked for, and what is uncertain or found
//! twice is left out, as the automatic mask generator of [SAM](https://arxiv.org/abs/2304.02643)
//! (section "Segment anything data engine") does.

use super::{ImageModelError, MaskLogits, MaskModel, MaskPrompt, Picture};

/// Which masks are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutomaticMasks {
    /// Points on each side of the grid.
    pub points_per_side: usize,
    /// Least score.
    pub min_score: f32,
    /// Least share of the mask at a high threshold in the mask at a low one.
    pub min_stability: f32,
    /// Distance of the two thresholds from zero.
    pub stability_offset: f32,
    /// Largest intersection over union of the boxes of two masks; the better one is kept.
    pub max_overlap: f32,
    /// Least share of the picture.
    pub min_area: f32,
    /// Longest side of the masks, pixels.
    pub side: usize,
    /// If `true`, masks that lie in the mask of a whole object are left out, so that things are not
    /// cut into their parts (Segment3D, docs/spec/any3dis_segment3d_opentrack3d.md section B2).
    pub whole_objects: bool,
}

/// A mask with a greater share of its area than this in the mask of a whole object is a part of it.
const PART: f32 = 0.9;

impl Default for AutomaticMasks {
    fn default() -> Self {
        Self {
            points_per_side: 32,
            min_score: 0.88,
            min_stability: 0.95,
            stability_offset: 1.0,
            max_overlap: 0.7,
            min_area: 0.0001,
            side: 960,
            whole_objects: false,
        }
    }
}

/// A mask of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundMask {
    /// Rows and columns of the mask, which spans the picture.
    pub size: [usize; 2],
    /// The pixels.
    pub runs: Runs,
    /// The model's estimate of its quality; not bounded.
    pub score: f32,
    /// Share of the mask at a high threshold in the mask at a low one.
    pub stability: f32,
    /// `[x0, y0, x1, y1]` in pixels of the mask, whole pixels included.
    pub bounds: [usize; 4],
}

/// Pixels of a mask, as first and last + 1 of every run in the order of rows: thousands of masks
/// wait for their comparison at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(Vec<[u32; 2]>);

impl Runs {
    fn of(pixels: impl Iterator<Item = bool>) -> Self {
        let mut runs: Vec<[u32; 2]> = vec![];
        for (i, _) in pixels.enumerate().filter(|(_, on)| *on) {
            let i = i as u32;
            match runs.last_mut() {
                Some([_, end]) if *end == i => *end += 1,
                _ => runs.push([i, i + 1]),
            }
        }
        Self(runs)
    }

    /// Number of pixels.
    pub fn area(&self) -> usize {
        self.0.iter().map(|[from, to]| (to - from) as usize).sum()
    }

    /// The pixels, `row * columns + column`.
    pub fn pixels(&self) -> impl Iterator<Item = usize> {
        self.0
            .iter()
            .flat_map(|&[from, to]| from as usize..to as usize)
    }
}

/// The masks of everything in a picture, best first.
///
/// # Errors
/// [`ImageModelError`]
pub fn automatic_masks(
    model: &dyn MaskModel,
    picture: &Picture,
    options: &AutomaticMasks,
) -> Result<Vec<FoundMask>, ImageModelError> {
    let encoded = model.encode(picture)?;
    let [rows, columns] = picture.size();
    let shrink = (options.side.max(1) as f32 / rows.max(columns) as f32).min(1.0);
    let size = [rows, columns].map(|side| ((side as f32 * shrink).round() as usize).max(1));
    let side = options.points_per_side.max(1);
    let (mut found, mut whole) = (vec![], vec![]);
    for i in 0..side * side {
        let share = |i: usize| (i as f32 + 0.5) / side as f32;
        let point = [
            share(i % side) * columns as f32,
            share(i / side) * rows as f32,
        ];
        let masks = model.masks(&encoded, &MaskPrompt::Points(&[(point, true)]))?;
        let kept: Vec<_> = masks.iter().map(|mask| options.kept(mask, size)).collect();
        // models that answer with several masks answer with the whole last
        if let (true, [_, .., Some(last)]) = (options.whole_objects, &kept[..]) {
            whole.push(last.clone());
        }
        found.extend(kept.into_iter().flatten());
    }
    let found = without_doubles(found, options.max_overlap);
    let whole = without_doubles(whole, options.max_overlap);
    Ok(without_parts(found, whole, size))
}

/// The masks that are no parts of whole objects, and the whole objects, best first.
fn without_parts(
    mut found: Vec<FoundMask>,
    whole: Vec<FoundMask>,
    size: [usize; 2],
) -> Vec<FoundMask> {
    let mut is_inside = vec![false; size[0] * size[1]];
    for object in &whole {
        is_inside.fill(false);
        object
            .runs
            .pixels()
            .for_each(|pixel| is_inside[pixel] = true);
        found.retain(|mask| {
            let inside = mask.runs.pixels().filter(|&pixel| is_inside[pixel]).count();
            inside as f32 <= PART * mask.runs.area() as f32
        });
    }
    found.extend(whole);
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

impl AutomaticMasks {
    /// The mask in `size`, if it is good enough to be compared with others.
    fn kept(&self, mask: &MaskLogits, size: [usize; 2]) -> Option<FoundMask> {
        if mask.score < self.min_score {
            return None;
        }
        let logits = mask.resized(size);
        let above = |threshold: f32| logits.iter().filter(|logit| **logit > threshold).count();
        let (low, high) = (above(-self.stability_offset), above(self.stability_offset));
        let stability = high as f32 / low.max(1) as f32;
        if stability < self.min_stability {
            return None;
        }
        let runs = Runs::of(logits.iter().map(|logit| *logit > 0.0));
        let area = runs.area();
        if area == 0 || (area as f32) < self.min_area * logits.len() as f32 {
            return None;
        }
        Some(FoundMask {
            size,
            bounds: bounds(&runs, size[1]),
            runs,
            score: mask.score,
            stability,
        })
    }
}

fn bounds(runs: &Runs, columns: usize) -> [usize; 4] {
    let mut bounds = [usize::MAX, usize::MAX, 0, 0];
    let mut widen = |x0: usize, y: usize, x1: usize| {
        bounds = [
            bounds[0].min(x0),
            bounds[1].min(y),
            bounds[2].max(x1),
            bounds[3].max(y + 1),
        ];
    };
    for [from, to] in runs.0.iter().map(|run| run.map(|at| at as usize)) {
        let (first, last) = (from / columns, (to - 1) / columns);
        if first == last {
            widen(from % columns, first, (to - 1) % columns + 1);
        } else {
            widen(0, first, columns);
            widen(0, last, columns);
        }
    }
    bounds
}

/// The best of the masks whose boxes overlap by more than `most`, best first.
fn without_doubles(mut found: Vec<FoundMask>, most: f32) -> Vec<FoundMask> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FoundMask> = vec![];
    for mask in found {
        if kept
            .iter()
            .all(|other| overlap(mask.bounds, other.bounds) <= most)
        {
            kept.push(mask);
        }
    }
    kept
}

/// Intersection over union of two boxes.
fn overlap(a: [usize; 4], b: [usize; 4]) -> f32 {
    let along = |axis: usize| (a[axis + 2].min(b[axis + 2])).saturating_sub(a[axis].max(b[axis]));
    let area = |[x0, y0, x1, y1]: [usize; 4]| (x1 - x0) * (y1 - y0);
    let both = along(0) * along(1);
    both as f32 / (area(a) + area(b) - both) as f32
}
