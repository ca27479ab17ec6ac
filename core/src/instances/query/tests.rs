#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    geometry::Aabb,
    instances::Instance,
    text::{
        self, TextSpace, Vocabulary,
        meaning::{Likeness, Script, Unknown},
    },
};

/// A unit vector with the given first values and the rest of its length at index `rest`.
fn towards(values: &[f32], rest: usize) -> Vec<f32> {
    let mut vector = vec![0.0; TextSpace::default().width];
    vector[..values.len()].copy_from_slice(values);
    vector[rest] = (1.0 - values.iter().map(|v| v * v).sum::<f32>()).sqrt();
    vector
}

fn instance(score: f32, embedding: Vec<f32>) -> Instance {
    Instance {
        superpoints: vec![0],
        score,
        embedding,
        bounds: Aabb::EMPTY,
        points: 1,
    }
}

fn term(name: &str, embedding: Vec<f32>) -> PromptTerm {
    PromptTerm {
        name: name.into(),
        negative: false,
        meaning: Meaning::Listed,
        embedding: Some(embedding),
    }
}

/// Axis 0 stands for chairs, axis 1 for tables, axis 2 for lamps.
fn scene() -> Segmentation {
    let instances = vec![
        instance(0.9, towards(&[0.8, 0.1, 0.0], 10)),
        instance(0.8, towards(&[0.1, 0.8, 0.0], 11)),
        instance(0.7, towards(&[0.2, 0.1, 0.8], 12)),
        instance(0.4, towards(&[0.7, 0.1, 0.1], 13)),
    ];
    Segmentation {
        instances,
        logit_scale: 20.0,
        ..Segmentation::default()
    }
}

const WORDS: [&str; 3] = ["chair", "table", "lamp"];

fn embeddings() -> Vec<f32> {
    [
        towards(&[1.0], 20),
        towards(&[0.0, 1.0], 21),
        towards(&[0.0, 0.0, 1.0], 22),
    ]
    .concat()
}

fn chair() -> PromptTerm {
    term("chair", towards(&[1.0], 20))
}

/// The labels against the background of chairs, tables and lamps.
fn labels(terms: &[PromptTerm]) -> Labels {
    let scene = scene();
    Recognizer::with_background(&scene, &WORDS, embeddings()).labels(&scene, terms)
}

#[test]
fn similarities_are_those_of_the_most_similar_term_in_one_window() {
    let table = || term("table", towards(&[0.0, 1.0], 22));
    let near = |found: &[f32], wanted: [f32; 4]| {
        assert_eq!(found.len(), 4);
        let is_near = |(a, b): (&f32, f32)| (a - b).abs() < 1e-5;
        assert!(found.iter().zip(wanted).all(is_near), "{found:?}");
    };
    // What is as similar as a synonym has 1, and what is as similar as any two words 0.
    let of = |cosine: f32| (cosine - recognizer::UNRELATED) / (0.65 - recognizer::UNRELATED);
    let stool = || term("stool", towards(&[0.5], 21));
    near(
        &labels(&[stool()]).similarities,
        [of(0.4), 0.0, 0.0, of(0.35)],
    );
    near(
        &labels(&[stool(), table()]).similarities,
        [of(0.4), 1.0, 0.0, of(0.35)],
    );
    let unread = PromptTerm {
        embedding: None,
        ..chair()
    };
    assert!(labels(&[]).similarities.is_empty());
    assert!(labels(&[unread]).similarities.is_empty());
}

/// What leaves out instances that fit it better.
fn without(term: PromptTerm) -> PromptTerm {
    PromptTerm {
        negative: true,
        ..term
    }
}

