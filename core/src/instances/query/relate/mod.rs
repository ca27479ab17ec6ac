//! Answers questions about how things lie to each other, from their boxes alone: which chair is next
//! to the window, which box on the floor is the largest. Every step is told in a sentence, so that
//! whoever asked sees why something was found or not.
//!
//! ```
//! use segscape::{
//!     geometry::Aabb,
//!     instances::query::{PlacedThing, relate},
//!     text::prompt::Request,
//! };
//!
//! let thing = |id, noun: &str, min, max| PlacedThing {
//!     id,
//!     noun: Some(noun.to_owned()),
//!     confidence: 0.9,
//!     bounds: Aabb { min, max },
//! };
//! let things = [
//!     thing(0, "chair", [0.0, 0.0, 0.0], [0.5, 0.5, 1.0]),
//!     thing(1, "chair", [3.0, 0.0, 0.0], [3.5, 0.5, 1.0]),
//!     thing(2, "window", [3.9, 0.0, 1.0], [4.0, 1.0, 2.0]),
//! ];
//! let room = Aabb { min: [0.0; 3], max: [4.0, 4.0, 2.5] };
//! let request = Request::parse("the chair next to the window", &|_| false)?.ok_or("no relation")?;
//! let answer = relate(&request, &things, &room, &[]);
//! assert_eq!(answer.found, [1]);
//! assert_eq!(answer.steps[2], "less than a metre from window: 1 of 2: chair #1.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod places;

use std::{cmp::Ordering, collections::BTreeSet};

use crate::{
    geometry::Aabb,
    superpoint::{Contact, Superpoints},
    text::prompt::{Condition, Measure, Order, Quantity, Relation, Request, SizeWord, Sought},
    write::PointLabels,
};
use places::{Place, between, holds, measured};

/// Maximum number of things that a sentence lists.
const LISTED: usize = 8;
/// Maximum number of things of a kind that are paired with those of another one: each pair is compared
/// with each thing.
const PAIRED: usize = 100;

/// A thing that has a place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedThing {
    /// What sentences and answers call it.
    pub id: u32,
    /// The noun that names it; of those of [`Request::nouns`] if it was asked for.
    pub noun: Option<String>,
    /// Confidence in the noun, 0..=1.
    pub confidence: f32,
    /// Its box in the world frame.
    pub bounds: Aabb,
}

/// What was found, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Ids of the things, best first.
    pub found: Vec<u32>,
    /// A sentence for each step, in order.
    pub steps: Vec<String>,
    /// `(steps)`: number of things that the step leaves; `None` if it takes none away.
    pub left: Vec<Option<u32>>,
}

impl Answer {
    /// The first step that leaves nothing: why nothing was found.
    pub fn emptied_by(&self) -> Option<usize> {
        let found_none = self.found.is_empty();
        found_none
            .then(|| self.left.iter().position(|left| *left == Some(0)))
            .flatten()
    }
}

/// The pairs of instances, by their ids, that own superpoints which touch.
///
/// # Panics
/// If a contact names a superpoint that does not exist.
pub fn touching(
    contacts: &[Contact],
    superpoints: &Superpoints,
    labels: &PointLabels,
) -> Vec<[u32; 2]> {
    let mut owner_of_superpoint = vec![None; superpoints.count()];
    for (point, superpoint) in superpoints.superpoint_of_point().iter().enumerate() {
        owner_of_superpoint[*superpoint as usize] = labels.owner(point).map(|owner| owner.id);
    }
    let pairs = contacts.iter().filter_map(|contact| {
        let [one, other] = contact.superpoints.map(|s| owner_of_superpoint[s as usize]);
        let (one, other) = (one?, other?);
        (one != other).then(|| [one.min(other), one.max(other)])
    });
    pairs.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Answers a question about things in a room. `contacts` are the pairs of ids of things that are
/// known to touch, ascending and the smaller id first, as of [`touching`]; without, those touch whose boxes do. Where no thing is called floor, wall or
/// ceiling, these are the sides of the `room`.
pub fn relate(
    request: &Request,
    things: &[PlacedThing],
    room: &Aabb,
    contacts: &[[u32; 2]],
) -> Answer {
    let mut scene = Scene {
        things,
        room,
        contacts,
        steps: Vec::new(),
        left: Vec::new(),
    };
    let found = scene.things_of(request);
    Answer {
        found: found.iter().map(|thing| thing.id).collect(),
        steps: scene.steps,
        left: scene.left,
    }
}

/// A thing that may be meant, and how far it is from those that it is related to.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    thing: &'a PlacedThing,
    /// Sum of the distances, metres; `None` without relations.
    apart: Option<f32>,
}

