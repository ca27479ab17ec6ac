//! A tracker for models that segment single pictures: what is known of an object is carried to the
//! next view through depth, and the model is asked again at the carried points.

use std::rc::Rc;

use super::{
    LiftError, OnMask, PosedViews, TrackTask, TrackedMask, Tracker, positive,
    prompts::spread,
    tracker::{Direction, sweep},
};
use crate::{
    progress::Monitor,
    views::{Camera, Map, Occlusion, Pixel, Sight},
};

/// Something that gives masks for points in a view.
pub trait PromptedMasks {
    /// Maximum number of points that it is asked with after the pivot view.
    fn most_points(&self) -> usize;

    /// The masks for points on one object, as fractions of width and height, best first; none if it
    /// knows nothing of the view. Questions about one view come one after the other.
    ///
    /// # Errors
    /// See [`LiftError`].
    fn masks(&mut self, view: u32, points: &[[f32; 2]]) -> Result<Vec<MaskAnswer>, LiftError>;
}

/// A mask with the confidence of its maker.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskAnswer {
    /// The pixels.
    pub mask: TrackedMask,
    /// 0..=1
    pub score: f32,
}

/// How objects are followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Propagation {
    /// Number of objects that are followed at once: each view is looked at twice for all of them.
    pub together: usize,
    /// Share of the carried points that must be in the mask of another view, and share of that
    /// mask's points that must be in the mask of the pivot view, as far as that view sees them.
    pub agreement: f32,
    /// Number of points of a mask that are carried.
    pub points: usize,
    /// Minimum number of carried points that a view must see to be asked.
    pub fewest: usize,
    /// Maximum distance of a carried point from the surface that a view measured there, metres.
    pub tolerance: f32,
}

impl Default for Propagation {
    fn default() -> Self {
        Self {
            together: 32,
            agreement: 0.5,
            points: 1024,
            fewest: 8,
            tolerance: 0.1,
        }
    }
}

/// Follows objects by reprojection.
pub struct PropagatingTracker<'a> {
    views: &'a dyn PosedViews,
    masks: &'a mut dyn PromptedMasks,
    options: Propagation,
}

impl<'a> PropagatingTracker<'a> {
    /// A tracker through these views, the same as those of the visibility.
    ///
    /// # Errors
    /// [`LiftError::Option`] for an option that makes no sense.
    pub fn new(
        views: &'a dyn PosedViews,
        masks: &'a mut dyn PromptedMasks,
        options: Propagation,
    ) -> Result<Self, LiftError> {
        positive("agreement", options.agreement)?;
        positive("points", options.points as f32)?;
        positive("tolerance", options.tolerance)?;
        Ok(Self {
            views,
            masks,
            options,
        })
    }

    /// Segments an object in its pivot view.
    fn begin(
        &mut self,
        task: &TrackTask,
        view: &Seeing,
    ) -> Result<Option<(Object, TrackedMask)>, LiftError> {
        let masks = self.masks.masks(view.number, &task.prompts)?;
        let Some(first) = masks.into_iter().find(|found| !found.mask.is_empty()) else {
            return Ok(None);
        };
        let points = view.points(&first.mask, self.options.points);
        let object = Object {
            score: first.score,
            camera: view.camera,
            depth: Rc::clone(&view.depth),
            mask: first.mask.clone(),
            latest: [points.clone(), points.clone()],
            points,
        };
        Ok(Some((object, first.mask)))
    }

    /// The mask of an object in another view; `None` if the view does not see enough of it or has
    /// no mask that agrees with what is known.
    fn follow(
        &mut self,
        object: &Object,
        direction: Direction,
        view: &Seeing,
    ) -> Result<Option<TrackedMask>, LiftError> {
        let sight = view.sight(self.options.tolerance);
        let known = object
            .points
            .iter()
            .chain(&object.latest[direction as usize]);
        let seen: Vec<[f32; 2]> = known
            .filter_map(|point| sight.sees(*point))
            .map(|pixel| [pixel.x, pixel.y])
            .collect();
        if seen.len() < self.options.fewest.max(1) {
            return Ok(None);
        }
        let prompts = spread(&seen, self.masks.most_points().max(1));
        let found = self.masks.masks(view.number, &prompts)?;
        let agrees = |found: &MaskAnswer| {
            let inside = seen.iter().filter(|place| found.mask.at(**place)).count();
            let there = inside as f32 / seen.len() as f32;
            there >= self.options.agreement && self.leads_back(object, &found.mask, view)
        };
        Ok(found.into_iter().find(agrees).map(|found| found.mask))
    }

