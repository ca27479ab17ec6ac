//! Measures the steps from points to superpoints and their merge tree.

use std::num::NonZero;

use kiddo::{ImmutableKdTree, SquaredEuclidean};
use segscape::{
    job,
    platform::{self, Instant},
    preflight::Choices,
    progress::Monitor,
    spatial::{self, Thinned},
    superpoint::{EdgeSource, Hierarchy, PointGraph, SuperpointOptions},
};
use serde_json::json;

use super::{Bench, print};

/// Number of leaf-ordered points whose neighbours one task finds with kiddo.
const CHUNK: usize = 256;

/// Prints one row per step, with the fastest of all runs. The graph step thins the scan and
/// computes neighbours and normals again; these are also measured separately before it. The row
/// `neighbors_kiddo` is no step of a scan: it is what the row `neighbors` is compared with.
pub fn run(bench: &Bench, bytes: &[u8]) -> anyhow::Result<()> {
    let silent = Monitor::silent();
    let mut scan = job::read(bytes, &silent)?;
    job::place(&mut scan, Choices::default());
    let options = SuperpointOptions::default();
    let EdgeSource::Neighbors { spacing, k, .. } = options.edges else {
        anyhow::bail!("superpoints are made of neighbours by default")
    };
    let mut fastest = [f64::INFINITY; 7];
    for _ in 0..bench.runs.max(1) {
        let mut steps = fastest.iter_mut();
        let mut clock = Instant::now();
        let mut lap = || {
            let ms = clock.elapsed().as_secs_f64() * 1e3;
            clock = Instant::now();
            steps
                .next()
                .into_iter()
                .for_each(|best| *best = best.min(ms));
        };
        let positions =
            Thinned::new(&scan.positions, spacing, |_, _| true).of_kept(&scan.positions);
        lap();
        let neighbors = spatial::nearest_neighbors(&positions, k, &|_| Ok(()))?;
        lap();
        neighbors_by_kiddo(&positions, k)?;
        lap();
        spatial::normals(&neighbors.by_row(&positions), &neighbors, &|_| Ok(()))?;
        lap();
        let graph = PointGraph::new(
            &scan.positions,
            scan.colors.as_deref(),
            &scan.triangles,
            None,
            options.edges,
            &silent,
        )?;
        lap();
        let superpoints = graph.cut(&options, &silent)?;
        lap();
        Hierarchy::new(&graph, &superpoints, &silent)?;
        lap();
    }
    for (step, ms) in [
        "thinning",
        "neighbours",
        "neighbours_kiddo",
        "normals",
        "graph",
        "forest",
        "merge_tree",
    ]
    .into_iter()
    .zip(fastest)
    {
        print(
            bench,
            &json!({ "step": step, "points": scan.len(), "ms": ms }),
            &format!("{step:16} {ms:9.1} ms"),
        )?;
    }
    Ok(())
}

/// The rows of `spatial::nearest_neighbors` from kiddo's immutable tree: built and queried on all
/// cores, queries and rows in the order of the tree's leaves. Unlike there, points at one place are
/// neighbours of each other.
fn neighbors_by_kiddo(positions: &[[f32; 3]], k: usize) -> anyhow::Result<Vec<u32>> {
    let k = k.min(positions.len().saturating_sub(1));
    // The nearest point is the point itself.
    let wanted = NonZero::<usize>::MIN.saturating_add(k);
    let tree = ImmutableKdTree::<f32, 3>::new_from_slice(positions)?;
    let point_of_row: Vec<(u32, [f32; 3])> = tree.iter().collect();
    let mut row_of_point = vec![0; positions.len()];
    (0..)
        .zip(&point_of_row)
        .for_each(|(row, &(point, _))| row_of_point[point as usize] = row);
    let mut rows = vec![0; positions.len() * k];
    platform::for_each_chunk(&mut rows, CHUNK * k, |chunk, rows| {
        let mut scratch = tree.create_scratch::<SquaredEuclidean<f32>>();
        for ((point, position), row) in point_of_row[chunk * CHUNK..]
            .iter()
            .zip(rows.chunks_exact_mut(k))
        {
            let nearest = tree
                .query(position)
                .nearest_n::<SquaredEuclidean<f32>>(wanted)
                .with_scratch(&mut scratch)
                .execute();
            let others = nearest.iter().filter(|found| found.item != *point);
            row.iter_mut()
                .zip(others)
                .for_each(|(neighbor, found)| *neighbor = row_of_point[found.item as usize]);
        }
    });
    Ok(rows)
}
