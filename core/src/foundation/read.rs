//! Reads bundles, which strangers may have made: everything is bounded before it is read.

use glam::Affine3A;
use safetensors::SafeTensors;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Entry, Foundation, Given, INDEX, Image, ImageInstance, Index, Mask, Named, SceneTruth, TENSORS,
    VERSION,
    check::{check_name, ensure},
    depth_file, masks_file,
    tensors::{broken, rows, values},
};
use crate::{
    captures::{CaptureError, Files, IMAGE_LIMIT, MILLIMETRES, Names, Tree, gray16, image_size},
    views::{Camera, Correspondence, Map, MapError},
};

/// Maximum size in bytes of the index: that of a scene with a million instances.
const INDEX_LIMIT: u64 = 64 << 20;
/// Maximum number of bytes that reading a scene may take: the tensors as a file and as values, the
/// depth images and the masks.
pub const MEMORY_LIMIT: u64 = if cfg!(target_pointer_width = "32") {
    // A wasm memory ends at 4 GiB, and the network needs some of it.
    2 << 30
} else {
    64 << 30
};

impl Foundation {
    /// Reads the bundle in the folder `root` among files, which ends with a slash or is empty. No
    /// picture is read.
    ///
    /// # Errors
    /// The error names the file and the rule that it breaks: a newer version, a missing tensor,
    /// lengths that differ, an instance that is not listed, a pose that is not finite, names that
    /// are empty or occur twice, a size beyond its limit.
    pub fn open(files: &dyn Files, root: &str) -> Result<Self, CaptureError> {
        Self::open_within(files, root, MEMORY_LIMIT)
    }

    /// [`Self::open`] with another limit of the memory, bytes.
    pub(super) fn open_within(
        files: &dyn Files,
        root: &str,
        memory: u64,
    ) -> Result<Self, CaptureError> {
        let tree = Tree { files, root };
        let index = index(&tree)?;
        let bytes = tree.read(TENSORS, memory / 2)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| {
            tree.wrong(TENSORS, |file| {
                format!("{file} is not a safetensors file: {error}")
            })
        })?;
        let mut images = Images {
            tree: &tree,
            tensors: &tensors,
            memory,
            left: memory - 2 * bytes.len() as u64,
        };
        let in_tensors = |error: CaptureError| match error {
            CaptureError::Unusable(rule) => {
                tree.wrong(TENSORS, |file| format!("in {file}: {rule}"))
            }
            other => other,
        };
        let entries = index.images.into_iter();
        let images = entries
            .map(|entry| images.image(entry))
            .collect::<Result<_, _>>()
            .map_err(in_tensors)?;
        let mut scene = of_points(&tensors, index.classes, index.stuff).map_err(in_tensors)?;
        scene.images = images;
        scene.check().map_err(|rule| {
            CaptureError::Unusable(format!("in the bundle {}: {rule}", tree.shown_root()))
        })?;
        Ok(scene)
    }
}

/// Reads the index.
fn index(tree: &Tree) -> Result<Index, CaptureError> {
    #[derive(Deserialize)]
    struct Version {
        foundation: u32,
    }
    fn parsed<T: DeserializeOwned>(
        tree: &Tree,
        text: &[u8],
        what: &str,
    ) -> Result<T, CaptureError> {
        serde_json::from_slice(text).map_err(|error| {
            tree.wrong(INDEX, |file| {
                format!("{file} is not {what} of a foundation bundle: {error}")
            })
        })
    }
    let text = tree.read(INDEX, INDEX_LIMIT)?;
    // An index of a later version may have other fields.
    let Version { foundation } = parsed(tree, &text, "the index")?;
    if foundation > VERSION {
        return Err(tree.wrong(INDEX, |file| {
            format!("{file} is of version {foundation}, this program reads up to version {VERSION}")
        }));
    }
    parsed(tree, &text, "a valid index")
}

/// The scene without its images.
fn of_points(
    tensors: &SafeTensors,
    names: Vec<(i32, String)>,
    stuff: Option<Vec<i32>>,
) -> Result<Foundation, CaptureError> {
    let positions = rows::<f32, 3>(tensors, "positions")?
        .ok_or_else(|| broken("there is no tensor `positions`".to_owned()))?;
    let points = positions.len();
    let views = rows::<i32, 1>(tensors, "origin_view")?;
    let pixels = rows::<f32, 2>(tensors, "origin_pixel")?;
    let origins = match (views, pixels) {
        (Some(views), Some(pixels)) => {
            ensure(views.len() == points && pixels.len() == points, || {
                format!(
                    "`origin_view` and `origin_pixel` must have {points} rows, as `positions` has"
                )
            })?;
            let origin = |([view], [x, y]): ([i32; 1], [f32; 2])| {
                u32::try_from(view)
                    .ok()
                    .map(|view| Correspondence { view, x, y })
            };
            views.into_iter().zip(pixels).map(origin).collect()
        }
        (None, None) => vec![None; points],
        _ => return Err(one_alone("origin_view", "origin_pixel")),
    };
    let label = |name| -> Result<Option<Vec<i32>>, CaptureError> {
        Ok(rows::<i32, 1>(tensors, name)?.map(|rows| rows.into_iter().flatten().collect()))
    };
    let truth = match (label("semantic")?, label("instance")?) {
        (Some(semantic), Some(instance)) => Some(SceneTruth {
            semantic,
            instance,
            names,
            stuff,
        }),
        (None, None) => None,
        _ => return Err(one_alone("semantic", "instance")),
    };
    Ok(Foundation {
        colors: rows::<u8, 3>(tensors, "colors")?,
        given: Given::read(tensors, points)?,
        origins,
        truth,
        positions,
        images: Vec::new(),
    })
}

