//! Answers prompts by cosines between the instances' embeddings and words, without a network run.
//!
//! A [`Question`] is a prompt whose words are understood, [`Labels`] give each instance the best of
//! its terms and say which instances a threshold shows, and [`NotFound`] says why a term has none.
//! [`relate`](relate()) answers questions about how things lie to each other.
//!
//! ```
//! use segscape::{
//!     instances::query::{Labels, Question},
//!     text::Vocabulary,
//! };
//! # use segscape::{geometry::Aabb, instances::{Instance, Segmentation}};
//!
//! let vocabulary = Vocabulary::shipped();
//! # let embedding = |word| vocabulary.lookup(word).expect("a common noun").to_vec();
//! # let instance = |word| Instance {
//! #     superpoints: vec![0],
//! #     score: 0.9,
//! #     embedding: embedding(word),
//! #     bounds: Aabb::EMPTY,
//! #     points: 1,
//! # };
//! # let segmentation = Segmentation {
//! #     space: vocabulary.space().clone(),
//! #     instances: vec![instance("chair"), instance("lamp"), instance("chair")],
//! #     logit_scale: 20.0,
//! # };
//! // The scene has two chairs and a lamp.
//! let question = Question::parse("chair . bathtub", vocabulary)?;
//! let labels = Labels::new(&segmentation, &question.terms(), vocabulary)?;
//! assert_eq!(labels.visible(0.5), [true, false, true]);
//! assert_eq!(labels.of_instance[0].name, "chair");
//! let missing = labels.not_found(1, 0.5).expect("there is no bathtub");
//! assert!(missing.to_string().contains("more likely"), "{missing}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod not_found;
mod question;
mod recognizer;
mod relate;

use serde::{Deserialize, Serialize};

use super::Segmentation;
use crate::text::{SpaceMismatch, Vocabulary, meaning::Meaning};

pub use not_found::{NotFound, Reason};
pub use question::{PromptTerm, Question};
pub use recognizer::Recognizer;
pub use relate::{Answer, PlacedThing, relate, touching};

/// The answer to a prompt: a label for every instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// The terms of the prompt; empty without a prompt.
    pub terms: Vec<Term>,
    /// The instance that the others are compared with, if not words were asked for but what is
    /// [like](Recognizer::like) it: the only term then stands for it.
    pub like: Option<u32>,
    /// One label per instance, `(instances)`.
    pub of_instance: Vec<Label>,
    /// How similar each instance is to the term that is most similar to it, `(instances)`: its
    /// cosine, from 0 where words have nothing to do with each other to 1 where they are synonyms.
    /// Unlike a confidence, it does not depend on what else the instance could be. Empty without a
    /// prompt.
    pub similarities: Vec<f32>,
}

/// A term of the answered prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Name as typed.
    pub name: String,
    /// If `true`, instances that fit this term better than the others are left out.
    pub negative: bool,
    /// How the term was understood.
    pub meaning: Meaning,
    /// The best of the instances that match the term, whatever their labels.
    pub best: Option<Guess>,
    /// The nearest instances, best first, whatever their labels and whether they match: suggestions
    /// for a term without a match.
    pub nearest: Vec<Guess>,
}

/// An instance that could be what a term asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// Index of the instance.
    pub instance: u32,
    /// Its confidence for the term, 0..=1.
    pub confidence: f32,
    /// The noun that the instance is more likely to be, if there is one; else it matches the term.
    pub likelier: Option<String>,
}

/// The name of an instance and its confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The term that the instance matches, else the best default label; that too if it is compared
    /// with another instance.
    pub name: String,
    /// Index of the term that the instance matches, which leaves it out if it is negative.
    pub term: Option<u32>,
    /// Without terms to look for the instance's score, else that times the probability of the term,
    /// 0..=1; 0 if the instance matches no term. It does not depend on the other terms of the prompt.
    /// Of instances that are compared with another one, their similarity to it.
    pub confidence: f32,
}

impl Labels {
    /// Labels each instance with the best of `terms`, or of the default labels if there are no
    /// terms. Answers to several prompts about one scene come sooner from one [`Recognizer`].
    ///
    /// # Errors
    /// If the vocabulary lies in another space than the instances.
    ///
    /// # Panics
    /// If the embedding of a term lies in another space.
    pub fn new(
        segmentation: &Segmentation,
        terms: &[PromptTerm],
        vocabulary: &Vocabulary,
    ) -> Result<Self, SpaceMismatch> {
        Ok(Recognizer::new(segmentation, vocabulary)?.labels(segmentation, terms))
    }

    /// `true` if anything is looked for; else the terms, if there are some, only leave out.
    pub fn seeks(&self) -> bool {
        self.terms.iter().any(|term| !term.negative)
    }

    /// The term that leaves an instance out, by the instance's label.
    pub fn left_out_by(&self, label: &Label) -> Option<&Term> {
        let term = self.terms.get(label.term? as usize);
        term.filter(|term| term.negative)
    }

    /// One flag per instance, `(instances)`: `true` if its confidence reaches the threshold, no term
    /// leaves it out and, if anything is looked for, it matches a term or is what others are compared
    /// with.
    pub fn visible(&self, threshold: f32) -> Vec<bool> {
        let seeks = self.seeks();
        let is_visible = |(index, label): (u32, &Label)| {
            label.confidence >= threshold
                && self.left_out_by(label).is_none()
                && (!seeks || label.term.is_some() || self.like == Some(index))
        };
        (0..).zip(&self.of_instance).map(is_visible).collect()
    }
}

#[cfg(test)]
mod tests;
