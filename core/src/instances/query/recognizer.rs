//! How likely each instance is what a word says, against a background of other words.
//!
//! The probability of a term is a softmax, with the network's own scale, over the term and the
//! background: the default labels without those that mean about the same as the term. The
//! [kinds] of what the term says count for it. Other terms of the prompt do not enter it, so that a
//! score means the same whatever else is asked. Training compares an object's name with others in
//! the same way, without near synonyms.

use std::sync::Arc;

use super::{Guess, Label, Labels, PromptTerm, Segmentation, Term};
use crate::{
    instances::Instance,
    text::{SpaceMismatch, TextSpace, Vocabulary, kinds, meaning::Meaning},
};

/// A word of the background at least this similar to a term is a synonym and does not compete with
/// the term. In the space of all-MiniLM-L6-v2; in others it is the
/// [equivalent](Vocabulary::equivalent) cosine.
const SYNONYM: f32 = 0.65;
/// Half of all pairs of default labels are less similar than this, in the space of
/// all-MiniLM-L6-v2: they have nothing to do with each other.
pub(super) const UNRELATED: f32 = 0.243;
/// Number of nearest instances of a term.
const NEAREST: usize = 3;
/// The largest scale of the cosines; networks are trained with less.
const MAX_SCALE: f32 = 100.0;

/// The instances of a segmentation compared with the background, for any number of prompts.
#[derive(Clone, Debug, Default)]
pub struct Recognizer {
    /// The background's words, `(words)`.
    names: &'static [&'static str],
    space: TextSpace,
    /// Their unit embeddings, `(words, width)`.
    embeddings: Arc<[f32]>,
    /// [`SYNONYM`] in this space.
    synonym: f32,
    /// [`UNRELATED`] in this space.
    unrelated: f32,
    /// The network's scale, 0..=[`MAX_SCALE`].
    scale: f32,
    /// The largest cosine of each instance, `(instances)`.
    peaks: Vec<f32>,
    /// Softmax weights relative to the peak of the instance, `(instances, words)`.
    weights: Vec<f32>,
}

/// A term before the words of the background.
struct AskedFor<'a> {
    embedding: &'a [f32],
    /// The words that are kinds of what it says.
    kinds: Vec<usize>,
    /// The words that compete with it.
    rivals: Vec<usize>,
}

/// An instance compared with a term.
struct Comparison {
    /// Probability of the term, 0..=1.
    probability: f64,
    /// The word of the background that is likelier than the term.
    likelier: Option<usize>,
}

impl Recognizer {
    /// Compares the instances with the default labels. O(instances * labels * width).
    ///
    /// # Errors
    /// If the vocabulary lies in another space than the instances.
    ///
    /// # Panics
    /// If the embedding of an instance has another width than the space of the segmentation.
    pub fn new(
        segmentation: &Segmentation,
        vocabulary: &Vocabulary,
    ) -> Result<Self, SpaceMismatch> {
        let instances = "the instances";
        segmentation
            .space
            .check(instances, vocabulary.space(), "the vocabulary")?;
        Ok(Self {
            synonym: vocabulary.equivalent(SYNONYM),
            unrelated: vocabulary.equivalent(UNRELATED),
            ..Self::with_background(
                segmentation,
                vocabulary.default_labels(),
                vocabulary.label_embeddings().to_vec(),
            )
        })
    }

