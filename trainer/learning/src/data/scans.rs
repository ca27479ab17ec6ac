//! Labelled scans for training and evaluation: PLY files, and foundation bundles, whose images the
//! network may use, too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use segscape::{
    job::{self, Grouping},
    model::{Config, Observation},
    progress::Monitor,
    spatial::Thinned,
    superpoint::{SuperpointError, SuperpointOptions},
};

use crate::{
    config::ClassOfObject, data::image_evidence::ImageEvidence, data::labelled_scan::LabelledScan,
};
use recordings::{
    foundation::{Foundation, INDEX},
    store::Local,
};

/// File extension of lists of paths.
const MANIFEST: &str = "txt";
/// Largest size of a list of paths in bytes; a longer file is taken for a mistake.
const LONGEST_MANIFEST: u64 = 16 << 20;

/// A labelled scan, and the features and objects that its images show.
#[derive(Clone)]
pub struct Labelled {
    /// The scan and its ground truth.
    pub scan: LabelledScan,
    /// Image features and objects; empty for a PLY file.
    pub seen: ImageEvidence,
    /// `true` if the superpoints came with the scan.
    is_grouped: bool,
}

impl Labelled {
    /// Reads a PLY file, or a bundle, from whose images `look` extracts features and objects. For
    /// `stuff` see [`LabelledScan::read`] and [`LabelledScan::of_bundle`].
    ///
    /// # Errors
    /// Returns an error if the scan cannot be read or has no labels.
    pub fn read(
        path: &Path,
        stuff: Option<&[i32]>,
        class_of: ClassOfObject,
        look: impl FnOnce(&mut Foundation) -> ImageEvidence,
    ) -> anyhow::Result<Self> {
        let options = SuperpointOptions::default();
        if !path.join(INDEX).exists() {
            return Ok(LabelledScan::read(path, stuff, class_of, &options)?.into());
        }
        let mut scene = Foundation::read(path)?;
        let (seen, is_grouped) = (look(&mut scene), scene.given.superpoints.is_some());
        let scan = LabelledScan::of_bundle(scene, stuff, class_of, &options)
            .with_context(|| path.display().to_string())?;
        Ok(Self {
            scan,
            seen,
            is_grouped,
        })
    }

    /// Reads a scan for evaluation, with all image features and objects that a network of `config`
    /// uses.
    ///
    /// # Errors
    /// Returns an error if the scan cannot be read or has no labels.
    pub fn whole(
        path: &Path,
        config: Option<&Config>,
        stuff: Option<&[i32]>,
    ) -> anyhow::Result<Self> {
        Self::read(path, stuff, ClassOfObject::default(), |scene| {
            config
                .map(|config| ImageEvidence::all(scene, config))
                .unwrap_or_default()
        })
    }

    /// See [`LabelledScan::kept_without`].
    #[must_use]
    pub fn without(self, names: &[String]) -> Self {
        match self.scan.kept_without(names) {
            Some(kept) => self.only(&kept),
            None => self,
        }
    }

    /// Thins the scan to points of which no two are closer to each other than `spacing` metres;
    /// also returns which points each of them stands for.
    pub fn thinned(&self, spacing: f32) -> (Self, Thinned) {
        let thinned = Thinned::new(&self.scan.positions, spacing, |_, _| true);
        let kept: Vec<usize> = thinned
            .point_of_kept()
            .iter()
            .map(|&point| point as usize)
            .collect();
        (self.clone().only(&kept), thinned)
    }

    /// See [`LabelledScan::only`].
    fn only(self, kept: &[usize]) -> Self {
        let points = self.scan.positions.len();
        let rows = |features: Vec<f32>| -> Vec<f32> {
            let channels = features.len() / points.max(1);
            kept.iter()
                .flat_map(|&point| &features[point * channels..][..channels])
                .copied()
                .collect()
        };
        Self {
            seen: ImageEvidence {
                image: self.seen.image.map(rows),
                ..self.seen
            },
            scan: self.scan.only(kept),
            ..self
        }
    }

    /// The superpoints that came with the scan, otherwise new ones as every scan gets them, and
    /// their merge tree.
    ///
    /// # Errors
    /// Returns an error if there are too few points.
    pub fn grouping(&self, monitor: &Monitor) -> Result<Grouping, SuperpointError> {
        let given = self.is_grouped.then(|| self.scan.superpoints.clone());
        job::group(&self.observation(), given, monitor)
    }

