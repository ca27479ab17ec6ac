//! Things are named by the pictures that show them best (docs/naming.md): by a tiny model that tells
//! colors apart, from photographs and from pictures that are drawn from the points.
#![allow(clippy::unwrap_used)]

mod program;

use std::{fs, io::Cursor, path::Path};

use recordings::foundation::{
    Foundation, Given, Image, ImageInstance, InFolder as _, Mask, SceneTruth,
};
use segscape::views::{Camera, Map, Pixel};
use serde_json::Value;

use program::{done, refusal};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/onnx");
const NETWORK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../static/models/nano-cf162d1d"
);
const WIDTH: usize = 96;
const HEIGHT: usize = 72;
/// Two boxes on a floor, in metres with z up: their lowest and highest corners.
const BOXES: [[[f32; 3]; 2]; 2] = [
    [[-0.8, -0.3, 0.0], [-0.2, 0.3, 0.6]],
    [[0.3, -0.3, 0.0], [0.9, 0.3, 0.5]],
];
/// The colors of the floor and the boxes in the photographs and in the points: what names them shows
/// where the names are from.
const PHOTOGRAPHED: [[u8; 3]; 3] = [[150; 3], [220, 30, 30], [30, 200, 30]];
const SCANNED: [[u8; 3]; 3] = [[150; 3], [30, 30, 220], [30, 200, 30]];

/// The last JSON line that a command prints, and what it says.
fn told(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let output = done(folder, arguments);
    let mut lines = output.stdout.split(|byte| *byte == b'\n');
    let last = lines.rfind(|line| !line.is_empty()).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (serde_json::from_slice(last).unwrap(), said)
}

fn refused(folder: &Path, arguments: &[&str], words: &[&str]) {
    let said = refusal(folder, arguments);
    for word in words {
        assert!(said.contains(word), "\"{said}\" does not say \"{word}\"");
    }
}

fn unit(v: [f32; 3]) -> [f32; 3] {
    let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    v.map(|x| x / length)
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [0, 1, 2].map(|i| {
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        a[j] * b[k] - a[k] * b[j]
    })
}

/// A camera at a place that looks at the middle of the boxes.
fn camera(eye: [f32; 3]) -> Camera {
    let ahead = unit([-eye[0], -eye[1], 0.2 - eye[2]]);
    let right = unit(cross(ahead, [0.0, 0.0, 1.0]));
    let mut camera = Camera {
        width: WIDTH as f32,
        height: HEIGHT as f32,
        focal: [70.0; 2],
        center: [WIDTH as f32 / 2.0 - 0.5, HEIGHT as f32 / 2.0 - 0.5],
        world_from_camera: Default::default(),
    };
    let pose = &mut camera.world_from_camera;
    pose.matrix3.x_axis = right.into();
    pose.matrix3.y_axis = cross(ahead, right).into();
    pose.matrix3.z_axis = ahead.into();
    pose.translation = eye.into();
    camera
}

/// The depth along the optical axis and what is there: 0 for the floor, else the box plus one.
fn seen(camera: &Camera, row: usize, column: usize) -> Option<(f32, usize)> {
    let at = camera.back_project(Pixel {
        x: (column as f32 + 0.5) / WIDTH as f32,
        y: (row as f32 + 0.5) / HEIGHT as f32,
        depth: 1.0,
    });
    let eye = camera.position();
    let way: [f32; 3] = std::array::from_fn(|axis| at[axis] - eye[axis]);
    let floor = -eye[2] / way[2];
    let mut best = (floor > 0.0 && floor < 6.0).then_some((floor, 0));
    for (number, [low, high]) in BOXES.iter().enumerate() {
        let along = |axis: usize| {
            let ends = [low, high].map(|corner| (corner[axis] - eye[axis]) / way[axis]);
            (ends[0].min(ends[1]), ends[0].max(ends[1]))
        };
        let (near, far) = (0..3)
            .map(along)
            .fold((0.0f32, f32::INFINITY), |(near, far), (a, b)| {
                (near.max(a), far.min(b))
            });
        if near < far && best.is_none_or(|(depth, _)| near < depth) {
            best = Some((near, number + 1));
        }
    }
    best
}

