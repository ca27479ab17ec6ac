//! The points and faces of all prims that are shown, with their colors.
//!
//! A vertex has the mean of the colors of its corners. Diffuse colors and display colors are linear
//! light by the specification, pictures are sRGB unless the shader says that they are raw.

use std::{collections::BTreeMap, rc::Rc};

use glam::{DMat4, DVec3};

use super::{
    malformed,
    material::{Material, Texture},
    mesh::{Face, Kind, Mesh, Primvar},
    package::shown,
    stage::{Prim, Stage},
};
use crate::scan::{
    Element, ReadError, Scalar, Table, Warning,
    build::{self, Corners},
    colors,
    faces::{self, MAX_TRIANGLES},
    texture::{Pictures, linear, srgb_bytes, within},
};

/// The number of vertices and corners that every file may show, and how many more for each of its
/// bytes: instances repeat what it has.
const FREE_ELEMENTS: usize = 200_000;
const PER_BYTE: usize = 4;

/// The number of vertices and corners that a package of so many bytes may show.
fn most(size: usize) -> usize {
    FREE_ELEMENTS.saturating_add(size.saturating_mul(PER_BYTE))
}

/// How many times the bytes of the package are decoded as pictures.
const PICTURES: usize = 8;

/// The bytes of a row of all columns.
const ROW: usize = 24 + 3 + 4;

/// A prim that is shown.
pub(super) struct Job {
    pub(super) prim: Prim,
    pub(super) kind: Kind,
    /// Its number among those that are shown.
    pub(super) number: u32,
    pub(super) path: Rc<str>,
    /// From the prim to the scene.
    pub(super) place: DMat4,
    /// The material of the faces that no subset has.
    pub(super) material: Option<Rc<Material>>,
    /// Subsets of the faces, with a material each.
    pub(super) subsets: Vec<(Prim, Rc<Material>)>,
}

impl Job {
    /// The first picture that it needs.
    pub(super) fn image(&self) -> Option<usize> {
        let own = self.material.iter();
        let mut all = own.chain(self.subsets.iter().map(|(_, material)| material));
        all.find_map(|material| match &**material {
            Material::Texture(texture) => Some(texture.image),
            _ => None,
        })
    }
}

/// What was read of the scene so far.
pub(super) struct Scene {
    pictures: Pictures,
    positions: Vec<[f64; 3]>,
    colors: Vec<[u8; 3]>,
    /// The number of points without a color.
    unknown: usize,
    /// `(points)`: the prim that shows the point.
    prims: Vec<u32>,
    corners: Corners,
    names: BTreeMap<u32, Rc<str>>,
    /// The number of vertices and corners that may still be read.
    left: usize,
    /// The number of triangles.
    triangles: usize,
    /// The number of corners that are not vertices.
    beyond: usize,
    /// The number of prims without points.
    empty: usize,
}

impl Scene {
    /// `size` is the number of bytes of the package.
    pub(super) fn new(size: usize) -> Self {
        Self {
            pictures: Pictures::new(size.saturating_mul(PICTURES)),
            positions: Vec::new(),
            colors: Vec::new(),
            unknown: 0,
            prims: Vec::new(),
            corners: Corners::default(),
            names: BTreeMap::new(),
            left: most(size),
            triangles: 0,
            beyond: 0,
            empty: 0,
        }
    }

    pub(super) fn add(&mut self, stage: &mut Stage, job: &Job) -> Result<(), ReadError> {
        let Some(mesh) = Mesh::read(stage, &job.prim, job.kind)? else {
            self.empty += 1;
            return Ok(());
        };
        self.check(stage, job, &mesh)?;
        let lights = self.lights(stage, job, &mesh)?;
        // the rows of vertices that faces use
        let vertices = mesh.points.count();
        let mut rows = vec![u32::MAX; vertices];
        if mesh.faces() == 0 {
            rows.fill(0);
        }
        for face in mesh.each_face() {
            for corner in face.corners {
                match mesh.vertex(corner) {
                    Some(vertex) => rows[vertex] = 0,
                    None => self.beyond += 1,
                }
            }
        }
        for (vertex, row) in rows.iter_mut().enumerate().filter(|(_, row)| **row == 0) {
            *row = self.positions.len() as u32;
            let place = DVec3::from([0, 1, 2].map(|k| mesh.points.at(vertex, k)));
            self.positions
                .push(job.place.transform_point3(place).to_array());
            let [light @ .., weight] = lights[vertex];
            self.colors.push(match weight > 0.0 {
                true => srgb_bytes(light.map(|v| f64::from(v / weight))),
                false => colors::UNKNOWN,
            });
            self.unknown += usize::from(weight == 0.0);
            self.prims.push(job.number);
        }
        for face in mesh.each_face().filter(|face| face.corners.len() > 2) {
            let row = |corner| mesh.vertex(corner).map_or(-1, |vertex| rows[vertex] as i32);
            self.corners.push(mesh.turned(&face).map(row));
        }
        if self.names.len() < 1000 {
            self.names.insert(job.number, job.path.clone());
        }
        Ok(())
    }

