//! Support surfaces of a model: the largest free rectangles of its horizontal surfaces, where other
//! objects may stand.

use std::collections::BTreeMap;

use glam::Vec3;

use super::{grammar::Top, library::Surface};

/// Side of a cell of the grid in plan view, metres.
const CELL: f32 = 0.04;
/// Thickness of a height level, metres.
const LEVEL: f32 = 0.02;
/// Tolerance by which a surface may lie outside the level that rounding put it into, metres.
const SLACK: f32 = 0.004;
/// Free height that a support surface needs, metres.
const LEAST_CLEARANCE: f32 = 0.14;
/// The shortest side of a support surface, cells.
const LEAST_CELLS: usize = 3;
/// Number of samples that suffices for any model; the rest of a larger model is ignored.
const MOST_SAMPLES: usize = 1 << 21;
/// The most support surfaces of a model.
const MOST: usize = 4;

/// `true` if people put things on objects of this class.
pub fn carries(class: &str) -> bool {
    const CARRIERS: &[&str] = &[
        "table",
        "dining table",
        "desk",
        "coffee table",
        "end table",
        "tv stand",
        "bookshelf",
        "shelf",
        "cabinet",
        "dresser",
        "nightstand",
        "file cabinet",
        "bed",
        "couch",
        "kitchen counter",
        "kitchen cabinet",
        "counter",
        "bench",
        "cart",
        "rack",
        "shoe rack",
        "bathroom vanity",
        "washing machine",
        "clothes dryer",
        "dishwasher",
        "mini fridge",
        "refrigerator",
        "piano",
        "fireplace",
        "storage container",
        "box",
    ];
    CARRIERS.contains(&class)
}

/// A sample of a surface: its cell in plan view, its height, and `level` if the surface is
/// horizontal there.
struct Sample {
    cell: [usize; 2],
    z: f32,
    level: bool,
}

/// The support surfaces of a model of the given size, the largest first.
pub fn tops(surfaces: &[Surface], size: Vec3) -> Vec<Top> {
    let [across, along] = [size.x, size.y].map(|side| (side / CELL) as usize + 1);
    let mut samples = samples(surfaces, size, [across, along]);
    samples.sort_unstable_by(|a, b| a.z.total_cmp(&b.z));
    // The samples in a range of heights.
    let between = |low: f32, high: f32| {
        &samples[samples.partition_point(|s| s.z < low)..samples.partition_point(|s| s.z < high)]
    };
    let mut levels: BTreeMap<i32, usize> = BTreeMap::new();
    samples
        .iter()
        .filter(|s| s.level)
        .for_each(|s| *levels.entry((s.z / LEVEL).floor() as i32).or_default() += 1);
    let area = |top: &Top| top.half[0] * top.half[1];
    let mut tops: Vec<Top> = Vec::new();
    for (level, _) in levels
        .into_iter()
        .filter(|(_, samples)| *samples >= LEAST_CELLS * LEAST_CELLS)
    {
        let (low, high) = (
            level as f32 * LEVEL - SLACK,
            (level + 1) as f32 * LEVEL + SLACK,
        );
        let mut free = vec![false; across * along];
        let cell = |s: &Sample| s.cell[1] * across + s.cell[0];
        let here = between(low, high).iter().filter(|s| s.level);
        here.clone().for_each(|s| free[cell(s)] = true);
        between(high + 0.01, high + LEAST_CLEARANCE)
            .iter()
            .for_each(|s| free[cell(s)] = false);
        let Some([x0, y0, x1, y1]) = largest_rectangle(&free, across) else {
            continue;
        };
        let inside = |s: &&Sample| (x0..x1).contains(&s.cell[0]) && (y0..y1).contains(&s.cell[1]);
        let above = between(high + 0.01, f32::INFINITY)
            .iter()
            .find(inside)
            .map_or(f32::INFINITY, |s| s.z);
        let place = |cells: usize, side: f32| cells as f32 * CELL - side / 2.0;
        let z = here.filter(|s| inside(s)).map(|s| s.z).fold(low, f32::max);
        let top = Top {
            center: Vec3::new(
                (place(x0, size.x) + place(x1, size.x)) / 2.0,
                (place(y0, size.y) + place(y1, size.y)) / 2.0,
                z,
            ),
            half: [
                (x1 - x0) as f32 * CELL * 0.48,
                (y1 - y0) as f32 * CELL * 0.48,
            ],
            clearance: (above - z - 0.01).min(1.0),
        };
        // A surface between two levels is found in both.
        match tops.last_mut() {
            Some(last) if z - last.center.z < LEVEL + 2.0 * SLACK => {
                *last = if area(&top) > area(last) { top } else { *last }
            }
            _ => tops.push(top),
        }
    }
    tops.sort_by(|a, b| area(b).total_cmp(&area(a)));
    tops.truncate(MOST);
    tops
}

/// Samples all surfaces densely enough that no cell is missed.
fn samples(surfaces: &[Surface], size: Vec3, cells: [usize; 2]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for mesh in surfaces.iter().map(|surface| &surface.mesh) {
        for triangle in &mesh.triangles {
            let [a, b, c] = triangle.map(|i| mesh.vertices[i as usize].position);
            let normal = (b - a).cross(c - a).normalize_or_zero();
            let longest = a.distance(b).max(b.distance(c)).max(c.distance(a));
            let steps = (longest / (0.6 * CELL)).ceil().max(1.0);
            if samples.len() > MOST_SAMPLES {
                return samples;
            }
            for i in 0..=steps as usize {
                for j in 0..=steps as usize - i {
                    let p = a + (b - a) * (i as f32 / steps) + (c - a) * (j as f32 / steps);
                    let cell = |v: f32, side: f32, most: usize| {
                        (((v + side / 2.0) / CELL) as usize).min(most - 1)
                    };
                    let cell = [cell(p.x, size.x, cells[0]), cell(p.y, size.y, cells[1])];
                    samples.push(Sample {
                        cell,
                        z: p.z,
                        level: normal.z.abs() > 0.97,
                    });
                }
            }
        }
    }
    samples
}

/// The largest rectangle of free cells, `[x0, y0, x1, y1]` with exclusive ends; `None` if it is too
/// small.
fn largest_rectangle(free: &[bool], across: usize) -> Option<[usize; 4]> {
    let mut heights = vec![0usize; across];
    let (mut best, mut largest) = (None, 0);
    for (y, row) in free.chunks(across).enumerate() {
        heights
            .iter_mut()
            .zip(row)
            .for_each(|(height, free)| *height = if *free { *height + 1 } else { 0 });
        for x0 in 0..across {
            let mut lowest = usize::MAX;
            for (x, height) in heights.iter().enumerate().skip(x0) {
                lowest = lowest.min(*height);
                let wide = x + 1 - x0;
                if lowest < LEAST_CELLS {
                    break;
                }
                if wide >= LEAST_CELLS && wide * lowest > largest {
                    largest = wide * lowest;
                    best = Some([x0, y + 1 - lowest, x + 1, y + 1]);
                }
            }
        }
    }
    best
}
