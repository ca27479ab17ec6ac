//! The masks of a track as statements about superpoints: equation 3, and what equation 4 needs.

use super::{LiftError, TrackedMask, visibility::Visibility};

/// The masks of one object, as counts of points. No mask is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// By view, ascending.
    views: Vec<TrackedView>,
}

/// The mask of an object in one view.
#[derive(Clone, Debug, PartialEq)]
struct TrackedView {
    view: u32,
    /// The superpoints with seen points in the mask, ascending, and the number of these points.
    inside: Vec<(u32, u32)>,
}

impl Track {
    /// Adds the mask of a view, in any order of views.
    ///
    /// # Errors
    /// [`LiftError::Answer`] if the view does not exist or has a mask already.
    pub fn add(
        &mut self,
        visibility: &Visibility,
        view: u32,
        mask: &TrackedMask,
    ) -> Result<(), LiftError> {
        let place = self.views.binary_search_by_key(&view, |other| other.view);
        let place = match place {
            Err(place) if (view as usize) < visibility.views() => place,
            Err(_) => {
                return Err(LiftError::Answer(format!(
                    "gave a mask for view {view}, there are {} views",
                    visibility.views()
                )));
            }
            Ok(_) => {
                let message = format!("gave two masks of one object for view {view}");
                return Err(LiftError::Answer(message));
            }
        };
        let mut inside = Vec::new();
        for seen in visibility.seen(view as usize) {
            let on = seen.places.iter().filter(|place| mask.at(place.at()));
            let (on, of) = (on.count() as u64, seen.places.len() as u64);
            // Exact if all places are kept.
            let points = (on * u64::from(seen.points) + of / 2) / of;
            if points > 0 {
                inside.push((seen.superpoint, points as u32));
            }
        }
        self.views.insert(place, TrackedView { view, inside });
        Ok(())
    }

    /// The number of views that have a say.
    pub fn views(&self) -> usize {
        self.views.len()
    }

    /// Equation 3: for every view of the track, the superpoints of which at least the share `tau` of
    /// the seen points is in the mask, ascending. The paper writes IoU; a superpoint is a part of an
    /// object, so the share of the superpoint is what can reach `tau`.
    pub fn candidates(&self, visibility: &Visibility, tau: f32) -> Vec<Vec<u32>> {
        let of_view = |tracked: &TrackedView| {
            let reaches = |&&(superpoint, inside): &&(u32, u32)| {
                let seen = visibility.points(tracked.view as usize, superpoint);
                inside as f32 >= tau * seen as f32
            };
            let members = tracked.inside.iter().filter(reaches);
            members.map(|(superpoint, _)| *superpoint).collect()
        };
        self.views.iter().map(of_view).collect()
    }

    /// What a superpoint adds to the objective of equation 4: its points in the masks minus those
    /// outside, over the views of the track.
    pub fn gain(&self, visibility: &Visibility, superpoint: u32) -> i64 {
        let of_view = |tracked: &TrackedView| {
            let seen = visibility.points(tracked.view as usize, superpoint);
            let place = tracked
                .inside
                .binary_search_by_key(&superpoint, |(superpoint, _)| *superpoint);
            let inside = place.map_or(0, |place| tracked.inside[place].1);
            2 * i64::from(inside) - i64::from(seen)
        };
        self.views.iter().map(of_view).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::lift::visibility::tests::given;

    /// The left half of the picture.
    fn left() -> TrackedMask {
        TrackedMask::new(vec![true, false], [1, 2]).unwrap()
    }

    fn places(left: usize, right: usize) -> Vec<[f32; 2]> {
        [vec![[0.25, 0.5]; left], vec![[0.75, 0.5]; right]].concat()
    }

    /// View 0 sees 2 of 4 points of superpoint 0 in the mask, 1 of 4 of superpoint 1 and all 3 of
    /// superpoint 2; view 1 sees none of 5 points of superpoint 0 in it.
    #[test]
    fn half_of_a_superpoint_in_the_mask_makes_it_a_candidate() {
        let views = [
            vec![(0, places(2, 2)), (1, places(1, 3)), (2, places(3, 0))],
            vec![(0, places(0, 5))],
            vec![(1, places(4, 0))],
        ];
        let seen = given(&[9; 3], &[0.0, 1.0, 2.0], &views);
        let mut track = Track::default();
        track.add(&seen, 1, &left()).unwrap();
        track.add(&seen, 0, &left()).unwrap();
        assert_eq!(track.views(), 2);
        assert_eq!(track.candidates(&seen, 0.5), [vec![0, 2], vec![]]);
        assert_eq!(track.candidates(&seen, 0.25), [vec![0, 1, 2], vec![]]);
        assert_eq!(track.candidates(&seen, 1.0), [vec![2], vec![]]);
        // 0: 2 in and 2 + 5 out; 1: 1 in and 3 out; 2: 3 in. View 2 has no mask, and so no say.
        let gains = [0, 1, 2].map(|superpoint| track.gain(&seen, superpoint));
        assert_eq!(gains, [-5, -2, 3]);
    }

    #[test]
    fn an_empty_mask_speaks_against_what_the_view_sees() {
        let views = [vec![(0, places(3, 0))], vec![(0, places(2, 0))]];
        let seen = given(&[3], &[0.0], &views);
        let mut track = Track::default();
        track.add(&seen, 0, &left()).unwrap();
        assert_eq!(track.gain(&seen, 0), 3);
        let empty = TrackedMask::new(vec![false], [1, 1]).unwrap();
        track.add(&seen, 1, &empty).unwrap();
        assert_eq!(track.gain(&seen, 0), 1);
    }

    #[test]
    fn a_view_has_one_mask_and_exists() {
        let seen = given(&[3], &[0.0], &[vec![(0, places(3, 0))]]);
        let mut track = Track::default();
        track.add(&seen, 0, &left()).unwrap();
        let twice = track.add(&seen, 0, &left()).unwrap_err().to_string();
        assert!(
            twice.contains("two masks of one object for view 0"),
            "{twice}"
        );
        let beyond = track.add(&seen, 1, &left()).unwrap_err().to_string();
        assert!(beyond.contains("view 1, there are 1 views"), "{beyond}");
    }
}
