//! Frequency groups of the ScanNet200 classes, and the classes that OVSeg3R's open-vocabulary
//! training knows: facts about class names.

use std::collections::HashMap;

use recordings::class_table;

/// The groups of classes over which published tables average.
pub const SPLITS: [&str; 5] = ["head", "common", "tail", "base", "novel"];

/// Maps the name of a class to its split by frequency and its split by vocabulary.
pub struct Splits(HashMap<&'static str, [&'static str; 2]>);

impl Splits {
    /// The splits of the 198 kinds of things of ScanNet200; wall and floor are in none.
    pub fn scannet200() -> Self {
        let things = class_table::scannet200().filter(|class| class.vocabulary != "stuff");
        Self(
            things
                .map(|class| (class.name, [class.frequency, class.vocabulary]))
                .collect(),
        )
    }

    /// The splits of a class; `None` if it is no thing of ScanNet200.
    pub fn of(&self, name: &str) -> Option<[&'static str; 2]> {
        self.0.get(name.trim().to_lowercase().as_str()).copied()
    }

    /// Indices of the `names` that are in a split, ascending.
    pub fn members<'a>(&self, split: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
        let is_in = |name: &str| self.of(name).is_some_and(|splits| splits.contains(&split));
        names
            .into_iter()
            .enumerate()
            .filter(|(_, name)| is_in(name))
            .map(|(class, _)| class)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_published_numbers_of_classes() {
        let splits = Splits::scannet200();
        assert_eq!(splits.0.len(), 198);
        let names: Vec<&str> = splits.0.keys().copied().collect();
        assert_eq!(
            SPLITS.map(|split| splits.members(split, names.iter().copied()).len()),
            [64, 68, 66, 51, 147]
        );
        assert_eq!(splits.of(" Chair"), Some(["head", "base"]));
        assert_eq!(splits.of("gronkulator"), None);
        assert_eq!(
            splits.members("head", ["gronkulator", "chair", "wall"]),
            [1]
        );
    }
}
