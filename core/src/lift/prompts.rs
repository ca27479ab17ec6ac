//! Points that ask a 2D model for the object of a superpoint.

use super::visibility::Visibility;
use crate::spatial::{farthest_points, medoid};

/// `count` of a superpoint's points as a view sees them, as fractions of the picture's width and
/// height; all of them if there are fewer, none if the view does not see it.
pub fn prompts(visibility: &Visibility, view: u32, superpoint: u32, count: usize) -> Vec<[f32; 2]> {
    let Some(seen) = visibility.seen_superpoint(view as usize, superpoint) else {
        return Vec::new();
    };
    let places: Vec<[f32; 2]> = seen.places.iter().map(|place| place.at()).collect();
    spread(&places, count)
}

/// `count` of the places by farthest point sampling. It begins with the medoid: what lies in the
/// middle is on the object even if its outline is off, and the result does not depend on the order of
/// points.
pub(super) fn spread(places: &[[f32; 2]], count: usize) -> Vec<[f32; 2]> {
    let mut flat: Vec<[f32; 3]> = places.iter().map(|&[x, y]| [x, y, 0.0]).collect();
    let Some(middle) = medoid(&flat) else {
        return Vec::new();
    };
    flat.swap(0, middle);
    let chosen = farthest_points(&flat, count).into_iter();
    chosen
        .map(|i| [flat[i as usize][0], flat[i as usize][1]])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lift::visibility::tests::given;

    #[test]
    fn prompts_are_the_middle_and_the_ends() {
        // Eleven points on a line: the middle one is the medoid, and the ends are farthest from it.
        let line: Vec<[f32; 2]> = (0..11).map(|i| [i as f32 / 16.0, 0.5]).collect();
        let mut found = spread(&line, 3);
        found.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(found, [line[0], line[5], line[10]]);
        let mut turned = line.clone();
        turned.reverse();
        let mut again = spread(&turned, 3);
        again.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(again, found);
        assert_eq!(spread(&line[..2], 3).len(), 2);
        assert!(spread(&[], 3).is_empty());
    }

    #[test]
    fn prompts_lie_on_the_superpoint_in_the_view() {
        let places = vec![[0.25, 0.5], [0.75, 0.5]];
        let seen = given(&[2, 5], &[0.0, 1.0], &[vec![(1, places)], vec![]]);
        let found = prompts(&seen, 0, 1, 3);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|[_, y]| (y - 0.5).abs() < 1e-4));
        assert!(prompts(&seen, 0, 0, 3).is_empty());
        assert!(prompts(&seen, 1, 1, 3).is_empty());
    }
}
