//! Reads bundles.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};
use glam::Affine3A;
use safetensors::SafeTensors;
use segscape::views::{Camera, Correspondence, Map};
use serde::Deserialize;

use crate::foundation::{
    Foundation, Given, Image, Instance, Mask, Truth,
    gray16::load_gray16,
    tensors::{rows, values},
};

use super::{
    INDEX, MILLIMETRES, TENSORS, VERSION, depth_file,
    index::{Entry, Index, Named},
};

impl Foundation {
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
                    stuff: index.stuff,
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
}

impl Entry {
    /// Reads the image from the bundle's files.
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
        let depth = depth(folder, &name)?;
        let mask = load_gray16(&folder.join(format!("{name}.masks.png")))?
            .and_then(|(size, values)| Mask::new(values, size));
        let features = image_features(tensors, &name)?;
        let objects = object_features(tensors, &name, instances.len())?;
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

/// The depth of the image `name`, if there is a depth image.
pub(super) fn depth(folder: &Path, name: &str) -> anyhow::Result<Option<Map>> {
    load_gray16(&folder.join(depth_file(name)))?
        .map(|([rows, columns], values)| {
            let metres = values.into_iter().map(|mm| f32::from(mm) / MILLIMETRES);
            Ok(Map::new(metres.collect(), [rows, columns, 1])?)
        })
        .transpose()
}

/// X of the image `name`, if there is one.
fn image_features(tensors: &SafeTensors, name: &str) -> anyhow::Result<Option<Map>> {
    let key = format!("image_features.{name}");
    Ok(match tensors.tensor(&key) {
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
    })
}

/// R of the instances of the image `name`; empty for each if there is none.
fn object_features(
    tensors: &SafeTensors,
    name: &str,
    instances: usize,
) -> anyhow::Result<Vec<Vec<f32>>> {
    let key = format!("object_features.{name}");
    Ok(match tensors.tensor(&key) {
        Ok(tensor) => {
            ensure!(
                tensor.shape().len() == 2
                    && tensor.shape()[0] == instances
                    && tensor.shape()[1] > 0,
                "`{key}` has the shape {:?}, {} instances are listed",
                tensor.shape(),
                instances
            );
            values::<f32>(&tensor, &key)?
                .chunks_exact(tensor.shape()[1])
                .map(<[f32]>::to_vec)
                .collect()
        }
        Err(_) => vec![vec![]; instances],
    })
}
