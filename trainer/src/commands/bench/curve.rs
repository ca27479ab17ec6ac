//! Measures how the cost of a scan grows with its size: rooms side by side, as in a building.

use std::path::Path;

use anyhow::Context;
use plotters::{prelude::*, series::LineSeries};
use segscape::{job::Network, progress::Stage};
use serde_json::json;

use super::{Bench, Cost, StageCost, name, print, shown};
use rooms::{SyntheticRoom, World};

/// Seed of the rooms, which no training run uses.
const SEED: u64 = 9000;
/// Distance between two rooms, metres.
const GAP: f32 = 1.0;
const PICTURE: (u32, u32) = (900, 480);
/// The palette of Okabe and Ito, whose colours the colour-blind can tell apart.
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
];

/// Prints one row per size, and draws the plot if one is asked for. A size that is refused is
/// reported and left out.
pub fn run(bench: &Bench, network: &Network) -> anyhow::Result<()> {
    let mut points = bench.points.clone();
    points.sort_unstable();
    let mut costs = Vec::new();
    for least in points {
        let rooms = rooms(least);
        let cost = match Cost::of(|| Ok(side_by_side(&rooms).to_ply()), network, bench.runs) {
            Ok(cost) => cost,
            Err(error) => {
                eprintln!("the scan of at least {least} points was left out: {error:#}");
                continue;
            }
        };
        let sum = cost.ms();
        // Rooms differ in how densely they were scanned, so the cost of a point of one says little
        // about that of another: a building is compared with its own rooms.
        let alone = rooms
            .iter()
            .map(|room| Ok(Cost::of(|| Ok(room.to_ply()), network, bench.runs)?.ms()))
            .sum::<anyhow::Result<f64>>()?;
        let row = json!({ "points": cost.points, "superpoints": cost.superpoints, "voxels": cost.voxels, "rooms": rooms.len(), "stages": cost.stages, "ms": sum, "ms_room_by_room": alone });
        let stages: Vec<_> = cost
            .stages
            .iter()
            .map(|(stage, c)| format!("{} {:.0} ms, {}", name(*stage), c.ms, shown(c.peak_mib)))
            .collect();
        print(
            bench,
            &row,
            &format!(
                "{} points, {} superpoints, {} voxels: {sum:.0} ms ({}), {:.2} times the sum of its {} rooms one by one",
                cost.points,
                cost.superpoints,
                cost.voxels,
                stages.join("; "),
                sum / alone,
                rooms.len()
            ),
        )?;
        costs.push(cost);
    }
    match &bench.plot {
        Some(file) => {
            plot(&costs, file).with_context(|| format!("{} cannot be drawn", file.display()))
        }
        None => Ok(()),
    }
}

/// As many rooms as it takes to reach `least` points.
fn rooms(least: usize) -> Vec<SyntheticRoom> {
    let (world, mut rooms) = (World::grammars(), Vec::<SyntheticRoom>::new());
    while rooms.iter().map(|room| room.positions.len()).sum::<usize>() < least {
        rooms.push(world.room(SEED, rooms.len() as u64));
    }
    rooms
}

/// A building of these rooms, in rows of equal length.
fn side_by_side(rooms: &[SyntheticRoom]) -> SyntheticRoom {
    let edge = rooms
        .iter()
        .flat_map(|room| &room.positions)
        .fold(0.0f32, |edge, [x, y, _]| edge.max(*x).max(*y))
        + GAP;
    let row = (rooms.len() as f64).sqrt().ceil() as usize;
    let mut all = SyntheticRoom {
        positions: vec![],
        colors: vec![],
        semantic: vec![],
        instance: vec![],
    };
    for (place, room) in rooms.iter().enumerate() {
        let (east, north) = ((place % row) as f32 * edge, (place / row) as f32 * edge);
        all.positions.extend(
            room.positions
                .iter()
                .map(|[x, y, z]| [x + east, y + north, *z]),
        );
        all.colors.extend(&room.colors);
        all.semantic.extend(&room.semantic);
        all.instance.extend(&room.instance);
    }
    all
}

/// Plots time and memory of each stage over the number of points on logarithmic axes: a cost that
/// is proportional to the size of the scan has a slope of one.
fn plot(costs: &[Cost], file: &Path) -> anyhow::Result<()> {
    let stages: Vec<Stage> = Stage::ALL
        .into_iter()
        .filter(|stage| costs.iter().any(|cost| cost.stages.contains_key(stage)))
        .collect();
    let picture = SVGBackend::new(file, PICTURE).into_drawing_area();
    picture.fill(&WHITE)?;
    let (time, memory) = picture.split_horizontally(PICTURE.0 / 2);
    let line = |stage: Stage, value: fn(&StageCost) -> Option<f64>| -> Vec<(f64, f64)> {
        costs
            .iter()
            .filter_map(|cost| Some((cost.points as f64, value(cost.stages.get(&stage)?)?)))
            .collect()
    };
    for (area, title, value) in [
        (
            time,
            "seconds",
            (|stage| Some(stage.ms / 1000.0)) as fn(&StageCost) -> Option<f64>,
        ),
        (memory, "peak memory, MiB", |stage| {
            stage.peak_mib.map(|mib| mib as f64)
        }),
    ] {
        let lines: Vec<_> = stages
            .iter()
            .map(|stage| (*stage, line(*stage, value)))
            .filter(|(_, line)| !line.is_empty())
            .collect();
        let all = || lines.iter().flat_map(|(_, line)| line);
        let bounds = |of: fn(&(f64, f64)) -> f64| {
            all().map(of).fold(f64::INFINITY..0.0, |range, v| {
                range.start.min(v)..range.end.max(v)
            })
        };
        let (points, values) = (bounds(|at| at.0), bounds(|at| at.1));
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(52)
            .build_cartesian_2d(
                (points.start / 1.1..points.end * 1.1).log_scale(),
                (values.start / 1.3..values.end * 1.3).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc("points")
            .x_label_formatter(&|points| thousands(*points))
            .y_label_formatter(&|value| format!("{}", (value * 1000.0).round() / 1000.0))
            .light_line_style(WHITE)
            .draw()?;
        for ((stage, line), color) in lines.into_iter().zip(COLORS) {
            let drawn =
                chart.draw_series(LineSeries::new(line, color.stroke_width(2)).point_size(3))?;
            drawn.label(name(stage)).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2))
            });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .draw()?;
    }
    Ok(picture.present()?)
}

/// Formats a number of points as `200 k`. Only numbers that begin with 1, 2 or 5 are labelled, so
/// that the labels do not overlap.
fn thousands(points: f64) -> String {
    let leading = points / 10f64.powf(points.log10().floor());
    match leading.round() as u32 {
        1 | 2 | 5 if points < 1e6 => format!("{:.0} k", points / 1e3),
        1 | 2 | 5 => format!("{:.0} M", points / 1e6),
        _ => String::new(),
    }
}
