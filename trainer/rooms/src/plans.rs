//! The uses of rooms, and the furniture that follows from each use.

use super::{
    furnisher::Furnisher,
    groups::{self, Group},
    halls, services,
};

/// The use of a room: its size range and its furniture, most important first.
pub struct Plan {
    /// The name of such a room.
    pub name: &'static str,
    /// Relative frequency of this use.
    weight: usize,
    /// The shortest and the longest side, metres.
    pub size: [f32; 2],
    /// Groups with their back to a wall.
    pub along_walls: &'static [fn(&mut Furnisher) -> Group],
    /// Free-standing groups.
    pub free: &'static [fn(&mut Furnisher) -> Group],
    /// Single objects on the floor.
    pub floor: &'static [&'static str],
    /// Clutter on tables, shelves and counters.
    pub on_tops: &'static [&'static str],
    /// Objects on the walls.
    pub hung: &'static [&'static str],
    /// Objects below the ceiling.
    pub overhead: &'static [&'static str],
}

impl Plan {
    /// A random use, drawn by weight.
    pub fn drawn(rng: &mut Furnisher) -> &'static Self {
        let mut left = rng.count(1, PLANS.iter().map(|p| p.weight).sum());
        let reached = |plan: &&Self| {
            let reached = left <= plan.weight;
            left = left.saturating_sub(plan.weight);
            reached
        };
        PLANS.iter().find(reached).unwrap_or(&PLANS[0])
    }

    /// A random use, drawn by weight, among those with one of these names whose size range fits the
    /// room's short side best, within 0.3 m. Uses in [`SINGLE`] are excluded once they are in
    /// `there`.
    pub fn fitting(
        names: &[&str],
        size: [f32; 2],
        there: &[&str],
        rng: &mut Furnisher,
    ) -> &'static Self {
        let short = size[0].min(size[1]);
        // The difference, metres, between the room's short side and the size range of a use.
        let misfit = |plan: &&Self| (plan.size[0] - short).max(short - plan.size[1]).max(0.0);
        let mut plans: Vec<&Self> = PLANS
            .iter()
            .filter(|plan| {
                names.contains(&plan.name)
                    && !(SINGLE.contains(&plan.name) && there.contains(&plan.name))
            })
            .collect();
        let least = plans.iter().map(misfit).fold(f32::INFINITY, f32::min);
        plans.retain(|plan| misfit(plan) <= least + 0.3);
        let tickets: Vec<&Self> = plans
            .into_iter()
            .flat_map(|plan| std::iter::repeat_n(plan, plan.weight.max(1)))
            .collect();
        if tickets.is_empty() {
            &PLANS[0]
        } else {
            rng.pick(&tickets)
        }
    }

    /// Number of times that the furniture of this use is placed in a room of the given area, square
    /// metres.
    pub fn times(&self, area: f32) -> usize {
        let usual = (self.size[0] + self.size[1]).powi(2) / 4.0;
        ((area / usual).round() as usize).clamp(1, 3)
    }
}

/// Uses that occur at most once per floor.
const SINGLE: &[&str] = &[
    "kitchen",
    "laundry",
    "hall",
    "hobby room",
    "shop",
    "restroom",
];

