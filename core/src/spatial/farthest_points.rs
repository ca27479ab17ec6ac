//! Farthest point sampling.

/// Ascending indices of `count` points chosen by farthest point sampling: the first point, then
/// always the point farthest from those chosen before; all points if `count` is not less than their
/// number. `O(count points)`.
pub fn farthest_points(points: &[[f32; 3]], count: usize) -> Vec<u32> {
    if count >= points.len() {
        return (0..points.len() as u32).collect();
    }
    let mut distance = vec![f32::INFINITY; points.len()];
    let mut chosen = vec![];
    let mut next = 0;
    while chosen.len() < count {
        chosen.push(next as u32);
        distance[next] = -1.0; // never again, also among equal points
        let from = points[next];
        let mut farthest = -1.0;
        for (i, (p, d)) in points.iter().zip(&mut distance).enumerate() {
            *d = d.min((0..3).map(|a| (p[a] - from[a]).powi(2)).sum());
            if *d > farthest {
                (next, farthest) = (i, *d);
            }
        }
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn farthest_points_spread() {
        let line: Vec<[f32; 3]> = (0..11).map(|i| [i as f32, 0.0, 0.0]).collect();
        assert_eq!(farthest_points(&line, 3), [0, 5, 10]);
        assert_eq!(farthest_points(&line, 11), (0..11).collect::<Vec<u32>>());
        assert_eq!(farthest_points(&[[1.0; 3]; 4], 3), [0, 1, 2]);
    }
}