/// Points with what they are a part of, as in [`seen`].
fn points() -> Vec<([f32; 3], usize)> {
    let mut points = vec![];
    let mut patch = |start: [f32; 3], axes: [usize; 2], extent: [f32; 2], of: usize| {
        let steps = extent.map(|extent| (extent / 0.03) as usize);
        for i in 0..=steps[0] * steps[1] {
            let mut point = start;
            point[axes[0]] += (i % steps[0]) as f32 * 0.03;
            point[axes[1]] += (i / steps[0]) as f32 * 0.03;
            points.push((point, of));
        }
    };
    patch([-2.0, -2.0, 0.0], [0, 1], [4.0, 4.0], 0);
    for (number, [low, high]) in BOXES.into_iter().enumerate() {
        for axis in 0..3 {
            let axes = [(axis + 1) % 3, (axis + 2) % 3];
            let extent = axes.map(|axis| high[axis] - low[axis]);
            let mut far = low;
            far[axis] = high[axis];
            patch(far, axes, extent, number + 1);
            if axis < 2 {
                patch(low, axes, extent, number + 1);
            }
        }
    }
    points
}

/// The boxes in four images, with their masks and with labels, and with pictures if there are to be.
fn write(folder: &Path, pictures: bool) {
    let points = points();
    let image = |(number, eye): (usize, &[f32; 3])| {
        let camera = camera(*eye);
        let pixels = (0..HEIGHT * WIDTH).map(|pixel| seen(&camera, pixel / WIDTH, pixel % WIDTH));
        let pixels: Vec<_> = pixels.collect();
        let depth = pixels
            .iter()
            .map(|seen| seen.map_or(0.0, |(depth, _)| depth));
        let mask = pixels
            .iter()
            .map(|seen| seen.map_or(0, |(_, of)| of as u16));
        let unnamed = ImageInstance {
            name: String::new(),
            score: 0.9,
            features: vec![],
        };
        Image {
            depth: Some(Map::new(depth.collect(), [HEIGHT, WIDTH, 1]).unwrap()),
            mask: Mask::new(mask.collect(), [HEIGHT, WIDTH]),
            instances: vec![unnamed; 2],
            ..Image::new(
                format!("frame-{number}"),
                camera,
                pictures.then(|| format!("frame-{number}.png")),
            )
        }
    };
    let eyes = [
        [0.0, -2.2, 1.2],
        [1.6, -1.6, 1.2],
        [-1.6, -1.6, 1.2],
        [0.0, -2.8, 1.5],
        [0.2, 2.4, 1.2],
    ];
    let scene = Foundation {
        positions: points.iter().map(|(point, _)| *point).collect(),
        colors: Some(points.iter().map(|(_, of)| SCANNED[*of]).collect()),
        origins: vec![None; points.len()],
        images: eyes.iter().enumerate().map(image).collect(),
        truth: Some(SceneTruth {
            semantic: points.iter().map(|(_, of)| *of as i32 + 1).collect(),
            instance: points.iter().map(|(_, of)| *of as i32).collect(),
            names: vec![],
            stuff: None,
        }),
        given: Given {
            superpoints: Some(points.iter().map(|(_, of)| *of as u32).collect()),
            ..Given::default()
        },
    };
    let picture = |image: &Image| {
        let picture = image::RgbImage::from_fn(WIDTH as u32, HEIGHT as u32, |column, row| {
            let seen = seen(&image.camera, row as usize, column as usize);
            image::Rgb(seen.map_or([90; 3], |(_, of)| PHOTOGRAPHED[of]))
        });
        let mut file = Cursor::new(vec![]);
        picture.write_to(&mut file, image::ImageFormat::Png)?;
        Ok(file.into_inner())
    };
    scene.write(folder, picture).unwrap();
}

