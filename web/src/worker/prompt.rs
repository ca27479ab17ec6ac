//! Prompts: words that are looked for, and questions about how things lie to each other.

use segscape::{
    instances::{
        Instance,
        query::{Label, Labels, PlacedThing, Question, relate},
    },
    text::{
        EncodeError, TextEncoder, Vocabulary,
        prompt::{self, RequestError},
    },
};

use super::{assistant::Help, models, post, scene::OpenScene, session::Session};
use crate::{
    browser,
    edits::Edits,
    protocol::{Answer, Asking, Like, Related, Reply},
};

/// What a user asks.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Serial number of the answer.
    pub serial: u32,
    /// The prompt as typed.
    pub text: &'a str,
    /// Asks for what is like this instance, and not for words.
    pub like: Option<&'a Like>,
    /// Who asks.
    pub asking: Asking,
    /// Least confidence of the things that questions are about.
    pub threshold: f32,
    /// The user's changes.
    pub edits: &'a Edits,
}

impl Asked<'static> {
    /// The empty prompt, which gives every instance its name.
    pub const NOTHING: Self = Self {
        serial: 0,
        text: "",
        like: None,
        asking: Asking::User,
        threshold: 0.0,
        edits: &Edits::NONE,
    };
}

impl Session {
    /// Answers a prompt.
    ///
    /// # Errors
    /// It cannot be parsed, or the text encoder is needed and not available; in words for the user.
    pub(super) async fn prompt(&mut self, asked: Asked<'_>) -> Result<(), String> {
        let start = browser::now();
        let Asked {
            serial,
            text,
            asking,
            ..
        } = asked;
        let scene = self.scene_mut()?;
        scene.reshape(&asked.edits.reshaping);
        if let Some(labels) = asked.like.and_then(|like| scene.alike(like)) {
            (scene.labels, scene.found) = (labels.clone(), None);
            post(&Reply::Answer(Answer {
                serial,
                labels,
                unfinished: Vec::new(),
                download: None,
                related: None,
                ms: browser::now() - start,
            }));
            return Ok(());
        }
        let vocabulary = self.scene()?.vocabulary.clone();
        let (request, refused) = match request(text, &vocabulary) {
            Ok(request) => (request, None),
            // For example, a relation whose other end is not typed yet.
            Err(_) if asking == Asking::Typing => (None, None),
            Err(error) => (None, Some(error.to_string())),
        };
        // The nouns of a question, or the words themselves; what is not understood has neither.
        let words = match (&request, &refused) {
            (Some(request), _) => request.prompt(),
            (None, Some(_)) => String::new(),
            (None, None) => text.to_owned(),
        };
        let mut failure = Ok(());
        let mut question = match Question::parse(&words, &vocabulary) {
            Ok(question) => question,
            // For example, a quotation that is not closed yet; and a scene opens whatever its sender
            // asked.
            Err(_) if asking != Asking::User => Question::empty(&vocabulary),
            Err(error) => return Err(error.to_string()),
        };
        let mut unfinished: Vec<String> =
            question.unread().into_iter().map(str::to_owned).collect();
        let download = match asking {
            Asking::Arriving if !unfinished.is_empty() => self.missing_bytes().await,
            _ => None,
        };
        let may_read = match asking {
            Asking::Typing => false,
            Asking::Arriving => download == Some(0),
            Asking::User => true,
        };
        if may_read && !unfinished.is_empty() {
            let unread = std::mem::take(&mut unfinished);
            if let Err(error) = self.read(&mut question, &unread).await {
                let unread = unread.join("\u{201d}, \u{201c}");
                failure = Err(format!(
                    "the built-in vocabulary does not contain \u{201c}{unread}\u{201d}, and the text encoder is not available: {error}"
                ));
            }
        }
        let scene = self.scene_mut()?;
        let terms = question.terms();
        let labels = scene
            .recognizer
            .labels(&scene.segmented.segmentation, &terms);
        // Half a question is not answered; its words are looked for.
        let request = request.filter(|_| unfinished.is_empty());
        let related = match (request, refused) {
            (Some(request), _) => Some(scene.related(&request, labels, &asked)),
            (None, Some(refused)) => {
                scene.labels = labels;
                Some(Related {
                    refused: Some(refused),
                    ..Related::default()
                })
            }
            (None, None) => {
                scene.labels = labels;
                None
            }
        };
        scene.found = related
            .as_ref()
            .filter(|related| related.refused.is_none())
            .map(|related| related.found.clone());
        post(&Reply::Answer(Answer {
            serial,
            labels: scene.labels.clone(),
            unfinished,
            download: download.filter(|bytes| *bytes > 0),
            related,
            ms: browser::now() - start,
        }));
        failure
    }

    /// Number of bytes that have to be downloaded before the text encoder can read phrases; `None` if
    /// that cannot be told.
    async fn missing_bytes(&self) -> Option<u64> {
        let space = self.scene().ok()?.vocabulary.space();
        match &self.encoder {
            Some(loaded) if loaded.space() == space => Some(0),
            _ => models::missing_bytes(space).await.ok(),
        }
    }

