//! The part of a scan that the network sees: every place once, and no stray points.

use crate::{
    model::{Answers, Observation},
    spatial::{self, Places},
    superpoint::Superpoints,
};

/// The mask logit of superpoints that the network did not see: they belong to no object.
const UNSEEN: f32 = -100.0;

/// What the network sees of a scan of which it does not see every point. Means over points and the
/// number of points enter its input, and all superpoints attend to each other, so that what is
/// repeated or far away would change the answers about everything else.
pub(super) struct Seen {
    positions: Vec<[f32; 3]>,
    colors: Option<Vec<[u8; 3]>>,
    image: Option<Vec<f32>>,
    distorted: Option<Vec<[f32; 3]>>,
    superpoints: Superpoints,
    /// The superpoint of the scan that each seen one is a part of, ascending.
    superpoint_of_seen: Vec<u32>,
    /// Number of superpoints of the scan.
    all: usize,
}

impl Seen {
    /// `None` if the network sees all points. All arrays of the observation must have one entry per
    /// point.
    pub fn new(observation: &Observation, superpoints: &Superpoints) -> Option<Self> {
        let positions = observation.positions;
        let places = Places::new(positions, superpoints.superpoint_of_point());
        let strays = spatial::strays(positions);
        if places.first_points().len() == positions.len() && strays.is_empty() {
            return None;
        }
        let is_stray = |point: &u32| strays.binary_search(point).is_ok();
        let points: Vec<u32> = places
            .first_points()
            .iter()
            .copied()
            .filter(|point| !is_stray(point))
            .collect();
        let of_points =
            |values: &[[f32; 3]]| points.iter().map(|&point| values[point as usize]).collect();
        let means = |values: &[f32]| {
            let channels = values.len() / positions.len();
            let means = means_at(&places, positions.len(), values, channels);
            let mut of_points = Vec::with_capacity(points.len() * channels);
            for &point in &points {
                let place = places.of_point(point as usize) as usize;
                of_points.extend_from_slice(&means[place * channels..][..channels]);
            }
            of_points
        };
        let colors = observation.colors.map(|colors| {
            let values: Vec<f32> = colors.as_flattened().iter().map(|&c| c.into()).collect();
            let means = means(&values).into_iter().map(|mean| mean.round() as u8);
            means.collect::<Vec<u8>>().as_chunks().0.to_vec()
        });
        let (seen, superpoint_of_seen) = superpoints.of_points(&points);
        Some(Self {
            positions: of_points(positions),
            colors,
            image: observation.image.map(means),
            distorted: observation.distorted.map(of_points),
            superpoints: seen,
            superpoint_of_seen,
            all: superpoints.count(),
        })
    }

    /// The observation of the points that are seen; what is not about points is that of `all`.
    pub fn of<'a>(&'a self, all: &Observation<'a>) -> Observation<'a> {
        Observation {
            positions: &self.positions,
            triangles: &[],
            colors: self.colors.as_deref(),
            image: self.image.as_deref(),
            distorted: self.distorted.as_deref(),
            objects: all.objects,
        }
    }

    /// The superpoints of the points that are seen.
    pub fn superpoints(&self) -> &Superpoints {
        &self.superpoints
    }

    /// The answers about the seen superpoints as answers about all superpoints of the scan.
    pub fn about_all(&self, answers: Answers) -> Answers {
        let mut masks = vec![UNSEEN; answers.queries.len() * self.all];
        let rows = masks.chunks_exact_mut(self.all);
        for (row, seen) in rows.zip(answers.masks.chunks_exact(answers.superpoints)) {
            for (&superpoint, &logit) in self.superpoint_of_seen.iter().zip(seen) {
                row[superpoint as usize] = logit;
            }
        }
        let of_all = |&seen: &u32| self.superpoint_of_seen[seen as usize];
        Answers {
            queries: answers.queries.iter().map(of_all).collect(),
            superpoints: self.all,
            masks,
            ..answers
        }
    }
}

