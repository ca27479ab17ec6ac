//! Turns pointer events into camera moves: one finger or the left button orbits, two fingers or the
//! right button pan and zoom.

use glam::Vec2;

/// Largest path of a pointer between down and up that still counts as a click, pixels.
const CLICK_SLACK: f32 = 5.0;

/// The action that a pointer event requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gesture {
    /// No action.
    None,
    /// The cursor is at this pixel.
    Hover(Vec2),
    /// Orbit by a drag of this many pixels.
    Orbit(Vec2),
    /// Pan by a drag of this many pixels, then multiply the distance by the factor.
    PanZoom(Vec2, f32),
    /// Select the object at this pixel.
    Click(Vec2),
}

/// What a pointer that goes down may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// A click or an orbit: a finger or the left button.
    Turn,
    /// A turn alone.
    TurnOnly,
    /// A click or a pan: the left button with shift held.
    Pan,
    /// A pan alone: another button.
    PanOnly,
}

#[derive(Clone, Copy, Debug)]
struct Pointer {
    id: i32,
    at: Vec2,
    press: Press,
}

/// The pointers that are down.
#[derive(Debug, Default)]
pub struct Navigator {
    down: Vec<Pointer>,
    traveled: f32,
}

impl Navigator {
    /// Handles a pointer that goes down.
    pub fn press(&mut self, id: i32, at: Vec2, press: Press) {
        if self.down.is_empty() {
            self.traveled = 0.0;
        } else {
            self.traveled = f32::INFINITY; // two fingers never click
        }
        self.down.retain(|pointer| pointer.id != id);
        self.down.push(Pointer { id, at, press });
    }

    /// Handles a pointer that moves.
    pub fn drag(&mut self, id: i32, at: Vec2) -> Gesture {
        let Some(index) = self.down.iter().position(|pointer| pointer.id == id) else {
            return if self.down.is_empty() {
                Gesture::Hover(at)
            } else {
                Gesture::None
            };
        };
        let before = self.down.clone();
        let moved = at - before[index].at;
        self.down[index].at = at;
        self.traveled += moved.length();
        if let ([a, b, ..], [c, d, ..]) = (&before[..], &self.down[..]) {
            let spread = (a.at - b.at).length() / (c.at - d.at).length().max(1.0);
            return Gesture::PanZoom(moved / 2.0, spread.clamp(0.5, 2.0));
        }
        if self.traveled <= CLICK_SLACK {
            Gesture::None
        } else if matches!(before[index].press, Press::Turn | Press::TurnOnly) {
            Gesture::Orbit(moved)
        } else {
            Gesture::PanZoom(moved, 1.0)
        }
    }

    /// Handles a pointer that goes up.
    pub fn release(&mut self, id: i32, at: Vec2) -> Gesture {
        let clicked = self.down.len() == 1
            && self.down[0].id == id
            && matches!(self.down[0].press, Press::Turn | Press::Pan)
            && self.traveled <= CLICK_SLACK;
        self.cancel(id);
        if clicked {
            Gesture::Click(at)
        } else {
            Gesture::None
        }
    }

    /// Handles a pointer that the browser cancels.
    pub fn cancel(&mut self, id: i32) {
        self.down.retain(|pointer| pointer.id != id);
    }

    /// Returns `true` if a pointer is down.
    pub fn is_active(&self) -> bool {
        !self.down.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn a_still_press_clicks_and_a_drag_turns() {
        let mut navigator = Navigator::default();
        navigator.press(1, Vec2::new(10.0, 10.0), Press::Turn);
        assert_eq!(navigator.drag(1, Vec2::new(12.0, 10.0)), Gesture::None);
        assert_eq!(
            navigator.release(1, Vec2::new(12.0, 10.0)),
            Gesture::Click(Vec2::new(12.0, 10.0))
        );
        navigator.press(1, Vec2::ZERO, Press::Turn);
        assert_eq!(
            navigator.drag(1, Vec2::new(0.0, 30.0)),
            Gesture::Orbit(Vec2::new(0.0, 30.0))
        );
        assert_eq!(navigator.release(1, Vec2::new(0.0, 30.0)), Gesture::None);
        assert_eq!(navigator.drag(1, Vec2::ONE), Gesture::Hover(Vec2::ONE));
        for (press, clicked) in [
            (Press::Pan, Gesture::Click(Vec2::ONE)),
            (Press::PanOnly, Gesture::None),
            (Press::TurnOnly, Gesture::None),
        ] {
            navigator.press(1, Vec2::ONE, press);
            assert_eq!(navigator.release(1, Vec2::ONE), clicked, "{press:?}");
        }
    }

    #[wasm_bindgen_test]
    fn fingers_that_part_come_closer() {
        let mut navigator = Navigator::default();
        navigator.press(1, Vec2::ZERO, Press::Turn);
        navigator.press(2, Vec2::new(100.0, 0.0), Press::Turn);
        let gesture = navigator.drag(2, Vec2::new(150.0, 0.0));
        assert!(
            matches!(gesture, Gesture::PanZoom(_, factor) if factor < 0.7),
            "{gesture:?}"
        );
        assert_eq!(navigator.release(2, Vec2::ZERO), Gesture::None);
        assert_eq!(
            navigator.release(1, Vec2::ZERO),
            Gesture::None,
            "lifting the second finger is no click"
        );
    }
}
