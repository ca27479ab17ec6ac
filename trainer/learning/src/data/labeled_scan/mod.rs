//! Labelled scans from disk: points, superpoints, and the object that each point belongs to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

use anyhow::Context;
use segscape::{
    instances::{NO_INSTANCE, majority_owner},
    job,
    model::config::MeshSuperpoints,
    preflight::Choices,
    progress::Monitor,
    scan,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
};

use crate::{config::ClassOfObject, data::structure::Structure, data::superpoint_cache::Points};
use recordings::{
    foundation::{self, Foundation},
    nyu40,
};
use rooms::classes::CLASSES;

/// A scan with its ground truth.
#[derive(Clone, Debug)]
pub struct LabeledScan {
    /// Positions of the points, `(points, 3)`, world frame, metres.
    pub positions: Vec<[f32; 3]>,
    /// Colors of the points, `(points, 3)`, sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// Corners of the triangles of a mesh, `(triangles, 3)`; empty for a point cloud.
    pub triangles: Vec<[u32; 3]>,
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

/// One object in a [`LabeledScan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Id of its class in the dataset.
    pub class: i32,
    /// Name of its class, if the file or the dataset gives one.
    pub name: Option<String>,
}

impl LabeledScan {
    /// Reads a labelled scan and transforms it to the world frame as the product does with any scan.
    /// Points whose class is in `stuff` (by default NYU40's) or whose instance is 0 belong to no
    /// object. A scan that is a mesh gets the superpoints that `meshes` names.
    ///
    /// The superpoints are computed once and kept in the folder `.superpoints` beside the file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or has no labels.
    pub fn read(
        path: &Path,
        stuff: Option<&[i32]>,
        meshes: MeshSuperpoints,
    ) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut scan = scan::read(&bytes, &Monitor::silent())
            .with_context(|| format!("cannot read {}", path.display()))?;
        for assumption in job::place(&mut scan, Choices::default()).assumptions() {
            tracing::info!("{}: {assumption}", path.display());
        }
        let truth = scan.truth.with_context(|| {
            format!("{} has no `semantic` and `instance` labels", path.display())
        })?;
        let points = Points {
            positions: &scan.positions,
            colors: scan.colors.as_deref(),
            triangles: &scan.triangles,
            boundaries: None,
            options: meshes.options(scan.triangles.len()),
        };
        let superpoints = points
            .superpoints(path)
            .with_context(|| format!("cannot group the points of {}", path.display()))?;
        let names = scan.table.class_names();
        let stuff = stuff.unwrap_or(&nyu40::STUFF);
        let (object_of_point, objects) = objects(&truth, stuff, None, &names);
        let structure = Structure::of_points(&truth.semantic, &names);
        Ok(Self {
            positions: scan.positions,
            colors: scan.colors,
            triangles: scan.triangles,
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
    pub fn of_synthetic(room: rooms::SyntheticRoom) -> anyhow::Result<Self> {
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
        let (object_of_point, objects) = objects(&truth, &stuff, None, &names);
        let structure = Structure::of_points(&truth.semantic, &names);
        Ok(Self {
            positions,
            colors: Some(colors),
            triangles: Vec::new(),
            superpoints,
            object_of_point,
            objects,
            stuff,
            truth,
            structure,
        })
    }

    /// Converts the bundle read from `path`, with the class names that it gives. Without `stuff`, the classes that the
    /// bundle says are stuff; if it does not say, those whose names are in
    /// [`nyu40::STUFF_NAMES`], and of the classes without a name those with NYU40's ids. The
    /// superpoints are those that came with the bundle; otherwise they follow from geometry and
    /// color alone, as for a scan without images, and are kept as those of a scan.
    ///
    /// # Errors
    /// Returns an error if the bundle has no labels or too few points.
    pub fn of_bundle(
        scene: Foundation,
        path: &Path,
        stuff: Option<&[i32]>,
        class_of: ClassOfObject,
    ) -> anyhow::Result<Self> {
        let Foundation {
            positions,
            colors,
            truth,
            given,
            ..
        } = scene;
        let foundation::SceneTruth {
            semantic,
            instance,
            names,
            stuff: given_stuff,
        } = truth.context("the bundle has no `semantic` and `instance` labels")?;
        let superpoints = match given.superpoints {
            Some(ids) => Superpoints::from_ids(&ids),
            None => Points {
                positions: &positions,
                colors: colors.as_deref(),
                triangles: &[],
                boundaries: None,
                options: SuperpointOptions::default(),
            }
            .superpoints(path)?,
        };
        let names: HashMap<i32, String> = names.into_iter().collect();
        let stuff = stuff.or(given_stuff.as_deref());
        let is_stuff = |class: &i32| match (stuff, names.get(class)) {
            (Some(stuff), _) => stuff.contains(class),
            (None, Some(name)) => nyu40::STUFF_NAMES.contains(&name.as_str()),
            (None, None) => nyu40::STUFF.contains(class),
        };
        let stuff: BTreeSet<i32> = semantic.iter().copied().filter(is_stuff).collect();
        let stuff: Vec<i32> = stuff.into_iter().collect();
        let truth = scan::Truth { semantic, instance };
        let (object_of_point, mut objects) = objects(&truth, &stuff, Some(class_of), &names);
        objects
            .iter_mut()
            .for_each(|object| object.name = names.get(&object.class).cloned());
        let structure = Structure::of_points(&truth.semantic, &names);
        Ok(Self {
            positions,
            colors,
            triangles: Vec::new(),
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

    /// The room with only the points `kept`, ascending, as a point cloud. Objects and superpoints
    /// that lose all their points are removed.
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
            triangles: Vec::new(),
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
        let owners = self.object_of_point.iter();
        let owners: Vec<u32> = owners.map(|object| object.unwrap_or(NO_INSTANCE)).collect();
        let owners = majority_owner(&owners, &self.superpoints).into_iter();
        owners
            .map(|owner| (owner != NO_INSTANCE).then_some(owner))
            .collect()
    }
}

/// The row of each point's object, `(points)`, and the objects, by ascending instance.
///
/// With `class_of`, which the data sets of bundles need, an instance is one object whatever its
/// points say of their class. Without, an object is an instance and a class together: some files
/// number the instances of every class anew.
fn objects(
    truth: &scan::Truth,
    stuff: &[i32],
    class_of: Option<ClassOfObject>,
    names: &HashMap<i32, String>,
) -> (Vec<Option<u32>>, Vec<Object>) {
    let key = |instance: i32, class: i32| {
        let is_object = instance > 0 && class >= 0 && !stuff.contains(&class);
        is_object.then(|| (instance, class_of.map_or(Some(class), |_| None)))
    };
    let labels = || truth.instance.iter().zip(&truth.semantic);
    // the classes of each object with their numbers of points, in order of their first points
    let mut classes_of_object: BTreeMap<_, Vec<(i32, usize)>> = BTreeMap::new();
    for (&instance, &class) in labels() {
        let Some(key) = key(instance, class) else {
            continue;
        };
        let classes = classes_of_object.entry(key).or_default();
        match classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, points)) => *points += 1,
            None => classes.push((class, 1)),
        }
    }
    let row_of_object: HashMap<_, u32> = classes_of_object.keys().copied().zip(0..).collect();
    let object_of_point = labels()
        .map(|(instance, class)| row_of_object.get(&key(*instance, *class)?).copied())
        .collect();
    let class = |classes: Vec<(i32, usize)>| match class_of {
        None | Some(ClassOfObject::FirstPoint) => classes[0].0,
        Some(ClassOfObject::MostPoints) => classes
            .iter()
            .max_by_key(|(class, points)| (*points, -class))
            .map_or(0, |(class, _)| *class),
    };
    let objects = classes_of_object
        .into_values()
        .map(class)
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
mod tests;
