//! The views that show a thing best, for whoever looks at pictures of it.
//!
//! | part of the score | value, 0..=1 | weight |
//! |---|---|---|
//! | share | share of the thing's points that the view sees | 0.5 |
//! | size | side of a square as large as the thing's box in the picture, as a fraction of the picture's side, in halves of it: what fills half of the picture is large enough | 0.3 |
//! | sharpness | sharpness of the thing in the picture, divided by that of the sharpest candidate | 0.2 |
//!
//! Candidates are the views with the best sums of the first two parts; a view that sees less than a
//! third of what the best of them sees is none. Equally good views are in their order.

use super::{Camera, Map, Occlusion, Sight};

/// Maximum number of points of a thing that are looked for.
const SAMPLES: usize = 512;
/// Number of candidates for each view that is wanted.
const CANDIDATES: usize = 4;
/// Side of a thing that is large enough, as a fraction of the picture's side.
const LARGE: f32 = 0.5;
/// Least share of what the best candidate sees.
const LEAST_SHARE: f32 = 1.0 / 3.0;
/// Share of the seen points that the box of a thing leaves out on each side: an instance may contain
/// a few points of something else.
const TRIM: f32 = 0.02;

/// How the best views are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestViewOptions {
    /// Number of views of each thing.
    pub views: usize,
    /// Maximum distance of a seen point from the surface that the view measured there, metres.
    pub tolerance: f32,
    /// Weight of the share that is seen.
    pub share: f32,
    /// Weight of the size.
    pub size: f32,
    /// Weight of the sharpness.
    pub sharpness: f32,
}

impl Default for BestViewOptions {
    fn default() -> Self {
        Self {
            views: 3,
            tolerance: 0.08,
            share: 0.5,
            size: 0.3,
            sharpness: 0.2,
        }
    }
}

/// A thing in a view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The number under which the view was added.
    pub view: u32,
    /// Share of the thing's points that the view sees, 0..=1.
    pub share: f32,
    /// The thing's box in the picture, `[x0, y0, x1, y1]`, fractions of width and height.
    pub bounds: [f32; 4],
    /// How good the view is, 0..=1 with the usual weights.
    pub score: f32,
}

/// The best views of things, of the views so far. What is kept does not grow with the views.
#[derive(Clone, Debug)]
pub struct BestViews {
    options: BestViewOptions,
    /// Some points of each thing.
    samples: Vec<Vec<[f32; 3]>>,
    /// The candidates of each thing, best first; their scores are without sharpness.
    candidates: Vec<Vec<Look>>,
}

impl BestViews {
    /// No views yet of `things`, each a list of points among `positions`, `(points, 3)`; indices of
    /// points that do not exist are left out.
    pub fn new(positions: &[[f32; 3]], things: &[Vec<u32>], options: BestViewOptions) -> Self {
        let samples: Vec<_> = things.iter().map(|of| sampled(positions, of)).collect();
        Self {
            options,
            candidates: vec![Vec::new(); samples.len()],
            samples,
        }
    }

    /// Adds a view under a number of its own. `depth`, shape `(height, width, 1)`, spans the image of
    /// the camera and says what hides what; without it, nothing hides anything.
    pub fn add(&mut self, view: u32, camera: &Camera, depth: Option<&Map>) {
        let sight = Sight::new(camera, depth, Occlusion::Around(self.options.tolerance));
        let most = (self.options.views * CANDIDATES).max(1);
        for (samples, candidates) in self.samples.iter().zip(&mut self.candidates) {
            let Some(look) = looked(&sight, view, samples, &self.options) else {
                continue;
            };
            let rank = candidates.partition_point(|other| !is_better(&look, other));
            if rank < most {
                candidates.insert(rank, look);
                candidates.truncate(most);
            }
        }
    }

    /// The candidates of each thing, without sharpness, best first.
    pub fn candidates(&self) -> &[Vec<Look>] {
        &self.candidates
    }

    /// The points of a thing that are looked for.
    pub fn samples(&self, thing: usize) -> &[[f32; 3]] {
        &self.samples[thing]
    }