/// All uses; homes and offices are the most frequent, as in scanned data.
#[rustfmt::skip]
const PLANS: &[Plan] = &[
    // living room
    Plan {
        name: "living room",
        weight: 9,
        size: [3.3, 5.8],
        along_walls: &[
            groups::sofa_corner, groups::media, groups::books, groups::books, groups::single_seat, groups::chest, groups::sofa_corner,
            groups::standing_light, halls::hearth, groups::chest,
        ],
        free: &[groups::coffee, groups::dining, groups::single_seat],
        floor: &[
            "plant", "rug", "backpack", "box", "floor lamp", "ball", "stuffed animal", "guitar", "ottoman", "bag", "blanket", "shoe", "potted plant",
            "basket", "cushion", "paper bag", "power strip", "guitar case", "rug", "trash can", "purse", "ledge",
        ],
        on_tops: &[
            "book", "books", "cup", "bottle", "vase", "plant", "lamp", "bowl", "paper", "speaker", "pillow", "box", "tissue box", "laptop", "candle",
            "tray", "decoration", "headphones", "cd case", "basket", "telephone", "potted plant", "book", "cup",
        ],
        hung: &["picture", "picture", "picture", "poster", "mirror", "clock", "shelf", "curtain", "tv", "decoration", "calendar"],
        overhead: &["ceiling lamp", "ceiling light"],
    },
    // bedroom
    Plan {
        name: "bedroom",
        weight: 9,
        size: [2.8, 4.4],
        along_walls: &[
            groups::sleeping, groups::wardrobes, groups::working, groups::chest, groups::books, halls::closets, groups::single_seat,
            groups::wardrobes, groups::chest,
        ],
        free: &[groups::single_seat],
        floor: &[
            "shoe", "backpack", "suitcase", "rug", "laundry basket", "clothes", "box", "trash can", "plant", "bag", "stuffed animal", "fan",
            "laundry hamper", "luggage", "bin", "storage bin", "mat", "purse", "guitar case", "mattress", "power strip", "cushion", "mini fridge",
        ],
        on_tops: &[
            "book", "books", "lamp", "cup", "clothes", "pillow", "laptop", "bottle", "tissue box", "stuffed animal", "box", "bag", "blanket", "towel",
            "alarm clock", "hat", "water bottle", "hair dryer", "headphones", "purse", "candle", "cushion", "storage container", "cd case", "book",
        ],
        hung: &["picture", "picture", "poster", "poster", "mirror", "bulletin board", "clock", "shelf", "jacket", "curtain", "tv", "calendar", "decoration"],
        overhead: &["ceiling lamp", "ceiling light", "ceiling light"],
    },
    // office
    Plan {
        name: "office",
        weight: 8,
        size: [2.8, 5.6],
        along_walls: &[
            groups::working, groups::working, groups::working, groups::books, groups::files, groups::working, halls::copying, groups::files,
            groups::chest, groups::books,
        ],
        free: &[groups::meeting, groups::working, halls::partition],
        floor: &[
            "trash can", "backpack", "box", "computer tower", "plant", "printer", "box", "bag", "office chair", "fan", "recycling bin", "coat rack",
            "power strip", "storage organizer", "cart", "mini fridge", "bin", "tube", "water cooler", "folded chair", "potted plant",
        ],
        on_tops: &[
            "book", "books", "paper", "cup", "telephone", "bottle", "printer", "box", "plant", "lamp", "speaker", "tissue box", "laptop", "paper",
            "headphones", "water bottle", "paper cutter", "paper cutter", "storage container", "cd case", "tube", "coffee maker", "storage organizer",
        ],
        hung: &["picture", "poster", "whiteboard", "whiteboard", "bulletin board", "clock", "shelf", "jacket", "calendar", "sign", "picture"],
        overhead: &["ceiling light", "ceiling lamp", "projector"],
    },
    // kitchen
    Plan {
        name: "kitchen",
        weight: 7,
        size: [2.3, 4.4],
        along_walls: &[
            services::kitchen_row, services::kitchen_row, services::cold, groups::chest, services::laundry, services::kitchen_row,
        ],
        free: &[groups::dining],
        floor: &[
            "trash can", "box", "rug", "stool", "bag", "trash bin", "plant", "shoe", "recycling bin", "paper bag", "case of water bottles", "crate",
            "cart", "mat", "broom", "dustpan", "basket", "water cooler",
        ],
        on_tops: &[
            "bottle", "bowl", "plate", "plate", "cup", "microwave", "microwave", "coffee maker", "coffee maker", "box", "plant", "towel", "toaster",
            "toaster oven", "toaster oven", "coffee kettle", "coffee kettle", "dish rack", "dish rack", "paper towel roll", "paper towel roll",
            "water pitcher", "tray", "storage container", "soap dispenser", "basket", "bottle", "bowl",
        ],
        hung: &["picture", "clock", "shelf", "towel", "calendar", "bulletin board", "kitchen cabinet", "kitchen cabinet", "decoration", "shelf", "paper towel dispenser"],
        overhead: &["ceiling lamp", "ceiling light"],
    },
    // bathroom
    Plan {
        name: "bathroom",
        weight: 5,
        size: [2.0, 3.6],
        along_walls: &[services::washing, services::toilet, services::bathing, services::laundry, services::washing, groups::chest],
        free: &[],
        floor: &[
            "trash can", "laundry basket", "rug", "stool", "clothes", "shoe", "box", "mat", "mat", "scale", "scale", "plunger", "laundry hamper",
            "bucket", "basket", "bin", "toilet paper",
        ],
        on_tops: &[
            "bottle", "bottle", "cup", "toilet paper", "tissue box", "plant", "towel", "soap dispenser", "soap dish", "soap dish", "soap dish", "hair dryer",
            "candle", "basket", "tray", "storage container", "alarm clock",
        ],
        hung: &["towel", "towel", "mirror", "bathroom cabinet", "picture", "shelf", "toilet paper holder", "handicap bar", "jacket"],
        overhead: &["ceiling light", "ceiling lamp"],
    },
    // lounge or meeting room
    Plan {
        name: "lounge",
        weight: 5,
        size: [3.6, 6.2],
        along_walls: &[
            groups::books, groups::single_seat, groups::single_seat, groups::sofa_corner, halls::refreshment, groups::chest, halls::built_in,
            groups::media,
        ],
        free: &[groups::meeting, groups::dining, groups::meeting, groups::coffee, halls::partition],
        floor: &[
            "trash can", "backpack", "chair", "bag", "box", "plant", "chair", "stool", "bicycle", "suitcase", "sofa chair", "potted plant",
            "recycling bin", "trash bin", "divider", "machine", "cushion", "luggage",
        ],
        on_tops: &[
            "laptop", "paper", "cup", "bottle", "book", "backpack", "bag", "box", "monitor", "telephone", "projector", "water pitcher", "tray",
            "water bottle", "paper bag", "decoration", "purse", "hat", "plate", "coffee kettle", "microwave", "toaster oven",
        ],
        hung: &["picture", "picture", "poster", "whiteboard", "bulletin board", "clock", "shelf", "tv", "projector screen", "sign", "curtain"],
        overhead: &["ceiling light", "ceiling lamp", "projector"],
    },
    // classroom
    Plan {
        name: "classroom",
        weight: 2,
        size: [4.2, 6.6],
        along_walls: &[halls::teaching, halls::teaching, groups::books, groups::files, halls::built_in, groups::chest, groups::working],
        free: &[halls::rows, halls::rows, halls::rows, halls::partition],
        floor: &[
            "backpack", "chair", "trash can", "recycling bin", "folded chair", "folded chair", "bag", "box", "cart", "music stand", "backpack",
            "storage bin", "ladder", "power strip", "tube",
        ],
        on_tops: &[
            "book", "books", "paper", "paper", "laptop", "cup", "bottle", "projector", "paper cutter", "paper cutter", "storage container", "ball",
            "water bottle", "box", "tube", "hat",
        ],
        hung: &["poster", "blackboard", "blackboard", "whiteboard", "bulletin board", "clock", "projector screen", "calendar", "sign", "coat rack", "picture"],
        overhead: &["ceiling light", "projector", "ceiling light"],
    },
    // hall or entrance
    Plan {
        name: "hall",
        weight: 2,
        size: [2.2, 5.2],
        along_walls: &[halls::entrance, halls::stairway, halls::closets, groups::chest, halls::built_in, halls::refreshment, groups::single_seat, halls::stairway],
        free: &[halls::partition],
        floor: &[
            "shoe", "shoe", "mat", "mat", "bag", "backpack", "suitcase", "luggage", "plant", "potted plant", "bicycle", "rug", "basket", "box",
            "vacuum cleaner", "trash can", "pillar", "purse", "paper bag",
        ],
        on_tops: &["purse", "hat", "hat", "vase", "lamp", "bag", "paper", "decoration", "plant", "telephone", "clothes", "book", "tray", "basket"],
        hung: &["picture", "mirror", "coat rack", "jacket", "mailbox", "mailbox", "clock", "poster", "sign", "calendar", "stair rail"],
        overhead: &["ceiling lamp", "ceiling light"],
    },
    // laundry or utility room
    Plan {
        name: "laundry",
        weight: 2,
        size: [2.0, 3.8],
        along_walls: &[
            services::laundry, services::cleaning, services::ironing, halls::shelving, services::washing, services::laundry, services::cleaning,
            groups::chest,
        ],
        free: &[services::ironing],
        floor: &[
            "laundry basket", "laundry hamper", "clothes", "bucket", "broom", "vacuum cleaner", "dustpan", "ladder", "box", "storage bin", "crate",
            "shoe", "mat", "folded chair", "trash bin", "plunger", "case of water bottles",
        ],
        on_tops: &[
            "laundry detergent", "laundry detergent", "laundry detergent", "towel", "clothes", "bottle", "box", "basket", "storage bin", "bucket",
            "paper towel roll", "storage container",
        ],
        hung: &["shelf", "shelf", "kitchen cabinet", "towel", "jacket", "clock"],
        overhead: &["ceiling light", "ceiling lamp"],
    },
    // room for music, sport and play
    Plan {
        name: "hobby room",
        weight: 2,
        size: [3.0, 5.2],
        along_walls: &[
            halls::practice, halls::training, groups::books, groups::single_seat, halls::practice, groups::media, halls::training, groups::chest,
        ],
        free: &[halls::training, groups::single_seat],
        floor: &[
            "guitar", "guitar case", "music stand", "music stand", "speaker", "dumbbell", "dumbbell", "mat", "ball", "ball", "bicycle", "fan", "stool",
            "keyboard piano", "box", "power strip", "rug", "backpack", "folded chair", "cushion", "scale",
        ],
        on_tops: &[
            "cd case", "cd case", "headphones", "headphones", "speaker", "book", "books", "cup", "water bottle", "lamp", "paper", "hat", "plant",
            "dumbbell", "candle",
        ],
        hung: &["poster", "poster", "picture", "mirror", "shelf", "tv", "clock", "curtain", "whiteboard", "decoration"],
        overhead: &["ceiling light", "ceiling lamp"],
    },
    // public restroom
    Plan {
        name: "restroom",
        weight: 2,
        size: [2.6, 4.8],
        along_walls: &[services::stalls, services::public_washing, services::stalls, services::public_washing, services::showering, groups::single_seat],
        free: &[],
        floor: &["trash can", "trash bin", "trash bin", "plunger", "mat", "bucket", "broom", "recycling bin", "bench", "pillar", "scale"],
        on_tops: &["soap dispenser", "soap dish", "soap dish", "tissue box", "paper towel roll", "paper", "bag", "hair dryer", "toilet paper"],
        hung: &[
            "paper towel dispenser", "toilet seat cover dispenser", "toilet paper dispenser", "handicap bar", "mirror", "sign", "mirror",
            "paper towel dispenser", "poster", "toilet paper holder",
        ],
        overhead: &["ceiling light"],
    },
    // store room
    Plan {
        name: "store room",
        weight: 2,
        size: [2.2, 4.4],
        along_walls: &[
            halls::shelving, halls::shelving, services::cleaning, halls::shelving, groups::files, halls::built_in, halls::copying, services::cold,
        ],
        free: &[halls::shelving],
        floor: &[
            "box", "box", "crate", "crate", "storage bin", "storage bin", "ladder", "folded chair", "suitcase", "luggage", "bicycle", "mattress",
            "case of water bottles", "vacuum cleaner", "cart", "tube", "guitar case", "bucket", "column", "chair", "fan", "projector",
        ],
        on_tops: &[
            "box", "box", "storage bin", "storage bin", "storage container", "crate", "basket", "case of water bottles", "books", "suitcase",
            "laundry detergent", "bottle", "tube", "paper cutter", "toaster oven", "bucket", "toaster", "paper bag", "cd case",
        ],
        hung: &["shelf", "clock", "whiteboard", "sign", "calendar", "jacket", "coat rack"],
        overhead: &["ceiling light"],
    },
    // shop
    Plan {
        name: "shop",
        weight: 2,
        size: [3.8, 8.0],
        along_walls: &[
            halls::shelving, halls::shelving, halls::till, groups::books, halls::shelving, halls::refreshment, groups::books, groups::chest,
            halls::built_in, halls::shelving,
        ],
        free: &[halls::aisle, halls::aisle, halls::till, halls::aisle, halls::partition],
        floor: &[
            "box", "crate", "cart", "basket", "bin", "trash can", "sign", "plant", "ladder", "column", "storage bin", "stool", "bag", "coat rack",
            "case of water bottles", "paper bag", "fan",
        ],
        on_tops: &[
            "box", "box", "bottle", "bottle", "book", "books", "bowl", "cup", "vase", "bag", "shoe", "hat", "basket", "cd case", "laundry detergent",
            "storage container", "water bottle", "tissue box", "ball", "candle", "stuffed animal", "plate", "clothes", "towel", "purse",
        ],
        hung: &["sign", "sign", "poster", "poster", "shelf", "shelf", "mirror", "clock", "picture", "tv", "jacket"],
        overhead: &["ceiling light", "ceiling lamp", "ceiling light"],
    },
    // corridor: only between other rooms
    Plan {
        name: "corridor",
        weight: 0,
        size: [1.2, 2.4],
        along_walls: &[groups::chest, halls::built_in, halls::entrance, halls::refreshment],
        free: &[],
        floor: &["trash can", "plant", "shoe", "box", "bin", "mat", "recycling bin", "bag", "broom", "folded chair"],
        on_tops: &["plant", "paper", "hat", "vase", "decoration", "book"],
        hung: &["picture", "sign", "poster", "bulletin board", "clock", "jacket", "mirror", "coat rack", "shelf", "calendar"],
        overhead: &["ceiling light", "ceiling lamp"],
    },
];
