//! A furnished room as triangles, each with the object it belongs to.

use std::ops::Range;

use glam::{Quat, Vec2, Vec3};

use super::{
    grammar::{Object, Part},
    material::Material,
};

/// The pose of an object: a rotation about z, then a translation.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Position of the object's origin, metres in the room's frame.
    pub position: Vec3,
    /// Rotation about z, radians.
    pub turn: f32,
}

impl Pose {
    /// Maps a point from the object's frame to the room's.
    pub fn apply(&self, p: Vec3) -> Vec3 {
        Quat::from_rotation_z(self.turn) * p + self.position
    }

    /// The pose in the parent frame of something that has the pose `inner` in this pose's frame.
    pub fn of(&self, inner: Self) -> Self {
        Self {
            position: self.apply(inner.position),
            turn: self.turn + inner.turn,
        }
    }
}

/// The oriented bounding box of an object in plan view, and its extent in height.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// The center.
    pub center: Vec2,
    /// Half the width and half the depth.
    pub half: Vec2,
    /// Rotation, radians.
    pub turn: f32,
    /// Lower and upper end in z.
    pub height: [f32; 2],
}

impl Footprint {
    /// The footprint of an object in a pose.
    pub fn of(object: &Object, pose: Pose) -> Self {
        let (lo, hi) = object.bounds();
        let center = pose.apply((lo + hi) / 2.0).truncate();
        Self {
            center,
            half: (hi - lo).truncate() / 2.0,
            turn: pose.turn,
            height: [lo.z + pose.position.z, hi.z + pose.position.z],
        }
    }

    /// The unit vectors along its width and depth.
    fn axes(&self) -> [Vec2; 2] {
        let x = Vec2::from_angle(self.turn);
        [x, x.perp()]
    }

    /// The corners in plan view.
    pub fn corners(&self) -> [Vec2; 4] {
        let [x, y] = self.axes();
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .map(|(a, b)| self.center + x * (a * self.half.x) + y * (b * self.half.y))
    }

    /// `true` if both overlap by more than `slack` metres in every direction (separating axis
    /// test).
    pub fn overlaps(&self, other: &Self, slack: f32) -> bool {
        let in_height =
            self.height[0] + slack < other.height[1] && other.height[0] + slack < self.height[1];
        in_height
            && self.axes().into_iter().chain(other.axes()).all(|axis| {
                let reach = |f: &Self| {
                    f.axes()
                        .into_iter()
                        .zip([f.half.x, f.half.y])
                        .map(|(a, h)| a.dot(axis).abs() * h)
                        .sum::<f32>()
                };
                (self.center - other.center).dot(axis).abs() + slack < reach(self) + reach(other)
            })
    }

    /// `true` if a point of the plan is inside, or at most `margin` metres outside.
    pub fn contains(&self, p: Vec2, margin: f32) -> bool {
        let [x, y] = self.axes();
        let d = p - self.center;
        d.dot(x).abs() <= self.half.x + margin && d.dot(y).abs() <= self.half.y + margin
    }
}

/// The class and instance that a triangle belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The class id.
    pub semantic: i32,
    /// The instance id; 0 for structure.
    pub instance: i32,
}

/// One triangle of the room.
#[derive(Clone, Copy, Debug)]
pub struct Triangle {
    /// Indices of its vertices.
    pub corners: [u32; 3],
    /// Index of its material.
    pub material: u32,
    /// Index of its owner.
    pub owner: u16,
}

/// A light that casts shadows.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    /// Its position.
    pub position: Vec3,
    /// The direction it points in.
    pub direction: Vec3,
    /// Intensity, linear RGB. It falls off with the distance d, metres, about as 1 / (1 + d²):
    /// half of it arrives at one metre.
    pub power: Vec3,
}

/// One part in its place with its bounding sphere, by which a camera culls it as a whole.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The range of its vertices.
    pub vertices: Range<usize>,
    /// The range of its triangles.
    pub triangles: Range<usize>,
    /// The center of the bounding sphere.
    pub center: Vec3,
    /// The radius of the bounding sphere, metres.
    pub radius: f32,
}

/// Everything that a camera can see.
#[derive(Debug, Default)]
pub struct Scene {
    /// `(vertices)`: positions in the room's frame, metres.
    pub positions: Vec<Vec3>,
    /// `(vertices)`: texture positions in the frame of the part.
    pub textures: Vec<Vec3>,
    /// The triangles of all surfaces.
    pub triangles: Vec<Triangle>,
    /// The parts, in the order of their vertices and triangles.
    pub pieces: Vec<Piece>,
    /// The materials.
    pub materials: Vec<Material>,
    /// The owners.
    pub owners: Vec<Owner>,
    /// The lights.
    pub lights: Vec<Light>,
}

impl Scene {
    /// Adds the parts of one owner in a pose.
    pub fn add(&mut self, parts: &[Part], pose: Pose, owner: Owner) {
        let owner_index = self.owners.len() as u16;
        self.owners.push(owner);
        for part in parts {
            let (base, material) = (self.positions.len() as u32, self.materials.len() as u32);
            let (lo, hi) = part.mesh.bounds();
            self.pieces.push(Piece {
                vertices: self.positions.len()..self.positions.len() + part.mesh.vertices.len(),
                triangles: self.triangles.len()..self.triangles.len() + part.mesh.triangles.len(),
                center: pose.apply((lo + hi) / 2.0),
                radius: lo.distance(hi) / 2.0,
            });
            self.materials.push(part.material);
            self.positions
                .extend(part.mesh.vertices.iter().map(|v| pose.apply(v.position)));
            self.textures
                .extend(part.mesh.vertices.iter().map(|v| v.texture));
            self.triangles
                .extend(part.mesh.triangles.iter().map(|t| Triangle {
                    corners: t.map(|i| i + base),
                    material,
                    owner: owner_index,
                }));
        }
    }

    /// Makes the whole scene one piece: for scenes that are not made of parts.
    pub fn join(&mut self) {
        let (lo, hi) = self
            .positions
            .iter()
            .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), p| {
                (lo.min(*p), hi.max(*p))
            });
        let (vertices, triangles) = (0..self.positions.len(), 0..self.triangles.len());
        self.pieces = vec![Piece {
            vertices,
            triangles,
            center: (lo + hi) / 2.0,
            radius: lo.distance(hi) / 2.0,
        }];
    }

    /// The corner positions of a triangle.
    pub fn corners(&self, triangle: usize) -> [Vec3; 3] {
        self.triangles[triangle]
            .corners
            .map(|i| self.positions[i as usize])
    }
}
