//! A prompt on its way to an answer: its terms, and what they mean.

use crate::text::{
    Vocabulary,
    meaning::{self, Meaning},
    prompt::{self, PromptError},
};

/// A term of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptTerm {
    /// Name as typed.
    pub name: String,
    /// How the term was understood.
    pub meaning: Meaning,
    /// Unit embedding ([`DIM`](crate::text::DIM)); `None` if the encoder cannot read the term.
    pub embedding: Option<Vec<f32>>,
}

/// The terms of a prompt. The vocabulary gives some of them a meaning at once, and some cannot have
/// one; the text encoder has to read the others.
///
/// ```
/// use segscape::instances::query::Question;
///
/// let mut question = Question::parse("chair, gronkulator, 椅子")?;
/// assert_eq!(question.unread(), ["gronkulator"]);
/// # let (pieces, embedding) = (["gr", "##on", "##ku", "##lator"], vec![0.0; 384]);
/// // `pieces` and `embedding` are what the text encoder makes of the phrase.
/// question.read("gronkulator", &pieces, embedding);
/// assert!(question.unread().is_empty());
/// assert_eq!(question.terms().len(), 3);
/// # Ok::<(), segscape::text::prompt::PromptError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Question(Vec<Asked>);

#[derive(Clone, Debug)]
enum Asked {
    /// The name of a term that the text encoder has to read.
    Unread(String),
    /// A term that is understood, or never will be.
    Read(PromptTerm),
}

impl Question {
    /// Splits a prompt into terms and looks them up in the vocabulary.
    ///
    /// # Errors
    /// If the prompt cannot be [parsed](prompt::parse).
    pub fn parse(prompt: &str) -> Result<Self, PromptError> {
        let asked = |name: String| {
            let embedding = Vocabulary::shipped().lookup(&name);
            let meaning = match embedding {
                Some(_) => Meaning::Listed,
                None => match meaning::unreadable(&name) {
                    Some(unknown) => Meaning::Unknown(unknown),
                    None => return Asked::Unread(name),
                },
            };
            Asked::Read(PromptTerm {
                name,
                meaning,
                embedding: embedding.map(<[f32]>::to_vec),
            })
        };
        Ok(Self(
            prompt::parse(prompt)?.into_iter().map(asked).collect(),
        ))
    }

    /// The terms that the text encoder has to read, in order.
    pub fn unread(&self) -> Vec<&str> {
        let unread = self.0.iter().filter_map(|asked| match asked {
            Asked::Unread(name) => Some(name.as_str()),
            Asked::Read(_) => None,
        });
        unread.collect()
    }

    /// Adds what the text encoder made of an unread term: the tokens of its words and its unit
    /// embedding ([`DIM`](crate::text::DIM)).
    pub fn read<S: AsRef<str>>(&mut self, name: &str, pieces: &[S], embedding: Vec<f32>) {
        let unread = |asked: &&mut Asked| matches!(asked, Asked::Unread(term) if term == name);
        if let Some(asked) = self.0.iter_mut().find(unread) {
            *asked = Asked::Read(PromptTerm {
                name: name.to_owned(),
                meaning: meaning::of_encoded(pieces, &embedding),
                embedding: Some(embedding),
            });
        }
    }

    /// The terms that have been read, in order.
    pub fn terms(self) -> Vec<PromptTerm> {
        let read = self.0.into_iter().filter_map(|asked| match asked {
            Asked::Read(term) => Some(term),
            Asked::Unread(_) => None,
        });
        read.collect()
    }
}
