//! Files that lie, end early or make no sense yield the right error, never a panic and never a
//! large allocation.

use proptest::prelude::*;

use super::*;
use crate::{progress::Cancel, scan::lzf::tests::encode_literally};

const PLY_XYZ: &str = "property float x\nproperty float y\nproperty float z\n";

fn ply(format: &str, body_header: &str) -> String {
    format!("ply\nformat {format} 1.0\n{body_header}end_header\n")
}

fn pcd(fields: &str, sizes: &str, kinds: &str, counts: &str, points: &str, data: &str) -> String {
    format!(
        "VERSION .7\nFIELDS {fields}\nSIZE {sizes}\nTYPE {kinds}\nCOUNT {counts}\nWIDTH {points}\nHEIGHT 1\nPOINTS {points}\nDATA {data}\n"
    )
}

fn pcd_xyz(points: &str, data: &str) -> String {
    pcd("x y z", "4 4 4", "F F F", "1 1 1", points, data)
}

/// Small valid files that use every feature: a mesh with a list and a scalar after it, and colours,
/// in three PLY encodings; and a point cloud in three PCD encodings.
fn valid_files() -> Vec<(&'static str, Vec<u8>)> {
    let mesh = "comment hello\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nproperty uchar red\nproperty uchar green\n\
                property uchar blue\nelement face 1\nproperty list uchar int vertex_indices\nproperty uchar flags\n";
    let text = b"0 0 0 255 0 0\n1 0 0 0 255 0\n0 1 0 0 0 255\n3 0 1 2 7\n";
    let mut binary = [Vec::new(), Vec::new()];
    for (swap, out) in binary.iter_mut().enumerate() {
        let mut number = |bytes: [u8; 4]| {
            out.extend(if swap == 1 {
                bytes.into_iter().rev().collect::<Vec<_>>()
            } else {
                bytes.to_vec()
            })
        };
        for (i, v) in [0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
            .into_iter()
            .enumerate()
        {
            number(v.to_le_bytes());
            if i % 3 == 2 {
                number(if swap == 1 {
                    [3, 2, 1, 0]
                } else {
                    [0, 1, 2, 3]
                });
            }
        }
        // rows of three floats and three bytes: remove the fourth byte of each colour again
        let rows: Vec<u8> = out.chunks(16).flat_map(|row| row[..15].to_vec()).collect();
        *out = rows;
        out.push(3);
        let mut number = |bytes: [u8; 4]| {
            out.extend(if swap == 1 {
                bytes.into_iter().rev().collect::<Vec<_>>()
            } else {
                bytes.to_vec()
            })
        };
        (0..3u32).for_each(|i| number(i.to_le_bytes()));
        out.push(7);
    }
    let cloud = floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    let by_field = floats(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let compressed = encode_literally(&by_field);
    let sizes = [(compressed.len() as u32).to_le_bytes(), 24u32.to_le_bytes()].concat();
    let [little, big] = &binary;
    vec![
        ("ascii ply", file(&ply("ascii", mesh), text)),
        (
            "little endian ply",
            file(&ply("binary_little_endian", mesh), little),
        ),
        ("big endian ply", file(&ply("binary_big_endian", mesh), big)),
        ("ascii pcd", file(&pcd_xyz("2", "ascii"), b"0 0 0\n1 0 0\n")),
        ("binary pcd", file(&pcd_xyz("2", "binary"), &cloud)),
        (
            "compressed pcd",
            file(
                &pcd_xyz("2", "binary_compressed"),
                &[sizes, compressed].concat(),
            ),
        ),
    ]
}

#[test]
fn the_small_files_themselves_are_fine() {
    for (name, bytes) in valid_files() {
        let scan = read_silently(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(scan.positions[..2], [[0.0; 3], [1.0, 0.0, 0.0]], "{name}");
        assert_eq!(
            scan.triangles.len(),
            usize::from(name.contains("ply")),
            "{name}"
        );
        assert_eq!(scan.warnings, [], "{name}");
    }
}

#[test]
fn cut_anywhere_is_an_error() {
    for (name, bytes) in valid_files() {
        // A truncated last number of a text file cannot be told from a shorter one.
        let tolerated = if name.starts_with("ascii") { 2 } else { 0 };
        for end in 0..bytes.len() - tolerated {
            assert!(
                read_silently(&bytes[..end]).is_err(),
                "{name} cut at byte {end} of {}",
                bytes.len()
            );
        }
    }
}

#[test]
fn more_points_than_the_limit_are_refused_before_they_are_read() {
    let count = MAX_POINTS + 1;
    let header = ply(
        "binary_little_endian",
        &format!("element vertex {count}\nproperty char x\nproperty char y\nproperty char z\n"),
    );
    assert_eq!(
        read_silently(&file(&header, &vec![0; 3 * count])).err(),
        Some(ReadError::TooManyPoints {
            found: count as u64,
            limit: MAX_POINTS
        })
    );
}

#[test]
fn elements_without_properties_cost_nothing() {
    let elements = format!("element nothing 18446744073709551615\nelement vertex 1\n{PLY_XYZ}");
    for (format, body) in [
        ("ascii", b"1 2 3\n".to_vec()),
        ("binary_little_endian", floats(&[1.0, 2.0, 3.0])),
    ] {
        assert_eq!(
            read_silently(&file(&ply(format, &elements), &body)).map(|scan| scan.positions),
            Ok(vec![[1.0, 2.0, 3.0]]),
            "{format}"
        );
    }
}

#[test]
fn a_million_identical_points_are_a_scan() {
    let header = ply(
        "binary_little_endian",
        &format!("element vertex 1000000\n{PLY_XYZ}"),
    );
    let scan = read_silently(&file(&header, &floats(&[1.0, 2.0, 3.0]).repeat(1_000_000))).unwrap();
    assert_eq!(
        (scan.len(), scan.positions[999_999]),
        (1_000_000, [1.0, 2.0, 3.0])
    );
}

#[test]
fn reading_reports_a_few_times_and_can_be_cancelled() {
    let header = ply("ascii", &format!("element vertex 10000\n{PLY_XYZ}"));
    let bytes = file(&header, &b"1 2 3\n".repeat(10_000));
    let seen = std::cell::RefCell::new(Vec::new());
    let cancel = Cancel::default();
    let report = |progress: crate::progress::Progress| {
        seen.borrow_mut().push(progress.done);
        if seen.borrow().len() == 30 {
            cancel.cancel();
        }
    };
    let monitor = Monitor::new(&report, &cancel);
    assert!(read(&bytes, &monitor).is_ok());
    let reports = seen.borrow().len();
    assert!((5..=20).contains(&reports), "{reports} reports");
    assert!(seen.borrow().is_sorted() && seen.borrow().last() == Some(&1.0));
    assert_eq!(
        read(&bytes, &monitor).err(),
        Some(ReadError::Cancelled(Cancelled))
    );
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(which in 0usize..6, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let (_, mut bytes) = valid_files().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = read_silently(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_header_never_panic(header in 0usize..4, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let elements = format!("element vertex 2\n{PLY_XYZ}property list uchar ushort l\nelement face 2\nproperty list int int vertex_index\n");
        let header = match header {
            0 => ply("ascii", &elements),
            1 => ply("binary_little_endian", &elements),
            2 => ply("binary_big_endian", &elements),
            _ => pcd_xyz("5", "binary_compressed"),
        };
        let _ = read_silently(&file(&header, &body));
    }
}
