//! The point graph: its edges are light within a surface and heavy across surface borders.

use super::{
    Boundaries, EdgeSource, Forest, Minimum, SuperpointError, SuperpointOptions, Superpoints,
    WeightedEdge,
    edge::{by_first_end, by_weight},
    felzenszwalb,
};
use crate::{
    platform,
    progress::{Cancelled, Monitor, Stage},
    spatial::{self, Neighbors, Thinned},
};

/// Number of points whose edges one task weighs.
const POINTS: usize = 4096;

/// The minimum size of a superpoint in points, however much surface a point represents: fewer
/// points do not determine the orientation of a surface.
const FEWEST: u32 = 4;

/// A graph of points whose edges are sorted by weight. Edges of equal weight are in the order of
/// their first points and then of that point's neighbours, or in the order of the triangles. If a
/// scan is denser than its [`EdgeSource`] asks for, the graph contains only the points that are
/// kept.
#[derive(Clone, Debug)]
pub struct PointGraph {
    edges: Vec<WeightedEdge>,
    areas: Vec<f32>,
    /// `None` if all points are kept.
    thinned: Option<Thinned>,
}

impl PointGraph {
    /// Joins `positions`, `(points, 3)`, according to `source`. `colors` are sRGB; `boundaries`
    /// cuts edges of a neighbour graph. Stray points have no edges in it: their neighbours are far
    /// away, see [`spatial::strays`].
    ///
    /// # Errors
    /// [`SuperpointError`] if the positions are not finite, the inputs differ in length, a triangle
    /// refers to a point that does not exist, indices would not fit in 32 bits, or the caller
    /// cancelled; never panics.
    pub fn new(
        positions: &[[f32; 3]],
        colors: Option<&[[u8; 3]]>,
        triangles: &[[u32; 3]],
        boundaries: Option<&Boundaries>,
        source: EdgeSource,
        monitor: &Monitor,
    ) -> Result<Self, SuperpointError> {
        let points = positions.len();
        let lengths = [
            ("colours", colors.map(<[_]>::len)),
            ("2D labels", boundaries.map(Boundaries::points)),
        ];
        if let Some((what, found)) = lengths
            .into_iter()
            .find_map(|(what, n)| n.filter(|&n| n != points).map(|n| (what, n)))
        {
            return Err(SuperpointError::Lengths {
                what,
                found,
                points,
            });
        }
        if let Some(point) = positions
            .iter()
            .position(|p| !p.iter().all(|x| x.is_finite()))
        {
            return Err(SuperpointError::NotFinite { point });
        }
        let edges = match source {
            EdgeSource::Neighbors { k, .. } => points.saturating_mul(k),
            EdgeSource::Mesh => triangles.len().saturating_mul(3),
        };
        if points.max(edges) > u32::MAX as usize {
            return Err(SuperpointError::TooMany { points, edges });
        }
        match source {
            EdgeSource::Neighbors {
                spacing,
                k,
                color_weight,
            } => {
                monitor.at(Stage::Superpoints, 0.0)?;
                let strays = spatial::strays(positions);
                let is_stray = |point: u32| strays.binary_search(&point).is_ok();
                let may_join = |a, b| {
                    boundaries.is_none_or(|cut| cut.allow(a, b))
                        && (strays.is_empty() || !is_stray(a) && !is_stray(b))
                };
                let thinned = (spacing > 0.0)
                    .then(|| Thinned::new(positions, spacing, may_join))
                    .filter(|thinned| thinned.len() < points);
                let graph = match &thinned {
                    None => {
                        let allow = |a: u32, b: u32| may_join(a, b);
                        Self::of_cloud(positions, colors, &allow, k, color_weight, monitor)?
                    }
                    Some(thinned) => {
                        let colors = colors.map(|colors| thinned.of_kept(colors));
                        let allow = |a: u32, b: u32| {
                            may_join(
                                thinned.point_of_kept()[a as usize],
                                thinned.point_of_kept()[b as usize],
                            )
                        };
                        Self::of_cloud(
                            &thinned.of_kept(positions),
                            colors.as_deref(),
                            &allow,
                            k,
                            color_weight,
                            monitor,
                        )?
                    }
                };
                Ok(Self { thinned, ..graph })
            }
            EdgeSource::Mesh => {
                if let Some(triangle) = triangles
                    .iter()
                    .position(|t| t.iter().any(|&v| v as usize >= points))
                {
                    return Err(SuperpointError::Triangle { triangle, points });
                }
                monitor.check()?;
                Ok(Self::of_mesh(positions, triangles))
            }
        }
    }

