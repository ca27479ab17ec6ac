//! The distance between two points of the scan, and the scale of the scan from a distance that is
//! known.

use glam::Vec3;
use leptos::prelude::*;
use segscape::preflight::{Choices, Unit};

use super::{
    actions, editing,
    state::{State, Work},
    tool::{self, Tool},
};
use crate::{
    text::{Text, said_with, tr},
    view::overlay::Distance,
};

/// What was clicked so far: nothing, one end, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measuring {
    /// The ends, world frame, metres.
    pub ends: Vec<Vec3>,
}

impl Measuring {
    /// Takes a point for the next end, or, after both, for the first one of another distance.
    fn click(&mut self, point: Vec3) {
        if self.ends.len() == 2 {
            self.ends.clear();
        }
        self.ends.push(point);
    }

    /// The distance in metres, if both ends are known.
    pub fn metres(&self) -> Option<f32> {
        match &*self.ends {
            [from, to] => Some(from.distance(*to)),
            _ => None,
        }
    }
}

/// Takes the measure, or puts it away.
pub fn toggle(state: State) {
    let takes = untrack(|| !tool::measures(state)) && state.scan.with_untracked(Option::is_some);
    if takes {
        state.flying.set(false);
    }
    tool::take(state, takes.then(|| Tool::Measure(Measuring::default())));
}

/// Measures from or to a point of the scan.
pub fn click(state: State, point: u32) {
    if let Some(Tool::Measure(mut measuring)) = state.tool.get_untracked()
        && let Some(position) = state.viewer().position(point)
    {
        measuring.click(position);
        state.tool.set(Some(Tool::Measure(measuring)));
    }
}

/// The distance measured, metres.
pub fn metres(state: State) -> Option<f32> {
    state.tool.with(|tool| match tool {
        Some(Tool::Measure(measuring)) => measuring.metres(),
        _ => None,
    })
}

/// What is drawn over the picture.
pub fn drawn(state: State) -> Option<Distance> {
    let words = metres(state).map(|metres| length_in_words(metres, unit(state)));
    state.tool.with(|tool| match tool {
        Some(Tool::Measure(measuring)) => Some(Distance {
            ends: measuring.ends.clone(),
            words: words.unwrap_or_default(),
        }),
        _ => None,
    })
}

/// The unit of the scan's numbers.
pub fn unit(state: State) -> Unit {
    state.scan.with(|scan| {
        let scan = scan.as_ref();
        scan.map_or(Unit::Metres, |scan| scan.preflight.unit.value)
    })
}

/// Why the scale of the scan cannot be set, in words; `None` if it can.
pub fn obstacle(state: State) -> Option<Text> {
    state.scan.with(|scan| match scan {
        Some(scan) if scan.capture.is_some() => Some(tr("A capture has a scale of its own")),
        Some(scan) if scan.settled => Some(tr("The scale of a project is fixed")),
        _ if state.work.get() == Work::Running => Some(tr("Wait until the things are found")),
        _ => None,
    })
}

/// Sets the scale of the scan so that the distance measured is as long as the text says, which opens
/// the scan again as another unit does.
///
/// # Errors
/// A message for the user.
pub fn set_scale(state: State, text: &str) -> Result<(), String> {
    let known = length(text)?;
    let Some(metres) = untrack(|| metres(state)) else {
        return Ok(());
    };
    let unit = scaled(untrack(|| unit(state)), f64::from(metres), known)?;
    let choices = state.scan.with_untracked(|scan| {
        scan.as_ref()
            .map_or_else(Choices::default, |scan| scan.choices)
    });
    actions::reopen(
        state,
        Choices {
            unit: Some(unit),
            ..choices
        },
    );
    let words = said_with(
        "1 unit of the file is {metres} m now",
        &[("metres", &unit.metres())],
    );
    editing::tell(state, words, None);
    Ok(())
}

