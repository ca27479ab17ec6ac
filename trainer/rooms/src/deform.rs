//! Shape variations beyond the grammars: whole objects bent, tapered, twisted and sheared by one
//! smooth map, boxes with rounded edges and bulges, and parts that lean, are stretched or removed.
//!
//! An object keeps the plane it stands on, its upright direction and, within 10 to 20 percent, its
//! bounding box.

use std::f32::consts::TAU;

use glam::{Vec2, Vec3};

use super::{grammar::Object, mesh::Mesh, rng::RoomRng};

/// Boxes thinner than this keep sharp edges, metres.
const THIN: f32 = 0.025;

/// A smooth map of the space around an object. Displacements are fractions of the object's own
/// width and depth, so that flat objects stay flat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Warp {
    low: Vec3,
    size: Vec3,
    scale: Vec3,
    taper: Vec2,
    bulge: Vec2,
    shear: Vec2,
    bend: Vec2,
    /// Curvature in plan view: the back of an object becomes an arc.
    arc: Vec2,
    wave: Vec2,
    phase: f32,
    /// Rotation from bottom to top, radians.
    twist: f32,
    /// Moves the points between bottom and top up or down.
    lift: f32,
}

impl Warp {
    /// A random map for an object in the box `low..high`, whose lower side stays in its plane.
    pub(super) fn drawn(low: Vec3, high: Vec3, rng: &mut RoomRng) -> Self {
        let size = (high - low).max(Vec3::splat(1e-3));
        let some = |odds: f32, reach: f32, rng: &mut RoomRng| {
            if rng.chance(odds) {
                rng.about(reach)
            } else {
                0.0
            }
        };
        let pair = |odds: f32, reach: f32, rng: &mut RoomRng| {
            Vec2::new(some(odds, reach, rng), some(odds, reach, rng))
        };
        let slender = size.x.min(size.y) / size.x.max(size.y);
        Self {
            low,
            size,
            scale: Vec3::from([0; 3].map(|_| 1.0 + some(0.6, 0.12, rng))),
            taper: pair(0.4, 0.18, rng),
            bulge: pair(0.3, 0.1, rng),
            shear: pair(0.2, 0.08, rng),
            bend: pair(0.25, 0.12, rng),
            arc: pair(0.25, 0.1, rng),
            wave: pair(0.15, 0.03, rng),
            phase: rng.within(0.0, TAU),
            twist: some(0.25, 0.25, rng) * slender,
            lift: some(0.4, 0.2, rng),
        }
    }

    /// Maps a point.
    pub(super) fn apply(&self, p: Vec3) -> Vec3 {
        let plan = Vec2::new(self.size.x, self.size.y);
        let middle = self.low.truncate() + plan / 2.0;
        let t = ((p.z - self.low.z) / self.size.z).clamp(-0.2, 1.2);
        let q = (p.truncate() - middle)
            * self.scale.truncate()
            * (1.0 + self.taper * t + self.bulge * (4.0 * t * (1.0 - t)));
        // From -1 to 1 across the object.
        let across = q / plan * 2.0;
        let swing = (TAU * t + self.phase).sin() - self.phase.sin();
        let moved = q + plan
            * (self.shear * t
                + self.bend * t * t
                + self.arc * (Vec2::new(across.y * across.y, across.x * across.x) - 0.4)
                + self.wave * swing);
        let turned = Vec2::from_angle(self.twist * t).rotate(moved);
        let above = p.z - self.low.z;
        (middle + turned).extend(self.low.z + self.scale.z * above * (1.0 + self.lift * (1.0 - t)))
    }

    /// `true` if straight lines become curves, so that long edges need points between their ends.
    fn is_curved(&self) -> bool {
        [self.bulge, self.bend, self.arc, self.wave]
            .iter()
            .any(|v| *v != Vec2::ZERO)
            || self.lift != 0.0
    }
}

/// Varies an object without regard to its class, gently enough that it remains recognizable.
pub(super) fn vary(object: &mut Object, rng: &mut RoomRng) {
    if rng.chance(0.4) {
        soften(object, rng);
    }
    if rng.chance(0.2) {
        unsettle(object, rng);
    }
    if rng.chance(0.85) {
        let (low, high) = object.bounds();
        let warp = Warp::drawn(low, high, rng);
        bend(object, &warp);
    }
}

