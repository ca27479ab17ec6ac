//! Labelled scans for training and evaluation: PLY files, and foundation bundles, whose images the
//! network may use, too.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use anyhow::Context;
use segscape::{
    job::{self, Grouping, ImageEvidence, Network},
    model::{Config, Observation, config::MeshSuperpoints},
    progress::Monitor,
    spatial::Thinned,
    superpoint::SuperpointError,
};

use crate::{
    config::ClassOfObject,
    data::{image_evidence, labeled_scan::LabeledScan},
};
use recordings::{
    foundation::{Foundation, INDEX, InFolder as _},
    store::{Cache, is_address},
};

/// File extension of lists of paths.
const MANIFEST: &str = "txt";
/// Largest size of a list of paths in bytes; a longer file is taken for a mistake.
const LONGEST_MANIFEST: u64 = 16 << 20;

/// A labelled scan, and the features and objects that its images show.
#[derive(Clone)]
pub struct Labeled {
    /// The scan and its ground truth.
    pub scan: LabeledScan,
    /// Image features and objects; empty for a PLY file.
    pub seen: ImageEvidence,
    /// `true` if the superpoints came with the scan.
    is_grouped: bool,
}

impl Labeled {
    /// Reads a PLY file, or a bundle, from whose images `look` extracts features and objects. For
    /// `stuff` see [`LabeledScan::read`] and [`LabeledScan::of_bundle`]; `meshes` are the
    /// superpoints of scans that are meshes, unless superpoints came with the scan.
    ///
    /// # Errors
    /// Returns an error if the scan cannot be read or has no labels.
    pub fn read(
        path: &Path,
        stuff: Option<&[i32]>,
        class_of: ClassOfObject,
        meshes: MeshSuperpoints,
        look: impl FnOnce(&mut Foundation) -> anyhow::Result<ImageEvidence>,
    ) -> anyhow::Result<Self> {
        if !path.join(INDEX).exists() {
            return Ok(LabeledScan::read(path, stuff, meshes)?.into());
        }
        let mut scene = Foundation::read(path)?;
        let seen = look(&mut scene).with_context(|| path.display().to_string())?;
        let is_grouped = scene.given.superpoints.is_some();
        let scan = LabeledScan::of_bundle(scene, path, stuff, class_of)
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
        let meshes = config.map_or_else(Default::default, |config| config.mesh_superpoints);
        Self::read(path, stuff, ClassOfObject::default(), meshes, |scene| {
            let seen = config.map(|config| image_evidence::whole(scene, config));
            Ok(seen.transpose()?.unwrap_or_default())
        })
    }

    /// See [`LabeledScan::kept_without`].
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

    /// See [`LabeledScan::only`].
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

    /// The superpoints that came with the scan, otherwise those that the network was trained on,
    /// and their merge tree.
    ///
    /// # Errors
    /// Returns an error if there are too few points.
    pub fn grouping(
        &self,
        network: &Network,
        monitor: &Monitor,
    ) -> Result<Grouping, SuperpointError> {
        let given = self.is_grouped.then(|| self.scan.superpoints.clone());
        let observation = self.observation();
        let options = network.superpoint_options(&observation);
        job::group(&observation, given, &options, monitor)
    }

    /// The input of a network.
    pub fn observation(&self) -> Observation<'_> {
        self.seen.observation(
            &self.scan.positions,
            self.scan.colors.as_deref(),
            &self.scan.triangles,
        )
    }
}

impl From<LabeledScan> for Labeled {
    fn from(scan: LabeledScan) -> Self {
        Self {
            scan,
            seen: ImageEvidence::default(),
            is_grouped: false,
        }
    }
}

/// The scans that the command line asks for, which are read one after the other. Those in object
/// stores pass through a cache, so that there are never more of them on disk than it may hold.
pub struct Asked<'a> {
    /// Paths and addresses of the scans, each once.
    places: Vec<PathBuf>,
    cache: &'a Cache,
}

