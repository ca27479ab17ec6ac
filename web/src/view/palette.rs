//! Colors: stable ones for instances and labels, and a ramp for scores and heights. All are sRGB.

/// Twenty hues that most color-blind people can distinguish (after Okabe and Ito, and Paul Tol),
/// bright enough for a dark and dark enough for a light background.
const HUES: [[u8; 3]; 20] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
    [136, 204, 238],
    [68, 170, 153],
    [153, 153, 51],
    [204, 102, 119],
    [136, 34, 85],
    [170, 68, 153],
    [238, 136, 102],
    [119, 170, 221],
    [187, 204, 51],
    [170, 170, 0],
    [255, 170, 187],
    [68, 187, 153],
    [102, 101, 196],
];

/// Five stops of a perceptually uniform ramp from dark blue to yellow. `wgsl/points.wgsl` has the
/// same stops.
const RAMP: [[u8; 3]; 5] = [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [94, 201, 98],
    [253, 231, 37],
];

/// The color of points that belong to no visible instance.
pub const UNOWNED: [u8; 3] = [120, 124, 132];

/// The color of a label; always the same for the same label.
pub fn label_color(label: &str) -> [u8; 3] {
    HUES[(hash(label.bytes()) % HUES.len() as u32) as usize]
}

/// The color of an instance; the same instance with the same label has the same color on every run
/// and every machine.
pub fn instance_color(label: &str, id: u32) -> [u8; 3] {
    let hash = hash(label.bytes().chain(id.to_le_bytes()));
    let hue = HUES[(hash % HUES.len() as u32) as usize];
    let shade = [0.78, 1.0, 1.18][(hash >> 16) as usize % 3];
    hue.map(|channel| (f32::from(channel) * shade).min(255.0) as u8)
}

/// The color of `t` in `0..=1`, from low to high.
pub fn ramp(t: f32) -> [u8; 3] {
    let position = t.clamp(0.0, 1.0) * (RAMP.len() - 1) as f32;
    let index = (position as usize).min(RAMP.len() - 2);
    let between = position - index as f32;
    std::array::from_fn(|c| {
        let (low, high) = (f32::from(RAMP[index][c]), f32::from(RAMP[index + 1][c]));
        (low + (high - low) * between).round() as u8
    })
}

/// Formats a color as `#rrggbb`.
pub fn css([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// FNV-1a with a final mix: short strings that differ in one letter get very different hashes.
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    let mixed = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x7feb_352d);
    mixed ^ (mixed >> 15)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn colors_are_stable_and_tell_instances_of_one_label_apart() {
        assert_eq!(instance_color("chair", 3), instance_color("chair", 3));
        let distinct: HashSet<_> = (0..30).map(|id| instance_color("chair", id)).collect();
        assert!(
            distinct.len() > 15,
            "{} colours for 30 chairs",
            distinct.len()
        );
    }

    #[wasm_bindgen_test]
    fn the_ramp_ends_where_it_should_and_grows_lighter() {
        assert_eq!(ramp(-1.0), RAMP[0]);
        assert_eq!(ramp(2.0), RAMP[4]);
        let light = |t| ramp(t).iter().map(|c| u32::from(*c)).sum::<u32>();
        assert!((0..10).all(|i| light(i as f32 / 10.0) < light((i + 1) as f32 / 10.0) + 12));
    }
}
