//! A flight of the camera to another place.

use super::camera::Camera;

/// Duration, milliseconds.
const DURATION: f64 = 280.0;

/// A flight from one camera to another, which begins and ends slowly.
pub struct Flight {
    from: Camera,
    to: Camera,
    /// When it began, as given by [`crate::browser::now`].
    start: f64,
}

impl Flight {
    /// A flight that begins now.
    pub fn new(from: Camera, to: Camera, now: f64) -> Self {
        Self {
            from,
            to,
            start: now,
        }
    }

    /// The camera at a time.
    pub fn camera(&self, now: f64) -> Camera {
        let t = ((now - self.start) / DURATION).clamp(0.0, 1.0) as f32;
        self.from.towards(self.to, t * t * (3.0 - 2.0 * t))
    }

    /// `true` if the camera has arrived.
    pub fn is_over(&self, now: f64) -> bool {
        now - self.start >= DURATION
    }
}
