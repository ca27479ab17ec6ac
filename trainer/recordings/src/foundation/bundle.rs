//! A scene on disk (version 1): a folder that any tool can write.
//!
//! | file | content |
//! |---|---|
//! | `foundation.json` | the version, the images with their cameras and instances, the names of the classes |
//! | `tensors.safetensors` | `positions` f32 (points, 3); `colors` u8 (points, 3); `origin_view` i32 (points), -1 for none, and `origin_pixel` f32 (points, 2), as fractions of width and height; `semantic` and `instance` i32 (points); for each image `image_features.NAME` f32 (height, width, channels) and `object_features.NAME` f32 (instances, channels); if there are no images left to compute them from, `superpoint` u32 (points), `point_features` f32 (points, channels), and `object_features` f32 (objects, channels) with `object_positions` f32 (objects, 3). All but `positions` are optional |
//! | `NAME.depth.png` | 16 bits per pixel, millimetres along the optical axis, 0 where unknown |
//! | `NAME.masks.png` | 16 bits per pixel, 0 or the index of the instance in `foundation.json` plus one; where masks overlap, the tool that wrote the file has chosen one |
//! | any picture | under the file name in `foundation.json` |
//!
//! Cameras: `focal` and `center` in pixels of `size` (height, width), with pixel centers at integer
//! coordinates; `world_from_camera` is 3 x 4, row by row.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use glam::Affine3A;
use image::{ImageBuffer, Luma};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use segscape::views::{Camera, Correspondence, Map};
use serde::{Deserialize, Serialize};

use super::{Foundation, Given, Image, Instance, Mask, Truth};

/// Name of the index file; a folder with this file is a bundle.
pub const INDEX: &str = "foundation.json";
const TENSORS: &str = "tensors.safetensors";
const VERSION: u32 = 1;
const MILLIMETRES: f32 = 1000.0;

