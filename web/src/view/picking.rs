//! What is at a place of the picture, or inside an outline drawn over it.

use std::collections::BTreeMap;

use glam::{Vec2, Vec3};

use super::{
    Inner, Viewer,
    cloud::Hit,
    lasso,
    projection::Projection,
    renderer::Renderer,
    seen::{Seen, Window},
};
use crate::browser;

impl Viewer {
    /// Calls `found` with the point at a CSS pixel of the canvas.
    pub fn pick(&self, at: Vec2, found: impl FnOnce(Option<Hit>) + 'static) {
        let (viewer, size) = (self.clone(), self.css_size());
        let pixel = move |picture: (u32, u32)| {
            let pixel = (vector(picture) / size * at).max(Vec2::ZERO);
            (pixel.x as u32, pixel.y as u32)
        };
        let window = move |picture| Window::around(pixel(picture), picture);
        self.read(window, move |seen| {
            let point = seen.nearest(pixel(seen.picture));
            let hit = point.map(|point| viewer.0.borrow().cloud.hit(point));
            found(hit);
        });
    }

    /// Calls `caught` with the superpoints that are in sight inside an outline of CSS pixels, each with
    /// the instance that owns it, or [`NO_INSTANCE`](segscape::instances::NO_INSTANCE), as soon as
    /// the picture is complete.
    pub fn lasso(&self, outline: Vec<Vec2>, caught: impl FnOnce(Vec<(u32, u32)>) + 'static) {
        let viewer = self.clone();
        if !self.is_at_rest() {
            return browser::next_frame(move || viewer.lasso(outline, caught));
        }
        let (frame, size) = (self.0.borrow().frame, self.css_size());
        let in_pixels = move |picture| -> Vec<Vec2> {
            let scale = vector(picture) / size;
            outline.iter().map(|at| *at * scale).collect()
        };
        let of_outline = in_pixels.clone();
        let window = move |picture| lasso::window(&of_outline(picture), picture);
        self.read(window, move |seen| {
            let found = {
                let Inner { cloud, looks, .. } = &*viewer.0.borrow();
                let outline = in_pixels(seen.picture);
                let found = lasso::caught(cloud, looks, &frame, &seen, &outline);
                let owned = |part: u32| (part, cloud.owner_of_superpoint[part as usize]);
                found.into_iter().map(owned).collect()
            };
            caught(found);
        });
    }

    /// Calls `found` with what a window of the last picture shows. `window` is given the width and
    /// height of the picture.
    fn read(&self, window: impl FnOnce((u32, u32)) -> Window, found: impl FnOnce(Seen) + 'static) {
        let inner = self.0.borrow();
        let seen = match &inner.renderer {
            Some(Renderer::Gpu(gpu)) => return gpu.seen(window(gpu.picture()), found),
            Some(Renderer::Software(software)) => software.seen(window(software.picture())),
            None => return,
        };
        drop(inner);
        found(seen);
    }

    /// The frame of the capture whose camera is drawn at a CSS pixel of the canvas.
    pub fn frustum_at(&self, at: Vec2) -> Option<u32> {
        let size = self.css_size();
        let inner = self.0.borrow();
        inner.frusta.at(&inner.frame, size, at)
    }

    /// The position of a point, metres.
    pub fn position(&self, point: u32) -> Option<Vec3> {
        let inner = self.0.borrow();
        let position = inner.cloud.positions.get(point as usize);
        position.map(|position| Vec3::from(*position))
    }

    /// The positions of the points of these superpoints, metres, by superpoint. O(points).
    pub fn points_of(&self, superpoints: &[u32]) -> BTreeMap<u32, Vec<Vec3>> {
        let cloud = &self.0.borrow().cloud;
        let mut points: BTreeMap<u32, Vec<Vec3>> =
            superpoints.iter().map(|id| (*id, Vec::new())).collect();
        let all = cloud.superpoint_of_point.iter().zip(&cloud.positions);
        for (superpoint, position) in all {
            if let Some(points) = points.get_mut(superpoint) {
                points.push(Vec3::from(*position));
            }
        }
        points.retain(|_, points| !points.is_empty());
        points
    }

    /// The plane through a line between two places of the canvas, CSS pixels, in the direction of the
    /// view: a normal of unit length, and the distance of the plane from the origin along it. `None`
    /// if the places are one.
    pub fn plane_through(&self, line: [Vec2; 2]) -> Option<(Vec3, f32)> {
        let size = self.css_size();
        Projection::new(&self.0.borrow().frame, size).plane(line)
    }

    /// The middle of the part of the canvas that no panel covers, CSS pixels.
    pub fn middle(&self) -> Vec2 {
        let covered = self.0.borrow().frame.covered;
        self.css_size() * (Vec2::ONE - covered) / 2.0
    }

    /// Width and height of the canvas, CSS pixels.
    fn css_size(&self) -> Vec2 {
        let inner = self.0.borrow();
        vector(inner.size()) / inner.pixel_ratio()
    }
}

fn vector((width, height): (u32, u32)) -> Vec2 {
    Vec2::new(width as f32, height as f32)
}
