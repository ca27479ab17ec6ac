//! Interprets the columns of a table as positions, colours, labels and triangles.

use super::{ColumnView, Element, Frame, ReadError, Scan, Table, Truth, UpAxis, Warning};

/// Points with a coordinate beyond this are dropped like NaN: no unit puts a room there, but such
/// values are used to mark "no measurement".
const MAX_COORDINATE: f64 = 1e10;

/// The distance from the origin, in metres, within which f32 resolves a tenth of a millimetre.
const LOCAL: f64 = 1000.0;

/// The maximum number of triangles of a mesh: two per point, as a closed surface has.
const MAX_TRIANGLES: usize = 2 * super::MAX_POINTS;

/// The three coordinate columns.
#[derive(Clone, Copy)]
pub(super) struct Coordinates<'a>([ColumnView<'a>; 3]);

impl<'a> Coordinates<'a> {
    /// Returns `None` if x, y or z is missing.
    pub(super) fn of(points: &'a Element) -> Option<Self> {
        Some(Self([
            points.column("x")?,
            points.column("y")?,
            points.column("z")?,
        ]))
    }

    fn at(&self, row: usize) -> [f64; 3] {
        self.0.map(|column| column.at(row))
    }
}

/// The first coordinate that has no column, for an error message.
fn missing_coordinate(points: &Element) -> &'static str {
    ["x", "y", "z"]
        .into_iter()
        .find(|name| points.column(name).is_none())
        .unwrap_or("x")
}

pub(super) fn scan_from_table(
    table: Table,
    format: &'static str,
    mut warnings: Vec<Warning>,
) -> Result<Scan, ReadError> {
    let points = table.point_rows();
    if points.count == 0 {
        return Err(ReadError::NoPoints);
    }
    let coordinates = Coordinates::of(points).ok_or_else(|| {
        let found = points
            .columns
            .iter()
            .map(|c| c.name.as_str())
            .take(20)
            .collect::<Vec<_>>()
            .join(" ");
        ReadError::Malformed {
            format,
            problem: format!(
                "its points have no property `{}`; they have: {found}",
                missing_coordinate(points)
            ),
        }
    })?;
    let usable = |row: &u32| {
        coordinates
            .at(*row as usize)
            .iter()
            .all(|v| v.abs() <= MAX_COORDINATE)
    };
    let kept: Vec<u32> = (0..points.count as u32).filter(usable).collect();
    if kept.is_empty() {
        return Err(ReadError::NoFinitePoint { rows: points.count });
    }
    let dropped = points.count - kept.len();
    let row_of_point = (dropped > 0).then_some(kept);
    if dropped > 0 {
        warnings.push(Warning(format!(
            "{dropped} of {} points have no finite coordinates and were left out",
            points.count
        )));
    }
    let colors = colors(points, row_of_point.as_deref());
    let truth = truth(points, row_of_point.as_deref());
    let triangles = triangles(&table, row_of_point.as_deref(), &mut warnings);
    let mut scan = Scan {
        positions: Vec::new(),
        colors,
        triangles,
        truth,
        frame: Frame::default(),
        table,
        row_of_point,
        warnings,
    };
    place(&mut scan, UpAxis::default(), 1.0);
    Ok(scan)
}

/// Sets the frame and derives the positions from the file's own numbers, so that nothing is rounded
/// twice.
///
/// The offset is zero if every coordinate is within a kilometre of the origin. Otherwise it is the
/// median point, rounded to whole units. It is the median rather than the mean because a single
/// outlier must not cost the other points their precision.
pub(super) fn place(scan: &mut Scan, up: UpAxis, metres_per_unit: f64) {
    let Some(coordinates) = Coordinates::of(scan.table.point_rows()) else {
        return;
    };
    let rows = Rows {
        count: scan.table.point_rows().count,
        kept: scan.row_of_point.as_deref(),
    };
    let far = |row: usize| {
        coordinates
            .at(row)
            .iter()
            .any(|v| v.abs() * metres_per_unit > LOCAL)
    };
    let offset = if rows.iter().any(far) {
        median(&coordinates, rows)
    } else {
        [0.0; 3]
    };
    let frame = Frame {
        offset,
        metres_per_unit,
        up,
    };
    scan.positions = rows
        .iter()
        .map(|row| frame.world_from_file(coordinates.at(row)).map(|v| v as f32))
        .collect();
    scan.frame = frame;
}

