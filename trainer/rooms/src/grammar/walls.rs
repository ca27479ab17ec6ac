//! Objects on, in and in front of walls; the wall is at y = 0 behind them.

use std::f32::consts::{FRAC_PI_2, TAU};

use glam::Vec3;

use super::Object;
use crate::{
    material::{Material, Texture},
    mesh::Mesh,
    noise::rough,
    rng::RoomRng,
};

/// A rectangular frame of size w x h, with bars of width `bar` and depth `deep`.
pub fn frame(w: f32, h: f32, bar: f32, deep: f32) -> Mesh {
    let lying = Mesh::slab(w, deep, bar);
    let standing = Mesh::slab(bar, deep, h);
    lying
        .repeated([Vec3::ZERO, Vec3::new(0.0, 0.0, h - bar)])
        .and(standing.repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w - bar) / 2.0, 0.0, 0.0))))
        .at(0.0, deep / 2.0, 0.0)
}

fn framed(
    class: &'static str,
    [w, h]: [f32; 2],
    face: Material,
    rim: Material,
    bar: f32,
) -> Object {
    Object::new(class)
        .with(
            face,
            Mesh::slab(w - bar, 0.012, h - bar).at(0.0, 0.008, bar / 2.0),
        )
        .with(rim, frame(w, h, bar, 0.03))
}

/// A framed picture, sometimes with a mount.
pub fn picture(rng: &mut RoomRng) -> Object {
    let size = [rng.within(0.25, 1.0), rng.within(0.25, 0.8)];
    let (rim, bar) = (rng.carcass(0), rng.within(0.02, 0.06));
    let inner = rng.white();
    let mounted = rng.chance(0.5);
    let face = rng.picture(if mounted { size.map(|s| s * 0.6) } else { size });
    framed(
        "picture",
        size,
        if mounted { inner } else { face },
        rim,
        bar,
    )
    .then(|o| {
        if mounted {
            o.with(
                face,
                Mesh::slab(size[0] * 0.6, 0.006, size[1] * 0.6).at(0.0, 0.017, size[1] * 0.2),
            )
        } else {
            o
        }
    })
}

/// An unframed print.
pub fn poster(rng: &mut RoomRng) -> Object {
    let size = [rng.within(0.3, 0.7), rng.within(0.4, 0.95)];
    Object::new("poster").with(
        rng.picture(size),
        Mesh::slab(size[0], 0.008, size[1]).at(0.0, 0.006, 0.0),
    )
}

/// A mirror: depth cameras mostly fail on it.
pub fn mirror(rng: &mut RoomRng) -> Object {
    let size = [rng.within(0.35, 0.9), rng.within(0.5, 1.2)];
    let (glass, rim) = (rng.print(0.3).missing(0.6), rng.carcass(0));
    framed("mirror", size, glass, rim, 0.045)
}

/// A whiteboard with writing and a tray.
pub fn whiteboard(rng: &mut RoomRng) -> Object {
    let [w, h] = [rng.within(0.9, 2.4), rng.within(0.7, 1.2)];
    let (face, rim) = (rng.white(), rng.metal());
    let marks = rng.count(0, 6);
    framed("whiteboard", [w, h], face, rim, 0.03)
        .with(rim, Mesh::slab(w * 0.5, 0.08, 0.02).at(0.0, 0.05, 0.0))
        .each(marks, |o, _| {
            let (x, z) = (rng.about(w * 0.3), rng.within(0.15, h - 0.2));
            o.with(
                rng.print(0.03),
                Mesh::slab(rng.within(0.05, 0.4), 0.004, rng.within(0.02, 0.12)).at(x, 0.016, z),
            )
        })
}

/// A pinboard full of notes.
pub fn bulletin_board(rng: &mut RoomRng) -> Object {
    let [w, h] = [rng.within(0.6, 1.6), rng.within(0.5, 1.1)];
    let (cork, rim) = (rng.cardboard(), rng.wood(0));
    let notes = rng.count(3, 10);
    framed("bulletin board", [w, h], cork, rim, 0.03).each(notes, |o, _| {
        let (x, z) = (rng.about(w * 0.38), rng.within(0.05, h - 0.35));
        let sheet = if rng.chance(0.5) {
            rng.white()
        } else {
            rng.print(0.05)
        };
        o.with(
            sheet,
            Mesh::slab(rng.within(0.1, 0.22), 0.006, rng.within(0.12, 0.3)).at(x, 0.017, z),
        )
    })
}

/// A round wall clock.
pub fn clock(rng: &mut RoomRng) -> Object {
    let r = rng.within(0.12, 0.2);
    let upright = |mesh: Mesh| mesh.pitched(-FRAC_PI_2).at(0.0, 0.0, r);
    let hands = Mesh::slab(0.012, 0.008, r * 0.7)
        .and(Mesh::slab(0.014, 0.008, r * 0.5).rolled(rng.within(1.0, 5.0)));
    Object::new("clock")
        .with(
            rng.white(),
            upright(Mesh::lathe(&[(0.0, 0.03), (r, 0.03), (r, 0.0)])),
        )
        .with(
            rng.paint(),
            upright(Mesh::ring(r, 0.015, TAU).at(0.0, 0.0, 0.01)),
        )
        .with(rng.dark(), hands.at(0.0, 0.038, r))
}

