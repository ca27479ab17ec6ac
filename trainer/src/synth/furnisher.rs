//! Whose hand a thing is by: wherever the layout wants a thing, chance decides between the own part
//! grammar and a model that somebody else made.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::{
    dice::Dice,
    grammar::{self, Object},
    library::Library,
    vary,
};

/// The dice of a room together with the models that it may be furnished with.
pub struct Furnisher {
    dice: Dice,
    library: Arc<Library>,
    /// Share of the places that take a foreign model where there is one, 0..=1.
    share: f32,
}

impl Furnisher {
    /// Takes `share` of the things from a library.
    pub fn new(dice: Dice, library: Arc<Library>, share: f32) -> Self {
        Self {
            dice,
            library,
            share,
        }
    }

    /// The choices of a stream of its own: who asks twice with the same numbers gets the same thing
    /// twice.
    pub fn again(&self, seed: u64, stream: u64) -> Self {
        Self::new(Dice::new(seed, stream), self.library.clone(), self.share)
    }
}

impl Deref for Furnisher {
    type Target = Dice;

    fn deref(&self) -> &Dice {
        &self.dice
    }
}

impl DerefMut for Furnisher {
    fn deref_mut(&mut self) -> &mut Dice {
        &mut self.dice
    }
}

/// A new thing for a place where one of the class `name` is wanted; `None` when there is no such
/// kind. A foreign model may be of a class that stands in the same places; it is about as large as
/// what the grammar makes.
pub fn make(name: &str, furnisher: &mut Furnisher) -> Option<Object> {
    grammar::make(name, &mut furnisher.dice).map(|own| or_foreign(own, furnisher))
}

/// The thing, or a foreign one in its place.
pub fn or_foreign(own: Object, furnisher: &mut Furnisher) -> Object {
    let Furnisher {
        dice,
        library,
        share,
    } = furnisher;
    if library.is_empty() || !dice.chance(*share) {
        return own;
    }
    let space = own.bounds();
    match library.model_for(own.class, space.1 - space.0, dice) {
        Some(model) => vary::varied(model, library.mate_of(model, dice), space, dice),
        None => own,
    }
}
