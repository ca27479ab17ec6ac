//! What every view sees of every superpoint: the sets ρ of equation 1.

use super::{LiftError, PosedViews, positive};
use crate::{
    platform,
    progress::{Cancelled, Monitor, Stage},
    spatial,
    superpoint::Superpoints,
    views::{Occlusion, Sight},
};

/// Number of points that one task projects.
const CHUNK: usize = 4096;
/// Maximum number of progress reports.
const REPORTS: usize = 20;
/// Stands for a point that a view does not see.
const UNSEEN: u32 = u32::MAX;
/// The largest value of a coordinate of a [`Place`], which spans the picture.
const LAST: f32 = 65_534.0;

/// How it is decided what a view sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VisibilityOptions {
    /// Maximum distance of a point from the surface that a view measured there, metres.
    pub tolerance: f32,
    /// Share of the picture's width and height on each side in which nothing counts as seen, because
    /// depth and masks are unreliable there: the released code of such methods leaves out 10 of 640
    /// pixels.
    pub border: f32,
    /// Maximum number of places in pictures that are kept, 4 bytes each. Beyond it, a view keeps
    /// every nth of a superpoint's points; counts of seen points remain exact.
    pub places: usize,
}

impl Default for VisibilityOptions {
    fn default() -> Self {
        Self {
            tolerance: 0.1,
            border: 1.0 / 64.0,
            places: if cfg!(target_pointer_width = "32") {
                1 << 24
            } else {
                1 << 26
            },
        }
    }
}

/// A place in a picture in 65 535ths of its width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    fn new(x: f32, y: f32) -> Self {
        let along = |share: f32| (share * LAST).round().clamp(0.0, LAST) as u32;
        Self(along(x) << 16 | along(y))
    }

    /// Fractions of width and height.
    pub(super) fn at(self) -> [f32; 2] {
        [self.0 >> 16, self.0 & 0xffff].map(|along| along as f32 / LAST)
    }
}

/// What every view sees of every superpoint.
#[derive(Clone, Debug)]
pub struct Visibility {
    /// `(superpoints)`: N, the numbers of points.
    sizes: Vec<u32>,
    /// `(superpoints, 3)`: metres, world frame.
    centroids: Vec<[f32; 3]>,
    views: Vec<Seen>,
}

/// What one view sees.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The superpoints with a seen point, ascending.
    superpoints: Vec<u32>,
    /// `(seen superpoints)`: |ρ|, the number of seen points.
    counts: Vec<u32>,
    /// `(seen superpoints + 1)`: the first place of each.
    starts: Vec<u32>,
    /// Places of seen points, all of them or every nth of a superpoint.
    places: Vec<Place>,
}

/// A superpoint in a view.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenSuperpoint<'a> {
    pub(super) superpoint: u32,
    /// |ρ|
    pub(super) points: u32,
    /// Places of these points, or of every nth of them; never empty.
    pub(super) places: &'a [Place],
}

impl Visibility {
    /// Projects all points, `(points, 3)` in the world frame, into all views. `O(points views)`; one
    /// depth image is in memory at a time.
    ///
    /// # Errors
    /// There is no view, lengths differ, a position, a camera or an option makes no sense, a depth
    /// image cannot be read, or the caller cancelled.
    pub fn new(
        positions: &[[f32; 3]],
        superpoints: &Superpoints,
        views: &dyn PosedViews,
        options: &VisibilityOptions,
        monitor: &Monitor,
    ) -> Result<Self, LiftError> {
        check(positions, superpoints, views, options)?;
        let sizes = superpoints.sizes();
        let (starts, grouped) = grouped(positions, superpoints, &sizes);
        let centroids = centroids(&starts, &grouped);
        let most = (options.places / views.count()).max(1);
        let mut places = vec![UNSEEN; grouped.len()];
        let step = views.count().div_ceil(REPORTS);
        let mut seen = Vec::with_capacity(views.count());
        for view in 0..views.count() {
            if view % step == 0 {
                let done = view as f32 / views.count() as f32;
                monitor.at(Stage::Instances, super::PROJECTED * done)?;
            }
            monitor.check()?;
            let depth = views.depth(view)?;
            let occlusion = Occlusion::Around(options.tolerance);
            let sight = Sight::new(&views.camera(view), Some(&depth), occlusion);
            let inner = options.border..=1.0 - options.border;
            platform::for_each_chunk(&mut places, CHUNK, |chunk, places| {
                for (place, position) in places.iter_mut().zip(&grouped[chunk * CHUNK..]) {
                    let pixel = sight.sees(*position);
                    let pixel = pixel.filter(|p| inner.contains(&p.x) && inner.contains(&p.y));
                    *place = pixel.map_or(UNSEEN, |pixel| Place::new(pixel.x, pixel.y).0);
                }
            });
            seen.push(Seen::new(&starts, &places, most));
        }
        Ok(Self {
            sizes,
            centroids,
            views: seen,
        })
    }

