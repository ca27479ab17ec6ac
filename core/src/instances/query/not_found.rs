//! Why a term of a prompt has no visible instance.

use std::fmt;

use super::{Guess, Labels, Term};
use crate::text::meaning::{Meaning, Unknown};

/// A term without a visible instance, and the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct NotFound<'a> {
    /// The term.
    pub term: &'a Term,
    /// The reason.
    pub reason: Reason<'a>,
}

/// The reason why a term has no visible instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason<'a> {
    /// The term is not understood.
    Unknown(&'a Unknown),
    /// The scan has no instances at all.
    NoInstances,
    /// Nothing is known of what the instances are.
    Nameless,
    /// Some instance matches the term, with too low a confidence.
    BelowThreshold {
        /// The best such instance.
        best: &'a Guess,
        /// The threshold.
        threshold: f32,
    },
    /// What matches the term matches another term of the prompt better.
    Taken {
        /// The best such instance.
        best: &'a Guess,
        /// Name of the other term.
        by: &'a str,
    },
    /// Nothing has to do with the instance that all are compared with.
    Unlike,
    /// Every instance is more likely something else.
    SomethingElse {
        /// The nearest instance.
        nearest: &'a Guess,
    },
}

impl Labels {
    /// The reason why no instance is visible under term `index`; `None` if there is one, or no such
    /// term, or if the term leaves out what matches it.
    pub fn not_found(&self, index: usize, threshold: f32) -> Option<NotFound<'_>> {
        let term = self.terms.get(index).filter(|term| !term.negative)?;
        let is_shown = |label: &super::Label| {
            label.term.is_some_and(|term| term as usize == index) && label.confidence >= threshold
        };
        if self.of_instance.iter().any(is_shown) {
            return None;
        }
        let reason = match (&term.meaning, &term.best, term.nearest.first()) {
            (Meaning::Unknown(unknown), ..) => Reason::Unknown(unknown),
            (_, Some(best), _) => self.of_match(index, best, threshold),
            (_, None, Some(_)) if self.like.is_some() => Reason::Unlike,
            (_, None, Some(nearest)) => Reason::SomethingElse { nearest },
            (_, None, None) if self.of_instance.is_empty() => Reason::NoInstances,
            (_, None, None) => Reason::Nameless,
        };
        Some(NotFound { term, reason })
    }

    /// The terms without a visible instance, in order.
    pub fn missing(&self, threshold: f32) -> impl Iterator<Item = NotFound<'_>> {
        (0..self.terms.len()).filter_map(move |index| self.not_found(index, threshold))
    }

    /// The reason why the best instance that matches a term is not shown under it.
    fn of_match<'a>(&'a self, index: usize, best: &'a Guess, threshold: f32) -> Reason<'a> {
        let label = self.of_instance.get(best.instance as usize);
        let other = label.filter(|label| label.term.is_some_and(|term| term as usize != index));
        match other {
            Some(label) if best.confidence >= threshold => Reason::Taken {
                best,
                by: &label.name,
            },
            _ => Reason::BelowThreshold { best, threshold },
        }
    }
}

impl fmt::Display for NotFound<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match &self.reason {
            Reason::Unknown(unknown) => return write!(out, "{unknown}"),
            Reason::NoInstances => return out.write_str("nothing at all was found in the scan"),
            Reason::Nameless => {
                return out.write_str(
                    "nothing says what the things are, because no network or model named them",
                );
            }
            Reason::BelowThreshold { best, threshold } => {
                let digits = if (threshold - best.confidence) < 0.01 {
                    4
                } else {
                    2
                };
                write!(
                    out,
                    "the best score is {:.digits$}, below the threshold of {threshold:.digits$}",
                    best.confidence
                )?;
            }
            Reason::Taken { by, .. } => write!(out, "what fits it fits \"{by}\" better")?,
            Reason::Unlike => out.write_str("nothing else has to do with it")?,
            Reason::SomethingElse { nearest } => {
                let likelier = nearest.likelier.as_deref().unwrap_or("something else");
                write!(
                    out,
                    "everything is more likely something else, and the nearest thing \"{likelier}\" (score {:.2})",
                    nearest.confidence
                )?;
            }
        }
        match &self.term.meaning {
            Meaning::Encoded(likeness) => write!(
                out,
                "; to the text encoder the words are most like \"{}\" ({:.2})",
                likeness.noun, likeness.cosine
            ),
            Meaning::Listed | Meaning::Unknown(_) => Ok(()),
        }
    }
}
