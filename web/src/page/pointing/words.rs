//! What is pointed out, in words.

use leptos::prelude::*;
use segscape::instances::PointedFrom;

use crate::{
    numbers::grouped,
    page::{state::State, tool::Tool},
};

/// Why no thing can be made, in words; `None` if it can.
pub fn obstacle(state: State) -> Option<&'static str> {
    let tool = state.tool.read();
    let Some(Tool::Point(pointing)) = &*tool else {
        return Some("Point out something first");
    };
    match (pointing.waits(), pointing.parts()) {
        (true, _) => Some("Wait until it is known what the clicks mean"),
        (_, (0, 0)) => Some("Click a point of the thing first"),
        (_, (0, _)) => Some("All of it belongs to locked things"),
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
        return "Looking for what the clicks mean\u{2026}".to_owned();
    }
    if pointing.is_empty() {
        return "Click a point of the thing".to_owned();
    }
    if pointing.is_all_beside() {
        return "Click a point of the thing, too".to_owned();
    }
    let ids: Vec<u32> = pointing.now.caught.parts.keys().copied().collect();
    let points = state
        .extents
        .with_value(|extents| extents.shape(&ids).points);
    let plural = |count: usize, what: &str| {
        let ending = if count == 1 { "" } else { "s" };
        format!("{} {what}{ending}", grouped(count))
    };
    let mut words = format!(
        "Candidate: {}, {}",
        plural(parts, "superpoint"),
        plural(points as usize, "point")
    );
    if locked > 0 {
        words.push_str(&format!("; {locked} of locked things left out"));
    }
    words
}

/// Where what is shown comes from, in words.
pub fn origin(state: State) -> String {
    let tool = state.tool.read();
    let Some(Tool::Point(pointing)) = &*tool else {
        return String::new();
    };
    match pointing.shown() {
        _ if pointing.waits() || pointing.parts().0 == 0 => String::new(),
        None => "changed by hand".to_owned(),
        Some((at, count, set)) => {
            let cut = if set.cut { ", cut" } else { "" };
            let from = match set.from {
                PointedFrom::Found => "as it was found",
                PointedFrom::Mask => "as the network proposed it",
                PointedFrom::Region => "a region of superpoints",
                PointedFrom::Pieces => "pieces together",
            };
            format!("{} of {count}, {from}{cut}", at + 1)
        }
    }
}

/// What clicks choose from, in words.
pub fn ground(state: State) -> String {
    let masks = match &*state.tool.read() {
        Some(Tool::Point(pointing)) => pointing.masks,
        _ => None,
    };
    match masks {
        Some(0) => "Candidates are what was found and regions of superpoints: the masks of the network are not part of a scene from a file or a link".to_owned(),
        Some(masks) => format!("Candidates are what was found, {masks} masks that the network proposed, and regions of superpoints"),
        None => "Candidates are what was found, what the network proposed, and regions of superpoints".to_owned(),
    }
}