#[test]
fn a_negative_term_leaves_out_what_fits_it_better() {
    let lamp = || term("lamp", towards(&[0.0, 0.0, 1.0], 22));
    // What has legs: both chairs, and the table.
    let legs = || term("legs", towards(&[0.68, 0.68], 24));
    let wanted = labels(&[legs()]);
    let found = wanted.visible(0.0);
    assert_eq!(found, [true, true, false, true], "{wanted:?}");
    for order in [[legs(), without(chair())], [without(chair()), legs()]] {
        let asked = labels(&order);
        let left_out = asked.terms.iter().position(|term| term.negative).unwrap();
        assert_eq!(asked.visible(0.0), [false, true, false, false]);
        let by = |label| asked.left_out_by(label).map(|term| term.name.as_str());
        let by: Vec<_> = asked.of_instance.iter().map(by).collect();
        assert_eq!(by, [Some("chair"), None, None, Some("chair")]);
        assert_eq!(asked.not_found(left_out, 0.9), None, "nobody looks for it");
        // A score means the same whatever is left out, and so does a similarity.
        assert_eq!(
            asked.of_instance[1].confidence,
            wanted.of_instance[1].confidence
        );
        assert_eq!(asked.similarities, wanted.similarities);
        let reason = asked.not_found(1 - left_out, 0.85).unwrap().reason;
        assert!(
            matches!(reason, Reason::Taken { by: "chair", .. }),
            "{reason:?}"
        );
    }
    // What is no lamp at all is not left out by lamps, and a term does not leave out itself.
    assert_eq!(labels(&[legs(), without(lamp())]).visible(0.0), found);
    assert_eq!(labels(&[legs(), without(legs())]).visible(0.0), found);
}

#[test]
fn negative_terms_alone_leave_the_rest_as_it_was() {
    let (all, rest) = (labels(&[]), labels(&[without(chair())]));
    assert_eq!(rest.visible(0.0), [false, true, true, false]);
    assert_eq!(rest.of_instance[1..3], all.of_instance[1..3]);
    assert!(rest.similarities.is_empty() && !rest.seeks());
}

#[test]
fn what_is_like_an_instance_has_its_similarity_and_keeps_its_name() {
    let scene = scene();
    let compared = Recognizer::with_background(&scene, &WORDS, embeddings());
    let alike = compared.like(&scene, 0, "like chair 1");
    let names: Vec<&str> = alike.of_instance.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["chair", "table", "lamp", "chair"]);
    // 0.8 * 0.7 + 0.1 * 0.1, in the window of all similarities
    let of = |cosine: f32| (cosine - recognizer::UNRELATED) / (0.65 - recognizer::UNRELATED);
    assert!((alike.similarities[3] - of(0.57)).abs() < 1e-5, "{alike:?}");
    assert_eq!(alike.similarities[1..3], [0.0, 0.0]);
    assert_eq!((alike.similarities[0], alike.like), (1.0, Some(0)));
    assert_eq!(alike.visible(0.5), [true, false, false, true]);
    assert_eq!(alike.terms[0].best.as_ref().unwrap().instance, 3);
    assert_eq!(alike.not_found(0, 0.5), None);
    let missing = alike.not_found(0, 0.95).unwrap().to_string();
    assert!(missing.starts_with("the best score is 0.8"), "{missing}");
    let alone = compared.like(&scene, 2, "like lamp 3");
    assert_eq!(alone.visible(0.1), [false, false, true, false]);
    let unlike = alone.not_found(0, 0.1).unwrap();
    assert_eq!(unlike.to_string(), "nothing else has to do with it");
}

#[test]
fn nothing_is_like_what_nothing_is_known_of() {
    let mut scene = scene();
    scene.instances[1].embedding.fill(0.0);
    let compared = Recognizer::with_background(&scene, &WORDS, embeddings());
    let alike = compared.like(&scene, 1, "like unnamed 2");
    assert_eq!(alike.visible(0.0), [false, true, false, false]);
    assert_eq!(alike.not_found(0, 0.1).unwrap().reason, Reason::Nameless);
}