struct Scene<'a> {
    things: &'a [PlacedThing],
    room: &'a Aabb,
    contacts: &'a [[u32; 2]],
    steps: Vec<String>,
    /// See [`Answer::left`].
    left: Vec<Option<u32>>,
}

impl<'a> Scene<'a> {
    /// The things that a request asks for, best first.
    fn things_of(&mut self, request: &Request) -> Vec<&'a PlacedThing> {
        let what = words(&request.kind);
        let is_meant = |thing: &&PlacedThing| match &thing.noun {
            Some(noun) => request.kind.is_named(noun),
            None => request.kind == Sought::Anything,
        };
        let meant: Vec<&PlacedThing> = self.things.iter().filter(is_meant).collect();
        let total = self.things.len();
        self.tell(format!("{what}: {} of {total} things", meant.len()), &meant);
        let candidate = |thing| Candidate { thing, apart: None };
        let mut left: Vec<Candidate> = meant.into_iter().map(candidate).collect();
        for size in &request.sizes {
            left = self.of_size(left, size);
        }
        for condition in &request.conditions {
            left = self.that_keep(left, condition);
        }
        self.chosen(left, request)
    }

    /// Tells what a step is about that takes nothing away.
    fn note(&mut self, what: &str) {
        self.steps.push(format!("{what}."));
        self.left.push(None);
    }

    /// Tells the things that a step leaves.
    fn tell(&mut self, what: String, things: &[&PlacedThing]) {
        self.left.push(Some(things.len() as u32));
        self.steps.push(match things {
            [] => format!("{what}."),
            things => format!("{what}: {}.", list(things.iter().map(|thing| name(thing)))),
        });
    }

    /// Those that are above or below the mean of all.
    fn of_size(&mut self, candidates: Vec<Candidate<'a>>, size: &SizeWord) -> Vec<Candidate<'a>> {
        let SizeWord {
            word,
            measure,
            above,
        } = *size;
        if candidates.len() < 2 {
            self.note(&format!(
                "{word}: there is nothing of the kind to compare with"
            ));
            return candidates;
        }
        let value = |candidate: &Candidate| self.measure(candidate.thing, measure);
        let mean = candidates.iter().map(value).sum::<f32>() / candidates.len() as f32;
        let fits = |candidate: &Candidate| match above {
            true => value(candidate) > mean,
            false => value(candidate) < mean,
        };
        let kept: Vec<Candidate> = candidates.iter().copied().filter(fits).collect();
        let side = if above { "above" } else { "below" };
        let mean = measured(measure, mean);
        let things: Vec<&PlacedThing> = kept.iter().map(|candidate| candidate.thing).collect();
        self.tell(format!("{word}, {side} the mean of {mean}"), &things);
        kept
    }

    fn measure(&self, thing: &PlacedThing, measure: Measure) -> f32 {
        places::measure(&thing.bounds, measure, self.room)
    }

    /// Those for which a condition holds.
    fn that_keep(
        &mut self,
        candidates: Vec<Candidate<'a>>,
        condition: &Condition,
    ) -> Vec<Candidate<'a>> {
        match condition {
            Condition::Related(relation, request) => {
                let targets = self.places_of(request);
                self.related(candidates, *relation, request, &targets)
            }
            Condition::Between(one, other) => {
                let [ones, others] = [one, other].map(|request| self.paired(request));
                let what = format!("between {} and {}", words(&one.kind), words(&other.kind));
                let apart = |thing: &PlacedThing| {
                    let pairs = ones.iter().flat_map(|a| others.iter().map(move |b| [a, b]));
                    let pairs = pairs.filter(|[a, b]| a.id != b.id);
                    let free = pairs.filter(|pair| pair.iter().all(|p| p.id != Some(thing.id)));
                    least(free.filter_map(|[a, b]| between(&thing.bounds, &a.bounds, &b.bounds)))
                };
                self.keep(candidates, &what, &|candidate| apart(candidate.thing))
            }
            Condition::Longer {
                measure,
                more,
                metres,
            } => {
                let side = if *more { "more" } else { "less" };
                let what = format!("{side} than {metres} m of {}", property(*measure));
                let room = self.room;
                self.keep(candidates, &what, &|candidate| {
                    let length = places::length(&candidate.thing.bounds, *measure, room);
                    ((length > *metres) == *more && length != *metres).then_some(0.0)
                })
            }
            Condition::Larger {
                measure,
                more,
                than,
            } => {
                let targets = self.places_of(than);
                let side = if *more { "more" } else { "less" };
                let what = format!("{side} {} than {}", property(*measure), words(&than.kind));
                let room = self.room;
                self.keep(candidates, &what, &|candidate| {
                    let of = |bounds: &Aabb| places::measure(bounds, *measure, room);
                    let own = of(&candidate.thing.bounds);
                    let others = targets.iter();
                    let mut others = others.filter(|p| p.id != Some(candidate.thing.id));
                    let fits = |place: &Place| match more {
                        true => own > of(&place.bounds),
                        false => own < of(&place.bounds),
                    };
                    others.any(fits).then_some(0.0)
                })
            }
        }
    }

    fn related(
        &mut self,
        candidates: Vec<Candidate<'a>>,
        relation: Relation,
        request: &Request,
        targets: &[Place],
    ) -> Vec<Candidate<'a>> {
        let what = format!("{} {}", phrase(relation), words(&request.kind));
        let contacts = self.contacts;
        let apart = |thing: &PlacedThing| {
            let others = targets.iter().filter(|place| place.id != Some(thing.id));
            least(others.filter_map(|place| holds(relation, thing, place, contacts)))
        };
        let all = candidates.iter().filter_map(|c| apart(c.thing));
        // Of all distances, the least and the greatest decide.
        let best = match relation {
            Relation::Nearest => least(all),
            Relation::Farthest => all.max_by(f32::total_cmp),
            _ => None,
        };
        let is_superlative = matches!(relation, Relation::Nearest | Relation::Farthest);
        self.keep(candidates, &what, &|candidate| {
            let distance = apart(candidate.thing)?;
            (!is_superlative || Some(distance) == best).then_some(distance)
        })
    }

    /// Those that `apart` gives a distance, which is added to theirs.
    fn keep(
        &mut self,
        candidates: Vec<Candidate<'a>>,
        what: &str,
        apart: &dyn Fn(&Candidate) -> Option<f32>,
    ) -> Vec<Candidate<'a>> {
        let total = candidates.len();
        let joined = |candidate: Candidate<'a>| {
            let more = apart(&candidate)?;
            Some(Candidate {
                apart: Some(candidate.apart.unwrap_or(0.0) + more),
                ..candidate
            })
        };
        let kept: Vec<Candidate> = candidates.into_iter().filter_map(joined).collect();
        let things: Vec<&PlacedThing> = kept.iter().map(|candidate| candidate.thing).collect();
        self.tell(format!("{what}: {} of {total}", kept.len()), &things);
        kept
    }

    /// The places of what a request asks for: things, or sides of the room.
    fn places_of(&mut self, request: &Request) -> Vec<Place> {
        if let Sought::Noun(noun) = &request.kind
            && !self.things.iter().any(|thing| is_called(thing, request))
            && let Some(sides) = places::sides(noun, self.room)
        {
            self.note(&format!("{noun}: the side of the room"));
            return sides;
        }
        // "Next to the window" is next to any window, unless it says which one.
        let mut any = request.clone();
        if any.quantity == Quantity::One && any.order.is_none() {
            any.quantity = Quantity::All;
        }
        let found = self.things_of(&any);
        found.into_iter().map(Place::from).collect()
    }

    /// The places of what is paired with others, the surest if there are many.
    fn paired(&mut self, request: &Request) -> Vec<Place> {
        let mut places = self.places_of(request);
        if places.len() > PAIRED {
            let kind = words(&request.kind);
            let of = places.len();
            self.note(&format!("{kind}: the first {PAIRED} of {of} are paired"));
            places.truncate(PAIRED);
        }
        places
    }

    /// The wanted number of those that are left, best first.
    fn chosen(&mut self, mut left: Vec<Candidate<'a>>, request: &Request) -> Vec<&'a PlacedThing> {
        let by_fit = |a: &Candidate, b: &Candidate| {
            let apart = |candidate: &Candidate| candidate.apart.unwrap_or(0.0);
            let sure = |candidate: &Candidate| candidate.thing.confidence;
            apart(a)
                .total_cmp(&apart(b))
                .then(sure(b).total_cmp(&sure(a)))
                .then(a.thing.id.cmp(&b.thing.id))
        };
        let mut rank = 1;
        let how = match request.order {
            Some(order) => {
                rank = order.rank as usize;
                let room = self.room;
                left.sort_by(|a, b| in_order(order, a, b, room).then(by_fit(a, b)));
                let end = if order.descending { "most" } else { "least" };
                format!("{end} {}", property(order.measure))
            }
            None => {
                left.sort_by(by_fit);
                match left.iter().any(|candidate| candidate.apart > Some(0.0)) {
                    true => "nearest".to_owned(),
                    false => "surest".to_owned(),
                }
            }
        };
        let wanted = match request.quantity {
            Quantity::One => 1,
            Quantity::Count(count) => count as usize,
            Quantity::All => left.len(),
        };
        let total = left.len();
        let found: Vec<&PlacedThing> = left
            .into_iter()
            .skip(rank - 1)
            .take(wanted)
            .map(|candidate| candidate.thing)
            .collect();
        if request.quantity != Quantity::All && (found.len() < total || total < wanted) {
            let place = match rank {
                1 => String::new(),
                rank => format!(" from place {rank}"),
            };
            self.tell(format!("{wanted} wanted of {total}, {how}{place}"), &found);
        }
        found
    }
}

