//! The unit of a file, from how large a room is.

use serde::{Deserialize, Serialize};

use super::{Certainty, Finding};

/// A unit that scanners write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The default of nearly all software.
    Metres,
    /// Modelling programs.
    Centimetres,
    /// Depth cameras, mechanical scanners.
    Millimetres,
    /// 0.3048 m.
    Feet,
    /// 0.0254 m.
    Inches,
}

impl Unit {
    /// Every unit, the usual ones first.
    pub const ALL: [Self; 5] = [
        Self::Metres,
        Self::Millimetres,
        Self::Centimetres,
        Self::Feet,
        Self::Inches,
    ];

    /// Metres in one.
    pub const fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Centimetres => 0.01,
            Self::Millimetres => 0.001,
            Self::Feet => 0.3048,
            Self::Inches => 0.0254,
        }
    }

    /// How unusual the unit is, as a negative logarithm.
    const fn surprise(self) -> f64 {
        match self {
            Self::Metres => 0.0,
            Self::Millimetres => 2.0,
            Self::Centimetres | Self::Feet => 2.5,
            Self::Inches => 3.0,
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Metres => "metres",
            Self::Centimetres => "centimetres",
            Self::Millimetres => "millimetres",
            Self::Feet => "feet",
            Self::Inches => "inches",
        })
    }
}

/// From the longer side of the floor and the height, in file units.
///
/// A scanned room is some 5 m long and 2.4 m high, both within a factor of about two, which is how
/// both are judged: as normal distributions of the logarithm. What is smaller than a room is
/// likelier a part of one than a whole one in another unit; what is longer may be several rooms,
/// which are no higher.
pub(super) fn guess(length: f64, height: f64) -> Finding<Unit> {
    let misfit = |size: f64, usual: f64, above: f64| {
        let deviation = (size / usual).ln();
        (deviation / if deviation > 0.0 { above } else { 0.7 }).powi(2) / 2.0
    };
    let cost = |unit: Unit| {
        unit.surprise()
            + misfit(length * unit.metres(), 5.0, 1.4)
            + misfit(height * unit.metres(), 2.4, 0.5)
    };
    let finite = length > 0.0 && height > 0.0;
    let value = if finite {
        Unit::ALL
            .into_iter()
            .min_by(|a, b| cost(*a).total_cmp(&cost(*b)))
            .unwrap_or(Unit::Metres)
    } else {
        Unit::Metres
    };
    let [length, height] = [length, height].map(|size| size * value.metres());
    let is_room = (2.0..=20.0).contains(&length) && (1.2..=4.0).contains(&height);
    // Metres of a hall may be feet of a room: only a clear case is a finding.
    let clear = Unit::ALL
        .into_iter()
        .filter(|unit| *unit != value)
        .all(|unit| cost(unit) > cost(value) + 2.0);
    if is_room && clear {
        let words = format!(
            "The unit is {value}: that makes the room {length:.1} m long and {height:.1} m high."
        );
        Finding {
            value,
            certainty: Certainty::Found,
            words,
        }
    } else {
        let words = format!(
            "The unit is assumed to be {value}: that makes it {length:.2} m long and {height:.2} m high."
        );
        Finding {
            value,
            certainty: Certainty::Assumed,
            words,
        }
    }
}
