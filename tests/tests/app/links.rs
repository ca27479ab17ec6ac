//! `?scene=` opens a scan or a bundle from another server that allows it, and reports the problem
//! if it cannot be opened.

use std::fs;

use proofs::app::{STEP, Visit, elsewhere::Elsewhere, story};

#[test]
fn a_scan_and_a_bundle_open_from_elsewhere() {
    story(async |stand| {
        let scan = fs::read(stand.thin_room()).unwrap();
        let server = Elsewhere::serve([
            ("/room.ply".to_owned(), scan.clone()),
            ("/closed/room.ply".to_owned(), scan),
        ])
        .await;
        let page = stand
            .visit(
                &format!(
                    "/?backend=cpu&scene={}/room.ply&filename=My%20room.ply",
                    server.origin
                ),
                Visit::DESKTOP,
            )
            .await;
        page.until_done().await;
        let rows = page.rows().await;
        assert!(!rows.is_empty());
        assert_eq!(page.text("scan-name").await, "My room.ply");

        page.press("share-button").await;
        page.until("the link", STEP, async || page.exists("share-link").await)
            .await;
        let bundle = fs::read(&stand.stored()[0]).unwrap();
        let bundles = Elsewhere::serve([("/room.segscape".to_owned(), bundle)]).await;
        page.go(&format!(
            "{}/?backend=cpu&scene={}/room.segscape",
            stand.origin, bundles.origin
        ))
        .await;
        page.until_done().await;
        assert_eq!(page.rows().await, rows, "the bundle has the same things");
        assert!(
            page.stages()
                .await
                .iter()
                .all(|stage| stage.name != "Backbone"),
            "without another run of the network"
        );
        assert_eq!(
            page.errors().await,
            [] as [&str; 0],
            "the page may read from there"
        );

        for (path, words) in [
            ("/closed/room.ply", "does not allow other pages to read it"),
            ("/nothing.ply", "status 404"),
        ] {
            page.go(&format!("{}/?scene={}{path}", stand.origin, server.origin))
                .await;
            page.until(words, STEP, async || {
                page.text("error").await.contains(words)
            })
            .await;
        }
        // The port of a server that has ended.
        let gone = {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            port.local_addr().unwrap()
        };
        page.go(&format!("{}/?scene=http://{gone}/room.ply", stand.origin))
            .await;
        page.until("no answer", STEP, async || {
            page.text("error").await.contains("nothing answers at")
        })
        .await;
        page.go(&format!(
            "{}/?scene=http://example.org/room.ply",
            stand.origin
        ))
        .await;
        page.until("plain http to be refused", STEP, async || {
            page.text("error").await.contains("only https")
        })
        .await;
    });
}
