//! PLY files that are odd or lie, each with its right answer.

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

/// A file of elements, as in `vertex 2: xyz, uchar red | face 1: list uchar int vertex_indices`.
fn of(format: &str, elements: &str, body: &[u8]) -> Vec<u8> {
    let mut header = format!("ply\nformat {format} 1.0\n");
    for element in elements.split('|') {
        let (element, properties) = element.split_once(':').unwrap();
        header += &format!("element {}\n", element.trim());
        let properties = properties.replace("xyz", "float x, float y, float z");
        let properties = properties.split(',').map(str::trim);
        for property in properties.filter(|property| !property.is_empty()) {
            header += &format!("property {property}\n");
        }
    }
    file(&format!("{header}end_header\n"), body)
}

fn ascii(elements: &str, body: &str) -> Vec<u8> {
    of("ascii", elements, body.as_bytes())
}

fn little(elements: &str, body: &[u8]) -> Vec<u8> {
    of("binary_little_endian", elements, body)
}

/// One point after these lines of the header.
fn after(lines: &str) -> Vec<u8> {
    let one = ascii("vertex 1: xyz", "1 2 3\n");
    replaced(&one, "element", &format!("{lines}\nelement"))
}

/// One point with a change in its header or its row.
fn one(from: &str, to: &str) -> Vec<u8> {
    replaced(&ascii("vertex 1: xyz", "1 2 3\n"), from, to)
}

/// Three points and faces.
fn mesh(faces: &str, rows: &str) -> Vec<u8> {
    let elements = format!("vertex 3: xyz | face {faces}");
    ascii(&elements, &format!("0 0 0\n1 0 0\n0 1 0\n{rows}"))
}

fn headers() -> Vec<Case> {
    let text = |text: &str| text.as_bytes().to_vec();
    let lines = |end: &str| {
        let right = String::from_utf8(ascii("vertex 1: xyz", "1 2 3\n")).unwrap();
        right.replace('\n', end).into_bytes()
    };
    let remark = [&b"comment B\xfcro\nelement"[..]].concat();
    let latin = {
        let right = ascii("vertex 1: xyz", "1 2 3\n");
        let at = right
            .windows(7)
            .position(|word| word == b"element")
            .unwrap();
        [&right[..at], &remark, &right[at + 7..]].concat()
    };
    let many = |line: &str| after(line.repeat(5000).trim_end());
    cases([
        ("nothing", Vec::new(), Refused("empty")),
        ("a byte order mark", text("\u{feff}"), Refused("empty")),
        ("its name", text("ply"), Refused("no `end_header`")),
        ("its first line", text("ply\n"), Refused("no `end_header`")),
        (
            "a web page",
            text("<html>ply\nformat ascii 1.0"),
            Refused("a web page"),
        ),
        (
            "a picture",
            text("\u{feff}GIF89a ply"),
            Refused("a GIF image"),
        ),
        ("zeros", vec![0; 400], Refused("zero bytes")),
        (
            "no format",
            one("format ascii 1.0\n", ""),
            Refused("no `format`"),
        ),
        (
            "unknown format",
            one("ascii", "binary_middle_endian"),
            Refused("unknown format"),
        ),
        (
            "format without version",
            one(" 1.0", ""),
            Refused("is not understood"),
        ),
        (
            "two formats",
            after("format binary_little_endian 1.0"),
            Refused("a second time"),
        ),
        ("unknown version", one("1.0", "7.0"), Silent(1, 0)),
        (
            "unknown line",
            after("banana 1"),
            Refused("line 3 of the header, `banana 1`"),
        ),
        (
            "property of nothing",
            after("property float x"),
            Refused("before any element"),
        ),
        (
            "unknown type",
            one("float x", "quaternion x"),
            Refused("unknown type"),
        ),
        (
            "property without name",
            one("float x", "float"),
            Refused("is not understood"),
        ),
        (
            "element without count",
            one("vertex 1", "vertex"),
            Refused("is not understood"),
        ),
        (
            "count below zero",
            one("vertex 1", "vertex -5"),
            Refused("whole number"),
        ),
        (
            "count of halves",
            one("vertex 1", "vertex 1.5"),
            Refused("whole number"),
        ),
        (
            "count with a comma",
            one("vertex 1", "vertex 1,000"),
            Refused("whole number"),
        ),
        (
            "count beyond 64 bits",
            one("vertex 1", "vertex 99999999999999999999"),
            Refused("whole number"),
        ),
        (
            "no points",
            one("vertex 1", "face 1"),
            Refused("no element `vertex`"),
        ),
        (
            "no end",
            one("end_header", "comment"),
            Refused("line 8 of the header, `1 2 3`"),
        ),
        (
            "words behind the end",
            one("end_header", "end_header now"),
            Refused("`end_header now`"),
        ),
        ("capitals", lines("\n").to_ascii_uppercase(), Silent(1, 0)),
        ("lines of Windows", lines("\r\n"), Silent(1, 0)),
        ("lines of old Macs", lines("\r"), Silent(1, 0)),
        ("empty lines", lines("\n\n"), Silent(1, 0)),
        ("remark in Latin-1", latin, Silent(1, 0)),
        (
            "remark of 100 kB",
            after(&format!("comment {}", "x".repeat(100_000))),
            Silent(1, 0),
        ),
        ("many remarks", many("comment\n"), Silent(1, 0)),
        ("many elements", many("element e 0\n"), Silent(1, 0)),
        (
            "many elements of most rows",
            many("element e 18446744073709551615\n"),
            Silent(1, 0),
        ),
    ])
}

