#![allow(clippy::unwrap_used)]

use std::{io, ops::Range};

use super::*;
use crate::{
    progress::Cancel,
    scan::{self, Column, Scalar, UpAxis},
};

/// Number of points of the room.
const POINTS: usize = 100_000;
/// The budget of the tests.
const FEW: usize = 5000;

/// A point of a room of 5 x 4 x 2.5 m: on its floor, one of two walls, or a box in it.
fn point(index: usize) -> [f32; 3] {
    let [u, v] = [0.618_034, 0.754_878].map(|step: f64| (index as f64 * step).fract() as f32);
    match index % 4 {
        0 => [5.0 * u, 4.0 * v, 0.0],
        1 => [5.0 * u, 0.0, 2.5 * v],
        2 => [0.0, 4.0 * u, 2.5 * v],
        _ => [2.0 + u, 1.0 + v, 0.8],
    }
}

const COLUMNS: [(&str, Scalar); 7] = [
    ("id", Scalar::U32),
    ("x", Scalar::F32),
    ("y", Scalar::F32),
    ("z", Scalar::F32),
    ("red", Scalar::U8),
    ("green", Scalar::U8),
    ("blue", Scalar::U8),
];

fn bytes<const N: usize>(little: [u8; N], big: bool) -> Vec<u8> {
    let mut bytes = little.to_vec();
    if big {
        bytes.reverse();
    }
    bytes
}

fn row(index: usize, [x, y, z]: [f32; 3], big: bool) -> Vec<u8> {
    let mut row = bytes((index as u32).to_le_bytes(), big);
    row.extend([x, y, z].map(|v| bytes(v.to_le_bytes(), big)).concat());
    row.extend([200, (index % 4) as u8 * 50, 10]);
    row
}

fn header(order: &str, before: &str, count: usize, after: &str) -> Vec<u8> {
    let properties = COLUMNS.map(|(name, scalar)| {
        let kind = scalar.ply_name();
        format!("property {kind} {name}\n")
    });
    format!(
        "ply\nformat binary_{order}_endian 1.0\ncomment a room\n{before}element vertex {count}\n{}{after}end_header\n",
        properties.concat()
    )
    .into_bytes()
}

fn rows(count: usize, big: bool) -> Vec<u8> {
    (0..count).flat_map(|i| row(i, point(i), big)).collect()
}

fn room() -> Vec<u8> {
    [header("little", "", POINTS, ""), rows(POINTS, false)].concat()
}

/// The room as LAS, of point format 2.
fn las(count: usize, compressed: Option<&laz::LazVlr>) -> Vec<u8> {
    let mut bytes = vec![0; 227];
    let mut set = |at: usize, data: &[u8]| bytes[at..at + data.len()].copy_from_slice(data);
    let mut description = Vec::new();
    if let Some(vlr) = compressed {
        description = vec![0; 54];
        description[2..2 + laz::LazVlr::USER_ID.len()]
            .copy_from_slice(laz::LazVlr::USER_ID.as_bytes());
        description[18..20].copy_from_slice(&laz::LazVlr::RECORD_ID.to_le_bytes());
        vlr.write_to(&mut description).unwrap();
        let size = description.len() as u16 - 54;
        description[20..22].copy_from_slice(&size.to_le_bytes());
    }
    set(0, b"LASF");
    set(24, &[1, 2]);
    set(94, &227u16.to_le_bytes());
    set(96, &(227 + description.len() as u32).to_le_bytes());
    set(100, &u32::from(compressed.is_some()).to_le_bytes());
    set(104, &[if compressed.is_some() { 0x82 } else { 2 }]);
    set(105, &26u16.to_le_bytes());
    set(107, &(count as u32).to_le_bytes());
    for axis in 0..3 {
        set(131 + 8 * axis, &0.001f64.to_le_bytes());
    }
    bytes.extend(description);
    let record = |index: usize| {
        let mut record = vec![0; 26];
        for (axis, v) in point(index).into_iter().enumerate() {
            let whole = (1000.0 * v).round() as i32;
            record[4 * axis..4 * axis + 4].copy_from_slice(&whole.to_le_bytes());
        }
        record[12..14].copy_from_slice(&(index as u16).to_le_bytes());
        record[20..22].copy_from_slice(&51_400u16.to_le_bytes());
        record
    };
    let Some(vlr) = compressed else {
        bytes.extend((0..count).flat_map(record));
        return bytes;
    };
    let mut out = io::Cursor::new(bytes);
    io::Seek::seek(&mut out, io::SeekFrom::End(0)).unwrap();
    let mut compressor = laz::LasZipCompressor::new(out, vlr.clone()).unwrap();
    for index in 0..count {
        compressor.compress_one(&record(index)).unwrap();
    }
    compressor.done().unwrap();
    compressor.into_inner().into_inner()
}

