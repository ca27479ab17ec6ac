//! Colors: stable ones for instances and labels, which files have as well, and a ramp for scores and
//! heights. All are sRGB.

pub use segscape::palette::{UNOWNED, css, instance_color, label_color};

/// Five stops of a perceptually uniform ramp from dark blue to yellow. `wgsl/points.wgsl` has the
/// same stops.
const RAMP: [[u8; 3]; 5] = [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [94, 201, 98],
    [253, 231, 37],
];

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

/// The color of a surface with this unit normal: red, green and blue for surfaces that face along
/// x, y and z, the colors of the axes. Both sides of a surface have the same color, since a scan
/// does not tell them apart.
pub fn normal_color(normal: [f32; 3]) -> [u8; 3] {
    normal.map(|along| (along.abs() * 255.0).round() as u8)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn the_ramp_ends_where_it_should_and_grows_lighter() {
        assert_eq!(ramp(-1.0), RAMP[0]);
        assert_eq!(ramp(2.0), RAMP[4]);
        let light = |t| ramp(t).iter().map(|c| u32::from(*c)).sum::<u32>();
        assert!((0..10).all(|i| light(i as f32 / 10.0) < light((i + 1) as f32 / 10.0) + 12));
    }
}
