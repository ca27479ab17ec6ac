//! Answers prompts by cosines between the instances' embeddings and words, without a network run.
//!
//! [`Recognizer`] compares a segmentation with a vocabulary once. [`Recognizer::recognize`] then
//! takes any list of terms, and [`Recognition::answers`] counts again for any threshold.
//!
//! ```
//! use segscape::{
//!     instances::query::{PromptTerm, Recognizer},
//!     text::Vocabulary,
//! };
//! # use segscape::instances::{Aabb, Instance, Segmentation};
//!
//! let vocabulary = Vocabulary::shipped();
//! let embedding = |word| vocabulary.lookup(word).expect("a common noun").to_vec();
//! # let instance = |word| Instance {
//! #     superpoints: vec![0],
//! #     crop: None,
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
//! let recognizer = Recognizer::new(&segmentation, vocabulary.embeddings());
//! let terms = ["chair", "bathtub"].map(|name| PromptTerm {
//!     name: name.to_owned(),
//!     embedding: embedding(name),
//! });
//! let answers = recognizer.recognize(&terms).answers(0.5);
//! assert_eq!(answers[0].hits.len(), 2);
//! assert_eq!(answers[1].hits.len(), 0);
//! ```

use super::Segmentation;
use crate::text;

/// A vocabulary word at least this similar to a term is a synonym and does not compete with the
/// term.
const SYNONYM: f32 = 0.65;
/// Number of nearest instances that an answer without hits offers.
const GUESSES: usize = 3;

/// A term of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptTerm {
    /// Name as typed.
    pub name: String,
    /// Unit embedding ([`text::DIM`]).
    pub embedding: Vec<f32>,
}

/// An instance that matches a term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Index of the instance in the segmentation.
    pub instance: usize,
    /// The instance's score times the probability of the term, 0..=1.
    pub confidence: f32,
}

/// The result of one term at one threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Name of the term as typed.
    pub name: String,
    /// Instances labelled with the term whose confidence reaches the threshold, best first; their
    /// number is the count.
    pub hits: Vec<Hit>,
    /// If nothing was found: the nearest instances, whatever their labels.
    pub nearest: Vec<Hit>,
}

/// A segmentation compared with a vocabulary, shared by all prompts.
pub struct Recognizer<'a> {
    segmentation: &'a Segmentation,
    vocabulary: &'a [f32],
    /// Cosines, `(instances, words)`.
    word_cosines: Vec<f32>,
}

/// The probabilities of a prompt's terms, to which any threshold can be applied without
/// recomputation.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognition {
    names: Vec<String>,
    /// Score times probability, `(instances, terms)`.
    confidences: Vec<f32>,
    /// The most likely term of each instance, `(instances)`; `None` if something else is more
    /// likely than all terms.
    terms: Vec<Option<u32>>,
}

impl<'a> Recognizer<'a> {
    /// Compares the instances with `vocabulary`: row-major unit embeddings (words, [`text::DIM`])
    /// of what an instance could be other than the terms of a prompt. O(instances * words * DIM).
    ///
    /// # Panics
    /// If the embedding of an instance has a different width.
    pub fn new(segmentation: &'a Segmentation, vocabulary: &'a [f32]) -> Self {
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

    /// The best vocabulary word of each instance and its cosine, `(instances)`: the names when
    /// there is no prompt. `None` for an empty vocabulary.
    pub fn names(&self) -> Vec<Option<(usize, f32)>> {
        (0..self.segmentation.instances.len())
            .map(|instance| {
                self.words(instance)
                    .iter()
                    .copied()
                    .enumerate()
                    .max_by(|a, b| a.1.total_cmp(&b.1))
            })
            .collect()
    }

    /// Computes a softmax over the terms and "something else": the most similar vocabulary word
    /// that is not a synonym of a term. Because of it, `chair` alone does not turn everything into
    /// a chair. O((instances + words) * terms * DIM).
    ///
    /// # Panics
    /// If the embedding of a term has a different width.
    pub fn recognize(&self, terms: &[PromptTerm]) -> Recognition {
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
            names: terms.iter().map(|term| term.name.clone()).collect(),
            confidences,
            terms: best_terms,
        }
    }

