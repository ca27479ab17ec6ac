#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

/// The terms of a prompt, with a minus before what is left out.
fn spelled(prompt: &str) -> Vec<String> {
    let terms = parse(prompt).unwrap().into_iter();
    terms
        .map(|term| format!("{}{}", sign(&term), term.name))
        .collect()
}

fn wanted(names: &[&str]) -> Vec<ListedTerm> {
    names.iter().copied().map(ListedTerm::wanted).collect()
}

fn assert_terms(cases: &[(&str, &[&str])]) {
    for (prompt, expected) in cases {
        assert_eq!(spelled(prompt), *expected, "{prompt:?}");
    }
}

#[test]
fn separators_quotes_and_case() {
    assert_terms(&[
        (
            "chair . table, sofa; \"power strip\"",
            &["chair", "table", "sofa", "power strip"],
        ),
        (
            "  Office   chair.\nCHAIR,chair ,, ;office chair",
            &["Office chair", "CHAIR"],
        ),
        ("a 2.5 m shelf. lamp.", &["a 2.5 m shelf", "lamp"]),
        ("\u{201c}salt, pepper\u{201d} pot", &["salt, pepper", "pot"]),
        (" .,;\r\n", &[]),
        ("", &[]),
    ]);
}

#[test]
fn full_stops_separate_with_and_without_blanks() {
    assert_terms(&[
        (
            "office chair.monitor.desk",
            &["office chair", "monitor", "desk"],
        ),
        ("dog.cat.light.", &["dog", "cat", "light"]),
        ("chair...table … desk", &["chair", "table", "desk"]),
        ("shelf 2.desk", &["shelf 2", "desk"]),
        ("2.5m shelf.lamp", &["2.5m shelf", "lamp"]),
        ("a .5 l bottle, v2.0 box", &["a .5 l bottle", "v2.0 box"]),
        ("no. 5, No.5 perfume", &["no. 5", "No.5 perfume"]),
        ("there is no. Lamp", &["there is no", "Lamp"]),
        ("T.V. stand, U.S. flag", &["T.V. stand", "U.S. flag"]),
        ("chair, T.V.", &["chair", "T.V."]),
        (
            "Dr. Pepper can. St. Nicholas",
            &["Dr. Pepper can", "St. Nicholas"],
        ),
        (
            "24 in. monitor. 5 ft. pole",
            &["24 in. monitor", "5 ft. pole"],
        ),
        ("what it is in. lamp", &["what it is in", "lamp"]),
        ("table, chairs, etc.", &["table", "chairs"]),
    ]);
}

#[test]
fn everything_that_people_put_between_terms_separates() {
    let three: &[&str] = &["chair", "table", "desk"];
    for prompt in [
        "chair|table | desk",
        "chair/table / desk",
        "chair\ttable\tdesk",
        "chair\ntable\r\ndesk",
        "chair\u{2028}table\u{85}desk",
        "chair · table • desk",
        "- chair\n- table\n- desk",
        "* chair\n* table\n* desk",
        "1. chair\n2. table\n3) desk",
        "chair - table \u{2013} desk",
        "chair? table! desk",
        "[\"chair\", \"table\", \"desk\"]",
        "['chair', 'table', 'desk']",
        "chair, table, and desk",
        "chair, table and desk",
        "chair & table + desk",
        "chair、table，desk。",
        "chair；table・desk",
        "chair\u{ff0e}table\u{ff61}desk",
        "chair، table؛ desk",
        "chair। table॥ desk",
        "chair\u{589} table\u{55d} desk",
        "chair\u{1363} table\u{1362} desk",
        "chair\u{37e} table\u{387} desk",
    ] {
        assert_eq!(spelled(prompt), three, "{prompt:?}");
    }
    assert_terms(&[
        ("椅子、机，灯。", &["椅子", "机", "灯"]),
        ("椅子　机　灯", &["椅子", "机", "灯"]),
        ("كرسي، طاولة؛ مصباح", &["كرسي", "طاولة", "مصباح"]),
        ("कुर्सी। मेज़", &["कुर्सी", "मेज़"]),
        ("office　chair", &["office chair"]),
    ]);
}

