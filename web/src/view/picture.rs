//! The parameters of one picture, laid out as the WGSL code declares them. Both renderers read them
//! and compute the picture with the same formulas, so that a browser without WebGPU shows the same
//! picture.

use glam::{Mat4, Vec2, Vec3};

use super::{
    camera::Camera,
    cloud::{Cloud, Frame, pack},
};

/// Height of a picture in pixels per pixel of the distance over which depths are compared: the
/// shading of a picture with more pixels must not become finer.
const HEIGHT_PER_SPREAD: f32 = 700.0;
/// Diameters of a point within which a gap between the points of a surface has points around it.
const GAP: f32 = 1.6;
/// Largest [`Scene::gap`], pixels.
pub const MAX_GAP: usize = 48;

/// `View` of `points.wgsl`: the parameters of the points.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct View {
    /// The transform from world to clip space.
    pub clip_from_world: Mat4,
    /// Size of the picture, pixels.
    pub viewport: Vec2,
    /// Pixels per metre at a distance of one metre.
    pub pixels_per_metre: f32,
    /// Diameter of a point, metres.
    pub point_size: f32,
    /// Least diameter of a point, pixels.
    pub min_pixels: f32,
    /// Lower end of the height ramp, metres.
    pub height_low: f32,
    /// Length of the height ramp, metres.
    pub height_span: f32,
    /// The number of the source of the colors.
    pub paint: u32,
    /// Every `stride`-th point is drawn.
    pub stride: u32,
    /// The distance whose scale holds at every depth, metres; 0 in a perspective picture.
    pub flat_distance: f32,
    /// Color towards which faded points are mixed, packed.
    pub background: u32,
    /// Part of the scan's own color in another paint, in `0..=1`.
    pub blend: f32,
    /// Lower corner of the box outside of which points are not drawn, metres.
    pub clip_low: Vec3,
    between: u32,
    /// Its upper corner, metres.
    pub clip_high: Vec3,
    end: u32,
}

/// `Scene` of `eye_dome.wgsl`: the parameters of shading, outlines and surroundings.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Scene {
    /// Position of the eye relative to the middle of the floor grid, metres.
    pub eye: Vec3,
    /// Distance from the middle at which the grid has faded out, metres.
    pub reach: f32,
    /// Direction from the eye through the upper left corner of the picture.
    pub corner: Vec3,
    /// Distance of the neighbours with which a pixel is compared, pixels.
    pub spread: i32,
    /// Change of the direction by one pixel to the right.
    pub across: Vec3,
    /// Distance within which a gap between the points of a surface has points around it, pixels.
    pub gap: i32,
    /// Change of the direction by one pixel down.
    pub down: Vec3,
    /// Instance to outline lightly, or [`NO_INSTANCE`](segscape::instances::NO_INSTANCE).
    pub hovered: u32,
    /// Instance to outline strongly, or `NO_INSTANCE`.
    pub selected: u32,
    /// Color behind everything, packed like those that follow.
    pub background: u32,
    /// Color of the lines of the floor grid.
    pub grid: u32,
    /// Color of the outline of the hovered instance.
    pub hovered_color: u32,
    /// Color of the outline of the selected instance.
    pub selected_color: u32,
    /// The distance whose scale holds at every depth, metres; 0 in a perspective picture.
    pub flat_distance: f32,
    padding: [u32; 2],
    /// The direction in which the eye looks.
    pub forward: Vec3,
    end: u32,
}

impl View {
    /// `true` if a point at this position is drawn, unless its owner is hidden.
    pub fn draws(&self, position: [f32; 3]) -> bool {
        let position = Vec3::from(position);
        position.cmpge(self.clip_low).all() && position.cmple(self.clip_high).all()
    }

    /// What x and y of a point at this depth are divided by.
    pub fn divisor(&self, depth: f32) -> f32 {
        if self.flat_distance > 0.0 {
            self.flat_distance
        } else {
            depth
        }
    }

    /// The parameters of a picture of this size.
    pub fn new(cloud: &Cloud, frame: &Frame, (width, height): (u32, u32)) -> Self {
        let (width, height) = (width as f32, height as f32);
        let (low, high) = cloud
            .bounds
            .map_or((0.0, 1.0), |bounds| (bounds.min[2], bounds.max[2]));
        // Fewer points are drawn larger, so that surfaces stay closed.
        let thinned = (frame.stride as f32).sqrt();
        Self {
            clip_from_world: frame.clip_from_world((width, height)),
            viewport: Vec2::new(width, height),
            pixels_per_metre: Camera::pixels_per_metre(height),
            point_size: cloud.spacing * frame.point_size * thinned,
            min_pixels: 1.5 * thinned.min(2.0),
            height_low: low,
            height_span: (high - low).max(1e-6),
            paint: frame.paint as u32,
            stride: frame.stride,
            flat_distance: frame.camera.flat_distance().unwrap_or(0.0),
            background: pack(Colors::of(frame.dark).background),
            blend: frame.blend,
            clip_low: frame.clip.min.into(),
            between: 0,
            clip_high: frame.clip.max.into(),
            end: 0,
        }
    }
}

