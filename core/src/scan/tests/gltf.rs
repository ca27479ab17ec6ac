//! glTF and GLB: scenes, colors, and files that lie.

use super::{
    Answer::{Refused, Silent, Warned},
    *,
};

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

#[test]
fn documents_have_their_right_answers() {
    let change = |from: &str, to: &str| {
        let json = replaced(JSON.as_bytes(), from, to);
        glb(&String::from_utf8(json).unwrap(), &binary())
    };
    let needs = |name: &str| {
        change(
            r#""asset""#,
            &format!(r#""extensionsRequired":["{name}"],"asset""#),
        )
    };
    let primitive = r#"{"attributes":{"POSITION":0,"COLOR_0":1},"indices":2}"#;
    let nested = format!(
        r#"{{"asset":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let many = format!(
        r#"{{"asset":{{"version":"2.0"}},"nodes":[{}{{}}]}}"#,
        "{},".repeat(1 << 18)
    );
    let deep: String = (1..20_000)
        .map(|i| format!(r#"{{"children":[{i}]}},"#))
        .collect();
    let deep = format!(r#""nodes":[{deep}{{"mesh":0}}]"#);
    let old_nodes = r#""nodes":[{"children":[1],"translation":[10,0,0]},{"name":"the quad","mesh":0,"scale":[2,2,2]}]"#;
    let cases: Vec<(&str, Vec<u8>, Answer)> = vec![
        ("right", glb(JSON, &binary()), Silent(4, 2)),
        // scenes and nodes
        (
            "no scene",
            change(r#""scene":0,"scenes":[{"nodes":[0]}],"#, ""),
            Silent(4, 2),
        ),
        ("no default", change(r#""scene":0,"#, ""), Silent(4, 2)),
        (
            "scene 5",
            change(r#""scene":0"#, r#""scene":5"#),
            Refused("scene 5 does not exist"),
        ),
        (
            "empty scene",
            change(r#"[{"nodes":[0]}]"#, r#"[{"nodes":[]}]"#),
            Refused("no points"),
        ),
        (
            "root 9",
            change(r#"[{"nodes":[0]}]"#, r#"[{"nodes":[9]}]"#),
            Refused("node 9 does not exist"),
        ),
        (
            "child 9",
            change(r#""children":[1]"#, r#""children":[9]"#),
            Refused("node 9 does not exist"),
        ),
        (
            "its own child",
            change(r#""children":[1]"#, r#""children":[0]"#),
            Refused("node 0 hangs from two nodes, or from itself"),
        ),
        (
            "a loop",
            change(r#""mesh":0"#, r#""mesh":0,"children":[0]"#),
            Refused("node 0 hangs"),
        ),
        (
            "two parents",
            change(r#""children":[1]"#, r#""children":[1,1]"#),
            Refused("node 1 hangs"),
        ),
        (
            "two roots",
            change(r#"[{"nodes":[0]}]"#, r#"[{"nodes":[0,1]}]"#),
            Refused("node 1 hangs"),
        ),
        ("deep", change(old_nodes, &deep), Silent(4, 2)),
        (
            "mesh 7",
            change(r#""mesh":0"#, r#""mesh":7"#),
            Refused("mesh 7 does not exist"),
        ),
        (
            "negative mesh",
            change(r#""mesh":0"#, r#""mesh":-1"#),
            Refused("JSON cannot be read"),
        ),
        (
            "huge mesh",
            change(r#""mesh":0"#, r#""mesh":99999999999"#),
            Refused("JSON cannot be read"),
        ),
        ("no mesh", change(r#""mesh":0,"#, ""), Refused("no points")),
        ("scale 0", change("[2,2,2]", "[0,0,0]"), Silent(4, 2)),
        (
            "scale 1e38",
            change("[2,2,2]", "[1e38,1e38,1e38]"),
            Warned(1, 0, "no finite"),
        ),
        ("scale beyond", change("[2,2,2]", "[1e99,1,1]"), Refused("")),
        (
            "rotation 0",
            change(r#""scale":[2,2,2]"#, r#""rotation":[0,0,0,0]"#),
            Silent(4, 2),
        ),
        (
            "matrix",
            change(
                r#""scale":[2,2,2]"#,
                r#""matrix":[1,0,0,0,0,1,0,0,0,0,1,0,5,0,0,1]"#,
            ),
            Silent(4, 2),
        ),
        (
            "short matrix",
            change(r#""scale":[2,2,2]"#, r#""matrix":[1,0,0]"#),
            Refused("JSON cannot be read"),
        ),
        // primitives
        ("no primitives", change(primitive, ""), Refused("no points")),
        (
            "no positions",
            change(r#""POSITION":0,"#, ""),
            Refused("has no positions"),
        ),
        (
            "flat positions",
            change(r#""count":4,"type":"VEC3""#, r#""count":4,"type":"VEC2""#),
            Refused("has no positions"),
        ),
        (
            "matrices",
            change(r#""count":4,"type":"VEC3""#, r#""count":4,"type":"MAT3""#),
            Refused("holds matrices"),
        ),
        (
            "unknown type",
            change(r#""count":4,"type":"VEC3""#, r#""count":4,"type":"VEC9""#),
            Refused("unknown type"),
        ),
        (
            "positions 9",
            change(r#""POSITION":0"#, r#""POSITION":9"#),
            Refused("accessor 9 does not exist"),
        ),
        (
            "colors 9",
            change(r#""COLOR_0":1"#, r#""COLOR_0":9"#),
            Refused("accessor 9 does not exist"),
        ),
        (
            "indices 9",
            change(r#""indices":2"#, r#""indices":9"#),
            Refused("accessor 9 does not exist"),
        ),
        (
            "material 9",
            change(r#""indices":2"#, r#""indices":2,"material":9"#),
            Silent(4, 2),
        ),
        (
            "lines",
            change(r#""indices":2"#, r#""mode":1"#),
            Refused("1 sets of lines were left out"),
        ),
        (
            "mode 9",
            change(r#""indices":2"#, r#""mode":9"#),
            Refused("unknown mode"),
        ),
        (
            "two of one",
            change(primitive, &format!("{primitive},{primitive}")),
            Silent(8, 4),
        ),
        (
            "fewer colors",
            change(
                r#""normalized":true,"count":4"#,
                r#""normalized":true,"count":3"#,
            ),
            Silent(4, 2),
        ),
        (
            "colors of one number",
            change(
                r#""normalized":true,"count":4,"type":"VEC4""#,
                r#""normalized":true,"count":4,"type":"SCALAR""#,
            ),
            Silent(4, 2),
        ),
        (
            "colors of bytes without a mark",
            change(r#""normalized":true,"#, ""),
            Silent(4, 2),
        ),
        // indices
        (
            "seven indices",
            change(r#""count":6"#, r#""count":7"#),
            Refused("needs 14 bytes for 7 values, its buffer view has 12"),
        ),
        (
            "five indices",
            change(r#""count":6"#, r#""count":5"#),
            Silent(4, 1),
        ),
        (
            "no indices",
            change(r#""count":6"#, r#""count":0"#),
            Refused("no points"),
        ),
        (
            "indices of bytes",
            change(r#""componentType":5123"#, r#""componentType":5121"#),
            Silent(3, 2),
        ),
        (
            "indices beyond",
            glb(JSON, &with(&binary(), 64, &[9])),
            Warned(4, 1, "1 indices are beyond"),
        ),
        (
            "indices far beyond",
            glb(JSON, &with(&binary(), 64, &[0xff; 12])),
            Refused("no points"),
        ),
        // accessors, views, buffers
        (
            "five positions",
            change(
                r#""componentType":5126,"count":4"#,
                r#""componentType":5126,"count":5"#,
            ),
            Refused("needs 60 bytes for 5 values"),
        ),
        (
            "huge count",
            change(
                r#""componentType":5126,"count":4"#,
                r#""componentType":5126,"count":4000000000"#,
            ),
            Refused("accessor 0 needs"),
        ),
        (
            "largest count",
            change(
                r#""componentType":5126,"count":4"#,
                r#""componentType":5126,"count":18446744073709551615"#,
            ),
            Refused("accessor 0 needs"),
        ),
        (
            "negative count",
            change(
                r#""componentType":5126,"count":4"#,
                r#""componentType":5126,"count":-4"#,
            ),
            Refused("JSON cannot be read"),
        ),
        (
            "zero positions",
            change(
                r#""componentType":5126,"count":4"#,
                r#""componentType":5126,"count":0"#,
            ),
            Refused("no points"),
        ),
        (
            "component 1",
            change(r#""componentType":5126"#, r#""componentType":1"#),
            Refused("unknown type"),
        ),
        (
            "offset",
            change(r#"{"bufferView":0,"#, r#"{"bufferView":0,"byteOffset":4,"#),
            Refused("accessor 0 needs 52 bytes"),
        ),
        (
            "offset beyond",
            change(
                r#"{"bufferView":0,"#,
                r#"{"bufferView":0,"byteOffset":18446744073709551615,"#,
            ),
            Refused("accessor 0 needs"),
        ),
        (
            "no view",
            change(r#"{"bufferView":0,"#, "{"),
            Refused("accessor 0 has no data"),
        ),
        (
            "view 9",
            change(r#"{"bufferView":0,"#, r#"{"bufferView":9,"#),
            Refused("buffer view 9 does not exist"),
        ),
        (
            "sparse",
            change(
                r#"{"bufferView":0,"#,
                r#"{"sparse":{"count":1,"indices":{"bufferView":0,"componentType":5123},"values":{"bufferView":0}},"bufferView":0,"#,
            ),
            Refused("sparse"),
        ),
        (
            "view too long",
            change(r#""byteLength":48"#, r#""byteLength":480"#),
            Refused("buffer view 0 has the bytes 0 to 480, its buffer has 76"),
        ),
        (
            "view of most",
            change(r#""byteLength":48"#, r#""byteLength":18446744073709551615"#),
            Refused("buffer view 0 has"),
        ),
        (
            "view beyond",
            change(r#""byteOffset":48"#, r#""byteOffset":18446744073709551615"#),
            Refused("buffer view 1 has"),
        ),
        (
            "stride",
            change(
                r#"{"buffer":0,"byteLength":48}"#,
                r#"{"buffer":0,"byteLength":48,"byteStride":252}"#,
            ),
            Refused("needs 768 bytes"),
        ),
        (
            "stride 0",
            change(
                r#"{"buffer":0,"byteLength":48}"#,
                r#"{"buffer":0,"byteLength":48,"byteStride":0}"#,
            ),
            Silent(4, 2),
        ),
        (
            "stride 4",
            change(
                r#"{"buffer":0,"byteLength":48}"#,
                r#"{"buffer":0,"byteLength":48,"byteStride":4}"#,
            ),
            Silent(4, 2),
        ),
        (
            "buffer 5",
            change(
                r#"{"buffer":0,"byteLength":48}"#,
                r#"{"buffer":5,"byteLength":48}"#,
            ),
            Refused("buffer 5 does not exist"),
        ),
        (
            "no buffers",
            change(r#""buffers":[{"byteLength":76}]"#, r#""buffers":[]"#),
            Refused("buffer 0 does not exist"),
        ),
        (
            "data elsewhere",
            change(
                r#"{"byteLength":76}"#,
                r#"{"byteLength":76,"uri":"room.bin"}"#,
            ),
            Refused("`room.bin`, another file; export it as GLB"),
        ),
        (
            "data of another kind",
            change(
                r#"{"byteLength":76}"#,
                r#"{"byteLength":76,"uri":"data:text/plain,hello"}"#,
            ),
            Refused("another file"),
        ),
        (
            "damaged base 64",
            change(
                r#"{"byteLength":76}"#,
                r#"{"byteLength":76,"uri":"data:a/b;base64,!!!"}"#,
            ),
            Refused("another file"),
        ),
        (
            "short base 64",
            change(
                r#"{"byteLength":76}"#,
                r#"{"byteLength":76,"uri":"data:a/b;base64,AAAA"}"#,
            ),
            Refused("its buffer has 3"),
        ),
        (
            "no binary data",
            glb(JSON, b""),
            Refused("its buffer has 0"),
        ),
        (
            "NaN",
            glb(JSON, &with(&binary(), 0, &f32::NAN.to_le_bytes())),
            Warned(3, 0, "no finite"),
        ),
        // extensions
        (
            "Draco",
            needs("KHR_draco_mesh_compression"),
            Refused("export it without compression"),
        ),
        (
            "meshopt",
            needs("EXT_meshopt_compression"),
            Refused("export it without compression"),
        ),
        (
            "unknown extension",
            needs("ACME_geometry"),
            Refused("`ACME_geometry`"),
        ),
        (
            "instances",
            needs("EXT_mesh_gpu_instancing"),
            Refused("export it without this extension"),
        ),
        ("unlit", needs("KHR_materials_unlit"), Silent(4, 2)),
        // JSON
        (
            "no JSON",
            glb("", &binary()),
            Refused("JSON cannot be read"),
        ),
        (
            "text",
            glb("hello", &binary()),
            Refused("JSON cannot be read"),
        ),
        (
            "GLB in GLB",
            glb("glTF", &binary()),
            Refused("JSON cannot be read"),
        ),
        (
            "an array",
            glb("[]", &binary()),
            Refused("JSON cannot be read"),
        ),
        (
            "no asset",
            change(r#""asset":{"version":"2.0"},"#, ""),
            Refused("JSON cannot be read"),
        ),
        (
            "nested",
            nested.into_bytes(),
            Refused("JSON cannot be read"),
        ),
        (
            "many objects",
            many.into_bytes(),
            Refused("the limit is 262144"),
        ),
        (
            "not UTF-8",
            with(&glb(JSON, &binary()), 60, &[0xff]),
            Refused("JSON cannot be read"),
        ),
    ];
    let named = |(name, bytes, answer): (&str, Vec<u8>, Answer)| (name.to_owned(), bytes, answer);
    assert_answers(cases.into_iter().map(named).collect());
}

#[test]
fn containers_have_their_right_answers() {
    let right = glb(JSON, &binary());
    let json = JSON.len().next_multiple_of(4);
    let mut cases: Vec<(String, Vec<u8>, Answer)> = vec![
        (
            "version 1".into(),
            with(&right, 4, &[1]),
            Refused("version is 1; version 2 is read"),
        ),
        (
            "longer than it is".into(),
            with(&right, 8, &[0xff; 4]),
            Refused("cut short"),
        ),
        (
            "length 0".into(),
            with(&right, 8, &[0; 4]),
            Refused("no JSON chunk"),
        ),
        (
            "bytes behind".into(),
            [&right[..], b"more"].concat(),
            Silent(4, 2),
        ),
        (
            "JSON chunk too long".into(),
            with(&right, 12, &[0xff; 4]),
            Refused("a chunk has 4294967295 bytes"),
        ),
        (
            "no JSON chunk".into(),
            with(&right, 16, b"TEXT"),
            Refused("no JSON chunk"),
        ),
        (
            "data chunk too long".into(),
            with(&right, 20 + json, &[0xff; 4]),
            Refused("a chunk has"),
        ),
        (
            "other data chunk".into(),
            with(&right, 24 + json, b"OTHR"),
            Refused("its buffer has 0"),
        ),
    ];
    for end in (4..right.len()).step_by(3) {
        cases.push((
            format!("cut at {end}"),
            right[..end].to_vec(),
            Refused("cut short"),
        ));
    }
    for end in (30..JSON.len()).step_by(11) {
        let part = JSON.as_bytes()[..end].to_vec();
        cases.push((
            format!("JSON cut at {end}"),
            part,
            Refused("JSON cannot be read"),
        ));
    }
    assert_answers(cases);
    assert_changed_bytes_do_no_harm(&right, 4000);
}
