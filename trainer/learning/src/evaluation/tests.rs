#![allow(clippy::unwrap_used)]

use segscape::{scan, superpoint::Superpoints, text::Vocabulary};

use super::*;
use crate::{data::labeled_scan::Object, data::structure::Structure, words::Words};
use recordings::nyu40;

/// A room with a chair of 150 points and 1 m, a table of 150 points and 2 m, and 200 points of
/// wall.
fn scan() -> LabeledScan {
    let object = |name: &str, class| Object {
        class,
        name: Some(name.into()),
    };
    LabeledScan {
        triangles: vec![],
        positions: (0..500)
            .map(|i| {
                [
                    (i % 150) as f32 / 149.0 * [1.0, 2.0, 3.0, 3.0][i / 150],
                    0.0,
                    0.0,
                ]
            })
            .collect(),
        colors: None,
        superpoints: Superpoints::from_ids(&(0..500).map(|i| i / 50).collect::<Vec<_>>()),
        object_of_point: (0..500)
            .map(|i| [Some(0), Some(1), None, None][i / 150])
            .collect(),
        objects: vec![object("chair", 5), object("table", 7)],
        stuff: nyu40::STUFF.to_vec(),
        truth: scan::Truth {
            semantic: (0..500).map(|i| [5, 7, 1, 1][i / 150]).collect(),
            instance: (0..500).map(|i| [1, 2, 3, 3][i / 150]).collect(),
        },
        structure: (0..500)
            .map(|i| [None, None, Some(Structure::Wall), Some(Structure::Wall)][i / 150])
            .collect(),
    }
}

fn found(points: std::ops::Range<u32>, name: &str) -> Found {
    let embedding = Vocabulary::shipped().lookup(name).unwrap().to_vec();
    // the large scale makes the name certain
    Found {
        points: points.collect(),
        score: 0.7,
        class: None,
        embedding,
        logit_scale: 1e4,
    }
}

fn answer(found: Vec<Found>) -> [Answer; 1] {
    [Answer {
        path: "room.ply".into(),
        scan: scan(),
        found,
    }]
}

/// The names of the objects of these answers, and the others of the set.
fn names_of_all(answers: &[Answer], set: NameSet) -> Names {
    let (mut collected, words) = (names::Collected::default(), Words::usual());
    answers
        .iter()
        .for_each(|answer| collected.add(&answer.scan, &words).unwrap());
    collected.names(set, &words)
}

/// The names of the objects of one answer.
pub fn names_of(answer: &Answer) -> Names {
    names_of_all(std::slice::from_ref(answer), NameSet::Present)
}

fn measure(answers: &[Answer], protocol: Protocol, set: NameSet) -> anyhow::Result<Figures> {
    let mut measurement = match protocol {
        Protocol::ClassAgnostic => Measurement::class_agnostic(),
        Protocol::Segment3d => Measurement::segment3d(),
        Protocol::Scannet => Measurement::by_class(names_of_all(answers, set)),
    };
    answers
        .iter()
        .try_for_each(|answer| measurement.add(answer))?;
    measurement.figures()
}

fn by_class(answers: &[Answer], set: NameSet) -> Averages {
    let figures = measure(answers, Protocol::Scannet, set).unwrap();
    figures.averages().clone()
}

/// With all scores 1.
fn class_agnostic(answers: &[Answer]) -> Averages {
    match measure(answers, Protocol::ClassAgnostic, NameSet::Present).unwrap() {
        Figures::ClassAgnostic { confidence_one, .. } => confidence_one.all,
        Figures::Scannet { .. } => panic!("asked without classes"),
    }
}

#[test]
fn walls_cost_nothing_and_classes_count_by_class_only() {
    let right = answer(vec![
        found(0..150, "chair"),
        found(150..300, "table"),
        found(300..500, "lamp"),
    ]);
    assert_eq!(class_agnostic(&right).ap, 1.0);
    let swapped = answer(vec![found(0..150, "table"), found(150..300, "chair")]);
    assert_eq!(class_agnostic(&swapped).ap50, 1.0);
    assert_eq!(by_class(&swapped, NameSet::Present).ap50, 0.0);
    let right = answer(vec![found(0..150, "chair"), found(150..300, "table")]);
    assert_eq!(by_class(&right, NameSet::Present).ap, 1.0);
}

