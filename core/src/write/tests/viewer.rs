//! The page that shows the points.

use serde_json::Value;

use super::{
    formats::{HOSTILE, context, labels_of_scan, near, scan, written},
    *,
};

fn page(labels: &PointLabels, context: &Context) -> String {
    String::from_utf8(Export::Viewer.write(&scan(), labels, context).unwrap()).unwrap()
}

/// What an element of the page has inside.
fn inside<'a>(page: &'a str, begin: &str) -> &'a str {
    let (_, behind) = page.split_once(begin).unwrap();
    behind.split_once("</script>").unwrap().0
}

fn about(page: &str) -> Value {
    serde_json::from_str(inside(page, "id=\"about\">")).unwrap()
}

fn data(page: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = inside(page, "id=\"points\">").trim_end_matches('=');
    let digits: Vec<usize> = text.chars().map(|c| DIGITS.find(c).unwrap()).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = (0..4).fold(0, |bits, i| bits << 6 | four.get(i).copied().unwrap_or(0));
        let bytes = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        bytes.into_iter().take(four.len() - 1)
    });
    bytes.collect()
}

#[test]
fn a_page_has_the_points_their_colors_and_their_things() {
    let (scan, page) = (scan(), page(&labels_of_scan("office chair"), &context()));
    let (about, data) = (about(&page), data(&page));
    assert_eq!((about["points"].as_u64(), data.len()), (Some(3), 3 * 11));
    let things = about["things"].as_array().unwrap();
    assert_eq!(things.len(), 1, "things without points are not there");
    assert_eq!(things[0]["called"], "office chair 4");
    let number = |value: &Value| value.as_f64().unwrap();
    let numbers = |value: &Value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(number)
            .collect::<Vec<_>>()
    };
    let shorts: Vec<u16> = bytemuck::pod_collect_to_vec(&data[..24]);
    let (origin, step) = (numbers(&about["origin"]), number(&about["step"]));
    for (point, position) in scan.positions.iter().enumerate() {
        let at = |axis: usize| origin[axis] + step * f64::from(shorts[3 * point + axis]);
        near(&[0, 1, 2].map(at), &position.map(f64::from), step);
    }
    assert_eq!(shorts[9..], [0, u16::MAX, 0], "the things of the points");
    assert_eq!(data[24..], *scan.colors.as_deref().unwrap().as_flattened());
    let ends = [0, 2].map(|point: usize| scan.positions[point].map(f64::from));
    let middle = |axis: usize| (ends[0][axis] + ends[1][axis]) / 2.0;
    let highest = ends[0][2].max(ends[1][2]);
    near(
        &numbers(&things[0]["top"]),
        &[middle(0), middle(1), highest],
        1e-5,
    );
    assert_eq!(about["painted"], false);
    assert!(page.contains("<title>room</title>") && page.contains("2026-11-30"));
}

#[test]
fn a_page_runs_its_own_script_alone_and_no_text_is_markup() {
    let plain = page(&labels_of_scan("chair"), &Context::default());
    for name in HOSTILE
        .into_iter()
        .chain(["</script><script>alert('x')</script>", "<!--<script>"])
    {
        let context = Context {
            scan: name,
            prompt: name,
            model: name,
            date: name,
            ..context()
        };
        let page = page(&labels_of_scan(name), &context);
        let tags = |page: &str, tag: &str| page.matches(tag).count();
        for tag in ["<script", "</script", "</style", "<!--", "<b>"] {
            assert_eq!(tags(&page, tag), tags(&plain, tag), "{tag} in {page}");
        }
        assert!(!page.contains('\0') && !page.contains("src=") && !page.contains("href="));
        let called = format!("{name} 4");
        assert_eq!(about(&page)["things"][0]["called"], called, "it is text");
    }
    assert!(plain.contains("default-src 'none'; script-src 'sha256-"));
    assert!(
        !plain.contains("unsafe-eval") && !plain.contains("http:") && !plain.contains("https:")
    );
}

#[test]
fn a_page_may_have_no_things_no_points_and_no_colors() {
    let nothing = about(&page(&PointLabels::default(), &context()));
    assert_eq!(nothing["things"].as_array().unwrap().len(), 0);
    let uncolored = Scan::from_points(&[[0.0; 3], [1.0, 2.0, 0.0]], None).unwrap();
    let page = written(Export::Viewer, &uncolored, &PointLabels::default());
    let page = String::from_utf8(page).unwrap();
    assert!(about(&page)["painted"].as_bool().unwrap() && page.contains("<label hidden>"));
    let one = Scan::from_points(&[[5.0, 6.0, 7.0]; 2], None).unwrap();
    let one = written(Export::Viewer, &one, &PointLabels::default());
    let one = about(std::str::from_utf8(&one).unwrap());
    assert_eq!(one["low"], one["high"], "all points are in one place");
}

#[test]
fn the_size_is_known_before() {
    let points: Vec<[f32; 3]> = (0..50_000).map(|i| [i as f32, 0.0, 0.0]).collect();
    let scan = Scan::from_points(&points, None).unwrap();
    let written = written(Export::Viewer, &scan, &PointLabels::default()).len();
    let expected = Export::Viewer.bytes(points.len()).unwrap();
    assert!(
        written.abs_diff(expected) < expected / 50,
        "{written} {expected}"
    );
}