    /// The input of a network.
    pub fn observation(&self) -> Observation<'_> {
        self.seen
            .observation(&self.scan.positions, self.scan.colors.as_deref())
    }
}

impl From<LabelledScan> for Labelled {
    fn from(scan: LabelledScan) -> Self {
        Self {
            scan,
            seen: ImageEvidence::default(),
            is_grouped: false,
        }
    }
}

/// The scans that the command line asks for. Those from an object store are deleted when this is
/// dropped.
pub struct Asked {
    /// Paths of the scans, each once.
    pub paths: Vec<PathBuf>,
    _local: Local,
}

impl Asked {
    /// Resolves `places`, which are paths as [`list`] takes them or addresses.
    ///
    /// # Errors
    /// Returns an error if an address cannot be read; see also [`list`].
    pub fn of(places: &[PathBuf]) -> anyhow::Result<Self> {
        let local = Local::of(places)?;
        Ok(Self {
            paths: list(&local.paths)?,
            _local: local,
        })
    }
}

/// Resolves `paths` to scans, each once. A `.ply` file or a bundle stands for itself, a folder for
/// the scans in it, by name. A `.txt` file lists one path per line, relative to its own folder;
/// empty lines and lines that begin with `#` are ignored.
///
/// # Errors
/// Returns an error if a path does not exist (it names the list and the line), if a list names
/// another list, or if there is no scan at all.
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
    anyhow::ensure!(
        !scans.is_empty(),
        "no .ply file and no foundation bundle in {paths:?}"
    );
    Ok(scans)
}

fn is_manifest(path: &Path) -> bool {
    path.is_file()
        && path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case(MANIFEST))
}