#[test]
fn what_belongs_to_a_term_does_not_separate() {
    for term in [
        "2.5 m shelf",
        "2,5 m shelf",
        "1,000 piece puzzle",
        "24\" monitor",
        "24\u{201d} monitor",
        "24 \" monitor",
        "5' pole",
        "5'10\" mirror",
        "1/2 inch pipe",
        "A/C unit",
        "AC/DC adapter",
        "jar w/ lid",
        "t-shirt",
        "kid's bike",
        "kids' toys",
        "artist\u{2019}s easel",
        "'60s radio",
        "'60s radios of kids'",
        "rock 'n' roll poster",
        "col\u{b7}lecció",
        "thing of chairs and gronkulators",
        "🪑",
    ] {
        assert_eq!(spelled(term), [term], "{term:?}");
        let prompt = format!("desk, {term}; lamp");
        assert_eq!(spelled(&prompt), ["desk", term, "lamp"]);
    }
    assert_terms(&[("TV/monitor", &["TV", "monitor"])]);
}

#[test]
fn quotations_of_every_kind_are_terms() {
    for quotation in [
        "\"salt, pepper\"",
        "'salt, pepper'",
        "\u{201c}salt, pepper\u{201d}",
        "\u{201e}salt, pepper\u{201c}",
        "\u{201d}salt, pepper\u{201d}",
        "\u{2018}salt, pepper\u{2019}",
        "\u{201a}salt, pepper\u{2018}",
        "«salt, pepper»",
        "« salt, pepper »",
        "»salt, pepper«",
        "‹salt, pepper›",
        "「salt, pepper」",
        "『salt, pepper』",
        "\u{ff02}salt, pepper\u{ff02}",
    ] {
        assert_terms(&[
            (quotation, &["salt, pepper"]),
            (
                &format!("chair, {quotation}, desk"),
                &["chair", "salt, pepper", "desk"],
            ),
        ]);
    }
    assert_terms(&[
        ("\"24\" monitor\", desk", &["24\" monitor", "desk"]),
        ("\"area 51\", \"desk\"", &["area 51", "desk"]),
        ("\"area 51\" desk", &["area 51", "desk"]),
        ("[\"24\",\"desk\"]", &["24", "desk"]),
        ("'kid's bike', desk", &["kid's bike", "desk"]),
        ("«the \"big, red\" chair»", &["the \"big, red\" chair"]),
    ]);
}

#[test]
fn spellings_of_one_thing_are_one_term() {
    assert_terms(&[
        (
            "office chair, Office Chair, office chairs",
            &["office chair"],
        ),
        ("Office_Chairs, office-chair", &["Office_Chairs"]),
        ("the desk, desk", &["the desk"]),
        ("night stand, nightstand", &["night stand"]),
        // outside the vocabulary
        ("Gronkulator, gronkulator, GRONKULATOR", &["Gronkulator"]),
        ("big_gronkulator, big gronkulator", &["big_gronkulator"]),
        ("Büro, BÜRO, bu\u{308}ro", &["Büro"]),
        (
            "gronkulator, gronkulators",
            &["gronkulator", "gronkulators"],
        ),
        ("chair, sofa chair", &["chair", "sofa chair"]),
    ]);
}

#[test]
fn what_nobody_sees_is_no_part_of_a_term() {
    assert_terms(&[
        ("\u{feff}chair, ta\u{ad}ble\u{200b}", &["chair", "table"]),
        ("\u{202e}desk\u{202c}\u{7}", &["desk"]),
    ]);
}

#[test]
fn long_prompts_of_odd_marks_take_no_long_time() {
    let started = std::time::Instant::now();
    for odd in [
        "'a ", "' ", "\"1\" ", ". ", "in. ", "a.", "/", "1. ", "\n1", " and", "«»", "- ", " -a",
        " and not",
    ] {
        let prompt = odd.repeat(MAX_PROMPT_BYTES / odd.len());
        // an answer or an error
        let _ = parse(&prompt);
        let _ = parse(&format!(
            "{}{odd}",
            " ".repeat(MAX_PROMPT_BYTES - odd.len())
        ));
    }
    let seconds = started.elapsed().as_secs_f32();
    assert!(seconds < 20.0, "{seconds} s");
}

