//! What is expected of an odd file, and whether it holds. A file of expectations is an object in
//! JSON with an entry per file, and every key has a meaning here: one that has none is refused.

use std::collections::{BTreeMap, BTreeSet};

use segscape::{
    benchmarks,
    job::{self, OpenError},
    preflight::{Choices, Preflight},
    progress::Monitor,
    scan::Scan,
};
use serde::Deserialize;

/// Largest deviation of the corners of a box, in the unit of the file. Files in text have this many
/// digits.
const EXACT: f64 = 1e-3;
/// Largest deviation of a color that is only about right.
const ABOUT: u8 = 12;

/// The color of points whose color is not known.
const GRAY: [u8; 3] = [110; 3];

/// What is expected of a file; what is `None` is not asked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    /// Number of points.
    pub points: Option<usize>,
    /// Number of corners of a mesh, of which more points may have been made.
    pub vertices: Option<usize>,
    /// Lowest and highest coordinates, in the frame of the file.
    #[serde(rename = "box")]
    pub bounds: Option<[[f64; 3]; 2]>,
    /// The same for a file with a viewpoint: in the frame as it is stored ...
    pub box_as_stored: Option<[[f64; 3]; 2]>,
    /// ... or as the viewpoint moves it, whichever a program takes.
    pub box_with_viewpoint: Option<[[f64; 3]; 2]>,
    /// Number of different y coordinates, to a thousandth.
    pub distinct_y: Option<usize>,
    /// Color of the first point.
    pub color0: Option<[u8; 3]>,
    /// The same, more or less.
    pub color0_about: Option<[u8; 3]>,
    /// Number of points whose color is no number.
    #[serde(rename = "nan_colours")]
    pub nan_colors: Option<usize>,
    /// A color that must not be made of these.
    #[serde(rename = "nan_colour_must_not_be")]
    pub nan_color_must_not_be: Option<[u8; 3]>,
    /// The first point whose color is a number ...
    pub first_exact_point: Option<usize>,
    /// ... and the color.
    pub its_color: Option<[u8; 3]>,
    /// Number of rows that were not measured.
    pub invalid: Option<usize>,
    /// `true` if nothing at the origin is part of an object.
    pub instances_must_not_own_the_origin: Option<bool>,
    /// Number of labelled objects.
    pub things: Option<usize>,
    /// Names of their classes.
    pub classes: Option<Vec<String>>,
    /// Unit of the coordinates.
    pub metres_per_unit: Option<f64>,
    /// Words that a warning has.
    pub warning: Option<String>,
    /// What a refusal or a warning is to say, in words: see [`said`].
    pub error: Option<String>,
    /// What a refusal is to say if the points are not read.
    pub points_or_error: Option<String>,
    /// The same, for what may be solved in several ways.
    pub expected: Option<String>,
    /// The file in which the same objects are found.
    pub same_instances_as: Option<String>,
    /// The file for which evaluations have the same figures.
    pub same_figures_as: Option<String>,
}

/// Reads a file of expectations.
///
/// # Errors
/// It is no such file, or has a key without a meaning.
pub fn parse(json: &[u8]) -> serde_json::Result<BTreeMap<String, Expected>> {
    serde_json::from_slice(json)
}

/// A scan that was opened as the product opens it: in the world frame.
pub struct Opened {
    /// The scan.
    pub scan: Scan,
    /// What it seems to be.
    pub found: Preflight,
}

/// Opens a file as the product does.
///
/// # Errors
/// The refusal of the product.
pub fn open(bytes: &[u8]) -> Result<Opened, OpenError> {
    let mut scan = job::read(bytes, &Monitor::silent())?;
    let found = job::place(&mut scan, Choices::default());
    Ok(Opened { scan, found })
}

impl Expected {
    /// What of the expectations does not hold after the file was opened, in words; those that need a
    /// network are left out.
    pub fn complaints(&self, opened: &Result<Opened, OpenError>) -> Vec<String> {
        let mut complaints = Complaints(Vec::new());
        complaints.words(self, opened);
        match opened {
            Ok(opened) => {
                complaints.places(self, opened);
                complaints.colors(self, opened);
                complaints.labels(self, opened);
            }
            Err(error) if !self.may_be_refused() => {
                complaints.0.push(format!("refused: {error}"));
            }
            Err(_) => {}
        }
        complaints.0
    }

    /// `true` if a refusal is an answer.
    fn may_be_refused(&self) -> bool {
        let refused = self
            .expected
            .as_deref()
            .is_some_and(|text| text.contains("refused"));
        refused || self.error.is_some() || self.points_or_error.is_some()
    }
}

/// The words of a refusal or of a warning that an expectation in words asks for. A text that is not
/// known here has no meaning.
fn said(text: &str) -> &'static str {
    match text {
        "refused or warned: x and y are no lengths" => "degrees",
        "warning: coordinates are 0.5 m apart" => "steps of 0.5",
        "surface sampled, or told that the mesh is too coarse" => "few large triangles",
        "damaged, or warned; coordinates are garbage" => "damaged",
        "names `bool`" => "bool",
        _ => panic!("nobody says how \"{text}\" is checked"),
    }
}

struct Complaints(Vec<String>);

