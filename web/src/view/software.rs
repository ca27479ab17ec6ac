//! Draws the cloud without WebGPU: a z-buffer in wasm memory, copied to a 2D canvas.
//!
//! Viewing always works, if slower: each call does a few milliseconds of work, so a large cloud at rest takes several
//! calls until it is on screen, and while the camera moves the viewer asks for fewer points.

use glam::Vec4;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::{
    camera::Camera,
    cloud::{Cloud, Frame, Hit, Look, Paint, pack, surroundings},
    palette,
};

/// Points projected in one call.
const POINTS_PER_CALL: usize = 200_000;
/// Pixels of the largest picture; larger canvases are drawn smaller and scaled up by the browser.
const MAX_PIXELS: f32 = 1.4e6;
/// Log depth where nothing was drawn.
const FAR: f32 = 30.0;

/// The picture being drawn.
pub struct SoftwareRenderer {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    looks: Vec<Look>,
    width: usize,
    height: usize,
    /// Pixels of the picture per pixel of the canvas, at most 1.
    scale: f32,
    color: Vec<u32>,
    depth: Vec<f32>,
    identity: Vec<Hit>,
    /// What is being drawn and the next point of it.
    job: Option<(Frame, usize)>,
}

/// Identity of a pixel without a point.
const NOTHING: Hit = Hit { point: u32::MAX, owner: 0 };

impl SoftwareRenderer {
    /// On `canvas`; `None` if the canvas already has another kind of context.
    pub fn new(canvas: HtmlCanvasElement) -> Option<Self> {
        let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
        let looks = vec![Look::shown(palette::UNOWNED)];
        let (color, depth, identity) = (Vec::new(), Vec::new(), Vec::new());
        Some(Self { canvas, context, looks, width: 0, height: 0, scale: 1.0, color, depth, identity, job: None })
    }

    /// How each owner looks from now on; entry 0 is nobody.
    pub fn set_looks(&mut self, looks: &[Look]) {
        self.looks = looks.to_vec();
        self.restart();
    }

    /// Something besides the frame changed: what was drawn so far is worthless.
    pub fn restart(&mut self) {
        self.job = None;
    }

    /// Goes on drawing; true once the picture is on the canvas, else call again.
    pub fn draw(&mut self, cloud: &Cloud, frame: &Frame, size: (u32, u32)) -> bool {
        self.resize(size);
        let next = match self.job {
            Some((drawn, next)) if drawn == *frame => next,
            _ => {
                self.color.fill(0);
                self.depth.fill(f32::INFINITY);
                self.identity.fill(NOTHING);
                0
            }
        };
        let stride = frame.stride as usize;
        let end = (next + POINTS_PER_CALL * stride).min(cloud.positions.len());
        self.splat(cloud, frame, (next..end).step_by(stride));
        self.job = Some((*frame, end));
        let finished = end >= cloud.positions.len();
        if finished {
            self.shade(frame);
            self.present();
            self.job = None;
        }
        finished
    }

