//! The reader of glTF 2.0 (Khronos Group, ISO/IEC 12113) in its binary form GLB, and as JSON with
//! embedded data.
//!
//! All meshes and points of the default scene are read, each once for every node that shows it, in
//! the frame of the scene: y up, metres. The JSON is parsed by the crate `gltf-json`; its numbers
//! are not trusted: every index, offset and count is checked here (`data`). Colors of vertices and
//! of materials, and base color textures, become colors of points (`paint`). Vertices that no face
//! uses are left out, as are lines, skins, animations and morph targets.

use std::collections::BTreeMap;

use glam::{DMat4, DQuat, DVec3, Vec3};
use gltf_json::{
    Index, Node, Root,
    mesh::{Mode, Primitive, Semantic},
    validation::Checked,
};

use super::{
    Element, ReadError, Scalar, Steps, Table, Warning,
    build::{self, Corners},
    faces::{self, MAX_TRIANGLES},
    texture::Pictures,
};

mod data;
mod paint;

use data::{Buffers, Numbers};
use paint::Paint;

/// The maximum number of objects in the JSON, each of which takes up to a kilobyte in memory.
const MAX_OBJECTS: usize = 1 << 18;

/// Extensions that change neither places nor colors of vertices beyond what is read here.
const HARMLESS: [&str; 6] = [
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_lights_punctual",
    "KHR_materials_",
    "EXT_texture_webp",
    "KHR_texture_basisu",
];

fn malformed(problem: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        format: "glTF",
        problem: problem.into(),
    }
}

/// Reads a GLB file, or the JSON of a glTF file.
pub(super) fn read(
    bytes: &[u8],
    steps: &mut Steps,
    warnings: &mut Vec<Warning>,
) -> Result<Table, ReadError> {
    let (json, binary) = if bytes.starts_with(b"glTF") {
        chunks(bytes)?
    } else {
        (bytes, None)
    };
    let root = parse(json)?;
    check_extensions(&root)?;
    let buffers = Buffers::new(&root, binary)?;
    steps.at(bytes.len() / 8)?;
    let mut jobs = jobs(&root, warnings)?;
    // so that one picture at a time is in memory
    jobs.sort_by_key(|job| job.image);
    let mut scene = Scene::new(&root, &buffers, bytes.len());
    let count = jobs.len().max(1);
    for (number, job) in jobs.iter().enumerate() {
        steps
            .at(bytes.len() / 8
                + (bytes.len() as f64 * 0.8 * number as f64 / count as f64) as usize)?;
        scene.add(job)?;
    }
    scene.warn(warnings);
    Ok(scene.table())
}

/// The JSON and the binary data of a GLB file.
fn chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), ReadError> {
    let cut_short = |expected: usize| ReadError::Truncated {
        format: "glTF",
        expected: expected as u64,
        found: bytes.len() as u64,
    };
    let header = bytes.get(..12).ok_or_else(|| cut_short(12))?;
    let word = |bytes: &[u8]| Scalar::U32.read(bytes) as usize;
    let (version, size) = (word(&header[4..]), word(&header[8..]));
    if version != 2 {
        return Err(malformed(format!(
            "its version is {version}; version 2 is read"
        )));
    }
    let mut rest = bytes.get(12..size.max(12)).ok_or_else(|| cut_short(size))?;
    let mut found = [None; 2];
    while let Some((header, data)) = rest.split_at_checked(8) {
        let size = word(header);
        let chunk = data.get(..size).ok_or_else(|| {
            malformed(format!("a chunk has {size} bytes, {} are left", data.len()))
        })?;
        match &header[4..] {
            b"JSON" => found[0] = found[0].or(Some(chunk)),
            b"BIN\0" => found[1] = found[1].or(Some(chunk)),
            _ => {}
        }
        rest = &data[size..];
    }
    let json = found[0].ok_or_else(|| malformed("it has no JSON chunk"))?;
    Ok((json, found[1]))
}

fn parse(json: &[u8]) -> Result<Root, ReadError> {
    let objects = json.iter().filter(|b| **b == b'{').count();
    if objects > MAX_OBJECTS {
        return Err(malformed(format!(
            "its JSON has {objects} objects, the limit is {MAX_OBJECTS}"
        )));
    }
    let root = gltf_json::deserialize::from_slice(json);
    root.map_err(|error| {
        let words: String = error.to_string().chars().take(200).collect();
        malformed(format!("its JSON cannot be read: {words}"))
    })
}