impl Complaints {
    fn unless(&mut self, holds: bool, complaint: impl FnOnce() -> String) {
        if !holds {
            self.0.push(complaint());
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, wanted: Option<T>) {
        if let Some(wanted) = wanted {
            self.unless(found == wanted, || {
                format!("{what}: {found:?} instead of {wanted:?}")
            });
        }
    }

    /// What is said about the file.
    fn words(&mut self, expected: &Expected, opened: &Result<Opened, OpenError>) {
        let words = match opened {
            Ok(opened) => opened.scan.warnings.iter().map(|w| w.0.clone()).collect(),
            Err(error) => vec![error.to_string()],
        };
        let mut ask = |wanted: &str| {
            self.unless(words.iter().any(|line| line.contains(wanted)), || {
                format!("\"{wanted}\" is not said, but {words:?}")
            });
        };
        [&expected.error, &expected.expected]
            .into_iter()
            .flatten()
            .for_each(|text| ask(said(text)));
        expected.warning.iter().for_each(|text| ask(text));
        if let (Some(text), Err(_)) = (&expected.points_or_error, opened) {
            ask(said(text));
        }
        if let Some(invalid) = expected.invalid {
            ask(&invalid.to_string());
        }
        if let Some(unknown) = expected.nan_colors {
            ask(&format!("{unknown} of"));
        }
    }

    fn places(&mut self, expected: &Expected, Opened { scan, found }: &Opened) {
        self.equal("points", scan.len(), expected.points);
        self.equal("vertices", scan.measured(), expected.vertices);
        self.equal(
            "metres per unit",
            found.unit.value.metres(),
            expected.metres_per_unit,
        );
        let in_file: Vec<[f64; 3]> = scan
            .positions
            .iter()
            .map(|position| scan.frame.file_from_world(position.map(f64::from)))
            .collect();
        let bounds = super::bounds(in_file.iter().copied());
        if let Some(wanted) = expected.bounds {
            self.unless(near(bounds, wanted), || {
                format!("box {bounds:?} instead of {wanted:?}")
            });
        }
        let either = [expected.box_as_stored, expected.box_with_viewpoint];
        self.unless(
            either == [None; 2] || either.iter().flatten().any(|wanted| near(bounds, *wanted)),
            || format!("box {bounds:?} is none of {either:?}"),
        );
        let ys: BTreeSet<i64> = in_file
            .iter()
            .map(|p| (p[1] * 1000.0).round() as i64)
            .collect();
        self.equal("different y", ys.len(), expected.distinct_y);
        if let Some(invalid) = expected.invalid {
            let rows = scan.table.point_rows().count;
            self.equal("rows left out", rows - scan.measured(), Some(invalid));
        }
        if expected.instances_must_not_own_the_origin == Some(true) {
            let is_origin = |place: &&[f64; 3]| place.iter().all(|x| x.abs() < 1e-6);
            let at_origin = in_file.iter().filter(is_origin).count();
            self.unless(at_origin == 0, || {
                format!("{at_origin} points at the origin")
            });
        }
    }

    fn colors(&mut self, expected: &Expected, Opened { scan, .. }: &Opened) {
        let color = |point: usize| scan.colors.as_ref().map(|colors| colors[point]);
        self.equal("color 0", color(0), expected.color0.map(Some));
        if let Some(wanted) = expected.color0_about {
            let is_near = |found: [u8; 3]| (0..3).all(|i| found[i].abs_diff(wanted[i]) <= ABOUT);
            self.unless(color(0).is_some_and(is_near), || {
                format!("color 0: {:?} instead of about {wanted:?}", color(0))
            });
        }
        if let Some(point) = expected.first_exact_point {
            self.equal("exact color", color(point), expected.its_color.map(Some));
            let before = (0..point).all(|point| color(point) == Some(GRAY));
            self.unless(before, || format!("colors before point {point} are known"));
        }
        let count = |wanted: [u8; 3]| {
            let colors = scan.colors.iter().flatten();
            colors.filter(|color| **color == wanted).count()
        };
        if let Some(unknown) = expected.nan_colors {
            let gray = count(GRAY);
            self.unless(gray >= unknown, || {
                format!("{gray} unknown colors, not {unknown}")
            });
        }
        if let Some(wrong) = expected.nan_color_must_not_be {
            let made = count(wrong);
            self.unless(made == 0, || {
                format!("{made} points have the color {wrong:?}")
            });
        }
    }

    fn labels(&mut self, expected: &Expected, Opened { scan, .. }: &Opened) {
        if expected.things.is_none() && expected.classes.is_none() {
            return;
        }
        let Some(truth) = &scan.truth else {
            return self.0.push("no labels".to_owned());
        };
        let class_of = |id: i32| {
            benchmarks::scannet20()
                .iter()
                .find(|c| i32::from(c.id) == id)
        };
        let labels = truth.semantic.iter().zip(&truth.instance);
        let things: BTreeSet<(i32, i32)> = labels
            .map(|(class, instance)| (*class, *instance))
            .filter(|(_, instance)| *instance != 0)
            .filter(|(class, _)| class_of(*class).is_none_or(|class| class.is_object()))
            .collect();
        self.equal("things", things.len(), expected.things);
        let name = |(class, _): &(i32, i32)| class_of(*class).map_or("unknown", |c| c.name);
        let classes: BTreeSet<&str> = things.iter().map(name).collect();
        let wanted = expected.classes.as_ref();
        self.equal(
            "classes",
            classes,
            wanted.map(|names| names.iter().map(String::as_str).collect()),
        );
    }
}

fn near(found: [[f64; 3]; 2], wanted: [[f64; 3]; 2]) -> bool {
    let pairs = found.as_flattened().iter().zip(wanted.as_flattened());
    pairs.into_iter().all(|(a, b)| (a - b).abs() <= EXACT)
}
