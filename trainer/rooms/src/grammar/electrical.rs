//! Outlets, switches and lights. Those on walls have the wall at y = 0 behind them.

use glam::Vec3;

use super::{Object, fixtures::red};
use crate::{mesh::Mesh, rng::RoomRng};

/// A plate of one to four sockets, sometimes with plugs and a cord.
pub fn power_outlet(rng: &mut RoomRng) -> Object {
    let gangs = rng.count(1, 4);
    let (w, h) = (0.05 + 0.06 * gangs as f32, rng.within(0.11, 0.14));
    let (plate, hole) = (rng.white(), rng.dark());
    let plug = rng.chance(0.45);
    let x_of = |i: usize| 0.06 * (i as f32 + 0.5 - gangs as f32 / 2.0);
    Object::new("power outlet")
        .with(plate, Mesh::soft(w, 0.016, h, 0.006).at(0.0, 0.008, 0.0))
        .each(gangs, |o, i| {
            o.with(
                plate.shaded(0.85),
                Mesh::slab(0.038, 0.006, 0.035)
                    .repeated([0.18, 0.58].map(|z| Vec3::new(x_of(i), 0.017, z * h))),
            )
            .with(
                hole,
                Mesh::slab(0.006, 0.003, 0.014)
                    .repeated([-0.009, 0.009].map(|x| Vec3::new(x_of(i) + x, 0.021, h * 0.66))),
            )
        })
        .then(|o| {
            if !plug {
                return o;
            }
            let cord = [
                Vec3::new(x_of(0), 0.05, h * 0.3),
                Vec3::new(x_of(0), 0.07, h * 0.1),
                Vec3::new(x_of(0) + 0.05, 0.03, -0.12),
            ];
            let body = if rng.chance(0.5) {
                rng.dark()
            } else {
                rng.white()
            };
            o.with(
                body,
                Mesh::soft(0.045, 0.05, 0.05, 0.012)
                    .at(x_of(0), 0.04, h * 0.18)
                    .and(Mesh::tube(&cord, 0.006)),
            )
        })
}

/// A plate of one to four switches.
pub fn light_switch(rng: &mut RoomRng) -> Object {
    let gangs = rng.count(1, 4);
    let (w, h) = (0.045 + 0.05 * gangs as f32, rng.within(0.11, 0.14));
    let plate = if rng.chance(0.8) {
        rng.white()
    } else {
        rng.metal()
    };
    let rocker = plate.shaded(0.9);
    Object::new("light switch")
        .with(plate, Mesh::soft(w, 0.014, h, 0.005).at(0.0, 0.007, 0.0))
        .each(gangs, |o, i| {
            let x = 0.05 * (i as f32 + 0.5 - gangs as f32 / 2.0);
            o.with(
                rocker.sibling(rng),
                Mesh::soft(0.034, 0.012, h * 0.55, 0.004)
                    .pitched(0.12 * rng.side())
                    .at(x, 0.016, h * 0.22),
            )
        })
}

/// A strip of sockets with a switch and a cord, for floors and desks.
pub fn power_strip(rng: &mut RoomRng) -> Object {
    let (sockets, shell) = (
        rng.count(4, 7),
        if rng.chance(0.6) {
            rng.white()
        } else {
            rng.dark()
        },
    );
    let w = 0.08 + 0.05 * sockets as f32;
    let plugs = rng.count(0, 3);
    let reach = rng.within(0.15, 0.4);
    let cord: Vec<Vec3> = (0..=12)
        .map(|i| i as f32 / 12.0)
        .map(|t| Vec3::new(w / 2.0 + reach * t, 0.08 * (t * 6.0).sin() * t, 0.012))
        .collect();
    Object::new("power strip")
        .with(shell, Mesh::soft(w, 0.06, 0.04, 0.012))
        .with(
            shell.shaded(0.55),
            Mesh::cylinder(0.016, 0.003).repeated(
                (0..sockets).map(|i| Vec3::new(0.05 * i as f32 - w / 2.0 + 0.08, 0.0, 0.039)),
            ),
        )
        .with(
            red(rng),
            Mesh::soft(0.022, 0.03, 0.012, 0.004).at(0.035 - w / 2.0, 0.0, 0.037),
        )
        .with(shell.sibling(rng), Mesh::tube(&cord, 0.007))
        .each(plugs, |o, i| {
            let x = 0.1 * i as f32 - w / 2.0 + 0.08;
            let lead = [
                Vec3::new(x, 0.0, 0.07),
                Vec3::new(x, 0.06, 0.08),
                Vec3::new(x + 0.03, 0.16, 0.01),
            ];
            let plug = if rng.chance(0.6) {
                rng.dark()
            } else {
                rng.white()
            };
            o.with(
                plug,
                Mesh::soft(0.04, 0.045, 0.045, 0.012)
                    .at(x, 0.0, 0.04)
                    .and(Mesh::tube(&lead, 0.006)),
            )
        })
}

