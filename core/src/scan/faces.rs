//! The faces of a mesh: triangles of points.

use super::{Element, List, Scalar, Table, Warning};

/// The maximum number of triangles of a mesh: two per point, as a closed surface has.
pub(super) const MAX_TRIANGLES: usize = 2 * super::MAX_POINTS;

/// The element that holds the faces.
pub(super) fn element(table: &Table) -> Option<&Element> {
    table
        .elements
        .iter()
        .find(|element| element.name.eq_ignore_ascii_case("face"))
}

fn list(faces: &Element) -> Option<&List> {
    faces.list(&["vertex_indices", "vertex_index"])
}

/// The corners of every face, as the file numbers them; `None` if the faces have no corners.
pub(super) fn corners(
    faces: &Element,
) -> Option<impl Iterator<Item = impl ExactSizeIterator<Item = f64> + '_> + '_> {
    let List {
        counts,
        items,
        item,
        ..
    } = list(faces)?;
    let (size, mut at) = (item.size(), 0);
    Some(counts.iter().map(move |&count| {
        let start = at;
        at += count as usize * size;
        let value = |bytes| Scalar::read(*item, bytes);
        items[start..at].chunks_exact(size).map(value)
    }))
}

/// The row that a number of a file stands for, if there is such a row among `rows`: neither halves
/// nor numbers below zero have one.
pub(super) fn row(number: f64, rows: usize) -> Option<usize> {
    let is_row = (0.0..rows as f64).contains(&number) && number.fract() == 0.0;
    is_row.then_some(number as usize)
}

/// The faces as triangles of points: polygons are split into fans, and faces with a corner that is
/// not a point are dropped. `kept` are the rows of the points, if not all rows are points.
pub(super) fn triangles(
    table: &Table,
    kept: Option<&[u32]>,
    warnings: &mut Vec<Warning>,
) -> Vec<[u32; 3]> {
    let Some(list) = element(table).and_then(list) else {
        return Vec::new();
    };
    let count: usize = list
        .counts
        .iter()
        .map(|count| (*count as usize).saturating_sub(2))
        .sum();
    if count > MAX_TRIANGLES {
        warnings.push(Warning(format!("the mesh has {count} triangles, the limit is {MAX_TRIANGLES}; it is treated as a point cloud")));
        return Vec::new();
    }
    let rows = table.point_rows().count;
    let point_of_row = kept.map(|kept| {
        let mut point_of_row = vec![u32::MAX; rows];
        kept.iter()
            .enumerate()
            .for_each(|(point, row)| point_of_row[*row as usize] = point as u32);
        point_of_row
    });
    let point = |corner: f64| {
        let row = row(corner, rows)?;
        point_of_row
            .as_ref()
            .map_or(Some(row as u32), |points| Some(points[row]))
            .filter(|point| *point != u32::MAX)
    };
    let mut triangles = Vec::with_capacity(count);
    let mut dropped = 0;
    let mut polygon = Vec::new();
    for corners in element(table).and_then(corners).into_iter().flatten() {
        polygon.clear();
        polygon.extend(corners.map(point));
        let Some(corners) = polygon.iter().copied().collect::<Option<Vec<u32>>>() else {
            dropped += 1;
            continue;
        };
        if let [first, rest @ ..] = &corners[..] {
            triangles.extend(rest.windows(2).map(|pair| [*first, pair[0], pair[1]]));
        }
    }
    if dropped > 0 {
        warnings.push(Warning(format!(
            "{dropped} of {} faces have a corner that is not a point and were left out",
            list.counts.len()
        )));
    }
    triangles
}
