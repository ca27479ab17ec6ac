//! ScanNet++ (docs/spec/data.md section 4): a labelled mesh in `scans`, and the recording of an
//! iPhone in `iphone`.

use std::path::Path;

use anyhow::{Context, anyhow};
use segscape::captures::{CaptureFrame, DepthEncoding, DepthFile, Files as _, MILLIMETRES, inside};

use super::{
    Gap, Options, Prepared, Reader, Shot, Shots,
    annotation::{self, Classes, Segments},
    colmap,
    mesh::{self, LabeledPoints},
    shots,
};
use crate::{folder::Folder, foundation::Writer};

const MESH: &str = "scans/mesh_aligned_0.05.ply";
const SEGMENTS: &str = "scans/segments.json";
const AGGREGATION: &str = "scans/segments_anno.json";
const PHONE: &str = "iphone";
/// Folder of the scenes, and the list of classes of the data set.
const SCENES: &str = "data";
const CLASSES: &str = "metadata/semantic/instance_classes.txt";

/// The scenes of ScanNet++.
pub struct Scannetpp;

impl Reader for Scannetpp {
    fn is_scene(&self, folder: &Path) -> bool {
        folder.join(MESH).is_file()
    }

    fn scenes_folder(&self) -> Option<&'static str> {
        Some(SCENES)
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        let labeled = labeled(scene, options)?;
        // the recording is a download of its own
        let shots: Shots = match scene.join(PHONE).is_dir() {
            true => frames(scene, options)?,
            false => Box::new(std::iter::empty()),
        };
        shots::prepared(shots, Some(labeled), options, bundle)
    }
}

/// Every `every`-th image that COLMAP registered, with its depth image.
///
/// # Errors
/// A file breaks its format.
fn frames(folder: &Path, options: &Options) -> anyhow::Result<Shots<'static>> {
    let phone = folder.join(PHONE);
    let list = phone.join("colmap").join("images.txt");
    let cameras = colmap::cameras(&phone.join("colmap").join("cameras.txt"))?;
    let images = colmap::images(&list)?;
    let unit = options.units_per_metre(MILLIMETRES);
    let files = Folder::open(&phone)?;
    let frame = move |image: colmap::Registered| {
        let camera = cameras.get(&image.camera).with_context(|| {
            format!(
                "{} has camera {}, cameras.txt does not",
                list.display(),
                image.camera
            )
        })?;
        let name =
            inside(&image.name).map_err(|problem| anyhow!("{problem}: in {}", list.display()))?;
        let picture = format!("rgb/{name}");
        let name = Path::new(&name).file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let Some(world_from_camera) = image.world_from_camera else {
            return Ok(Err(Gap::Pose));
        };
        let depth = DepthFile {
            path: format!("depth/{name}.png"),
            encoding: DepthEncoding::Gray16 {
                units_per_metre: unit,
            },
            confidence: None,
        };
        let has = |path: &str| {
            files
                .list()
                .binary_search_by(|file| file.path.as_str().cmp(path))
                .is_ok()
        };
        if !has(&picture) || !has(&depth.path) {
            return Ok(Err(Gap::File));
        }
        let frame = CaptureFrame {
            name,
            world_from_camera,
            intrinsics: *camera,
            picture: Some(picture),
            depth: Some(depth),
        };
        Shot::of(frame, &files).map(Ok)
    };
    Ok(Box::new(
        images.into_iter().step_by(options.every).map(frame),
    ))
}

