//! The output of reconstructions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use recordings::readers::Kind;

fuzz_target!(|input: &[u8]| fuzz::recording::prepare(&[Kind::Mast3rSlam, Kind::Vggt], input));
