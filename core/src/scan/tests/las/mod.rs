//! LAS and LAZ: every point format, colors, extra bytes, and files that lie.

use std::io::{Cursor, Seek, SeekFrom, Write};

use laz::{LasZipCompressor, LazVlr, LazVlrBuilder};

use super::*;

mod answers;

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
    // a name does not make a color
    let described = ["red", "green", "blue"].map(|name| description(9, 0, name, 0.0, 0.0));
    let vlrs = [record("LASF_Spec", 4, &described.concat())];
    let bytes = [header(0, 32, 3, &vlrs), records(0, 12, 3)].concat();
    let scan = read_silently(&bytes).unwrap();
    assert_eq!(
        values(&scan, "red")[0],
        f64::from(f32::from_le_bytes([0, 1, 2, 3]))
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