#[test]
fn half_of_all_pairs_of_words_are_less_similar_than_unrelated_ones() {
    let vocabulary = Vocabulary::shipped();
    let width = vocabulary.space().width;
    let rows: Vec<&[f32]> = vocabulary.label_embeddings().chunks_exact(width).collect();
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let pairs = (0..rows.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let mut cosines: Vec<f32> = pairs.map(|(a, b)| cosine(rows[a], rows[b])).collect();
    cosines.sort_by(f32::total_cmp);
    let median = cosines[cosines.len() / 2];
    assert!((median - recognizer::UNRELATED).abs() < 0.01, "{median}");
}

#[test]
fn what_is_nameless_has_no_name_and_no_word_finds_it() {
    let mut scene = scene();
    scene.instances[0].embedding.fill(0.0);
    let compared = Recognizer::with_background(&scene, &WORDS, embeddings());
    let unasked = compared.labels(&scene, &[]);
    assert_eq!(unasked.of_instance[0].name, "");
    assert_eq!(unasked.of_instance[0].confidence, 0.9);
    let asked = compared.labels(&scene, &[chair()]);
    assert_eq!(terms_of(&asked), [None, None, None, Some(0)]);
    assert!(
        asked.terms[0]
            .nearest
            .iter()
            .all(|guess| guess.instance != 0)
    );

    for instance in &mut scene.instances {
        instance.embedding.fill(0.0);
    }
    let compared = Recognizer::with_background(&scene, &WORDS, embeddings());
    let asked = compared.labels(&scene, &[chair()]);
    let reason = asked.not_found(0, 0.1).unwrap();
    assert_eq!(reason.reason, Reason::Nameless);
    assert!(
        reason
            .to_string()
            .starts_with("nothing says what the things are")
    );
    let nothing = Segmentation::default();
    let none = Recognizer::with_background(&nothing, &WORDS, embeddings());
    let none = none.labels(&nothing, &[chair()]);
    assert_eq!(none.not_found(0, 0.1).unwrap().reason, Reason::NoInstances);
}

fn terms_of(labels: &Labels) -> Vec<Option<u32>> {
    labels.of_instance.iter().map(|label| label.term).collect()
}

#[test]
fn instances_of_the_same_embeddings_are_compared_without_the_background() {
    let mut scene = scene();
    let compared = Recognizer::with_background(&scene, &WORDS, embeddings());
    let indices = [3, 0, 0];
    scene.instances = indices.map(|index| scene.instances[index].clone()).into();
    let indices = indices.map(|index| Some(index as u32));
    let nameless = Instance {
        embedding: vec![0.0; scene.instances[0].embedding.len()],
        ..scene.instances[0].clone()
    };
    scene.instances.push(nameless);
    let anew = Recognizer::with_background(&scene, &WORDS, embeddings());
    let selected = compared.selected(&[&indices[..], &[None]].concat());
    for terms in [&[][..], &[chair()]] {
        assert_eq!(selected.labels(&scene, terms), anew.labels(&scene, terms));
    }
}

#[test]
fn a_single_term_does_not_paint_everything() {
    let scene = scene();
    let alone = Recognizer::with_background(&scene, &[], vec![]).labels(&scene, &[chair()]);
    assert_eq!(
        terms_of(&alone),
        [Some(0); 4],
        "without a background there is nothing else to be"
    );
    let guarded = labels(&[chair()]);
    assert_eq!(terms_of(&guarded), [Some(0), None, None, Some(0)]);
    let confidence = |instance: usize| guarded.of_instance[instance].confidence;
    assert!(confidence(0) > 0.85 && confidence(3) < 0.5);
    let names = labels(&[]);
    let names: Vec<&str> = names.of_instance.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["chair", "table", "lamp", "chair"]);
}

