//! Places objects on tables, shelves and seats.

use std::f32::consts::PI;

use glam::{Vec2, Vec3};

use super::{
    furnisher::{Furnisher, make},
    grammar::Top,
    layout::{Layout, THROWN},
    scene::{Footprint, Pose},
};

/// Seats, which carry only objects that people throw there.
const SEATS: &[&str] = &["chair", "stool", "ottoman", "bench"];

impl Layout {
    /// Puts small objects on the support surfaces of the furniture in the room.
    pub fn add_clutter(&mut self, kinds: &[&'static str], rng: &mut Furnisher) {
        let crowded = rng.within(0.1, 0.7);
        for host in 0..self.things.len() {
            let (tops, base) = (
                self.things[host].object.tops.clone(),
                self.things[host].pose,
            );
            if SEATS.contains(&self.things[host].object.class) {
                if let Some(top) = tops.first().filter(|_| rng.chance(0.2)) {
                    self.set_on(host, base, *top, rng.pick(THROWN), rng);
                }
                continue;
            }
            for top in tops {
                let area = 4.0 * top.half[0] * top.half[1];
                let most = (area * 7.0 * crowded).ceil().min(5.0) as usize;
                for _ in 0..rng.count(0, most) {
                    self.set_on(host, base, top, rng.pick(kinds), rng);
                }
            }
        }
    }

    /// Puts an object of the class `kind` on a support surface of the object number `host`, if it
    /// fits. Returns `true` if the place is clear of other objects.
    fn set_on(
        &mut self,
        host: usize,
        base: Pose,
        top: Top,
        kind: &str,
        rng: &mut Furnisher,
    ) -> bool {
        let Some(object) = make(kind, rng) else {
            return false;
        };
        let (lo, hi) = object.bounds();
        let play = Vec2::from(top.half) - (hi - lo).truncate() * 0.4;
        if play.min_element() < 0.0 || hi.z - lo.z > top.clearance {
            return false;
        }
        let object = object.at(-(lo.x + hi.x) / 2.0, -(lo.y + hi.y) / 2.0, -lo.z);
        let position = top.center + Vec3::new(rng.about(play.x), rng.about(play.y), 0.002);
        let turn = if rng.chance(0.6) {
            rng.about(0.25)
        } else {
            rng.about(PI)
        };
        let pose = base.of(Pose { position, turn });
        let footprint = Footprint::of(&object, pose);
        let clear = self
            .things
            .iter()
            .enumerate()
            .all(|(i, t)| i == host || !t.footprint.overlaps(&footprint, 0.006));
        if clear && self.inside(&footprint) {
            self.put(object, pose);
        }
        clear
    }

    /// Puts an object of the class `kind` on any of the support surfaces in the room.
    pub fn set_on_some_top(&mut self, kind: &str, rng: &mut Furnisher) {
        let tops: Vec<_> = self
            .things
            .iter()
            .enumerate()
            .flat_map(|(i, t)| t.object.tops.iter().map(move |top| (i, t.pose, *top)))
            .collect();
        for _ in 0..8 {
            if tops.is_empty() {
                break;
            }
            let (host, base, top) = rng.pick(&tops);
            if self.set_on(host, base, top, kind, rng) {
                break;
            }
        }
    }
}
