//! E57: clouds, poses, colors, marks, and files that lie.

use std::io::Cursor;

use ::e57::{
    E57Writer, Quaternion, Record, RecordDataType, RecordName, RecordValue, Transform, Translation,
};

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

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

/// The bytes after a change, with right checksums.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    for page in bytes.chunks_exact_mut(1024) {
        let sum = page[..1020].iter().fold(!0u32, |mut sum, byte| {
            sum ^= u32::from(*byte);
            for _ in 0..8 {
                sum = (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 };
            }
            sum
        });
        page[1020..].copy_from_slice(&(!sum).to_be_bytes());
    }
    bytes
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

#[test]
fn files_have_their_right_answers() {
    let right = write(&[usual(40)]);
    let set = |at: usize, bytes: &[u8]| sealed(with(&right, at, bytes));
    let word = |at: usize| Scalar::U64.read(&right[at..]) as usize;
    let xml = word(24);
    let change = |from: &str, to: &str| {
        // of the same length, so that nothing moves
        assert_eq!(from.len(), to.len(), "{from}");
        sealed(replaced(&right, from, to))
    };
    let section = right[48..].iter().position(|b| *b == 1).unwrap() + 48;
    let packet = section + 32;
    let scaled = |min: i64, max: i64| RecordDataType::ScaledInteger {
        min,
        max,
        scale: 1.0,
        offset: 0.0,
    };
    let at = |value: i64| vec![[value; 3].map(RecordValue::ScaledInteger).into()];
    let of = |data_type: RecordDataType, points: Vec<Point>| {
        write(&[Cloud {
            prototype: cartesian(data_type),
            points,
            pose: None,
            name: "",
        }])
    };
    let pose = |w: f64, x: f64| {
        let mut cloud = usual(3);
        cloud.pose = Some(Transform {
            rotation: Quaternion {
                w,
                x: 0.0,
                y: 0.0,
                z: 0.0,
            },
            translation: Translation { x, y: 0.0, z: 0.0 },
        });
        write(&[cloud])
    };
    let double = |v: f64| {
        of(
            DOUBLE,
            vec![
                [v, 1.0, 2.0].map(RecordValue::Double).into(),
                [3.0; 3].map(RecordValue::Double).into(),
            ],
        )
    };
    let mut cases: Vec<(String, Vec<u8>, Answer)> = vec![
        ("right".into(), right.clone(), Silent(40, 0)),
        ("no clouds".into(), write(&[]), Refused("no points")),
        (
            "a cloud without points".into(),
            write(&[usual(0)]),
            Refused("no points"),
        ),
        (
            "one of two without points".into(),
            write(&[usual(0), usual(3)]),
            Warned(3, 0, "put together"),
        ),
        ("NaN".into(), double(f64::NAN), Warned(1, 0, "no finite")),
        (
            "infinite".into(),
            double(f64::INFINITY),
            Warned(1, 0, "no finite"),
        ),
        (
            "beyond all bounds".into(),
            double(1e200),
            Warned(1, 0, "no finite"),
        ),
        (
            "all integers".into(),
            of(scaled(i64::MIN, i64::MAX), at(5)),
            Silent(1, 0),
        ),
        ("one bit".into(), of(scaled(0, 1), at(1)), Silent(1, 0)),
        (
            "no bits".into(),
            of(scaled(3, 3), at(3)),
            Refused("all its points are at one place"),
        ),
        (
            "pose without a rotation".into(),
            pose(0.0, 5.0),
            Silent(3, 0),
        ),
        (
            "pose far away".into(),
            pose(1.0, 1e15),
            Refused("none of the 3 points"),
        ),
        // the header
        ("version 2".into(), set(8, &[2]), Refused("major version")),
        (
            "version 1.9".into(),
            set(12, &[9]),
            Refused("minor version"),
        ),
        (
            "longer than it is".into(),
            set(16, &[0xff; 7]),
            Refused("cut short"),
        ),
        ("XML at 0".into(), set(24, &[0; 8]), Refused("malformed")),
        (
            "XML far away".into(),
            set(24, &[0xff; 8]),
            Refused("behind end of file"),
        ),
        ("XML without bytes".into(), set(32, &[0; 8]), Refused("XML")),
        (
            "XML of most bytes".into(),
            set(32, &[0xff; 8]),
            Refused("its XML section has"),
        ),
        (
            "XML a byte short".into(),
            set(32, &(word(32) as u64 - 1).to_le_bytes()),
            Refused("XML"),
        ),
        (
            "XML longer".into(),
            set(32, &(word(32) as u64 + 300).to_le_bytes()),
            Refused("XML"),
        ),
        (
            "pages of 0 bytes".into(),
            set(40, &[0; 8]),
            Refused("page size"),
        ),
        (
            "pages of 512 bytes".into(),
            set(40, &[0, 2]),
            Refused("page size"),
        ),
        (
            "pages of most bytes".into(),
            set(40, &[0xff; 8]),
            Refused("page size"),
        ),
        // checksums
        (
            "checksum of page 0".into(),
            with(&right, 1020, &[0x55; 4]),
            Refused("checksum"),
        ),
        (
            "a byte of page 0".into(),
            with(&right, 500, &[0x55]),
            Refused("checksum"),
        ),
        (
            "checksum of the XML".into(),
            with(&right, xml / 1024 * 1024 + 1020, &[0x55; 4]),
            Refused("checksum"),
        ),
        (
            "a byte more".into(),
            [&right[..], b"x"].concat(),
            Refused("not a multiple"),
        ),
        (
            "a page of zeros".into(),
            [&right[..], &[0; 1024]].concat(),
            Refused("checksum of page"),
        ),
        // XML
        (
            "not XML".into(),
            change("<e57Root", "<e57Roo<"),
            Refused("XML"),
        ),
        (
            "another root".into(),
            change("e57Root", "e58Root"),
            Refused(""),
        ),
        (
            "no data".into(),
            replaced_twice(&right, "data3D", "data4D"),
            Refused("no points"),
        ),
        (
            "another type".into(),
            change("type=\"CompressedVector\"", "type=\"ComprezzedVector\""),
            Refused("points"),
        ),
        (
            "no number of points".into(),
            change("recordCount=\"40\"", "recordCount=\"-1\""),
            Refused("recordCount"),
        ),
        (
            "one point more".into(),
            change("recordCount=\"40\"", "recordCount=\"41\""),
            Refused("end before its 41 points are complete"),
        ),
        (
            "fewer points".into(),
            change("recordCount=\"40\"", "recordCount=\"39\""),
            Silent(39, 0),
        ),
        (
            "no place of the points".into(),
            change("fileOffset=\"48\"", "fileOffset=\"xx\""),
            Refused("fileOffset"),
        ),
        (
            "points at 0".into(),
            change("fileOffset=\"48\"", "fileOffset=\" 0\""),
            Refused("fileOffset"),
        ),
        (
            "points at 12".into(),
            change("fileOffset=\"48\"", "fileOffset=\"12\""),
            Refused("section of kind"),
        ),
        (
            "points at 99".into(),
            change("fileOffset=\"48\"", "fileOffset=\"99\""),
            Refused(""),
        ),
        (
            "no x".into(),
            replaced_twice(&right, "cartesianX", "cartesianQ"),
            Refused("neither cartesian nor spherical"),
        ),
        (
            "unknown precision".into(),
            change("precision=\"single\"", "precision=\"triple\""),
            Refused("triple"),
        ),
        (
            "unknown kind of number".into(),
            change("intensity type=\"Float\"", "intensity type=\"Flaot\""),
            Refused("Flaot"),
        ),
        (
            "limits the other way round".into(),
            change("maximum=\"1000\"", "maximum=\"-100\""),
            Refused("invalid"),
        ),
        (
            "fewer bits".into(),
            change("maximum=\"1000\"", "maximum=\"0003\""),
            Silent(40, 0),
        ),
        (
            "more bits".into(),
            change("maximum=\"1000\"", "maximum=\"9000\""),
            Refused("end before"),
        ),
        // packets
        (
            "section of kind 0".into(),
            set(section, &[0]),
            Refused("section of kind 0"),
        ),
        (
            "section of kind 9".into(),
            set(section, &[9]),
            Refused("section of kind 9"),
        ),
        (
            "packets far away".into(),
            set(section + 16, &[0xff; 8]),
            Refused("beyond its end"),
        ),
        (
            "packets at 0".into(),
            set(section + 16, &[0; 8]),
            Refused(""),
        ),
        (
            "packet of kind 7".into(),
            set(packet, &[7]),
            Refused("unknown kind 7"),
        ),
        (
            "packet of most bytes".into(),
            set(packet + 2, &[0xff; 2]),
            Refused("end before"),
        ),
        (
            "packet of 1 byte".into(),
            set(packet + 2, &[0; 2]),
            Refused(""),
        ),
        (
            "no streams".into(),
            set(packet + 4, &[0; 2]),
            Refused("0 streams, its points have 8 properties"),
        ),
        (
            "most streams".into(),
            set(packet + 4, &[0xff; 2]),
            Refused("65535 streams"),
        ),
        (
            "stream of most bytes".into(),
            set(packet + 6, &[0xff; 2]),
            Refused("a stream of 65535"),
        ),
        (
            "stream without bytes".into(),
            set(packet + 6, &[0; 2]),
            Refused(""),
        ),
        (
            "an index in place of data".into(),
            set(packet, &[0]),
            Refused(""),
        ),
        (
            "an ignored packet in place of data".into(),
            set(packet, &[2]),
            Refused(""),
        ),
    ];
    for end in (8..right.len()).step_by(61) {
        cases.push((
            format!("cut at {end}"),
            right[..end].to_vec(),
            Refused("cut short"),
        ));
    }
    let nested = format!("<data3D>{}{}</data3D>", "<a>".repeat(50), "</a>".repeat(50));
    assert!(nested.len() < 1000);
    assert_answers(cases);
}

/// A copy with a word replaced where it stands, in an opening and in a closing tag.
fn replaced_twice(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    sealed(replaced(&replaced(bytes, from, to), from, to))
}

#[test]
fn changed_bytes_do_no_harm() {
    let right = write(&[usual(40)]);
    assert_changed_bytes_do_no_harm(&right, 500);
    // with right checksums
    let mut state = 88_172_645_463_325_252_u64;
    for _ in 0..3000 {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        let mut changed = right.clone();
        for _ in 0..next() % 3 + 1 {
            let at = next() % changed.len();
            changed[at] = next() as u8;
        }
        let _ = read_silently(&sealed(changed));
    }
}
