//! How a scan is looked at: preferences, what is drawn over the picture, and flights.

use std::time::Duration;

use fantoccini::actions::{
    InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_RIGHT, MouseActions, PointerAction,
};
use serde_json::{Value, json};

use super::page::{Page, css};

impl Page {
    /// The color of the page behind everything, as CSS has it.
    pub async fn background(&self) -> String {
        self.run(
            "return getComputedStyle(document.body).backgroundColor",
            &[],
        )
        .await
    }

    /// Puts something else in the place of the preferences that the browser keeps.
    pub async fn damage_preferences(&self, text: &str) {
        const DAMAGE: &str =
            "for (const key of Object.keys(localStorage)) localStorage.setItem(key, arguments[0])";
        self.run::<Value>(DAMAGE, &[json!(text)]).await;
    }

    /// Number of pixels of a 2D canvas that something is drawn on.
    pub async fn ink(&self, testid: &str) -> usize {
        const INK: &str = "const canvas = document.querySelector(arguments[0]);
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let drawn = 0;
            for (let at = 3; at < data.length; at += 4) drawn += data[at] > 0;
            return drawn";
        self.run(INK, &[json!(css(testid))]).await
    }

    /// Holds a key down for some time.
    pub async fn hold(&self, key: char, time: Duration) {
        let keys = KeyActions::new("keys".into())
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Pause { duration: time })
            .then(KeyAction::Up { value: key });
        self.client
            .perform_actions(keys)
            .await
            .expect("the keys work");
    }

    /// Holds the right mouse button down, or lets it go, where the mouse is.
    pub async fn hold_right(&self, down: bool) {
        let button = MOUSE_BUTTON_RIGHT;
        let action = match down {
            true => PointerAction::Down { button },
            false => PointerAction::Up { button },
        };
        self.client
            .perform_actions(MouseActions::new("mouse".into()).then(action))
            .await
            .expect("the mouse works");
    }
}
