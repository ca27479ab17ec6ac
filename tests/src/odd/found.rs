//! What the network finds in an odd file, compared with what it finds in another one.

use segscape::{
    benchmarks,
    evaluate::{Evaluation, EvaluationTruth, ScoredMask},
    geometry::Aabb,
    job::Segmented,
    scan::Truth,
};
use serde::Deserialize;

/// The smallest IoU of two boxes around what is the same object.
const SAME: f32 = 0.9;
/// The largest difference of the scores of what is the same object. Where the order of the points is
/// another one, the rounding of sums differs.
const SCORE: f32 = 0.02;
/// Objects with a lower score than this may be found in one file and not in the other, because the
/// least score of all is close.
const SURE: f32 = 0.28;

/// An object that was found.
#[derive(Clone, Debug, Deserialize)]
pub struct Thing {
    /// Score in 0..=1.
    pub score: f32,
    /// Box in the world, metres.
    pub bounds: Aabb,
    /// Ids of its superpoints.
    pub superpoints: Vec<u32>,
}

/// The objects that were found in a scan.
#[derive(Clone, Debug)]
pub struct Found {
    /// The objects.
    pub things: Vec<Thing>,
    /// Name of each object.
    pub names: Vec<String>,
    /// Superpoint of each point.
    pub superpoint_of_point: Vec<u32>,
}

impl Found {
    /// What was found natively, with the names that an empty prompt gives.
    pub fn of(segmented: &Segmented, names: Vec<String>) -> Self {
        let thing = |instance: &segscape::instances::Instance| Thing {
            score: instance.score,
            bounds: instance.bounds,
            superpoints: instance.superpoints.clone(),
        };
        Self {
            things: segmented.segmentation.instances.iter().map(thing).collect(),
            names,
            superpoint_of_point: segmented.superpoints.superpoint_of_point().to_vec(),
        }
    }

    /// What is found here and not in the other scan, or there and not here, in words.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut words = Vec::new();
        for (side, these, those) in [("more", self, other), ("lost", other, self)] {
            for (thing, name) in these.things.iter().zip(&these.names) {
                let is_it = |(other, name_of_other): (&Thing, &String)| {
                    iou(&thing.bounds, &other.bounds) > SAME
                        && (thing.score - other.score).abs() < SCORE
                        && name == name_of_other
                };
                if thing.score > SURE && !those.things.iter().zip(&those.names).any(is_it) {
                    words.push(format!(
                        "{side}: {name} {:.3} at {:?}",
                        thing.score, thing.bounds
                    ));
                }
            }
        }
        words
    }

    /// `true` if an object lies in one place.
    pub fn has_a_point(&self) -> bool {
        let is_point = |thing: &Thing| thing.bounds.size().iter().all(|edge| *edge == 0.0);
        self.things.iter().any(is_point)
    }

    /// AP, AP50 and AP25 without classes.
    pub fn figures(&self, truth: &Truth) -> [f64; 3] {
        let classes = benchmarks::scannet20();
        let is_thing = |id: i32| {
            let class = classes.iter().find(|class| i32::from(class.id) == id);
            class.is_none_or(|class| class.is_object())
        };
        let truth = EvaluationTruth::things(&truth.semantic, &truth.instance, 0, is_thing);
        let points = |thing: &Thing| -> Vec<u32> {
            let of_point = (0..).zip(&self.superpoint_of_point);
            let own = of_point.filter(|(_, superpoint)| thing.superpoints.contains(superpoint));
            own.map(|(point, _)| point).collect()
        };
        let points: Vec<Vec<u32>> = self.things.iter().map(points).collect();
        let mask = |(thing, points)| {
            let thing: &Thing = thing;
            let points: &Vec<u32> = points;
            ScoredMask {
                class: 0,
                confidence: thing.score.into(),
                points,
            }
        };
        let masks: Vec<ScoredMask> = self.things.iter().zip(&points).map(mask).collect();
        let mut evaluation = Evaluation::new(1);
        evaluation
            .add(&truth, &masks)
            .expect("masks of the scan's own points");
        let scores = evaluation.scores();
        [scores.ap(), scores.ap50(), scores.ap25()]
    }
}

/// IoU of two boxes.
fn iou(a: &Aabb, b: &Aabb) -> f32 {
    let volume = |size: [f32; 3]| size.iter().product::<f32>();
    let shared = std::array::from_fn(|axis| {
        (a.max[axis].min(b.max[axis]) - a.min[axis].max(b.min[axis])).max(0.0)
    });
    let shared = volume(shared);
    shared / (volume(a.size()) + volume(b.size()) - shared)
}

/// What of the expectations that only the network can tell does not hold. `of` gives what was found
/// in a file, and its labels.
pub fn complaints<'a>(
    files: impl Iterator<Item = (&'a str, &'a super::Expected)>,
    mut of: impl FnMut(&str) -> (Found, Option<Truth>),
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, expected) in files {
        let mut complain = |words: String| complaints.push(format!("{name}: {words}"));
        if let Some(other) = &expected.same_instances_as {
            let (ours, theirs) = (of(name).0, of(other).0);
            if !theirs.things.iter().any(|thing| thing.score > SURE) {
                complain(format!("nothing is found in {other}"));
            }
            ours.differences(&theirs)
                .into_iter()
                .for_each(&mut complain);
        }
        if let Some(other) = &expected.same_figures_as {
            let figures = [name, other].map(|name| {
                let (found, truth) = of(name);
                truth.map(|truth| found.figures(&truth))
            });
            match figures {
                [Some(ours), Some(theirs)] if ours == theirs && theirs[2] > 0.0 => {}
                _ => complain(format!("AP, AP50, AP25 here and in {other}: {figures:?}")),
            }
        }
        if expected.instances_must_not_own_the_origin == Some(true) && of(name).0.has_a_point() {
            complain("an object of one place".to_owned());
        }
    }
    complaints
}
