//! 2D instance boundaries as a constraint on the graph
//! ([OVSeg3R](https://arxiv.org/abs/2509.23541)'s IBSp, Algorithm 1; docs/spec/superpoint.md
//! section 7).

/// The label of a point in the 2D instance mask of one view; instance 0 is an unlabelled pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewLabel {
    /// Index of the view.
    pub view: u32,
    /// The instance in that view's mask.
    pub instance: u32,
}

/// The meaning of "the same 2D instance" for two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Reading {
    /// Ids are compared within a view only: an edge is cut if some view labels both ends with
    /// different instances. Unlabelled pixels agree with everything.
    #[default]
    SameView,
    /// Like `SameView`, but unlabelled pixels count as an instance of their own: the outline of an
    /// object on an unlabelled wall cuts edges.
    Outlines,
    /// Algorithm 1 to the letter: the ids of the two points in their own views, which are their
    /// first labels, must be equal as numbers, even if the views differ. A point that is unlabelled
    /// or not seen by any view has instance 0, which is compared like any other.
    Strict,
}

/// The 2D instance labels of every point, and the rule for comparing them.
#[derive(Clone, Debug, Default)]
pub struct Boundaries {
    /// `(points + 1)`: start of each point's labels in `labels`.
    start: Vec<u32>,
    labels: Vec<ViewLabel>,
    reading: Reading,
}

impl Boundaries {
    /// Creates the boundaries from the labels of each point in order. The first label of a point is
    /// that of the view that the point was made from.
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

    /// The number of points; a point may have no labels.
    pub fn points(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    /// `true` if an edge between the two points stays in the graph.
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

    /// Labels of two points, and whether the edge between them stays under `SameView`, `Outlines`
    /// and `Strict`.
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
