//! The superpoints of an object: mask optimization (Algorithm 1).
//!
//! The objective counts points, and superpoints share none: it is the sum of the superpoints' own
//! gains. [`Optimization::Best`] follows from that; the paper calls the problem NP-hard, and with pixels
//! in place of points, of which several superpoints may share one, it would be.

use std::collections::HashMap;

/// How superpoints are chosen from the candidates of the views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimization {
    /// The paper's recurrence: one pass over the views in their order; all candidates of a view are
    /// added unless the objective was better without them.
    OnePass {
        /// `true` if the candidates of a view replace everything before them when they are better
        /// alone.
        restart: bool,
    },
    /// The same recurrence over the views in the order of the objective of their candidates alone,
    /// best first. No later view is better alone than what is reached, so there is no restart.
    BestFirst,
    /// The candidates with a gain: no subset of them has a better objective.
    Best,
    /// The candidates with a gain of so many views, those whose candidates alone have the best
    /// objective.
    Top(usize),
    /// All candidates: no optimization.
    All,
}

impl Default for Optimization {
    fn default() -> Self {
        Self::OnePass { restart: false }
    }
}

/// Chooses superpoints from `candidates`, `(views)` ascending lists. `gain` is what a superpoint adds
/// to the objective. Returns the chosen ones, ascending.
pub fn optimize(
    candidates: &[Vec<u32>],
    gain: impl Fn(u32) -> i64,
    strategy: Optimization,
) -> Vec<u32> {
    let mut gains: HashMap<u32, i64> = HashMap::new();
    for &superpoint in candidates.iter().flatten() {
        gains.entry(superpoint).or_insert_with(|| gain(superpoint));
    }
    let objective = |of: &[u32]| of.iter().map(|superpoint| gains[superpoint]).sum::<i64>();
    let has_gain = |superpoint: &&u32| gains[*superpoint] > 0;
    let with_gain = |of: &mut dyn Iterator<Item = &u32>| of.filter(has_gain).copied().collect();
    let mut chosen: Vec<u32> = match strategy {
        Optimization::OnePass { restart } => passed(candidates.iter(), &objective, restart),
        Optimization::BestFirst => passed(best_first(candidates, &objective), &objective, false),
        Optimization::Best => with_gain(&mut gains.keys()),
        Optimization::Top(views) => {
            with_gain(&mut best_first(candidates, &objective).take(views).flatten())
        }
        Optimization::All => gains.keys().copied().collect(),
    };
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// The candidates of views, those with the best objective alone first. Equally good ones are ordered
/// by what is in them, so that the order of the views has no influence.
fn best_first<'a>(
    candidates: &'a [Vec<u32>],
    objective: &dyn Fn(&[u32]) -> i64,
) -> impl Iterator<Item = &'a Vec<u32>> {
    let mut ordered: Vec<(i64, &Vec<u32>)> =
        candidates.iter().map(|of| (objective(of), of)).collect();
    ordered.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    ordered.into_iter().map(|(_, of)| of)
}