/// A panel radiator with ribs, a grille and a pipe.
pub fn radiator(rng: &mut RoomRng) -> Object {
    let [w, h] = [rng.within(0.6, 1.8), rng.within(0.4, 0.7)];
    let enamel = rng.white();
    let ribs = (w / rng.within(0.05, 0.08)) as usize;
    let rib = Mesh::soft(0.04, 0.06, h - 0.12, 0.015);
    Object::new("radiator")
        .with(
            enamel,
            rib.repeated(
                (0..ribs)
                    .map(|i| Vec3::new(w * ((i as f32 + 0.5) / ribs as f32 - 0.5), 0.085, 0.12)),
            ),
        )
        .with(
            enamel.sibling(rng),
            Mesh::slab(w, 0.03, h - 0.14).at(0.0, 0.045, 0.13),
        )
        .with(
            enamel.shaded(0.85),
            Mesh::slab(w, 0.1, 0.015).at(0.0, 0.06, h - 0.01),
        )
        .with(
            rng.metal(),
            Mesh::cylinder(0.014, 0.15)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.45, 0.06, 0.0))),
        )
}

/// A curtain of random size: cloth hanging in folds from a rod, one piece or two halves.
pub fn curtain(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.8, 2.4), rng.within(1.3, 2.2));
    curtain_of(w, h, rng)
}

/// A curtain of a given size.
pub fn curtain_of(w: f32, h: f32, rng: &mut RoomRng) -> Object {
    let (cloth, rod) = (rng.fabric(), rng.metal());
    let (pitch, deep, seed) = (rng.within(0.09, 0.2), rng.within(0.025, 0.06), rng.seed());
    let fall = |from: f32, to: f32| {
        let cells = (((to - from) / pitch * 6.0) as usize).clamp(8, 120);
        Mesh::surface(cells, 8, |u, v| {
            let x = from + (to - from) * u;
            let phase = x / pitch * TAU + 3.0 * rough(Vec3::new(x * 3.0, 0.0, v), seed);
            Vec3::new(
                x + 0.02 * (phase * 0.5).sin() * (1.0 - v),
                0.08 + deep * phase.sin() * (1.1 - 0.5 * v),
                v * h,
            )
        })
    };
    let curtain = Object::new("curtain").with(
        rod,
        Mesh::cylinder(0.015, w * 1.06)
            .rolled(FRAC_PI_2)
            .at(-w * 0.53, 0.08, h + 0.02),
    );
    let open = rng.within(0.0, 0.7);
    if rng.chance(0.4) {
        curtain.with(cloth, fall(-w / 2.0, w / 2.0))
    } else {
        curtain
            .with(cloth, fall(-w / 2.0, -w / 2.0 * open))
            .with(cloth.sibling(rng), fall(w / 2.0 * open, w / 2.0))
    }
}

/// Slatted blinds.
pub fn blinds(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.6, 1.6), rng.within(0.5, 1.4));
    let slat = rng.white();
    let count = (h / 0.05) as usize;
    let tilt = rng.within(-0.9, 0.9);
    let slats = Mesh::slab(w, 0.045, 0.006)
        .pitched(tilt)
        .repeated((0..count).map(|i| Vec3::new(0.0, 0.05, h * i as f32 / count as f32)));
    Object::new("blinds").with(slat, slats).with(
        slat.sibling(rng),
        Mesh::slab(w, 0.06, 0.05).at(0.0, 0.05, h),
    )
}

/// A jacket on a hook.
pub fn jacket(rng: &mut RoomRng) -> Object {
    let (w, h, seed) = (rng.within(0.4, 0.55), rng.within(0.6, 0.95), rng.seed());
    let cloth = rng.fabric();
    let body = Mesh::surface(16, 14, |u, v| {
        let angle = (u - 0.5) * std::f32::consts::PI;
        let girth = w / 2.0
            * (1.0 - 0.75 * v.powi(3))
            * (0.9 + 0.2 * rough(Vec3::new(u * 6.0, v * 3.0, 0.0), seed));
        Vec3::new(
            girth * angle.sin(),
            0.02 + girth * 0.55 * angle.cos(),
            v * h,
        )
    });
    let sleeve = Mesh::tube(
        &[
            Vec3::new(0.0, 0.1, h * 0.8),
            Vec3::new(0.06, 0.1, h * 0.5),
            Vec3::new(0.05, 0.12, h * 0.2),
        ],
        0.06,
    );
    Object::new("jacket")
        .with(cloth, body)
        .with(
            cloth.sibling(rng),
            sleeve.clone().at(w * 0.4, 0.0, 0.0).and(
                sleeve
                    .warp(|p| Vec3::new(-p.x, p.y, p.z))
                    .at(-w * 0.4, 0.0, 0.0),
            ),
        )
        .with(
            rng.metal(),
            Mesh::soft(0.04, 0.1, 0.06, 0.01).at(0.0, 0.04, h),
        )
}

