//! The points of an instance, and the owner of a point that several instances share.

use super::{Instance, Segmentation};
use crate::superpoint::Superpoints;

/// Owner of a point that belongs to no visible instance.
pub const NO_INSTANCE: u32 = u32::MAX;

impl Instance {
    fn reaches(&self, position: [f32; 3]) -> bool {
        self.crop.is_none_or(|crop| crop.contains(position))
    }
}

impl Segmentation {
    /// Returns for each point the smallest visible instance that contains it, or [`NO_INSTANCE`],
    /// `(points)`. The smallest one, because an object in or on another object would otherwise own
    /// nothing. O(points + instances' superpoints) if instances hardly overlap.
    ///
    /// `positions` `(points, 3)` are in the world frame, in the order of `superpoints`; `visible`
    /// is called once per instance.
    pub fn owner_of_point(
        &self,
        positions: &[[f32; 3]],
        superpoints: &Superpoints,
        visible: impl Fn(usize) -> bool,
    ) -> Vec<u32> {
        let mut claims: Vec<Vec<u32>> = vec![Vec::new(); superpoints.count()];
        let mut smallest_first: Vec<usize> = (0..self.instances.len())
            .filter(|&index| visible(index))
            .collect();
        smallest_first.sort_by_key(|&index| self.instances[index].points);
        for index in smallest_first {
            for &superpoint in &self.instances[index].superpoints {
                claims[superpoint as usize].push(index as u32);
            }
        }
        let owner = |(&superpoint, &position): (&u32, &[f32; 3])| {
            let claim = claims[superpoint as usize]
                .iter()
                .find(|&&instance| self.instances[instance as usize].reaches(position));
            claim.copied().unwrap_or(NO_INSTANCE)
        };
        superpoints
            .superpoint_of_point()
            .iter()
            .zip(positions)
            .map(owner)
            .collect()
    }

    /// Returns the points of one instance, ascending, including those that another instance shares.
    /// O(points).
    ///
    /// # Panics
    /// If the instance does not exist.
    pub fn points_of_instance(
        &self,
        instance: usize,
        positions: &[[f32; 3]],
        superpoints: &Superpoints,
    ) -> Vec<u32> {
        let instance = &self.instances[instance];
        let mut member = vec![false; superpoints.count()];
        for &superpoint in &instance.superpoints {
            member[superpoint as usize] = true;
        }
        let points = (0..).zip(superpoints.superpoint_of_point().iter().zip(positions));
        points
            .filter(|(_, (s, p))| member[**s as usize] && instance.reaches(**p))
            .map(|(point, _)| point)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instances::Aabb;

    /// Four points in a row, each a superpoint of its own except the last two, which share one.
    fn scene() -> ([[f32; 3]; 4], Superpoints, Segmentation) {
        let positions = [0.0, 1.0, 2.0, 3.0].map(|x| [x, 0.0, 0.0]);
        let instance = |superpoints: &[u32], crop: Option<f32>| Instance {
            superpoints: superpoints.to_vec(),
            crop: crop.map(|x| Aabb {
                min: [0.0; 3],
                max: [x, 0.0, 0.0],
            }),
            score: 0.5,
            embedding: vec![],
            bounds: Aabb::EMPTY,
            points: 0,
        };
        let instances = vec![
            instance(&[1, 2], Some(2.5)),
            instance(&[0, 1], None),
            instance(&[2], None),
        ];
        (
            positions,
            Superpoints::from_ids(&[0, 1, 2, 2]),
            Segmentation {
                instances,
                logit_scale: 20.0,
            },
        )
    }

    #[test]
    fn what_lies_inside_another_thing_owns_its_points() {
        let (positions, superpoints, mut segmentation) = scene();
        segmentation.instances[0] = Instance {
            superpoints: vec![0, 1, 2],
            points: 4,
            crop: None,
            ..segmentation.instances[0].clone()
        };
        segmentation.instances[1] = Instance {
            superpoints: vec![1],
            points: 1,
            score: 0.3,
            ..segmentation.instances[1].clone()
        };
        segmentation.instances.truncate(2);
        assert_eq!(
            segmentation.owner_of_point(&positions, &superpoints, |_| true),
            [0, 1, 0, 0]
        );
    }

    #[test]
    fn a_visible_instance_owns_a_point_within_its_crop() {
        let (positions, superpoints, segmentation) = scene();
        assert_eq!(
            segmentation.owner_of_point(&positions, &superpoints, |_| true),
            [1, 0, 0, 2]
        );
        assert_eq!(
            segmentation.owner_of_point(&positions, &superpoints, |i| i != 0),
            [1, 1, 2, 2]
        );
        assert_eq!(
            segmentation.owner_of_point(&positions, &superpoints, |i| i == 0),
            [NO_INSTANCE, 0, 0, NO_INSTANCE]
        );
    }

    #[test]
    fn an_instance_has_its_points_even_where_another_owns_them() {
        let (positions, superpoints, segmentation) = scene();
        assert_eq!(
            segmentation.points_of_instance(0, &positions, &superpoints),
            [1, 2]
        );
        assert_eq!(
            segmentation.points_of_instance(1, &positions, &superpoints),
            [0, 1]
        );
        assert_eq!(
            segmentation.points_of_instance(2, &positions, &superpoints),
            [2, 3]
        );
    }
}
