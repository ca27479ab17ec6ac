//! All points of a file of which the scan is an excerpt.

use std::io;

use super::{formats::context, *};
use crate::{
    palette,
    read_at::ReadAt,
    scan::{ReadError, Sliced},
};

/// Number of points of the file, and the most that are kept.
const POINTS: usize = 100_000;
const FEW: usize = 3000;

/// Points on two tables with a gap between them.
fn position(index: usize) -> [f32; 3] {
    let [u, v] = [0.618_034, 0.754_878].map(|step: f64| (index as f64 * step).fract() as f32);
    let left = if index.is_multiple_of(2) { 0.0 } else { 3.0 };
    [left + 2.0 * u, 2.0 * v, 0.75]
}

/// The file: its points have a color and a value each.
fn file() -> Vec<u8> {
    let head = format!(
        "ply\nformat binary_little_endian 1.0\ncomment two tables\nelement vertex {POINTS}\nproperty double x\nproperty double y\nproperty double z\n\
        property uchar red\nproperty uchar green\nproperty uchar blue\nproperty ushort intensity\nproperty uint instance\nend_header\n"
    );
    let mut file = head.into_bytes();
    for index in 0..POINTS {
        let mut position = position(index).map(f64::from);
        if index % 1000 == 999 {
            position[1] = f64::NAN;
        }
        file.extend(position.iter().flat_map(|v| v.to_le_bytes()));
        file.extend([(index % 200) as u8, 100, 50]);
        file.extend((index as u16).to_le_bytes());
        file.extend((index as u32).to_le_bytes());
    }
    file
}

fn excerpt(file: &[u8]) -> Scan {
    let sliced = Sliced::open(&file).unwrap();
    let scan = sliced.read(&file, Some(FEW), &Monitor::silent()).unwrap();
    assert!(scan.len() <= FEW && scan.excerpt.is_some());
    scan
}

/// The left table is a table; the right one is nobody's above the middle, and else a thing without a
/// name.
fn owners(scan: &Scan) -> PointLabels {
    let owner = |position: &[f32; 3]| match position {
        [0.0..2.5, ..] => 0,
        [_, 0.0..1.0, _] => 1,
        _ => NO_INSTANCE,
    };
    PointLabels {
        instance_of_point: scan.positions.iter().map(owner).collect(),
        instances: vec![
            LabeledInstance {
                id: 7,
                label: Some(0),
                score: 0.75,
            },
            LabeledInstance {
                id: 9,
                label: None,
                score: 0.5,
            },
        ],
        labels: vec!["table".to_owned()],
    }
}

fn written(export: Export, file: &[u8], painted: bool) -> Result<Vec<u8>, WriteError> {
    let scan = excerpt(file);
    let context = Context {
        painted,
        ..context()
    };
    let mut all = Vec::new();
    let mut out = |place: u64, bytes: &[u8]| -> io::Result<()> {
        let (start, end) = (place as usize, place as usize + bytes.len());
        all.resize(all.len().max(end), 0);
        all[start..end].copy_from_slice(bytes);
        Ok(())
    };
    let silent = Monitor::silent();
    export.write_all(&scan, &owners(&scan), &context, &file, &silent, &mut out)?;
    Ok(all)
}

/// The instance of a point; `None` near the line where the nearest point decides.
fn wanted(index: usize) -> Option<f64> {
    let [x, y, _] = position(index);
    match () {
        () if index % 1000 == 999 => Some(-1.0),
        () if x < 2.5 => Some(7.0),
        () if (y - 1.0).abs() < 0.2 => None,
        () if y < 1.0 => Some(9.0),
        () => Some(-1.0),
    }
}

