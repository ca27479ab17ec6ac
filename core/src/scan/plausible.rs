//! Which rows of a file are points that somebody measured, and whether their coordinates can be
//! those of a scan.

use std::ops::Range;

use super::{
    ReadError, Scan, Table, Warning, faces,
    points::{Coordinates, Rows},
};
use crate::spatial;

/// Points with a coordinate beyond this are dropped like NaN: no unit puts a room there, but such
/// values are used to mark "no measurement".
pub(crate) const MAX_COORDINATE: f64 = 1e10;

/// The number of points that are examined where not all have to be.
const SAMPLE: usize = 20_000;

/// No point of a scan is further away from the others than this in any unit: in millimetres it is
/// 2000 km.
const FARTHEST: f64 = 2e9;

/// The rows of a file that are points, `None` for all.
///
/// # Errors
/// [`ReadError`] if there are none, or if their coordinates are not those of a scan.
pub(super) fn rows(
    table: &Table,
    format: &'static str,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Vec<u32>>, ReadError> {
    let all = Rows {
        count: table.point_rows().count,
        kept: None,
    };
    let kept = finite_rows(table, format, warnings)?;
    let coordinates = Coordinates::of(table.point_rows(), format)?;
    warnings.extend(Coordinates::repeated(table.point_rows()));
    check_spread(&sample(&coordinates, all), format)?;
    let kept = measured_rows(table, &coordinates, kept, warnings);
    let points = Rows {
        kept: kept.as_deref(),
        ..all
    };
    let sample = sample(&coordinates, points);
    check_lengths(&sample)?;
    let is_mesh = faces::element(table).is_some_and(|faces| faces.count > 0);
    warnings.extend(coarse(&sample, is_mesh));
    Ok(kept)
}

/// The rows with finite coordinates, `None` for all.
///
/// # Errors
/// [`ReadError`] if there are none.
fn finite_rows(
    table: &Table,
    format: &'static str,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Vec<u32>>, ReadError> {
    let points = table.point_rows();
    if points.count == 0 {
        return Err(ReadError::NoPoints);
    }
    let coordinates = Coordinates::of(points, format)?;
    let is_finite = |row: &u32| {
        let position = coordinates.at(*row as usize);
        position.iter().all(|v| v.abs() <= MAX_COORDINATE)
    };
    let rows = 0..points.count as u32;
    if rows.clone().all(|row| is_finite(&row)) {
        return Ok(None);
    }
    let kept: Vec<u32> = rows.filter(is_finite).collect();
    if kept.is_empty() {
        return Err(ReadError::NoFinitePoint { rows: points.count });
    }
    warnings.push(Warning(format!(
        "{} of {} points have no finite coordinates and were left out",
        points.count - kept.len(),
        points.count
    )));
    Ok(Some(kept))
}

/// `true` if a point can be there.
pub(crate) fn is_somewhere(position: [f32; 3]) -> bool {
    position
        .iter()
        .all(|v| f64::from(v.abs()) <= MAX_COORDINATE)
}

/// An even sample of the positions of rows.
fn sample(coordinates: &Coordinates, rows: Rows) -> Vec<[f64; 3]> {
    let step = rows.iter().len().div_ceil(SAMPLE).max(1);
    let positions = rows.iter().step_by(step).map(|row| coordinates.at(row));
    // adding zero turns -0 into 0, so that equal places have equal bits
    positions.map(|p| p.map(|v| v + 0.0)).collect()
}

/// The different places of a sample with the number of points at each.
fn places(sample: &[[f64; 3]]) -> Vec<([f64; 3], usize)> {
    let bits = |place: &[f64; 3]| place.map(f64::to_bits);
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by_key(bits);
    sorted
        .chunk_by(|a, b| bits(a) == bits(b))
        .map(|same| (same[0], same.len()))
        .collect()
}

