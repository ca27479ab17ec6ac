#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::text::Vocabulary;

fn is_noun(term: &str) -> bool {
    Vocabulary::shipped().find(term).is_some()
}

fn read(question: &str) -> Result<Option<Request>, RequestError> {
    Request::parse(question, &is_noun)
}

fn request(question: &str) -> Request {
    read(question).unwrap().unwrap()
}

/// Things of a kind, all or one of them.
fn things(noun: &str, quantity: Quantity) -> Request {
    Request {
        quantity,
        order: None,
        sizes: vec![],
        kind: Sought::Noun(noun.to_owned()),
        conditions: vec![],
    }
}

fn one(noun: &str) -> Request {
    things(noun, Quantity::One)
}

#[test]
fn relations_counts_sizes_and_order_are_read() {
    let chair = Request {
        conditions: vec![Condition::Related(Relation::NextTo, one("window"))],
        ..one("chair")
    };
    for question in [
        "the chair next to the window",
        "The chair that is right next to the window?",
        "the chair standing beside a window",
    ] {
        assert_eq!(request(question), chair, "{question}");
    }
    let largest = request("the largest box on the floor");
    let (measure, descending, rank) = (Measure::Size, true, 1);
    assert_eq!(
        largest.order,
        Some(Order {
            measure,
            descending,
            rank
        })
    );
    assert_eq!(
        largest.conditions,
        [Condition::Related(Relation::On, one("floor"))]
    );
    assert_eq!(request("two lamps"), things("lamps", Quantity::Count(2)));
    assert_eq!(
        request("2 office chairs"),
        things("office chairs", Quantity::Count(2))
    );
    let second = request("the second smallest box").order.unwrap();
    assert_eq!((second.rank, second.descending), (2, false));
    let small = request("small boxes on top of the table");
    assert_eq!(
        (small.quantity, small.sizes[0].word),
        (Quantity::All, "small")
    );
    assert_eq!(request("all chairs near the door").quantity, Quantity::All);
    assert_eq!(request("the chairs near the door").quantity, Quantity::All);
}

#[test]
fn conditions_belong_to_what_is_right_before_them() {
    let nested = request("the box on the table next to the door");
    let table = Request {
        conditions: vec![Condition::Related(Relation::NextTo, one("door"))],
        ..one("table")
    };
    assert_eq!(nested.conditions, [Condition::Related(Relation::On, table)]);
    let both = request("the box on the table and next to the door");
    assert_eq!(
        both.conditions,
        [
            Condition::Related(Relation::On, one("table")),
            Condition::Related(Relation::NextTo, one("door"))
        ]
    );
    let between = request("the lamp between the bed and the window and under the shelf");
    assert_eq!(
        between.conditions,
        [
            Condition::Between(one("bed"), one("window")),
            Condition::Related(Relation::Under, one("shelf"))
        ]
    );
    assert_eq!(between.nouns(), ["lamp", "bed", "window", "shelf"]);
    assert_eq!(request("the chair next to the chairs").nouns(), ["chair"]);
}

#[test]
fn lengths_and_things_are_compared_with() {
    let (measure, more) = (Measure::Width, true);
    for (question, metres) in [
        ("tables wider than 80 cm", 0.8),
        ("tables that are wider than 1.5m", 1.5),
        ("tables wider than two feet", 0.6096),
    ] {
        let [
            Condition::Longer {
                measure: m,
                more: o,
                metres: found,
            },
        ] = request(question).conditions[..]
        else {
            panic!("{question}");
        };
        assert!(
            (m, o) == (measure, more) && (found - metres).abs() < 1e-6,
            "{question}: {found}"
        );
    }
    let (measure, more, than) = (Measure::Height, false, one("desk"));
    assert_eq!(
        request("boxes shorter than the desk").conditions,
        [Condition::Larger {
            measure,
            more,
            than
        }]
    );
}

#[test]
fn purposes_are_kinds() {
    for question in [
        "something to sit on",
        "Where can I sit?",
        "a place to sit down",
    ] {
        let request = request(question);
        assert!(request.nouns().contains(&"couch") && request.quantity == Quantity::All);
    }
    let near = request("something to sit on next to the window");
    assert!(matches!(near.kind, Sought::Purpose("sit on", _)) && near.conditions.len() == 1);
    assert_eq!(
        read("something to fly with"),
        Err(RequestError::Purpose("fly with".to_owned()))
    );
    let unlisted = |noun: &&&str| !is_noun(noun);
    let mut nouns = PURPOSES.iter().flat_map(|(_, nouns)| nouns.iter());
    assert_eq!(nouns.find(unlisted), None, "the vocabulary has the nouns");
}

#[test]
fn plain_terms_are_none() {
    for term in [
        "chair",
        "the chair",
        "Office Chairs",
        "coffee table",
        "gronkulator",
        "",
        " ? ",
    ] {
        assert_eq!(read(term), Ok(None), "{term:?}");
    }
}

#[test]
fn a_description_that_ends_in_a_preposition_is_a_term() {
    for term in [
        "the thing one sits on",
        "the wall one leans against",
        "what one looks under",
        "the box one puts shoes in",
    ] {
        assert_eq!(read(term), Ok(None), "{term:?}");
    }
}

#[test]
fn what_is_not_understood_is_said() {
    let long = "chair next to ".repeat(30);
    let deep = "box on the box on the box on the box on the box";
    for (question, words) in [
        ("the chair left of the window", "where one stands"),
        ("the chair behind the desk", "where one stands"),
        ("the chair that is right of the desk", "where one stands"),
        ("the nearest chair", "where one stands"),
        ("the chair next to", "nothing follows \"next to\""),
        (
            "the lamp between the bed",
            "nothing follows \"between the bed\"",
        ),
        ("the chair next to the", "nothing follows \"the\""),
        (
            "something to sit on quickly",
            "\"quickly\" in the question is not understood",
        ),
        (&long, "420 characters, the limit is 300"),
        (deep, "more than 4 things"),
    ] {
        let error = read(question).unwrap_err().to_string();
        assert!(
            error.contains(words),
            "\"{error}\" does not say \"{words}\""
        );
    }
}

proptest! {
    #[test]
    fn any_words_are_answered(words in prop::collection::vec(prop::sample::select(vec![
        "the", "a", "two", "3", "largest", "second", "small", "chair", "box", "thing", "on", "top", "of", "next", "to", "between", "and",
        "larger", "than", "1", "m", "that", "is", "something", "sit", "nearest", "window", "x", "?",
    ]), 0..14)) {
        if let Ok(Some(request)) = read(&words.join(" ")) {
            prop_assert!(request.nouns().iter().all(|noun| !noun.is_empty()));
        }
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,320}") {
        let _ = read(&text);
    }
}
