//! A file that is not a scan is refused with a message that names the problem. The scene that was
//! open before stays and keeps working.

use std::fs;

use proofs::app::{STEP, Visit, story};

/// An ASCII PLY with these rows.
fn ply(rows: &[&str]) -> Vec<u8> {
    let header = format!(
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nend_header\n",
        rows.len()
    );
    (header + &rows.join("\n") + "\n").into_bytes()
}

#[test]
fn what_is_no_scan_is_refused_and_nothing_is_lost() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose(&stand.thin_room()).await;
        page.until_done().await;
        let (rows, picture) = (page.rows().await, page.picture().await);

        page.share().await;
        let mut damaged = fs::read(&stand.stored()[0]).unwrap();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;

        let lying = String::from_utf8(ply(&["0 0 0"]))
            .unwrap()
            .replace("vertex 1", "vertex 4000000000")
            .into_bytes();
        let mut cut = ply(&["0 0 0"; 100]);
        cut.truncate(200);
        let refused: [(&str, Vec<u8>, &str); 9] = [
            ("empty.ply", Vec::new(), "the file is empty"),
            (
                "photo.ply",
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(),
                "which Segscape does not read",
            ),
            (
                "notes.pcd",
                b"Dear diary, today I scanned my room.".to_vec(),
                "which Segscape does not read",
            ),
            (
                "nowhere.ply",
                ply(&["nan nan nan", "inf 0 0"]),
                "none of the 2 points has finite coordinates",
            ),
            ("lonely.ply", ply(&["1 2 3"]), "at least 50 are needed"),
            ("one-place.ply", ply(&["1 2 3"; 100]), "in one place"),
            ("lying.ply", lying, "its header promises"),
            ("cut.ply", cut, "cut short"),
            ("damaged.segscape", damaged, "checksum"),
        ];
        for (name, bytes, words) in refused {
            page.choose(&stand.file(name, &bytes)).await;
            page.until(
                &format!("{name} to be refused with `{words}`"),
                STEP,
                async || page.text("error").await.contains(words),
            )
            .await;
            assert!(
                page.text("error").await.contains(name),
                "the message names the file"
            );
            assert_eq!(page.rows().await, rows, "after {name}");
            page.press_css("[data-testid='error'] button").await;
            assert!(!page.exists("error").await);
        }
        assert_eq!(page.picture().await, picture);
        page.ask("chair").await;
        page.ask("").await;
        assert_eq!(page.rows().await, rows, "the page still answers");
    });
}
