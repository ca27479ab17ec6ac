//! Couches and upholstered chairs.

use glam::{Vec2, Vec3};

use super::Object;
use crate::{material::Material, mesh::Mesh, noise::rough, rng::RoomRng};

/// An upholstered seat for `seats` people: body, arms, seat and back cushions.
fn upholstered(class: &'static str, seats: usize, rng: &mut RoomRng) -> Object {
    let (place, depth) = (rng.within(0.55, 0.75), rng.within(0.75, 0.95));
    let (arm, arm_height) = (rng.within(0.1, 0.24), rng.within(0.52, 0.66));
    let (seat, back) = (rng.within(0.26, 0.34), rng.within(0.7, 0.92));
    let inner = place * seats as f32;
    let total = inner + 2.0 * arm;
    let (cover, foot) = (rng.fabric(), rng.wood(2));
    let cushion = if rng.chance(0.75) {
        cover.sibling(rng)
    } else {
        rng.fabric()
    };
    let raised = rng.within(0.0, 0.12);
    let (puff, thick, lean) = (
        rng.within(0.2, 0.5),
        rng.within(0.13, 0.2),
        rng.within(0.1, 0.3),
    );
    let x_of = |i: usize| (i as f32 + 0.5) * place - inner / 2.0;
    let round = rng.within(0.03, 0.1);
    Object::new(class)
        .with(
            foot,
            Mesh::slab(0.06, 0.06, raised.max(0.02))
                .at_corners(Vec2::new(total / 2.0 - 0.06, depth / 2.0 - 0.06)),
        )
        .with(
            cover,
            Mesh::soft(total, depth, seat - raised, 0.02).at(0.0, 0.0, raised),
        )
        .with(
            cover.sibling(rng),
            Mesh::soft(total, depth * 0.24, back - raised, round).at(0.0, -depth * 0.38, raised),
        )
        .each(2, |o, i| {
            let x = (i as f32 * 2.0 - 1.0) * (inner + arm) / 2.0;
            o.with(
                cover.sibling(rng),
                Mesh::soft(arm, depth, arm_height - raised, round).at(x, 0.0, raised),
            )
        })
        .each(seats, |o, i| {
            o.with(
                cushion.sibling(rng),
                Mesh::cushion(place * 0.97, depth * 0.72, thick, puff).at(
                    x_of(i),
                    depth * 0.13,
                    seat,
                ),
            )
        })
        .each(seats, |o, i| {
            let pad = Mesh::cushion(place * 0.95, back - seat - 0.05, thick, puff)
                .pitched(std::f32::consts::FRAC_PI_2 - lean);
            let lowest = pad.bounds().0.z;
            o.with(
                cushion.sibling(rng),
                pad.at(x_of(i), -depth * 0.2, seat + thick * 0.8 - lowest),
            )
        })
        .with_top(
            [0.0, depth * 0.15, seat + thick],
            [inner * 0.9, depth * 0.4],
            1.0,
        )
}

/// A couch for two to four people, sometimes with a chaise.
pub fn couch(rng: &mut RoomRng) -> Object {
    let seats = rng.count(2, 4);
    let couch = upholstered("couch", seats, rng)
        .then(|o| if rng.chance(0.25) { draped(o, rng) } else { o });
    if !rng.chance(0.25) {
        return couch;
    }
    let (lo, hi) = couch.bounds();
    let side = rng.side();
    let cover = couch.parts[1].material;
    let (width, length, height) = (
        rng.within(0.7, 0.9),
        rng.within(0.6, 0.9),
        rng.within(0.38, 0.46),
    );
    let x = side * ((hi.x - lo.x) / 2.0 - width / 2.0);
    couch
        .with(
            cover.sibling(rng),
            Mesh::soft(width, length, height * 0.65, 0.03).at(x, hi.y + length / 2.0, 0.0),
        )
        .with(
            cover.sibling(rng),
            Mesh::cushion(width, length, height * 0.4, 0.35).at(
                x,
                hi.y + length / 2.0,
                height * 0.62,
            ),
        )
}

