//! LAS and LAZ files that are odd or lie, each with its right answer.

use super::{
    super::Answer::{Refused, Silent, Warned},
    *,
};

#[test]
fn files_have_their_right_answers() {
    let right = las(3, 5);
    let set = |at: usize, bytes: &[u8]| with(&right, at, bytes);
    let old = {
        let mut old = las(0, 5);
        old[24..26].copy_from_slice(&[1, 2]);
        old[94..96].copy_from_slice(&227u16.to_le_bytes());
        old
    };
    let f = |v: f64| v.to_le_bytes();
    let mut cases: Vec<(String, Vec<u8>, Answer)> = vec![
        ("right".into(), right.clone(), Silent(5, 0)),
        ("version 1.2".into(), old, Silent(5, 0)),
        (
            "version 2.0".into(),
            set(24, &[2, 0]),
            Refused("version is 2.0"),
        ),
        (
            "version 1.5".into(),
            set(24, &[1, 5]),
            Refused("versions 1.0 to 1.4 are read"),
        ),
        (
            "version 0.0".into(),
            set(24, &[0, 0]),
            Refused("version is 0.0"),
        ),
        (
            "header of 0 bytes".into(),
            set(94, &[0; 2]),
            Refused("header has 0 bytes"),
        ),
        (
            "header of most bytes".into(),
            set(94, &[0xff; 2]),
            Refused("header has 65535 bytes"),
        ),
        (
            "points at 0".into(),
            set(96, &[0; 4]),
            Refused("begin at byte 0"),
        ),
        (
            "points far away".into(),
            set(96, &[0xff; 4]),
            Refused("begin at byte 4294967295"),
        ),
        (
            "points one byte later".into(),
            set(96, &[120]),
            Refused("cut short"),
        ),
        ("most records".into(), set(100, &[0xff; 4]), Silent(5, 0)),
        ("format 11".into(), set(104, &[11]), Refused("format is 11")),
        (
            "format 63".into(),
            set(104, &[63]),
            Refused("formats 0 to 10"),
        ),
        (
            "format 8".into(),
            set(104, &[8]),
            Refused("34 bytes, those of format 8 have 38"),
        ),
        (
            "format 0".into(),
            set(104, &[0]),
            Warned(5, 0, "14 extra bytes"),
        ),
        (
            "points of 0 bytes".into(),
            set(105, &[0; 2]),
            Refused("0 bytes, those of format 3"),
        ),
        (
            "points of 33 bytes".into(),
            set(105, &[33]),
            Refused("33 bytes"),
        ),
        (
            "points of most bytes".into(),
            set(105, &[0xff; 2]),
            Refused("cut short"),
        ),
        (
            "one point more".into(),
            set(247, &[6]),
            Refused("204 bytes of data, 170 are there"),
        ),
        ("one point less".into(), set(247, &[4]), Silent(4, 0)),
        (
            "no points".into(),
            with(&set(247, &[0]), 107, &[0]),
            Refused("no points"),
        ),
        ("only the old count".into(), set(247, &[0]), Silent(5, 0)),
        (
            "most points".into(),
            set(247, &[0xff; 8]),
            Refused("the limit is 12000000"),
        ),
        (
            "many points".into(),
            set(247, &10_000_000u64.to_le_bytes()),
            Refused("cut short"),
        ),
        (
            "scale NaN".into(),
            set(131, &f(f64::NAN)),
            Refused("none of the 5 points"),
        ),
        (
            "scale infinite".into(),
            set(131, &f(f64::INFINITY)),
            Refused("none of the 5 points"),
        ),
        ("scale 0".into(), set(131, &f(0.0)), Silent(5, 0)),
        (
            "scale 1e300".into(),
            set(131, &f(1e300)),
            Warned(1, 0, "no finite"),
        ),
        ("negative scale".into(), set(131, &f(-0.01)), Silent(5, 0)),
        (
            "offset NaN".into(),
            set(155, &f(f64::NAN)),
            Refused("none of the 5 points"),
        ),
        (
            "offset 1e20".into(),
            set(155, &f(1e20)),
            Refused("none of the 5 points"),
        ),
        ("survey".into(), set(155, &f(691_000.0)), Silent(5, 0)),
        (
            "compressed without a description".into(),
            set(104, &[0x83]),
            Refused("no record says how"),
        ),
        (
            "bytes behind".into(),
            [&right[..], b"hello"].concat(),
            Silent(5, 0),
        ),
        (
            "only its magic".into(),
            b"LASF".to_vec(),
            Refused("promises at least 227 bytes"),
        ),
    ];
    for end in (4..right.len()).step_by(5) {
        let words = if end < 227 { "cut short" } else { "" };
        cases.push((
            format!("cut at {end}"),
            right[..end].to_vec(),
            Refused(words),
        ));
    }
    assert_answers(cases);
    assert_changed_bytes_do_no_harm(&right, 3000);
}

