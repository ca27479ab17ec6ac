//! Value noise: smooth, repeatable randomness in space.

use glam::{IVec3, Vec3};

/// Multipliers that spread the coordinates of a lattice point over all bits.
const PRIMES: [u32; 3] = [0x8da6_b343, 0xd816_3841, 0xcb1a_b31f];

/// Mixes a lattice point and a seed to 32 well-spread bits.
pub fn hash(cell: IVec3, seed: u32) -> u32 {
    let [x, y, z] = cell.to_array().map(|v| v as u32);
    mixed(seed ^ x.wrapping_mul(PRIMES[0]) ^ y.wrapping_mul(PRIMES[1]) ^ z.wrapping_mul(PRIMES[2]))
}

fn mixed(h: u32) -> u32 {
    let h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    let h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// The `which`-th pseudorandom number in 0..1 of a hash.
pub fn unit(hash: u32, which: u32) -> f32 {
    let mixed = (hash ^ which.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x2c1b_3c6d);
    ((mixed ^ (mixed >> 15)).wrapping_mul(0x297a_2d39) >> 8) as f32 / (1 << 24) as f32
}

/// The coordinates rounded down. Uses integer conversion: `floor` is a call to libm on x86-64's
/// base instruction set, and this is in the innermost loops.
pub fn below(p: Vec3) -> IVec3 {
    p.as_ivec3() - IVec3::from(p.cmplt(p.as_ivec3().as_vec3()))
}

/// Noise in 0..1 at a point, with features of about one unit.
pub fn noise(p: Vec3, seed: u32) -> f32 {
    noise_at(&Places([[p.x], [p.y], [p.z]]), &[seed])[0]
}

/// Number of points that are evaluated together: the lanes of the widest vector instructions.
pub const LANES: usize = 16;

/// Points as a structure of arrays, by axis.
#[derive(Clone, Copy)]
pub struct Places<const N: usize>(pub [[f32; N]; 3]);

impl<const N: usize> Places<N> {
    /// Transposes an array of points.
    pub fn new(places: [Vec3; N]) -> Self {
        Self([0, 1, 2].map(|axis| places.map(|p| p[axis])))
    }

    /// The points multiplied by `by`.
    #[must_use]
    pub fn scaled(&self, by: f32) -> Self {
        Self(self.0.map(|along| along.map(|v| v * by)))
    }
}

/// [`noise`] at many points, each with its own seed. Gives the same numbers several times as fast,
/// because the compiler vectorizes it.
pub fn noise_at<const N: usize>(places: &Places<N>, seeds: &[u32; N]) -> [f32; N] {
    let (mut lattice, mut f) = ([[[0; N]; 2]; 3], [[0.0; N]; 3]);
    for axis in 0..3 {
        for lane in 0..N {
            let at = places.0[axis][lane];
            let cell = (at as i32).wrapping_sub(i32::from(at < at as i32 as f32));
            let t = at - cell as f32;
            f[axis][lane] = t * t * (3.0 - 2.0 * t);
            let here = (cell as u32).wrapping_mul(PRIMES[axis]);
            lattice[axis][0][lane] = here;
            lattice[axis][1][lane] = here.wrapping_add(PRIMES[axis]);
        }
    }
    let mut corners = [[0.0; N]; 8];
    for (number, corner) in corners.iter_mut().enumerate() {
        for lane in 0..N {
            let [x, y, z] = [0, 1, 2].map(|axis| lattice[axis][number >> axis & 1][lane]);
            corner[lane] = (mixed(seeds[lane] ^ x ^ y ^ z) >> 8) as i32 as f32 / (1 << 24) as f32;
        }
    }
    let mut noise = [0.0; N];
    for (lane, noise) in noise.iter_mut().enumerate() {
        let [x, y, z] = [0, 1, 2].map(|axis| f[axis][lane]);
        let along_x = |c: usize| corners[c][lane] * (1.0 - x) + corners[c + 1][lane] * x;
        let along_y = |c: usize| along_x(c) * (1.0 - y) + along_x(c + 2) * y;
        *noise = along_y(0) * (1.0 - z) + along_y(4) * z;
    }
    noise
}

/// Two octaves of [`noise`], in 0..1.
pub fn rough(p: Vec3, seed: u32) -> f32 {
    rough_at(&Places([[p.x], [p.y], [p.z]]), &[seed])[0]
}

/// [`rough`] at many points.
pub fn rough_at<const N: usize>(places: &Places<N>, seeds: &[u32; N]) -> [f32; N] {
    let (first, second) = (
        noise_at(places, seeds),
        noise_at(&places.scaled(2.3), &seeds.map(|seed| seed ^ 0x51ed_270b)),
    );
    std::array::from_fn(|lane| 0.65 * first[lane] + 0.35 * second[lane])
}
