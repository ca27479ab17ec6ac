//! Electronic devices and lamps.

use std::f32::consts::{FRAC_PI_2, TAU};

use glam::{Vec2, Vec3};

use super::Object;
use crate::{material::Material, mesh::Mesh, rng::RoomRng};

/// A flat screen on a foot.
fn display(class: &'static str, [w, h]: [f32; 2], rng: &mut RoomRng) -> Object {
    let shell = if rng.chance(0.8) {
        rng.dark()
    } else {
        rng.metal()
    };
    let (screen, lift, thick) = (rng.screen(), rng.within(0.06, 0.16), rng.within(0.03, 0.06));
    let wide = w > 0.75 && rng.chance(0.5);
    let foot = if wide {
        Mesh::slab(0.04, 0.22, 0.02)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.36, 0.0, 0.0)))
            .and(
                Mesh::slab(0.03, 0.03, lift)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.36, 0.0, 0.0))),
            )
    } else {
        Mesh::soft(w * 0.45, 0.2, 0.02, 0.008)
            .and(Mesh::slab(0.06, 0.04, lift + h * 0.4).at(0.0, -0.04, 0.0))
    };
    Object::new(class)
        .with(shell, Mesh::soft(w, thick, h, 0.01).at(0.0, 0.0, lift))
        .with(
            shell.sibling(rng),
            Mesh::soft(w * 0.5, 0.05, h * 0.5, 0.02).at(0.0, -thick / 2.0 - 0.01, lift + h * 0.2),
        )
        .with(
            screen,
            Mesh::slab(w - 0.03, 0.006, h - 0.035).at(0.0, thick / 2.0 + 0.001, lift + 0.018),
        )
        .with(shell, foot)
}

/// A computer monitor.
pub fn monitor(rng: &mut RoomRng) -> Object {
    let w = rng.within(0.42, 0.68);
    let ratio = rng.within(0.54, 0.7);
    display("monitor", [w, w * ratio], rng)
}

/// A television on its foot.
pub fn tv(rng: &mut RoomRng) -> Object {
    let w = rng.within(0.7, 1.35);
    display("tv", [w, w * 0.58], rng)
}

/// A keyboard: rows of keys on a flat board.
pub fn keyboard(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.36, 0.48), rng.within(0.13, 0.19)];
    let (shell, keys) = (
        if rng.chance(0.7) {
            rng.dark()
        } else {
            rng.white()
        },
        rng.paint(),
    );
    let rows = Mesh::slab(w * 0.94, d * 0.13, 0.01)
        .repeated((0..5).map(|i| Vec3::new(0.0, (i as f32 - 2.0) * d * 0.17, 0.018)));
    Object::new("keyboard")
        .with(shell, Mesh::slab(w, d, 0.02))
        .with(keys, rows)
}

/// A computer mouse.
pub fn mouse(rng: &mut RoomRng) -> Object {
    Object::new("mouse").with(rng.dark(), Mesh::ellipsoid(0.035, 0.055, 0.02))
}

/// An open laptop.
pub fn laptop(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.3, 0.38), rng.within(0.21, 0.26)];
    let shell = if rng.chance(0.5) {
        rng.dark()
    } else {
        rng.metal()
    };
    let (screen, keys) = (rng.screen(), rng.dark());
    let lean = rng.within(0.05, 0.5);
    let lid = |mesh: Mesh| mesh.pitched(lean).at(0.0, -d / 2.0, 0.02);
    Object::new("laptop")
        .with(shell, Mesh::slab(w, d, 0.022))
        .with(
            keys,
            Mesh::slab(w * 0.88, d * 0.45, 0.004).at(0.0, -d * 0.1, 0.022),
        )
        .with(shell.sibling(rng), lid(Mesh::slab(w, 0.014, d)))
        .with(
            screen,
            lid(Mesh::slab(w * 0.92, 0.004, d * 0.86).at(0.0, 0.009, 0.015)),
        )
}

