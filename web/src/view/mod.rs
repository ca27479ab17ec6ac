//! The 3D view: owns the cloud, the camera and a renderer, and draws only after a change.

use std::{cell::RefCell, rc::Rc};

use glam::{Vec2, Vec3};
use segscape::{
    geometry::Aabb,
    instances::{Extents, NO_INSTANCE},
};
use web_sys::{HtmlCanvasElement, HtmlElement};

use self::{
    camera::{Camera, Side},
    cloud::{Cloud, Drawn, Frame, Look},
    flight::Flight,
    flying::Flying,
    frusta::Frusta,
    overlay::{Overlay, cube::Cube, guides::Guides},
    screenshot::Taken,
    turntable::Turntable,
};
pub use renderer::{PictureCost, Renderer, renderer_for};

use crate::browser;

pub mod camera;
pub mod cloud;
mod flight;
pub mod flying;
pub mod frusta;
pub mod gpu;
mod lasso;
pub mod navigate;
pub mod overlay;
pub mod palette;
mod picking;
pub mod picture;
mod projection;
mod renderer;
pub mod screenshot;
mod seen;
pub mod software;
mod surface;
mod turntable;

/// Time after the last input during which the camera counts as moving, milliseconds.
const SETTLE_MS: f64 = 160.0;
/// Least edge length of a box that the camera flies to, in units of the scan's spacing.
const SHARP: f32 = 80.0;
/// Target for the duration of a frame while the camera moves, milliseconds: 30 frames a second.
const MOVING_MS: f32 = 33.0;

struct Inner {
    canvas: Option<HtmlCanvasElement>,
    renderer: Option<Renderer>,
    cloud: Cloud,
    looks: Vec<Look>,
    frame: Frame,
    frusta: Frusta,
    overlay: Overlay,
    guides: Guides,
    cube: Cube,
    flying: Flying,
    turntable: Turntable,
    photographs: Vec<Taken>,
    flight: Option<Flight>,
    /// The box that the camera was framed for; `None` once the user moved it.
    framed: Option<Aabb>,
    moved_at: f64,
    /// Number of points that a frame may have while the camera moves.
    moving_points: f32,
    dirty: bool,
    scheduled: bool,
    on_lost: Option<Rc<dyn Fn()>>,
    on_rest: Option<Rc<dyn Fn()>>,
}

/// A handle to the 3D view; clones share it.
#[derive(Clone)]
pub struct Viewer(Rc<RefCell<Inner>>);

impl Default for Viewer {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(Inner {
            canvas: None,
            renderer: None,
            cloud: Cloud::default(),
            looks: vec![Look::shown(palette::UNOWNED)],
            frame: Frame::default(),
            frusta: Frusta::default(),
            overlay: Overlay::default(),
            guides: Guides::default(),
            cube: Cube::default(),
            flying: Flying::default(),
            turntable: Turntable::default(),
            photographs: Vec::new(),
            flight: None,
            framed: None,
            moved_at: 0.0,
            moving_points: 0.0,
            dirty: true,
            scheduled: false,
            on_lost: None,
            on_rest: None,
        })))
    }
}

impl Viewer {
    /// Draws on this canvas from now on. `on_lost` is called when the device is lost.
    pub fn attach(
        &self,
        canvas: HtmlCanvasElement,
        renderer: Renderer,
        on_lost: impl Fn() + 'static,
    ) {
        if let Renderer::Gpu(gpu) = &renderer {
            let viewer = self.clone();
            gpu.on_lost(move || viewer.invalidate());
        }
        let mut inner = self.0.borrow_mut();
        let looks = inner.looks.clone();
        inner.moving_points = if matches!(renderer, Renderer::Gpu(_)) {
            1e6
        } else {
            1.5e5
        };
        let is_first = inner.canvas.replace(canvas).is_none();
        if let Some(bounds) = inner.framed.filter(|_| is_first) {
            // Its scan came before the canvas, and was framed for none.
            inner.frame.camera = inner.framing(inner.frame.camera, bounds);
        }
        inner.renderer = Some(renderer);
        inner.on_lost = Some(Rc::new(on_lost));
        inner.apply_looks(&looks);
        inner.apply_owners();
        drop(inner);
        self.invalidate();
    }