fn read(file: &[u8], budget: usize) -> Result<Scan, ReadError> {
    Sliced::open(&file)?.read(&file, Some(budget), &Monitor::silent())
}

fn refusal(file: &[u8]) -> String {
    read(file, FEW).unwrap_err().to_string()
}

fn values(points: &Element, name: &str) -> Vec<f64> {
    points.column(name).unwrap().values().collect()
}

/// The whole file again: its points with the rows of the nearest kept ones.
fn second_pass(scan: &Scan, file: &[u8]) -> (Element, Vec<Option<u32>>) {
    let excerpt = scan.excerpt.as_ref().unwrap();
    let mut points = excerpt.table().elements.remove(0);
    let mut kept = Vec::new();
    let silent = Monitor::silent();
    let passed = excerpt.slices(scan, &file, &silent, &mut |slice| {
        assert_eq!(slice.points.columns, points.columns);
        assert_eq!(slice.points.count, slice.kept_rows.len());
        points.rows.extend(&slice.points.rows);
        kept.extend(&slice.kept_rows);
        Ok::<(), ReadError>(())
    });
    passed.unwrap();
    assert_eq!(points.rows.len(), points.count * points.stride());
    (points, kept)
}

fn squared(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum()
}

fn positions(points: &Element) -> Vec<[f64; 3]> {
    let [x, y, z] = ["x", "y", "z"].map(|name| points.column(name).unwrap());
    (0..points.count)
        .map(|row| [x.at(row), y.at(row), z.at(row)])
        .collect()
}

/// Asserts that the scan is a thinned room, and that a second pass finds every point of the file and
/// the kept point that is nearest to it.
fn assert_thinned(scan: &Scan, file: &[u8]) {
    assert!((FEW / 5..=FEW).contains(&scan.len()), "{}", scan.len());
    let excerpt = scan.excerpt.as_ref().unwrap();
    assert_eq!(excerpt.points(), POINTS as u64);
    let grid = Grid::new(excerpt.cell, excerpt.origin);
    let kept = positions(scan.table.point_rows());
    let mut cells: Vec<_> = kept.iter().map(|place| grid.cell_of(*place)).collect();
    cells.sort_unstable();
    cells.dedup();
    assert_eq!(cells.len(), kept.len(), "one point of a cell");

    let (points, nearest) = second_pass(scan, file);
    assert_eq!(points.count, POINTS);
    let all = positions(&points);
    let whole = scan::read(file, &Monitor::silent()).unwrap();
    assert_eq!(all, positions(whole.table.point_rows()));
    for (place, row) in all.iter().zip(&nearest).step_by(97) {
        let row = row.unwrap();
        let distances = kept.iter().map(|kept| squared(*place, *kept));
        let wanted = distances.fold(f64::INFINITY, f64::min);
        let found = squared(*place, kept[row as usize]);
        assert!(
            found == wanted || wanted > excerpt.cell.powi(2),
            "{place:?}: {found} in place of {wanted}"
        );
        assert!(found <= 3.0 * excerpt.cell.powi(2));
    }
}

#[test]
fn a_room_is_thinned_to_points_of_the_file() {
    let file = room();
    let scan = read(&file, FEW).unwrap();
    assert_thinned(&scan, &file);
    let kept = scan.table.point_rows();
    for (row, id) in values(kept, "id").into_iter().enumerate() {
        let [x, y, z] = point(id as usize).map(f64::from);
        assert_eq!(positions(kept)[row], [x, y, z]);
        let green = (id as usize % 4) as u8 * 50;
        assert_eq!(scan.colors.as_ref().unwrap()[row], [200, green, 10]);
    }
    assert_eq!(scan.table.comments, ["comment a room"]);
    assert_eq!(scan.warnings, []);
    let words = scan.excerpt_in_words().unwrap();
    let start = "The file has 100\u{202f}000 points; ";
    assert!(words.starts_with(start), "{words}");
    assert!(words.contains(" cm, are shown"), "{words}");
    // the cells double, and the first point of each stays
    assert_eq!(values(kept, "id")[0], 0.0);
    let fewer = read(&file, FEW / 8).unwrap();
    let ids = values(kept, "id");
    let of_fewer = values(fewer.table.point_rows(), "id");
    assert!(of_fewer.len() < ids.len());
    assert!(of_fewer.iter().all(|id| ids.contains(id)));
}

