//! The share of the structure of a room (walls, floor and so on) that is claimed by predicted
//! instances.

use serde_json::{Value, json};

use super::Found;
use crate::{data::labeled_scan::LabeledScan, data::structure::Structure};

/// Counts of the points of structure, of those among them that a predicted instance contains, and
/// of the instances that are mostly structure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    points: [usize; Structure::ALL.len()],
    claimed: [usize; Structure::ALL.len()],
    found: usize,
    mostly_structure: usize,
}

impl Claims {
    /// Counts for what was found in one room.
    pub fn of(scan: &LabeledScan, found: &[Found]) -> Self {
        let mut claims = Self {
            found: found.len(),
            ..Self::default()
        };
        let mut is_claimed = vec![false; scan.structure.len()];
        for one in found {
            let of_structure = one
                .points
                .iter()
                .filter(|&&point| scan.structure[point as usize].is_some())
                .count();
            claims.mostly_structure += usize::from(2 * of_structure > one.points.len());
            one.points
                .iter()
                .for_each(|&point| is_claimed[point as usize] = true);
        }
        for (part, is_claimed) in scan.structure.iter().zip(is_claimed) {
            if let Some(part) = part {
                claims.points[*part as usize] += 1;
                claims.claimed[*part as usize] += usize::from(is_claimed);
            }
        }
        claims
    }

    /// The sums of the counts of several rooms.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        all.into_iter().fold(Self::default(), |sum, one| Self {
            points: std::array::from_fn(|part| sum.points[part] + one.points[part]),
            claimed: std::array::from_fn(|part| sum.claimed[part] + one.claimed[part]),
            found: sum.found + one.found,
            mostly_structure: sum.mostly_structure + one.mostly_structure,
        })
    }

    /// The number of points of one part, and the share of them that instances claim; NaN if the
    /// part has no points.
    pub fn of_part(&self, part: Structure) -> (usize, f64) {
        let part = part as usize;
        (
            self.points[part],
            self.claimed[part] as f64 / self.points[part] as f64,
        )
    }

    /// The same for all structure together.
    pub fn of_all(&self) -> (usize, f64) {
        let points = self.points.iter().sum::<usize>();
        (
            points,
            self.claimed.iter().sum::<usize>() as f64 / points as f64,
        )
    }

    /// Number of instances found.
    pub fn found(&self) -> usize {
        self.found
    }

    /// Number of instances of which more than half of the points are structure.
    pub fn mostly_structure(&self) -> usize {
        self.mostly_structure
    }

    /// A JSON object of the shares; a share of no points is null.
    pub fn json(&self) -> Value {
        let mut figures: Value = Structure::ALL
            .into_iter()
            .map(|part| (part.name().to_owned(), json!(self.of_part(part).1)))
            .collect();
        figures["all"] = json!(self.of_all().1);
        figures["found"] = json!(self.found);
        figures["mostly_structure"] = json!(self.mostly_structure);
        figures
    }
}
