//! The labels that came with a scan.

use super::{ColumnView, Element, Warning, points::Rows};

/// The labels of a labelled scan, one per point.
///
/// An object is identified by its class and its instance together: some data sets number the
/// instances of a scan, others those of every class. Instance 0 means unlabelled; class -1 is what
/// files call "no class".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// `(points)` class ids.
    pub semantic: Vec<i32>,
    /// `(points)` instance ids, unique among the instances of a class; 0 = unlabelled.
    pub instance: Vec<i32>,
}

/// Names of the column with the class.
const CLASS: [&str; 9] = [
    "semantic",
    "label",
    "semantic_id",
    "semantic_label",
    "label_id",
    "class",
    "class_id",
    "category",
    "category_id",
];

/// Names of the column with the instance.
const INSTANCE: [&str; 5] = [
    "instance",
    "instance_id",
    "instance_label",
    "object_id",
    "objectid",
];

/// The class of points without a class.
const NO_CLASS: i32 = -1;

/// Reads labels if the file has columns of whole numbers for both the class and the instance, in
/// any type.
///
/// Files encode "no instance" differently: as 0; as any negative number, or as the largest number
/// of an unsigned type, in which cases 0 is an ordinary instance; or as NaN. Ids that do not fit
/// into 32 bits get other numbers.
pub(super) fn truth(points: &Element, rows: Rows, warnings: &mut Vec<Warning>) -> Option<Truth> {
    let (class, instance) = (find(points, &CLASS)?, find(points, &INSTANCE)?);
    let fractions: Vec<Warning> = [class, instance]
        .iter()
        .filter_map(|labels| labels.fraction(rows))
        .collect();
    if !fractions.is_empty() {
        warnings.extend(fractions);
        return None;
    }
    let zero_counts = rows
        .iter()
        .any(|row| instance.marks_unlabelled(row) || instance.id(row).is_some_and(|id| id < 0));
    // 0 is no instance, so the ids are counted from 1 where it is one
    let shift = i128::from(zero_counts);
    Some(Truth {
        semantic: class.ids(rows, NO_CLASS, |id| id, warnings),
        instance: instance.ids(rows, 0, |id| (id + shift).max(0), warnings),
    })
}

/// A column of labels.
#[derive(Clone, Copy)]
struct Labels<'a> {
    name: &'a str,
    column: ColumnView<'a>,
}

/// The first column with one of these names. CloudCompare writes `scalar_` in front of every name.
fn find<'a>(points: &'a Element, names: &[&'a str]) -> Option<Labels<'a>> {
    names.iter().find_map(|name| {
        let column = points
            .column(name)
            .or_else(|| points.column(&format!("scalar_{name}")))?;
        Some(Labels { name, column })
    })
}

impl Labels<'_> {
    /// A warning if a value is neither a whole number nor NaN: then these are no labels.
    fn fraction(&self, rows: Rows) -> Option<Warning> {
        let is_fraction =
            |row: &usize| self.column.integer_at(*row).is_none() && !self.column.at(*row).is_nan();
        let row = rows.iter().find(is_fraction)?;
        Some(Warning(format!(
            "`{}` is not taken for labels: its values are not whole numbers, such as {}",
            self.name,
            self.column.at(row)
        )))
    }

    /// `true` if all bits of an unsigned number are ones, in its own type or copied from 32 or 64
    /// bits to a larger one.
    fn marks_unlabelled(&self, row: usize) -> bool {
        let scalar = self.column.scalar;
        self.column.integer_at(row).is_some_and(|value| {
            let copied = scalar.size() == 8 && value == u32::MAX.into();
            // as a float, which rounds
            let rounded = !scalar.is_integer()
                && [u32::MAX as f32 as i128, u64::MAX as f64 as i128].contains(&value);
            let own = scalar.all_ones().is_some_and(|ones| value == ones.into());
            copied || rounded || own
        })
    }

    /// The id in a row; `None` if it marks points without one.
    fn id(&self, row: usize) -> Option<i128> {
        self.column
            .integer_at(row)
            .filter(|_| !self.marks_unlabelled(row))
    }

    /// The ids of all rows after `change`, and `none` for rows without one. Ids beyond 32 bits get
    /// numbers that are not in use.
    fn ids(
        &self,
        rows: Rows,
        none: i32,
        change: impl Fn(i128) -> i128,
        warnings: &mut Vec<Warning>,
    ) -> Vec<i32> {
        let id = |row| self.id(row).map(&change);
        let mut far: Vec<i128> = rows
            .iter()
            .filter_map(id)
            .filter(|id| i32::try_from(*id).is_err())
            .collect();
        far.sort_unstable();
        far.dedup();
        let mut numbers: Vec<i32> = Vec::new();
        if !far.is_empty() {
            let mut used: Vec<i32> = rows
                .iter()
                .filter_map(id)
                .filter_map(|id| id.try_into().ok())
                .collect();
            used.sort_unstable();
            let is_free = |number: &i32| used.binary_search(number).is_err();
            numbers = (1..=i32::MAX).filter(is_free).take(far.len()).collect();
            warnings.push(Warning(format!(
                "{} ids of `{}` are beyond 32 bits, such as {}, and got other numbers",
                far.len(),
                self.name,
                far[0]
            )));
        }
        let number = |id: i128| {
            i32::try_from(id).unwrap_or_else(|_| {
                let place = far.binary_search(&id).ok();
                place.and_then(|i| numbers.get(i)).copied().unwrap_or(none)
            })
        };
        rows.iter()
            .map(|row| id(row).map_or(none, number))
            .collect()
    }
}