impl<'a> Asked<'a> {
    /// Resolves `places`, as [`list`] does, to at most `limit` scans.
    ///
    /// # Errors
    /// See [`list`].
    pub fn of(
        places: &[PathBuf],
        limit: Option<NonZeroUsize>,
        cache: &'a Cache,
    ) -> anyhow::Result<Self> {
        let mut places = list(places, cache)?;
        places.truncate(limit.map_or(usize::MAX, NonZeroUsize::get));
        Ok(Self { places, cache })
    }

    /// Those of the scans for which `takes` says so of their index and their path or address.
    #[must_use]
    pub fn only(self, mut takes: impl FnMut(usize, &Path) -> bool) -> Self {
        let places = self.places.into_iter().enumerate();
        let taken = places.filter(|(index, place)| takes(*index, place));
        Self {
            places: taken.map(|(_, place)| place).collect(),
            ..self
        }
    }

    /// Paths and addresses of the scans, each once.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// Number of scans.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Hands what `read` makes of the path of each scan to `then`, with the path or address that
    /// the scan was asked for by. Only one scan is on its way at a time.
    ///
    /// # Errors
    /// A scan cannot be loaded, or `read` or `then` fails.
    pub fn each<S>(
        &self,
        read: impl Fn(&Path) -> anyhow::Result<S>,
        mut then: impl FnMut(&Path, S) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.places.iter().try_for_each(|place| {
            let held = self.cache.local(place)?;
            let scan = read(&held.path).with_context(|| place.display().to_string())?;
            drop(held);
            then(place, scan)
        })
    }
}

/// Resolves `places` to scans, each once. A `.ply` file or a bundle stands for itself, a folder for
/// the scans in it, by name, and the address of an object store for what `cache` finds there. A
/// `.txt` file lists one of these per line, relative to its own folder; empty lines and lines that
/// begin with `#` are ignored.
///
/// # Errors
/// Returns an error if a path does not exist (it names the list and the line), if a store cannot be
/// listed, if a list names another list, or if there is no scan at all.
pub fn list(places: &[PathBuf], cache: &Cache) -> anyhow::Result<Vec<PathBuf>> {
    let mut scans = Vec::new();
    for place in places {
        match is_manifest(place) {
            true => read_manifest(place, cache, &mut scans)?,
            false => expand(place, cache, &mut scans)?,
        }
    }
    let mut seen = std::collections::HashSet::new();
    scans.retain(|scan| seen.insert(scan.clone()));
    anyhow::ensure!(
        !scans.is_empty(),
        "there is no .ply file and no foundation bundle in {places:?}"
    );
    Ok(scans)
}

fn is_manifest(path: &Path) -> bool {
    path.is_file()
        && path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case(MANIFEST))
}

fn read_manifest(manifest: &Path, cache: &Cache, scans: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let read = || -> anyhow::Result<String> {
        let length = fs::metadata(manifest)?.len();
        anyhow::ensure!(
            length <= LONGEST_MANIFEST,
            "the list of paths has {length} bytes, the limit is {LONGEST_MANIFEST}"
        );
        Ok(fs::read_to_string(manifest)?)
    };
    let text = read().with_context(|| format!("cannot read {}", manifest.display()))?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    for (number, line) in (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    {
        let path = match is_address(line.as_ref()) {
            true => PathBuf::from(line),
            false => folder.join(line),
        };
        let one = if is_manifest(&path) {
            Err(anyhow::anyhow!(
                "{line} is a list itself; lists name scans and folders"
            ))
        } else {
            expand(&path, cache, scans)
        };
        one.with_context(|| format!("{}, line {number}", manifest.display()))?;
    }
    Ok(())
}

/// Adds a scan, or the scans in a folder or at an address.
fn expand(path: &Path, cache: &Cache, scans: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if is_address(path) {
        scans.extend(cache.scenes(path)?);
        return Ok(());
    }
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
pub(crate) mod tests;