fn check_extensions(root: &Root) -> Result<(), ReadError> {
    let is_harmless = |name: &&String| HARMLESS.iter().any(|known| name.starts_with(known));
    let Some(needed) = root
        .extensions_required
        .iter()
        .find(|name| !is_harmless(name))
    else {
        return Ok(());
    };
    let needed: String = needed.chars().take(80).collect();
    let what = if needed.contains("draco") || needed.contains("meshopt") {
        "export it without compression"
    } else {
        "export it without this extension"
    };
    Err(malformed(format!(
        "it needs the extension `{needed}`, which Segscape does not read; {what}"
    )))
}

/// A part of a mesh as a node shows it.
struct Job<'a> {
    node: usize,
    /// From the mesh to the scene.
    place: DMat4,
    primitive: &'a Primitive,
    /// The picture with its colors.
    image: Option<usize>,
}

/// The transform of a node to its parent.
fn transform(node: &Node) -> DMat4 {
    if let Some(matrix) = node.matrix {
        return DMat4::from_cols_array(&matrix.map(f64::from));
    }
    let three = |v: [f32; 3]| Vec3::from(v).as_dvec3();
    let rotation = node.rotation.map_or(DQuat::IDENTITY, |rotation| {
        let rotation = DQuat::from_array(rotation.0.map(f64::from));
        if rotation.length_squared() > 0.0 && rotation.is_finite() {
            rotation.normalize()
        } else {
            DQuat::IDENTITY
        }
    });
    let scale = node.scale.map_or(DVec3::ONE, three);
    let translation = node.translation.map_or(DVec3::ZERO, three);
    DMat4::from_scale_rotation_translation(scale, rotation, translation)
}

/// The nodes from which the default scene hangs: those of the first scene, or all that are nobody's
/// children.
fn roots(root: &Root) -> Result<Vec<usize>, ReadError> {
    let number = root.scene.map_or(0, |scene| scene.value());
    if root.scenes.is_empty() {
        let mut is_child = vec![false; root.nodes.len()];
        for child in root
            .nodes
            .iter()
            .filter_map(|n| n.children.as_ref())
            .flatten()
        {
            if let Some(is_child) = is_child.get_mut(child.value()) {
                *is_child = true;
            }
        }
        return Ok((0..root.nodes.len()).filter(|n| !is_child[*n]).collect());
    }
    let scene = root
        .scenes
        .get(number)
        .ok_or_else(|| malformed(format!("scene {number} does not exist")))?;
    Ok(scene.nodes.iter().map(Index::value).collect())
}

/// Everything that the default scene shows.
fn jobs<'a>(root: &'a Root, warnings: &mut Vec<Warning>) -> Result<Vec<Job<'a>>, ReadError> {
    let mut jobs = Vec::new();
    let mut is_met = vec![false; root.nodes.len()];
    let mut lines = 0;
    let mut waiting: Vec<(usize, DMat4)> = roots(root)?
        .into_iter()
        .map(|node| (node, DMat4::IDENTITY))
        .collect();
    while let Some((number, parent)) = waiting.pop() {
        let node = root
            .nodes
            .get(number)
            .ok_or_else(|| malformed(format!("node {number} does not exist")))?;
        if std::mem::replace(&mut is_met[number], true) {
            return Err(malformed(format!(
                "node {number} hangs from two nodes, or from itself"
            )));
        }
        let place = parent * transform(node);
        let children = node.children.iter().flatten();
        waiting.extend(children.map(|child| (child.value(), place)));
        let Some(mesh) = node.mesh else {
            continue;
        };
        let mesh = root
            .meshes
            .get(mesh.value())
            .ok_or_else(|| malformed(format!("mesh {} does not exist", mesh.value())))?;
        for primitive in &mesh.primitives {
            if matches!(
                primitive.mode,
                Checked::Valid(Mode::Lines | Mode::LineLoop | Mode::LineStrip)
            ) {
                lines += 1;
                continue;
            }
            jobs.push(Job {
                node: number,
                place,
                primitive,
                image: paint::image(root, primitive),
            });
        }
    }
    if lines > 0 {
        warnings.push(Warning(format!("{lines} sets of lines were left out")));
    }
    Ok(jobs)
}

