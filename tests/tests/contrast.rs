//! The colors of the page can be read: WCAG 2.2 asks for a contrast of 4.5 for text and 3 for what
//! marks a control. Computed from the style sheet, for both themes, and over bright and dark points.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

/// sRGB in `0..=255`, and opacity.
#[derive(Clone, Copy, Debug)]
struct Color([f64; 3], f64);

/// The variables of the style sheet that have a light and a dark color.
fn themes() -> BTreeMap<String, [Color; 2]> {
    let sheet = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static/style.css");
    let sheet = fs::read_to_string(sheet).unwrap();
    let lines = sheet.lines().filter_map(|line| {
        let (name, value) = line
            .trim()
            .strip_prefix("--")?
            .split_once(": light-dark(")?;
        let (light, dark) = value.strip_suffix(");")?.split_once(", ")?;
        Some((name.to_owned(), [color(light)?, color(dark)?]))
    });
    lines.collect()
}

/// Reads `#rrggbb` and `rgb(r g b / a)`.
fn color(text: &str) -> Option<Color> {
    if let Some(digits) = text.strip_prefix('#') {
        let channel = |k: usize| u8::from_str_radix(&digits[2 * k..2 * k + 2], 16).ok();
        let channels = [channel(0)?, channel(1)?, channel(2)?];
        return Some(Color(channels.map(f64::from), 1.0));
    }
    let (channels, opacity) = text
        .strip_prefix("rgb(")?
        .strip_suffix(')')?
        .split_once(" / ")?;
    let channels: Vec<f64> = channels
        .split(' ')
        .map(|channel| channel.parse().unwrap())
        .collect();
    Some(Color(channels.try_into().ok()?, opacity.parse().ok()?))
}

impl Color {
    fn over(self, below: Self) -> Self {
        let mixed = |k: usize| self.0[k] * self.1 + below.0[k] * (1.0 - self.1);
        Self([0, 1, 2].map(mixed), 1.0)
    }

    fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| match channel / 255.0 {
            dark if dark <= 0.04045 => dark / 12.92,
            bright => ((bright + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        a.max(b) / a.min(b)
    }
}

#[test]
fn text_and_controls_stand_out_in_both_themes_over_any_points() {
    let themes = themes();
    let points = [Color([0.0; 3], 1.0), Color([255.0; 3], 1.0)];
    let mut least = f64::MAX;
    for (theme, name) in ["light", "dark"].into_iter().enumerate() {
        let of = |variable: &str| themes[variable][theme];
        let floating = points.map(|point| of("surface").over(point));
        let below = [
            of("background"),
            of("surface-solid"),
            floating[0],
            floating[1],
        ];
        for below in below {
            for ground in [
                below,
                of("raised").over(below),
                of("raised-hover").over(below),
            ] {
                for (variable, needed) in [
                    ("text", 4.5),
                    ("muted", 4.5),
                    ("accent", 4.5),
                    ("danger", 4.5),
                    ("selected", 3.0),
                ] {
                    let contrast = of(variable).contrast(ground);
                    least = least.min(contrast / needed);
                    assert!(
                        contrast >= needed,
                        "{variable} on {ground:?} of the {name} theme has a contrast of {contrast:.2}, not {needed}"
                    );
                }
            }
        }
        let button = of("accent-text").contrast(of("accent"));
        assert!(button >= 4.5, "{name}: the main button has {button:.2}");
    }
    println!("the least contrast is {least:.2} times the one needed");
}
