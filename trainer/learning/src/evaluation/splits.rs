//! The groups of ScanNet200's classes over which published tables average.

use segscape::benchmarks::{self, BenchmarkClass};

/// The groups: three by frequency, two by whether OVSeg3R's open-vocabulary training knows a class.
pub const SPLITS: [&str; 5] = ["head", "common", "tail", "base", "novel"];

/// The groups of a class, by frequency and by vocabulary; `None` if it is no object of ScanNet200:
/// walls and floors are in no group.
pub fn of(name: &str) -> Option<[&'static str; 2]> {
    let name = name.trim().to_lowercase();
    let group = |class: &BenchmarkClass| [class.frequency, class.vocabulary];
    let mut objects = benchmarks::scannet200()
        .iter()
        .filter(|class| class.is_object());
    objects.find(|class| class.name == name).map(group)
}

/// Indices of the `names` that are in a split, ascending.
pub fn members<'a>(split: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let is_in = |name: &str| of(name).is_some_and(|groups| groups.contains(&split));
    (0..)
        .zip(names)
        .filter(|(_, name)| is_in(name))
        .map(|(class, _)| class)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_name() {
        assert_eq!(of(" Chair"), Some(["head", "base"]));
        assert_eq!(of("gronkulator"), None);
        assert_eq!(members("head", ["gronkulator", "chair", "wall"]), [1]);
    }
}
