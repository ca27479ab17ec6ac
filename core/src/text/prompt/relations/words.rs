//! The words of questions.

use super::SizeWord;

/// How things lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Less than a metre apart.
    NextTo,
    /// On top of it, or fastened to its side: "on the wall".
    On,
    /// Beneath its upper side.
    Under,
    /// Higher than its upper side, over its base.
    Above,
    /// Within its box.
    In,
    /// Nothing is between them.
    Touching,
    /// Nearer than all others.
    Nearest,
    /// Farther than all others.
    Farthest,
}

/// What is compared of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Volume of the box; of lengths, its longest edge.
    Size,
    /// Vertical edge of the box.
    Height,
    /// Longer horizontal edge of the box.
    Width,
    /// Shorter horizontal edge of the box.
    Depth,
    /// Height of the middle above the floor.
    Elevation,
}

/// An order's word.
pub(super) struct Superlative {
    pub word: &'static str,
    pub measure: Measure,
    pub descending: bool,
}

const fn superlative(word: &'static str, measure: Measure, descending: bool) -> Superlative {
    Superlative {
        word,
        measure,
        descending,
    }
}

const fn size(word: &'static str, measure: Measure, above: bool) -> SizeWord {
    SizeWord {
        word,
        measure,
        above,
    }
}

pub(super) const ARTICLES: [&str; 5] = ["the", "a", "an", "that", "this"];
/// The word of a number less one.
pub(super) const NUMBERS: [&str; 12] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
];
/// Words before a condition that say nothing.
pub(super) const FILLERS: [&str; 16] = [
    "that", "which", "who", "is", "are", "stands", "standing", "lies", "lying", "hangs", "hanging",
    "located", "placed", "directly", "right", "and",
];
/// What depends on where somebody stands.
pub(super) const VIEWPOINTS: [&str; 8] = [
    "left of",
    "to the left",
    "on the left",
    "right of",
    "to the right",
    "on the right",
    "in front of",
    "behind",
];
/// What is nearest to whoever asks, if nothing else is named.
pub(super) const FROM_WHERE: [&str; 4] = ["nearest", "closest", "farthest", "furthest"];
pub(super) const RELATIONS: [(&str, Relation); 28] = [
    ("next to", Relation::NextTo),
    ("close to", Relation::NextTo),
    ("near to", Relation::NextTo),
    ("near", Relation::NextTo),
    ("beside", Relation::NextTo),
    ("by", Relation::NextTo),
    ("on", Relation::On),
    ("on top of", Relation::On),
    ("upon", Relation::On),
    ("under", Relation::Under),
    ("underneath", Relation::Under),
    ("beneath", Relation::Under),
    ("below", Relation::Under),
    ("above", Relation::Above),
    ("over", Relation::Above),
    ("in", Relation::In),
    ("inside", Relation::In),
    ("inside of", Relation::In),
    ("within", Relation::In),
    ("touching", Relation::Touching),
    ("against", Relation::Touching),
    ("leaning against", Relation::Touching),
    ("nearest to", Relation::Nearest),
    ("nearest", Relation::Nearest),
    ("closest to", Relation::Nearest),
    ("closest", Relation::Nearest),
    ("farthest from", Relation::Farthest),
    ("furthest from", Relation::Farthest),
];
pub(super) const SUPERLATIVES: [Superlative; 13] = [
    superlative("largest", Measure::Size, true),
    superlative("biggest", Measure::Size, true),
    superlative("smallest", Measure::Size, false),
    superlative("tallest", Measure::Height, true),
    superlative("shortest", Measure::Height, false),
    superlative("widest", Measure::Width, true),
    superlative("longest", Measure::Width, true),
    superlative("narrowest", Measure::Depth, false),
    superlative("deepest", Measure::Depth, true),
    superlative("thinnest", Measure::Depth, false),
    superlative("highest", Measure::Elevation, true),
    superlative("uppermost", Measure::Elevation, true),
    superlative("lowest", Measure::Elevation, false),
];
pub(super) const SIZES: [SizeWord; 11] = [
    size("large", Measure::Size, true),
    size("big", Measure::Size, true),
    size("small", Measure::Size, false),
    size("little", Measure::Size, false),
    size("tall", Measure::Height, true),
    size("short", Measure::Height, false),
    size("wide", Measure::Width, true),
    size("long", Measure::Width, true),
    size("narrow", Measure::Depth, false),
    size("high", Measure::Elevation, true),
    size("low", Measure::Elevation, false),
];
/// A word, what it compares, and whether it means more.
pub(super) const COMPARATIVES: [(&str, Measure, bool); 10] = [
    ("larger", Measure::Size, true),
    ("bigger", Measure::Size, true),
    ("smaller", Measure::Size, false),
    ("taller", Measure::Height, true),
    ("shorter", Measure::Height, false),
    ("wider", Measure::Width, true),
    ("longer", Measure::Width, true),
    ("narrower", Measure::Depth, false),
    ("higher", Measure::Elevation, true),
    ("lower", Measure::Elevation, false),
];

