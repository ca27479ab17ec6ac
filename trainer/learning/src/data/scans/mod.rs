//! Labelled scans for training and evaluation: PLY files, and foundation bundles, whose images the
//! network may use, too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use segscape::{
    job::{self, Grouping, Network},
    model::{Config, Observation},
    progress::Monitor,
    spatial::Thinned,
    superpoint::{SuperpointError, SuperpointOptions},
};

use crate::{
    config::ClassOfObject, data::image_evidence::ImageEvidence, data::labeled_scan::LabeledScan,
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
    /// `stuff` see [`LabeledScan::read`] and [`LabeledScan::of_bundle`].
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
            return Ok(LabeledScan::read(path, stuff, &options)?.into());
        }
        let mut scene = Foundation::read(path)?;
        let (seen, is_grouped) = (look(&mut scene), scene.given.superpoints.is_some());
        let scan = LabeledScan::of_bundle(scene, stuff, class_of, &options)
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
        "there is no .ply file and no foundation bundle in {paths:?}"
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
pub(crate) mod tests;
