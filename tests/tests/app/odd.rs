//! Odd files in the page's worker: it says of them what is said natively, finds in them what it
//! finds in the file that they were made of, and takes any unit.

use std::{collections::BTreeMap, ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, process::Command};

use proofs::{
    app::{Page, STEP, Visit, WorkerSaid, elsewhere::Elsewhere, program, story},
    odd::{self, Odd, Opened, found},
};
use segscape::job::OpenError;

/// Serves the files on this machine.
async fn serve(files: &[Odd]) -> Elsewhere {
    let served = files
        .iter()
        .map(|odd| (format!("/{}", odd.name), odd.bytes.clone()));
    Elsewhere::serve(served).await
}

#[test]
fn the_worker_reads_odd_files_as_expected() {
    story(async |stand| {
        let files = odd::files();
        let server = serve(&files).await;
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        let mut complaints = Vec::new();
        for Odd {
            name,
            bytes,
            expected,
        } in &files
        {
            let said = page.ask_worker(&server.origin, name, false).await;
            let native = odd::open(bytes);
            let found = expected.complaints(&native);
            complaints.extend(found.into_iter().map(|words| format!("{name}: {words}")));
            complaints.extend(differences(name, &said, &native));
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    });
}

/// What the worker says of a file and what is said natively, if these differ.
fn differences(
    name: &str,
    said: &WorkerSaid,
    native: &Result<Opened, OpenError>,
) -> Option<String> {
    let (Opened { scan, found }, points) = match (native, &said.points) {
        (Ok(opened), Some(points)) => (opened, points),
        (Err(error), None) => {
            let message = format!("{name}: {error}");
            let same = said.failed.as_ref() == Some(&message);
            return (!same).then(|| format!("{:?} instead of {message:?}", said.failed));
        }
        (Ok(_), None) => return Some(format!("{name}: refused: {:?}", said.failed)),
        (Err(error), Some(_)) => return Some(format!("{name}: read instead of: {error}")),
    };
    let warnings: Vec<&str> = scan.warnings.iter().map(|w| w.0.as_str()).collect();
    let colors: Vec<u8> = scan
        .colors
        .iter()
        .flatten()
        .flat_map(|&[r, g, b]| [r, g, b, 255])
        .collect();
    let checks = [
        ("points", points.scan.points as usize == scan.len()),
        (
            "positions",
            points.positions == scan.positions.as_flattened(),
        ),
        ("colors", points.colors == colors),
        ("warnings", points.scan.warnings == warnings),
        ("up", points.scan.preflight.up == found.up),
        ("unit", points.scan.preflight.unit == found.unit),
        ("color", points.scan.preflight.color == found.color),
        (
            "spacing",
            points.scan.preflight.spacing.words == found.spacing.words,
        ),
    ];
    let wrong: Vec<&str> = checks
        .iter()
        .filter(|(_, same)| !same)
        .map(|(what, _)| *what)
        .collect();
    (!wrong.is_empty()).then(|| {
        format!(
            "{name}: {wrong:?} are others than natively: {:?} and {found:?}, {warnings:?}",
            points.scan
        )
    })
}

#[test]
fn the_worker_finds_the_same_in_odd_files() {
    story(async |stand| {
        let files = odd::files();
        let server = serve(&files).await;
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        let mut known = BTreeMap::new();
        for Odd { name, expected, .. } in &files {
            let others = [&expected.same_instances_as, &expected.same_figures_as];
            let mut names: Vec<&str> = others.into_iter().flatten().map(String::as_str).collect();
            if !names.is_empty() || expected.instances_must_not_own_the_origin == Some(true) {
                names.push(name);
            }
            for name in names {
                if !known.contains_key(name) {
                    let said = page.ask_worker(&server.origin, name, true).await;
                    assert_eq!(said.failed, None, "{name}");
                    known.insert(name.to_owned(), said.found());
                }
            }
        }
        let truth = |name: &str| {
            let odd = files.iter().find(|odd| odd.name == name).unwrap();
            odd::open(&odd.bytes).unwrap().scan.truth
        };
        let complaints =
            found::complaints(files.iter().map(|odd| (odd.name, &odd.expected)), |name| {
                (known[name].clone(), truth(name))
            });
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    });
}

/// A texture is not read; that is said on the page, on the error output and in the JSON.
#[test]
fn what_is_left_out_is_said_everywhere() {
    story(async |stand| {
        let files = odd::files();
        let textured = files.iter().find(|odd| odd.name == odd::TEXTURED).unwrap();
        let warning = textured.expected.warning.as_ref().unwrap();
        let scan = stand.file(textured.name, &textured.bytes);
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.choose(&scan).await;
        said_on(&page, warning).await;

        // names of files are bytes
        let renamed = stand.folder.path().join(OsStr::from_bytes(b"B\xfcro.ply"));
        fs::copy(&scan, &renamed).unwrap();
        let mut segment: Command = program("trainer");
        segment
            .args(["segment", "--device", "cpu", "--json"])
            .arg(&renamed);
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let output = segment.current_dir(root).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        assert!(errors.contains(warning), "{errors}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let warnings = json["warnings"].as_array().unwrap();
        let has = |line: &serde_json::Value| line.as_str().unwrap().contains(warning);
        assert!(warnings.iter().any(has), "{json}");
        assert!(json["scan"].as_str().unwrap().ends_with("B\u{fffd}ro.ply"));
    });
}

/// A USDZ package is an archive, and yet a scan: on the page, where it is dropped, and natively.
#[test]
fn a_package_of_usd_opens_as_a_scan() {
    story(async |stand| {
        let files = odd::files();
        let package = files
            .iter()
            .find(|odd| odd.name.ends_with(".usdz"))
            .unwrap();
        let native = odd::open(&package.bytes).unwrap();
        let scan = stand.file(package.name, &package.bytes);
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        page.drop_files(&[&scan]).await;
        page.until_done().await;
        said_on(&page, "The unit is").await;
        assert_eq!(page.cameras().await, 0, "it is no capture");
        assert!(page.picture_covers().await > 0.02, "points are drawn");

        let mut segment: Command = program("trainer");
        let segment = segment.args(["segment", "--device", "cpu", "--json"]);
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let output = segment.arg(&scan).current_dir(root).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["points"], native.scan.len(), "{json}");
    });
}

async fn said_on(page: &Page, words: &str) {
    page.until(words, STEP, async || {
        page.text("preflight").await.contains(words)
    })
    .await;
}

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
/// Control and A, and both up again.
const SELECT_ALL: &str = "\u{e009}a\u{e000}";

/// Any unit can be chosen, with the keyboard alone; what cannot be one is refused in words.
#[test]
fn a_unit_without_a_name_is_typed() {
    story(async |stand| {
        let page = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        let room = fs::read(stand.thin_room()).unwrap();
        page.choose(&stand.file("units.ply", &room)).await;
        page.until_done().await;
        said_on(&page, "The unit is").await;
        page.unfold("preflight").await;
        assert!(!page.exists("metres-per-unit").await);

        // "o" is the first letter of the choice for others
        page.keys("unit", "o").await;
        page.until("the box", STEP, async || {
            page.has_focus("metres-per-unit").await
        })
        .await;
        page.keep_picture("desktop-8-unit").await;
        assert_eq!(page.flaws().await, [] as [&str; 0]);
        page.keys("metres-per-unit", "2").await;
        assert_eq!(
            page.value("metres-per-unit").await,
            "2",
            "typed over what was there"
        );
        page.keys("metres-per-unit", ESCAPE).await;
        page.until("no box", STEP, async || page.has_focus("unit").await)
            .await;
        assert!(!page.exists("metres-per-unit").await);
        assert_eq!(page.value("unit").await, "metres", "nothing is chosen");

        page.keys("unit", "o").await;
        for (typed, words) in [
            ("0", "between a micrometre and 1000 km"),
            ("1e7", "between a micrometre and 1000 km"),
            ("a foot", "\"a foot\" is not a number of metres"),
        ] {
            page.keys("metres-per-unit", &format!("{SELECT_ALL}{typed}{ENTER}"))
                .await;
            page.until(words, STEP, async || {
                page.text("unit-problem").await.contains(words)
            })
            .await;
        }
        assert!(
            page.text("status").await.starts_with("Done"),
            "nothing is opened again"
        );

        page.keys("metres-per-unit", &format!("{SELECT_ALL}0,9144{ENTER}"))
            .await;
        said_on(&page, "The unit is 0.9144 m, as you chose.").await;
        page.until_done().await;
        assert_eq!(page.value("unit").await, "other");
        assert_eq!(page.value("metres-per-unit").await, "0.9144");
        page.unfold("preflight").await;
        page.keys("unit", "f").await;
        said_on(&page, "The unit is feet, as you chose.").await;
    });
}