    fn words(&self, instance: usize) -> &[f32] {
        let words = self.vocabulary.len() / text::DIM;
        &self.word_cosines[instance * words..][..words]
    }
}

impl Recognition {
    /// The term of an instance and its confidence; `None` if the instance is something else.
    pub fn label(&self, instance: usize) -> Option<(usize, f32)> {
        let term = self.terms.get(instance).copied().flatten()? as usize;
        Some((term, self.confidences[instance * self.names.len() + term]))
    }

    /// Returns one answer per term, in the order of the prompt, counting the instances whose
    /// confidence reaches the threshold. O(instances * terms).
    pub fn answers(&self, threshold: f32) -> Vec<Answer> {
        let mut answers: Vec<Answer> = self
            .names
            .iter()
            .map(|name| Answer {
                name: name.clone(),
                hits: Vec::new(),
                nearest: Vec::new(),
            })
            .collect();
        for instance in 0..self.terms.len() {
            if let Some((term, confidence)) = self
                .label(instance)
                .filter(|(_, confidence)| *confidence >= threshold)
            {
                answers[term].hits.push(Hit {
                    instance,
                    confidence,
                });
            }
        }
        for (term, answer) in answers.iter_mut().enumerate() {
            answer
                .hits
                .sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
            if answer.hits.is_empty() {
                let confidence = |instance| self.confidences[instance * self.names.len() + term];
                answer.nearest = (0..self.terms.len())
                    .map(|instance| Hit {
                        instance,
                        confidence: confidence(instance),
                    })
                    .collect();
                answer
                    .nearest
                    .sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
                answer.nearest.truncate(GUESSES);
            }
        }
        answers
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
    use crate::instances::{Aabb, Instance};

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
            crop: None,
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
        let alone = Recognizer::new(&segmentation, &[])
            .recognize(&chair)
            .answers(0.1);
        assert_eq!(
            alone[0].hits.len(),
            4,
            "without a vocabulary there is nothing else to be"
        );
        let guarded = Recognizer::new(&segmentation, &words);
        let recognition = guarded.recognize(&chair);
        let instances = |threshold| {
            recognition.answers(threshold)[0]
                .hits
                .iter()
                .map(|hit| hit.instance)
                .collect::<Vec<_>>()
        };
        assert_eq!(instances(0.1), [0, 3]);
        assert_eq!(instances(0.5), [0]);
        assert_eq!(recognition.label(1), None);
        assert!(
            recognition
                .label(0)
                .is_some_and(|(term, confidence)| term == 0 && confidence > 0.85)
        );
        assert_eq!(
            guarded
                .names()
                .iter()
                .map(|name| name.map(|n| n.0))
                .collect::<Vec<_>>(),
            [Some(0), Some(1), Some(2), Some(0)]
        );
    }

    #[test]
    fn nothing_found_offers_the_nearest_guesses() {
        let segmentation = scene();
        let words: Vec<f32> = [
            towards(&[1.0], 20),
            towards(&[0.0, 1.0], 21),
            towards(&[0.0, 0.0, 1.0], 22),
        ]
        .concat();
        let recognizer = Recognizer::new(&segmentation, &words);
        let answers = recognizer
            .recognize(&[
                term("stool", towards(&[0.5], 30)),
                term("table", towards(&[0.0, 1.0], 21)),
            ])
            .answers(0.2);
        assert_eq!(answers[0].hits, []);
        assert_eq!(answers[0].nearest.len(), 3);
        assert_eq!(
            answers[1]
                .hits
                .iter()
                .map(|hit| hit.instance)
                .collect::<Vec<_>>(),
            [1]
        );
        assert_eq!(answers[1].nearest, []);
        assert_eq!(recognizer.recognize(&[]).answers(0.0), []);
    }
}
