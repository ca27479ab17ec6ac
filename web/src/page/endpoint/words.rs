//! What a language model is asked, and what its answers say.

use serde::Deserialize;
use serde_json::{Value, json};

use super::EndpointError;
use crate::text::said;
use crate::{page::listing::Row, protocol::InstanceInfo};

/// Maximum number of things that are listed; of more, the largest.
const MAX_THINGS: usize = 400;
/// Number of characters of an answer that an error shows.
const SHOWN: usize = 200;
/// What the model is told.
const TASK: &str = "You answer questions about the things in a room from a list of them. \
    Each line is: number; name; size in metres along x, y, z; middle in metres x, y, z; z is up. \
    Answer with JSON alone: {\"numbers\": [numbers of the things that answer the question], \
    \"why\": \"one sentence\"}. If no thing does, the list is empty.";

/// A question with the things that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The question and the list of things, as the model reads them.
    words: String,
    /// The instances of the list.
    listed: Vec<u32>,
}

/// The choices of an answer.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

/// What the model is told to write.
#[derive(Deserialize)]
struct Chosen {
    numbers: Vec<u64>,
    #[serde(default)]
    why: String,
}

impl Inquiry {
    /// A question about the things in these rows.
    pub fn new(question: &str, rows: &[Row], instances: &[InstanceInfo]) -> Self {
        let mut listed: Vec<(&Row, &InstanceInfo)> = rows
            .iter()
            .filter_map(|row| Some((row, instances.get(row.id as usize)?)))
            .collect();
        listed.sort_by_key(|(row, _)| std::cmp::Reverse(row.points));
        listed.truncate(MAX_THINGS);
        listed.sort_by_key(|(row, _)| row.id);
        let count = match listed.len() < rows.len() {
            true => format!("the {} largest of {}", listed.len(), rows.len()),
            false => listed.len().to_string(),
        };
        let lines: Vec<String> = listed.iter().map(|listed| line(*listed)).collect();
        Self {
            words: format!(
                "Question: {question}\nThings ({count}):\n{}",
                lines.join("\n")
            ),
            listed: listed.iter().map(|(row, _)| row.id).collect(),
        }
    }

    /// All that is said to the model.
    pub fn said(&self) -> String {
        format!("{TASK}\n\n{}", self.words)
    }

    /// The request to a model of this name.
    pub fn body(&self, model: &str) -> String {
        let body = json!({
            "model": model,
            "messages": [
                { "role": "system", "content": TASK },
                { "role": "user", "content": self.words },
            ],
        });
        body.to_string()
    }