    /// The best views of each thing, best first. `sharpness` of a thing in a view is any number of at
    /// least 0 that grows with it, or `None` if the view cannot be used.
    pub fn ranked(&self, sharpness: &dyn Fn(usize, &Look) -> Option<f32>) -> Vec<Vec<Look>> {
        let of_thing = |(thing, candidates): (usize, &Vec<Look>)| {
            let usable = candidates
                .iter()
                .filter_map(|look| Some((*look, sharpness(thing, look)?)));
            let mut usable: Vec<(Look, f32)> = usable.collect();
            let most = |of: fn(&(Look, f32)) -> f32| usable.iter().map(of).fold(0.0, f32::max);
            let [share, sharpest] = [most(|(look, _)| look.share), most(|(_, sharp)| *sharp)];
            usable.retain(|(look, _)| look.share >= LEAST_SHARE * share);
            let mut looks: Vec<Look> = usable
                .into_iter()
                .map(|(look, sharp)| {
                    let sharp = if sharpest > 0.0 {
                        sharp / sharpest
                    } else {
                        1.0
                    };
                    let score = look.score + self.options.sharpness * sharp;
                    Look { score, ..look }
                })
                .collect();
            looks.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.view.cmp(&b.view)));
            looks.truncate(self.options.views);
            looks
        };
        self.candidates.iter().enumerate().map(of_thing).collect()
    }
}

/// `true` if `look` comes before another one of the same thing.
fn is_better(look: &Look, other: &Look) -> bool {
    look.score > other.score || (look.score == other.score && look.view < other.view)
}

/// Every nth point of a thing.
fn sampled(positions: &[[f32; 3]], thing: &[u32]) -> Vec<[f32; 3]> {
    let step = thing.len().div_ceil(SAMPLES).max(1);
    let points = thing.iter().step_by(step);
    points
        .filter_map(|point| positions.get(*point as usize).copied())
        .collect()
}

/// What a view sees of a thing; `None` if it sees nothing.
fn looked(
    sight: &Sight,
    view: u32,
    samples: &[[f32; 3]],
    options: &BestViewOptions,
) -> Option<Look> {
    let seen = samples.iter().filter_map(|point| sight.sees(*point));
    let (mut x, mut y): (Vec<f32>, Vec<f32>) = seen.map(|pixel| (pixel.x, pixel.y)).unzip();
    if x.is_empty() {
        return None;
    }
    let share = x.len() as f32 / samples.len() as f32;
    let ([x0, x1], [y0, y1]) = (middle(&mut x), middle(&mut y));
    let side = ((x1 - x0) * (y1 - y0)).max(0.0).sqrt();
    let size = (side / LARGE).min(1.0);
    Some(Look {
        view,
        share,
        bounds: [x0, y0, x1, y1],
        score: options.share * share + options.size * size,
    })
}