/// An upright computer case with a front of a different material.
pub fn computer_tower(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.16, 0.22),
        rng.within(0.38, 0.5),
        rng.within(0.36, 0.48),
    ];
    let (body, front) = (
        if rng.chance(0.6) {
            rng.dark()
        } else {
            rng.paint()
        },
        rng.dark(),
    );
    Object::new("computer tower")
        .with(body, Mesh::slab(w, d, h))
        .with(
            front,
            Mesh::soft(w * 0.96, 0.04, h * 0.97, 0.012).at(0.0, d / 2.0, 0.0),
        )
        .with(
            rng.metal(),
            Mesh::slab(w * 0.8, 0.008, 0.045)
                .repeated([0.88, 0.76].map(|z| Vec3::new(0.0, d / 2.0 + 0.02, z * h - 0.03))),
        )
}

/// A printer: a body with a slot, a tray, a paper support and a panel.
pub fn printer(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.38, 0.52),
        rng.within(0.34, 0.45),
        rng.within(0.18, 0.36),
    ];
    let (body, tray) = (
        if rng.chance(0.5) {
            rng.dark()
        } else {
            rng.white()
        },
        rng.dark(),
    );
    Object::new("printer")
        .with(body, Mesh::soft(w, d, h, 0.03))
        .with(
            tray,
            Mesh::slab(w * 0.7, d * 0.4, 0.015)
                .pitched(0.2)
                .at(0.0, d * 0.55, h * 0.25),
        )
        .with(
            tray.sibling(rng),
            Mesh::slab(w * 0.72, 0.02, h * 0.22).at(0.0, d / 2.0, h * 0.35),
        )
        .with(
            rng.white(),
            Mesh::slab(w * 0.55, 0.02, 0.16)
                .pitched(0.35)
                .at(0.0, -d * 0.35, h * 0.95),
        )
        .with(
            rng.screen(),
            Mesh::slab(0.12, 0.06, 0.012).at(-w * 0.25, d * 0.35, h),
        )
}

/// A loudspeaker with two cones.
pub fn speaker(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.12, 0.26), rng.within(0.14, 0.28)];
    let h = w * rng.within(1.5, 3.6);
    let (body, cone) = (
        if rng.chance(0.6) {
            rng.dark()
        } else {
            rng.wood(2)
        },
        rng.dark(),
    );
    let disc = |r: f32, z: f32| {
        Mesh::lathe(&[(0.0, 0.0), (r, 0.02), (r, 0.0)])
            .pitched(-FRAC_PI_2)
            .at(0.0, d / 2.0, z)
    };
    Object::new("speaker")
        .with(body, Mesh::soft(w, d, h, 0.01))
        .with(cone, disc(w * 0.38, h * 0.35))
        .with(cone.sibling(rng), disc(w * 0.2, h * 0.78))
}

/// A desk telephone.
pub fn telephone(rng: &mut RoomRng) -> Object {
    let body = if rng.chance(0.6) {
        rng.dark()
    } else {
        rng.paint()
    };
    let base = Mesh::slab(0.18, 0.2, 0.05).warp(|p| Vec3::new(p.x, p.y, p.z * (1.2 - 3.0 * p.y)));
    let handset = Mesh::soft(0.05, 0.2, 0.045, 0.02).warp(|p| {
        Vec3::new(
            p.x,
            p.y,
            p.z - 4.0 * (0.1 - p.y.abs()) * (0.1 - p.y.abs()) + 0.03,
        )
    });
    Object::new("telephone")
        .with(body, base)
        .with(body.sibling(rng), handset.at(-0.055, 0.0, 0.05))
        .with(
            rng.paint(),
            Mesh::slab(0.08, 0.09, 0.01).at(0.035, 0.01, 0.06),
        )
}

fn shade(bottom: f32, top: f32, height: f32) -> Mesh {
    Mesh::lathe(&[
        (bottom, 0.0),
        ((bottom + top) * 0.5, height * 0.5),
        (top, height),
    ])
}

fn lit(rng: &mut RoomRng) -> Material {
    let cloth = if rng.chance(0.6) {
        rng.white()
    } else {
        rng.fabric()
    };
    if rng.chance(0.5) {
        cloth.glowing(rng.within(0.3, 1.2))
    } else {
        cloth
    }
}

