//! Writes bundles.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use safetensors::{Dtype, tensor::TensorView};
use segscape::{
    captures::MILLIMETRES,
    foundation::{
        Entry, Index, TENSORS, VERSION, depth_file, depth_map, is_plain, masks_file,
        tensors::{OBJECT_FEATURES, OBJECT_POSITIONS, POINT_FEATURES, SUPERPOINT},
    },
    views::Map,
};

use crate::foundation::{
    Foundation, Given, INDEX, Image, SceneTruth,
    gray16::{load_gray16, save_gray16},
};

/// A tensor to write: name, type, shape, bytes.
type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

/// A bundle in the making: a folder beside `out` that takes the name `out`, in place of an older
/// bundle, only when it is complete, and is deleted if that never happens.
///
/// Pictures and depth images are written one by one, as they are read, so that a scene of any
/// length needs the memory of one image.
pub struct Writer {
    out: PathBuf,
    part: PathBuf,
}

impl Writer {
    /// Begins a bundle.
    ///
    /// # Errors
    /// `out` does not name a folder, or the folder in the making cannot be created.
    pub fn create(out: &Path) -> anyhow::Result<Self> {
        let name = out
            .file_name()
            .with_context(|| format!("{} does not name a folder", out.display()))?
            .to_string_lossy();
        let part = out.with_file_name(format!("{name}.part{}", std::process::id()));
        let writer = Self {
            out: out.to_owned(),
            part,
        };
        let begin = || -> anyhow::Result<()> {
            // what a process of the same number left when it was killed
            if writer.part.exists() {
                fs::remove_dir_all(&writer.part)?;
            }
            Ok(fs::create_dir_all(&writer.part)?)
        };
        writer.told(begin())?;
        Ok(writer)
    }

    /// Writes the encoded picture of an image under the file name `name`.
    ///
    /// # Errors
    /// The name leads out of the bundle, or the file cannot be written.
    pub fn picture(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.told(self.file(name).and_then(|path| Ok(fs::write(path, bytes)?)))
    }

    /// Writes the depth of the image called `image`, metres. The image itself need not hold it any
    /// longer.
    ///
    /// # Errors
    /// The name leads out of the bundle, or the file cannot be written.
    pub fn depth(&self, image: &str, depth: &Map) -> anyhow::Result<()> {
        let [rows, columns] = depth.size();
        let pixels =
            (0..rows).flat_map(|row| (0..columns).map(move |column| depth.at(row, column)[0]));
        let values = pixels.map(|d| (d * MILLIMETRES).round() as u16).collect();
        let path = self.file(&depth_file(image));
        self.told(path.and_then(|path| save_gray16(&path, [rows, columns], values)))
    }

    /// Reads the depth of the image called `image` again, metres, if it was written.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_depth(&self, image: &str) -> anyhow::Result<Option<Map>> {
        let read = load_gray16(&self.part.join(depth_file(image)))?;
        let map = read.map(|(size, values)| depth_map(size, values));
        Ok(map.transpose()?)
    }

    /// Writes what is left of the scene, with the depths that its images hold, and gives the bundle
    /// its name.
    ///
    /// # Errors
    /// The scene breaks a rule of the format, or a file cannot be written.
    pub fn complete(self, scene: &Foundation) -> anyhow::Result<()> {
        scene.check()?;
        self.told(self.write(scene))
    }

    fn write(&self, scene: &Foundation) -> anyhow::Result<()> {
        for image in &scene.images {
            if let Some(depth) = &image.depth {
                self.depth(&image.name, depth)?;
            }
            if let Some(mask) = &image.mask {
                save_gray16(
                    &self.file(&masks_file(&image.name))?,
                    mask.size(),
                    mask.values().to_vec(),
                )?;
            }
        }
        fs::write(self.part.join(TENSORS), tensors(scene)?)?;
        let truth = scene.truth.as_ref();
        let index = Index {
            foundation: VERSION,
            images: scene.images.iter().map(Entry::of).collect(),
            classes: truth.map_or_else(Vec::new, |truth| truth.names.clone()),
            stuff: truth.and_then(|truth| truth.stuff.clone()),
        };
        fs::write(self.part.join(INDEX), serde_json::to_vec_pretty(&index)?)?;
        if self.out.exists() {
            fs::remove_dir_all(&self.out)?;
        }
        Ok(fs::rename(&self.part, &self.out)?)
    }

    /// Path of a file of the bundle.
    fn file(&self, name: &str) -> anyhow::Result<PathBuf> {
        ensure!(
            is_plain(name),
            "\"{name}\" is not the name of a file in the bundle itself"
        );
        Ok(self.part.join(name))
    }

    fn told<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        result.with_context(|| format!("cannot write the bundle {}", self.out.display()))
    }
}

