//! Scans of any format, also in slices, and that a scan written as PLY is read back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segscape::{
    progress::Monitor,
    scan::{self, Join, MAX_POINTS, ReadError, Scan, Sliced},
    write,
};

fuzz_target!(|file: &[u8]| {
    let monitor = Monitor::silent();
    check_slices(file, &monitor);
    if let Some(part) = scan::first_look(file, 16) {
        check(&part);
    }
    let Ok(read) = scan::read(file, &monitor) else {
        return;
    };
    check(&read);
    let again = scan::read(&write::ply(&read.table), &monitor);
    let again = again.expect("what was written can be read");
    assert_eq!(again.table.elements, read.table.elements);
    assert_eq!(again.positions, read.positions);
    assert_eq!(again.colors, read.colors);
    assert_eq!(again.triangles, read.triangles);
    assert_eq!(again.truth, read.truth);
    assert_eq!(again.row_of_point, read.row_of_point);
    let mut join = Join::default();
    let is_within_limits = ["a", "b"].map(|name| join.add(name, read.clone()).is_ok());
    if is_within_limits == [true; 2] {
        let joined = join.finish().expect("two scans");
        check(&joined);
        assert_eq!(joined.len(), 2 * read.len());
    }
});

/// The most points that are kept of what is read in slices.
const BUDGET: usize = 100;

fn check_slices(file: &[u8], monitor: &Monitor) {
    let Ok(sliced) = Sliced::open(&file) else {
        return;
    };
    let Ok(scan) = sliced.read(&file, Some(BUDGET), monitor) else {
        return;
    };
    check(&scan);
    assert!(scan.positions.len() <= BUDGET);
    let mut points = 0;
    let excerpt = scan.excerpt.as_ref().expect("it was read in slices");
    let passed = excerpt.slices(&scan, &file, monitor, &mut |slice| {
        points += slice.points.count as u64;
        let rows = scan.table.point_rows().count as u32;
        assert!(slice.kept_rows.iter().flatten().all(|row| *row < rows));
        Ok::<(), ReadError>(())
    });
    passed.expect("what was read once can be read again");
    assert_eq!(points, sliced.points());
}

fn check(scan: &Scan) {
    let points = scan.positions.len();
    let rows = scan.table.point_rows().count;
    assert!((1..=rows.min(MAX_POINTS)).contains(&points));
    assert!(scan.positions.as_flattened().iter().all(|v| v.is_finite()));
    assert!(scan.colors.as_ref().is_none_or(|c| c.len() == points));
    let corners = scan.triangles.as_flattened();
    assert!(corners.iter().all(|corner| (*corner as usize) < points));
    if let Some(truth) = &scan.truth {
        assert_eq!(
            (truth.semantic.len(), truth.instance.len()),
            (points, points)
        );
    }
    match &scan.row_of_point {
        None => assert_eq!(points, rows),
        Some(row_of_point) => {
            assert_eq!(row_of_point.len(), points);
            assert!(row_of_point.is_sorted_by(|a, b| a < b));
            assert!(row_of_point.iter().all(|row| (*row as usize) < rows));
        }
    }
}
