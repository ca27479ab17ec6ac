//! Tables, desks and other furniture with a top.

use glam::{Vec2, Vec3};

use super::Object;
use crate::{material::Material, mesh::Mesh, rng::RoomRng};

/// A table of the given size: a board on legs, panels, trestles or a column, sometimes with an
/// apron.
fn board_on_legs(class: &'static str, [w, d, h]: [f32; 3], rng: &mut RoomRng) -> Object {
    let top = rng.carcass(0);
    let legs = if rng.chance(0.55) {
        top.sibling(rng)
    } else {
        rng.carcass(2)
    };
    let thick = rng.within(0.022, 0.05);
    let under = h - thick;
    let round = rng.chance(0.18) && w / d < 1.5;
    let board = if round {
        let r = d / 2.0;
        Mesh::lathe(&[(0.0, 0.0), (r, 0.0), (r, thick), (0.0, thick)])
            .warp(|p| Vec3::new(p.x * w / d, p.y, p.z))
    } else {
        Mesh::soft(w, d, thick, thick * 0.3)
    };
    let leg = rng.within(0.02, 0.04);
    let inset = if round { 0.3 } else { 0.46 };
    let stand = match rng.count(0, 5) {
        0..=1 => {
            Mesh::slab(2.0 * leg, 2.0 * leg, under).at_corners(Vec2::new(w * inset, d * inset))
        }
        2 => Mesh::frustum(leg * 0.6, leg, under).at_corners(Vec2::new(w * inset, d * inset)),
        3 => Mesh::slab(0.03, d * 0.9, under)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.05), 0.0, 0.0))),
        4 if d < 1.2 => Mesh::cylinder(0.05, under).and(Mesh::frustum(d * 0.32, 0.06, 0.05)),
        _ => {
            let foot = Mesh::slab(0.05, d * 0.85, 0.04).and(Mesh::slab(0.05, 0.1, under));
            foot.repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.36, 0.0, 0.0)))
                .and(Mesh::slab(w * 0.7, 0.04, 0.06).at(0.0, 0.0, h * 0.25))
        }
    };
    Object::new(class)
        .with(top, board.at(0.0, 0.0, under))
        .with(legs, stand)
        .then(|o| {
            if !round && rng.chance(0.5) {
                o.with(
                    legs.sibling(rng),
                    Mesh::slab(w * 0.9, d * 0.88, 0.07).at(0.0, 0.0, under - 0.07),
                )
            } else {
                o
            }
        })
        .with_top([0.0, 0.0, h], [w * 0.92, d * 0.9], 1.0)
}

/// A table for any purpose.
pub fn table(rng: &mut RoomRng) -> Object {
    let size = [
        rng.within(0.8, 1.8),
        rng.within(0.6, 0.95),
        rng.within(0.68, 0.78),
    ];
    board_on_legs("table", size, rng)
}

/// A dining table.
pub fn dining_table(rng: &mut RoomRng) -> Object {
    let d = rng.within(0.8, 1.1);
    let size = [rng.within(d, 2.1), d, rng.within(0.72, 0.78)];
    board_on_legs("dining table", size, rng)
}

/// A small high table that stands beside a couch.
pub fn end_table(rng: &mut RoomRng) -> Object {
    let d = rng.within(0.4, 0.6);
    let size = [rng.within(d, 0.7), d, rng.within(0.42, 0.62)];
    let lower = rng.chance(0.5);
    let shelf = rng.carcass(0);
    board_on_legs("end table", size, rng).then(|o| {
        if lower {
            o.with(
                shelf,
                Mesh::slab(size[0] * 0.85, size[1] * 0.85, 0.02).at(0.0, 0.0, size[2] * 0.3),
            )
        } else {
            o
        }
    })
}

/// A low table, often with a second board.
pub fn coffee_table(rng: &mut RoomRng) -> Object {
    let size = [
        rng.within(0.8, 1.3),
        rng.within(0.5, 0.75),
        rng.within(0.36, 0.5),
    ];
    let lower = rng.chance(0.55);
    let shelf = rng.carcass(0);
    board_on_legs("coffee table", size, rng).then(|o| {
        if lower {
            o.with(
                shelf,
                Mesh::slab(size[0] * 0.85, size[1] * 0.85, 0.025).at(0.0, 0.0, 0.12),
            )
        } else {
            o
        }
    })
}

/// A block of drawers or doors with fronts, gaps and handles, to be used as part of an object with
/// a class.
pub fn drawers(
    [w, d, h]: [f32; 3],
    rows: usize,
    columns: usize,
    body: Material,
    rng: &mut RoomRng,
) -> Object {
    let front = if rng.chance(0.75) {
        body.sibling(rng)
    } else {
        rng.carcass(0)
    };
    let grip = rng.metal();
    let round_grip = rng.chance(0.5);
    let (cell_w, cell_h) = (w / columns as f32, h / rows as f32);
    let proud = rng.within(0.008, 0.025);
    // Sometimes a drawer was left open.
    let (pulled, out) = (
        if rng.chance(0.15) {
            rng.count(0, rows * columns - 1)
        } else {
            usize::MAX
        },
        d * rng.within(0.15, 0.5),
    );
    Object::new("drawers")
        .with(body, Mesh::slab(w, d, h))
        .each(rows * columns, |o, i| {
            let (x, z) = (
                ((i % columns) as f32 + 0.5) * cell_w - w / 2.0,
                (i / columns) as f32 * cell_h,
            );
            let handle = if round_grip {
                Mesh::ellipsoid(0.018, 0.03, 0.036).at(0.0, 0.0, -0.018)
            } else {
                Mesh::slab((cell_w * 0.4).min(0.16), 0.03, 0.014)
            };
            let y = if i == pulled { d / 2.0 + out } else { d / 2.0 };
            o.with(
                front.sibling(rng),
                Mesh::soft(cell_w - 0.016, 2.0 * proud, cell_h - 0.02, 0.006).at(x, y, z + 0.01),
            )
            .with(grip, handle.at(x, y + proud + 0.012, z + cell_h * 0.6))
            .then(|o| {
                if i == pulled {
                    o.with(
                        body.shaded(0.8),
                        tray(cell_w - 0.03, out, cell_h * 0.7).at(x, (y + d / 2.0) / 2.0, z + 0.02),
                    )
                } else {
                    o
                }
            })
        })
}

