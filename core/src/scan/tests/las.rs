//! LAS and LAZ: every point format, colors, extra bytes, and files that lie.

use std::io::{Cursor, Seek, SeekFrom, Write};

use laz::{LasZipCompressor, LazVlr, LazVlrBuilder};

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

const SIZES: [usize; 11] = [20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67];

/// A place in a record with colors, by format.
fn color_at(format: u8) -> Option<usize> {
    match format {
        2 => Some(20),
        3 | 5 => Some(28),
        7 | 8 | 10 => Some(30),
        _ => None,
    }
}

/// `count` points at (i / 100, 2 i / 100, 500) of a format, with extra bytes that count up.
fn records(format: u8, extra: usize, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for i in 0..count {
        let mut record = vec![0u8; SIZES[usize::from(format)] + extra];
        let place = [i as i32, 2 * i as i32, 0];
        let place: Vec<u8> = place.iter().flat_map(|v| v.to_le_bytes()).collect();
        record[..12].copy_from_slice(&place);
        record[12..14].copy_from_slice(&(100 + i as u16).to_le_bytes());
        if format < 6 {
            record[14..18].copy_from_slice(&[0b1101_0001, 0b0100_0110, 0xf6, 9]);
        } else {
            record[14..18].copy_from_slice(&[0b0010_0001, 0b1001_0010, 6, 9]);
            record[18..20].copy_from_slice(&(-1000i16).to_le_bytes());
        }
        if let Some(at) = color_at(format) {
            let color = [65_535u16, 0, 32_896].iter().flat_map(|v| v.to_le_bytes());
            record[at..at + 6].copy_from_slice(&color.collect::<Vec<_>>());
        }
        let start = record.len() - extra;
        for (k, byte) in record[start..].iter_mut().enumerate() {
            *byte = (i + k) as u8;
        }
        bytes.extend(record);
    }
    bytes
}

/// A variable length record.
fn record(user: &str, id: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 54];
    bytes[2..2 + user.len()].copy_from_slice(user.as_bytes());
    bytes[18..20].copy_from_slice(&id.to_le_bytes());
    bytes[20..22].copy_from_slice(&(data.len() as u16).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// The header of a file of version 1.4, and its variable length records.
fn header(format: u8, size: usize, count: usize, vlrs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 375];
    let mut set = |at: usize, data: &[u8]| bytes[at..at + data.len()].copy_from_slice(data);
    set(0, b"LASF");
    set(24, &[1, 4]);
    set(58, b"a scanner");
    set(94, &375u16.to_le_bytes());
    let start = 375 + vlrs.iter().map(Vec::len).sum::<usize>();
    set(96, &(start as u32).to_le_bytes());
    set(100, &(vlrs.len() as u32).to_le_bytes());
    set(104, &[format]);
    set(105, &(size as u16).to_le_bytes());
    set(107, &(count as u32).to_le_bytes());
    for axis in 0..3 {
        set(131 + 8 * axis, &0.01f64.to_le_bytes());
        set(155 + 8 * axis, &[0.0, 0.0, 500.0f64][axis].to_le_bytes());
    }
    set(247, &(count as u64).to_le_bytes());
    vlrs.iter().for_each(|vlr| bytes.extend(vlr));
    bytes
}

fn las(format: u8, count: usize) -> Vec<u8> {
    let size = SIZES[usize::from(format)];
    let header = header(format, size, count, &[]);
    [header, records(format, 0, count)].concat()
}

/// A compressed file with chunks of `chunk` points, or of different sizes.
fn laz(format: u8, extra: usize, count: usize, chunk: Option<u32>) -> Vec<u8> {
    let builder = LazVlrBuilder::default()
        .with_point_format(format, extra as u16)
        .unwrap();
    let vlr = match chunk {
        Some(size) => builder.with_fixed_chunk_size(size).build(),
        None => builder.with_variable_chunk_size().build(),
    };
    let mut description = Vec::new();
    vlr.write_to(&mut description).unwrap();
    let vlrs = [record(LazVlr::USER_ID, LazVlr::RECORD_ID, &description)];
    let size = SIZES[usize::from(format)] + extra;
    let header = header(format | 0x80, size, count, &vlrs);
    let mut out = Cursor::new(Vec::new());
    out.write_all(&header).unwrap();
    out.seek(SeekFrom::End(0)).unwrap();
    let mut compressor = LasZipCompressor::new(out, vlr).unwrap();
    let points = records(format, extra, count);
    for (i, point) in points.chunks_exact(size).enumerate() {
        if chunk.is_none() && i % 5 == 4 {
            compressor.finish_current_chunk().unwrap();
        }
        compressor.compress_one(point).unwrap();
    }
    compressor.done().unwrap();
    compressor.into_inner().into_inner()
}