impl Drop for Writer {
    /// Deletes what was not completed; the error that stopped it is the one to report.
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.part));
    }
}

/// The file with the tensors of a scene.
fn tensors(scene: &Foundation) -> anyhow::Result<Vec<u8>> {
    let mut tensors = point_tensors(scene);
    tensors.extend(given_tensors(&scene.given, scene.positions.len()));
    tensors.extend(scene.images.iter().flat_map(image_tensors));
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
    });
    Ok(safetensors::serialize(
        views.collect::<anyhow::Result<Vec<_>>>()?,
        None,
    )?)
}

/// The tensors with a row for each point.
fn point_tensors(scene: &Foundation) -> Vec<Tensor> {
    let points = scene.positions.len();
    let mut tensors = vec![];
    let mut add = |name: &str, dtype, shape, bytes: &[u8]| {
        tensors.push((name.to_owned(), dtype, shape, bytes.to_vec()))
    };
    add(
        "positions",
        Dtype::F32,
        vec![points, 3],
        bytemuck::cast_slice(&scene.positions),
    );
    if let Some(colors) = &scene.colors {
        add(
            "colors",
            Dtype::U8,
            vec![points, 3],
            bytemuck::cast_slice(colors),
        );
    }
    if scene.origins.iter().any(Option::is_some) {
        let views: Vec<i32> = scene
            .origins
            .iter()
            .map(|o| o.map_or(-1, |o| o.view as i32))
            .collect();
        let pixels: Vec<[f32; 2]> = scene
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
    if let Some(SceneTruth {
        semantic, instance, ..
    }) = &scene.truth
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

/// The features of the image and of its instances.
fn image_tensors(image: &Image) -> Vec<Tensor> {
    let mut tensors = vec![];
    let mut add = |name: String, dtype, shape, bytes: &[u8]| {
        tensors.push((name, dtype, shape, bytes.to_vec()))
    };
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
    tensors
}

/// The tensors of what other programs computed for a scene with this number of points.
fn given_tensors(given: &Given, points: usize) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    let [features, objects] = given
        .channels(points)
        .map(|channels| channels.into_iter().next().unwrap_or(0));
    let mut add = |name: &str, dtype, shape, bytes: &[u8]| {
        tensors.push((name.to_owned(), dtype, shape, bytes.to_vec()))
    };
    if let Some(ids) = &given.superpoints {
        add(
            SUPERPOINT,
            Dtype::U32,
            vec![points],
            bytemuck::cast_slice(ids),
        );
    }
    if let Some(values) = &given.features {
        add(
            POINT_FEATURES,
            Dtype::F32,
            vec![points, features],
            bytemuck::cast_slice(values),
        );
    }
    let count = given.objects.positions.len();
    if count > 0 {
        add(
            OBJECT_FEATURES,
            Dtype::F32,
            vec![count, objects],
            bytemuck::cast_slice(&given.objects.features),
        );
        add(
            OBJECT_POSITIONS,
            Dtype::F32,
            vec![count, 3],
            bytemuck::cast_slice(&given.objects.positions),
        );
    }
    tensors
}
