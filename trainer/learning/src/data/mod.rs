//! Scenes, from files, bundles or the generator, and the samples that a step trains on.

pub mod augment;
pub mod dataset;
pub mod image_evidence;
pub mod oracle;
pub mod samples;
pub mod scans;
pub mod sources;
pub mod structure;
pub mod view_partition;
