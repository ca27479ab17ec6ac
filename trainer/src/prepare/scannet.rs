//! ScanNet's raw folders (spec/data.md section 1).

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use segscape::{progress::Monitor, scan};
use serde::Deserialize;

use super::Options;
use crate::foundation::Truth;

const MESH: &str = "_vh_clean_2.ply";
const SEGMENTS: &str = "_vh_clean_2.0.010000.segs.json";
const AGGREGATION: &str = ".aggregation.json";

/// The mesh's vertices and what annotators said about them.
pub struct Labelled {
    /// (points, 3): metres, turned as the frames are.
    pub positions: Vec<[f32; 3]>,
    /// (points, 3): sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// `None` for scenes without annotation, as those of the test split.
    pub truth: Option<Truth>,
}

#[derive(Deserialize)]
struct Segments {
    #[serde(rename = "segIndices")]
    segment_of_vertex: Vec<i64>,
}

#[derive(Deserialize)]
struct Aggregation {
    #[serde(rename = "segGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "objectId")]
    object: i32,
    segments: Vec<i64>,
    label: String,
}

fn file(folder: &Path, suffix: &str) -> PathBuf {
    folder.join(format!("{}{suffix}", folder.file_name().unwrap_or_default().to_string_lossy()))
}

/// Whether the folder is a raw scene.
pub fn is_scene(folder: &Path) -> bool {
    file(folder, MESH).is_file()
}

/// The stream of frames, if it is there.
pub fn stream(folder: &Path) -> Option<PathBuf> {
    Some(file(folder, ".sens")).filter(|path| path.is_file())
}

/// The mesh and its labels; instances count from the annotators' object id + 1, later groups win where they overlap.
///
/// # Errors
/// The mesh cannot be read, there is an annotation but no table of labels, or the files disagree about the number of vertices.
pub fn labelled(folder: &Path, options: &Options) -> anyhow::Result<Labelled> {
    let path = file(folder, MESH);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let scan = scan::read(&bytes, &Monitor::silent()).with_context(|| format!("cannot read {}", path.display()))?;
    // as the file has them, so that the cameras fit
    let position = |p: &[f32; 3]| options.frame().world_from_file(scan.frame.file_from_world(p.map(f64::from))).map(|x| x as f32);
    let positions: Vec<[f32; 3]> = scan.positions.iter().map(position).collect();
    let aggregation = file(folder, AGGREGATION);
    let truth = match aggregation.is_file() {
        false => None,
        true => {
            let row_of_point = scan.row_of_point.clone().unwrap_or_else(|| (0..positions.len() as u32).collect());
            Some(truth(folder, &aggregation, &row_of_point, options)?)
        }
    };
    Ok(Labelled { positions, colors: scan.colors, truth })
}

fn truth(folder: &Path, aggregation: &Path, row_of_point: &[u32], options: &Options) -> anyhow::Result<Truth> {
    let table =
        options.labels.as_ref().with_context(|| format!("{} needs the table scannetv2-labels.combined.tsv: --labels", aggregation.display()))?;
    let (class_of_label, names) = classes(table)?;
    let path = file(folder, SEGMENTS);
    let Segments { segment_of_vertex } = json(&path)?;
    let Aggregation { mut groups } = json(aggregation)?;
    // one published scene lists all its groups twice
    let half = groups.len() / 2;
    if half > 0 && groups.len().is_multiple_of(2) && (0..half).all(|i| groups[i].segments == groups[half + i].segments) {
        groups.truncate(half);
    }
    let mut group_of_segment: HashMap<i64, usize> = HashMap::new();
    for (row, group) in groups.iter().enumerate() {
        ensure!(group.object >= 0, "{}: an objectId of {}", aggregation.display(), group.object);
        group_of_segment.extend(group.segments.iter().map(|segment| (*segment, row)));
    }
    let group = |row: &u32| {
        let segment = segment_of_vertex
            .get(*row as usize)
            .with_context(|| format!("{} has segments for {} vertices, the mesh has more", path.display(), segment_of_vertex.len()))?;
        Ok(group_of_segment.get(segment).map(|row| &groups[*row]))
    };
    let groups_of_points = row_of_point.iter().map(group).collect::<anyhow::Result<Vec<_>>>()?;
    let class = |group: &Group| class_of_label.get(&group.label).copied().unwrap_or(0);
    Ok(Truth {
        semantic: groups_of_points.iter().map(|group| group.map_or(0, class)).collect(),
        instance: groups_of_points.iter().map(|group| group.map_or(0, |group| group.object + 1)).collect(),
        names,
    })
}

/// Class ids of raw labels, and names of classes.
type Classes = (HashMap<String, i32>, Vec<(i32, String)>);

/// Of ScanNet200; a class is called as the first raw label of it.
fn classes(path: &Path) -> anyhow::Result<Classes> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).with_context(|| format!("{} has no column {name}", path.display()));
    let (label, id) = (column("raw_category")?, column("id")?);
    let (mut class_of_label, mut names) = (HashMap::new(), BTreeMap::new());
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let (Some(label), Some(Ok(id))) = (cells.get(label), cells.get(id).map(|id| id.parse::<i32>())) else { continue };
        class_of_label.insert((*label).to_owned(), id);
        names.entry(id).or_insert_with(|| (*label).to_owned());
    }
    Ok((class_of_label, names.into_iter().collect()))
}

fn json<T: for<'a> Deserialize<'a>>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not what its name says", path.display()))
}
