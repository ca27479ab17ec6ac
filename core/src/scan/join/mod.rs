//! Several files that become one scan: the tiles of a survey, the rooms of a house.
//!
//! All files share the frame of the first. Their coordinates are kept as they are, and one offset is
//! subtracted from all of them in f64. Points keep the properties that all files have, and get one
//! that says which file they are from. Whatever does not fit together is a warning that names the
//! files.

use std::{collections::HashSet, fmt::Display};

use super::{
    Element, Frame, MAX_DATA_BYTES, MAX_POINTS, Remark, Scan, Table, UpAxis, Warning,
    build::{self, Corners},
    colors, faces, points,
};

mod columns;
mod fit;

use columns::Plan;
use fit::{places, placing, said};

/// The maximum number of files of one scan: their numbers are bytes.
pub const MAX_JOINED: usize = 256;
/// The property that says which file a point is from.
const FILE: &str = "file";
/// Maximum number of names in a message.
const NAMED: usize = 8;

/// The reason why files do not become one scan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// No file can be read; this is the first of them.
    #[error("{name}: {reason}")]
    Refused {
        /// Name of the file.
        name: String,
        /// The reason why it cannot be read.
        reason: String,
    },
    /// The files have more points than memory can hold.
    #[error(
        "with {name}, the files have {found} points, the limit is {limit}; thin them out, or open fewer"
    )]
    TooManyPoints {
        /// Name of the file that exceeds the limit.
        name: String,
        /// Number of points up to this file.
        found: u64,
        /// [`MAX_POINTS`].
        limit: usize,
    },
    /// The files have more properties than memory can hold.
    #[error(
        "with {name}, the files unpack to {found} bytes, the limit is {limit}; thin them out, or open fewer"
    )]
    TooLarge {
        /// Name of the file that exceeds the limit.
        name: String,
        /// Number of bytes up to this file.
        found: u64,
        /// [`MAX_DATA_BYTES`].
        limit: u64,
    },
    /// There are more files than have numbers.
    #[error("there are {found} scans, the limit is {MAX_JOINED}; open fewer at once")]
    TooManyFiles {
        /// Number of files.
        found: usize,
    },
    /// There is no file.
    #[error("there is no scan")]
    Nothing,
}

/// Scans, each of a file with a name, that become one.
///
/// ```
/// use segscape::scan::{Join, Scan};
///
/// let mut join = Join::default();
/// join.add("hall.ply", Scan::from_points(&[[0.0; 3], [1.0; 3]], None)?)?;
/// join.add("kitchen.ply", Scan::from_points(&[[5.0; 3]], None)?)?;
/// join.refuse("attic.ply", "the file is empty");
/// let house = join.finish()?;
/// assert_eq!(house.positions, [[0.0; 3], [1.0; 3], [5.0; 3]]);
/// let file = house.table.point_rows().column("file").ok_or("no numbers")?;
/// assert_eq!(file.values().collect::<Vec<_>>(), [0.0, 0.0, 1.0]);
/// assert_eq!(house.warnings[0].0, "attic.ply was left out: the file is empty");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Join {
    parts: Vec<Part>,
    /// Number of rows of points so far.
    rows: u64,
    /// Number of bytes of all properties so far.
    bytes: u64,
    /// The files that cannot be read, and why.
    refused: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Part {
    name: String,
    scan: Scan,
}

impl Join {
    /// Checks the number of files before any of them is read.
    ///
    /// # Errors
    /// [`JoinError::TooManyFiles`].
    pub fn check(files: usize) -> Result<(), JoinError> {
        if files > MAX_JOINED {
            return Err(JoinError::TooManyFiles { found: files });
        }
        Ok(())
    }

    /// Adds a scan as it was read, before it is placed in the world frame.
    ///
    /// # Errors
    /// The limits of all files together are exceeded.
    pub fn add(&mut self, name: &str, scan: Scan) -> Result<(), JoinError> {
        Self::check(self.parts.len() + 1)?;
        self.rows += scan.table.point_rows().count as u64;
        self.bytes += scan.table.elements.iter().map(bytes).sum::<u64>();
        if self.rows > MAX_POINTS as u64 {
            return Err(JoinError::TooManyPoints {
                name: name.to_owned(),
                found: self.rows,
                limit: MAX_POINTS,
            });
        }
        if self.bytes > MAX_DATA_BYTES {
            return Err(JoinError::TooLarge {
                name: name.to_owned(),
                found: self.bytes,
                limit: MAX_DATA_BYTES,
            });
        }
        let name = name.to_owned();
        self.parts.push(Part { name, scan });
        Ok(())
    }

    /// Leaves out a file that cannot be read.
    pub fn refuse(&mut self, name: &str, reason: impl Display) {
        self.refused.push((name.to_owned(), reason.to_string()));
    }

