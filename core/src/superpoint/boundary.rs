//! 2D instance boundaries as a constraint on the graph
//! ([OVSeg3R](https://arxiv.org/abs/2509.23541)'s IBSp, Algorithm 1; docs/spec/superpoint.md
//! section 7).

/// What a view's 2D instance mask says about a point; instance 0 is an unlabelled pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewLabel {
    /// The view.
    pub view: u32,
    /// The instance in that view's mask.
    pub instance: u32,
}

/// What "the same 2D instance" means for two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Reading {
    /// Ids are compared within a view only: an edge is cut where some view labels both ends, and
    /// differently. Unlabelled pixels agree with everything.
    #[default]
    SameView,
    /// The same, but unlabelled pixels are an instance of their own: the outline of something on an
    /// unlabelled wall cuts.
    Outlines,
    /// Algorithm 1 to the letter: the ids in the two points' own views, their first labels, must be
    /// equal as numbers, whichever views they are of. Unlabelled, or seen by no view, is an
    /// instance like any other.
    Strict,
}

/// The 2D instance labels of every point, and how to compare them.
#[derive(Clone, Debug, Default)]
pub struct Boundaries {
    /// (points + 1): where each point's labels start.
    start: Vec<u32>,
    labels: Vec<ViewLabel>,
    reading: Reading,
}

impl Boundaries {
    /// From the labels of each point in turn, the one of the view that made the point first.
    pub fn new<L: IntoIterator<Item = ViewLabel>>(
        labels_of_points: impl IntoIterator<Item = L>,
        reading: Reading,
    ) -> Self {
        let mut boundaries = Self {
            start: vec![0],
            labels: vec![],
            reading,
        };
        for labels in labels_of_points {
            boundaries.labels.extend(labels);
            boundaries.start.push(boundaries.labels.len() as u32);
        }
        boundaries
    }

    /// Number of points with (possibly empty) labels.
    pub fn points(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    /// Whether an edge between two points stays in the graph.
    pub fn allow(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.of(a), self.of(b));
        let any = |differ: fn(&ViewLabel, &ViewLabel) -> bool| {
            a.iter()
                .any(|x| b.iter().any(|y| x.view == y.view && differ(x, y)))
        };
        match self.reading {
            Reading::SameView => {
                !any(|x, y| x.instance != y.instance && x.instance != 0 && y.instance != 0)
            }
            Reading::Outlines => !any(|x, y| x.instance != y.instance),
            Reading::Strict => {
                let own = |labels: &[ViewLabel]| labels.first().map_or(0, |l| l.instance);
                own(a) == own(b)
            }
        }
    }

    fn of(&self, point: u32) -> &[ViewLabel] {
        &self.labels[self.start[point as usize] as usize..self.start[point as usize + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Labels = &'static [(u32, u32)];

    /// Labels of two points, and whether the edge between them stays: same view, outlines, strict.
    const CASES: [(Labels, Labels, [bool; 3]); 7] = [
        (&[(0, 1)], &[(0, 1)], [true, true, true]),
        (&[(0, 1)], &[(0, 2)], [false, false, false]),
        (&[(0, 1)], &[(1, 2)], [true, true, false]),
        (&[(0, 1)], &[(1, 1)], [true, true, true]),
        (&[(0, 1)], &[(0, 0)], [true, false, false]),
        (&[(0, 1), (1, 5)], &[(2, 1), (1, 6)], [false, false, true]),
        (&[], &[(0, 0)], [true, true, true]),
    ];

    #[test]
    fn all_readings() {
        for (a, b, expected) in CASES {
            let labels = [a, b].map(|l| {
                l.iter()
                    .map(|&(view, instance)| ViewLabel { view, instance })
                    .collect::<Vec<_>>()
            });
            for (reading, expected) in [Reading::SameView, Reading::Outlines, Reading::Strict]
                .into_iter()
                .zip(expected)
            {
                let boundaries = Boundaries::new(labels.clone(), reading);
                assert_eq!(boundaries.points(), 2);
                assert_eq!(boundaries.allow(0, 1), expected, "{a:?} {b:?} {reading:?}");
                assert_eq!(boundaries.allow(1, 0), expected, "{b:?} {a:?} {reading:?}");
            }
        }
    }
}
