//! The pictures that stand for the installed app: the manifest has those that systems ask for, and each
//! is what the manifest says.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../static")
        .join(path.trim_start_matches('/'))
}

#[test]
fn the_app_has_the_icons_that_its_manifest_and_its_page_name() {
    let manifest = fs::read(file("manifest.webmanifest")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut found = BTreeSet::new();
    for icon in manifest["icons"].as_array().unwrap() {
        let [src, sizes, purpose] =
            ["src", "sizes", "purpose"].map(|key| icon[key].as_str().unwrap());
        if src.ends_with(".svg") {
            assert!(file(src).is_file(), "{src}");
            continue;
        }
        let picture = image::open(file(src)).unwrap().into_rgba8();
        assert_eq!(
            format!("{}x{}", picture.width(), picture.height()),
            sizes,
            "{src}"
        );
        // Systems cut maskable icons to a shape of their own, which the background has to fill.
        let is_solid = picture.pixels().all(|pixel| pixel.0[3] == 255);
        assert_eq!(is_solid, purpose == "maskable", "{src}");
        found.insert((sizes.to_owned(), purpose.to_owned()));
    }
    for (sizes, purpose) in [
        ("192x192", "any"),
        ("512x512", "any"),
        ("512x512", "maskable"),
    ] {
        assert!(
            found.contains(&(sizes.to_owned(), purpose.to_owned())),
            "{sizes} {purpose}"
        );
    }

    let page = fs::read_to_string(file("index.html")).unwrap();
    let (_, rest) = page.split_once("rel=\"apple-touch-icon\" href=\"").unwrap();
    let touch = image::open(file(rest.split_once('"').unwrap().0)).unwrap();
    assert_eq!((touch.width(), touch.height()), (180, 180));
}