    /// Compares the instances with any words and their unit embeddings, `(words, width)`.
    pub(super) fn with_background(
        segmentation: &Segmentation,
        names: &'static [&'static str],
        embeddings: Vec<f32>,
    ) -> Self {
        let width = segmentation.space.width;
        let scale = segmentation.logit_scale.clamp(0.0, MAX_SCALE);
        let (mut peaks, mut weights) = (Vec::new(), Vec::new());
        for instance in &segmentation.instances {
            let words = embeddings.chunks_exact(width);
            let start = weights.len();
            weights.extend(words.map(|word| cosine(&instance.embedding, word, width)));
            let cosines = &mut weights[start..];
            // above any cosine where there are no words
            let peak = cosines.iter().copied().reduce(f32::max).unwrap_or(1.0);
            cosines
                .iter_mut()
                .for_each(|cosine| *cosine = (scale * (*cosine - peak)).exp());
            peaks.push(peak);
        }
        Self {
            names,
            space: segmentation.space.clone(),
            embeddings: embeddings.into(),
            synonym: SYNONYM,
            unrelated: UNRELATED,
            scale,
            peaks,
            weights,
        }
    }

    /// The same of instances that have the embeddings of those that were compared, in the order of
    /// these indices, or that are nameless: not even the background is compared again.
    /// O(indices * labels).
    ///
    /// # Panics
    /// If an index is none of an instance.
    pub fn selected(&self, indices: &[Option<u32>]) -> Self {
        // Zeros are equally far from all words.
        let nameless = vec![1.0; self.names.len()];
        let of = |index: &Option<u32>| match index {
            Some(index) => (
                self.weights_of(*index as usize),
                self.peaks[*index as usize],
            ),
            None => (nameless.as_slice(), 0.0),
        };
        let weights = indices.iter().flat_map(|index| of(index).0);
        Self {
            embeddings: Arc::clone(&self.embeddings),
            space: self.space.clone(),
            weights: weights.copied().collect(),
            peaks: indices.iter().map(|index| of(index).1).collect(),
            ..*self
        }
    }

    /// Labels each instance with the best of `terms`, or of the background if there are no terms.
    /// O(instances * terms * (labels + width)).
    ///
    /// # Panics
    /// If `segmentation` is not the one that was compared, or the embedding of a term lies in another
    /// space.
    pub fn labels(&self, segmentation: &Segmentation, terms: &[PromptTerm]) -> Labels {
        let instances = &segmentation.instances;
        assert_eq!(
            instances.len(),
            self.peaks.len(),
            "the instances are those that were compared"
        );
        let (wanted, left_out): (Vec<_>, Vec<_>) =
            (0..).zip(terms).partition(|(_, term)| !term.negative);
        let seeks = !wanted.is_empty();
        let unasked = |(index, instance): (usize, &Instance)| Label {
            name: self.name_of(index, instance),
            term: None,
            confidence: if seeks { 0.0 } else { instance.score },
        };
        let mut of_instance: Vec<Label> = instances.iter().enumerate().map(unasked).collect();
        // What leaves out is compared with what was looked for.
        let answered = wanted.into_iter().chain(left_out);
        let mut answered: Vec<(u32, Term)> = answered
            .map(|(index, term)| {
                let labels = (&mut *of_instance, seeks);
                (index, self.answer(segmentation, index, term, labels))
            })
            .collect();
        answered.sort_by_key(|(index, _)| *index);
        Labels {
            terms: answered.into_iter().map(|(_, term)| term).collect(),
            like: None,
            similarities: self.similarities(instances, terms),
            of_instance,
        }
    }

    /// Labels the instances by their similarity to one of them, which has a `name`. They keep their
    /// names. O(instances * width).
    ///
    /// # Panics
    /// As [`Self::labels`], or if there is no such instance.
    pub fn like(&self, segmentation: &Segmentation, like: u32, name: &str) -> Labels {
        let instances = &segmentation.instances;
        let compared = &instances[like as usize];
        let similarities: Vec<f32> = match compared.is_nameless() {
            true => vec![0.0; instances.len()],
            false => self.similarities_to(instances, &[&compared.embedding]),
        };
        let label = |((index, instance), similarity): ((u32, &Instance), &f32)| {
            let is_it = index == like;
            Label {
                name: self.name_of(index as usize, instance),
                term: (!is_it && *similarity > 0.0).then_some(0),
                confidence: if is_it { 1.0 } else { *similarity },
            }
        };
        let of_instance = (0..).zip(instances).zip(&similarities).map(label);
        let guess = |(instance, similarity): (u32, &f32)| Guess {
            instance,
            confidence: *similarity,
            likelier: None,
        };
        let others = (0..).zip(&similarities).filter(|(index, _)| *index != like);
        let mut nearest: Vec<Guess> = match compared.is_nameless() {
            true => Vec::new(),
            false => others.map(guess).collect(),
        };
        nearest.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        nearest.truncate(NEAREST);
        let term = Term {
            name: name.to_owned(),
            negative: false,
            meaning: Meaning::Listed,
            best: nearest
                .first()
                .filter(|best| best.confidence > 0.0)
                .cloned(),
            nearest,
        };
        Labels {
            of_instance: of_instance.collect(),
            terms: vec![term],
            like: Some(like),
            similarities,
        }
    }

    /// [`Labels::similarities`] to the terms that are looked for.
    fn similarities(&self, instances: &[Instance], terms: &[PromptTerm]) -> Vec<f32> {
        let wanted = terms.iter().filter(|term| !term.negative);
        let embeddings: Vec<&[f32]> = wanted
            .filter_map(|term| term.embedding.as_deref())
            .collect();
        match embeddings.is_empty() {
            true => Vec::new(),
            false => self.similarities_to(instances, &embeddings),
        }
    }

    /// How similar the instances are to the most similar of these embeddings. The window of cosines
    /// is the same for all of them, so that two answers can be compared.
    fn similarities_to(&self, instances: &[Instance], embeddings: &[&[f32]]) -> Vec<f32> {
        let window = (self.synonym - self.unrelated).max(1e-3);
        let similarity = |instance: &Instance| {
            if instance.is_nameless() {
                return 0.0;
            }
            let cosines = embeddings
                .iter()
                .map(|embedding| cosine(&instance.embedding, embedding, self.space.width));
            let most = cosines.fold(f32::NEG_INFINITY, f32::max);
            ((most - self.unrelated) / window).clamp(0.0, 1.0)
        };
        instances.iter().map(similarity).collect()
    }

    /// Answers one term, and labels the instances that are likelier to be it than what they were
    /// called before. If anything is sought, a term that leaves out labels only what was found.
    fn answer(
        &self,
        segmentation: &Segmentation,
        index: u32,
        term: &PromptTerm,
        (labels, seeks): (&mut [Label], bool),
    ) -> Term {
        let (mut best, mut nearest) = (None::<Guess>, Vec::<Guess>::with_capacity(NEAREST + 1));
        if let Some(embedding) = &term.embedding {
            let asked = self.asked(&term.name, embedding);
            let compared = (0..).zip(&segmentation.instances).zip(labels);
            let compared = compared.filter(|((_, instance), _)| !instance.is_nameless());
            for (
                (
                    instance,
                    Instance {
                        score,
                        embedding: at,
                        ..
                    },
                ),
                label,
            ) in compared
            {
                let Comparison {
                    probability,
                    likelier,
                } = self.compare(instance as usize, at, &asked);
                let confidence = (f64::from(*score) * probability) as f32;
                let guess = || Guess {
                    instance,
                    confidence,
                    likelier: likelier.map(|word| self.names[word].to_owned()),
                };
                let matches = likelier.is_none();
                let fits_better = match label.term {
                    None => !(term.negative && seeks),
                    Some(_) => is_nearer((&term.name, confidence), label),
                };
                if matches && fits_better {
                    label.name.clone_from(&term.name);
                    label.term = Some(index);
                    label.confidence = confidence;
                }
                if matches
                    && best
                        .as_ref()
                        .is_none_or(|best| confidence > best.confidence)
                {
                    best = Some(guess());
                }
                let rank = nearest.partition_point(|other| other.confidence >= confidence);
                if rank < NEAREST {
                    nearest.insert(rank, guess());
                    nearest.truncate(NEAREST);
                }
            }
        }
        Term {
            name: term.name.clone(),
            negative: term.negative,
            meaning: term.meaning.clone(),
            best,
            nearest,
        }
    }

    /// A term before the background. Its rivals are the words that are neither synonyms nor kinds of
    /// it.
    fn asked<'a>(&self, name: &str, embedding: &'a [f32]) -> AskedFor<'a> {
        let kinds = kinds::of(name);
        let mut asked = AskedFor {
            embedding,
            kinds: Vec::new(),
            rivals: Vec::new(),
        };
        let words = self.embeddings.chunks_exact(self.space.width);
        for (index, (word, name)) in words.zip(self.names).enumerate() {
            if kinds.contains(name) {
                asked.kinds.push(index);
            } else if cosine(embedding, word, self.space.width) < self.synonym {
                asked.rivals.push(index);
            }
        }
        asked
    }

    /// Compares an instance with a term in a softmax over the term, its kinds and its rivals. Because
    /// of these, `chair` alone does not turn everything into a chair.
    fn compare(&self, instance: usize, embedding: &[f32], asked: &AskedFor) -> Comparison {
        let weights = self.weights_of(instance);
        let above_peak =
            cosine(embedding, asked.embedding, self.space.width) - self.peaks[instance];
        let kinds = asked.kinds.iter().map(|&word| f64::from(weights[word]));
        let own = f64::from(self.scale * above_peak).exp() + kinds.sum::<f64>();
        let mut others = 0.0;
        let mut likelier: Option<usize> = None;
        for &word in &asked.rivals {
            others += f64::from(weights[word]);
            if likelier.is_none_or(|best| weights[word] > weights[best]) {
                likelier = Some(word);
            }
        }
        let share = 1.0 / (1.0 + others / own);
        Comparison {
            // 0 / 0 where both are too small to be told apart
            probability: if share.is_nan() { 0.0 } else { share },
            likelier: likelier.filter(|word| f64::from(weights[*word]) > own),
        }
    }

    /// The best word of the background for an instance: its name when there is no prompt. Empty for
    /// an empty background.
    fn name(&self, instance: usize) -> &'static str {
        let words = self.weights_of(instance).iter().zip(self.names);
        words
            .max_by(|a, b| a.0.total_cmp(b.0))
            .map_or("", |(_, name)| name)
    }

    /// The name of an instance when there is no prompt; empty if nothing is known of it.
    fn name_of(&self, index: usize, instance: &Instance) -> String {
        match instance.is_nameless() {
            true => String::new(),
            false => self.name(index).to_owned(),
        }
    }

    fn weights_of(&self, instance: usize) -> &[f32] {
        &self.weights[instance * self.names.len()..][..self.names.len()]
    }
}