/// The labels and the views of the instances, the box at the left first.
fn named(told: &Value) -> Vec<(Option<&str>, Vec<&str>)> {
    let instances = told["instances"].as_array().unwrap();
    let mut instances: Vec<&Value> = instances.iter().collect();
    let left = |instance: &&Value| instance["world_box"]["centre"][0].as_f64().unwrap();
    instances.sort_by(|a, b| left(a).total_cmp(&left(b)));
    let of = |instance: &&'_ Value| {
        let views = instance["named_from"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert!(
            views.iter().all(|view| {
                let share = view["seen"].as_f64().unwrap();
                share > 0.1 && share <= 1.0
            }),
            "{views:?}"
        );
        views.len()
    };
    instances
        .iter()
        .map(|instance| {
            let count = of(instance);
            let views = (0..count).map(|view| {
                let view = &instance["named_from"][view];
                view["frame"].as_str().unwrap_or("drawn")
            });
            (instance["label"].as_str(), views.collect())
        })
        .collect()
}

#[test]
fn photographs_name_things_and_damaged_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scene = folder.join("scene");
    write(&scene, true);
    let colors = format!("{GOLDEN}/colors.json");
    let by = |more: &[&'static str]| {
        let usual = ["lift", "scene", "--json", "--image-text", &colors];
        told(folder, &[&usual, more].concat())
    };
    let (found, said) = by(&["--view-pictures", "views", "--out", "results"]);
    let [(left, from), (right, _)] = named(&found).try_into().unwrap();
    assert_eq!((left, right), (Some("fire extinguisher"), Some("plant")));
    assert_eq!(from.len(), 3, "{from:?}");
    assert!(
        from.iter().all(|view| view.starts_with("frame-")),
        "{from:?}"
    );
    assert!(!said.contains("without the frame"), "{said}");
    let saved = fs::read_to_string(folder.join("results/scene.json")).unwrap();
    assert!(
        saved.contains("named_from") && saved.contains(from[0]),
        "{saved}"
    );
    // The picture of the thing has it in the middle, undimmed.
    let picture = image::open(folder.join("views/scene/0-1.png"))
        .unwrap()
        .to_rgb8();
    let middle = picture.get_pixel(picture.width() / 2, picture.height() / 2);
    assert!(PHOTOGRAPHED.contains(&middle.0), "{middle:?}");
    assert_eq!(picture.width(), picture.height());

    // A damaged picture is left out, and said.
    let damaged = from[0].to_owned();
    let path = scene.join(format!("{damaged}.png"));
    let half = fs::read(&path).unwrap();
    fs::write(&path, &half[..half.len() / 2]).unwrap();
    let (found, said) = by(&[]);
    assert!(
        said.contains(&format!("without the frame {damaged}")),
        "{said}"
    );
    let [(left, from), (right, _)] = named(&found).try_into().unwrap();
    assert_eq!((left, right), (Some("fire extinguisher"), Some("plant")));
    assert!(
        !from.contains(&damaged.as_str()) && from.len() == 3,
        "{from:?}"
    );

    // What is asked for has a name, and nothing else; questions are answered by these names.
    let (found, said) = by(&["--prompt", "plant . recycling bin"]);
    let labels: Vec<_> = named(&found).into_iter().map(|(label, _)| label).collect();
    assert_eq!(labels, [None, Some("plant")]);
    assert!(said.contains("no recycling bin"), "{said}");
    let (found, _) = by(&["--ask", "the plant next to the fire extinguisher"]);
    let answered = found["answer"]["found"].as_array().unwrap();
    assert_eq!(answered.len(), 1, "{found}");
}

#[test]
fn things_without_photographs_are_drawn_from_their_points() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("scene"), false);
    let colors = format!("{GOLDEN}/colors.json");
    let model = ["--image-text", &colors, "--json"];
    let check = |found: &Value| {
        let [(left, from), (right, _)] = named(found).try_into().unwrap();
        assert_eq!((left, right), (Some("recycling bin"), Some("plant")));
        assert!(
            !from.is_empty() && from.iter().all(|view| *view == "drawn"),
            "{from:?}"
        );
    };
    let (found, _) = told(folder, &[&["lift", "scene"][..], &model].concat());
    check(&found);
    let (found, _) = told(folder, &[&["track", "scene"][..], &model].concat());
    check(&found);
}

