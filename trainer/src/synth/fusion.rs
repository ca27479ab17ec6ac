//! Depth fusion as scanning applications do it: a truncated signed distance field in sparse blocks, whose zero level becomes the points.

use glam::{IVec3, Vec3};

/// Voxels along one side of a block.
const SIDE: i32 = 8;
const EMPTY: u32 = u32::MAX;

/// The field at one place.
#[derive(Clone, Copy, Default)]
struct Voxel {
    /// Weighted mean distance to the surface, metres, positive in front of it.
    distance: f32,
    weight: f32,
    /// Weighted sum of colours.
    color: Vec3,
    color_weight: f32,
    /// The owner that leads a majority vote, and by how much.
    owner: u16,
    lead: u16,
}

/// A surface point of the fused field.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Metres.
    pub position: Vec3,
    /// sRGB in 0..1.
    pub color: Vec3,
    /// Which owner most of the pixels said.
    pub owner: u16,
}

/// A sparse truncated signed distance field.
pub struct Volume {
    low: Vec3,
    voxel: f32,
    blocks: IVec3,
    block_of_cell: Vec<u32>,
    pool: Vec<[Voxel; (SIDE * SIDE * SIDE) as usize]>,
}

impl Volume {
    /// An empty field for the box `low..high` with voxels of the given size.
    pub fn new(low: Vec3, high: Vec3, voxel: f32) -> Self {
        let blocks = ((high - low) / (voxel * SIDE as f32)).ceil().as_ivec3() + 1;
        let cells = (blocks.x * blocks.y * blocks.z) as usize;
        Self { low, voxel, blocks, block_of_cell: vec![EMPTY; cells], pool: Vec::new() }
    }

    fn cell(&self, at: IVec3) -> Option<(usize, usize)> {
        let block = at.div_euclid(IVec3::splat(SIDE));
        if at.min_element() < 0 || block.cmpge(self.blocks).any() {
            return None;
        }
        let inner = at - block * SIDE;
        Some((((block.z * self.blocks.y + block.y) * self.blocks.x + block.x) as usize, ((inner.z * SIDE + inner.y) * SIDE + inner.x) as usize))
    }

    fn get(&self, at: IVec3) -> Option<&Voxel> {
        let (block, inner) = self.cell(at)?;
        self.pool.get(self.block_of_cell[block] as usize).map(|b| &b[inner]).filter(|v| v.weight > 0.0)
    }

    fn centre(&self, at: IVec3) -> Vec3 {
        self.low + (at.as_vec3() + 0.5) * self.voxel
    }

    /// Adds one depth pixel: the surface is at `eye + ray * depth`, `ray` not necessarily of unit length.
    pub fn integrate(&mut self, eye: Vec3, ray: Vec3, depth: f32, weight: f32, color: Vec3, owner: u16) {
        let length = ray.length();
        let (direction, reach) = (ray / length, depth * length);
        let (front, behind) = (3.0 * self.voxel, 2.0 * self.voxel);
        let step = 0.7 * self.voxel;
        let mut before = IVec3::MIN;
        for i in 0..((front + behind) / step) as usize + 1 {
            let p = eye + direction * (reach - front + i as f32 * step);
            let at = ((p - self.low) / self.voxel).floor().as_ivec3();
            if at == before {
                continue;
            }
            before = at;
            let Some((block, inner)) = self.cell(at) else { continue };
            let distance = reach - (self.centre(at) - eye).dot(direction);
            if distance < -behind {
                continue;
            }
            if self.block_of_cell[block] == EMPTY {
                self.block_of_cell[block] = self.pool.len() as u32;
                self.pool.push([Voxel::default(); (SIDE * SIDE * SIDE) as usize]);
            }
            let v = &mut self.pool[self.block_of_cell[block] as usize][inner];
            // What lies behind the surface was not seen: it counts less the deeper it is.
            let trust = weight * if distance < 0.0 { 1.0 + 0.9 * distance / behind } else { 1.0 };
            v.distance = (v.distance * v.weight + distance.min(front) * trust) / (v.weight + trust);
            v.weight += trust;
            if distance.abs() < 1.2 * self.voxel {
                v.color += color * weight;
                v.color_weight += weight;
                if v.owner == owner || v.lead == 0 {
                    v.owner = owner;
                    v.lead = v.lead.saturating_add(1);
                } else {
                    v.lead -= 1;
                }
            }
        }
    }

    /// The points where the field crosses zero between neighbouring voxels.
    pub fn surface(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for z in 0..self.blocks.z * SIDE {
            for y in 0..self.blocks.y * SIDE {
                let mut x = 0;
                while x < self.blocks.x * SIDE {
                    let at = IVec3::new(x, y, z);
                    let known = self.cell(at).is_some_and(|(block, _)| self.block_of_cell[block] != EMPTY);
                    if !known {
                        x += SIDE;
                        continue;
                    }
                    self.crossings(at, &mut samples);
                    x += 1;
                }
            }
        }
        samples
    }

    fn crossings(&self, at: IVec3, samples: &mut Vec<Sample>) {
        let Some(here) = self.get(at) else { return };
        for axis in [IVec3::X, IVec3::Y, IVec3::Z] {
            let Some(there) = self.get(at + axis) else { continue };
            let span = (here.distance - there.distance).abs();
            // A jump across the whole band is the seam between two surfaces, not a surface.
            if (here.distance > 0.0) == (there.distance > 0.0) || span > 2.5 * self.voxel {
                continue;
            }
            let t = here.distance / (here.distance - there.distance);
            let nearer = if t < 0.5 { [here, there] } else { [there, here] };
            let Some(voice) = nearer.into_iter().find(|v| v.color_weight > 0.0) else { continue };
            samples.push(Sample {
                position: self.centre(at).lerp(self.centre(at + axis), t),
                color: (here.color + there.color) / (here.color_weight + there.color_weight),
                owner: voice.owner,
            });
        }
    }

    /// The direction in which the field rises fastest at a point, that is the surface's normal; zero where it is not known.
    pub fn normal(&self, p: Vec3) -> Vec3 {
        let at = ((p - self.low) / self.voxel).floor().as_ivec3();
        let slope = |axis: IVec3| match (self.get(at + axis), self.get(at - axis)) {
            (Some(a), Some(b)) => a.distance - b.distance,
            _ => 0.0,
        };
        Vec3::new(slope(IVec3::X), slope(IVec3::Y), slope(IVec3::Z)).normalize_or_zero()
    }
}
