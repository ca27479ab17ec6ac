//! Matching of queries with the objects they learn.

use pathfinding::{kuhn_munkres::kuhn_munkres_min, matrix::Matrix};
use rand::{Rng, RngExt, seq::SliceRandom};

use crate::config::Matching;

/// A query and the object whose mask and box it learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Row of the queries.
    pub query: u32,
    /// Row of the objects.
    pub object: u32,
}

/// `SparseMatcher` with top-k 1 (docs/spec/model.md section 11.2): each object takes its cheapest
/// query among those whose own superpoint lies in it, or none if there is no such query. This is
/// not a Hungarian matching. `rules` state what happens if queries have equal costs or are the
/// cheapest of several objects.
///
/// `cost` is `(queries, objects)`, row-major; `object_of_query` is `(queries)`. The pairs are
/// ordered by query, then by object.
pub fn sparse(
    cost: &[f32],
    object_of_query: &[Option<u32>],
    objects: usize,
    rules: Matching,
) -> Vec<Pair> {
    sparse_where(cost, objects, rules, |query, object| {
        object_of_query[query] == Some(object as u32)
    })
}

fn sparse_where(
    cost: &[f32],
    objects: usize,
    rules: Matching,
    inside: impl Fn(usize, usize) -> bool,
) -> Vec<Pair> {
    /// Cost of an inadmissible pair, as in the released code: two of them are a tie, so they never
    /// match.
    const FORBIDDEN: f32 = 1e8;
    let mut best = vec![(0, f32::INFINITY, f32::INFINITY); objects];
    for (query, row) in cost.chunks_exact(objects.max(1)).enumerate() {
        for (object, (&cost, best)) in row.iter().zip(&mut best).enumerate() {
            let cost = if inside(query, object) {
                cost
            } else {
                FORBIDDEN
            };
            if cost < best.1 {
                *best = (query, cost, best.1);
            } else if cost < best.2 {
                best.2 = cost;
            }
        }
    }
    let matched = best
        .iter()
        .enumerate()
        .filter(|(_, (_, first, second))| *first < FORBIDDEN && (rules.ties || first < second));
    let mut pairs: Vec<Pair> = matched
        .map(|(object, &(query, ..))| Pair {
            query: query as u32,
            object: object as u32,
        })
        .collect();
    if rules.shared_queries {
        pairs.sort_unstable();
    } else {
        pairs.sort_by(|a, b| {
            a.query.cmp(&b.query).then(
                best[a.object as usize]
                    .1
                    .total_cmp(&best[b.object as usize].1),
            )
        });
        pairs.dedup_by_key(|pair| pair.query);
    }
    pairs
}

/// Hungarian matching: every object has a query of its own, or every query an object if there are
/// fewer queries, such that the sum of the costs is the lowest. `cost` is `(queries, objects)`,
/// row-major; its last column, which stands for no object, is not matched. The pairs are ordered by
/// query.
pub fn hungarian(cost: &[f32], objects: usize) -> Vec<Pair> {
    /// Costs as whole numbers, so that sums of them are exact.
    const UNITS: f32 = 1e6;
    /// Costs above this, and those that are no numbers, count as this.
    const MOST: f32 = 1e6;
    let queries = cost.len() / objects.max(1);
    let objects_left = objects.saturating_sub(1);
    if queries == 0 || objects_left == 0 {
        return vec![];
    }
    let whole = |query: usize, object: usize| {
        let cost = cost[query * objects + object];
        let cost = if cost.is_nan() { MOST } else { cost };
        (cost.clamp(-MOST, MOST) * UNITS) as i64
    };
    // Every row gets a column, so there are no more rows than columns.
    let (rows, columns) = (queries.min(objects_left), queries.max(objects_left));
    let are_rows_objects = objects_left <= queries;
    let place = |row: usize, column: usize| match are_rows_objects {
        true => (column, row),
        false => (row, column),
    };
    let costs = Matrix::from_fn(rows, columns, |(row, column)| {
        let (query, object) = place(row, column);
        whole(query, object)
    });
    let (_, column_of_row) = kuhn_munkres_min(&costs);
    let pair = |(row, column): (usize, usize)| {
        let (query, object) = place(row, column);
        Pair {
            query: query as u32,
            object: object as u32,
        }
    };
    let mut pairs: Vec<Pair> = column_of_row.into_iter().enumerate().map(pair).collect();
    pairs.sort_unstable();
    pairs
}

