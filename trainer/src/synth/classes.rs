//! The classes of synthetic rooms. Structure keeps NYU40's ids, so that evaluation's void rule (0, 1, 2, 22) holds; things count from 100.

/// What a point can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The number in the `semantic` property.
    pub id: i32,
    /// A common noun, as ScanNet200 has it where it has the thing.
    pub name: &'static str,
    /// Structure: labelled, but never an instance.
    pub stuff: bool,
}

impl Class {
    const fn stuff(id: i32, name: &'static str) -> Self {
        Self { id, name, stuff: true }
    }

    const fn thing(id: i32, name: &'static str) -> Self {
        Self { id, name, stuff: false }
    }
}

/// Every class; ids are never used again for another name.
#[rustfmt::skip]
pub const CLASSES: &[Class] = &[
    Class::stuff(1, "wall"),
    Class::stuff(2, "floor"),
    Class::stuff(22, "ceiling"),
    Class::thing(100, "chair"),
    Class::thing(101, "office chair"),
    Class::thing(102, "armchair"),
    Class::thing(103, "stool"),
    Class::thing(104, "couch"),
    Class::thing(105, "ottoman"),
    Class::thing(106, "bench"),
    Class::thing(107, "table"),
    Class::thing(108, "dining table"),
    Class::thing(109, "desk"),
    Class::thing(110, "coffee table"),
    Class::thing(111, "end table"),
    Class::thing(112, "tv stand"),
    Class::thing(113, "bookshelf"),
    Class::thing(114, "shelf"),
    Class::thing(115, "cabinet"),
    Class::thing(116, "dresser"),
    Class::thing(117, "nightstand"),
    Class::thing(118, "wardrobe"),
    Class::thing(119, "file cabinet"),
    Class::thing(120, "box"),
    Class::thing(121, "bed"),
    Class::thing(122, "pillow"),
    Class::thing(123, "blanket"),
    Class::thing(124, "kitchen cabinet"),
    Class::thing(125, "kitchen counter"),
    Class::thing(126, "refrigerator"),
    Class::thing(127, "stove"),
    Class::thing(128, "washing machine"),
    Class::thing(129, "microwave"),
    Class::thing(130, "coffee maker"),
    Class::thing(131, "sink"),
    Class::thing(132, "toilet"),
    Class::thing(133, "bathtub"),
    Class::thing(134, "shower curtain"),
    Class::thing(135, "monitor"),
    Class::thing(136, "tv"),
    Class::thing(137, "keyboard"),
    Class::thing(138, "mouse"),
    Class::thing(139, "laptop"),
    Class::thing(140, "computer tower"),
    Class::thing(141, "printer"),
    Class::thing(142, "speaker"),
    Class::thing(143, "telephone"),
    Class::thing(144, "lamp"),
    Class::thing(145, "floor lamp"),
    Class::thing(146, "ceiling lamp"),
    Class::thing(147, "fan"),
    Class::thing(148, "backpack"),
    Class::thing(149, "bag"),
    Class::thing(150, "suitcase"),
    Class::thing(151, "shoe"),
    Class::thing(152, "towel"),
    Class::thing(153, "clothes"),
    Class::thing(154, "rug"),
    Class::thing(155, "laundry basket"),
    Class::thing(156, "plant"),
    Class::thing(157, "trash can"),
    Class::thing(158, "book"),
    Class::thing(159, "books"),
    Class::thing(160, "bottle"),
    Class::thing(161, "cup"),
    Class::thing(162, "bowl"),
    Class::thing(163, "plate"),
    Class::thing(164, "vase"),
    Class::thing(165, "paper"),
    Class::thing(166, "tissue box"),
    Class::thing(167, "ball"),
    Class::thing(168, "stuffed animal"),
    Class::thing(169, "guitar"),
    Class::thing(170, "toilet paper"),
    Class::thing(171, "bicycle"),
    Class::thing(172, "picture"),
    Class::thing(173, "poster"),
    Class::thing(174, "mirror"),
    Class::thing(175, "whiteboard"),
    Class::thing(176, "bulletin board"),
    Class::thing(177, "clock"),
    Class::thing(178, "radiator"),
    Class::thing(179, "curtain"),
    Class::thing(180, "blinds"),
    Class::thing(181, "jacket"),
    Class::thing(182, "door"),
    Class::thing(183, "window"),
];

/// The id of a name; 0, unlabelled, for a name that is no class.
pub fn id_of(name: &str) -> i32 {
    CLASSES.iter().find(|c| c.name == name).map_or(0, |c| c.id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_and_names_are_unique_and_structure_is_void() {
        assert_eq!(CLASSES.iter().map(|c| c.id).collect::<HashSet<_>>().len(), CLASSES.len());
        assert_eq!(CLASSES.iter().map(|c| c.name).collect::<HashSet<_>>().len(), CLASSES.len());
        for class in CLASSES {
            assert_eq!(class.stuff, [1, 2, 22].contains(&class.id), "{class:?}");
        }
    }
}
