//! What the fuzz targets share.
//!
//! An input that stands for several files is an [`archive`]: its files one after the other, each
//! behind a line with its name. A mutation of such an input changes the content of one file and
//! leaves the others, and checksums, which no mutation would hit, are made here.

pub mod archive;
pub mod recording;
