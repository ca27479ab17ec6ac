//! Labelled scans from disk: points, superpoints, and the object that each point belongs to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

use anyhow::Context;
use segscape::{
    progress::Monitor,
    scan,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
};

use crate::{config::ClassOfObject, data::structure::Structure, data::superpoint_cache};
use recordings::{
    foundation::{self, Foundation},
    nyu40,
};
use rooms::classes::CLASSES;

/// A scan with its ground truth.
#[derive(Clone, Debug)]
pub struct LabelledScan {
    /// Positions of the points, `(points, 3)`, world frame, metres.
    pub positions: Vec<[f32; 3]>,
    /// Colors of the points, `(points, 3)`, sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// Superpoints of the points.
    pub superpoints: Superpoints,
    /// Row in `objects` of the object that each point belongs to, `(points)`.
    pub object_of_point: Vec<Option<u32>>,
    /// The objects, by ascending instance id.
    pub objects: Vec<Object>,
    /// Ids of the classes that are stuff, not objects.
    pub stuff: Vec<i32>,
    /// The labels as they were read.
    pub truth: scan::Truth,
    /// Structural element of the room that each point belongs to, `(points)`.
    pub structure: Vec<Option<Structure>>,
}

/// One object in a [`LabelledScan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Id of its class in the dataset.
    pub class: i32,
    /// Name of its class, if the file or the dataset gives one.
    pub name: Option<String>,
}

