//! OBJ files: meshes, points, colors, and lines that are wrong.

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

const QUAD: &str = "# made by hand\nmtllib room.mtl\no floor\nv 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 1 1 0 0 0 1\nv 0 1 0 1 1 1\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nvn 0 0 1\nusemtl wood\nf 1/1/1 2/2/1 3/3/1 4/4/1\n";

fn obj(words: &str) -> Scan {
    read_silently(words.as_bytes()).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

#[test]
fn meshes_have_points_colors_and_triangles() {
    let scan = obj(QUAD);
    assert_eq!(
        scan.positions,
        [[0.0; 3], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    );
    assert_eq!(
        scan.colors,
        Some(vec![[255, 0, 0], [0, 255, 0], [0, 0, 255], [255; 3]])
    );
    assert_eq!(scan.triangles, [[0, 1, 2], [0, 2, 3]]);
    let faces = &scan.table.elements[1];
    assert_eq!(faces.lists[1].name, "texcoord");
    assert_eq!(
        faces.lists[1].items,
        floats(&[0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    );
    assert_eq!(
        scan.table.comments,
        ["comment made by hand", "comment mtllib room.mtl"]
    );
    assert_written_back(&scan);
    // and with the spelling of other programs
    for words in [
        "v 0 0 0 255 0 0\nv 1 0 0 0 255 0\nv 1 1 0 0 0 255\nv 0 1 0 255 255 255\nf 1 2 3 4\n",
        "v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 1 1 0 0 0 1\nv 0 1 0 1 1 1\nf -4 -3 -2 -1\n",
        "v 0 0 0 1 0 0 1\r\nv 1 0 0 0 1 0 1\r\nv 1 1 0 0 0 1 1\r\nv 0 1 0 1 1 1 1\r\nf 1 2 \\\r\n3 4\r\n",
        "v 0 0 0 1 0 0\rv 1 0 0 0 1 0\rv 1 1 0 0 0 1\rv 0 1 0 1 1 1\rf 1//1 2//1 3//1 4//1\r",
        "v\t0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 1 1 0 0 0 1\nv 0 1 0 1 1 1\nf 1 2 3\nf 1 3 4\n",
    ] {
        let other = obj(words);
        assert_eq!(other.positions, scan.positions, "{words}");
        assert_eq!(other.colors, scan.colors, "{words}");
        assert_eq!(other.triangles, scan.triangles, "{words}");
    }
}

#[test]
fn normals_of_points_stay() {
    let scan = obj("v 0 0 0\nv 1 0 0\nvn 0 0 1\nvn 0 1 0\n");
    assert_eq!(values(&scan, "nz"), [1.0, 0.0]);
    let scan = obj("v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 1\nvn 0 1 0\nvn 1 0 0\nf 1//1 2//2 3//3\n");
    assert_eq!(names(&scan), ["x", "y", "z", "nx", "ny", "nz"]);
}

#[test]
fn files_have_their_right_answers() {
    let v3 = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
    let face = |face: &str| format!("{v3}{face}\n");
    let long = format!("{v3}f{}\n", " 1 2 3".repeat(1000));
    let cases: Vec<(String, Answer)> = vec![
        (face("f 1 2 3"), Silent(3, 1)),
        (face("f 3 2 1"), Silent(3, 1)),
        (face("f 1/ 2/ 3/"), Silent(3, 1)),
        (face("f 1// 2// 3//"), Silent(3, 1)),
        (face("f 1/9/9 2/9/9 3/9/9"), Warned(3, 1, "texture")),
        (face("f 1 2 3 1 2 3"), Silent(3, 4)),
        (face("f 1 1 1"), Silent(3, 1)),
        (face("f 1 2 3 # a remark"), Silent(3, 1)),
        (face("fo 1 2 3"), Silent(3, 1)),
        (long, Silent(3, 2998)),
        // corners that are not there
        (
            face("f 1 2 4"),
            Warned(3, 0, "1 of 1 faces have a corner that is not a point"),
        ),
        (face("f 0 1 2"), Warned(3, 0, "corner that is not a point")),
        (face("f -4 1 2"), Warned(3, 0, "corner that is not a point")),
        (
            face("f -9223372036854775808 1 2"),
            Warned(3, 0, "corner that is not a point"),
        ),
        (
            face("f 9223372036854775807 1 2"),
            Warned(3, 0, "corner that is not a point"),
        ),
        (
            face("f 4294967297 1 2"),
            Warned(3, 0, "corner that is not a point"),
        ),
        (
            face("f 2147483649 1 2"),
            Warned(3, 0, "corner that is not a point"),
        ),
        (
            face("f 99999999999999999999 1 2"),
            Refused("is not a corner"),
        ),
        (face("f 1 2 3\nf 7 8 9"), Warned(3, 1, "1 of 2 faces")),
        (format!("f 1 2 3\n{v3}"), Silent(3, 1)),
        (
            format!("f -1 -2 -3\n{v3}"),
            Warned(3, 0, "corner that is not a point"),
        ),
        // wrong words
        (face("f a b c"), Refused("line 4: `a` is not a corner")),
        (face("f 1.5 2 3"), Refused("`1.5` is not a corner")),
        (face("f /1 2 3"), Refused("`/1` is not a corner")),
        (face("f 1/x 2/x 3/x"), Refused("`1/x` is not a corner")),
        (face("f 1//x 2 3"), Refused("`1//x` is not a corner")),
        (face("f 1,2,3 2 3"), Refused("is not a corner")),
        (face("f 1 2"), Warned(3, 0, "less than three corners")),
        (face("f 1"), Warned(3, 0, "less than three corners")),
        (face("f"), Warned(3, 0, "less than three corners")),
        (face("l 1 2"), Warned(3, 0, "lines, curves")),
        (face("p 1 2 3"), Silent(3, 0)),
        (face("curv 0 1 1 2"), Warned(3, 0, "curves")),
        (face("s off\ng a b\nusemtl m\nbevel on"), Silent(3, 0)),
        (face("unknown 1 2 3"), Silent(3, 0)),
        (face("f 1 2 \\"), Warned(3, 0, "less than three corners")),
        (face("f 1 \\\n2 \\\n3"), Silent(3, 1)),
        (
            "v 1 2\n".to_owned(),
            Refused("line 1: 2 numbers in place of 3"),
        ),
        ("v 1 2 3\\".to_owned(), Refused("ends within a line")),
        ("v\n".to_owned(), Refused("0 numbers in place of 3")),
        (
            "v 1 2 banana\n".to_owned(),
            Refused("`banana` is not a number"),
        ),
        (
            "v 1 2 3 banana\n".to_owned(),
            Refused("`banana` is not a number"),
        ),
        ("v 1 2 3 4\n".to_owned(), Silent(1, 0)),
        ("v 1 2 3 0 0\n".to_owned(), Silent(1, 0)),
        ("v 1,5 2 3\n".to_owned(), Refused("`1,5` is not a number")),
        (
            "v nan nan nan\n".to_owned(),
            Refused("none of the 1 points"),
        ),
        ("v 1 2 3\nv inf 0 0\n".to_owned(), Warned(1, 0, "no finite")),
        ("v 1e400 0 0\n".to_owned(), Refused("none of the 1 points")),
        (
            "v 1 2 3\nvn 1 2\n".to_owned(),
            Refused("line 2: 2 numbers in place of 3"),
        ),
        (
            "v 1 2 3\nvn 1 2 x\n".to_owned(),
            Refused("`x` is not a number"),
        ),
        ("v 1 2 3\nvt x\n".to_owned(), Refused("`x` is not a number")),
        ("v 1 2 3\nvt 0.5\n".to_owned(), Silent(1, 0)),
        ("v 1 2 3\nvt 0.5 0.5 0\n".to_owned(), Silent(1, 0)),
        (
            "v 1 2 3\nvt\n".to_owned(),
            Refused("1 numbers in place of 2"),
        ),
        (
            format!("{v3}vn 0 0 1\nf 1//1 2//1 3//1\n"),
            Warned(3, 1, "normals belong to corners"),
        ),
        (
            format!("mtllib a.mtl\n{v3}f 1 2 3\n"),
            Warned(3, 1, "`a.mtl` and its textures, which are not in this file"),
        ),
        (format!("mtllib\n{v3}"), Silent(3, 0)),
        // colors
        (
            "v 0 0 0 1 0 0\nv 1 1 1\n".to_owned(),
            Warned(2, 0, "1 of 2 points have no known colour"),
        ),
        (
            "v 0 0 0\nv 1 1 1 1 0 0\n".to_owned(),
            Warned(2, 0, "1 of 2 points have no known colour"),
        ),
        (
            "v 0 0 0 nan nan nan\nv 1 1 1 1 0 0\n".to_owned(),
            Warned(2, 0, "no known colour"),
        ),
        (
            "v 0 0 0 2 0 0\nv 1 1 1 1 0 0\nv 1 2 1 1 0 0\n".to_owned(),
            Warned(3, 0, "outside 0 to 1"),
        ),
        // files that are hardly any
        ("mtllib a.mtl\n".to_owned(), Refused("no points")),
        ("f 1 2 3\n".to_owned(), Refused("no points")),
        ("vt 0 0\nvn 0 0 1\n".to_owned(), Refused("no points")),
        ("o nothing\n".to_owned(), Refused("plain text")),
        ("# v 1 2 3\n".to_owned(), Refused("plain text")),
        ("vertex 1 2 3\n".to_owned(), Warned(1, 0, "left out: 1")),
        (format!("{v3}\0\0"), Refused("binary data")),
        (format!("\u{feff}{v3}f 1 2 3\n"), Silent(3, 1)),
        (format!("\n\n   {v3}\n\n"), Silent(3, 0)),
        (
            format!("{}{v3}", "# a long remark\n".repeat(500)),
            Silent(3, 0),
        ),
        (format!("o room 1 2 3\n{v3}"), Silent(3, 0)),
    ];
    let named = |(words, answer): (String, Answer)| {
        let name: String = words.chars().take(80).collect();
        (format!("{name:?}"), words.into_bytes(), answer)
    };
    let cases: Vec<Case> = cases.into_iter().map(named).collect();
    assert_family("OBJ", Memory::per_byte(64), &cases);
}

#[test]
fn polygons_of_many_corners_are_counted_in_a_large_type() {
    let corners: String = (1..=300).map(|i| format!(" {i}")).collect();
    let vertices: String = (0..300).map(|i| format!("v {i} 0 {}\n", i % 7)).collect();
    let scan = obj(&format!("{vertices}f{corners}\n"));
    assert_eq!(scan.triangles.len(), 298);
    assert_written_back(&scan);
}

#[test]
fn cut_anywhere_no_file_panics() {
    for end in 1..QUAD.len() {
        let _ = read_silently(&QUAD.as_bytes()[..end]);
    }
    assert_changed_bytes_do_no_harm(QUAD.as_bytes(), 3000);
}