    /// Builds the graph of a point cloud, with weights 1 - |n.n| + `color_weight` x distance in RGB
    /// 0..=1. The signs of the normals are unknown, hence the absolute value.
    fn of_cloud(
        positions: &[[f32; 3]],
        colors: Option<&[[u8; 3]]>,
        allow: &(dyn Fn(u32, u32) -> bool + Sync),
        k: usize,
        color_weight: f32,
        monitor: &Monitor,
    ) -> Result<Self, Cancelled> {
        let at = |done| monitor.at(Stage::Superpoints, done);
        let neighbors = spatial::nearest_neighbors(positions, k, &|done| at(0.6 * done))?;
        // Until the edges are built, all data is in the order of the neighbours' rows, so that the
        // data for an edge is in the caches.
        let positions = neighbors.by_row(positions);
        let colors = colors.map(|colors| neighbors.by_row(colors));
        let normals = spatial::normals(&positions, &neighbors, &|done| at(0.6 + 0.15 * done))?;
        let weight = |a: usize, b: usize| {
            let bend = 1.0 - dot(normals[a], normals[b]).abs();
            let contrast = colors.as_ref().map_or(0.0, |colors| {
                let difference =
                    |i: usize| (f32::from(colors[a][i]) - f32::from(colors[b][i])) / 255.0;
                (0..3).map(difference).map(|d| d * d).sum::<f32>().sqrt()
            });
            bend + color_weight * contrast
        };
        let point_of_row = neighbors.point_of_row();
        let mut parts = vec![vec![]; positions.len().div_ceil(POINTS)];
        platform::for_each_chunk(&mut parts, 1, |part, edges| {
            let rows = part * POINTS..positions.len().min((part + 1) * POINTS);
            // About two thirds of the edges are found from both ends, and one copy of each is kept.
            edges[0].reserve(rows.len() * neighbors.k() * 2 / 3);
            for a in rows {
                for b in neighbors.of(a).iter().map(|&b| b as usize) {
                    let ends = [a, b].map(|row| point_of_row[row]);
                    // An edge found from both ends is kept at its lower point. The second copy
                    // would change nothing: its weight is the same, and a tree whose limit was
                    // below that weight cannot have grown in between.
                    let mutual = || ends[1] < ends[0] && neighbors.of(b).contains(&(a as u32));
                    if b != a && !mutual() && allow(ends[0], ends[1]) {
                        edges[0].push(WeightedEdge::new(weight(a, b), ends));
                    }
                }
            }
        });
        let areas = neighbors.by_point(&disc_areas(&positions, &neighbors));
        let points = positions.len();
        drop((neighbors, positions, colors, normals));
        let edges = by_first_end(&parts, points);
        drop(parts);
        at(0.8)?;
        Ok(Self {
            edges: by_weight(edges),
            areas,
            thinned: None,
        })
    }

    /// Builds the graph of a mesh as ScanNet's Segmentator does (docs/spec/superpoint.md sections 2
    /// and 3). Normals are running means of face normals, not normalized; the weight 1 - n.n is
    /// squared if the normal of the second end indicates that the edge is convex.
    fn of_mesh(positions: &[[f32; 3]], triangles: &[[u32; 3]]) -> Self {
        let at = |v: u32| positions[v as usize];
        let mut normals = vec![[0.0f32; 3]; positions.len()];
        let mut counts = vec![0.0f32; positions.len()];
        let mut areas = vec![0.0f32; positions.len()];
        for &triangle in triangles {
            let [a, b, c] = triangle.map(at);
            let normal = cross(minus(b, a), minus(c, a));
            let face = unit(normal);
            for v in triangle.map(|v| v as usize) {
                areas[v] += dot(normal, normal).sqrt() / 6.0;
                let share = 1.0 / (counts[v] + 1.0);
                normals[v] =
                    std::array::from_fn(|i| share * face[i] + (1.0 - share) * normals[v][i]);
                counts[v] += 1.0;
            }
        }
        let edge = |[a, b]: [u32; 2]| {
            let weight = 1.0 - dot(normals[a as usize], normals[b as usize]);
            let convex = dot(normals[b as usize], unit(minus(at(b), at(a)))) > 0.0;
            WeightedEdge::new(if convex { weight * weight } else { weight }, [a, b])
        };
        let edges = triangles
            .iter()
            .flat_map(|&[a, b, c]| [[a, b], [a, c], [c, b]])
            .map(edge)
            .collect();
        Self {
            edges: by_weight(edges),
            areas,
            thinned: None,
        }
    }