fn is_called(thing: &PlacedThing, request: &Request) -> bool {
    let noun = thing.noun.as_deref();
    noun.is_some_and(|noun| request.kind.is_named(noun))
}

fn in_order(order: Order, a: &Candidate, b: &Candidate, room: &Aabb) -> Ordering {
    let [a, b] = [a, b].map(|c| places::measure(&c.thing.bounds, order.measure, room));
    match order.descending {
        true => b.total_cmp(&a),
        false => a.total_cmp(&b),
    }
}

fn least(values: impl Iterator<Item = f32>) -> Option<f32> {
    values.min_by(f32::total_cmp)
}

/// What a kind is called in sentences.
fn words(kind: &Sought) -> String {
    match kind {
        Sought::Noun(noun) => noun.clone(),
        Sought::Purpose(purpose, _) => format!("something to {purpose}"),
        Sought::Anything => "anything".to_owned(),
    }
}

fn phrase(relation: Relation) -> &'static str {
    match relation {
        Relation::NextTo => "less than a metre from",
        Relation::On => "on",
        Relation::Under => "under",
        Relation::Above => "above",
        Relation::In => "in",
        Relation::Touching => "touching",
        Relation::Nearest => "nearest to",
        Relation::Farthest => "farthest from",
    }
}

fn property(measure: Measure) -> &'static str {
    match measure {
        Measure::Size => "size",
        Measure::Height => "height",
        Measure::Width => "width",
        Measure::Depth => "depth",
        Measure::Elevation => "elevation",
    }
}

fn name(thing: &PlacedThing) -> String {
    let noun = thing.noun.as_deref().unwrap_or("thing");
    format!("{noun} #{}", thing.id)
}

/// The first few of the names, and how many more there are.
fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let first = names[..names.len().min(LISTED)].join(", ");
    match names.len().checked_sub(LISTED).filter(|more| *more > 0) {
        Some(more) => format!("{first} and {more} more"),
        None => first,
    }
}

#[cfg(test)]
mod tests;
