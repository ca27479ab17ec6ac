//! What is pointed out, in words.

use std::fmt::Display;

use leptos::prelude::*;
use segscape::instances::PointedFrom;

use crate::{
    numbers::grouped,
    page::{state::State, tool::Tool},
    text::{counted, said, said_with},
};

/// Why no thing can be made, in words; `None` if it can.
pub fn obstacle(state: State) -> Option<&'static str> {
    let tool = state.tool.read();
    let Some(Tool::Point(pointing)) = &*tool else {
        return Some(said("Point out something first"));
    };
    match (pointing.waits(), pointing.parts()) {
        (true, _) => Some(said("Wait until it is known what the clicks mean")),
        (_, (0, 0)) => Some(said("Click a point of the thing first")),
        (_, (0, _)) => Some(said("All of it belongs to locked things")),
        _ => None,
    }
}

/// What is pointed out, in words.
pub fn words(state: State) -> String {
    let tool = state.tool.read();
    let Some(Tool::Point(pointing)) = &*tool else {
        return String::new();
    };
    let (parts, locked) = pointing.parts();
    if pointing.waits() {
        return said("Looking for what the clicks mean …").to_owned();
    }
    if pointing.is_empty() {
        return match pointing.fills {
            true => said("Click where a thing begins").to_owned(),
            false => said("Click a point of the thing").to_owned(),
        };
    }
    if pointing.is_all_beside() {
        return said("Click a point of the thing, too").to_owned();
    }
    let ids: Vec<u32> = pointing.now.caught.parts.keys().copied().collect();
    let points = state
        .extents
        .with_value(|extents| extents.shape(&ids).points);
    let words = said_with(
        "Candidate: {parts}, {points}",
        &[
            ("parts", &counted(parts, "1 superpoint", "{n} superpoints")),
            (
                "points",
                &said_with("{n} points", &[("n", &grouped(points as usize))]),
            ),
        ],
    );
    if locked == 0 {
        return words;
    }
    said_with(
        "{parts}; {locked} of locked things left out",
        &[("parts", &words), ("locked", &locked)],
    )
}

/// Where what is shown comes from, in words.
pub fn origin(state: State) -> String {
    let tool = state.tool.read();
    let Some(Tool::Point(pointing)) = &*tool else {
        return String::new();
    };
    match pointing.shown() {
        _ if pointing.waits() || pointing.parts().0 == 0 => String::new(),
        None => said("changed by hand").to_owned(),
        Some((at, count, set)) => {
            let from = match set.from {
                PointedFrom::Found => said("as it was found"),
                PointedFrom::Mask => said("as the network proposed it"),
                PointedFrom::Region if pointing.fills => said("what touches it"),
                PointedFrom::Region => said("a region of superpoints"),
                PointedFrom::Pieces => said("pieces together"),
            };
            let places: [(&str, &dyn Display); 3] =
                [("number", &(at + 1)), ("count", &count), ("from", &from)];
            match set.cut {
                true => said_with("{number} of {count}, {from}, cut", &places),
                false => said_with("{number} of {count}, {from}", &places),
            }
        }
    }
}

/// What clicks choose from, in words.
pub fn ground(state: State) -> String {
    let masks = match &*state.tool.read() {
        Some(Tool::Point(pointing)) if pointing.fills => {
            return said("A fill takes the superpoints that touch where you clicked, and each other, as far as the slider says; it stops at what belongs to other things").to_owned();
        }
        Some(Tool::Point(pointing)) => pointing.masks,
        _ => None,
    };
    match masks {
        Some(0) => said("Candidates are what was found and regions of superpoints: the masks of the network are not part of a scene from a file or a link").to_owned(),
        Some(masks) => said_with("Candidates are what was found, {masks} masks that the network proposed, and regions of superpoints", &[("masks", &masks)]),
        None => said("Candidates are what was found, what the network proposed, and regions of superpoints").to_owned(),
    }
}
