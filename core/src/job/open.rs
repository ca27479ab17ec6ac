//! The first steps: bytes to a scan in the world frame.

use crate::{
    preflight::{Choices, Preflight, preflight},
    progress::Monitor,
    read_at::ReadAt,
    scan::{self, ReadError, Scan, Sliced},
};

/// Minimum number of points of a scan; fewer points form a dozen superpoints at most.
pub const MIN_POINTS: usize = 50;

/// The reason why a scan cannot contain separate objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingToSeparate {
    /// The scan has fewer than [`MIN_POINTS`] points.
    #[error(
        "the scan has {found} points, which is too few to separate objects; at least {MIN_POINTS} are needed"
    )]
    TooFewPoints {
        /// Number of points of the scan.
        found: usize,
    },
    /// The scan has no extent.
    #[error("all {points} points of the scan are in one place; at least two places are needed")]
    OnePlace {
        /// Number of points of the scan.
        points: usize,
    },
}

/// The reason why a file cannot be opened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The file is not a scan.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The scan cannot contain separate objects.
    #[error(transparent)]
    Nothing(#[from] NothingToSeparate),
}

/// Reads a scan and checks that it can contain objects.
///
/// ```
/// use segscape::{job, progress::Monitor, scan::Scan, write};
///
/// let positions: Vec<_> = (0..60).map(|i| [i as f32 * 0.1, 0.0, 0.0]).collect();
/// let file = write::ply(&Scan::from_points(&positions, None)?.table);
/// let scan = job::read(&file, &Monitor::silent())?;
/// assert_eq!(scan.positions, positions);
///
/// let few = write::ply(&Scan::from_points(&positions[..10], None)?.table);
/// let error = job::read(&few, &Monitor::silent()).unwrap_err();
/// assert!(error.to_string().contains("10 points, which is too few"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`OpenError`].
pub fn read(bytes: &[u8], monitor: &Monitor) -> Result<Scan, OpenError> {
    let scan = scan::read(bytes, monitor)?;
    check(&scan)?;
    Ok(scan)
}

/// Reads at most `budget` points of a file that memory need not hold, see [`Sliced::read`], and checks
/// that they can contain objects.
///
/// # Errors
/// See [`OpenError`].
pub fn read_sliced(
    sliced: &Sliced,
    source: &dyn ReadAt,
    budget: Option<usize>,
    monitor: &Monitor,
) -> Result<Scan, OpenError> {
    let scan = sliced.read(source, budget, monitor)?;
    check(&scan)?;
    Ok(scan)
}

/// Checks that a scan can contain objects; [`read`] does it for files.
///
/// # Errors
/// See [`NothingToSeparate`].
pub fn check(scan: &Scan) -> Result<(), NothingToSeparate> {
    let points = scan.len();
    // A mesh of few corners gets more points when it is placed.
    if points < MIN_POINTS && scan.triangles.is_empty() {
        return Err(NothingToSeparate::TooFewPoints { found: points });
    }
    let first = scan.positions[0];
    if scan.positions.iter().all(|position| *position == first) {
        return Err(NothingToSeparate::OnePlace { points });
    }
    Ok(())
}

/// Transforms a scan to the world frame, metres with z up, and returns the findings that led there.
/// `choices` override them.
pub fn place(scan: &mut Scan, choices: Choices) -> Preflight {
    let found = preflight(scan, choices);
    found.apply(scan);
    found
}
