//! The class names of NYU40, whose ids ScanNet's labelled scans contain.

/// Names of the ids 1 to 40, in words that a user would type.
const NAMES: [&str; 40] = [
    "wall",
    "floor",
    "cabinet",
    "bed",
    "chair",
    "sofa",
    "table",
    "door",
    "window",
    "bookshelf",
    "picture",
    "counter",
    "blinds",
    "desk",
    "shelf",
    "curtain",
    "dresser",
    "pillow",
    "mirror",
    "mat",
    "clothes",
    "ceiling",
    "book",
    "refrigerator",
    "television",
    "paper",
    "towel",
    "shower curtain",
    "box",
    "whiteboard",
    "person",
    "nightstand",
    "toilet",
    "sink",
    "lamp",
    "bathtub",
    "bag",
    "structure",
    "furniture",
    "object",
];

/// Ids that are not objects: unlabelled, wall, floor, ceiling.
pub const STUFF: [i32; 4] = [0, 1, 2, 22];

/// Names of the stuff classes in any dataset.
pub const STUFF_NAMES: [&str; 3] = ["wall", "floor", "ceiling"];

/// The name of an id; `None` if the id is not one of NYU40's.
pub fn name(id: i32) -> Option<&'static str> {
    NAMES
        .get(usize::try_from(id).ok()?.checked_sub(1)?)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_start_at_one() {
        assert_eq!((name(0), name(-3), name(41)), (None, None, None));
        assert_eq!(
            (name(1), name(22), name(40)),
            (Some("wall"), Some("ceiling"), Some("object"))
        );
    }
}