impl LabelledScan {
    /// Reads a labelled scan. Points whose class is in `stuff` (by default NYU40's) or whose
    /// instance is 0 belong to no object.
    ///
    /// The superpoints are computed once and kept in the folder `.superpoints` beside the file,
    /// under a name that depends on the bytes of the file and on the options. If that folder cannot
    /// be written, they are computed every time.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or has no labels.
    pub fn read(
        path: &Path,
        stuff: Option<&[i32]>,
        class_of: ClassOfObject,
        options: &SuperpointOptions,
    ) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let scan = scan::read(&bytes, &Monitor::silent())
            .with_context(|| format!("cannot read {}", path.display()))?;
        let truth = scan.truth.with_context(|| {
            format!("{} has no `semantic` and `instance` labels", path.display())
        })?;
        let superpoints =
            superpoint_cache::cached(path, &bytes, scan.positions.len(), options, || {
                superpoints(
                    &scan.positions,
                    scan.colors.as_deref(),
                    &scan.triangles,
                    options,
                    &Monitor::silent(),
                )
            })
            .with_context(|| format!("cannot group the points of {}", path.display()))?;
        let names = scan.table.class_names();
        let stuff = stuff.unwrap_or(&nyu40::STUFF);
        let (object_of_point, objects) = objects(&truth, stuff, class_of, &names);
        let structure = Structure::of_points(&truth.semantic, &names);
        Ok(Self {
            positions: scan.positions,
            colors: scan.colors,
            superpoints,
            object_of_point,
            objects,
            stuff: stuff.to_vec(),
            truth,
            structure,
        })
    }

    /// Converts a generated room.
    ///
    /// # Errors
    /// Returns an error if no superpoints can be computed for its points.
    pub fn of_synthetic(
        room: rooms::SyntheticRoom,
        class_of: ClassOfObject,
    ) -> anyhow::Result<Self> {
        let rooms::SyntheticRoom {
            positions,
            colors,
            semantic,
            instance,
        } = room;
        let superpoints = superpoints(
            &positions,
            Some(&colors),
            &[],
            &SuperpointOptions::default(),
            &Monitor::silent(),
        )?;
        let names: HashMap<i32, String> = CLASSES
            .iter()
            .map(|class| (class.id, class.name.to_owned()))
            .collect();
        let stuff: Vec<i32> = CLASSES
            .iter()
            .filter(|class| class.stuff)
            .map(|class| class.id)
            .chain([0])
            .collect();
        let truth = scan::Truth { semantic, instance };
        let (object_of_point, objects) = objects(&truth, &stuff, class_of, &names);
        let structure = Structure::of_points(&truth.semantic, &names);
        Ok(Self {
            positions,
            colors: Some(colors),
            superpoints,
            object_of_point,
            objects,
            stuff,
            truth,
            structure,
        })
    }

    /// Converts a bundle, with the class names that it gives. Without `stuff`, the classes whose
    /// names are in [`nyu40::STUFF_NAMES`] are stuff, and of the classes without a name those with
    /// NYU40's ids. The superpoints are those that came with the bundle; otherwise they are
    /// computed from geometry and color alone, as for a scan without images.
    ///
    /// # Errors
    /// Returns an error if the bundle has no labels or too few points.
    pub fn of_bundle(
        scene: Foundation,
        stuff: Option<&[i32]>,
        class_of: ClassOfObject,
        options: &SuperpointOptions,
    ) -> anyhow::Result<Self> {
        let Foundation {
            positions,
            colors,
            truth,
            given,
            ..
        } = scene;
        let foundation::Truth {
            semantic,
            instance,
            names,
        } = truth.context("the bundle has no `semantic` and `instance` labels")?;
        let superpoints = match given.superpoints {
            Some(ids) => Superpoints::from_ids(&ids),
            None => superpoints(
                &positions,
                colors.as_deref(),
                &[],
                options,
                &Monitor::silent(),
            )?,
        };
        let names: HashMap<i32, String> = names.into_iter().collect();
        let is_stuff = |class: &i32| match (stuff, names.get(class)) {
            (Some(stuff), _) => stuff.contains(class),
            (None, Some(name)) => nyu40::STUFF_NAMES.contains(&name.as_str()),
            (None, None) => nyu40::STUFF.contains(class),
        };
        let stuff: BTreeSet<i32> = semantic.iter().copied().filter(is_stuff).collect();
        let stuff: Vec<i32> = stuff.into_iter().collect();
        let truth = scan::Truth { semantic, instance };
        let (object_of_point, mut objects) = objects(&truth, &stuff, class_of, &names);
        objects
            .iter_mut()
            .for_each(|object| object.name = names.get(&object.class).cloned());
        let structure = Structure::of_points(&truth.semantic, &names);
        Ok(Self {
            positions,
            colors,
            superpoints,
            object_of_point,
            objects,
            stuff,
            truth,
            structure,
        })
    }

    /// The points that are left without the objects of these names, ascending. Returns `None` if
    /// there is no such object.
    pub fn kept_without(&self, names: &[String]) -> Option<Vec<usize>> {
        let goes = |object: &Object| {
            object
                .name
                .as_ref()
                .is_some_and(|name| names.contains(name))
        };
        let is_of_others = |&point: &usize| {
            !self.object_of_point[point].is_some_and(|row| goes(&self.objects[row as usize]))
        };
        self.objects
            .iter()
            .any(goes)
            .then(|| (0..self.positions.len()).filter(is_of_others).collect())
    }

    /// The room with only the points `kept`, ascending. Objects and superpoints that lose all their
    /// points are removed.
    #[must_use]
    pub fn only(self, kept: &[usize]) -> Self {
        fn rows<T: Copy>(values: &[T], kept: &[usize]) -> Vec<T> {
            kept.iter().map(|&point| values[point]).collect()
        }
        let object_of_point = rows(&self.object_of_point, kept);
        let left: BTreeSet<u32> = object_of_point.iter().copied().flatten().collect();
        let new_of_old: HashMap<u32, u32> = left.iter().copied().zip(0..).collect();
        Self {
            positions: rows(&self.positions, kept),
            colors: self.colors.as_ref().map(|colors| rows(colors, kept)),
            superpoints: Superpoints::from_ids(&rows(self.superpoints.superpoint_of_point(), kept)),
            object_of_point: object_of_point
                .into_iter()
                .map(|old| old.and_then(|old| new_of_old.get(&old).copied()))
                .collect(),
            objects: left
                .iter()
                .map(|&old| self.objects[old as usize].clone())
                .collect(),
            stuff: self.stuff,
            truth: scan::Truth {
                semantic: rows(&self.truth.semantic, kept),
                instance: rows(&self.truth.instance, kept),
            },
            structure: rows(&self.structure, kept),
        }
    }

    /// The object that more than half of each superpoint's points belong to, `(superpoints)`
    /// (docs/spec/model.md section 11.1).
    pub fn object_of_superpoint(&self) -> Vec<Option<u32>> {
        let sizes = self.superpoints.sizes();
        let mut counts: HashMap<(u32, u32), u32> = HashMap::new();
        for (&superpoint, object) in self
            .superpoints
            .superpoint_of_point()
            .iter()
            .zip(&self.object_of_point)
        {
            if let Some(object) = object {
                *counts.entry((superpoint, *object)).or_default() += 1;
            }
        }
        let mut owner = vec![None; sizes.len()];
        for ((superpoint, object), count) in counts {
            if 2 * count > sizes[superpoint as usize] {
                owner[superpoint as usize] = Some(object);
            }
        }
        owner
    }
}