/// The vertices of the mesh, their superpoints and their labels, with the classes of the data set's
/// list for instances.
///
/// # Errors
/// The mesh cannot be read, there is an annotation but no list of classes or no segments, or the
/// files disagree about the number of vertices.
fn labeled(folder: &Path, options: &Options) -> anyhow::Result<LabeledPoints> {
    let (mut labeled, rows) = mesh::read(&folder.join(MESH), options)?;
    let [segments, aggregation] = [SEGMENTS, AGGREGATION].map(|name| folder.join(name));
    if !segments.is_file() && !aggregation.is_file() {
        return Ok(labeled);
    }
    let segments = Segments::of_points(&segments, &rows)?;
    if aggregation.is_file() {
        let beside = || {
            folder
                .parent()
                .and_then(Path::parent)
                .map(|root| root.join(CLASSES))
                .filter(|path| path.is_file())
        };
        let list = options.labels.clone().or_else(beside);
        let list = list.with_context(|| {
            format!(
                "{} needs the list of classes, {CLASSES} of the data set: name it with --labels",
                aggregation.display()
            )
        })?;
        let classes = Classes::list(&list)?;
        labeled.truth = Some(annotation::truth(&segments, &aggregation, &classes)?);
    }
    labeled.superpoints = Some(annotation::superpoints(&segments));
    Ok(labeled)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        foundation::SceneTruth,
        readers::{
            Kind, scenes,
            tests::{depth_of, options, picture, prepared, refusal},
        },
    };

    /// A scene with a mesh of four vertices, and three images, one of them without depth; pictures
    /// are four times as wide as depth images.
    fn dataset(root: &Path) -> PathBuf {
        let scene = root.join("data/036bce3393");
        ["scans", "iphone/rgb", "iphone/depth", "iphone/colmap"]
            .iter()
            .for_each(|sub| fs::create_dir_all(scene.join(sub)).unwrap());
        let mesh = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nelement face 1\n\
            property list uchar int vertex_indices\nend_header\n0 0 2\n0.25 0 2\n-0.25 0.25 2\n50 0 2\n3 0 1 2\n";
        fs::write(scene.join(MESH), mesh).unwrap();
        fs::write(scene.join(SEGMENTS), r#"{"segIndices": [7, 9, 11, 3]}"#).unwrap();
        let group = |object: i32, segments: &str, label: &str| {
            format!(
                r#"{{"id": {object}, "objectId": {object}, "segments": {segments}, "label": "{label}", "obb": {{}}}}"#
            )
        };
        let groups = [
            group(1, "[7, 9]", "office chair"),
            group(2, "[11]", "ceiling"),
        ];
        fs::write(
            scene.join(AGGREGATION),
            format!(r#"{{"sceneId": "x", "segGroups": [{}]}}"#, groups.join(",")),
        )
        .unwrap();
        fs::write(
            scene.join("iphone/colmap/cameras.txt"),
            "# one\n3 OPENCV 32 24 32 32 16 12 0 0 0 0\n",
        )
        .unwrap();
        let image = |id: u32, x: f32| format!("{id} 1 0 0 0 {x} 0 0 3 frame_{id:06}.png\n\n");
        fs::write(
            scene.join("iphone/colmap/images.txt"),
            [image(20, -0.5), image(0, 0.0), image(10, 0.0)].concat(),
        )
        .unwrap();
        for id in [0, 10, 20] {
            fs::write(
                scene.join(format!("iphone/rgb/frame_{id:06}.png")),
                picture(),
            )
            .unwrap();
            if id != 10 {
                depth_of(2000)
                    .save(scene.join(format!("iphone/depth/frame_{id:06}.png")))
                    .unwrap();
            }
        }
        fs::create_dir_all(root.join("metadata/semantic")).unwrap();
        fs::write(root.join(CLASSES), "table\noffice chair\n").unwrap();
        scene
    }

    #[test]
    fn a_scene_has_vertices_labels_and_the_phones_images() {
        let root = tempfile::tempdir().unwrap();
        let path = dataset(root.path());
        assert_eq!(
            scenes(Kind::Scannetpp, root.path()).unwrap()[0].0,
            "036bce3393"
        );
        let (scene, summary) = prepared(Kind::Scannetpp, &path, &options()).unwrap();
        assert_eq!(
            scene
                .images
                .iter()
                .map(|image| image.name.as_str())
                .collect::<Vec<_>>(),
            ["frame_000000", "frame_000020"]
        );
        assert!(summary.contains("1 without its files"), "{summary}");
        let camera = scene.images[1].camera;
        assert_eq!(
            (camera.position(), camera.width, camera.center),
            ([0.5, 0.0, 0.0], 32.0, [15.5, 11.5]),
            "poses are inverted"
        );
        assert_eq!(scene.images[1].depth.as_ref().unwrap().size(), [6, 8]);
        assert!(scene.origins[0].is_some() && scene.origins[3].is_none());
        let names = vec![(1, "table".to_owned()), (2, "office chair".to_owned())];
        assert_eq!(
            scene.truth.unwrap(),
            SceneTruth {
                semantic: vec![2, 2, 0, 0],
                instance: vec![2, 2, 3, 0],
                names,
                stuff: None
            }
        );
        assert_eq!(scene.given.superpoints, Some(vec![1, 2, 3, 0]));
    }

    #[test]
    fn broken_scenes_are_named() {
        type Damage = (&'static str, fn(&Path));
        let damages: [Damage; 8] = [
            ("--labels", |scene| {
                fs::remove_file(scene.join("../../").join(CLASSES)).unwrap()
            }),
            ("lists no class", |scene| {
                fs::write(scene.join("../../").join(CLASSES), "\n").unwrap()
            }),
            ("segments.json has segments for 1 vertices", |scene| {
                fs::write(scene.join(SEGMENTS), r#"{"segIndices": [7]}"#).unwrap()
            }),
            ("segments_anno.json does not have", |scene| {
                fs::write(scene.join(AGGREGATION), "{}").unwrap()
            }),
            ("objectId -4", |scene| {
                fs::write(
                    scene.join(AGGREGATION),
                    r#"{"segGroups": [{"objectId": -4, "segments": [], "label": ""}]}"#,
                )
                .unwrap();
            }),
            ("colmap/images.txt", |scene| {
                fs::remove_file(scene.join("iphone/colmap/images.txt")).unwrap()
            }),
            ("has camera 4", |scene| {
                fs::write(
                    scene.join("iphone/colmap/images.txt"),
                    "1 1 0 0 0 0 0 0 4 a.png\n",
                )
                .unwrap()
            }),
            ("does not lie in", |scene| {
                fs::write(
                    scene.join("iphone/colmap/images.txt"),
                    "1 1 0 0 0 0 0 0 3 ../../a.png\n",
                )
                .unwrap()
            }),
        ];
        for (words, damage) in damages {
            let root = tempfile::tempdir().unwrap();
            let path = dataset(root.path());
            damage(&path);
            let error = refusal(Kind::Scannetpp, &path, &options());
            assert!(error.contains(words), "{error} does not say {words}");
        }
    }

    #[test]
    fn a_scene_without_the_recording_has_its_labels() {
        let root = tempfile::tempdir().unwrap();
        let path = dataset(root.path());
        fs::remove_dir_all(path.join(PHONE)).unwrap();
        let (scene, summary) = prepared(Kind::Scannetpp, &path, &options()).unwrap();
        assert!(
            scene.images.is_empty() && summary.contains("no images"),
            "{summary}"
        );
        assert_eq!(scene.truth.unwrap().instance, [2, 2, 3, 0]);
        assert_eq!(scene.given.superpoints, Some(vec![1, 2, 3, 0]));
        // without labels nothing is left to learn from
        fs::remove_file(path.join(AGGREGATION)).unwrap();
        let error = refusal(Kind::Scannetpp, &path, &options());
        assert!(error.contains("neither frames nor labels"), "{error}");
    }

    #[test]
    fn a_scene_of_the_test_split_has_no_labels() {
        let root = tempfile::tempdir().unwrap();
        let path = dataset(root.path());
        fs::remove_file(path.join(AGGREGATION)).unwrap();
        assert!(
            prepared(Kind::Scannetpp, &path, &options())
                .unwrap()
                .0
                .truth
                .is_none()
        );
    }
}