#[test]
fn both_orders_of_bytes_and_elements_around_the_points_are_the_same() {
    let plain = read(&room(), FEW).unwrap();
    let big = [header("big", "", POINTS, ""), rows(POINTS, true)].concat();
    let same = read(&big, FEW).unwrap();
    assert_eq!(same.table, plain.table);
    assert_thinned(&same, &big);

    let before = "element camera 2\nproperty double focal\n";
    let after = "element face 1\nproperty list uchar int vertex_indices\n";
    let faces = [3, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];
    let head = header("little", before, POINTS, after);
    let among = [&head[..], &[0; 16], &rows(POINTS, false), &faces].concat();
    let same = read(&among, FEW).unwrap();
    assert_eq!(same.table.elements, plain.table.elements);
    assert!(same.warnings[0].0.contains("its face were left out"));
    let more = [room(), vec![0; 5]].concat();
    let warned = read(&more, FEW).unwrap().warnings;
    assert!(warned[0].0.contains("5 bytes after the last row"));
}

#[test]
fn a_file_that_begins_in_one_place_and_has_strays_is_thinned_like_any_other() {
    let one_place = SLICE_OF_ROWS / 19 + 1;
    let place = |index: usize| match index {
        _ if index.is_multiple_of(10_000) => [9e9; 3],
        _ if index < one_place => [1.0, 2.0, 0.0],
        _ => point(index - one_place),
    };
    let count = one_place + POINTS;
    let rows = (0..count).flat_map(|index| row(index, place(index), false));
    let head = header("little", "", count, "").into_iter();
    let file: Vec<u8> = head.chain(rows).collect();
    let scan = read(&file, FEW).unwrap();
    assert!((FEW / 5..=FEW).contains(&scan.len()), "{}", scan.len());
    assert!(scan.excerpt.as_ref().unwrap().cell < 0.2);
}

#[test]
fn surveys_are_thinned_compressed_or_not() {
    let plain = las(POINTS, None);
    let scan = read(&plain, FEW).unwrap();
    assert_thinned(&scan, &plain);
    assert_eq!(scan.up, Some(UpAxis::PlusZ));
    assert_eq!(scan.colors.as_ref().unwrap()[0], [200, 0, 0]);
    let builder = || {
        laz::LazVlrBuilder::default()
            .with_point_format(2, 0)
            .unwrap()
    };
    for vlr in [
        builder().with_fixed_chunk_size(30_000).build(),
        builder().with_variable_chunk_size().build(),
    ] {
        let packed = las(POINTS, Some(&vlr));
        assert!(packed.len() < plain.len());
        let same = read(&packed, FEW).unwrap();
        // other slices begin with other cells
        let [own, other] = [&scan, &same].map(|scan| &scan.table.point_rows().columns);
        assert_eq!(own, other);
        assert_thinned(&same, &packed);
    }
}

#[test]
fn colors_are_bytes_or_not_for_all_points_of_a_file() {
    // the last point alone has a color beyond a byte, and is not kept
    let dark = |colors: [u16; 2]| {
        let mut file = las(POINTS, None);
        for (index, record) in file[227..].chunks_exact_mut(26).enumerate() {
            let color = colors[usize::from(index == POINTS - 1)];
            record[20..22].copy_from_slice(&color.to_le_bytes());
        }
        file
    };
    let scalar = |scan: &Scan| -> Option<Scalar> {
        let column = scan.table.point_rows().column("red")?;
        Some(column.scalar)
    };
    let bytes = dark([200, 200]);
    assert_eq!(scalar(&read(&bytes, FEW).unwrap()), Some(Scalar::U8));
    let file = dark([200, 600]);
    let scan = read(&file, FEW).unwrap();
    assert_eq!(scalar(&scan), Some(Scalar::U16));
    let (points, _) = second_pass(&scan, &file);
    assert_eq!(values(&points, "red").last(), Some(&600.0));
    let scan = read(&dark([0, 0]), FEW).unwrap();
    assert_eq!((scalar(&scan), scan.colors.as_ref()), (None, None));
    assert!(scan.warnings[0].0.contains("all points are black"));
}