/// Moves all parts, and with them the support surfaces, which stay horizontal.
pub(super) fn bend(object: &mut Object, warp: &Warp) {
    let longest = (warp.size.max_element() / 3.0).max(0.05);
    for part in &mut object.parts {
        let mesh = std::mem::take(&mut part.mesh);
        let mesh = if warp.is_curved() {
            mesh.subdivided(longest)
        } else {
            mesh
        };
        part.mesh = mesh.warp(|p| warp.apply(p));
    }
    for top in &mut object.tops {
        let [x, y] = top.half;
        let center = warp.apply(top.center);
        // Shrinks to the extent that is available on both sides.
        let reach = |d: Vec3| {
            (warp.apply(top.center + d) - center)
                .abs()
                .min((warp.apply(top.center - d) - center).abs())
        };
        top.half = [reach(Vec3::X * x).x * 0.95, reach(Vec3::Y * y).y * 0.95];
        top.center = center;
    }
}

/// Gives plain boxes round edges, and sometimes bulging sides.
fn soften(object: &mut Object, rng: &mut RoomRng) {
    let (round, belly) = (
        rng.within(0.05, 0.5),
        if rng.chance(0.4) {
            rng.within(-0.04, 0.12)
        } else {
            0.0
        },
    );
    for part in &mut object.parts {
        if let Some(boxes) = boxes(&part.mesh) {
            part.mesh = boxes
                .into_iter()
                .fold(Mesh::default(), |all, b| all.and(b.softened(round, belly)));
        }
    }
}

/// One plain box of a mesh: its corners in the frame of the primitive, and their current positions.
struct Cuboid {
    mesh: Mesh,
    low: Vec3,
    high: Vec3,
    /// Indexed by the bits x, y, z of the corner.
    corners: [Vec3; 8],
}

/// The plain boxes that a mesh consists of; `None` if it contains anything else.
fn boxes(mesh: &Mesh) -> Option<Vec<Cuboid>> {
    const VERTICES: usize = 24;
    const TRIANGLES: usize = 12;
    if !mesh.vertices.len().is_multiple_of(VERTICES)
        || mesh.triangles.len() * VERTICES != mesh.vertices.len() * TRIANGLES
    {
        return None;
    }
    let cuboid = |number: usize| {
        let first = number * VERTICES;
        let vertices = &mesh.vertices[first..first + VERTICES];
        let triangles = mesh.triangles[number * TRIANGLES..(number + 1) * TRIANGLES].iter();
        let triangles: Option<Vec<_>> = triangles
            .map(|t| {
                let inner = t.map(|i| (i as usize).wrapping_sub(first));
                inner
                    .iter()
                    .all(|&i| i < VERTICES)
                    .then(|| inner.map(|i| i as u32))
            })
            .collect();
        let (low, high) = vertices
            .iter()
            .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(lo, hi), v| {
                (lo.min(v.texture), hi.max(v.texture))
            });
        let mut corners = [None; 8];
        for v in vertices {
            let (is_low, is_high) = (
                (v.texture - low).abs().cmplt(Vec3::splat(1e-4)),
                (v.texture - high).abs().cmplt(Vec3::splat(1e-4)),
            );
            if !(is_low | is_high).all() {
                return None;
            }
            corners[is_high.bitmask() as usize] = Some(v.position);
        }
        let mut places = [Vec3::ZERO; 8];
        for (place, corner) in places.iter_mut().zip(corners) {
            *place = corner?;
        }
        Some(Cuboid {
            mesh: Mesh {
                vertices: vertices.to_vec(),
                triangles: triangles?,
            },
            low,
            high,
            corners: places,
        })
    };
    (0..mesh.vertices.len() / VERTICES).map(cuboid).collect()
}

impl Cuboid {
    /// The box with edges rounded by the fraction `round` and sides bulged by the fraction `belly`
    /// of its thickness.
    fn softened(self, round: f32, belly: f32) -> Mesh {
        let size = self.high - self.low;
        let thin = size.min_element();
        if thin < THIN {
            return self.mesh;
        }
        let radius = (round * thin / 2.0).min(0.06);
        let mut mesh = Mesh::soft(size.x, size.y, size.z, radius).at(
            (self.low.x + self.high.x) / 2.0,
            (self.low.y + self.high.y) / 2.0,
            self.low.z,
        );
        for v in &mut mesh.vertices {
            v.texture = v.position;
            let unit = ((v.position - self.low) / size * 2.0 - 1.0).clamp(Vec3::NEG_ONE, Vec3::ONE);
            let flat = Vec3::ONE - unit * unit;
            // A side bulges in its middle; its edges stay.
            let swell = unit
                * Vec3::new(flat.y * flat.z, flat.z * flat.x, flat.x * flat.y)
                * (belly * thin);
            let t = (v.position + swell - self.low) / size;
            let along_x = |i: usize| self.corners[i].lerp(self.corners[i + 1], t.x);
            v.position = along_x(0)
                .lerp(along_x(2), t.y)
                .lerp(along_x(4).lerp(along_x(6), t.y), t.z);
        }
        mesh
    }
}