/// What was read of the scene so far.
struct Scene<'a> {
    root: &'a Root,
    buffers: &'a Buffers<'a>,
    pictures: Pictures,
    positions: Vec<[f64; 3]>,
    /// White where nothing says a color.
    colors: Vec<[u8; 3]>,
    is_colored: bool,
    normals: Vec<[f32; 3]>,
    /// `(points)`: the node that shows the point.
    nodes: Vec<u32>,
    corners: Corners,
    names: BTreeMap<usize, String>,
    /// The number of indices that were read.
    listed: usize,
    /// The number of corners that are not vertices.
    beyond: usize,
}

impl<'a> Scene<'a> {
    fn new(root: &'a Root, buffers: &'a Buffers<'a>, size: usize) -> Self {
        Self {
            root,
            buffers,
            pictures: Pictures::new(size),
            positions: Vec::new(),
            colors: Vec::new(),
            is_colored: false,
            normals: Vec::new(),
            nodes: Vec::new(),
            corners: Corners::default(),
            names: BTreeMap::new(),
            listed: 0,
            beyond: 0,
        }
    }

    /// The values of an attribute of a primitive.
    fn attribute(
        &self,
        primitive: &Primitive,
        semantic: Semantic,
    ) -> Result<Option<Numbers<'a>>, ReadError> {
        let accessor = primitive.attributes.get(&Checked::Valid(semantic));
        accessor
            .map(|accessor| self.buffers.numbers(self.root, accessor.value()))
            .transpose()
    }

    fn add(&mut self, job: &Job) -> Result<(), ReadError> {
        /// The bytes of a row of all columns.
        const ROW: usize = 24 + 3 + 12 + 4;
        let positions = self
            .attribute(job.primitive, Semantic::Positions)?
            .filter(|positions| positions.width == 3)
            .ok_or_else(|| malformed(format!("a mesh of node {} has no positions", job.node)))?;
        let Checked::Valid(mode) = job.primitive.mode else {
            return Err(malformed(format!(
                "a mesh of node {} has an unknown mode",
                job.node
            )));
        };
        let indices = job
            .primitive
            .indices
            .map(|indices| self.buffers.numbers(self.root, indices.value()))
            .transpose()?;
        let listed = indices.as_ref().map_or(positions.count, |i| i.count);
        let faces = match mode {
            Mode::Triangles => listed / 3,
            Mode::TriangleStrip | Mode::TriangleFan => listed.saturating_sub(2),
            _ => 0,
        };
        self.listed = self.listed.saturating_add(listed);
        if self.corners.len() + faces > MAX_TRIANGLES || self.listed > 3 * MAX_TRIANGLES {
            return Err(malformed(format!(
                "the scene has more than {MAX_TRIANGLES} triangles; thin it out first"
            )));
        }
        let rows = used(&positions, indices.as_ref(), &mut self.beyond);
        let before = self.positions.len();
        build::check_limits((before + rows.len()) as u64, ROW)?;
        self.points(job, &positions, &rows)?;
        let row = |place: usize| -> i32 {
            let vertex = match &indices {
                None => return (before + place) as i32,
                Some(indices) => indices.at(place, 0),
            };
            match rows.row(vertex) {
                Some(row) => (before + row) as i32,
                None => -1,
            }
        };
        for face in 0..faces {
            let corners = match mode {
                Mode::Triangles => [3 * face, 3 * face + 1, 3 * face + 2],
                Mode::TriangleFan => [0, face + 1, face + 2],
                // every second triangle of a strip has its corners the other way round
                _ if face % 2 == 1 => [face + 1, face, face + 2],
                _ => [face, face + 1, face + 2],
            };
            self.corners.push(corners.map(row));
        }
        Ok(())
    }

    /// Adds the vertices `rows` of a mesh.
    fn points(&mut self, job: &Job, positions: &Numbers, rows: &Used) -> Result<(), ReadError> {
        let paint = Paint::new(self, job.primitive)?;
        let normals = self
            .attribute(job.primitive, Semantic::Normals)?
            .filter(|normals| normals.width == 3 && normals.count >= positions.count);
        // a normal stays square to its surface
        let turned = glam::DMat3::from_mat4(job.place).inverse().transpose();
        let name = self.root.nodes[job.node].name.as_ref();
        if let Some(name) = name.filter(|_| self.names.len() < 1000) {
            self.names.entry(job.node).or_insert_with(|| name.clone());
        }
        let missing = self.normals.len() < self.positions.len();
        for vertex in rows.vertices() {
            let three = |numbers: &Numbers| DVec3::from([0, 1, 2].map(|k| numbers.at(vertex, k)));
            let place = job.place.transform_point3(three(positions));
            self.positions.push(place.to_array());
            self.colors.push(paint.color(vertex, &self.pictures));
            self.nodes.push(job.node as u32);
            if let Some(normals) = normals.as_ref().filter(|_| !missing) {
                let normal = (turned * three(normals)).normalize_or_zero();
                self.normals.push(normal.as_vec3().to_array());
            }
        }
        self.is_colored |= paint.says_something();
        Ok(())
    }

    fn warn(&self, warnings: &mut Vec<Warning>) {
        self.pictures.warn(warnings);
        if self.beyond > 0 {
            warnings.push(Warning(format!(
                "{} indices name no vertex of their mesh",
                self.beyond
            )));
        }
    }

    fn table(self) -> Table {
        let has_normals = self.normals.len() == self.positions.len();
        let mut columns = build::columns(build::XYZ);
        if self.is_colored {
            columns.extend(build::columns(
                ["red", "green", "blue"].map(|name| (name, Scalar::U8)),
            ));
        }
        if has_normals {
            columns.extend(build::columns(
                ["nx", "ny", "nz"].map(|name| (name, Scalar::F32)),
            ));
        }
        columns.extend(build::columns([("node", Scalar::U32)]));
        let mut points = Element {
            count: self.positions.len(),
            ..build::points(columns)
        };
        points.rows.reserve_exact(points.count * points.stride());
        for (row, position) in self.positions.iter().enumerate() {
            let rows = &mut points.rows;
            rows.extend(position.iter().flat_map(|v| v.to_le_bytes()));
            if self.is_colored {
                rows.extend(self.colors[row]);
            }
            if has_normals {
                rows.extend(self.normals[row].iter().flat_map(|v| v.to_le_bytes()));
            }
            rows.extend(self.nodes[row].to_le_bytes());
        }
        let mut table = build::table(points, self.corners.faces());
        let comment =
            |(node, name): (&usize, &String)| build::remark(&format!("node {node} {name}"));
        table.comments = self.names.iter().map(comment).collect();
        table
    }
}

