//! Questions about how things lie to each other, in the box of the prompt.

use proofs::app::{
    Page, STEP, Stand, Visit,
    language_model::{Does, LanguageModel},
    story,
};
use segscape::write::Export;
use serde_json::{Value, json};

use crate::files;

const ENTER: &str = "\u{e007}";

/// Asks a question, presses Enter and waits for its steps to have these words, which those of an
/// earlier one may have, too.
async fn asked(page: &Page, question: &str, words: &str) {
    page.type_prompt("").await;
    page.until("the end of earlier answers", STEP, async || {
        !page.exists("answered").await && !page.exists("refused").await
    })
    .await;
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

        asked(&page, "chairs wider than 10 cm", "3 things found").await;
        assert_eq!(page.selected().await, Some(2), "it is among them");
        asked(&page, "the two largest boxes", "2 things found").await;
        assert_eq!(rows(&page).await, things(&[("boxes", 6), ("boxes", 7)]));
        assert_eq!(page.selected().await, None);

        asked(&page, "the chair on the table", "Nothing found").await;
        let empty = page.words("[data-testid='steps'] .empty").await;
        assert!(empty.starts_with("on table: 0 of 3"), "{empty}");
        assert!(empty.contains("Here nothing is left"), "{empty}");
        assert!(page.rows().await.is_empty());
        let list = page.words(".empty-list").await;
        assert_eq!(list, "Nothing answers the question.");
        page.keep_picture("questions-3-nothing").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        asked(&page, "the chair left of the table", "where one stands").await;
        let refused = page.words("[data-testid='refused'] [role='status']").await;
        assert!(
            refused.starts_with("No answer: \"left of\" depends on where one stands"),
            "{refused}"
        );
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

/// A page with the office and a question that is not understood.
async fn refused_question(stand: &Stand, visit: Visit) -> Page {
    let page = stand.visit("/?backend=cpu&renderer=2d", visit).await;
    page.choose(&stand.office()).await;
    page.until_done().await;
    asked(&page, "the chair left of the table", "where one stands").await;
    page
}

/// Names a model of the user's own in the settings, which a press on the offer opens.
async fn name_model(page: &Page, model: &LanguageModel) {
    page.press("ask-model").await;
    page.fill("endpoint-url", &model.address).await;
    page.fill("endpoint-model", "little").await;
    page.fill("endpoint-key", "secret").await;
}

/// Asks a model that nobody agreed to ask so far, and returns what would be sent.
async fn shown_before(page: &Page) -> String {
    page.press("ask-model").await;
    page.until("what would be sent", STEP, async || {
        !page.text("consent-body").await.is_empty()
    })
    .await;
    page.text("consent-body").await
}

/// Waits for an error of the model with these words.
async fn until_error(page: &Page, words: &str) {
    page.until(words, STEP, async || {
        page.text("endpoint-error").await.contains(words)
    })
    .await;
}

#[test]
fn a_language_model_of_the_users_own_is_asked_after_consent_alone() {
    story(async |stand| {
        let model = LanguageModel::start(Does::Writes(
            "{\"numbers\": [5], \"why\": \"It stands in the corner.\"}".to_owned(),
        ))
        .await;
        let page = refused_question(stand, Visit::DESKTOP).await;
        name_model(&page, &model).await;
        page.press("endpoint-save").await;
        assert_eq!(model.asked().len(), 0, "nothing is sent");
        let shown = shown_before(&page).await;
        let address = page.text("consent-address").await;
        assert!(address.starts_with(&model.address), "{address}");
        page.press("consent-refuse").await;
        assert_eq!(model.asked().len(), 0, "who refuses sends nothing");
        shown_before(&page).await;
        page.press("consent-send").await;
        page.until("the answer", STEP, async || {
            page.text("answered").await.contains("by little")
        })
        .await;

        let sent = model.asked();
        assert_eq!(sent.len(), 1);
        let message = |index: usize| &sent[0].body["messages"][index];
        let words = |index: usize| message(index)["content"].as_str().unwrap();
        assert_eq!(shown, format!("{}\n\n{}", words(0), words(1)));
        let expected = json!({ "model": "little", "messages": [
            { "role": "system", "content": words(0) },
            { "role": "user", "content": words(1) },
        ] });
        assert_eq!(sent[0].body, expected, "nothing but what was shown is sent");
        assert_eq!(sent[0].authorization, "bearer secret");
        for kept in ["cookie:", "referer:"] {
            assert!(!sent[0].headers.contains(kept), "{}", sent[0].headers);
        }
        assert!(
            shown.contains("5; chair; 0.40 0.40 0.90; 0.40 4.60 0.45"),
            "{shown}"
        );
        assert_eq!(rows(&page).await, things(&[("chair", 5)]));
        assert_eq!(page.selected().await, Some(4));
        let steps = page.text("steps").await;
        assert!(steps.contains("It stands in the corner."), "{steps}");
        page.picture().await;
        page.keep_picture("endpoint-3-answer").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        let kept = page.kept().await;
        assert!(!kept.contains("secret"), "the key is kept: {kept}");
    });
}

#[test]
fn what_a_language_model_does_wrong_is_named_and_another_prompt_ends_the_wait() {
    story(async |stand| {
        let model = LanguageModel::start(Does::Writes("no idea".to_owned())).await;
        let page = refused_question(stand, Visit::DESKTOP).await;
        name_model(&page, &model).await;
        page.press("endpoint-save").await;
        shown_before(&page).await;
        page.press("consent-send").await;
        until_error(&page, "list of numbers: no idea").await;
        for (does, words) in [
            (
                Does::Writes("{\"numbers\": [77]}".to_owned()),
                "names thing 77, which is not in the list",
            ),
            (
                Does::Refuses(401, "that key is unknown".to_owned()),
                "status 401: that key is unknown",
            ),
        ] {
            model.will(does);
            page.press("ask-model").await;
            until_error(&page, words).await;
            assert_eq!(page.rows().await.len(), 9, "all things stay");
        }
        let waits = async || page.exists("endpoint-stop").await;
        model.will(Does::Waits);
        page.press("ask-model").await;
        page.until("the wait", STEP, waits).await;
        assert!(!page.exists("endpoint-error").await, "it is over");
        page.press("endpoint-stop").await;
        until_error(&page, "without an answer").await;

        page.press("ask-model").await;
        page.until("the wait", STEP, waits).await;
        asked(&page, "the chair right of the table", "where one stands").await;
        assert!(!waits().await, "nothing is due any more");
        assert!(!page.exists("endpoint-error").await, "nothing went wrong");
    });
}

#[test]
fn the_settings_of_a_language_model_are_checked_kept_and_fit_every_window() {
    story(async |stand| {
        let model = LanguageModel::start(Does::Waits).await;
        for (visit, name) in [
            (Visit::DESKTOP, "desktop"),
            (Visit::TABLET, "tablet"),
            (Visit::PHONE, "phone"),
        ] {
            let page = refused_question(stand, visit).await;
            let look = async |state: &str| {
                page.keep_picture(&format!("endpoint-{state}-{name}")).await;
                assert_eq!(page.flaws().await, [] as [&str; 0], "{state} on a {name}");
            };
            look("0-refused").await;
            name_model(&page, &model).await;
            page.fill("endpoint-url", "http://example.com/v1").await;
            page.press("endpoint-save").await;
            page.until("the refusal", STEP, async || {
                let problem = page.text("endpoint-problem").await;
                problem.contains("http://example.com/v1 cannot be asked")
            })
            .await;
            look("1-settings").await;
            page.press_css(".dialog[open] [aria-label='Close']").await;
            page.press("ask-model").await;
            assert_eq!(page.value("endpoint-key").await, "secret", "typed is kept");
            let kind = page.attribute("endpoint-key", "type").await;
            assert_eq!(kind.as_deref(), Some("password"));
            page.fill("endpoint-url", &model.address).await;
            page.press("endpoint-save").await;
            shown_before(&page).await;
            look("2-consent").await;
            page.press("consent-send").await;
            page.until("the wait", STEP, async || {
                page.exists("endpoint-stop").await
            })
            .await;
            page.press("endpoint-stop").await;
            until_error(&page, "without an answer").await;
            assert!(page.is_shown("endpoint-settings").await);
            look("4-error").await;
        }
    });
}
