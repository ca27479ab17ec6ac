//! A class for every point, from networks with fixed classes (docs/spec/model.md section 10,
//! "Semantic output" and "Panoptic").

use super::{Grouping, NamedClasses, Network, SegmentError, decode::released, geometry, infer};
use crate::{
    instances::{NO_INSTANCE, PanopticOptions, PostprocessOptions, STUFF, panoptic, semantics},
    model::{Answers, ClassAnswers, Observation},
    progress::{Monitor, Stage},
    text::Vocabulary,
    write::{LabeledInstance, PointLabels},
};

/// Names of the superpoint classes that are not objects; they come before the objects.
const SURFACES: [&str; STUFF] = ["wall", "floor"];

/// What every point is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassMap {
    /// The class of its superpoint.
    Semantic,
    /// The instance that it belongs to; wall or floor for the points of no instance.
    Panoptic,
}

/// Runs the network once and gives every point a class. The result lists a class of
/// [`ClassMap::Semantic`] like an instance, with the number of the class as id, and so it does with walls
/// and floors of [`ClassMap::Panoptic`]. The score of a class is its mean probability over its points.
///
/// # Errors
/// The network is asked with words, its classes have no names, or see [`SegmentError`].
pub async fn map_points(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    map: ClassMap,
    monitor: &Monitor<'_>,
) -> Result<PointLabels, SegmentError> {
    let answers = infer(observation, grouping, network, monitor).await?;
    monitor.at(Stage::Instances, 0.0)?;
    let labels = mapped(
        &answers,
        network.fixed_classes(),
        network.vocabulary(),
        observation,
        grouping,
        map,
    )?;
    monitor.at(Stage::Instances, 1.0)?;
    Ok(labels)
}

fn mapped(
    answers: &Answers,
    classes: Option<&NamedClasses>,
    vocabulary: &Vocabulary,
    observation: &Observation,
    grouping: &Grouping,
    map: ClassMap,
) -> Result<PointLabels, SegmentError> {
    let ClassAnswers::Fixed {
        semantics: logits, ..
    } = &answers.class
    else {
        return Err(SegmentError::WordClasses);
    };
    let things = classes.map_or(&[][..], |c| &c.names);
    let names = SURFACES
        .into_iter()
        .chain(things.iter().map(String::as_str));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let columns = logits.len() / answers.queries.len().max(1);
    if things.is_empty() || columns != names.len() + 1 {
        return Err(SegmentError::Surfaces {
            superpoint_classes: columns.saturating_sub(1),
            things: things.len(),
        });
    }
    let superpoint_of_point = grouping.superpoints.superpoint_of_point();
    let surfaces = Surfaces {
        logits,
        columns,
        superpoint_of_query: &answers.queries,
        superpoint_of_point,
        superpoints: grouping.superpoints.count(),
    };
    let class = |(class, score)| Segment {
        id: class,
        class,
        score,
    };
    Ok(match map {
        ClassMap::Semantic => {
            let class_of_superpoint = surfaces.classes(names.len());
            let class_of = |superpoint: &u32| class_of_superpoint[*superpoint as usize];
            let class_of_point: Vec<u32> = superpoint_of_point.iter().map(class_of).collect();
            let scores = surfaces.mean_probabilities(&class_of_point, names.len());
            let segments: Vec<_> = (0..).zip(scores).map(class).collect();
            present(&class_of_point, &segments, names)
        }
        ClassMap::Panoptic => {
            let geometry = geometry(observation, grouping);
            let options = PostprocessOptions::default();
            let found = released(answers, classes, &geometry, &options, vocabulary)?;
            let painted = panoptic(
                &found,
                &surfaces.classes(STUFF),
                &geometry,
                observation.positions,
                &PanopticOptions::default(),
            );
            let scores = surfaces.mean_probabilities(&painted.class_of_point, STUFF);
            let things = (STUFF as u32..).zip(&painted.things);
            let things = things.map(|(id, pick)| Segment {
                id,
                class: pick.label + STUFF as u32,
                score: pick.score,
            });
            let segments: Vec<_> = (0..).zip(scores).map(class).chain(things).collect();
            present(&painted.instance_of_point, &segments, names)
        }
    })
}

/// The semantic logits of the superpoints' own queries, `(queries, columns)`; the last column is
/// "background".
struct Surfaces<'a> {
    logits: &'a [f32],
    columns: usize,
    superpoint_of_query: &'a [u32],
    superpoint_of_point: &'a [u32],
    superpoints: usize,
}

impl Surfaces<'_> {
    /// The most likely of the first `classes` of every superpoint.
    fn classes(&self, classes: usize) -> Vec<u32> {
        semantics(
            self.logits,
            self.columns,
            classes,
            self.superpoint_of_query,
            self.superpoints,
        )
    }

    /// The mean probability of each of the first `classes` over the points that have it, without
    /// "background"; 0 for the points whose superpoint has no query.
    fn mean_probabilities(&self, class_of_point: &[u32], classes: usize) -> Vec<f32> {
        let mut probabilities = vec![0.0; self.superpoints * classes];
        let rows = self.logits.chunks_exact(self.columns);
        for (row, &superpoint) in rows.zip(self.superpoint_of_query) {
            let row = &row[..self.columns - 1];
            let peak = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = row.iter().map(|logit| (logit - peak).exp()).sum();
            let of_superpoint = &mut probabilities[superpoint as usize * classes..][..classes];
            for (probability, logit) in of_superpoint.iter_mut().zip(row) {
                *probability = (logit - peak).exp() / sum;
            }
        }
        let mut sums = vec![(0.0_f64, 0_u32); classes];
        for (&superpoint, &class) in self.superpoint_of_point.iter().zip(class_of_point) {
            if let Some((sum, points)) = sums.get_mut(class as usize) {
                *sum += f64::from(probabilities[superpoint as usize * classes + class as usize]);
                *points += 1;
            }
        }
        let mean = |(sum, points): (f64, u32)| (sum / f64::from(points.max(1))) as f32;
        sums.into_iter().map(mean).collect()
    }
}