    /// The number of views.
    pub fn views(&self) -> usize {
        self.views.len()
    }

    /// The number of superpoints.
    pub fn superpoints(&self) -> usize {
        self.sizes.len()
    }

    /// N: the number of points of a superpoint.
    pub fn size(&self, superpoint: u32) -> u32 {
        self.sizes[superpoint as usize]
    }

    /// |ρ|: the number of points of a superpoint that a view sees.
    pub fn points(&self, view: usize, superpoint: u32) -> u32 {
        let seen = &self.views[view];
        let place = seen.superpoints.binary_search(&superpoint);
        place.map_or(0, |place| seen.counts[place])
    }

    /// `(superpoints)`: `true` for those that a view sees.
    pub fn is_seen(&self) -> Vec<bool> {
        let mut is_seen = vec![false; self.superpoints()];
        for view in &self.views {
            for &superpoint in &view.superpoints {
                is_seen[superpoint as usize] = true;
            }
        }
        is_seen
    }

    /// `(superpoints, 3)`: the means of the positions.
    pub(super) fn centroids(&self) -> &[[f32; 3]] {
        &self.centroids
    }

    /// The superpoints that a view sees, ascending.
    pub(super) fn seen(&self, view: usize) -> impl Iterator<Item = SeenSuperpoint<'_>> {
        let seen = &self.views[view];
        (0..seen.superpoints.len()).map(move |row| seen.at(row))
    }

    /// One of the superpoints that a view sees.
    pub(super) fn seen_superpoint(
        &self,
        view: usize,
        superpoint: u32,
    ) -> Option<SeenSuperpoint<'_>> {
        let seen = &self.views[view];
        let row = seen.superpoints.binary_search(&superpoint).ok()?;
        Some(seen.at(row))
    }
}

impl Seen {
    /// `starts`, `(superpoints + 1)`, are the first of `places`, `(points)`, of each superpoint. Keeps
    /// about `most` places.
    fn new(starts: &[u32], places: &[u32], most: usize) -> Self {
        let all = places.iter().filter(|place| **place != UNSEEN).count();
        let every = all.div_ceil(most).max(1);
        let mut seen = Self {
            starts: vec![0],
            ..Self::default()
        };
        for (superpoint, bounds) in (0..).zip(starts.windows(2)) {
            let points = &places[bounds[0] as usize..bounds[1] as usize];
            let points = points.iter().filter(|place| **place != UNSEEN);
            let mut count = 0;
            for (place, number) in points.zip(0usize..) {
                count += 1;
                if number % every == 0 {
                    seen.places.push(Place(*place));
                }
            }
            if count > 0 {
                seen.superpoints.push(superpoint);
                seen.counts.push(count);
                seen.starts.push(seen.places.len() as u32);
            }
        }
        seen.places.shrink_to_fit();
        seen
    }

    fn at(&self, row: usize) -> SeenSuperpoint<'_> {
        SeenSuperpoint {
            superpoint: self.superpoints[row],
            points: self.counts[row],
            places: &self.places[self.starts[row] as usize..self.starts[row + 1] as usize],
        }
    }
}

/// The positions in the order of their superpoints, and the first of each.
fn grouped(
    positions: &[[f32; 3]],
    superpoints: &Superpoints,
    sizes: &[u32],
) -> (Vec<u32>, Vec<[f32; 3]>) {
    let mut starts = vec![0];
    for size in sizes {
        starts.push(starts[starts.len() - 1] + size);
    }
    let mut next = starts.clone();
    let mut grouped = vec![[0.0; 3]; positions.len()];
    for (position, &superpoint) in positions.iter().zip(superpoints.superpoint_of_point()) {
        let next = &mut next[superpoint as usize];
        grouped[*next as usize] = *position;
        *next += 1;
    }
    (starts, grouped)
}

fn centroids(starts: &[u32], grouped: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let mean = |bounds: &[u32]| {
        let points = &grouped[bounds[0] as usize..bounds[1] as usize];
        std::array::from_fn(|axis| {
            let sum: f64 = points.iter().map(|point| f64::from(point[axis])).sum();
            (sum / points.len().max(1) as f64) as f32
        })
    };
    starts.windows(2).map(mean).collect()
}

