//! A shared scene in a frame of another page, `/embed/<id>`: how it is shown, and the messages
//! between the page around it and this one. `docs/embedding.md` describes both.
//!
//! Whoever frames a scene knows its link and could open it, so that no message tells the page
//! around anything that it could not have. Only that page is listened to.

use leptos::{ev, prelude::*};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use crate::{
    browser,
    page::{
        actions,
        selection::Selection,
        state::{State, Work},
    },
};

/// Speed of a scene that turns by itself and is not told how fast, degrees per second.
const TURN: f32 = 8.0;
/// Highest speed, degrees per second.
const FASTEST: f32 = 90.0;

/// How a scene is shown in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Embedding {
    /// `?noui`: if `true`, there is the picture alone, without the link to the whole page.
    pub bare: bool,
    /// `?autorotate` or `?autorotate=<degrees per second>`: how fast the scene turns by itself.
    pub turn: f32,
}

impl Embedding {
    /// Reads the query of the page's address.
    pub fn asked() -> Self {
        Self {
            bare: browser::query(NO_UI).is_some_and(|value| is_on(&value)),
            turn: browser::query("autorotate").map_or(0.0, |value| turn(&value)),
        }
    }
}

/// The parameter that leaves the picture alone.
const NO_UI: &str = "noui";

/// `true` unless a parameter that is there says that it should not be.
fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "false")
}

/// The speed that a parameter says, degrees per second.
fn turn(value: &str) -> f32 {
    match value.parse::<f32>() {
        Ok(speed) if speed.is_finite() => speed.clamp(-FASTEST, FASTEST),
        _ if is_on(value) => TURN,
        _ => 0.0,
    }
}

/// What the page around may ask for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "segscape", rename_all = "camelCase")]
enum Command {
    /// Selects a thing and looks at it; without one, nothing is selected any more.
    Select { id: Option<u32> },
    /// Looks for other things, or asks a question.
    SetPrompt { prompt: String },
    /// Asks for the things that are found now.
    GetInstances,
}

/// What the page around is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "segscape", rename_all = "camelCase")]
enum Message {
    /// The scene is there, and commands are followed.
    Ready { instances: usize },
    /// The scene cannot be shown, or a command cannot be followed.
    Failed { message: String },
    /// The prompt is answered.
    Answered { prompt: String, instances: usize },
    /// Something else is selected, by a visitor or by a command.
    Selected { id: Option<u32> },
    /// The things that are found now.
    Instances { instances: Vec<Found> },
}

/// A thing that is found.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Found {
    /// Its number, for `select`.
    id: u32,
    /// Its name.
    name: String,
    /// Confidence in `0..=1`.
    score: f32,
    /// Number of points.
    points: u32,
    /// Lower corner of its box, metres, z up.
    min: [f32; 3],
    /// Upper corner of its box, metres, z up.
    max: [f32; 3],
}

/// Listens to the page around, and tells it what happens. Does nothing outside of a frame.
pub fn follow(state: State) {
    let Some(embedding) = state.wishes.with_value(|wishes| wishes.embedding) else {
        return;
    };
    if !browser::prefers_reduced_motion() {
        state.viewer().turn(embedding.turn.to_radians());
    }
    let Some(around) = around() else {
        return;
    };
    let listener = window_event_listener(ev::message, move |event| {
        // Scripts of other frames may send messages as well.
        let from = event.source().map(JsValue::from);
        if from.as_ref() == self::around().as_ref() {
            obey(state, event.data());
        }
    });
    on_cleanup(move || listener.remove());
    drop(around);
    tell_of(state);
}

/// Tells the page around what happens to the scene from now on.
fn tell_of(state: State) {
    let ready = Memo::new(move |before| {
        before == Some(&true) || state.work.get() == Work::Done && state.is_segmented()
    });
    Effect::new(move |_| {
        if ready.get() {
            let instances = state.rows.with_untracked(Vec::len);
            tell(&Message::Ready { instances });
        }
    });
    Effect::new(move |_| {
        if let Some(message) = state.error.get() {
            tell(&Message::Failed { message });
        }
    });
    Effect::watch(
        move || state.selection.read().first(),
        move |id, _, _| tell(&Message::Selected { id: *id }),
        false,
    );
    Effect::watch(
        move || state.answer.track(),
        move |(), _, _| {
            if ready.get_untracked() && state.answer.with_untracked(Option::is_some) {
                tell(&Message::Answered {
                    prompt: state.prompt.get_untracked(),
                    instances: state.rows.with_untracked(Vec::len),
                });
            }
        },
        false,
    );
}

