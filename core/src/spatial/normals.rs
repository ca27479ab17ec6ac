//! Normals by principal component analysis of a neighbourhood.

use super::{Neighbors, Tick, nearest_neighbors, sixteenth};
use crate::{platform, progress::Cancelled};

/// Number of normals that one task computes.
const BLOCK: usize = 512;

/// Number of normals that are computed in parallel lanes, so that the latencies of their divisions
/// and square roots overlap.
const LANES: usize = 4;

/// `(points, 3)`: unit normals, the direction in which a point and its neighbours spread least.
/// Positions and normals are in the order of the neighbours' rows ([`Neighbors::by_row`]).
///
/// The sign is arbitrary, because the side from which the surface was seen is unknown. If the
/// points do not define a plane (fewer than three places, a line), the normal is some direction
/// perpendicular to them.
///
/// # Errors
/// The error of `tick`.
pub fn normals(
    positions: &[[f32; 3]],
    neighbors: &Neighbors,
    tick: Tick,
) -> Result<Vec<[f32; 3]>, Cancelled> {
    let mut normals = vec![[0.0; 3]; positions.len()];
    let part = sixteenth(positions.len());
    for (done, normals) in normals.chunks_mut(part).enumerate() {
        let first = done * part;
        tick(first as f32 / positions.len() as f32)?;
        platform::for_each_chunk(normals, BLOCK, |block, normals| {
            for (row, normals) in (first + block * BLOCK..)
                .step_by(LANES)
                .zip(normals.chunks_mut(LANES))
            {
                let mut spread = [[0.0; 6]; LANES];
                for (row, spread) in (row..row + normals.len()).zip(&mut spread) {
                    *spread = covariance(
                        positions[row],
                        neighbors.of(row).iter().map(|&n| positions[n as usize]),
                    );
                }
                normals.copy_from_slice(&least_axes(spread)[..normals.len()]);
            }
        });
    }
    Ok(normals)
}

/// `(points, 3)`: unit normals of the surfaces around points, from each point and its `k` nearest
/// neighbours, in the order of the points.
///
/// # Errors
/// The error of `tick`.
pub fn normals_of_points(
    positions: &[[f32; 3]],
    k: usize,
    tick: Tick,
) -> Result<Vec<[f32; 3]>, Cancelled> {
    let neighbors = nearest_neighbors(positions, k, &|done| tick(0.8 * done))?;
    let rows = neighbors.by_row(positions);
    let normals = normals(&rows, &neighbors, &|done| tick(0.8 + 0.2 * done))?;
    Ok(neighbors.by_point(&normals))
}

/// Upper triangle xx, xy, xz, yy, yz, zz of the covariance of `center` and `others` about their
/// mean, up to a factor.
fn covariance(center: [f32; 3], others: impl ExactSizeIterator<Item = [f32; 3]>) -> [f64; 6] {
    let count = others.len() as f64 + 1.0;
    let (mut sum, mut squares) = ([0.0; 3], [0.0; 6]);
    for other in others {
        // Coordinates are relative to the centre: this avoids cancellation far from the origin, and
        // the centre itself adds nothing.
        let [x, y, z] = [0, 1, 2].map(|axis| f64::from(other[axis]) - f64::from(center[axis]));
        for (s, v) in sum.iter_mut().zip([x, y, z]) {
            *s += v;
        }
        for (s, v) in squares
            .iter_mut()
            .zip([x * x, x * y, x * z, y * y, y * z, z * z])
        {
            *s += v;
        }
    }
    let [x, y, z] = sum;
    let means = [x * x, x * y, x * z, y * y, y * z, z * z];
    std::array::from_fn(|i| squares[i] - means[i] / count)
}