fn one_alone(one: &str, other: &str) -> CaptureError {
    broken(format!(
        "`{one}` and `{other}` must both be there or both be absent"
    ))
}

/// The images of a bundle, and the memory that is left for them.
struct Images<'a> {
    tree: &'a Tree<'a>,
    tensors: &'a SafeTensors<'a>,
    /// The limit of the memory, bytes.
    memory: u64,
    left: u64,
}

impl Images<'_> {
    /// Reads an image, without its picture.
    fn image(&mut self, entry: Entry) -> Result<Image, CaptureError> {
        let Entry {
            name,
            size: [height, width],
            focal,
            center,
            world_from_camera: m,
            picture,
            instances,
        } = entry;
        // Files are asked for by this name before the scene as a whole is checked.
        check_name(&name).map_err(|rule| {
            self.tree.wrong(INDEX, |file| {
                format!("in {file}: image \"{}\": {rule}", name.escape_debug())
            })
        })?;
        let world_from_camera =
            Affine3A::from_cols_array(&std::array::from_fn(|i| m[i % 3 * 4 + i / 3]));
        let depth = match self.gray16(&depth_file(&name), size_of::<f32>())? {
            Some((size, values)) => Some(depth_map(size, values).map_err(|error| {
                self.tree
                    .wrong(&depth_file(&name), |file| format!("{file}: {error}"))
            })?),
            None => None,
        };
        let mask = self.gray16(&masks_file(&name), size_of::<u16>())?;
        let objects = object_features(self.tensors, &name, instances.len())?;
        let instance = |(Named { name, score }, features)| ImageInstance {
            name,
            score,
            features,
        };
        Ok(Image {
            camera: Camera {
                width: width as f32,
                height: height as f32,
                focal,
                center,
                world_from_camera,
            },
            picture,
            depth,
            mask: mask.and_then(|(size, values)| Mask::new(values, size)),
            instances: instances.into_iter().zip(objects).map(instance).collect(),
            features: image_features(self.tensors, &name)?,
            name,
        })
    }

    /// Size and values of a grey PNG that is kept with so many bytes a pixel, if there is one.
    #[allow(clippy::type_complexity, reason = "as `gray16` returns it")]
    fn gray16(
        &mut self,
        path: &str,
        bytes_per_pixel: usize,
    ) -> Result<Option<([usize; 2], Vec<u16>)>, CaptureError> {
        if !self.tree.has_file(path) {
            return Ok(None);
        }
        let bytes = self.tree.read(path, IMAGE_LIMIT)?;
        let [width, height] = image_size(&bytes).map_err(|problem| {
            self.tree
                .wrong(path, |file| format!("cannot read {file}: {problem}"))
        })?;
        let needed = u64::from(width) * u64::from(height) * bytes_per_pixel as u64;
        let Some(left) = self.left.checked_sub(needed) else {
            let limit = self.memory;
            return Err(self.tree.wrong(path, |file| {
                format!(
                    "{file} has {width} x {height} pixels: with it, the tensors and images of the bundle take more than {limit} bytes of memory, which is the limit; leave out images or make their depth and masks smaller"
                )
            }));
        };
        self.left = left;
        let read = gray16(&self.tree.shown(path), &bytes);
        read.map(Some)
            .map_err(|message| self.tree.wrong(path, |_| message))
    }
}

/// Depth in metres, shape `(rows, columns, 1)`, from the millimetres of a bundle.
///
/// # Errors
/// There are no values, or not as many as pixels.
pub fn depth_map([rows, columns]: [usize; 2], millimetres: Vec<u16>) -> Result<Map, MapError> {
    let metres = millimetres
        .into_iter()
        .map(|mm| f32::from(mm) / MILLIMETRES);
    Map::new(metres.collect(), [rows, columns, 1])
}

/// X of the image `name`, if there is one.
fn image_features(tensors: &SafeTensors, name: &str) -> Result<Option<Map>, CaptureError> {
    let key = format!("image_features.{name}");
    let Ok(tensor) = tensors.tensor(&key) else {
        return Ok(None);
    };
    let shape = <[usize; 3]>::try_from(tensor.shape());
    let shape = shape.map_err(|_| broken(format!("`{key}` must have three dimensions")))?;
    let features = Map::new(values::<f32>(&tensor, &key)?, shape);
    let features = features.map_err(|error| broken(format!("`{key}`: {error}")))?;
    Ok(Some(features))
}

/// R of the instances of the image `name`; empty for each if there is none.
fn object_features(
    tensors: &SafeTensors,
    name: &str,
    instances: usize,
) -> Result<Vec<Vec<f32>>, CaptureError> {
    let key = format!("object_features.{name}");
    let Ok(tensor) = tensors.tensor(&key) else {
        return Ok(vec![vec![]; instances]);
    };
    let shape = tensor.shape();
    ensure(
        shape.len() == 2 && shape[0] == instances && shape[1] > 0,
        || format!("`{key}` has the shape {shape:?}, {instances} instances are listed"),
    )?;
    let values = values::<f32>(&tensor, &key)?;
    Ok(values.chunks_exact(shape[1]).map(<[f32]>::to_vec).collect())
}
