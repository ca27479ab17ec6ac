//! Whether files that become one scan fit together: what they say of themselves, how they are placed,
//! and where they lie.

use std::ops::Range;

use super::{Part, some};
use crate::{
    preflight::{self, Certainty, Finding, Unit},
    scan::{UpAxis, Warning, plausible},
};

/// What each file has to say, once, with the names of the files that it is about.
pub(super) fn said(parts: &[Part]) -> Vec<Warning> {
    let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
    for part in parts {
        for Warning(words) in &part.scan.warnings {
            match said.iter_mut().find(|(other, _)| other == words) {
                Some((_, names)) => names.push(&part.name),
                None => said.push((words, vec![&part.name])),
            }
        }
    }
    let named = |(words, names): (&str, Vec<&str>)| Warning(format!("{}: {words}", some(&names)));
    said.into_iter().map(named).collect()
}

/// The up axis and the unit that formats say, with a warning if files seem to differ in them.
pub(super) fn placing(
    parts: &[Part],
    warnings: &mut Vec<Warning>,
) -> (Option<UpAxis>, Option<f64>) {
    /// Fewer points do not show how they lie.
    const FEWEST: usize = 1000;
    fn found<T>(finding: Finding<T>) -> Option<T> {
        (finding.certainty == Certainty::Found).then_some(finding.value)
    }
    let seems = |part: &Part| {
        let scan = &part.scan;
        if scan.len() >= FEWEST {
            let (up, unit) = preflight::seems(scan);
            return (found(up), found(unit));
        }
        let unit = scan.unit.and_then(|metres| Unit::of_metres(metres).ok());
        (scan.up, unit)
    };
    let (ups, units): (Vec<_>, Vec<_>) = parts.iter().map(seems).unzip();
    if let Some((a, b)) = differing(&ups) {
        let ([a, b], [up, other]) = ([a, b].map(|i| &parts[i].name), [a, b].map(|i| ups[i]));
        if let (Some(up), Some(other)) = (up, other) {
            warnings.push(Warning(format!(
                "up seems to be {up} in {a} and {other} in {b}; all files are placed as if it were the same"
            )));
        }
    }
    if let Some((a, b)) = differing(&units) {
        let ([a, b], [unit, other]) = ([a, b].map(|i| &parts[i].name), [a, b].map(|i| units[i]));
        if let (Some(unit), Some(other)) = (unit, other) {
            warnings.push(Warning(format!(
                "the unit seems to be {unit} in {a} and {other} in {b}; all files are placed as if it were the same"
            )));
        }
    }
    let up = parts.iter().find_map(|part| part.scan.up);
    (up, parts.iter().find_map(|part| part.scan.unit))
}

/// The first file of which something is known, and the first one that differs from it.
fn differing<T: PartialEq>(known: &[Option<T>]) -> Option<(usize, usize)> {
    let mut known = known
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_some());
    let (first, value) = known.next()?;
    let (other, _) = known.find(|(_, other)| *other != value)?;
    Some((first, other))
}

/// Warnings about files that lie far from all others, and about files that fill the same space.
pub(super) fn places(parts: &[Part]) -> Vec<Warning> {
    /// The distance that is far, in sizes of the larger file.
    const FAR: f64 = 100.0;
    /// The share of the space of two files that is common to them if they show the same.
    const SAME: f64 = 0.9;
    type Extent = [Range<f64>; 3];
    let extent = |part: &Part| plausible::extent(&part.scan);
    let extents: Vec<Option<Extent>> = parts.iter().map(extent).collect();
    let size = |extent: &Extent| {
        let sides = extent.iter().map(|range| range.end - range.start);
        sides.fold(0.0, f64::max)
    };
    let gap = |a: &Extent, b: &Extent| {
        let gaps = a.iter().zip(b);
        gaps.map(|(a, b)| (a.start - b.end).max(b.start - a.end))
            .fold(0.0, f64::max)
    };
    let is_far = |a: &Extent, b: &Extent| {
        let larger = size(a).max(size(b));
        larger > 0.0 && gap(a, b) > FAR * larger
    };
    let common = |a: &Extent, b: &Extent| {
        // Flat files fill a space of some height.
        let least = 1e-3 * size(a).max(size(b));
        let shares = a.iter().zip(b).map(|(a, b)| {
            let both = a.end.min(b.end) - a.start.max(b.start);
            let either = a.end.max(b.end) - a.start.min(b.start);
            (both + least).max(0.0) / (either + least)
        });
        shares.product::<f64>()
    };
    let known = || {
        (0..)
            .zip(&extents)
            .filter_map(|(i, e)| Some((i, e.as_ref()?)))
    };
    let name = |part: usize| parts[part].name.as_str();
    let mut warnings = Vec::new();
    let is_alone = |(i, a): &(usize, &Extent)| {
        let others = || known().filter(|(j, _)| j != i);
        others().next().is_some() && others().all(|(_, b)| is_far(a, b))
    };
    let far: Vec<&str> = known().filter(is_alone).map(|(i, _)| name(i)).collect();
    if !far.is_empty() {
        warnings.push(Warning(format!(
            "{}: more than {FAR} times the size of a file away from all others; perhaps they have different coordinate systems",
            some(&far)
        )));
    }
    let later = |i: usize| known().filter(move |(j, _)| *j > i);
    let mut same = known()
        .flat_map(|(i, a)| later(i).map(move |(j, b)| ((i, j), (a, b))))
        .filter(|(_, (a, b))| size(a) > 0.0 && common(a, b) > SAME)
        .map(|(pair, _)| pair);
    if let Some((a, b)) = same.next() {
        let more = match same.count() {
            0 => String::new(),
            more => format!(", and so do {more} more pairs of files"),
        };
        warnings.push(Warning(format!(
            "{} and {} fill the same space{more}; of several versions of a scan, open one",
            name(a),
            name(b)
        )));
    }
    warnings
}