fn check(
    positions: &[[f32; 3]],
    superpoints: &Superpoints,
    views: &dyn PosedViews,
    options: &VisibilityOptions,
) -> Result<(), LiftError> {
    let grouped = superpoints.superpoint_of_point().len();
    if positions.len() != grouped {
        return Err(LiftError::Lengths {
            points: positions.len(),
            grouped,
        });
    }
    let is_finite = |position: &[f32; 3]| position.iter().all(|x| x.is_finite());
    if let Some(point) = positions.iter().position(|position| !is_finite(position)) {
        return Err(LiftError::NotFinite { point });
    }
    if views.count() == 0 {
        return Err(LiftError::NoViews);
    }
    positive("tolerance", options.tolerance)?;
    if !(0.0..0.5).contains(&options.border) {
        return Err(LiftError::Option {
            name: "border",
            value: options.border,
            expected: "a share from 0 to below 0.5",
        });
    }
    for view in 0..views.count() {
        let camera = views.camera(view);
        let is_usable = camera.world_from_camera.is_finite()
            && camera.world_from_camera.matrix3.determinant() != 0.0
            && camera.focal.iter().all(|f| f.is_finite() && *f > 0.0)
            && camera.center.iter().all(|c| c.is_finite())
            && camera.width >= 1.0
            && camera.height >= 1.0;
        if !is_usable {
            return Err(LiftError::View {
                view: view.to_string(),
                reason: format!("its camera cannot be used: {camera:?}"),
            });
        }
    }
    Ok(())
}

/// `(superpoints, at most kappa)`: the superpoints with the nearest centroids, without the superpoint
/// itself.
#[derive(Clone, Debug)]
pub struct Neighborhoods {
    k: usize,
    rows: Vec<u32>,
}

impl Neighborhoods {
    /// Finds the `kappa` nearest superpoints of each.
    ///
    /// # Errors
    /// The caller cancelled.
    pub fn new(
        visibility: &Visibility,
        kappa: usize,
        monitor: &Monitor,
    ) -> Result<Self, Cancelled> {
        let tick = |_: f32| monitor.check();
        let found = spatial::nearest_neighbors(visibility.centroids(), kappa, &tick)?;
        let k = found.k();
        let points = found.point_of_row();
        let mut rows = vec![0; points.len() * k];
        for (row, &point) in points.iter().enumerate().filter(|_| k > 0) {
            let into = &mut rows[point as usize * k..][..k];
            for (into, from) in into.iter_mut().zip(found.of(row)) {
                *into = points[*from as usize];
            }
        }
        Ok(Self { k, rows })
    }

    /// The neighbours of a superpoint, nearest first: κ of them, or all others if there are fewer.
    pub fn of(&self, superpoint: u32) -> &[u32] {
        &self.rows[superpoint as usize * self.k..][..self.k]
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::borrow::Cow;

    use super::*;
    use crate::{
        progress::Cancel,
        views::{Camera, Map},
    };

    /// Cameras with depth maps in memory.
    #[derive(Clone)]
    pub struct InMemory(pub Vec<(Camera, Map)>);

    impl PosedViews for InMemory {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn camera(&self, view: usize) -> Camera {
            self.0[view].0
        }

        fn depth(&self, view: usize) -> Result<Cow<'_, Map>, LiftError> {
            Ok(Cow::Borrowed(&self.0[view].1))
        }
    }

    /// A camera at a place that looks along the world's x: 64 x 48 pixels, focal length 50 pixels.
    pub fn camera(position: [f32; 3]) -> Camera {
        let axes = glam::Mat3::from_cols(-glam::Vec3::Y, -glam::Vec3::Z, glam::Vec3::X);
        Camera {
            width: 64.0,
            height: 48.0,
            focal: [50.0, 50.0],
            center: [31.5, 23.5],
            world_from_camera: glam::Affine3A::from_mat3_translation(axes, position.into()),
        }
    }

    /// What views see, given as the places of each seen superpoint in each view, with superpoints on
    /// a line.
    pub fn given(sizes: &[u32], line: &[f32], views: &[Vec<(u32, Vec<[f32; 2]>)>]) -> Visibility {
        let seen = |of: &Vec<(u32, Vec<[f32; 2]>)>| {
            let mut seen = Seen {
                starts: vec![0],
                ..Seen::default()
            };
            for (superpoint, places) in of {
                seen.superpoints.push(*superpoint);
                seen.counts.push(places.len() as u32);
                seen.places
                    .extend(places.iter().map(|[x, y]| Place::new(*x, *y)));
                seen.starts.push(seen.places.len() as u32);
            }
            seen
        };
        Visibility {
            sizes: sizes.to_vec(),
            centroids: line.iter().map(|x| [*x, 0.0, 0.0]).collect(),
            views: views.iter().map(seen).collect(),
        }
    }

    /// Superpoint 0 is in the middle of a wall at 2 m, superpoint 1 behind the wall, and superpoint 2
    /// at its left end: 1.2 m to the left are 30 pixels, 2 of the 64 from the edge of the picture.
    fn scene() -> (Vec<[f32; 3]>, Superpoints, InMemory) {
        let positions = vec![
            [2.0, 0.0, 0.0],
            [2.05, 0.1, 0.0],
            [2.2, 0.0, 0.1],
            [2.0, 1.2, 0.0],
            [2.0, 1.26, 0.0],
            [1.5, 0.0, 0.0],
        ];
        let superpoints = Superpoints::from_ids(&[0, 0, 1, 2, 2, 0]);
        let wall = Map::new(vec![2.0; 12], [3, 4, 1]).unwrap();
        (
            positions,
            superpoints,
            InMemory(vec![(camera([0.0; 3]), wall)]),
        )
    }

