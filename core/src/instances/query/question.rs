//! A prompt on its way to an answer: its terms, and what they mean.

use crate::text::{
    Vocabulary,
    meaning::{self, Meaning},
    prompt::{self, ListedTerm, PromptError},
};

/// A term of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptTerm {
    /// Name as typed.
    pub name: String,
    /// If `true`, instances that fit this term better than the others are left out.
    pub negative: bool,
    /// How the term was understood.
    pub meaning: Meaning,
    /// Unit embedding in the space of the question's vocabulary; `None` if the encoder cannot read
    /// the term.
    pub embedding: Option<Vec<f32>>,
}

/// The terms of a prompt. The vocabulary gives some of them a meaning at once, and some cannot have
/// one; the text encoder has to read the others.
///
/// ```
/// use segscape::{instances::query::Question, text::Vocabulary};
///
/// let mut question = Question::parse("chair, gronkulator, 椅子", Vocabulary::shipped())?;
/// assert_eq!(question.unread(), ["gronkulator"]);
/// # let (in_pieces, embedding) = (true, vec![0.0; Vocabulary::shipped().space().width]);
/// // `in_pieces` and `embedding` are what the text encoder makes of the phrase.
/// question.read("gronkulator", in_pieces, embedding);
/// assert!(question.unread().is_empty());
/// assert_eq!(question.terms().len(), 3);
/// # Ok::<(), segscape::text::prompt::PromptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Question {
    asked: Vec<Asked>,
    vocabulary: Vocabulary,
}

#[derive(Clone, Debug)]
enum Asked {
    /// A term that the text encoder has to read.
    Unread(ListedTerm),
    /// A term that is understood, or never will be.
    Read(PromptTerm),
}

impl Question {
    /// Splits a prompt into terms and looks them up in a vocabulary, which lies in the space of the
    /// instances that are asked for.
    ///
    /// # Errors
    /// If the prompt cannot be [parsed](prompt::parse).
    pub fn parse(prompt: &str, vocabulary: &Vocabulary) -> Result<Self, PromptError> {
        let asked = |term: ListedTerm| {
            let embedding = vocabulary.lookup(&term.name);
            let meaning = match embedding {
                Some(_) => Meaning::Listed,
                None => match meaning::unreadable(&term.name) {
                    Some(unknown) => Meaning::Unknown(unknown),
                    None => return Asked::Unread(term),
                },
            };
            Asked::Read(PromptTerm {
                name: term.name,
                negative: term.negative,
                meaning,
                embedding: embedding.map(<[f32]>::to_vec),
            })
        };
        Ok(Self {
            asked: prompt::parse(prompt)?.into_iter().map(asked).collect(),
            vocabulary: vocabulary.clone(),
        })
    }

    /// A question without terms.
    pub fn empty(vocabulary: &Vocabulary) -> Self {
        Self {
            asked: Vec::new(),
            vocabulary: vocabulary.clone(),
        }
    }

    /// The terms that the text encoder has to read, in order.
    pub fn unread(&self) -> Vec<&str> {
        let unread = self.asked.iter().filter_map(|asked| match asked {
            Asked::Unread(term) => Some(term.name.as_str()),
            Asked::Read(_) => None,
        });
        unread.collect()
    }

    /// Adds what the text encoder made of an unread term: whether it put it together from
    /// [pieces](meaning::in_pieces) of words, and the unit embedding.
    pub fn read(&mut self, name: &str, in_pieces: bool, embedding: Vec<f32>) {
        for asked in &mut self.asked {
            if let Asked::Unread(term) = asked
                && term.name == name
            {
                *asked = Asked::Read(PromptTerm {
                    name: name.to_owned(),
                    negative: term.negative,
                    meaning: meaning::of_encoded(in_pieces, &embedding, &self.vocabulary),
                    embedding: Some(embedding.clone()),
                });
            }
        }
    }

    /// The terms that have been read, in order.
    pub fn terms(self) -> Vec<PromptTerm> {
        let read = self.asked.into_iter().filter_map(|asked| match asked {
            Asked::Read(term) => Some(term),
            Asked::Unread(_) => None,
        });
        read.collect()
    }
}
