//! Labelled scans to measure on: PLY files, and foundation bundles whose images the network may look at, too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use segscape::{
    model::{Config, Observation},
    progress::Monitor,
    superpoint::{SuperpointOptions, Superpoints, superpoints},
};

use crate::{
    config::{ClassOfObject, Views},
    dataset::{self, Room},
    foundation::{Foundation, INDEX},
    nyu40,
    seen::Seen,
};

/// How a file of paths is called.
const MANIFEST: &str = "txt";
/// Longer lists of paths are somebody's mistake.
const LONGEST_MANIFEST: u64 = 16 << 20;

/// Names of what is no object in a bundle, whose class ids are its data set's own.
const STUFF: [&str; 3] = ["wall", "floor", "ceiling"];

/// How scans are read.
#[derive(Default)]
pub struct Reading {
    /// The views in which points look features up.
    pub views: Views,
    /// Class ids that are no objects; otherwise NYU40's, and of bundles that name their classes those called wall, floor or ceiling.
    pub stuff: Option<Vec<i32>>,
}

/// A labelled scan, and what images say about it.
pub struct Labelled {
    /// The scan and its truth.
    pub room: Room,
    /// Ids of the classes that are no objects.
    pub stuff: Vec<i32>,
    /// Whether its superpoints came with it.
    pub grouped: bool,
    seen: Seen,
}

impl Labelled {
    /// Reads a PLY file or a bundle; images only where a network of this `config` has a use for them.
    ///
    /// # Errors
    /// It cannot be read or has no labels.
    pub fn read(path: &Path, config: Option<&Config>, reading: &Reading) -> anyhow::Result<Self> {
        let (class_of, options) = (ClassOfObject::default(), SuperpointOptions::default());
        if !path.join(INDEX).exists() {
            let stuff = reading.stuff.clone().unwrap_or_else(|| nyu40::STUFF.to_vec());
            let room = Room::read(path, &stuff, class_of, &options)?;
            return Ok(Self { room, stuff, grouped: false, seen: Seen::default() });
        }
        let mut scene = Foundation::read(path)?;
        let seen = config.map_or_else(Seen::default, |config| Seen::all(&mut scene, config, reading.views));
        let Foundation { positions, colors, truth, given, .. } = scene;
        let mut truth = truth.with_context(|| format!("the bundle {} has no labels", path.display()))?;
        if truth.names.is_empty() {
            truth.names = (1..).map_while(|id| Some((id, nyu40::name(id)?.to_owned()))).collect();
        }
        let named = || truth.names.iter().filter(|(_, name)| STUFF.contains(&name.as_str())).map(|(id, _)| *id).chain([0]).collect();
        let stuff: Vec<i32> = reading.stuff.clone().unwrap_or_else(named);
        let grouped = given.superpoints.is_some();
        let superpoints = match &given.superpoints {
            Some(ids) => Superpoints::from_ids(ids),
            // those of geometry and colour alone, as a scan without images has them
            None => superpoints(&positions, colors.as_deref(), &[], &options, &Monitor::silent())
                .with_context(|| format!("cannot group the points of {}", path.display()))?,
        };
        Ok(Self { room: Room::of_scene(positions, colors, superpoints, truth, &stuff, class_of), stuff, grouped, seen })
    }

    /// What a network reads.
    pub fn observation(&self) -> Observation<'_> {
        self.seen.observation(&self.room.positions, self.room.colors.as_deref())
    }
}

/// The scans that `paths` mean, each once: `.ply` files and bundles are themselves, folders what lies in them, by name, and a `.txt` file lists one path a
/// line, relative to its own folder; empty lines and those that begin with `#` are left out.
///
/// # Errors
/// A path does not exist (names the list and the line), a list names another list, or there is no scan at all.
pub fn list(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut scans = Vec::new();
    for path in paths {
        match is_manifest(path) {
            true => read_manifest(path, &mut scans)?,
            false => expand(path, &mut scans)?,
        }
    }
    let mut seen = std::collections::HashSet::new();
    scans.retain(|scan| seen.insert(scan.clone()));
    anyhow::ensure!(!scans.is_empty(), "no .ply file and no foundation bundle in {paths:?}");
    Ok(scans)
}

fn is_manifest(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(MANIFEST))
}

fn read_manifest(manifest: &Path, scans: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let read = || -> anyhow::Result<String> {
        let length = fs::metadata(manifest)?.len();
        anyhow::ensure!(length <= LONGEST_MANIFEST, "{length} bytes are no list of paths, the longest has {LONGEST_MANIFEST}");
        Ok(fs::read_to_string(manifest)?)
    };
    let text = read().with_context(|| format!("cannot read {}", manifest.display()))?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    for (number, line) in (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let path = folder.join(line);
        let one =
            if is_manifest(&path) { Err(anyhow::anyhow!("{line} is a list itself; lists name scans and folders")) } else { expand(&path, scans) };
        one.with_context(|| format!("{}, line {number}", manifest.display()))?;
    }
    Ok(())
}

