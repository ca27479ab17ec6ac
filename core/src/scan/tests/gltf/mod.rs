//! glTF and GLB: scenes, colors, and files that lie.

use super::*;

mod answers;

/// Two triangles with bytes as colors, as indices 0 1 2, 0 2 3.
fn binary() -> Vec<u8> {
    let mut bytes = floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    bytes.extend([
        255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 10, 20, 30, 255,
    ]);
    bytes.extend([0u16, 1, 2, 0, 2, 3].iter().flat_map(|i| i.to_le_bytes()));
    bytes
}

const JSON: &str = r#"{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],
"nodes":[{"children":[1],"translation":[10,0,0]},{"name":"the quad","mesh":0,"scale":[2,2,2]}],
"meshes":[{"primitives":[{"attributes":{"POSITION":0,"COLOR_0":1},"indices":2}]}],
"accessors":[{"bufferView":0,"componentType":5126,"count":4,"type":"VEC3","min":[0,0,0],"max":[1,1,0]},
{"bufferView":1,"componentType":5121,"normalized":true,"count":4,"type":"VEC4"},
{"bufferView":2,"componentType":5123,"count":6,"type":"SCALAR"}],
"bufferViews":[{"buffer":0,"byteLength":48},{"buffer":0,"byteOffset":48,"byteLength":16},{"buffer":0,"byteOffset":64,"byteLength":12}],
"buffers":[{"byteLength":76}]}"#;

fn glb(json: &str, binary: &[u8]) -> Vec<u8> {
    let pad = |bytes: &[u8], with: u8| {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), with);
        bytes
    };
    let (json, binary) = (pad(json.as_bytes(), b' '), pad(binary, 0));
    let word = |v: usize| (v as u32).to_le_bytes();
    [
        b"glTF",
        &word(2)[..],
        &word(28 + json.len() + binary.len()),
        &word(json.len()),
        b"JSON",
        &json,
        &word(binary.len()),
        b"BIN\0",
        &binary,
    ]
    .concat()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b));
        let bits = bits << (8 * (3 - three.len()));
        (0..4)
            .map(|k| match k <= three.len() {
                true => char::from(LETTERS[(bits >> (18 - 6 * k)) as usize & 63]),
                false => '=',
            })
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

fn scene(json: &str, binary: &[u8]) -> Scan {
    read_silently(&glb(json, binary)).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn nodes_place_meshes_with_colors() {
    let scan = scene(JSON, &binary());
    assert_eq!(
        scan.positions,
        [
            [10.0, 0.0, 0.0],
            [12.0, 0.0, 0.0],
            [12.0, 2.0, 0.0],
            [10.0, 2.0, 0.0]
        ]
        .map(|[x, y, z]: [f32; 3]| [x, y, z])
    );
    let colors = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]];
    assert_eq!(scan.colors, Some(colors.to_vec()));
    assert_eq!(scan.triangles, [[0, 1, 2], [0, 2, 3]]);
    assert_eq!((scan.up, scan.unit), (Some(UpAxis::PlusY), Some(1.0)));
    assert_eq!(scan.table.comments, ["comment node 1 the quad"]);
    assert_eq!(scan.warnings, []);
    assert_written_back(&scan);
    // the same as JSON with its data in it
    let uri = format!(
        r#""buffers":[{{"byteLength":76,"uri":"data:application/octet-stream;base64,{}"}}]"#,
        base64(&binary())
    );
    let json = JSON.replace(r#""buffers":[{"byteLength":76}]"#, &uri);
    let same = read_silently(json.as_bytes()).unwrap();
    assert_eq!(same.table.elements, scan.table.elements);
}

