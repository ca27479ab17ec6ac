//! Binary glTF (Khronos Group, glTF 2.0 Specification): a node for every instance, in metres with y
//! up as the format demands.

use serde_json::{Value, json};

use super::{
    Context, PointLabels, UNNAMED, WriteError, instance_records,
    json::unit,
    parts::{Part, parts},
    rows::{colors, one_line},
};
use crate::{palette, scan::Scan};

/// The numbers by which the format calls types, targets and modes.
const FLOAT: u32 = 5126;
const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const POINTS: u32 = 0;
const TRIANGLES: u32 = 4;

/// Writes a scene with one root node, whose rotation takes z up to y up, and below it one node for
/// every instance that has points, named by its label and its id, and `unassigned` for the rest.
/// Points are POINTS, faces are TRIANGLES with corners of their own. `extras` of a node are `id`,
/// `label`, `score` and `size` (edges of the axis-aligned box in metres: x, y, and z up), those of
/// the root tell how the file's coordinates follow from those of the nodes. COLOR_0 has the colors
/// of the scan or, if it has none or is `painted`, those of the instances; the material is not lit
/// (`KHR_materials_unlit`), because light is in the colors already.
///
/// # Errors
/// [`WriteError::TooLarge`] above 4 GiB.
pub(super) fn write(
    scan: &Scan,
    labels: &PointLabels,
    context: &Context,
) -> Result<Vec<u8>, WriteError> {
    let records = instance_records(scan, labels);
    let colors = Colors {
        of_points: scan.colors.as_deref().filter(|_| !context.painted),
        of_instances: colors(labels),
        linear: linear(),
    };
    let mut scene = Scene::default();
    let mut nodes = vec![Value::Null];
    for part in parts(scan, labels) {
        let mesh = scene.mesh(scan, &part, &colors);
        let mut node = json!({ "name": "unassigned", "mesh": mesh });
        if let Some(owner) = part.owner {
            let record = &records[owner];
            let name = one_line(record.label.as_deref().unwrap_or(UNNAMED));
            node["name"] = format!("{name} {}", record.id).into();
            node["extras"] = json!({
                "id": record.id,
                "label": record.label,
                "score": record.score,
                "size": record.world_box.map(|found| found.size),
            });
        }
        nodes.push(node);
    }
    let half = std::f64::consts::FRAC_1_SQRT_2;
    nodes[0] = json!({
        "name": one_line(context.scan),
        "rotation": [-half, 0.0, 0.0, half],
        "extras": { "file_frame": scan.frame, "file_unit": unit(&scan.frame) },
    });
    if nodes.len() > 1 {
        nodes[0]["children"] = (1..nodes.len()).collect();
    }
    scene.finish(nodes)
}

/// The colors of points.
struct Colors<'a> {
    /// `(points, 3)`, sRGB; `None` if points have the colors of their instances.
    of_points: Option<&'a [[u8; 3]]>,
    of_instances: Vec<[u8; 3]>,
    linear: [u16; 256],
}

impl Colors<'_> {
    /// The color of a point in a part, linear with an alpha, as the format has it.
    fn of(&self, point: u32, owner: Option<usize>) -> [u16; 4] {
        let of_part = || owner.map_or(palette::UNOWNED, |owner| self.of_instances[owner]);
        let color = self
            .of_points
            .map_or_else(of_part, |all| all[point as usize]);
        let [r, g, b] = color.map(|channel| self.linear[channel as usize]);
        [r, g, b, u16::MAX]
    }
}

/// The linear value of every sRGB byte (IEC 61966-2-1), 65535 for white.
fn linear() -> [u16; 256] {
    std::array::from_fn(|byte| {
        let value = byte as f64 / 255.0;
        let linear = match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055).powf(2.4),
        };
        (linear * 65535.0).round() as u16
    })
}

/// The binary data of a scene and the lists that refer to it.
#[derive(Default)]
struct Scene {
    data: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    meshes: Vec<Value>,
}