    /// Replaces the cloud and frames all of it.
    pub fn show(&self, cloud: Cloud) {
        self.replace(cloud);
        let mut inner = self.0.borrow_mut();
        inner.framed = inner.cloud.bounds;
        if let Some(bounds) = inner.cloud.bounds {
            inner.flight = None;
            inner.frame.camera = inner.framing(Camera::default(), bounds);
        }
    }

    /// Replaces the cloud and leaves the camera where it is.
    pub fn replace(&self, cloud: Cloud) {
        let mut inner = self.0.borrow_mut();
        inner.cloud = cloud;
        inner.frame.hovered = NO_INSTANCE;
        inner.frame.selected = NO_INSTANCE;
        inner.looks = vec![Look::shown(palette::UNOWNED)];
        let looks = inner.looks.clone();
        inner.apply_looks(&looks);
        inner.apply_owners();
        if let Some(Renderer::Gpu(gpu)) = &mut inner.renderer {
            gpu.clear();
        }
        if let Some(Renderer::Software(software)) = &mut inner.renderer {
            software.begin_anew();
        }
        drop(inner);
        self.invalidate();
    }

    /// Adds points and their superpoints, of which there are so many now. The superpoints may be
    /// those of all points, if these had none so far. `spacing` is that of all points, if it is known
    /// anew. The camera keeps all points in sight as long as the user leaves it alone.
    pub fn grow(
        &self,
        positions: &[[f32; 3]],
        colors: &[u32],
        superpoint_of_point: &[u32],
        superpoints: usize,
        spacing: Option<f32>,
    ) {
        let mut inner = self.0.borrow_mut();
        let Inner {
            renderer, cloud, ..
        } = &mut *inner;
        let had_superpoints = cloud.superpoint_of_point.len() == cloud.positions.len();
        cloud.positions.extend(positions);
        cloud.colors.extend(colors);
        cloud.superpoint_of_point.extend(superpoint_of_point);
        cloud.spacing = spacing.unwrap_or(cloud.spacing);
        let owners = superpoints.max(cloud.owner_of_superpoint.len());
        cloud.owner_of_superpoint.resize(owners, NO_INSTANCE);
        let all = cloud.bounds.unwrap_or(Aabb::EMPTY);
        let all = positions.iter().fold(all, |all, point| all.with(*point));
        cloud.bounds = Some(all);
        if let Some(Renderer::Gpu(gpu)) = renderer {
            gpu.grow();
            if !had_superpoints {
                gpu.set_superpoints(cloud);
            }
        }
        inner.apply_owners();
        let to = inner.framed.filter(|framed| outgrown(framed, &all));
        let to = to.map(|_| inner.framing(inner.frame.camera, all));
        if to.is_some() {
            inner.framed = Some(all);
        }
        drop(inner);
        match to {
            Some(to) => self.fly_to(to),
            None => self.invalidate(),
        }
    }

    /// Sets the superpoint of each point, shape `(points)`. The superpoints have no owners so far.
    pub fn set_superpoints(&self, superpoint_of_point: Vec<u32>) {
        let mut inner = self.0.borrow_mut();
        let count = superpoint_of_point.iter().max().map_or(0, |last| last + 1);
        inner.cloud.owner_of_superpoint = vec![NO_INSTANCE; count as usize];
        inner.cloud.superpoint_of_point = superpoint_of_point;
        inner.apply_owners();
        let Inner {
            renderer, cloud, ..
        } = &mut *inner;
        if let Some(Renderer::Gpu(gpu)) = renderer {
            gpu.set_superpoints(cloud);
        }
        drop(inner);
        self.invalidate();
    }

