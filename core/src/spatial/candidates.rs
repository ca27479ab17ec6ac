//! The candidates for the nearest neighbours of a place.

use super::tree::{LEAF, Leaf};

/// Number of candidates beyond the wanted ones that are collected before the farthest are dropped.
const SPARE: usize = 64;

/// The `wanted` nearest of all places offered, by (squared distance, slot): the result does not
/// depend on the order of the offers.
pub(super) struct Candidates {
    wanted: usize,
    keys: Vec<u64>,
    len: usize,
    limit: f32,
}

impl Candidates {
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            wanted,
            keys: vec![0; wanted + SPARE],
            len: 0,
            limit: f32::MAX,
        }
    }

    /// Removes all candidates; places farther away than the squared distance `limit` will be
    /// ignored.
    pub(super) fn restart(&mut self, limit: f32) {
        self.len = 0;
        self.limit = limit;
    }

    /// The squared distance beyond which places are ignored.
    pub(super) fn limit(&self) -> f32 {
        self.limit
    }

    /// Adds the places of the leaf with number `index` that are near enough to `at`.
    pub(super) fn offer(&mut self, leaf: &Leaf, index: usize, at: [f32; 3]) {
        if self.len + LEAF > self.keys.len() {
            self.drop_farthest();
        }
        let mut distances = [0.0; LEAF];
        squared_distances(leaf.each_ref().map(|axis| &axis[..]), at, &mut distances);
        self.len += within(&distances, self.limit, index, &mut self.keys[self.len..]);
    }

    fn drop_farthest(&mut self) {
        if self.len > self.wanted {
            let (_, &mut last, _) = self.keys[..self.len].select_nth_unstable(self.wanted - 1);
            self.len = self.wanted;
            self.limit = self.limit.min(distance_of(last));
        }
    }

    /// The nearest candidates in order: `wanted` of them, or all if fewer were near enough.
    pub(super) fn sorted(&mut self) -> &[u64] {
        self.drop_farthest();
        let keys = &mut self.keys[..self.len];
        keys.sort_unstable();
        keys
    }
}

/// Computes the squared distances from `at` to places with coordinates `x`, `y` and `z`.
pub(super) fn squared_distances([x, y, z]: [&[f32]; 3], at: [f32; 3], distances: &mut [f32]) {
    for (((distance, x), y), z) in distances.iter_mut().zip(x).zip(y).zip(z) {
        let [x, y, z] = [x - at[0], y - at[1], z - at[2]];
        *distance = x * x + y * y + z * z;
    }
}

/// Writes the keys of those of a leaf's `distances` that are at most `limit` to the front of
/// `keys`, which has room for a leaf, and returns their number; the entries after them are
/// overwritten too.
pub(super) fn within(distances: &[f32], limit: f32, leaf: usize, keys: &mut [u64]) -> usize {
    // Most leaves have none.
    let none = !distances
        .iter()
        .fold(false, |any, &distance| any | (distance <= limit));
    let (false, Some(keys)) = (none, keys.first_chunk_mut::<LEAF>()) else {
        return 0;
    };
    let mut taken = 0;
    for (slot, &distance) in (leaf * LEAF..).zip(distances) {
        // Written unconditionally and then kept or overwritten: a branch would be mispredicted half
        // of the time.
        keys[taken % LEAF] = u64::from(distance.to_bits()) << 32 | slot as u64;
        taken += usize::from(distance <= limit);
    }
    taken
}

/// The slot in a key.
pub(super) fn slot_of(key: u64) -> u32 {
    key as u32
}

/// The squared distance in a key; distances are not negative, so the integer order of their bits is
/// their order.
pub(super) fn distance_of(key: u64) -> f32 {
    f32::from_bits((key >> 32) as u32)
}