#[derive(Serialize, Deserialize)]
struct Index {
    foundation: u32,
    images: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<(i32, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    size: [u32; 2],
    focal: [f32; 2],
    center: [f32; 2],
    world_from_camera: [f32; 12],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    instances: Vec<Named>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    score: f32,
}

impl Foundation {
    /// Writes the scene to the folder `out`, which appears only when it is complete and replaces an
    /// older one. `picture` returns the encoded bytes of the picture of an image.
    ///
    /// # Errors
    /// The scene breaks a rule of the format, or a file cannot be written.
    pub fn write(
        &self,
        out: &Path,
        picture: impl Fn(&Image) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<()> {
        self.check()?;
        let name = out
            .file_name()
            .with_context(|| format!("{} does not name a folder", out.display()))?
            .to_string_lossy();
        let part = out.with_file_name(format!("{name}.part{}", std::process::id()));
        let write = || -> anyhow::Result<()> {
            fs::create_dir_all(&part)?;
            for image in &self.images {
                if let Some(name) = &image.picture {
                    fs::write(part.join(name), picture(image)?)?;
                }
                if let Some(depth) = &image.depth {
                    let [rows, columns] = depth.size();
                    let pixels = (0..rows)
                        .flat_map(|row| (0..columns).map(move |column| depth.at(row, column)[0]));
                    save(
                        &part.join(format!("{}.depth.png", image.name)),
                        [rows, columns],
                        pixels.map(|d| (d * MILLIMETRES).round() as u16).collect(),
                    )?;
                }
                if let Some(mask) = &image.mask {
                    save(
                        &part.join(format!("{}.masks.png", image.name)),
                        mask.size(),
                        mask.values().to_vec(),
                    )?;
                }
            }
            fs::write(part.join(TENSORS), self.tensors()?)?;
            let index = Index {
                foundation: VERSION,
                images: self.images.iter().map(Entry::of).collect(),
                classes: self
                    .truth
                    .as_ref()
                    .map_or_else(Vec::new, |truth| truth.names.clone()),
            };
            fs::write(part.join(INDEX), serde_json::to_vec_pretty(&index)?)?;
            if out.exists() {
                fs::remove_dir_all(out)?;
            }
            Ok(fs::rename(&part, out)?)
        };
        let written = write().with_context(|| format!("cannot write the bundle {}", out.display()));
        if written.is_err() {
            // the incomplete folder is useless, and the first error is the one to report
            drop(fs::remove_dir_all(&part));
        }
        written
    }

    /// Reads a bundle from a folder.
    ///
    /// # Errors
    /// The error names the file and the rule that it breaks: a newer version, a missing tensor,
    /// lengths that differ, an instance that is not listed, a pose that is not finite, names that
    /// are empty or occur twice.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let at = |name: &str| folder.join(name);
        let text =
            fs::read(at(INDEX)).with_context(|| format!("cannot read {}", at(INDEX).display()))?;
        #[derive(Deserialize)]
        struct Version {
            foundation: u32,
        }
        let Version { foundation } = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is not the index of a foundation bundle",
                at(INDEX).display()
            )
        })?;
        ensure!(
            foundation <= VERSION,
            "{} is of version {foundation}, this program reads up to version {VERSION}",
            at(INDEX).display()
        );
        let index: Index = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is not a valid index of a foundation bundle",
                at(INDEX).display()
            )
        })?;
        let bytes = fs::read(at(TENSORS))
            .with_context(|| format!("cannot read {}", at(TENSORS).display()))?;
        let tensors = SafeTensors::deserialize(&bytes)
            .with_context(|| format!("{} is not a safetensors file", at(TENSORS).display()))?;
        let read = || -> anyhow::Result<Self> {
            let positions =
                rows::<f32, 3>(&tensors, "positions")?.context("there is no tensor `positions`")?;
            let points = positions.len();
            let colors = rows::<u8, 3>(&tensors, "colors")?;
            let views = rows::<i32, 1>(&tensors, "origin_view")?;
            let pixels = rows::<f32, 2>(&tensors, "origin_pixel")?;
            let origins = match (views, pixels) {
                (Some(views), Some(pixels)) => {
                    ensure!(
                        views.len() == points && pixels.len() == points,
                        "`origin_view` and `origin_pixel` must have {points} rows, as `positions` has"
                    );
                    let origin = |([view], [x, y]): ([i32; 1], [f32; 2])| {
                        u32::try_from(view)
                            .ok()
                            .map(|view| Correspondence { view, x, y })
                    };
                    views.into_iter().zip(pixels).map(origin).collect()
                }
                (None, None) => vec![None; points],
                _ => bail!("`origin_view` and `origin_pixel` must both be there or both be absent"),
            };
            let label =
                |name| -> anyhow::Result<Option<Vec<i32>>> {
                    Ok(rows::<i32, 1>(&tensors, name)?
                        .map(|rows| rows.into_iter().flatten().collect()))
                };
            let truth = match (label("semantic")?, label("instance")?) {
                (Some(semantic), Some(instance)) => Some(Truth {
                    semantic,
                    instance,
                    names: index.classes,
                }),
                (None, None) => None,
                _ => bail!("`semantic` and `instance` must both be there or both be absent"),
            };
            let images = index
                .images
                .into_iter()
                .map(|entry| entry.image(folder, &tensors))
                .collect::<anyhow::Result<_>>()?;
            let given = Given::read(&tensors, points)?;
            Ok(Self {
                positions,
                colors,
                origins,
                images,
                truth,
                given,
            })
        };
        let read = read().with_context(|| format!("in {}", at(TENSORS).display()))?;
        read.check()
            .with_context(|| format!("in the bundle {}", folder.display()))?;
        Ok(read)
    }

    /// The bundles among `folders` and directly inside them, sorted by path.
    ///
    /// # Errors
    /// A folder cannot be listed.
    pub fn folders(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in folders {
            if folder.join(INDEX).exists() {
                found.push(folder.clone());
                continue;
            }
            for entry in
                fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
            {
                let path = entry?.path();
                if path.join(INDEX).exists() {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Checks the rules of the format.
    fn check(&self) -> anyhow::Result<()> {
        let points = self.positions.len();
        ensure!(
            self.positions.iter().flatten().all(|x| x.is_finite()),
            "a position is not a finite number"
        );
        ensure!(
            self.origins.len() == points,
            "there are {} origins for {points} points",
            self.origins.len()
        );
        ensure!(
            self.colors
                .as_ref()
                .is_none_or(|colors| colors.len() == points),
            "`colors` must have {points} rows, as `positions` has"
        );
        if let Some(truth) = &self.truth {
            ensure!(
                truth.semantic.len() == points && truth.instance.len() == points,
                "`semantic` and `instance` must have {points} values"
            );
        }
        self.given.check(points)?;
        for (point, origin) in self.origins.iter().enumerate() {
            let Some(Correspondence { view, x, y }) = origin else {
                continue;
            };
            ensure!(
                (*view as usize) < self.images.len(),
                "point {point} was made from image {view}, but there are only {} images",
                self.images.len()
            );
            ensure!(
                (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y),
                "point {point} was made from the pixel at {x}, {y}, which is outside 0 to 1"
            );
        }
        let mut names = HashSet::new();
        for image in &self.images {
            image
                .check()
                .with_context(|| format!("image \"{}\"", image.name))?;
            ensure!(
                names.insert(&image.name),
                "two images have the name \"{}\"",
                image.name
            );
        }
        let channels = |of: &dyn Fn(&Image) -> Vec<usize>| {
            self.images.iter().flat_map(of).collect::<HashSet<_>>()
        };
        let [points, objects] = self.given.channels(points);
        for (what, given, images) in [
            (
                "image features",
                points,
                channels(&|image| image.features.iter().map(Map::channels).collect()),
            ),
            (
                "object features",
                objects,
                channels(&|image| {
                    image
                        .instances
                        .iter()
                        .map(|i| i.features.len())
                        .filter(|n| *n > 0)
                        .collect()
                }),
            ),
        ] {
            let channels: BTreeSet<usize> = given.into_iter().chain(images).collect();
            ensure!(
                channels.len() <= 1,
                "{what} must have the same number of channels everywhere, not {channels:?}"
            );
        }
        Ok(())
    }

    fn tensors(&self) -> anyhow::Result<Vec<u8>> {
        let points = self.positions.len();
        let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = vec![];
        let mut add = |name: String, dtype, shape: Vec<usize>, bytes: &[u8]| {
            tensors.push((name, dtype, shape, bytes.to_vec()))
        };
        add(
            "positions".into(),
            Dtype::F32,
            vec![points, 3],
            bytemuck::cast_slice(&self.positions),
        );
        if let Some(colors) = &self.colors {
            add(
                "colors".into(),
                Dtype::U8,
                vec![points, 3],
                bytemuck::cast_slice(colors),
            );
        }
        if self.origins.iter().any(Option::is_some) {
            let views: Vec<i32> = self
                .origins
                .iter()
                .map(|o| o.map_or(-1, |o| o.view as i32))
                .collect();
            let pixels: Vec<[f32; 2]> = self
                .origins
                .iter()
                .map(|o| o.map_or([0.0; 2], |o| [o.x, o.y]))
                .collect();
            add(
                "origin_view".into(),
                Dtype::I32,
                vec![points],
                bytemuck::cast_slice(&views),
            );
            add(
                "origin_pixel".into(),
                Dtype::F32,
                vec![points, 2],
                bytemuck::cast_slice(&pixels),
            );
        }
        if let Some(Truth {
            semantic, instance, ..
        }) = &self.truth
        {
            add(
                "semantic".into(),
                Dtype::I32,
                vec![points],
                bytemuck::cast_slice(semantic),
            );
            add(
                "instance".into(),
                Dtype::I32,
                vec![points],
                bytemuck::cast_slice(instance),
            );
        }
        tensors.extend(self.given.tensors(points));
        let mut add = |name: String, dtype, shape: Vec<usize>, bytes: &[u8]| {
            tensors.push((name, dtype, shape, bytes.to_vec()))
        };
        for image in &self.images {
            if let Some(features) = &image.features {
                let [rows, columns] = features.size();
                let values: Vec<f32> = (0..rows)
                    .flat_map(|r| (0..columns).flat_map(move |c| features.at(r, c).iter().copied()))
                    .collect();
                add(
                    format!("image_features.{}", image.name),
                    Dtype::F32,
                    vec![rows, columns, features.channels()],
                    bytemuck::cast_slice(&values),
                );
            }
            if let Some(channels) = image
                .instances
                .first()
                .map(|i| i.features.len())
                .filter(|channels| *channels > 0)
            {
                let values: Vec<f32> = image
                    .instances
                    .iter()
                    .flat_map(|i| i.features.iter().copied())
                    .collect();
                add(
                    format!("object_features.{}", image.name),
                    Dtype::F32,
                    vec![image.instances.len(), channels],
                    bytemuck::cast_slice(&values),
                );
            }
        }
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
        });
        Ok(safetensors::serialize(
            views.collect::<anyhow::Result<Vec<_>>>()?,
            None,
        )?)
    }
}

impl Image {
    fn check(&self) -> anyhow::Result<()> {
        let plain = |name: &str| {
            !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
        };
        ensure!(
            plain(&self.name),
            "the name is part of file names, so it must not be empty, contain a slash or begin with a dot"
        );
        ensure!(
            self.picture.as_deref().is_none_or(plain),
            "the picture must lie in the bundle itself, not at {:?}",
            self.picture
        );
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = self.camera;
        ensure!(
            width >= 1.0 && height >= 1.0,
            "the picture has {width} x {height} pixels, at least 1 x 1 is needed"
        );
        ensure!(
            focal.iter().all(|f| f.is_finite() && *f > 0.0) && center.iter().all(|c| c.is_finite()),
            "the focal lengths {focal:?} must be positive, and the center {center:?} must be finite"
        );
        ensure!(
            world_from_camera.is_finite(),
            "the pose is not finite; leave out images whose pose was lost"
        );
        for Instance {
            name,
            score,
            features,
        } in &self.instances
        {
            ensure!(
                (0.0..=1.0).contains(score),
                "\"{name}\" has the score {score}, which is outside 0 to 1"
            );
            ensure!(
                features.len() == self.instances[0].features.len(),
                "instances have features of different lengths"
            );
        }
        let highest = self
            .mask
            .as_ref()
            .and_then(|mask| mask.values().iter().max())
            .copied()
            .unwrap_or(0);
        ensure!(
            usize::from(highest) <= self.instances.len(),
            "the mask counts {highest} instances, {} are listed",
            self.instances.len()
        );
        Ok(())
    }
}

impl Entry {
    fn of(image: &Image) -> Self {
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = image.camera;
        let columns = [
            world_from_camera.x_axis,
            world_from_camera.y_axis,
            world_from_camera.z_axis,
            world_from_camera.translation,
        ];
        Self {
            name: image.name.clone(),
            size: [height as u32, width as u32],
            focal,
            center,
            world_from_camera: std::array::from_fn(|i| columns[i % 4][i / 4]),
            picture: image.picture.clone(),
            instances: image
                .instances
                .iter()
                .map(|i| Named {
                    name: i.name.clone(),
                    score: i.score,
                })
                .collect(),
        }
    }

    fn image(self, folder: &Path, tensors: &SafeTensors) -> anyhow::Result<Image> {
        let Self {
            name,
            size: [height, width],
            focal,
            center,
            world_from_camera: m,
            picture,
            instances,
        } = self;
        let world_from_camera =
            Affine3A::from_cols_array(&std::array::from_fn(|i| m[i % 3 * 4 + i / 3]));
        let depth = load_grey16(&folder.join(format!("{name}.depth.png")))?
            .map(|(size, values)| {
                Map::new(
                    values
                        .into_iter()
                        .map(|mm| f32::from(mm) / MILLIMETRES)
                        .collect(),
                    [size[0], size[1], 1],
                )
            })
            .transpose()?;
        let mask = load_grey16(&folder.join(format!("{name}.masks.png")))?
            .and_then(|(size, values)| Mask::new(values, size));
        let key = format!("image_features.{name}");
        let features = match tensors.tensor(&key) {
            Ok(tensor) => {
                let shape = <[usize; 3]>::try_from(tensor.shape())
                    .ok()
                    .with_context(|| format!("`{key}` must have three dimensions"))?;
                Some(
                    Map::new(values::<f32>(&tensor, &key)?, shape)
                        .with_context(|| format!("`{key}`"))?,
                )
            }
            Err(_) => None,
        };
        let key = format!("object_features.{name}");
        let objects = match tensors.tensor(&key) {
            Ok(tensor) => {
                ensure!(
                    tensor.shape().len() == 2
                        && tensor.shape()[0] == instances.len()
                        && tensor.shape()[1] > 0,
                    "`{key}` has the shape {:?}, {} instances are listed",
                    tensor.shape(),
                    instances.len()
                );
                values::<f32>(&tensor, &key)?
                    .chunks_exact(tensor.shape()[1])
                    .map(<[f32]>::to_vec)
                    .collect()
            }
            Err(_) => vec![vec![]; instances.len()],
        };
        let instances = instances
            .into_iter()
            .zip(objects)
            .map(|(Named { name, score }, features)| Instance {
                name,
                score,
                features,
            })
            .collect();
        let camera = Camera {
            width: width as f32,
            height: height as f32,
            focal,
            center,
            world_from_camera,
        };
        Ok(Image {
            name,
            camera,
            picture,
            depth,
            mask,
            instances,
            features,
        })
    }
}

/// Reads the tensor `name` with shape `(rows, N)`, if there is one; a tensor of one dimension
/// counts as `(rows, 1)`.
pub(super) fn rows<T: Stored, const N: usize>(
    tensors: &SafeTensors,
    name: &str,
) -> anyhow::Result<Option<Vec<[T; N]>>> {
    let Ok(tensor) = tensors.tensor(name) else {
        return Ok(None);
    };
    let shape = tensor.shape();
    let fits = shape.len() <= 2 && !shape.is_empty() && shape.get(1).copied().unwrap_or(1) == N;
    ensure!(
        fits,
        "`{name}` has the shape {shape:?} instead of (points, {N})"
    );
    let values = values::<T>(&tensor, name)?;
    Ok(Some(
        values
            .chunks_exact(N)
            .map(|row| std::array::from_fn(|i| row[i]))
            .collect(),
    ))
}

/// Element types of the tensors of a bundle.
pub(super) trait Stored: bytemuck::Pod {
    const DTYPE: Dtype;
}

impl Stored for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Stored for i32 {
    const DTYPE: Dtype = Dtype::I32;
}

impl Stored for u32 {
    const DTYPE: Dtype = Dtype::U32;
}

impl Stored for u8 {
    const DTYPE: Dtype = Dtype::U8;
}

pub(super) fn values<T: Stored>(tensor: &TensorView, name: &str) -> anyhow::Result<Vec<T>> {
    ensure!(
        tensor.dtype() == T::DTYPE,
        "`{name}` holds {:?} instead of {:?}",
        tensor.dtype(),
        T::DTYPE
    );
    Ok(bytemuck::pod_collect_to_vec(tensor.data()))
}

fn save(path: &Path, [rows, columns]: [usize; 2], values: Vec<u16>) -> anyhow::Result<()> {
    let image = ImageBuffer::<Luma<u16>, _>::from_raw(columns as u32, rows as u32, values)
        .context("a value for every pixel")?;
    Ok(image.save(path)?)
}

/// Size (rows, columns) and 16-bit values of a grey PNG; `None` if there is no such file.
pub fn load_grey16(path: &Path) -> anyhow::Result<Option<([usize; 2], Vec<u16>)>> {
    if !path.exists() {
        return Ok(None);
    }
    let image = image::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let image::DynamicImage::ImageLuma16(image) = image else {
        bail!(
            "{} must be a grey PNG of 16 bits, it is {:?}",
            path.display(),
            image.color()
        );
    };
    Ok(Some((
        [image.height() as usize, image.width() as usize],
        image.into_raw(),
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::foundation::tests::camera;

    fn scene() -> Foundation {
        let instance = |name: &str, x: f32| Instance {
            name: name.into(),
            score: 0.5,
            features: vec![x, 1.0],
        };
        let image = Image {
            name: "0001".into(),
            camera: camera(),
            picture: Some("0001.jpg".into()),
            depth: Some(Map::new(vec![0.0, 1.25, 2.5, 60.0], [2, 2, 1]).unwrap()),
            mask: Mask::new(vec![0, 1, 2, 2, 1, 0], [2, 3]),
            instances: vec![instance("chair", 0.1), instance("", 0.2)],
            features: Some(Map::new((0..8).map(|i| i as f32).collect(), [1, 4, 2]).unwrap()),
        };
        let bare = Image {
            name: "0002".into(),
            picture: None,
            depth: None,
            mask: None,
            instances: vec![],
            features: None,
            ..image.clone()
        };
        Foundation {
            positions: vec![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
            colors: Some(vec![[1, 2, 3], [4, 5, 255]]),
            origins: vec![
                Some(Correspondence {
                    view: 1,
                    x: 0.25,
                    y: 1.0,
                }),
                None,
            ],
            images: vec![image, bare],
            truth: Some(Truth {
                semantic: vec![5, 0],
                instance: vec![1, 0],
                names: vec![(5, "chair".into())],
            }),
            given: Given::default(),
        }
    }

    fn written(folder: &Path) -> PathBuf {
        let out = folder.join("scene");
        scene().write(&out, |_| Ok(vec![7; 3])).unwrap();
        out
    }

    #[test]
    fn a_scene_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let out = written(folder.path());
        let (scene, back) = (scene(), Foundation::read(&out).unwrap());
        assert_eq!(format!("{back:?}"), format!("{scene:?}"));
        assert_eq!(fs::read(out.join("0001.jpg")).unwrap(), [7; 3]);
        assert_eq!(
            Foundation::folders(&[folder.path().to_owned()]).unwrap(),
            std::slice::from_ref(&out)
        );
        // the scene is written over itself, and no other files are left
        scene.write(&out, |_| Ok(vec![8])).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let alone = Foundation {
            positions: vec![[1.0; 3]],
            origins: vec![None],
            ..Foundation::default()
        };
        alone.write(&out, |_| unreachable!()).unwrap();
        assert_eq!(
            format!("{:?}", Foundation::read(&out).unwrap()),
            format!("{alone:?}")
        );
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        type Spoil = (&'static str, fn(&mut Foundation));
        let refusals: [Spoil; 10] = [
            ("not a finite", |scene| scene.positions[1][2] = f32::NAN),
            ("`colors` must have 2", |scene| {
                scene.colors = Some(vec![[0; 3]])
            }),
            ("image 2", |scene| {
                scene.origins[1] = Some(Correspondence {
                    view: 2,
                    x: 0.0,
                    y: 0.0,
                })
            }),
            ("outside 0 to 1", |scene| {
                scene.origins[1] = Some(Correspondence {
                    view: 0,
                    x: 1.5,
                    y: 0.0,
                })
            }),
            ("two images", |scene| scene.images[1].name = "0001".into()),
            ("the pose", |scene| {
                scene.images[0].camera.world_from_camera.translation.x = f32::NEG_INFINITY
            }),
            ("1 are listed", |scene| {
                drop(scene.images[0].instances.pop())
            }),
            ("slashes", |scene| scene.images[0].name = "../0001".into()),
            ("in the bundle itself", |scene| {
                scene.images[0].picture = Some("/etc/passwd".into())
            }),
            ("score 1.5", |scene| {
                scene.images[0].instances[1].score = 1.5
            }),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (words, spoil) in refusals {
            let mut scene = scene();
            spoil(&mut scene);
            let error = format!(
                "{:#}",
                scene
                    .write(&folder.path().join("scene"), |_| Ok(vec![]))
                    .unwrap_err()
            );
            assert!(error.contains(words), "{error} does not say {words}");
        }
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing was begun"
        );
    }

    #[test]
    fn damaged_files_are_named() {
        type Damage = (&'static str, &'static str, fn(&Path));
        let damages: [Damage; 6] = [
            ("version 2", INDEX, |file| {
                fs::write(file, "{\"foundation\": 2, \"images\": [{\"future\": 1}]}").unwrap()
            }),
            ("not the index", INDEX, |file| {
                fs::write(file, "[]").unwrap()
            }),
            ("is not a valid index", INDEX, |file| {
                fs::write(file, "{\"foundation\": 1, \"images\": [{\"name\": \"a\"}]}").unwrap()
            }),
            ("not a safetensors", TENSORS, |file| {
                fs::write(file, "x").unwrap()
            }),
            ("cannot read", "0001.depth.png", |file| {
                fs::write(file, "x").unwrap()
            }),
            ("16 bits", "0001.masks.png", |file| {
                image::GrayImage::new(2, 2).save(file).unwrap()
            }),
        ];
        for (words, file, damage) in damages {
            let folder = tempfile::tempdir().unwrap();
            let out = written(folder.path());
            damage(&out.join(file));
            let error = format!("{:#}", Foundation::read(&out).unwrap_err());
            assert!(
                error.contains(words) && error.contains(file),
                "{error} does not say {words} of {file}"
            );
        }
    }
}