#[test]
fn a_labeled_ply_has_all_points_of_the_file_and_their_properties() {
    let file = file();
    let bytes = written(Export::Ply, &file, false).unwrap();
    let [all, whole] = [&bytes, &file].map(|bytes| read(bytes));
    let (points, own) = (all.table.point_rows(), whole.table.point_rows());
    assert_eq!(points.count, POINTS);
    for (column, kept) in own.columns.iter().zip(&points.columns) {
        let name = match column.name.as_str() {
            "instance" => "instance_input",
            other => other,
        };
        assert_eq!((kept.name.as_str(), kept.scalar), (name, column.scalar));
        let bits = |v: f64| v.to_bits();
        let of_own = own.column(&column.name).unwrap().values().map(bits);
        let of_all = points.column(name).unwrap().values().map(bits);
        assert!(of_own.eq(of_all), "{name}");
    }
    let instance = values(points, "instance");
    let (label, score) = (values(points, "label"), values(points, "score"));
    let mut checked = 0;
    for index in 0..POINTS {
        let Some(wanted) = wanted(index) else {
            continue;
        };
        assert_eq!(instance[index], wanted, "{index}");
        let of_instance = match wanted {
            7.0 => (0.0, 0.75),
            9.0 => (-1.0, 0.5),
            _ => (-1.0, 0.0),
        };
        assert_eq!((label[index], score[index]), of_instance);
        checked += 1;
    }
    assert!(checked > POINTS * 3 / 4);
    assert_eq!(
        all.table.comments,
        ["comment two tables", "comment label 0 table"]
    );
    let painted = read(&written(Export::Ply, &file, true).unwrap());
    assert_eq!(
        painted.colors.unwrap()[0],
        palette::instance_color("table", 7)
    );
}

#[test]
fn surveys_have_all_points_of_the_file() {
    let file = file();
    for export in [Export::Las, Export::Laz] {
        let bytes = written(export, &file, false).unwrap();
        let all = read(&bytes);
        let points = all.table.point_rows();
        let measured: Vec<usize> = (0..POINTS).filter(|index| index % 1000 != 999).collect();
        assert_eq!(points.count, measured.len(), "{export:?}");
        let names = ["x", "y", "instance", "score", "intensity"];
        let [x, y, instance, score, intensity] = names.map(|name| values(points, name));
        for (row, &index) in measured.iter().enumerate() {
            let [wanted_x, wanted_y, _] = position(index);
            assert!((x[row] - f64::from(wanted_x)).abs() < 1e-4);
            assert!((y[row] - f64::from(wanted_y)).abs() < 1e-4);
            assert_eq!(intensity[row], f64::from(index as u16));
            if let Some(wanted) = wanted(index) {
                assert_eq!(instance[row], wanted, "{index}");
                let of_instance =
                    [0.75, 0.5, 0.0][usize::from(wanted != 7.0) + usize::from(wanted < 0.0)];
                assert_eq!(score[row], of_instance);
            }
        }
        let colors = all.colors.unwrap();
        assert_eq!(colors[123], [123, 100, 50]);
        let again = written(export, &file, false).unwrap();
        assert!(again == bytes, "same input, same bytes");
    }
}

#[test]
fn other_formats_have_the_points_that_were_kept() {
    let file = file();
    let scan = excerpt(&file);
    for export in Export::ALL {
        if !export.has_all_points() {
            let parts = written(export, &file, false).unwrap();
            let whole = export.write(&scan, &owners(&scan), &context()).unwrap();
            assert!(parts == whole, "{export:?}");
        }
    }
}

#[test]
fn a_file_that_changed_and_a_disk_that_is_full_are_errors() {
    let file = file();
    let scan = excerpt(&file);
    let labels = owners(&scan);
    let silent = Monitor::silent();
    let full = &mut |_: u64, _: &[u8]| Err(io::Error::other("the disk is full"));
    let mut shorter = file.clone();
    shorter.pop();
    for export in [Export::Ply, Export::Laz] {
        let write = |source: &dyn ReadAt, out: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>| {
            let context = context();
            let written = export.write_all(&scan, &labels, &context, source, &silent, out);
            written.unwrap_err()
        };
        let error = write(&file, full).to_string();
        assert!(error.contains("the disk is full"), "{error}");
        let changed = write(&shorter, &mut |_, _| Ok(()));
        assert!(matches!(
            changed,
            WriteError::Read(ReadError::Unreadable(_))
        ));
    }
}
