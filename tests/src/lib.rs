//! What the proofs share: the cases that every device must pass, and the devices.

pub mod cases;
pub mod device;
