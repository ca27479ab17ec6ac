//! PCD files that are odd or lie, each with its right answer.

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};
use crate::scan::lzf::tests::encode_literally;

const XYZ: &str = "x:F4 y:F4 z:F4";

/// A file of fields such as `x:F4` or `normal:F4*3`.
fn of(fields: &str, points: &str, data: &str, body: &[u8]) -> Vec<u8> {
    let mut columns = [const { String::new() }; 4];
    for field in fields.split_ascii_whitespace() {
        let (name, kind) = field.split_once(':').unwrap();
        let (kind, count) = kind.split_once('*').unwrap_or((kind, "1"));
        let (kind, size) = kind.split_at(1);
        for (column, word) in columns.iter_mut().zip([name, size, kind, count]) {
            *column += &format!(" {word}");
        }
    }
    let [names, sizes, kinds, counts] = columns;
    let header = format!(
        "VERSION .7\nFIELDS{names}\nSIZE{sizes}\nTYPE{kinds}\nCOUNT{counts}\nWIDTH {points}\nHEIGHT 1\nPOINTS {points}\nDATA {data}\n"
    );
    file(&header, body)
}

fn ascii(fields: &str, points: &str, body: &str) -> Vec<u8> {
    of(fields, points, "ascii", body.as_bytes())
}

fn binary(fields: &str, points: &str, values: &[f32]) -> Vec<u8> {
    of(fields, points, "binary", &floats(values))
}

/// Two points with a change in the header or a row.
fn two(from: &str, to: &str) -> Vec<u8> {
    replaced(&ascii(XYZ, "2", "1 2 3\n4 5 6\n"), from, to)
}

/// Two points with this line in place of one of the header.
fn with_line(key: &str, line: &str) -> Vec<u8> {
    let right = ascii(XYZ, "2", "1 2 3\n4 5 6\n");
    let lines = right.split_inclusive(|b| *b == b'\n');
    let changed = lines.map(|old| match old.starts_with(key.as_bytes()) {
        true => line.as_bytes(),
        false => old,
    });
    changed.collect::<Vec<_>>().concat()
}

fn headers() -> Vec<Case> {
    let right = ascii(XYZ, "2", "1 2 3\n4 5 6\n");
    let lines = |end: &str| {
        let right = String::from_utf8(right.clone()).unwrap();
        right.replace('\n', end).into_bytes()
    };
    let before = |words: &str| file(words, &right);
    cases([
        ("right", right.clone(), Silent(2, 0)),
        (
            "capitals and small letters",
            lines("\n").to_ascii_lowercase(),
            Silent(2, 0),
        ),
        ("lines of Windows", lines("\r\n"), Silent(2, 0)),
        ("lines of old Macs", lines("\r"), Silent(2, 0)),
        ("empty lines", lines("\n\n"), Silent(2, 0)),
        ("a byte order mark", before("\u{feff}"), Silent(2, 0)),
        (
            "a remark",
            before("# .PCD v0.7 - Point Cloud Data file format\n"),
            Silent(2, 0),
        ),
        (
            "a remark of 100 kB",
            before(&format!("#{}\n", "x".repeat(100_000))),
            Silent(2, 0),
        ),
        ("no version", with_line("VERSION", ""), Silent(2, 0)),
        (
            "unknown version",
            with_line("VERSION", "VERSION 9\n"),
            Silent(2, 0),
        ),
        ("no counts", with_line("COUNT", ""), Silent(2, 0)),
        ("no POINTS", with_line("POINTS", ""), Silent(2, 0)),
        ("no WIDTH", with_line("WIDTH", ""), Silent(2, 0)),
        (
            "no FIELDS",
            with_line("FIELDS", ""),
            Refused("FIELDS has 0 entries"),
        ),
        ("no SIZE", with_line("SIZE", ""), Refused("SIZE 0")),
        ("no TYPE", with_line("TYPE", ""), Refused("TYPE 0")),
        (
            "no DATA",
            with_line("DATA", ""),
            Refused("line `1 2 3` is not understood"),
        ),
        (
            "only its first line",
            b"VERSION .7\n".to_vec(),
            Refused("no DATA line"),
        ),
        (
            "two sizes",
            with_line("SIZE", "SIZE 4 4\n"),
            Refused("SIZE 2"),
        ),
        (
            "two types",
            with_line("TYPE", "TYPE F F\n"),
            Refused("TYPE 2"),
        ),
        (
            "two counts",
            with_line("COUNT", "COUNT 1 1\n"),
            Refused("COUNT 2"),
        ),
        (
            "size below zero",
            with_line("SIZE", "SIZE 4 4 -4\n"),
            Refused("SIZE has the value `-4`"),
        ),
        (
            "unknown line",
            with_line("HEIGHT", "LENGTH 1\n"),
            Refused("`LENGTH 1` is not understood"),
        ),
        (
            "unknown data",
            with_line("DATA", "DATA telepathy\n"),
            Refused("DATA `telepathy` is unknown"),
        ),
        (
            "data of no kind",
            with_line("DATA", "DATA\n"),
            Refused("DATA `` is unknown"),
        ),
        (
            "a place of three numbers",
            with_line("HEIGHT", "VIEWPOINT 1 2 3\n"),
            Silent(2, 0),
        ),
        (
            "a place of NaN",
            with_line("HEIGHT", "VIEWPOINT nan nan nan nan 0 0 0\n"),
            Silent(2, 0),
        ),
        (
            "no rotation",
            with_line("HEIGHT", "VIEWPOINT 0 0 0 0 0 0 0\n"),
            Silent(2, 0),
        ),
    ])
}