fn properties() -> Vec<Case> {
    let wide: String = (0..5000).map(|i| format!(", char p{i}")).collect();
    let wide = ascii(&format!("vertex 1: xyz{wide}"), &"1 ".repeat(5003));
    let twice = ascii("vertex 1: xyz | vertex 2: xyz", "1 2 3\n4 5 6\n7 8 9\n");
    let listed = ascii(
        "vertex 1: list uchar float x, float y, float z",
        "1 1 2 3\n",
    );
    let bytes = ascii("vertex 2: char x, char y, char z", "-128 0 127\n1 2 3\n");
    let truths = ascii("vertex 1: xyz, bool seen", "1 2 3 maybe\n");
    cases([
        (
            "no z",
            ascii("vertex 1: float x, float y", "1 2\n"),
            Refused("no property `z`; they have: x y"),
        ),
        (
            "no property",
            ascii("vertex 1:", "\n"),
            Refused("no property `x`"),
        ),
        (
            "most points of no property",
            ascii("vertex 18446744073709551615:", "\n"),
            Refused("the limit is 12000000"),
        ),
        ("a list for x", listed, Refused("no property `x`")),
        (
            "two of x",
            ascii("vertex 1: xyz, float x", "1 2 3 4\n"),
            Warned(1, 0, "`x` twice"),
        ),
        (
            "two of red",
            ascii("vertex 1: xyz, uchar red, uchar red", "1 2 3 4 5\n"),
            Silent(1, 0),
        ),
        ("points twice", twice, Silent(1, 0)),
        ("five thousand properties", wide, Silent(1, 0)),
        ("coordinates in bytes", bytes, Silent(2, 0)),
        ("no truth value", truths, Refused("`maybe`")),
        (
            "color below zero",
            ascii("vertex 1: xyz, uchar red", "1 2 3 -1\n"),
            Refused("`-1`"),
        ),
        (
            "color above a byte",
            ascii("vertex 1: xyz, uchar red", "1 2 3 256\n"),
            Refused("`256`"),
        ),
        (
            "half a color",
            ascii("vertex 1: xyz, uchar red", "1 2 3 0.5\n"),
            Refused("`0.5`"),
        ),
    ])
}

