//! Gaussian splats: in PLY files and in SPZ files.

use miniz_oxide::deflate::compress_to_vec;

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

const COLUMNS: [&str; 14] = [
    "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2",
    "rot_0", "rot_1", "rot_2", "rot_3",
];

/// A file of splats at (i, 0, 0) of these opacities before the sigmoid, and colors of f_dc.
fn splats(opacities: &[f32], color: [f32; 3]) -> Vec<u8> {
    let columns: String = COLUMNS
        .iter()
        .map(|c| format!("property float {c}\n"))
        .collect();
    let header = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\n{columns}end_header\n",
        opacities.len()
    );
    let rows = opacities.iter().enumerate().flat_map(|(i, opacity)| {
        let [r, g, b] = color;
        floats(&[
            i as f32, 0.0, 0.0, r, g, b, *opacity, -4.0, -4.0, -4.0, 1.0, 0.0, 0.0, 0.0,
        ])
    });
    file(&header, &rows.collect::<Vec<_>>())
}

#[test]
fn splats_of_a_ply_have_colors_and_transparent_ones_are_left_out() {
    let scan = read_silently(&splats(&[5.0, -5.0, 0.0, -2.0], [1.0, 0.0, -3.0])).unwrap();
    // sigmoid(-2) is 0.119
    assert_eq!(scan.positions, [[0.0; 3], [2.0, 0.0, 0.0], [3.0, 0.0, 0.0]]);
    assert_eq!(scan.row_of_point, Some(vec![0, 2, 3]));
    assert_eq!(scan.colors, Some(vec![[199, 128, 0]; 3]));
    assert_eq!(scan.table.point_rows().count, 4);
    assert!(
        scan.warnings[0]
            .0
            .contains("1 of 4 have an opacity below 0.1")
    );
    assert_written_back(&scan);
}

/// What is odd about splats in PLY files.
fn ply_files() -> Vec<Case> {
    let right = splats(&[5.0, -5.0, 0.0], [0.0; 3]);
    let packed = replaced(
        &replaced(
            &replaced(&right, "float x", "float a"),
            "float y",
            "float b",
        ),
        "float z",
        "uint packed_position",
    );
    let renamed = |from: &str, to: &str| replaced(&right, from, to);
    let typed =
        |name: &str, kind: &str| renamed(&format!("float {name}"), &format!("{kind} {name}"));
    let counted = |count: &str| renamed("vertex 3", &format!("vertex {count}"));
    let rest: String = (0..45)
        .map(|k| format!("property float f_rest_{k}\n"))
        .collect();
    let harmonic = replaced(
        &splats(&[5.0], [0.0; 3]),
        "end_header",
        &format!("{rest}end_header"),
    );
    let harmonic = [&harmonic[..], &[0; 180]].concat();
    cases([
        ("PLY", right.clone(), Warned(2, 0, "Gaussian splats")),
        (
            "all opaque",
            splats(&[5.0; 3], [0.0; 3]),
            Warned(3, 0, "centers were read as points"),
        ),
        (
            "all transparent",
            splats(&[-9.0; 3], [0.0; 3]),
            Warned(3, 0, "Gaussian splats"),
        ),
        (
            "opacity NaN",
            splats(&[f32::NAN, 1.0], [0.0; 3]),
            Warned(1, 0, "1 of 2 have an opacity"),
        ),
        (
            "opacity infinite",
            splats(&[f32::INFINITY, f32::NEG_INFINITY], [0.0; 3]),
            Warned(1, 0, "1 of 2"),
        ),
        (
            "color NaN",
            splats(&[1.0], [f32::NAN; 3]),
            Warned(1, 0, "without colours"),
        ),
        (
            "color beyond",
            splats(&[1.0], [1e30; 3]),
            Warned(1, 0, "Gaussian splats"),
        ),
        ("packed", packed, Refused("packed_position")),
        (
            "no z",
            replaced(&right, "float z", "float q"),
            Refused("no property `z`"),
        ),
        (
            "names in capitals",
            renamed("float opacity", "float OPACITY"),
            Warned(2, 0, "Gaussian splats"),
        ),
        ("many harmonics", harmonic, Warned(1, 0, "Gaussian splats")),
        (
            "half an opacity",
            typed("opacity", "list uchar"),
            Refused("is not understood"),
        ),
        (
            "opacities in bytes",
            typed("opacity", "char"),
            Warned(3, 0, "9 bytes after the last row"),
        ),
        (
            "no opacity",
            renamed("float opacity", "float haze"),
            Silent(3, 0),
        ),
        (
            "no size",
            renamed("float scale_0", "float size"),
            Silent(3, 0),
        ),
        (
            "no rotation",
            renamed("float rot_0", "float turn"),
            Silent(3, 0),
        ),
        (
            "no color",
            renamed("float f_dc_0", "float tint"),
            Silent(3, 0),
        ),
        (
            "opacity twice",
            renamed("float rot_3", "float opacity"),
            Warned(2, 0, "Gaussian splats"),
        ),
        ("no splats", splats(&[], [0.0; 3]), Refused("no points")),
        ("most splats", counted("4000000000"), Refused("cut short")),
        (
            "two of three splats",
            counted("2"),
            Warned(1, 0, "56 bytes after the last row"),
        ),
        (
            "four of three splats",
            counted("4"),
            Refused("at least 224 bytes of data, 168 are there"),
        ),
        (
            "bytes of a .splat file",
            floats(&[1.0, 2.0, 3.0, 0.1, 0.1, 0.1, 0.5, 0.5]).repeat(9),
            Refused("binary data of an unknown kind"),
        ),
    ])
}