#[test]
fn compressed_files_have_their_right_answers() {
    for format in [3, 7] {
        let right = laz(format, 0, 12, Some(5));
        let points = Scalar::U32.read(&right[96..]) as usize;
        let table = Scalar::I64.read(&right[points..]) as usize;
        let description = 375 + 54;
        let set = |at: usize, bytes: &[u8]| with(&right, at, bytes);
        let varying = laz(format, 0, 12, None);
        let varying_points = Scalar::U32.read(&varying[96..]) as usize;
        let layered = format == 7;
        let one_after_the_other = "one after the other";
        let whole = read_silently(&right).unwrap().table;
        let without = read_silently(&set(points, &[0; 8])).unwrap().table;
        assert_eq!(
            without.elements, whole.elements,
            "without the table of chunks"
        );
        let mut cases: Vec<(String, Vec<u8>, Answer)> = vec![
            ("right".into(), right.clone(), Silent(12, 0)),
            (
                "not marked as compressed".into(),
                set(104, &[format]),
                Refused(""),
            ),
            (
                "other mark".into(),
                set(104, &[format | 0x40]),
                Silent(12, 0),
            ),
            (
                "another format".into(),
                set(104, &[0x80 | if layered { 6 } else { 1 }]),
                Refused("parts are not those"),
            ),
            (
                "longer points".into(),
                set(105, &[40]),
                Refused("parts are not those"),
            ),
            (
                "compressor 0".into(),
                set(description, &[0]),
                Refused("compressor is Some(0)"),
            ),
            (
                "compressor 9".into(),
                set(description, &[9]),
                Refused("1 to 3 are read"),
            ),
            (
                "other compressor".into(),
                set(description, &[if layered { 2 } else { 3 }]),
                Refused("parts are not those"),
            ),
            (
                "chunks of 4 points".into(),
                set(description + 12, &[4]),
                Refused(""),
            ),
            (
                "chunks of most points".into(),
                set(description + 12, &[0xfe, 0xff, 0xff, 0xff]),
                Refused(""),
            ),
            (
                "no parts".into(),
                set(description + 32, &[0]),
                Refused("parts are not those"),
            ),
            (
                "more parts".into(),
                set(description + 32, &[200]),
                Refused("cannot be unpacked"),
            ),
            (
                "part of an unknown kind".into(),
                set(description + 34, &[99]),
                Refused("cannot be unpacked"),
            ),
            (
                "part of another size".into(),
                set(description + 36, &[99]),
                Refused(""),
            ),
            (
                "part of version 9".into(),
                set(description + 38, &[9]),
                Refused(""),
            ),
            (
                "table at 0".into(),
                set(points, &[0; 8]),
                Warned(12, 0, one_after_the_other),
            ),
            (
                "table at -1".into(),
                set(points, &[0xff; 8]),
                Warned(12, 0, one_after_the_other),
            ),
            (
                "table beyond".into(),
                set(points, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
                Warned(12, 0, one_after_the_other),
            ),
            (
                "table of no chunks".into(),
                set(table + 4, &[0; 4]),
                Refused("12 points are missing after its 0 chunks"),
            ),
            (
                "table of one chunk".into(),
                set(table + 4, &[1]),
                Refused(""),
            ),
            (
                "table of most chunks".into(),
                set(table + 4, &[0xff; 4]),
                Warned(12, 0, one_after_the_other),
            ),
            (
                "table damaged".into(),
                set(table + 8, &[0xff; 4]),
                Refused(""),
            ),
            (
                "twenty points".into(),
                with(&set(247, &[20]), 107, &[20]),
                Refused(""),
            ),
            (
                "most points".into(),
                set(247, &[0xff; 8]),
                Refused("the limit is 12000000"),
            ),
            (
                "many points".into(),
                set(247, &10_000_000u64.to_le_bytes()),
                Refused(""),
            ),
            ("eleven points".into(), set(247, &[11]), Silent(11, 0)),
            (
                "chunks of different sizes".into(),
                varying.clone(),
                Silent(12, 0),
            ),
            (
                "those without a table".into(),
                with(&varying, varying_points, &[0; 8]),
                if layered {
                    Warned(12, 0, one_after_the_other)
                } else {
                    Refused("table of chunks is missing")
                },
            ),
        ];
        if layered {
            // the sizes of the layers follow a point and the number of points
            let sizes = points + 8 + 36 + 4;
            cases.push((
                "layer of most bytes".into(),
                set(sizes, &[0xff; 4]),
                Refused("layers of chunk 0 go beyond it"),
            ));
            cases.push((
                "layer of some bytes".into(),
                set(sizes, &[200]),
                Refused("layers of chunk 0 go beyond it"),
            ));
            cases.push((
                "all layers of most bytes".into(),
                set(sizes, &[0xff; 40]),
                Refused("go beyond it"),
            ));
        }
        let step = 3;
        for end in (points..right.len()).step_by(step) {
            // Layers are there before the table is.
            let answer = Refused("");
            let cut = right[..end].to_vec();
            let whole =
                read_silently(&cut).is_ok_and(|scan| scan.len() == 12 && !scan.warnings.is_empty());
            if !whole {
                cases.push((format!("cut at {end}"), cut, answer));
            }
        }
        let named = |(name, bytes, answer)| (format!("format {format}: {name}"), bytes, answer);
        assert_answers(cases.into_iter().map(named).collect());
    }
}

#[test]
fn changed_bytes_of_compressed_files_do_no_harm() {
    for (format, extra, chunk) in [
        (0, 0, Some(5)),
        (3, 2, None),
        (5, 0, Some(6)),
        (6, 0, None),
        (8, 2, Some(5)),
        (10, 0, Some(50)),
    ] {
        assert_changed_bytes_do_no_harm(&laz(format, extra, 12, chunk), 60);
    }
}