fn text() -> Vec<Case> {
    let points = |rows: &str| ascii("vertex 2: xyz", rows);
    cases([
        ("no last line end", points("1 2 3\n4 5 6"), Silent(2, 0)),
        (
            "tabs and form feeds",
            points("1\t2 3\n\x0c4 5\t6\n"),
            Silent(2, 0),
        ),
        (
            "three rows",
            points("1 2 3\n4 5 6\n7 8 9\n"),
            Warned(2, 0, "1 rows more"),
        ),
        (
            "a row too few",
            points("1.5 2.5 3.5\n"),
            Refused("ends after 1 of the 2 rows"),
        ),
        (
            "four values",
            points("1 2 3 4\n5 6 7\n"),
            Warned(2, 0, "1 rows have more values"),
        ),
        (
            "two values",
            points("1 2 3\n4 55555\n"),
            Refused("row 1 of element `vertex`, property `z`"),
        ),
        (
            "a word",
            points("1 2 3\n4 5 banana\n"),
            Refused("`banana` is not a number"),
        ),
        (
            "decimal commas",
            points("1,5 2,5 3,5\n4 5 6\n"),
            Refused("`1,5` is not a number"),
        ),
        (
            "hexadecimal",
            points("0x1 2 3\n4 5 6\n"),
            Refused("`0x1` is not a number"),
        ),
        (
            "a zero byte",
            points("1 2 3\n4 5\0 6\n"),
            Refused("is not a number"),
        ),
        (
            "another zero",
            points("1 2 3\n4 5 \u{0664}\n"),
            Refused("is not a number"),
        ),
        (
            "no numbers",
            points("1 2 nan\n-nan 1.#QNAN 6\n"),
            Refused("none of the 2 points"),
        ),
        (
            "beyond doubles",
            points("1 2 3\n1e400 0 0\n"),
            Warned(1, 0, "1 of 2 points have no finite"),
        ),
        (
            "beyond all bounds",
            points("1 2 3\n1e300 0 0\n"),
            Warned(1, 0, "no finite"),
        ),
        (
            "a survey",
            points("4320978.001 1 2\n4320978.002 1 2\n"),
            Silent(2, 0),
        ),
        (
            "most rows",
            ascii("vertex 4000000000: xyz", "1 2 3\n"),
            Refused("cut short"),
        ),
        (
            "binary data",
            of("ascii", "vertex 2: xyz", &[0x80; 24]),
            Refused("is not a number"),
        ),
    ])
}

fn data() -> Vec<Case> {
    let at = |values: &[f32]| floats(values);
    let counted = |count: &str| little(&format!("vertex {count}: xyz"), &at(&[1.0, 2.0, 3.0]));
    let big = |body: &[u8]| of("binary_big_endian", "vertex 2: xyz", body);
    let swapped = |v: f32| v.to_be_bytes();
    let spread: Vec<f32> = (0..600).map(|i| 5.0 * (i as f32).sin()).collect();
    let lie = of("binary_big_endian", "vertex 200: xyz", &at(&spread));
    let feeds = [&b"\r\n"[..]].concat().repeat(20);
    let equal = little("vertex 1000: xyz", &at(&[1.0, 2.0, 3.0]).repeat(1000));
    let doubles = [1e200f64, 0.0, 0.0, 1.0, 2.0, 3.0].map(f64::to_le_bytes);
    let doubles = little("vertex 2: double x, double y, double z", &doubles.concat());
    cases([
        (
            "zero points",
            little("vertex 0: xyz", b""),
            Refused("no points"),
        ),
        ("one point", counted("1"), Silent(1, 0)),
        ("equal points", equal, Silent(1000, 0)),
        (
            "NaN",
            little("vertex 2: xyz", &at(&[f32::NAN, 0.0, 0.0, 1.0, 2.0, 3.0])),
            Warned(1, 0, "no finite"),
        ),
        (
            "only NaN",
            little("vertex 1: xyz", &at(&[f32::NAN; 3])),
            Refused("none of the 1 points"),
        ),
        (
            "infinite",
            little(
                "vertex 2: xyz",
                &at(&[f32::INFINITY, 0.0, 0.0, 1.0, 2.0, 3.0]),
            ),
            Warned(1, 0, "no finite"),
        ),
        ("far beyond", doubles, Warned(1, 0, "no finite")),
        (
            "two of one point",
            counted("2"),
            Refused("at least 24 bytes of data, 12 are there"),
        ),
        ("huge count", counted("4000000000"), Refused("cut short")),
        (
            "largest count",
            counted("18446744073709551615"),
            Refused("cut short"),
        ),
        (
            "a byte short",
            little("vertex 1: xyz", &at(&[1.0; 3])[..11]),
            Refused("12 bytes of data, 11 are there"),
        ),
        (
            "a byte more",
            little("vertex 1: xyz", &[&at(&[1.0; 3])[..], b"!"].concat()),
            Warned(1, 0, "1 bytes after"),
        ),
        (
            "converted line ends",
            little("vertex 1: xyz", &feeds),
            Refused("transfer it in binary mode"),
        ),
        (
            "text",
            little("vertex 2: xyz", b"1 2 3\n4 5 6\n"),
            Refused("cut short"),
        ),
        (
            "big endian",
            big(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(swapped).concat()),
            Silent(2, 0),
        ),
        ("the other order", lie, Refused("is damaged")),
        (
            "most rows of another element",
            little(
                "a 4000000000: list uchar int b | vertex 1: xyz",
                &at(&[1.0; 3]),
            ),
            Refused("cut short"),
        ),
    ])
}

