#![allow(clippy::unwrap_used)]
//! Bundles in memory and in archives, and what strangers may write in place of them.

use std::io::{Cursor, Write as _};

use image::{ImageBuffer, ImageFormat, Luma};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{tensors::*, *};
use crate::captures::{CaptureError, InMemory, ReadAt, Zip};

/// A camera at the origin that looks along the x axis of the world.
fn camera() -> Camera {
    let axes = glam::Mat3::from_cols(-glam::Vec3::Y, -glam::Vec3::Z, glam::Vec3::X);
    Camera {
        width: 64.0,
        height: 48.0,
        focal: [50.0, 50.0],
        center: [31.5, 23.5],
        world_from_camera: glam::Affine3A::from_mat3(axes),
    }
}

/// A wall of 40 x 40 points that one image shows, with a picture on it that a 2D model found.
pub fn wall() -> Foundation {
    let places = (0..1600).map(|i| [(i % 40) as f32 / 40.0, (i / 40) as f32 / 40.0]);
    let places: Vec<[f32; 2]> = places.collect();
    let features = (0..16 * 5).map(|i| i as f32 / 80.0).collect();
    let image = Image {
        depth: Some(Map::new(vec![2.0; 16], [4, 4, 1]).unwrap()),
        mask: Mask::new(vec![1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [4, 4]),
        instances: vec![ImageInstance {
            name: "picture".into(),
            score: 0.9,
            features: vec![0.5; 6],
        }],
        features: Some(Map::new(features, [4, 4, 5]).unwrap()),
        ..Image::new("wall".into(), camera(), None)
    };
    let origin = |&[x, y]: &[f32; 2]| Some(Correspondence { view: 0, x, y });
    Foundation {
        positions: places
            .iter()
            .map(|[x, y]| [2.0, 2.0 * x, 2.0 * y])
            .collect(),
        origins: places.iter().map(origin).collect(),
        images: vec![image],
        ..Foundation::default()
    }
}

fn gray_png([rows, columns]: [usize; 2], values: Vec<u16>) -> Vec<u8> {
    let image = ImageBuffer::<Luma<u16>, _>::from_raw(columns as u32, rows as u32, values);
    let mut bytes = Cursor::new(Vec::new());
    image
        .unwrap()
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// The files of a bundle, written without regard to its rules.
pub fn files(scene: &Foundation) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, dtype, shape: Vec<usize>, bytes: &[u8]| {
        tensors.push((name.to_owned(), dtype, shape, bytes.to_vec()));
    };
    let floats = bytemuck::cast_slice::<f32, u8>;
    let points = scene.positions.len();
    let positions = scene.positions.as_flattened();
    add("positions", Dtype::F32, vec![points, 3], floats(positions));
    if scene.origins.iter().any(Option::is_some) {
        let views = scene
            .origins
            .iter()
            .map(|o| o.map_or(-1, |o| o.view as i32));
        let views: Vec<i32> = views.collect();
        let pixels = scene
            .origins
            .iter()
            .map(|o| o.map_or([0.0; 2], |o| [o.x, o.y]));
        let pixels: Vec<[f32; 2]> = pixels.collect();
        let bytes = bytemuck::cast_slice(&views);
        add("origin_view", Dtype::I32, vec![points], bytes);
        let bytes = floats(pixels.as_flattened());
        add("origin_pixel", Dtype::F32, vec![points, 2], bytes);
    }
    if let Some(ids) = &scene.given.superpoints {
        add(
            SUPERPOINT,
            Dtype::U32,
            vec![ids.len()],
            bytemuck::cast_slice(ids),
        );
    }
    let objects = &scene.given.objects;
    if !objects.positions.is_empty() {
        let count = objects.positions.len();
        let shape = vec![count, objects.features.len() / count];
        add(
            OBJECT_FEATURES,
            Dtype::F32,
            shape,
            floats(&objects.features),
        );
        let bytes = floats(objects.positions.as_flattened());
        add(OBJECT_POSITIONS, Dtype::F32, vec![count, 3], bytes);
    }
    for image in &scene.images {
        let name = &image.name;
        if let Some(features) = &image.features {
            let [rows, columns] = features.size();
            let cells = (0..rows * columns).flat_map(|i| features.at(i / columns, i % columns));
            let cells: Vec<f32> = cells.copied().collect();
            let shape = vec![rows, columns, features.channels()];
            add(
                &format!("image_features.{name}"),
                Dtype::F32,
                shape,
                floats(&cells),
            );
        }
        if let Some(first) = image.instances.first() {
            let rows = image.instances.iter().flat_map(|i| &i.features);
            let rows: Vec<f32> = rows.copied().collect();
            let shape = vec![image.instances.len(), first.features.len()];
            add(
                &format!("object_features.{name}"),
                Dtype::F32,
                shape,
                floats(&rows),
            );
        }
        if let Some(depth) = &image.depth {
            let [rows, columns] = depth.size();
            let values = (0..rows * columns).map(|i| depth.at(i / columns, i % columns)[0]);
            let values = values.map(|metres| (metres * 1000.0) as u16).collect();
            files.push((depth_file(name), gray_png([rows, columns], values)));
        }
        if let Some(mask) = &image.mask {
            let png = gray_png(mask.size(), mask.values().to_vec());
            files.push((masks_file(name), png));
        }
        if let Some(picture) = &image.picture {
            files.push((picture.clone(), vec![7; 3]));
        }
    }
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes).unwrap();
        (name, view)
    });
    files.push((TENSORS.into(), safetensors::serialize(views, None).unwrap()));
    let index = Index {
        foundation: VERSION,
        images: scene.images.iter().map(Entry::of).collect(),
        classes: vec![],
        stuff: None,
    };
    files.push((INDEX.into(), serde_json::to_vec(&index).unwrap()));
    files
}

