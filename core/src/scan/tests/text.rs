//! Tables of numbers in every spelling, and texts that are none.

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

fn text(words: &str) -> Scan {
    read_silently(words.as_bytes()).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

const NAMED: &str = "x,y,z,red,green,blue\n";

#[test]
fn columns_are_named_by_headers_and_remarks() {
    let cases = [
        "X;Y;Z;R;G;B;Classification\n0;0;0;255;0;0;5\n1.5;2;-3;0;128;7;6\n",
        "\"X\",\"Y\",\"Z\",\"R\",\"G\",\"B\",\"Classification\"\n\"0\",0,0,255,0,0,5\n1.5,2,-3,0,128,7,6\n",
        "//X Y Z R G B Classification\n0 0 0 255 0 0 5\n1.5 2 -3 0 128 7 6\n",
        "# made by a scanner\n# x, y, z, r, g, b, Classification\n0,0,0,255,0,0,5\n1.5,2,-3,0,128,7,6\n",
        "X[m]\tY[m]\tZ[m]\tRed\tGreen\tBlue\tClassification\r\n0\t0\t0\t255\t0\t0\t5\r\n1.5\t2\t-3\t0\t128\t7\t6\r\n",
        "x y z r g b Classification\r0 0 0 255 0 0 5\r1.5 2 -3 0 128 7 6\r",
        "R G B X Y Z Classification\n255 0 0 0 0 0 5\n0 128 7 1.5 2 -3 6\n",
        "\u{feff}x,y,z,red,green,blue,Classification\n0, 0, 0, 255, 0, 0, 5\n1.5, 2, -3, 0, 128, 7, 6\n",
        "X;Y;Z;R;G;B;Classification\n0,0;0;0,00;255;0;0;5\n1,5;2;-3;0;128;7;6\n",
    ];
    for words in cases {
        let scan = text(words);
        assert_eq!(scan.positions, [[0.0; 3], [1.5, 2.0, -3.0]], "{words:?}");
        assert_eq!(
            scan.colors,
            Some(vec![[255, 0, 0], [0, 128, 7]]),
            "{words:?}"
        );
        assert_eq!(values(&scan, "classification"), [5.0, 6.0], "{words:?}");
        let is_silent = scan.warnings.iter().all(|w| w.0.contains("decimal points"));
        assert!(is_silent, "{words:?}: {:?}", scan.warnings);
        assert_written_back(&scan);
    }
}

#[test]
fn columns_without_names_are_known_by_their_values() {
    let cases = [
        (
            "0 0 0 10 20 30\n1 2 3 40 50 60\n",
            "columns 4 to 6 were read as colors",
            "red",
        ),
        (
            "0 0 0 0.1 0.2 0.3\n1 2 3 0.4 0.5 0.9\n",
            "columns 4 to 6 were read as colors",
            "red",
        ),
        (
            "0 0 0 0 0 1\n1 2 3 0.6 0 -0.8\n",
            "columns 4 to 6 were read as normals",
            "nx",
        ),
        (
            "0 0 0 0.5\n1 2 3 -7\n",
            "column 4 was read as `intensity`",
            "intensity",
        ),
        (
            "0 0 0 -1500 10 20 30\n1 2 3 900 40 50 60\n",
            "columns 5 to 7 were read as colors",
            "column_4",
        ),
        (
            "0 0 0 10 20 30 77\n1 2 3 40 50 60 88\n",
            "column 7 was read as `column_7`",
            "column_7",
        ),
        (
            "0 0 0 10 20 30 0 0 1\n1 2 3 40 50 60 0 1 0\n",
            "columns 7 to 9 were read as normals",
            "nz",
        ),
        (
            "0 0 0 0 0 1 10 20 30\n1 2 3 0 1 0 40 50 60\n",
            "columns 7 to 9 were read as colors",
            "blue",
        ),
        (
            "0 0 0 4000 5000 60000\n1 2 3 400 500 6\n",
            "column 4 was read as `column_4`",
            "column_6",
        ),
    ];
    for (words, warning, column) in cases {
        let scan = text(words);
        assert_eq!(scan.positions, [[0.0; 3], [1.0, 2.0, 3.0]], "{words:?}");
        assert!(
            scan.warnings[0].0.contains(warning),
            "{words:?}: {:?}",
            scan.warnings
        );
        assert!(
            names(&scan).contains(&column),
            "{words:?}: {:?}",
            names(&scan)
        );
        assert_eq!(
            scan.colors.is_some(),
            warning.contains("colors") || words.contains("20 30")
        );
        assert_written_back(&scan);
    }
}

#[test]
fn columns_have_the_types_of_their_values() {
    let scan = text("x y z r g b label instance time\n0 0 0 1 2 3 5 1 0.25\n1 2 3 4 5 6 7 2 1e9\n");
    let types: Vec<Scalar> = (scan.table.point_rows().columns.iter())
        .map(|c| c.scalar)
        .collect();
    use Scalar::{F64, I32, U8};
    assert_eq!(types, [F64, F64, F64, U8, U8, U8, I32, I32, F64]);
    let truth = scan.truth.unwrap();
    assert_eq!((truth.semantic, truth.instance), (vec![5, 7], vec![1, 2]));
    // survey coordinates keep their digits
    let scan = text("691000.1234 5334000.5678 512.25\n691001.1234 5334001.5678 513.25\n");
    assert_eq!(values(&scan, "x"), [691_000.123_4, 691_001.123_4]);
    let scan = text("0 0 0 0 0 0\n1 1 1 1 1 0\n2 2 2 1 0 0\n3 3 3 0 1 0\n");
    assert_eq!(
        scan.colors.unwrap()[1],
        [255, 255, 0],
        "whole numbers of 0 to 1"
    );
}

#[test]
fn texts_have_their_right_answers() {
    let cases: &[(&str, Answer)] = &[
        // right files in odd forms
        (
            "0 0 0\n1 2 3\n",
            Warned(2, 0, "columns 1 to 3 were read as x, y and z"),
        ),
        ("1 2 3", Warned(1, 0, "x, y and z")),
        ("1 2 3\r4 5 6\r", Warned(2, 0, "x, y and z")),
        ("\n\n  1   2\t3  \n\n4 5 6", Warned(2, 0, "x, y and z")),
        ("1,2,3\n4,5,6\n", Warned(2, 0, "x, y and z")),
        ("1, 2, 3\n4, 5, 6\n", Warned(2, 0, "x, y and z")),
        ("1;2;3\n4;5;6\n", Warned(2, 0, "x, y and z")),
        (
            "1.5;2;3;\n4;5;6;\n",
            Warned(2, 0, "columns without numbers were left out: 4"),
        ),
        (
            "1,5 2,5 3,5\n4,5 5,5 6,5\n",
            Warned(2, 0, "commas were read as decimal points"),
        ),
        (
            "1,5\t2,5\t3,5\n4,5\t5,5\t6,5\n",
            Warned(2, 0, "commas were read as decimal points"),
        ),
        (
            "1 2 3, 10 20 30\n4 5 6, 40 50 60\n",
            Warned(2, 0, "columns 4 to 6 were read as colors"),
        ),
        ("1e0 2E+1 -3.5e-2\n+4 .5 6.\n", Warned(2, 0, "x, y and z")),
        (
            "# remark\n1 2 3\n# remark\n4 5 6\n",
            Warned(2, 0, "x, y and z"),
        ),
        (
            "% remark\n1 2 3\n! remark\n4 5 6\n// remark\n",
            Warned(2, 0, "x, y and z"),
        ),
        // PTS
        (
            "2\n1 2 3 -100 10 20 30\n4 5 6 900 40 50 60\n",
            Warned(2, 0, "columns 5 to 7 were read as colors"),
        ),
        ("2\r\n1 2 3\r\n4 5 6\r\n", Warned(2, 0, "x, y and z")),
        (
            "1\n1 2 3\n1\n4 5 6\n",
            Warned(2, 0, "promises 1 points, the file has 2"),
        ),
        (
            "3\n1 2 3\n4 5 6\n7 8\n",
            Warned(2, 0, "promises 3 points, the file has 2"),
        ),
        (
            "2\n1 2 3\n4 5 6\n7 8 9\n",
            Warned(3, 0, "promises 2 points, the file has 3"),
        ),
        ("3\n1 2 3\n4 5 6\n", Refused("promises at least 17 bytes")),
        (
            "3\n1.5 2.5 3.5\n4 5 6\n",
            Refused("ends after 2 of the 3 points"),
        ),
        ("4000000000\n1 2 3\n", Refused("cut short")),
        ("18446744073709551615\n1 2 3\n", Refused("cut short")),
        (
            "99999999999999999999999\n1 2 3\n",
            Warned(1, 0, "x, y and z"),
        ),
        ("0\n", Refused("plain text")),
        ("5\n", Refused("plain text")),
        // rows that are not like the others
        (
            "1 2 3\n4 5 6\n7 8\n",
            Warned(2, 0, "line 3: 2 values in place of 3"),
        ),
        (
            "1 2 3\n4 5 6\n7 8 banana\n",
            Warned(2, 0, "`banana` is not a number"),
        ),
        (
            "1 2 3\n4 5 6\n7 8 9 10\n",
            Warned(3, 0, "1 rows have more values"),
        ),
        (
            "1 2 3 4\n4 5 6\n7 8 9\n",
            Warned(3, 0, "1 rows have more values"),
        ),
        ("1 2 3\n4 5\n4 5\n4 5\n", Refused("plain text")),
        (
            "x,y,z\n1,2,3\nno,data,here\n4,5,6\n",
            Warned(2, 0, "line 3"),
        ),
        (
            "x,y,z\n1,2,\n4,5,6\n",
            Warned(1, 0, "no finite coordinates"),
        ),
        ("x,y,z,i\n1,2,3,\n4,5,6,7\n", Silent(2, 0)),
        ("x,y,z,i\n1,2,3,n/a\n4,5,6,NULL\n7,8,9,1\n", Silent(3, 0)),
        (
            "x,y,z,name\n1,2,3,chair\n4,5,6,table\n",
            Warned(2, 0, "left out: 4"),
        ),
        (
            "name,x,y,z\nchair,1,2,3\ntable,4,5,6\n",
            Warned(2, 0, "left out: 1"),
        ),
        (
            "name x y z\nchair 1 2 3\ntable 4 5 6\n",
            Warned(2, 0, "left out: 1"),
        ),
        ("1 2 3 inf\n4 5 6 nan\n", Warned(2, 0, "x, y and z")),
        (
            "1 2 nan\n4 5 6\n",
            Warned(1, 0, "1 of 2 points have no finite"),
        ),
        (
            "nan nan nan\nnan nan nan\n",
            Refused("none of the 2 points"),
        ),
        ("inf 1 2\n-inf 1 2\n", Refused("none of the 2 points")),
        ("1e300 1 2\n1e301 1 2\n", Refused("none of the 2 points")),
        ("1e999 1 2\n3 1 2\n", Warned(1, 0, "no finite")),
        // names
        ("x,y,z\n1,2,3\n", Silent(1, 0)),
        ("x,y,z\n", Refused("plain text")),
        (
            "a,b,c\n1,2,3\n",
            Refused("no property `x`; they have: a b c"),
        ),
        ("x,y\n1,2,3\n", Warned(1, 0, "x, y and z")),
        ("x,y,z,x\n1,2,3,4\n", Silent(1, 0)),
        ("x,y,z,,\n1,2,3,4,5\n", Silent(1, 0)),
        (
            "longitude,latitude,height\n11.50000,48.10000,500\n11.50002,48.10002,503\n",
            Refused("degrees"),
        ),
        (
            "Rechtswert;Hochwert;Höhe\n1,5;2,5;3,5\n",
            Warned(1, 0, "decimal points"),
        ),
        (
            "# timestamp tx ty tz qx qy qz qw\n1.0 1 2 3 0 0 0 1\n2.0 1 2 3 0 0 0 1\n",
            Refused("no property `x`"),
        ),
        (
            "timestamp tx ty tz qx qy qz qw\n1.0 1 2 3 0 0 0 1\n2.0 1 2 3 0 0 0 1\n",
            Refused("no property `x`"),
        ),
        // what is no table
        ("1 2\n3 4\n", Refused("plain text")),
        ("1\n2\n3\n", Refused("plain text")),
        ("hello world, this is a text\n", Refused("plain text")),
        ("# only remarks\n# 1 2 3\n", Refused("plain text")),
        ("\n\n\n", Refused("plain text")),
        (
            "3 bananas and 4 apples for 5 people\n",
            Refused("plain text"),
        ),
        (
            "On 1 2 3 go\nwe went to the sea\nand back\n",
            Refused("plain text"),
        ),
        ("{\"points\": [1, 2, 3]}", Refused("JSON")),
        ("[1, 2, 3]\n[4, 5, 6]\n", Refused("JSON")),
        ("<points>1 2 3</points>", Refused("XML")),
        ("<html>1 2 3</html>", Refused("web page")),
        ("OFF\n3 0 0\n1 2 3\n4 5 6\n7 8 9\n", Refused("OFF")),
        ("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", Refused("matrix")),
        ("5.2e2 0 3.2e2\n0 5.2e2 2.4e2\n0 0 1\n", Refused("matrix")),
        ("1 2 3\0\n4 5 6\n", Refused("binary data")),
        ("1 2 3 \u{1}\n", Refused("binary data")),
        ("０ １ ２\n", Refused("plain text")),
        ("0x10 0x20 0x30\n", Refused("plain text")),
        (";;;\n;;;\n", Refused("plain text")),
        (",,,,,\n1,2,3,,\n", Warned(1, 0, "without numbers")),
        ("1,2;3,4;5,6;7\n", Warned(1, 0, "decimal points")),
        ("-,-,-\n1,2,3\n4,5,6\n", Warned(2, 0, "x, y and z")),
    ];
    let named = |(words, answer): &(&str, Answer)| {
        (format!("{words:?}"), words.as_bytes().to_vec(), *answer)
    };
    let cases: Vec<Case> = cases.iter().map(named).collect();
    assert_family("text", Memory::per_byte(64), &cases);
}

#[test]
fn wide_and_long_lines_are_named() {
    let wide = format!("{}\n", "1 ".repeat(300)).repeat(3);
    let long = format!("1 2 {}\n4 5 6\n7 8 9\n", "3".repeat(100_000));
    let word = format!("x,y,z\n1,2,3\n4,5,{}\n", "z".repeat(100_000));
    assert_answers(vec![
        ("wide".to_owned(), wide.into_bytes(), Refused("plain text")),
        (
            "long number".to_owned(),
            long.into_bytes(),
            Warned(2, 0, "finite"),
        ),
        (
            "long word".to_owned(),
            word.into_bytes(),
            Warned(1, 0, "is not a number"),
        ),
    ]);
}

#[test]
fn cut_anywhere_a_table_is_shorter_or_refused() {
    let words = format!("{NAMED}0,0,0,255,0,0\n1,2,3,0,255,0\n4,5,6,0,0,255\n");
    for end in 1..words.len() {
        match read_silently(&words.as_bytes()[..end]) {
            Ok(scan) => assert!(scan.len() <= 3, "cut at {end}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let promised = format!("3\n{}", "1.5 2.5 3.5\n".repeat(3));
    for end in 2..promised.len() - 4 {
        let error = read_silently(&promised.as_bytes()[..end]);
        let is_short =
            error.as_ref().is_err() || error.as_ref().is_ok_and(|scan| !scan.warnings.is_empty());
        assert!(is_short, "cut at {end}: {error:?}");
    }
}

#[test]
fn changed_bytes_do_no_harm() {
    let words = format!("{NAMED}0,0,0,255,0,0\n1,2,3,0,255,0\n4,5,6,0,0,255\n");
    assert_changed_bytes_do_no_harm(words.as_bytes(), 2000);
    assert_changed_bytes_do_no_harm(b"3\n1 2 3 4\n5 6 7 8\n9 10 11 12\n", 2000);
}

#[test]
fn more_rows_than_the_limit_are_refused() {
    let words = "1 2 3\n".repeat(MAX_POINTS + 1);
    assert_eq!(
        read_silently(words.as_bytes())
            .map_err(|error| error.reason().clone())
            .err(),
        Some(ReadError::TooManyPoints {
            found: MAX_POINTS as u64 + 1,
            limit: MAX_POINTS
        })
    );
}
