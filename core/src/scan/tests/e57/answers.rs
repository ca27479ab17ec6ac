//! E57 files that are odd or lie, each with its right answer.

use super::{
    super::Answer::{Refused, Silent, Warned},
    *,
};

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

/// What is odd about the header, the points and their packets.
fn files() -> Vec<Case> {
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
    vec![
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
            "63 bits".into(),
            of(scaled(-(1 << 62), (1 << 62) - 1), at(5)),
            Silent(1, 0),
        ),
        ("one bit".into(), of(scaled(0, 1), at(1)), Silent(1, 0)),
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
            "XML a few bytes short".into(),
            set(32, &(word(32) as u64 - 5).to_le_bytes()),
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
    ]
}

/// A file with nothing but this XML section.
fn of_xml(xml: &str) -> Vec<u8> {
    let mut logical = b"ASTM-E57".to_vec();
    logical.extend(1u32.to_le_bytes());
    logical.extend(0u32.to_le_bytes());
    let pages = (48 + xml.len()).div_ceil(1020);
    for word in [pages * 1024, 48, xml.len(), 1024] {
        logical.extend((word as u64).to_le_bytes());
    }
    logical.extend(xml.as_bytes());
    logical.resize(pages * 1020, 0);
    let pages = logical
        .chunks_exact(1020)
        .map(|page| [page, &[0; 4]].concat());
    sealed(pages.collect::<Vec<_>>().concat())
}

/// What is odd about the XML section.
fn descriptions() -> Vec<Case> {
    let root = |content: &str| {
        of_xml(&format!(
            "<?xml version=\"1.0\"?><e57Root type=\"Structure\" xmlns=\"http://www.astm.org/COMMIT/E57/2010-e57-v1.0\"><formatName type=\"String\">ASTM E57 3D Imaging Data File</formatName><guid type=\"String\">a</guid><versionMajor type=\"Integer\">1</versionMajor><versionMinor type=\"Integer\">0</versionMinor>{content}</e57Root>"
        ))
    };
    let cloud = |points: &str| {
        root(&format!(
            "<data3D type=\"Vector\"><vectorChild type=\"Structure\">{points}</vectorChild></data3D>"
        ))
    };
    let of = |count: &str, prototype: &str| {
        cloud(&format!(
            "<points type=\"CompressedVector\" fileOffset=\"48\" recordCount=\"{count}\"><prototype type=\"Structure\">{prototype}</prototype></points>"
        ))
    };
    let xyz =
        "<cartesianX type=\"Float\"/><cartesianY type=\"Float\"/><cartesianZ type=\"Float\"/>";
    let constant = xyz.replace("Float\"", "Integer\" minimum=\"3\" maximum=\"3\"");
    let entities = "<!DOCTYPE e [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]><e57Root>&b;</e57Root>";
    let wide: String = (0..300)
        .map(|i| format!("<p{i} type=\"Float\"/>"))
        .collect();
    cases([
        ("nothing", of_xml(""), Refused("XML")),
        ("XML of another root", of_xml("<a/>"), Refused("malformed")),
        ("entities", of_xml(entities), Refused("XML")),
        (
            "nested",
            root(&format!(
                "{}{}",
                "<a>".repeat(100_000),
                "</a>".repeat(100_000)
            )),
            Refused("no points"),
        ),
        (
            "nested and open",
            root(&"<a>".repeat(100_000)),
            Refused("XML"),
        ),
        ("XML without data", root(""), Refused("no points")),
        (
            "XML without clouds",
            root("<data3D type=\"Vector\"/>"),
            Refused("no points"),
        ),
        (
            "XML of a cloud without points",
            cloud(""),
            Refused("points"),
        ),
        (
            "no properties",
            of("5", ""),
            Refused("neither cartesian nor spherical"),
        ),
        (
            "no z",
            of("5", &xyz.replace("cartesianZ", "other")),
            Refused("neither cartesian nor spherical"),
        ),
        ("no section", of("5", xyz), Refused("section of kind")),
        (
            "most points",
            of("18446744073709551615", xyz),
            Refused("the limit is 12000000"),
        ),
        (
            "many points",
            of("13000000", xyz),
            Refused("the limit is 12000000"),
        ),
        (
            "points beyond 64 bits",
            of("99999999999999999999", xyz),
            Refused("recordCount"),
        ),
        (
            "points without bytes",
            of("10000000", &constant),
            Refused("all its points are at one place"),
        ),
        (
            "three hundred properties",
            of("5", &format!("{xyz}{wide}")),
            Refused("more than 256 properties"),
        ),
        (
            "ten million of many",
            of(
                "10000000",
                &format!("{xyz}{}", &wide[..4000].rsplit_once('<').unwrap().0),
            ),
            Refused("the limit is 1073741824"),
        ),
    ])
}

#[test]
fn files_have_their_right_answers() {
    // what the XML section says is kept as text and as a tree
    assert_family(
        "E57",
        Memory::per_byte(512),
        &[files(), descriptions()].concat(),
    );
}

#[test]
fn cut_anywhere_is_an_error() {
    let right = write(&[usual(40)]);
    let cut = |end: usize| {
        let bytes = right[..end].to_vec();
        (format!("cut at {end}"), bytes, Refused("cut short"))
    };
    assert_answers((8..right.len()).step_by(61).map(cut).collect());
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