    /// The names of the scans so far.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// The scan of all files, z up and in metres until [`Scan::set_frame`] says otherwise. The files
    /// that were left out are its first warnings. A scan that is the only one stays as it is.
    ///
    /// # Errors
    /// There is no scan; if files were left out, this is the error of the first.
    pub fn finish(self) -> Result<Scan, JoinError> {
        let Self {
            mut parts, refused, ..
        } = self;
        let left_out =
            |(name, reason): &(String, String)| Warning(format!("{name} was left out: {reason}"));
        let mut warnings: Vec<Warning> = refused.iter().map(left_out).collect();
        if parts.len() > 1 {
            return Ok(joined(parts, warnings));
        }
        let Some(Part { mut scan, .. }) = parts.pop() else {
            let mut refused = refused.into_iter();
            return Err(refused.next().map_or(JoinError::Nothing, |first| {
                let (name, reason) = first;
                JoinError::Refused { name, reason }
            }));
        };
        warnings.append(&mut scan.warnings);
        scan.warnings = warnings;
        Ok(scan)
    }
}

/// The number of bytes of an element in memory.
fn bytes(element: &Element) -> u64 {
    let lists = element.lists.iter();
    let of_lists: usize = lists.map(|l| l.items.len() + 4 * l.counts.len()).sum();
    (element.rows.len() + of_lists) as u64
}

/// At least two scans as one.
fn joined(parts: Vec<Part>, mut warnings: Vec<Warning>) -> Scan {
    warnings.extend(said(&parts));
    let (up, unit) = placing(&parts, &mut warnings);
    warnings.extend(places(&parts));
    let plan = Plan::new(&parts, &mut warnings);
    let colored = parts.iter().any(|part| part.scan.colors.is_some());
    let dropped = parts.iter().any(|part| part.scan.row_of_point.is_some());
    let mut all = Joined {
        points: build::points(plan.all_columns()),
        corners: Corners::default(),
        triangles: Vec::new(),
        colors: colored.then(Vec::new),
        row_of_point: dropped.then(Vec::new),
        measured: 0,
    };
    let rows: usize = (parts.iter())
        .map(|p| p.scan.table.point_rows().count)
        .sum();
    let stride = all.points.stride();
    all.points.rows.reserve_exact(rows * stride);
    let comments = comments(&parts);
    for (number, part) in (0..=u8::MAX).zip(parts) {
        all.append(number, part.scan, &plan);
    }
    if all.triangles.len() > faces::MAX_TRIANGLES {
        warnings.push(Warning(format!(
            "the meshes have {} triangles, the limit is {}; they are treated as point clouds",
            all.triangles.len(),
            faces::MAX_TRIANGLES
        )));
        all.triangles.clear();
    }
    let mut scan = Scan {
        positions: Vec::new(),
        colors: all.colors,
        triangles: all.triangles,
        // Files number their objects by themselves: equal numbers are not one object.
        truth: None,
        frame: Frame::default(),
        table: Table {
            comments,
            ..build::table(all.points, all.corners.faces())
        },
        row_of_point: all.row_of_point,
        up,
        unit,
        samples: Vec::new(),
        excerpt: None,
        warnings,
    };
    points::place(&mut scan, UpAxis::default(), 1.0);
    scan
}

/// What the files became so far.
struct Joined {
    points: Element,
    corners: Corners,
    triangles: Vec<[u32; 3]>,
    colors: Option<Vec<[u8; 3]>>,
    row_of_point: Option<Vec<u32>>,
    /// Number of points.
    measured: u32,
}

impl Joined {
    fn append(&mut self, number: u8, scan: Scan, plan: &Plan) {
        let measured = scan.measured();
        let first_row = self.points.count;
        let element = scan.table.point_rows();
        let kept = scan.row_of_point.as_deref();
        if let Some(colors) = &mut self.colors {
            match &scan.colors {
                Some(own) => colors.extend(&own[..measured]),
                None => colors.resize(colors.len() + measured, colors::UNKNOWN),
            }
        }
        if let Some(rows) = &mut self.row_of_point {
            let own = |point: usize| kept.map_or(point as u32, |kept| kept[point]);
            rows.extend((0..measured).map(|point| first_row as u32 + own(point)));
        }
        if plan.has_faces {
            self.triangles.extend(
                (scan.triangles.iter()).map(|corners| corners.map(|point| self.measured + point)),
            );
            let rows = element.count;
            let corner = |corner: f64| {
                let row =
                    faces::row(corner, rows).and_then(|row| i32::try_from(first_row + row).ok());
                row.unwrap_or(-1)
            };
            let faces = faces::element(&scan.table).and_then(faces::corners);
            for face in faces.into_iter().flatten() {
                self.corners.push(face.map(corner));
            }
        }
        plan.append(number, &scan, &mut self.points);
        self.measured += measured as u32;
    }
}

/// The different remarks of the files, and the names of the files by their numbers.
fn comments(parts: &[Part]) -> Vec<Remark> {
    let mut seen = HashSet::new();
    let remarks = parts.iter().flat_map(|part| &part.scan.table.comments);
    let mut comments: Vec<_> = remarks
        .filter(|remark| seen.insert(remark.bytes()))
        .cloned()
        .collect();
    let names = parts.iter().enumerate();
    comments.extend(
        names.map(|(number, part)| build::remark(&format!("{FILE} {number} {}", part.name))),
    );
    comments
}

/// The first few of the names, and how many more there are.
fn some(names: &[&str]) -> String {
    let first = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
