//! Questions about how things lie to each other, in the box of the prompt.

use proofs::app::{
    Page, STEP, Visit,
    language_model::{Does, LanguageModel},
    story,
};
use segscape::write::Export;
use serde_json::Value;

use crate::files;

const ENTER: &str = "\u{e007}";

/// Asks a question, presses Enter and waits for its steps to have these words.
async fn asked(page: &Page, question: &str, words: &str) {
    page.type_prompt(question).await;
    page.keys("prompt-input", ENTER).await;
    page.until(
        &format!("\"{words}\" of \"{question}\""),
        STEP,
        async || {
            page.text("answered").await.contains(words)
                || page.text("refused").await.contains(words)
        },
    )
    .await;
}

/// Names of the rows, with their numbers as the page shows them.
async fn rows(page: &Page) -> Vec<(String, u32)> {
    let rows = page.rows().await.into_iter();
    let mut rows: Vec<_> = rows.map(|row| (row.name, row.id + 1)).collect();
    rows.sort();
    rows
}

fn things(expected: &[(&str, u32)]) -> Vec<(String, u32)> {
    let thing = |(name, number): &(&str, u32)| ((*name).to_owned(), *number);
    expected.iter().map(thing).collect()
}

#[test]
fn questions_are_answered_step_by_step() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        assert_eq!(page.rows().await.len(), 9);
        page.unfold("examples").await;
        page.keep_picture("questions-1-examples").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        asked(&page, "the chair next to the window", "1 thing found").await;
        assert_eq!(rows(&page).await, things(&[("chair", 3)]));
        assert_eq!(page.selected().await, Some(2), "it is selected");
        let steps = page.text("steps").await;
        for words in [
            "chair: 3 of 9 things",
            "less than a metre from window: 1 of 3",
        ] {
            assert!(steps.contains(words), "the steps are {steps}");
        }
        page.picture().await;
        page.keep_picture("questions-2-one").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        let json = files::download(stand, &page, Export::Json, "office").await;
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["instances"].as_array().unwrap().len(), 1);

        asked(&page, "the two largest boxes", "2 things found").await;
        assert_eq!(rows(&page).await, things(&[("boxes", 6), ("boxes", 7)]));
        assert_eq!(page.selected().await, None);

        asked(&page, "the chair on the table", "Nothing found").await;
        let empty = page.words("[data-testid='steps'] .empty").await;
        assert!(empty.starts_with("on table: 0 of 3"), "{empty}");
        assert!(empty.contains("Here nothing is left"), "{empty}");
        assert!(page.rows().await.is_empty());
        page.keep_picture("questions-3-nothing").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        asked(&page, "the chair left of the table", "where one stands").await;
        assert_eq!(page.rows().await.len(), 9, "all things stay");

        page.type_prompt("").await;
        page.until("no question", STEP, async || !page.exists("refused").await)
            .await;
        page.unfold("examples").await;
        page.press_css("[data-testid='examples'] li:last-child button")
            .await;
        page.until("what one can sit on", STEP, async || {
            page.text("found").await.contains("4 things found")
        })
        .await;
        assert_eq!(page.value("prompt-input").await, "something to sit on");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_list_of_words_is_a_list_and_a_question_knows_the_threshold_and_names() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu&renderer=2d", Visit::PHONE).await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        page.type_prompt("chair . table").await;
        page.until("the list", STEP, async || page.chips().await.len() == 2)
            .await;
        let chips = page.chips().await;
        assert_eq!([chips[0].count, chips[1].count], [3, 1], "{chips:?}");
        assert!(!page.exists("answered").await, "a list has no steps");

        // Half a question is no question.
        page.type_prompt("the chair next to").await;
        page.until("the offer", STEP, async || {
            page.text("unfinished").await.contains("Enter")
        })
        .await;
        assert!(!page.exists("answered").await);
        page.type_prompt("chairs next to the table").await;
        page.until("the answer", STEP, async || {
            page.text("found").await.contains("2 things")
        })
        .await;
        page.keep_picture("questions-4-phone").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        // The second of them has a score of 0.87 times the likelihood of the word.
        page.set_threshold(0.99).await;
        page.until("nothing that sure", STEP, async || {
            page.text("found").await.contains("Nothing found")
        })
        .await;
        page.set_threshold(0.1).await;
        page.until("the answer again", STEP, async || {
            page.text("found").await.contains("2 things")
        })
        .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_language_model_of_the_users_own_is_asked_after_consent_alone() {
    story(async |stand| {
        let model = LanguageModel::start(Does::Writes(
            "{\"numbers\": [5], \"why\": \"It stands in the corner.\"}".to_owned(),
        ))
        .await;
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        asked(&page, "the chair left of the table", "where one stands").await;
        page.press("ask-model").await;
        page.keys("endpoint-url", "http://example.com/v1").await;
        page.keys("endpoint-model", "little").await;
        page.keys("endpoint-key", "secret").await;
        page.press("endpoint-save").await;
        page.until("the refusal", STEP, async || {
            page.text("endpoint-problem").await.contains("https://")
        })
        .await;
        page.fill("endpoint-url", &model.address).await;
        page.keep_picture("endpoint-1-settings").await;
        page.press("endpoint-save").await;
        assert_eq!(model.asked().len(), 0, "nothing is sent");

        let consent = async || {
            page.press("ask-model").await;
            page.until("what would be sent", STEP, async || {
                !page.text("consent-body").await.is_empty()
            })
            .await;
        };
        consent().await;
        let shown = page.text("consent-body").await;
        assert!(
            page.text("consent-address")
                .await
                .starts_with(&model.address)
        );
        page.keep_picture("endpoint-2-consent").await;
        page.press("consent-refuse").await;
        assert_eq!(model.asked().len(), 0, "who refuses sends nothing");
        consent().await;
        page.press("consent-send").await;
        page.until("the answer", STEP, async || {
            page.text("answered").await.contains("by little")
        })
        .await;
        let sent = model.asked();
        assert_eq!(sent.len(), 1);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(sent[0].body, shown, "what was shown was sent");
        assert_eq!(sent[0].authorization, "bearer secret");
        for kept in ["cookie:", "referer:"] {
            assert!(!sent[0].headers.contains(kept), "{}", sent[0].headers);
        }
        let words = shown["messages"][1]["content"].as_str().unwrap();
        assert!(
            words.contains("5; chair; 0.40 0.40 0.90; 0.40 4.60 0.45"),
            "{words}"
        );
        assert_eq!(rows(&page).await, things(&[("chair", 5)]));
        assert_eq!(page.selected().await, Some(4));
        assert!(
            page.text("steps")
                .await
                .contains("It stands in the corner.")
        );
        page.picture().await;
        page.keep_picture("endpoint-3-answer").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        // What goes wrong is named, and nothing changes.
        for (does, words) in [
            (
                Does::Writes("{\"numbers\": [77]}".to_owned()),
                "names thing 77, which is not in the list",
            ),
            (
                Does::Writes("no idea".to_owned()),
                "list of numbers: no idea",
            ),
            (
                Does::Refuses(401, "that key is unknown".to_owned()),
                "status 401: that key is unknown",
            ),
        ] {
            model.will(does);
            asked(&page, "the chair right of the table", "where one stands").await;
            page.press("ask-model").await;
            page.until(words, STEP, async || {
                page.text("endpoint-error").await.contains(words)
            })
            .await;
            assert_eq!(page.rows().await.len(), 9, "all things stay");
        }
        model.will(Does::Waits);
        page.press("ask-model").await;
        page.until("the wait", STEP, async || {
            page.exists("endpoint-stop").await
        })
        .await;
        page.press("endpoint-stop").await;
        page.until("the end of the wait", STEP, async || {
            page.text("endpoint-error")
                .await
                .contains("without an answer")
        })
        .await;
        let kept = page.kept().await;
        assert!(!kept.contains("secret"), "the key is kept: {kept}");
    });
}
