//! ScanNet's and ScanNet++'s raw folders: meshes, segments, annotations, the .sens stream, COLMAP.

#![no_main]

use libfuzzer_sys::fuzz_target;
use recordings::readers::Kind;

fuzz_target!(|input: &[u8]| fuzz::recording::prepare(&[Kind::Scannet, Kind::Scannetpp], input));
