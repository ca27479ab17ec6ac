#![allow(clippy::unwrap_used)]

use std::fs;

use segscape::{scan, superpoint::Superpoints, text::Vocabulary};

use super::*;
use crate::{
    data::labeled_scan::{LabeledScan, Object},
    data::structure::Structure,
    evaluation::Found,
};

/// Returns `Ok` if all elements are closed in order and all attributes are quoted.
fn well_formed(html: &str) -> Result<(), String> {
    let mut rest = html.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    let mut open: Vec<&str> = Vec::new();
    while let Some(start) = rest.find('<') {
        if rest[..start].contains('>') && open.last() != Some(&"style") {
            return Err(format!("a stray > in {}", &rest[..start]));
        }
        let end = rest[start..].find('>').ok_or("a tag does not end")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> ends something else"));
            }
            continue;
        }
        let (tag, alone) = tag
            .strip_suffix('/')
            .map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let quoted: Vec<&str> = attributes.split('"').collect();
        let outside_quotes = quoted
            .iter()
            .step_by(2)
            .all(|part| part.trim().is_empty() || part.trim_start().ends_with('='));
        if quoted.len().is_multiple_of(2)
            || !outside_quotes
            || name.is_empty()
            || !name.chars().all(|c| c.is_ascii_alphanumeric())
        {
            return Err(format!("<{tag}>"));
        }
        if !alone {
            open.push(name);
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("{open:?} do not end"))
    }
}

const NASTY: &str = "<script>alert('R&D')";

/// A room with a chair and a cabinet of 10 x 10 x 8 points beside a wall; found are the chair,
/// called a cabinet, and half of the wall.
fn answer() -> Answer {
    let block = |corner: [f32; 3]| {
        (0..800).map(move |i| {
            [
                corner[0] + (i % 10) as f32 * 0.05,
                corner[1] + (i / 10 % 10) as f32 * 0.05,
                corner[2] + (i / 100) as f32 * 0.1,
            ]
        })
    };
    let positions: Vec<[f32; 3]> = [[0.5, 0.5, 0.0], [2.0, 1.0, 0.0], [3.0, 3.0, 0.0]]
        .into_iter()
        .flat_map(block)
        .collect();
    let named = |name: &str| Vocabulary::shipped().lookup(name).unwrap().to_vec();
    let object = |name: &str, class| Object {
        class,
        name: Some(name.into()),
    };
    Answer {
        path: format!("rooms/{NASTY}.ply").into(),
        scan: LabeledScan {
            triangles: vec![],
            superpoints: Superpoints::from_ids(&vec![0; positions.len()]),
            object_of_point: (0..positions.len())
                .map(|i| [Some(0), Some(1), None][i / 800])
                .collect(),
            objects: vec![object("chair", 5), object("cabinet", 3)],
            stuff: vec![1],
            truth: scan::Truth {
                semantic: (0..positions.len()).map(|i| [5, 3, 1][i / 800]).collect(),
                instance: (0..positions.len()).map(|i| [1, 2, 3][i / 800]).collect(),
            },
            structure: (0..positions.len())
                .map(|i| [None, None, Some(Structure::Wall)][i / 800])
                .collect(),
            colors: None,
            positions,
        },
        found: vec![
            Found {
                points: (0..790).collect(),
                score: 0.8,
                class: None,
                embedding: named("cabinet"),
                logit_scale: 20.0,
            },
            Found {
                points: (1600..2000).collect(),
                score: 0.6,
                class: None,
                embedding: named("chair"),
                logit_scale: 20.0,
            },
        ],
    }
}

/// Creates the folder of a run with a log of 200 steps.
fn run(folder: &Path) -> std::path::PathBuf {
    let run = folder.join("a <b> & 'c'");
    fs::create_dir_all(&run).unwrap();
    let step = |i: u32| {
        let falls = 10.0 / f64::from(i + 1);
        format!(
            "{{\"step\":{},\"loss\":{falls},\"class\":{},\"semantic\":0.0,\"learning_rate\":6e-4,\"scenes_per_second\":2.5,\"seconds\":{i},\"scenes\":{i}}}\n",
            i + 1,
            falls / 2.0
        )
    };
    fs::write(
        run.join(LOG),
        (0..200).map(step).collect::<String>() + "{\"step\":2",
    )
    .unwrap();
    run
}

#[test]
fn the_checker_sees_what_is_broken() {
    for broken in [
        "<p>",
        "<!DOCTYPE html><p>",
        "<!DOCTYPE html><p></b>",
        "<!DOCTYPE html><p class=x></p>",
        "<!DOCTYPE html><p a=\"\"\"></p>",
        "<!DOCTYPE html><p>a > b</p>",
    ] {
        assert!(well_formed(broken).is_err(), "{broken}");
    }
    well_formed("<!DOCTYPE html><p a=\"b c\">d &gt; e<br/></p>").unwrap();
}

#[test]
fn a_log_becomes_curves() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let html = page(&run, &[], &Words::usual()).unwrap();
    well_formed(&html).unwrap();
    assert!(
        html.contains("a &lt;b&gt; &amp; &#39;c&#39;") && !html.contains("<b>&"),
        "the run's name is text"
    );
    for shown in [
        "<b>200</b><span>steps",
        "<b>2.5</b><span>scenes per second",
        "Learning rate",
        "Scenes per second",
        "Class",
        "1 lines of the log",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    assert!(
        !html.contains("Surface"),
        "a term that is always zero is no curve"
    );
    assert_eq!(html.matches("<svg").count(), 4);
    assert!(
        !html.contains("http") && !html.contains("<script"),
        "nothing is fetched, nothing runs"
    );

    fs::write(run.join(validation::FILE), "{\"step\":100,\"ap\":0.1,\"ap50\":0.2,\"ap25\":0.3,\"protocol\":\"scannet\"}\n{\"step\":200,\"ap\":0.4,\"ap50\":0.5,\"ap25\":0.6,\"protocol\":\"scannet\"}\n").unwrap();
    let html = page(&run, &[], &Words::usual()).unwrap();
    assert!(html.contains("By class, percent") && !html.contains("Classes ignored, percent"));
    assert!(html.contains("<span class=\"key s1\">AP50</span>"));
    assert!(page(&folder.path().join("nothing"), &[], &Words::usual()).is_err());
}

#[test]
fn what_was_found_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let html = page(&run(folder.path()), &[answer()], &Words::usual()).unwrap();
    well_formed(&html).unwrap();
    assert!(!html.contains("<script"), "names are text");
    assert!(html.contains("&lt;script&gt;alert(&#39;R&amp;D&#39;)"));
    assert!(html.contains("1 of 2 objects found, 0 with the right name"));
    assert_eq!(
        html.matches("src=\"data:image/png;base64,iVBOR").count(),
        4,
        "two views of what was found and of the truth"
    );
    // the chair is called a cabinet, the cabinet is not found
    let matrix = &html[html.find("class=\"matrix\"").unwrap()..];
    let row = |name: &str| {
        let row = &matrix[matrix
            .find(&format!("<th scope=\"row\">{name} (1)"))
            .unwrap()..];
        row[..row.find("</tr>").unwrap()]
            .split("\">")
            .skip(2)
            .map(|cell| cell.split('<').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // columns: cabinet, chair, another name, not found
    assert_eq!(
        (row("cabinet"), row("chair")),
        (
            vec!["·".into(), "·".into(), "·".into(), "1".to_owned()],
            vec!["1".into(), "·".into(), "·".into(), "·".to_owned()]
        )
    );
    assert!(html.contains("ScanNet200 head"));
}
