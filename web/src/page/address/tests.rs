use wasm_bindgen_test::wasm_bindgen_test;

use super::*;

#[wasm_bindgen_test]
fn a_view_is_written_and_read() {
    let view = LinkedView {
        camera: Camera::orbiting(Vec3::new(1.25, -0.5, 0.0), 6.125, 0.6, 0.65),
        coloring: Some(Coloring::Label),
        threshold: Some(0.2),
        prompt: Some("chair & table, 80 cm".into()),
        selected: Some(12),
        ceiling: Some(None),
        clip: Some(Some(Aabb {
            min: [-0.5, 0.0, 0.25],
            max: [1.0, 2.0, 3.125],
        })),
    };
    let text = view.fragment();
    assert_eq!(
        text,
        "view=1.25,-0.5,0,6.125,34.4,37.2&color=label&threshold=0.2&prompt=chair+%26+table,+80+cm&selected=12&ceiling=off&clip=-0.5,0,0.25,1,2,3.12"
    );
    let read = LinkedView::read(&text);
    assert_eq!(read.fragment(), text);
    assert_eq!(read.prompt, view.prompt);
    assert_eq!(LinkedView::read("ceiling=2.5").ceiling, Some(Some(2.5)));
    assert_eq!(LinkedView::read(""), LinkedView::default());
    assert_eq!(LinkedView::read("manage=abc"), LinkedView::default());
    assert_eq!(secret("manage=abc").as_deref(), Some("abc"));
    assert_eq!(without_secret("manage=abc"), "");
    let view = "view=1,2,3,4,5,6&color=label";
    assert_eq!(without_secret(&format!("manage=abc&{view}&manage=d")), view);
}

#[wasm_bindgen_test]
fn what_is_not_valid_counts_as_not_said() {
    for hostile in [
        "view=",
        "view=1,2,3",
        "view=1,2,3,4,5,6,7",
        "view=NaN,0,0,6,0,0",
        "view=0,0,inf,6,0,0",
        "view=1e30,0,0,6,0,0",
        "view=0,0,0,0,0,0",
        "view=0,0,0,-6,0,0",
        "view=0,0,0,6,1e39,0",
        "view=%00%ff",
        "color=<script>",
        "threshold=2",
        "threshold=-0.1",
        "threshold=NaN",
        "selected=-1",
        "selected=99999999999",
        "ceiling=NaN",
        "ceiling=1e9",
        "clip=0,0,0,1,1",
        "clip=0,0,0,1,-1,1",
        "clip=0,0,0,1,1,inf",
        &format!("prompt={}", "a".repeat(LONGEST_PROMPT + 1)),
    ] {
        assert_eq!(
            LinkedView::read(hostile),
            LinkedView::default(),
            "{hostile}"
        );
    }
    let partly = LinkedView::read("view=x&threshold=0.5&color=&selected=3");
    assert_eq!((partly.threshold, partly.selected), (Some(0.5), Some(3)));
    let steep = LinkedView::read("view=0,0,0,6,400,99").camera;
    assert!(steep.is_some_and(|camera| camera.pitch < std::f32::consts::FRAC_PI_2));
}

#[wasm_bindgen_test]
fn a_budget_is_a_number_of_points_that_is_enough() {
    assert_eq!(budget("20000"), Some(20_000));
    for hostile in ["", "999", "-1", "1e6", "20 000", "4294967296", "NaN"] {
        assert_eq!(budget(hostile), None, "{hostile}");
    }
}

#[wasm_bindgen_test]
fn links_by_url_stay_readable() {
    let scene = |url: &str, name: Option<&str>| Address {
        url: url.to_owned(),
        name: name.map(str::to_owned),
    };
    assert_eq!(
        by_url(&[scene(
            "https://example.org/a room.ply?x=1&y=2",
            Some("My room.ply")
        )]),
        "/?scene=https://example.org/a+room.ply%3Fx%3D1%26y%3D2&filename=My+room.ply"
    );
    let three = [
        scene("/a.ply", None),
        scene("/b", Some("b.ply")),
        scene("/c.ply", None),
    ];
    assert_eq!(
        by_url(&three),
        "/?scene=/a.ply&filename=&scene=/b&filename=b.ply&scene=/c.ply"
    );
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    assert_eq!(
        addresses(owned(&["/a.ply", "/b", "/c.ply"]), owned(&["", "b.ply"])),
        three
    );
    assert!(addresses(owned(&[""]), owned(&["b.ply"])).is_empty());
}
