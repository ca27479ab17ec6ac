//! What an outline drawn over the picture catches: superpoints that are in sight inside it.
//!
//! A point counts if it is drawn, its place is inside the outline, and nothing else is in front of it:
//! the picture shows a point of the same superpoint there, or one that is not much nearer to the eye.
//! A superpoint is caught if at least half of all its points count. So neither the wall behind a chair
//! is caught, which the chair hides, nor the floor around it, which reaches beyond the outline.

use std::ops::Range;

use glam::{Vec2, Vec3, Vec4};

use super::{
    cloud::{Cloud, Frame, Look},
    picture::View,
    seen::{Seen, Window},
};

/// Part of its depth by which a point may lie behind what the picture shows there, beside the
/// diameter of a point.
const SLACK: f32 = 0.005;

/// The smallest rectangle around an outline in pixels of a picture of this size.
pub fn window(outline: &[Vec2], picture: (u32, u32)) -> Window {
    let corner = |corner: Vec2| (corner.x.max(0.0) as u32, corner.y.max(0.0) as u32);
    let low = outline.iter().copied().reduce(Vec2::min);
    let high = outline.iter().copied().reduce(Vec2::max);
    match (low, high) {
        (Some(low), Some(high)) if high.cmpge(Vec2::ZERO).all() => {
            Window::between(corner(low), corner(high), picture)
        }
        _ => Window::default(),
    }
}

/// The superpoints that an outline catches in a frame, in ascending order. `seen` is what the picture
/// shows in the [`window`] of the outline, whose points are in pixels of the picture. `looks` are
/// those of the instances and, last, of unowned points. O(points + pixels).
pub fn caught(
    cloud: &Cloud,
    looks: &[Look],
    frame: &Frame,
    seen: &Seen,
    outline: &[Vec2],
) -> Vec<u32> {
    let inside = Inside::new(outline, seen.window);
    let sight = Sight {
        view: View::new(cloud, frame, seen.picture),
        near: frame.camera.near(),
        cloud,
        looks,
        seen,
    };
    let superpoints = cloud.owner_of_superpoint.len();
    // Only what the picture shows inside can be caught.
    let mut is_shown = vec![false; superpoints];
    let pixels = seen.points.iter().enumerate();
    for (_, point) in pixels.filter(|(pixel, _)| inside.0[*pixel]) {
        let superpoint = cloud.superpoint_of_point.get(*point as usize);
        superpoint
            .into_iter()
            .for_each(|superpoint| is_shown[*superpoint as usize] = true);
    }
    let mut counts = vec![[0_u32; 2]; superpoints];
    for (point, superpoint) in cloud.superpoint_of_point.iter().enumerate() {
        let superpoint = *superpoint as usize;
        if is_shown[superpoint] {
            let pixel = sight.pixel(point);
            let counts_too = pixel.is_some_and(|pixel| inside.has(pixel, seen.window));
            counts[superpoint][0] += u32::from(counts_too);
            counts[superpoint][1] += 1;
        }
    }
    let caught = (0..).zip(counts);
    caught
        .filter(|(_, [inside, all])| *all > 0 && 2 * inside >= *all)
        .map(|(superpoint, _)| superpoint)
        .collect()
}

/// One flag per pixel of a window: `true` if its middle is inside an outline.
struct Inside(Vec<bool>);

impl Inside {
    /// What the outline goes around at all is inside, however often it crosses itself.
    fn new(outline: &[Vec2], Window { corner, size }: Window) -> Self {
        let mut inside = vec![false; (size.0 * size.1) as usize];
        let edges = outline.iter().zip(outline.iter().cycle().skip(1));
        let edges: Vec<(Vec2, Vec2)> = edges.map(|(from, to)| (*from, *to)).collect();
        for (row, pixels) in inside.chunks_exact_mut(size.0.max(1) as usize).enumerate() {
            let y = (corner.1 + row as u32) as f32 + 0.5;
            let crossing = |(from, to): &(Vec2, Vec2)| {
                let turn = i32::from(from.y <= y) - i32::from(to.y <= y);
                let along = (y - from.y) / (to.y - from.y);
                (turn != 0).then_some((from.x + along * (to.x - from.x), turn))
            };
            let mut crossings: Vec<(f32, i32)> = edges.iter().filter_map(crossing).collect();
            crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut turns = 0;
            for ends in crossings.windows(2) {
                turns += ends[0].1;
                if turns != 0 {
                    pixels[columns(ends[0].0, ends[1].0, corner.0, size.0)].fill(true);
                }
            }
        }
        Self(inside)
    }

