#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::{instances::NO_INSTANCE, text::Vocabulary, write::LabeledInstance};

const ROOM: Aabb = Aabb {
    min: [0.0; 3],
    max: [6.0, 5.0, 2.5],
};

fn thing(id: u32, noun: &str, min: [f32; 3], max: [f32; 3]) -> PlacedThing {
    PlacedThing {
        id,
        noun: Some(noun.to_owned()),
        confidence: 0.5 + id as f32 / 100.0,
        bounds: Aabb { min, max },
    }
}

/// A room with a table by the window in its far wall.
fn room() -> Vec<PlacedThing> {
    vec![
        thing(0, "table", [4.0, 1.0, 0.0], [5.5, 2.0, 0.75]),
        thing(1, "window", [5.9, 0.8, 1.0], [6.0, 2.2, 2.0]),
        // 0.4 m from the window, 0.0 m from the table: it stands at the table's far side.
        thing(2, "chair", [5.1, 2.0, 0.0], [5.5, 2.4, 0.9]),
        // 1.9 m from the window, 0.1 m from the table.
        thing(3, "chair", [3.5, 1.3, 0.0], [3.9, 1.7, 0.9]),
        // In the other corner.
        thing(4, "chair", [0.2, 4.4, 0.0], [0.6, 4.8, 0.9]),
        // Boxes: on the floor beside the table, under the table, on the table, on the floor.
        thing(5, "box", [2.0, 1.0, 0.0], [2.6, 1.6, 0.5]),
        thing(6, "box", [4.5, 1.3, 0.0], [4.8, 1.6, 0.3]),
        thing(7, "box", [4.2, 1.2, 0.75], [4.4, 1.4, 0.9]),
        thing(8, "box", [0.5, 0.5, 0.02], [0.7, 0.7, 0.2]),
        thing(9, "picture", [1.0, 4.95, 0.5], [1.6, 5.0, 1.1]),
        thing(10, "lamp", [4.6, 1.4, 1.6], [4.9, 1.7, 2.0]),
        thing(11, "lamp", [0.1, 3.0, 0.0], [0.5, 3.4, 1.6]),
        thing(12, "lamp", [4.9, 1.1, 0.75], [5.1, 1.3, 1.2]),
        thing(13, "couch", [1.0, 2.0, 0.0], [3.0, 2.9, 0.8]),
    ]
}

fn asked(question: &str) -> Answer {
    let is_noun = |term: &str| Vocabulary::shipped().find(term).is_some();
    let request = Request::parse(question, &is_noun).unwrap().unwrap();
    relate(&request, &room(), &ROOM, &[])
}

#[test]
fn the_step_that_leaves_nothing_is_known() {
    let answer = asked("the chair under the lamp");
    assert_eq!(answer.left.len(), answer.steps.len());
    let emptied_by = answer.emptied_by().unwrap();
    assert!(
        answer.steps[emptied_by].starts_with("under lamp: 0 of 3"),
        "{:?}",
        answer.steps
    );
    let unicorn = asked("the unicorn on the floor");
    assert_eq!(
        unicorn.steps[unicorn.emptied_by().unwrap()],
        "unicorn: 0 of 14 things."
    );
    let floor = asked("boxes on the floor");
    assert_eq!(floor.emptied_by(), None);
    assert_eq!(floor.left, [Some(4), None, Some(3)], "{:?}", floor.steps);
}

#[test]
fn things_are_found_by_their_relations() {
    for (question, found) in [
        ("the chair next to the window", &[2][..]),
        // Box 7 and the lamps are on it, box 6 and the chairs beside it.
        ("chairs next to the table", &[2, 3]),
        ("something on the table", &[12, 7]),
        ("the box under the table", &[6]),
        ("the lamp above the table", &[10]),
        ("boxes on the floor", &[6, 5, 8]),
        ("the largest box on the floor", &[5]),
        ("the second largest box on the floor", &[6]),
        ("the smallest box", &[7]),
        ("the picture on the wall", &[9]),
        ("the chair nearest to the picture", &[4]),
        ("the chair farthest from the window", &[4]),
        // Its middle is 0.34 m from the line between the middles of couch and table.
        ("the chair between the couch and the table", &[3]),
        // Box 5 is a metre from that line, and boxes 6 and 7 are at the table itself.
        ("boxes between the couch and the table", &[]),
        ("boxes larger than 40 cm", &[5]),
        ("lamps taller than the table", &[11]),
        ("two lamps", &[12, 11]),
        ("the box on the table next to the window", &[7]),
        ("the box on the floor and next to the couch", &[5]),
        ("chairs on the table", &[]),
        ("the box next to the bathtub", &[]),
    ] {
        let answer = asked(question);
        assert_eq!(answer.found, found, "{question}: {:#?}", answer.steps);
    }
}

#[test]
fn purposes_name_things() {
    assert_eq!(asked("something to sit on").found, [13, 4, 3, 2]);
    // The couch is the first thing to sit on that is less than a metre from box 5.
    assert_eq!(
        asked("something to sit on next to the largest box").found,
        [13, 3]
    );
}

