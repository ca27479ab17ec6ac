//! The inventory page.

use super::{
    formats::{HOSTILE, context, labels_of_scan, scan, written},
    *,
};

fn page(labels: &PointLabels, context: &Context) -> String {
    String::from_utf8(Export::Inventory.write(&scan(), labels, context).unwrap()).unwrap()
}

#[test]
fn a_page_lists_the_things_with_sizes_and_positions() {
    let page = page(&labels_of_scan("office chair"), &context());
    for part in [
        "<title>room</title>",
        "<dd>chair, &lt;b&gt;table&lt;/b&gt;</dd>",
        "<dd>nano</dd>",
        "<dd>2026-11-30</dd>",
        "</i>1 office chair</li>",
        "</i>office chair</td><td>0.50</td><td>0.00</td><td>2.00</td><td>2000000</td><td>-2999000</td><td>350</td><td>0.75</td>",
        "in millimetres; +y is up",
        "@page{size:A4",
        "prefers-color-scheme:dark",
        "@media print",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert_eq!(
        page.matches("<tr><td>").count(),
        1,
        "things without points are not there"
    );
    assert!(!page.contains("<img"));
}

#[test]
fn a_page_has_nothing_from_elsewhere_and_no_text_is_markup() {
    for name in HOSTILE {
        let context = Context {
            scan: name,
            prompt: name,
            model: name,
            date: name,
            ..context()
        };
        let page = page(&labels_of_scan(name), &context);
        assert!(
            !page.contains("<script") && !page.contains("alert('x')") && !page.contains('\0'),
            "{page}"
        );
        assert!(!page.contains("<b>") && page.matches("</style>").count() == 1);
        assert!(!page.contains("src=\"http") && !page.contains("href="));
    }
    let escaped = page(&labels_of_scan("a<b>&\"c\"'"), &context());
    assert!(escaped.contains("a&lt;b&gt;&amp;&quot;c&quot;&#39;</td>"));
}

#[test]
fn a_page_holds_the_picture_and_may_have_no_things() {
    let with = Context {
        picture: Some(b"\x89PNG"),
        ..context()
    };
    let page_with = page(&PointLabels::default(), &with);
    assert!(page_with.contains("src=\"data:image/png;base64,iVBORw==\""));
    assert!(page_with.contains("No things were found"));
    let unnamed = written(
        Export::Inventory,
        &scan(),
        &PointLabels {
            instances: vec![LabeledInstance {
                id: 1,
                label: None,
                score: 1.0,
            }],
            instance_of_point: vec![0; 3],
            labels: Vec::new(),
        },
    );
    assert!(String::from_utf8(unnamed).unwrap().contains("1 unnamed"));
}