    /// The instances that an answer names, and why.
    ///
    /// # Errors
    /// It is not an answer, or names what is not in the list.
    pub fn chosen(&self, answer: &[u8]) -> Result<(Vec<u32>, String), EndpointError> {
        let completion: Completion = serde_json::from_slice(answer)
            .map_err(|error| EndpointError::Answer(error.to_string()))?;
        let choice = completion.choices.into_iter().next();
        let choice =
            choice.ok_or_else(|| EndpointError::Answer(said("it has no choices").to_owned()))?;
        let words = choice.message.content;
        // Some models put it between marks of code.
        let inner = words.find('{').zip(words.rfind('}'));
        let inner = inner.and_then(|(start, end)| words.get(start..=end));
        let unreadable = || EndpointError::Model(start_of(&words));
        let chosen: Chosen =
            serde_json::from_str(inner.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
        let mut found = Vec::new();
        for number in chosen.numbers {
            let id = number.checked_sub(1).and_then(|id| u32::try_from(id).ok());
            let id = id.filter(|id| self.listed.contains(id));
            let id = id.ok_or(EndpointError::Unlisted(number))?;
            if !found.contains(&id) {
                found.push(id);
            }
        }
        Ok((found, start_of(&chosen.why)))
    }
}

/// The line of a thing in the list.
fn line((row, instance): (&Row, &InstanceInfo)) -> String {
    let bounds = instance.bounds;
    let middle = |axis: usize| (bounds.min[axis] + bounds.max[axis]) / 2.0;
    let metres = |values: [f32; 3]| values.map(|value| format!("{value:.2}")).join(" ");
    format!(
        "{}; {}; {}; {}",
        row.id + 1,
        row.name.replace([';', '\n', '\r'], " "),
        metres(row.size),
        metres([0, 1, 2].map(middle))
    )
}

/// What an endpoint says of its refusal.
pub(super) fn refusal(bytes: &[u8]) -> String {
    let words = String::from_utf8_lossy(bytes);
    let parsed: Option<Value> = serde_json::from_slice(bytes).ok();
    let message = parsed
        .as_ref()
        .and_then(|value| value["error"]["message"].as_str());
    start_of(message.unwrap_or(&words))
}

fn start_of(words: &str) -> String {
    let start: String = words.chars().take(SHOWN).collect();
    match words.chars().nth(SHOWN) {
        Some(_) => format!("{start} …"),
        None => start,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::geometry::Aabb;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn answer(content: &str) -> Vec<u8> {
        json!({ "choices": [{ "message": { "role": "assistant", "content": content } }] })
            .to_string()
            .into_bytes()
    }

    /// A question about things of so many points.
    fn inquiry(points: &[u32]) -> Inquiry {
        let row = |(id, points): (u32, &u32)| Row {
            id,
            name: format!("thing;\n{id}"),
            term: None,
            confidence: 1.0,
            points: *points,
            size: [1.0, 2.0, 0.5],
            color: [0; 3],
            shown: true,
            locked: false,
        };
        let rows: Vec<Row> = (0..).zip(points).map(row).collect();
        let instance = InstanceInfo {
            score: 1.0,
            points: 1,
            bounds: Aabb {
                min: [0.0; 3],
                max: [1.0, 2.0, 0.5],
            },
            superpoints: Vec::new(),
        };
        Inquiry::new("What is high?", &rows, &vec![instance; rows.len()])
    }

    #[wasm_bindgen_test]
    fn an_answer_names_things_of_the_list() {
        let inquiry = inquiry(&[1; 5]);
        let found = |content: &str| inquiry.chosen(&answer(content));
        let plain = found(r#"{"numbers": [5, 1, 5], "why": "both"}"#).unwrap();
        assert_eq!(plain, (vec![4, 0], "both".to_owned()));
        let fenced = found("```json\n{\"numbers\": []}\n```").unwrap();
        assert_eq!(fenced, (vec![], String::new()));
        for unlisted in [0, 6, u64::MAX] {
            let content = format!("{{\"numbers\": [{unlisted}]}}");
            assert_eq!(found(&content), Err(EndpointError::Unlisted(unlisted)));
        }
        for other in [
            "no idea",
            "{}",
            "}{",
            "{\"numbers\": \"5\"}",
            "{\"numbers\": [-1]}",
        ] {
            assert!(
                matches!(found(other), Err(EndpointError::Model(_))),
                "{other}"
            );
        }
        for other in ["", "[]", "{\"choices\": []}", "{\"choices\": [{}]}"] {
            let refused = inquiry.chosen(other.as_bytes());
            assert!(matches!(refused, Err(EndpointError::Answer(_))), "{other}");
        }
    }

    #[wasm_bindgen_test]
    fn what_is_sent_is_a_list_of_the_largest_things() {
        let points: Vec<u32> = (0..MAX_THINGS as u32 + 2).collect();
        let inquiry = inquiry(&points);
        let sent: Value = serde_json::from_str(&inquiry.body("m")).unwrap();
        let content = |index: usize| sent["messages"][index]["content"].as_str().unwrap();
        assert_eq!(inquiry.said(), format!("{}\n\n{}", content(0), content(1)));
        let mut lines = content(1).lines();
        assert_eq!(lines.next(), Some("Question: What is high?"));
        assert_eq!(lines.next(), Some("Things (the 400 largest of 402):"));
        assert_eq!(
            lines.next(),
            Some("3; thing  2; 1.00 2.00 0.50; 0.50 1.00 0.25")
        );
        assert_eq!(lines.count(), MAX_THINGS - 1);
        let smallest = inquiry.chosen(&answer("{\"numbers\": [2]}"));
        assert_eq!(smallest, Err(EndpointError::Unlisted(2)), "it was not sent");
    }
}
