//! Guesses the unit of a file from the usual size of a room and of what stands in it.

use serde::{Deserialize, Serialize};

use super::{Certainty, Finding, levels::Levels};
use crate::scan::UnitError;

/// A unit of length.
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
    /// Any other, which is never guessed.
    Custom(Scale),
}

/// The length of a unit that has no name, which is one that a scan can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "f64", try_from = "f64")]
pub struct Scale {
    /// The bits of a finite, positive number of metres, so that scales can be compared and hashed.
    bits: u64,
}

impl Scale {
    /// The metres in one unit.
    pub const fn metres(self) -> f64 {
        f64::from_bits(self.bits)
    }
}

impl TryFrom<f64> for Scale {
    type Error = UnitError;

    fn try_from(metres_per_unit: f64) -> Result<Self, UnitError> {
        UnitError::check(metres_per_unit)?;
        Ok(Self {
            bits: metres_per_unit.to_bits(),
        })
    }
}

impl From<Scale> for f64 {
    fn from(scale: Scale) -> Self {
        scale.metres()
    }
}

impl Unit {
    /// Every unit with a name, the usual ones first.
    pub const ALL: [Self; 5] = [
        Self::Metres,
        Self::Millimetres,
        Self::Centimetres,
        Self::Feet,
        Self::Inches,
    ];

    /// The unit of this many metres, by its name if it has one.
    ///
    /// ```
    /// use segscape::preflight::Unit;
    ///
    /// assert_eq!(Unit::of_metres(0.001), Ok(Unit::Millimetres));
    /// // quarters of a millimetre, as some depth cameras count
    /// assert_eq!(Unit::of_metres(0.00025).map(Unit::metres), Ok(0.00025));
    /// assert!(Unit::of_metres(-1.0).is_err());
    /// ```
    ///
    /// # Errors
    /// [`UnitError`] if no scan can have such a unit.
    pub fn of_metres(metres_per_unit: f64) -> Result<Self, UnitError> {
        let custom = Self::Custom(metres_per_unit.try_into()?);
        let named = |unit: &Self| unit.metres() == metres_per_unit;
        Ok(Self::ALL.into_iter().find(named).unwrap_or(custom))
    }

    /// The length of the unit in metres.
    pub const fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Centimetres => 0.01,
            Self::Millimetres => 0.001,
            Self::Feet => 0.3048,
            Self::Inches => 0.0254,
            Self::Custom(scale) => scale.metres(),
        }
    }

    /// The negative logarithm of the unit's prior probability, relative to metres. Scanners and
    /// their programs write metres; surveyors in some countries convert to feet.
    const fn surprise(self) -> f64 {
        match self {
            Self::Metres => 0.0,
            Self::Millimetres => 2.0,
            Self::Centimetres => 2.5,
            Self::Inches => 3.0,
            Self::Feet => 3.5,
            Self::Custom(_) => f64::INFINITY,
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
            Self::Custom(scale) => return write!(f, "{} m", scale.metres()),
        })
    }
}

/// The heights of seats, tables and counters above the floor, metres.
const FURNITURE: [f64; 2] = [0.35, 1.2];

/// The cost of a unit in which no level surface is at the height of furniture, although there are
/// level surfaces above the floor.
const NO_FURNITURE: f64 = 3.0;

/// The usual height between two floors, metres, and the deviation of its logarithm downwards and
/// upwards: that a hall is higher than a room is scored by its height already.
const STOREY: f64 = 2.8;
const STOREY_DEVIATION: [f64; 2] = [0.5, f64::INFINITY];

/// Guesses the unit from the longer side of the floor, the height and the level surfaces, in file
/// units.
///
/// A scanned room is about 5 m long and 2.4 m high, the length within a factor of about two and the
/// height at least half of that. Both are therefore scored with normal distributions of the
/// logarithm. A scan smaller than a room is more likely to be a part of a room than a whole room in
/// another unit; a longer scan may consist of several rooms, and a higher one is a hall or has
/// several storeys. A hall in metres has the box of a room in feet; what tells them apart are the
/// heights of furniture and of storeys, and that feet are rare.
///
/// `stated` is what the format of the file says, which decides where the sizes do not decide
/// clearly.
pub(super) fn guess(
    length: f64,
    height: f64,
    levels: &Levels,
    stated: Option<Unit>,
) -> Finding<Unit> {
    let misfit = |size: f64, usual: f64, [below, above]: [f64; 2]| {
        let deviation = (size / usual).ln();
        (deviation / if deviation > 0.0 { above } else { below }).powi(2) / 2.0
    };
    let cost = |unit: Unit| {
        let metres = unit.metres();
        let furniture = FURNITURE.map(|height| height / metres);
        let storey = levels.storey.map_or(0.0, |height| {
            misfit(height * metres, STOREY, STOREY_DEVIATION)
        });
        unit.surprise()
            + misfit(length * metres, 5.0, [0.7, 1.4])
            + misfit(height * metres, 2.4, [0.7, 0.8])
            + storey
            + levels
                .share_between(furniture)
                .map_or(0.0, |share| NO_FURNITURE * (1.0 - share))
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
    let [units_long, units_high] = [length, height];
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
    } else if let Some(value) = stated {
        let [length, height] = [units_long, units_high].map(|size| size * value.metres());
        let words = format!(
            "The unit is {value}, as the format says: that makes the scan {length:.2} m long and {height:.2} m high."
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
