//! The results of scans, as several commands write, count and time them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use learning::atomic_write::{make_atomically, write_atomically};
use recordings::folder::Disk;
use segscape::{
    platform::Instant,
    progress::{Monitor, Stage},
    scan::Scan,
    write::{self, Context, Export, InstanceRecord, PointLabels},
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

/// The files that are written of every scan.
#[derive(Args, Clone, Debug)]
pub struct Output {
    /// Folder for the files of every scan, SCAN.labelled.ply and SCAN.json for example; the second
    /// scan of one name becomes SCAN-2.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Formats of the files, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = formats(),
        default_values_t = [Export::Ply, Export::Json].map(Format),
        requires = "out"
    )]
    format: Vec<Format>,
    /// Give points the colors of their instances.
    #[arg(long, requires = "out")]
    painted: bool,
    /// Date that the inventory says, as it is to be printed; without, it says none.
    #[arg(long, default_value = "", requires = "out")]
    date: String,
}

/// A format as a value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format(Export);

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.key())
    }
}

/// Reads the key of a format; the help tells what each one is for.
fn formats() -> impl TypedValueParser<Value = Format> {
    let value = |export: Export| PossibleValue::new(export.key()).help(export.purpose());
    PossibleValuesParser::new(Export::ALL.map(value)).try_map(|key| key.parse().map(Format))
}

/// What was found in a scan, and how.
pub struct Results<'a> {
    /// Name of the files.
    pub name: &'a OsStr,
    /// The scan.
    pub scan: &'a Scan,
    /// Its instances.
    pub labels: &'a PointLabels,
    /// Where their names are from.
    pub sources: &'a Sources,
    /// What was looked for; empty for everything.
    pub prompt: &'a str,
    /// Name of the network; empty without.
    pub model: &'a str,
    /// The file that the scan is an excerpt of, if it is one.
    pub whole: Option<&'a Disk>,
}

impl Output {
    /// Creates the folder, if there is to be one.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(&self) -> anyhow::Result<()> {
        create(self.out.as_deref())
    }

    /// Writes the files, if there is a folder. Each appears whole or not at all.
    ///
    /// # Errors
    /// A format cannot hold the scan, or a file cannot be written.
    pub fn save(&self, results: &Results) -> anyhow::Result<()> {
        let Some(out) = &self.out else {
            return Ok(());
        };
        let context = Context {
            scan: &results.name.to_string_lossy(),
            prompt: results.prompt,
            model: results.model,
            date: &self.date,
            picture: None,
            painted: self.painted,
        };
        for Format(export) in &self.format {
            let mut file = results.name.to_owned();
            file.push(format!(".{}", export.ending()));
            let file = out.join(file);
            let cannot = || format!("cannot write {}", file.display());
            if let Some(whole) = results.whole.filter(|_| export.has_all_points()) {
                let (scan, labels) = (results.scan, results.labels);
                make_atomically(&file, |out| -> anyhow::Result<()> {
                    let mut write = |place: u64, bytes: &[u8]| {
                        out.seek(SeekFrom::Start(place))?;
                        out.write_all(bytes)
                    };
                    let silent = Monitor::silent();
                    Ok(export.write_all(scan, labels, &context, whole, &silent, &mut write)?)
                })
                .with_context(cannot)?;
                continue;
            }
            let mut bytes = export.write(results.scan, results.labels, &context)?;
            if *export == Export::Json && !results.sources.is_empty() {
                let mut value: Value = serde_json::from_slice(&bytes)?;
                tell_sources(&mut value["instances"], results.sources);
                bytes = serde_json::to_vec_pretty(&value)?;
            }
            write_atomically(&file, &bytes).with_context(cannot)?;
        }
        Ok(())
    }

    /// The folder, if there is to be one.
    pub fn folder(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// The options that change what is in the files, for comparison.
    pub fn options(&self) -> String {
        format!("{:?} {} {:?}", self.format, self.painted, self.date)
    }
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

/// The [names] of the results of scans that are asked for once each, by their places.
pub fn name_of_place(places: &[PathBuf]) -> HashMap<PathBuf, OsString> {
    places.iter().cloned().zip(names(places)).collect()
}

/// The number of instances of each name.
pub fn counts(records: &[InstanceRecord]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for record in records {
        *counts
            .entry(record.label.as_deref().unwrap_or(write::UNNAMED))
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
    #![allow(clippy::unwrap_used)]

    use clap::Parser;
    use segscape::write::LabeledInstance;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        output: Output,
    }

    fn output(arguments: &[&str]) -> Result<Output, clap::Error> {
        let command = Command::try_parse_from([&["segment"], arguments].concat());
        command.map(|command| command.output)
    }

    /// The names of the files that are written with these arguments.
    fn files(arguments: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("results");
        let arguments = [&["--out", out.to_str().unwrap()], arguments].concat();
        let output = output(&arguments).unwrap();
        let scan = Scan::from_points(&[[0.0; 3], [1.0; 3]], None).unwrap();
        let labels = PointLabels {
            instance_of_point: vec![0, 0],
            instances: vec![LabeledInstance {
                id: 3,
                label: Some(0),
                score: 0.5,
            }],
            labels: vec!["chair".to_owned()],
        };
        output.create().unwrap();
        let results = Results {
            name: OsStr::new("room"),
            scan: &scan,
            labels: &labels,
            sources: &Sources::from([(3, json!([{"frame": "7"}]))]),
            prompt: "chair",
            model: "nano",
            whole: None,
        };
        output.save(&results).unwrap();
        if let Ok(json) = fs::read(out.join("room.json")) {
            let json: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json["instances"][0]["named_from"][0]["frame"], "7");
            assert_eq!(
                (&json["prompt"], &json["model"]),
                (&json!("chair"), &json!("nano"))
            );
        }
        let entries = fs::read_dir(out).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn formats_are_chosen_by_their_words() {
        assert_eq!(files(&[]), ["room.json", "room.labelled.ply"]);
        assert_eq!(
            files(&["--format", "csv,glb", "--painted"]),
            ["room.csv", "room.glb"]
        );
        let all = Export::ALL.map(Export::key).join(",");
        assert_eq!(files(&["--format", &all]).len(), Export::ALL.len());
        assert!(output(&[]).is_ok(), "nothing is written without a folder");
        assert!(
            output(&["--format", "csv"]).is_err(),
            "and no format is chosen for nothing"
        );
        let unknown = output(&["--out", "x", "--format", "doc"]).unwrap_err();
        assert!(unknown.to_string().contains("scannet"), "{unknown}");
    }

    #[test]
    fn no_result_overwrites_another() {
        let scans = ["a/scan.ply", "b/scan.ply", "scan-2.ply", "c/scan.pcd"];
        let names = names(&scans.map(PathBuf::from));
        assert_eq!(names, ["scan", "scan-2", "scan-2-2", "scan-3"]);
    }
}