/// A class, or an instance, that points can have.
struct Segment {
    id: u32,
    class: u32,
    score: f32,
}

/// The labels of the points, with the segments that have points. `segment_of_point` has indices of
/// `segments`.
fn present(segment_of_point: &[u32], segments: &[Segment], names: Vec<String>) -> PointLabels {
    let mut has_points = vec![false; segments.len()];
    for &segment in segment_of_point {
        has_points[segment as usize] = true;
    }
    let mut index_of_segment = vec![NO_INSTANCE; segments.len()];
    let mut instances = Vec::new();
    for (segment, index) in segments.iter().zip(&mut index_of_segment) {
        if has_points[segment.id as usize] {
            *index = instances.len() as u32;
            instances.push(LabeledInstance {
                id: segment.id,
                label: Some(segment.class),
                score: segment.score,
            });
        }
    }
    let index = |segment: &u32| index_of_segment[*segment as usize];
    PointLabels {
        instance_of_point: segment_of_point.iter().map(index).collect(),
        instances,
        labels: names,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        job::group,
        superpoint::{SuperpointOptions, Superpoints},
    };

    /// Four superpoints of 150 points each: floor, wall, and the two halves of a chair. The network
    /// has one class of objects.
    fn answers() -> Answers {
        // columns: chair, no object
        let instances = [[-9.0, 9.0], [-9.0, 9.0], [9.0, -9.0], [-9.0, 9.0]];
        // columns: wall, floor, chair, background
        let semantics = [
            [0.0, 3.0, 1.0, 9.0],
            [3.0, 0.0, 1.0, 0.0],
            [0.0, 1.0, 3.0, 0.0],
            [1.0, 0.0, 3.0, 0.0],
        ];
        let [none, both] = [[-9.0; 4], [-9.0, -9.0, 9.0, 9.0]];
        Answers {
            superpoints: 4,
            queries: vec![0, 1, 2, 3],
            class: ClassAnswers::Fixed {
                instances: instances.as_flattened().to_vec(),
                semantics: semantics.as_flattened().to_vec(),
            },
            masks: [none, none, both, none].as_flattened().to_vec(),
            centers: vec![0.0; 12],
            sizes: vec![100.0; 12],
        }
    }

    fn labels(map: ClassMap, names: &[&str]) -> Result<PointLabels, SegmentError> {
        let position = |point: u32| {
            [(point / 150 * 2) as f32, (point % 15) as f32 * 0.01, {
                (point % 150 / 15) as f32 * 0.01
            }]
        };
        let positions: Vec<[f32; 3]> = (0..600).map(position).collect();
        let observation = Observation {
            positions: &positions,
            ..Observation::default()
        };
        let ids: Vec<u32> = (0..600).map(|point| point / 150).collect();
        let grouping = group(
            &observation,
            Some(Superpoints::from_ids(&ids)),
            &SuperpointOptions::default(),
            &Monitor::silent(),
        );
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let classes = NamedClasses::of_names(&names, Vocabulary::shipped()).unwrap();
        mapped(
            &answers(),
            Some(&classes),
            Vocabulary::shipped(),
            &observation,
            &grouping.unwrap(),
            map,
        )
    }

    /// (id, name, score) of the owner of a point of each superpoint.
    fn owners(labels: &PointLabels) -> Vec<(u32, &str, f32)> {
        let owner = |point| {
            let owner = labels.owner(point).unwrap();
            (owner.id, labels.name(owner).unwrap(), owner.score)
        };
        [0, 150, 300, 599].map(owner).to_vec()
    }

    #[test]
    fn semantic_output_is_the_class_of_every_superpoint() {
        let labels = labels(ClassMap::Semantic, &["chair"]).unwrap();
        let [floor, wall, seat, back] = owners(&labels)[..] else {
            panic!("four superpoints");
        };
        assert_eq!((floor.0, floor.1), (1, "floor"));
        assert_eq!((wall.0, wall.1), (0, "wall"));
        assert_eq!((seat.0, seat.1), (2, "chair"));
        assert_eq!(back, seat);
        // softmax without the background
        let expected = 3.0_f32.exp() / (1.0 + 1.0_f32.exp() + 3.0_f32.exp());
        for (_, name, score) in [floor, wall, seat] {
            assert!((score - expected).abs() < 1e-6, "{name}: {score}");
        }
    }

    #[test]
    fn panoptic_output_is_the_instances_and_the_surfaces_between_them() {
        let labels = labels(ClassMap::Panoptic, &["chair"]).unwrap();
        let [floor, wall, seat, back] = owners(&labels)[..] else {
            panic!("four superpoints");
        };
        assert_eq!((floor.0, floor.1), (1, "floor"));
        assert_eq!((wall.0, wall.1), (0, "wall"));
        assert_eq!((seat.0, seat.1), (2, "chair"));
        assert!(seat.2 > 0.99, "{}", seat.2);
        assert_eq!(back, seat);
        assert_eq!(labels.instances.len(), 3);
    }

    #[test]
    fn classes_that_do_not_fit_are_refused() {
        for names in [&[][..], &["chair", "table"]] {
            let refusal = labels(ClassMap::Semantic, names).unwrap_err().to_string();
            assert!(refusal.contains("3 classes of superpoints"), "{refusal}");
        }
    }
}