/// Algorithm 1 over the candidates of views in the given order.
fn passed<'a>(
    views: impl Iterator<Item = &'a Vec<u32>>,
    objective: &dyn Fn(&[u32]) -> i64,
    restart: bool,
) -> Vec<u32> {
    let mut chosen = std::collections::BTreeSet::new();
    let mut reached = 0;
    for candidates in views {
        let is_new = |superpoint: &&u32| !chosen.contains(*superpoint);
        let new: Vec<u32> = candidates.iter().filter(is_new).copied().collect();
        let with = reached + objective(&new);
        let alone = objective(candidates);
        if restart && alone > with && alone > reached {
            chosen = candidates.iter().copied().collect();
            reached = alone;
        } else if with >= reached {
            chosen.extend(new);
            reached = with;
        }
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRATEGIES: [Optimization; 4] = [
        Optimization::OnePass { restart: false },
        Optimization::OnePass { restart: true },
        Optimization::BestFirst,
        Optimization::Best,
    ];

    fn chosen(candidates: &[&[u32]], gains: &[i64], strategy: Optimization) -> Vec<u32> {
        let candidates: Vec<Vec<u32>> = candidates.iter().map(|of| of.to_vec()).collect();
        optimize(
            &candidates,
            |superpoint| gains[superpoint as usize],
            strategy,
        )
    }

    #[test]
    fn the_recurrence_takes_all_candidates_of_a_view_or_none() {
        // View 0 takes 0: 5. View 1 would take 1: 5 - 3 = 2, and 5 is better. View 2 takes 2: 5 + 0
        // is as good as 5, and only a strictly better option keeps what was. View 3 would take 3 and
        // 4 together: 5 + 4 - 6 = 3; that 3 alone would be 9 is not asked.
        let candidates: [&[u32]; 4] = [&[0], &[0, 1], &[2], &[3, 4]];
        let gains = [5, -3, 0, 4, -6];
        let [one_pass, restarted, best_first, best] =
            STRATEGIES.map(|strategy| chosen(&candidates, &gains, strategy));
        assert_eq!(one_pass, [0, 2]);
        assert_eq!(restarted, [0, 2]);
        // In the order 0 (5), 1 (2), 2 (0), 3 (-2) the same is chosen.
        assert_eq!(best_first, [0, 2]);
        assert_eq!(best, [0, 3]);
    }

    #[test]
    fn order_and_restart_mend_a_bad_beginning() {
        // View 0: 3 - 2 = 1. View 1 adds 2: 1 + 4 = 5, while its candidates alone are 3 + 4 = 7.
        // Best first, view 1 comes before and view 0 would then cost 2.
        let candidates: [&[u32]; 2] = [&[0, 1], &[0, 2]];
        let gains = [3, -2, 4];
        let [one_pass, restarted, best_first, best] =
            STRATEGIES.map(|strategy| chosen(&candidates, &gains, strategy));
        assert_eq!(one_pass, [0, 1, 2]);
        assert_eq!(restarted, [0, 2]);
        assert_eq!(best_first, [0, 2]);
        assert_eq!(best, [0, 2]);
    }

    #[test]
    fn a_first_view_that_speaks_against_itself_is_not_taken() {
        assert!(chosen(&[&[0]], &[-1], Optimization::default()).is_empty());
        assert!(chosen(&[], &[], Optimization::default()).is_empty());
    }

    #[test]
    fn a_few_views_or_no_choice_at_all() {
        // Alone, the views have 2, 6 and 5.
        let candidates: [&[u32]; 3] = [&[0], &[1, 2], &[0, 3, 4]];
        let gains = [2, 7, -1, 4, -1];
        let of = |strategy| chosen(&candidates, &gains, strategy);
        assert_eq!(of(Optimization::Top(1)), [1]);
        assert_eq!(of(Optimization::Top(2)), [0, 1, 3]);
        assert_eq!(of(Optimization::Top(9)), of(Optimization::Best));
        assert_eq!(of(Optimization::All), [0, 1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn no_strategy_is_better_than_the_best_or_worse_than_nothing(
            views in prop::collection::vec(prop::collection::btree_set(0u32..12, 0..6), 0..8),
            gains in prop::collection::vec(-9i64..9, 12),
            turn in 0usize..8,
        ) {
            let views: Vec<Vec<u32>> =
                views.into_iter().map(|of| of.into_iter().collect()).collect();
            let objective = |of: &[u32]| of.iter().map(|s| gains[*s as usize]).sum::<i64>();
            let of = |views: &[Vec<u32>], strategy| {
                optimize(views, |superpoint| gains[superpoint as usize], strategy)
            };
            let best = objective(&of(&views, Optimization::Best));
            for strategy in STRATEGIES {
                let chosen = of(&views, strategy);
                prop_assert!(chosen.is_sorted_by(|a, b| a < b));
                prop_assert!(chosen.iter().all(|s| views.iter().any(|view| view.contains(s))));
                prop_assert!((0..=best).contains(&objective(&chosen)), "{strategy:?}");
            }
            let mut turned = views.clone();
            turned.rotate_left(turn.min(views.len()));
            for strategy in [Optimization::BestFirst, Optimization::Best] {
                prop_assert_eq!(of(&views, strategy), of(&turned, strategy));
            }
        }
    }
}
