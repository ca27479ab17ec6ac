//! The classes of synthetic rooms. Structure keeps NYU40's ids, so that the evaluation's void rule
//! (0, 1, 2, 22) holds; things are numbered from 100.

/// A class of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The id in the `semantic` property.
    pub id: i32,
    /// A common noun, the ScanNet200 name where ScanNet200 has the class.
    pub name: &'static str,
    /// If `true`, the class is structure: labelled, but never an instance.
    pub stuff: bool,
}

impl Class {
    const fn stuff(id: i32, name: &'static str) -> Self {
        Self {
            id,
            name,
            stuff: true,
        }
    }

    const fn thing(id: i32, name: &'static str) -> Self {
        Self {
            id,
            name,
            stuff: false,
        }
    }
}

/// All classes; an id is never reused for another name.
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
    Class::thing(184, "sofa chair"),
    Class::thing(185, "folded chair"),
    Class::thing(186, "cushion"),
    Class::thing(187, "mattress"),
    Class::thing(188, "rack"),
    Class::thing(189, "cart"),
    Class::thing(190, "coat rack"),
    Class::thing(191, "closet door"),
    Class::thing(192, "divider"),
    Class::thing(193, "basket"),
    Class::thing(194, "crate"),
    Class::thing(195, "storage bin"),
    Class::thing(196, "storage container"),
    Class::thing(197, "storage organizer"),
    Class::thing(198, "recycling bin"),
    Class::thing(199, "trash bin"),
    Class::thing(200, "bin"),
    Class::thing(201, "tray"),
    Class::thing(202, "case of water bottles"),
    Class::thing(203, "purse"),
    Class::thing(204, "paper bag"),
    Class::thing(205, "luggage"),
    Class::thing(206, "laundry hamper"),
    Class::thing(207, "ironing board"),
    Class::thing(208, "laundry detergent"),
    Class::thing(209, "clothes dryer"),
    Class::thing(210, "broom"),
    Class::thing(211, "vacuum cleaner"),
    Class::thing(212, "bucket"),
    Class::thing(213, "dustpan"),
    Class::thing(214, "plunger"),
    Class::thing(215, "ladder"),
    Class::thing(216, "oven"),
    Class::thing(217, "toaster"),
    Class::thing(218, "toaster oven"),
    Class::thing(219, "dishwasher"),
    Class::thing(220, "range hood"),
    Class::thing(221, "mini fridge"),
    Class::thing(222, "water cooler"),
    Class::thing(223, "coffee kettle"),
    Class::thing(224, "dish rack"),
    Class::thing(225, "paper towel roll"),
    Class::thing(226, "water pitcher"),
    Class::thing(227, "copier"),
    Class::thing(228, "machine"),
    Class::thing(229, "bathroom vanity"),
    Class::thing(230, "bathroom counter"),
    Class::thing(231, "bathroom cabinet"),
    Class::thing(232, "bathroom stall"),
    Class::thing(233, "bathroom stall door"),
    Class::thing(234, "shower wall"),
    Class::thing(235, "shower door"),
    Class::thing(236, "shower floor"),
    Class::thing(237, "shower head"),
    Class::thing(238, "paper towel dispenser"),
    Class::thing(239, "soap dispenser"),
    Class::thing(240, "toilet paper dispenser"),
    Class::thing(241, "toilet seat cover dispenser"),
    Class::thing(242, "toilet paper holder"),
    Class::thing(243, "handicap bar"),
    Class::thing(244, "scale"),
    Class::thing(245, "mat"),
    Class::thing(246, "hair dryer"),
    Class::thing(247, "soap dish"),
    Class::thing(248, "power outlet"),
    Class::thing(249, "light switch"),
    Class::thing(250, "power strip"),
    Class::thing(251, "fire extinguisher"),
    Class::thing(252, "fire alarm"),
    Class::thing(253, "vent"),
    Class::thing(254, "pipe"),
    Class::thing(255, "sign"),
    Class::thing(256, "calendar"),
    Class::thing(257, "mailbox"),
    Class::thing(258, "ceiling light"),
    Class::thing(259, "decoration"),
    Class::thing(260, "blackboard"),
    Class::thing(261, "projector"),
    Class::thing(262, "projector screen"),
    Class::thing(263, "paper cutter"),
    Class::thing(264, "cd case"),
    Class::thing(265, "tube"),
    Class::thing(266, "alarm clock"),
    Class::thing(267, "water bottle"),
    Class::thing(268, "candle"),
    Class::thing(269, "potted plant"),
    Class::thing(270, "piano"),
    Class::thing(271, "keyboard piano"),
    Class::thing(272, "music stand"),
    Class::thing(273, "guitar case"),
    Class::thing(274, "dumbbell"),
    Class::thing(275, "hat"),
    Class::thing(276, "headphones"),
    Class::thing(277, "pillar"),
    Class::thing(278, "column"),
    Class::thing(279, "ledge"),
    Class::thing(280, "windowsill"),
    Class::thing(281, "stairs"),
    Class::thing(282, "stair rail"),
    Class::thing(283, "fireplace"),
    Class::thing(284, "doorframe"),
    Class::thing(285, "air conditioner"),
    Class::thing(286, "bean bag"),
    Class::thing(287, "counter"),
    Class::thing(288, "electrical panel"),
    Class::thing(289, "exercise machine"),
    Class::thing(290, "iron"),
    Class::thing(291, "kitchenware"),
    Class::thing(292, "pool table"),
    Class::thing(293, "radio"),
    Class::thing(294, "shoe rack"),
    Class::thing(295, "shower"),
    Class::thing(296, "smoke detector"),
    Class::thing(297, "stand"),
    Class::thing(298, "tablet"),
    Class::thing(299, "toilet brush"),
    Class::thing(300, "tool"),
    Class::thing(301, "toy"),
    Class::thing(302, "vending machine"),
    Class::thing(303, "object"),
];

/// The `'static` name equal to `name`; `None` if there is no such class.
pub fn named(name: &str) -> Option<&'static str> {
    CLASSES.iter().find(|c| c.name == name).map(|c| c.name)
}

/// The id of a class name; 0, unlabelled, if there is no such class.
pub fn id_of(name: &str) -> i32 {
    CLASSES.iter().find(|c| c.name == name).map_or(0, |c| c.id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_and_names_are_unique_and_structure_is_void() {
        assert_eq!(
            CLASSES.iter().map(|c| c.id).collect::<HashSet<_>>().len(),
            CLASSES.len()
        );
        assert_eq!(
            CLASSES.iter().map(|c| c.name).collect::<HashSet<_>>().len(),
            CLASSES.len()
        );
        for class in CLASSES {
            assert_eq!(class.stuff, [1, 2, 22].contains(&class.id), "{class:?}");
        }
    }
}
