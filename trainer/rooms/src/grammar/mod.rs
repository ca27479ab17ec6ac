//! The catalogue of objects: every kind is a small function from random choices to an object made
//! of shaped, colored parts.
//!
//! Frame of an object: metres, z up, standing on z = 0 (or hanging with its lower edge there),
//! centred on x = 0, its back towards -y.

use glam::Vec3;

use super::{deform, material::Material, mesh::Mesh, rng::RoomRng};

mod appliances;
mod bags;
mod bath_accessories;
mod bathroom;
mod beds;
mod bins;
mod building;
mod cleaning;
mod clutter;
mod containers;
mod decorations;
mod electrical;
mod electronics;
mod fixtures;
mod hobby;
mod kitchen;
mod machines;
mod office;
mod restroom;
mod seating;
mod shapes;
mod shower;
mod soft;
mod storage;
mod tables;
mod upholstery;
mod vanities;
mod walls;
mod worktop;

pub use bathroom::basin;
pub use building::{doorframe_of, rail_of, windowsill_of};
pub use kitchen::counter_of;
pub use office::hung_projector;
pub use restroom::{bathroom_stall_of, wall_soap_dispenser};
pub use shapes::NAMELESS;
pub use shower::{shower_door_of, shower_floor_of, shower_wall_of};
pub use walls::{curtain_of, door_of, open_door_of, window_of};

/// A surface of one material.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its shape in the object's frame.
    pub mesh: Mesh,
    /// Its material.
    pub material: Material,
}

/// A support surface: a horizontal place where small objects may stand.
#[derive(Clone, Copy, Debug)]
pub struct Top {
    /// Its center, in the object's frame.
    pub center: Vec3,
    /// Half its width and half its depth.
    pub half: [f32; 2],
    /// The free height above it, metres.
    pub clearance: f32,
}

/// An object: one instance of the ground truth.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its class, a name from [`super::classes`].
    pub class: &'static str,
    /// Its surfaces.
    pub parts: Vec<Part>,
    /// Its support surfaces, where clutter may stand.
    pub tops: Vec<Top>,
}

impl Object {
    /// An object without parts.
    pub fn new(class: &'static str) -> Self {
        Self {
            class,
            parts: Vec::new(),
            tops: Vec::new(),
        }
    }

    /// Adds a part; an empty mesh adds nothing.
    pub fn with(mut self, material: Material, mesh: Mesh) -> Self {
        if !mesh.triangles.is_empty() {
            self.parts.push(Part { mesh, material });
        }
        self
    }

    /// Adds a support surface of the given `size` with its middle at `center`.
    pub fn with_top(mut self, center: [f32; 3], size: [f32; 2], clearance: f32) -> Self {
        self.tops.push(Top {
            center: Vec3::from(center),
            half: [size[0] / 2.0, size[1] / 2.0],
            clearance,
        });
        self
    }

    /// Applies `add`: for optional and repeated parts.
    pub fn then(self, add: impl FnOnce(Self) -> Self) -> Self {
        add(self)
    }

    /// Applies `add` `parts` times, numbered from 0.
    pub fn each(self, parts: usize, add: impl FnMut(Self, usize) -> Self) -> Self {
        (0..parts).fold(self, add)
    }

    /// The low and high corners of the bounding box of all parts.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        let boxes = self.parts.iter().map(|p| p.mesh.bounds());
        boxes.fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), (a, b)| {
            (lo.min(a), hi.max(b))
        })
    }

    /// The object moved by (x, y, z) in its own frame.
    pub fn at(mut self, x: f32, y: f32, z: f32) -> Self {
        self.parts
            .iter_mut()
            .for_each(|p| p.mesh = std::mem::take(&mut p.mesh).at(x, y, z));
        self.tops
            .iter_mut()
            .for_each(|t| t.center += Vec3::new(x, y, z));
        self
    }
}

/// The mesh with its upper side turned to the front.
fn forward(mesh: Mesh) -> Mesh {
    mesh.pitched(-std::f32::consts::FRAC_PI_2)
}

/// A grammar: maps random choices to an object.
pub type Kind = fn(&mut RoomRng) -> Object;

