//! The appearance of surfaces: procedural textures in the frame of their part, so that color varies
//! within every object.

use glam::{IVec3, Vec3};

use super::{
    noise::{Places, hash, noise, noise_at, rough, rough_at, unit},
    rng::RoomRng,
};

/// The pattern of a material's two colors; lengths in metres, axes 0 = x, 1 = y, 2 = z.
#[derive(Clone, Copy, Debug)]
pub enum Texture {
    /// Soft blotches of a size.
    Mottled(f32),
    /// Wood: bands stretched along an axis.
    Grain(usize),
    /// Stripes across an axis, with a period.
    Stripes(usize, f32),
    /// A check pattern with a period.
    Checks(f32),
    /// Tiles of a size, each of a slightly different shade, with joints in the accent color.
    Tiles(f32),
    /// Floor boards along x, of a width.
    Boards(f32),
    /// Bricks of a height, in rows shifted by half a brick, with joints in the accent color.
    Bricks(f32),
    /// A figure repeated with a period: wallpapers, carpets.
    Motif(f32),
    /// A picture of a width and a height: a sky, a ground, and objects in front of them.
    Scenery([f32; 2]),
    /// Many colors in irregular patches: posters, book covers, prints.
    Print(f32),
    /// Colored by vertex: the texture position is the color itself.
    Painted,
    /// Spines of books, files or boxes side by side along an axis, of a mean thickness.
    Spines(usize, f32),
}

/// A texture with its colors and its effect on a depth camera.
#[derive(Clone, Copy, Debug)]
pub struct Material {
    texture: Texture,
    /// Main color, sRGB in 0..1.
    pub base: Vec3,
    accent: Vec3,
    seed: u32,
    /// Share of depth pixels that fail on it: high for glass, mirrors, black gloss.
    pub missing: f32,
    /// Light emitted by the material: screens, lamps, windows.
    pub glow: f32,
    /// Strength of the brightness changes by wear and dirt from place to place; 1 for furniture.
    wear: f32,
}

impl Material {
    /// A material that a depth camera sees well.
    pub fn new(texture: Texture, base: Vec3, accent: Vec3, rng: &mut RoomRng) -> Self {
        Self {
            texture,
            base,
            accent,
            seed: rng.seed(),
            missing: 0.02,
            glow: 0.0,
            wear: 1.0,
        }
    }

    /// A material colored by vertex: the `texture` of each vertex is its color, sRGB in 0..1.
    pub fn painted() -> Self {
        Self {
            texture: Texture::Painted,
            base: Vec3::ONE,
            accent: Vec3::ONE,
            seed: 0,
            missing: 0.02,
            glow: 0.0,
            wear: 0.0,
        }
    }

    /// The same material with the share `share` of failing depth pixels.
    pub fn missing(self, share: f32) -> Self {
        Self {
            missing: share,
            ..self
        }
    }

    /// The same material, emitting light of brightness `glow`.
    pub fn glowing(self, glow: f32) -> Self {
        Self { glow, ..self }
    }

    /// The same material with another amount of wear.
    pub fn worn(self, wear: f32) -> Self {
        Self { wear, ..self }
    }

    /// The same texture with another seed and slightly different colors, as for a second drawer or
    /// the next cushion.
    pub fn sibling(self, rng: &mut RoomRng) -> Self {
        let shade = rng.within(0.85, 1.12);
        Self {
            seed: rng.seed(),
            base: (self.base * shade).min(Vec3::ONE),
            accent: (self.accent * shade).min(Vec3::ONE),
            ..self
        }
    }

    /// The same material with its colors scaled by `by`.
    pub fn shaded(self, by: f32) -> Self {
        Self {
            base: (self.base * by).min(Vec3::ONE),
            accent: (self.accent * by).min(Vec3::ONE),
            ..self
        }
    }

    /// The color at `p` (metres in the part's frame), sRGB in 0..1.
    #[cfg(test)]
    pub fn color(&self, p: Vec3) -> Vec3 {
        self.with_wear(self.pattern(p), wear_at(&Places::new([p]), &[self.seed])[0])
    }

    /// The seed to pass to [`wear_at`].
    pub fn seed(&self) -> u32 {
        self.seed
    }

    /// Applies wear to a color of the pattern.
    pub fn with_wear(&self, color: Vec3, wear: f32) -> Vec3 {
        (color * (1.0 + self.wear * (wear - 0.75))).clamp(Vec3::ZERO, Vec3::ONE)
    }

