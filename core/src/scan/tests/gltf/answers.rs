//! glTF and GLB files that are odd or lie, each with its right answer.

use super::{
    super::Answer::{Refused, Silent, Warned},
    *,
};

/// What is odd about the JSON.
fn documents() -> Vec<Case> {
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
    cases([
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
            Refused("does not exist"),
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
            Silent(3, 1),
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
            Warned(4, 1, "1 indices name no vertex"),
        ),
        (
            "indices below zero",
            glb(
                &JSON.replace(r#""componentType":5123"#, r#""componentType":5120"#),
                &with(&binary(), 64, &[0xff, 0, 1, 2, 0, 0xff]),
            ),
            Warned(3, 0, "2 indices name no vertex"),
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
    ])
}

/// What is odd about the container of the JSON and the binary data.
fn containers() -> Vec<Case> {
    let right = glb(JSON, &binary());
    let json = JSON.len().next_multiple_of(4);
    vec![
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
    ]
}

#[test]
fn files_have_their_right_answers() {
    // an object of the JSON takes up to a kilobyte
    assert_family(
        "glTF",
        Memory::per_byte(512),
        &[documents(), containers()].concat(),
    );
}

#[test]
fn cut_anywhere_is_an_error() {
    let right = glb(JSON, &binary());
    let file = (4..right.len()).step_by(3).map(|end| {
        let bytes = right[..end].to_vec();
        (format!("cut at {end}"), bytes, Refused("cut short"))
    });
    let json = (30..JSON.len()).step_by(11).map(|end| {
        let bytes = JSON.as_bytes()[..end].to_vec();
        (
            format!("JSON cut at {end}"),
            bytes,
            Refused("JSON cannot be read"),
        )
    });
    assert_answers(file.chain(json).collect());
    assert_changed_bytes_do_no_harm(&right, 4000);
}
