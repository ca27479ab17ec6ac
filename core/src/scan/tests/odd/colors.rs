//! Colors.

use super::*;
use crate::scan::colors;

/// The colors of points at different places with these three properties in text.
fn colors_of(scalar: &str, rows: &[&str]) -> Scan {
    let properties = ["red", "green", "blue"].map(|name| format!("property {scalar} {name}\n"));
    let rows = rows.iter().enumerate();
    let rows: Vec<String> = rows.map(|(i, row)| format!("{i} 0 0 {row}\n")).collect();
    let elements = format!(
        "element vertex {}\n{XYZ}{}",
        rows.len(),
        properties.concat()
    );
    read_silently(&ascii_ply(&elements, &rows.concat())).unwrap()
}

// 02: most values decide about the range, and what is beyond it is clamped
#[test]
fn a_few_values_do_not_decide_about_the_range_of_colors() {
    let mostly = |usual, odd| [vec![usual; 40], vec![odd]].concat();
    for (scalar, usual, odd, wanted) in [
        (
            "float",
            "0.545098 0.396078 0.27451",
            "1.02 1.01 0.5",
            [[139, 101, 70], [255, 255, 128]],
        ),
        (
            "double",
            "0.545098 0.396078 0.27451",
            "300 -2 0",
            [[139, 101, 70], [255, 0, 0]],
        ),
        (
            "float",
            "139 101 70",
            "256.5 255 0.5",
            [[139, 101, 70], [255, 255, 1]],
        ),
        ("float", "0 1 2", "255 0 0", [[0, 1, 2], [255, 0, 0]]),
        (
            "ushort",
            "139 101 70",
            "256 0 0",
            [[139, 101, 70], [255, 0, 0]],
        ),
        (
            "ushort",
            "35723 25957 17990",
            "65535 0 200",
            [[139, 101, 70], [255, 0, 1]],
        ),
        (
            "float",
            "35723 25957 17990",
            "65535 0 200",
            [[139, 101, 70], [255, 0, 1]],
        ),
        (
            "int",
            "139 101 70",
            "70000 0 -4",
            [[139, 101, 70], [255, 0, 0]],
        ),
        // bytes in a type with a sign
        (
            "char",
            "-117 101 70",
            "-1 0 1",
            [[139, 101, 70], [255, 0, 1]],
        ),
    ] {
        let scan = colors_of(scalar, &mostly(usual, odd));
        let colors = scan.colors.unwrap();
        assert_eq!([colors[0], colors[40]], wanted, "{scalar} {usual}, {odd}");
    }
    let scan = colors_of("float", &mostly("0.5 0.5 0.5", "1.02 1.01 0.5"));
    assert!(
        warning(&scan).contains("2 of 123 colour values"),
        "{:?}",
        scan.warnings
    );
}

// 05: what is no number is no color
#[test]
fn colors_that_are_no_numbers_are_gray_and_counted() {
    let exact = f32::from_bits(0xff7f_6647);
    let header = pcd_of("x y z RGB", "4 4 4 4", "F F F F", 3, "ascii");
    let pcd = file(
        &header,
        format!("0 0 0 nan\n1 0 0 {exact:e}\n2 0 0 -nan\n").as_bytes(),
    );
    let scan = read_silently(&pcd).unwrap();
    assert_eq!(
        scan.colors,
        Some(vec![colors::UNKNOWN, [127, 102, 71], colors::UNKNOWN])
    );
    assert!(
        warning(&scan).contains("2 of 3 points have no known colour"),
        "{:?}",
        scan.warnings
    );
    // in binary files, the bits of NaN are the color
    let header = pcd_of("x y z rgb", "4 4 4 4", "F F F F", 1, "binary");
    let body = [floats(&[0.0; 3]), 0xffc8_0a14u32.to_le_bytes().to_vec()].concat();
    let scan = read_silently(&file(&header, &body)).unwrap();
    assert_eq!(
        (scan.colors, scan.warnings.len()),
        (Some(vec![[200, 10, 20]]), 0)
    );

    let scan = colors_of("float", &["0.2 0.4 0.6", "nan nan nan", "0.2 nan 0.6"]);
    assert_eq!(
        scan.colors,
        Some(vec![[51, 102, 153], colors::UNKNOWN, [51, 0, 153]])
    );
    assert!(
        warning(&scan).contains("1 of 3 points"),
        "{:?}",
        scan.warnings
    );

    let header = pcd_of("x y z rgb", "4 4 4 4", "F F F F", 1, "ascii");
    for scan in [
        read_silently(&file(&header, b"0 0 0 nan\n")).unwrap(),
        colors_of("float", &["nan nan nan"]),
    ] {
        assert_eq!(scan.colors, None);
        assert!(
            warning(&scan).contains("without colours"),
            "{:?}",
            scan.warnings
        );
    }
}

// 22: the base color of Gaussian splats
#[test]
fn splats_have_the_color_of_their_constant_harmonic() {
    let elements = format!(
        "element vertex 2\n{XYZ}property float f_dc_0\nproperty float f_dc_1\nproperty float f_dc_2\nproperty float opacity\n"
    );
    let harmonic = |byte: f64| (byte / 255.0 - 0.5) / 0.282_094_791_773_878_14;
    let [r, g, b] = [139.0, 101.0, 70.0].map(harmonic);
    let scan = read_silently(&ascii_ply(
        &elements,
        &format!("0 0 0 {r} {g} {b} 1\n1 0 0 9 -9 0 1\n"),
    ));
    let scan = scan.unwrap();
    assert_eq!(scan.colors, Some(vec![[139, 101, 70], [255, 0, 128]]));
    assert_eq!(scan.warnings, []);
}

// 23: colors of faces, and textures
#[test]
fn colors_of_faces_go_to_their_corners() {
    let faces = |scalar: &str| {
        let channels = ["red", "green", "blue"].map(|name| format!("property {scalar} {name}\n"));
        format!(
            "element vertex 5\n{XYZ}element face 2\nproperty list uchar int vertex_indices\n{}",
            channels.concat()
        )
    };
    let corners = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n5 5 5\n";
    for (scalar, colors) in [
        ("uchar", ["100 0 0", "0 50 201"]),
        ("float", ["0.392157 0 0", "0 0.196078 0.788235"]),
    ] {
        let rows = format!("{corners}3 0 1 2 {}\n3 0 2 3 {}\n", colors[0], colors[1]);
        let scan = read_silently(&ascii_ply(&faces(scalar), &rows)).unwrap();
        let (both, unknown) = ([50, 25, 101], colors::UNKNOWN);
        assert_eq!(
            scan.colors,
            Some(vec![both, [100, 0, 0], both, [0, 50, 201], unknown]),
            "{scalar}"
        );
        assert!(
            warning(&scan).contains("1 of 5 points"),
            "{:?}",
            scan.warnings
        );
    }
    let textured = "comment TextureFile my room.png\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n\
        element face 1\nproperty list uchar int vertex_indices\nproperty list uchar float texcoord\n";
    let rows = "0 0 0\n1 0 0\n0 1 0\n3 0 1 2 6 0 0 1 0 0 1\n";
    for (elements, wanted) in [
        (textured.to_owned(), "the texture `my room.png`"),
        (
            textured.replace("TextureFile my room.png", "by hand"),
            "a texture",
        ),
    ] {
        let scan = read_silently(&ascii_ply(&elements, rows)).unwrap();
        assert_eq!(scan.colors, None);
        assert!(warning(&scan).contains(wanted), "{:?}", scan.warnings);
    }
}
