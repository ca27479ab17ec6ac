//! The basic way in Firefox: open a scan, ask for a thing, take the result along, send a link.

use std::collections::BTreeSet;

use proofs::app::{Page, STEP, Visit, story};
use segscape::write::Export;
use serde_json::Value;

use crate::files;

/// The basic way needs no code of its own for a browser, so that one story is enough.
#[test]
fn a_scan_goes_the_basic_way_in_firefox() {
    story(async |stand| {
        let page = stand.visit("/", Visit::FIREFOX).await;
        assert!(page.text("backend").await.starts_with("cpu · "));
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        assert!(page.picture().await.coverage() > 0.05, "points are drawn");
        let all = names(&page).await;
        assert!(all.len() > 1, "{all:?}");

        let wanted = all.first().unwrap();
        let only_wanted = BTreeSet::from([wanted.clone()]);
        page.type_prompt(wanted).await;
        page.until("only what was asked for", STEP, async || {
            names(&page).await == only_wanted
        })
        .await;
        page.picture().await;
        page.keep_picture("firefox").await;

        let json = files::download(stand, &page, Export::Json, "thin-room").await;
        let json: Value = serde_json::from_slice(&json).unwrap();
        let labels = json["instances"].as_array().unwrap().iter();
        let labels: BTreeSet<_> = labels
            .map(|thing| thing["label"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(labels, only_wanted, "the file has what is listed");

        let sent = page.share().await;
        assert_eq!(stand.stored().len(), 1);
        page.go(&sent.link).await;
        page.until_done().await;
        assert_eq!(names(&page).await, only_wanted);
        assert_eq!(page.value("prompt-input").await, *wanted);
    });
}

async fn names(page: &Page) -> BTreeSet<String> {
    page.rows().await.into_iter().map(|row| row.name).collect()
}
