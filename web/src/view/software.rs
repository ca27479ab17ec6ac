//! Draws the cloud without WebGPU: a z-buffer in wasm memory, copied to a 2D canvas. The picture is
//! that of `wgsl/points.wgsl` and `wgsl/eye_dome.wgsl`.
//!
//! Viewing always works, though more slowly: each call does a few milliseconds of work, so a large
//! cloud at rest takes several calls to appear, and while the camera moves the viewer requests
//! fewer points.

use std::ops::Range;

use glam::{Vec2, Vec3, Vec4};
use segscape::instances::NO_INSTANCE;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::{
    cloud::{Cloud, Drawn, Frame, Look, Paint, pack},
    palette,
    picture::{MAX_GAP, Scene, View},
    seen::{self, Seen, Window},
};
use crate::browser;

/// Time budget of one call, milliseconds, so that the page stays responsive.
const CALL_MS: f64 = 10.0;
/// Number of points, and rows of pixels, between two checks of the clock.
const POINTS_PER_LOOK: usize = 1 << 12;
const ROWS_PER_LOOK: usize = 32;
/// Maximum number of pixels of a picture. Larger canvases are drawn at a lower resolution and
/// scaled up by the browser.
const MAX_PIXELS: f32 = 1.4e6;
/// The constants of `wgsl/eye_dome.wgsl`.
const MAX_STEP: f32 = 1.28;
const ENCLOSED: f32 = 6.0;
const BEHIND: f32 = 1.05;
/// Largest diameter of a point, pixels, and what is done to faded points; `wgsl/points.wgsl` has
/// the same.
const MAX_POINT: f32 = 48.0;
const FADED_DEPTH: f32 = 1e-6;
const FADED_MIX: f32 = 0.75;
/// The directions of a pixel's neighbours, y and x.
const DIRECTIONS: [(isize, isize); 8] = [
    (-1, -1),
    (-1, 0),
    (-1, 1),
    (0, -1),
    (0, 1),
    (1, -1),
    (1, 0),
    (1, 1),
];
/// Without light, a point is black.
const BLACK: u32 = 0xff00_0000;

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
    /// Reversed depth of each pixel: near / metres; 0 without a point. Each row begins and ends with
    /// [`MAX_GAP`] copies of its first and last pixel, so that every pixel has all its neighbours.
    depth: Vec<f32>,
    identity: Vec<Identity>,
    /// The final colors, copied to the canvas.
    shaded: Vec<u32>,
    picture_ms: f32,
    job: Option<Job>,
    /// If `true`, the picture in progress is of data that changed meanwhile.
    stale: bool,
}

/// A picture in progress.
#[derive(Clone, Copy)]
struct Job {
    frame: Frame,
    began: f64,
    /// Number of points in the picture; those that come meanwhile are in the next one.
    points: usize,
    /// Index of the next point to splat.
    point: usize,
    /// Index of the next row to shade.
    row: usize,
}

/// What a pixel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    /// Index of the point.
    point: u32,
    /// The owner whose outline goes around the pixel, or [`NO_INSTANCE`].
    outlined_as: u32,
}

