//! Beds and bedding.

use glam::{Vec2, Vec3};

use super::{Object, soft::crumpled};
use crate::{mesh::Mesh, noise::rough, rng::RoomRng};

/// A bed: a frame with a headboard, a mattress and a rumpled cover that hangs over the sides. The
/// head is at the back.
pub fn bed(rng: &mut RoomRng) -> Object {
    let (w, d) = (
        rng.pick(&[0.9, 1.0, 1.4, 1.6, 1.8]) * rng.within(0.97, 1.05),
        rng.within(1.95, 2.1),
    );
    let (base, thick) = (rng.within(0.22, 0.38), rng.within(0.16, 0.28));
    let (frame, sheet, cover) = (rng.carcass(0), rng.white(), rng.fabric());
    let top = base + thick;
    let head = rng.within(0.75, 1.25);
    let headboard = headboard(w, base, head, rng);
    let reach = rng.within(0.6, 0.85);
    let (hang, seed, fold) = (
        rng.within(0.1, base + thick - 0.05),
        rng.seed(),
        rng.within(0.02, 0.07),
    );
    let duvet = duvet([w, d, top], [hang, fold], reach, seed);
    let foot = Mesh::surface(14, 3, |u, v| {
        Vec3::new(
            (u - 0.5) * (w + 0.06),
            d / 2.0 + 0.02 + 0.02 * (u * 30.0).sin(),
            top + 0.02 - v * hang,
        )
    });
    let throw = rng.chance(0.5).then(|| rng.fabric());
    let tumbled = rng.chance(0.5);
    let pillows = if w > 1.2 { 2 } else { 1 };
    Object::new("bed")
        .with(
            frame,
            Mesh::slab(w + 0.06, d, base - 0.08).at(0.0, 0.0, 0.08),
        )
        .with(
            frame.sibling(rng),
            Mesh::slab(0.07, 0.07, 0.08).at_corners(Vec2::new(w / 2.0 - 0.05, d / 2.0 - 0.05)),
        )
        .with(frame.sibling(rng), headboard.at(0.0, -d / 2.0 - 0.03, 0.0))
        .with(sheet, Mesh::soft(w, d, thick, 0.07).at(0.0, 0.0, base))
        .with(cover, duvet)
        .with(cover.sibling(rng), foot)
        .then(|o| match throw {
            Some(cloth) if tumbled => {
                let heap = crumpled(Mesh::soft(w * 0.6, d * 0.35, 0.16, 0.06), 0.1, rng);
                o.with(
                    cloth,
                    heap.turned(rng.about(0.8))
                        .at(rng.about(w * 0.12), rng.about(d * 0.15), top),
                )
            }
            Some(cloth) => o.with(
                cloth,
                Mesh::soft(w + 0.08, d * 0.25, 0.05, 0.02).at(0.0, d * 0.3, top + 0.02),
            ),
            None => o,
        })
        .each(pillows, |o, i| {
            let x = if pillows == 1 {
                0.0
            } else {
                (i as f32 - 0.5) * w * 0.5
            };
            o.with_top([x, -d / 2.0 + 0.22, top], [0.12, 0.1], 0.8)
        })
        .with_top([0.0, d * 0.15, top + fold + 0.02], [w * 0.7, d * 0.4], 1.0)
}

/// A headboard of the height `head`: a panel, a cushion above `base`, or bars under an arch.
fn headboard(w: f32, base: f32, head: f32, rng: &mut RoomRng) -> Mesh {
    match rng.count(0, 2) {
        0 => Mesh::slab(w + 0.06, 0.05, head),
        1 => Mesh::cushion(w + 0.06, head - base, 0.12, 0.25)
            .pitched(std::f32::consts::FRAC_PI_2)
            .at(0.0, 0.06, base + (head - base) / 2.0),
        _ => {
            let bars = Mesh::cylinder(0.016, head)
                .repeated((0..9).map(|i| Vec3::new(w * (i as f32 / 8.0 - 0.5), 0.0, 0.0)));
            bars.and(Mesh::tube(
                &[
                    Vec3::new(-w / 2.0, 0.0, head),
                    Vec3::new(0.0, 0.0, head + 0.08),
                    Vec3::new(w / 2.0, 0.0, head),
                ],
                0.025,
            ))
        }
    }
}

/// The cover of a bed of size w x d with its upper side at `top`, over the share `reach` of the
/// length. It hangs down by `hang` and has folds of the height `fold`.
fn duvet([w, d, top]: [f32; 3], [hang, fold]: [f32; 2], reach: f32, seed: u32) -> Mesh {
    Mesh::surface(28, 28, |u, v| {
        // Across the bed, the cover runs up one side, over the top and down the other.
        let (across, along) = ((2.0 * u - 1.0) * (w / 2.0 + 0.03 + hang), v * d * reach);
        let over = (across.abs() - w / 2.0 - 0.03).max(0.0);
        let rumple = fold * rough(Vec3::new(across * 5.0, along * 4.0, 0.0), seed);
        let x = across.clamp(-w / 2.0 - 0.03, w / 2.0 + 0.03);
        let outward = if over > 0.0 {
            across.signum() * rumple
        } else {
            0.0
        };
        Vec3::new(
            x + outward,
            d / 2.0 + 0.02 - along,
            top + 0.02 + if over > 0.0 { 0.0 } else { rumple } - over,
        )
    })
}

/// A pillow or cushion, lying or leaning.
pub fn pillow(rng: &mut RoomRng) -> Object {
    let (w, d, h) = (
        rng.within(0.38, 0.7),
        rng.within(0.34, 0.48),
        rng.within(0.12, 0.2),
    );
    let cover = if rng.chance(0.35) {
        rng.white()
    } else {
        rng.fabric()
    };
    let flat = Mesh::cushion(w, d, h, 0.65);
    Object::new("pillow").with(
        cover,
        if rng.chance(0.35) {
            flat.pitched(rng.within(0.5, 1.1)).at(0.0, 0.0, d * 0.4)
        } else {
            flat
        },
    )
}

/// A folded or crumpled blanket.
pub fn blanket(rng: &mut RoomRng) -> Object {
    let (w, d, h) = (
        rng.within(0.35, 0.8),
        rng.within(0.3, 0.6),
        rng.within(0.08, 0.2),
    );
    let (cloth, seed) = (rng.fabric(), rng.seed());
    let heap = Mesh::surface(18, 18, |u, v| {
        let (x, y) = (2.0 * u - 1.0, 2.0 * v - 1.0);
        let edge = (1.0 - x.powi(4)) * (1.0 - y.powi(4));
        Vec3::new(
            x * w / 2.0,
            y * d / 2.0,
            h * edge * (0.45 + 0.55 * rough(Vec3::new(x * 2.5, y * 2.5, 0.0), seed)),
        )
    });
    Object::new("blanket").with(cloth, heap)
}
