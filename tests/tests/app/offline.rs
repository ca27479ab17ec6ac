//! The app without a network, and new versions of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proofs::app::{STEP, Visit, built_app, story, story_with};

use crate::fixed_classes::copy;

const ADDRESS: &str = "/?backend=cpu&renderer=2d";

#[test]
fn the_app_starts_without_a_network_after_one_visit() {
    story(async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.until_kept().await;
        assert_eq!(page.versions_kept().await.len(), 1);
        let files = page.files_kept().await;
        let workers = ["worker", "reader"]
            .map(|name| ["_loader.js", ".js", "_bg.wasm"].map(|ending| format!("/{name}{ending}")));
        let others = ["/".to_owned(), "/worker_assistant.js".to_owned()];
        for file in workers.as_flattened().iter().chain(&others) {
            assert!(files.contains(file), "{file}: {files:?}");
        }
        let is_other = |file: &String| {
            ["/api", "/models", "/samples"]
                .iter()
                .any(|o| file.starts_with(o))
        };
        assert!(!files.iter().any(is_other), "{files:?}");

        let address = format!("{}{ADDRESS}", stand.origin);
        stand.stop_server();
        page.go(&address).await;
        assert!(page.is_shown("drop-zone").await);
        page.keep_picture("offline").await;
        // The worker runs, too: it reads a project, for which no model is needed.
        page.choose(&stand.office()).await;
        page.until_done().await;
        assert_eq!(page.text("scan-name").await, "office.segscape");
        // What is not kept is not there.
        page.go(&format!(
            "{address}&scene={}/samples/bedroom.ply",
            stand.origin
        ))
        .await;
        page.until("an error", STEP, async || page.exists("error").await)
            .await;

        stand.start_server().await;
        page.go(&address).await;
        page.press("sample-bedroom.ply").await;
        page.until_done().await;
        assert_eq!(page.text("scan-name").await, "bedroom.ply");
    });
}

/// The built app, which the story may change.
pub fn own_app(folder: &Path) -> PathBuf {
    let app = folder.join("app");
    copy(&built_app(), &app);
    app
}

#[test]
fn a_new_version_is_there_at_the_next_load() {
    story_with(own_app, async |stand| {
        let page = stand.visit(ADDRESS, Visit::DESKTOP).await;
        page.until_kept().await;
        let address = format!("{}{ADDRESS}", stand.origin);
        page.go(&address).await; // from now on with what is kept
        assert_eq!(page.meta("edition").await, None);
        let first = page.versions_kept().await;
        assert_eq!(first.len(), 1, "the same version is kept once: {first:?}");

        let index = stand.folder.path().join("app/index.html");
        let html = fs::read_to_string(&index).unwrap();
        let tag = "<meta name=\"edition\" content=\"second\" /></head>";
        fs::write(&index, html.replacen("</head>", tag, 1)).unwrap();
        page.go(&address).await;
        assert_eq!(page.meta("edition").await.as_deref(), Some("second"));
        page.until("the new version to be kept", STEP, async || {
            let kept = page.versions_kept().await;
            kept.len() == 2 && kept[0] == first[0]
        })
        .await;

        // Without the server, it is the latest one, whole.
        stand.stop_server();
        page.go(&address).await;
        assert_eq!(page.meta("edition").await.as_deref(), Some("second"));

        // A third version leaves two.
        stand.start_server().await;
        let html = fs::read_to_string(&index).unwrap();
        fs::write(&index, html.replacen("second", "third", 1)).unwrap();
        page.go(&address).await;
        assert_eq!(page.meta("edition").await.as_deref(), Some("third"));
        page.until("the oldest version to go", STEP, async || {
            let kept = page.versions_kept().await;
            kept.len() == 2 && kept[0] != first[0]
        })
        .await;

        // A version of which a file is missing on the server is not kept, and shown all the same.
        let kept = page.versions_kept().await;
        let html = fs::read_to_string(&index).unwrap();
        fs::write(&index, html.replacen("third", "fourth", 1)).unwrap();
        for ending in ["", ".br", ".gz"] {
            let worker = stand.folder.path().join(format!("app/worker.js{ending}"));
            drop(fs::remove_file(worker));
        }
        page.load_alone(&address).await;
        page.until("the fourth version", STEP, async || {
            page.meta("edition").await.as_deref() == Some("fourth")
        })
        .await;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(page.versions_kept().await, kept);
        stand.stop_server();
        page.go(&address).await;
        assert_eq!(page.meta("edition").await.as_deref(), Some("third"));
    });
}
