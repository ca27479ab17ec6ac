//! Chooses the source of each object: wherever the layout asks for an object, chance decides
//! between our part grammar and a third-party model.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::{
    grammar::{self, Object},
    library::Library,
    rng::RoomRng,
    vary,
};

/// The random number generator of a room together with the models that may furnish it.
pub struct Furnisher {
    rng: RoomRng,
    library: Arc<Library>,
    /// Share of the places that take a third-party model where one exists, 0..=1.
    share: f32,
}

impl Furnisher {
    /// A furnisher that takes the share `share` of the objects from a library.
    pub fn new(rng: RoomRng, library: Arc<Library>, share: f32) -> Self {
        Self {
            rng,
            library,
            share,
        }
    }

    /// The same furnisher with a random stream of its own: the same numbers give the same object
    /// every time.
    pub fn again(&self, seed: u64, stream: u64) -> Self {
        Self::new(RoomRng::new(seed, stream), self.library.clone(), self.share)
    }
}

impl Deref for Furnisher {
    type Target = RoomRng;

    fn deref(&self) -> &RoomRng {
        &self.rng
    }
}

impl DerefMut for Furnisher {
    fn deref_mut(&mut self) -> &mut RoomRng {
        &mut self.rng
    }
}

/// A new object for a place where an object of the class `name` is wanted; `None` if no grammar
/// makes this class. A third-party model may be of another class that is found in the same places;
/// it is about as large as the object that the grammar makes.
pub fn make(name: &str, furnisher: &mut Furnisher) -> Option<Object> {
    grammar::make(name, &mut furnisher.rng).map(|own| or_foreign(own, furnisher))
}

/// The object, or a third-party model in its place.
pub fn or_foreign(own: Object, furnisher: &mut Furnisher) -> Object {
    let Furnisher {
        rng,
        library,
        share,
    } = furnisher;
    if library.is_empty() || !rng.chance(*share) {
        return own;
    }
    let space = own.bounds();
    match library.model_for(own.class, space.1 - space.0, rng) {
        Some(model) => vary::varied(model, library.mate_of(model, rng), space, rng),
        None => own,
    }
}
