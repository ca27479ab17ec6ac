//! What rooms are used for, and what therefore stands in them.

use super::{
    dice::Dice,
    groups::{self, Group},
};

/// The use of a room: its size range and what stands in it, most important first.
pub struct Plan {
    /// Shortest and longest side, metres.
    pub size: [f32; 2],
    /// Groups with their back to a wall.
    pub along_walls: &'static [fn(&mut Dice) -> Group],
    /// Groups in the open.
    pub free: &'static [fn(&mut Dice) -> Group],
    /// Single things on the floor.
    pub floor: &'static [&'static str],
    /// Clutter on tables, shelves, counters.
    pub on_tops: &'static [&'static str],
}

/// Every use.
pub const PLANS: &[Plan] = &[
    // living room
    Plan {
        size: [3.3, 5.8],
        along_walls: &[
            groups::sofa_corner,
            groups::media,
            groups::books,
            groups::books,
            groups::single_seat,
            groups::chest,
            groups::sofa_corner,
            groups::standing_light,
            groups::chest,
        ],
        free: &[groups::coffee, groups::dining, groups::single_seat],
        floor: &["plant", "rug", "backpack", "box", "floor lamp", "ball", "stuffed animal", "guitar", "ottoman", "bag", "blanket", "shoe"],
        on_tops: &["book", "books", "cup", "bottle", "vase", "plant", "lamp", "bowl", "paper", "speaker", "pillow", "box", "tissue box", "laptop"],
    },
    // bedroom
    Plan {
        size: [2.8, 4.4],
        along_walls: &[
            groups::sleeping,
            groups::wardrobes,
            groups::working,
            groups::chest,
            groups::books,
            groups::single_seat,
            groups::wardrobes,
            groups::chest,
        ],
        free: &[groups::single_seat],
        floor: &["shoe", "backpack", "suitcase", "rug", "laundry basket", "clothes", "box", "trash can", "plant", "bag", "stuffed animal", "fan"],
        on_tops: &[
            "book",
            "books",
            "lamp",
            "cup",
            "clothes",
            "pillow",
            "laptop",
            "bottle",
            "tissue box",
            "stuffed animal",
            "box",
            "bag",
            "blanket",
            "towel",
        ],
    },
    // office
    Plan {
        size: [2.8, 5.6],
        along_walls: &[
            groups::working,
            groups::working,
            groups::working,
            groups::books,
            groups::files,
            groups::working,
            groups::files,
            groups::chest,
            groups::books,
        ],
        free: &[groups::meeting, groups::working],
        floor: &["trash can", "backpack", "box", "computer tower", "plant", "printer", "box", "bag", "office chair", "fan"],
        on_tops: &["book", "books", "paper", "cup", "telephone", "bottle", "printer", "box", "plant", "lamp", "speaker", "tissue box", "laptop"],
    },
    // kitchen
    Plan {
        size: [2.3, 4.4],
        along_walls: &[groups::kitchen_row, groups::kitchen_row, groups::cold, groups::chest, groups::laundry, groups::kitchen_row],
        free: &[groups::dining],
        floor: &["trash can", "box", "rug", "stool", "bag", "trash can", "plant", "shoe"],
        on_tops: &["bottle", "bowl", "plate", "cup", "microwave", "coffee maker", "box", "vase", "plant", "tissue box", "paper", "towel"],
    },
    // bathroom
    Plan {
        size: [2.0, 3.6],
        along_walls: &[groups::washing, groups::toilet, groups::bathing, groups::laundry, groups::washing, groups::chest],
        free: &[],
        floor: &["trash can", "laundry basket", "rug", "stool", "clothes", "shoe", "box"],
        on_tops: &["bottle", "bottle", "cup", "toilet paper", "tissue box", "plant", "towel"],
    },
    // lounge, class or meeting room
    Plan {
        size: [3.6, 6.2],
        along_walls: &[groups::books, groups::single_seat, groups::single_seat, groups::sofa_corner, groups::chest, groups::media],
        free: &[groups::meeting, groups::dining, groups::meeting, groups::coffee],
        floor: &["trash can", "backpack", "chair", "bag", "box", "plant", "chair", "stool", "bicycle", "suitcase"],
        on_tops: &["laptop", "paper", "cup", "bottle", "book", "backpack", "bag", "box", "monitor", "telephone"],
    },
];
