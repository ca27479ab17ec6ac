//! Draws the cloud without WebGPU: a z-buffer in wasm memory, copied to a 2D canvas.
//!
//! Viewing always works, though more slowly: each call does a few milliseconds of work, so a large
//! cloud at rest takes several calls to appear, and while the camera moves the viewer requests
//! fewer points.

use std::ops::Range;

use glam::Vec4;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::{
    camera::Camera,
    cloud::{Cloud, Drawn, Frame, Hit, Look, Paint, pack, surroundings},
    palette,
};
use crate::browser;

/// Time budget of one call, milliseconds, so that the page stays responsive.
const CALL_MS: f64 = 10.0;
/// Number of points, and rows of pixels, between two checks of the clock.
const POINTS_PER_LOOK: usize = 1 << 14;
const ROWS_PER_LOOK: usize = 32;
/// Maximum number of pixels of a picture. Larger canvases are drawn at a lower resolution and
/// scaled up by the browser.
const MAX_PIXELS: f32 = 1.4e6;
/// Colors of the outlines; `wgsl/eye_dome.wgsl` has the same.
const SELECTED: [u8; 3] = [255, 184, 26];
const HOVERED: [u8; 3] = [245, 245, 245];

/// The software renderer with the picture in progress.
pub struct SoftwareRenderer {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    looks: Vec<Look>,
    width: usize,
    height: usize,
    /// Pixels of the picture per pixel of the canvas, at most 1.
    scale: f32,
    color: Vec<u32>,
    /// Depth of each pixel, metres.
    depth: Vec<f32>,
    identity: Vec<Hit>,
    /// The final colors, copied to the canvas.
    shaded: Vec<u32>,
    picture_ms: f32,
    job: Option<Job>,
}

/// A picture in progress.
#[derive(Clone, Copy)]
struct Job {
    frame: Frame,
    began: f64,
    /// Index of the next point to splat.
    point: usize,
    /// Index of the next row to shade.
    row: usize,
}

/// Identity of a pixel without a point.
const NOTHING: Hit = Hit {
    point: u32::MAX,
    owner: 0,
};

impl SoftwareRenderer {
    /// Creates a renderer for `canvas`. Returns `None` if the canvas already has another kind of
    /// context.
    pub fn new(canvas: HtmlCanvasElement) -> Option<Self> {
        let context = canvas
            .get_context("2d")
            .ok()??
            .dyn_into::<CanvasRenderingContext2d>()
            .ok()?;
        let looks = vec![Look::shown(palette::UNOWNED)];
        Some(Self {
            canvas,
            context,
            looks,
            width: 0,
            height: 0,
            scale: 1.0,
            color: Vec::new(),
            depth: Vec::new(),
            identity: Vec::new(),
            shaded: Vec::new(),
            picture_ms: 0.0,
            job: None,
        })
    }

    /// Sets the look of each owner. Entry 0 is for unowned points.
    pub fn set_looks(&mut self, looks: &[Look]) {
        self.looks = looks.to_vec();
        self.restart();
    }

    /// Discards the picture in progress, because data other than the frame changed.
    pub fn restart(&mut self) {
        self.job = None;
    }

    /// Continues to draw for a few milliseconds. A picture in progress is finished even if another
    /// frame is requested meanwhile: while the camera moves, a late picture is better than none.
    pub fn draw(&mut self, cloud: &Cloud, frame: &Frame, size: (u32, u32)) -> Drawn {
        self.resize(size);
        let start = browser::now();
        let in_time = || browser::now() - start < CALL_MS;
        let mut job = self.job.take().unwrap_or_else(|| self.begin(frame, start));
        let (points, stride) = (cloud.positions.len(), job.frame.stride as usize);
        while job.point < points && in_time() {
            let end = (job.point + POINTS_PER_LOOK * stride).min(points);
            self.splat(cloud, &job.frame, (job.point..end).step_by(stride));
            job.point = end;
        }
        while job.point >= points && job.row < self.height && in_time() {
            let end = (job.row + ROWS_PER_LOOK).min(self.height);
            self.shade(&job.frame, job.row..end);
            job.row = end;
        }
        if job.row < self.height {
            self.job = Some(job);
            return Drawn::Partly;
        }
        self.present();
        self.picture_ms = (browser::now() - job.began) as f32;
        if job.frame == *frame {
            Drawn::Wholly
        } else {
            Drawn::Partly
        }
    }

