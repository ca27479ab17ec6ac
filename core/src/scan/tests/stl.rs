//! STL files in both forms.

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

const TRIANGLES: [[f32; 9]; 2] = [
    [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.5],
    [0.0, 0.0, 0.0, 1.0, 1.0, 0.5, -0.0, 1.0, 0.0],
];

fn binary(header: &str, triangles: &[[f32; 9]], attribute: u16) -> Vec<u8> {
    let mut bytes = vec![0; 80];
    bytes[..header.len()].copy_from_slice(header.as_bytes());
    bytes.extend((triangles.len() as u32).to_le_bytes());
    for triangle in triangles {
        bytes.extend(floats(&[0.0, 0.0, 1.0]));
        bytes.extend(floats(triangle));
        bytes.extend(attribute.to_le_bytes());
    }
    bytes
}

fn ascii() -> String {
    let facet = |t: &[f32; 9]| {
        let corner = |k: usize| format!("vertex {} {} {:e}\n", t[k], t[k + 1], t[k + 2]);
        format!(
            "facet normal 0 0 1\nouter loop\n{}{}{}endloop\nendfacet\n",
            corner(0),
            corner(3),
            corner(6)
        )
    };
    let facets: String = TRIANGLES.iter().map(facet).collect();
    format!("solid a room of mine\n{facets}endsolid a room of mine\n")
}

#[test]
fn corners_at_one_place_are_one_point() {
    let scan = read_silently(&binary("a room", &TRIANGLES, 0)).unwrap();
    assert_eq!(
        scan.positions,
        [[0.0; 3], [1.0, 0.0, 0.0], [1.0, 1.0, 0.5], [0.0, 1.0, 0.0]]
    );
    assert_eq!(scan.triangles, [[0, 1, 2], [0, 2, 3]]);
    let faces = &scan.table.elements[1];
    assert_eq!(
        faces.column("nz").unwrap().values().collect::<Vec<_>>(),
        [1.0, 1.0]
    );
    assert_eq!(scan.table.comments, ["comment a room"]);
    assert_eq!(scan.warnings, []);
    assert_written_back(&scan);

    let other = read_silently(ascii().as_bytes()).unwrap();
    assert_eq!(other.positions, scan.positions);
    assert_eq!(other.triangles, scan.triangles);
    assert_eq!(other.table.comments, ["comment a room of mine"]);
    assert_written_back(&other);

    // a binary file may call itself solid, and its last two bytes mean what a program likes
    let scan = read_silently(&binary("solid facet", &TRIANGLES, 513)).unwrap();
    let attributes = scan.table.elements[1].column("attribute").unwrap();
    assert_eq!(attributes.values().collect::<Vec<_>>(), [513.0, 513.0]);
}