/// Leaves out the points of heaps: places that hold many more points than others do. There a sensor
/// or a program put what was not measured, at the origin (or where the sensor stood, after a
/// transform). A corner of a face stays, because meshes may repeat corners for every face.
fn measured_rows(
    table: &Table,
    coordinates: &Coordinates,
    kept: Option<Vec<u32>>,
    warnings: &mut Vec<Warning>,
) -> Option<Vec<u32>> {
    /// The number of points of a heap: at the origin, which is suspect anyway, and elsewhere.
    const FEWEST: [usize; 2] = [10, 100];
    /// The least share of all points in a heap that is not at the origin.
    const SHARE: f64 = 0.005;
    /// How many times as many points as usual a heap has at its place.
    const CROWDED: usize = 8;
    /// The maximum number of heaps. Where there are more, coordinates were rounded to few values.
    const HEAPS: usize = 3;
    let count = table.point_rows().count;
    let rows = Rows {
        count,
        kept: kept.as_deref(),
    };
    let is_at = |row: usize, place: [f64; 3]| coordinates.at(row) == place;
    let sample = sample(coordinates, rows);
    let places = places(&sample);
    let mut counts: Vec<usize> = places.iter().map(|(_, points)| *points).collect();
    let middle = counts.len() / 2;
    let usual = *counts.select_nth_unstable(middle).1;
    let fewest = FEWEST[1].max((SHARE * sample.len() as f64) as usize);
    let is_heap = |points: usize, fewest: usize| points >= fewest && points > CROWDED * usual;
    let mut heaps: Vec<[f64; 3]> = places
        .iter()
        .filter(|(_, points)| is_heap(*points, fewest))
        .map(|(place, _)| *place)
        .collect();
    if heaps.len() > HEAPS {
        heaps.clear();
    }
    let origin = [0.0; 3];
    let at_origin = rows.iter().filter(|row| is_at(*row, origin)).count();
    if is_heap(at_origin, FEWEST[0]) && !heaps.contains(&origin) {
        heaps.push(origin);
    }
    if heaps.is_empty() {
        return kept;
    }
    let is_corner = corners(table);
    let heap_of = |row: usize| {
        let position = coordinates.at(row);
        heaps
            .iter()
            .position(|place| *place == position)
            .filter(|_| is_corner.is_empty() || !is_corner[row])
    };
    let mut left_out = vec![0; heaps.len()];
    let mut measured: Vec<u32> = Vec::new();
    for row in rows.iter() {
        match heap_of(row) {
            Some(heap) => left_out[heap] += 1,
            None => measured.push(row as u32),
        }
    }
    if measured.is_empty() || measured.len() == rows.iter().len() {
        return kept;
    }
    for (place, left_out) in heaps.iter().zip(left_out).filter(|(_, points)| *points > 0) {
        let place = if *place == origin {
            "the origin".to_owned()
        } else {
            format!("{place:?}")
        };
        warnings.push(Warning(format!(
            "{left_out} of {count} points are exactly at {place}, which is how \"not measured\" is written, and were left out"
        )));
    }
    Some(measured)
}

/// `(rows)`: `true` for points that are corners of faces; empty without faces.
fn corners(table: &Table) -> Vec<bool> {
    let Some(corners) = faces::element(table).and_then(faces::corners) else {
        return Vec::new();
    };
    let rows = table.point_rows().count;
    let mut is_corner = vec![false; rows];
    for row in corners
        .flatten()
        .filter_map(|corner| faces::row(corner, rows))
    {
        is_corner[row] = true;
    }
    is_corner
}

/// # Errors
/// [`ReadError::Damaged`] if coordinates are spread as no scan is: not marks of one value for what
/// was not measured, and too many for stray points.
fn check_spread(sample: &[[f64; 3]], format: &'static str) -> Result<(), ReadError> {
    /// The least share of points beyond all bounds, and of different ones among them.
    const SHARE: f64 = 0.05;
    const DIFFERENT: usize = 10;
    let middle: [f64; 3] = std::array::from_fn(|axis| {
        let mut values: Vec<f64> = sample
            .iter()
            .map(|p| p[axis])
            .filter(|v| v.is_finite())
            .collect();
        let middle = values.len() / 2;
        if values.is_empty() {
            0.0
        } else {
            *values.select_nth_unstable_by(middle, f64::total_cmp).1
        }
    });
    let is_far = |p: &&[f64; 3]| {
        (0..3).any(|axis| p[axis].is_finite() && (p[axis] - middle[axis]).abs() > FARTHEST)
    };
    let far: Vec<[f64; 3]> = sample.iter().filter(is_far).copied().collect();
    if (far.len() as f64) < SHARE * sample.len() as f64 || places(&far).len() < DIFFERENT {
        return Ok(());
    }
    Err(ReadError::Damaged {
        format,
        problem: format!(
            "{:.0} % of its points are more than {FARTHEST:.0} units away from the others, at places such as {}",
            100.0 * far.len() as f64 / sample.len() as f64,
            far[0].map(|v| format!("{v:.3e}")).join(", ")
        ),
    })
}

/// The lowest and highest value of an axis without the outermost half percent.
fn range(sample: &[[f64; 3]], axis: usize) -> Range<f64> {
    let mut values: Vec<f64> = sample.iter().map(|p| p[axis]).collect();
    let beyond = values.len() / 200;
    let last = values.len().saturating_sub(1);
    let mut at = |index: usize| *values.select_nth_unstable_by(index, f64::total_cmp).1;
    at(beyond)..at(last - beyond)
}

/// The lowest and highest coordinates of the points of a scan without the outermost half percent, in
/// the file's frame and unit; `None` without points.
pub(super) fn extent(scan: &Scan) -> Option<[Range<f64>; 3]> {
    let points = scan.table.point_rows();
    let rows = Rows {
        count: points.count,
        kept: scan.row_of_point.as_deref(),
    };
    let sample = sample(&Coordinates::of(points, "").ok()?, rows);
    (!sample.is_empty()).then(|| [0, 1, 2].map(|axis| range(&sample, axis)))
}