/// The range of values without [`TRIM`] of them on each side; there is one at least.
fn middle(values: &mut [f32]) -> [f32; 2] {
    values.sort_unstable_by(f32::total_cmp);
    let last = values.len() - 1;
    let trimmed = (values.len() as f32 * TRIM) as usize;
    [values[trimmed], values[last - trimmed]]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::views::camera::tests::camera;

    /// A plate of 0.4 x 0.4 m that faces the cameras, 2 m away from the origin.
    fn plate() -> (Vec<[f32; 3]>, Vec<Vec<u32>>) {
        let at = |i: u32| (i as f32 / 20.0 - 0.5) * 0.4;
        let positions: Vec<[f32; 3]> = (0..21 * 21)
            .map(|i| [2.0, at(i % 21), at(i / 21)])
            .collect();
        let all = (0..positions.len() as u32).collect();
        (positions, vec![all])
    }

    fn flat(depth: f32) -> Map {
        Map::new(vec![depth; 64 * 48], [48, 64, 1]).unwrap()
    }

    /// The views in their order, with the shares that they see.
    fn ranked(views: &BestViews) -> Vec<(u32, f32)> {
        let best = views.ranked(&|_, _| Some(1.0)).remove(0);
        best.iter().map(|look| (look.view, look.share)).collect()
    }

    #[test]
    fn views_that_see_more_and_nearer_come_first() {
        let (positions, things) = plate();
        let mut views = BestViews::new(&positions, &things, BestViewOptions::default());
        // Behind a wall at 1 m, from 2 m, from 1 m, cut off by the edge of the picture, and turned
        // away; the camera at 1 m twice.
        views.add(0, &camera([0.0; 3]), Some(&flat(1.0)));
        views.add(1, &camera([0.0; 3]), Some(&flat(2.0)));
        views.add(2, &camera([1.0, 0.0, 0.0]), Some(&flat(1.0)));
        views.add(3, &camera([1.0, 0.7, 0.0]), Some(&flat(1.0)));
        views.add(4, &camera([3.0, 0.0, 0.0]), Some(&flat(2.0)));
        views.add(5, &camera([1.0, 0.0, 0.0]), Some(&flat(1.0)));
        assert_eq!(ranked(&views), [(2, 1.0), (5, 1.0), (1, 1.0)]);
        let [x0, y0, x1, y1] = views.candidates()[0][0].bounds;
        // 0.2 m at 1 m with a focal length of 50 pixels are 10 of 64 and of 48 pixels.
        for (found, expected) in [
            (x0, 0.5 - 10.0 / 64.0),
            (x1, 0.5 + 10.0 / 64.0),
            (y0, 0.5 - 10.0 / 48.0),
            (y1, 0.5 + 10.0 / 48.0),
        ] {
            assert!((found - expected).abs() < 0.02, "{found}, not {expected}");
        }
        assert!(views.candidates()[0].iter().any(|look| look.view == 3));
    }

    #[test]
    fn sharper_pictures_come_first_and_unusable_ones_not_at_all() {
        let (positions, things) = plate();
        let mut views = BestViews::new(&positions, &things, BestViewOptions::default());
        for view in 0..5 {
            views.add(view, &camera([0.0; 3]), Some(&flat(2.0)));
        }
        let sharpness = |_: usize, look: &Look| match look.view {
            0 => None,
            3 => Some(9.0),
            view => Some(view as f32),
        };
        let best = views.ranked(&sharpness).remove(0);
        let order: Vec<u32> = best.iter().map(|look| look.view).collect();
        assert_eq!(order, [3, 4, 2]);
        assert!((best[0].score - best[1].score - 0.2 * 5.0 / 9.0).abs() < 1e-5);
        // Without any sharpness all are alike.
        let order = views.ranked(&|_, _| Some(0.0)).remove(0);
        assert_eq!(order[0].view, 0);
    }

    #[test]
    fn a_view_of_a_small_part_is_none() {
        let (positions, things) = plate();
        let mut views = BestViews::new(&positions, &things, BestViewOptions::default());
        views.add(0, &camera([0.0; 3]), Some(&flat(2.0)));
        // The right edge of the plate, from the side: less than a third of it.
        views.add(1, &camera([1.0, 0.75, 0.0]), Some(&flat(1.0)));
        assert!(views.candidates()[0].iter().all(|look| look.share > 0.0));
        assert_eq!(views.candidates()[0].len(), 2);
        assert_eq!(ranked(&views), [(0, 1.0)]);
    }

    #[test]
    fn nonsense_sees_nothing() {
        let positions = [[f32::NAN; 3], [2.0, 0.0, 0.0]];
        let things = [vec![0], vec![7], vec![], vec![1]];
        let mut views = BestViews::new(&positions, &things, BestViewOptions::default());
        let mut broken = camera([0.0; 3]);
        broken.world_from_camera.matrix3.x_axis = glam::Vec3A::ZERO;
        views.add(0, &broken, None);
        views.add(1, &camera([0.0; 3]), None);
        let found: Vec<usize> = views.candidates().iter().map(Vec::len).collect();
        assert_eq!(found, [0, 0, 0, 1]);
    }
}