#[test]
fn a_probability_is_a_softmax_over_the_term_and_all_words_but_its_synonyms() {
    // the cosines with chair, table and lamp
    let cosines = [0.6_f32, 0.5, 0.4];
    let scene = Segmentation {
        instances: vec![instance(0.5, towards(&cosines, 10))],
        logit_scale: 10.0,
        ..Segmentation::default()
    };
    let recognizer = Recognizer::with_background(&scene, &WORDS, embeddings());
    let labels = recognizer.labels(&scene, &[chair()]);
    // chair itself is a synonym of chair
    let weights = cosines.map(|cosine| (10.0 * cosine).exp());
    let expected = 0.5 * weights[0] / (weights[0] + weights[1] + weights[2]);
    let found = labels.of_instance[0].confidence;
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
}

#[test]
fn a_score_does_not_depend_on_the_other_terms() {
    let vocabulary = Vocabulary::shipped();
    let mixed = |parts: &[(&str, f32)]| {
        let mut sum = vec![0.0; vocabulary.space().width];
        for (word, share) in parts {
            let embedding = vocabulary.lookup(word).unwrap();
            sum.iter_mut()
                .zip(embedding)
                .for_each(|(sum, v)| *sum += share * v);
        }
        text::normalize(&mut sum);
        sum
    };
    let scene = Segmentation {
        instances: vec![
            instance(0.9, mixed(&[("chair", 1.0), ("stool", 0.8)])),
            instance(0.8, mixed(&[("desk", 1.0), ("table", 0.9)])),
            instance(0.7, mixed(&[("couch", 1.0), ("cushion", 0.7)])),
        ],
        logit_scale: 25.0,
        ..Segmentation::default()
    };
    let recognizer = Recognizer::new(&scene, vocabulary).unwrap();
    let ask = |prompt: &str| {
        let terms = Question::parse(prompt, vocabulary).unwrap().terms();
        recognizer.labels(&scene, &terms)
    };
    let alone = ask("chair");
    assert_eq!(
        alone,
        Labels::new(
            &scene,
            &Question::parse("chair", vocabulary).unwrap().terms(),
            vocabulary
        )
        .unwrap()
    );
    let score = alone.of_instance[0].confidence;
    assert!(score > 0.1 && score < 0.9, "{score}");
    for prompt in [
        "chair, table, desk, piano",
        "chair, office chair, stool",
        "sofa, chair, couch, armchair",
        "chair, Chairs, CHAIR",
    ] {
        let labels = ask(prompt);
        let chair = labels
            .terms
            .iter()
            .find(|term| term.name == "chair")
            .unwrap();
        assert_eq!(chair.best, alone.terms[0].best, "{prompt}");
        assert_eq!(chair.nearest, alone.terms[0].nearest, "{prompt}");
        // each instance has the best of the terms, with the confidence of that term alone
        for label in labels.of_instance.iter().filter(|l| l.term.is_some()) {
            let own = ask(&label.name);
            assert!(
                own.of_instance
                    .iter()
                    .any(|l| l.confidence == label.confidence)
            );
        }
    }
    let both = ask("couch, sofa");
    let confidences = ["couch", "sofa"].map(|word| ask(word).of_instance[2].confidence);
    assert_eq!(
        both.of_instance[2].confidence,
        confidences[0].max(confidences[1])
    );
}

#[test]
fn nothing_found_offers_the_nearest() {
    let stool = term("stool", towards(&[0.5], 30));
    let found = labels(&[stool, term("table", towards(&[0.0, 1.0], 21))]);
    assert_eq!(terms_of(&found), [None, Some(1), None, None]);
    let nearest = &found.terms[0].nearest;
    assert_eq!(nearest.len(), 3);
    let mut chairs = [nearest[0].instance, nearest[1].instance];
    chairs.sort_unstable();
    assert_eq!(chairs, [0, 3], "a stool is most like a chair");
    assert!(nearest.is_sorted_by(|a, b| a.confidence >= b.confidence));
    assert_eq!(nearest[0].likelier.as_deref(), Some("chair"));
    assert_eq!(found.terms[0].best, None);
    assert_eq!(found.terms[1].best.as_ref().unwrap().instance, 1);
}

