//! LAS and LAZ files that are odd or lie, each with its right answer.

use super::{
    super::Answer::{Refused, Silent, Warned},
    *,
};

/// The header of a file of five points, and its points.
fn plain() -> Vec<Case> {
    let right = las(3, 5);
    let set = |at: usize, bytes: &[u8]| with(&right, at, bytes);
    let old = {
        let mut old = las(0, 5);
        old[24..26].copy_from_slice(&[1, 2]);
        old[94..96].copy_from_slice(&227u16.to_le_bytes());
        old
    };
    let f = |v: f64| v.to_le_bytes();
    vec![
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
    ]
}

/// What is odd about the records and the points behind the header.
fn behind_the_header() -> Vec<Case> {
    let right = las(3, 5);
    let first = 375;
    let set = |at: usize, bytes: &[u8]| with(&right, at, bytes);
    let with_record = |record: Vec<u8>| {
        let header = header(0, 26, 3, &[record]);
        [header, records(0, 6, 3)].concat()
    };
    let extra = |described: &[u8]| with_record(record("LASF_Spec", 4, described));
    let version = |minor: u8, size: u16| {
        let old = with(&las(1, 5), 24, &[1, minor]);
        with(&old, 94, &size.to_le_bytes())
    };
    let corners = [i32::MIN, i32::MAX, 0].map(i32::to_le_bytes).concat();
    let far = (0..5).fold(right.clone(), |file, point| {
        with(&file, first + 34 * point, &corners)
    });
    let equal = (0..5).fold(right.clone(), |file, point| {
        with(&file, first + 34 * point, &[7; 12])
    });
    let black = (0..5).fold(right.clone(), |file, point| {
        with(&file, first + 34 * point + 28, &[0; 6])
    });
    let feeds = [&header(0, 20, 4, &[])[..], &b"\r\n".repeat(80)].concat();
    let name = [b'x'; 32].map(char::from).iter().collect::<String>();
    cases([
        ("version 1.0", version(0, 227), Silent(5, 0)),
        ("version 1.3", version(3, 235), Silent(5, 0)),
        (
            "version 1.4 with a short header",
            version(4, 227),
            Silent(5, 0),
        ),
        (
            "nine points of an old program",
            set(107, &[9]),
            Silent(5, 0),
        ),
        ("a new format", las(6, 5), Silent(5, 0)),
        ("waves in another file", las(4, 5), Silent(5, 0)),
        ("the longest points", las(10, 5), Silent(5, 0)),
        ("one point", las(0, 1), Silent(1, 0)),
        (
            "points without bytes",
            header(0, 20, 0, &[]),
            Refused("no points"),
        ),
        (
            "zeros behind its name",
            with(&[0; 400], 0, b"LASF"),
            Refused("version is 0.0"),
        ),
        (
            "its name in small letters",
            set(0, b"lasf"),
            Refused("binary data of an unknown kind"),
        ),
        (
            "a record of most bytes",
            with(&with_record(record("a", 1, &[])), 375 + 20, &[0xff; 2]),
            Warned(3, 0, "6 extra bytes"),
        ),
        (
            "a record without a name",
            with_record(record("", 0, &[])),
            Warned(3, 0, "6 extra bytes"),
        ),
        (
            "a record of another's number",
            with_record(record("mine", 4, &[1; 192])),
            Warned(3, 0, "6 extra bytes"),
        ),
        (
            "extra bytes of a long name",
            extra(&description(10, 0, &name, 0.0, 0.0)),
            Warned(3, 0, "6 extra bytes"),
        ),
        (
            "extra bytes without a name",
            extra(&description(5, 0, "", 0.0, 0.0)),
            Warned(3, 0, "2 extra bytes"),
        ),
        (
            "extra bytes called x",
            extra(
                &[
                    description(3, 0, "x", 0.0, 0.0),
                    description(5, 0, "x", 0.0, 0.0),
                ]
                .concat(),
            ),
            Silent(3, 0),
        ),
        (
            "extra bytes times NaN",
            extra(
                &[
                    description(3, 8, "a", f64::NAN, 0.0),
                    description(5, 0, "b", 0.0, 0.0),
                ]
                .concat(),
            ),
            Silent(3, 0),
        ),
        (
            "half a description",
            extra(&[1; 191]),
            Warned(3, 0, "6 extra bytes"),
        ),
        (
            "a coordinate system",
            with_record(record("LASF_Projection", 2112, b"PROJCS[\"\xff\"]\0")),
            Warned(3, 0, "6 extra bytes"),
        ),
        ("largest coordinates", far, Silent(5, 0)),
        ("equal points", equal, Silent(5, 0)),
        ("black points", black, Warned(5, 0, "all points are black")),
        (
            "a time of NaN",
            set(first + 20, &f64::NAN.to_le_bytes()),
            Silent(5, 0),
        ),
        (
            "scale 1e-300",
            set(131, &1e-300f64.to_le_bytes()),
            Silent(5, 0),
        ),
        (
            "infinite offset",
            set(155, &f64::INFINITY.to_le_bytes()),
            Refused("none of the 5 points"),
        ),
        (
            "converted line ends",
            feeds,
            Refused("transfer it in binary mode"),
        ),
        (
            "no byte behind its header",
            right[..375].to_vec(),
            Refused("170 bytes of data, 0 are there"),
        ),
        (
            "four of five points",
            right[..375 + 4 * 34].to_vec(),
            Refused("170 bytes of data, 136 are there"),
        ),
    ])
}

#[test]
fn files_have_their_right_answers() {
    let packed = [3, 7].map(compressed).concat();
    let all = [plain(), behind_the_header(), packed].concat();
    // the models of the decoder of LAZ take two megabytes
    let allowed = Memory {
        always: 4 << 20,
        per_byte: 64,
    };
    assert_family("LAS and LAZ", allowed, &all);
}

#[test]
fn cut_anywhere_is_an_error() {
    let right = las(3, 5);
    let cut = |end: usize| {
        let words = if end < 227 { "cut short" } else { "" };
        let bytes = right[..end].to_vec();
        (format!("cut at {end}"), bytes, Refused(words))
    };
    assert_answers((4..right.len()).step_by(5).map(cut).collect());
    assert_changed_bytes_do_no_harm(&right, 3000);
}

/// A compressed file of twelve points in chunks of five.
fn compressed(format: u8) -> Vec<Case> {
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
    let mut cases: Vec<Case> = vec![
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
    let named = |(name, bytes, answer)| (format!("format {format}: {name}"), bytes, answer);
    cases.into_iter().map(named).collect()
}

#[test]
fn compressed_files_that_are_cut_are_read_whole_or_refused() {
    for format in [3, 7] {
        let right = laz(format, 0, 12, Some(5));
        let points = Scalar::U32.read(&right[96..]) as usize;
        for end in (points..right.len()).step_by(3) {
            // Layers are there before the table is.
            let found = read_silently(&right[..end]);
            let is_whole = |scan: &Scan| scan.len() == 12 && !scan.warnings.is_empty();
            assert!(
                found.as_ref().map_or(true, is_whole),
                "cut at {end}: {found:?}"
            );
        }
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
