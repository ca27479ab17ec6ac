//! Points on the faces of meshes whose triangles are too large for their corners to show a surface.

use super::{MAX_POINTS, Scan, Warning};

/// The edge in metres of an equilateral triangle that is large: a point on each of its corners says
/// nothing about the objects in between.
const LARGE_EDGE: f64 = 0.25;

/// A mesh is coarse if large triangles have at least this share of its surface.
const COARSE: f64 = 0.5;

/// The distance between sampled points in metres, unless there would be more than [`MOST`].
const SPACING: f64 = 0.03;

/// The maximum number of sampled points.
const MOST: usize = 300_000;

/// A triangle counts as large, whatever the unit is, if a mesh of triangles of its area had fewer
/// than this many.
const FEW_TRIANGLES: f64 = 2000.0;

/// A point on a triangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    triangle: u32,
    /// The weights of the corners; they add up to 1.
    weights: [f64; 3],
}

impl Sample {
    fn mean(&self, of_corners: [[f64; 3]; 3]) -> [f64; 3] {
        std::array::from_fn(|i| {
            let terms = of_corners.iter().zip(self.weights);
            terms.map(|(corner, weight)| corner[i] * weight).sum()
        })
    }
}

impl Scan {
    /// The number of points that have a row in the file.
    pub fn measured(&self) -> usize {
        let rows = self.table.point_rows().count;
        self.row_of_point.as_ref().map_or(rows, Vec::len)
    }

    /// Adds points on the faces if this is a mesh of few large triangles; in the world frame, which
    /// must be in metres. They come after all other points, have the colors of the faces' corners,
    /// and move with the scan when its frame changes. A warning says how many there are. Calling
    /// this again samples again.
    pub fn sample_surface(&mut self) {
        let measured = self.measured();
        if !self.samples.is_empty() {
            self.samples.clear();
            self.positions.truncate(measured);
            self.colors.iter_mut().for_each(|c| c.truncate(measured));
            if let Some(truth) = &mut self.truth {
                truth.semantic.truncate(measured);
                truth.instance.truncate(measured);
            }
        }
        let large = LARGE_EDGE.powi(2) * 3f64.sqrt() / 4.0;
        let areas = areas(&self.positions, &self.triangles);
        let total: f64 = areas.iter().sum();
        if !is_coarse(&areas, total, large) {
            return;
        }
        let most = MOST.min(MAX_POINTS.saturating_sub(measured));
        let per_sample = SPACING.powi(2).max(total / most.max(1) as f64);
        self.samples = sample(&areas, per_sample, most);
        self.color_samples(measured);
        place(self);
        let begin = "this is a mesh of few large triangles";
        self.warnings
            .retain(|warning| !warning.0.starts_with(begin));
        self.warnings.push(Warning(format!(
            "{begin}: {} points were sampled on its faces in addition to its {measured} corners",
            self.samples.len()
        )));
    }

    fn color_samples(&mut self, measured: usize) {
        let corners: Vec<[usize; 3]> = self
            .samples
            .iter()
            .map(|sample| self.triangles[sample.triangle as usize].map(|point| point as usize))
            .collect();
        if let Some(colors) = &mut self.colors {
            colors.truncate(measured);
            for (sample, corners) in self.samples.iter().zip(&corners) {
                let of_corners = corners.map(|corner| colors[corner].map(f64::from));
                let color = sample.mean(of_corners).map(|channel| channel.round() as u8);
                colors.push(color);
            }
        }
        if let Some(truth) = &mut self.truth {
            // between corners of different objects nobody knows where the one ends
            let of = |labels: &mut Vec<i32>, unlabelled: i32| {
                for &[a, b, c] in &corners {
                    let same = labels[a] == labels[b] && labels[b] == labels[c];
                    labels.push(if same { labels[a] } else { unlabelled });
                }
            };
            of(&mut truth.semantic, -1);
            of(&mut truth.instance, 0);
        }
    }
}

/// Appends the positions of the samples to those of the corners, which must be in place.
pub(super) fn place(scan: &mut Scan) {
    let corner = |point: u32| scan.positions[point as usize].map(f64::from);
    let of_sample = |sample: &Sample| {
        let corners = scan.triangles[sample.triangle as usize].map(corner);
        sample.mean(corners).map(|v| v as f32)
    };
    let positions: Vec<[f32; 3]> = scan.samples.iter().map(of_sample).collect();
    scan.positions.extend(positions);
}

/// `(triangles)`: areas in squares of the positions' unit; 0 for triangles that are not finite.
fn areas(positions: &[[f32; 3]], triangles: &[[u32; 3]]) -> Vec<f64> {
    let area = |triangle: &[u32; 3]| {
        let [a, b, c] =
            triangle.map(|point| glam::Vec3::from(positions[point as usize]).as_dvec3());
        let area = (b - a).cross(c - a).length() / 2.0;
        if area.is_finite() { area } else { 0.0 }
    };
    triangles.iter().map(area).collect()
}

fn is_coarse(areas: &[f64], total: f64, large: f64) -> bool {
    let of_large: f64 = areas.iter().filter(|area| **area > large).sum();
    total > 0.0 && of_large >= COARSE * total
}

/// One sample for every `per_sample` of area, `most` at most. Within a triangle they follow a
/// sequence that fills it evenly, the same on every machine.
fn sample(areas: &[f64], per_sample: f64, most: usize) -> Vec<Sample> {
    // The powers of the plastic number, see M. Roberts, The unreasonable effectiveness of
    // quasirandom sequences (2018).
    const STEPS: [f64; 2] = [0.754_877_666_246_692_7, 0.569_840_290_998_053_3];
    let mut samples = Vec::new();
    let mut owed = 0.5;
    for (triangle, area) in (0..).zip(areas) {
        owed += area / per_sample;
        let mut index = 0.0;
        while owed >= 1.0 && samples.len() < most {
            owed -= 1.0;
            index += 1.0;
            let [mut u, mut v] = STEPS.map(|step: f64| (0.5 + step * index).fract());
            if u + v > 1.0 {
                (u, v) = (1.0 - u, 1.0 - v);
            }
            let weights = [1.0 - u - v, u, v];
            samples.push(Sample { triangle, weights });
        }
    }
    samples
}

/// The positions that show the surface of a scan, whatever its unit is: those of its points or, for
/// a mesh of few large triangles, `count` points on its faces.
pub(crate) fn shown(scan: &Scan, count: usize) -> Option<Vec<[f32; 3]>> {
    let areas = areas(&scan.positions, &scan.triangles);
    let total: f64 = areas.iter().sum();
    if !is_coarse(&areas, total, total / FEW_TRIANGLES) {
        return None;
    }
    let corner = |point: u32| scan.positions[point as usize].map(f64::from);
    let samples = sample(&areas, total / count as f64, count);
    let position = |sample: &Sample| {
        let corners = scan.triangles[sample.triangle as usize].map(corner);
        sample.mean(corners).map(|v| v as f32)
    };
    Some(samples.iter().map(position).collect())
}