#[test]
fn what_is_called_wrong_still_counts_a_little_under_its_name() {
    let ap50 = |logit_scale| {
        let hesitant = |found: Found| Found {
            logit_scale,
            ..found
        };
        by_class(
            &answer(vec![
                hesitant(found(0..150, "chair")),
                hesitant(found(150..300, "chair")),
            ]),
            NameSet::Present,
        )
        .ap50
    };
    // at equal confidence one table in two predictions, with full recall, has an average precision
    // of (1 + 1/2) / 2, and so has the chair that is predicted together with the table
    assert_eq!((ap50(1e4), ap50(5.0)), (0.375, 0.75));
}

#[test]
fn figures_are_told_by_split_size_and_class() {
    // the chair has the right name, the table is called a chair
    let half = answer(vec![found(0..150, "chair"), found(150..300, "chair")]);
    let figures = measure(&half, Protocol::Scannet, NameSet::Present).unwrap();
    let json = figures.json();
    for key in ["ap", "ap50", "ap25", "recall50", "ap50_of_class", "scans"] {
        assert!(!json[key].is_null(), "{key}: {json}");
    }
    assert_eq!(
        (
            json["scans"].as_u64(),
            json["ap50_of_class"]["table"].as_f64()
        ),
        (Some(1), Some(0.0))
    );
    assert_eq!(
        json["recall50_of_class"],
        serde_json::json!({ "chair": 1.0, "table": 0.0 })
    );
    let classes = |split: &str| json["splits"][split]["classes"].as_u64();
    assert_eq!(
        ["all", "head", "common", "tail", "base", "novel"].map(classes),
        [Some(2), Some(2), Some(0), Some(0), Some(2), Some(0)]
    );
    assert!(json["splits"]["tail"]["ap"].is_null());
    let of_size = |size: &str, key: &str| json["sizes"][size][key].as_f64();
    assert_eq!(
        (
            of_size("small", "things"),
            of_size("medium", "things"),
            of_size("large", "things")
        ),
        (Some(0.0), Some(1.0), Some(1.0))
    );
    assert_eq!(
        (of_size("medium", "ap"), of_size("large", "recall")),
        (Some(1.0), Some(0.0))
    );
    let text = figures.to_string();
    let table = text.lines().find(|line| line.starts_with("table")).unwrap();
    assert_eq!(
        table.split_whitespace().collect::<Vec<_>>(),
        ["table", "head", "0.0", "0.0", "0.0", "0.0"]
    );
    assert!(text.contains("medium, 0.5 to 1.5 m"), "{text}");

    let figures = measure(&half, Protocol::ClassAgnostic, NameSet::Present).unwrap();
    let json = figures.json();
    assert_eq!(
        (
            json["ap"].as_f64(),
            json["model_scores"]["ap"].as_f64(),
            json["confidence_one"]["ap"].as_f64()
        ),
        (Some(1.0), Some(1.0), Some(1.0))
    );
    assert_eq!(
        json["recall50_of_class"],
        serde_json::json!({ "chair": 1.0, "table": 1.0 })
    );
    assert_eq!(json["model_scores"]["sizes"]["large"]["things"], 1);
    assert!(figures.to_string().contains("classes ignored"));
}