fn counts() -> Vec<Case> {
    let both = |width: &str, height: &str, points: &str| {
        let header = format!(
            "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH {width}\nHEIGHT {height}\nPOINTS {points}\nDATA ascii\n"
        );
        file(&header, b"1 2 3\n4 5 6\n7 8 9\n1 1 1\n")
    };
    let none = b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nDATA ascii\n1 2 3\n".to_vec();
    let counted = |points: &str| binary(XYZ, points, &[1.0, 2.0, 3.0]);
    cases([
        ("two by two", both("2", "2", "4"), Silent(4, 0)),
        (
            "two by two are five",
            both("2", "2", "5"),
            Refused("POINTS is 5, WIDTH x HEIGHT is 4"),
        ),
        (
            "a product beyond 64 bits",
            both("18446744073709551615", "16", "4"),
            Refused("WIDTH x HEIGHT is 18446744073709551615"),
        ),
        (
            "no height",
            both("4", "0", "4"),
            Refused("WIDTH x HEIGHT is 0"),
        ),
        (
            "width of halves",
            both("1.5", "2", "3"),
            Refused("WIDTH has the value `1.5`"),
        ),
        (
            "neither width nor points",
            none,
            Refused("neither POINTS nor WIDTH"),
        ),
        ("zero points", counted("0"), Refused("no points")),
        ("one point", counted("1"), Silent(1, 0)),
        (
            "two of one",
            counted("2"),
            Refused("at least 24 bytes of data, 12 are there"),
        ),
        (
            "most",
            counted("18446744073709551615"),
            Refused("cut short"),
        ),
        ("points below zero", counted("-1"), Refused("`-1`")),
        (
            "most lines",
            ascii(XYZ, "4000000000", "1 2 3\n"),
            Refused("cut short"),
        ),
    ])
}

