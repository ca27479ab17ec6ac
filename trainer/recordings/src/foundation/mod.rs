//! Foundation bundles on disks: how they are written, filled by 2D models, and turned into
//! supervision. Their types and their reader are those of [`segscape::foundation`].

mod bundle;
mod gray16;
mod supervision;

pub use bundle::{Fill, Filled, InFolder, Models, Writer, fill};
pub use segscape::foundation::{
    Foundation, Given, INDEX, Image, ImageInstance, Mask, SceneTruth, VotedName, names_by_views,
};
pub use supervision::{Annotation, annotations, boundaries, boundary_inputs};

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        progress::Monitor,
        superpoint::{Boundaries, PointGraph, SuperpointOptions, Superpoints},
        views::Camera,
    };

    use super::*;

    /// A camera at the origin that looks along the x axis of the world.
    pub fn camera() -> Camera {
        let axes = glam::Mat3::from_cols(-glam::Vec3::Y, -glam::Vec3::Z, glam::Vec3::X);
        let world_from_camera = glam::Affine3A::from_mat3(axes);
        Camera {
            width: 64.0,
            height: 48.0,
            focal: [50.0, 50.0],
            center: [31.5, 23.5],
            world_from_camera,
        }
    }

    pub fn superpoints(
        foundation: &Foundation,
        boundaries: Option<Boundaries>,
        options: &SuperpointOptions,
    ) -> Superpoints {
        let silent = Monitor::silent();
        let graph = PointGraph::new(
            &foundation.positions,
            None,
            &[],
            boundaries.as_ref(),
            options.edges,
            &silent,
        )
        .unwrap();
        graph.cut(options, &silent).unwrap()
    }
}