    /// Sets the directions of the surfaces as packed colors, shape `(points)`. Those of other points,
    /// which are no longer on screen, are dropped.
    pub fn set_normals(&self, normals: Vec<u32>) {
        let mut inner = self.0.borrow_mut();
        if normals.len() != inner.cloud.positions.len() {
            return;
        }
        inner.cloud.normals = normals;
        match &mut inner.renderer {
            Some(Renderer::Gpu(gpu)) => gpu.clear(),
            Some(Renderer::Software(software)) => software.refresh(),
            None => {}
        }
        drop(inner);
        self.invalidate();
    }

    /// `true` if the directions of the surfaces are known.
    pub fn has_normals(&self) -> bool {
        !self.0.borrow().cloud.normals.is_empty()
    }

    /// Number of points.
    pub fn points(&self) -> usize {
        self.0.borrow().cloud.positions.len()
    }

    /// What the last picture cost; `None` before there is a renderer.
    pub fn cost(&self) -> Option<PictureCost> {
        let inner = self.0.borrow();
        let points = inner.cloud.positions.len();
        Some(inner.renderer.as_ref()?.cost(points, inner.frame.stride))
    }

    /// Length of the diagonal of the box around nearly all points, metres.
    pub fn diagonal(&self) -> f32 {
        self.0.borrow().diagonal()
    }

    /// The box around nearly all points.
    pub fn bounds(&self) -> Option<Aabb> {
        self.0.borrow().cloud.bounds
    }

    /// Numbers of points and boxes of the superpoints.
    pub fn extents(&self) -> Extents {
        let cloud = &self.0.borrow().cloud;
        Extents::new(&cloud.positions, &cloud.superpoint_of_point)
    }

    /// Number of superpoints.
    pub fn superpoints(&self) -> usize {
        self.0.borrow().cloud.owner_of_superpoint.len()
    }

    /// Sets the owner of each superpoint, shape `(superpoints)`.
    pub fn set_owners(&self, owner_of_superpoint: Vec<u32>) {
        let mut inner = self.0.borrow_mut();
        if inner.cloud.owner_of_superpoint != owner_of_superpoint {
            inner.cloud.owner_of_superpoint = owner_of_superpoint;
            inner.apply_owners();
            drop(inner);
            self.invalidate();
        }
    }

    /// Sets the look of each instance and, last, of unowned points.
    pub fn set_looks(&self, looks: Vec<Look>) {
        let mut inner = self.0.borrow_mut();
        if inner.looks != looks {
            inner.apply_looks(&looks);
            inner.looks = looks;
            drop(inner);
            self.invalidate();
        }
    }

    /// Changes any other parameter of the frame.
    pub fn update(&self, change: impl FnOnce(&mut Frame)) {
        let mut inner = self.0.borrow_mut();
        let before = inner.frame;
        change(&mut inner.frame);
        let changed = inner.frame != before;
        drop(inner);
        if changed {
            self.invalidate();
        }
    }

    /// Moves the camera in response to user input and ends a flight.
    pub fn steer(&self, change: impl FnOnce(&mut Camera)) {
        {
            let mut inner = self.0.borrow_mut();
            inner.flight = None;
            inner.framed = None;
            inner.moved_at = browser::now();
        }
        self.update(|frame| change(&mut frame.camera));
    }

    /// Calls `at_rest` whenever a picture is complete and the camera does not move.
    pub fn on_rest(&self, at_rest: impl Fn() + 'static) {
        self.0.borrow_mut().on_rest = Some(Rc::new(at_rest));
    }

    /// `true` if the picture is complete and the camera does not move.
    pub fn is_at_rest(&self) -> bool {
        !self.0.borrow().dirty
    }

    /// The current camera.
    pub fn camera(&self) -> Camera {
        self.0.borrow().frame.camera
    }

    /// Flies to a camera position, or jumps there if the user prefers reduced motion.
    pub fn fly_to(&self, to: Camera) {
        let mut inner = self.0.borrow_mut();
        if browser::prefers_reduced_motion() {
            inner.frame.camera = to;
        } else {
            inner.flight = Some(Flight::new(inner.frame.camera, to, browser::now()));
        }
        drop(inner);
        self.invalidate();
    }

