//! The first page: it says why if it cannot start, and a sample opens with one click.

use proofs::app::{STEP, Visit, story};

#[test]
fn a_sample_opens_with_one_click() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.keep_picture("first-visit").await;
        page.press("sample-bedroom.ply").await;
        page.until_done().await;
        assert_eq!(page.text("scan-name").await, "bedroom.ply");
        let rows = page.rows().await;
        assert!(rows.iter().any(|row| row.name == "bed"), "{rows:?}");
        assert!(!page.is_shown("sample-bedroom.ply").await);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn samples_open_on_phones_and_captures_are_among_them() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::PHONE).await;
        page.keep_picture("first-visit-phone").await;
        page.press("sample-living-room.zip").await;
        page.find_things().await;
        page.until_done().await;
        assert_eq!(page.text("scan-name").await, "living-room.zip");
        let about = page.words(".panel").await;
        assert!(about.contains("25 of 25 used"), "{about}");
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn a_page_that_cannot_start_says_why() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        for missing in ["*/app-*_bg.wasm", "*/app-*.js"] {
            page.go_without(&stand.origin, &[missing]).await;
            page.until(missing, STEP, async || {
                let words = page.words("#starting").await;
                words.contains("could not start") && words.contains("Reload")
            })
            .await;
            page.keep_picture("not-started").await;
        }
    });
}

#[test]
fn a_page_that_breaks_shows_a_report_and_a_way_to_start_again() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        // The page cannot be built into a document without a body.
        let script = "if (!sessionStorage.broken) {
            sessionStorage.broken = 1;
            Object.defineProperty(document, 'body', { get: () => null });
        }";
        page.go_after(&stand.origin, script).await;
        page.until("the report", STEP, async || {
            let words = page.words(".crash").await;
            words.contains("Segscape has stopped")
        })
        .await;
        page.keep_picture("crash").await;
        let report = page.words(".crash textarea").await;
        assert!(report.contains(&stand.origin), "{report}");
        page.press_css(".crash .button").await;
        page.until("the page", STEP, async || page.exists("file-input").await)
            .await;
    });
}

#[test]
fn who_waits_for_the_app_sees_how_much_has_come() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        let script = "setInterval(() => {
            const said = document.querySelector('#starting p')?.textContent;
            if (said?.includes('%')) sessionStorage.said = said;
        }, 20)";
        page.go_slowly(&stand.origin, script).await;
        page.until("the page", STEP, async || page.exists("file-input").await)
            .await;
        let kept = page.kept().await;
        assert!(
            kept.contains("is loading: ") && kept.contains(" MB"),
            "{kept}"
        );
    });
}
