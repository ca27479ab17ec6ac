//! Value noise: smooth, repeatable randomness in space.

use glam::{IVec3, Vec3};

/// Mixes a lattice point and a seed to 32 well-spread bits.
pub fn hash(cell: IVec3, seed: u32) -> u32 {
    let [x, y, z] = cell.to_array().map(|v| v as u32);
    let h = seed ^ x.wrapping_mul(0x8da6_b343) ^ y.wrapping_mul(0xd816_3841) ^ z.wrapping_mul(0xcb1a_b31f);
    let h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    let h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// The `which`-th number in 0..1 that belongs to a hash.
pub fn unit(hash: u32, which: u32) -> f32 {
    let mixed = (hash ^ which.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x2c1b_3c6d);
    ((mixed ^ (mixed >> 15)).wrapping_mul(0x297a_2d39) >> 8) as f32 / (1 << 24) as f32
}

/// The next whole numbers below. By conversion: `floor` is a call to libm on x86-64's base instruction set, and this is in the innermost loops.
pub fn below(p: Vec3) -> IVec3 {
    p.as_ivec3() - IVec3::from(p.cmplt(p.as_ivec3().as_vec3()))
}

/// Noise in 0..1 with features of about one unit.
pub fn noise(p: Vec3, seed: u32) -> f32 {
    let cell = below(p);
    let f = p - cell.as_vec3();
    let f = f * f * (Vec3::splat(3.0) - 2.0 * f);
    let corner = |x, y, z| (hash(cell + IVec3::new(x, y, z), seed) >> 8) as f32 / (1 << 24) as f32;
    let along_x = |y, z| corner(0, y, z) * (1.0 - f.x) + corner(1, y, z) * f.x;
    let along_y = |z| along_x(0, z) * (1.0 - f.y) + along_x(1, z) * f.y;
    along_y(0) * (1.0 - f.z) + along_y(1) * f.z
}

/// Two octaves of [`noise`], in 0..1.
pub fn rough(p: Vec3, seed: u32) -> f32 {
    0.65 * noise(p, seed) + 0.35 * noise(p * 2.3, seed ^ 0x51ed_270b)
}
