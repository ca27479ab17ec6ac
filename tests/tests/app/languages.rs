//! The page in other languages than English: the one that its address names, the one that the user
//! chooses, and English where there is no other.

use proofs::app::{Page, STEP, Visit, story};

/// A chair of the office.
const CHAIR: u32 = 2;

/// Waits until the page speaks a language.
async fn until_spoken(page: &Page, code: &str) {
    page.until(code, STEP * 2, async || speaks(page, code).await)
        .await;
}

/// `true` if the page says that it is in a language.
async fn speaks(page: &Page, code: &str) -> bool {
    let title = page.words(&format!("html[lang={code}] .brand h1")).await;
    title == "Segscape"
}

async fn until_words(page: &Page, testid: &str, words: &str) {
    page.until(words, STEP, async || {
        page.text(testid).await.contains(words)
    })
    .await;
}

/// Opens the office in German, and waits for its things.
async fn open_in_german(page: &Page, office: &std::path::Path) {
    until_spoken(page, "de").await;
    page.until("the start in German", STEP, async || {
        page.words(".target h2").await == "Scan eines Raums hierher ziehen"
    })
    .await;
    assert_eq!(
        page.attribute("file-input", "aria-label").await.as_deref(),
        Some("Einen Scan oder das ZIP einer Aufnahme auswählen")
    );
    page.keep_picture("languages-1-start").await;
    assert_eq!(page.flaws().await, [] as [&str; 0]);
    page.choose(office).await;
    page.until("all stages", STEP * 10, async || {
        page.text("status").await.starts_with("Fertig")
    })
    .await;
}

#[test]
fn the_page_speaks_the_language_of_its_address_and_then_the_one_that_is_chosen() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d&lang=de", Visit::LARGE_DESKTOP)
            .await;
        open_in_german(&page, &stand.office()).await;
        // What is asked stays English, what is said about it does not.
        page.type_prompt("chair").await;
        page.until("the chairs", STEP, async || {
            let chips = page.chips().await;
            chips.len() == 1 && chips[0].name == "chair" && chips[0].count == 3
        })
        .await;
        page.press_row(CHAIR).await;
        page.press("lock").await;
        until_words(&page, "notice", "Gesperrt: chair 3").await;
        page.press("lock").await;
        until_words(&page, "notice", "Entsperrt: chair 3").await;
        page.press("view-menu-button").await;
        page.picture().await;
        page.keep_picture("languages-2-german").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.press("view-menu-button").await;

        page.keys("viewer-canvas", "?").await;
        page.until("the help", STEP, async || page.help_is_open().await)
            .await;
        assert_eq!(page.value("language").await, "de");
        page.keep_picture("languages-3-help").await;
        page.keys("language", "f").await;
        until_spoken(&page, "fr").await;
        assert_eq!(page.words(".help h2").await, "Prise en main");
        page.press_css(".help [aria-label='Fermer']").await;
        // The scene is as it was.
        let rows = page.rows().await;
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert_eq!(page.selected().await, Some(CHAIR));
        assert_eq!(page.value("prompt-input").await, "chair");
        assert!(page.text("scan-name").await.contains("office"));
        page.until("the state in French", STEP, async || {
            page.text("status").await.starts_with("Terminé")
        })
        .await;
        page.picture().await;
        page.keep_picture("languages-4-french").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);

        // What was chosen counts more than the address before, which no longer names a language.
        let address = page.address().await;
        assert!(!address.contains("lang="), "{address}");
        page.go(&address).await;
        until_spoken(&page, "fr").await;
        page.until("the start in French", STEP, async || {
            page.words(".target h2").await == "Déposez le scan d’une pièce"
        })
        .await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn unknown_languages_and_missing_texts_leave_the_page_in_english() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d&lang=xx", Visit::DESKTOP)
            .await;
        assert!(speaks(&page, "en").await);
        assert_eq!(page.words(".target h2").await, "Drop a scan of a room");
        page.go_without(
            &format!("{}/?backend=cpu&lang=es", stand.origin),
            &["*/text/es.json"],
        )
        .await;
        until_words(&page, "notice", "The texts in Español could not be loaded").await;
        assert!(speaks(&page, "en").await);
        assert_eq!(page.words(".target h2").await, "Drop a scan of a room");
    });
}

#[test]
fn the_page_speaks_spanish_on_phones() {
    story(async |stand| {
        let page = stand
            .visit("/?backend=cpu&renderer=2d&lang=es-MX", Visit::PHONE)
            .await;
        until_spoken(&page, "es").await;
        page.keep_picture("languages-5-phone-start").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.choose(&stand.office()).await;
        page.until("all stages", STEP * 10, async || {
            let status = page.text("status").await;
            status == "Listo" || status.starts_with("Listo: ")
        })
        .await;
        page.picture().await;
        page.keep_picture("languages-6-phone").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