/// The vertices of a mesh that are used.
enum Used {
    /// All, of this number.
    All(usize),
    /// Some, in order.
    Some(Vec<u32>),
}

/// The vertices that `indices` name, or all. Counts the indices that name none.
fn used(positions: &Numbers, indices: Option<&Numbers>, beyond: &mut usize) -> Used {
    let Some(indices) = indices else {
        return Used::All(positions.count);
    };
    let mut vertices: Vec<u32> = Vec::with_capacity(indices.count);
    for place in 0..indices.count {
        match faces::row(indices.at(place, 0), positions.count) {
            Some(vertex) => vertices.push(vertex as u32),
            None => *beyond += 1,
        }
    }
    vertices.sort_unstable();
    vertices.dedup();
    if vertices.len() == positions.count {
        Used::All(positions.count)
    } else {
        Used::Some(vertices)
    }
}

impl Used {
    fn len(&self) -> usize {
        match self {
            Self::All(count) => *count,
            Self::Some(vertices) => vertices.len(),
        }
    }

    fn vertices(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|row| match self {
            Self::All(_) => row,
            Self::Some(vertices) => vertices[row] as usize,
        })
    }

    /// The place of a vertex among those that are used; `None` for an index that names none.
    fn row(&self, index: f64) -> Option<usize> {
        match self {
            Self::All(count) => faces::row(index, *count),
            Self::Some(vertices) => {
                let vertex = faces::row(index, u32::MAX as usize)? as u32;
                vertices.binary_search(&vertex).ok()
            }
        }
    }
}