#[test]
fn what_lacks_a_column_of_splats_is_points() {
    let right = splats(&[5.0, -5.0, 0.0], [0.0; 3]);
    for column in ["f_dc_0", "opacity", "scale_0", "rot_0"] {
        let other = replaced(&right, &format!("float {column}"), "float other");
        let scan = read_silently(&other).unwrap();
        assert_eq!(scan.len(), 3, "{column}");
    }
}

/// The unpacked content of an SPZ file of one splat per position.
fn content(version: u32, positions: &[[f32; 3]], degree: u8) -> Vec<u8> {
    let count = positions.len();
    let mut bytes = b"NGSP".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((count as u32).to_le_bytes());
    bytes.extend([degree, 12, 0, 0]);
    for v in positions.as_flattened() {
        let fixed = (v * 4096.0) as i32;
        bytes.extend(&fixed.to_le_bytes()[..3]);
    }
    bytes.extend((0..count).map(|i| if i == 1 { 3 } else { 230 }));
    bytes.extend([255, 128, 90].repeat(count));
    bytes.extend([96; 3].repeat(count));
    match version {
        2 => bytes.extend([128, 128, 255].repeat(count)),
        _ => bytes.extend(0xc000_0000_u32.to_le_bytes().repeat(count)),
    }
    let harmonics = [0, 3, 8, 15].get(usize::from(degree)).unwrap_or(&0);
    bytes.extend(vec![128; 3 * harmonics * count]);
    bytes
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&header[..], &compress_to_vec(content, 6), &[0; 8]].concat()
}

const PLACES: [[f32; 3]; 3] = [[0.0, 1.5, -2.25], [4.0, 0.0, 1.0], [-100.0, 3.0, 8.0]];

#[test]
fn splats_of_both_versions_are_read() {
    for (version, rotation) in [(2, [0.0, 1.0]), (3, [1.0, 0.0])] {
        let scan = read_silently(&gzip(&content(version, &PLACES, 1))).unwrap();
        assert_eq!(scan.positions, [PLACES[0], PLACES[2]], "version {version}");
        // (1 - 0.5) / 0.15 of the constant harmonic is beyond white
        assert_eq!(scan.colors.as_ref().unwrap()[0], [255, 128, 57]);
        assert_eq!(scan.up, Some(UpAxis::PlusY));
        assert_eq!(values(&scan, "scale_1"), [-4.0; 3]);
        let z = values(&scan, "rot_3")[0];
        let w = values(&scan, "rot_0")[0];
        assert!(
            (w - rotation[0]).abs() < 0.1 && (z - rotation[1]).abs() < 0.1,
            "{w} {z}"
        );
        let warnings: Vec<&str> = scan.warnings.iter().map(|w| w.0.as_str()).collect();
        assert!(
            warnings.iter().any(|w| w.contains("harmonics")),
            "{warnings:?}"
        );
        assert!(
            warnings
                .iter()
                .any(|w| w.contains("1 of 3 have an opacity")),
            "{warnings:?}"
        );
        assert_written_back(&scan);
    }
}

/// What is odd about SPZ files.
fn spz_files() -> Vec<Case> {
    let right = content(2, &PLACES, 0);
    let packed = gzip(&right);
    let set = |at: usize, bytes: &[u8]| gzip(&with(&right, at, bytes));
    let named = {
        let mut named = packed.clone();
        named[3] = 8 + 16 + 4 + 2;
        named.splice(10..10, *b"\x02\0abname\0remark\0\x01\x02");
        named
    };
    vec![
        (
            "right".into(),
            packed.clone(),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "every field of gzip".into(),
            named,
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "bytes behind".into(),
            [&packed[..], b"hello"].concat(),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "data behind".into(),
            gzip(&[&right[..], b"hello"].concat()),
            Refused("damaged"),
        ),
        ("version 0".into(), set(4, &[0]), Refused("version is 0")),
        (
            "version 1".into(),
            set(4, &[1]),
            Refused("versions 2 and 3 are read"),
        ),
        ("version 4".into(), set(4, &[4]), Refused("version is 4")),
        (
            "version 3 with the rotations of 2".into(),
            set(4, &[3]),
            Refused("cut short"),
        ),
        (
            "no points".into(),
            gzip(&content(2, &[], 0)),
            Refused("no points"),
        ),
        ("one more".into(), set(8, &[4]), Refused("cut short")),
        ("one less".into(), set(8, &[2]), Refused("damaged")),
        (
            "too many".into(),
            set(8, &[0xff; 4]),
            Refused("the limit is 12000000"),
        ),
        (
            "many".into(),
            set(8, &10_000_000u32.to_le_bytes()),
            Refused("cut short"),
        ),
        (
            "degree 3 without its data".into(),
            set(12, &[3]),
            Refused("cut short"),
        ),
        ("degree 4".into(), set(12, &[4]), Refused("degree 4")),
        ("fraction 31".into(), set(13, &[31]), Refused("31 bits")),
        ("fraction 255".into(), set(13, &[255]), Refused("255 bits")),
        (
            "fraction 0".into(),
            set(13, &[0]),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "another magic".into(),
            set(0, b"X"),
            Refused("gzip archive"),
        ),
        (
            "a short file".into(),
            gzip(b"NGSP"),
            Refused("gzip archive"),
        ),
        ("an empty file".into(), gzip(b""), Refused("gzip archive")),
        (
            "a table".into(),
            gzip(b"1 2 3\n4 5 6\n7 8 9\n"),
            Refused("gzip archive"),
        ),
    ]
}