#[test]
fn points_without_coordinates_are_counted_and_have_no_label() {
    let mut file = room();
    let start = file.len() - POINTS * 19;
    for index in (0..POINTS).step_by(10) {
        let value = [f32::NAN, f32::INFINITY, 3e10][index % 3];
        let at = start + 19 * index + 4;
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    let scan = read(&file, FEW).unwrap();
    let words = &scan.warnings[0].0;
    assert!(
        words.contains("10000 of 100000 points have no finite"),
        "{words}"
    );
    let (_, nearest) = second_pass(&scan, &file);
    for (index, row) in nearest.iter().enumerate() {
        assert_eq!(row.is_none(), index % 10 == 0, "{index}");
    }
    let none = [[f32::NAN; 3]; 7];
    let rows = (0..7).flat_map(|i| row(i, none[i], false));
    let none: Vec<u8> = header("little", "", 7, "")
        .into_iter()
        .chain(rows)
        .collect();
    assert!(refusal(&none).contains("none of the 7 points has finite"));
}

#[test]
fn files_that_lie_are_refused() {
    let head = |count: &str| {
        let head = String::from_utf8(header("little", "", 77, "")).unwrap();
        [
            head.replace("vertex 77", &format!("vertex {count}"))
                .as_bytes(),
            &[0; 190],
        ]
        .concat()
    };
    let cut = |bytes: usize| {
        let mut file = room();
        file.truncate(file.len() - bytes);
        file
    };
    let mut far = las(10, None);
    far[96..100].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut many = las(10, None);
    many[107..111].copy_from_slice(&u32::MAX.to_le_bytes());
    let vlr = laz::LazVlrBuilder::default()
        .with_point_format(2, 0)
        .unwrap();
    let vlr = vlr.with_fixed_chunk_size(5000).build();
    let mut packed = las(20_000, Some(&vlr));
    packed[107..111].copy_from_slice(&25_000u32.to_le_bytes());
    let mut bomb = packed.clone();
    bomb[107..111].copy_from_slice(&u32::MAX.to_le_bytes());
    let broken = {
        let mut broken = las(20_000, Some(&vlr));
        let middle = broken.len() / 2;
        broken.truncate(middle);
        broken
    };
    let listed = b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nproperty list uchar int a\nend_header\n";
    let flat = b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nproperty float y\nend_header\n";
    let endless = [
        &b"ply\nformat binary_little_endian 1.0\n"[..],
        &[b' '; 2 << 20],
    ]
    .concat();
    for (file, words) in [
        (Vec::new(), "empty"),
        (head("11"), "promises at least 209 bytes of data, 190 are there"),
        (head("18446744073709551615"), "promises at least 18446744073709551615 bytes"),
        (head("99999999999999999999"), "not a whole number"),
        (head("0"), "no points"),
        (cut(1), "cut short"),
        (cut(19), "cut short"),
        (cut(POINTS * 19 - SLICE_OF_ROWS), "cut short"),
        (far, "begin at byte 4294967295"),
        (many, "cut short"),
        (packed, "5000 points are missing after its 4 chunks"),
        (bomb, "4294967295 points in"),
        (broken, "cannot be unpacked"),
        (listed.to_vec(), "its points have lists"),
        (flat.to_vec(), "no property `z`"),
        (endless, "end_header"),
        (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n".to_vec(), "it is an ASCII PLY"),
        (b"1 2 3\n4 5 6\n".to_vec(), "cannot be read in slices"),
        (b"PK\x03\x04....".to_vec(), "ZIP"),
    ] {
        let found = refusal(&file);
        assert!(found.contains(words), "{words}: {found}");
    }
}

/// The bytes of the rows that are read at once.
const SLICE_OF_ROWS: usize = layout::SLICE / 19 * 19;

#[test]
fn a_file_that_changes_or_breaks_off_is_an_error() {
    struct Short<'a>(&'a Vec<u8>);
    impl ReadAt for Short<'_> {
        fn size(&self) -> u64 {
            self.0.size()
        }

        fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
            let mut bytes = self.0.read_at(range.clone())?;
            if range.start > 0 {
                bytes.pop();
            }
            Ok(bytes)
        }
    }
    let file = room();
    let sliced = Sliced::open(&file).unwrap();
    let silent = Monitor::silent();
    let failed = |source: &dyn ReadAt| {
        let read = sliced.read(source, Some(FEW), &silent);
        read.unwrap_err().to_string()
    };
    assert!(failed(&Short(&file)).contains("bytes came"));
    let longer = [room(), vec![0]].concat();
    assert!(failed(&longer).contains("it had"));
    let cancel = Cancel::default();
    cancel.cancel();
    let stopped = sliced.read(&file, Some(FEW), &Monitor::new(&|_| (), &cancel));
    assert_eq!(
        stopped.unwrap_err(),
        ReadError::Cancelled(crate::progress::Cancelled)
    );
}

