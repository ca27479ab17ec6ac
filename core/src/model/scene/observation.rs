//! What is known of the points of a scan, and what the network refuses.

use crate::{
    model::Config,
    ops::{BINDING_LIMIT, KernelMapError, SegmentMapError},
    scan::Scan,
    superpoint::Superpoints,
};

/// An error of turning a scan into the input of the network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SceneError {
    /// The scan has no points.
    #[error("the scan has no points")]
    Empty,
    /// The arrays have different numbers of points.
    #[error("the scan has {found} {what} instead of {expected}")]
    Length {
        /// Name of the array, such as colors or superpoint ids.
        what: &'static str,
        /// Expected length.
        expected: usize,
        /// Actual length.
        found: usize,
    },
    /// A coordinate is infinite or NaN.
    #[error("point {point} has the coordinates {position:?}; all must be finite")]
    NotFinite {
        /// Index of the point.
        point: usize,
        /// Its position.
        position: [f32; 3],
    },
    /// A tensor would be larger than a graphics device can bind.
    #[error(
        "the scan has {found} {what}, the network takes at most {limit}; crop it or thin it out"
    )]
    TooLarge {
        /// The kind of element: voxels or superpoints.
        what: &'static str,
        /// Actual number.
        found: usize,
        /// Limit for this configuration.
        limit: usize,
    },
    /// The voxels do not fit the tables of the convolutions.
    #[error(transparent)]
    Voxels(#[from] KernelMapError),
    /// The superpoints do not fit the voxels.
    #[error(transparent)]
    Superpoints(#[from] SegmentMapError),
}

/// The known properties of a scan's points, one entry per point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observation<'a> {
    /// Positions in metres, world frame, `(points, 3)`.
    pub positions: &'a [[f32; 3]],
    /// Triangles between the points, if the scan is a mesh. Superpoints follow its surface; the
    /// network does not read them.
    pub triangles: &'a [[u32; 3]],
    /// sRGB colors, `(points, 3)`; a scan without colors is treated as having the mean color
    /// everywhere.
    pub colors: Option<&'a [[u8; 3]]>,
    /// Image features, (points, [`Inputs::image`](crate::model::config::Inputs::image)); without them every point gets the feature that
    /// the network learned for this case.
    pub image: Option<&'a [f32]>,
    /// Positions after elastic distortion in metres, `(points, 3)`; voxels and boxes use them.
    pub distorted: Option<&'a [[f32; 3]]>,
    /// Objects seen in images: features (objects,
    /// [`Objects::channels`](crate::model::config::Objects::channels)) and positions `(objects, 3)` in
    /// metres.
    pub objects: Option<(&'a [f32], &'a [[f32; 3]])>,
}

impl<'a> From<&'a Scan> for Observation<'a> {
    fn from(scan: &'a Scan) -> Self {
        Self {
            positions: &scan.positions,
            triangles: &scan.triangles,
            colors: scan.colors.as_deref(),
            ..Self::default()
        }
    }
}

impl Observation<'_> {
    /// Checks that all arrays have the lengths that a network with this `config` needs, and that all
    /// positions are finite.
    pub(super) fn check_points(&self, config: &Config) -> Result<(), SceneError> {
        let points = self.positions.len();
        if points == 0 {
            return Err(SceneError::Empty);
        }
        let of_points = |array: Option<usize>| array.unwrap_or(points);
        same_length("colours", of_points(self.colors.map(<[_]>::len)), points)?;
        same_length(
            "distorted positions",
            of_points(self.distorted.map(<[_]>::len)),
            points,
        )?;
        if let Some(image) = self.image.filter(|_| config.inputs.image > 0) {
            same_length("image features", image.len(), points * config.inputs.image)?;
        }
        if let Some(((features, positions), objects)) = self.objects.zip(config.objects.as_ref()) {
            same_length(
                "features of objects",
                features.len(),
                positions.len() * objects.channels,
            )?;
        }
        for positions in [Some(self.positions), self.distorted].into_iter().flatten() {
            if let Some(point) = positions
                .iter()
                .position(|p| !p.iter().all(|x| x.is_finite()))
            {
                return Err(SceneError::NotFinite {
                    point,
                    position: positions[point],
                });
            }
        }
        Ok(())
    }

    /// Checks the points, that each has a superpoint, and that the superpoints are not too many for
    /// a GPU.
    pub(crate) fn check(
        &self,
        superpoints: &Superpoints,
        config: &Config,
    ) -> Result<(), SceneError> {
        self.check_points(config)?;
        same_length(
            "superpoint ids",
            superpoints.superpoint_of_point().len(),
            self.positions.len(),
        )?;
        // Attention concatenates content and position of every superpoint, which doubles the width.
        let limit = BINDING_LIMIT / size_of::<f32>() / (2 * config.d_model);
        if superpoints.count() > limit {
            return Err(SceneError::TooLarge {
                what: "superpoints",
                found: superpoints.count(),
                limit,
            });
        }
        Ok(())
    }
}

fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), SceneError> {
    if found == expected {
        Ok(())
    } else {
        Err(SceneError::Length {
            what,
            expected,
            found,
        })
    }
}
