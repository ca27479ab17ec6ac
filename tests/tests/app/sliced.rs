//! `?budget=`: a scan is read in slices and thinned, as files are that memory does not hold, and what
//! is downloaded has all points of the file.

use std::{fs, path::Path};

use proofs::app::{Page, STEP, Stand, Visit, elsewhere::Elsewhere, rooms, story};
use segscape::write::Export;
use serde_json::Value;

use crate::files;

/// Most points that are kept, and that as the address says it.
const BUDGET: usize = 20_000;
const ADDRESS: &str = "/?backend=cpu&renderer=2d&budget=20000";

/// A number as the page writes it.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let (first, rest) = digits.split_at(first);
    let threes = rest.as_bytes().chunks(3).map(|three| {
        let three = str::from_utf8(three).unwrap();
        format!("\u{202f}{three}")
    });
    first.to_owned() + &threes.collect::<String>()
}

/// Asserts that the page shows an excerpt of a file of so many points, and returns the number of those
/// that it shows.
async fn shown(page: &Page, points: usize) -> usize {
    let said = page.text("preflight").await;
    let words = format!("The file has {} points; ", grouped(points));
    assert!(said.contains(&words), "{said}");
    let (_, rest) = said.split_once(&words).unwrap();
    let (kept, rest) = rest.split_once(" of them, one per ").unwrap();
    let after = "m, are shown and segmented. Labelled PLY, LAS and LAZ have all.";
    assert!(rest.contains(after), "{said}");
    let of = format!("{kept} of {} points", grouped(points));
    assert!(said.contains(&of), "{said}");
    let kept = kept.replace('\u{202f}', "").parse().unwrap();
    assert!((BUDGET / 10..=BUDGET).contains(&kept), "{said}");
    kept
}

/// Downloads the labelled PLY of the room and asserts that it has every point of the file with all its
/// properties, and of every thing in the list at least the points that are shown.
async fn labelled(stand: &Stand, page: &Page, room: &Path) -> Vec<u8> {
    let file = fs::read(room).unwrap();
    let bytes = files::download(stand, page, Export::Ply, "room").await;
    let (own, all) = (rooms::read(&file), rooms::read(&bytes));
    let points = all.table.point_rows();
    files::assert_keeps(own.table.point_rows(), points);
    let instance: Vec<f64> = points.column("instance").unwrap().values().collect();
    let json = files::download(stand, page, Export::Json, "room").await;
    let json: Value = serde_json::from_slice(&json).unwrap();
    let records = json["instances"].as_array().unwrap();
    assert_eq!(records.len(), page.rows().await.len());
    let mut of_things = 0;
    for record in records {
        let shown = record["points"].as_u64().unwrap() as usize;
        let is_own = |id: &&f64| record["id"].as_f64() == Some(**id);
        let all = instance.iter().filter(is_own).count();
        assert!(all >= shown, "{all} points of {record}");
        of_things += all;
    }
    let owned = instance.iter().filter(|id| **id != -1.0).count();
    assert_eq!(owned, of_things, "no other things");
    assert!(owned > 0);
    bytes
}

#[test]
fn a_scan_above_the_budget_is_thinned_and_downloaded_with_all_its_points() {
    story(async |stand| {
        let room = stand.room();
        let points = rooms::read(&fs::read(&room).unwrap()).len();
        assert!(points > 2 * BUDGET, "{points}");
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.choose(&room).await;
        page.until_done().await;
        let kept = shown(&page, points).await;
        let before = labelled(stand, &page, &room).await;
        page.until("the end of writing", STEP, async || {
            let status = page.text("status").await;
            status.contains(&format!("{} points", grouped(points)))
        })
        .await;
        page.press("download").await;
        let said = page.text("download-all").await;
        let all = format!("all {} points of the file", grouped(points));
        assert!(said.contains(&all), "{said}");
        page.keep_picture("sliced").await;
        page.press("download").await;

        for format in [Export::Las, Export::Laz] {
            let bytes = files::download(stand, &page, format, "room").await;
            assert_eq!(rooms::read(&bytes).len(), points, "{format:?}");
        }
        let pcd = files::download(stand, &page, Export::Pcd, "room").await;
        assert_eq!(rooms::read(&pcd).len(), kept, "the points that are shown");

        // A fresh worker reads the file again, in slices as well.
        page.will_cancel_in("Reading").await;
        page.choose(&stand.thin_room()).await;
        page.until("cancel", STEP, async || page.cancelled().await.is_some())
            .await;
        assert!(
            labelled(stand, &page, &room).await == before,
            "the same file"
        );
        assert_eq!(page.errors().await, [] as [&str; 0]);

        // A file that has no more points than the budget, and one that cannot be read in slices.
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        let said = page.text("preflight").await;
        assert!(!said.contains("The file has"), "{said}");
        page.press("download").await;
        assert!(!page.exists("download-all").await);
    });
}

#[test]
fn a_scan_from_elsewhere_is_thinned_as_well() {
    story(async |stand| {
        let room = stand.room();
        let scan = fs::read(&room).unwrap();
        let points = rooms::read(&scan).len();
        let server = Elsewhere::serve([("/room.ply".to_owned(), scan)]).await;
        let address = format!("{ADDRESS}&scene={}/room.ply", server.origin);
        let page = stand.visit(&address, Visit::DESKTOP).await;
        page.until_done().await;
        shown(&page, points).await;
        labelled(stand, &page, &room).await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