#[test]
fn tracked_and_segmented_things_are_named_by_photographs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("scene"), true);
    let colors = format!("{GOLDEN}/colors.json");
    let model = ["--image-text", &colors, "--json"];
    let (found, _) = told(folder, &[&["track", "scene"][..], &model].concat());
    let [(left, from), (right, _)] = named(&found).try_into().unwrap();
    assert_eq!((left, right), (Some("fire extinguisher"), Some("plant")));
    assert!(
        from.iter().all(|view| view.starts_with("frame-")),
        "{from:?}"
    );

    // Whatever the network finds: what lies inside a box is named by the box's color.
    let segment = ["segment", "scene", "--weights", NETWORK, "--threshold", "0"];
    let prompt = ["--prompt", "plant . fire extinguisher"];
    let (found, said) = told(folder, &[&segment[..], &model, &prompt].concat());
    let inside = |number: usize| {
        let [low, high] = BOXES[number];
        let instances = found["instances"].as_array().unwrap().iter();
        let is_inside = move |instance: &&Value| {
            let end = |end: &str, axis: usize| instance["world_box"][end][axis].as_f64().unwrap();
            (0..3).all(|axis| {
                end("min", axis) >= f64::from(low[axis]) - 0.05
                    && end("max", axis) <= f64::from(high[axis]) + 0.05
            })
        };
        let named = instances.filter(is_inside).map(|instance| {
            assert!(instance["named_from"][0]["frame"].is_string(), "{instance}");
            instance["label"].as_str().unwrap().to_owned()
        });
        named.collect::<Vec<_>>()
    };
    let (left, right) = (inside(0), inside(1));
    assert!(!left.is_empty() && !right.is_empty(), "{found} {said}");
    assert!(
        left.iter().all(|name| name == "fire extinguisher"),
        "{left:?}"
    );
    assert!(right.iter().all(|name| name == "plant"), "{right:?}");
}

#[test]
fn models_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("scene"), false);
    let read = |name: &str| fs::read(format!("{GOLDEN}/{name}")).unwrap();
    let manifest: Value = serde_json::from_slice(&read("colors.json")).unwrap();
    let graph = read("colors.onnx");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut manifest = manifest.clone();
        let tower = &mut manifest["task"]["image_text"];
        let file = tower["encoder"]["file"].as_object_mut().unwrap();
        file.remove("bytes");
        file.remove("sha256");
        change(tower);
        fs::write(folder.join("colors.json"), manifest.to_string()).unwrap();
    };
    let asked = ["lift", "scene", "--image-text", "colors.json"];

    // Weights that are not numbers: those of the words, which come after the factors of the channels,
    // 1 and -0.5.
    let [one, half] = [1.0_f32, -0.5].map(f32::to_le_bytes);
    let weights = [one, half, half].concat();
    let at = graph
        .windows(12)
        .position(|bytes| bytes == weights)
        .unwrap();
    let mut broken = graph.clone();
    broken[at + 300..at + 560].fill(0xff);
    fs::write(folder.join("colors.onnx"), broken).unwrap();
    with(&|_| ());
    refused(
        folder,
        &asked,
        &["colors.onnx", "image_embeds", "not finite"],
    );

    fs::write(folder.join("colors.onnx"), &graph).unwrap();
    with(&|tower| tower["output"] = "contrasts".into());
    refused(folder, &asked, &["colors.json", "3 values", "have 384"]);
    with(&|tower| tower["text_encoder"] = "clip-of-nobody".into());
    refused(
        folder,
        &asked,
        &["clip-of-nobody", "text encoder is missing"],
    );
    with(&|tower| {
        tower.as_object_mut().unwrap().remove("text_encoder");
    });
    refused(folder, &asked, &["--image-text-encoder"]);
    with(&|tower| tower["logit_scale"] = (-1.0).into());
    refused(folder, &asked, &["`logit_scale` is -1"]);
    let features = format!("{GOLDEN}/dinov2.json");
    let other = ["lift", "scene", "--image-text", &features];
    refused(folder, &other, &["one for image embeddings is needed"]);
}
