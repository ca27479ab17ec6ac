//! Colors of points: from columns of any type and range to sRGB bytes.

use super::{ColumnView, Element, Table, Warning, faces, points::Rows};

/// What a point gets that has no color in a scan with colors: the gray nearest to the mean color of
/// rooms, which is what the network takes for a scan without colors.
pub(super) const UNKNOWN: [u8; 3] = [110; 3];

/// The value of the constant spherical harmonic: Gaussian splats store `(color - 0.5) / SH`.
const SH: f64 = 0.282_094_791_773_878_14;

/// The colors of points with their origin decided: those of the points' own columns, then the base
/// colors of Gaussian splats, then the colors of the faces around each point.
pub(super) fn colors(
    table: &Table,
    rows: Rows,
    warnings: &mut Vec<Warning>,
) -> Option<Vec<[u8; 3]>> {
    if let Some(channels) = own(table.point_rows(), rows) {
        return known(channels.colors(rows, warnings), warnings);
    }
    let of_faces = of_faces(table, rows, warnings);
    if of_faces.is_none() {
        warnings.extend(texture(table));
    }
    known(of_faces?, warnings)
}

/// How the numbers of a file become colors, which some of its points decide for all.
#[cfg(feature = "exports")]
pub(crate) struct ColorRange {
    scale: f64,
    zero: f64,
}

#[cfg(feature = "exports")]
impl ColorRange {
    /// That of the points of a scan; `None` if they have no colors.
    pub(crate) fn of(scan: &super::Scan) -> Option<Self> {
        let points = scan.table.point_rows();
        scan.colors.as_ref()?;
        let rows = Rows {
            count: points.count,
            kept: scan.row_of_point.as_deref(),
        };
        let channels = own(points, rows)?;
        Some(Self {
            scale: channels.scale,
            zero: channels.zero,
        })
    }

    /// The colors of the rows of points that have the same columns.
    pub(crate) fn colors(&self, points: &Element) -> Vec<[u8; 3]> {
        let Some(channels) = channels(points).or_else(|| splats(points)) else {
            return vec![UNKNOWN; points.count];
        };
        let rows = Rows {
            count: points.count,
            kept: None,
        };
        let channels = Channels {
            channels,
            scale: self.scale,
            zero: self.zero,
        };
        let colors = channels.colors(rows, &mut Vec::new()).into_iter();
        colors.map(|color| color.unwrap_or(UNKNOWN)).collect()
    }
}

/// The colors that points have in columns of their own.
fn own<'a>(points: &'a Element, rows: Rows) -> Option<Channels<'a>> {
    if let Some(channels) = channels(points) {
        return Some(Channels::new(channels, rows));
    }
    Some(Channels {
        channels: splats(points)?,
        scale: 255.0 * SH,
        zero: 127.5,
    })
}

/// The columns with the constant harmonics of splats.
fn splats(points: &Element) -> Option<[ColumnView<'_>; 3]> {
    find(points, ["f_dc_0", "f_dc_1", "f_dc_2"])
}

/// Columns with the usual names of colors.
fn channels(element: &Element) -> Option<[ColumnView<'_>; 3]> {
    [
        ["red", "green", "blue"],
        ["diffuse_red", "diffuse_green", "diffuse_blue"],
        ["r", "g", "b"],
    ]
    .into_iter()
    .find_map(|names| find(element, names))
}

fn find<'a>(element: &'a Element, names: [&str; 3]) -> Option<[ColumnView<'a>; 3]> {
    Some([
        element.column(names[0])?,
        element.column(names[1])?,
        element.column(names[2])?,
    ])
}

/// Replaces the colors that are not known by [`UNKNOWN`], with a warning; `None` if no color is
/// known.
fn known(colors: Vec<Option<[u8; 3]>>, warnings: &mut Vec<Warning>) -> Option<Vec<[u8; 3]>> {
    let unknown = colors.iter().filter(|color| color.is_none()).count();
    if unknown == colors.len() {
        warnings.push(Warning(
            "no point has a colour that is a number; the scan is read without colours".to_owned(),
        ));
        return None;
    }
    warnings.extend(Warning::uncolored(unknown, colors.len()));
    let known = colors.into_iter().map(|color| color.unwrap_or(UNKNOWN));
    Some(known.collect())
}

/// Three columns, and the transform of their values to bytes.
struct Channels<'a> {
    channels: [ColumnView<'a>; 3],
    scale: f64,
    /// The byte of the value 0.
    zero: f64,
}

