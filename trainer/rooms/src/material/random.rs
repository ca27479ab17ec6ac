//! Random materials of indoor objects.

use glam::Vec3;

use crate::rng::RoomRng;

use super::{Material, Texture, hue};

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
