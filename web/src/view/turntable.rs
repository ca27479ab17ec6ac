//! Turning by itself: the camera goes round its target, and rests while somebody steers it.

use super::{Inner, Viewer};

/// Time after the last input until the camera turns by itself again, milliseconds.
const PAUSE_MS: f64 = 4000.0;
/// Longest time between two frames for which the camera turns, seconds: after a pause it would jump.
const LONGEST_STEP: f64 = 0.1;

/// How the camera turns by itself.
#[derive(Debug, Default)]
pub struct Turntable {
    /// Radians per second; 0 stands still.
    speed: f32,
    turned_at: f64,
}

impl Viewer {
    /// Lets the camera turn by itself, so many radians per second.
    pub fn turn(&self, speed: f32) {
        self.0.borrow_mut().turntable.speed = speed;
        self.invalidate();
    }
}

impl Inner {
    /// Turns the camera. Returns `true` if it turns by itself.
    pub(super) fn advance_turntable(&mut self, now: f64) -> bool {
        let Turntable { speed, turned_at } = self.turntable;
        let seconds = ((now - turned_at) / 1000.0).clamp(0.0, LONGEST_STEP);
        self.turntable.turned_at = now;
        if speed != 0.0 && self.flight.is_none() && now - self.moved_at > PAUSE_MS {
            self.frame.camera.turn(speed * seconds as f32);
        }
        speed != 0.0
    }
}
