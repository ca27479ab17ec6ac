//! Models: GLB and OBJ.

use serde_json::Value;

use super::{
    formats::{HOSTILE, context, labels_of_scan, near, scan, written},
    *,
};
use crate::palette;

/// The document and the binary data of a file, whose chunks and accessors must be right.
fn open(glb: &[u8]) -> (Value, Vec<u8>) {
    let word = |at: usize| u32::from_le_bytes(glb[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&glb[..4], word(4), word(8)), (&b"glTF"[..], 2, glb.len()));
    let (mut at, mut chunks) = (12, Vec::new());
    while at < glb.len() {
        let length = word(at);
        assert_eq!(length % 4, 0, "chunks are aligned");
        chunks.push((&glb[at + 4..at + 8], &glb[at + 8..at + 8 + length]));
        at += 8 + length;
    }
    assert_eq!(chunks[0].0, b"JSON");
    let document: Value = serde_json::from_slice(chunks[0].1).unwrap();
    let data = chunks.get(1).map_or(&[][..], |(kind, data)| {
        assert_eq!(*kind, b"BIN\0");
        data
    });
    for view in list(&document["bufferViews"]) {
        let end = number(&view["byteOffset"]) + number(&view["byteLength"]);
        assert!(end <= data.len() && number(&view["byteOffset"]).is_multiple_of(4));
    }
    for accessor in list(&document["accessors"]) {
        let view = &document["bufferViews"][number(&accessor["bufferView"])];
        let components = match accessor["type"].as_str().unwrap() {
            "SCALAR" => 1,
            "VEC3" => 3,
            "VEC4" => 4,
            other => panic!("{other}"),
        };
        let size = match number(&accessor["componentType"]) {
            5126 | 5125 => 4,
            5123 => 2,
            other => panic!("{other}"),
        };
        let count = number(&accessor["count"]);
        assert!(count > 0);
        assert_eq!(number(&view["byteLength"]), count * components * size);
    }
    (document, data.to_vec())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// The bytes of an accessor.
fn bytes<'a>((document, data): &'a (Value, Vec<u8>), accessor: &Value) -> &'a [u8] {
    let accessor = &document["accessors"][number(accessor)];
    let view = &document["bufferViews"][number(&accessor["bufferView"])];
    let start = number(&view["byteOffset"]);
    &data[start..start + number(&view["byteLength"])]
}

/// The positions of a primitive, whose bounds must be theirs.
fn positions(file: &(Value, Vec<u8>), primitive: &Value) -> Vec<[f32; 3]> {
    let accessor = &primitive["attributes"]["POSITION"];
    let read: Vec<[f32; 3]> = bytemuck::pod_collect_to_vec(bytes(file, accessor));
    let accessor = &file.0["accessors"][number(accessor)];
    let bounds = read
        .iter()
        .fold(crate::geometry::Aabb::EMPTY, |all, point| all.with(*point));
    for (bound, wanted) in [("min", bounds.min), ("max", bounds.max)] {
        let bound: Vec<f64> = serde_json::from_value(accessor[bound].clone()).unwrap();
        assert_eq!(bound, wanted.map(f64::from));
    }
    read
}

#[test]
fn a_model_has_a_node_for_every_thing_in_metres() {
    let scan = scan();
    let file = open(&written(Export::Glb, &scan, &labels_of_scan("chair")));
    let nodes = list(&file.0["nodes"]);
    let names: Vec<_> = nodes
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["room", "chair 4", "unassigned"]);
    assert_eq!(nodes[0]["children"], serde_json::json!([1, 2]));
    let extras = &nodes[1]["extras"];
    assert_eq!(
        (&extras["id"], &extras["label"], &extras["score"]),
        (&4.into(), &"chair".into(), &0.75.into())
    );
    let size: Vec<f64> = serde_json::from_value(extras["size"].clone()).unwrap();
    near(&size, &[0.0, 0.5, 2.0], 1e-4);
    let primitive = &file.0["meshes"][number(&nodes[1]["mesh"])]["primitives"][0];
    assert_eq!(primitive["mode"], 0);
    let found = positions(&file, primitive);
    assert_eq!(found, [scan.positions[0], scan.positions[2]]);
    // the root takes the world to y up: what was above is above in y
    let [x, y, z, w] = [0, 1, 2, 3].map(|i| nodes[0]["rotation"][i].as_f64().unwrap());
    let up = glam::DQuat::from_xyzw(x, y, z, w) * glam::DVec3::Z;
    assert!(up.distance(glam::DVec3::Y) < 1e-9, "{up}");
    let frame: scan::Frame =
        serde_json::from_value(nodes[0]["extras"]["file_frame"].clone()).unwrap();
    let back = frame.file_from_world(found[1].map(f64::from));
    near(&back, &[2_000_000.0, -2_998_000.0, 600.0], 0.1);
}

