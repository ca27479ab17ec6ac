//! Data sets that are stored as PyTorch files and raw dumps.

#![no_main]

use libfuzzer_sys::fuzz_target;
use recordings::readers::Kind;

fuzz_target!(|input: &[u8]| fuzz::recording::prepare(&[Kind::Segdino3d, Kind::Replica], input));
