//! Colors of instances and labels: the same on the page and in files. All are sRGB.

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

/// The color of points that belong to no visible instance.
pub const UNOWNED: [u8; 3] = [120, 124, 132];

/// The color of a label; always the same for the same label.
pub fn label_color(label: &str) -> [u8; 3] {
    HUES[(hash(label.bytes()) % HUES.len() as u32) as usize]
}

/// The color of an instance; the same instance with the same label has the same color on every run
/// and every machine. Instances without a label have the label [`UNNAMED`](crate::write::UNNAMED).
pub fn instance_color(label: &str, id: u32) -> [u8; 3] {
    let hash = hash(label.bytes().chain(id.to_le_bytes()));
    let hue = HUES[(hash % HUES.len() as u32) as usize];
    let shade = [0.78, 1.0, 1.18][(hash >> 16) as usize % 3];
    hue.map(|channel| (f32::from(channel) * shade).min(255.0) as u8)
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

    use super::*;

    #[test]
    fn colors_are_stable_and_tell_instances_of_one_label_apart() {
        assert_eq!(
            css(instance_color("chair", 3)),
            css(instance_color("chair", 3))
        );
        let distinct: HashSet<_> = (0..30).map(|id| instance_color("chair", id)).collect();
        assert!(
            distinct.len() > 15,
            "{} colors for 30 chairs",
            distinct.len()
        );
    }
}
