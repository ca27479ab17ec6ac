//! Lifted instances as labels of a bundle, to train on.

use recordings::foundation::{Foundation, SceneTruth};
use segscape::write::PointLabels;

/// Id of the first name: the ids below belong to the classes of data sets.
const FIRST_CLASS: i32 = 1000;
/// Class of points without an instance.
const NO_CLASS: i32 = -1;

/// The scene with the instances in place of its labels. Instances without a name have a class
/// without a name, which teaches masks and no words.
pub fn labeled(scene: &Foundation, labels: &PointLabels) -> Foundation {
    let names = (FIRST_CLASS..).zip(labels.labels.iter().cloned());
    let unnamed = labels.labels.len() as u32;
    let of_point = |point: usize| match labels.owner(point) {
        Some(owner) => {
            let name = owner.label.unwrap_or(unnamed);
            (FIRST_CLASS + name as i32, owner.id as i32 + 1)
        }
        None => (NO_CLASS, 0),
    };
    let (semantic, instance) = (0..scene.positions.len()).map(of_point).unzip();
    Foundation {
        truth: Some(SceneTruth {
            semantic,
            instance,
            names: names.collect(),
            stuff: None,
        }),
        ..scene.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{instances::NO_INSTANCE, write::LabeledInstance};

    use super::*;

    #[test]
    fn instances_are_labels_with_and_without_names() {
        let scene = Foundation {
            positions: vec![[0.0; 3]; 3],
            origins: vec![None; 3],
            ..Foundation::default()
        };
        let instance = |id, label| LabeledInstance {
            id,
            label,
            score: 0.5,
        };
        let labels = PointLabels {
            instance_of_point: vec![1, NO_INSTANCE, 0],
            instances: vec![instance(0, None), instance(1, Some(0))],
            labels: vec!["lamp".to_owned()],
        };
        let found = labeled(&scene, &labels);
        found.check().unwrap();
        let truth = found.truth.unwrap();
        assert_eq!(truth.instance, [2, 0, 1]);
        assert_eq!(truth.semantic, [1000, -1, 1001]);
        assert_eq!(truth.names, [(1000, "lamp".to_owned())]);
    }
}
