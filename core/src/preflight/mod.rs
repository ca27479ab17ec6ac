//! The apparent properties of a scan (up axis, unit, density, colour), what was assumed, and how to
//! change it.
//!
//! Everything is examined in the file's own frame, so the result does not depend on the current
//! frame of the scan. The scan is not changed either: [`Preflight::apply`] does that, after the
//! user has had a chance to choose.

use serde::{Deserialize, Serialize};

use crate::{
    scan::{Frame, Scan, UpAxis, surface},
    spatial,
};

mod levels;
pub(crate) mod spacing;
mod unit;
mod up;

pub use unit::{Scale, Unit};

/// The basis of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The points show it.
    Found,
    /// The points are not conclusive; the usual value was taken.
    Assumed,
    /// The user chose it.
    Chosen,
}

/// One property of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding<T> {
    /// Value of the property.
    pub value: T,
    /// Basis of the value.
    pub certainty: Certainty,
    /// The finding as a sentence for the user.
    pub words: String,
}

/// The kind of colours that a scan has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// Points have different colours.
    Present,
    /// All points have the same colour.
    Uniform,
    /// The scan has no colours.
    Absent,
}

/// The user's choices; `None` leaves the decision to the points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Up axis of the file.
    pub up: Option<UpAxis>,
    /// Unit of the file's numbers; [`Unit::of_metres`] makes one of any length.
    pub unit: Option<Unit>,
}

impl Choices {
    /// The up axis and the unit of what is in the world frame already.
    pub const WORLD: Self = Self {
        up: Some(UpAxis::PlusZ),
        unit: Some(Unit::Metres),
    };

    /// The up axis and the unit of a frame; a unit that no scan can have counts as not chosen.
    pub fn of(frame: &Frame) -> Self {
        Self {
            up: Some(frame.up),
            unit: Unit::of_metres(frame.metres_per_unit).ok(),
        }
    }
}

/// The findings about one scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preflight {
    /// Up axis of the file.
    pub up: Finding<UpAxis>,
    /// Unit of the file's numbers.
    pub unit: Finding<Unit>,
    /// Median distance from a point to the nearest other point in metres; `None` if all points are
    /// in one place.
    pub spacing: Finding<Option<f64>>,
    /// The kind of colours.
    pub color: Finding<Color>,
    /// Width, depth and height in metres, without the outermost 0.5 % of the points on either side.
    pub extent: [f64; 3],
}

/// Examines a scan. O(points) and a constant number of neighbour searches.
///
/// ```
/// use segscape::preflight::{Choices, Unit, preflight};
/// # use segscape::scan::{ReadError, Scan};
///
/// # let at = |i: usize| ((i % 41) as f32 * 100.0, (i / 41) as f32 * 100.0);
/// # let positions: Vec<_> = (0..41 * 26)
/// #     .flat_map(|i| [[at(i).0, at(i).1, 0.0], [at(i).0, 0.0, at(i).1]])
/// #     .collect();
/// // The floor and a wall of a room, in millimetres.
/// let mut scan = Scan::from_points(&positions, None)?;
/// let found = preflight(&scan, Choices::default());
/// assert_eq!(found.unit.value, Unit::Millimetres);
/// println!("{}", found.unit.words);
///
/// found.apply(&mut scan);
/// assert!(scan.positions.iter().flatten().all(|metres| *metres <= 4.0));
/// # Ok::<(), ReadError>(())
/// ```
pub fn preflight(scan: &Scan, choices: Choices) -> Preflight {
    let sample = Sample::of(scan);
    let (up, unit, [width, depth, height]) = placing(&sample, scan, choices);
    let metres = unit.value.metres();
    let spacing = spacing::median_spacing(scan).map(|units| units * metres);
    let extent = [width, depth, height].map(|units| units * metres);
    Preflight {
        up,
        unit,
        spacing: spacing_finding(spacing, scan.len()),
        color: color(scan),
        extent,
    }
}

/// The up axis and the unit that a scan seems to have.
pub(crate) fn seems(scan: &Scan) -> (Finding<UpAxis>, Finding<Unit>) {
    let (up, unit, _) = placing(&Sample::of(scan), scan, Choices::default());
    (up, unit)
}

