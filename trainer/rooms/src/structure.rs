//! Walls, floor and ceiling of a rectangular or L-shaped room, with openings for doors and windows.

use glam::{Vec2, Vec3};

use super::{
    grammar::Part,
    material::{Material, Texture, hue},
    mesh::{Mesh, Vertex},
    rng::RoomRng,
};

/// A hole in a wall, in the wall's frame: x along the wall, z up.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Index of the wall.
    pub wall: usize,
    /// Position of the middle along the wall, metres from the wall's start.
    pub middle: f32,
    /// Width and height, metres.
    pub size: [f32; 2],
    /// Height of the lower edge, metres.
    pub sill: f32,
    /// Depth of the niche into the wall, metres.
    pub deep: f32,
}

/// The walls, floor and ceiling of a room. Corners are counterclockwise; wall `i` runs from corner
/// `i` to the next.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The corners in plan view, metres.
    pub corners: Vec<Vec2>,
    /// Height of the ceiling, metres.
    pub height: f32,
    /// The openings for doors and windows.
    pub openings: Vec<Opening>,
}

impl Shell {
    /// A rectangle of the given size; large ones sometimes lack one corner, so that they are
    /// L-shaped.
    pub fn new(rng: &mut RoomRng, [w, d]: [f32; 2]) -> Self {
        let height = Self::any_height(rng);
        let corners = if w.min(d) > 3.2 && rng.chance(0.3) {
            let (cut_w, cut_d) = (w * rng.within(0.25, 0.5), d * rng.within(0.25, 0.45));
            vec![
                (0.0, 0.0),
                (w, 0.0),
                (w, d - cut_d),
                (w - cut_w, d - cut_d),
                (w - cut_w, d),
                (0.0, d),
            ]
        } else {
            vec![(0.0, 0.0), (w, 0.0), (w, d), (0.0, d)]
        };
        Self {
            corners: corners.into_iter().map(|(x, y)| Vec2::new(x, y)).collect(),
            height,
            openings: Vec::new(),
        }
    }

    /// The rectangle between two corners of a larger plan.
    pub fn rectangle(low: Vec2, high: Vec2, height: f32) -> Self {
        Self {
            corners: vec![
                low,
                Vec2::new(high.x, low.y),
                high,
                Vec2::new(low.x, high.y),
            ],
            height,
            openings: Vec::new(),
        }
    }

    /// A random ceiling height, metres.
    pub fn any_height(rng: &mut RoomRng) -> f32 {
        rng.within(2.35, 3.0)
    }

    /// Start, direction and length of a wall; the room lies to its left.
    pub fn wall(&self, index: usize) -> (Vec2, Vec2, f32) {
        let (a, b) = (
            self.corners[index],
            self.corners[(index + 1) % self.corners.len()],
        );
        (a, (b - a).normalize_or_zero(), a.distance(b))
    }