/// Dense supervision: draws at most `limit` of the queries that lie in an object. The objects take
/// turns and offer their queries in random order, so that each gets the same number, however large
/// it is, until its queries run out. The pairs are ordered by query.
pub fn dense(
    object_of_query: &[Option<u32>],
    objects: usize,
    limit: usize,
    rng: &mut impl Rng,
) -> Vec<Pair> {
    let mut queries_of_object = vec![Vec::new(); objects];
    for (query, object) in object_of_query.iter().enumerate() {
        if let Some(object) = object {
            queries_of_object[*object as usize].push(query as u32);
        }
    }
    for queries in &mut queries_of_object {
        queries.shuffle(rng);
    }
    // The object that begins each round is random, too, so that the last, partial round favours no
    // object.
    let first = rng.random_range(0..objects.max(1));
    queries_of_object.rotate_left(first.min(objects));
    let mut pairs = Vec::new();
    let rounds = queries_of_object.iter().map(Vec::len).max().unwrap_or(0);
    'all: for round in 0..rounds {
        for (turn, queries) in queries_of_object.iter().enumerate() {
            if let Some(&query) = queries.get(round) {
                pairs.push(Pair {
                    query,
                    object: ((turn + first) % objects) as u32,
                });
                if pairs.len() == limit {
                    break 'all;
                }
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proofs::golden;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// The matcher's reference case, made by the released functions.
    #[test]
    fn sparse_pairs_equal_the_reference() {
        let case = &golden::json("components.json")["sparse_matcher"];
        let matrix =
            |name: &str| -> Vec<Vec<f64>> { serde_json::from_value(case[name].clone()).unwrap() };
        let cost: Vec<f32> = matrix("cost").concat().iter().map(|&x| x as f32).collect();
        let inside = matrix("query_in_gt");
        let pairs = sparse_where(&cost, 4, Matching::default(), |query, object| {
            inside[query][object] != 0.0
        });
        let pairs: Vec<[u32; 2]> = pairs.iter().map(|p| [p.query, p.object]).collect();
        let expected: Vec<[u32; 2]> =
            serde_json::from_value(case["expected_pairs_query_gt"].clone()).unwrap();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn ties_and_objects_without_a_query_stay_unmatched() {
        let cost = [0.5, 0.1, 0.3, 0.5, 0.2, 0.3];
        let object_of_query = [Some(0), Some(0)];
        assert_eq!(sparse(&cost, &object_of_query, 3, Matching::default()), []);
        assert_eq!(sparse(&[], &[], 0, Matching::default()), []);
        let ties = Matching {
            ties: true,
            ..Matching::default()
        };
        assert_eq!(
            sparse(&cost, &object_of_query, 3, ties),
            [Pair {
                query: 0,
                object: 0
            }]
        );
    }

    #[test]
    fn a_query_serves_several_objects_or_the_cheapest() {
        let cost = [0.3, 0.1, 0.9, 0.5, 0.6, 0.2];
        let pairs = |rules| {
            sparse_where(&cost, 3, rules, |_, _| true)
                .iter()
                .map(|p| [p.query, p.object])
                .collect::<Vec<_>>()
        };
        assert_eq!(pairs(Matching::default()), [[0, 0], [0, 1], [1, 2]]);
        assert_eq!(
            pairs(Matching {
                shared_queries: false,
                ..Matching::default()
            }),
            [[0, 1], [1, 2]]
        );
    }

    #[test]
    fn hungarian_pairs_have_the_lowest_sum() {
        let pairs = |cost: &[f32], objects| -> Vec<[u32; 2]> {
            let pairs = hungarian(cost, objects);
            pairs.iter().map(|p| [p.query, p.object]).collect()
        };
        // Both objects would rather have the first query; the last column is no object.
        let cost = [0.1, 0.2, 0.0, 0.9, 0.3, 0.0, f32::NAN, 9.0, 0.0];
        assert_eq!(pairs(&cost, 3), [[0, 0], [1, 1]]);
        // With one query, the cheaper object has it.
        assert_eq!(pairs(&cost[..3], 3), [[0, 0]]);
        assert_eq!(pairs(&[0.2, 0.1, 0.0], 3), [[0, 1]]);
        assert_eq!(pairs(&[0.0; 4], 1), [[0; 2]; 0]);
        assert_eq!(pairs(&[], 5), [[0; 2]; 0]);
    }

    #[test]
    fn dense_pairs_share_the_limit_evenly() {
        let object_of_query: Vec<_> = (0..100)
            .map(|q| {
                if q < 90 {
                    Some(0)
                } else if q < 98 {
                    Some(1)
                } else {
                    None
                }
            })
            .collect();
        let pairs = dense(&object_of_query, 3, 12, &mut ChaCha8Rng::seed_from_u64(7));
        assert_eq!(pairs.len(), 12);
        for pair in &pairs {
            assert_eq!(object_of_query[pair.query as usize], Some(pair.object));
        }
        assert_eq!(pairs.iter().filter(|p| p.object == 1).count(), 6);
        assert!(
            pairs.windows(2).all(|w| w[0] < w[1]),
            "a query was drawn twice"
        );
        assert_eq!(
            dense(&[None; 4], 0, 12, &mut ChaCha8Rng::seed_from_u64(7)),
            []
        );
    }
}
