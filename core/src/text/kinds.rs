//! Which nouns are kinds of which others: a small table of our own, so that a thing called
//! `office chair` answers to `chair`, to `seat` and to `furniture`. The space of a text encoder says
//! which words are alike, and not which of two is the wider one.

use super::Vocabulary;

/// Nouns, and the [default labels](Vocabulary::default_labels) that are kinds of them. Kinds of kinds
/// are listed, too.
const KINDS: [(&str, &[&str]); 28] = [
    (
        "appliance",
        &[
            "clothes dryer",
            "coffee kettle",
            "coffee maker",
            "dishwasher",
            "microwave",
            "mini fridge",
            "oven",
            "range hood",
            "refrigerator",
            "stove",
            "toaster",
            "toaster oven",
            "washing machine",
        ],
    ),
    ("bag", &["backpack", "paper bag", "purse"]),
    (
        "bin",
        &[
            "laundry hamper",
            "recycling bin",
            "storage bin",
            "trash bin",
            "trash can",
        ],
    ),
    ("board", &["blackboard", "bulletin board", "whiteboard"]),
    (
        "cabinet",
        &[
            "bathroom cabinet",
            "bathroom vanity",
            "file cabinet",
            "kitchen cabinet",
        ],
    ),
    (
        "chair",
        &["armchair", "folded chair", "office chair", "sofa chair"],
    ),
    ("clothes", &["hat", "jacket"]),
    ("computer", &["computer tower", "laptop"]),
    (
        "container",
        &[
            "basket",
            "bin",
            "box",
            "bucket",
            "crate",
            "laundry basket",
            "laundry hamper",
            "recycling bin",
            "storage bin",
            "storage container",
            "trash bin",
            "trash can",
        ],
    ),
    ("counter", &["bathroom counter", "kitchen counter"]),
    (
        "cupboard",
        &[
            "bathroom cabinet",
            "bathroom vanity",
            "cabinet",
            "closet",
            "file cabinet",
            "kitchen cabinet",
            "wardrobe",
        ],
    ),
    ("curtain", &["shower curtain"]),
    (
        "door",
        &["bathroom stall door", "closet door", "shower door"],
    ),
    (
        "furniture",
        &[
            "armchair",
            "bathroom cabinet",
            "bathroom vanity",
            "bed",
            "bench",
            "bookshelf",
            "cabinet",
            "chair",
            "coat rack",
            "coffee table",
            "couch",
            "desk",
            "dining table",
            "dresser",
            "end table",
            "file cabinet",
            "folded chair",
            "kitchen cabinet",
            "nightstand",
            "office chair",
            "ottoman",
            "seat",
            "shelf",
            "sofa chair",
            "stool",
            "table",
            "tv stand",
            "wardrobe",
        ],
    ),
    ("lamp", &["ceiling light", "light"]),
    ("light", &["ceiling light", "lamp"]),
    ("luggage", &["suitcase"]),
    ("musical instrument", &["guitar", "keyboard piano", "piano"]),
    ("oven", &["toaster oven"]),
    ("piano", &["keyboard piano"]),
    ("picture", &["poster"]),
    ("plant", &["potted plant"]),
    ("rack", &["coat rack", "dish rack"]),
    ("refrigerator", &["mini fridge"]),
    ("screen", &["monitor", "projector screen", "tv"]),
    (
        "seat",
        &[
            "armchair",
            "bench",
            "chair",
            "couch",
            "folded chair",
            "office chair",
            "ottoman",
            "sofa chair",
            "stool",
        ],
    ),
    ("shelf", &["bookshelf"]),
    ("table", &["coffee table", "dining table", "end table"]),
];

/// The default labels that are kinds of what a phrase says; none for most phrases. Spelling matters
/// as little as for [`Vocabulary::find`].
///
/// ```
/// use segscape::text::kinds;
///
/// assert_eq!(kinds::of("Tables"), ["coffee table", "dining table", "end table"]);
/// assert!(kinds::of("seat").contains(&"office chair"));
/// assert!(kinds::of("bathtub").is_empty());
/// ```
pub fn of(phrase: &str) -> &'static [&'static str] {
    let nouns = Vocabulary::shipped();
    let noun = nouns.find(phrase).map(|index| nouns.names()[index]);
    let row = noun.and_then(|noun| KINDS.iter().find(|(wider, _)| *wider == noun));
    row.map_or(&[], |(_, kinds)| kinds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_table_speaks_of_nouns_and_of_labels_and_repeats_nothing() {
        let nouns = Vocabulary::shipped();
        assert!(KINDS.is_sorted_by(|a, b| a.0 < b.0));
        for (wider, kinds) in KINDS {
            let noun = nouns.find(wider).map(|index| nouns.names()[index]);
            assert_eq!(noun, Some(wider), "{wider} is no noun");
            assert!(kinds.is_sorted_by(|a, b| a < b), "{wider}");
            for kind in kinds {
                assert!(nouns.default_labels().contains(kind), "{kind} is no label");
                assert_ne!(*kind, wider);
            }
        }
    }

    #[test]
    fn kinds_of_kinds_are_kinds() {
        for (wider, kinds) in KINDS {
            for kind in kinds {
                let missing = of(kind)
                    .iter()
                    .find(|inner| **inner != wider && !kinds.contains(inner));
                assert_eq!(missing, None, "of {kind} in {wider}");
            }
        }
    }
}
