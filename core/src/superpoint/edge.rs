//! Graph edges and their sorting.

/// An edge between two points, weighted by how much they differ. In sorted order, NaN comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightedEdge {
    /// The weight as bits whose integer order is the order of the weights.
    order: u32,
    ends: [u32; 2],
}

impl WeightedEdge {
    /// Creates an edge between the points `ends`.
    pub fn new(weight: f32, ends: [u32; 2]) -> Self {
        // With this bit transformation, the integer order is the order of the floats.
        let bits = (weight + 0.0).to_bits();
        let order = if weight.is_nan() {
            u32::MAX
        } else if bits >> 31 == 0 {
            bits | 1 << 31
        } else {
            !bits
        };
        Self { order, ends }
    }

    /// The two points.
    pub fn ends(self) -> [u32; 2] {
        self.ends
    }

    /// The weight.
    pub fn weight(self) -> f32 {
        f32::from_bits(if self.order == u32::MAX {
            f32::NAN.to_bits()
        } else if self.order >> 31 == 1 {
            self.order & !(1 << 31)
        } else {
            !self.order
        })
    }
}

/// Sorts the edges of all `parts` by their first ends, which are below `points`. The sort is
/// stable: edges of the same point keep their order.
pub(super) fn by_first_end(parts: &[Vec<WeightedEdge>], points: usize) -> Vec<WeightedEdge> {
    let mut counts = vec![0; points];
    parts
        .iter()
        .flatten()
        .for_each(|edge| counts[edge.ends[0] as usize] += 1);
    let mut sorted = vec![
        WeightedEdge {
            order: 0,
            ends: [0; 2]
        };
        parts.iter().map(Vec::len).sum()
    ];
    scatter(
        parts.iter().flatten(),
        |edge| edge.ends[0] as usize,
        &mut counts,
        &mut sorted,
    );
    sorted
}

/// Sorts the edges by weight with a stable radix sort: edges of equal weight keep their order.
pub(super) fn by_weight(mut edges: Vec<WeightedEdge>) -> Vec<WeightedEdge> {
    const BITS: u32 = 11;
    let digit =
        |edge: &WeightedEdge, place: u32| (edge.order >> (BITS * place)) as usize % (1 << BITS);
    let mut counts = [[0; 1 << BITS]; u32::BITS.div_ceil(BITS) as usize];
    for edge in &edges {
        (0..)
            .zip(&mut counts)
            .for_each(|(place, counts)| counts[digit(edge, place)] += 1);
    }
    let mut moved = edges.clone();
    for (place, counts) in (0..).zip(&mut counts) {
        scatter(edges.iter(), |edge| digit(edge, place), counts, &mut moved);
        std::mem::swap(&mut edges, &mut moved);
    }
    edges
}

/// Counting sort of `edges` into `sorted` by `key`. `counts` holds the number of edges for each key
/// and is overwritten.
fn scatter<'a>(
    edges: impl Iterator<Item = &'a WeightedEdge>,
    key: impl Fn(&WeightedEdge) -> usize,
    counts: &mut [u32],
    sorted: &mut [WeightedEdge],
) {
    let mut start = 0;
    for count in counts.iter_mut() {
        (*count, start) = (start, start + *count);
    }
    for edge in edges {
        let place = &mut counts[key(edge)];
        sorted[*place as usize] = *edge;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn edges_sort_as_their_weights(weights in prop::collection::vec(any::<f32>(), 0..300)) {
            let edges: Vec<_> = weights.iter().enumerate().map(|(i, &w)| WeightedEdge::new(w, [i as u32, 7])).collect();
            for (edge, weight) in edges.iter().zip(&weights) {
                prop_assert!(edge.weight() == *weight || weight.is_nan() && edge.weight().is_nan());
            }
            let mut want = edges.clone();
            want.sort_by(|a, b| a.weight().total_cmp(&b.weight()));
            prop_assert_eq!(by_weight(edges), want);
        }

        #[test]
        fn edges_of_a_point_stay_in_their_order(firsts in prop::collection::vec(0u32..20, 0..200), cut in 0usize..200) {
            let edges: Vec<_> = firsts.iter().zip(0..).map(|(&first, i)| WeightedEdge::new(0.5, [first, i])).collect();
            let (a, b) = edges.split_at(cut.min(edges.len()));
            let mut want = edges.clone();
            want.sort_by_key(|edge| edge.ends()[0]);
            prop_assert_eq!(by_first_end(&[a.to_vec(), b.to_vec()], 20), want);
        }
    }
}
