//! Annotations of the segments of a mesh, as in ScanNet and ScanNet++: one file with the segment of
//! each vertex, and one that groups segments into objects.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::{class_table::ClassTable, foundation::SceneTruth};

/// The segment of each vertex of a mesh, as it was published.
#[derive(Deserialize)]
pub struct Segments {
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

impl Segments {
    /// Reads the file, and returns the segments of the vertices `row_of_point`.
    ///
    /// # Errors
    /// The file is not what its name says, or has fewer vertices than the mesh.
    pub fn of_points(path: &Path, row_of_point: &[u32]) -> anyhow::Result<Vec<i64>> {
        let Self { segment_of_vertex } = json(path)?;
        let segment = |row: &u32| {
            segment_of_vertex
                .get(*row as usize)
                .copied()
                .with_context(|| {
                    format!(
                        "{} has segments for {} vertices, the mesh has more",
                        path.display(),
                        segment_of_vertex.len()
                    )
                })
        };
        row_of_point.iter().map(segment).collect()
    }
}

/// Segments as superpoints: the same sets of points, numbered from 0 in the order of the segments'
/// numbers.
pub fn superpoints(segment_of_point: &[i64]) -> Vec<u32> {
    let segments: BTreeSet<i64> = segment_of_point.iter().copied().collect();
    let id_of_segment: HashMap<i64, u32> = segments.into_iter().zip(0..).collect();
    segment_of_point
        .iter()
        .map(|segment| id_of_segment[segment])
        .collect()
}

/// Labels of the points in these segments. Instance ids are the annotators' object ids plus one,
/// later groups win where they overlap, and labels that `classes` does not have get class 0.
///
/// # Errors
/// A file is not what its name says.
pub fn truth(
    segment_of_point: &[i64],
    aggregation: &Path,
    classes: &Classes,
) -> anyhow::Result<SceneTruth> {
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
    let groups_of_points = || {
        segment_of_point
            .iter()
            .map(|segment| group_of_segment.get(segment).map(|row| &groups[*row]))
    };
    let class = |group: &Group| classes.of_label.get(&group.label).copied().unwrap_or(0);
    Ok(SceneTruth {
        semantic: groups_of_points()
            .map(|group| group.map_or(0, class))
            .collect(),
        instance: groups_of_points()
            .map(|group| group.map_or(0, |group| group.object + 1))
            .collect(),
        names: classes.names.clone(),
        stuff: classes.stuff.clone(),
    })
}

/// Class ids of the annotators' labels, and names of the classes.
#[derive(Debug)]
pub struct Classes {
    /// Ids by label; labels that are missing here have no class.
    pub of_label: HashMap<String, i32>,
    /// Ids and names, by ascending id.
    pub names: Vec<(i32, String)>,
    /// Ids that are not of things, if that is known.
    pub stuff: Option<Vec<i32>>,
}

impl Classes {
    /// Reads a text file with one class per line, numbered from 1.
    ///
    /// # Errors
    /// The file cannot be read, or contains no class.
    pub fn list(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = (1..).zip(text.lines().map(|line| line.trim().to_owned()));
        let names: Vec<(i32, String)> = lines.filter(|(_, name)| !name.is_empty()).collect();
        ensure!(!names.is_empty(), "{} lists no classes", path.display());
        Ok(Self {
            of_label: names.iter().map(|(id, name)| (name.clone(), *id)).collect(),
            names,
            stuff: None,
        })
    }

    /// Reads ScanNet's table scannetv2-labels.combined.tsv. A label whose id is none of the
    /// benchmark's has no class, as in the released preprocessing.
    ///
    /// # Errors
    /// The file cannot be read, lacks a column, or has no label of a class.
    pub fn scannet(path: &Path, table: ClassTable) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::of_labels(&text, table).with_context(|| format!("in {}", path.display()))
    }

    fn of_labels(text: &str, table: ClassTable) -> anyhow::Result<Self> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let column = |name: &str| {
            header
                .iter()
                .position(|h| *h == name)
                .with_context(|| format!("there is no column {name}"))
        };
        let (label, id) = (column("raw_category")?, column(table.column())?);
        let names = table.names();
        let is_class = |id: &i32| names.binary_search_by_key(id, |(id, _)| *id).is_ok();
        let mut of_label = HashMap::new();
        for line in lines {
            let cells: Vec<&str> = line.split('\t').collect();
            let (Some(label), Some(Ok(id))) =
                (cells.get(label), cells.get(id).map(|id| id.parse::<i32>()))
            else {
                continue;
            };
            if is_class(&id) {
                of_label.insert((*label).to_owned(), id);
            }
        }
        ensure!(
            !of_label.is_empty(),
            "no label has one of the {} classes in the column {}",
            names.len(),
            table.column()
        );
        Ok(Self {
            of_label,
            names,
            stuff: Some(table.stuff()),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TABLE: &str = "id\traw_category\tcategory\tnyu40id\tnyu40class\n\
        3\tfloor\tfloor\t2\tfloor\n\
        22\tbooks\tbook\t23\tbooks\n\
        22\tbook\tbook\t23\tbooks\n\
        213\tfurniture\tfurniture\t39\totherfurniture\n\
        41\tceiling\tceiling\t22\tceiling\n\
        10\toffice chair\toffice chair\t5\tchair\n\
        2\tchair\tchair\t5\tchair\n\
        1234\trod\trod\t40\totherprop\n";

    #[test]
    fn labels_have_the_benchmarks_classes_and_names_or_none() {
        let names = |table| {
            let classes = Classes::of_labels(TABLE, table).unwrap();
            let names: HashMap<i32, String> = classes.names.iter().cloned().collect();
            move |label: &str| classes.of_label.get(label).map(|id| names[id].clone())
        };
        let name = names(ClassTable::Scannet200);
        for (label, class) in [
            ("books", "book"),
            ("book", "book"),
            ("office chair", "office chair"),
            ("ceiling", "ceiling"),
            ("floor", "floor"),
            ("furniture", "furniture"),
        ] {
            assert_eq!(name(label).as_deref(), Some(class));
        }
        assert_eq!(
            [name("rod"), name("sofa")],
            [None, None],
            "a row without a class of the benchmark, and no row"
        );
        let name = names(ClassTable::Scannet20);
        for (label, class) in [
            ("office chair", Some("chair")),
            ("furniture", Some("furniture")),
            ("floor", Some("floor")),
            ("books", None),
            ("ceiling", None),
            ("rod", None),
        ] {
            assert_eq!(name(label).as_deref(), class, "{label}");
        }
    }

    #[test]
    fn tables_of_something_else_are_refused() {
        for (text, words) in [
            ("id\tcategory\n", "no column raw_category"),
            ("raw_category\tnyu40id\nchair\t5\n", "no column id"),
            (
                "raw_category\tid\nrod\t1234\nchair\tx\n",
                "no label has one of the 200 classes",
            ),
        ] {
            let error = Classes::of_labels(text, ClassTable::Scannet200).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn segments_become_superpoints_by_rank() {
        assert_eq!(superpoints(&[7, i64::MAX, -3, 7]), [1, 2, 0, 1]);
    }
}
