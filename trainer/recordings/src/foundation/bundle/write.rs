//! Writes bundles.

use std::{fs, path::Path};

use anyhow::Context;
use safetensors::{Dtype, tensor::TensorView};

use crate::foundation::{Foundation, Image, Truth, gray16::save_gray16, tensors::Tensor};

use super::{
    INDEX, MILLIMETRES, TENSORS, VERSION,
    index::{Entry, Index},
};

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
                image.write_maps(&part)?;
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

    fn tensors(&self) -> anyhow::Result<Vec<u8>> {
        let mut tensors = self.point_tensors();
        tensors.extend(self.given.tensors(self.positions.len()));
        tensors.extend(self.images.iter().flat_map(Image::tensors));
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
        });
        Ok(safetensors::serialize(
            views.collect::<anyhow::Result<Vec<_>>>()?,
            None,
        )?)
    }

    /// The tensors with a row for each point.
    fn point_tensors(&self) -> Vec<Tensor> {
        let points = self.positions.len();
        let mut tensors = vec![];
        let mut add = |name: &str, dtype, shape, bytes: &[u8]| {
            tensors.push((name.to_owned(), dtype, shape, bytes.to_vec()))
        };
        add(
            "positions",
            Dtype::F32,
            vec![points, 3],
            bytemuck::cast_slice(&self.positions),
        );
        if let Some(colors) = &self.colors {
            add(
                "colors",
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
                "origin_view",
                Dtype::I32,
                vec![points],
                bytemuck::cast_slice(&views),
            );
            add(
                "origin_pixel",
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
                "semantic",
                Dtype::I32,
                vec![points],
                bytemuck::cast_slice(semantic),
            );
            add(
                "instance",
                Dtype::I32,
                vec![points],
                bytemuck::cast_slice(instance),
            );
        }
        tensors
    }
}

impl Image {
    /// Writes the depth and the mask as pictures.
    fn write_maps(&self, folder: &Path) -> anyhow::Result<()> {
        if let Some(depth) = &self.depth {
            let [rows, columns] = depth.size();
            let pixels =
                (0..rows).flat_map(|row| (0..columns).map(move |column| depth.at(row, column)[0]));
            save_gray16(
                &folder.join(format!("{}.depth.png", self.name)),
                [rows, columns],
                pixels.map(|d| (d * MILLIMETRES).round() as u16).collect(),
            )?;
        }
        if let Some(mask) = &self.mask {
            save_gray16(
                &folder.join(format!("{}.masks.png", self.name)),
                mask.size(),
                mask.values().to_vec(),
            )?;
        }
        Ok(())
    }

    /// The features of the image and of its instances.
    fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = vec![];
        let mut add = |name: String, dtype, shape, bytes: &[u8]| {
            tensors.push((name, dtype, shape, bytes.to_vec()))
        };
        if let Some(features) = &self.features {
            let [rows, columns] = features.size();
            let values: Vec<f32> = (0..rows)
                .flat_map(|r| (0..columns).flat_map(move |c| features.at(r, c).iter().copied()))
                .collect();
            add(
                format!("image_features.{}", self.name),
                Dtype::F32,
                vec![rows, columns, features.channels()],
                bytemuck::cast_slice(&values),
            );
        }
        if let Some(channels) = self
            .instances
            .first()
            .map(|i| i.features.len())
            .filter(|channels| *channels > 0)
        {
            let values: Vec<f32> = self
                .instances
                .iter()
                .flat_map(|i| i.features.iter().copied())
                .collect();
            add(
                format!("object_features.{}", self.name),
                Dtype::F32,
                vec![self.instances.len(), channels],
                bytemuck::cast_slice(&values),
            );
        }
        tensors
    }
}