#[test]
fn every_format_is_read_and_unpacked_to_the_same() {
    for format in 0..11 {
        let bytes = las(format, 12);
        let scan = read_silently(&bytes).unwrap_or_else(|e| panic!("format {format}: {e}"));
        let wanted: Vec<f64> = (0..12).map(|i| f64::from(i) * 0.01).collect();
        assert_eq!(values(&scan, "x"), wanted, "format {format}");
        assert_eq!(values(&scan, "z"), [500.0; 12]);
        assert_eq!(values(&scan, "intensity")[..2], [100.0, 101.0]);
        assert_eq!(values(&scan, "return_number"), [1.0; 12]);
        assert_eq!(values(&scan, "number_of_returns"), [2.0; 12]);
        assert_eq!(
            values(&scan, "classification"),
            [6.0; 12],
            "format {format}"
        );
        assert_eq!(values(&scan, "classification_flags"), [2.0; 12]);
        assert_eq!(values(&scan, "edge_of_flight_line"), [1.0; 12]);
        assert_eq!(values(&scan, "user_data"), [9.0; 12]);
        let angle = if format < 6 { -10.0 } else { -6.0 };
        assert!((values(&scan, "scan_angle")[0] - angle).abs() < 1e-5);
        let color = color_at(format).map(|_| vec![[255, 0, 128]; 12]);
        assert_eq!(scan.colors, color, "format {format}");
        assert_eq!(scan.up, Some(UpAxis::PlusZ));
        assert_eq!(scan.table.comments, ["comment software a scanner"]);
        assert_written_back(&scan);
        for chunk in [Some(5), Some(50_000), None] {
            let packed = laz(format, 0, 12, chunk);
            let same = read_silently(&packed)
                .unwrap_or_else(|e| panic!("format {format}, chunks of {chunk:?}: {e}"));
            assert_eq!(
                same.table.elements, scan.table.elements,
                "format {format}, {chunk:?}"
            );
            assert_eq!(same.warnings, []);
        }
    }
}

/// A description of extra bytes.
fn description(kind: u8, options: u8, name: &str, scale: f64, offset: f64) -> Vec<u8> {
    let mut bytes = vec![0; 192];
    bytes[2] = kind;
    bytes[3] = options;
    bytes[4..4 + name.len()].copy_from_slice(name.as_bytes());
    bytes[112..120].copy_from_slice(&scale.to_le_bytes());
    bytes[136..144].copy_from_slice(&offset.to_le_bytes());
    bytes
}

#[test]
fn extra_bytes_are_kept_as_they_are_described() {
    let described = [
        description(1, 0, "echo width", 0.0, 0.0),
        description(0, 2, "", 0.0, 0.0),
        description(3, 24, "amplitude", 0.5, 10.0),
    ]
    .concat();
    let vlrs = [record("LASF_Spec", 4, &described)];
    let bytes = [header(0, 26, 3, &vlrs), records(0, 6, 3)].concat();
    let scan = read_silently(&bytes).unwrap();
    assert_eq!(values(&scan, "echo_width"), [0.0, 1.0, 2.0]);
    // bytes 3 and 4, times 0.5, plus 10
    assert_eq!(
        values(&scan, "amplitude")[0],
        f64::from(0x0403) * 0.5 + 10.0
    );
    assert!(
        scan.warnings[0].0.contains("3 extra bytes"),
        "{:?}",
        scan.warnings
    );
    for (name, described) in [
        ("more than there are", description(10, 0, "long", 0.0, 0.0)),
        ("deprecated", description(11, 0, "array", 0.0, 0.0)),
        ("cut short", vec![0; 100]),
        ("of most bytes", description(0, 255, "", 0.0, 0.0)),
    ] {
        let vlrs = [record("LASF_Spec", 4, &described)];
        let bytes = [header(0, 26, 3, &vlrs), records(0, 6, 3)].concat();
        let scan = read_silently(&bytes).unwrap();
        assert!(
            scan.warnings[0].0.contains("6 extra bytes"),
            "{name}: {:?}",
            scan.warnings
        );
    }
    let scan = read_silently(&laz(7, 3, 12, Some(5))).unwrap();
    assert!(scan.warnings[0].0.contains("3 extra bytes"));
    assert_eq!(scan.len(), 12);
}

#[test]
fn colors_are_bytes_or_16_bits_or_none() {
    let mut bytes = las(2, 4);
    let set = |bytes: &mut Vec<u8>, color: [u16; 3]| {
        for point in 0..4 {
            let at = 375 + 26 * point + 20;
            let color: Vec<u8> = color.iter().flat_map(|v| v.to_le_bytes()).collect();
            bytes[at..at + 6].copy_from_slice(&color);
        }
    };
    set(&mut bytes, [255, 7, 0]);
    assert_eq!(
        read_silently(&bytes).unwrap().colors,
        Some(vec![[255, 7, 0]; 4])
    );
    set(&mut bytes, [51_400, 25_700, 257]);
    assert_eq!(
        read_silently(&bytes).unwrap().colors,
        Some(vec![[200, 100, 1]; 4])
    );
    set(&mut bytes, [0; 3]);
    let scan = read_silently(&bytes).unwrap();
    assert_eq!(scan.colors, None);
    assert!(scan.warnings[0].0.contains("all points are black"));
}

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
        // without the table, the chunks of layers state their sizes
        let without_table = |layers: Answer, others: Answer| if layered { layers } else { others };
        let one_after_the_other = "one after the other";
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
                without_table(Warned(12, 0, one_after_the_other), Refused("")),
            ),
            (
                "table at -1".into(),
                set(points, &[0xff; 8]),
                without_table(Warned(12, 0, one_after_the_other), Refused("")),
            ),
            (
                "table beyond".into(),
                set(points, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
                without_table(Warned(12, 0, one_after_the_other), Refused("")),
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
                without_table(Warned(12, 0, one_after_the_other), Refused("")),
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
                without_table(
                    Warned(12, 0, one_after_the_other),
                    Refused("table of chunks is missing"),
                ),
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
        assert_changed_bytes_do_no_harm(&laz(format, extra, 12, chunk), 3000);
    }
}