fn memory(files: Vec<(String, Vec<u8>)>) -> InMemory {
    InMemory::new("scene", files).unwrap()
}

/// The files of the wall with another content of one of them.
fn with(path: &str, content: Vec<u8>) -> InMemory {
    let mut files = files(&wall());
    files.retain(|(name, _)| name != path);
    files.push((path.to_owned(), content));
    memory(files)
}

fn refused(files: &dyn crate::captures::Files) -> String {
    Foundation::open(files, "").unwrap_err().to_string()
}

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, range: std::ops::Range<u64>) -> std::io::Result<Vec<u8>> {
        let end = (range.end as usize).min(self.0.len());
        Ok(self.0[(range.start as usize).min(end)..end].to_vec())
    }
}

#[test]
fn a_bundle_is_the_same_in_memory_and_in_an_archive() {
    let scene = wall();
    let read = Foundation::open(&memory(files(&scene)), "").unwrap();
    assert_eq!(format!("{read:?}"), format!("{scene:?}"));

    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files(&scene) {
        let options = zip::write::SimpleFileOptions::default();
        writer
            .start_file(format!("rooms/wall/{path}"), options)
            .unwrap();
        writer.write_all(&bytes).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let archive = Zip::open("wall.zip", Bytes(bytes)).unwrap();
    let read = Foundation::open(&archive, "rooms/wall/").unwrap();
    assert_eq!(format!("{read:?}"), format!("{scene:?}"));
    let error = Foundation::open(&archive, "rooms/").unwrap_err();
    let words = "there is no wall.zip/rooms/foundation.json";
    assert_eq!(error.to_string(), words);
}

#[test]
fn damaged_files_are_named() {
    let grey = || {
        let mut bytes = Cursor::new(Vec::new());
        let image = image::GrayImage::new(2, 2);
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let mut cut = files(&wall());
    let tensors = cut.iter_mut().find(|(name, _)| name == TENSORS);
    let tensors = tensors.map(|(_, bytes)| bytes[..bytes.len() - 4].to_vec());
    let future = text("{\"foundation\": 2, \"images\": [{\"future\": 1}]}");
    let partial = text("{\"foundation\": 1, \"images\": [{\"name\": \"a\"}]}");
    let outside = text(
        "{\"foundation\": 1, \"images\": [{\"name\": \"../a\", \"size\": [1, 1], \"focal\": [1, 1], \"center\": [0, 0], \"world_from_camera\": [1,0,0,0,0,1,0,0,0,0,1,0]}]}",
    );
    let damages = [
        (
            "version 2, this program reads up to version 1",
            INDEX,
            future,
        ),
        ("is not the index", INDEX, text("[]")),
        ("is not a valid index", INDEX, partial),
        ("contain a slash", INDEX, outside),
        ("is not a safetensors file", TENSORS, text("x")),
        ("is not a safetensors file", TENSORS, tensors.unwrap()),
        ("cannot read", "wall.depth.png", text("x")),
        ("16 bits", "wall.masks.png", grey()),
    ];
    for (words, path, content) in damages {
        let error = refused(&with(path, content));
        assert!(
            error.contains(words) && error.contains(&format!("scene/{path}")),
            "{error} does not say {words} of {path}"
        );
    }
}

#[test]
fn what_breaks_a_rule_is_named() {
    type Spoil = (&'static str, fn(&mut Foundation));
    let refusals: [Spoil; 7] = [
        ("a position is not a finite", |scene| {
            scene.positions[1][2] = f32::NAN;
        }),
        ("image 2, but there are only 1", |scene| {
            scene.origins[1].as_mut().unwrap().view = 2;
        }),
        ("outside 0 to 1", |scene| {
            scene.origins[1].as_mut().unwrap().x = 1.5;
        }),
        (
            "image \"wall\": the mask counts 1 instances, 0 are listed",
            |scene| {
                scene.images[0].instances.clear();
            },
        ),
        ("image \"wall\": a feature is not a finite", |scene| {
            scene.images[0].instances[0].features[3] = f32::INFINITY;
        }),
        ("image \"wall\": a feature is not a finite", |scene| {
            scene.images[0].features = Some(Map::new(vec![f32::NAN; 5], [1, 1, 5]).unwrap());
        }),
        (
            "image features must have the same number of channels",
            |scene| {
                let mut other = scene.images[0].clone();
                other.name = "other".into();
                other.features = Some(Map::new(vec![0.0; 4], [1, 1, 4]).unwrap());
                scene.images.push(other);
            },
        ),
    ];
    for (words, spoil) in refusals {
        let mut scene = wall();
        spoil(&mut scene);
        let error = refused(&memory(files(&scene)));
        assert!(
            error.starts_with("in the bundle scene: ") && error.contains(words),
            "{error} does not say {words}"
        );
    }
}

#[test]
fn nothing_takes_more_memory_than_the_limit() {
    let within = |files: Vec<(String, Vec<u8>)>, limit: u64| {
        let read = Foundation::open_within(&memory(files), "", limit);
        read.map(|scene| scene.images.len())
    };
    let of_tensors = files(&wall()).into_iter().find(|(name, _)| name == TENSORS);
    let tensors = of_tensors.unwrap().1.len() as u64;
    // 16 pixels with depth in four bytes and a mask in two
    let enough = 2 * tensors + 16 * 6;
    assert_eq!(within(files(&wall()), enough), Ok(1));
    let error = within(files(&wall()), enough - 1).unwrap_err().to_string();
    let words = format!(
        "scene/wall.masks.png has 4 x 4 pixels: with it, the tensors and images of the bundle take more than {} bytes",
        enough - 1
    );
    assert!(error.contains(&words), "{error}");
    let error = within(files(&wall()), tensors).unwrap_err().to_string();
    let words = format!("the limit is {}", tensors / 2);
    assert!(error.contains(&words) && error.contains(TENSORS), "{error}");

    // A header that promises more than there is.
    let mut long = 1_000_000_000_000u64.to_le_bytes().to_vec();
    long.extend(*b"{}");
    assert!(refused(&with(TENSORS, long)).contains("not a safetensors file"));
    let header =
        br#"{"positions":{"dtype":"F32","shape":[4294967295,4294967295],"data_offsets":[0,0]}}"#;
    let mut wide = (header.len() as u64).to_le_bytes().to_vec();
    wide.extend(header);
    assert!(refused(&with(TENSORS, wide)).contains("not a safetensors file"));
    // Many pixels in few bytes.
    let flat = gray_png([1, 17_000], vec![0; 17_000]);
    let error = refused(&with("wall.depth.png", flat));
    assert!(error.contains("scene/wall.depth.png"), "{error}");
}

#[test]
fn tensors_of_another_shape_are_named() {
    let refused = |name: &str, shape: &[usize]| {
        let bytes = vec![0u8; 4 * shape.iter().product::<usize>()];
        let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).unwrap();
        let file = safetensors::serialize([(name, view)], None).unwrap();
        let read = Given::read(&SafeTensors::deserialize(&file).unwrap(), 3);
        read.unwrap_err().to_string()
    };
    assert!(refused(POINT_FEATURES, &[2, 4]).contains("instead of (3, channels)"));
    assert!(refused(POINT_FEATURES, &[3, 0]).contains("instead of (3, channels)"));
    assert!(refused(SUPERPOINT, &[3]).contains("instead of U32"));
    assert!(refused(OBJECT_FEATURES, &[2, 4]).contains("must both be there"));
    assert!(refused(OBJECT_POSITIONS, &[2, 4]).contains("instead of"));
}

#[test]
fn what_was_given_must_fit_the_points() {
    type Spoil = (&'static str, fn(&mut Given));
    let refusals: [Spoil; 6] = [
        ("`superpoint` must have 3", |given| {
            given.superpoints = Some(vec![1]);
        }),
        ("`point_features` must have 3 rows", |given| {
            given.features = Some(vec![1.0; 4]);
        }),
        ("not a finite number", |given| {
            given.features = Some(vec![f32::NAN; 3]);
        }),
        ("`object_features` must have 2 rows", |given| {
            given.objects.features = vec![1.0; 3];
        }),
        ("`object_features` must have 0 rows", |given| {
            given.objects.positions.clear();
        }),
        ("position of an object is not a finite", |given| {
            given.objects.positions[1][0] = f32::INFINITY;
        }),
    ];
    for (words, spoil) in refusals {
        let mut given = Given {
            superpoints: Some(vec![7, 7, 4_000_000_000]),
            features: Some(vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0]),
            objects: crate::views::ObjectQueries {
                features: vec![1.0; 8],
                positions: vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
            },
        };
        assert_eq!(given.check(3), Ok::<(), CaptureError>(()));
        spoil(&mut given);
        let error = given.check(3).unwrap_err().to_string();
        assert!(error.contains(words), "{error} does not say {words}");
    }
}