/// Tilts, stretches, shrinks or removes one of the smaller parts that do not support the object.
fn unsettle(object: &mut Object, rng: &mut RoomRng) {
    let (low, high) = object.bounds();
    let is_loose = |mesh: &Mesh| {
        let (a, b) = mesh.bounds();
        a.z > low.z + 0.02 && a.distance(b) < 0.6 * low.distance(high)
    };
    let loose: Vec<usize> = (0..object.parts.len())
        .filter(|&i| is_loose(&object.parts[i].mesh))
        .collect();
    if loose.is_empty() || object.parts.len() < 4 {
        return;
    }
    let chosen = rng.pick(&loose);
    if rng.chance(0.3) {
        object.parts.remove(chosen);
        return;
    }
    let mesh = std::mem::take(&mut object.parts[chosen].mesh);
    let (a, b) = mesh.bounds();
    let foot = Vec3::new((a.x + b.x) / 2.0, (a.y + b.y) / 2.0, a.z);
    let mesh = mesh.at(-foot.x, -foot.y, -foot.z);
    let mesh = if rng.chance(0.5) {
        let (stretch, wide) = (rng.within(0.8, 1.15), rng.within(0.85, 1.15));
        mesh.warp(|p| Vec3::new(p.x * wide, p.y, p.z * stretch))
    } else {
        mesh.pitched(rng.about(0.1)).rolled(rng.about(0.15))
    };
    object.parts[chosen].mesh = mesh.at(foot.x, foot.y, foot.z);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material::{Material, Texture};

    #[test]
    fn what_is_bent_keeps_its_foot_and_nearly_its_box() {
        for roll in 0..200 {
            let rng = &mut RoomRng::new(3, roll);
            let material = Material::new(Texture::Mottled(0.1), Vec3::ONE, Vec3::ZERO, rng);
            let mut table = Object::new("table")
                .with(material, Mesh::slab(1.2, 0.7, 0.75))
                .with_top([0.0, 0.0, 0.75], [1.1, 0.6], 1.0);
            let (low, high) = table.bounds();
            let warp = Warp::drawn(low, high, rng);
            bend(&mut table, &warp);
            let (lo, hi) = table.bounds();
            assert!(lo.z.abs() < 1e-5, "stands at {}", lo.z);
            assert!(
                ((hi - lo) / (high - low)).cmpgt(Vec3::splat(0.7)).all()
                    && ((hi - lo) / (high - low)).cmplt(Vec3::splat(1.6)).all(),
                "{lo} {hi}"
            );
            let top = table.tops[0];
            assert!(
                (top.center.z - hi.z).abs() < 1e-4,
                "the top is at {}, the surface at {}",
                top.center.z,
                hi.z
            );
            assert!(top.half[0] * 2.0 < hi.x - lo.x && top.half[1] * 2.0 < hi.y - lo.y);
        }
    }

    #[test]
    fn plain_boxes_are_found_and_stay_in_place() {
        let rng = &mut RoomRng::new(3, 0);
        let material = Material::new(Texture::Mottled(0.1), Vec3::ONE, Vec3::ZERO, rng);
        let leaning = Mesh::slab(0.2, 0.3, 0.4)
            .rolled(0.3)
            .at(1.0, 2.0, 3.0)
            .and(Mesh::slab(0.5, 0.01, 0.5));
        let mut object = Object::new("box").with(material, leaning);
        let (low, high) = object.bounds();
        soften(&mut object, rng);
        assert!(
            object.parts[0].mesh.triangles.len() > 100,
            "the thick one is round now"
        );
        let (lo, hi) = object.bounds();
        assert!(
            lo.distance(low) < 0.05 && hi.distance(high) < 0.05,
            "{lo} {hi}"
        );
        assert!(
            boxes(&Mesh::cylinder(0.1, 0.2)).is_none()
                && boxes(&Mesh::slab(1.0, 1.0, 1.0).subdivided(0.3)).is_none()
        );
    }
}