fn fields() -> Vec<Case> {
    let one = |fields: &str, row: &str| ascii(fields, "1", row);
    let long = "x:F4 y:F4 z:F4 id:I8";
    let rounded = one(long, "1 2 3 9007199254740993\n");
    let crowd = "x:F4 y:F4 z:F4 _:U1*18446744073709551615";
    cases([
        (
            "no z",
            one("x:F4 y:F4", "1 2\n"),
            Refused("no property `z`; they have: x y"),
        ),
        ("no field", one("", "1\n"), Refused("0 entries")),
        (
            "only padding",
            one("_:F4*3", "1 2 3\n"),
            Refused("no property `x`"),
        ),
        (
            "padding",
            one("x:F4 _:U1*4 y:F4 z:F4", "1 0 0 0 0 2 3\n"),
            Silent(1, 0),
        ),
        (
            "three of x",
            one("x:F4*3 y:F4 z:F4", "1 1 1 2 3\n"),
            Refused("no property `x`"),
        ),
        (
            "none of x",
            one("x:F4*0 y:F4 z:F4", "2 3\n"),
            Refused("no property `x`"),
        ),
        (
            "x twice",
            one("x:F4 y:F4 z:F4 x:F4", "1 2 3 4\n"),
            Warned(1, 0, "`x` twice"),
        ),
        (
            "whole coordinates",
            one("x:I4 y:I2 z:I1", "1 2 3\n"),
            Silent(1, 0),
        ),
        (
            "halves of whole numbers",
            one("x:I4 y:I4 z:I4", "1 2 0.5\n"),
            Refused("`0.5` is not a value of type int"),
        ),
        (
            "floats of 2 bytes",
            one("x:F2 y:F2 z:F2", "1 2 3\n"),
            Refused("type F of 2 bytes"),
        ),
        (
            "unknown type",
            one("x:Q4 y:F4 z:F4", "1 2 3\n"),
            Refused("type Q of 4 bytes"),
        ),
        (
            "integers of 3 bytes",
            one("x:F4 y:F4 z:U3", "1 2 3\n"),
            Refused("type U of 3 bytes"),
        ),
        (
            "5000 values",
            one("x:F4 y:F4 z:F4 d:F4*5000", "1 2 3\n"),
            Refused("more than 4096 values"),
        ),
        (
            "most values",
            one(crowd, "1 2 3\n"),
            Refused("more than 4096 values"),
        ),
        ("long integers", rounded, Warned(1, 0, "`id` were rounded")),
        (
            "color NaN",
            one("x:F4 y:F4 z:F4 rgb:F4", "1 2 3 nan\n"),
            Warned(1, 0, "without colours"),
        ),
        (
            "color beyond 32 bits",
            one("x:F4 y:F4 z:F4 rgb:U4", "1 2 3 4294967296\n"),
            Refused("`4294967296`"),
        ),
        (
            "color of three values",
            one("x:F4 y:F4 z:F4 rgb:U1*3", "1 2 3 4 5 6\n"),
            Silent(1, 0),
        ),
    ])
}

