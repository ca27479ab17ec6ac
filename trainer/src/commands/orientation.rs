//! The options that say how a scan's numbers are to be understood.

use clap::Args;
use segscape::{
    preflight::{Choices, Unit},
    scan::UpAxis,
};

/// How the numbers of the scans are to be understood, where it is known.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Orientation {
    /// The axis that points up: +x, -x, +y, -y, +z or -z; found out if not given.
    #[arg(long, value_parser = up_axis, allow_hyphen_values = true)]
    up: Option<UpAxis>,
    /// Unit of the coordinates: metres, centimetres, millimetres, feet or inches; found out if not
    /// given.
    #[arg(long, value_parser = unit, conflicts_with = "scale")]
    unit: Option<Unit>,
    /// Metres per unit of the coordinates, for a unit without a name.
    #[arg(long, value_parser = scale)]
    scale: Option<Unit>,
}

impl Orientation {
    /// The choices of a scan.
    pub fn choices(&self) -> Choices {
        Choices {
            up: self.up,
            unit: self.unit.or(self.scale),
        }
    }
}

/// Parses an axis with its sign.
///
/// # Errors
/// The text is not one of six axes.
pub fn up_axis(text: &str) -> Result<UpAxis, String> {
    UpAxis::ALL
        .into_iter()
        .find(|axis| axis.to_string() == text)
        .ok_or_else(|| format!("\"{text}\" is not one of +x, -x, +y, -y, +z, -z"))
}

fn unit(text: &str) -> Result<Unit, String> {
    let names = || Unit::ALL.map(|unit| unit.to_string());
    Unit::ALL
        .into_iter()
        .find(|unit| unit.to_string() == text.to_lowercase())
        .ok_or_else(|| format!("\"{text}\" is not one of {}", names().join(", ")))
}

fn scale(text: &str) -> Result<Unit, String> {
    let metres: f64 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not a number"))?;
    Unit::of_metres(metres).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_and_units_are_read_or_refused() {
        assert_eq!(up_axis("-y"), Ok(UpAxis::MinusY));
        assert_eq!(unit("Feet"), Ok(Unit::Feet));
        assert_eq!(scale("0.001"), Ok(Unit::Millimetres));
        assert!(up_axis("y").is_err() && unit("yards").is_err());
        assert!(scale("0").is_err() && scale("nan").is_err() && scale("a").is_err());
    }
}
