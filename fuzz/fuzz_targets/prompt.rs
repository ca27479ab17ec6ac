//! What a user types.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segscape::{
    instances::query::Question,
    text::{
        Vocabulary, meaning,
        prompt::{self, MAX_PROMPT_BYTES, MAX_TERM_CHARS, MAX_TERMS},
    },
};

fuzz_target!(|typed: &str| {
    let question = Question::parse(typed, Vocabulary::shipped());
    let terms = match prompt::parse(typed) {
        Ok(terms) => terms,
        Err(error) => {
            assert!(question.is_err() && error.to_string().len() < 400);
            return;
        }
    };
    assert!(terms.len() <= MAX_TERMS);
    for term in &terms {
        let name = &term.name;
        assert!(!name.is_empty() && name.chars().count() <= MAX_TERM_CHARS);
        let _ = Vocabulary::shipped().find(name);
        let _ = meaning::unreadable(name);
    }
    let joined = prompt::join(&terms);
    if joined.len() <= MAX_PROMPT_BYTES {
        assert_eq!(prompt::parse(&joined).as_ref(), Ok(&terms), "{joined}");
    }
    let question = question.expect("terms were found");
    assert!(
        question
            .unread()
            .iter()
            .all(|term| terms.iter().any(|other| other.name == *term))
    );
    assert!(question.terms().len() <= terms.len());
});