#[test]
fn a_term_that_is_not_found_names_the_true_reason() {
    let stool = term("stool", towards(&[0.5], 30));
    let seat = term("seat", towards(&[0.7], 31));
    let found = labels(&[chair(), stool.clone(), seat]);
    let reason = |labels: &Labels, index, threshold| {
        labels.not_found(index, threshold).map(|n| n.to_string())
    };
    assert_eq!(found.not_found(0, 0.5), None);
    assert_eq!(found.not_found(3, 0.5), None, "there is no such term");
    let best = found.terms[0].best.as_ref().unwrap();
    assert_eq!(
        found.not_found(0, 0.95).unwrap().reason,
        Reason::BelowThreshold {
            best,
            threshold: 0.95
        }
    );
    assert_eq!(
        reason(&found, 0, 0.95).unwrap(),
        format!(
            "the best score is {:.2}, below the threshold of 0.95",
            best.confidence
        )
    );
    // the threshold is low enough, and the true reason is another one
    assert!(matches!(
        found.not_found(1, 0.0).unwrap().reason,
        Reason::SomethingElse { nearest } if nearest.likelier.as_deref() == Some("chair")
    ));
    let text = reason(&found, 1, 0.1).unwrap();
    assert!(
        text.contains("more likely") && text.contains("\"chair\"") && !text.contains("threshold"),
        "{text}"
    );
    // seats are chairs, and chairs are chairs more
    assert_eq!(
        reason(&found, 2, 0.1).unwrap(),
        "what fits it fits \"chair\" better"
    );

    let empty = Recognizer::new(&Segmentation::default(), Vocabulary::shipped()).unwrap();
    let nowhere = empty.labels(&Segmentation::default(), std::slice::from_ref(&stool));
    assert_eq!(
        reason(&nowhere, 0, 0.1).unwrap(),
        "nothing at all was found in the scan"
    );

    let unreadable = PromptTerm {
        name: "椅子".into(),
        negative: false,
        meaning: Meaning::Unknown(Unknown::Script(Script::Chinese)),
        embedding: None,
    };
    let likeness = Likeness {
        noun: "pasta".into(),
        cosine: 0.45,
    };
    let odd = PromptTerm {
        meaning: Meaning::Unknown(Unknown::Pieces(likeness.clone())),
        ..stool.clone()
    };
    let encoded = PromptTerm {
        meaning: Meaning::Encoded(likeness),
        ..stool
    };
    let found = labels(&[unreadable, odd, encoded]);
    let reasons: Vec<String> = (0..3)
        .map(|term| reason(&found, term, 0.1).unwrap())
        .collect();
    assert_eq!(
        reasons[0],
        "it is written in Chinese characters, and only English is understood"
    );
    assert!(
        found.terms[0].nearest.is_empty(),
        "nothing is near to what has no meaning"
    );
    assert!(
        reasons[1].starts_with("it is no English word"),
        "{}",
        reasons[1]
    );
    assert!(
        reasons[2].contains("more likely") && reasons[2].ends_with("most like \"pasta\" (0.45)"),
        "{}",
        reasons[2]
    );
}

#[test]
fn scores_below_the_threshold_by_a_hair_are_told_apart_from_it() {
    let found = labels(&[chair()]);
    let best = found.terms[0].best.as_ref().unwrap().confidence;
    let text = found.not_found(0, best + 0.0005).unwrap().to_string();
    let numbers: Vec<f32> = text
        .split([' ', ','])
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(numbers.len() == 2 && numbers[0] < numbers[1], "{text}");
}

