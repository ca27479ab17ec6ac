//! Answers prompts by cosines between the instances' embeddings and words, without a network run.
//!
//! [`Labels`] gives each instance the best of any list of terms, and says which instances a threshold
//! shows.
//!
//! ```
//! use segscape::{
//!     instances::query::{Labels, PromptTerm},
//!     text::Vocabulary,
//! };
//! # use segscape::{geometry::Aabb, instances::{Instance, Segmentation}};
//!
//! let vocabulary = Vocabulary::shipped();
//! let embedding = |word| vocabulary.lookup(word).expect("a common noun").to_vec();
//! # let instance = |word| Instance {
//! #     superpoints: vec![0],
//! #     score: 0.9,
//! #     embedding: embedding(word),
//! #     bounds: Aabb::EMPTY,
//! #     points: 1,
//! # };
//! # let segmentation = Segmentation {
//! #     instances: vec![instance("chair"), instance("lamp"), instance("chair")],
//! #     logit_scale: 20.0,
//! # };
//! // The scene has two chairs and a lamp.
//! let terms = ["chair", "bathtub"].map(|name| PromptTerm {
//!     name: name.to_owned(),
//!     embedding: embedding(name),
//! });
//! let labels = Labels::new(&segmentation, &terms);
//! assert_eq!(labels.visible(0.5), [true, false, true]);
//! assert_eq!(labels.of_instance[0].name, "chair");
//! ```

use serde::{Deserialize, Serialize};

use super::Segmentation;
use crate::text::{self, Vocabulary};

/// A vocabulary word at least this similar to a term is a synonym and does not compete with the
/// term.
const SYNONYM: f32 = 0.65;
/// Number of nearest instances of a term.
const NEAREST: usize = 3;

/// A term of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptTerm {
    /// Name as typed.
    pub name: String,
    /// Unit embedding ([`text::DIM`]).
    pub embedding: Vec<f32>,
}

/// The answer to a prompt: a label for every instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// The terms of the prompt; empty without a prompt.
    pub terms: Vec<Term>,
    /// One label per instance, `(instances)`.
    pub of_instance: Vec<Label>,
}

/// A term of the answered prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Name as typed.
    pub name: String,
    /// The nearest instances with their confidences, best first, whatever their labels:
    /// suggestions for a term without a match.
    pub nearest: Vec<(u32, f32)>,
}

/// The name of an instance and its confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The term that the instance matches, else the best default label.
    pub name: String,
    /// Index of the term that the instance matches.
    pub term: Option<u32>,
    /// Without a prompt the instance's score, else that times the probability of the term, 0..=1;
    /// 0 if the instance matches no term.
    pub confidence: f32,
}

impl Labels {
    /// Labels each instance with the best of `terms`, or of the default labels if there are no
    /// terms. O(instances * (labels + terms) * [`text::DIM`]).
    ///
    /// # Panics
    /// If the embedding of an instance or of a term has another width than [`text::DIM`].
    pub fn new(segmentation: &Segmentation, terms: &[PromptTerm]) -> Self {
        let vocabulary = Vocabulary::shipped();
        let words = vocabulary.default_labels();
        let recognizer = Recognizer::new(
            segmentation,
            &vocabulary.embeddings()[..words.len() * text::DIM],
        );
        let recognition = recognizer.recognize(terms);
        let label = |(instance, word): (usize, Option<usize>)| match recognition.label(instance) {
            Some((term, confidence)) => Label {
                name: terms[term].name.clone(),
                term: Some(term as u32),
                confidence,
            },
            None => Label {
                name: word.map_or_else(String::new, |word| words[word].to_owned()),
                term: None,
                confidence: if terms.is_empty() {
                    segmentation.instances[instance].score
                } else {
                    0.0
                },
            },
        };
        let term = |(index, term): (usize, &PromptTerm)| Term {
            name: term.name.clone(),
            nearest: recognition.nearest(index),
        };
        Self {
            terms: terms.iter().enumerate().map(term).collect(),
            of_instance: recognizer
                .names()
                .into_iter()
                .enumerate()
                .map(label)
                .collect(),
        }
    }

    /// One flag per instance, `(instances)`: `true` if its confidence reaches the threshold and, if
    /// there is a prompt, it matches a term.
    pub fn visible(&self, threshold: f32) -> Vec<bool> {
        self.of_instance
            .iter()
            .map(|label| {
                label.confidence >= threshold && (self.terms.is_empty() || label.term.is_some())
            })
            .collect()
    }
}