/// # Errors
/// [`ReadError::Degrees`] if x and y are longitude and latitude: small differences between numbers
/// that angles can have, which are as large as the heights when they are turned into metres.
fn check_lengths(sample: &[[f64; 3]]) -> Result<(), ReadError> {
    const METRES_PER_DEGREE: f64 = 111_320.0;
    let [x, y, z] = [0, 1, 2].map(|axis| range(sample, axis));
    let size = |range: &Range<f64>| range.end - range.start;
    let across = size(&x).max(size(&y));
    let farthest = [x.start, x.end, y.start, y.end]
        .map(f64::abs)
        .into_iter()
        .fold(0.0, f64::max);
    let turned = size(&z) / (across * METRES_PER_DEGREE);
    if across > 0.0
        && farthest <= 360.0
        && farthest > 10.0 * across
        && size(&z) > 1000.0 * across
        && (1e-3..10.0).contains(&turned)
    {
        return Err(ReadError::Degrees {
            x: sample[0][0],
            y: sample[0][1],
        });
    }
    Ok(())
}

/// A warning if coordinates have lost their fine digits: their values are multiples of a step that
/// is large for the scan. Scans that were thinned to a grid have the same step on every axis, and
/// the corners of a mesh that somebody drew may be on a grid unless they are far from zero.
fn coarse(sample: &[[f64; 3]], is_mesh: bool) -> Option<Warning> {
    /// Too few points to tell.
    const FEWEST: usize = 1000;
    /// The step, as a share of the scan's size, that is large: for numbers so far from zero that a
    /// short type has no finer ones, and for others.
    const LARGE: [f64; 2] = [0.002, 0.025];
    /// The distance from zero in sizes of the scan that is far.
    const FAR: f64 = 1e4;
    /// How much finer another axis must be.
    const FINER: f64 = 4.0;
    if sample.len() < FEWEST {
        return None;
    }
    let ranges = [0, 1, 2].map(|axis| range(sample, axis));
    let size = ranges.iter().map(|r| r.end - r.start).fold(0.0, f64::max);
    let steps = [0, 1, 2].map(|axis| step(sample, axis, &ranges[axis]));
    let finest = (0..3)
        .filter(|axis| ranges[*axis].end > ranges[*axis].start)
        .map(|axis| steps[axis])
        .fold(f64::INFINITY, f64::min);
    let mut coarse = Vec::new();
    for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
        let is_far = ranges[axis].start.abs().max(ranges[axis].end.abs()) > FAR * size;
        if is_mesh && !is_far {
            continue;
        }
        let large = size * LARGE[usize::from(!is_far)];
        if is_far && ranges[axis].is_empty() && size > 0.0 {
            coarse.push(format!("all {name} are {}", ranges[axis].start));
        } else if steps[axis] > large && steps[axis] > FINER * finest {
            coarse.push(format!(
                "{name} in steps of {}",
                (steps[axis] * 1e6).round() / 1e6
            ));
        }
    }
    (!coarse.is_empty()).then(|| {
        Warning(format!(
            "the coordinates have lost precision: {}; large numbers need doubles or more digits, so export the scan again, relative to a point near it",
            coarse.join(", ")
        ))
    })
}

/// The step of which all values of an axis are multiples, from the lowest value on; 0 if there is
/// no such step.
fn step(sample: &[[f64; 3]], axis: usize, range: &Range<f64>) -> f64 {
    /// The largest deviation from a multiple, in steps.
    const OFF: f64 = 1e-3;
    let mut values: Vec<f64> = sample.iter().map(|p| p[axis]).collect();
    values.retain(|v| (range.start..=range.end).contains(v));
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let step = values
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(f64::INFINITY, f64::min);
    let is_multiple = |value: &f64| {
        let steps = (value - range.start) / step;
        (steps - steps.round()).abs() < OFF
    };
    if step.is_finite() && values.iter().all(is_multiple) {
        step
    } else {
        0.0
    }
}

/// A warning about points far from all others. Corners of faces may be far apart.
pub(super) fn strays(scan: &Scan) -> Option<Warning> {
    let mut strays = spatial::strays(&scan.positions);
    if !strays.is_empty() && !scan.triangles.is_empty() {
        let mut is_corner = vec![false; scan.len()];
        for corner in scan.triangles.as_flattened() {
            is_corner[*corner as usize] = true;
        }
        strays.retain(|point| !is_corner[*point as usize]);
    }
    (!strays.is_empty()).then(|| {
        Warning(format!(
            "{} of {} points lie far away from all others; they stay in the file and belong to no object",
            strays.len(),
            scan.len()
        ))
    })
}