impl<'a> Channels<'a> {
    /// Decides which range the values have: 0..=1 (floats only), 0..=255 or 0..=65 535.
    ///
    /// Most values decide, not the largest one: a range may be exceeded a little, as by colors that
    /// a reconstruction made brighter. Zeros say nothing. Of whole numbers and floats in 0..=255,
    /// nearly all that are not zero are above 1.
    fn new(channels: [ColumnView<'a>; 3], rows: Rows) -> Self {
        let of_range = |largest: f64| Self {
            channels,
            scale: 255.0 / largest,
            zero: 0.0,
        };
        if channels.iter().all(|c| c.scalar.size() == 1) {
            return of_range(255.0);
        }
        let (mut positive, mut above_one, mut above_byte) = (0usize, 0, 0);
        for value in channels
            .iter()
            .flat_map(|c| rows.iter().map(|row| c.at(row)))
            .filter(|value| *value > 0.0 && value.is_finite())
        {
            positive += 1;
            above_one += usize::from(value > 1.0);
            above_byte += usize::from(value > 255.0);
        }
        let is_float = channels.iter().any(|c| !c.scalar.is_integer());
        of_range(if is_float && 2 * above_one <= positive {
            1.0
        } else if 10 * above_byte <= positive {
            255.0
        } else {
            65_535.0
        })
    }

    /// The color of every row; `None` where no channel is a number. Values beyond the range are
    /// clamped, with a warning.
    fn colors(&self, rows: Rows, warnings: &mut Vec<Warning>) -> Vec<Option<[u8; 3]>> {
        let mut clamped = 0;
        let mut byte = |channel: &ColumnView, row: usize| {
            let mut value = channel.at(row);
            if channel.scalar == super::Scalar::I8 && value < 0.0 {
                // a byte in a type without a sign bit to spare
                value += 256.0;
            }
            let value = (value * self.scale + self.zero).round();
            clamped += usize::from(!(0.0..=255.0).contains(&value) && !value.is_nan());
            // `as` clamps, and converts NaN to 0
            (value as u8, value.is_nan())
        };
        let colors = rows
            .iter()
            .map(|row| {
                let [(r, no_r), (g, no_g), (b, no_b)] =
                    self.channels.each_ref().map(|channel| byte(channel, row));
                (!(no_r && no_g && no_b)).then_some([r, g, b])
            })
            .collect();
        // The harmonics of splats exceed the range by design.
        if clamped > 0 && self.zero == 0.0 {
            warnings.push(Warning(format!(
                "{clamped} of {} colour values lie outside 0 to {:.0} and were clamped",
                3 * rows.iter().len(),
                255.0 / self.scale
            )));
        }
        colors
    }
}

/// The mean color of the faces around each point; `None` if the faces have no colors.
fn of_faces(
    table: &Table,
    rows: Rows,
    warnings: &mut Vec<Warning>,
) -> Option<Vec<Option<[u8; 3]>>> {
    let faces = faces::element(table)?;
    let channels = channels(faces)?;
    let all = Rows {
        count: faces.count,
        kept: None,
    };
    let of_face = Channels::new(channels, all).colors(all, warnings);
    let points = table.point_rows().count;
    let mut sums = vec![[0u32; 4]; points];
    for (face, corners) in faces::corners(faces)?.enumerate() {
        let Some([r, g, b]) = of_face[face] else {
            continue;
        };
        for row in corners.filter_map(|corner| faces::row(corner, points)) {
            let sum = &mut sums[row];
            // a point has fewer faces than there are colors in 32 bits
            if sum[3] < 1 << 24 {
                *sum = [
                    sum[0] + u32::from(r),
                    sum[1] + u32::from(g),
                    sum[2] + u32::from(b),
                    sum[3] + 1,
                ];
            }
        }
    }
    let mean = |row: usize| {
        let [r, g, b, count] = sums[row].map(u64::from);
        let mean = |sum: u64| ((2 * sum + count) / (2 * count)) as u8;
        (count > 0).then(|| [mean(r), mean(g), mean(b)])
    };
    Some(rows.iter().map(mean).collect())
}

/// A warning if a mesh without colors has a texture, which is in another file.
fn texture(table: &Table) -> Option<Warning> {
    const COORDINATES: [[&str; 2]; 4] = [
        ["s", "t"],
        ["u", "v"],
        ["texture_u", "texture_v"],
        ["texcoord_u", "texcoord_v"],
    ];
    let named = table.comments.iter().find_map(|remark| {
        let text = remark.text();
        let mut words = text.split_ascii_whitespace().skip(1);
        words
            .next()
            .filter(|word| word.eq_ignore_ascii_case("TextureFile"))?;
        Some(words.collect::<Vec<_>>().join(" "))
    });
    let has_coordinates = || {
        let points = table.point_rows();
        COORDINATES
            .iter()
            .any(|pair| pair.iter().all(|name| points.column(name).is_some()))
            || faces::element(table)
                .is_some_and(|faces| faces.list(&["texcoord", "texcoords"]).is_some())
    };
    let materials = table.comments.iter().find_map(|remark| {
        let text = remark.text();
        let name = text.strip_prefix("comment mtllib ")?;
        Some(name.chars().take(80).collect::<String>())
    });
    if let Some(materials) = materials {
        return Some(Warning(format!(
            "the colours of this mesh are in `{materials}` and its textures, which are not in this file; the scan is read without colours"
        )));
    }
    let place = match named {
        Some(file) => format!(
            "the texture `{}`",
            file.chars().take(80).collect::<String>()
        ),
        None if has_coordinates() => "a texture".to_owned(),
        None => return None,
    };
    Some(Warning(format!(
        "the colours of this mesh are in {place}, which Segscape does not read; the scan is read without colours"
    )))
}