/// Means of `values` `(points, channels)` over the points at each place, `(places, channels)`. They
/// are running means, so that the mean of equal values is exactly that value.
fn means_at(places: &Places, points: usize, values: &[f32], channels: usize) -> Vec<f32> {
    let count = places.first_points().len();
    let (mut means, mut counts) = (vec![0.0; count * channels], vec![0u32; count]);
    for point in 0..points {
        let place = places.of_point(point) as usize;
        counts[place] += 1;
        let share = 1.0 / counts[place] as f32;
        let row = &mut means[place * channels..][..channels];
        for (mean, value) in row.iter_mut().zip(&values[point * channels..]) {
            *mean += (value - *mean) * share;
        }
    }
    means
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{ClassAnswers, TextAnswers};

    /// Two walls of 4 x 3 m with a point every 10 cm, each its own superpoint.
    fn walls() -> (Vec<[f32; 3]>, Vec<[u8; 3]>, Vec<u32>) {
        let at = |i: usize| ((i % 40) as f32 * 0.1, (i / 40) as f32 * 0.1);
        let positions = (0..1200).flat_map(|i| [[at(i).0, at(i).1, 0.0], [at(i).0, 0.05, at(i).1]]);
        let colors = (0..2400).map(|i| [(i % 200) as u8, 7, (i % 3) as u8]);
        (
            positions.collect(),
            colors.collect(),
            (0..2400).map(|i| i % 2).collect(),
        )
    }

    #[test]
    fn every_place_is_seen_once_and_no_stray_point() {
        let (positions, colors, ids) = walls();
        let image: Vec<f32> = (0..4800).map(|i| i as f32).collect();
        let plain = Observation {
            positions: &positions,
            colors: Some(&colors),
            image: Some(&image),
            ..Observation::default()
        };
        assert!(Seen::new(&plain, &Superpoints::from_ids(&ids)).is_none());

        // two strays in front, and every place one to three times
        let copies: Vec<usize> = (0..2400)
            .flat_map(|i| std::iter::repeat_n(i, 1 + i % 3))
            .collect();
        let far = [[300.0, 0.0, 0.0], [0.0, -90.0, 0.0]];
        let of_copies = |value: &dyn Fn(usize) -> [f32; 2]| -> Vec<f32> {
            let copies = copies.iter().flat_map(|&i| value(i));
            [0.5; 4].into_iter().chain(copies).collect()
        };
        let more = [far.to_vec(), copies.iter().map(|&i| positions[i]).collect()].concat();
        let painted = [
            vec![[255; 3]; 2],
            copies.iter().map(|&i| colors[i]).collect(),
        ]
        .concat();
        let imaged = of_copies(&|i| [image[2 * i], image[2 * i + 1]]);
        let grouped = [vec![8, 9], copies.iter().map(|&i| ids[i]).collect()].concat();
        let observation = Observation {
            positions: &more,
            colors: Some(&painted),
            image: Some(&imaged),
            distorted: Some(&more),
            ..Observation::default()
        };
        let superpoints = Superpoints::from_ids(&grouped);
        let seen = Seen::new(&observation, &superpoints).unwrap();
        let shown = seen.of(&observation);
        assert_eq!(shown.positions, positions);
        assert_eq!(shown.colors, Some(&colors[..]));
        assert_eq!(shown.image, Some(&image[..]));
        assert_eq!(shown.distorted, Some(&positions[..]));
        assert_eq!(seen.superpoints(), &Superpoints::from_ids(&ids));

        let answers = Answers {
            queries: vec![0, 1],
            superpoints: 2,
            class: ClassAnswers::Text(TextAnswers::default()),
            masks: vec![1.0, 2.0, 3.0, 4.0],
            centers: vec![0.0; 6],
            sizes: vec![1.0; 6],
        };
        let all = seen.about_all(answers);
        assert_eq!((all.superpoints, &all.queries[..]), (4, &[2, 3][..]));
        assert_eq!(
            all.masks,
            [UNSEEN, UNSEEN, 1.0, 2.0, UNSEEN, UNSEEN, 3.0, 4.0]
        );
    }

    #[test]
    fn a_place_has_the_mean_of_its_colors() {
        let positions = [[0.0; 3], [1.0; 3], [0.0; 3], [0.0; 3]];
        let colors = [[10, 0, 255], [1, 2, 3], [20, 0, 255], [31, 1, 255]];
        let observation = Observation {
            positions: &positions,
            colors: Some(&colors),
            ..Observation::default()
        };
        let together = Seen::new(&observation, &Superpoints::from_ids(&[0; 4])).unwrap();
        assert_eq!(together.colors, Some(vec![[20, 0, 255], [1, 2, 3]]));
        // every superpoint keeps a point
        let apart = Seen::new(&observation, &Superpoints::from_ids(&[0, 0, 1, 0])).unwrap();
        assert_eq!(apart.superpoints().sizes(), [2, 1]);
    }
}