/// `true` if a term, with its confidence, says better what an instance is than the term that the
/// instance is labelled with: a chair is called so, although it is as likely to be furniture.
fn is_nearer((name, confidence): (&str, f32), label: &Label) -> bool {
    let is_kind = |name: &str, wider: &str| {
        let nouns = Vocabulary::shipped();
        let noun = nouns.find(name).map(|index| nouns.names()[index]);
        noun.is_some_and(|noun| kinds::of(wider).contains(&noun))
    };
    match (is_kind(name, &label.name), is_kind(&label.name, name)) {
        (true, false) => true,
        (false, true) => false,
        _ => confidence > label.confidence,
    }
}

/// Cosine of two unit vectors, in sixteen running sums so that the additions do not wait for each
/// other.
fn cosine(a: &[f32], b: &[f32], width: usize) -> f32 {
    assert_eq!(a.len(), width, "an embedding has {width} values");
    assert_eq!(b.len(), width, "an embedding has {width} values");
    let mut lanes = [0.0_f32; 16];
    let (a, b) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.0.iter().zip(b.0) {
        for lane in 0..16 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest = a.1.iter().zip(b.1).map(|(a, b)| a * b);
    lanes.iter().sum::<f32>() + rest.sum::<f32>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{geometry::Aabb, instances::query::Question};

    #[test]
    fn a_wide_word_finds_its_kinds_and_the_narrower_of_two_names_a_thing() {
        let vocabulary = Vocabulary::shipped();
        let named = |word| Instance {
            superpoints: vec![0],
            score: 0.9,
            embedding: vocabulary.lookup(word).unwrap().to_vec(),
            bounds: Aabb::EMPTY,
            points: 1,
        };
        let scene = Segmentation {
            instances: ["office chair", "couch", "bathtub"].map(named).to_vec(),
            logit_scale: 20.0,
            ..Segmentation::default()
        };
        let ask = |prompt| {
            let terms = Question::parse(prompt, vocabulary).unwrap().terms();
            Labels::new(&scene, &terms, vocabulary).unwrap()
        };
        let names = |labels: &Labels| {
            let shown = labels.visible(0.1).into_iter().zip(&labels.of_instance);
            shown
                .map(|(shown, label)| shown.then(|| label.name.clone()))
                .collect::<Vec<_>>()
        };
        let of = |names: [Option<&str>; 3]| names.map(|name| name.map(str::to_owned)).to_vec();
        assert_eq!(
            names(&ask("seats")),
            of([Some("seats"), Some("seats"), None])
        );
        for prompt in ["chair, seat", "seat, chair"] {
            let asked = names(&ask(prompt));
            assert_eq!(asked, of([Some("chair"), Some("seat"), None]), "{prompt}");
        }
        let others = ask("seat, -chair");
        assert_eq!(others.visible(0.1), [false, true, false]);
    }
}
