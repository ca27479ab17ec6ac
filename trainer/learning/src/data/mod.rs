//! Scenes, from files, bundles or the generator, and the samples that a step trains on.

pub mod augment;
pub mod frames;
pub mod image_evidence;
pub mod labeled_scan;
pub mod oracle;
pub mod samples;
pub mod scans;
pub mod sources;
pub mod structure;
mod superpoint_cache;
pub mod view_partition;
