//! The names that headers of tables give to columns, and what they mean.

use crate::scan::build;

/// Names of the coordinates in export dialogs and in surveying; a longitude and a latitude are
/// refused later, as degrees.
const COORDINATES: [(&str, &[&str]); 3] = [
    (
        "x",
        &[
            "x",
            "posx",
            "pointx",
            "coordx",
            "xcoord",
            "xcoordinate",
            "positionx",
            "easting",
            "east",
            "rechtswert",
            "longitude",
            "lon",
        ],
    ),
    (
        "y",
        &[
            "y",
            "posy",
            "pointy",
            "coordy",
            "ycoord",
            "ycoordinate",
            "positiony",
            "northing",
            "north",
            "hochwert",
            "latitude",
            "lat",
        ],
    ),
    (
        "z",
        &[
            "z",
            "posz",
            "pointz",
            "coordz",
            "zcoord",
            "zcoordinate",
            "positionz",
            "elevation",
            "height",
            "altitude",
            "höhe",
            "hoehe",
        ],
    ),
];

/// Names of colors. CloudCompare calls colors from 0 to 1 `Rf`, `Gf` and `Bf`.
const COLORS: [(&str, &[&str]); 3] = [
    (
        "red",
        &["r", "red", "rf", "colorr", "colourr", "rgbr", "diffusered"],
    ),
    (
        "green",
        &[
            "g",
            "green",
            "gf",
            "colorg",
            "colourg",
            "rgbg",
            "diffusegreen",
        ],
    ),
    (
        "blue",
        &[
            "b",
            "blue",
            "bf",
            "colorb",
            "colourb",
            "rgbb",
            "diffuseblue",
        ],
    ),
];

const NORMALS: [(&str, &[&str]); 3] = [
    ("nx", &["nx", "normalx"]),
    ("ny", &["ny", "normaly"]),
    ("nz", &["nz", "normalz"]),
];

const INTENSITY: [(&str, &[&str]); 1] = [("intensity", &["i", "intensity", "scalarintensity"])];

/// Names of columns of a trajectory, which is a table of numbers too.
const TRAJECTORY: [&str; 3] = ["tx", "qw", "qx"];

/// The meaning of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Coordinate,
    Color,
    Normal,
    Other,
}

/// The name that a column gets, and its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) meaning: Meaning,
}

/// A name without its unit, its case and what separates its words: `Pos X [m]` becomes `posx`.
fn bare(name: &str) -> String {
    let name = name.split(['[', '(']).next().unwrap_or_default();
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The meaning of the names of a header; `None` if none is a coordinate.
pub(super) fn named(header: &[String]) -> Option<Vec<Named>> {
    let tables = [
        (&COORDINATES[..], Meaning::Coordinate),
        (&COLORS[..], Meaning::Color),
        (&NORMALS[..], Meaning::Normal),
        (&INTENSITY[..], Meaning::Other),
    ];
    let mut taken: Vec<&str> = Vec::new();
    let mut columns = Vec::new();
    for title in header {
        let bare = bare(title);
        let known = tables.iter().find_map(|(table, meaning)| {
            let (name, _) = (table.iter()).find(|(_, names)| names.contains(&bare.as_str()))?;
            Some((*name, *meaning))
        });
        let known = known.filter(|(name, _)| !taken.contains(name));
        columns.push(match known {
            Some((name, meaning)) => {
                taken.push(name);
                Named {
                    name: name.to_owned(),
                    meaning,
                }
            }
            None => Named {
                name: build::column_name(title),
                meaning: Meaning::Other,
            },
        });
    }
    ["x", "y", "z"]
        .iter()
        .all(|axis| taken.contains(axis))
        .then_some(columns)
}

/// `true` if these are the names of the columns of a trajectory, such as TUM's.
pub(super) fn is_trajectory(header: &[String]) -> bool {
    let has = |name: &&str| header.iter().any(|title| bare(title) == *name);
    TRAJECTORY.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_spelling() {
        let titles = [
            "Easting [m]",
            "NORTHING",
            "height (m)",
            "Rf",
            "Normal X",
            "x",
            "my class",
        ];
        let names = named(&titles.map(str::to_owned)).expect("coordinates");
        let found: Vec<&str> = names.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(found, ["x", "y", "z", "red", "nx", "x", "my_class"]);
        assert_eq!(names[5].meaning, Meaning::Other);
        assert_eq!(named(&["x", "y"].map(str::to_owned)), None);
        assert!(is_trajectory(
            &["timestamp", "tx", "ty", "tz", "qx", "qy", "qz", "qw"].map(str::to_owned)
        ));
    }
}