/// All kinds with their class names.
pub const CATALOGUE: &[(&str, Kind)] = &[
    ("chair", seating::chair),
    ("office chair", seating::office_chair),
    ("armchair", upholstery::armchair),
    ("stool", seating::stool),
    ("couch", upholstery::couch),
    ("ottoman", upholstery::ottoman),
    ("bench", seating::bench),
    ("table", tables::table),
    ("dining table", tables::dining_table),
    ("desk", tables::desk),
    ("coffee table", tables::coffee_table),
    ("end table", tables::end_table),
    ("tv stand", tables::tv_stand),
    ("bookshelf", storage::bookshelf),
    ("shelf", storage::wall_shelf),
    ("cabinet", storage::cabinet),
    ("dresser", storage::dresser),
    ("nightstand", storage::nightstand),
    ("wardrobe", storage::wardrobe),
    ("file cabinet", storage::file_cabinet),
    ("box", storage::cardboard_box),
    ("bed", beds::bed),
    ("pillow", beds::pillow),
    ("blanket", beds::blanket),
    ("kitchen cabinet", kitchen::wall_cabinet),
    ("kitchen counter", kitchen::counter),
    ("refrigerator", kitchen::refrigerator),
    ("stove", kitchen::stove),
    ("washing machine", kitchen::washing_machine),
    ("microwave", kitchen::microwave),
    ("coffee maker", kitchen::coffee_maker),
    ("sink", bathroom::sink),
    ("toilet", bathroom::toilet),
    ("bathtub", bathroom::bathtub),
    ("shower curtain", bathroom::shower_curtain),
    ("monitor", electronics::monitor),
    ("tv", electronics::tv),
    ("keyboard", electronics::keyboard),
    ("mouse", electronics::mouse),
    ("laptop", electronics::laptop),
    ("computer tower", electronics::computer_tower),
    ("printer", electronics::printer),
    ("speaker", electronics::speaker),
    ("telephone", electronics::telephone),
    ("lamp", electronics::table_lamp),
    ("floor lamp", electronics::floor_lamp),
    ("ceiling lamp", electronics::ceiling_lamp),
    ("fan", electronics::fan),
    ("backpack", soft::backpack),
    ("bag", soft::bag),
    ("suitcase", soft::suitcase),
    ("shoe", soft::shoes),
    ("towel", soft::towel),
    ("clothes", soft::clothes),
    ("rug", soft::rug),
    ("laundry basket", soft::laundry_basket),
    ("plant", clutter::plant),
    ("trash can", clutter::trash_can),
    ("book", clutter::book_stack),
    ("books", clutter::book_row),
    ("bottle", clutter::bottle),
    ("cup", clutter::cup),
    ("bowl", clutter::bowl),
    ("plate", clutter::plate),
    ("vase", clutter::vase),
    ("paper", clutter::paper),
    ("tissue box", clutter::tissue_box),
    ("ball", clutter::ball),
    ("stuffed animal", clutter::stuffed_animal),
    ("guitar", clutter::guitar),
    ("toilet paper", clutter::toilet_paper),
    ("bicycle", clutter::bicycle),
    ("picture", walls::picture),
    ("poster", walls::poster),
    ("mirror", walls::mirror),
    ("whiteboard", walls::whiteboard),
    ("bulletin board", walls::bulletin_board),
    ("clock", walls::clock),
    ("radiator", walls::radiator),
    ("curtain", walls::curtain),
    ("blinds", walls::blinds),
    ("jacket", walls::jacket),
    ("door", walls::door),
    ("window", walls::window),
    ("sofa chair", upholstery::sofa_chair),
    ("folded chair", seating::folded_chair),
    ("cushion", hobby::cushion),
    ("mattress", hobby::mattress),
    ("rack", hobby::rack),
    ("cart", cleaning::cart),
    ("coat rack", fixtures::coat_rack),
    ("closet door", building::closet_door),
    ("divider", building::divider),
    ("basket", containers::basket),
    ("crate", containers::crate_box),
    ("storage bin", containers::storage_bin),
    ("storage container", containers::storage_container),
    ("storage organizer", containers::storage_organizer),
    ("recycling bin", bins::recycling_bin),
    ("trash bin", bins::trash_bin),
    ("bin", bins::bin),
    ("tray", containers::tray),
    ("case of water bottles", containers::case_of_water_bottles),
    ("purse", bags::purse),
    ("paper bag", bags::paper_bag),
    ("luggage", bags::luggage),
    ("laundry hamper", cleaning::laundry_hamper),
    ("ironing board", cleaning::ironing_board),
    ("laundry detergent", cleaning::laundry_detergent),
    ("clothes dryer", appliances::clothes_dryer),
    ("broom", cleaning::broom),
    ("vacuum cleaner", cleaning::vacuum_cleaner),
    ("bucket", cleaning::bucket),
    ("dustpan", cleaning::dustpan),
    ("plunger", cleaning::plunger),
    ("ladder", cleaning::ladder),
    ("oven", appliances::oven),
    ("toaster", worktop::toaster),
    ("toaster oven", worktop::toaster_oven),
    ("dishwasher", appliances::dishwasher),
    ("range hood", appliances::range_hood),
    ("mini fridge", appliances::mini_fridge),
    ("water cooler", appliances::water_cooler),
    ("coffee kettle", worktop::coffee_kettle),
    ("dish rack", worktop::dish_rack),
    ("paper towel roll", worktop::paper_towel_roll),
    ("water pitcher", worktop::water_pitcher),
    ("copier", appliances::copier),
    ("machine", machines::machine),
    ("bathroom vanity", vanities::bathroom_vanity),
    ("bathroom counter", vanities::bathroom_counter),
    ("bathroom cabinet", vanities::bathroom_cabinet),
    ("bathroom stall", restroom::bathroom_stall),
    ("bathroom stall door", restroom::bathroom_stall_door),
    ("shower wall", shower::shower_wall),
    ("shower door", shower::shower_door),
    ("shower floor", shower::shower_floor),
    ("shower head", shower::shower_head),
    ("paper towel dispenser", restroom::paper_towel_dispenser),
    ("soap dispenser", restroom::soap_dispenser),
    ("toilet paper dispenser", restroom::toilet_paper_dispenser),
    (
        "toilet seat cover dispenser",
        restroom::toilet_seat_cover_dispenser,
    ),
    ("toilet paper holder", bath_accessories::toilet_paper_holder),
    ("handicap bar", bath_accessories::handicap_bar),
    ("scale", bath_accessories::scale),
    ("mat", bath_accessories::mat),
    ("hair dryer", bath_accessories::hair_dryer),
    ("soap dish", bath_accessories::soap_dish),
    ("power outlet", electrical::power_outlet),
    ("light switch", electrical::light_switch),
    ("power strip", electrical::power_strip),
    ("fire extinguisher", fixtures::fire_extinguisher),
    ("fire alarm", fixtures::fire_alarm),
    ("vent", fixtures::vent),
    ("pipe", fixtures::pipe),
    ("sign", fixtures::sign),
    ("calendar", decorations::calendar),
    ("mailbox", fixtures::mailbox),
    ("ceiling light", electrical::ceiling_light),
    ("decoration", decorations::decoration),
    ("blackboard", office::blackboard),
    ("projector", office::projector),
    ("projector screen", office::projector_screen),
    ("paper cutter", office::paper_cutter),
    ("cd case", office::cd_case),
    ("tube", office::tube),
    ("alarm clock", office::alarm_clock),
    ("water bottle", office::water_bottle),
    ("candle", office::candle),
    ("potted plant", office::potted_plant),
    ("piano", hobby::piano),
    ("keyboard piano", hobby::keyboard_piano),
    ("music stand", hobby::music_stand),
    ("guitar case", hobby::guitar_case),
    ("dumbbell", hobby::dumbbell),
    ("hat", hobby::hat),
    ("headphones", hobby::headphones),
    ("pillar", building::pillar),
    ("column", building::column),
    ("ledge", building::ledge),
    ("windowsill", building::windowsill),
    ("stairs", building::stairs),
    ("stair rail", building::stair_rail),
    ("fireplace", building::fireplace),
    ("doorframe", building::doorframe),
    (NAMELESS, shapes::nameless),
];

/// The share of objects that are varied beyond their grammar.
const VARIED: f32 = 0.5;

/// A new object of the class `name`; `None` if the catalogue has no such class.
pub fn make(name: &str, rng: &mut RoomRng) -> Option<Object> {
    let mut object = CATALOGUE
        .iter()
        .find(|(class, _)| *class == name)
        .map(|(_, kind)| kind(rng))?;
    if rng.chance(VARIED) {
        deform::vary(&mut object, rng);
    }
    Some(object)
}
