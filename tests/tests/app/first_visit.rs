//! A visitor without a scan: a sample opens with one click.

use proofs::app::{Visit, story};

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
        page.until_done().await;
        assert_eq!(page.text("scan-name").await, "living-room.zip");
        assert_eq!(page.cameras().await, 25);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}