    /// What the last picture shows at a canvas pixel, or nearest to it within three pixels.
    pub fn pick(&self, (x, y): (u32, u32)) -> Option<Hit> {
        let (x, y) = ((x as f32 * self.scale) as i32, (y as f32 * self.scale) as i32);
        let window = (-3..=3).flat_map(|dy| (-3..=3).map(move |dx| (dx, dy)));
        window
            .filter_map(|(dx, dy)| {
                let (x, y) = (usize::try_from(x + dx).ok()?, usize::try_from(y + dy).ok()?);
                let hit = (x < self.width && y < self.height).then(|| self.identity[y * self.width + x])?;
                (hit != NOTHING).then_some((dx * dx + dy * dy, hit))
            })
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, hit)| hit)
    }

    fn resize(&mut self, (width, height): (u32, u32)) {
        let scale = (MAX_PIXELS / (width * height) as f32).sqrt().min(1.0);
        let wanted = ((width as f32 * scale) as usize, (height as f32 * scale) as usize);
        if (self.width, self.height) != wanted {
            (self.width, self.height, self.scale) = (wanted.0, wanted.1, scale);
            let pixels = wanted.0 * wanted.1;
            self.color = vec![0; pixels];
            self.depth = vec![f32::INFINITY; pixels];
            self.identity = vec![NOTHING; pixels];
            self.canvas.set_width(wanted.0 as u32);
            self.canvas.set_height(wanted.1 as u32);
            self.job = None;
        }
    }

    fn splat(&mut self, cloud: &Cloud, frame: &Frame, points: impl Iterator<Item = usize>) {
        let (width, height) = (self.width as f32, self.height as f32);
        let clip_from_world = frame.camera.clip_from_world(width / height);
        let pixels_per_metre = Camera::pixels_per_metre(height);
        let point_size = cloud.spacing * frame.point_size * (frame.stride as f32).sqrt();
        let (low, span) = cloud.bounds.map_or((0.0, 1.0), |b| (b.min[2], (b.max[2] - b.min[2]).max(1e-6)));
        let near = frame.camera.near();
        for point in points {
            let owner = cloud.owner_of_point[point];
            let look = self.looks.get(owner as usize).copied().unwrap_or(self.looks[0]);
            let [x, y, z] = cloud.positions[point];
            let clip = clip_from_world * Vec4::new(x, y, z, 1.0);
            if look.shown == 0 || clip.w < near {
                continue;
            }
            let (px, py) = ((clip.x / clip.w + 1.0) * 0.5 * width, (1.0 - clip.y / clip.w) * 0.5 * height);
            let size = (point_size * pixels_per_metre / clip.w).clamp(1.5, 24.0);
            let (left, top) = ((px - size / 2.0).round() as i32, (py - size / 2.0).round() as i32);
            let side = size.round() as i32;
            let (right, bottom) = ((left + side).min(self.width as i32), (top + side).min(self.height as i32));
            if right <= 0 || bottom <= 0 || left >= right || top >= bottom {
                continue;
            }
            let color = match frame.paint {
                Paint::Scan => cloud.colors.get(point).copied().unwrap_or(look.color),
                Paint::Owner => look.color,
                Paint::Height => pack(palette::ramp((z - low) / span)),
            };
            let hit = Hit { point: point as u32, owner };
            for row in top.max(0)..bottom {
                for column in left.max(0)..right {
                    let at = row as usize * self.width + column as usize;
                    if clip.w < self.depth[at] {
                        self.depth[at] = clip.w;
                        self.color[at] = color;
                        self.identity[at] = hit;
                    }
                }
            }
        }
    }

    /// Eye-dome lighting and outlines, as `wgsl/eye_dome.wgsl` with four neighbours and without the grid.
    fn shade(&mut self, frame: &Frame) {
        let width = self.width;
        let background = pack(surroundings(frame.dark).0.map(|c| (c * 255.0) as u8));
        for depth in &mut self.depth {
            *depth = if depth.is_finite() { depth.log2() } else { FAR };
        }
        let last = self.color.len().saturating_sub(width);
        for at in 0..self.color.len() {
            if self.identity[at] == NOTHING {
                self.color[at] = background;
            }
            if at < width || at >= last {
                continue;
            }
            let neighbours = [at - 1, at + 1, at - width, at + width];
            if self.identity[at] != NOTHING {
                let deeper: f32 = neighbours.iter().map(|n| (self.depth[at] - self.depth[*n]).clamp(0.0, 0.4)).sum();
                let light = (256.0 / (1.0 + 1.8 * deeper)) as u32;
                let dim = |shift: u32| (((self.color[at] >> shift & 255) * light) >> 8) << shift;
                self.color[at] = 0xff00_0000 | dim(0) | dim(8) | dim(16);
            }
            let borders = |wanted| wanted != 0 && self.identity[at].owner != wanted && neighbours.iter().any(|n| self.identity[*n].owner == wanted);
            if borders(frame.selected) {
                self.color[at] = pack([255, 184, 26]);
            } else if borders(frame.hovered) {
                self.color[at] = pack([245, 245, 245]);
            }
        }
    }

    fn present(&self) {
        let bytes: &[u8] = bytemuck::cast_slice(&self.color);
        // A canvas too small for one pixel has nothing to present.
        if let Ok(image) = ImageData::new_with_u8_clamped_array_and_sh(Clamped(bytes), self.width as u32, self.height as u32) {
            let _ = self.context.put_image_data(&image, 0.0, 0.0);
        }
    }
}