/// A segmentation compared with a vocabulary.
struct Recognizer<'a> {
    segmentation: &'a Segmentation,
    vocabulary: &'a [f32],
    /// Cosines, `(instances, words)`.
    word_cosines: Vec<f32>,
}

/// The probabilities of a prompt's terms.
struct Recognition {
    /// Number of terms.
    terms: usize,
    /// Score times probability, `(instances, terms)`.
    confidences: Vec<f32>,
    /// The most likely term of each instance, `(instances)`; `None` if something else is more
    /// likely than all terms.
    term_of_instance: Vec<Option<u32>>,
}

impl<'a> Recognizer<'a> {
    /// Compares the instances with `vocabulary`: row-major unit embeddings (words, [`text::DIM`])
    /// of what an instance could be other than the terms of a prompt. O(instances * words * DIM).
    fn new(segmentation: &'a Segmentation, vocabulary: &'a [f32]) -> Self {
        let words = || vocabulary.chunks_exact(text::DIM);
        let word_cosines = segmentation
            .instances
            .iter()
            .flat_map(|instance| words().map(|word| cosine(&instance.embedding, word)))
            .collect();
        Self {
            segmentation,
            vocabulary,
            word_cosines,
        }
    }

    /// The best vocabulary word of each instance, `(instances)`: the names when there is no prompt.
    /// `None` for an empty vocabulary.
    fn names(&self) -> Vec<Option<usize>> {
        (0..self.segmentation.instances.len())
            .map(|instance| {
                let words = self.words(instance).iter().enumerate();
                let best = words.max_by(|a, b| a.1.total_cmp(b.1));
                best.map(|(word, _)| word)
            })
            .collect()
    }

    /// Computes a softmax over the terms and "something else": the most similar vocabulary word
    /// that is not a synonym of a term. Because of it, `chair` alone does not turn everything into
    /// a chair. O((instances + words) * terms * DIM).
    fn recognize(&self, terms: &[PromptTerm]) -> Recognition {
        let rivals: Vec<bool> = self
            .vocabulary
            .chunks_exact(text::DIM)
            .map(|word| {
                terms
                    .iter()
                    .all(|term| cosine(&term.embedding, word) < SYNONYM)
            })
            .collect();
        let mut confidences = Vec::with_capacity(self.segmentation.instances.len() * terms.len());
        let mut best_terms = Vec::with_capacity(self.segmentation.instances.len());
        for (index, instance) in self.segmentation.instances.iter().enumerate() {
            let cosines: Vec<f32> = terms
                .iter()
                .map(|term| cosine(&instance.embedding, &term.embedding))
                .collect();
            let rival = self
                .words(index)
                .iter()
                .zip(&rivals)
                .filter(|(_, rival)| **rival)
                .map(|(cosine, _)| *cosine)
                .fold(f32::NEG_INFINITY, f32::max);
            let best = (0..).zip(&cosines).max_by(|a, b| a.1.total_cmp(b.1));
            best_terms.push(
                best.filter(|(_, cosine)| **cosine >= rival)
                    .map(|(term, _)| term),
            );
            let peak = cosines.iter().copied().fold(rival, f32::max);
            let weight = |cosine: f32| (self.segmentation.logit_scale * (cosine - peak)).exp();
            let total = cosines.iter().map(|&cosine| weight(cosine)).sum::<f32>() + weight(rival);
            confidences.extend(
                cosines
                    .iter()
                    .map(|&cosine| instance.score * weight(cosine) / total),
            );
        }
        Recognition {
            terms: terms.len(),
            confidences,
            term_of_instance: best_terms,
        }
    }

    fn words(&self, instance: usize) -> &[f32] {
        let words = self.vocabulary.len() / text::DIM;
        &self.word_cosines[instance * words..][..words]
    }
}

impl Recognition {
    /// The term of an instance and its confidence; `None` if the instance is something else.
    fn label(&self, instance: usize) -> Option<(usize, f32)> {
        let term = self.term_of_instance[instance]? as usize;
        Some((term, self.confidence(instance, term)))
    }

    fn confidence(&self, instance: usize, term: usize) -> f32 {
        self.confidences[instance * self.terms + term]
    }

    /// The instances with the highest confidences for a term, best first.
    fn nearest(&self, term: usize) -> Vec<(u32, f32)> {
        let mut nearest: Vec<(u32, f32)> = (0..self.term_of_instance.len())
            .map(|instance| (instance as u32, self.confidence(instance, term)))
            .collect();
        nearest.sort_by(|a, b| b.1.total_cmp(&a.1));
        nearest.truncate(NEAREST);
        nearest
    }
}

