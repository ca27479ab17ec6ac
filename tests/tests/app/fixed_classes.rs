//! The page with a network that has fixed classes: a file of PyTorch, imported and exported.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proofs::app::{Visit, built_app, program, story_with};

/// The classes of the network, `tests/golden/published/mink.toml`.
const CLASSES: [&str; 5] = ["chair", "table", "door", "couch", "cabinet"];

#[test]
fn an_imported_network_names_what_it_finds_by_its_classes() {
    story_with(app_with_imported_network, async |stand| {
        let page = stand.visit("/", Visit::DESKTOP).await;
        page.choose(&stand.room()).await;
        page.until_done().await;
        let stages = page.text("stage-progress").await;
        assert!(stages.contains("5 fixed classes"), "{stages}");
        let names: Vec<String> = page.rows().await.into_iter().map(|row| row.name).collect();
        assert!(!names.is_empty());
        for name in &names {
            assert!(CLASSES.contains(&name.as_str()), "{name}");
        }

        // A word is compared with the names of the classes: the instances of the class keep its
        // name, and what no class is like is not found.
        page.ask(&format!("{}. bathtub", names[0])).await;
        let chips = page.chips().await;
        assert!(chips[0].count > 0, "{chips:?}");
        assert_eq!(chips[1].count, 0, "{chips:?}");
        assert_eq!(page.errors().await, [] as [&str; 0]);
        page.keep_picture("fixed-classes").await;
    });
}

/// The built app, with a network that was imported from a file of PyTorch in place of its own. The
/// network reads image features and objects seen in images.
pub fn app_with_imported_network(folder: &Path) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/published");
    let app = folder.join("app");
    copy(&built_app(), &app);
    let models = app.join("models");
    let run = folder.join("run");
    for arguments in [
        [
            "import".as_ref(),
            golden.join("mink.pth").as_os_str(),
            run.as_os_str(),
            "--network".as_ref(),
            golden.join("mink.toml").as_os_str(),
        ]
        .as_slice(),
        &[
            "export".as_ref(),
            run.as_os_str(),
            "--name".as_ref(),
            "imported".as_ref(),
            "--out".as_ref(),
            models.as_os_str(),
        ],
    ] {
        let output = program("trainer").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
    app
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