/// Adds a throw over a part of the back and the seat; it counts as part of the couch.
fn draped(couch: Object, rng: &mut RoomRng) -> Object {
    let (lo, hi) = couch.bounds();
    let (side, wide, cloth, seed) = (rng.side(), rng.within(0.35, 0.6), rng.fabric(), rng.seed());
    let x = side * (hi.x - wide * 0.6);
    // Over the back and down in front of it to the seat.
    let path = [
        (lo.y - 0.015, hi.z * 0.6),
        (lo.y - 0.01, hi.z + 0.02),
        (lo.y * 0.5, hi.z + 0.02),
        (lo.y * 0.3, hi.z * 0.68),
        (hi.y * 0.3, hi.z * 0.62),
    ];
    let sheet = Mesh::surface(8, 16, |u, v| {
        let at = v * (path.len() - 1) as f32;
        let (from, t) = (
            (at as usize).min(path.len() - 2),
            at - (at as usize).min(path.len() - 2) as f32,
        );
        let ((y0, z0), (y1, z1)) = (path[from], path[from + 1]);
        let wave = 0.03 * rough(Vec3::new(u * 3.0, v * 3.0, 0.0), seed);
        Vec3::new(
            x + wide * (u - 0.5),
            y0 + (y1 - y0) * t,
            z0 + (z1 - z0) * t + wave,
        )
    });
    couch.with(cloth, sheet)
}

/// An upholstered chair for one person.
pub fn armchair(rng: &mut RoomRng) -> Object {
    upholstered("armchair", 1, rng)
}

/// A padded block, round or square.
pub fn ottoman(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.45, 0.8), rng.within(0.34, 0.45));
    let cover = rng.fabric();
    let (body, pad) = if rng.chance(0.35) {
        (
            Mesh::cylinder(w / 2.0, h * 0.75),
            Mesh::lathe(&[
                (w * 0.5, 0.0),
                (w * 0.51, h * 0.15),
                (w * 0.4, h * 0.25),
                (0.0, h * 0.28),
            ]),
        )
    } else {
        (
            Mesh::soft(w, w * 0.8, h * 0.75, 0.02),
            Mesh::cushion(w, w * 0.8, h * 0.3, 0.4),
        )
    };
    Object::new("ottoman")
        .with(cover, body)
        .with(cover.sibling(rng), pad.at(0.0, 0.0, h * 0.72))
        .with_top([0.0, 0.0, h], [w * 0.7, w * 0.55], 0.5)
}

/// The measures and the cover of a sofa chair.
struct SofaChair {
    /// Width, depth, and heights of the seat and the back.
    size: [f32; 4],
    /// Thickness of the cushions, and height of the legs.
    thick: f32,
    low: f32,
    /// Angle of the back.
    lean: f32,
    cover: Material,
}

/// A deep upholstered chair on visible legs: a tub chair, a wing chair or a recliner, sometimes
/// with its footrest out.
pub fn sofa_chair(rng: &mut RoomRng) -> Object {
    let (w, d, seat, back) = (
        rng.within(0.7, 0.9),
        rng.within(0.7, 0.85),
        rng.within(0.38, 0.44),
        rng.within(0.72, 1.05),
    );
    let (cover, foot) = (rng.fabric(), rng.wood(2));
    let accent = if rng.chance(0.7) {
        cover.sibling(rng)
    } else {
        rng.fabric()
    };
    let (thick, low, lean) = (
        rng.within(0.1, 0.16),
        rng.within(0.08, 0.2),
        rng.within(0.08, 0.25),
    );
    let pillow = rng.chance(0.35).then(|| rng.fabric());
    let object = Object::new("sofa chair").with(
        foot,
        Mesh::frustum(0.018, 0.03, low).at_corners(Vec2::new(w * 0.38, d * 0.36)),
    );
    let chair = SofaChair {
        size: [w, d, seat, back],
        thick,
        low,
        lean,
        cover,
    };
    let object = match rng.count(0, 2) {
        0 => chair.tub(object),
        1 => chair.wing_chair(object, rng),
        _ => chair.recliner(object, rng),
    };
    let pad = Mesh::cushion(w * 0.62, back - seat - 0.08, thick, 0.45)
        .pitched(std::f32::consts::FRAC_PI_2 - lean);
    let lowest = pad.bounds().0.z;
    object
        .with(
            accent,
            Mesh::cushion(w * 0.64, d * 0.72, thick, 0.35).at(0.0, 0.06, seat - thick + 0.02),
        )
        .with(
            accent.sibling(rng),
            pad.at(0.0, -d * 0.24, seat + 0.03 - lowest),
        )
        .then(|o| match pillow {
            Some(cloth) => {
                let soft = Mesh::cushion(0.4, 0.36, 0.14, 0.65).pitched(1.1);
                let lowest = soft.bounds().0.z;
                o.with(
                    cloth,
                    soft.at(rng.about(0.08), -d * 0.05, seat + 0.02 - lowest),
                )
            }
            None => o,
        })
        .with_top([0.0, d * 0.15, seat + 0.03], [w * 0.5, d * 0.35], 0.8)
}