/// Cosine of two unit vectors, in sixteen running sums so that the additions do not wait for each
/// other.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), text::DIM, "an embedding has {} values", text::DIM);
    assert_eq!(b.len(), text::DIM, "an embedding has {} values", text::DIM);
    let mut lanes = [0.0_f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for lane in 0..16 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Aabb, instances::Instance};

    /// A unit vector with the given first values and the rest of its length at index `rest`.
    fn towards(values: &[f32], rest: usize) -> Vec<f32> {
        let mut vector = vec![0.0; text::DIM];
        vector[..values.len()].copy_from_slice(values);
        vector[rest] = (1.0 - values.iter().map(|v| v * v).sum::<f32>()).sqrt();
        vector
    }

    fn instance(score: f32, embedding: Vec<f32>) -> Instance {
        Instance {
            superpoints: vec![0],
            score,
            embedding,
            bounds: Aabb::EMPTY,
            points: 1,
        }
    }

    fn term(name: &str, embedding: Vec<f32>) -> PromptTerm {
        PromptTerm {
            name: name.into(),
            embedding,
        }
    }

    /// Axis 0 stands for chairs, axis 1 for tables, axis 2 for lamps.
    fn scene() -> Segmentation {
        let instances = vec![
            instance(0.9, towards(&[0.8, 0.1, 0.0], 10)),
            instance(0.8, towards(&[0.1, 0.8, 0.0], 11)),
            instance(0.7, towards(&[0.2, 0.1, 0.8], 12)),
            instance(0.4, towards(&[0.7, 0.1, 0.1], 13)),
        ];
        Segmentation {
            instances,
            logit_scale: 20.0,
        }
    }

    #[test]
    fn a_single_term_does_not_paint_everything() {
        let segmentation = scene();
        let words: Vec<f32> = [
            towards(&[1.0], 20),
            towards(&[0.0, 1.0], 21),
            towards(&[0.0, 0.0, 1.0], 22),
        ]
        .concat();
        let chair = [term("chair", towards(&[1.0], 20))];
        let alone = Recognizer::new(&segmentation, &[]).recognize(&chair);
        assert!(
            (0..4).all(|instance| alone.label(instance).is_some()),
            "without a vocabulary there is nothing else to be"
        );
        let guarded = Recognizer::new(&segmentation, &words);
        let recognition = guarded.recognize(&chair);
        let labeled = [0, 1, 2, 3].map(|instance| recognition.label(instance).is_some());
        assert_eq!(labeled, [true, false, false, true]);
        let confidence = |instance| recognition.confidence(instance, 0);
        assert!(confidence(0) > 0.85 && confidence(3) < 0.5);
        assert_eq!(guarded.names(), [Some(0), Some(1), Some(2), Some(0)]);
    }

    #[test]
    fn nothing_found_offers_the_nearest() {
        let segmentation = scene();
        let words: Vec<f32> = [
            towards(&[1.0], 20),
            towards(&[0.0, 1.0], 21),
            towards(&[0.0, 0.0, 1.0], 22),
        ]
        .concat();
        let recognizer = Recognizer::new(&segmentation, &words);
        let recognition = recognizer.recognize(&[
            term("stool", towards(&[0.5], 30)),
            term("table", towards(&[0.0, 1.0], 21)),
        ]);
        let terms = [0, 1, 2, 3].map(|instance| recognition.label(instance).map(|(term, _)| term));
        assert_eq!(terms, [None, Some(1), None, None]);
        let nearest = recognition.nearest(0);
        assert_eq!(nearest.len(), NEAREST);
        let mut chairs = [nearest[0].0, nearest[1].0];
        chairs.sort_unstable();
        assert_eq!(chairs, [0, 3], "a stool is most like a chair");
        assert!(nearest.is_sorted_by(|a, b| a.1 >= b.1));
    }

    #[test]
    fn threshold_and_prompt_decide_what_is_visible() {
        let label = |term, confidence| Label {
            name: String::new(),
            term,
            confidence,
        };
        let of_instance = vec![
            label(Some(0), 0.9),
            label(None, 0.8),
            label(Some(0), 0.3),
            label(Some(1), 0.7),
        ];
        let unasked = Labels {
            terms: Vec::new(),
            of_instance,
        };
        assert_eq!(unasked.visible(0.5), [true, true, false, true]);
        let asked = Labels {
            terms: vec![Term {
                name: "chair".into(),
                nearest: Vec::new(),
            }],
            ..unasked
        };
        assert_eq!(asked.visible(0.5), [true, false, false, true]);
        assert_eq!(asked.visible(0.0), [true, false, true, true]);
    }
}