/// The sides and the bottom of a drawer.
fn tray(w: f32, d: f32, h: f32) -> Mesh {
    Mesh::slab(w, d, 0.008).and(
        Mesh::slab(0.012, d, h)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.006), 0.0, 0.0))),
    )
}

/// A desk: a board, often with a drawer block, a modesty panel or a hutch of shelves.
pub fn desk(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(1.0, 1.8),
        rng.within(0.55, 0.8),
        rng.within(0.7, 0.76),
    ];
    let mut desk = board_on_legs("desk", [w, d, h], rng);
    let body = desk.parts[0].material;
    if rng.chance(0.65) {
        let block = [rng.within(0.36, 0.45), d * 0.85, h - 0.06];
        let side = rng.side();
        let rows = rng.count(2, 4);
        let chest = drawers(block, rows, 1, body.sibling(rng), rng).at(
            side * (w / 2.0 - block[0] / 2.0 - 0.03),
            -0.01,
            0.01,
        );
        desk.parts.extend(chest.parts);
    }
    if rng.chance(0.4) {
        desk = desk.with(
            body.sibling(rng),
            Mesh::slab(w * 0.9, 0.02, h * 0.5).at(0.0, -d * 0.42, h * 0.42),
        );
    }
    if rng.chance(0.18) {
        // A return: a lower wing at one end, with its own drawers or panel.
        let (side, wing, long) = (rng.side(), rng.within(0.42, 0.55), rng.within(0.5, 0.9));
        let (x, y) = (side * (w - wing) / 2.0, d / 2.0 + long / 2.0);
        desk = desk.with(
            body.sibling(rng),
            Mesh::soft(wing, long, 0.03, 0.008).at(x, y, h - 0.05),
        );
        if rng.chance(0.6) {
            let chest = drawers(
                [long * 0.9, wing * 0.85, h - 0.06],
                rng.count(2, 3),
                1,
                body.sibling(rng),
                rng,
            );
            let placed = chest.parts.into_iter().map(|p| super::Part {
                mesh: p
                    .mesh
                    .turned(side * std::f32::consts::FRAC_PI_2)
                    .at(x, y, 0.0),
                ..p
            });
            desk.parts.extend(placed);
        } else {
            desk = desk.with(
                body.sibling(rng),
                Mesh::slab(wing * 0.95, 0.025, h - 0.05).at(x, y + long / 2.0 - 0.02, 0.0),
            );
        }
    }
    if rng.chance(0.2) {
        let (rise, deep) = (rng.within(0.35, 0.55), 0.25);
        let boards = Mesh::slab(w, deep, 0.02)
            .at(0.0, 0.0, rise)
            .and(Mesh::slab(w, 0.015, rise).at(0.0, -deep / 2.0, 0.0));
        let uprights = Mesh::slab(0.02, deep, rise)
            .repeated([-0.49, 0.0, 0.49].map(|x| Vec3::new(x * w, 0.0, 0.0)));
        desk = desk.with(
            body.sibling(rng),
            boards.and(uprights).at(0.0, -d / 2.0 + deep / 2.0, h),
        );
        let filling = rng.spines(0);
        desk = desk.with(
            filling,
            Mesh::slab(w * 0.42, 0.16, 0.24).at(-w * 0.24, -d / 2.0 + 0.12, h),
        );
        desk.tops = Vec::new();
        return desk.with_top([0.0, deep * 0.6, h], [w * 0.85, d - deep - 0.08], 1.0);
    }
    desk
}

/// A low wide stand for a television, with open bays and doors.
pub fn tv_stand(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(1.0, 1.8),
        rng.within(0.36, 0.5),
        rng.within(0.4, 0.6),
    ];
    let body = rng.carcass(0);
    let (columns, device) = (rng.count(2, 3), rng.dark());
    let bay = w / columns as f32;
    let open = rng.count(0, columns - 1);
    let mut stand = Object::new("tv stand")
        .with(body, Mesh::slab(w, d, 0.03).at(0.0, 0.0, h - 0.03))
        .with(body, Mesh::slab(w, d, 0.06));
    for column in 0..columns {
        let x = (column as f32 + 0.5) * bay - w / 2.0;
        if column == open {
            stand = stand
                .with(
                    body.shaded(0.6),
                    Mesh::slab(bay, 0.02, h - 0.09).at(x, -d / 2.0 + 0.01, 0.06),
                )
                .with(body, Mesh::slab(bay, d * 0.9, 0.02).at(x, 0.0, h * 0.5))
                .with(
                    device,
                    Mesh::soft(bay * 0.7, d * 0.7, 0.06, 0.01).at(x, 0.0, 0.065),
                );
        } else {
            let rows = rng.count(1, 2);
            stand.parts.extend(
                drawers([bay, d - 0.03, h - 0.09], rows, 1, body, rng)
                    .at(x, 0.0, 0.06)
                    .parts,
            );
        }
    }
    stand.with_top([0.0, 0.0, h], [w * 0.95, d * 0.9], 1.5)
}
