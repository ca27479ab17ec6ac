//! Captures and foundation bundles for the page: a small room seen by a depth camera that turns
//! around, as a folder and as an archive.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
};

use glam::{Mat3, Vec3};
use image::{EncodableLayout, ImageBuffer, ImageFormat, Luma, PixelWithColorType, Rgb};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::Stand;

/// Width and height of the images, pixels.
const SIZE: [u32; 2] = [64, 48];
/// Focal length, pixels.
const FOCAL: f32 = 44.0;
/// Corners of the room and of the box that stands in it, metres, z up.
const ROOM: [Vec3; 2] = [Vec3::new(-2.0, -1.6, 0.0), Vec3::new(2.0, 1.6, 2.4)];
const BOX: [Vec3; 2] = [Vec3::new(0.9, -0.5, 0.0), Vec3::new(1.6, 0.4, 0.8)];
/// Color of the box.
const BOX_COLOR: [u8; 3] = [200, 120, 40];
/// Angle of the cameras below the horizon, radians.
const DOWN: f32 = 0.35;

/// The files of a capture named as in 7-Scenes, of this many frames: path and content.
fn seven_scenes(frames: usize) -> Vec<(String, Vec<u8>)> {
    let [width, height] = SIZE;
    let camera = format!(
        "{FOCAL} 0 {}\n0 {FOCAL} {}\n0 0 1\n",
        (width - 1) as f32 / 2.0,
        (height - 1) as f32 / 2.0
    );
    let mut files = vec![("camera-intrinsics.txt".to_owned(), camera.into_bytes())];
    for frame in 0..frames {
        let turned = frame as f32 / frames as f32 * std::f32::consts::TAU;
        let (eye, world_from_camera) = camera_at(turned);
        let (depth, color) = taken(eye, world_from_camera);
        let axis = |axis: usize| {
            let rotation = world_from_camera.row(axis);
            format!(
                "{} {} {} {}\n",
                rotation.x, rotation.y, rotation.z, eye[axis]
            )
        };
        let pose = format!("{}{}{}0 0 0 1\n", axis(0), axis(1), axis(2));
        let name = format!("frame-{frame:06}");
        files.push((format!("{name}.pose.txt"), pose.into_bytes()));
        files.push((format!("{name}.depth.png"), depth));
        files.push((format!("{name}.color.png"), color));
    }
    files
}

/// Number of channels of the image features and of the objects' features of bundles, as the network
/// `tests/golden/published/mink.toml` reads them.
const FEATURES: usize = 4;
const OBJECT_FEATURES: usize = 16;

