//! The catalogue of things: every kind is a small function from random choices to an object made of shaped, coloured parts.
//!
//! Frame of an object: metres, z up, standing on z = 0 (or hanging with its lower edge there), centred on x = 0, its back towards -y.

use glam::Vec3;

use super::{dice::Dice, material::Material, mesh::Mesh};

mod bathroom;
mod beds;
mod clutter;
mod electronics;
mod kitchen;
mod seating;
mod soft;
mod storage;
mod tables;
mod walls;

pub use bathroom::basin;
pub use kitchen::counter_of;
pub use walls::{curtain_of, door_of, window_of};

/// One surface of one material.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its shape in the object's frame.
    pub mesh: Mesh,
    /// Its look.
    pub material: Material,
}

/// A horizontal place where small things may stand.
#[derive(Clone, Copy, Debug)]
pub struct Top {
    /// Its middle, in the object's frame.
    pub centre: Vec3,
    /// Half its width and depth.
    pub half: [f32; 2],
    /// The free height above it.
    pub clearance: f32,
}

/// A thing: what the truth calls one instance.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its class, a name of [`super::classes`].
    pub class: &'static str,
    /// Its surfaces.
    pub parts: Vec<Part>,
    /// Where clutter may stand on it.
    pub tops: Vec<Top>,
}

impl Object {
    /// An object without any part yet.
    pub fn new(class: &'static str) -> Self {
        Self { class, parts: Vec::new(), tops: Vec::new() }
    }

    /// With one more part; an empty mesh adds nothing.
    pub fn with(mut self, material: Material, mesh: Mesh) -> Self {
        if !mesh.triangles.is_empty() {
            self.parts.push(Part { mesh, material });
        }
        self
    }

    /// With a place for clutter at height `z`, centred at (x, y).
    pub fn with_top(mut self, centre: [f32; 3], size: [f32; 2], clearance: f32) -> Self {
        self.tops.push(Top { centre: Vec3::from(centre), half: [size[0] / 2.0, size[1] / 2.0], clearance });
        self
    }

    /// With what `add` makes of it: for optional and repeated parts.
    pub fn then(self, add: impl FnOnce(Self) -> Self) -> Self {
        add(self)
    }

    /// With `parts` calls of `add`, numbered from 0.
    pub fn each(self, parts: usize, add: impl FnMut(Self, usize) -> Self) -> Self {
        (0..parts).fold(self, add)
    }

    /// The corners of the box around all parts.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        let boxes = self.parts.iter().map(|p| p.mesh.bounds());
        boxes.fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), (a, b)| (lo.min(a), hi.max(b)))
    }

    /// Moved by (x, y, z) in its own frame.
    pub fn at(mut self, x: f32, y: f32, z: f32) -> Self {
        self.parts.iter_mut().for_each(|p| p.mesh = std::mem::take(&mut p.mesh).at(x, y, z));
        self.tops.iter_mut().for_each(|t| t.centre += Vec3::new(x, y, z));
        self
    }
}

/// A grammar: random choices in, one object out.
pub type Kind = fn(&mut Dice) -> Object;

/// Every kind by its class name; a class may be made by several kinds.
pub const CATALOGUE: &[(&str, Kind)] = &[
    ("chair", seating::chair),
    ("office chair", seating::office_chair),
    ("armchair", seating::armchair),
    ("stool", seating::stool),
    ("couch", seating::couch),
    ("ottoman", seating::ottoman),
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
];

/// A new object of the class `name`; `None` when the catalogue has no such kind.
pub fn make(name: &str, dice: &mut Dice) -> Option<Object> {
    CATALOGUE.iter().find(|(class, _)| *class == name).map(|(_, kind)| kind(dice))
}
