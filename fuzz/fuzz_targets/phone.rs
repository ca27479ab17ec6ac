//! Captures of phones.

#![no_main]

use libfuzzer_sys::fuzz_target;
use recordings::readers::Kind;

fuzz_target!(|input: &[u8]| fuzz::recording::prepare(
    &[Kind::Polycam, Kind::Record3d, Kind::Stray, Kind::Scanner3d],
    input
));