impl Scene {
    /// The parameters of a picture of this size.
    pub fn new(cloud: &Cloud, frame: &Frame, (width, height): (u32, u32)) -> Self {
        let (width, height) = (width as f32, height as f32);
        let (low, high) = cloud.bounds.map_or((Vec3::ZERO, Vec3::ONE), |bounds| {
            (Vec3::from(bounds.min), Vec3::from(bounds.max))
        });
        // On whole metres, so that the lines are, too.
        let middle = ((low + high) / 2.0).truncate().round().extend(low.z);
        let ray = |x, y| frame.ray(width / height, Vec2::new(x, y));
        let corner = ray(-1.0, 1.0);
        let point_pixels = cloud.spacing * frame.point_size * Camera::pixels_per_metre(height)
            / frame.camera.distance;
        let colors = Colors::of(frame.dark);
        Self {
            eye: frame.camera.eye() - middle,
            reach: (high - low).truncate().length().max(4.0) * 1.2,
            corner,
            spread: (height / HEIGHT_PER_SPREAD).clamp(1.0, 3.0).round() as i32,
            across: (ray(1.0, 1.0) - corner) / width,
            gap: (GAP * point_pixels).clamp(2.0, MAX_GAP as f32).round() as i32,
            down: (ray(-1.0, -1.0) - corner) / height,
            hovered: frame.hovered,
            selected: frame.selected,
            background: pack(colors.background),
            grid: pack(if frame.grid {
                colors.grid
            } else {
                colors.background
            }),
            hovered_color: pack(colors.hovered),
            selected_color: pack(colors.selected),
            flat_distance: frame.camera.flat_distance().unwrap_or(0.0),
            padding: [0; 2],
            forward: frame.camera.forward(),
            end: 0,
        }
    }
}

/// The colors around the points, sRGB. `static/style.css` has the same background, text and
/// selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colors {
    /// Behind everything.
    pub background: [u8; 3],
    /// The lines of the floor grid.
    pub grid: [u8; 3],
    /// The outline of the hovered instance; also the color of text.
    pub hovered: [u8; 3],
    /// The outline of the selected instance.
    pub selected: [u8; 3],
}

impl Colors {
    /// The colors on a dark or a light page.
    pub fn of(dark: bool) -> Self {
        if dark {
            Self {
                background: [16, 18, 22],
                grid: [77, 84, 97],
                hovered: [236, 238, 242],
                selected: [255, 184, 26],
            }
        } else {
            Self {
                background: [241, 242, 244],
                grid: [158, 166, 179],
                hovered: [23, 26, 33],
                selected: [154, 91, 0],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec4;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn a_ray_goes_through_the_pixel_that_shows_its_points() {
        for orthographic in [None, Some(20.0)] {
            let frame = Frame {
                camera: Camera {
                    target: Vec3::new(1.0, -2.0, 0.5),
                    distance: 3.0,
                    yaw: 4.0,
                    pitch: 0.4,
                    orthographic,
                },
                covered: Vec2::new(0.25, 0.1),
                ..Frame::default()
            };
            let (cloud, size) = (Cloud::default(), (600, 400));
            let (scene, view) = (
                Scene::new(&cloud, &frame, size),
                View::new(&cloud, &frame, size),
            );
            let pixel = Vec2::new(123.0, 321.0);
            let through = scene.corner + pixel.x * scene.across + pixel.y * scene.down;
            let eye = frame.camera.eye();
            let (from, ray) = match frame.camera.flat_distance() {
                Some(distance) => (eye + (through - scene.forward) * distance, scene.forward),
                None => (eye, through),
            };
            for along in [0.5, 7.0] {
                let clip: Vec4 = view.clip_from_world * (from + along * ray).extend(1.0);
                let divisor = view.divisor(clip.w);
                let seen = Vec2::new(
                    (clip.x / divisor + 1.0) * 300.0,
                    (1.0 - clip.y / divisor) * 200.0,
                );
                assert!(seen.distance(pixel) < 0.01, "{seen}");
            }
        }
    }
}
