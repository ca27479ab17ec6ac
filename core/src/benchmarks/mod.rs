//! The classes of the ScanNet benchmarks, by their published ids and names (docs/spec/data.md
//! section 2, docs/spec/eval.md section 2).

use std::sync::LazyLock;

/// Names of the classes of surfaces, which are not objects.
const STUFF: [&str; 2] = ["wall", "floor"];

/// A class of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchmarkClass {
    /// Published id.
    pub id: u16,
    /// Published name.
    pub name: &'static str,
    /// `head`, `common` or `tail`, by how often ScanNet200 has it; empty in ScanNet-20.
    pub frequency: &'static str,
    /// `base`, `novel` or `stuff`: whether OVSeg3R's open-vocabulary training knows the class;
    /// empty in ScanNet-20.
    pub vocabulary: &'static str,
}

impl BenchmarkClass {
    /// The name in words of the built-in vocabulary.
    pub fn word(&self) -> &'static str {
        match self.name {
            "otherfurniture" => "furniture",
            name => name,
        }
    }

    /// `true` for objects, `false` for walls and floors.
    pub fn is_object(&self) -> bool {
        !STUFF.contains(&self.name)
    }
}

/// The 200 classes of ScanNet200, in the published order.
pub fn scannet200() -> &'static [BenchmarkClass] {
    static CLASSES: LazyLock<Vec<BenchmarkClass>> =
        LazyLock::new(|| parse(include_str!("scannet200.csv")));
    &CLASSES
}

/// The 20 classes of ScanNet; their ids are those of NYU40.
pub fn scannet20() -> &'static [BenchmarkClass] {
    static CLASSES: LazyLock<Vec<BenchmarkClass>> =
        LazyLock::new(|| parse(include_str!("scannet20.csv")));
    &CLASSES
}

/// The classes that are objects, in the order in which the published networks number them, in
/// words of the built-in vocabulary.
pub fn objects(classes: &[BenchmarkClass]) -> Vec<String> {
    classes
        .iter()
        .filter(|class| class.is_object())
        .map(|class| class.word().to_owned())
        .collect()
}

/// One class per row after the first: id, name and, in ScanNet200, the two groups.
fn parse(table: &'static str) -> Vec<BenchmarkClass> {
    let class = |row: &'static str| {
        let mut cells = row.split(',');
        Some(BenchmarkClass {
            id: cells.next()?.parse().ok()?,
            name: cells.next()?,
            frequency: cells.next().unwrap_or_default(),
            vocabulary: cells.next().unwrap_or_default(),
        })
    };
    table.lines().skip(1).filter_map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Vocabulary;

    #[test]
    fn the_tables_have_the_published_numbers_of_classes() {
        assert_eq!((scannet200().len(), scannet20().len()), (200, 20));
        for (classes, count) in [(scannet200(), 198), (scannet20(), 18)] {
            let names = objects(classes);
            assert_eq!(names.len(), count);
            let unknown = |name: &&String| Vocabulary::shipped().lookup(name).is_none();
            assert_eq!(names.iter().find(unknown), None);
        }
        let counted = |group: &str| {
            let is_in =
                |class: &&BenchmarkClass| [class.frequency, class.vocabulary].contains(&group);
            scannet200().iter().filter(is_in).count()
        };
        assert_eq!(
            ["head", "common", "tail", "base", "novel", "stuff"].map(counted),
            [66, 68, 66, 51, 147, 2]
        );
        assert_eq!(objects(scannet200())[..3], ["chair", "table", "door"]);
        assert_eq!(objects(scannet20())[..3], ["cabinet", "bed", "chair"]);
        assert_eq!(scannet20()[19].id, 39);
    }
}