#[test]
fn more_names_to_choose_from_cost_precision_and_are_counted() {
    // the second thing is a table rather than a chair, and a desk rather than both
    let mixed = |shares: [(&str, f32); 3]| {
        let mut embedding = vec![0.0; Vocabulary::shipped().space().width];
        for (name, share) in shares {
            let noun = Vocabulary::shipped().lookup(name).unwrap();
            embedding
                .iter_mut()
                .zip(noun)
                .for_each(|(sum, v)| *sum += share * v);
        }
        segscape::text::normalize(&mut embedding);
        embedding
    };
    let between = Found {
        embedding: mixed([("table", 0.5), ("desk", 1.0), ("chair", 0.1)]),
        logit_scale: 25.0,
        ..found(150..300, "table")
    };
    let right = answer(vec![found(0..150, "chair"), between]);
    let figures = |set| measure(&right, Protocol::Scannet, set).unwrap();
    let [present, all] = [NameSet::Present, NameSet::Scannet200].map(figures);
    let count = |figures: &Figures| figures.json()["names"].as_u64();
    let things = Vocabulary::shipped().default_labels().len() as u64;
    assert_eq!((count(&present), count(&all)), (Some(2), Some(things)));
    assert!(
        all.to_string().contains(&format!("out of {things} names")),
        "{all}"
    );
    // classes that no object has are in no mean and no table
    assert_eq!(all.averages().classes, 2);
    let Figures::Scannet { classes, .. } = &all else {
        panic!("an evaluation by class");
    };
    assert_eq!(classes.keys().collect::<Vec<_>>(), ["chair", "table"]);
    let names = names_of_all(&right, NameSet::Scannet200);
    let nearest = names.nearest(&right[0].found[1]);
    assert_eq!(names.names[nearest], "desk");
    let names = names_of_all(&right, NameSet::Present);
    let nearest = names.nearest(&right[0].found[1]);
    assert_eq!(names.names[nearest], "table");
}

#[test]
fn the_protocol_of_segment3d_counts_walls() {
    let figures = |found, protocol| {
        let figures = measure(&answer(found), protocol, NameSet::Present).unwrap();
        figures.averages().recall50
    };
    let without_wall = || vec![found(0..150, "chair"), found(150..300, "table")];
    assert_eq!(figures(without_wall(), Protocol::ClassAgnostic), 1.0);
    assert_eq!(figures(without_wall(), Protocol::Segment3d), 2.0 / 3.0);
    let mut with_wall = without_wall();
    with_wall.push(found(300..500, "wall"));
    assert_eq!(figures(with_wall, Protocol::Segment3d), 1.0);
}

#[test]
fn shown_scores_are_compared_with_what_is_right() {
    let wall = 300..450;
    let mut answers = answer(vec![
        found(0..150, "chair"),
        found(150..300, "chair"),
        Found {
            score: 0.2,
            ..found(wall.clone(), "table")
        },
    ]);
    let diagram = |answers: &[Answer], protocol| match measure(answers, protocol, NameSet::Present)
        .unwrap()
    {
        Figures::ClassAgnostic { diagram, .. } | Figures::Scannet { diagram, .. } => diagram,
    };
    let rows = |diagram: &Diagram| {
        let filled = diagram.rows.iter().filter(|row| row.bin.count > 0);
        filled
            .map(|row| (row.bin.count, row.bin.right, row.precision, row.recall))
            .collect::<Vec<_>>()
    };
    // Unasked, the two objects are right and the wall is wrong; asked, the table is no chair.
    let unasked = diagram(&answers, Protocol::ClassAgnostic);
    assert_eq!(unasked.objects, 2);
    let two_thirds = 2.0 / 3.0;
    assert_eq!(
        rows(&unasked),
        [(1, 0.0, two_thirds, 1.0), (2, 1.0, 1.0, 1.0)]
    );
    let asked = diagram(&answers, Protocol::Scannet);
    assert_eq!(rows(&asked), [(1, 0.0, 1.0 / 3.0, 0.5), (2, 0.5, 0.5, 0.5)]);
    assert!((asked.error - (0.2 + 2.0 * 0.2) / 3.0).abs() < 1e-6);

    // What nobody labelled counts neither way.
    for point in wall {
        answers[0].scan.truth.semantic[point as usize] = 0;
    }
    let unasked = diagram(&answers, Protocol::ClassAgnostic);
    assert_eq!(rows(&unasked), [(2, 1.0, 1.0, 1.0)]);
}

