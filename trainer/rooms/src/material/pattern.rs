//! The patterns of textures.

use glam::{IVec3, Vec3};

use crate::noise::{hash, noise, rough, unit};

use super::{Material, Texture, hue};

impl Material {
    /// The color at `p` (metres in the part's frame) without wear, sRGB.
    pub fn pattern(&self, p: Vec3) -> Vec3 {
        match self.texture {
            Texture::Mottled(size) => self.mixed(rough(p / size, self.seed)),
            Texture::Grain(axis) => self.grain(axis, p),
            Texture::Stripes(axis, period) => self.mixed(f32::from(
                (p[axis] / period + noise(p * 4.0, self.seed) * 0.15).rem_euclid(1.0) < 0.45,
            )),
            Texture::Checks(period) => {
                let q = ((p / period + Vec3::splat(0.013)).floor()).as_ivec3();
                self.mixed([0.0, 0.55, 1.0][((q.x & 1) + (q.y & 1)).clamp(0, 2) as usize])
            }
            Texture::Tiles(size) => self.tiles(size, p),
            Texture::Boards(width) => self.boards(width, p),
            Texture::Bricks(height) => self.bricks(height, p),
            Texture::Motif(period) => self.motif(period, p),
            Texture::Scenery(size) => self.scenery(size, p),
            Texture::Print(size) => self.print(size, p),
            Texture::Painted => p.clamp(Vec3::ZERO, Vec3::ONE),
            Texture::Spines(axis, thickness) => self.spines(axis, thickness, p),
        }
    }

    /// The color at the share `t` of the way from the main color to the accent.
    fn mixed(&self, t: f32) -> Vec3 {
        self.base.lerp(self.accent, t)
    }

    /// Bands stretched along an axis.
    fn grain(&self, axis: usize, p: Vec3) -> Vec3 {
        let seed = self.seed;
        let mut q = p * 9.0;
        q[axis] *= 0.12;
        let wave = (rough(q, seed) * 5.0 + 0.5 * noise(q * 6.0, seed)).fract();
        self.mixed((2.0 * wave - 1.0).abs())
    }

    /// Tiles of slightly different shades, with joints.
    fn tiles(&self, size: f32, p: Vec3) -> Vec3 {
        let seed = self.seed;
        let q = p / size + Vec3::splat(0.237);
        let f = q - q.floor();
        let joint = [f.x, f.y, f.z]
            .into_iter()
            .filter(|t| t.min(1.0 - t) < 0.025)
            .count();
        let shade = 0.9 + 0.2 * unit(hash(q.floor().as_ivec3(), seed), 0);
        if joint > 0 {
            self.accent
        } else {
            self.base * shade * (0.85 + 0.3 * noise(p * 12.0, seed))
        }
    }

    /// Boards along x.
    fn boards(&self, width: f32, p: Vec3) -> Vec3 {
        let seed = self.seed;
        let row = (p.y / width).floor();
        let board = IVec3::new(
            (p.x / 1.1 + unit(hash(IVec3::new(row as i32, 0, 0), seed), 1)).floor() as i32,
            row as i32,
            0,
        );
        let shade = 0.75 + 0.5 * unit(hash(board, seed), 2);
        let grain = rough(Vec3::new(p.x * 1.5, p.y * 18.0, shade * 40.0), seed);
        self.mixed(grain * 0.6) * shade
    }

    /// Bricks in rows, with joints.
    fn bricks(&self, height: f32, p: Vec3) -> Vec3 {
        let seed = self.seed;
        let row = (p.z / height).floor();
        let along = (p.x + p.y) / (height * 2.8) + 0.5 * (row as i32 & 1) as f32;
        let (x, z) = (along - along.floor(), p.z / height - row);
        let shade = 0.75
            + 0.5
                * unit(
                    hash(IVec3::new(along.floor() as i32, row as i32, 0), seed),
                    0,
                );
        if x < 0.05 || z < 0.14 {
            self.accent
        } else {
            self.base * shade * (0.85 + 0.3 * noise(p * 25.0, seed))
        }
    }

    /// One of four figures, by the seed.
    fn motif(&self, period: f32, p: Vec3) -> Vec3 {
        let seed = self.seed;
        // On walls y is constant, on floors z.
        let (u, v) = (p.x / period, (p.y + p.z) / period);
        let v = v + 0.5 * (u.floor() as i32 & 1) as f32;
        let (x, y) = (u - u.floor() - 0.5, v - v.floor() - 0.5);
        let r = x.hypot(y);
        let inside = match seed % 4 {
            0 => r < 0.22 + 0.1 * (5.0 * y.atan2(x)).cos(),
            1 => x.abs() + y.abs() < 0.36,
            2 => (0.18..0.32).contains(&r),
            _ => x.abs() < 0.08 || y.abs() < 0.08,
        };
        if inside { self.accent } else { self.base }
    }

    /// A sky, a ground, and objects in front of them.
    fn scenery(&self, [width, height]: [f32; 2], p: Vec3) -> Vec3 {
        let seed = self.seed;
        let (u, v) = (p.x / width + 0.5, p.z / height);
        let part = |i: u32| unit(seed, i);
        let horizon =
            0.25 + 0.4 * part(0) + 0.16 * (noise(Vec3::new(u * 3.0, 0.0, 0.0), seed) - 0.5);
        let far = if v > horizon {
            self.base.lerp(Vec3::ONE, 0.6 * (1.0 - v))
        } else {
            self.accent * (0.55 + 0.6 * noise(p * 30.0, seed))
        };
        let thing = (0..4).rev().find(|i| {
            let (x, y) = (u - 0.1 - 0.8 * part(10 + i), v - 0.15 - 0.6 * part(20 + i));
            (x / (0.06 + 0.16 * part(30 + i))).hypot(y / (0.08 + 0.22 * part(40 + i))) < 1.0
        });
        thing.map_or(far, |i| {
            hue(
                part(50 + i),
                0.2 + 0.6 * part(60 + i),
                0.15 + 0.8 * part(70 + i),
            )
        })
    }

    /// Irregular patches of many colors.
    fn print(&self, size: f32, p: Vec3) -> Vec3 {
        let seed = self.seed;
        let q = p / size
            + Vec3::new(
                noise(p / size, seed),
                noise(p / size, seed + 1),
                noise(p / size, seed + 2),
            ) * 1.6;
        let h = hash((q + Vec3::splat(0.31)).floor().as_ivec3(), seed);
        match h % 5 {
            0 | 1 => self.base,
            2 => self.accent,
            3 => hue(unit(h, 3), unit(h, 4), unit(h, 5)),
            _ => self.mixed(unit(h, 6)),
        }
    }

    /// Spines side by side.
    fn spines(&self, axis: usize, thickness: f32, p: Vec3) -> Vec3 {
        let seed = self.seed;
        let along = p[axis] / thickness;
        let cell = (along + 0.8 * noise(Vec3::splat(along.floor() * 0.7), seed)).floor() as i32;
        let h = hash(IVec3::new(cell, 1, 2), seed);
        let cover = self.base.lerp(
            hue(unit(h, 3), 0.2 + 0.7 * unit(h, 4), 0.15 + 0.75 * unit(h, 5)),
            0.75,
        );
        let title = ((p.z * 40.0).floor() as u32 ^ h).is_multiple_of(5);
        if title {
            cover.lerp(Vec3::splat(0.85), 0.5)
        } else {
            cover
        }
    }
}