    /// `true` if a point of the plan is at least `margin` inside; a negative `margin` also accepts
    /// points at most that far outside.
    pub fn contains(&self, p: Vec2, margin: f32) -> bool {
        let mut inside = false;
        for i in 0..self.corners.len() {
            let (a, direction, length) = self.wall(i);
            let b = a + direction * length;
            if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
                inside = !inside;
            }
            let along = (p - a).dot(direction).clamp(0.0, length);
            let gap = p.distance(a + direction * along);
            if margin < 0.0 && gap <= -margin {
                return true;
            }
            if margin > 0.0 && gap < margin {
                return false;
            }
        }
        inside
    }

    /// The bounding box of the plan.
    pub fn bounds(&self) -> (Vec2, Vec2) {
        self.corners
            .iter()
            .fold((Vec2::INFINITY, Vec2::NEG_INFINITY), |(lo, hi), p| {
                (lo.min(*p), hi.max(*p))
            })
    }

    /// The surfaces of all walls without their openings, the reveals of the openings, and the
    /// skirting boards.
    pub fn walls(&self, rng: &mut RoomRng) -> Vec<Part> {
        let paint = wall_material(rng);
        let skirting = rng.chance(0.7).then(|| {
            if rng.chance(0.5) {
                rng.white()
            } else {
                rng.wood(0)
            }
        });
        let dado = rng
            .chance(0.2)
            .then(|| (rng.carcass(0), rng.within(0.8, 1.2)));
        let mut parts = Vec::new();
        for index in 0..self.corners.len() {
            let (start, direction, length) = self.wall(index);
            let place = |mesh: Mesh| {
                let inward = direction.perp();
                mesh.warp(|p| (start + direction * p.x + inward * p.y).extend(p.z))
            };
            let holes: Vec<&Opening> = self.openings.iter().filter(|o| o.wall == index).collect();
            let paint = if rng.chance(0.15) {
                wall_material(rng)
            } else {
                paint
            };
            let mut band = |material: Material, y: f32, low: f32, high: f32| {
                let mesh = place(plane_with_holes(length, low, high, y, &holes));
                parts.push(Part { mesh, material });
            };
            band(paint, 0.0, 0.0, self.height);
            if let Some((panel, top)) = dado {
                band(panel, 0.012, 0.0, top);
            }
            if let Some(board) = skirting {
                band(board, 0.016, 0.0, 0.09);
            }
            for hole in holes {
                let reveal = Mesh::slab(hole.size[0], hole.deep, hole.size[1]).at(
                    hole.middle,
                    -hole.deep / 2.0,
                    hole.sill,
                );
                let mut mesh = place(reveal);
                // Keeps only the sides of the niche, not its front and back. The lower side at a
                // door belongs to the floor, because people step on it; that of a window is kept.
                mesh.triangles.retain(|t| {
                    let [a, b, c] = t.map(|i| mesh.vertices[i as usize].position);
                    let normal = (b - a).cross(c - a);
                    normal.truncate().dot(direction.perp()).abs() < 0.5 * normal.length()
                        && a.z.max(b.z).max(c.z) > 1e-3
                });
                parts.push(Part {
                    mesh,
                    material: paint,
                });
            }
        }
        parts
    }

    /// The polygon of the plan at a height, as rectangles that also cover an L shape.
    fn plate(&self, z: f32) -> Mesh {
        let mut xs: Vec<f32> = self.corners.iter().map(|c| c.x).collect();
        let mut ys: Vec<f32> = self.corners.iter().map(|c| c.y).collect();
        xs.sort_by(f32::total_cmp);
        ys.sort_by(f32::total_cmp);
        let mut mesh = Mesh::default();
        for x in xs.windows(2) {
            for y in ys.windows(2) {
                if x[1] - x[0] > 1e-4
                    && y[1] - y[0] > 1e-4
                    && self.contains(Vec2::new((x[0] + x[1]) / 2.0, (y[0] + y[1]) / 2.0), 0.0)
                {
                    mesh = mesh.and(Mesh::surface(1, 1, |u, v| {
                        Vec3::new(x[0] + u * (x[1] - x[0]), y[0] + v * (y[1] - y[0]), z)
                    }));
                }
            }
        }
        mesh
    }

    /// The floor: boards, tiles or carpet, including the thresholds of the doors.
    pub fn floor(&self, rng: &mut RoomRng) -> Part {
        let material = match rng.count(0, 5) {
            5 => {
                let base = hue(
                    rng.within(0.0, 1.0),
                    rng.within(0.05, 0.4),
                    rng.within(0.25, 0.7),
                );
                Material::new(
                    Texture::Motif(rng.within(0.12, 0.6)),
                    base,
                    base * rng.within(0.6, 1.3),
                    rng,
                )
            }
            0 | 1 => {
                let wood = rng.wood(0);
                Material::new(
                    Texture::Boards(rng.within(0.08, 0.2)),
                    wood.base,
                    wood.base * 0.6,
                    rng,
                )
            }
            2 => {
                let base = hue(
                    rng.within(0.05, 0.15),
                    rng.within(0.0, 0.25),
                    rng.within(0.4, 0.9),
                );
                Material::new(
                    Texture::Tiles(rng.within(0.2, 0.5)),
                    base,
                    base * rng.within(0.5, 0.8),
                    rng,
                )
            }
            _ => {
                let base = hue(
                    rng.within(0.0, 0.7),
                    rng.within(0.0, 0.3),
                    rng.within(0.25, 0.7),
                );
                Material::new(
                    Texture::Mottled(rng.within(0.03, 0.3)),
                    base,
                    base * rng.within(0.6, 0.85),
                    rng,
                )
            }
        };
        let threshold = |o: &Opening| {
            let (start, direction, _) = self.wall(o.wall);
            Mesh::surface(1, 1, |u, v| {
                (start + direction * (o.middle + (u - 0.5) * o.size[0])
                    - direction.perp() * (v * o.deep))
                    .extend(0.0)
            })
        };
        let doors = self.openings.iter().filter(|o| o.sill == 0.0);
        Part {
            mesh: doors.fold(self.plate(0.0), |mesh, o| mesh.and(threshold(o))),
            material,
        }
    }

    /// The ceiling.
    pub fn ceiling(&self, rng: &mut RoomRng) -> Part {
        Part {
            mesh: self.plate(self.height),
            material: rng.white().worn(0.4),
        }
    }
}