    fn has(&self, pixel: (u32, u32), Window { corner, size }: Window) -> bool {
        let (Some(column), Some(row)) =
            (pixel.0.checked_sub(corner.0), pixel.1.checked_sub(corner.1))
        else {
            return false;
        };
        column < size.0 && row < size.1 && self.0[(row * size.0 + column) as usize]
    }
}

/// The columns of a window, which begins at column `first`, whose middles are between two places.
fn columns(from: f32, to: f32, first: u32, count: u32) -> Range<usize> {
    // A negative number becomes 0.
    let column = |x: f32| ((x - first as f32 - 0.5).ceil() as usize).min(count as usize);
    let (from, to) = (column(from), column(to));
    from..to.max(from)
}

/// Decides which points are in sight.
struct Sight<'a> {
    view: View,
    near: f32,
    cloud: &'a Cloud,
    looks: &'a [Look],
    seen: &'a Seen,
}

impl Sight<'_> {
    /// The pixel where a point counts; `None` if it is not drawn, or something else is in front of it.
    fn pixel(&self, point: usize) -> Option<(u32, u32)> {
        let position = self.cloud.positions[point];
        if self.look(point) != Look::SHOWN || !self.view.draws(position) {
            return None;
        }
        let clip = self.clip(position);
        if clip.w < self.near {
            return None;
        }
        let at = Vec2::new(clip.x, -clip.y) / self.view.divisor(clip.w);
        let at = (at + Vec2::ONE) * 0.5 * self.view.viewport;
        let is_inside = at.cmpge(Vec2::ZERO).all() && at.cmplt(self.view.viewport).all();
        let pixel = is_inside.then_some((at.x as u32, at.y as u32))?;
        let nearest = self.seen.at(pixel).map(|shown| shown as usize);
        // Faded points are drawn behind all others, however near they are.
        let in_front = nearest.filter(|shown| self.look(*shown) == Look::SHOWN);
        let reach = clip.w * (1.0 - SLACK) - self.view.point_size;
        let superpoint_of_point = &self.cloud.superpoint_of_point;
        let is_hidden = in_front.is_some_and(|shown| {
            superpoint_of_point[shown] != superpoint_of_point[point]
                && self.clip(self.cloud.positions[shown]).w < reach
        });
        (!is_hidden).then_some(pixel)
    }

    fn clip(&self, position: [f32; 3]) -> Vec4 {
        self.view.clip_from_world * Vec3::from(position).extend(1.0)
    }

    fn look(&self, point: usize) -> u32 {
        let owner = self.cloud.owner(point) as usize;
        self.looks[owner.min(self.looks.len() - 1)].shown
    }
}

#[cfg(test)]
mod tests {
    use segscape::{geometry::Aabb, instances::NO_INSTANCE};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::view::{camera::Camera, palette, seen::NOTHING};

    const PICTURE: (u32, u32) = (80, 60);

    /// A small square in front of a larger one that is behind it, and of one beside it, seen along y.
    fn cloud() -> Cloud {
        let square = |x: f32, y: f32, half: i32| {
            (-half..=half).flat_map(move |across| {
                (-half..=half).map(move |up| [x + across as f32 * 0.05, y, up as f32 * 0.05])
            })
        };
        let parts = [
            square(0.0, 0.0, 6),
            square(0.0, 0.5, 8),
            square(1.0, 0.0, 6),
        ];
        let parts = parts.map(Iterator::collect::<Vec<[f32; 3]>>);
        let superpoints = (0..).zip(&parts);
        Cloud {
            superpoint_of_point: superpoints
                .flat_map(|(id, part)| vec![id; part.len()])
                .collect(),
            positions: parts.concat(),
            owner_of_superpoint: vec![0, 1, NO_INSTANCE],
            bounds: Some(Aabb {
                min: [-0.4, 0.0, -0.4],
                max: [1.3, 0.5, 0.4],
            }),
            spacing: 0.05,
            ..Cloud::default()
        }
    }