/// The files of a foundation bundle of this many images: path and content. Each pixel of a depth
/// image is a point; the box has features of its own and is an instance in every image that shows
/// it.
fn foundation_bundle(images: usize) -> Vec<(String, Vec<u8>)> {
    let [width, height] = SIZE;
    let center = [(width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0];
    let (mut files, mut entries, mut tensors) = (Vec::new(), Vec::new(), Vec::new());
    let (mut positions, mut colors, mut views, mut pixels) = (vec![], vec![], vec![], vec![]);
    for image in 0..images {
        let turned = image as f32 / images as f32 * std::f32::consts::TAU;
        let (eye, world_from_camera) = camera_at(turned);
        let (depth, color) = taken(eye, world_from_camera);
        let name = format!("{image:04}");
        let (mut features, mut mask) = (Vec::<f32>::new(), Vec::<u16>::new());
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let ray = [x as f32 - center[0], y as f32 - center[1], FOCAL];
            let ray = world_from_camera * (Vec3::from(ray) / FOCAL);
            let (depth, rgb) = seen_along(eye, ray);
            let is_box = rgb == BOX_COLOR;
            mask.push(is_box.into());
            let feature = if is_box { [6.0, -6.0] } else { [-6.0, 6.0] };
            features.extend([feature; FEATURES / 2].concat());
            positions.extend((eye + depth * ray).to_array());
            colors.extend(rgb);
            views.push(image as i32);
            pixels.extend([
                (x as f32 + 0.5) / width as f32,
                (y as f32 + 0.5) / height as f32,
            ]);
        }
        let rows: Vec<f32> = (0..3)
            .flat_map(|axis| {
                let row = world_from_camera.row(axis);
                [row.x, row.y, row.z, eye[axis]]
            })
            .collect();
        let has_box = mask.contains(&1);
        let instances = [json!({"name": "box", "score": 0.9})];
        entries.push(json!({
            "name": name,
            "size": [height, width],
            "focal": [FOCAL, FOCAL],
            "center": center,
            "world_from_camera": rows,
            "picture": format!("{name}.png"),
            "instances": if has_box { &instances[..] } else { &[] },
        }));
        let shape = vec![height as usize, width as usize, FEATURES];
        let bytes = bytes_of(&features, |value| value.to_le_bytes());
        tensors.push((format!("image_features.{name}"), Dtype::F32, shape, bytes));
        if has_box {
            let bytes = bytes_of(&[3.0f32; OBJECT_FEATURES], |value| value.to_le_bytes());
            let shape = vec![1, OBJECT_FEATURES];
            tensors.push((format!("object_features.{name}"), Dtype::F32, shape, bytes));
        }
        let mask = ImageBuffer::<Luma<u16>, _>::from_vec(width, height, mask);
        files.push((
            format!("{name}.masks.png"),
            png(mask.expect("a value for each pixel")),
        ));
        files.push((format!("{name}.depth.png"), depth));
        files.push((format!("{name}.png"), color));
    }
    let points = views.len();
    let floats = |values: &[f32]| bytes_of(values, |value| value.to_le_bytes());
    let of_points = [
        ("positions", Dtype::F32, vec![points, 3], floats(&positions)),
        ("colors", Dtype::U8, vec![points, 3], colors),
        (
            "origin_view",
            Dtype::I32,
            vec![points],
            bytes_of(&views, |view| view.to_le_bytes()),
        ),
        ("origin_pixel", Dtype::F32, vec![points, 2], floats(&pixels)),
    ];
    tensors.extend(
        of_points.map(|(name, dtype, shape, bytes)| (name.to_owned(), dtype, shape, bytes)),
    );
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        (name, view.expect("as many bytes as the shape says"))
    });
    let tensors = safetensors::serialize(views, None).expect("tensors in memory");
    files.push(("tensors.safetensors".to_owned(), tensors));
    let index = json!({"foundation": 1, "images": entries});
    files.push(("foundation.json".to_owned(), index.to_string().into_bytes()));
    files
}

fn bytes_of<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

/// Position and rotation of a camera (x right, y down, z forward) that has turned by an angle.
fn camera_at(turned: f32) -> (Vec3, Mat3) {
    let ahead = Vec3::new(turned.cos(), turned.sin(), 0.0);
    let forward = ahead * DOWN.cos() - Vec3::Z * DOWN.sin();
    let right = ahead.cross(Vec3::Z);
    let eye = Vec3::new(0.0, 0.0, 1.4) - 0.3 * ahead;
    (eye, Mat3::from_cols(right, forward.cross(right), forward))
}

/// The depth image in millimetres and the picture of a camera, as PNG.
fn taken(eye: Vec3, world_from_camera: Mat3) -> (Vec<u8>, Vec<u8>) {
    let [width, height] = SIZE;
    let seen = |x: u32, y: u32| {
        let across = (x as f32 - (width - 1) as f32 / 2.0) / FOCAL;
        let below = (y as f32 - (height - 1) as f32 / 2.0) / FOCAL;
        seen_along(eye, world_from_camera * Vec3::new(across, below, 1.0))
    };
    let depth = ImageBuffer::from_fn(width, height, |x, y| {
        Luma([(seen(x, y).0 * 1000.0).round() as u16])
    });
    let color = ImageBuffer::from_fn(width, height, |x, y| Rgb(seen(x, y).1));
    (png(depth), png(color))
}

