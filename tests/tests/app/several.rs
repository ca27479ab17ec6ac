//! Several scans that are opened together become one scene: files that are chosen, an archive, and
//! addresses.

use std::fs;

use proofs::app::{Page, STEP, Stand, Visit, captures, elsewhere::Elsewhere, rooms, story};
use segscape::write::Export;

use crate::files::download;

/// Number of frames of a capture that takes long to read.
const MANY: usize = 240;
/// A file that is cut short.
const CUT: &[u8] = b"ply\nformat ascii 1.0\nelement vertex 90\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n";

/// The thin room as two PLY files that meet in its middle, and their numbers of points.
fn halves(stand: &Stand) -> ([Vec<u8>; 2], [usize; 2]) {
    let room = fs::read_to_string(stand.thin_room()).unwrap();
    let (header, rows) = room.split_once("end_header\n").unwrap();
    let x = |row: &&str| -> f32 { row.split(' ').next().unwrap().parse().unwrap() };
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_by(|a, b| x(a).total_cmp(&x(b)));
    let count = format!("element vertex {}\n", rows.len());
    let half = |rows: &[&str]| {
        let header = header.replace(&count, &format!("element vertex {}\n", rows.len()));
        format!("{header}end_header\n{}\n", rows.join("\n")).into_bytes()
    };
    let (south, north) = rows.split_at(rows.len() / 2);
    ([half(south), half(north)], [south.len(), north.len()])
}

/// Asserts that the page has all points of the files under this name.
async fn assert_joined(page: &Page, name: &str, points: [usize; 2]) {
    page.until_done().await;
    assert_eq!(page.text("scan-name").await, name);
    let said = page.text("preflight").await;
    let all = format!("{} points, about", points.iter().sum::<usize>());
    assert!(said.contains(&all), "{said}");
    assert!(!page.rows().await.is_empty(), "things are found");
    assert!(page.picture().await.coverage() > 0.05, "points are drawn");
}

/// Asserts that the points of the downloaded scan say which file they are from.
async fn assert_exported(stand: &Stand, page: &Page, stem: &str, points: [usize; 2]) {
    let labeled = rooms::read(&download(stand, page, Export::Ply, stem).await);
    let file = labeled.table.point_rows().column("file").unwrap();
    let of = |number: f64| file.values().filter(|file| *file == number).count();
    assert_eq!([of(0.0), of(1.0)], points);
}

#[test]
fn files_that_are_chosen_together_become_one_scene() {
    story(async |stand| {
        let ([south, north], points) = halves(stand);
        let files = [
            stand.file("south.ply", &south),
            stand.file("north.ply", &north),
            stand.file("broken.ply", CUT),
        ];
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        let paths: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
        page.keys("file-input", &paths.join("\n")).await;
        // The files of a folder are in the order of their names.
        let points = [points[1], points[0]];
        let name = "north.ply and 1 more";
        assert_joined(&page, name, points).await;
        let said = page.text("preflight").await;
        assert!(said.contains("broken.ply was left out"), "{said}");
        assert!(said.contains("cut short"), "{said}");
        assert!(!said.contains("fill the same space"), "{said}");
        page.keep_picture("several-1-files").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        assert_exported(stand, &page, name, points).await;

        // A new worker reads all files again.
        let rows = page.rows().await;
        page.will_cancel_in("Reading").await;
        page.choose_folder(&stand.capture("long", MANY)).await;
        page.until("cancel", STEP, async || page.cancelled().await.is_some())
            .await;
        assert_eq!(page.rows().await, rows);
        assert_exported(stand, &page, name, points).await;
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

#[test]
fn an_archive_of_scans_opens_and_files_that_are_all_damaged_do_not() {
    story(async |stand| {
        let ([south, north], points) = halves(stand);
        let house = captures::archive(&[
            ("house/south.ply".into(), south),
            ("house/north.ply".into(), north),
            ("house/notes.txt".into(), b"Dear diary".to_vec()),
        ]);
        let page = stand
            .visit("/?backend=cpu&renderer=2d", Visit::DESKTOP)
            .await;
        page.choose(&stand.file("house.zip", &house)).await;
        assert_joined(&page, "house.zip", points).await;
        let said = page.text("preflight").await;
        assert!(said.contains("not read: house/notes.txt"), "{said}");

        let rows = page.rows().await;
        let paths = [stand.file("a.ply", CUT), stand.file("b.ply", CUT)];
        let paths = paths.map(|path| path.to_str().unwrap().to_owned());
        page.keys("file-input", &paths.join("\n")).await;
        page.until("the refusal", STEP, async || {
            let error = page.text("error").await;
            error.contains("a.ply: ") && error.contains("cut short")
        })
        .await;
        assert_eq!(page.rows().await, rows, "what was open stays");
    });
}

#[test]
fn addresses_of_several_scans_open_together_and_are_one_link() {
    story(async |stand| {
        let ([south, north], points) = halves(stand);
        let server = Elsewhere::serve([
            ("/south.ply".to_owned(), south),
            ("/north".to_owned(), north),
        ])
        .await;
        let at = &server.origin;
        let query =
            format!("scene={at}/south.ply&filename=&scene={at}/north&filename=North+half.ply");
        let page = stand
            .visit(
                &format!("/?backend=cpu&renderer=2d&{query}"),
                Visit::DESKTOP,
            )
            .await;
        assert_joined(&page, "south.ply and 1 more", points).await;
        page.press("share-button").await;
        let link = page.text("url-link").await;
        let expected = format!("{}/?{query}#view=", stand.origin);
        assert!(link.starts_with(&expected), "{link}");
        let rows = page.rows().await;
        page.go(&link).await;
        assert_joined(&page, "south.ply and 1 more", points).await;
        assert_eq!(page.rows().await, rows);

        // What does not answer is said, and the rest opens.
        page.go(&format!(
            "{}/?backend=cpu&renderer=2d&scene={at}/nothing.ply&scene={at}/south.ply",
            stand.origin
        ))
        .await;
        page.until_done().await;
        assert_eq!(page.text("scan-name").await, "south.ply");
        let said = page.text("preflight").await;
        assert!(said.contains("nothing.ply was left out"), "{said}");
        assert!(said.contains("status 404"), "{said}");
    });
}
