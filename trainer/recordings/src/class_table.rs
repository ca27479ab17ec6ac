//! The classes by which the labels of ScanNet are numbered (docs/spec/data.md section 3).

use std::collections::HashSet;

use anyhow::ensure;
use segscape::benchmarks::{self, BenchmarkClass};

/// The classes that labels are numbered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ClassTable {
    /// The 200 classes of ScanNet200: 198 kinds of things, wall and floor.
    Scannet200,
    /// The 20 classes of ScanNet's first benchmark: 18 kinds of things, wall and floor.
    Scannet20,
}

impl ClassTable {
    fn classes(self) -> &'static [BenchmarkClass] {
        match self {
            Self::Scannet200 => benchmarks::scannet200(),
            Self::Scannet20 => benchmarks::scannet20(),
        }
    }

    /// Ids and names of the classes, in words of the built-in vocabulary.
    pub fn names(self) -> Vec<(i32, String)> {
        let classes = self.classes().iter();
        classes
            .map(|class| (i32::from(class.id), class.word().to_owned()))
            .collect()
    }

    /// Ids that are not of objects: 0 for no class, wall, floor. Ceilings are objects in
    /// ScanNet200, and no class at all in the older benchmark.
    pub fn stuff(self) -> Vec<i32> {
        let stuff = self.classes().iter().filter(|class| !class.is_object());
        stuff.map(|class| i32::from(class.id)).chain([0]).collect()
    }

    /// Column of scannetv2-labels.combined.tsv with these ids.
    pub fn column(self) -> &'static str {
        match self {
            Self::Scannet200 => "id",
            Self::Scannet20 => "nyu40id",
        }
    }

    /// Largest id of any label in that column.
    fn largest(self) -> i32 {
        match self {
            Self::Scannet200 => 1357,
            Self::Scannet20 => 40,
        }
    }

    /// Replaces ids that are of no class of the benchmark by 0.
    ///
    /// # Errors
    /// An id is none of ScanNet's, so that the labels are numbered in another way.
    pub fn restrict(self, ids: &mut [i32]) -> anyhow::Result<()> {
        let known: HashSet<i32> = self.names().into_iter().map(|(id, _)| id).collect();
        let largest = self.largest();
        for id in ids {
            ensure!(
                (0..=largest).contains(id),
                "there is the label {id}, the largest of {} is {largest}: choose other --classes",
                self.column()
            );
            if !known.contains(id) {
                *id = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::text::Vocabulary;

    use super::*;

    #[test]
    fn every_class_has_its_own_id_and_a_name_with_an_embedding() {
        for table in [ClassTable::Scannet200, ClassTable::Scannet20] {
            let names = table.names();
            assert!(names.is_sorted_by(|a, b| a.0 < b.0));
            let mut known = std::collections::HashSet::new();
            for (id, name) in names {
                assert!((1..=table.largest()).contains(&id), "{id}");
                assert!(known.insert(name.clone()), "{name} occurs twice");
                assert!(Vocabulary::shipped().lookup(&name).is_some(), "{name}");
            }
        }
        assert_eq!(ClassTable::Scannet200.stuff(), [1, 3, 0]);
    }

    #[test]
    fn labels_without_a_class_are_void_and_foreign_ones_are_refused() {
        let mut ids = [1, 2, 22, 39, 40, 0];
        ClassTable::Scannet20.restrict(&mut ids).unwrap();
        assert_eq!(
            ids,
            [1, 2, 0, 39, 0, 0],
            "ceiling and object are no classes"
        );
        // 12 is a label of ScanNet's table that is no class of ScanNet200
        let mut ids = [2, 12, 1191];
        ClassTable::Scannet200.restrict(&mut ids).unwrap();
        assert_eq!(ids[..2], [2, 0]);
        for (table, id) in [
            (ClassTable::Scannet20, 41),
            (ClassTable::Scannet200, 1358),
            (ClassTable::Scannet200, -1),
        ] {
            let error = table.restrict(&mut [id]).unwrap_err().to_string();
            assert!(
                error.contains(&id.to_string()) && error.contains("--classes"),
                "{error}"
            );
        }
    }
}