/// The unit in which what is so many metres long in `unit` is `known` metres long, to six digits.
///
/// # Errors
/// A message for the user, if no scan can have it.
fn scaled(unit: Unit, metres: f64, known: f64) -> Result<Unit, String> {
    let exact = unit.metres() * known / metres;
    let rounded: f64 = format!("{exact:.5e}").parse().unwrap_or(exact);
    Unit::of_metres(rounded).map_err(|error| error.to_string())
}

/// A length in metres and, if the scan's numbers are in another unit, in that: `1.234 m (48.6 in)`.
pub fn length_in_words(metres: f32, unit: Unit) -> String {
    let in_unit = f64::from(metres) / unit.metres();
    match unit {
        Unit::Metres => format!("{metres:.3} m"),
        Unit::Millimetres => format!("{metres:.3} m ({in_unit:.0} mm)"),
        Unit::Centimetres => format!("{metres:.3} m ({in_unit:.1} cm)"),
        Unit::Feet => format!("{metres:.3} m ({in_unit:.2} ft)"),
        Unit::Inches => format!("{metres:.3} m ({in_unit:.1} in)"),
        Unit::Custom(_) => said_with(
            "{metres} m ({length} units)",
            &[
                ("metres", &format!("{metres:.3}")),
                ("length", &format!("{in_unit:.3}")),
            ],
        ),
    }
}

/// The metres that a text says: a number with a decimal point or comma, and a unit or none.
///
/// # Errors
/// A message for the user.
fn length(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let end = text.find(|sign: char| sign.is_alphabetic() && !matches!(sign, 'e' | 'E'));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let metres_per_unit = match unit.trim().to_lowercase().as_str() {
        "" | "m" | "metres" | "meters" | "metre" | "meter" => Unit::Metres.metres(),
        "cm" => Unit::Centimetres.metres(),
        "mm" => Unit::Millimetres.metres(),
        "ft" | "feet" | "foot" => Unit::Feet.metres(),
        "in" | "inches" | "inch" => Unit::Inches.metres(),
        other => {
            return Err(said_with(
                "\"{unit}\" is no unit: m, cm, mm, ft and in are",
                &[("unit", &other)],
            ));
        }
    };
    let number = number.trim().replacen(',', ".", 1).parse::<f64>();
    match number {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number * metres_per_unit),
        _ => Err(said_with(
            "\"{text}\" is not a length, such as 2.1 or 80 cm",
            &[("text", &text)],
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn two_clicks_measure_and_the_third_begins_anew() {
        let mut measuring = Measuring::default();
        measuring.click(Vec3::ZERO);
        assert_eq!(measuring.metres(), None);
        measuring.click(Vec3::new(3.0, 4.0, 0.0));
        assert_eq!(measuring.metres(), Some(5.0));
        measuring.click(Vec3::ONE);
        assert_eq!(measuring.ends, [Vec3::ONE]);
    }

    #[wasm_bindgen_test]
    fn lengths_are_read_with_and_without_units() {
        for (text, metres) in [
            ("2.1", 2.1),
            (" 0,8 m ", 0.8),
            ("80cm", 0.8),
            ("2000 mm", 2.0),
            ("1e1 ft", 3.048),
            ("10 inches", 0.254),
        ] {
            assert!((length(text).unwrap() - metres).abs() < 1e-9, "{text}");
        }
        for text in ["", "m", "-1", "0", "2 miles", "1.2.3", "NaN", "inf"] {
            assert!(length(text).is_err(), "{text}");
        }
    }

    #[wasm_bindgen_test]
    fn a_known_length_says_how_long_a_unit_is() {
        assert_eq!(scaled(Unit::Metres, 2000.0, 2.0), Ok(Unit::Millimetres));
        let unit = scaled(Unit::Millimetres, 0.9, 1.0).unwrap();
        assert_eq!(unit.metres(), 0.001_111_11);
        assert!(scaled(Unit::Metres, 0.0, 1.0).is_err());
        assert_eq!(length_in_words(1.2344, Unit::Metres), "1.234 m");
        assert_eq!(length_in_words(0.5, Unit::Millimetres), "0.500 m (500 mm)");
    }
}