    /// Flies to a box, or to the whole scene.
    pub fn focus(&self, bounds: Option<Aabb>) {
        self.focus_as(self.camera(), bounds);
    }

    /// Flies to where a box, or the whole scene, is seen from a side.
    pub fn look_from(&self, side: Side, bounds: Option<Aabb>) {
        self.focus_as(self.camera().from_side(side), bounds);
    }

    /// Flies to where a box, or the whole scene, is seen in the direction of a camera.
    fn focus_as(&self, camera: Camera, bounds: Option<Aabb>) {
        let inner = self.0.borrow();
        let Some(mut bounds) = bounds.or(inner.cloud.bounds) else {
            return;
        };
        // At a smaller distance, the points are dots with gaps between them.
        let least = SHARP * inner.cloud.spacing;
        for axis in 0..3 {
            let missing = (least - bounds.size()[axis]).max(0.0) / 2.0;
            bounds.min[axis] -= missing;
            bounds.max[axis] += missing;
        }
        let to = inner.framing(camera, bounds);
        drop(inner);
        self.0.borrow_mut().framed = None;
        self.fly_to(to);
    }

    /// Flies to a camera that has the point in the middle and half the distance.
    pub fn focus_point(&self, point: u32) {
        let inner = self.0.borrow();
        let Some(position) = inner.cloud.positions.get(point as usize) else {
            return;
        };
        let camera = inner.frame.camera;
        let to = Camera {
            target: Vec3::from(*position),
            distance: (camera.distance * 0.5).max(0.3),
            ..camera
        };
        drop(inner);
        self.0.borrow_mut().framed = None;
        self.fly_to(to);
    }

    /// Changes the cameras that are drawn over the points.
    pub fn update_frusta(&self, change: impl FnOnce(&mut Frusta)) {
        change(&mut self.0.borrow_mut().frusta);
        self.invalidate();
    }

    /// Changes what is written and drawn at the things.
    pub fn update_overlay(&self, change: impl FnOnce(&mut Overlay)) {
        change(&mut self.0.borrow_mut().overlay);
        self.invalidate();
    }

    /// Changes the axes and the scale bar.
    pub fn update_guides(&self, change: impl FnOnce(&mut Guides)) {
        change(&mut self.0.borrow_mut().guides);
        self.invalidate();
    }

    /// Turns this element as the scene is turned.
    pub fn turn_with_scene(&self, element: HtmlElement) {
        self.0.borrow_mut().cube.attach(element);
        self.invalidate();
    }

    /// Requests a new frame.
    pub fn invalidate(&self) {
        let mut inner = self.0.borrow_mut();
        inner.dirty = true;
        if !std::mem::replace(&mut inner.scheduled, true) {
            let viewer = self.clone();
            browser::next_frame(move || viewer.tick());
        }
    }

    fn tick(&self) {
        let mut inner = self.0.borrow_mut();
        inner.scheduled = false;
        if let Some(Renderer::Gpu(gpu)) = &inner.renderer
            && gpu.is_lost()
        {
            inner.renderer = None;
            let on_lost = inner.on_lost.take();
            drop(inner);
            return on_lost.into_iter().for_each(|on_lost| on_lost());
        }
        let more = inner.step();
        let developed = match more {
            false => inner.developed(),
            true => Vec::new(),
        };
        let at_rest = inner.on_rest.clone().filter(|_| !more);
        drop(inner);
        for (taken, picture) in developed {
            taken(picture);
        }
        if more {
            self.invalidate();
        }
        at_rest.into_iter().for_each(|at_rest| at_rest());
    }
}