#[test]
fn strange_scales_and_embeddings_give_scores() {
    let vocabulary = Vocabulary::shipped();
    let nouns = ["chair", "lamp"].map(|word| vocabulary.lookup(word).unwrap());
    let terms = Question::parse("chair, armchair, lamp", vocabulary);
    let terms = terms.unwrap().terms();
    for (scale, length) in [
        (0.0, 1.0),
        (-1e30, 1.0),
        (1e30, 1.0),
        (f32::MAX, 6e4),
        (100.0, 6e4),
        (20.0, 0.0),
    ] {
        let long = |noun: &[f32]| instance(0.5, noun.iter().map(|v| v * length).collect());
        let scene = Segmentation {
            instances: nouns.map(long).to_vec(),
            logit_scale: scale,
            ..Segmentation::default()
        };
        let labels = Labels::new(&scene, &terms, vocabulary).unwrap();
        let guesses = labels.terms.iter().flat_map(|term| &term.nearest);
        for confidence in guesses.map(|guess| guess.confidence) {
            assert!(
                (0.0..=0.5).contains(&confidence),
                "{scale} {length}: {confidence}"
            );
        }
    }
}

#[test]
fn no_scale_is_too_large_to_compare_words_with() {
    // a synonym is nearest by far, and another word is nearer than the term
    let perch = term("perch", towards(&[0.7, -0.2], 31));
    let labels = |logit_scale| {
        let scene = Segmentation {
            instances: vec![instance(0.9, towards(&[0.8, 0.5], 10))],
            logit_scale,
            ..Segmentation::default()
        };
        let recognizer = Recognizer::with_background(&scene, &WORDS, embeddings());
        recognizer.labels(&scene, std::slice::from_ref(&perch))
    };
    for scale in [20.0, 1e4, f32::MAX] {
        let likelier = labels(scale).terms[0].nearest[0].likelier.clone();
        assert_eq!(likelier.as_deref(), Some("table"), "{scale}");
    }
}

#[test]
fn a_question_waits_for_what_only_the_encoder_can_read() {
    let prompt = "chairs, gronkulator, 椅子, kleptrizer, 24";
    let mut question = Question::parse(prompt, Vocabulary::shipped()).unwrap();
    assert_eq!(question.unread(), ["gronkulator", "kleptrizer"]);
    question.read("gronkulator", false, towards(&[1.0], 5));
    question.read("chairs", false, towards(&[1.0], 5));
    assert_eq!(question.unread(), ["kleptrizer"]);
    let terms = question.terms();
    let meanings: Vec<(&str, bool)> = terms
        .iter()
        .map(|term| (term.name.as_str(), term.embedding.is_some()))
        .collect();
    assert_eq!(
        meanings,
        [
            ("chairs", true),
            ("gronkulator", true),
            ("椅子", false),
            ("24", false)
        ]
    );
    assert_eq!(terms[0].meaning, Meaning::Listed);
    assert_eq!(
        terms[0].embedding.as_deref(),
        Vocabulary::shipped().lookup("chair")
    );
    assert!(matches!(terms[1].meaning, Meaning::Encoded(_)));
    assert_eq!(
        terms[2].meaning,
        Meaning::Unknown(Unknown::Script(Script::Chinese))
    );
    assert_eq!(terms[3].meaning, Meaning::Unknown(Unknown::NoLetters));
}

#[test]
fn threshold_and_prompt_decide_what_is_visible() {
    let label = |term, confidence| Label {
        name: String::new(),
        term,
        confidence,
    };
    let of_instance = vec![
        label(Some(0), 0.9),
        label(None, 0.8),
        label(Some(0), 0.3),
        label(Some(1), 0.7),
    ];
    let unasked = Labels {
        of_instance,
        ..Labels::default()
    };
    assert_eq!(unasked.visible(0.5), [true, true, false, true]);
    let asked = Labels {
        terms: vec![Term {
            name: "chair".into(),
            negative: false,
            meaning: Meaning::Listed,
            best: None,
            nearest: Vec::new(),
        }],
        ..unasked
    };
    assert_eq!(asked.visible(0.5), [true, false, false, true]);
    assert_eq!(asked.visible(0.0), [true, false, true, true]);
}
