//! ScanNet as SegDINO3D and OneFormer3D store it after processing (docs/spec/data.md section 2):
//! raw dumps of points, labels and superpoints, and the output of 2D models for the images, as
//! PyTorch files. The images themselves are not included.
//!
//! Labels use the data set's own ids, in which ScanNet200 has 2 for chairs and 3 for the floor.
//! Both programs swap the two, but only while loading, before they number the classes; here nothing
//! is swapped, and the names of the classes make that certain.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use segscape::{scan::MAX_POINTS, views::ObjectQueries};

use super::{Options, Prepared, Reader, torch::TorchFile};
use crate::foundation::{Foundation, Given, SceneTruth, Writer};

const POINTS: &str = "points";
const FEATURES: &str = "features_2d";
/// Bytes per point: x, y, z, red, green, blue.
const POINT: usize = 6 * size_of::<f32>();
/// Maximum number of objects of a scene, and of channels of a feature; a file with more is
/// something else.
const OBJECTS: usize = 2048;
const CHANNELS: usize = 4096;

/// Scenes in the layout of SegDINO3D.
pub struct Segdino3d;

impl Reader for Segdino3d {
    /// Scenes are parts of file names, so that no path is one.
    fn is_scene(&self, _: &Path) -> bool {
        false
    }

    /// The scenes of a data set, or of one of its lists (meta_data/scannetv2_train.txt): names and
    /// paths of the dumps of points.
    ///
    /// # Errors
    /// There are no scenes, or an entry of a list is not a valid name.
    fn scenes(&self, input: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let mut names = Vec::new();
        let root = match input.is_file() {
            true => {
                let text = fs::read_to_string(input)
                    .with_context(|| format!("cannot read {}", input.display()))?;
                names.extend(
                    text.lines()
                        .map(str::trim)
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned),
                );
                let whole = input.canonicalize()?;
                whole
                    .ancestors()
                    .nth(2)
                    .map(Path::to_owned)
                    .with_context(|| format!("{} is not in a data set", input.display()))?
            }
            false => {
                let points = input.join(POINTS);
                for entry in fs::read_dir(&points)
                    .with_context(|| format!("cannot list {}", points.display()))?
                {
                    names.extend(
                        entry?
                            .file_name()
                            .to_string_lossy()
                            .strip_suffix(".bin")
                            .map(str::to_owned),
                    );
                }
                input.canonicalize()?
            }
        };
        if let Some(name) = names
            .iter()
            .find(|name| name.starts_with('.') || name.contains(['/', '\\']))
        {
            bail!("{}: \"{name}\" is not the name of a scene", input.display());
        }
        names.sort();
        names.dedup();
        ensure!(!names.is_empty(), "{} has no scenes", input.display());
        Ok(names
            .into_iter()
            .map(|name| (name.clone(), root.join(POINTS).join(format!("{name}.bin"))))
            .collect())
    }

    fn read(&self, scene: &Path, options: &Options, _: &Writer) -> anyhow::Result<Prepared> {
        let foundation = foundation(scene, options)?;
        let objects = foundation.given.objects.positions.len();
        Ok(Prepared {
            foundation,
            summary: format!("no images, {objects} objects"),
            warnings: vec![],
        })
    }
}

