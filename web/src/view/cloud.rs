//! What there is to draw: the points, who owns each, and how each owner looks.

use glam::{Mat4, Vec2, Vec3};
use segscape::instances::Aabb;

/// The points of the open scene, world frame.
#[derive(Debug, Default)]
pub struct Cloud {
    /// (points) metres, z up.
    pub positions: Vec<[f32; 3]>,
    /// (points) packed `0xAABBGGRR` sRGB; empty for a scan without colour.
    pub colors: Vec<u32>,
    /// (points) index into the looks: 0 is nobody, instance `i` is `i + 1`.
    pub owner_of_point: Vec<u32>,
    /// The box of nearly all points.
    pub bounds: Option<Aabb>,
    /// Distance between neighbouring points, metres.
    pub spacing: f32,
}

/// How the points of one owner are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Look {
    /// Packed `0xAABBGGRR` sRGB.
    pub color: u32,
    /// 1 if its points are drawn, else 0.
    pub shown: u32,
}

impl Look {
    /// Drawn in this colour.
    pub fn shown(color: [u8; 3]) -> Self {
        Self {
            color: pack(color),
            shown: 1,
        }
    }
}

/// `0xAABBGGRR`, opaque.
pub fn pack([r, g, b]: [u8; 3]) -> u32 {
    u32::from_le_bytes([r, g, b, 255])
}

/// Which colour a point is drawn in; the numbers are those of `wgsl/points.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Paint {
    /// The scan's own colour.
    #[default]
    Scan = 0,
    /// The look of its owner.
    Owner = 1,
    /// Its height, by the ramp.
    Height = 2,
}

/// A point under the cursor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its index.
    pub point: u32,
    /// Its owner: 0 is nobody, instance `i` is `i + 1`.
    pub owner: u32,
}

/// How far a picture has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The wanted frame is on the canvas.
    Wholly,
    /// Ask again.
    Partly,
}

/// Everything but the points that one picture depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Where it is seen from.
    pub camera: super::camera::Camera,
    /// Which colours.
    pub paint: Paint,
    /// Diameter of a point in units of the scan's spacing.
    pub point_size: f32,
    /// Owner to outline lightly; 0 for none.
    pub hovered: u32,
    /// Owner to outline strongly; 0 for none.
    pub selected: u32,
    /// Draw every n-th point only: 1 at rest, more while moving on slow machines.
    pub stride: u32,
    /// Colours of the surroundings.
    pub dark: bool,
    /// Shares of the width at the right and of the height at the bottom that a panel covers: the
    /// scene stands in the middle of the rest.
    pub covered: Vec2,
}

impl Frame {
    /// World to clip space of a picture of this size.
    pub fn clip_from_world(&self, (width, height): (f32, f32)) -> Mat4 {
        Mat4::from_translation(Vec3::new(-self.covered.x, self.covered.y, 0.0))
            * self.camera.clip_from_world(width / height)
    }
}

/// Background and floor grid, sRGB in 0..=1, for a dark or a light page; `static/style.css` has the
/// same backgrounds.
pub fn surroundings(dark: bool) -> ([f32; 3], [f32; 3]) {
    if dark {
        ([0.063, 0.071, 0.086], [0.30, 0.33, 0.38])
    } else {
        ([0.945, 0.949, 0.957], [0.62, 0.65, 0.70])
    }
}