/// The rounded median per axis of an evenly spaced sample.
fn median(coordinates: &Coordinates, rows: Rows) -> [f64; 3] {
    const SAMPLE: usize = 4096;
    let step = (rows.iter().len() / SAMPLE).max(1);
    let sample: Vec<[f64; 3]> = rows
        .iter()
        .step_by(step)
        .map(|row| coordinates.at(row))
        .collect();
    std::array::from_fn(|axis| {
        let mut values: Vec<f64> = sample.iter().map(|point| point[axis]).collect();
        let middle = values.len() / 2;
        values
            .select_nth_unstable_by(middle, f64::total_cmp)
            .1
            .round()
    })
}

/// The rows that became points, in order.
#[derive(Clone, Copy)]
struct Rows<'a> {
    count: usize,
    kept: Option<&'a [u32]>,
}

impl<'a> Rows<'a> {
    fn iter(self) -> impl ExactSizeIterator<Item = usize> + 'a {
        let count = self.kept.map_or(self.count, <[u32]>::len);
        (0..count).map(move |point| self.kept.map_or(point, |kept| kept[point] as usize))
    }
}

/// Reads sRGB bytes from columns with the usual names and types: bytes, 16-bit integers, floats in
/// 0..=1 or 0..=255.
fn colors(points: &Element, kept: Option<&[u32]>) -> Option<Vec<[u8; 3]>> {
    const NAMES: [[&str; 3]; 3] = [
        ["red", "green", "blue"],
        ["diffuse_red", "diffuse_green", "diffuse_blue"],
        ["r", "g", "b"],
    ];
    let find = |names: &[&str; 3]| {
        Some([
            points.column(names[0])?,
            points.column(names[1])?,
            points.column(names[2])?,
        ])
    };
    let channels = NAMES.iter().find_map(find)?;
    let rows = Rows {
        count: points.count,
        kept,
    };
    let is_byte = channels.iter().all(|c| c.scalar.size() == 1);
    let largest = || {
        channels
            .iter()
            .flat_map(|c| rows.iter().map(|row| c.at(row)))
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max)
    };
    let is_float = channels.iter().any(|c| !c.scalar.is_integer());
    let scale = match if is_byte { 255.0 } else { largest() } {
        largest if is_float && largest <= 1.0 => 255.0,
        largest if largest <= 255.0 => 1.0,
        _ => 255.0 / 65_535.0,
    };
    // `as` clamps, and converts NaN to 0
    Some(
        rows.iter()
            .map(|row| channels.map(|channel| (channel.at(row) * scale).round() as u8))
            .collect(),
    )
}

/// Reads labels if the file has integer columns for both the class (`semantic` or `label`) and the
/// instance.
///
/// Files encode "no instance" differently: as 0, or as any negative number, in which case 0 is an
/// ordinary instance.
fn truth(points: &Element, kept: Option<&[u32]>) -> Option<Truth> {
    let whole = |name| {
        points
            .column(name)
            .filter(|column| column.scalar.is_integer())
    };
    let (semantic, instance) = (
        whole("semantic").or_else(|| whole("label"))?,
        whole("instance")?,
    );
    let values = |column: ColumnView| {
        Rows {
            count: points.count,
            kept,
        }
        .iter()
        .map(|row| column.at(row) as i32)
        .collect::<Vec<_>>()
    };
    let mut truth = Truth {
        semantic: values(semantic),
        instance: values(instance),
    };
    if truth.instance.iter().any(|id| *id < 0) {
        truth
            .instance
            .iter_mut()
            .for_each(|id| *id = id.saturating_add(1).max(0));
    }
    Some(truth)
}

/// The faces as triangles of points: polygons are split into fans, and faces with a corner that is
/// not a point are dropped.
fn triangles(table: &Table, kept: Option<&[u32]>, warnings: &mut Vec<Warning>) -> Vec<[u32; 3]> {
    let faces = table
        .elements
        .iter()
        .find(|element| element.name.eq_ignore_ascii_case("face"));
    let Some(corners) = faces.and_then(|faces| faces.list(&["vertex_indices", "vertex_index"]))
    else {
        return Vec::new();
    };
    let count: usize = corners
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
        let row = Some(corner).filter(|v| (0.0..rows as f64).contains(v))? as usize;
        point_of_row
            .as_ref()
            .map_or(Some(row as u32), |points| Some(points[row]))
            .filter(|point| *point != u32::MAX)
    };
    let mut triangles = Vec::with_capacity(count);
    let (mut items, mut dropped) = (corners.items.chunks_exact(corners.item.size()), 0);
    let mut polygon = Vec::new();
    for &size in &corners.counts {
        polygon.clear();
        polygon.extend(
            items
                .by_ref()
                .take(size as usize)
                .map(|item| point(corners.item.read(item))),
        );
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
            corners.counts.len()
        )));
    }
    triangles
}