impl SofaChair {
    /// One shell around the seat, lower in front.
    fn tub(&self, object: Object) -> Object {
        let Self {
            size: [w, d, seat, back],
            thick,
            low,
            cover,
            ..
        } = *self;
        let shell = Mesh::surface(20, 4, |u, v| {
            let angle =
                (0.92 - 1.84 * u) * std::f32::consts::PI * 0.75 - std::f32::consts::FRAC_PI_2;
            let inner = 1.0 - 0.24 * (v * 2.0 - 1.0).max(0.0);
            let rim = seat + 0.14 + (back - seat - 0.14) * (0.5 - 0.5 * angle.sin()).powi(2);
            let z = low + (rim - low) * (1.0 - (2.0 * v - 1.0).abs());
            Vec3::new(
                w / 2.0 * inner * angle.cos(),
                d / 2.0 * inner * angle.sin(),
                z,
            )
        });
        object.with(cover, shell).with(
            cover.shaded(0.9),
            Mesh::soft(w * 0.78, d * 0.8, seat - thick - low, 0.03).at(0.0, 0.04, low),
        )
    }

    fn wing_chair(&self, object: Object, rng: &mut RoomRng) -> Object {
        let Self {
            size: [w, d, seat, back],
            thick,
            low,
            lean,
            cover,
        } = *self;
        let wing = Mesh::soft(0.1, d * 0.4, back - seat, 0.045)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.05), -d * 0.22, seat)));
        let arm = Mesh::soft(0.13, d * 0.9, 0.22, 0.06)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.06), 0.02, seat)));
        object
            .with(
                cover,
                Mesh::soft(w * 0.92, d * 0.94, seat - thick - low, 0.03).at(0.0, 0.0, low),
            )
            .with(
                cover.sibling(rng),
                Mesh::soft(w * 0.9, 0.16, back - low, 0.06)
                    .pitched(lean * 0.5)
                    .at(0.0, 0.1 - d / 2.0, low),
            )
            .with(cover.sibling(rng), wing.and(arm))
    }

    /// Thick arms, sometimes with the footrest out.
    fn recliner(&self, object: Object, rng: &mut RoomRng) -> Object {
        let Self {
            size: [w, d, seat, back],
            thick,
            low,
            lean,
            cover,
        } = *self;
        let arm = Mesh::soft(0.18, d * 0.95, 0.6 - low, 0.07)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.08), 0.0, low)));
        let rest =
            Mesh::cushion(w * 0.6, 0.4, 0.12, 0.35)
                .pitched(-0.35)
                .at(0.0, d / 2.0 + 0.2, 0.3);
        object
            .with(
                cover,
                Mesh::soft(w * 0.8, d * 0.9, seat - thick - low, 0.03).at(0.0, 0.0, low),
            )
            .with(cover.sibling(rng), arm)
            .with(
                cover.sibling(rng),
                Mesh::soft(w * 0.72, 0.2, back - low, 0.08)
                    .pitched(lean)
                    .at(0.0, 0.12 - d / 2.0, low),
            )
            .then(|o| {
                if rng.chance(0.5) {
                    o.with(cover.sibling(rng), rest)
                } else {
                    o
                }
            })
    }
}