/// Does what a message asks for. Messages of others, which no page can avoid, are not for us.
fn obey(state: State, message: JsValue) {
    let Ok(command) = serde_wasm_bindgen::from_value(message) else {
        return;
    };
    let count = state.instances.with_untracked(Vec::len);
    match command {
        _ if !state.is_segmented() => {
            let message = "the scene is not there yet: wait for `ready`".to_owned();
            tell(&Message::Failed { message });
        }
        Command::Select { id: None } => state.selection.set(Selection::default()),
        Command::Select { id: Some(id) } if (id as usize) < count => actions::select(state, id),
        Command::Select { id: Some(id) } => {
            let message = format!("there is no thing {id}: there are {count}");
            tell(&Message::Failed { message });
        }
        Command::SetPrompt { prompt } => actions::ask(state, &prompt),
        Command::GetInstances => {
            let instances = found(state);
            tell(&Message::Instances { instances });
        }
    }
}

/// The things in the list.
fn found(state: State) -> Vec<Found> {
    let (rows, instances) = (
        state.rows.read_untracked(),
        state.instances.read_untracked(),
    );
    let found = rows.iter().filter_map(|row| {
        let bounds = instances.get(row.id as usize)?.bounds;
        Some(Found {
            id: row.id,
            name: row.name.clone(),
            score: row.confidence,
            points: row.points,
            min: bounds.min,
            max: bounds.max,
        })
    });
    found.collect()
}

/// The window of the page around; `None` if the page is in no frame.
fn around() -> Option<JsValue> {
    let window = browser::window();
    let parent = JsValue::from(window.parent().ok().flatten()?);
    (parent != JsValue::from(window)).then_some(parent)
}

fn tell(message: &Message) {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    if let (Ok(Some(around)), Ok(message)) =
        (browser::window().parent(), message.serialize(&serializer))
    {
        // A page around that is being closed hears nothing any more.
        let _ = around.post_message(&message, "*");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn read(message: &serde_json::Value) -> Option<Command> {
        let serializer = serde_wasm_bindgen::Serializer::json_compatible();
        let message = message.serialize(&serializer).ok()?;
        serde_wasm_bindgen::from_value(message).ok()
    }

    #[wasm_bindgen_test]
    fn commands_are_told_from_other_messages() {
        for (message, command) in [
            (
                json!({ "segscape": "select", "id": 3 }),
                Command::Select { id: Some(3) },
            ),
            (
                json!({ "segscape": "select", "id": null }),
                Command::Select { id: None },
            ),
            (
                json!({ "segscape": "select" }),
                Command::Select { id: None },
            ),
            (
                json!({ "segscape": "setPrompt", "prompt": "chair", "more": [1] }),
                Command::SetPrompt {
                    prompt: "chair".into(),
                },
            ),
            (json!({ "segscape": "getInstances" }), Command::GetInstances),
        ] {
            assert_eq!(read(&message), Some(command), "{message}");
        }
        for other in [
            json!(null),
            json!("select"),
            json!([]),
            json!({ "type": "select", "id": 3 }),
            json!({ "segscape": "delete" }),
            json!({ "segscape": "select", "id": -1 }),
            json!({ "segscape": "setPrompt" }),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }

    #[wasm_bindgen_test]
    fn a_scene_turns_as_fast_as_the_address_says() {
        for (value, speed) in [
            ("", TURN),
            ("true", TURN),
            ("12.5", 12.5),
            ("-20", -20.0),
            ("1e9", FASTEST),
            ("NaN", TURN),
            ("0", 0.0),
            ("false", 0.0),
        ] {
            assert_eq!(turn(value), speed, "{value}");
        }
    }
}