impl Inner {
    /// Draws one animation frame. Returns `true` if another one is needed.
    fn step(&mut self) -> bool {
        let now = browser::now();
        self.advance_flight(now);
        self.advance_flying(now);
        let turning = self.advance_turntable(now);
        let reach = self.diagonal();
        self.frame.camera.orthographic = self.frame.orthographic.then_some(reach);
        let moving = turning || self.flight.is_some() || now - self.moved_at < SETTLE_MS;
        let size = self.size();
        let Self {
            renderer,
            cloud,
            frame,
            ..
        } = self;
        let Some(renderer) = renderer else {
            return false;
        };
        let all = cloud.positions.len() as f32;
        let budget = match (frame.budget, moving) {
            (0, false) => all,
            (0, true) => self.moving_points,
            (budget, false) => budget as f32,
            (budget, true) => self.moving_points.min(budget as f32),
        };
        frame.stride = (all / budget.max(1.0)).ceil().max(1.0) as u32;
        let drawn = match renderer {
            Renderer::Gpu(gpu) => gpu.draw(cloud, frame, size),
            Renderer::Software(software) => software.draw(cloud, frame, size),
        };
        let took = renderer.last_picture_ms();
        if moving {
            let factor = if took > MOVING_MS { 0.85 } else { 1.1 };
            self.moving_points = (self.moving_points * factor).clamp(3e4, 1.2e7);
        }
        let ratio = self.pixel_ratio();
        self.frusta.draw(&self.frame, ratio);
        self.overlay.draw(&self.frame, ratio);
        self.guides.draw(&self.frame, size.1 as f32 / ratio, ratio);
        self.cube.turn(&self.frame.camera);
        self.dirty = drawn == Drawn::Partly;
        self.dirty || moving
    }

    /// Length of the diagonal of the box around nearly all points, metres.
    fn diagonal(&self) -> f32 {
        let bounds = self.cloud.bounds;
        bounds.map_or(0.0, |bounds| Vec3::from(bounds.size()).length())
    }

    fn advance_flight(&mut self, now: f64) {
        if let Some(flight) = &self.flight {
            self.frame.camera = flight.camera(now);
            if flight.is_over(now) {
                self.flight = None;
            }
        }
    }

    fn apply_looks(&mut self, looks: &[Look]) {
        match &mut self.renderer {
            Some(Renderer::Gpu(gpu)) => gpu.set_looks(looks),
            Some(Renderer::Software(software)) => software.set_looks(looks),
            None => {}
        }
    }

    fn apply_owners(&mut self) {
        match &mut self.renderer {
            Some(Renderer::Gpu(gpu)) => gpu.set_owners(&self.cloud.owner_of_superpoint),
            Some(Renderer::Software(software)) => software.refresh(),
            None => {}
        }
    }

    /// Device pixels per CSS pixel, at most 2: more would not be visible and would cost fill rate.
    fn pixel_ratio(&self) -> f32 {
        browser::device_pixel_ratio().clamp(1.0, 2.0)
    }

    /// Size of the canvas in device pixels.
    fn size(&self) -> (u32, u32) {
        let (width, height) = self
            .canvas
            .as_ref()
            .map_or((1, 1), |c| (c.client_width(), c.client_height()));
        let ratio = self.pixel_ratio();
        (
            ((width as f32 * ratio) as u32).clamp(1, 8192),
            ((height as f32 * ratio) as u32).clamp(1, 8192),
        )
    }

    /// Frames the box in the part of the canvas that no panel covers.
    fn framing(&self, camera: Camera, bounds: Aabb) -> Camera {
        let (width, height) = self.size();
        camera.framing(
            bounds,
            width as f32 / height as f32,
            Vec2::ONE - self.frame.covered,
        )
    }
}

/// `true` if a box reaches beyond another one by more than a tenth of its diagonal.
fn outgrown(framed: &Aabb, all: &Aabb) -> bool {
    let diagonal = Vec3::from(framed.size()).length();
    let beyond =
        |axis: usize| (framed.min[axis] - all.min[axis]).max(all.max[axis] - framed.max[axis]);
    (0..3).any(|axis| beyond(axis) > 0.1 * diagonal)
}