fn binary_files() -> Vec<Case> {
    let right = binary("", &TRIANGLES, 0);
    let count = |count: u32| with(&right, 80, &count.to_le_bytes());
    let corner = |at: usize, v: f32| with(&right, 96 + 4 * at, &v.to_le_bytes());
    let mut longer = right.clone();
    longer.extend([1, 2, 3]);
    vec![
        ("right".into(), right.clone(), Silent(4, 2)),
        (
            "three bytes more".into(),
            longer,
            Warned(4, 2, "3 bytes after the last row"),
        ),
        (
            "one triangle counted".into(),
            count(1),
            Warned(3, 1, "50 bytes after"),
        ),
        ("none counted".into(), count(0), Refused("binary data")),
        (
            "three counted".into(),
            count(3),
            Refused("150 bytes of data, 100 are there"),
        ),
        ("most counted".into(), count(u32::MAX), Refused("cut short")),
        (
            "no triangles".into(),
            binary("", &[], 0),
            Refused("no points"),
        ),
        (
            "NaN".into(),
            corner(0, f32::NAN),
            Warned(4, 1, "no finite coordinates"),
        ),
        (
            "infinite".into(),
            corner(4, f32::INFINITY),
            Warned(3, 1, "no finite"),
        ),
        ("huge".into(), corner(0, 1e30), Warned(4, 1, "no finite")),
        ("one place".into(), binary("", &[[1.0; 9]], 0), Silent(1, 1)),
        (
            "all NaN".into(),
            binary("", &[[f32::NAN; 9]], 0),
            Refused("none of the 1 points"),
        ),
        (
            "all zero places".into(),
            binary("", &[[0.0; 9]; 2], 0),
            Silent(1, 2),
        ),
        (
            "a triangle without area".into(),
            binary("", &[[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]], 0),
            Silent(2, 1),
        ),
        (
            "a triangle a thousand times".into(),
            binary("", &[TRIANGLES[0]; 1000], 0),
            Silent(3, 1000),
        ),
        (
            "attributes".into(),
            binary("", &TRIANGLES, 65_535),
            Silent(4, 2),
        ),
        (
            "solid".into(),
            binary("solid facet normal", &TRIANGLES, 0),
            Silent(4, 2),
        ),
        (
            "a header of most bytes".into(),
            with(&right, 0, &[0xff; 80]),
            Silent(4, 2),
        ),
        (
            "a normal of NaN".into(),
            with(&right, 84, &[0xff; 12]),
            Silent(4, 2),
        ),
        (
            "no normals, and bytes behind".into(),
            [
                &with(&with(&right, 84, &[0; 12]), 134, &[0; 12])[..],
                b"more",
            ]
            .concat(),
            Refused("binary data"),
        ),
        (
            "a corner a light second away".into(),
            corner(0, 3e8),
            Silent(5, 2),
        ),
        (
            "no triangle behind its header".into(),
            right[..84].to_vec(),
            Refused("binary data"),
        ),
        (
            "half a header".into(),
            right[..40].to_vec(),
            Refused("zero bytes"),
        ),
        (
            "one triangle and a half".into(),
            right[..84 + 75].to_vec(),
            Refused("100 bytes of data, 75 are there"),
        ),
        (
            "converted line ends".into(),
            [&count(1)[..134], &b"\r\n".repeat(20)].concat(),
            Refused("transfer it in binary mode"),
        ),
    ]
}

#[test]
fn cut_anywhere_binary_files_are_errors() {
    let right = binary("", &TRIANGLES, 0);
    let cut = |end: usize| {
        let words = match end {
            ..81 => "zero bytes",
            81..134 => "binary data",
            _ => "cut short",
        };
        let bytes = right[..end].to_vec();
        (format!("cut at {end}"), bytes, Refused(words))
    };
    assert_answers((1..right.len()).map(cut).collect());
    assert_changed_bytes_do_no_harm(&right, 3000);
}