/// Identity of a pixel without a point.
const NOTHING: Identity = Identity {
    point: seen::NOTHING,
    outlined_as: NO_INSTANCE,
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
            stale: false,
        })
    }

    /// Sets the look of each instance and, last, of unowned points.
    pub fn set_looks(&mut self, looks: &[Look]) {
        self.looks = looks.to_vec();
        self.refresh();
    }

    /// Draws another picture after the one in progress, because data other than the frame changed.
    /// The one in progress is finished: who draws while data grow would otherwise see none at all.
    pub fn refresh(&mut self) {
        self.stale = self.job.is_some();
    }

    /// Discards the picture in progress, because its points are gone.
    pub fn begin_anew(&mut self) {
        self.job = None;
        self.stale = false;
    }

    /// Continues to draw for a few milliseconds. A picture in progress is finished even if another
    /// frame is requested meanwhile: while the camera moves, a late picture is better than none.
    pub fn draw(&mut self, cloud: &Cloud, frame: &Frame, size: (u32, u32)) -> Drawn {
        self.resize(size);
        let start = browser::now();
        let in_time = || browser::now() - start < CALL_MS;
        let begun = self.job.take();
        let mut job = begun.unwrap_or_else(|| self.begin(frame, cloud.positions.len(), start));
        let (points, stride) = (job.points, job.frame.stride as usize);
        let size = (self.width as u32, self.height as u32);
        let view = View::new(cloud, &job.frame, size);
        while job.point < points && in_time() {
            let end = (job.point + POINTS_PER_LOOK * stride).min(points);
            let part = (job.point..end).step_by(stride);
            self.splat(cloud, &job.frame, &view, part);
            job.point = end;
        }
        if job.point >= points && job.row == 0 {
            self.extend_depth();
        }
        let scene = Scene::new(cloud, &job.frame, size);
        while job.point >= points && job.row < self.height && in_time() {
            let end = (job.row + ROWS_PER_LOOK).min(self.height);
            self.shade(&scene, job.row..end);
            job.row = end;
        }
        if job.row < self.height {
            self.job = Some(job);
            return Drawn::Partly;
        }
        self.outline(&scene, scene.hovered, scene.spread, scene.hovered_color);
        self.outline(
            &scene,
            scene.selected,
            scene.spread + 1,
            scene.selected_color,
        );
        self.present();
        self.picture_ms = (browser::now() - job.began) as f32;
        let is_stale = std::mem::take(&mut self.stale);
        if job.frame == *frame && !is_stale {
            Drawn::Wholly
        } else {
            Drawn::Partly
        }
    }

    /// Time of the last picture, milliseconds.
    pub fn last_picture_ms(&self) -> f32 {
        self.picture_ms
    }

    fn begin(&mut self, frame: &Frame, points: usize, began: f64) -> Job {
        self.depth.fill(0.0);
        self.identity.fill(NOTHING);
        Job {
            frame: *frame,
            began,
            points,
            point: 0,
            row: 0,
        }
    }

    /// Width and height of the last picture, pixels.
    pub fn picture(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// What a window of the last picture shows.
    pub fn seen(&self, window: Window) -> Seen {
        let (corner, size) = (window.corner, window.size);
        let rows = corner.1..corner.1 + size.1;
        let points = rows.flat_map(|row| {
            let first = row as usize * self.width + corner.0 as usize;
            let row = &self.identity[first..first + size.0 as usize];
            row.iter().map(|identity| identity.point)
        });
        Seen {
            picture: self.picture(),
            window,
            points: points.collect(),
        }
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
            self.depth = vec![0.0; (wanted.0 + 2 * MAX_GAP) * wanted.1];
            self.identity = vec![NOTHING; pixels];
            self.shaded = vec![0; pixels];
            self.canvas.set_width(wanted.0 as u32);
            self.canvas.set_height(wanted.1 as u32);
            self.job = None;
        }
    }

    fn splat(
        &mut self,
        cloud: &Cloud,
        frame: &Frame,
        view: &View,
        points: impl Iterator<Item = usize>,
    ) {
        let near = frame.camera.near();
        for point in points {
            let owner = cloud.owner(point);
            let look = self.looks[(owner as usize).min(self.looks.len() - 1)];
            let position = Vec3::from(cloud.positions[point]);
            let clip: Vec4 = view.clip_from_world * position.extend(1.0);
            if look.shown == Look::HIDDEN || !view.draws(position.into()) || clip.w < near {
                continue;
            }
            let divisor = view.divisor(clip.w);
            let center = (Vec2::new(clip.x, -clip.y) / divisor + Vec2::ONE) * 0.5 * view.viewport;
            let size = (view.point_size * view.pixels_per_metre / divisor)
                .clamp(view.min_pixels, MAX_POINT);
            // A pixel is covered if its middle is.
            let columns = covered(center.x, size, self.width);
            let rows = covered(center.y, size, self.height);
            if columns.is_empty() || rows.is_empty() {
                continue;
            }
            let scan = cloud.colors.get(point).copied();
            let color = match frame.paint {
                Paint::Owner => scan.map_or(look.color, |scan| lit(look.color, scan)),
                Paint::Height => pack(palette::ramp(
                    (position.z - view.height_low) / view.height_span,
                )),
                Paint::Scan => scan.unwrap_or(look.color),
                Paint::Normal => {
                    let normal = cloud.normals.get(point).copied();
                    normal.or(scan).unwrap_or(BLACK)
                }
            };
            let color = match scan {
                Some(scan) if view.blend > 0.0 => mixed(color, scan, view.blend),
                _ => color,
            };
            let (color, nearness) = if look.shown == Look::FADED {
                (mixed(color, view.background, FADED_MIX), near * FADED_DEPTH)
            } else {
                (color, near)
            };
            let identity = Identity {
                point: point as u32,
                outlined_as: match look.outlined_as {
                    NO_INSTANCE => owner,
                    other => other,
                },
            };
            // Smaller points stay square, since as circles they would miss every pixel center.
            let reach = if size > 3.0 {
                (size / 2.0).powi(2)
            } else {
                f32::INFINITY
            };
            let depth = nearness / clip.w;
            for row in rows {
                let dy = (row as f32 + 0.5 - center.y).powi(2);
                for column in columns.clone() {
                    if (column as f32 + 0.5 - center.x).powi(2) + dy > reach {
                        continue;
                    }
                    let (at, depth_at) = (row * self.width + column, self.depth_at(row, column));
                    if depth > self.depth[depth_at] {
                        self.depth[depth_at] = depth;
                        self.color[at] = color;
                        self.identity[at] = identity;
                    }
                }
            }
        }
    }

    /// Completes the rows of depths, once all points are there.
    fn extend_depth(&mut self) {
        let last = MAX_GAP + self.width - 1;
        for row in self.depth.chunks_exact_mut(self.width + 2 * MAX_GAP) {
            let (first_depth, last_depth) = (row[MAX_GAP], row[last]);
            row[..MAX_GAP].fill(first_depth);
            row[last + 1..].fill(last_depth);
        }
    }

    /// Index of a pixel's depth.
    fn depth_at(&self, row: usize, column: usize) -> usize {
        row * (self.width + 2 * MAX_GAP) + MAX_GAP + column
    }

    /// The depths of the neighbours of each pixel of a row, on a circle.
    fn neighbors(&self, row: usize, radius: i32) -> [&[f32]; 8] {
        DIRECTIONS.map(|direction| {
            let (y, x) = offset(direction, radius);
            let row = row.saturating_add_signed(y).min(self.height - 1);
            let first = self.depth_at(row, 0).strict_add_signed(x);
            &self.depth[first..first + self.width]
        })
    }

    /// Index of a pixel's neighbour. One outside the picture is moved to its border.
    fn neighbor(&self, row: usize, column: usize, (y, x): (isize, isize)) -> usize {
        let row = row.saturating_add_signed(y).min(self.height - 1);
        row * self.width + column.saturating_add_signed(x).min(self.width - 1)
    }

    /// Eye-dome lighting, closed gaps and the floor grid.
    fn shade(&mut self, scene: &Scene, rows: Range<usize>) {
        // Both are computed for whole rows, several pixels at a time.
        let (mut steps, mut in_front) = (vec![0.0; self.width], vec![0.0; self.width]);
        for row in rows {
            let first = self.depth_at(row, 0);
            let depths = &self.depth[first..first + self.width];
            steps.fill(1.0);
            for neighbors in self.neighbors(row, scene.spread) {
                for ((step, neighbor), here) in steps.iter_mut().zip(neighbors).zip(depths) {
                    *step *= (neighbor / here).clamp(1.0, MAX_STEP);
                }
            }
            in_front.fill(0.0);
            let (near, far) = (
                self.neighbors(row, scene.gap / 2),
                self.neighbors(row, scene.gap),
            );
            for (near, far) in near.into_iter().zip(far) {
                let pairs = near.iter().zip(far);
                for ((count, (near, far)), here) in in_front.iter_mut().zip(pairs).zip(depths) {
                    let nearest = if near > far { near } else { far };
                    *count += if *nearest > here * BEHIND { 1.0 } else { 0.0 };
                }
            }
            for column in 0..self.width {
                let at = row * self.width + column;
                self.shaded[at] = if in_front[column] >= ENCLOSED {
                    self.surface(scene, row, column)
                } else if self.depth[first + column] == 0.0 {
                    let position = Vec2::new(column as f32 + 0.5, row as f32 + 0.5);
                    let cover = grid_cover(scene, position);
                    mixed(scene.background, scene.grid, cover)
                } else {
                    mixed(BLACK, self.color[at], 1.0 / steps[column])
                };
            }
        }
    }

    /// The mean color of the points around a gap that are in front of it.
    fn surface(&self, scene: &Scene, row: usize, column: usize) -> u32 {
        let behind = self.depth[self.depth_at(row, column)] * BEHIND;
        let depth = |at: usize| self.depth[self.depth_at(at / self.width, at % self.width)];
        let (mut sum, mut count) = ([0; 4], 0);
        for direction in DIRECTIONS {
            let neighbor = [scene.gap / 2, scene.gap]
                .map(|radius| self.neighbor(row, column, offset(direction, radius)))
                .into_iter()
                .find(|neighbor| depth(*neighbor) > behind);
            if let Some(neighbor) = neighbor {
                let color = self.color[neighbor].to_le_bytes();
                sum = std::array::from_fn(|channel| sum[channel] + u32::from(color[channel]));
                count += 1;
            }
        }
        u32::from_le_bytes(sum.map(|sum| ((2 * sum + count) / (2 * count.max(1))) as u8))
    }

    /// Draws the outline of an owner around its border, `width` pixels wide.
    fn outline(&mut self, scene: &Scene, wanted: u32, width: i32, color: u32) {
        if wanted == NO_INSTANCE {
            return;
        }
        let disk: Vec<(isize, isize)> = (-width..=width)
            .flat_map(|y| (-width..=width).map(move |x| (y, x)))
            .filter(|(y, x)| x * x + y * y <= width * width + 1)
            .map(|(y, x)| (y as isize, x as isize))
            .collect();
        for row in 0..self.height {
            for column in 0..self.width {
                let is_inside = |direction| {
                    self.identity[self.neighbor(row, column, direction)].outlined_as == wanted
                };
                if self.identity[row * self.width + column].outlined_as != wanted
                    || DIRECTIONS.into_iter().all(is_inside)
                {
                    continue;
                }
                for (y, x) in &disk {
                    let (Some(row), Some(column)) =
                        (row.checked_add_signed(*y), column.checked_add_signed(*x))
                    else {
                        continue;
                    };
                    if row >= self.height || column >= self.width {
                        continue;
                    }
                    let at = row * self.width + column;
                    if self.identity[at].outlined_as != wanted
                        && !self.is_in_gap(scene, row, column, wanted)
                    {
                        self.shaded[at] = color;
                    }
                }
            }
        }
    }

    /// Returns `true` if the pixel lies between points of the owner.
    fn is_in_gap(&self, scene: &Scene, row: usize, column: usize, wanted: u32) -> bool {
        let owned = DIRECTIONS.into_iter().filter(|direction| {
            [scene.gap / 2, scene.gap].into_iter().any(|radius| {
                let neighbor = self.neighbor(row, column, offset(*direction, radius));
                self.identity[neighbor].outlined_as == wanted
            })
        });
        owned.count() as f32 >= ENCLOSED
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

/// The offset to the neighbour in a direction on a circle, y and x, in whole pixels.
fn offset((y, x): (isize, isize), radius: i32) -> (isize, isize) {
    let radius = radius as isize;
    let reach = if y * x == 0 {
        radius
    } else {
        (radius * 181 + 128) / 256
    };
    (y * reach, x * reach)
}

/// The pixels whose middles a point of this size covers along one axis.
fn covered(center: f32, size: f32, pixels: usize) -> Range<usize> {
    // A negative number becomes 0.
    let first = |edge: f32| ((edge - 0.5).ceil() as usize).min(pixels);
    first(center - size / 2.0)..first(center + size / 2.0)
}

/// Coverage of the pixel around `position` by the floor grid, which is seen only from above. It is
/// computed for most pixels of many pictures, hence with few divisions.
fn grid_cover(scene: &Scene, position: Vec2) -> f32 {
    let through = scene.corner + position.x * scene.across + position.y * scene.down;
    let is_flat = scene.flat_distance > 0.0;
    let (from, ray) = if is_flat {
        let beside = scene.flat_distance * (through - scene.forward);
        (scene.eye + beside, scene.forward)
    } else {
        (scene.eye, through)
    };
    if from.z <= 0.0 || ray.z >= 0.0 {
        return 0.0;
    }
    let per_height = 1.0 / ray.z;
    let along = -from.z * per_height;
    let at = from.truncate() + along * ray.truncate();
    let distance = at.length() / scene.reach;
    if distance >= 1.0 {
        return 0.0;
    }
    let t = ((distance - 0.3) * (1.0 / 0.7)).max(0.0);
    let fade = 1.0 - t * t * (3.0 - 2.0 * t);
    let reach = if is_flat { scene.flat_distance } else { along };
    let change = |step: Vec3| reach * (step.truncate() - ray.truncate() * (step.z * per_height));
    let per_pixel = change(scene.across).abs() + change(scene.down).abs();
    let pixels = per_pixel.max(Vec2::splat(1e-6)).recip();
    let both = 1.0 / per_pixel.element_sum().max(1e-6);
    let lines = |spacing: f32, per_spacing: f32| {
        let shifted = at * per_spacing - 0.5;
        let distance = (shifted - shifted.floor() - 0.5).abs() * spacing;
        let cover = Vec2::ONE - (distance * pixels).min(Vec2::ONE);
        cover.max_element() * (spacing * both * (1.0 / 12.0)).min(1.0)
    };
    fade * (0.35 * lines(1.0, 1.0)).max(0.6 * lines(5.0, 0.2))
}

/// Mixes two packed colors: `weight` of the second one.
fn mixed(first: u32, second: u32, weight: f32) -> u32 {
    let weight = (weight * 65536.0) as i32;
    let (first, second) = (first.to_le_bytes(), second.to_le_bytes());
    pack(std::array::from_fn(|channel| {
        let (from, to) = (i32::from(first[channel]), i32::from(second[channel]));
        (from + (((to - from) * weight + 32768) >> 16)) as u8
    }))
}

/// Modulates a flat color by the brightness of the scan, so that shapes stay recognizable.
fn lit(flat: u32, scan: u32) -> u32 {
    let [r, g, b, _] = scan.to_le_bytes().map(f32::from);
    let light = 0.55 + 0.75 * (0.3 * r + 0.59 * g + 0.11 * b) / 255.0;
    pack(std::array::from_fn(|channel| {
        (f32::from(flat.to_le_bytes()[channel]) * light + 0.5) as u8
    }))
}