impl Scene {
    /// Adds the mesh of a part and returns its index.
    fn mesh(&mut self, scan: &Scan, part: &Part, colors: &Colors) -> usize {
        let mut primitives = Vec::new();
        if !part.triangles.is_empty() {
            let mut corners: Vec<u32> = part.triangles.concat();
            corners.sort_unstable();
            corners.dedup();
            let index = |corner: &u32| corners.binary_search(corner).unwrap_or_default() as u32;
            let indices = part.triangles.iter().flatten().map(index);
            let indices = indices.flat_map(u32::to_le_bytes).collect::<Vec<_>>();
            let mut primitive = self.vertices(scan, &corners, part.owner, colors);
            primitive["mode"] = TRIANGLES.into();
            let (kind, count) = (UNSIGNED_INT, 3 * part.triangles.len());
            let view = self.view(&indices, ELEMENT_ARRAY_BUFFER);
            primitive["indices"] = self.accessor(json!({
                "bufferView": view, "componentType": kind, "count": count, "type": "SCALAR",
            }));
            primitives.push(primitive);
        }
        if !part.points.is_empty() {
            let mut primitive = self.vertices(scan, &part.points, part.owner, colors);
            primitive["mode"] = POINTS.into();
            primitives.push(primitive);
        }
        self.meshes.push(json!({ "primitives": primitives }));
        self.meshes.len() - 1
    }

    /// Adds the positions and colors of points: a primitive without a mode.
    fn vertices(
        &mut self,
        scan: &Scan,
        points: &[u32],
        owner: Option<usize>,
        colors: &Colors,
    ) -> Value {
        let positions = || points.iter().map(|point| scan.positions[*point as usize]);
        let bounds = positions().fold(crate::geometry::Aabb::EMPTY, |all, point| all.with(point));
        let bytes: Vec<u8> = positions().flatten().flat_map(f32::to_le_bytes).collect();
        let view = self.view(&bytes, ARRAY_BUFFER);
        // as f64, because readers compare them with the exact values
        let [min, max] = [bounds.min, bounds.max].map(|corner| corner.map(f64::from));
        let position = self.accessor(json!({
            "bufferView": view, "componentType": FLOAT, "count": points.len(), "type": "VEC3",
            "min": min, "max": max,
        }));
        let bytes = points.iter().flat_map(|point| colors.of(*point, owner));
        let bytes: Vec<u8> = bytes.flat_map(u16::to_le_bytes).collect();
        let view = self.view(&bytes, ARRAY_BUFFER);
        let color = self.accessor(json!({
            "bufferView": view, "componentType": UNSIGNED_SHORT, "normalized": true,
            "count": points.len(), "type": "VEC4",
        }));
        json!({ "attributes": { "POSITION": position, "COLOR_0": color }, "material": 0 })
    }

    fn view(&mut self, bytes: &[u8], target: u32) -> usize {
        self.views.push(json!({
            "buffer": 0, "byteOffset": self.data.len(), "byteLength": bytes.len(), "target": target,
        }));
        self.data.extend_from_slice(bytes);
        self.views.len() - 1
    }

    fn accessor(&mut self, accessor: Value) -> Value {
        self.accessors.push(accessor);
        (self.accessors.len() - 1).into()
    }

    /// The file of the nodes, the first of which is the root.
    fn finish(self, nodes: Vec<Value>) -> Result<Vec<u8>, WriteError> {
        let mut document = json!({
            "asset": { "version": "2.0", "generator": "Segscape" },
            "scene": 0,
            "scenes": [{ "nodes": [0] }],
            "nodes": nodes,
        });
        // the format has no empty lists
        if !self.meshes.is_empty() {
            let material = json!({
                "extensions": { "KHR_materials_unlit": {} },
                "doubleSided": true,
                "pbrMetallicRoughness": { "metallicFactor": 0.0 },
            });
            document["extensionsUsed"] = json!(["KHR_materials_unlit"]);
            document["materials"] = json!([material]);
            document["meshes"] = self.meshes.into();
            document["accessors"] = self.accessors.into();
            document["bufferViews"] = self.views.into();
            document["buffers"] = json!([{ "byteLength": self.data.len() }]);
        }
        let mut text = document.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let chunks = [(b"JSON", &text), (b"BIN\0", &self.data)];
        let chunks = chunks.iter().filter(|(_, data)| !data.is_empty());
        let length = 12
            + chunks
                .clone()
                .map(|(_, data)| 8 + data.len())
                .sum::<usize>();
        let word = |length: usize| u32::try_from(length).map_err(|_| WriteError::TooLarge(length));
        let mut out = Vec::with_capacity(length);
        out.extend(b"glTF");
        out.extend(2u32.to_le_bytes());
        out.extend(word(length)?.to_le_bytes());
        for (kind, data) in chunks {
            out.extend(word(data.len())?.to_le_bytes());
            out.extend(*kind);
            out.extend_from_slice(data);
        }
        Ok(out)
    }
}
