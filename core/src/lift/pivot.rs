//! The view in which the segmentation of a superpoint's object begins (equation 2).

use super::visibility::{Neighborhoods, Visibility};

/// The view that shows a superpoint and its surroundings best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pivot {
    /// The view.
    pub view: u32,
    /// ψ there.
    pub psi: f32,
    /// |ρ| there: number of points that it sees.
    points: u32,
}

/// The scale factors of a view: shares of their points that it sees, of all superpoints.
struct Scale<'a> {
    neighborhoods: &'a Neighborhoods,
    /// `(superpoints)`: |ρ| / N
    shares: Vec<f32>,
}

impl<'a> Scale<'a> {
    fn new(visibility: &Visibility, neighborhoods: &'a Neighborhoods, view: usize) -> Self {
        let mut shares = vec![0.0; visibility.superpoints()];
        for seen in visibility.seen(view) {
            let size = visibility.size(seen.superpoint);
            shares[seen.superpoint as usize] = seen.points as f32 / size as f32;
        }
        Self {
            neighborhoods,
            shares,
        }
    }

    /// s, 0..=1: the mean share of the neighbours; 1 for a superpoint without neighbours.
    fn of(&self, superpoint: u32) -> f32 {
        let neighbors = self.neighborhoods.of(superpoint);
        if neighbors.is_empty() {
            return 1.0;
        }
        let share = |neighbor: &u32| self.shares[*neighbor as usize];
        neighbors.iter().map(share).sum::<f32>() / neighbors.len() as f32
    }
}

/// The view in which an object is segmented first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PivotChoice {
    /// The view with the largest ψ = |ρ| s; among equal ones that which sees the most points, then
    /// the first.
    #[default]
    Best,
    /// The first view that sees it, for comparison.
    First,
}

/// `(superpoints)`: the pivot views. `None` for superpoints that no view sees.
pub fn pivots(
    visibility: &Visibility,
    neighborhoods: &Neighborhoods,
    choice: PivotChoice,
) -> Vec<Option<Pivot>> {
    let mut pivots: Vec<Option<Pivot>> = vec![None; visibility.superpoints()];
    for view in 0..visibility.views() {
        let scale = Scale::new(visibility, neighborhoods, view);
        for seen in visibility.seen(view) {
            let psi = seen.points as f32 * scale.of(seen.superpoint);
            let best = &mut pivots[seen.superpoint as usize];
            let is_better = |best: Pivot| match choice {
                PivotChoice::Best => (psi, seen.points) > (best.psi, best.points),
                PivotChoice::First => false,
            };
            if best.is_none_or(is_better) {
                *best = Some(Pivot {
                    view: view as u32,
                    psi,
                    points: seen.points,
                });
            }
        }
    }
    pivots
}

/// `(seeds, views)`: ψ of some superpoints in every view.
pub fn histograms(
    visibility: &Visibility,
    neighborhoods: &Neighborhoods,
    seeds: &[u32],
) -> Vec<Vec<f32>> {
    let mut histograms = vec![Vec::with_capacity(visibility.views()); seeds.len()];
    for view in 0..visibility.views() {
        let scale = Scale::new(visibility, neighborhoods, view);
        for (histogram, &seed) in histograms.iter_mut().zip(seeds) {
            let points = visibility.points(view, seed);
            histogram.push(points as f32 * scale.of(seed));
        }
    }
    histograms
}