    /// Checks that there is room for what a mesh has.
    fn check(&mut self, stage: &Stage, job: &Job, mesh: &Mesh) -> Result<(), ReadError> {
        let elements = mesh.points.count() + mesh.corners() + mesh.faces();
        self.left = self.left.checked_sub(elements).ok_or_else(|| {
            malformed(format!(
                "up to the prim `{}` it shows more than {} vertices and corners, which is the limit for a file of its size",
                shown(&job.path),
                most(stage.package.size)
            ))
        })?;
        let points = self.positions.len() + mesh.points.count();
        build::check_limits(points as u64, ROW)?;
        let corners = mesh.each_face().map(|face| face.corners.len());
        self.triangles += corners
            .map(|corners| corners.saturating_sub(2))
            .sum::<usize>();
        if self.triangles > MAX_TRIANGLES {
            return Err(malformed(format!(
                "the scene has more than {MAX_TRIANGLES} triangles; thin it out first"
            )));
        }
        Ok(())
    }

    /// `(vertices)`: the sum of the linear light of the corners of each, and their number.
    fn lights(
        &mut self,
        stage: &mut Stage,
        job: &Job,
        mesh: &Mesh,
    ) -> Result<Vec<[f32; 4]>, ReadError> {
        let mut lights = vec![[0f32; 4]; mesh.points.count()];
        let mut add = |paint: &Paint, vertex: usize, face: usize, corner: usize| {
            if let Some(light) = paint.light(vertex, face, corner) {
                let sum = &mut lights[vertex];
                (0..3).for_each(|k| sum[k] += light[k].clamp(0.0, 1.0) as f32);
                sum[3] += 1.0;
            }
        };
        let mut left = vec![
            true;
            if job.subsets.is_empty() {
                0
            } else {
                mesh.faces()
            }
        ];
        let all: Vec<Face> = match job.subsets.is_empty() {
            true => Vec::new(),
            false => mesh.each_face().collect(),
        };
        for (subset, material) in &job.subsets {
            let Some(indices) = stage.numbers(subset, "indices")? else {
                continue;
            };
            let paint = Paint::new(self, stage, job, mesh, Some(material))?;
            for item in 0..indices.count() {
                let Some(face) = faces::row(indices.at(item, 0), all.len()) else {
                    continue;
                };
                if !std::mem::replace(&mut left[face], false) {
                    continue;
                }
                for corner in all[face].corners.clone() {
                    if let Some(vertex) = mesh.vertex(corner) {
                        add(&paint, vertex, face, corner);
                    }
                }
            }
        }
        if !left.is_empty() && left.iter().all(|left| !left) {
            return Ok(lights);
        }
        let paint = Paint::new(self, stage, job, mesh, job.material.as_ref())?;
        if left.is_empty() && (paint.is_of_vertices() || mesh.faces() == 0) {
            (0..mesh.points.count()).for_each(|vertex| add(&paint, vertex, 0, vertex));
            return Ok(lights);
        }
        for face in mesh.each_face() {
            if left.get(face.number).is_some_and(|left| !left) {
                continue;
            }
            for corner in face.corners {
                if let Some(vertex) = mesh.vertex(corner) {
                    add(&paint, vertex, face.number, corner);
                }
            }
        }
        Ok(lights)
    }

    pub(super) fn warn(&self, warnings: &mut Vec<Warning>) {
        self.pictures.warn(warnings);
        if self.beyond > 0 {
            warnings.push(Warning(format!(
                "{} corners name no vertex of their mesh",
                self.beyond
            )));
        }
        if self.empty > 0 {
            warnings.push(Warning(format!(
                "{} prims have no points and were left out",
                self.empty
            )));
        }
        if self.is_colored() {
            warnings.extend(Warning::uncolored(self.unknown, self.positions.len()));
        }
    }

