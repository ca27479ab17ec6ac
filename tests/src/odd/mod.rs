//! Odd files: what people bring that is legal or nearly so, each made of the same room, and what is
//! expected of it. The table is read natively and by the page's worker; its numbers are those of the
//! bug reports of other programs that the cases come from.

mod colors;
mod expected;
pub mod found;
mod labels;
mod meshes;
mod numbers;
mod places;
mod room;
mod writing;

pub use expected::{Expected, Opened, open, parse};
pub use meshes::TEXTURED;

use room::{Room, room};
use writing::{colored, mesh};

/// A file and what is expected of it.
pub struct Odd {
    /// Name of the file.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What must hold once it is read.
    pub expected: Expected,
}

/// All files.
pub fn files() -> Vec<Odd> {
    let room = room();
    [
        plain(&room),
        numbers::files(&room),
        colors::files(&room),
        labels::files(&room),
        places::files(&room),
        meshes::files(&room),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is expected of every file whose points are those of the room.
fn all_of(room: &Room) -> Expected {
    Expected {
        points: Some(room.corners.len()),
        ..Expected::default()
    }
}

fn with_color(room: &Room) -> Expected {
    Expected {
        color0: Some(room.corners[0].color),
        ..all_of(room)
    }
}

fn bounds(positions: impl Iterator<Item = [f64; 3]>) -> [[f64; 3]; 2] {
    positions.fold(
        [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]],
        |[low, high], p| {
            [
                std::array::from_fn(|axis| low[axis].min(p[axis])),
                std::array::from_fn(|axis| high[axis].max(p[axis])),
            ]
        },
    )
}

fn plain(room: &Room) -> Vec<Odd> {
    let positions = room.corners.iter().map(|corner| corner.at.map(f64::from));
    vec![
        Odd {
            name: "00-base.ply",
            bytes: colored(&room.corners),
            expected: Expected {
                bounds: Some(bounds(positions)),
                ..with_color(room)
            },
        },
        Odd {
            name: "00-base-mesh.ply",
            bytes: mesh(room),
            expected: Expected {
                same_instances_as: Some("00-base.ply".to_owned()),
                ..all_of(room)
            },
        },
    ]
}