    /// `(kept points)`: the surface area that each point represents, square metres.
    pub fn areas(&self) -> &[f32] {
        &self.areas
    }

    /// All edges by ascending weight; their ends are indices of kept points.
    pub fn edges(&self) -> &[WeightedEdge] {
        &self.edges
    }

    /// The number of kept points that cover `area` square metres, based on the median area per
    /// point.
    pub fn points_on(&self, area: f32) -> u32 {
        let of_point = median(&self.areas).unwrap_or(0.0);
        // Points that all coincide have no area: no number of them covers a surface.
        if of_point > 0.0 {
            ((area / of_point).round() as u32).max(FEWEST)
        } else {
            FEWEST
        }
    }

    /// Values of all points `(points)`, reduced to the kept points `(kept points)`.
    pub(super) fn of_kept<T: Copy>(&self, of_points: &[T]) -> Vec<T> {
        self.thinned
            .as_ref()
            .map_or_else(|| of_points.to_vec(), |thinned| thinned.of_kept(of_points))
    }

    /// The superpoints of all points. The edges of the options are those that the graph was built
    /// with.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn cut(
        &self,
        options: &SuperpointOptions,
        monitor: &Monitor,
    ) -> Result<Superpoints, Cancelled> {
        let minimum = match options.minimum {
            Minimum::Area(area) => self.points_on(area),
            Minimum::Points(points) => points,
        };
        self.superpoints(options.threshold, minimum, monitor)
    }

    /// The superpoints of all points at `threshold`. Superpoints of fewer than `minimum` kept
    /// points are merged with a neighbour if they have an edge to one. A point that is not kept
    /// belongs to the superpoint of the nearest kept point.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn superpoints(
        &self,
        threshold: f32,
        minimum: u32,
        monitor: &Monitor,
    ) -> Result<Superpoints, Cancelled> {
        let mut forest = Forest::new(vec![1; self.areas.len()]);
        let tick = |done| monitor.at(Stage::Superpoints, 0.85 + 0.1 * done);
        felzenszwalb(&mut forest, &self.edges, threshold, minimum, &tick)?;
        let roots = forest.roots();
        let superpoints = Superpoints::from_ids(
            &self
                .thinned
                .as_ref()
                .map_or_else(|| roots.clone(), |thinned| thinned.of_points(&roots)),
        );
        monitor.at(Stage::Superpoints, 1.0)?;
        Ok(superpoints)
    }
}

/// `(rows)`: the area per point, which is the area of the disc around the point out to its last
/// neighbour, divided by the number of points in the disc. It is limited to ten times the median,
/// because an outlier does not represent a large surface.
fn disc_areas(positions: &[[f32; 3]], neighbors: &Neighbors) -> Vec<f32> {
    let area = |row: usize| {
        let Some(&last) = neighbors.of(row).last() else {
            return 0.0;
        };
        let reach = minus(positions[last as usize], positions[row]);
        std::f32::consts::PI * dot(reach, reach) / (neighbors.k() + 1) as f32
    };
    let mut areas: Vec<f32> = (0..positions.len()).map(area).collect();
    let limit = 10.0 * median(&areas).unwrap_or(0.0);
    areas.iter_mut().for_each(|area| *area = area.min(limit));
    areas
}