    fn is_colored(&self) -> bool {
        self.unknown < self.positions.len()
    }

    pub(super) fn table(self) -> Table {
        let is_colored = self.is_colored();
        let mut columns = build::columns(build::XYZ);
        if is_colored {
            columns.extend(build::columns(
                ["red", "green", "blue"].map(|name| (name, Scalar::U8)),
            ));
        }
        columns.extend(build::columns([("prim", Scalar::U32)]));
        let mut points = Element {
            count: self.positions.len(),
            ..build::points(columns)
        };
        points.rows.reserve_exact(points.count * points.stride());
        for (row, position) in self.positions.iter().enumerate() {
            let rows = &mut points.rows;
            rows.extend(position.iter().flat_map(|v| v.to_le_bytes()));
            if is_colored {
                rows.extend(self.colors[row]);
            }
            rows.extend(self.prims[row].to_le_bytes());
        }
        let mut table = build::table(points, self.corners.faces());
        let comment =
            |(prim, path): (&u32, &Rc<str>)| build::remark(&format!("prim {prim} {path}"));
        table.comments = self.names.iter().map(comment).collect();
        table
    }
}

/// The colors of a part of a mesh.
struct Paint<'s, 'a> {
    material: Option<&'s Material>,
    /// The colors of the mesh.
    colors: Option<Primvar<'a>>,
    /// The picture, and the places of the mesh in it.
    texture: Option<(&'s Texture, Primvar<'a>)>,
    pictures: &'s Pictures,
}

impl<'s, 'a> Paint<'s, 'a> {
    fn new(
        scene: &'s mut Scene,
        stage: &mut Stage<'_, 'a>,
        job: &Job,
        mesh: &Mesh,
        material: Option<&'s Rc<Material>>,
    ) -> Result<Self, ReadError> {
        let material = material.map(|material| &**material);
        let mut texture = None;
        let colors = match material {
            Some(Material::Color(_)) => None,
            Some(Material::Primvar(name)) => Primvar::read(stage, &job.prim, mesh, name, 3)?,
            None => Primvar::read(stage, &job.prim, mesh, "displayColor", 3)?,
            Some(Material::Texture(found)) => {
                let package = stage.package;
                scene
                    .pictures
                    .load(found.image, || package.data(found.image));
                let places = Primvar::read(stage, &job.prim, mesh, &found.primvar, 2)?;
                let is_loaded = scene.pictures.picture(found.image).is_some();
                texture = places.filter(|_| is_loaded).map(|places| (found, places));
                None
            }
        };
        Ok(Self {
            material,
            colors,
            texture,
            pictures: &scene.pictures,
        })
    }

    /// `true` if the color is the same for all corners at a vertex.
    fn is_of_vertices(&self) -> bool {
        let of_colors = self.colors.as_ref().is_none_or(Primvar::is_of_vertices);
        let places = self.texture.as_ref().map(|(_, places)| places);
        of_colors && places.is_none_or(Primvar::is_of_vertices)
    }

    /// The linear light of a corner, if it is known.
    fn light(&self, vertex: usize, face: usize, corner: usize) -> Option<[f64; 3]> {
        match (self.material, &self.texture) {
            (Some(Material::Color(color)), _) => Some(*color),
            (_, Some((texture, places))) => {
                let picture = self.pictures.picture(texture.image)?;
                let [u, v] = texture.place(places.at(vertex, face, corner)?);
                let pixel = picture.at(u, v).map(|v| f64::from(v) / 255.0);
                let light = if texture.is_linear {
                    pixel
                } else {
                    pixel.map(linear)
                };
                Some([0, 1, 2].map(|k| light[k] * texture.scale[k] + texture.bias[k]))
            }
            (Some(Material::Texture(texture)), None) => texture.fallback,
            _ => self.colors.as_ref()?.at(vertex, face, corner),
        }
    }
}

impl Texture {
    /// A place in the picture, as shares of its width from the left and its height from the top.
    fn place(&self, mut place: [f64; 2]) -> [f32; 2] {
        if let Some((scale, turn, shift)) = self.transform {
            let (sin, cos) = turn.to_radians().sin_cos();
            let [u, v] = [place[0] * scale[0], place[1] * scale[1]];
            place = [cos * u - sin * v + shift[0], sin * u + cos * v + shift[1]];
        }
        let [u, v] = [0, 1].map(|k| within(self.wrap[k], place[k]));
        [u, 1.0 - v]
    }
}