/// The up axis, the unit, and width, depth and height in this unit.
fn placing(
    sample: &Sample,
    scan: &Scan,
    choices: Choices,
) -> (Finding<UpAxis>, Finding<Unit>, [f64; 3]) {
    let up = match choices.up {
        Some(value) => Finding {
            value,
            certainty: Certainty::Chosen,
            words: format!("Up is {value}, as you chose."),
        },
        None => up::guess(sample, scan.up),
    };
    let height = sample.extent[up.value.index()];
    let [width, depth] = match up.value.index() {
        0 => [sample.extent[1], sample.extent[2]],
        1 => [sample.extent[0], sample.extent[2]],
        _ => [sample.extent[0], sample.extent[1]],
    };
    let unit = match choices.unit {
        Some(value) => Finding {
            value,
            certainty: Certainty::Chosen,
            words: format!("The unit is {value}, as you chose."),
        },
        None => unit::guess(
            width.max(depth),
            height,
            &levels::Levels::new(sample, up.value),
            scan.unit.and_then(|metres| Unit::of_metres(metres).ok()),
        ),
    };
    (up, unit, [width, depth, height])
}

impl Preflight {
    /// Sets the frame of the scan to the one that was found or chosen, and samples the faces of a
    /// mesh of few large triangles, see [`Scan::sample_surface`].
    pub fn apply(&self, scan: &mut Scan) {
        // Every unit lies within the limits of `set_frame`.
        let _ = scan.set_frame(self.up.value, self.unit.value.metres());
        scan.sample_surface();
    }

    /// What was assumed of the scan, in sentences for the user, because its points do not show it.
    pub fn assumptions(&self) -> Vec<String> {
        let up = (self.up.certainty == Certainty::Assumed).then_some(&self.up.words);
        let unit = (self.unit.certainty == Certainty::Assumed).then_some(&self.unit.words);
        up.into_iter().chain(unit).cloned().collect()
    }

    /// `true` if the user should be asked, because an important property was only assumed.
    pub fn has_assumptions(&self) -> bool {
        self.up.certainty == Certainty::Assumed || self.unit.certainty == Certainty::Assumed
    }
}

fn spacing_finding(spacing: Option<f64>, points: usize) -> Finding<Option<f64>> {
    let words = match spacing {
        Some(metres) if metres > 0.05 => {
            format!(
                "{points} points, about {:.0} cm apart: the scan is sparse, so objects smaller than {:.0} cm will be missed.",
                metres * 100.0,
                metres * 1000.0
            )
        }
        Some(metres) => format!("{points} points, about {:.1} mm apart.", metres * 1000.0),
        None => format!("{points} points, all in one place."),
    };
    Finding {
        value: spacing,
        certainty: Certainty::Found,
        words,
    }
}

fn color(scan: &Scan) -> Finding<Color> {
    let (value, words) = match scan.colors.as_deref() {
        None | Some([]) => (
            Color::Absent,
            "The scan has no colours: names found from shapes alone fit less well.",
        ),
        Some([first, rest @ ..]) if rest.iter().all(|color| color == first) => (
            Color::Uniform,
            "All points have the same colour: names found from shapes alone fit less well.",
        ),
        Some(_) => (Color::Present, "The points have colours."),
    };
    Finding {
        value,
        certainty: Certainty::Found,
        words: words.to_owned(),
    }
}

/// An even sample of the points in the file's frame and units, and its bounds. It has no stray
/// points; of a mesh of few large triangles, it has points on the faces.
struct Sample {
    /// `(samples, 3)` file coordinates.
    points: Vec<[f64; 3]>,
    /// Lower bound per axis, without the outermost 0.5 % on either side.
    low: [f64; 3],
    high: [f64; 3],
    extent: [f64; 3],
    /// `(samples)`: unit normals of the surfaces; empty if all points are in one place.
    normals: Vec<[f32; 3]>,
}

impl Sample {
    const SIZE: usize = 20_000;

    fn of(scan: &Scan) -> Self {
        let faces = surface::shown(scan, Self::SIZE);
        let positions = faces.as_ref().unwrap_or(&scan.positions);
        let strays = spatial::strays(positions);
        let step = positions.len().div_ceil(Self::SIZE).max(1);
        let in_file = |position: &[f32; 3]| scan.frame.file_from_world(position.map(f64::from));
        let points: Vec<[f64; 3]> = (0..)
            .zip(positions)
            .step_by(step)
            .filter(|(point, _)| strays.binary_search(point).is_err())
            .map(|(_, position)| in_file(position))
            .collect();
        let quantile = |axis: usize, share: f64| {
            let mut values: Vec<f64> = points.iter().map(|point| point[axis]).collect();
            let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
            if values.is_empty() {
                0.0
            } else {
                *values.select_nth_unstable_by(at, f64::total_cmp).1
            }
        };
        let low = std::array::from_fn(|axis| quantile(axis, 0.005));
        let high: [f64; 3] = std::array::from_fn(|axis| quantile(axis, 0.995));
        let extent = std::array::from_fn(|axis| high[axis] - low[axis]);
        let normals = up::normals(&points, low);
        Self {
            points,
            low,
            high,
            extent,
            normals,
        }
    }
}

#[cfg(test)]
mod tests;