/// What is odd about the stream of an SPZ file, and about the numbers in it.
fn streams() -> Vec<Case> {
    let right = content(2, &PLACES, 0);
    let packed = gzip(&right);
    let set = |at: usize, bytes: &[u8]| with(&packed, at, bytes);
    let behind =
        |flags: u8, rest: &[u8]| [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255], rest].concat();
    let stream = &packed[10..packed.len() - 8];
    let degree = |degree: u8| gzip(&content(3, &PLACES, degree));
    let part = |at: usize, bytes: &[u8]| gzip(&with(&right, 16 + at, bytes));
    let stored = {
        let size = right.len() as u16;
        let block = [
            &[1][..],
            &size.to_le_bytes(),
            &(!size).to_le_bytes(),
            &right,
        ]
        .concat();
        behind(0, &block)
    };
    let many = content(2, &vec![[1.0, 2.0, 3.0]; 50_000], 0);
    cases([
        ("degree 1", degree(1), Warned(2, 0, "harmonics")),
        ("degree 2", degree(2), Warned(2, 0, "harmonics")),
        ("degree 3", degree(3), Warned(2, 0, "harmonics")),
        (
            "smoothed",
            gzip(&with(&right, 14, &[1])),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "a reserved byte",
            gzip(&with(&right, 15, &[9])),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "fraction 30",
            gzip(&with(&right, 13, &[30])),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "most negative places",
            part(0, &[0, 0, 0x80].repeat(9)),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "one place",
            gzip(&content(2, &[[1.0; 3]; 3], 0)),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "one splat",
            gzip(&content(2, &PLACES[..1], 0)),
            Warned(1, 0, "Gaussian splats"),
        ),
        (
            "all opaque SPZ",
            part(27, &[255; 3]),
            Warned(3, 0, "centers were read as points"),
        ),
        (
            "all transparent SPZ",
            part(27, &[0; 3]),
            Warned(3, 0, "Gaussian splats"),
        ),
        (
            "a rotation beyond one",
            part(48, &[255; 9]),
            Warned(2, 0, "Gaussian splats"),
        ),
        ("a stored stream", stored, Warned(2, 0, "Gaussian splats")),
        (
            "fifty thousand at one place",
            gzip(&many),
            Warned(49_999, 0, "Gaussian splats"),
        ),
        ("another way to pack", set(2, &[7]), Refused("gzip archive")),
        (
            "a name without an end",
            behind(8, &[b'x'; 90]),
            Refused("gzip archive"),
        ),
        (
            "a field longer than the file",
            behind(4, &[0xff; 90]),
            Refused("gzip archive"),
        ),
        (
            "reserved flags",
            behind(0xe0, stream),
            Warned(2, 0, "Gaussian splats"),
        ),
        ("no stream", behind(0, b""), Refused("gzip archive")),
        (
            "a stream of no kind",
            behind(0, &[0xff; 90]),
            Refused("gzip archive"),
        ),
        (
            "no check sum",
            behind(0, stream),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "another check sum",
            [&packed[..packed.len() - 8], &[9; 8]].concat(),
            Warned(2, 0, "Gaussian splats"),
        ),
        (
            "zeros behind the splats",
            gzip(&[&right[..], &vec![0; 1 << 20]].concat()),
            Refused("damaged"),
        ),
        (
            "a stream without its end",
            behind(0, &stream[..stream.len() - 9]),
            Refused(""),
        ),
        (
            "two streams",
            [&packed[..], &packed].concat(),
            Warned(2, 0, "Gaussian splats"),
        ),
    ])
}

#[test]
fn files_have_their_right_answers() {
    // a byte of a deflate stream is up to 1032, of which a reader holds a few copies
    let all = [ply_files(), spz_files(), streams()].concat();
    assert_family("splats", Memory::per_byte(8 * 1032), &all);
}

#[test]
fn cut_anywhere_an_spz_file_is_an_error() {
    let packed = gzip(&content(2, &PLACES, 0));
    let cut = |end: usize| (format!("cut at {end}"), packed[..end].to_vec(), Refused(""));
    assert_answers((11..packed.len() - 9).map(cut).collect());
    assert_changed_bytes_do_no_harm(&packed, 2000);
}