/// A door leaf in its frame, for an opening; sometimes ajar.
pub fn door(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.75, 0.98), rng.within(1.95, 2.1));
    door_of([w, h], true, rng)
}

/// A door that fills an opening of size w x h; without `framed`, only the leaf.
pub fn door_of(size: [f32; 2], framed: bool, rng: &mut RoomRng) -> Object {
    let ajar = if rng.chance(0.25) {
        rng.within(0.3, 1.7)
    } else {
        0.0
    };
    open_door_of(size, framed, ajar, rng)
}

/// A door as in `door_of`, opened by the angle `ajar`, radians.
pub fn open_door_of([w, h]: [f32; 2], framed: bool, ajar: f32, rng: &mut RoomRng) -> Object {
    let leaf = rng.carcass(2);
    let rim = if rng.chance(0.5) {
        leaf.sibling(rng)
    } else {
        rng.white()
    };
    let (bar, deep) = (rng.within(0.05, 0.09), rng.within(0.01, 0.03));
    let (inner, tall) = (w - 2.0 * bar, h - bar);
    let swing = move |mesh: Mesh| {
        mesh.at(inner / 2.0, 0.0, 0.0)
            .turned(ajar)
            .at(-inner / 2.0, -0.02, 0.0)
    };
    let panels: &[(f32, f32, f32, f32)] = match rng.count(0, 2) {
        0 => &[],
        1 => &[(0.0, 0.08, 0.7, 0.36), (0.0, 0.52, 0.7, 0.4)],
        _ => &[
            (-0.21, 0.07, 0.32, 0.3),
            (0.21, 0.07, 0.32, 0.3),
            (-0.21, 0.44, 0.32, 0.3),
            (0.21, 0.44, 0.32, 0.3),
            (-0.21, 0.8, 0.32, 0.14),
            (0.21, 0.8, 0.32, 0.14),
        ],
    };
    let grip = Mesh::ellipsoid(0.03, 0.05, 0.05)
        .at(inner * 0.42, 0.04, h * 0.48)
        .and(Mesh::slab(0.05, 0.012, 0.18).at(inner * 0.42, 0.022, h * 0.44));
    let posts = Mesh::slab(bar, 0.1, h)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w - bar) / 2.0, 0.0, 0.0)))
        .and(Mesh::slab(w, 0.1, bar).at(0.0, 0.0, h - bar));
    Object::new("door")
        .with(leaf, swing(Mesh::slab(inner, 0.04, tall)))
        .then(|o| if framed { o.with(rim, posts) } else { o })
        .with(rng.metal(), swing(grip))
        .each(panels.len(), |o, i| {
            let (x, z, pw, ph) = panels[i];
            o.with(
                leaf.shaded(0.85),
                swing(frame(pw * inner, ph * tall, 0.03, 2.0 * deep).at(
                    x * inner,
                    0.02 - deep,
                    z * tall,
                )),
            )
        })
}

/// A window that fills an opening: frame, bars, a sill, and panes that glow with daylight or fail
/// in depth images.
pub fn window(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.7, 2.0), rng.within(0.7, 1.4));
    window_of([w, h], true, rng)
}

/// A window of a given size, with or without its own sill.
pub fn window_of([w, h]: [f32; 2], sill: bool, rng: &mut RoomRng) -> Object {
    let rim = if rng.chance(0.65) {
        rng.white()
    } else {
        rng.wood(0)
    };
    let day = Vec3::new(rng.within(0.6, 0.95), rng.within(0.7, 0.97), 1.0) * rng.within(0.35, 1.0);
    let pane = Material::new(Texture::Mottled(0.5), day, day * 0.6, rng)
        .glowing(rng.within(0.5, 1.5))
        .missing(rng.within(0.25, 0.9));
    let (columns, rows) = (rng.count(1, 3), rng.count(1, 2));
    let bar = rng.within(0.04, 0.07);
    let upright = Mesh::slab(bar, 0.05, h)
        .repeated((1..columns).map(|i| Vec3::new(w * (i as f32 / columns as f32 - 0.5), 0.0, 0.0)));
    let lying = Mesh::slab(w, 0.05, bar)
        .repeated((1..rows).map(|i| Vec3::new(0.0, 0.0, h * i as f32 / rows as f32)));
    Object::new("window")
        .with(rim, frame(w, h, bar, 0.1).at(0.0, -0.07, 0.0))
        .with(rim.sibling(rng), upright.and(lying).at(0.0, -0.04, 0.0))
        .with(
            pane,
            Mesh::slab(w - bar, 0.01, h - bar).at(0.0, -0.05, bar / 2.0),
        )
        .then(|o| {
            if sill {
                o.with(
                    rim.sibling(rng),
                    Mesh::slab(w + 0.08, rng.within(0.06, 0.2), 0.03).at(0.0, 0.03, -0.03),
                )
            } else {
                o
            }
        })
}
