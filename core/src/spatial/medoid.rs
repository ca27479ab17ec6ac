//! The medoid of a set of points.

/// The maximum number of points that are compared with each other.
const COMPARED: usize = 1024;

/// The index of the point with the least sum of distances to the others; `None` if there are no
/// points. Unlike the mean, the medoid is one of the points, and a few outliers do not move it.
/// `O(n + 1024^2)`: if there are more points, an evenly spaced subset is compared.
pub fn medoid(points: &[[f32; 3]]) -> Option<usize> {
    let step = points.len().div_ceil(COMPARED).max(1);
    let compared = || (0..points.len()).step_by(step);
    let sum = |i: usize| -> f32 {
        compared()
            .map(|j| glam::Vec3::from(points[i]).distance(points[j].into()))
            .sum()
    };
    compared()
        .map(|i| (i, sum(i)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_move_it() {
        let mut points: Vec<[f32; 3]> = (0..5).map(|i| [i as f32, 0.0, 0.0]).collect();
        assert_eq!(medoid(&points), Some(2));
        points.push([1e6, 0.0, 0.0]);
        assert!(matches!(medoid(&points), Some(2 | 3)));
        assert_eq!(medoid(&[]), None);
    }

    #[test]
    fn of_many_points_it_is_near_the_middle() {
        let points: Vec<[f32; 3]> = (0..100_000)
            .map(|i| [i as f32 / 100_000.0, 0.0, 0.0])
            .collect();
        let found = medoid(&points).map(|i| points[i][0]);
        assert!(found.is_some_and(|x| (x - 0.5).abs() < 0.01), "{found:?}");
    }
}
