//! Triangle meshes of furniture parts: a handful of primitives that stand on z = 0, centred in x
//! and y, and operations that bend and move them.

use std::f32::consts::TAU;

use glam::{Quat, Vec2, Vec3};

/// A point of a surface; `texture` is its position when the primitive was made, so that patterns
/// move with their part.
#[derive(Clone, Copy, Debug)]
pub struct Vertex {
    /// Position, metres.
    pub position: Vec3,
    /// Texture position, metres in the frame of the primitive.
    pub texture: Vec3,
}

/// A triangle mesh with shared vertices, metres.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// The vertices.
    pub vertices: Vec<Vertex>,
    /// Three indices into `vertices` per triangle; the winding carries no meaning.
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// The surface `point(u, v)` over the unit square, with `across` times `along` cells.
    pub fn surface(across: usize, along: usize, point: impl Fn(f32, f32) -> Vec3) -> Self {
        let mut mesh = Self::default();
        for j in 0..=along {
            for i in 0..=across {
                let position = point(i as f32 / across as f32, j as f32 / along as f32);
                mesh.vertices.push(Vertex {
                    position,
                    texture: position,
                });
            }
        }
        let row = across as u32 + 1;
        for j in 0..along as u32 {
            for i in 0..across as u32 {
                let a = j * row + i;
                mesh.triangles
                    .extend([[a, a + 1, a + row], [a + 1, a + row + 1, a + row]]);
            }
        }
        mesh
    }

    /// A box of the given width (x), depth (y) and height (z).
    pub fn slab(width: f32, depth: f32, height: f32) -> Self {
        Self::soft(width, depth, height, 0.0)
    }

    /// A box whose edges are rounded by `radius`; with a large radius it looks like upholstery.
    pub fn soft(width: f32, depth: f32, height: f32, radius: f32) -> Self {
        let half = Vec3::new(width, depth, height) / 2.0;
        let radius = radius.min(half.min_element());
        let core = half - radius;
        let cells = if radius > 0.0 { 5 } else { 1 };
        let mut mesh = Self::default();
        for axis in 0..3 {
            for sign in [-1.0, 1.0] {
                mesh = mesh.and(Self::surface(cells, cells, |u, v| {
                    let mut p = half;
                    p[axis] *= sign;
                    // Grid lines lie where the rounding begins, so that the flat inside needs no
                    // more cells.
                    p[(axis + 1) % 3] = rounded_line(u, half[(axis + 1) % 3], core[(axis + 1) % 3]);
                    p[(axis + 2) % 3] = rounded_line(v, half[(axis + 2) % 3], core[(axis + 2) % 3]);
                    let inner = p.clamp(-core, core);
                    inner + (p - inner).normalize_or_zero() * radius
                }));
            }
        }
        mesh.at(0.0, 0.0, half.z).retextured()
    }

    /// The surface of revolution of `profile` about z; `profile` holds pairs of radius and height.
    pub fn lathe(profile: &[(f32, f32)]) -> Self {
        let widest = profile.iter().map(|p| p.0).fold(0.0, f32::max);
        let around = if widest < 0.03 { 6 } else { 14 };
        Self::surface(around, profile.len() - 1, |u, v| {
            let (radius, height) = profile[(v * (profile.len() - 1) as f32).round() as usize];
            let (sin, cos) = (TAU * u).sin_cos();
            Vec3::new(radius * cos, radius * sin, height)
        })
    }

    /// A closed cylinder.
    pub fn cylinder(radius: f32, height: f32) -> Self {
        Self::frustum(radius, radius, height)
    }

    /// A closed truncated cone.
    pub fn frustum(bottom: f32, top: f32, height: f32) -> Self {
        Self::lathe(&[(0.0, 0.0), (bottom, 0.0), (top, height), (0.0, height)])
    }

    /// An ellipsoid standing on z = 0.
    pub fn ellipsoid(rx: f32, ry: f32, rz: f32) -> Self {
        Self::surface(14, 8, |u, v| {
            let ((su, cu), (sv, cv)) = ((TAU * u).sin_cos(), (TAU / 2.0 * v).sin_cos());
            Vec3::new(rx * sv * cu, ry * sv * su, rz * (1.0 - cv))
        })
    }

    /// A round bar along `path`.
    pub fn tube(path: &[Vec3], radius: f32) -> Self {
        let along = path.len() - 1;
        Self::surface(6, along, |u, v| {
            let here = (v * along as f32).round() as usize;
            let direction =
                (path[(here + 1).min(along)] - path[here.saturating_sub(1)]).normalize_or(Vec3::Z);
            let (side, up) = direction.any_orthonormal_pair();
            let (sin, cos) = (TAU * u).sin_cos();
            path[here] + radius * (cos * side + sin * up)
        })
    }

    /// A torus lying on z = 0, or the part of one that spans the angle `turn`, radians.
    pub fn ring(major: f32, minor: f32, turn: f32) -> Self {
        let path: Vec<Vec3> = (0..=20)
            .map(|i| turn * i as f32 / 20.0)
            .map(|a| Vec3::new(major * a.cos(), major * a.sin(), minor))
            .collect();
        Self::tube(&path, minor)
    }

    /// A cushion: flat below, bulging above, with the fraction `puff` of its `height` in the bulge.
    pub fn cushion(width: f32, depth: f32, height: f32, puff: f32) -> Self {
        Self::soft(width, depth, height, 0.35 * height)
            .subdivided(width.max(depth) / 6.0)
            .warp(|p| {
                let edge = |x: f32, half: f32| (1.0 - (x / half).powi(2).min(1.0)).sqrt();
                let swell = edge(p.x, width / 2.0) * edge(p.y, depth / 2.0);
                Vec3::new(p.x, p.y, p.z * (1.0 - puff + puff * swell))
            })
    }

    /// Splits edges until none is longer than `longest`, so that [`Mesh::warp`] has vertices to
    /// bend.
    pub fn subdivided(mut self, longest: f32) -> Self {
        let mut done = Vec::with_capacity(self.triangles.len());
        while let Some([a, b, c]) = self.triangles.pop() {
            let at = |i: u32| self.vertices[i as usize].position;
            let edges = [(a, b, c), (b, c, a), (c, a, b)];
            let (a, b, c) = edges
                .into_iter()
                .max_by(|l, r| {
                    at(l.0)
                        .distance(at(l.1))
                        .total_cmp(&at(r.0).distance(at(r.1)))
                })
                .unwrap_or((a, b, c));
            if at(a).distance(at(b)) <= longest {
                done.push([a, b, c]);
                continue;
            }
            let (va, vb) = (self.vertices[a as usize], self.vertices[b as usize]);
            let middle = self.vertices.len() as u32;
            self.vertices.push(Vertex {
                position: va.position.midpoint(vb.position),
                texture: va.texture.midpoint(vb.texture),
            });
            self.triangles.extend([[a, middle, c], [middle, b, c]]);
        }
        self.triangles = done;
        self
    }

    /// Maps every vertex position with `to`; the pattern stays on the surface.
    pub fn warp(mut self, to: impl Fn(Vec3) -> Vec3) -> Self {
        self.vertices
            .iter_mut()
            .for_each(|v| v.position = to(v.position));
        self
    }

    /// The mesh moved by (x, y, z).
    pub fn at(self, x: f32, y: f32, z: f32) -> Self {
        self.warp(|p| p + Vec3::new(x, y, z))
    }

    /// The mesh rotated by `angle` radians about the x axis.
    pub fn pitched(self, angle: f32) -> Self {
        self.warp(|p| Quat::from_rotation_x(angle) * p)
    }

    /// The mesh rotated by `angle` radians about the y axis.
    pub fn rolled(self, angle: f32) -> Self {
        self.warp(|p| Quat::from_rotation_y(angle) * p)
    }

    /// The mesh rotated by `angle` radians about the z axis.
    pub fn turned(self, angle: f32) -> Self {
        self.warp(|p| Quat::from_rotation_z(angle) * p)
    }

    /// The mesh scaled linearly towards the z axis: full size at z = 0, the fraction `top` of it at
    /// `height`.
    pub fn tapered(self, top: f32, height: f32) -> Self {
        self.warp(|p| {
            let scale = 1.0 + (top - 1.0) * (p.z / height).clamp(0.0, 1.0);
            Vec3::new(p.x * scale, p.y * scale, p.z)
        })
    }

    /// The low and high corners of the bounding box.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        self.vertices
            .iter()
            .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), v| {
                (lo.min(v.position), hi.max(v.position))
            })
    }

    /// Both meshes merged into one.
    pub fn and(mut self, other: Self) -> Self {
        let base = self.vertices.len() as u32;
        self.vertices.extend(other.vertices);
        self.triangles
            .extend(other.triangles.into_iter().map(|t| t.map(|i| i + base)));
        self
    }

    /// Copies of the mesh at all `places`, as one mesh.
    pub fn repeated(&self, places: impl IntoIterator<Item = Vec3>) -> Self {
        places.into_iter().fold(Self::default(), |all, p| {
            all.and(self.clone().at(p.x, p.y, p.z))
        })
    }

    /// Four copies at (±x, ±y), for legs.
    pub fn at_corners(&self, corner: Vec2) -> Self {
        self.repeated(
            [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)]
                .map(|(x, y)| Vec3::new(x * corner.x, y * corner.y, 0.0)),
        )
    }

    fn retextured(mut self) -> Self {
        self.vertices
            .iter_mut()
            .for_each(|v| v.texture = v.position);
        self
    }
}

/// The position of grid line `t` in 0..=1 on a side from -half to half whose flat inside is
/// -core..core.
fn rounded_line(t: f32, half: f32, core: f32) -> f32 {
    let s = 2.0 * t - 1.0;
    if s.abs() <= 0.25 {
        s / 0.25 * core
    } else {
        s.signum() * (core + (s.abs() - 0.25) / 0.75 * (half - core))
    }
}
