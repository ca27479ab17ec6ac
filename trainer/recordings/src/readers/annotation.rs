//! Annotations of the segments of a mesh, as in ScanNet and ScanNet++: one file with the segment of
//! each vertex, and one that groups segments into objects.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::foundation::Truth;

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

/// Labels of the vertices `row_of_point`. Instance ids are the annotators' object ids plus one,
/// later groups win where they overlap, and labels that `classes` does not have get class 0.
///
/// # Errors
/// A file is not what its name says, or has fewer vertices than the mesh.
pub fn truth(
    segments: &Path,
    aggregation: &Path,
    row_of_point: &[u32],
    classes: &Classes,
) -> anyhow::Result<Truth> {
    let Segments { segment_of_vertex } = json(segments)?;
    let Aggregation { mut groups } = json(aggregation)?;
    // one published scene lists all its groups twice
    let half = groups.len() / 2;
    if half > 0
        && groups.len().is_multiple_of(2)
        && (0..half).all(|i| groups[i].segments == groups[half + i].segments)
    {
        groups.truncate(half);
    }
    let mut group_of_segment: HashMap<i64, usize> = HashMap::new();
    for (row, group) in groups.iter().enumerate() {
        ensure!(
            (0..i32::MAX).contains(&group.object),
            "{}: the objectId {} is not from 0 to 2147483646",
            aggregation.display(),
            group.object
        );
        group_of_segment.extend(group.segments.iter().map(|segment| (*segment, row)));
    }
    let group = |row: &u32| {
        let segment = segment_of_vertex.get(*row as usize).with_context(|| {
            format!(
                "{} has segments for {} vertices, the mesh has more",
                segments.display(),
                segment_of_vertex.len()
            )
        })?;
        Ok(group_of_segment.get(segment).map(|row| &groups[*row]))
    };
    let groups_of_points = row_of_point
        .iter()
        .map(group)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let class = |group: &Group| classes.of_label.get(&group.label).copied().unwrap_or(0);
    Ok(Truth {
        semantic: groups_of_points
            .iter()
            .map(|group| group.map_or(0, class))
            .collect(),
        instance: groups_of_points
            .iter()
            .map(|group| group.map_or(0, |group| group.object + 1))
            .collect(),
        names: classes.names.clone(),
    })
}

/// Class ids of the annotators' labels, and names of the classes.
pub struct Classes {
    /// Ids by label; labels that are missing here have no class.
    pub of_label: HashMap<String, i32>,
    /// Ids and names, by ascending id.
    pub names: Vec<(i32, String)>,
}

impl Classes {
    /// Reads ScanNet's table scannetv2-labels.combined.tsv, with the ids of ScanNet200, or a text
    /// file with one class per line, numbered from 1.
    ///
    /// # Errors
    /// The file cannot be read, or contains no class.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let classes = match path.extension().is_some_and(|extension| extension == "tsv") {
            true => Self::table(&text).with_context(|| format!("in {}", path.display()))?,
            false => {
                let lines = (1..).zip(text.lines().map(|line| line.trim().to_owned()));
                let names: Vec<(i32, String)> =
                    lines.filter(|(_, name)| !name.is_empty()).collect();
                Self {
                    of_label: names.iter().map(|(id, name)| (name.clone(), *id)).collect(),
                    names,
                }
            }
        };
        ensure!(
            !classes.names.is_empty(),
            "{} lists no classes",
            path.display()
        );
        Ok(classes)
    }

    /// Parses ScanNet's table. The name of a class is its first raw label.
    fn table(text: &str) -> anyhow::Result<Self> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let column = |name: &str| {
            header
                .iter()
                .position(|h| *h == name)
                .with_context(|| format!("there is no column {name}"))
        };
        let (label, id) = (column("raw_category")?, column("id")?);
        let (mut of_label, mut names) = (HashMap::new(), BTreeMap::new());
        for line in lines {
            let cells: Vec<&str> = line.split('\t').collect();
            let (Some(label), Some(Ok(id))) =
                (cells.get(label), cells.get(id).map(|id| id.parse::<i32>()))
            else {
                continue;
            };
            of_label.insert((*label).to_owned(), id);
            names.entry(id).or_insert_with(|| (*label).to_owned());
        }
        Ok(Self {
            of_label,
            names: names.into_iter().collect(),
        })
    }
}

fn json<T: for<'a> Deserialize<'a>>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| {
        format!(
            "{} does not have the format that its name stands for",
            path.display()
        )
    })
}