#[test]
fn the_colors_of_a_model_are_linear_and_those_of_the_scan_or_of_its_instances() {
    let colors = |scan: &Scan, painted| {
        let context = Context {
            painted,
            ..context()
        };
        let file = open(
            &Export::Glb
                .write(scan, &labels_of_scan("chair"), &context)
                .unwrap(),
        );
        let primitive = &file.0["meshes"][0]["primitives"][0];
        bytemuck::pod_collect_to_vec::<u8, [u16; 4]>(bytes(
            &file,
            &primitive["attributes"]["COLOR_0"],
        ))
    };
    let linear = |color: [u8; 3]| {
        let channel = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            let linear = if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            };
            (65535.0 * linear).round() as u16
        };
        [
            channel(color[0]),
            channel(color[1]),
            channel(color[2]),
            65535,
        ]
    };
    let instance = linear(palette::instance_color("chair", 4));
    let mut scan = scan();
    assert_eq!(
        colors(&scan, false),
        [linear([10, 20, 30]), linear([13, 23, 33])]
    );
    assert_eq!(colors(&scan, true), [instance; 2]);
    scan.colors = None;
    assert_eq!(colors(&scan, false), [instance; 2]);
}

/// Two triangles that share an edge, and a point, in three instances.
fn mesh() -> (Scan, PointLabels) {
    let scan = read(b"ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\n\
        element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n0.1 0 0\n0.1 0.1 0\n0 0.1 0\n0 0 0.3\n4 0 1 2 3\n");
    let of = |id| LabeledInstance {
        id,
        label: Some(0),
        score: 0.5,
    };
    let labels = PointLabels {
        instance_of_point: vec![0, 0, 1, 1, 2],
        instances: vec![of(1), of(2), of(3)],
        labels: vec!["wall # \\ é".to_owned()],
    };
    (scan, labels)
}

#[test]
fn the_faces_of_a_mesh_become_triangles() {
    let (scan, labels) = mesh();
    let file = open(&written(Export::Glb, &scan, &labels));
    let corners = |mesh: usize| {
        let primitive = &file.0["meshes"][mesh]["primitives"][0];
        assert_eq!(primitive["mode"], 4);
        let indices: Vec<u32> = bytemuck::pod_collect_to_vec(bytes(&file, &primitive["indices"]));
        let positions = positions(&file, primitive);
        assert_eq!(positions.len(), 3, "corners of this part alone");
        indices
            .iter()
            .map(|index| positions[*index as usize])
            .collect::<Vec<_>>()
    };
    let wanted =
        |triangle: usize| scan.triangles[triangle].map(|corner| scan.positions[corner as usize]);
    assert_eq!(
        (corners(0), corners(1)),
        (wanted(0).to_vec(), wanted(1).to_vec())
    );
    let point = &file.0["meshes"][2]["primitives"][0];
    assert_eq!(
        (&point["mode"], positions(&file, point)),
        (&0.into(), vec![scan.positions[4]])
    );
}

#[test]
fn hostile_names_and_no_things_make_models_too() {
    for name in HOSTILE {
        let (document, _) = open(&written(Export::Glb, &scan(), &labels_of_scan(name)));
        assert_eq!(document["nodes"][1]["extras"]["label"], name);
    }
    let (document, _) = open(&written(Export::Glb, &scan(), &PointLabels::default()));
    assert_eq!(document["nodes"].as_array().unwrap().len(), 2);
}

#[test]
fn objects_are_groups_of_the_files_vertices() {
    let (scan, labels) = mesh();
    let text = String::from_utf8(written(Export::Obj, &scan, &labels)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "# unit: metres, up: +z");
    assert!(lines[3].starts_with("v 0.1 0 0 "), "{}", lines[3]);
    let wanted = [
        "o wall_____é_1",
        "f 1 2 3",
        "o wall_____é_2",
        "f 1 3 4",
        "o wall_____é_3",
        "p 5",
    ];
    assert_eq!(lines[7..], wanted);
    let [r, g, b] =
        palette::instance_color("wall # \\ é", 1).map(|c| format!("{:.4}", f32::from(c) / 255.0));
    assert!(lines[2].ends_with(&format!(" {r} {g} {b}")), "{}", lines[2]);
}

#[test]
fn vertices_are_in_the_files_frame() {
    let text =
        String::from_utf8(written(Export::Obj, &scan(), &labels_of_scan(HOSTILE[1]))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "# unit: millimetres, up: +y");
    assert_eq!(lines[2], "v 2000000 -3000000 100 0.0392 0.0784 0.1176");
    assert_eq!(lines[4], "v 2000000 -2998000 600 0.0510 0.0902 0.1294");
    assert_eq!(
        lines[5..],
        ["o a,_\"b\"__c_d_4", "p 1 3", "o unassigned", "p 2"]
    );
}
