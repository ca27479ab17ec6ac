//! Tables, desks and other furniture with a top.

use glam::{Vec2, Vec3};

use super::Object;
use crate::synth::{dice::Dice, material::Material, mesh::Mesh};

/// A table of the given size: a board on legs, panels, trestles or a column, sometimes with an
/// apron.
fn board_on_legs(class: &'static str, [w, d, h]: [f32; 3], dice: &mut Dice) -> Object {
    let top = dice.carcass(0);
    let legs = if dice.chance(0.55) {
        top.sibling(dice)
    } else {
        dice.carcass(2)
    };
    let thick = dice.within(0.022, 0.05);
    let under = h - thick;
    let round = dice.chance(0.18) && w / d < 1.5;
    let board = if round {
        let r = d / 2.0;
        Mesh::lathe(&[(0.0, 0.0), (r, 0.0), (r, thick), (0.0, thick)])
            .warp(|p| Vec3::new(p.x * w / d, p.y, p.z))
    } else {
        Mesh::soft(w, d, thick, thick * 0.3)
    };
    let leg = dice.within(0.02, 0.04);
    let inset = if round { 0.3 } else { 0.46 };
    let stand = match dice.count(0, 5) {
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
            if !round && dice.chance(0.5) {
                o.with(
                    legs.sibling(dice),
                    Mesh::slab(w * 0.9, d * 0.88, 0.07).at(0.0, 0.0, under - 0.07),
                )
            } else {
                o
            }
        })
        .with_top([0.0, 0.0, h], [w * 0.92, d * 0.9], 1.0)
}

/// A table for any purpose.
pub fn table(dice: &mut Dice) -> Object {
    let size = [
        dice.within(0.8, 1.8),
        dice.within(0.6, 0.95),
        dice.within(0.68, 0.78),
    ];
    board_on_legs("table", size, dice)
}

/// A dining table.
pub fn dining_table(dice: &mut Dice) -> Object {
    let d = dice.within(0.8, 1.1);
    let size = [dice.within(d, 2.1), d, dice.within(0.72, 0.78)];
    board_on_legs("dining table", size, dice)
}

/// A small high table that stands beside a couch.
pub fn end_table(dice: &mut Dice) -> Object {
    let d = dice.within(0.4, 0.6);
    let size = [dice.within(d, 0.7), d, dice.within(0.42, 0.62)];
    let lower = dice.chance(0.5);
    let shelf = dice.carcass(0);
    board_on_legs("end table", size, dice).then(|o| {
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
pub fn coffee_table(dice: &mut Dice) -> Object {
    let size = [
        dice.within(0.8, 1.3),
        dice.within(0.5, 0.75),
        dice.within(0.36, 0.5),
    ];
    let lower = dice.chance(0.55);
    let shelf = dice.carcass(0);
    board_on_legs("coffee table", size, dice).then(|o| {
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
    dice: &mut Dice,
) -> Object {
    let front = if dice.chance(0.75) {
        body.sibling(dice)
    } else {
        dice.carcass(0)
    };
    let grip = dice.metal();
    let round_grip = dice.chance(0.5);
    let (cell_w, cell_h) = (w / columns as f32, h / rows as f32);
    let proud = dice.within(0.008, 0.025);
    // Sometimes a drawer was left open.
    let (pulled, out) = (
        if dice.chance(0.15) {
            dice.count(0, rows * columns - 1)
        } else {
            usize::MAX
        },
        d * dice.within(0.15, 0.5),
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
                front.sibling(dice),
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
pub fn desk(dice: &mut Dice) -> Object {
    let [w, d, h] = [
        dice.within(1.0, 1.8),
        dice.within(0.55, 0.8),
        dice.within(0.7, 0.76),
    ];
    let mut desk = board_on_legs("desk", [w, d, h], dice);
    let body = desk.parts[0].material;
    if dice.chance(0.65) {
        let block = [dice.within(0.36, 0.45), d * 0.85, h - 0.06];
        let side = dice.side();
        let rows = dice.count(2, 4);
        let chest = drawers(block, rows, 1, body.sibling(dice), dice).at(
            side * (w / 2.0 - block[0] / 2.0 - 0.03),
            -0.01,
            0.01,
        );
        desk.parts.extend(chest.parts);
    }
    if dice.chance(0.4) {
        desk = desk.with(
            body.sibling(dice),
            Mesh::slab(w * 0.9, 0.02, h * 0.5).at(0.0, -d * 0.42, h * 0.42),
        );
    }
    if dice.chance(0.18) {
        // A return: a lower wing at one end, with its own drawers or panel.
        let (side, wing, long) = (dice.side(), dice.within(0.42, 0.55), dice.within(0.5, 0.9));
        let (x, y) = (side * (w - wing) / 2.0, d / 2.0 + long / 2.0);
        desk = desk.with(
            body.sibling(dice),
            Mesh::soft(wing, long, 0.03, 0.008).at(x, y, h - 0.05),
        );
        if dice.chance(0.6) {
            let chest = drawers(
                [long * 0.9, wing * 0.85, h - 0.06],
                dice.count(2, 3),
                1,
                body.sibling(dice),
                dice,
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
                body.sibling(dice),
                Mesh::slab(wing * 0.95, 0.025, h - 0.05).at(x, y + long / 2.0 - 0.02, 0.0),
            );
        }
    }
    if dice.chance(0.2) {
        let (rise, deep) = (dice.within(0.35, 0.55), 0.25);
        let boards = Mesh::slab(w, deep, 0.02)
            .at(0.0, 0.0, rise)
            .and(Mesh::slab(w, 0.015, rise).at(0.0, -deep / 2.0, 0.0));
        let uprights = Mesh::slab(0.02, deep, rise)
            .repeated([-0.49, 0.0, 0.49].map(|x| Vec3::new(x * w, 0.0, 0.0)));
        desk = desk.with(
            body.sibling(dice),
            boards.and(uprights).at(0.0, -d / 2.0 + deep / 2.0, h),
        );
        let filling = dice.spines(0);
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
pub fn tv_stand(dice: &mut Dice) -> Object {
    let [w, d, h] = [
        dice.within(1.0, 1.8),
        dice.within(0.36, 0.5),
        dice.within(0.4, 0.6),
    ];
    let body = dice.carcass(0);
    let (columns, device) = (dice.count(2, 3), dice.dark());
    let bay = w / columns as f32;
    let open = dice.count(0, columns - 1);
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
            let rows = dice.count(1, 2);
            stand.parts.extend(
                drawers([bay, d - 0.03, h - 0.09], rows, 1, body, dice)
                    .at(x, 0.0, 0.06)
                    .parts,
            );
        }
    }
    stand.with_top([0.0, 0.0, h], [w * 0.95, d * 0.9], 1.5)
}
