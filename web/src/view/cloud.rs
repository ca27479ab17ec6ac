//! The data to draw: the points, their superpoints, the owner of each superpoint, and the look of
//! each owner.

use glam::{Mat4, Vec2, Vec3};
use segscape::{geometry::Aabb, instances::NO_INSTANCE};

/// The points of the open scene, world frame.
#[derive(Debug, Default)]
pub struct Cloud {
    /// Positions in metres, z up, shape `(points, 3)`.
    pub positions: Vec<[f32; 3]>,
    /// Packed `0xAABBGGRR` sRGB colors, shape `(points)`; empty for a scan without color.
    pub colors: Vec<u32>,
    /// The directions of the surfaces as packed colors ([`palette::normal_color`]), shape
    /// `(points)`; empty as long as nobody asked for them.
    ///
    /// [`palette::normal_color`]: super::palette::normal_color
    pub normals: Vec<u32>,
    /// Superpoint ids, shape `(points)`; empty as long as the superpoints are not known.
    pub superpoint_of_point: Vec<u32>,
    /// Instance that owns each superpoint, or [`NO_INSTANCE`], shape `(superpoints)`.
    pub owner_of_superpoint: Vec<u32>,
    /// Bounding box of nearly all points.
    pub bounds: Option<Aabb>,
    /// Distance between neighbouring points, metres.
    pub spacing: f32,
}

impl Cloud {
    /// The instance that owns a point, or [`NO_INSTANCE`].
    pub fn owner(&self, point: usize) -> u32 {
        self.superpoint_of_point
            .get(point)
            .and_then(|superpoint| self.owner_of_superpoint.get(*superpoint as usize))
            .copied()
            .unwrap_or(NO_INSTANCE)
    }

    /// What there is to know of a point under the cursor.
    pub fn hit(&self, point: u32) -> Hit {
        let owner = self.owner(point as usize);
        Hit {
            point,
            superpoint: self.superpoint_of_point.get(point as usize).copied(),
            instance: (owner != NO_INSTANCE).then_some(owner),
        }
    }
}

/// The appearance of the points of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Look {
    /// Packed `0xAABBGGRR` sRGB color.
    pub color: u32,
    /// How the points are drawn. The numbers are those of `wgsl/points.wgsl`.
    pub shown: u32,
    /// The owner whose outline goes around the points, or [`NO_INSTANCE`] for their own.
    pub outlined_as: u32,
}

impl Look {
    /// [`Self::shown`] of points that are not drawn.
    pub const HIDDEN: u32 = 0;
    /// [`Self::shown`] of points that are drawn.
    pub const SHOWN: u32 = 1;
    /// [`Self::shown`] of points that are drawn faintly, behind all others.
    pub const FADED: u32 = 2;

    /// A look that is drawn in this color.
    pub fn shown(color: [u8; 3]) -> Self {
        Self {
            color: pack(color),
            shown: Self::SHOWN,
            outlined_as: NO_INSTANCE,
        }
    }
}

/// Packs an opaque color as `0xAABBGGRR`.
pub fn pack([r, g, b]: [u8; 3]) -> u32 {
    u32::from_le_bytes([r, g, b, 255])
}

/// The source of a point's color. The numbers are those of `wgsl/points.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Paint {
    /// The scan's own color.
    #[default]
    Scan = 0,
    /// The look of the point's owner.
    Owner = 1,
    /// The point's height, mapped by the color ramp.
    Height = 2,
    /// The direction of the surface; the scan's own color as long as it is not known.
    Normal = 3,
}

/// A point under the cursor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Index of the point.
    pub point: u32,
    /// Its superpoint, once superpoints are known.
    pub superpoint: Option<u32>,
    /// The instance that owns the point, if there is one.
    pub instance: Option<u32>,
}

/// The state of a frame after a call to draw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The requested frame is on the canvas.
    Wholly,
    /// The canvas does not show the requested frame, or not yet with all points; draw again.
    Partly,
}

/// Diameter of a point, in units of the scan's spacing, unless the user wants another one.
pub const POINT_SIZE: f32 = 2.2;

/// The box that no point is outside of.
pub const UNCLIPPED: Aabb = Aabb {
    min: [f32::MIN; 3],
    max: [f32::MAX; 3],
};

/// All parameters of a frame apart from the points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The camera.
    pub camera: super::camera::Camera,
    /// The source of the points' colors.
    pub paint: Paint,
    /// Part of the scan's own color in another paint, in `0..=1`.
    pub blend: f32,
    /// Diameter of a point in units of the scan's spacing.
    pub point_size: f32,
    /// Instance to outline lightly, or [`NO_INSTANCE`].
    pub hovered: u32,
    /// Instance to outline strongly, or [`NO_INSTANCE`].
    pub selected: u32,
    /// Number of points that a picture may have; 0 for all.
    pub budget: u32,
    /// Draws only every n-th point: as the budget says at rest, more during motion on slow machines.
    pub stride: u32,
    /// If `true`, the surroundings have dark colors.
    pub dark: bool,
    /// If `true`, what is at any depth is equally large.
    pub orthographic: bool,
    /// If `true`, the floor grid is drawn.
    pub grid: bool,
    /// Points outside of this box are not drawn, metres.
    pub clip: Aabb,
    /// Fractions of the width at the right and of the height at the bottom that a panel covers. The
    /// scene is centered in the rest.
    pub covered: Vec2,
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            camera: super::camera::Camera::default(),
            paint: Paint::Scan,
            blend: 0.0,
            point_size: POINT_SIZE,
            hovered: NO_INSTANCE,
            selected: NO_INSTANCE,
            budget: 0,
            stride: 1,
            dark: true,
            orthographic: false,
            grid: true,
            clip: UNCLIPPED,
            covered: Vec2::ZERO,
        }
    }
}

impl Frame {
    /// The transform from world to clip space for a picture of this size.
    pub fn clip_from_world(&self, (width, height): (f32, f32)) -> Mat4 {
        let mut clip_from_world = self.camera.clip_from_world(width / height);
        let shift = Vec3::new(-self.covered.x, self.covered.y, 0.0);
        match self.camera.flat_distance() {
            Some(distance) => {
                clip_from_world.w_axis += (distance * shift).extend(0.0);
                clip_from_world
            }
            None => Mat4::from_translation(shift) * clip_from_world,
        }
    }

    /// The direction from the eye through a place `at` of a picture that is `aspect` times as wide
    /// as it is high, whose corners are at -1 and 1, y up. Its length along the camera's axis is 1.
    pub fn ray(&self, aspect: f32, at: Vec2) -> Vec3 {
        let shift = Vec2::new(self.covered.x, -self.covered.y);
        self.camera.ray(aspect, at + shift)
    }
}
