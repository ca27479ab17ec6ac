//! Results as files: labelled PLY, JSON.
