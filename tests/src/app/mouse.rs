//! The mouse over the page.

use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
    TouchActions,
};
use serde_json::json;

use super::{
    page::{Page, css},
    script,
};

impl Page {
    /// Moves the mouse over the picture until it is over an instance other than `thing`. Returns
    /// that instance.
    pub async fn point_at_another_thing_than(&self, thing: u32) -> u32 {
        let pixels = (1..10).flat_map(|row| {
            (1..10).map(move |column| (f64::from(column) * 100.0, f64::from(row) * 80.0))
        });
        for (x, y) in pixels {
            self.point_at((x, y)).await;
            if let Some(row) = self
                .rows()
                .await
                .into_iter()
                .find(|row| row.hovered && row.id != thing)
            {
                return row.id;
            }
        }
        panic!("the picture shows nothing but thing {thing}");
    }

    /// Moves the mouse to a place in the window, CSS pixels.
    pub async fn point_at(&self, (x, y): (f64, f64)) {
        let there = PointerAction::MoveTo {
            duration: None,
            x,
            y,
        };
        self.mouse(MouseActions::new("mouse".into()).then(there))
            .await;
    }

    /// The instances that the page finds under the mouse at these places of the picture, CSS
    /// pixels, one after another.
    pub async fn instances_at(&self, places: &[(f64, f64)]) -> Vec<Option<u32>> {
        let found = self
            .client
            .execute_async(script::HOVER, vec![json!(places)])
            .await
            .unwrap_or_else(|error| panic!("the picture is not picked: {error}"));
        serde_json::from_value(found).expect("one instance or none per place")
    }

    /// Moves the mouse to the middle of the element with this `data-testid`.
    pub async fn point_at_control(&self, testid: &str) {
        self.point_at_css(&css(testid)).await;
    }

    /// Moves the mouse to the middle of the element that matches a CSS selector.
    async fn point_at_css(&self, css: &str) {
        const MIDDLE: &str = "const element = document.querySelector(arguments[0]);
            element.scrollIntoView({ block: 'center', behavior: 'instant' });
            const box = element.getBoundingClientRect();
            return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]";
        self.point_at(self.run(MIDDLE, &[json!(css)]).await).await;
    }

    /// Clicks the row of an instance while Ctrl is held.
    pub async fn press_row_with_ctrl(&self, id: u32) {
        self.point_at_css(&format!("[data-instance='{id}'] .label"))
            .await;
        self.click_with_ctrl().await;
    }

    /// Clicks at the position of the mouse while Ctrl is held.
    pub async fn click_with_ctrl(&self) {
        self.click_while('\u{e009}').await;
    }

    /// Clicks at the position of the mouse while Alt is held.
    pub async fn click_with_alt(&self) {
        self.click_while('\u{e00a}').await;
    }

    /// Clicks at the position of the mouse while a key is held.
    async fn click_while(&self, value: char) {
        let keys = |action| KeyActions::new("keys".into()).then(action);
        let press = async |actions: KeyActions| {
            let pressed = self.client.perform_actions(actions).await;
            pressed.expect("a key is pressed");
        };
        press(keys(KeyAction::Down { value })).await;
        self.click().await;
        press(keys(KeyAction::Up { value })).await;
    }

    /// Clicks at the position of the mouse.
    pub async fn click(&self) {
        self.mouse(clicked(MouseActions::new("mouse".into()))).await;
    }

    /// Drags along these places in the window, CSS pixels, with the left button of the mouse.
    pub async fn drag(&self, path: &[(f64, f64)]) {
        let start = MouseActions::new("mouse".into());
        self.mouse(dragged(start, path, MOUSE_BUTTON_LEFT)).await;
    }

    /// Drags a finger along these places in the window, CSS pixels.
    pub async fn drag_finger(&self, path: &[(f64, f64)]) {
        let start = TouchActions::new("finger".into());
        let touched = self.client.perform_actions(dragged(start, path, 0)).await;
        touched.expect("a finger moves");
    }

    /// Double-clicks at the position of the mouse.
    pub async fn double_click(&self) {
        self.mouse(clicked(clicked(MouseActions::new("mouse".into()))))
            .await;
    }

    async fn mouse(&self, actions: MouseActions) {
        self.client
            .perform_actions(actions)
            .await
            .expect("the mouse moves");
    }
}

/// Goes down at the first place, along all others, and up at the last one.
fn dragged<P: InputSource<Action = PointerAction>>(
    pointer: P,
    path: &[(f64, f64)],
    button: u64,
) -> P {
    let mut pointer = pointer;
    for (index, (x, y)) in path.iter().enumerate() {
        pointer = pointer.then(PointerAction::MoveTo {
            duration: None,
            x: *x,
            y: *y,
        });
        if index == 0 {
            pointer = pointer.then(PointerAction::Down { button });
        }
    }
    pointer.then(PointerAction::Up { button })
}

fn clicked(actions: MouseActions) -> MouseActions {
    let button = MOUSE_BUTTON_LEFT;
    actions
        .then(PointerAction::Down { button })
        .then(PointerAction::Up { button })
}