/// The row of each point's object, `(points)`, and the objects.
fn objects(
    truth: &scan::Truth,
    stuff: &[i32],
    class_of: ClassOfObject,
    names: &HashMap<i32, String>,
) -> (Vec<Option<u32>>, Vec<Object>) {
    let labels = || truth.instance.iter().zip(&truth.semantic);
    let is_object = |instance: i32, class: i32| instance > 0 && !stuff.contains(&class);
    // the classes of each instance with their numbers of points, in order of their first points
    let mut classes_of_instance: BTreeMap<i32, Vec<(i32, usize)>> = BTreeMap::new();
    for (&instance, &class) in labels().filter(|(i, c)| is_object(**i, **c)) {
        let classes = classes_of_instance.entry(instance).or_default();
        match classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, points)) => *points += 1,
            None => classes.push((class, 1)),
        }
    }
    let class = |classes: Vec<(i32, usize)>| match class_of {
        ClassOfObject::FirstPoint => classes[0].0,
        ClassOfObject::MostPoints => classes
            .iter()
            .max_by_key(|(class, points)| (*points, -class))
            .map_or(0, |(class, _)| *class),
    };
    let class_of_instance: BTreeMap<i32, i32> = classes_of_instance
        .into_iter()
        .map(|(instance, classes)| (instance, class(classes)))
        .collect();
    let row_of_instance: HashMap<i32, u32> = class_of_instance.keys().copied().zip(0..).collect();
    let object_of_point = labels()
        .map(|(i, c)| {
            if is_object(*i, *c) {
                row_of_instance.get(i).copied()
            } else {
                None
            }
        })
        .collect();
    let objects = class_of_instance
        .into_values()
        .map(|class| Object {
            class,
            name: names
                .get(&class)
                .cloned()
                .or_else(|| nyu40::name(class).map(str::to_owned)),
        })
        .collect();
    (object_of_point, objects)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn scan() -> LabelledScan {
        let superpoints = Superpoints::from_ids(&[0, 0, 1, 1, 1, 2, 2]);
        let truth = scan::Truth {
            semantic: vec![105, 105, 105, 105, 1, 7, 105],
            instance: vec![9, 9, 9, 0, 3, 4, 9],
        };
        let names = [(105, "office chair".to_owned())].into();
        let (object_of_point, objects) = objects(&truth, &[1], ClassOfObject::FirstPoint, &names);
        let structure = Structure::of_points(&truth.semantic, &names);
        LabelledScan {
            positions: vec![[0.0; 3]; 7],
            colors: None,
            superpoints,
            object_of_point,
            objects,
            stuff: vec![1],
            truth,
            structure,
        }
    }

    #[test]
    fn objects_leave_out_stuff_and_unlabelled_points() {
        let scan = scan();
        let chair = Object {
            class: 105,
            name: Some("office chair".into()),
        };
        assert_eq!(
            scan.objects,
            [
                Object {
                    class: 7,
                    name: Some("table".into())
                },
                chair
            ]
        );
        assert_eq!(
            scan.object_of_point,
            [Some(1), Some(1), Some(1), None, None, Some(0), Some(1)]
        );
    }

    #[test]
    fn things_that_are_held_out_leave_no_point() {
        assert!(scan().kept_without(&["lamp".into()]).is_none());
        let scan = scan();
        let kept = scan.kept_without(&["table".into(), "lamp".into()]).unwrap();
        let scan = scan.only(&kept);
        assert_eq!(
            scan.objects,
            [Object {
                class: 105,
                name: Some("office chair".into())
            }]
        );
        assert_eq!(
            scan.object_of_point,
            [Some(0), Some(0), Some(0), None, None, Some(0)]
        );
        assert_eq!(scan.superpoints.superpoint_of_point(), [0, 0, 1, 1, 1, 2]);
        assert_eq!(
            (scan.positions.len(), scan.truth.instance),
            (6, vec![9, 9, 9, 0, 3, 9])
        );
        assert_eq!(
            scan.structure,
            [None, None, None, None, Some(Structure::Wall), None]
        );
    }

    #[test]
    fn a_bundle_says_what_its_classes_and_superpoints_are() {
        // the same ids are different classes in another dataset: 2 is NYU40's floor
        let names = vec![(2, "chair".into()), (3, "floor".into())];
        let scene = Foundation {
            positions: vec![[0.0; 3]; 4],
            truth: Some(foundation::Truth {
                semantic: vec![2, 4, 3, 1],
                instance: vec![1, 2, 3, 4],
                names,
            }),
            given: foundation::Given {
                superpoints: Some(vec![7, 9, 9, 7]),
                ..foundation::Given::default()
            },
            ..Foundation::default()
        };
        let of = |stuff| {
            LabelledScan::of_bundle(
                scene.clone(),
                stuff,
                ClassOfObject::FirstPoint,
                &SuperpointOptions::default(),
            )
            .unwrap()
        };
        assert_eq!(
            of(Some(&[2])).object_of_point,
            [None, Some(0), Some(1), Some(2)]
        );
        let scan = of(None);
        assert_eq!(
            scan.objects,
            [
                Object {
                    class: 2,
                    name: Some("chair".into())
                },
                Object {
                    class: 4,
                    name: None
                }
            ]
        );
        assert_eq!(scan.object_of_point, [Some(0), Some(1), None, None]);
        assert_eq!(
            scan.structure,
            [None, None, Some(Structure::Floor), Some(Structure::Wall)]
        );
        assert_eq!((scan.stuff, scan.superpoints.count()), (vec![1, 3], 2));
    }

    #[test]
    fn points_that_disagree_about_a_class_are_heard_in_order_or_counted() {
        let truth = scan::Truth {
            semantic: vec![7, 5, 5, 9, 6],
            instance: vec![2, 2, 2, 3, 3],
        };
        let classes = |class_of| {
            objects(&truth, &[], class_of, &HashMap::new())
                .1
                .iter()
                .map(|object| object.class)
                .collect::<Vec<_>>()
        };
        assert_eq!(classes(ClassOfObject::FirstPoint), [7, 9]);
        assert_eq!(classes(ClassOfObject::MostPoints), [5, 6]);
    }

    #[test]
    fn a_superpoint_needs_more_than_half() {
        assert_eq!(scan().object_of_superpoint(), [Some(1), None, None]);
    }
}