fn faces() -> Vec<Case> {
    const LIST: &str = "list uchar int vertex_indices";
    let one = |face: &str| mesh(&format!("1: {LIST}"), &format!("{face}\n"));
    let typed = |list: &str, face: &str| mesh(&format!("1: {list} vertex_indices"), face);
    let lying = |list: &str| {
        let elements = format!("vertex 1: xyz | face 1: {list} v");
        little(&elements, &[floats(&[1.0; 3]), vec![0xff; 8]].concat())
    };
    let fan = one(&format!("255{}", " 0 1 2".repeat(85)));
    let first = ascii(
        &format!("face 1: {LIST} | vertex 3: xyz"),
        "3 0 1 2\n0 0 0\n1 0 0\n0 1 0\n",
    );
    cases([
        ("a face", one("3 0 1 2"), Silent(3, 1)),
        ("faces before points", first, Silent(3, 1)),
        (
            "an old name",
            mesh("1: list uchar int vertex_index", "3 0 1 2\n"),
            Silent(3, 1),
        ),
        (
            "a strange name",
            mesh("1: list uchar int corners", "3 0 1 2\n"),
            Silent(3, 0),
        ),
        (
            "a scalar for the list",
            mesh("1: int vertex_indices", "3\n"),
            Silent(3, 0),
        ),
        (
            "a corner beyond",
            one("3 0 1 3"),
            Warned(3, 0, "1 of 1 faces have a corner that is not a point"),
        ),
        (
            "a corner below zero",
            one("3 0 1 -1"),
            Warned(3, 0, "corner that is not a point"),
        ),
        (
            "half a corner",
            typed("list uchar float", "3 0 1 1.5\n"),
            Warned(3, 0, "corner that is not a point"),
        ),
        (
            "no corner",
            typed("list uchar float", "3 0 1 nan\n"),
            Warned(3, 0, "corner that is not a point"),
        ),
        (
            "corners in floats",
            typed("list uchar float", "3 0 1 2\n"),
            Silent(3, 1),
        ),
        (
            "a dropped corner",
            replaced(&one("3 0 1 2"), "1 0 0", "nan 0 0"),
            Warned(2, 0, "corner that is not a point"),
        ),
        ("two corners", one("2 0 1"), Silent(3, 0)),
        ("an empty face", one("0"), Silent(3, 0)),
        ("one corner thrice", one("3 1 1 1"), Silent(3, 1)),
        ("255 corners", fan, Silent(3, 253)),
        (
            "a face too few",
            mesh(&format!("2: {LIST}"), "3 0 1 2\n"),
            Refused("ends after 1 of the 2 rows"),
        ),
        (
            "longer than its line",
            one("200 0 1 2"),
            Refused("the value is missing"),
        ),
        (
            "many faces",
            mesh(&format!("4000000000: {LIST}"), "3 0 1 2\n"),
            Refused("cut short"),
        ),
        (
            "a length of most",
            lying("list uint double"),
            Refused("cut short"),
        ),
        (
            "a length of 64 bits",
            lying("list uint64 double"),
            Refused("cut short"),
        ),
        (
            "a length below zero",
            lying("list int int"),
            Refused("-1 items"),
        ),
        (
            "a length in floats",
            lying("list float int"),
            Refused("not an integer"),
        ),
        (
            "a list without a type",
            lying("list int"),
            Refused("is not understood"),
        ),
    ])
}

#[test]
fn files_have_their_right_answers() {
    let all = [headers(), properties(), text(), data(), faces()].concat();
    assert_family("PLY", Memory::per_byte(64), &all);
}
