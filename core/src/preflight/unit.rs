//! Guesses the unit of a file from the usual size of a room.

use serde::{Deserialize, Serialize};

use super::{Certainty, Finding};

/// A unit that scanners write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The default of nearly all software.
    Metres,
    /// Used by modelling programs.
    Centimetres,
    /// Used by depth cameras and mechanical scanners.
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

    /// The length of the unit in metres.
    pub const fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Centimetres => 0.01,
            Self::Millimetres => 0.001,
            Self::Feet => 0.3048,
            Self::Inches => 0.0254,
        }
    }

    /// The negative logarithm of the unit's prior probability, relative to metres.
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

/// Guesses the unit from the longer side of the floor and the height, in file units.
///
/// A scanned room is about 5 m long and 2.4 m high, both within a factor of about two. Both are
/// therefore scored with normal distributions of the logarithm. A scan smaller than a room is more
/// likely to be a part of a room than a whole room in another unit; a longer scan may consist of
/// several rooms, which are not higher.
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
    // A hall in metres may be a room in feet: the unit counts as found only if the case is clear.
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
            "The unit is assumed to be {value}: that makes the scan {length:.2} m long and {height:.2} m high."
        );
        Finding {
            value,
            certainty: Certainty::Assumed,
            words,
        }
    }
}
