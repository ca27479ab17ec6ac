//! The points of an instance, and the owner of a superpoint that several instances share.

use std::collections::BTreeMap;

use super::Segmentation;
use crate::superpoint::Superpoints;

/// Owner of a superpoint, a point or a pixel that belongs to no visible instance.
pub const NO_INSTANCE: u32 = u32::MAX;

/// The superpoints that a visible instance contains.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Index of the instance.
    pub instance: u32,
    /// Number of points of the instance.
    pub points: u32,
    /// Ids of its superpoints.
    pub superpoints: &'a [u32],
}

/// Returns for each of `superpoints` superpoints the smallest instance that claims it, or
/// [`NO_INSTANCE`]. The smallest one, because an object in or on another object would otherwise own
/// nothing. O(superpoints + claims), which does not depend on the number of points.
///
/// # Panics
/// If a claim names a superpoint that does not exist.
pub fn owner_of_superpoint<'a>(
    superpoints: usize,
    claims: impl IntoIterator<Item = Claim<'a>>,
) -> Vec<u32> {
    let mut largest_first: Vec<Claim> = claims.into_iter().collect();
    largest_first.sort_by_key(|claim| std::cmp::Reverse((claim.points, claim.instance)));
    let mut owner_of_superpoint = vec![NO_INSTANCE; superpoints];
    for claim in largest_first {
        for &superpoint in claim.superpoints {
            owner_of_superpoint[superpoint as usize] = claim.instance;
        }
    }
    owner_of_superpoint
}

/// `(superpoints)`: the owner of more than half of each superpoint's points, [`NO_INSTANCE`] if there
/// is none. O(points log superpoints).
///
/// # Panics
/// If there are fewer owners than points.
pub fn majority_owner(owner_of_point: &[u32], superpoints: &Superpoints) -> Vec<u32> {
    let mut counts = BTreeMap::<(u32, u32), u32>::new();
    for (point, superpoint) in superpoints.superpoint_of_point().iter().enumerate() {
        *counts
            .entry((*superpoint, owner_of_point[point]))
            .or_default() += 1;
    }
    let sizes = superpoints.sizes();
    let mut owners = vec![NO_INSTANCE; superpoints.count()];
    for ((superpoint, owner), count) in counts {
        if 2 * u64::from(count) > u64::from(sizes[superpoint as usize]) {
            owners[superpoint as usize] = owner;
        }
    }
    owners
}

impl Segmentation {
    /// Returns the points of one instance, ascending, including those that another instance shares.
    /// O(points).
    ///
    /// # Panics
    /// If the instance does not exist.
    pub fn points_of_instance(&self, instance: usize, superpoints: &Superpoints) -> Vec<u32> {
        let mut member = vec![false; superpoints.count()];
        for &superpoint in &self.instances[instance].superpoints {
            member[superpoint as usize] = true;
        }
        (0..)
            .zip(superpoints.superpoint_of_point())
            .filter(|(_, superpoint)| member[**superpoint as usize])
            .map(|(point, _)| point)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Aabb, instances::Instance};

    #[test]
    fn what_lies_inside_another_thing_owns_its_superpoints() {
        let claim = |instance, points, superpoints| Claim {
            instance,
            points,
            superpoints,
        };
        let (sofa, cushion) = (claim(0, 40, &[0, 1, 3]), claim(1, 10, &[1]));
        assert_eq!(
            owner_of_superpoint(4, [sofa, cushion]),
            [0, 1, NO_INSTANCE, 0]
        );
        assert_eq!(
            owner_of_superpoint(4, [sofa]),
            [0, 0, NO_INSTANCE, 0],
            "what is not visible owns nothing"
        );
        let twin = claim(2, 10, &[1, 2]);
        assert_eq!(
            owner_of_superpoint(4, [twin, sofa, cushion]),
            [0, 1, 2, 0],
            "of equally large ones, the first"
        );
    }

    #[test]
    fn an_instance_has_its_points_even_where_another_owns_them() {
        let superpoints = Superpoints::from_ids(&[0, 1, 2, 2]);
        let instance = |superpoints: &[u32]| Instance {
            superpoints: superpoints.to_vec(),
            score: 0.5,
            embedding: vec![],
            bounds: Aabb::EMPTY,
            points: 0,
        };
        let segmentation = Segmentation {
            instances: vec![instance(&[1, 2]), instance(&[0, 1])],
            logit_scale: 20.0,
            ..Segmentation::default()
        };
        assert_eq!(segmentation.points_of_instance(0, &superpoints), [1, 2, 3]);
        assert_eq!(segmentation.points_of_instance(1, &superpoints), [0, 1]);
    }
}
