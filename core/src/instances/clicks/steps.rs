//! Sets of superpoints that grow and shrink by one.

use super::Ground;

/// Added to the contrast of a border, so that where all borders are smooth, their lengths count.
const SMOOTH: f64 = 0.01;

/// How a superpoint touches a set of others.
#[derive(Clone, Copy, Debug, Default)]
struct Touch {
    /// Number of graph edges to superpoints of the set.
    edges: f64,
    /// Sum of the weights of these edges.
    contrast: f64,
    /// Number of graph edges to all other superpoints.
    outline: f64,
}

impl Ground<'_> {
    /// The superpoint beside a set that costs least to merge with it, as in the merge tree
    /// ([`Hierarchy`](crate::superpoint::Hierarchy)); never one of the `barred` ones. `None` if the
    /// set touches no other superpoint. O(contacts + superpoints).
    pub fn grown(&self, set: &[u32], barred: &[u32]) -> Option<u32> {
        let (is_in, touches) = self.touches(set);
        let mut is_free: Vec<bool> = is_in.iter().map(|is_in| !is_in).collect();
        for id in barred {
            if let Some(is_free) = is_free.get_mut(*id as usize) {
                *is_free = false;
            }
        }
        let beside = (0..).zip(touches.iter().zip(&self.areas).zip(&is_free));
        let beside = beside.filter(|(_, ((touch, _), is_free))| **is_free && touch.edges > 0.0);
        // The area and the outline of the set are the same for all.
        let cost = |touch: &Touch, area: f32| {
            let contrast = (touch.contrast / touch.edges).max(0.0) + SMOOTH;
            contrast * (f64::from(area) * touch.outline).sqrt() / touch.edges
        };
        let costs = beside.map(|(id, ((touch, area), _))| (id, cost(touch, *area)));
        let cheapest = costs.min_by(|(_, a), (_, b)| a.total_cmp(b));
        cheapest.map(|(id, _)| id)
    }

    /// The superpoint at the border of a set that fits the others worst: the one that is most unlike
    /// them, across the border that is the shortest part of its outline. Never one of the `kept`
    /// ones, and none if nothing would be left. O(contacts + superpoints).
    pub fn shrunk(&self, set: &[u32], kept: &[u32]) -> Option<u32> {
        let (is_in, touches) = self.touches(set);
        if is_in.iter().filter(|is_in| **is_in).count() < 2 {
            return None;
        }
        let at_border = |touch: &Touch| touch.edges == 0.0 || touch.edges < touch.outline;
        // Where nothing at the border may go, what lies inside does.
        let all: Vec<(u32, Touch)> = (0..)
            .zip(touches)
            .filter(|(id, _)| is_in[*id as usize] && !kept.contains(id))
            .collect();
        let is_closed = !all.iter().any(|(_, touch)| at_border(touch));
        let unfit = |touch: &Touch| match touch.edges {
            0.0 => f64::INFINITY,
            edges => ((touch.contrast / edges).max(0.0) + SMOOTH) * touch.outline / edges,
        };
        let free = all.iter().filter(|(_, t)| is_closed || at_border(t));
        let worst = free.max_by(|(_, a), (_, b)| unfit(a).total_cmp(&unfit(b)));
        worst.map(|(id, _)| *id)
    }

    /// `(superpoints)`: what is in the set, and how each superpoint touches it.
    fn touches(&self, set: &[u32]) -> (Vec<bool>, Vec<Touch>) {
        let mut is_in = vec![false; self.areas.len()];
        for id in set {
            if let Some(is_in) = is_in.get_mut(*id as usize) {
                *is_in = true;
            }
        }
        let mut touches = vec![Touch::default(); self.areas.len()];
        for contact in self.tree.contacts() {
            let edges = f64::from(contact.edges);
            let [a, b] = contact.superpoints.map(|id| id as usize);
            for (one, other) in [(a, b), (b, a)] {
                let touch = &mut touches[one];
                touch.outline += edges;
                if is_in[other] {
                    touch.edges += edges;
                    touch.contrast += edges * f64::from(contact.contrast);
                }
            }
        }
        (is_in, touches)
    }
}