    /// Lets the text encoder read phrases outside the vocabulary. Fetches it when it is first
    /// needed.
    async fn read(&mut self, question: &mut Question, phrases: &[String]) -> Result<(), String> {
        let space = self.scene()?.vocabulary.space().clone();
        let encoder = match self.encoder.take() {
            Some(loaded) if *loaded.space() == space => loaded,
            _ => {
                let loaded = models::encoder(&space).await;
                let loaded = loaded.map_err(|error| error.to_string())?;
                post(&Reply::Done);
                loaded
            }
        };
        let encoder = &**self.encoder.insert(encoder);
        let names: Vec<&str> = phrases.iter().map(String::as_str).collect();
        let embeddings = embed(encoder, &names, &mut self.help).await;
        let embeddings = embeddings.map_err(|error| error.to_string())?;
        if names.len() > 1
            && let Help::There(assistant) = &self.help
            && models::missing_bytes(&space).await.ok() == Some(0)
        {
            assistant.load_encoder(&space); // for the next time
        }
        for (name, embedding) in names.into_iter().zip(embeddings) {
            let in_pieces = encoder.in_pieces(name);
            let in_pieces = in_pieces.map_err(|error| error.to_string())?;
            question.read(name, in_pieces, embedding);
        }
        Ok(())
    }
}

/// The vectors of phrases. Half of them are the assistant's, if it has the encoder.
async fn embed(
    encoder: &dyn TextEncoder,
    names: &[&str],
    help: &mut Help,
) -> Result<Vec<Vec<f32>>, EncodeError> {
    let assistant = match help {
        Help::There(assistant) if names.len() > 1 && assistant.reads(encoder.space()) => assistant,
        _ => return encoder.embed(names).await,
    };
    let (mine, theirs) = names.split_at(names.len() - names.len() / 2);
    assistant.embed(theirs);
    let embedded = encoder.embed(mine).await;
    let width = encoder.space().width;
    let more = assistant.embedded([theirs.len(), width]).await;
    let mut embeddings = embedded?;
    match more {
        Ok(more) => embeddings.extend(more),
        Err(error) => {
            help.give_up(&error);
            embeddings.extend(encoder.embed(theirs).await?);
        }
    }
    Ok(embeddings)
}

/// The question that a prompt is; `None` if it is a list of words, leaves something out, or is in
/// quotation marks.
fn request(text: &str, vocabulary: &Vocabulary) -> Result<Option<prompt::Request>, RequestError> {
    let is_quoted = text.contains(['"', '\u{201c}', '\u{ab}', '\u{300c}']);
    let is_list =
        prompt::parse(text).is_ok_and(|terms| !matches!(&*terms, [term] if !term.negative));
    if is_quoted || is_list {
        return Ok(None);
    }
    prompt::Request::parse(text, &|term| vocabulary.find(term).is_some())
}

impl OpenScene {
    /// The labels by what is like an instance; `None` if there is no such instance any more.
    fn alike(&self, like: &Like) -> Option<Labels> {
        let segmentation = &self.segmented.segmentation;
        let instance = segmentation.instances.get(like.instance as usize)?;
        let exists = !instance.superpoints.is_empty();
        let name = format!("like {}", like.called);
        exists.then(|| self.recognizer.like(segmentation, like.instance, &name))
    }

    /// Answers a question among the things that have the labels of its nouns, or names that the user
    /// gave. The labels kept are those of the nouns, and the usual ones of all other things.
    fn related(&mut self, request: &prompt::Request, labels: Labels, asked: &Asked) -> Related {
        let segmentation = &self.segmented.segmentation;
        let unasked = self.recognizer.labels(segmentation, &[]);
        let of_nouns = labels.of_instance.into_iter().zip(unasked.of_instance);
        let labels: Vec<Label> = of_nouns
            .map(|(of_noun, unasked)| match of_noun.term {
                Some(_) => Label {
                    term: None,
                    ..of_noun
                },
                None => unasked,
            })
            .collect();
        let placed = |((id, label), instance): ((u32, &Label), &Instance)| {
            let given = asked.edits.names.get(&id);
            let name = given.unwrap_or(&label.name);
            let exists = !instance.superpoints.is_empty();
            (exists && label.confidence >= asked.threshold).then(|| PlacedThing {
                // as in the list
                id: id + 1,
                noun: (!name.is_empty()).then(|| name.clone()),
                confidence: label.confidence,
                bounds: instance.bounds,
            })
        };
        let things = (0..).zip(&labels).zip(&segmentation.instances);
        let things = things.filter_map(placed);
        let things: Vec<PlacedThing> = things.collect();
        let answer = relate(request, &things, &self.room, &[]);
        self.labels = Labels {
            of_instance: labels,
            ..Labels::default()
        };
        Related {
            found: answer.found.iter().map(|id| id - 1).collect(),
            emptied_by: answer.emptied_by().map(|step| step as u32),
            steps: answer.steps,
            refused: None,
            by: None,
        }
    }
}
