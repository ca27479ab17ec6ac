//! Flying: keys that are held move the eye, by their places on the keyboard, whatever is written on
//! them.

use glam::Vec3;

use super::{Inner, Viewer};
use crate::browser;

/// Speed as a part of the diagonal of the scene per second, and its limits in metres per second.
const SPEED: f32 = 0.16;
const SPEEDS: [f32; 2] = [0.3, 20.0];
/// What the keys for a faster and a slower flight multiply the speed by.
const FAST: f32 = 4.0;
const SLOW: f32 = 0.25;
/// Longest time between two frames for which the eye moves, seconds: after a pause it would jump.
const LONGEST_STEP: f64 = 0.1;

/// The keys that are held.
#[derive(Debug, Default)]
pub struct Flying {
    held: Vec<(String, Vec3)>,
    pace: f32,
    moved_at: f64,
}

/// The direction in which the key with this code flies: right, up in the world, forward.
pub fn direction(code: &str) -> Option<Vec3> {
    Some(match code {
        "KeyW" => Vec3::Z,
        "KeyS" => Vec3::NEG_Z,
        "KeyD" => Vec3::X,
        "KeyA" => Vec3::NEG_X,
        "KeyE" => Vec3::Y,
        "KeyQ" => Vec3::NEG_Y,
        _ => return None,
    })
}

impl Flying {
    /// Notes that a key goes down. Returns `false` if it does not fly.
    fn press(&mut self, code: &str, now: f64) -> bool {
        let Some(direction) = direction(code) else {
            return false;
        };
        if self.held.is_empty() {
            self.moved_at = now;
        }
        if !self.held.iter().any(|(held, _)| held == code) {
            self.held.push((code.to_owned(), direction));
        }
        true
    }

    /// The way since the last call, in units of the speed, seconds.
    fn advance(&mut self, now: f64) -> Vec3 {
        let seconds = ((now - self.moved_at) / 1000.0).clamp(0.0, LONGEST_STEP);
        self.moved_at = now;
        let all: Vec3 = self.held.iter().map(|(_, direction)| *direction).sum();
        all.normalize_or_zero() * self.pace * seconds as f32
    }
}

impl Viewer {
    /// Handles a key that goes down. Returns `true` if it flies.
    pub fn press_to_fly(&self, code: &str) -> bool {
        let flies = self.0.borrow_mut().flying.press(code, browser::now());
        if flies {
            self.invalidate();
        }
        flies
    }

    /// Handles a key that goes up.
    pub fn release_to_fly(&self, code: &str) {
        let held = &mut self.0.borrow_mut().flying.held;
        held.retain(|(held, _)| held != code);
    }

    /// Sets whether the keys for a faster and a slower flight are held.
    pub fn set_pace(&self, fast: bool, slow: bool) {
        let pace = if fast { FAST } else { 1.0 } * if slow { SLOW } else { 1.0 };
        self.0.borrow_mut().flying.pace = pace;
    }

    /// Stays where it is: no key counts as held any more.
    pub fn hover_in_place(&self) {
        self.0.borrow_mut().flying.held.clear();
    }

    /// `true` if a key is held that flies.
    pub fn is_flying(&self) -> bool {
        !self.0.borrow().flying.held.is_empty()
    }
}

impl Inner {
    /// Moves the eye by the keys that are held.
    pub(super) fn advance_flying(&mut self, now: f64) {
        if self.flying.held.is_empty() {
            return;
        }
        let speed = (SPEED * self.diagonal()).clamp(SPEEDS[0], SPEEDS[1]);
        let way = self.flying.advance(now);
        self.flight = None;
        self.framed = None;
        self.moved_at = now;
        self.frame.camera.fly(speed * way);
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn held_keys_add_up_and_pauses_do_not_jump() {
        let mut flying = Flying {
            pace: 1.0,
            ..Flying::default()
        };
        assert!(!flying.press("KeyF", 0.0));
        assert!(flying.press("KeyW", 1000.0) && flying.press("KeyW", 1010.0));
        let way = flying.advance(1050.0);
        assert!(way.distance(Vec3::new(0.0, 0.0, 0.05)) < 1e-6, "{way}");
        flying.press("KeyD", 1060.0);
        assert!((flying.advance(9000.0).length() - 0.1).abs() < 1e-6);
        flying.press("KeyS", 9000.0);
        assert!(flying.advance(9050.0).distance(Vec3::new(0.05, 0.0, 0.0)) < 1e-6);
    }
}
