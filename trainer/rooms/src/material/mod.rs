//! The appearance of surfaces: procedural textures in the frame of their part, so that color varies
//! within every object.

mod pattern;
mod random;

use glam::Vec3;

use super::{
    noise::{Places, noise_at, rough_at},
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
