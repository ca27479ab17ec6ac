//! What follows an object through the views: the interface behind which 2D models stand.

use super::LiftError;
use crate::progress::Monitor;

/// An object to be followed.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackTask {
    /// The superpoint that it is asked for.
    pub seed: u32,
    /// The view in which it is segmented first.
    pub pivot: u32,
    /// Points on it in the pivot view, as fractions of the picture's width and height.
    pub prompts: Vec<[f32; 2]>,
    /// The views in which it is followed, ascending, with the pivot among them.
    pub views: Vec<u32>,
}

/// The pixels of an object in a view, spanning its picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedMask {
    size: [usize; 2],
    on: Vec<bool>,
}

impl TrackedMask {
    /// Creates a mask from `(rows, columns)` pixels, `true` on the object. `None` if there are none,
    /// or if their number does not fit the size.
    pub fn new(on: Vec<bool>, size: [usize; 2]) -> Option<Self> {
        let fits = !on.is_empty() && size[0].checked_mul(size[1]) == Some(on.len());
        fits.then_some(Self { size, on })
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// `(rows, columns)`: `true` on the object.
    pub fn pixels(&self) -> &[bool] {
        &self.on
    }

    /// `true` if the place, as fractions of width and height, is on the object.
    pub fn at(&self, [x, y]: [f32; 2]) -> bool {
        let [rows, columns] = self.size;
        let along =
            |share: f32, extent: usize| ((share * extent as f32).max(0.0) as usize).min(extent - 1);
        self.on[along(y, rows) * columns + along(x, columns)]
    }

    /// `true` if no pixel is on the object.
    pub fn is_empty(&self) -> bool {
        !self.on.contains(&true)
    }

    /// The centers of at most `most` of the pixels on the object, evenly spaced in their order, as
    /// fractions of width and height.
    pub(super) fn places(&self, most: usize) -> Vec<[f32; 2]> {
        let [rows, columns] = self.size;
        let area = self.on.iter().filter(|on| **on).count();
        let every = area.div_ceil(most.max(1)).max(1);
        let on = (0..self.on.len()).filter(|pixel| self.on[*pixel]);
        on.step_by(every)
            .map(|pixel| {
                let share = |at: usize, extent: usize| (at as f32 + 0.5) / extent as f32;
                [
                    share(pixel % columns, columns),
                    share(pixel / columns, rows),
                ]
            })
            .collect()
    }
}

/// Receives masks: the index of the task, the view, and the object's pixels there. A view in which
/// the object was looked for and is not gets an empty mask; a view that is not reported has no say
/// about the object.
pub type OnMask<'a> = &'a mut dyn FnMut(usize, u32, &TrackedMask) -> Result<(), LiftError>;

/// Follows objects through views.
pub trait Tracker {
    /// The number of objects that are best followed at once. Between two such groups, objects that
    /// an instance already covers are left out.
    fn together(&self) -> usize {
        1
    }

    /// Segments each object in its pivot view and follows it from there in both directions.
    ///
    /// Returns `(tasks)`: the scores of the masks in the pivot views, 0..=1; `None` for objects that
    /// have no mask there. Each view of a task is reported at most once.
    ///
    /// # Errors
    /// See [`LiftError`].
    fn track(
        &mut self,
        tasks: &[TrackTask],
        monitor: &Monitor,
        on_mask: OnMask,
    ) -> Result<Vec<Option<f32>>, LiftError>;
}

/// The direction in which views are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// In their order; it includes the pivots.
    Forward,
    /// In the reverse order, after all were visited forward.
    Backward,
}

/// Visits the views of all tasks so that each object is followed from its pivot outward and each view
/// is visited twice at most, because looking at a picture costs the most. `visit` gets the view, the
/// indices of the tasks and the direction.
pub(super) fn sweep(
    tasks: &[TrackTask],
    monitor: &Monitor,
    mut visit: impl FnMut(u32, &[usize], Direction) -> Result<(), LiftError>,
) -> Result<(), LiftError> {
    let mut views: Vec<u32> = tasks.iter().flat_map(|task| &task.views).copied().collect();
    views.sort_unstable();
    views.dedup();
    let mut pass = |view: u32, direction| {
        monitor.check()?;
        let is_ahead = |task: &TrackTask| match direction {
            Direction::Forward => task.pivot <= view,
            Direction::Backward => view < task.pivot,
        };
        let follows = |i: &usize| {
            let task = &tasks[*i];
            is_ahead(task) && task.views.binary_search(&view).is_ok()
        };
        let active: Vec<usize> = (0..tasks.len()).filter(follows).collect();
        match active.is_empty() {
            true => Ok(()),
            false => visit(view, &active, direction),
        }
    };
    for &view in &views {
        pass(view, Direction::Forward)?;
    }
    for &view in views.iter().rev() {
        pass(view, Direction::Backward)?;
    }
    Ok(())
}
