//! The downloaded files: the labelled PLY with all properties of the input, and JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proofs::app::{Page, STEP, Stand, rooms};
use segscape::{scan::Element, write::Export};
use serde_json::Value;

/// Asserts that both files agree with the list.
pub async fn take_along(stand: &Stand, page: &Page, scan: &Path) {
    let names: BTreeMap<u32, String> = page
        .rows()
        .await
        .into_iter()
        .map(|row| (row.id, row.name))
        .collect();
    let stem = scan.file_stem().unwrap().to_str().unwrap();

    let json = download(stand, page, Export::Json, stem).await;
    let json: Value = serde_json::from_slice(&json).unwrap();
    let records = json["instances"].as_array().unwrap();
    let named = records.iter().map(|record| {
        (
            record["id"].as_u64().unwrap() as u32,
            record["label"].as_str().unwrap().to_owned(),
        )
    });
    assert_eq!(
        named.collect::<BTreeMap<_, _>>(),
        names,
        "JSON has the things of the list"
    );

    let labeled = rooms::read(&download(stand, page, Export::Ply, stem).await);
    let rows = labeled.table.point_rows();
    assert_keeps(
        rooms::read(&fs::read(scan).unwrap()).table.point_rows(),
        rows,
    );

    let [instance, label, score] = ["instance", "label", "score"]
        .map(|name| rows.column(name).unwrap().values().collect::<Vec<_>>());
    let name_of_label = |label: f64| {
        let prefix = format!("comment label {label} ");
        labeled
            .table
            .comments
            .iter()
            .find_map(|comment| Some(comment.text().strip_prefix(&prefix)?.to_owned()))
    };
    for record in records {
        let (id, points) = (
            record["id"].as_f64().unwrap(),
            record["points"].as_u64().unwrap(),
        );
        let own: Vec<usize> = (0..rows.count).filter(|row| instance[*row] == id).collect();
        assert_eq!(own.len() as u64, points, "the points of {record}");
        let labels: BTreeSet<_> = own.iter().map(|row| name_of_label(label[*row])).collect();
        assert!(
            own.is_empty()
                || labels == BTreeSet::from([record["label"].as_str().map(str::to_owned)]),
            "the label of {record}: {labels:?}"
        );
        assert!(
            own.iter()
                .all(|row| (score[*row] - record["score"].as_f64().unwrap()).abs() < 1e-5),
            "the score of {record}"
        );
    }
    assert!(
        instance
            .iter()
            .all(|id| *id == -1.0 || names.contains_key(&(*id as u32))),
        "and no other things"
    );
    others(stand, page, stem, names.len()).await;
}

/// Asserts that every other format of the menu comes as a file.
async fn others(stand: &Stand, page: &Page, stem: &str, things: usize) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let table = text(download(stand, page, Export::Csv, stem).await);
    assert_eq!(table.lines().count(), things + 1, "{table}");
    let inventory = text(download(stand, page, Export::Inventory, stem).await);
    assert!(inventory.contains("src=\"data:image/png;base64,iVBOR"));
    for (format, start) in [
        (Export::Viewer, "<!doctype html>"),
        (Export::Glb, "glTF"),
        (Export::Obj, "# "),
        (Export::Las, "LASF"),
        (Export::Laz, "LASF"),
        (Export::Pcd, "# .PCD"),
        (Export::Npz, "PK"),
        (Export::ScanNet, "PK"),
    ] {
        let bytes = download(stand, page, format, stem).await;
        assert!(bytes.starts_with(start.as_bytes()), "{format:?}");
    }
}

/// Asserts that every property of the input is in the output with equal values. A property whose
/// name is needed for the labels gets another name.
pub fn assert_keeps(input: &Element, output: &Element) {
    assert_eq!(output.count, input.count);
    for column in &input.columns {
        let taken = ["instance", "label", "score"].contains(&column.name.as_str());
        let name = if taken {
            format!("{}_input", column.name)
        } else {
            column.name.clone()
        };
        let kept = output
            .column(&name)
            .unwrap_or_else(|| panic!("the property {name} is lost"));
        assert_eq!(kept.scalar, column.scalar, "the type of {name}");
        assert!(
            kept.values()
                .eq(input.column(&column.name).unwrap().values()),
            "the values of {name}"
        );
    }
}

/// Chooses a format in the menu of downloads and returns the bytes of the file. `stem` is the name
/// of the scan.
pub async fn download(stand: &Stand, page: &Page, format: Export, stem: &str) -> Vec<u8> {
    page.press("download").await;
    page.press(&format!("download-{}", format.key())).await;
    downloaded(stand, page, &format!("{stem}.{}", format.ending())).await
}

/// Waits for a file of this name, takes it away and returns its bytes.
pub async fn downloaded(stand: &Stand, page: &Page, name: &str) -> Vec<u8> {
    let path: PathBuf = stand.folder.path().join("downloads").join(name);
    // A file gets its name when it is complete; until then, Firefox keeps an empty one in its place.
    page.until(&format!("the download of {name}"), STEP, async || {
        fs::metadata(&path).is_ok_and(|file| file.len() > 0)
    })
    .await;
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
}
