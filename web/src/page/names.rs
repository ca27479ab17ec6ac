//! How far the names of things are to be trusted: what was measured in real rooms, and is in
//! MODEL_CARD.md.

use leptos::prelude::*;

use super::{listing::Row, state::State};
use crate::text::said_with;

/// How many things had the right outline and the right name, of how many.
type Right = [u32; 2];

/// What the names of a network were worth in real rooms.
pub struct Measured {
    /// Name of the network.
    model: &'static str,
    /// Number of rooms.
    rooms: u32,
    /// The things named without a prompt, from all names.
    unasked: Right,
    /// The things found by names that were asked for and that the rooms had, with a score from
    /// [`Self::sure`].
    sure_things: Right,
    /// Those with a lower score.
    others: Right,
    /// The score from which names are not marked as doubtful. It was chosen on the rooms that were
    /// counted, and they are few, so other rooms may do worse.
    sure: f32,
}

/// What was measured of the network that ships.
const SHIPPED: Measured = Measured {
    model: "nano-cf162d1d",
    rooms: 6,
    unasked: [8, 153],
    sure_things: [16, 46],
    others: [6, 84],
    sure: 0.4,
};

impl Measured {
    /// What is known of a network.
    fn of(model: &str) -> Option<&'static Self> {
        (model == SHIPPED.model).then_some(&SHIPPED)
    }

    /// What is known of the names in the list, in a sentence; `asked` if they were asked for.
    fn words(&self, asked: bool) -> String {
        let of = |[right, all]: Right| {
            said_with("{right} of {all}", &[("right", &right), ("all", &all)])
        };
        match asked {
            false => said_with(
                "Names are guesses: in {rooms} measured real rooms, {share} things had the right outline and name.",
                &[("rooms", &self.rooms), ("share", &of(self.unasked))],
            ),
            true => said_with(
                "In {rooms} measured real rooms, asked for what is there: {sure} names were right from a score of {score}, {others} below.",
                &[
                    ("rooms", &self.rooms),
                    ("sure", &of(self.sure_things)),
                    ("score", &self.sure),
                    ("others", &of(self.others)),
                ],
            ),
        }
    }
}

/// `true` if things were looked for by words.
fn asked(state: State) -> bool {
    state
        .labels
        .with(|labels| labels.seeks() && labels.like.is_none())
}

/// What is known of the names in the list, if there are any and the network was measured.
pub fn trust(state: State) -> Option<String> {
    let is_listed = state.rows.with(|rows| !rows.is_empty());
    let measured = Measured::of(&state.model.read()).filter(|_| is_listed)?;
    Some(measured.words(asked(state)))
}

/// `true` if a thing was found by a name that few things with so low a score had in the measured
/// rooms.
pub fn is_doubtful(state: State, row: &Row) -> bool {
    let is_given = state
        .edits
        .with(|edits| edits.present().names.contains_key(&row.id));
    let measured = Measured::of(&state.model.read()).filter(|_| !is_given);
    measured.is_some_and(|measured| {
        row.term.is_some() && row.confidence < measured.sure && asked(state)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// The things in the cells of a row of the card, which have the share of right ones in percent
    /// and, in brackets, the mean score and the number of things.
    fn counted(cells: &[&str]) -> Right {
        let counted = cells.iter().filter(|cell| cell.contains('(')).map(|cell| {
            let (percent, things) = cell.split_once('(').unwrap();
            let things = things
                .trim_end_matches([')', ' '])
                .split_once(", ")
                .unwrap()
                .1;
            let (percent, things): (f32, f32) =
                (percent.trim().parse().unwrap(), things.parse().unwrap());
            [(percent / 100.0 * things).round() as u32, things as u32]
        });
        counted.fold([0, 0], |[right, all], [r, a]| [right + r, all + a])
    }

    #[wasm_bindgen_test]
    fn what_is_said_is_what_the_model_card_says() {
        let card = include_str!("../../../MODEL_CARD.md");
        assert!(card.starts_with(&format!("# Model card: {}", SHIPPED.model)));
        let (_, by_name) = card.split_once("if all 198 names are asked for").unwrap();
        let cells = |row: &str| -> Vec<String> {
            let line = by_name
                .lines()
                .find(|line| line.starts_with(&format!("| {row} |")));
            let cells = line.unwrap().split('|').skip(2).map(str::trim);
            cells.map(str::to_owned).collect()
        };
        let all = cells("6 real rooms");
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(counted(&all), SHIPPED.unasked);
        let own = cells("6 real rooms, their own 23 names asked for");
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        assert_eq!(counted(&own[..2]), SHIPPED.others, "below 0.4");
        assert_eq!(counted(&own[2..]), SHIPPED.sure_things);
        assert!(Measured::of("another network").is_none());
    }
}