/// The views in which an object is followed, ascending: on each side of the pivot the `most` with the
/// largest ψ above zero, and the pivot itself.
pub(super) fn views_around(histogram: &[f32], pivot: u32, most: usize) -> Vec<u32> {
    let best = |views: std::ops::Range<u32>| {
        let mut views: Vec<u32> = views
            .filter(|view| histogram[*view as usize] > 0.0)
            .collect();
        views.sort_by(|a, b| histogram[*b as usize].total_cmp(&histogram[*a as usize]));
        views.truncate(most);
        views
    };
    let mut views = best(0..pivot);
    views.push(pivot);
    views.extend(best(pivot + 1..histogram.len() as u32));
    views.sort_unstable();
    views
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::{lift::visibility::tests::given, progress::Monitor};

    fn of_counts(sizes: &[u32], line: &[f32], views: &[Vec<(u32, u32)>]) -> Visibility {
        let places = |of: &Vec<(u32, u32)>| {
            let seen = of.iter().filter(|(_, count)| *count > 0);
            seen.map(|(s, count)| (*s, vec![[0.5; 2]; *count as usize]))
                .collect()
        };
        given(sizes, line, &views.iter().map(places).collect::<Vec<_>>())
    }

    /// Superpoints of ten points at 0, 1 and 10 m; with κ = 1 the neighbours are 1, 0 and 1. View 0
    /// sees 10 and 2 points, view 1 sees 6 and 8:
    ///
    /// ψ(0) = 10 · 2/10 = 2 and 6 · 8/10 = 4.8, so the pivot is view 1 although view 0 sees more of
    /// it; ψ(1) = 2 · 10/10 = 2 and 8 · 6/10 = 4.8; no view sees superpoint 2.
    #[test]
    fn the_pivot_shows_the_surroundings_too() {
        let views = [vec![(0, 10), (1, 2)], vec![(0, 6), (1, 8)]];
        let seen = of_counts(&[10; 3], &[0.0, 1.0, 10.0], &views);
        let neighborhoods = Neighborhoods::new(&seen, 1, &Monitor::silent()).unwrap();
        let found = pivots(&seen, &neighborhoods, PivotChoice::Best);
        let told = |pivot: &Option<Pivot>| pivot.map(|pivot| (pivot.view, pivot.psi));
        assert_eq!(told(&found[0]), Some((1, 4.8)));
        assert_eq!(told(&found[1]), Some((1, 4.8)));
        assert_eq!(found[2], None);
        let first = pivots(&seen, &neighborhoods, PivotChoice::First);
        assert_eq!(told(&first[0]), Some((0, 2.0)));
        let histograms = histograms(&seen, &neighborhoods, &[0, 2]);
        assert_eq!(histograms, [[2.0, 4.8], [0.0, 0.0]]);
    }

    #[test]
    fn without_visible_neighbors_the_most_points_decide() {
        // Nothing else is seen, so ψ is 0 everywhere.
        let views = [vec![(0, 3)], vec![(0, 5)], vec![(0, 5)]];
        let seen = of_counts(&[10, 10], &[0.0, 1.0], &views);
        let neighborhoods = Neighborhoods::new(&seen, 32, &Monitor::silent()).unwrap();
        let pivot = pivots(&seen, &neighborhoods, PivotChoice::Best)[0].unwrap();
        assert_eq!((pivot.view, pivot.psi, pivot.points), (1, 0.0, 5));
        // A superpoint alone in the world has no neighbours to miss.
        let alone = of_counts(&[10], &[0.0], &[vec![(0, 4)]]);
        let neighborhoods = Neighborhoods::new(&alone, 32, &Monitor::silent()).unwrap();
        assert_eq!(
            pivots(&alone, &neighborhoods, PivotChoice::Best)[0]
                .unwrap()
                .psi,
            4.0
        );
    }

    #[test]
    fn the_best_views_on_each_side_are_followed() {
        let psi = [1.0, 3.0, 2.0, 9.0, 0.0, 4.0, 5.0];
        assert_eq!(views_around(&psi, 3, 2), [1, 2, 3, 5, 6]);
        assert_eq!(views_around(&psi, 3, 0), [3]);
        assert_eq!(views_around(&psi, 3, 99), [0, 1, 2, 3, 5, 6]);
    }

    proptest! {
        #[test]
        fn the_order_of_views_only_names_the_pivot(
            counts in prop::collection::vec(prop::collection::vec(0u32..=20, 6), 1..6),
            turn in 0usize..6,
        ) {
            let line = [0.0, 1.0, 2.5, 4.5, 7.0, 10.0];
            let views: Vec<Vec<(u32, u32)>> =
                counts.iter().map(|of| (0..).zip(of.iter().copied()).collect()).collect();
            let mut turned = views.clone();
            turned.rotate_left(turn % views.len());
            let of = |views: &[Vec<(u32, u32)>]| {
                let seen = of_counts(&[20; 6], &line, views);
                let neighborhoods = Neighborhoods::new(&seen, 2, &Monitor::silent()).unwrap();
                let told = |pivot: Option<Pivot>| pivot.map(|pivot| (pivot.psi, pivot.points));
                pivots(&seen, &neighborhoods, PivotChoice::Best).into_iter().map(told).collect::<Vec<_>>()
            };
            prop_assert_eq!(of(&views), of(&turned));
        }
    }
}