#[test]
fn every_step_is_a_sentence() {
    // Volumes of the boxes on the floor: 0.18, 0.027 and 0.0072 cubic metres.
    let steps = asked("the largest box on the floor").steps;
    let expected = [
        "box: 4 of 14 things: box #5, box #6, box #7, box #8.",
        "floor: the side of the room.",
        "on floor: 3 of 4: box #5, box #6, box #8.",
        "1 wanted of 3, most size: box #5.",
    ];
    assert_eq!(steps, expected);
    let steps = asked("three lamps next to the bathtub").steps;
    let expected = [
        "lamps: 3 of 14 things: lamp #10, lamp #11, lamp #12.",
        "bathtub: 0 of 14 things.",
        "less than a metre from bathtub: 0 of 3.",
        "3 wanted of 0, surest.",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn sizes_are_compared_with_their_kind() {
    // The mean of 0.18, 0.027, 0.006 and 0.0072 is 0.055 cubic metres.
    let answer = asked("large boxes on the floor");
    assert_eq!(answer.found, [5]);
    assert_eq!(
        answer.steps[1],
        "large, above the mean of 0.055 cubic metres: box #5."
    );
    assert_eq!(asked("small boxes under the table").found, [6]);
    let answer = asked("a large couch next to the box");
    assert_eq!(answer.found, [13]);
    assert!(answer.steps[1].contains("nothing of the kind to compare with"));
}

#[test]
fn known_contacts_count() {
    let things = [
        thing(0, "chair", [0.0; 3], [1.0; 3]),
        thing(1, "desk", [1.2, 0.0, 0.0], [2.0, 1.0, 1.0]),
    ];
    let request = Request::parse("the chair touching the desk", &|_| false);
    let request = request.unwrap().unwrap();
    assert!(relate(&request, &things, &ROOM, &[]).found.is_empty());
    assert_eq!(relate(&request, &things, &ROOM, &[[0, 1]]).found, [0]);
}

#[test]
fn instances_touch_if_superpoints_of_them_do() {
    // Superpoints 0 to 3 belong to the instances 8, 8, 5 and nobody.
    let superpoints = Superpoints::from_ids(&[0, 0, 1, 2, 3]);
    let instance = |id| LabeledInstance {
        id,
        label: None,
        score: 1.0,
    };
    let labels = PointLabels {
        instance_of_point: vec![0, 0, 0, 1, NO_INSTANCE],
        instances: vec![instance(8), instance(5)],
        labels: vec![],
    };
    let contact = |superpoints| Contact {
        superpoints,
        edges: 1,
        contrast: 0.0,
    };
    let of = |pairs: &[[u32; 2]]| {
        let contacts: Vec<Contact> = pairs.iter().map(|pair| contact(*pair)).collect();
        touching(&contacts, &superpoints, &labels)
    };
    assert!(of(&[[0, 1], [1, 3], [2, 3]]).is_empty());
    assert_eq!(of(&[[0, 2], [1, 2]]), [[5, 8]]);
}

/// A scene of somebody else may have thousands of things, with a question that pairs all with all.
#[test]
fn of_many_things_the_surest_are_paired() {
    let at = |id: u32| {
        let (noun, x) = [("chair", 0.0), ("table", 4.0), ("lamp", 2.0)][id as usize % 3];
        thing(id, noun, [x, 1.0, 0.0], [x + 0.1, 1.1, 0.5])
    };
    let things: Vec<PlacedThing> = (0..3000).map(at).collect();
    let is_noun = |term: &str| Vocabulary::shipped().find(term).is_some();
    let request = Request::parse("lamps between the chair and the table", &is_noun);
    let answer = relate(&request.unwrap().unwrap(), &things, &ROOM, &[]);
    assert_eq!(answer.found.len(), 1000);
    for kind in ["chair", "table"] {
        let said = format!("{kind}: the first 100 of 1000 are paired.");
        assert!(answer.steps.contains(&said), "{:?}", answer.steps);
    }
    assert_eq!(answer.left.len(), answer.steps.len());
}

proptest! {
    #[test]
    fn answers_are_things_of_the_kind(
        boxes in prop::collection::vec((prop::array::uniform3(-1.0f32..6.0), prop::array::uniform3(0.0f32..2.0), 0usize..3), 0..12),
        question in prop::sample::select(vec![
            "the chair next to the table", "two chairs on the floor", "the second largest chair", "chairs between the table and the lamp",
            "chairs larger than the lamp", "small chairs in the table", "the chair farthest from the chair", "chairs taller than 50 cm",
        ]),
    ) {
        let noun = |kind: &usize| ["chair", "table", "lamp"][*kind];
        let things: Vec<_> = (0..).zip(&boxes).map(|(id, (min, size, kind))| {
            thing(id, noun(kind), *min, [0, 1, 2].map(|axis| min[axis] + size[axis]))
        }).collect();
        let is_noun = |term: &str| Vocabulary::shipped().find(term).is_some();
        let request = Request::parse(question, &is_noun).unwrap().unwrap();
        let answer = relate(&request, &things, &ROOM, &[]);
        let mut distinct = answer.found.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), answer.found.len());
        for id in &answer.found {
            prop_assert_eq!(things[*id as usize].noun.as_deref(), Some("chair"));
        }
        let limit = match request.quantity {
            Quantity::One => 1,
            Quantity::Count(count) => count as usize,
            Quantity::All => usize::MAX,
        };
        prop_assert!(answer.found.len() <= limit && !answer.steps.is_empty());
        prop_assert!(answer.steps.iter().all(|step| step.ends_with('.')));
    }
}