#[test]
fn an_object_pairs_with_what_overlaps_it_most() {
    let scan = scan();
    // a third of the chair, the chair with 40 more points, exactly the chair twice; at most half of
    // the table
    let masks = [
        found(0..50, "chair"),
        found(0..190, "lamp"),
        found(0..150, "lamp"),
        found(0..150, "chair"),
        found(225..500, "table"),
    ];
    let pairs = pairs::pairs(&scan, &masks);
    assert_eq!(pairs, [Some(pairs::BestMatch { found: 2, iou: 1.0 }), None]);
}

#[test]
fn what_things_claim_of_the_room_itself_is_counted() {
    // 50 points of table and 150 of wall, then 20 more of wall, ten of which were claimed before
    let masks = vec![
        found(0..150, "chair"),
        found(250..450, "table"),
        found(440..460, "lamp"),
    ];
    let claims = Claims::of(&scan(), &masks);
    assert_eq!(
        (claims.of_part(Structure::Wall), claims.of_all()),
        ((200, 0.8), (200, 0.8))
    );
    assert_eq!((claims.found(), claims.mostly_structure()), (3, 2));
    let (points, share) = claims.of_part(Structure::Floor);
    assert!(points == 0 && share.is_nan());
    let twice = Claims::sum([&claims, &Claims::of(&scan(), &[])]);
    assert_eq!((twice.of_all(), twice.mostly_structure()), ((400, 0.4), 2));

    let figures = measure(&answer(masks), Protocol::ClassAgnostic, NameSet::Present).unwrap();
    let json = &figures.json()["structure"];
    assert_eq!(
        (
            json["wall"].as_f64(),
            json["found"].as_u64(),
            json["mostly_structure"].as_u64()
        ),
        (Some(0.8), Some(3), Some(2))
    );
    assert!(json["ceiling"].is_null());
    assert!(
        figures
            .to_string()
            .contains("2 of 3 found instances are mostly structure"),
        "{figures}"
    );
}

#[test]
fn every_scan_has_a_row_and_rows_have_a_spread() {
    let [right] = answer(vec![found(0..150, "chair"), found(150..300, "table")]);
    let [half] = answer(vec![
        Found {
            score: 0.2,
            ..found(0..200, "wall")
        },
        found(300..500, "table"),
    ]);
    let figures = measure(
        &[
            right,
            Answer {
                path: "rooms/other.ply".into(),
                ..half
            },
        ],
        Protocol::ClassAgnostic,
        NameSet::Present,
    )
    .unwrap();
    let json = figures.json();
    let rows = &json["per_scan"];
    assert_eq!(
        (
            rows[0]["scan"].as_str(),
            rows[1]["scan"].as_str(),
            rows[1]["things"].as_u64()
        ),
        (Some("room"), Some("other"), Some(2))
    );
    let ap50 = |row: usize| rows[row]["model_scores"]["ap50"].as_f64();
    assert_eq!(
        (
            ap50(0),
            rows[1]["model_scores"]["recall50"].as_f64(),
            rows[1]["model_scores"]["recall25"].as_f64()
        ),
        (Some(1.0), Some(0.5), Some(0.5))
    );
    let [first, second] = [0, 1].map(|row| ap50(row).unwrap());
    let spread = &json["over_scans"]["model_scores"]["ap50"];
    assert!(
        (spread["mean"].as_f64().unwrap() - (first + second) / 2.0).abs() < 1e-12 && first > second
    );
    assert!(
        (spread["deviation"].as_f64().unwrap() - (first - second) / 2.0_f64.sqrt()).abs() < 1e-12
    );
    assert_eq!(json["over_scans"]["structure"]["wall"]["mean"], 0.5);
    let text = figures.to_string();
    let cells = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .map(|line| line.split_whitespace().last().map(str::to_owned))
            .unwrap()
    };
    assert_eq!(
        (cells("other").as_deref(), cells("room").as_deref()),
        (Some("50.0"), Some("0.0")),
        "{text}"
    );
    let at = |words: &str| text.find(words).unwrap();
    assert!(
        at("the model's") < at("all 1 (released protocol)"),
        "what a user sees comes first"
    );
}
