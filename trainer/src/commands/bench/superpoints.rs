//! Measures the steps from points to superpoints and their merge tree.

use segscape::{
    job,
    platform::Instant,
    preflight::Choices,
    progress::Monitor,
    spatial::{self, Thinned},
    superpoint::{EdgeSource, Hierarchy, PointGraph, SuperpointOptions},
};
use serde_json::json;

use super::{Bench, print};

/// Prints one row per step, with the fastest of all runs. The graph step thins the scan and
/// computes neighbours and normals again; these are also measured separately before it.
pub fn run(bench: &Bench, bytes: &[u8]) -> anyhow::Result<()> {
    let silent = Monitor::silent();
    let mut scan = job::read(bytes, &silent)?;
    job::place(&mut scan, Choices::default());
    let options = SuperpointOptions::default();
    let EdgeSource::Neighbors { spacing, k, .. } = options.edges else {
        anyhow::bail!("superpoints are made of neighbours by default")
    };
    let mut fastest = [f64::INFINITY; 6];
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
        let superpoints =
            graph.superpoints(options.threshold, graph.points_on(options.minimum), &silent)?;
        lap();
        Hierarchy::new(&graph, &superpoints, &silent)?;
        lap();
    }
    for (step, ms) in [
        "thinning",
        "neighbours",
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
            &format!("{step:12} {ms:9.1} ms"),
        )?;
    }
    Ok(())
}