/// The unit eigenvectors of the smallest eigenvalues of symmetric matrices, given by their upper
/// triangles.
///
/// Uses cyclic Jacobi rotations: only + - * / and square roots, so every machine gets the same
/// bits.
fn least_axes(matrices: [[f64; 6]; LANES]) -> [[f32; 3]; LANES] {
    /// One number of each matrix.
    type Each = [f64; LANES];
    let [xx, xy, xz, yy, yz, zz] = std::array::from_fn(|i| matrices.map(|matrix| matrix[i]));
    let (no, yes): (Each, Each) = ([0.0; LANES], [1.0; LANES]);
    let mut a = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
    let mut vectors = [[yes, no, no], [no, yes, no], [no, no, yes]];
    let negligible: Each = std::array::from_fn(|lane| 1e-14 * (xx[lane] + yy[lane] + zz[lane]));
    for _ in 0..12 {
        let done = |lane: usize| {
            a[0][1][lane]
                .abs()
                .max(a[0][2][lane].abs())
                .max(a[1][2][lane].abs())
                <= negligible[lane]
        };
        if (0..LANES).all(done) {
            break;
        }
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            let r = 3 - p - q;
            for lane in 0..LANES {
                let apq = a[p][q][lane];
                // The smaller of the two angles that zero a[p][q]; none if that is zero already.
                let theta = (a[q][q][lane] - a[p][p][lane]) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let (t, left) = if apq.abs() <= negligible[lane] {
                    (0.0, apq)
                } else {
                    (t, 0.0)
                };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                a[p][p][lane] -= t * apq;
                a[q][q][lane] += t * apq;
                (a[p][q][lane], a[q][p][lane]) = (left, left);
                let (rp, rq) = (a[r][p][lane], a[r][q][lane]);
                let (rp, rq) = (c * rp - s * rq, s * rp + c * rq);
                (a[r][p][lane], a[p][r][lane], a[r][q][lane], a[q][r][lane]) = (rp, rp, rq, rq);
                for row in &mut vectors {
                    let (vp, vq) = (row[p][lane], row[q][lane]);
                    (row[p][lane], row[q][lane]) = (c * vp - s * vq, s * vp + c * vq);
                }
            }
        }
    }
    std::array::from_fn(|lane| {
        // Ties are resolved in favour of the later axis: the normal of a single point is +z.
        let least = (0..3)
            .rev()
            .min_by(|&i, &j| a[i][i][lane].total_cmp(&a[j][j][lane]))
            .unwrap_or(2);
        vectors.map(|row| row[least][lane] as f32)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::spatial::nearest_neighbors;

    fn of(positions: &[[f32; 3]], k: usize) -> Vec<[f32; 3]> {
        let neighbors = nearest_neighbors(positions, k, &|_| Ok(())).unwrap();
        neighbors.by_point(&normals(&neighbors.by_row(positions), &neighbors, &|_| Ok(())).unwrap())
    }

    proptest! {
        #[test]
        fn a_plane_has_its_own_normal(
            n in prop::array::uniform3(-1.0f64..1.0), offset in prop::array::uniform3(-100.0f64..100.0),
        ) {
            let length = n.iter().map(|x| x * x).sum::<f64>().sqrt();
            prop_assume!(length > 0.1);
            let n = n.map(|x| x / length);
            // A grid in the plane, along two directions perpendicular to the normal.
            let across = |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
            let least = (0..3).min_by(|&i, &j| n[i].abs().total_cmp(&n[j].abs())).unwrap();
            let u = across(n, std::array::from_fn(|i| if i == least { 1.0 } else { 0.0 }));
            let v = across(n, u);
            let at = |a: f64, b: f64| std::array::from_fn(|i| (offset[i] + a * u[i] + b * v[i]) as f32);
            let positions: Vec<[f32; 3]> = (0..100).map(|i| at(f64::from(i % 10), f64::from(i / 10))).collect();
            for m in of(&positions, 12) {
                let dot: f64 = (0..3).map(|i| f64::from(m[i]) * n[i]).sum();
                prop_assert!(dot.abs() > 1.0 - 1e-6, "{m:?} against {n:?}");
            }
        }

        #[test]
        fn an_eigenvector_of_the_least_eigenvalue(
            rows in prop::array::uniform3(prop::array::uniform3(-1.0f64..1.0)), scale in -12i32..12,
        ) {
            // A = scale * R^T R is symmetric and positive.
            let scale = 10f64.powi(scale);
            let at = |i: usize, j: usize| scale * (0..3).map(|r| rows[r][i] * rows[r][j]).sum::<f64>();
            let a = [at(0, 0), at(0, 1), at(0, 2), at(1, 1), at(1, 2), at(2, 2)];
            let [v, ..] = least_axes([a; LANES]).map(|v| v.map(f64::from));
            let square = |v: [f64; 3]| {
                (0..3).map(|i| v[i] * (0..3).map(|j| at(i, j) * v[j]).sum::<f64>()).sum::<f64>()
            };
            prop_assert!((v.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-6);
            // Rayleigh quotient: no direction gives less than the least eigenvector.
            let least = square(v);
            for i in 0..400 {
                let (z, angle) = (f64::from(i) / 200.0 - 1.0, f64::from(i) * 2.4);
                let r = (1.0 - z * z).sqrt();
                prop_assert!(square([r * angle.cos(), r * angle.sin(), z]) >= least - 1e-6 * scale);
            }
        }
    }

    #[test]
    fn no_plane_still_a_unit_vector() {
        assert_eq!(of(&[[1.0; 3]], 16), [[0.0, 0.0, 1.0]]);
        assert_eq!(of(&[[2.0; 3]; 5], 3), [[0.0, 0.0, 1.0]; 5]);
        let line: Vec<_> = (0..20).map(|i| [i as f32, i as f32, 0.0]).collect();
        for n in of(&line, 4) {
            assert!(
                (n[0] + n[1]).abs() < 1e-6
                    && (n.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-6,
                "{n:?}"
            );
        }
    }
}
