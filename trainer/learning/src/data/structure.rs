//! The structural elements of a labelled scan: the parts of the room itself, which are not objects
//! in it.

use std::collections::HashMap;

use recordings::nyu40;

/// A structural element of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// A wall.
    Wall,
    /// The floor.
    Floor,
    /// The ceiling.
    Ceiling,
}

impl Structure {
    /// Every element.
    pub const ALL: [Self; 3] = [Self::Wall, Self::Floor, Self::Ceiling];

    /// Name of the element's class in any dataset.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Floor => "floor",
            Self::Ceiling => "ceiling",
        }
    }

    /// The element that each point belongs to, `(points)`, by the name of its class in `names`, or
    /// by NYU40's name if the class has none there.
    pub fn of_points(semantic: &[i32], names: &HashMap<i32, String>) -> Vec<Option<Self>> {
        let of_class = |class: i32| {
            let name = names
                .get(&class)
                .map(String::as_str)
                .or_else(|| nyu40::name(class))?;
            Self::ALL.into_iter().find(|part| part.name() == name)
        };
        let mut known: HashMap<i32, Option<Self>> = HashMap::new();
        semantic
            .iter()
            .map(|&class| *known.entry(class).or_insert_with(|| of_class(class)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_before_numbers() {
        let names = [(2, "chair".to_owned()), (7, "wall".to_owned())].into();
        let found = Structure::of_points(&[1, 2, 22, 7, 0, 5, -3], &names);
        assert_eq!(
            found,
            [
                Some(Structure::Wall),
                None,
                Some(Structure::Ceiling),
                Some(Structure::Wall),
                None,
                None,
                None
            ]
        );
    }
}