/// A scan, or the scans in a folder.
fn expand(path: &Path, scans: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_file() || path.join(INDEX).exists() {
        scans.push(path.to_owned());
        return Ok(());
    }
    let mut found = Foundation::folders(&[path.to_owned()])?;
    found.extend(dataset::ply_files(path)?);
    found.sort();
    scans.extend(found);
    Ok(())
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        model::config::{Objects, Turn},
        views::{Correspondence, Map},
    };

    use super::*;
    use crate::{
        foundation::{self, Image, Instance, Mask},
        samples::tests::processed,
    };

    #[test]
    fn lists_name_scans_folders_and_bundles() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["rooms", "bundles/b", "lists"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["rooms/2.ply", "rooms/1.PLY", "rooms/notes.md", "bundles/b/foundation.json", "alone.ply"] {
            fs::write(at(name), "").unwrap();
        }
        fs::write(at("lists/val.txt"), "# held out\n../rooms\r\n\n ../alone.ply\n../bundles/b\n../rooms/2.ply\n").unwrap();
        let expected = ["rooms/1.PLY", "rooms/2.ply", "alone.ply", "bundles/b"];
        let names = |scans: Vec<PathBuf>| -> Vec<PathBuf> { scans.iter().map(|scan| scan.canonicalize().unwrap()).collect() };
        let expected: Vec<PathBuf> = expected.iter().map(|name| at(name).canonicalize().unwrap()).collect();
        assert_eq!(names(list(&[at("lists/val.txt")]).unwrap())[..4], expected[..]);
        assert_eq!(names(list(&[at("rooms"), at("alone.ply"), at("bundles"), at("rooms")]).unwrap()), expected);

        fs::write(at("lists/bad.txt"), "../alone.ply\n../missing\n").unwrap();
        let error = format!("{:#}", list(&[at("lists/bad.txt")]).unwrap_err());
        assert!(error.contains("bad.txt, line 2") && error.contains("missing"), "{error}");
        fs::write(at("lists/loop.txt"), "loop.txt\n").unwrap();
        assert!(format!("{:#}", list(&[at("lists/loop.txt")]).unwrap_err()).contains("is a list itself"));
        assert!(list(&[at("lists")]).unwrap_err().to_string().contains("no .ply"));
    }

    /// A wall of 40 x 40 points that one image shows, with a picture on it that a 2D model found.
    pub fn bundle() -> Foundation {
        let places: Vec<[f32; 2]> = (0..1600).map(|i| [(i % 40) as f32 / 40.0, (i / 40) as f32 / 40.0]).collect();
        let is_picture = |[x, y]: [f32; 2]| x < 0.5 && y < 0.5;
        let image = Image {
            name: "wall".into(),
            camera: foundation::tests::camera(),
            picture: None,
            depth: Some(Map::new(vec![2.0; 16], [4, 4, 1]).unwrap()),
            mask: Mask::new(vec![1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [4, 4]),
            instances: vec![Instance { name: "picture".into(), score: 0.9, features: vec![0.5; 6] }],
            features: Some(Map::new((0..16 * 5).map(|i| i as f32 / 80.0).collect(), [4, 4, 5]).unwrap()),
        };
        Foundation {
            positions: places.iter().map(|[x, y]| [2.0, 2.0 * x, 2.0 * y]).collect(),
            origins: places.iter().map(|&[x, y]| Some(Correspondence { view: 0, x, y })).collect(),
            truth: Some(foundation::Truth {
                semantic: places.iter().map(|&place| if is_picture(place) { 2 } else { 5 }).collect(),
                instance: places.iter().map(|&place| if is_picture(place) { 4 } else { 1 }).collect(),
                // 2 is the floor in NYU40
                names: vec![(2, "picture".into()), (5, "wall".into())],
            }),
            images: vec![image],
            ..Foundation::default()
        }
    }

    #[test]
    fn images_are_read_for_those_who_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene");
        bundle().write(&path, |_| unreachable!()).unwrap();
        let nano = Config::nano();
        let mut seeing = nano.clone();
        seeing.inputs.image = 5;
        seeing.objects = Some(Objects { channels: 6, reach: 1.0, turn: Turn::default() });
        for config in [None, Some(&nano)] {
            let scan = Labelled::read(&path, config, &Reading::default()).unwrap();
            assert!(scan.observation().image.is_none() && scan.observation().objects.is_none());
            assert_eq!((scan.room.objects.len(), scan.room.objects[0].name.as_deref()), (1, Some("picture")));
            assert_eq!(scan.room.object_of_point.iter().flatten().count(), 400);
        }
        let scan = Labelled::read(&path, Some(&seeing), &Reading::default()).unwrap();
        let observation = scan.observation();
        assert_eq!(observation.image.map(<[f32]>::len), Some(1600 * 5));
        assert_eq!(observation.objects.map(|(features, places)| (features.len(), places.len())), Some((6, 1)));

        // what came with a bundle is taken, and ids that are stuff may be told
        processed().write(&path, |_| unreachable!()).unwrap();
        let reading = Reading { stuff: Some(vec![0, 1, 3]), ..Reading::default() };
        let scan = Labelled::read(&path, None, &reading).unwrap();
        assert_eq!((scan.room.superpoints.count(), scan.grouped), (6, true));
        assert_eq!(scan.room.objects.iter().map(|object| object.class).collect::<Vec<_>>(), [2, 4], "of these ids 1 and 3 are stuff");

        let mut unlabelled = bundle();
        unlabelled.truth = None;
        unlabelled.write(&path, |_| unreachable!()).unwrap();
        let error = format!("{:#}", Labelled::read(&path, None, &Reading::default()).err().unwrap());
        assert!(error.contains("scene") && error.contains("no labels"), "{error}");
    }
}