/// Reads the scene that belongs to a dump of points, without images.
///
/// # Errors
/// A file breaks its format, or its number of rows differs from the number of points.
fn foundation(points: &Path, options: &Options) -> anyhow::Result<Foundation> {
    let name = points
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let root = points
        .ancestors()
        .nth(2)
        .with_context(|| format!("{} is not in a data set", points.display()))?;
    let rows = dump(points)?;
    let count = rows.len();
    let mask = |folder: &str| labels(&root.join(folder).join(format!("{name}.bin")), count);
    let truth = match (mask("semantic_mask")?, mask("instance_mask")?) {
        (Some(semantic), Some(instance)) => Some(truth(semantic, instance, options)?),
        (None, None) => None,
        _ => {
            bail!("semantic_mask and instance_mask of {name} must both be there or both be absent")
        }
    };
    let superpoints =
        mask("super_points")?.map(|ids| ids.into_iter().map(|id| id as u32).collect());
    let (features, objects) = match features(root, options)? {
        None => (None, ObjectQueries::default()),
        Some(folder) => (
            mean(&folder.join(format!("{name}.pth")), count)?,
            objects(&folder, &name, options)?,
        ),
    };
    Ok(Foundation {
        positions: rows
            .iter()
            .map(|[x, y, z, ..]| options.turned([x, y, z].map(|x| f64::from(*x))))
            .collect(),
        colors: Some(
            rows.iter()
                .map(|[.., r, g, b]| [r, g, b].map(|c| c.round() as u8))
                .collect(),
        ),
        origins: vec![None; count],
        truth,
        given: Given {
            superpoints,
            features,
            objects,
        },
        ..Foundation::default()
    })
}

/// Reads a dump of points: x, y, z, red, green, blue.
fn dump(points: &Path) -> anyhow::Result<Vec<[f32; 6]>> {
    let size = fs::metadata(points)
        .with_context(|| format!("cannot read {}", points.display()))?
        .len() as usize;
    let count = size / POINT;
    ensure!(
        size.is_multiple_of(POINT) && (1..=MAX_POINTS).contains(&count),
        "{} has {size} bytes, it must have 1 to {MAX_POINTS} points of {POINT} bytes each",
        points.display()
    );
    let bytes = fs::read(points).with_context(|| format!("cannot read {}", points.display()))?;
    let rows: Vec<[f32; 6]> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|row: &[u8; POINT]| bytemuck::pod_read_unaligned(row))
        .collect();
    ensure!(
        rows.iter().flatten().all(|x| x.is_finite()),
        "{} has a number that is not finite",
        points.display()
    );
    let bright = rows
        .iter()
        .flat_map(|row| &row[3..])
        .find(|c| !(0.0..=255.0).contains(*c));
    ensure!(
        bright.is_none(),
        "{} has the colour {}, which is outside 0 to 255",
        points.display(),
        bright.copied().unwrap_or_default()
    );
    Ok(rows)
}

/// Labels with the names of their classes, and 0 for ids that are no class of the benchmark.
///
/// # Errors
/// The user did not say which benchmark's ids they are, or they are not that benchmark's.
fn truth(
    mut semantic: Vec<i32>,
    instance: Vec<i32>,
    options: &Options,
) -> anyhow::Result<SceneTruth> {
    let classes = options.classes.context(
        "the files do not say what their class ids mean, and 2 is a chair in ScanNet200 and the floor in ScanNet-20: name one with --classes",
    )?;
    classes
        .restrict(&mut semantic)
        .context("in the semantic masks")?;
    Ok(SceneTruth {
        semantic,
        instance,
        names: classes.names(),
        stuff: Some(classes.stuff()),
    })
}

/// Reads 64-bit labels of shape `(points)`, if the file exists.
fn labels(path: &Path, points: usize) -> anyhow::Result<Option<Vec<i32>>> {
    let Ok(file) = fs::metadata(path) else {
        return Ok(None);
    };
    let expected = points * size_of::<i64>();
    ensure!(
        file.len() == expected as u64,
        "{} has {} bytes instead of {expected}: a number of 64 bits per point",
        path.display(),
        file.len()
    );
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let number = |b: &[u8; 8]| {
        let label = i64::from_le_bytes(*b);
        i32::try_from(label)
            .ok()
            .filter(|label| *label >= 0)
            .with_context(|| {
                format!(
                    "{} has the label {label}, which is not a class or an instance",
                    path.display()
                )
            })
    };
    bytes
        .as_chunks()
        .0
        .iter()
        .map(number)
        .collect::<anyhow::Result<_>>()
        .map(Some)
}