/// The distance, in lengths of the ray, and the color of what a ray meets.
fn seen_along(eye: Vec3, ray: Vec3) -> (f32, [u8; 3]) {
    let (low, high) = distances(BOX, eye, ray);
    if low.max_element() > 0.0 && low.max_element() < high.min_element() {
        return (low.max_element(), BOX_COLOR);
    }
    let (_, high) = distances(ROOM, eye, ray);
    let wall = [[170, 170, 190], [190, 180, 170], [120, 100, 80]];
    let side = (0..3).min_by(|a, b| high[*a].total_cmp(&high[*b]));
    (high.min_element(), wall[side.unwrap_or_default()])
}

fn png<P>(image: ImageBuffer<P, Vec<P::Subpixel>>) -> Vec<u8>
where
    P: PixelWithColorType,
    [P::Subpixel]: EncodableLayout,
{
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .expect("a PNG in memory");
    bytes.into_inner()
}

/// The distances, in lengths of the ray, at which it comes between and leaves the sides of a box
/// along each axis.
fn distances([low, high]: [Vec3; 2], eye: Vec3, ray: Vec3) -> (Vec3, Vec3) {
    let (a, b) = ((low - eye) / ray, (high - eye) / ray);
    (a.min(b), a.max(b))
}

/// An archive of files.
pub fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (at, (path, bytes)) in files.iter().enumerate() {
        // Both ways in which captures are packed.
        let method = match at % 2 {
            0 => CompressionMethod::Deflated,
            _ => CompressionMethod::Stored,
        };
        let options = SimpleFileOptions::default().compression_method(method);
        archive
            .start_file(path.as_str(), options)
            .and_then(|()| Ok(archive.write_all(bytes)?))
            .expect("an archive in memory");
    }
    archive.finish().expect("an archive in memory").into_inner()
}

/// The files of a folder with the folder's name in front, for an archive.
pub fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let name = folder.file_name().expect("a name").to_string_lossy();
    let mut files = Vec::new();
    let mut waiting = vec![(folder.to_owned(), name.into_owned())];
    while let Some((path, name)) = waiting.pop() {
        if path.is_file() {
            files.push((name, fs::read(&path).expect("a file of the capture")));
            continue;
        }
        let entries = fs::read_dir(&path).expect("a folder of the capture");
        waiting.extend(entries.flatten().map(|entry| {
            let inner = entry.file_name();
            (entry.path(), format!("{name}/{}", inner.to_string_lossy()))
        }));
    }
    files.sort();
    files
}

impl Stand {
    /// A folder with a capture of this many frames. The second frame has no pose.
    pub fn capture(&self, name: &str, frames: usize) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).expect("the story's folder can be written");
        for (path, bytes) in seven_scenes(frames) {
            let lost = path == "frame-000001.pose.txt";
            let bytes = if lost { b"nan ".repeat(16) } else { bytes };
            fs::write(folder.join(path), bytes).expect("the story's folder can be written");
        }
        folder
    }

    /// The same as an archive.
    pub fn capture_archive(&self, name: &str, frames: usize) -> PathBuf {
        let folder = self.capture(name, frames);
        self.file(&format!("{name}.zip"), &archive(&files_of(&folder)))
    }

    /// A foundation bundle of this many images, as an archive with a folder in it.
    pub fn foundation_bundle(&self, name: &str, images: usize) -> PathBuf {
        let files = foundation_bundle(images).into_iter();
        let files = files.map(|(path, bytes)| (format!("{name}/{path}"), bytes));
        self.file(&format!("{name}.zip"), &archive(&files.collect::<Vec<_>>()))
    }

    /// The same as a folder.
    pub fn foundation_folder(&self, name: &str, images: usize) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).expect("the story's folder can be written");
        for (path, bytes) in foundation_bundle(images) {
            fs::write(folder.join(path), bytes).expect("the story's folder can be written");
        }
        folder
    }
}