#[test]
fn slices_are_due_for_more_points_or_bytes_than_memory_holds() {
    struct Nothing(u64, Vec<u8>);
    impl ReadAt for Nothing {
        fn size(&self) -> u64 {
            self.0
        }

        fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
            let at = |at: u64| self.1.get(at as usize).copied().unwrap_or(0);
            Ok(range.map(at).collect())
        }
    }
    let due = |points: usize, budget: Option<usize>| {
        let head = header("little", "", points, "");
        let size = head.len() as u64 + 19 * points as u64;
        Sliced::open(&Nothing(size, head)).unwrap().is_due(budget)
    };
    assert!(!due(1_000_000, None) && !due(MAX_POINTS, None));
    assert!(due(MAX_POINTS + 1, None) && due(200_000_000, Some(usize::MAX)));
    assert!(!due(1000, Some(1000)) && due(1001, Some(1000)));
}

/// A file of a room that is in memory nowhere.
struct Endless {
    head: Vec<u8>,
    points: usize,
}

impl ReadAt for Endless {
    fn size(&self) -> u64 {
        (self.head.len() + 19 * self.points) as u64
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let (start, end) = (range.start as usize, range.end as usize);
        let mut bytes = Vec::with_capacity(end - start);
        bytes.extend(&self.head[start.min(self.head.len())..end.min(self.head.len())]);
        let mut at = start + bytes.len();
        while at < end {
            let place = at - self.head.len();
            let row = row(place / 19, point(place / 19), false);
            let rest = &row[place % 19..];
            let count = rest.len().min(end - at);
            bytes.extend(&rest[..count]);
            at += count;
        }
        Ok(bytes)
    }
}

#[test]
fn memory_depends_on_the_budget_and_not_on_the_file() {
    let held = |points: usize| {
        let head = header("little", "", points, "");
        let file = Endless { head, points };
        let mut kept = 0;
        let memory = allocation_counter::measure(|| {
            let sliced = Sliced::open(&file).unwrap();
            let scan = sliced.read(&file, Some(FEW), &Monitor::silent()).unwrap();
            kept = scan.len();
            let excerpt = scan.excerpt.as_ref().unwrap();
            let mut points = 0;
            let counted = excerpt.slices(&scan, &file, &Monitor::silent(), &mut |slice| {
                points += slice.points.count;
                Ok::<(), ReadError>(())
            });
            counted.unwrap();
            assert_eq!(points, sliced.points() as usize);
        });
        assert!((FEW / 5..=FEW).contains(&kept), "{kept}");
        memory.bytes_max
    };
    let [one, four] = [500_000, 2_000_000].map(held);
    assert!(one < 12 << 20, "{one} bytes were held");
    assert!(
        four < one + (1 << 20),
        "{four} bytes were held, {one} before"
    );
}

#[test]
fn columns_keep_their_places() {
    let file = room();
    let scan = read(&file, FEW).unwrap();
    let wanted = COLUMNS.map(|(name, scalar)| Column {
        name: name.to_owned(),
        scalar,
    });
    assert_eq!(scan.table.point_rows().columns, wanted);
    let table = scan.excerpt.as_ref().unwrap().table();
    assert_eq!(table.point_rows().count, POINTS);
    assert_eq!(table.point_rows().columns, wanted);
    assert!(table.point_rows().rows.is_empty());
}
