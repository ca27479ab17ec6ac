//! The classes of the two ScanNet benchmarks (docs/spec/data.md section 3): ids, names, groups, and
//! which of them are no things.

use std::collections::HashSet;

use anyhow::ensure;

use crate::nyu40;

/// 200 rows, in the benchmark's order: id; name; head, common or tail; and base, novel or stuff.
const SCANNET200: &str = include_str!("scannet200.csv");
/// Ids of the 20 classes of the older benchmark, which are NYU40's.
const SCANNET20: [i32; 20] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39,
];

/// The classes that labels are numbered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ClassTable {
    /// The 200 classes of ScanNet200: 198 kinds of things, wall and floor.
    Scannet200,
    /// The 20 classes of ScanNet's first benchmark: 18 kinds of things, wall and floor.
    Scannet20,
}

/// A class of ScanNet200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scannet200Class {
    /// Its id in ScanNet's table of labels.
    pub id: i32,
    /// The benchmark's name.
    pub name: &'static str,
    /// "head", "common" or "tail", by the number of its instances.
    pub frequency: &'static str,
    /// "base" if open-vocabulary training knows it, "novel" if not; "stuff" for wall and floor.
    pub vocabulary: &'static str,
}

/// The classes of ScanNet200, in the benchmark's order.
pub fn scannet200() -> impl Iterator<Item = Scannet200Class> {
    SCANNET200.lines().skip(1).filter_map(|line| {
        let mut cells = line.split(',');
        Some(Scannet200Class {
            id: cells.next()?.parse().ok()?,
            name: cells.next()?,
            frequency: cells.next()?,
            vocabulary: cells.next()?,
        })
    })
}

impl ClassTable {
    /// Ids and names of the classes. The names of the 20 classes are words that a vocabulary has:
    /// "furniture" is what the benchmark calls otherfurniture.
    pub fn names(self) -> Vec<(i32, String)> {
        match self {
            Self::Scannet200 => scannet200()
                .map(|class| (class.id, class.name.to_owned()))
                .collect(),
            Self::Scannet20 => SCANNET20
                .iter()
                .filter_map(|id| Some((*id, nyu40::name(*id)?.to_owned())))
                .collect(),
        }
    }

    /// Ids that are not of things: 0 for no class, wall, floor. Ceilings are things in ScanNet200,
    /// and no class at all in the older benchmark.
    pub fn stuff(self) -> Vec<i32> {
        match self {
            Self::Scannet200 => scannet200()
                .filter(|class| class.vocabulary == "stuff")
                .map(|class| class.id)
                .chain([0])
                .collect(),
            Self::Scannet20 => vec![1, 2, 0],
        }
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
    fn the_tables_have_the_published_numbers_of_classes() {
        let count = |of: &dyn Fn(&Scannet200Class) -> bool| {
            scannet200()
                .filter(|class| class.vocabulary != "stuff" && of(class))
                .count()
        };
        assert_eq!(count(&|_| true), 198);
        assert_eq!(
            ["head", "common", "tail"].map(|group| count(&|class| class.frequency == group)),
            [64, 68, 66]
        );
        assert_eq!(
            ["base", "novel"].map(|group| count(&|class| class.vocabulary == group)),
            [51, 147]
        );
        let lengths =
            [ClassTable::Scannet200, ClassTable::Scannet20].map(|table| table.names().len());
        assert_eq!(lengths, [200, 20]);
    }

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