/// The folder of the features: the one given by the user, the only set in the data set, or the set
/// beside the data set that has its name.
fn features(root: &Path, options: &Options) -> anyhow::Result<Option<PathBuf>> {
    if let Some(folder) = &options.features {
        ensure!(folder.is_dir(), "{} is not a folder", folder.display());
        return Ok(Some(folder.clone()));
    }
    let inside = root.join(FEATURES);
    if !inside.is_dir() {
        let beside = root
            .parent()
            .zip(root.file_name())
            .map(|(parent, name)| parent.join(FEATURES).join(name));
        return Ok(beside.filter(|folder| folder.is_dir()));
    }
    let entries = fs::read_dir(&inside).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let sets = entries
        .with_context(|| format!("cannot list {}", inside.display()))?
        .into_iter()
        .map(|entry| entry.path());
    let sets: Vec<_> = sets.filter(|path| path.is_dir()).collect();
    ensure!(
        sets.len() <= 1,
        "{} has {} sets of features: choose one with --features",
        inside.display(),
        sets.len()
    );
    Ok(sets.into_iter().next())
}

/// Shape `(points, channels)`: the mean over the arrays of the file, if it exists.
fn mean(path: &Path, points: usize) -> anyhow::Result<Option<Vec<f32>>> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut file = TorchFile::open(path)?;
    ensure!(file.len() > 0, "{} has no features", path.display());
    let shape = file.shape(0).to_vec();
    ensure!(
        shape.len() == 2 && shape[0] == points && (1..=CHANNELS).contains(&shape[1]),
        "{} has features of the shape {shape:?} instead of ({points}, 1 to {CHANNELS})",
        path.display()
    );
    let mut sum = file.floats(0)?;
    for array in 1..file.len() {
        ensure!(
            file.shape(array) == shape,
            "{}: array {array} has the shape {:?}, the first {shape:?}",
            path.display(),
            file.shape(array)
        );
        sum.iter_mut()
            .zip(file.floats(array)?)
            .for_each(|(sum, x)| *sum += x);
    }
    let share = 1.0 / file.len() as f32;
    sum.iter_mut().for_each(|sum| *sum *= share);
    Ok(Some(sum))
}

/// The objects that were detected in the images; empty if there are no such files.
fn objects(folder: &Path, name: &str, options: &Options) -> anyhow::Result<ObjectQueries> {
    let [features, centers] =
        ["query_feats", "query_3dctr"].map(|what| folder.join(format!("{name}_{what}.pth")));
    match (features.is_file(), centers.is_file()) {
        (false, false) => return Ok(ObjectQueries::default()),
        (true, true) => {}
        _ => bail!(
            "{} and {} must both be there or both be absent",
            features.display(),
            centers.display()
        ),
    }
    let table = |path: &Path| -> anyhow::Result<([usize; 2], Vec<f32>)> {
        let mut file = TorchFile::open(path)?;
        ensure!(
            file.len() == 1,
            "{} has {} arrays instead of one",
            path.display(),
            file.len()
        );
        let shape = <[usize; 2]>::try_from(file.shape(0))
            .ok()
            .filter(|[objects, channels]| *objects <= OBJECTS && *channels <= CHANNELS);
        let shape = shape.with_context(|| {
            format!("{} has the shape {:?}: at most {OBJECTS} objects of at most {CHANNELS} numbers are read", path.display(), file.shape(0))
        })?;
        Ok((shape, file.floats(0)?))
    };
    let ([rows, _], values) = table(&features)?;
    let (shape, places) = table(&centers)?;
    ensure!(
        shape == [rows, 3],
        "{} has the shape {shape:?} instead of ({rows}, 3)",
        centers.display()
    );
    let places = places
        .as_chunks()
        .0
        .iter()
        .map(|place: &[f32; 3]| options.turned(place.map(f64::from)));
    Ok(ObjectQueries {
        features: values,
        positions: places.collect(),
    })
}

#[cfg(test)]
mod tests;