#[test]
fn limits_are_named() {
    let many: String = (0..=MAX_TERMS).map(|i| format!("t{i},")).collect();
    assert_eq!(parse(&many), Err(PromptError::TooManyTerms));
    assert_eq!(spelled(&"chair,".repeat(1000)), ["chair"]);
    assert_eq!(
        parse(&"x".repeat(101)),
        Err(PromptError::TermTooLong {
            start: "x".repeat(24),
            found: 101
        })
    );
    assert_eq!(
        parse(&" ".repeat(40_000)),
        Err(PromptError::TooLong { found: 40_000 })
    );
    assert_eq!(
        parse("chair, \"table").unwrap_err(),
        PromptError::OpenQuote {
            start: "\"table".into()
        }
    );
    assert!(matches!(
        parse("«table"),
        Err(PromptError::OpenQuote { .. })
    ));
}

#[test]
fn joined_terms_are_quoted_where_they_need_it() {
    assert_eq!(
        join(&wanted(&["chair", "salt, pepper", "24\" monitor"])),
        "chair, \"salt, pepper\", 24\" monitor"
    );
    assert_eq!(
        join(&wanted(&["chair", "and desk", "say \"hi, you\""])),
        "chair, \"and desk\", «say \"hi, you\"»"
    );
    // between them the marks would be a quotation
    let apostrophes = wanted(&["'tis lamp", "kids'"]);
    assert_eq!(parse(&join(&apostrophes)).unwrap(), apostrophes);
    assert_eq!(join(&[]), "");
    let mixed = [
        ListedTerm::wanted("-stool"),
        ListedTerm::wanted("not a lamp"),
        ListedTerm::left_out("stool"),
        ListedTerm::left_out("5 m pole"),
    ];
    let joined = "\"-stool\", \"not a lamp\", -stool, -\"5 m pole\"";
    assert_eq!(join(&mixed), joined);
    assert_eq!(parse(joined).unwrap(), mixed);
}

#[test]
fn a_minus_and_not_leave_out() {
    for prompt in [
        "chair, -stool",
        "chair -stool",
        "chair,-stool",
        "chair \u{2212}stool",
        "chair -\"stool\"",
        "chair, not stool",
        "chair. NOT stool.",
        "chair but not stool",
        "chair, but not stool",
        "chair and not stool",
        "chair but -stool",
        "-stool, chair",
    ] {
        let mut terms = spelled(prompt);
        terms.sort_by_key(|term| term.starts_with('-'));
        assert_eq!(terms, ["chair", "-stool"], "{prompt:?}");
    }
    assert_terms(&[
        ("-stool", &["-stool"]),
        ("not stool", &["-stool"]),
        (
            "chair -stool -bench lamp",
            &["chair", "-stool", "-bench lamp"],
        ),
        (
            "chair -\"salt, pepper\" lamp",
            &["chair", "-salt, pepper", "lamp"],
        ),
        (
            "furniture, not chair and table",
            &["furniture", "-chair", "-table"],
        ),
        ("stool, -stool", &["stool", "-stool"]),
        // no terms that are left out
        ("t-shirt, chair - stool", &["t-shirt", "chair", "stool"]),
        ("- chair\n- stool", &["chair", "stool"]),
        ("do not disturb sign", &["do not disturb sign"]),
        ("knot, not", &["knot", "not"]),
        ("forget-me-not", &["forget-me-not"]),
    ]);
}

proptest! {
    #[test]
    fn terms_are_clean_and_parse_to_themselves(prompt in "[a-cA-C .,;\"\n\té\u{7}-]{0,60}") {
        if let Ok(terms) = parse(&prompt) {
            for term in &terms {
                let name = &term.name;
                prop_assert!(!name.is_empty() && name.trim() == name && !name.chars().any(char::is_control));
                prop_assert_eq!(parse(&format!("{}\"{name}\"", sign(term))).unwrap(), [term.clone()]);
            }
            prop_assert_eq!(parse(&join(&terms)).unwrap(), terms);
        }
    }

    #[test]
    fn any_text_is_answered(prompt in "\\PC{0,80}|[a1'\"/. «»「」\u{201c}\u{2019}&-]{0,40}") {
        if let Ok(terms) = parse(&prompt) {
            prop_assert!(terms.iter().all(|term| !term.name.is_empty()));
        }
    }
}
