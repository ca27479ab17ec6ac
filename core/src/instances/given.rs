//! Masks that another method found, which become candidates beside those of the network and the
//! regions of the geometry.

use super::{NO_INSTANCE, majority_owner};
use crate::superpoint::Superpoints;

/// A set of superpoints that another method takes for an object.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenMask {
    /// Ascending, non-empty superpoint ids.
    pub superpoints: Vec<u32>,
    /// The method's confidence, 0..=1.
    pub score: f32,
}

/// The instances that another method found in a scan, as files have them: one per point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointMasks {
    /// `(points)`: index of the instance, [`NO_INSTANCE`] for none.
    pub instance_of_point: Vec<u32>,
    /// `(instances)`: confidence, 0..=1.
    pub scores: Vec<f32>,
}

/// Masks that are not of this scan, or are none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PointMasksError {
    /// They are of other points.
    #[error("the masks are of {masks} points, the scan has {points}")]
    Points {
        /// Number of points of the masks.
        masks: usize,
        /// Number of points of the scan.
        points: usize,
    },
    /// A point is in an instance that has no score.
    #[error("point {point} is in instance {instance}, there are {instances}")]
    Instance {
        /// Index of the point.
        point: usize,
        /// Its instance.
        instance: u32,
        /// Number of instances.
        instances: usize,
    },
    /// A score is no confidence.
    #[error("the score of instance {instance} is {score}, it must be 0 to 1")]
    Score {
        /// Index of the instance.
        instance: usize,
        /// Its score.
        score: f32,
    },
}

impl PointMasks {
    /// The masks made of whole superpoints: those with more than half of their points in an
    /// instance. Instances without such a superpoint are left out.
    ///
    /// # Errors
    /// See [`PointMasksError`].
    pub fn of_superpoints(
        &self,
        superpoints: &Superpoints,
    ) -> Result<Vec<GivenMask>, PointMasksError> {
        self.check(superpoints.superpoint_of_point().len())?;
        let mut masks: Vec<GivenMask> = self
            .scores
            .iter()
            .map(|&score| GivenMask {
                superpoints: Vec::new(),
                score,
            })
            .collect();
        for (superpoint, owner) in (0..).zip(majority_owner(&self.instance_of_point, superpoints)) {
            if owner != NO_INSTANCE {
                masks[owner as usize].superpoints.push(superpoint);
            }
        }
        masks.retain(|mask| !mask.superpoints.is_empty());
        Ok(masks)
    }

    /// The masks of some of the points, in the order of `kept`.
    ///
    /// # Panics
    /// If a point of `kept` does not exist.
    #[must_use]
    pub fn only(&self, kept: &[usize]) -> Self {
        Self {
            instance_of_point: kept
                .iter()
                .map(|&point| self.instance_of_point[point])
                .collect(),
            scores: self.scores.clone(),
        }
    }

    /// Checks that these are masks of a scan with so many points.
    ///
    /// # Errors
    /// See [`PointMasksError`].
    pub fn check(&self, points: usize) -> Result<(), PointMasksError> {
        let masks = self.instance_of_point.len();
        if masks != points {
            return Err(PointMasksError::Points { masks, points });
        }
        let instances = self.scores.len();
        let is_wrong = |id: &u32| *id != NO_INSTANCE && *id as usize >= instances;
        if let Some(point) = self.instance_of_point.iter().position(is_wrong) {
            return Err(PointMasksError::Instance {
                point,
                instance: self.instance_of_point[point],
                instances,
            });
        }
        let is_none = |score: &f32| !(0.0..=1.0).contains(score);
        match self.scores.iter().position(is_none) {
            None => Ok(()),
            Some(instance) => Err(PointMasksError::Score {
                instance,
                score: self.scores[instance],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn masks_become_whole_superpoints_or_are_refused() {
        let superpoints = Superpoints::from_ids(&[0, 0, 0, 1, 1, 2, 2]);
        let none = NO_INSTANCE;
        let masks = PointMasks {
            instance_of_point: vec![1, 1, none, 0, 1, 1, 1],
            scores: vec![0.5, 0.75, 1.0],
        };
        // Superpoint 1 is half of one and half of the other; instance 2 has no point at all.
        let expected = GivenMask {
            superpoints: vec![0, 2],
            score: 0.75,
        };
        assert_eq!(masks.of_superpoints(&superpoints).unwrap(), [expected]);
        assert_eq!(masks.only(&[6, 3]).instance_of_point, [1, 0]);

        let broken = |change: &dyn Fn(&mut PointMasks)| {
            let mut masks = masks.clone();
            change(&mut masks);
            let error = masks.of_superpoints(&superpoints).unwrap_err();
            error.to_string()
        };
        let short = broken(&|masks| masks.instance_of_point.truncate(3));
        assert!(short.contains("3 points, the scan has 7"), "{short}");
        let unknown = broken(&|masks| masks.instance_of_point[4] = 3);
        assert!(
            unknown.contains("point 4 is in instance 3, there are 3"),
            "{unknown}"
        );
        let score = broken(&|masks| masks.scores[1] = f32::NAN);
        assert!(score.contains("instance 1 is NaN"), "{score}");
    }
}
