//! What is asked beside words to look for: what is like a thing, what is left out, and what was
//! asked before; and the file that shows the answer without a server.

use proofs::app::{Page, STEP, Visit, story};
use segscape::write::Export;
use serde_json::{Value, json};

use crate::files;

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const UP: &str = "\u{e013}";
const DOWN: &str = "\u{e015}";
/// The chairs of the office.
const CHAIRS: [u32; 3] = [2, 3, 4];

/// Ids of the rows, in the order of the list.
async fn ids(page: &Page) -> Vec<u32> {
    page.rows().await.into_iter().map(|row| row.id).collect()
}

/// The terms that are looked for, with their counts.
async fn chips(page: &Page) -> Vec<(String, usize)> {
    let chips = page.chips().await.into_iter();
    chips.map(|chip| (chip.name, chip.count)).collect()
}

fn chip(name: &str, count: usize) -> Vec<(String, usize)> {
    vec![(name.to_owned(), count)]
}

#[test]
fn things_like_one_are_found_terms_leave_out_and_prompts_come_again() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.prefer(true).await;
        page.choose(&stand.office()).await;
        page.until_done().await;
        like_a_chair(&page).await;
        let json = files::download(stand, &page, Export::Json, "office").await;
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["prompt"], "like chair 3");
        let things = json["instances"].as_array().unwrap().iter();
        let labels: Vec<&Value> = things.map(|thing| &thing["label"]).collect();
        assert_eq!(labels, [&json!("chair"); 3], "they keep their names");
        page.set_threshold(0.1).await;
        page.keys("viewer-canvas", "y").await;
        page.until("all things", STEP, async || ids(&page).await.len() == 9)
            .await;

        left_out(&page).await;
        asked_before(&page).await;
        assert_eq!(page.errors().await, [] as [&str; 0]);

        // A file of its own, which needs neither this server nor this page.
        page.until("all things", STEP, async || ids(&page).await.len() == 9)
            .await;
        let viewer = files::download(stand, &page, Export::Viewer, "office").await;
        let file = stand.file("office.viewer.html", &viewer);
        page.go_after(&format!("file://{}", file.display()), "")
            .await;
        points_without_a_server(&page).await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

async fn like_a_chair(page: &Page) {
    page.press_row(CHAIRS[0]).await;
    page.press("similar").await;
    page.until("a chip", STEP, async || {
        chips(page)
            .await
            .iter()
            .any(|(name, _)| name == "like chair 3")
    })
    .await;
    page.set_threshold(0.9).await;
    assert_eq!(chips(page).await, chip("like chair 3", 2), "not itself");
    assert_eq!(ids(page).await, CHAIRS);
    page.picture().await;
    page.keep_picture("asking-1-like-a-chair").await;
    assert_eq!(page.flaws().await, [] as [&str; 0]);
    page.press("chip-eye").await;
    page.until("the chair alone", STEP, async || {
        let rows = page.rows().await.into_iter();
        let hidden: Vec<u32> = rows.filter(|row| row.hidden).map(|row| row.id).collect();
        hidden == CHAIRS[1..]
    })
    .await;
    page.press("chip-eye").await;

    // The chip has the name by now, and deleted things are like nothing.
    page.press_tool(CHAIRS[0], "Rename").await;
    page.type_into(".rename", &format!("throne{ENTER}")).await;
    page.until("the new name", STEP, async || {
        chips(page).await == chip("like throne 3", 2)
    })
    .await;
    page.keys("viewer-canvas", "\u{e009}z\u{e000}").await; // Control Z
    page.until("the old name", STEP, async || {
        chips(page).await == chip("like chair 3", 2)
    })
    .await;
}

async fn left_out(page: &Page) {
    page.ask("not chair").await;
    assert_eq!(chips(page).await, chip("chair", 3));
    let rest = ids(page).await;
    assert_eq!(rest.len(), 6);
    assert!(CHAIRS.iter().all(|chair| !rest.contains(chair)));
    page.ask("chair, sofa -couch").await;
    assert_eq!(ids(page).await, CHAIRS);
    let words = page.words(".chip.negative").await;
    assert!(words.starts_with("not couch1"), "{words}");
    let reason = page.words(".not-found").await;
    assert!(reason.contains("fits \"couch\" better"), "{reason}");
    page.picture().await;
    page.keep_picture("asking-2-left-out").await;
    assert_eq!(page.flaws().await, [] as [&str; 0]);
    page.press_css(".chip.negative button[aria-label^='Leave out']")
        .await;
    page.until("the couch", STEP, async || ids(page).await.len() == 4)
        .await;
    assert_eq!(page.value("prompt-input").await, "chair, sofa");
}

async fn asked_before(page: &Page) {
    let shows = async |prompt: &str| {
        page.until(prompt, STEP, async || {
            page.value("prompt-input").await == prompt
        })
        .await;
    };
    for prompt in ["table", "couch"] {
        page.type_prompt("").await;
        page.keys("prompt-input", &format!("{prompt}{ENTER}")).await;
    }
    page.keys("prompt-input", UP).await;
    shows("table").await;
    page.until("the answer to it", STEP, async || {
        chips(page).await == chip("table", 1)
    })
    .await;
    page.keys("prompt-input", DOWN).await;
    shows("couch").await;
    page.keys("prompt-input", DOWN).await;
    shows("").await;

    page.press("asked-before-button").await;
    page.picture().await;
    page.keep_picture("asking-3-asked-before").await;
    assert_eq!(page.flaws().await, [] as [&str; 0]);
    page.press_css("[data-testid='asked-before'] li:nth-child(2) button")
        .await;
    shows("table").await;
    assert!(!page.is_shown("asked-before").await);
    assert!(page.kept().await.contains("couch"));
    page.press("asked-before-button").await;
    page.press("keep-prompts").await;
    page.until("nothing kept", STEP, async || {
        !page.kept().await.contains("couch")
    })
    .await;
    page.press("forget-prompts").await;
    page.keys("keep-prompts", ESCAPE).await;
    assert!(!page.is_shown("asked-before").await);
    assert!(page.has_focus("prompt-input").await);
    page.type_prompt("").await;
    page.keys("prompt-input", UP).await;
    assert_eq!(page.value("prompt-input").await, "", "nothing is left");
}

async fn points_without_a_server(page: &Page) {
    page.until("the list", STEP, async || {
        page.words("li button").await.contains("chair 2")
    })
    .await;
    page.press_css("li:first-child button").await;
    let label = page.words("li.selected button").await;
    assert_eq!(page.words(".label").await, label);
    page.keep_picture("asking-4-without-a-server").await;
    assert!(!page.words("h1").await.is_empty());
}