    fn frame() -> Frame {
        Frame {
            camera: Camera {
                target: Vec3::ZERO,
                distance: 3.0,
                yaw: 0.0,
                pitch: 0.0,
                ..Camera::default()
            },
            ..Frame::default()
        }
    }

    /// What a picture of the frame shows inside the outline: at every pixel the nearest point.
    fn shown(cloud: &Cloud, looks: &[Look], frame: &Frame, outline: &[Vec2]) -> Seen {
        let window = window(outline, PICTURE);
        let view = View::new(cloud, frame, PICTURE);
        let mut nearest = vec![(f32::INFINITY, NOTHING); (window.size.0 * window.size.1) as usize];
        for (point, position) in cloud.positions.iter().enumerate() {
            let owner = (cloud.owner(point) as usize).min(looks.len() - 1);
            if looks[owner].shown == Look::HIDDEN || !view.draws(*position) {
                continue;
            }
            let clip = view.clip_from_world * Vec3::from(*position).extend(1.0);
            let at = (Vec2::new(clip.x, -clip.y) / clip.w + Vec2::ONE) * 0.5 * view.viewport;
            // As large as points are drawn.
            for (dx, dy) in (-2..=2).flat_map(|dx| (-2..=2).map(move |dy| (dx, dy))) {
                let (x, y) = (at.x as i64 + dx, at.y as i64 + dy);
                let (x, y) = (
                    x - i64::from(window.corner.0),
                    y - i64::from(window.corner.1),
                );
                let (width, height) = (i64::from(window.size.0), i64::from(window.size.1));
                if (0..width).contains(&x) && (0..height).contains(&y) {
                    let pixel = &mut nearest[(y * width + x) as usize];
                    if clip.w < pixel.0 {
                        *pixel = (clip.w, point as u32);
                    }
                }
            }
        }
        Seen {
            picture: PICTURE,
            window,
            points: nearest.into_iter().map(|(_, point)| point).collect(),
        }
    }

    fn catch(looks: [u32; 3], frame: &Frame, outline: &[Vec2]) -> Vec<u32> {
        let cloud = cloud();
        let looks = looks.map(|shown| Look {
            shown,
            ..Look::shown(palette::UNOWNED)
        });
        let seen = shown(&cloud, &looks, frame, outline);
        caught(&cloud, &looks, frame, &seen, outline)
    }

    fn around(low: (f32, f32), high: (f32, f32)) -> Vec<Vec2> {
        [low, (high.0, low.1), high, (low.0, high.1)]
            .map(Vec2::from)
            .into()
    }

    #[wasm_bindgen_test]
    fn what_is_in_front_is_caught_and_what_it_hides_or_reaches_out_is_not() {
        let shown = [Look::SHOWN; 3];
        let all = around((0.0, 0.0), (79.0, 59.0));
        let middle = around((28.0, 18.0), (52.0, 42.0));
        assert_eq!(catch(shown, &frame(), &middle), [0]);
        assert_eq!(
            catch(shown, &frame(), &all),
            [0, 2],
            "and what is beside it"
        );
        let corner = around((28.0, 18.0), (38.0, 42.0));
        assert_eq!(catch(shown, &frame(), &corner), [0; 0], "a corner of it");
        let crossed = [middle.clone(), middle].concat();
        assert_eq!(catch(shown, &frame(), &crossed), [0], "drawn around twice");
    }

    #[wasm_bindgen_test]
    fn what_is_hidden_faded_or_cut_off_is_not_caught_and_hides_nothing() {
        let all = around((0.0, 0.0), (79.0, 59.0));
        for look in [Look::HIDDEN, Look::FADED] {
            let looks = [look, Look::SHOWN, Look::SHOWN];
            let caught = catch(looks, &frame(), &all);
            assert!(!caught.contains(&0), "{look}");
        }
        let hidden = catch([Look::HIDDEN, Look::SHOWN, Look::SHOWN], &frame(), &all);
        assert_eq!(hidden, [1, 2]);
        let mut frame = frame();
        frame.clip.min[1] = 0.25;
        assert_eq!(catch([Look::SHOWN; 3], &frame, &all), [1]);
    }
}