fn rows() -> Vec<Case> {
    let nan = f32::NAN;
    let data = |bytes: &[u8]| of(XYZ, "1", "binary", bytes);
    let point = floats(&[1.0, 2.0, 3.0]);
    cases([
        ("no last line end", two("4 5 6\n", "4 5 6"), Silent(2, 0)),
        (
            "three rows",
            two("4 5 6\n", "4 5 6\n7 8 9\n"),
            Warned(2, 0, "1 rows more"),
        ),
        (
            "a row too few",
            ascii(XYZ, "2", "1.5 2.5 3.5\n"),
            Refused("ends after 1 of its 2 points"),
        ),
        (
            "two values",
            two("4 5 6", "4 55555"),
            Refused("point 1, field `z`: the value is missing"),
        ),
        (
            "a word",
            two("4 5 6", "4 5 banana"),
            Refused("`banana` is not a number"),
        ),
        (
            "decimal commas",
            two("4 5 6", "4 5 6,5"),
            Refused("`6,5` is not a number"),
        ),
        (
            "NaN in text",
            two("4 5 6", "nan -nan 1.#IND"),
            Warned(1, 0, "no finite"),
        ),
        (
            "beyond all bounds",
            two("4 5 6", "1e300 1 1"),
            Warned(1, 0, "no finite"),
        ),
        (
            "NaN",
            binary(XYZ, "2", &[nan, nan, nan, 1.0, 2.0, 3.0]),
            Warned(1, 0, "no finite"),
        ),
        (
            "only NaN",
            binary(XYZ, "1", &[nan; 3]),
            Refused("none of the 1 points"),
        ),
        (
            "infinite",
            binary(XYZ, "2", &[f32::INFINITY, 0.0, 0.0, 1.0, 2.0, 3.0]),
            Warned(1, 0, "no finite"),
        ),
        (
            "equal points",
            binary(XYZ, "500", &[2.0; 1500]),
            Silent(500, 0),
        ),
        (
            "a byte short",
            data(&point[..11]),
            Refused("12 bytes of data, 11 are there"),
        ),
        (
            "a byte more",
            data(&[&point[..], b"!"].concat()),
            Warned(1, 0, "1 bytes after"),
        ),
        (
            "a page of zeros",
            data(&[&point[..], &[0; 4096]].concat()),
            Silent(1, 0),
        ),
        (
            "text in place of data",
            of(XYZ, "2", "binary", b"1 2 3\n4 5 6\n"),
            Refused("cut short"),
        ),
        (
            "data in place of text",
            of(XYZ, "2", "ascii", &[0x80; 24]),
            Refused("is not a number"),
        ),
    ])
}

fn packed() -> Vec<Case> {
    let of = |points: &str, packed: u32, unpacked: u32, data: &[u8]| {
        let sizes = [packed.to_le_bytes(), unpacked.to_le_bytes()].concat();
        of(XYZ, points, "binary_compressed", &[&sizes, data].concat())
    };
    let right = encode_literally(&floats(&[1.0, 2.0, 3.0]));
    let size = right.len() as u32;
    let zeros = [&[0, 0][..], &[7 << 5, 255, 0].repeat(91)].concat();
    let long = 12 * 2000;
    cases([
        ("packed", of("1", size, 12, &right), Silent(1, 0)),
        (
            "packed without sizes",
            self::of(XYZ, "1", "binary_compressed", b"\x0d\0\0\0"),
            Refused("at least 8 bytes of data, 4 are there"),
        ),
        (
            "packed beyond the file",
            of("1", u32::MAX, 12, &right),
            Refused("cut short"),
        ),
        (
            "packed in fewer bytes",
            of("1", size - 1, 12, &right),
            Refused("ends within a run"),
        ),
        (
            "packed in no bytes",
            of("1", 0, 12, b""),
            Refused("unpacks to 0 bytes, 12 are promised"),
        ),
        (
            "packed to another size",
            of("7", size, 12, &right),
            Refused("holds 12 bytes, its header promises 84"),
        ),
        (
            "packed to less",
            of("2", size, 24, &right),
            Refused("unpacks to 12 bytes, 24 are promised"),
        ),
        (
            "packed before its start",
            of("1", 3, 12, &[7 << 5, 3, 200]),
            Refused("before its start"),
        ),
        (
            "packed zeros",
            of("2000", zeros.len() as u32, long, &zeros),
            Refused("unpacks to 24025 bytes, 24000 are promised"),
        ),
        (
            "packed to most",
            of("10000000", 2, 120_000_000, &[0, 0]),
            Refused("2 compressed bytes cannot hold"),
        ),
        (
            "packed with bytes behind",
            of("1", size, 12, &[&right[..], b"more"].concat()),
            Warned(1, 0, "4 bytes after"),
        ),
        (
            "data that are not packed",
            self::of(XYZ, "1", "binary_compressed", &floats(&[1.0, 2.0, 3.0])),
            Refused("its header promises 12"),
        ),
    ])
}

#[test]
fn files_have_their_right_answers() {
    let all = [headers(), counts(), fields(), rows(), packed()].concat();
    // a byte of LZF is up to 88
    assert_family("PCD", Memory::per_byte(64 * 8), &all);
}