const SEATS: &[&str] = &[
    "chair",
    "office chair",
    "armchair",
    "sofa chair",
    "couch",
    "stool",
    "bench",
    "ottoman",
    "bed",
];
const BEDS: &[&str] = &["bed", "couch"];
const TOPS: &[&str] = &[
    "table",
    "desk",
    "coffee table",
    "dining table",
    "end table",
    "nightstand",
    "counter",
    "kitchen counter",
    "shelf",
];
const TABLES: &[&str] = &["table", "desk", "dining table"];
const LIGHTS: &[&str] = &["lamp", "light"];
const SCREENS: &[&str] = &["tv", "monitor", "projector", "laptop"];
const STORES: &[&str] = &[
    "cabinet",
    "wardrobe",
    "dresser",
    "closet",
    "shelf",
    "bookshelf",
    "storage bin",
    "basket",
    "box",
];
const CLEANERS: &[&str] = &["vacuum cleaner", "broom", "dustpan"];
/// What things are for, and the nouns that name such things.
pub const PURPOSES: [(&str, &[&str]); 27] = [
    ("sit on", SEATS),
    ("sit in", SEATS),
    ("sit down", SEATS),
    ("sit", SEATS),
    ("sleep on", BEDS),
    ("sleep in", BEDS),
    ("sleep", BEDS),
    ("lie on", BEDS),
    ("lie down", BEDS),
    ("put things on", TOPS),
    ("put something on", TOPS),
    ("work at", TABLES),
    ("sit at", TABLES),
    ("eat at", TABLES),
    ("write on", &["desk", "table", "whiteboard", "blackboard"]),
    ("read by", LIGHTS),
    ("switch on", LIGHTS),
    ("watch", SCREENS),
    ("put things in", STORES),
    ("store things in", STORES),
    ("store clothes in", &["wardrobe", "dresser", "closet"]),
    ("wash hands in", &["sink"]),
    ("wash hands", &["sink"]),
    ("drink from", &["cup", "bottle", "water bottle"]),
    ("clean with", CLEANERS),
    ("throw things in", &["trash can", "recycling bin", "bin"]),
    ("cook on", &["stove"]),
];

/// A length in metres: "80 cm", "1.5m", "two feet".
pub(super) fn length(words: &[&str]) -> Option<f32> {
    let (number, unit) = match words {
        [number, unit] => (*number, *unit),
        [joined] => joined.split_at(joined.find(|c: char| c.is_alphabetic())?),
        _ => return None,
    };
    let number = match NUMBERS.iter().position(|word| *word == number) {
        Some(place) => place as f32 + 1.0,
        None => number.replace(',', ".").parse::<f32>().ok()?,
    };
    let metres = match unit {
        "m" | "metre" | "metres" | "meter" | "meters" => 1.0,
        "cm" | "centimetre" | "centimetres" | "centimeter" | "centimeters" => 0.01,
        "mm" | "millimetre" | "millimetres" | "millimeter" | "millimeters" => 0.001,
        "ft" | "foot" | "feet" => 0.3048,
        "in" | "inch" | "inches" => 0.0254,
        _ => return None,
    };
    let length = number * metres;
    (length.is_finite() && length >= 0.0).then_some(length)
}