fn median(values: &[f32]) -> Option<f32> {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

fn minus(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|i| a[i] - b[i])
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn unit(a: [f32; 3]) -> [f32; 3] {
    let length = dot(a, a).sqrt();
    a.map(|x| x / length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::superpoint::{Reading, SuperpointOptions, ViewLabel};

    /// Two squares of 20 x 20 points that meet at a right angle.
    fn corner() -> Vec<[f32; 3]> {
        let at = |i: usize| 0.05 * (i as f32 + 0.5);
        (0..800)
            .map(|i| {
                if i < 400 {
                    [at(i / 20), at(i % 20), 0.0]
                } else {
                    [0.0, at(i % 20), at(i / 20 - 20)]
                }
            })
            .collect()
    }

    fn cloud(
        positions: &[[f32; 3]],
        colors: Option<&[[u8; 3]]>,
        boundaries: Option<&Boundaries>,
    ) -> Superpoints {
        let options = SuperpointOptions::default();
        let graph = PointGraph::new(
            positions,
            colors,
            &[],
            boundaries,
            options.edges,
            &Monitor::silent(),
        )
        .unwrap();
        graph.cut(&options, &Monitor::silent()).unwrap()
    }

    #[test]
    fn a_fold_and_a_change_of_color_are_borders() {
        let positions = corner();
        // The points at the fold have mixed neighbourhoods; away from it, each side is one
        // superpoint.
        let sides = cloud(&positions, None, None);
        let (floor, wall) = (
            sides.superpoint_of_point()[19 * 20],
            sides.superpoint_of_point()[799],
        );
        assert_ne!(floor, wall);
        for (i, p) in positions
            .iter()
            .enumerate()
            .filter(|(_, p)| p[0].max(p[2]) > 0.3)
        {
            assert_eq!(
                sides.superpoint_of_point()[i],
                if i < 400 { floor } else { wall },
                "{p:?}"
            );
        }
        let striped: Vec<_> = positions
            .iter()
            .map(|p| {
                if p[1] < 0.5 {
                    [200, 40, 40]
                } else {
                    [40, 200, 40]
                }
            })
            .collect();
        let stripes = cloud(&positions, Some(&striped), None);
        assert_ne!(
            stripes.superpoint_of_point()[19 * 20],
            stripes.superpoint_of_point()[19 * 20 + 19]
        );
    }

    #[test]
    fn a_2d_boundary_cuts_a_plane_and_keeps_a_small_instance() {
        let plane = &corner()[..400];
        // Four points are fewer than the minimum, but the boundaries cut every edge out of the
        // group.
        let small = |p: &[f32; 3]| (0.4..0.5).contains(&p[0]) && (0.4..0.5).contains(&p[1]);
        let labels = plane.iter().map(|p| {
            [ViewLabel {
                view: 0,
                instance: if small(p) { 2 } else { 1 },
            }]
        });
        let superpoints = cloud(
            plane,
            None,
            Some(&Boundaries::new(labels, Reading::SameView)),
        );
        let mut sizes = superpoints.sizes();
        sizes.sort_unstable();
        assert_eq!(sizes, [4, 396]);
    }

    #[test]
    fn a_sheet_is_grouped_alike_however_dense_it_is() {
        // two colours meet in the middle of a square metre; a patch of five centimetres is too
        // small for a superpoint, a patch of twenty is not
        let of_step = |step: f32| {
            let side = (1.0 / step) as usize;
            let positions: Vec<[f32; 3]> = (0..side * side)
                .map(|i| [(i % side) as f32 * step, (i / side) as f32 * step, 0.0])
                .collect();
            let inside = |p: &[f32; 3], low: f32, size: f32| {
                p[..2].iter().all(|x| (low..low + size).contains(x))
            };
            let color = |p: &[f32; 3]| match p {
                p if inside(p, 0.1, 0.05) => [40, 40, 200],
                p if inside(p, 0.7, 0.2) => [40, 40, 200],
                p if p[0] < 0.5 => [200, 40, 40],
                _ => [40, 200, 40],
            };
            let colors: Vec<_> = positions.iter().map(color).collect();
            (cloud(&positions, Some(&colors), None).count(), positions)
        };
        for step in [0.004, 0.009, 0.02, 0.04] {
            let (count, positions) = of_step(step);
            assert_eq!(count, 3, "{step}");
            let graph = PointGraph::new(
                &positions,
                None,
                &[],
                None,
                SuperpointOptions::default().edges,
                &Monitor::silent(),
            )
            .unwrap();
            let area: f32 = graph.areas().iter().sum();
            assert!((0.8..1.3).contains(&area), "{area} at {step}");
        }
    }

    #[test]
    fn what_covers_nothing_has_a_least_number_of_points() {
        let of = |positions: &[[f32; 3]]| {
            let graph = PointGraph::new(
                positions,
                None,
                &[],
                None,
                SuperpointOptions::default().edges,
                &Monitor::silent(),
            )
            .unwrap();
            [graph.points_on(0.01), graph.points_on(f32::INFINITY)]
        };
        assert_eq!(of(&[]), [FEWEST; 2]);
        assert_eq!(of(&[[1.0; 3]]), [FEWEST; 2]);
        assert_eq!(of(&[[1.0; 3]; 50]), [FEWEST; 2]);
        let line: Vec<[f32; 3]> = (0..50).map(|i| [i as f32, 0.0, 0.0]).collect();
        assert_eq!(of(&line), [FEWEST, u32::MAX]);
    }

    /// Meshes whose triangles have corners of their own repeat every place several times.
    #[test]
    fn repeated_places_count_once() {
        let positions = corner();
        let alone = cloud(&positions, None, None);
        for copies in [2, 6] {
            let mut repeated: Vec<(usize, [f32; 3])> = Vec::new();
            for (i, position) in positions.iter().enumerate() {
                // some places more often than others
                repeated.extend(vec![(i, *position); copies + i % 3]);
            }
            repeated.sort_by_key(|(i, _)| i % 7);
            let (point, places): (Vec<usize>, Vec<[f32; 3]>) = repeated.into_iter().unzip();
            let found = cloud(&places, None, None);
            let of = |i: usize| alone.superpoint_of_point()[point[i]];
            let expected: Vec<u32> = (0..places.len()).map(of).collect();
            assert_eq!(found, Superpoints::from_ids(&expected), "{copies}");
        }
    }

    #[test]
    fn stray_points_join_nothing_and_change_nothing() {
        let options = SuperpointOptions::default();
        for spacing in [0.0, 0.015] {
            let edges = EdgeSource::Neighbors {
                spacing,
                k: 16,
                color_weight: 0.5,
            };
            let group = |positions: &[[f32; 3]]| {
                let silent = Monitor::silent();
                let graph = PointGraph::new(positions, None, &[], None, edges, &silent).unwrap();
                graph.cut(&options, &silent).unwrap()
            };
            let alone = group(&corner());
            let mut positions = corner();
            positions.extend([[300.0, 0.0, 0.0], [300.01, 0.0, 0.0], [-20.0, 50.0, 9.0]]);
            let with_strays = group(&positions);
            let of = with_strays.superpoint_of_point();
            assert_eq!(Superpoints::from_ids(&of[..800]), alone);
            let strays: Vec<u32> = of[800..].to_vec();
            assert!(strays.iter().all(|s| !of[..800].contains(s)), "{strays:?}");
        }
    }

    #[test]
    fn an_edge_found_twice_is_kept_once() {
        let positions = corner();
        let source = EdgeSource::Neighbors {
            spacing: 0.0,
            k: 16,
            color_weight: 0.0,
        };
        let graph =
            PointGraph::new(&positions, None, &[], None, source, &Monitor::silent()).unwrap();
        let mut pairs: Vec<_> = graph.edges().iter().map(|edge| edge.ends()).collect();
        pairs.iter_mut().for_each(|ends| ends.sort_unstable());
        let all = pairs.len();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), all);
        let neighbors = spatial::nearest_neighbors(&positions, 16, &|_| Ok(())).unwrap();
        let point = |row: usize| neighbors.point_of_row()[row];
        for row in 0..800 {
            for (a, b) in neighbors
                .of(row)
                .iter()
                .map(|&other| (point(row), point(other as usize)))
            {
                assert!(pairs.binary_search(&[a.min(b), a.max(b)]).is_ok());
            }
        }
    }
}