fn ascii_files() -> Vec<Case> {
    let right = ascii();
    let change = |from: &str, to: &str| replaced(right.as_bytes(), from, to);
    cases([
        ("text", right.clone().into_bytes(), Silent(4, 2)),
        (
            "in capitals",
            right.to_uppercase().into_bytes(),
            Silent(4, 2),
        ),
        (
            "in one line",
            change("room of mine\nfacet", "room\nfacet")
                .iter()
                .map(|b| if *b == b'\r' { b' ' } else { *b })
                .collect(),
            Silent(4, 2),
        ),
        (
            "lines of Windows",
            right.replace('\n', "\r\n").into_bytes(),
            Silent(4, 2),
        ),
        (
            "lines of old Macs",
            right.replace('\n', "\r").into_bytes(),
            Silent(4, 2),
        ),
        (
            "without a name",
            change("solid a room of mine", "solid"),
            Silent(4, 2),
        ),
        (
            "two solids",
            [right.as_bytes(), right.as_bytes()].concat(),
            Silent(4, 4),
        ),
        (
            "empty solid",
            b"solid a\nendsolid a\n".to_vec(),
            Refused("no points"),
        ),
        (
            "without normals",
            right.replace("normal 0 0 1", "").into_bytes(),
            Silent(4, 2),
        ),
        (
            "one without its normal",
            change("normal 0 0 1", ""),
            Silent(4, 2),
        ),
        (
            "two corners",
            change("vertex 1 0 0e0\n", ""),
            Refused("a facet has 2 corners in place of 3"),
        ),
        (
            "four corners",
            change("vertex 1 0 0e0\n", "vertex 1 0 0\nvertex 1 0 0\n"),
            Refused("more than 3 corners"),
        ),
        (
            "no corners",
            b"solid\nfacet\nendfacet\nendsolid\n".to_vec(),
            Refused("0 corners"),
        ),
        (
            "wrong number",
            change("vertex 1 0 0e0", "vertex 1 0 zero"),
            Refused("line 5: `zero` is not a number"),
        ),
        (
            "number missing",
            change("vertex 1 0 0e0", "vertex 1 0"),
            Refused("`vertex` is not a number"),
        ),
        (
            "decimal comma",
            change("vertex 1 0 0e0", "vertex 1,0 0 0"),
            Refused("`1,0` is not a number"),
        ),
        (
            "NaN in text",
            change("vertex 1 0 0e0", "vertex nan 0 0"),
            Warned(3, 1, "no finite"),
        ),
        (
            "beyond all bounds",
            change("vertex 1 0 0e0", "vertex 1e300 0 0"),
            Warned(3, 1, "no finite"),
        ),
        (
            "wrong normal",
            change("normal 0 0 1", "normal up"),
            Refused("`up` is not a number"),
        ),
        (
            "normal of NaN",
            change("normal 0 0 1", "normal nan nan nan"),
            Silent(4, 2),
        ),
        (
            "unknown word",
            change("outer loop", "inner loop"),
            Refused("`inner` is not expected here"),
        ),
        (
            "facet in a facet",
            change("outer loop", "facet"),
            Refused("`facet` is not expected"),
        ),
        (
            "corner outside",
            change("facet normal", "vertex 0 0 0\nfacet normal"),
            Refused("`vertex` is not expected"),
        ),
        (
            "solid in a solid",
            change("facet normal", "solid\nfacet normal"),
            Refused("`solid` is not expected"),
        ),
        (
            "endsolid within",
            change("endloop", "endsolid"),
            Refused("`endsolid` is not expected"),
        ),
        (
            "endfacet twice",
            change("endfacet", "endfacet\nendfacet"),
            Refused("`endfacet` is not expected"),
        ),
        (
            "words behind",
            change("endsolid a room of mine\n", "endsolid a\nhello\n"),
            Refused("`hello` is not expected"),
        ),
        (
            "without its end",
            change("endsolid a room of mine\n", ""),
            Refused("ends before its `endsolid`"),
        ),
        (
            "binary within",
            change("vertex 1 0 0e0", "vertex 1 0 \u{1}"),
            Refused("binary data"),
        ),
        (
            "only the start",
            b"solid facet".to_vec(),
            Refused("ends before"),
        ),
        (
            "other text",
            b"solid advice for the facets of life".to_vec(),
            Refused("ends before"),
        ),
        ("solid words", b"solid work".to_vec(), Refused("plain text")),
        (
            "two normals, and a facet without one",
            replaced(
                &change("facet normal 0 0 1", "facet normal 0 0 1 normal 0 0 1"),
                "endfacet\nfacet normal 0 0 1",
                "endfacet\nfacet",
            ),
            Refused("`normal` is not expected"),
        ),
        (
            "a byte order mark",
            format!("\u{feff}{right}").into_bytes(),
            Silent(4, 2),
        ),
        (
            "no last line end",
            right.trim_end().as_bytes().to_vec(),
            Silent(4, 2),
        ),
        (
            "a long name",
            change("a room", &"room ".repeat(20_000)),
            Silent(4, 2),
        ),
        (
            "another name at its end",
            change("endsolid a room", "endsolid the house"),
            Silent(4, 2),
        ),
        (
            "exponents of Fortran",
            change("0e0", "0D+00"),
            Refused("`0D+00` is not a number"),
        ),
        (
            "four coordinates",
            change("vertex 1 0 0e0", "vertex 1 0 0 1"),
            Refused("`1` is not expected"),
        ),
        (
            "colors",
            change("outer loop", "color 1 0 0\nouter loop"),
            Refused("`color` is not expected"),
        ),
        (
            "its first line",
            b"solid a\nfacet".to_vec(),
            Refused("ends before its `endsolid`"),
        ),
        (
            "an open facet",
            change("endfacet\nendsolid", "endsolid"),
            Refused("`endsolid` is not expected"),
        ),
    ])
}

#[test]
fn files_have_their_right_answers() {
    // a place is met in a table of places, too
    assert_family(
        "STL",
        Memory::per_byte(64),
        &[binary_files(), ascii_files()].concat(),
    );
}

#[test]
fn cut_anywhere_ascii_files_are_errors() {
    let right = ascii();
    let least = right.find("endsolid").unwrap();
    let cut = |end: usize| {
        let bytes = right.as_bytes()[..end].to_vec();
        (format!("cut at {end}"), bytes, Refused(""))
    };
    assert_answers((30..least).step_by(7).map(cut).collect());
    assert_changed_bytes_do_no_harm(right.as_bytes(), 3000);
}
