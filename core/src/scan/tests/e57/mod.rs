//! E57: clouds, poses, colors, marks, and files that lie.

use std::io::Cursor;

use ::e57::{
    E57Writer, Quaternion, Record, RecordDataType, RecordName, RecordValue, Transform, Translation,
};

use super::*;

mod answers;

type Point = Vec<RecordValue>;

fn record(name: RecordName, data_type: RecordDataType) -> Record {
    Record { name, data_type }
}

const DOUBLE: RecordDataType = RecordDataType::Double {
    min: None,
    max: None,
};
const SINGLE: RecordDataType = RecordDataType::Single {
    min: None,
    max: None,
};

const fn integer(max: i64) -> RecordDataType {
    RecordDataType::Integer { min: 0, max }
}

/// One cloud of a file.
struct Cloud {
    prototype: Vec<Record>,
    points: Vec<Point>,
    pose: Option<Transform>,
    name: &'static str,
}

fn cartesian(data_type: RecordDataType) -> Vec<Record> {
    [
        RecordName::CartesianX,
        RecordName::CartesianY,
        RecordName::CartesianZ,
    ]
    .map(|name| record(name, data_type.clone()))
    .into()
}

fn write(clouds: &[Cloud]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut writer = E57Writer::new(&mut out, "file").unwrap();
    for cloud in clouds {
        let mut points = writer
            .add_pointcloud("cloud", cloud.prototype.clone())
            .unwrap();
        points.set_name(Some(cloud.name.to_owned()));
        points.set_transform(cloud.pose.clone());
        for point in &cloud.points {
            points.add_point(point.clone()).unwrap();
        }
        points.finalize().unwrap();
    }
    writer.finalize().unwrap();
    drop(writer);
    out.into_inner()
}

/// Doubles, colors in bytes, and intensities, of points at (i, 2 i, 0.5).
fn usual(count: usize) -> Cloud {
    let mut prototype = cartesian(DOUBLE);
    for name in [
        RecordName::ColorRed,
        RecordName::ColorGreen,
        RecordName::ColorBlue,
    ] {
        prototype.push(record(name, integer(255)));
    }
    prototype.push(record(RecordName::Intensity, SINGLE));
    prototype.push(record(RecordName::RowIndex, integer(1000)));
    let point = |i: usize| {
        let number = i as f64;
        let mut point: Point = [number, 2.0 * number, 0.5].map(RecordValue::Double).into();
        point.extend([255, 0, i as i64 % 256].map(RecordValue::Integer));
        point.push(RecordValue::Single(number as f32 / 10.0));
        point.push(RecordValue::Integer(i as i64 % 1000));
        point
    };
    Cloud {
        prototype,
        points: (0..count).map(point).collect(),
        pose: None,
        name: "hall",
    }
}

#[test]
fn clouds_have_points_colors_and_properties() {
    // more than a packet holds
    let scan = read_silently(&write(&[usual(5000)])).unwrap();
    assert_eq!(scan.len(), 5000);
    assert_eq!(
        scan.table.point_rows().column("x").unwrap().at(4999),
        4999.0
    );
    assert_eq!(
        scan.table.point_rows().column("y").unwrap().at(4999),
        9998.0
    );
    assert_eq!(
        scan.colors.as_ref().unwrap()[4999],
        [255, 0, (4999 % 256) as u8]
    );
    assert_eq!(values(&scan, "intensity")[3], f64::from(0.3f32));
    assert_eq!(values(&scan, "row_index")[4999], 999.0);
    assert_eq!((scan.up, scan.unit), (None, Some(1.0)));
    assert_eq!(scan.table.comments, ["comment scan 0 hall"]);
    assert_eq!(scan.warnings, []);
    assert_written_back(&scan);
}