#[test]
fn the_format_says_where_up_is_and_what_the_unit_is() {
    let mut scan = scene(JSON, &binary());
    let found = crate::preflight::preflight(&scan, crate::preflight::Choices::default());
    assert_eq!(found.up.value, UpAxis::PlusY);
    assert_eq!(found.unit.value, crate::preflight::Unit::Metres);
    assert!(
        !found.has_assumptions(),
        "{} {}",
        found.up.words,
        found.unit.words
    );
    scan.unit = None;
    let found = crate::preflight::preflight(&scan, crate::preflight::Choices::default());
    assert_eq!(found.unit.certainty, crate::preflight::Certainty::Assumed);
}

#[test]
fn colors_are_light_and_materials_change_them() {
    let material = |rest: &str| {
        let with = format!(r#""materials":[{{"pbrMetallicRoughness":{{{rest}}}}}],"asset""#);
        JSON.replacen(r#""asset""#, &with, 1)
            .replace(r#""indices":2"#, r#""indices":2,"material":0"#)
    };
    // half of the light is 188 of 255
    let half = material(r#""baseColorFactor":[0.5,0.5,0.5,1]"#);
    let scan = scene(&half, &binary());
    assert_eq!(scan.colors.unwrap()[0], [188, 0, 0]);
    let plain = half.replace(r#","COLOR_0":1"#, "");
    assert_eq!(scene(&plain, &binary()).colors, Some(vec![[188; 3]; 4]));
    let white = plain.replace("[0.5,0.5,0.5,1]", "[1,1,1,1]");
    assert_eq!(scene(&white, &binary()).colors, None);
    // floats and 16 bits are linear light
    let floats_json = JSON.replace(
        r#""componentType":5121,"normalized":true,"count":4,"type":"VEC4""#,
        r#""componentType":5126,"count":1,"type":"VEC3""#,
    );
    let one = floats_json
        .replace(r#""count":4,"type":"VEC3""#, r#""count":1,"type":"VEC3""#)
        .replace(r#","indices":2"#, r#","mode":0"#);
    let bytes = with(&binary(), 48, &floats(&[0.5, 1.0, 0.0]));
    assert_eq!(scene(&one, &bytes).colors, Some(vec![[188, 255, 0]]));
}

#[test]
fn points_strips_and_fans_are_read() {
    let mode = |mode: &str| JSON.replace(r#""indices":2"#, mode);
    let cases = [
        (r#""mode":0"#, 4, vec![]),
        (r#""mode":0,"indices":2"#, 4, vec![]),
        (r#""mode":4"#, 4, vec![[0, 1, 2]]),
        (r#""mode":5"#, 4, vec![[0, 1, 2], [2, 1, 3]]),
        (r#""mode":6"#, 4, vec![[0, 1, 2], [0, 2, 3]]),
    ];
    for (words, points, triangles) in cases {
        let scan = scene(&mode(words), &binary());
        assert_eq!(
            (scan.len(), &scan.triangles),
            (points, &triangles),
            "{words}"
        );
    }
    let strip = scene(&mode(r#""mode":5,"indices":2"#), &binary());
    assert_eq!(strip.triangles.len(), 4);
}

#[test]
fn vertices_without_faces_are_left_out_and_integers_are_places() {
    let scan = scene(&JSON.replace(r#""count":6"#, r#""count":3"#), &binary());
    assert_eq!((scan.len(), scan.triangles.clone()), (3, vec![[0, 1, 2]]));
    // positions in 16 bits, as of KHR_mesh_quantization
    let quantized = JSON
        .replace(
            r#""componentType":5126,"count":4"#,
            r#""componentType":5122,"normalized":true,"count":4"#,
        )
        .replace(
            r#"{"buffer":0,"byteLength":48}"#,
            r#"{"buffer":0,"byteLength":48,"byteStride":8}"#,
        )
        .replacen(
            r#""asset""#,
            r#""extensionsRequired":["KHR_mesh_quantization"],"asset""#,
            1,
        );
    let places = [
        [0i16, 0, 0, 0],
        [32767, 0, 0, 0],
        [32767, 32767, 0, 0],
        [0, 32767, 0, 0],
    ];
    let bytes: Vec<u8> = places
        .as_flattened()
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let scan = scene(&quantized, &with(&binary(), 0, &bytes));
    assert_eq!(scan.positions[2], [12.0, 2.0, 0.0]);
}

#[test]
#[cfg(feature = "captures")]
fn textures_color_vertices() {
    use image::{ImageFormat, RgbImage};
    let mut png = std::io::Cursor::new(Vec::new());
    let pixels = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
    let picture = RgbImage::from_raw(2, 2, pixels).unwrap();
    picture.write_to(&mut png, ImageFormat::Png).unwrap();
    let png = png.into_inner();
    let mut bytes = binary();
    let places = floats(&[0.1, 0.1, 0.9, 0.1, 0.9, 0.9, -0.9, 1.9]);
    bytes.extend(&places);
    let start = bytes.len();
    bytes.extend(&png);
    let json = JSON
        .replacen(
            r#""asset""#,
            r#""images":[{"bufferView":4,"mimeType":"image/png"}],"textures":[{"source":0}],
            "materials":[{"pbrMetallicRoughness":{"baseColorTexture":{"index":0}}}],"asset""#,
            1,
        )
        .replace(r#","COLOR_0":1"#, r#","TEXCOORD_0":3"#)
        .replace(r#""indices":2"#, r#""indices":2,"material":0"#)
        .replace(
            r#""type":"SCALAR"}"#,
            r#""type":"SCALAR"},{"bufferView":3,"componentType":5126,"count":4,"type":"VEC2"}"#,
        )
        .replace(
            r#""byteOffset":64,"byteLength":12}"#,
            &format!(
                r#""byteOffset":64,"byteLength":12}},{{"buffer":0,"byteOffset":76,"byteLength":32}},
                {{"buffer":0,"byteOffset":{start},"byteLength":{}}}"#,
                png.len()
            ),
        );
    let scan = scene(&json, &bytes);
    let wanted = vec![[255, 0, 0], [0, 255, 0], [9, 9, 9], [0, 0, 255]];
    assert_eq!(scan.colors, Some(wanted), "{:?}", scan.warnings);
    // turned by a quarter and moved
    let turned = json.replace(
        r#""baseColorTexture":{"index":0}"#,
        r#""baseColorTexture":{"index":0,"extensions":{"KHR_texture_transform":{"offset":[0.5,0]}}}"#,
    );
    assert_eq!(scene(&turned, &bytes).colors.unwrap()[0], [0, 255, 0]);
    let clamped = json.replace(
        r#""textures":[{"source":0}]"#,
        r#""textures":[{"source":0,"sampler":0}],"samplers":[{"wrapS":33071,"wrapT":33648}]"#,
    );
    assert_eq!(scene(&clamped, &bytes).colors.unwrap()[3], [255, 0, 0]);
    // what cannot be decoded is a warning
    for (name, json, words) in [
        (
            "damaged",
            json.replace(&format!(r#""byteOffset":{start}"#), r#""byteOffset":0"#),
            "neither a JPEG nor a PNG",
        ),
        (
            "elsewhere",
            json.replace(
                r#""bufferView":4,"mimeType":"image/png""#,
                r#""uri":"wood.png""#,
            ),
            "`wood.png` is another file",
        ),
        (
            "nowhere",
            json.replace(r#""source":0"#, r#""source":7"#),
            "picture 7 does not exist",
        ),
        (
            "of another format",
            json.replace(
                r#"{"source":0}"#,
                r#"{"extensions":{"EXT_texture_webp":{"source":0}}}"#,
            ),
            "does not exist",
        ),
    ] {
        let scan = scene(&json, &bytes);
        assert!(
            scan.warnings[0].0.contains(words),
            "{name}: {:?}",
            scan.warnings
        );
        assert_eq!(scan.colors, None, "{name}");
    }
}