/// A table lamp: a turned foot under a shade.
pub fn table_lamp(rng: &mut RoomRng) -> Object {
    let (h, r) = (rng.within(0.22, 0.4), rng.within(0.1, 0.19));
    let (foot, cloth) = (rng.paint(), lit(rng));
    let (a, b, c) = (
        rng.within(0.03, 0.09),
        rng.within(0.02, 0.1),
        rng.within(0.015, 0.05),
    );
    let body = Mesh::lathe(&[
        (0.0, 0.0),
        (r * 0.6, 0.0),
        (r * 0.6, 0.015),
        (a * 0.4, 0.03),
        (a, h * 0.25),
        (b, h * 0.5),
        (c, h * 0.75),
        (0.01, h),
    ]);
    let tall = rng.within(0.14, 0.26);
    Object::new("lamp").with(foot, body).with(
        cloth,
        shade(r, r * rng.within(0.5, 1.0), tall).at(0.0, 0.0, h - 0.02),
    )
}

/// A floor lamp: a pole with a shade on top or at the end of an arc.
pub fn floor_lamp(rng: &mut RoomRng) -> Object {
    let (h, r) = (rng.within(1.3, 1.75), rng.within(0.14, 0.24));
    let (pole, cloth) = (rng.metal().missing(0.1), lit(rng));
    let base = Mesh::frustum(rng.within(0.12, 0.17), 0.1, 0.03);
    if rng.chance(0.3) {
        let reach = rng.within(0.25, 0.5);
        let arc: Vec<Vec3> = (0..=8)
            .map(|i| i as f32 / 8.0)
            .map(|t| Vec3::new(reach * t, 0.0, h - reach * t * t * 0.5))
            .collect();
        return Object::new("floor lamp")
            .with(
                pole,
                base.and(Mesh::cylinder(0.016, h))
                    .and(Mesh::tube(&arc, 0.014)),
            )
            .with(
                cloth,
                shade(0.13, 0.05, 0.16).at(reach, 0.0, h - reach * 0.5 - 0.16),
            );
    }
    Object::new("floor lamp")
        .with(pole, base.and(Mesh::cylinder(0.016, h)))
        .with(
            cloth,
            shade(r, r * rng.within(0.5, 1.0), rng.within(0.2, 0.36)).at(0.0, 0.0, h - 0.18),
        )
}

/// A pendant on a cord that hangs from the ceiling; its mount is its highest point.
pub fn ceiling_lamp(rng: &mut RoomRng) -> Object {
    let (r, cord) = (rng.within(0.13, 0.28), rng.within(0.05, 0.6));
    let bowl = if rng.chance(0.5) {
        shade(r, r * 0.3, r * 0.9)
    } else {
        Mesh::ellipsoid(r, r, r * 0.7)
    };
    let rise = r * 0.9;
    Object::new("ceiling lamp")
        .with(lit(rng), bowl)
        .with(rng.dark(), Mesh::cylinder(0.008, cord).at(0.0, 0.0, rise))
        .with(
            rng.white(),
            Mesh::frustum(0.03, 0.06, 0.03).at(0.0, 0.0, rise + cord),
        )
}

/// A standing or table fan: a cage of rings, blades and a pole.
pub fn fan(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.14, 0.22), rng.within(0.3, 1.1));
    let body = if rng.chance(0.5) {
        rng.white()
    } else {
        rng.dark()
    };
    let upright = |mesh: Mesh| mesh.pitched(-FRAC_PI_2).at(0.0, 0.0, h);
    let cage = [0.35, 0.6, 0.8, 1.0]
        .into_iter()
        .fold(Mesh::default(), |all, s| {
            all.and(Mesh::ring(r * s, 0.008, TAU).at(0.0, 0.0, 0.06 * (1.0 - s)))
        });
    let blades = (0..4).fold(Mesh::default(), |all, i| {
        all.and(
            Mesh::slab(r * 0.85, r * 0.35, 0.008)
                .at(r * 0.45, 0.0, 0.0)
                .turned(i as f32 * TAU / 4.0),
        )
    });
    Object::new("fan")
        .with(
            body,
            Mesh::frustum(r * 0.9, r * 0.6, 0.03).and(Mesh::cylinder(0.018, h)),
        )
        .with(body.sibling(rng), upright(cage))
        .with(rng.paint(), upright(blades.at(0.0, 0.0, -0.02)))
        .with(
            body,
            upright(Mesh::frustum(0.06, 0.04, 0.12)).at(0.0, -0.14, 0.0),
        )
        .with(
            body,
            Mesh::slab(0.05, 0.05, 0.02).at_corners(Vec2::splat(r * 0.5)),
        )
}
