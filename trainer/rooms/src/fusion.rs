//! Depth fusion as scanning applications do it: a truncated signed distance function (TSDF) in
//! sparse blocks, whose zero crossings become the points.

use glam::{IVec3, Vec3};

use super::noise::below;

/// Voxels along one side of a block: a power of two, so that a voxel is found by shifting and
/// masking.
const SIDE: i32 = 1 << SHIFT;
const SHIFT: i32 = 3;
const EMPTY: u32 = u32::MAX;

/// The field at one voxel.
#[derive(Clone, Copy, Default)]
struct Voxel {
    /// Weighted mean distance to the surface, metres, positive in front of it.
    distance: f32,
    weight: f32,
    /// Weighted sum of colors.
    color: Vec3,
    color_weight: f32,
    /// The owner that leads a majority vote, and its lead in votes.
    owner: u16,
    lead: u16,
}

/// A surface point of the fused field.
#[derive(Clone, Copy, Debug)]
pub struct SurfacePoint {
    /// Position, metres.
    pub position: Vec3,
    /// sRGB in 0..1.
    pub color: Vec3,
    /// The owner that won the vote of the pixels.
    pub owner: u16,
}

/// A sparse truncated signed distance function (TSDF).
pub struct Volume {
    low: Vec3,
    voxel: f32,
    blocks: IVec3,
    block_of_cell: Vec<u32>,
    pool: Vec<[Voxel; (SIDE * SIDE * SIDE) as usize]>,
}

impl Volume {
    /// An empty field for the box `low..high` with voxels of edge length `voxel`, metres.
    pub fn new(low: Vec3, high: Vec3, voxel: f32) -> Self {
        let blocks = ((high - low) / (voxel * SIDE as f32)).ceil().as_ivec3() + 1;
        let cells = (blocks.x * blocks.y * blocks.z) as usize;
        Self {
            low,
            voxel,
            blocks,
            block_of_cell: vec![EMPTY; cells],
            pool: Vec::new(),
        }
    }

    fn cell(&self, at: IVec3) -> Option<(usize, usize)> {
        let block = at >> SHIFT;
        if at.min_element() < 0 || block.cmpge(self.blocks).any() {
            return None;
        }
        let inner = at & (SIDE - 1);
        Some((
            ((block.z * self.blocks.y + block.y) * self.blocks.x + block.x) as usize,
            ((inner.z * SIDE + inner.y) * SIDE + inner.x) as usize,
        ))
    }

    fn get(&self, at: IVec3) -> Option<&Voxel> {
        let (block, inner) = self.cell(at)?;
        self.pool
            .get(self.block_of_cell[block] as usize)
            .map(|b| &b[inner])
            .filter(|v| v.weight > 0.0)
    }

    fn center(&self, at: IVec3) -> Vec3 {
        self.low + (at.as_vec3() + 0.5) * self.voxel
    }

    /// Integrates one depth pixel: the surface is at `eye + ray * depth`. `ray` need not be of unit
    /// length.
    pub fn integrate(
        &mut self,
        eye: Vec3,
        ray: Vec3,
        depth: f32,
        weight: f32,
        color: Vec3,
        owner: u16,
    ) {
        let length = ray.length();
        let (direction, reach) = (ray / length, depth * length);
        let (front, behind) = (3.0 * self.voxel, 2.0 * self.voxel);
        let step = 0.7 * self.voxel;
        let (scale, mut before) = (1.0 / self.voxel, IVec3::MIN);
        for i in 0..((front + behind) / step) as usize + 1 {
            let p = eye + direction * (reach - front + i as f32 * step);
            let at = below((p - self.low) * scale);
            if at == before {
                continue;
            }
            before = at;
            let Some((block, inner)) = self.cell(at) else {
                continue;
            };
            let distance = reach - (self.center(at) - eye).dot(direction);
            if distance < -behind {
                continue;
            }
            if self.block_of_cell[block] == EMPTY {
                self.block_of_cell[block] = self.pool.len() as u32;
                self.pool
                    .push([Voxel::default(); (SIDE * SIDE * SIDE) as usize]);
            }
            let v = &mut self.pool[self.block_of_cell[block] as usize][inner];
            // The space behind the surface was not seen: the deeper a voxel is, the less it counts.
            let trust = weight
                * if distance < 0.0 {
                    1.0 + 0.9 * distance / behind
                } else {
                    1.0
                };
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

    /// The points where the field crosses zero between neighbouring voxels, block by block.
    pub fn surface(&self) -> Vec<SurfacePoint> {
        let mut samples = Vec::new();
        for (cell, &number) in self.block_of_cell.iter().enumerate() {
            let Some(block) = self.pool.get(number as usize) else {
                continue;
            };
            let (cell, along_x, along_y) = (cell as i32, self.blocks.x, self.blocks.y);
            let corner = IVec3::new(
                cell % along_x,
                cell / along_x % along_y,
                cell / (along_x * along_y),
            ) * SIDE;
            for (inner, here) in block
                .iter()
                .enumerate()
                .filter(|(_, voxel)| voxel.weight > 0.0)
            {
                let inner = inner as i32;
                let at = IVec3::new(
                    inner & (SIDE - 1),
                    inner >> SHIFT & (SIDE - 1),
                    inner >> (2 * SHIFT),
                );
                for axis in 0..3 {
                    let there = if at[axis] + 1 < SIDE {
                        Some(&block[(inner + (1 << (SHIFT * axis as i32))) as usize])
                            .filter(|voxel| voxel.weight > 0.0)
                    } else {
                        self.get(corner + at + IVec3::AXES[axis])
                    };
                    samples.extend(
                        there.and_then(|there| self.crossing(corner + at, axis, here, there)),
                    );
                }
            }
        }
        samples
    }

    /// The point between a voxel and the next one along an axis, if the surface lies there.
    fn crossing(
        &self,
        at: IVec3,
        axis: usize,
        here: &Voxel,
        there: &Voxel,
    ) -> Option<SurfacePoint> {
        let span = (here.distance - there.distance).abs();
        // A jump across the whole band is the seam between two surfaces, not a surface.
        if (here.distance > 0.0) == (there.distance > 0.0) || span > 2.5 * self.voxel {
            return None;
        }
        let t = here.distance / (here.distance - there.distance);
        let nearer = if t < 0.5 {
            [here, there]
        } else {
            [there, here]
        };
        let voice = nearer.into_iter().find(|v| v.color_weight > 0.0)?;
        Some(SurfacePoint {
            position: self.center(at).lerp(self.center(at + IVec3::AXES[axis]), t),
            color: (here.color + there.color) / (here.color_weight + there.color_weight),
            owner: voice.owner,
        })
    }

    /// The unit gradient of the field at a point, that is the surface's normal; zero where it is
    /// unknown.
    pub fn normal(&self, p: Vec3) -> Vec3 {
        let at = below((p - self.low) / self.voxel);
        let slope = |axis: IVec3| match (self.get(at + axis), self.get(at - axis)) {
            (Some(a), Some(b)) => a.distance - b.distance,
            _ => 0.0,
        };
        Vec3::new(slope(IVec3::X), slope(IVec3::Y), slope(IVec3::Z)).normalize_or_zero()
    }
}