    /// The color at `p` (metres in the part's frame) without wear, sRGB.
    pub fn pattern(&self, p: Vec3) -> Vec3 {
        let seed = self.seed;
        let mixed = |t: f32| self.base.lerp(self.accent, t);
        match self.texture {
            Texture::Mottled(size) => mixed(rough(p / size, seed)),
            Texture::Grain(axis) => {
                let mut q = p * 9.0;
                q[axis] *= 0.12;
                let wave = (rough(q, seed) * 5.0 + 0.5 * noise(q * 6.0, seed)).fract();
                mixed((2.0 * wave - 1.0).abs())
            }
            Texture::Stripes(axis, period) => mixed(f32::from(
                (p[axis] / period + noise(p * 4.0, seed) * 0.15).rem_euclid(1.0) < 0.45,
            )),
            Texture::Checks(period) => {
                let q = ((p / period + Vec3::splat(0.013)).floor()).as_ivec3();
                mixed([0.0, 0.55, 1.0][((q.x & 1) + (q.y & 1)).clamp(0, 2) as usize])
            }
            Texture::Tiles(size) => {
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
            Texture::Boards(width) => {
                let row = (p.y / width).floor();
                let board = IVec3::new(
                    (p.x / 1.1 + unit(hash(IVec3::new(row as i32, 0, 0), seed), 1)).floor() as i32,
                    row as i32,
                    0,
                );
                let shade = 0.75 + 0.5 * unit(hash(board, seed), 2);
                let grain = rough(Vec3::new(p.x * 1.5, p.y * 18.0, shade * 40.0), seed);
                mixed(grain * 0.6) * shade
            }
            Texture::Bricks(height) => {
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
            Texture::Motif(period) => {
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
            Texture::Scenery([width, height]) => {
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
            Texture::Print(size) => {
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
                    _ => mixed(unit(h, 6)),
                }
            }
            Texture::Painted => p.clamp(Vec3::ZERO, Vec3::ONE),
            Texture::Spines(axis, thickness) => {
                let along = p[axis] / thickness;
                let cell =
                    (along + 0.8 * noise(Vec3::splat(along.floor() * 0.7), seed)).floor() as i32;
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
    }
}

/// Brightness changes by wear, dirt and uneven light, in patches as large as an arm, a hand and a
/// finger; places are in the parts' frames.
pub fn wear_at<const N: usize>(places: &Places<N>, seeds: &[u32; N]) -> [f32; N] {
    let arms = rough_at(&places.scaled(0.9), &seeds.map(|seed| seed ^ 0x3c3c));
    let hands = rough_at(&places.scaled(2.7), &seeds.map(|seed| seed ^ 0xa5a5));
    let fingers = noise_at(&places.scaled(21.0), &seeds.map(|seed| seed ^ 0x5a5a));
    std::array::from_fn(|lane| 0.35 * arms[lane] + 0.9 * hands[lane] + 0.25 * fingers[lane])
}

/// A color of the given hue, saturation and value, each in 0..1.
pub fn hue(hue: f32, saturation: f32, value: f32) -> Vec3 {
    let channel =
        |shift: f32| (((hue + shift).rem_euclid(1.0) * 6.0 - 3.0).abs() - 1.0).clamp(0.0, 1.0);
    let pure = Vec3::new(channel(0.0), channel(2.0 / 3.0), channel(1.0 / 3.0));
    Vec3::ONE.lerp(pure, saturation) * value
}

/// Random materials of indoor objects.
impl RoomRng {
    /// Varnished or painted wood with grain along `axis`.
    pub fn wood(&mut self, axis: usize) -> Material {
        let base = self.pick(&[
            [0.55, 0.36, 0.2],
            [0.71, 0.52, 0.33],
            [0.36, 0.21, 0.13],
            [0.8, 0.66, 0.48],
            [0.26, 0.17, 0.12],
            [0.62, 0.31, 0.17],
        ]);
        let base = Vec3::from(base) * self.within(0.8, 1.15);
        let depth = self.within(0.3, 0.7);
        Material::new(
            Texture::Grain(axis),
            base.min(Vec3::ONE),
            base * depth,
            self,
        )
    }

    /// Paint, laminate or plastic: mostly neutral, sometimes bright.
    pub fn paint(&mut self) -> Material {
        let base = if self.chance(0.75) {
            let value = self.pick(&[0.12, 0.3, 0.55, 0.75, 0.88, 0.92]);
            hue(
                self.within(0.05, 0.18),
                self.within(0.0, 0.2),
                value * self.within(0.85, 1.08),
            )
        } else {
            hue(
                self.within(0.0, 1.0),
                self.within(0.15, 0.65),
                self.within(0.25, 0.8),
            )
        };
        let size = self.within(0.08, 0.5);
        let depth = self.within(0.45, 0.88);
        Material::new(Texture::Mottled(size), base, base * depth, self)
    }

    /// Wood or paint, as used for furniture carcasses.
    pub fn carcass(&mut self, axis: usize) -> Material {
        if self.chance(0.65) {
            self.wood(axis)
        } else {
            self.paint()
        }
    }

    /// Cloth and upholstery: mottled, striped, checked, printed or with a motif.
    pub fn fabric(&mut self) -> Material {
        let saturation = self.within(0.02, 0.7).powf(1.5);
        let base = hue(self.within(0.0, 1.0), saturation, self.within(0.18, 0.85));
        let accent = if self.chance(0.35) {
            Vec3::splat(self.within(0.1, 0.9))
        } else {
            base * self.within(0.45, 0.8)
        };
        let texture = match self.count(0, 10) {
            10 => Texture::Motif(self.within(0.05, 0.2)),
            0..=5 => Texture::Mottled(self.within(0.03, 0.2)),
            6 => Texture::Stripes(self.count(0, 1), self.within(0.05, 0.25)),
            7 => Texture::Checks(self.within(0.06, 0.2)),
            _ => Texture::Print(self.within(0.05, 0.16)),
        };
        Material::new(texture, base, accent, self)
    }

    /// Steel, aluminium or chrome.
    pub fn metal(&mut self) -> Material {
        let base = Vec3::splat(self.within(0.3, 0.75)) * Vec3::new(1.0, 0.99, 0.96);
        let miss = self.within(0.05, 0.35);
        Material::new(Texture::Mottled(0.08), base, base * 0.55, self).missing(miss)
    }

    /// Black or dark grey plastic, as used for electronics.
    pub fn dark(&mut self) -> Material {
        let base = Vec3::splat(self.within(0.05, 0.2));
        let miss = self.within(0.05, 0.3);
        Material::new(Texture::Mottled(0.06), base, base * 1.8, self).missing(miss)
    }

    /// White ceramic, enamel or paper.
    pub fn white(&mut self) -> Material {
        let base = Vec3::splat(self.within(0.78, 0.95))
            * Vec3::new(1.0, self.within(0.95, 1.0), self.within(0.88, 0.98));
        Material::new(Texture::Mottled(0.3), base, base * 0.85, self)
    }

    /// Printed matter: posters, covers, packaging.
    pub fn print(&mut self, size: f32) -> Material {
        let base = hue(
            self.within(0.0, 1.0),
            self.within(0.1, 0.7),
            self.within(0.3, 0.95),
        );
        let accent = hue(
            self.within(0.0, 1.0),
            self.within(0.1, 0.8),
            self.within(0.1, 0.9),
        );
        Material::new(Texture::Print(size), base, accent, self)
    }

    /// A painting, a photograph or a poster of the given width and height.
    pub fn picture(&mut self, size: [f32; 2]) -> Material {
        if self.chance(0.35) {
            return self.print(0.18 * size[0].min(size[1]));
        }
        let base = hue(
            self.within(0.0, 1.0),
            self.within(0.05, 0.6),
            self.within(0.35, 0.95),
        );
        let accent = hue(
            self.within(0.0, 1.0),
            self.within(0.1, 0.7),
            self.within(0.1, 0.8),
        );
        Material::new(Texture::Scenery(size), base, accent, self)
    }

    /// Cardboard.
    pub fn cardboard(&mut self) -> Material {
        let base = Vec3::new(0.66, 0.5, 0.34) * self.within(0.75, 1.2);
        Material::new(Texture::Mottled(0.15), base, base * 0.75, self)
    }

    /// A row of books or files along `axis`.
    pub fn spines(&mut self, axis: usize) -> Material {
        let base = hue(self.within(0.0, 1.0), 0.3, self.within(0.3, 0.8));
        let thickness = self.within(0.02, 0.06);
        Material::new(Texture::Spines(axis, thickness), base, base * 0.5, self)
    }

    /// Leaves.
    pub fn leaf(&mut self) -> Material {
        let base = hue(
            self.within(0.2, 0.38),
            self.within(0.4, 0.8),
            self.within(0.2, 0.55),
        );
        Material::new(Texture::Mottled(0.06), base, base * 0.45, self)
    }

    /// A screen, switched off or on.
    pub fn screen(&mut self) -> Material {
        if self.chance(0.6) {
            let base = Vec3::splat(self.within(0.03, 0.12));
            Material::new(Texture::Mottled(0.3), base, base * 2.5, self).missing(0.35)
        } else {
            let size = self.within(0.05, 0.2);
            self.print(size).glowing(0.5).missing(0.1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_two_colors_and_more() {
        let rng = &mut RoomRng::new(4, 0);
        let (dark, light) = (Vec3::splat(0.1), Vec3::splat(0.9));
        for texture in [
            Texture::Bricks(0.08),
            Texture::Motif(0.2),
            Texture::Scenery([1.0, 1.0]),
            Texture::Tiles(0.2),
            Texture::Checks(0.1),
        ] {
            let material = Material::new(texture, light, dark, rng);
            let places = (0..400).map(|i| {
                Vec3::new(
                    0.05 * (i % 20) as f32 - 0.5,
                    0.01,
                    0.05 * (i / 20) as f32 + 0.007,
                )
            });
            let (mut bright, mut dim) = (0, 0);
            places
                .map(|p| material.color(p).element_sum() / 3.0)
                .for_each(|value| if value > 0.45 { bright += 1 } else { dim += 1 });
            assert!(
                bright > 20 && dim > 20,
                "{texture:?}: {bright} bright places, {dim} dim ones"
            );
        }
    }
}