/// A light mounted on the ceiling: a dish, a panel with a louvre, or a track of spots; its mount is
/// its highest point.
pub fn ceiling_light(rng: &mut RoomRng) -> Object {
    let glow = if rng.chance(0.6) {
        rng.within(0.4, 1.3)
    } else {
        0.0
    };
    let (shine, rim) = (
        rng.white().glowing(glow),
        if rng.chance(0.5) {
            rng.metal()
        } else {
            rng.white()
        },
    );
    let o = Object::new("ceiling light");
    match rng.count(0, 2) {
        0 => {
            let (r, h) = (rng.within(0.14, 0.26), rng.within(0.07, 0.13));
            o.with(
                shine,
                Mesh::lathe(&[
                    (0.0, 0.0),
                    (r * 0.6, h * 0.15),
                    (r * 0.92, h * 0.6),
                    (r * 0.92, h),
                ]),
            )
            .with(
                rim,
                Mesh::lathe(&[(r * 0.93, h * 0.6), (r, h * 0.65), (r, h), (0.0, h)])
                    .and(Mesh::ellipsoid(0.02, 0.02, 0.015).at(0.0, 0.0, -0.02)),
            )
        }
        1 => {
            let [w, d] = [rng.within(0.6, 1.25), rng.within(0.28, 0.6)];
            let bars = rng.count(2, 4);
            let louvre = Mesh::slab(w, 0.01, 0.03).repeated(
                (1..bars).map(|i| Vec3::new(0.0, d * (i as f32 / bars as f32 - 0.5), -0.005)),
            );
            o.with(
                shine,
                Mesh::slab(w - 0.05, d - 0.05, 0.03).at(0.0, 0.0, 0.02),
            )
            .with(
                rim,
                Mesh::slab(w, 0.03, 0.07)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * (d / 2.0 - 0.015), 0.0))),
            )
            .with(
                rim.sibling(rng),
                Mesh::slab(0.03, d, 0.07)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.015), 0.0, 0.0)))
                    .and(louvre),
            )
        }
        _ => {
            let (w, spots) = (rng.within(0.5, 1.0), rng.count(2, 4));
            let o = o.with(rim, Mesh::soft(w, 0.06, 0.03, 0.01).at(0.0, 0.0, 0.17));
            (0..spots).fold(o, |o, i| {
                let (x, tilt) = (w * ((i as f32 + 0.5) / spots as f32 - 0.5), rng.about(0.7));
                let can = Mesh::lathe(&[(0.05, 0.0), (0.05, 0.08), (0.03, 0.11), (0.0, 0.11)])
                    .pitched(tilt)
                    .at(x, 0.0, 0.04);
                let bulb = Mesh::cylinder(0.042, 0.02).pitched(tilt).at(x, 0.0, 0.045);
                o.with(
                    rim.sibling(rng),
                    can.and(Mesh::cylinder(0.01, 0.05).at(x, 0.0, 0.13)),
                )
                .with(shine, bulb)
            })
        }
    }
}
