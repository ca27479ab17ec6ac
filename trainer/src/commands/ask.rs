//! Questions about how things lie to each other, for the commands that find instances.

use anyhow::Context;
use clap::Args;
use segscape::{
    geometry::Aabb,
    instances::query::{Answer, PlacedThing, relate},
    scan::Scan,
    text::{Vocabulary, prompt::Request},
    write::{BoxRecord, InstanceRecord},
};
use serde_json::{Value, json};

/// The option of a question.
#[derive(Args, Clone, Debug, Default)]
pub struct Ask {
    /// Answer a question about how things lie to each other, step by step: "the chair next to the
    /// window", "the two largest boxes on the floor", "something to sit on".
    #[arg(long)]
    ask: Option<String>,
}

/// A question that is understood.
#[derive(Clone, Debug)]
pub struct Question {
    text: String,
    request: Request,
}

impl Ask {
    /// The question, if there is one.
    ///
    /// # Errors
    /// It is not understood, or it asks for no more than a prompt does.
    pub fn question(&self) -> anyhow::Result<Option<Question>> {
        let Some(text) = &self.ask else {
            return Ok(None);
        };
        let is_noun = |term: &str| Vocabulary::shipped().find(term).is_some();
        let request = Request::parse(text, &is_noun)?;
        let request = request.with_context(|| {
            format!("\"{text}\" has no relation, count, size or order: it is a prompt")
        })?;
        Ok(Some(Question {
            text: text.clone(),
            request,
        }))
    }
}

impl Question {
    /// The prompt that finds what the question is about.
    pub fn prompt(&self) -> String {
        self.request.prompt()
    }

    /// The answer among the instances of a scan, of which pairs are known to touch.
    pub fn answer(&self, scan: &Scan, records: &[InstanceRecord], touching: &[[u32; 2]]) -> Answer {
        let placed = |record: &InstanceRecord| {
            let BoxRecord { min, max, .. } = record.world_box?;
            Some(PlacedThing {
                id: record.id,
                noun: record.label.clone(),
                confidence: record.score,
                bounds: Aabb {
                    min: min.map(|x| x as f32),
                    max: max.map(|x| x as f32),
                },
            })
        };
        let things: Vec<PlacedThing> = records.iter().filter_map(placed).collect();
        let positions = scan.positions.iter();
        let room = positions.fold(Aabb::EMPTY, |room, position| room.with(*position));
        relate(&self.request, &things, &room, touching)
    }

    /// The answer as JSON.
    pub fn json(&self, answer: &Answer) -> Value {
        json!({"question": self.text, "found": answer.found, "steps": answer.steps})
    }

    /// The answer in lines.
    pub fn words(&self, answer: &Answer) -> String {
        let steps: Vec<String> = answer
            .steps
            .iter()
            .map(|step| format!("  {step}"))
            .collect();
        let found: Vec<String> = answer.found.iter().map(|id| format!("#{id}")).collect();
        let found = match found.is_empty() {
            true => "nothing".to_owned(),
            false => found.join(", "),
        };
        format!("{}\n{}: {found}", steps.join("\n"), self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use segscape::write::{LabeledInstance, PointLabels, instance_records};

    use super::*;

    fn question(text: &str) -> anyhow::Result<Option<Question>> {
        let ask = Some(text.to_owned());
        Ask { ask }.question()
    }

    #[test]
    fn a_question_is_answered_from_the_points_of_instances() {
        // Two chairs, of which the second is next to the window.
        let positions = [
            [0.0, 0.0, 0.0],
            [0.5, 0.5, 1.0],
            [3.0, 0.0, 0.0],
            [3.5, 0.5, 1.0],
            [3.9, 0.0, 1.0],
            [4.0, 1.0, 2.0],
        ];
        let scan = Scan::from_points(&positions, None).unwrap();
        let instance = |id, label| LabeledInstance {
            id,
            label: Some(label),
            score: 0.9,
        };
        let labels = PointLabels {
            instance_of_point: vec![0, 0, 1, 1, 2, 2],
            instances: vec![instance(4, 0), instance(7, 0), instance(9, 1)],
            labels: vec!["chair".to_owned(), "window".to_owned()],
        };
        let records = instance_records(&scan, &labels);
        let asked = question("the chair next to the window").unwrap().unwrap();
        assert_eq!(asked.prompt(), "chair, window");
        let answer = asked.answer(&scan, &records, &[]);
        assert_eq!(answer.found, [7]);
        assert!(
            asked
                .words(&answer)
                .ends_with("the chair next to the window: #7")
        );
        assert_eq!(asked.json(&answer)["found"][0], 7);
        assert!(Ask::default().question().unwrap().is_none());
        let error = question("chair").unwrap_err().to_string();
        assert!(error.contains("it is a prompt"), "{error}");
    }
}