fn read_manifest(manifest: &Path, scans: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let read = || -> anyhow::Result<String> {
        let length = fs::metadata(manifest)?.len();
        anyhow::ensure!(
            length <= LONGEST_MANIFEST,
            "{length} bytes are no list of paths, the longest has {LONGEST_MANIFEST}"
        );
        Ok(fs::read_to_string(manifest)?)
    };
    let text = read().with_context(|| format!("cannot read {}", manifest.display()))?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    for (number, line) in (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    {
        let path = folder.join(line);
        let one = if is_manifest(&path) {
            Err(anyhow::anyhow!(
                "{line} is a list itself; lists name scans and folders"
            ))
        } else {
            expand(&path, scans)
        };
        one.with_context(|| format!("{}, line {number}", manifest.display()))?;
    }
    Ok(())
}

/// Adds a scan, or the scans in a folder.
fn expand(path: &Path, scans: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_file() || path.join(INDEX).exists() {
        scans.push(path.to_owned());
        return Ok(());
    }
    let mut found = Foundation::folders(&[path.to_owned()])?;
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        let file = entry?.path();
        if file
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("ply"))
        {
            found.push(file);
        }
    }
    found.sort();
    scans.extend(found);
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::views::{Camera, Correspondence, Map};

    use super::*;
    use recordings::foundation::{self, Image, Instance, Mask};

    #[test]
    fn lists_name_scans_folders_and_bundles() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["rooms", "bundles/b", "lists"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in [
            "rooms/2.ply",
            "rooms/1.PLY",
            "rooms/notes.md",
            "bundles/b/foundation.json",
            "alone.ply",
        ] {
            fs::write(at(name), "").unwrap();
        }
        fs::write(
            at("lists/val.txt"),
            "# held out\n../rooms\r\n\n ../alone.ply\n../bundles/b\n../rooms/2.ply\n",
        )
        .unwrap();
        let expected = ["rooms/1.PLY", "rooms/2.ply", "alone.ply", "bundles/b"];
        let names = |scans: Vec<PathBuf>| -> Vec<PathBuf> {
            scans
                .iter()
                .map(|scan| scan.canonicalize().unwrap())
                .collect()
        };
        let expected: Vec<PathBuf> = expected
            .iter()
            .map(|name| at(name).canonicalize().unwrap())
            .collect();
        assert_eq!(
            names(list(&[at("lists/val.txt")]).unwrap())[..4],
            expected[..]
        );
        assert_eq!(
            names(list(&[at("rooms"), at("alone.ply"), at("bundles"), at("rooms")]).unwrap()),
            expected
        );

        fs::write(at("lists/bad.txt"), "../alone.ply\n../missing\n").unwrap();
        let error = format!("{:#}", list(&[at("lists/bad.txt")]).unwrap_err());
        assert!(
            error.contains("bad.txt, line 2") && error.contains("missing"),
            "{error}"
        );
        fs::write(at("lists/loop.txt"), "loop.txt\n").unwrap();
        assert!(
            format!("{:#}", list(&[at("lists/loop.txt")]).unwrap_err())
                .contains("is a list itself")
        );
        assert!(
            list(&[at("lists")])
                .unwrap_err()
                .to_string()
                .contains("no .ply")
        );
    }

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
    pub fn bundle() -> Foundation {
        let places: Vec<[f32; 2]> = (0..1600)
            .map(|i| [(i % 40) as f32 / 40.0, (i / 40) as f32 / 40.0])
            .collect();
        let is_picture = |[x, y]: [f32; 2]| x < 0.5 && y < 0.5;
        let image = Image {
            name: "wall".into(),
            camera: camera(),
            picture: None,
            depth: Some(Map::new(vec![2.0; 16], [4, 4, 1]).unwrap()),
            mask: Mask::new(vec![1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [4, 4]),
            instances: vec![Instance {
                name: "picture".into(),
                score: 0.9,
                features: vec![0.5; 6],
            }],
            features: Some(
                Map::new((0..16 * 5).map(|i| i as f32 / 80.0).collect(), [4, 4, 5]).unwrap(),
            ),
        };
        Foundation {
            positions: places
                .iter()
                .map(|[x, y]| [2.0, 2.0 * x, 2.0 * y])
                .collect(),
            origins: places
                .iter()
                .map(|&[x, y]| Some(Correspondence { view: 0, x, y }))
                .collect(),
            truth: Some(foundation::Truth {
                semantic: places
                    .iter()
                    .map(|&place| if is_picture(place) { 11 } else { 1 })
                    .collect(),
                instance: places
                    .iter()
                    .map(|&place| if is_picture(place) { 4 } else { 1 })
                    .collect(),
                names: vec![(11, "picture".into())],
            }),
            images: vec![image],
            ..Foundation::default()
        }
    }

    #[test]
    fn bundles_are_scans_with_images() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene");
        bundle().write(&path, |_| unreachable!()).unwrap();
        let seen = |_: &mut Foundation| ImageEvidence {
            image: Some((0..1600 * 2).map(|i| (i / 2) as f32).collect()),
            ..ImageEvidence::default()
        };
        let read = |path| Labelled::read(path, None, ClassOfObject::default(), seen);
        let labelled = read(&path).unwrap();
        assert_eq!(
            (
                labelled.scan.objects.len(),
                labelled.scan.objects[0].name.as_deref()
            ),
            (1, Some("picture"))
        );
        assert_eq!(labelled.scan.object_of_point.iter().flatten().count(), 400);
        assert_eq!(
            labelled.observation().image.map(<[f32]>::len),
            Some(1600 * 2)
        );

        let (thinned, kept) = labelled.thinned(0.12);
        let rows: Vec<usize> = kept
            .point_of_kept()
            .iter()
            .map(|&point| point as usize)
            .collect();
        assert!(rows.len() > 100 && rows.len() < 600, "{}", rows.len());
        assert!(
            rows.iter()
                .enumerate()
                .all(|(row, &point)| thinned.scan.object_of_point[row]
                    == labelled.scan.object_of_point[point])
        );
        assert!(rows.iter().enumerate().all(|(row, &point)| {
            thinned
                .observation()
                .image
                .is_some_and(|image| image[2 * row] == point as f32)
        }));

        let labelled = labelled.without(&["picture".into()]);
        assert!(labelled.scan.objects.is_empty() && labelled.scan.positions.len() == 1200);
        let image = labelled.observation().image.unwrap();
        assert_eq!(
            (image.len(), image[0]),
            (1200 * 2, 20.0),
            "the first row that is wall"
        );

        let mut unlabelled = bundle();
        unlabelled.truth = None;
        unlabelled.write(&path, |_| unreachable!()).unwrap();
        let error = format!("{:#}", read(&path).err().unwrap());
        assert!(
            error.contains("scene") && error.contains("no `semantic`"),
            "{error}"
        );
    }
}