fn wall_material(rng: &mut RoomRng) -> Material {
    let material = match rng.count(0, 11) {
        10 => {
            let base = hue(
                rng.within(0.02, 0.1),
                rng.within(0.1, 0.6),
                rng.within(0.35, 0.85),
            );
            Material::new(
                Texture::Bricks(rng.within(0.065, 0.1)),
                base,
                Vec3::splat(rng.within(0.5, 0.85)),
                rng,
            )
        }
        11 => {
            let base = hue(
                rng.within(0.0, 1.0),
                rng.within(0.02, 0.3),
                rng.within(0.6, 0.95),
            );
            Material::new(
                Texture::Motif(rng.within(0.1, 0.35)),
                base,
                base * rng.within(0.7, 0.92),
                rng,
            )
        }
        0 => {
            let base = hue(
                rng.within(0.0, 1.0),
                rng.within(0.0, 0.2),
                rng.within(0.6, 0.95),
            );
            Material::new(
                Texture::Tiles(rng.within(0.12, 0.3)),
                base,
                base * 0.75,
                rng,
            )
        }
        1 => {
            let base = hue(
                rng.within(0.0, 1.0),
                rng.within(0.05, 0.35),
                rng.within(0.5, 0.9),
            );
            Material::new(
                Texture::Stripes(0, rng.within(0.1, 0.4)),
                base,
                base * 0.85,
                rng,
            )
        }
        2 => rng.paint(),
        _ => {
            let base = hue(
                rng.within(0.06, 0.17),
                rng.within(0.02, 0.22),
                rng.within(0.6, 0.98),
            );
            Material::new(
                Texture::Mottled(rng.within(0.5, 1.5)),
                base,
                base * 0.92,
                rng,
            )
        }
    };
    // Walls are cleaner than furniture.
    material.worn(0.55)
}

/// The rectangle 0..length x low..high in the plane at `y`, cut into cells along the edges of the
/// holes, without the cells inside them.
fn plane_with_holes(length: f32, low: f32, high: f32, y: f32, holes: &[&Opening]) -> Mesh {
    let edges = |o: &&Opening| [o.middle - o.size[0] / 2.0, o.middle + o.size[0] / 2.0];
    let cuts = |values: Vec<f32>, from: f32, to: f32| {
        let mut cuts: Vec<f32> = values
            .into_iter()
            .map(|v| v.clamp(from, to))
            .chain([from, to])
            .collect();
        cuts.sort_by(f32::total_cmp);
        cuts
    };
    let xs = cuts(holes.iter().flat_map(edges).collect(), 0.0, length);
    let zs = cuts(
        holes
            .iter()
            .flat_map(|o| [o.sill, o.sill + o.size[1]])
            .collect(),
        low,
        high,
    );
    let mut mesh = Mesh::default();
    for x in xs.windows(2) {
        for z in zs.windows(2) {
            let (cx, cz) = ((x[0] + x[1]) / 2.0, (z[0] + z[1]) / 2.0);
            let open = holes.iter().any(|o| {
                (cx - o.middle).abs() < o.size[0] / 2.0 && cz > o.sill && cz < o.sill + o.size[1]
            });
            if open || x[1] - x[0] < 1e-4 || z[1] - z[0] < 1e-4 {
                continue;
            }
            let base = mesh.vertices.len() as u32;
            for (px, pz) in [(x[0], z[0]), (x[1], z[0]), (x[1], z[1]), (x[0], z[1])] {
                let position = Vec3::new(px, y, pz);
                mesh.vertices.push(Vertex {
                    position,
                    texture: position,
                });
            }
            mesh.triangles
                .extend([[base, base + 1, base + 2], [base, base + 2, base + 3]]);
        }
    }
    mesh
}