    /// Time of the last picture, milliseconds.
    pub fn last_picture_ms(&self) -> f32 {
        self.picture_ms
    }

    fn begin(&mut self, frame: &Frame, began: f64) -> Job {
        self.depth.fill(f32::INFINITY);
        self.identity.fill(NOTHING);
        Job {
            frame: *frame,
            began,
            point: 0,
            row: 0,
        }
    }

    /// The point that the last picture shows at a canvas pixel, or the nearest one within three
    /// pixels.
    pub fn pick(&self, (x, y): (u32, u32)) -> Option<Hit> {
        let (x, y) = (
            (x as f32 * self.scale) as i32,
            (y as f32 * self.scale) as i32,
        );
        let window = (-3..=3).flat_map(|dy| (-3..=3).map(move |dx| (dx, dy)));
        window
            .filter_map(|(dx, dy)| {
                let (x, y) = (usize::try_from(x + dx).ok()?, usize::try_from(y + dy).ok()?);
                let hit = (x < self.width && y < self.height)
                    .then(|| self.identity[y * self.width + x])?;
                (hit != NOTHING).then_some((dx * dx + dy * dy, hit))
            })
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, hit)| hit)
    }

    fn resize(&mut self, (width, height): (u32, u32)) {
        let scale = (MAX_PIXELS / (width * height) as f32).sqrt().min(1.0);
        let wanted = (
            (width as f32 * scale) as usize,
            (height as f32 * scale) as usize,
        );
        if (self.width, self.height) != wanted {
            (self.width, self.height, self.scale) = (wanted.0, wanted.1, scale);
            let pixels = wanted.0 * wanted.1;
            self.color = vec![0; pixels];
            self.depth = vec![f32::INFINITY; pixels];
            self.identity = vec![NOTHING; pixels];
            self.shaded = vec![0; pixels];
            self.canvas.set_width(wanted.0 as u32);
            self.canvas.set_height(wanted.1 as u32);
            self.job = None;
        }
    }

    fn splat(&mut self, cloud: &Cloud, frame: &Frame, points: impl Iterator<Item = usize>) {
        let (width, height) = (self.width as f32, self.height as f32);
        let clip_from_world = frame.clip_from_world((width, height));
        let pixels_per_metre = Camera::pixels_per_metre(height);
        let point_size = cloud.spacing * frame.point_size * (frame.stride as f32).sqrt();
        let (low, span) = cloud
            .bounds
            .map_or((0.0, 1.0), |b| (b.min[2], (b.max[2] - b.min[2]).max(1e-6)));
        let near = frame.camera.near();
        for point in points {
            let owner = cloud.owner_of_point[point];
            let look = self
                .looks
                .get(owner as usize)
                .copied()
                .unwrap_or(self.looks[0]);
            let [x, y, z] = cloud.positions[point];
            let clip = clip_from_world * Vec4::new(x, y, z, 1.0);
            if look.shown == 0 || clip.w < near {
                continue;
            }
            let (px, py) = (
                (clip.x / clip.w + 1.0) * 0.5 * width,
                (1.0 - clip.y / clip.w) * 0.5 * height,
            );
            let size = (point_size * pixels_per_metre / clip.w).clamp(1.5, 24.0);
            let (left, top) = (
                (px - size / 2.0).round() as i32,
                (py - size / 2.0).round() as i32,
            );
            let side = size.round() as i32;
            let (right, bottom) = (
                (left + side).min(self.width as i32),
                (top + side).min(self.height as i32),
            );
            if right <= 0 || bottom <= 0 || left >= right || top >= bottom {
                continue;
            }
            let color = match frame.paint {
                Paint::Scan => cloud.colors.get(point).copied().unwrap_or(look.color),
                Paint::Owner => cloud
                    .colors
                    .get(point)
                    .map_or(look.color, |scan| lit(look.color, *scan)),
                Paint::Height => pack(palette::ramp((z - low) / span)),
            };
            let hit = Hit {
                point: point as u32,
                owner,
            };
            // Small points stay square, as in `wgsl/points.wgsl`.
            let reach = if size > 4.0 {
                (size / 2.0).powi(2)
            } else {
                f32::INFINITY
            };
            for row in top.max(0)..bottom {
                let dy = (row as f32 + 0.5 - py).powi(2);
                for column in left.max(0)..right {
                    if (column as f32 + 0.5 - px).powi(2) + dy > reach {
                        continue;
                    }
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

    /// Eye-dome lighting and outlines as in `wgsl/eye_dome.wgsl`, with four neighbours and without
    /// the grid.
    fn shade(&mut self, frame: &Frame, rows: Range<usize>) {
        let background = pack(surroundings(frame.dark).0.map(|c| (c * 255.0) as u8));
        let last = self.color.len() - 1;
        for at in rows.start * self.width..rows.end * self.width {
            // Beyond the border of the picture, the pixel itself is used as its neighbour.
            let column = at % self.width;
            let neighbors = [
                (column > 0).then(|| at - 1),
                (column + 1 < self.width).then_some(at + 1),
                at.checked_sub(self.width),
                Some(at + self.width).filter(|below| *below <= last),
            ]
            .map(|neighbor| neighbor.unwrap_or(at));
            let here = self.identity[at];
            self.shaded[at] = background;
            if here != NOTHING {
                let depth = self.depth[at];
                // The relative depth replaces the logarithm: it is equal for small steps and
                // cheaper.
                let deeper: f32 = neighbors
                    .iter()
                    .map(|n| (1.0 - self.depth[*n] / depth).clamp(0.0, 0.3))
                    .sum();
                let light = (256.0 / (1.0 + 2.6 * deeper)) as u32;
                let dim = |shift: u32| (((self.color[at] >> shift & 255) * light) >> 8) << shift;
                self.shaded[at] = 0xff00_0000 | dim(0) | dim(8) | dim(16);
            }
            let borders = |wanted| {
                wanted != 0
                    && here.owner != wanted
                    && neighbors.iter().any(|n| self.identity[*n].owner == wanted)
            };
            if borders(frame.selected) {
                self.shaded[at] = pack(SELECTED);
            } else if borders(frame.hovered) {
                self.shaded[at] = pack(HOVERED);
            }
        }
    }

    fn present(&self) {
        let bytes: &[u8] = bytemuck::cast_slice(&self.shaded);
        // This fails only for a canvas too small for one pixel, which has nothing to present.
        if let Ok(image) = ImageData::new_with_u8_clamped_array_and_sh(
            Clamped(bytes),
            self.width as u32,
            self.height as u32,
        ) {
            let _ = self.context.put_image_data(&image, 0.0, 0.0);
        }
    }
}

/// Modulates a flat color by the brightness of the scan, so that shapes stay recognizable.
/// `wgsl/points.wgsl` does the same.
fn lit(flat: u32, scan: u32) -> u32 {
    let [r, g, b, _] = scan.to_le_bytes().map(u32::from);
    // A factor from 0.55 to 1.3, in units of 1/256.
    let light = 141 + (r * 77 + g * 151 + b * 28) * 3 / 1024;
    pack(std::array::from_fn(|channel| {
        (u32::from(flat.to_le_bytes()[channel]) * light / 256).min(255) as u8
    }))
}
