//! The limits of what a bundle holds. Who writes one and who reads one keep the same: what a reader
//! would refuse is not written, and what was read costs its reader time and memory in proportion to
//! its points, its instances and their superpoints.

use std::f32::consts::PI;

use super::{BundleError, Meta, SavedCamera, SavedView, container::Section};
use crate::{
    geometry::Aabb,
    instances::{Instance, Segmentation},
    scan::{MAX_COORDINATE, MAX_POINTS, UnitError, is_somewhere},
    text::prompt::MAX_PROMPT_BYTES,
};

/// The maximum number of instances of a bundle. The network finds a thousand at most; what is
/// followed from frame to frame and what users make may be more.
pub(super) const MAX_INSTANCES: usize = 4096;
/// The maximum number of superpoints that all instances list together: a thousand instances with
/// four thousand each.
pub(super) const MAX_CLAIMS: usize = 4_000_000;
/// The maximum number of characters of a name: of an instance, a file, a network, a program.
pub const MAX_NAME_CHARS: usize = 200;
/// The maximum size in bytes of names, view and provenance as JSON: more than all of them have within
/// the other limits, if every character is escaped.
pub(super) const MAX_META: usize = 8 << 20;

/// Checks a count.
///
/// # Errors
/// [`BundleError::TooMany`].
pub(super) fn check_count(
    what: &'static str,
    found: usize,
    limit: usize,
) -> Result<(), BundleError> {
    if found > limit {
        return Err(BundleError::TooMany {
            what,
            found: found as u64,
            limit: limit as u64,
        });
    }
    Ok(())
}

/// Checks the number of superpoints that all instances list together.
///
/// # Errors
/// [`BundleError::TooMany`].
pub(super) fn check_claims(claims: usize) -> Result<(), BundleError> {
    check_count("superpoints in its instances", claims, MAX_CLAIMS)
}

/// Checks what is about to be written: labels of so many points.
///
/// # Errors
/// [`BundleError`] names what breaks which limit.
pub(super) fn check(
    points: usize,
    segmentation: &Segmentation,
    meta: &Meta,
) -> Result<(), BundleError> {
    let instances = &segmentation.instances;
    check_count("points", points, MAX_POINTS)?;
    check_count("instances", instances.len(), MAX_INSTANCES)?;
    let claims = instances
        .iter()
        .map(|Instance { superpoints, .. }| superpoints.len());
    check_claims(claims.sum())?;
    meta.check(instances.len())
}

/// Checks what instances say of their points where the points themselves are elsewhere, from the
/// number of points of each superpoint.
///
/// # Errors
/// [`BundleError::Malformed`].
pub(super) fn check_shapes(segmentation: &Segmentation, sizes: &[u32]) -> Result<(), BundleError> {
    for (index, instance) in segmentation.instances.iter().enumerate() {
        let Instance {
            superpoints,
            points,
            bounds: Aabb { min, max },
            ..
        } = instance;
        let malformed = |problem: String| BundleError::malformed(Section::Instances, problem);
        let sizes = superpoints.iter().map(|id| u64::from(sizes[*id as usize]));
        let expected: u64 = sizes.sum();
        if u64::from(*points) != expected {
            return Err(malformed(format!(
                "instance {index} has {points} points, its superpoints have {expected}"
            )));
        }
        if !(is_somewhere(*min) && is_somewhere(*max)) {
            return Err(malformed(format!(
                "instance {index} reaches from {min:?} to {max:?} m, the limit is {MAX_COORDINATE:e} m"
            )));
        }
    }
    Ok(())
}

/// Checks that a point is somewhere near the origin.
///
/// # Errors
/// [`BundleError::Malformed`].
pub(super) fn check_point(point: usize, position: [f32; 3]) -> Result<(), BundleError> {
    if is_somewhere(position) {
        return Ok(());
    }
    let problem =
        format!("point {point} lies at {position:?} m, the limit is {MAX_COORDINATE:e} m");
    Err(BundleError::malformed(Section::Positions, problem))
}

impl Meta {
    /// Checks it in a bundle with this number of instances.
    ///
    /// # Errors
    /// [`BundleError::Malformed`].
    pub(super) fn check(&self, instances: usize) -> Result<(), BundleError> {
        let problem = self.problem(instances);
        let problem = problem.or_else(|| self.view.problem(instances));
        problem.map_or(Ok(()), |problem| {
            Err(BundleError::malformed(Section::Meta, problem))
        })
    }

    fn problem(&self, instances: usize) -> Option<String> {
        let Self {
            names,
            frame,
            provenance,
            ..
        } = self;
        if names.len() != instances {
            return Some(format!(
                "it has {} names for {instances} instances",
                names.len()
            ));
        }
        let of_instances = names
            .iter()
            .map(|name| ("the name of an instance", &name.text));
        let texts = of_instances.chain([
            ("the name of the scan", &provenance.source),
            ("the name of the network", &provenance.model),
            ("the name of the program", &provenance.app),
        ]);
        for (what, text) in texts {
            let found = text.chars().count();
            if found > MAX_NAME_CHARS {
                return Some(format!(
                    "{what} has {found} characters, the limit is {MAX_NAME_CHARS}"
                ));
            }
        }
        if let Some(far) = frame
            .offset
            .iter()
            .find(|v| v.is_nan() || v.abs() > MAX_COORDINATE)
        {
            return Some(format!(
                "the origin of the scan's file is {far:e} units away, the limit is {MAX_COORDINATE:e}"
            ));
        }
        let unit = UnitError::check(frame.metres_per_unit);
        unit.err().map(|error| error.to_string())
    }
}

impl SavedView {
    /// What is wrong with it in a bundle with this number of instances. JSON has numbers beyond
    /// those of f32, which become infinite, and infinite numbers cannot be written again.
    fn problem(&self, instances: usize) -> Option<String> {
        let Self {
            prompt,
            threshold,
            camera,
            hidden,
            locked,
            ceiling,
            clip,
            ..
        } = self;
        for (does, ids) in [("hides", hidden), ("locks", locked)] {
            if let Some(id) = ids.iter().find(|id| **id as usize >= instances) {
                return Some(format!(
                    "it {does} instance {id}, but there are only {instances} instances"
                ));
            }
            if ids.len() > instances {
                return Some(format!(
                    "it {does} {} instances, but there are only {instances}",
                    ids.len()
                ));
            }
        }
        if prompt.len() > MAX_PROMPT_BYTES {
            return Some(format!(
                "the prompt has {} bytes, the limit is {MAX_PROMPT_BYTES}",
                prompt.len()
            ));
        }
        let corners = clip.iter().flat_map(|clip| [clip.min, clip.max]);
        let cut_off = corners.flatten().chain(*ceiling);
        if let Some(far) = cut_off.into_iter().find(|v| !is_somewhere([*v; 3])) {
            return Some(format!(
                "it hides what is beyond {far} m, the limit is {MAX_COORDINATE:e} m"
            ));
        }
        if !(0.0..=1.0).contains(threshold) {
            return Some(format!(
                "the threshold is {threshold}, it must be between 0 and 1"
            ));
        }
        let SavedCamera { eye, target, fov_y } = (*camera)?;
        if !(is_somewhere(eye) && is_somewhere(target)) {
            return Some(format!(
                "the camera is at {eye:?} m and looks at {target:?} m, the limit is {MAX_COORDINATE:e} m"
            ));
        }
        let is_right = fov_y > 0.0 && fov_y < PI;
        (!is_right).then(|| format!("the field of view is {fov_y}, it must be between 0 and pi"))
    }
}