#[test]
fn poses_place_clouds() {
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let mut turned = usual(3);
    turned.pose = Some(Transform {
        // a quarter about z
        rotation: Quaternion {
            w: half,
            x: 0.0,
            y: 0.0,
            z: half,
        },
        translation: Translation {
            x: 100.0,
            y: 0.0,
            z: 1.0,
        },
    });
    turned.name = "kitchen";
    let plain = Cloud {
        prototype: cartesian(SINGLE),
        points: vec![[7.0, 8.0, 9.0].map(RecordValue::Single).into()],
        pose: None,
        name: "",
    };
    let scan = read_silently(&write(&[turned, plain])).unwrap();
    let wanted = [
        [100.0, 0.0, 1.5],
        [98.0, 1.0, 1.5],
        [96.0, 2.0, 1.5],
        [7.0, 8.0, 9.0],
    ];
    for (found, wanted) in scan.positions.iter().zip(wanted) {
        let near = (0..3).all(|axis| (found[axis] - wanted[axis]).abs() < 1e-5);
        assert!(near, "{found:?} {wanted:?}");
    }
    assert_eq!(values(&scan, "scan"), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(
        scan.colors.as_ref().unwrap()[..2],
        [[255, 0, 0], [255, 0, 1]]
    );
    let words: Vec<&str> = scan.warnings.iter().map(|w| w.0.as_str()).collect();
    assert!(
        words[0].contains("2 point clouds of the file were put together"),
        "{words:?}"
    );
    assert!(
        words[1].contains("1 of 4 points have no known colour"),
        "{words:?}"
    );
    assert_written_back(&scan);
}

#[test]
fn spherical_coordinates_and_scaled_integers_are_places() {
    let quarter = std::f64::consts::FRAC_PI_2;
    let names = [
        RecordName::SphericalRange,
        RecordName::SphericalAzimuth,
        RecordName::SphericalElevation,
    ];
    let spherical = Cloud {
        prototype: names.map(|name| record(name, DOUBLE)).into(),
        points: [[2.0, 0.0, 0.0], [2.0, quarter, 0.0], [2.0, 1.0, quarter]]
            .map(|p| p.map(RecordValue::Double).into())
            .into(),
        pose: None,
        name: "",
    };
    let scan = read_silently(&write(&[spherical])).unwrap();
    for (found, wanted) in
        scan.positions
            .iter()
            .zip([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
    {
        assert!(
            (0..3).all(|axis| (found[axis] - wanted[axis]).abs() < 1e-6),
            "{found:?}"
        );
    }
    let scaled = Cloud {
        prototype: cartesian(RecordDataType::ScaledInteger {
            min: -1000,
            max: 100_000,
            scale: 0.001,
            offset: 5.0,
        }),
        points: vec![[-1000, 0, 100_000].map(RecordValue::ScaledInteger).into()],
        pose: None,
        name: "",
    };
    let scan = read_silently(&write(&[scaled])).unwrap();
    assert_eq!(scan.positions, [[4.0, 5.0, 105.0]]);
}

#[test]
fn invalid_points_and_colors_are_left_out() {
    let mut cloud = usual(4);
    cloud
        .prototype
        .push(record(RecordName::CartesianInvalidState, integer(2)));
    cloud
        .prototype
        .push(record(RecordName::IsColorInvalid, integer(1)));
    for (i, point) in cloud.points.iter_mut().enumerate() {
        point.push(RecordValue::Integer([0, 2, 1, 0][i]));
        point.push(RecordValue::Integer([0, 0, 0, 1][i]));
    }
    let scan = read_silently(&write(&[cloud])).unwrap();
    assert_eq!(scan.row_of_point, Some(vec![0, 3]));
    assert_eq!(scan.colors, Some(vec![[255, 0, 0], [110; 3]]));
    let words: Vec<&str> = scan.warnings.iter().map(|w| w.0.as_str()).collect();
    assert!(
        words
            .iter()
            .any(|w| w.contains("2 of 4 points have no finite")),
        "{words:?}"
    );
    assert!(
        words.iter().any(|w| w.contains("no known colour")),
        "{words:?}"
    );
    assert_written_back(&scan);
}

#[test]
fn colors_are_scaled_by_their_limits() {
    let mut cloud = usual(2);
    for record in &mut cloud.prototype[3..6] {
        record.data_type = RecordDataType::Integer {
            min: 0,
            max: 65_535,
        };
    }
    for point in &mut cloud.points {
        point[3..6].clone_from_slice(&[65_535, 32_896, 257].map(RecordValue::Integer));
    }
    let scan = read_silently(&write(&[cloud])).unwrap();
    assert_eq!(scan.colors, Some(vec![[255, 128, 1]; 2]));
}