    /// `true` unless the pivot view sees much of what the mask shows and it is not the object there.
    fn leads_back(&self, object: &Object, mask: &TrackedMask, view: &Seeing) -> bool {
        let occlusion = Occlusion::Around(self.options.tolerance);
        let pivot = Sight::new(&object.camera, Some(&object.depth), occlusion);
        let points = view.points(mask, self.options.points);
        let seen: Vec<Pixel> = points.into_iter().filter_map(|p| pivot.sees(p)).collect();
        let inside = seen.iter().filter(|p| object.mask.at([p.x, p.y])).count();
        seen.len() < self.options.fewest.max(1)
            || inside as f32 >= self.options.agreement * seen.len() as f32
    }
}

/// What is known of an object.
struct Object {
    score: f32,
    /// The pivot view.
    camera: Camera,
    depth: Rc<Map>,
    mask: TrackedMask,
    /// World frame: points of the mask in the pivot view, which find the object again after it was
    /// out of sight.
    points: Vec<[f32; 3]>,
    /// Points of the last mask on each side of the pivot, which show sides that the pivot view does
    /// not see.
    latest: [Vec<[f32; 3]>; 2],
}

/// A view with its depth in memory.
struct Seeing {
    number: u32,
    camera: Camera,
    depth: Rc<Map>,
}

impl Seeing {
    fn new(views: &dyn PosedViews, number: u32) -> Result<Self, LiftError> {
        Ok(Self {
            number,
            camera: views.camera(number as usize),
            depth: Rc::new(views.depth(number as usize)?.into_owned()),
        })
    }

    fn sight(&self, tolerance: f32) -> Sight<'_> {
        let occlusion = Occlusion::Around(tolerance);
        Sight::new(&self.camera, Some(&self.depth), occlusion)
    }

    /// At most `most` points of what a mask shows, world frame; pixels of unknown depth have none.
    fn points(&self, mask: &TrackedMask, most: usize) -> Vec<[f32; 3]> {
        let placed = |[x, y]: [f32; 2]| {
            let depth = self.depth.positive_sample(x, y)?;
            let depth = depth.is_finite().then_some(depth)?;
            Some(self.camera.back_project(Pixel { x, y, depth }))
        };
        mask.places(most).into_iter().filter_map(placed).collect()
    }
}

impl Tracker for PropagatingTracker<'_> {
    fn together(&self) -> usize {
        self.options.together
    }

    fn track(
        &mut self,
        tasks: &[TrackTask],
        monitor: &Monitor,
        on_mask: OnMask,
    ) -> Result<Vec<Option<f32>>, LiftError> {
        let mut objects: Vec<Option<Object>> = tasks.iter().map(|_| None).collect();
        sweep(tasks, monitor, |number, active, direction| {
            let mut seeing = None;
            for &i in active {
                if tasks[i].pivot != number && objects[i].is_none() {
                    continue;
                }
                // Depth is read only where somebody looks.
                let view = match &seeing {
                    Some(view) => view,
                    None => &*seeing.insert(Seeing::new(self.views, number)?),
                };
                if tasks[i].pivot == number {
                    if let Some((object, mask)) = self.begin(&tasks[i], view)? {
                        on_mask(i, number, &mask)?;
                        objects[i] = Some(object);
                    }
                    continue;
                }
                let Some(object) = &mut objects[i] else {
                    continue;
                };
                if let Some(mask) = self.follow(object, direction, view)? {
                    on_mask(i, number, &mask)?;
                    object.latest[direction as usize] = view.points(&mask, self.options.points);
                }
            }
            Ok(())
        })?;
        let score = |object: Option<Object>| object.map(|object| object.score.clamp(0.0, 1.0));
        Ok(objects.into_iter().map(score).collect())
    }
}
