//! What the page shows of a scan: its points, and what is said of them.

use segscape::{
    bundle::ScanFile,
    geometry::Aabb,
    preflight::{Choices, Preflight, preflight},
    scan::{self, Excerpt, Scan},
};

use crate::protocol::{Bulk, CaptureInfo, Frames, Points, ScanInfo};

/// Maximum number of points of a first look: they are placed and drawn at once.
const FIRST_LOOK: usize = 100_000;

/// What there is to know about a scan beside its points.
pub struct ScanFacts {
    /// Name of its file.
    pub name: String,
    /// What was found out about its points.
    pub preflight: Preflight,
    /// The up axis and unit that the user chose.
    pub choices: Choices,
    /// If `true`, there is nothing to choose.
    pub settled: bool,
    /// What the user should know, beside what the scan itself says.
    pub warnings: Vec<String>,
    /// The capture that it was made of, and its frames.
    pub capture: Option<(CaptureInfo, Frames)>,
    /// The file that it is, if it is one file with points alone.
    pub file: Option<ScanFile>,
    /// If `true`, it is the scan on screen, of which more is known now.
    pub goes_on: bool,
}

/// What the page shows of a scan in the world frame.
pub fn points(scan: &Scan, about: ScanFacts) -> Points {
    let ScanFacts {
        name,
        preflight,
        choices,
        settled,
        mut warnings,
        capture,
        file,
        goes_on,
    } = about;
    let (capture, frames) = capture.unzip();
    warnings.extend(scan.excerpt_in_words());
    warnings.extend(scan.warnings.iter().map(|warning| warning.0.clone()));
    Points {
        positions: Bulk::from_slice(&scan.positions),
        colors: scan.colors.as_deref().map(packed),
        scan: ScanInfo {
            name,
            points: scan.len() as u32,
            of_points: scan.excerpt.as_ref().map(Excerpt::points),
            triangles: scan.triangles.len() as u32,
            bounds: bounds(&scan.positions),
            preflight,
            choices,
            settled,
            warnings,
            capture,
            file,
            offset: scan.frame.offset,
        },
        frames,
        goes_on,
    }
}

/// A part of the points of a file, to show at once; `None` for formats that have to be parsed.
pub fn first_look(name: String, bytes: &[u8], choices: Choices) -> Option<Points> {
    let mut part = scan::first_look(bytes, FIRST_LOOK)?;
    let found = preflight(&part, choices);
    found.apply(&mut part);
    let about = ScanFacts {
        preflight: found,
        name,
        choices,
        settled: false,
        warnings: Vec::new(),
        capture: None,
        file: None,
        goes_on: false,
    };
    Some(points(&part, about))
}

/// Colors with an alpha of 255, as they are drawn.
pub fn packed(colors: &[[u8; 3]]) -> Bulk {
    let with_alpha = colors.iter().map(|&[r, g, b]| [r, g, b, 255]);
    Bulk::from_slice(&with_alpha.collect::<Vec<_>>())
}

/// Bounding box of a sample of the points without the outermost 0.5 % on either side of each axis:
/// stray points would make the room appear small.
fn bounds(positions: &[[f32; 3]]) -> Aabb {
    const SAMPLE: usize = 20_000;
    let step = positions.len().div_ceil(SAMPLE).max(1);
    let mut bounds = Aabb {
        min: [0.0; 3],
        max: [0.0; 3],
    };
    for axis in 0..3 {
        let mut values: Vec<f32> = positions
            .iter()
            .step_by(step)
            .map(|position| position[axis])
            .collect();
        values.sort_unstable_by(f32::total_cmp);
        let beyond = values.len() / 200;
        if let (Some(low), Some(high)) = (values.get(beyond), values.iter().nth_back(beyond)) {
            (bounds.min[axis], bounds.max[axis]) = (*low, *high);
        }
    }
    bounds
}
