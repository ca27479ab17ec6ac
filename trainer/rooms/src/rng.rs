//! The random number generator of the synthetic rooms: one reproducible ChaCha8 stream per room.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded random number generator; the same seed and stream give the same numbers on every
/// machine.
pub struct RoomRng(ChaCha8Rng);

impl RoomRng {
    /// Stream number `stream` of the generator seeded with `seed`; streams are independent of each
    /// other.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Uniform in `lo..hi`.
    pub fn within(&mut self, lo: f32, hi: f32) -> f32 {
        lo + (hi - lo) * self.0.random::<f32>()
    }

    /// Uniform in `-reach..reach`.
    pub fn about(&mut self, reach: f32) -> f32 {
        self.within(-reach, reach)
    }

    /// A uniform integer in `lo..=hi`.
    pub fn count(&mut self, lo: usize, hi: usize) -> usize {
        self.0.random_range(lo..=hi)
    }

    /// `true` with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.0.random::<f32>() < p
    }

    /// One of `options`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.0.random_range(0..options.len())]
    }

    /// -1 or 1, each with probability 0.5.
    pub fn side(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Standard normal, by the Box-Muller transform.
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.0.random::<f32>()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.0.random::<f32>()).cos()
    }

    /// A seed for the noise of one object or material.
    pub fn seed(&mut self) -> u32 {
        self.0.random()
    }

    /// Shuffles `items`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.0.random_range(0..=last));
        }
    }
}