    fn seen(options: &VisibilityOptions) -> Visibility {
        let (positions, superpoints, views) = scene();
        Visibility::new(
            &positions,
            &superpoints,
            &views,
            options,
            &Monitor::silent(),
        )
        .unwrap()
    }

    #[test]
    fn what_lies_on_the_measured_surface_and_not_at_the_border_is_seen() {
        let found = seen(&VisibilityOptions::default());
        // Of superpoint 0 two points are near the wall and one is half a metre before it. The second
        // point of superpoint 2 is 31.5 pixels from the middle: half a pixel from the border.
        let counts = [0, 1, 2].map(|superpoint| found.points(0, superpoint));
        assert_eq!(counts, [2, 0, 1]);
        assert_eq!(
            [0, 1, 2].map(|superpoint| found.size(superpoint)),
            [3, 1, 2]
        );
        assert_eq!(found.is_seen(), [true, false, true]);
        let [x, y] = found.seen_superpoint(0, 2).unwrap().places[0].at();
        assert!((x - 2.0 / 64.0).abs() < 1e-4 && (y - 0.5).abs() < 1e-4);
        let all = VisibilityOptions {
            tolerance: 0.6,
            border: 0.0,
            ..VisibilityOptions::default()
        };
        let found = seen(&all);
        assert_eq!(
            [0, 1, 2].map(|superpoint| found.points(0, superpoint)),
            [3, 1, 2]
        );
    }

    #[test]
    fn counts_are_exact_when_not_all_places_are_kept() {
        let positions: Vec<[f32; 3]> = (0..100).map(|i| [2.0, i as f32 * 0.01, 0.0]).collect();
        let superpoints = Superpoints::from_ids(&(0..100).map(|i| i / 90).collect::<Vec<_>>());
        let (.., views) = scene();
        let options = VisibilityOptions {
            places: 25,
            ..VisibilityOptions::default()
        };
        let found = Visibility::new(
            &positions,
            &superpoints,
            &views,
            &options,
            &Monitor::silent(),
        )
        .unwrap();
        let kept = |superpoint| found.seen_superpoint(0, superpoint).unwrap().places.len();
        // Every fourth of 90 and of 10.
        assert_eq!((found.points(0, 0), found.points(0, 1)), (90, 10));
        assert_eq!((kept(0), kept(1)), (23, 3));
    }

    #[test]
    fn bad_input_is_named() {
        let (positions, superpoints, views) = scene();
        let options = VisibilityOptions::default();
        let cancel = Cancel::default();
        let refused = |positions: &[[f32; 3]], views: &InMemory, options: &VisibilityOptions| {
            let monitor = Monitor::new(&|_| (), &cancel);
            let found = Visibility::new(positions, &superpoints, views, options, &monitor);
            found.unwrap_err().to_string()
        };
        let message = refused(&positions[1..], &views, &options);
        assert_eq!(message, "there are 5 points, the superpoints are of 6");
        let mut infinite = positions.clone();
        infinite[4][1] = f32::INFINITY;
        assert!(refused(&infinite, &views, &options).starts_with("point 4"));
        let none = refused(&positions, &InMemory(vec![]), &options);
        assert!(none.contains("no view has a depth image"));
        let mut flat = views.clone();
        flat.0[0].0.world_from_camera.matrix3.x_axis = glam::Vec3A::ZERO;
        assert!(refused(&positions, &flat, &options).starts_with("view 0: its camera"));
        for options in [
            VisibilityOptions {
                tolerance: f32::NAN,
                ..options
            },
            VisibilityOptions {
                border: 0.5,
                ..options
            },
        ] {
            assert!(refused(&positions, &views, &options).contains("it must be"));
        }
        cancel.cancel();
        assert_eq!(refused(&positions, &views, &options), "cancelled");
    }

    #[test]
    fn neighbors_are_the_nearest_others() {
        let seen = given(&[1; 4], &[0.0, 1.0, 3.0, 10.0], &[]);
        let of = |kappa, superpoint| {
            let found = Neighborhoods::new(&seen, kappa, &Monitor::silent()).unwrap();
            found.of(superpoint).to_vec()
        };
        assert_eq!(
            (of(1, 0), of(1, 2), of(2, 3)),
            (vec![1], vec![1], vec![2, 1])
        );
        assert_eq!(of(32, 1), [0, 2, 3]);
    }
}
