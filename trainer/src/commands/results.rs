//! The results of scans, as several commands write, count and time them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashSet},
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use segscape::{
    platform::Instant,
    progress::Stage,
    scan::Scan,
    write::{self, InstanceRecord, PointLabels},
};
use serde_json::{Value, json};

/// Creates the folder of the results, if there is to be one.
///
/// # Errors
/// It cannot be created.
pub fn create(out: Option<&Path>) -> anyhow::Result<()> {
    match out {
        Some(out) => {
            fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))
        }
        None => Ok(()),
    }
}

/// From which views instances have their names, by their ids.
pub type Sources = BTreeMap<u32, Value>;

/// Writes `NAME.labelled.ply` and `NAME.json` to a folder.
///
/// # Errors
/// A file cannot be written.
pub fn save(
    out: &Path,
    name: &OsStr,
    scan: &Scan,
    labels: &PointLabels,
    sources: &Sources,
) -> anyhow::Result<()> {
    let save = |extension: &str, bytes: &[u8]| {
        let mut file = name.to_owned();
        file.push(extension);
        let file = out.join(file);
        fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
    };
    save(".labelled.ply", &write::labeled_ply(scan, labels))?;
    let mut document = write::instances_json(scan, labels);
    if !sources.is_empty() {
        let mut value: Value = serde_json::from_str(&document)?;
        tell_sources(&mut value["instances"], sources);
        document = serde_json::to_string_pretty(&value)?;
    }
    save(".json", document.as_bytes())
}

/// The records as JSON. Those of instances whose names are from views say so in `named_from`: a list
/// of `frame`, or `drawn_from` with the place of the camera, and the share of the instance that is
/// `seen` there.
pub fn told(records: &[InstanceRecord], sources: &Sources) -> Value {
    let mut told = json!(records);
    tell_sources(&mut told, sources);
    told
}

fn tell_sources(records: &mut Value, sources: &Sources) {
    for record in records.as_array_mut().into_iter().flatten() {
        let id = record["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        let source = id.and_then(|id| sources.get(&id));
        if let (Some(source), Some(record)) = (source, record.as_object_mut()) {
            record.insert("named_from".to_owned(), source.clone());
        }
    }
}

/// The records of the instances that own points.
pub fn records(scan: &Scan, labels: &PointLabels) -> Vec<InstanceRecord> {
    let mut records = write::instance_records(scan, labels);
    records.retain(|record| record.points > 0);
    records
}

/// The names of the results of scans, each one once: the file name without its extension, and a
/// number where an earlier scan has the same name. Names of files are bytes, not text.
pub fn names(scans: &[PathBuf]) -> Vec<OsString> {
    let mut taken = HashSet::new();
    let name = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default();
        let numbered = |number: usize| {
            let mut name = stem.to_owned();
            if number > 1 {
                name.push(format!("-{number}"));
            }
            name
        };
        let free = (1..).map(numbered).find(|name| taken.insert(name.clone()));
        free.unwrap_or_default()
    };
    scans.iter().map(name).collect()
}

/// The number of instances of each name.
pub fn counts(records: &[InstanceRecord]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for record in records {
        *counts
            .entry(record.label.as_deref().unwrap_or("unnamed"))
            .or_default() += 1;
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if counts.is_empty() {
        "no instances".to_owned()
    } else {
        counts.join(", ")
    }
}

/// Milliseconds spent in each stage. A stage lasts until another one reports progress.
#[derive(Default)]
pub struct StageClock {
    running: Cell<Option<(Stage, Instant)>>,
    spent: RefCell<BTreeMap<Stage, f64>>,
}

impl StageClock {
    /// Starts `stage`, unless it is the running stage.
    pub fn at(&self, stage: Stage) {
        if self
            .running
            .get()
            .is_none_or(|(running, _)| running != stage)
        {
            self.stop();
            self.running.set(Some((stage, Instant::now())));
        }
    }

    fn stop(&self) {
        if let Some((stage, since)) = self.running.take() {
            *self.spent.borrow_mut().entry(stage).or_default() +=
                since.elapsed().as_secs_f64() * 1000.0;
        }
    }

    /// Ends the running stage and returns the times of all stages.
    pub fn finish(self) -> BTreeMap<Stage, f64> {
        self.stop();
        self.spent.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_result_overwrites_another() {
        let scans = ["a/scan.ply", "b/scan.ply", "scan-2.ply", "c/scan.pcd"];
        let names = names(&scans.map(PathBuf::from));
        assert_eq!(names, ["scan", "scan-2", "scan-2-2", "scan-3"]);
    }
}
