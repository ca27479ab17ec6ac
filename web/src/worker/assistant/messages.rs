//! The messages between the worker and its assistant.

use js_sys::Array;
use segscape::{
    peer::{About, Message},
    text::TextSpace,
};
use serde::{Deserialize, Serialize};

use crate::protocol::{Bulk, Reply};

/// Messages from the worker to its assistant.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToAssistant {
    /// Loads the network in use, if the browser keeps it.
    LoadKept,
    /// Loads a network, unless it is there.
    Load {
        /// The folder of the network.
        folder: String,
        /// The manifest, as JSON.
        manifest: String,
        /// If `true`, the worker waits for the files.
        hands_over: bool,
    },
    /// A part of the work on a scan.
    Peer(Sent),
    /// Loads the text encoder of a space, whose files the browser keeps.
    LoadEncoder(TextSpace),
    /// Encodes phrases with the text encoder that was loaded last.
    Embed(Vec<String>),
}

/// Messages from the assistant to the worker.
#[allow(clippy::large_enum_variant, reason = "a message is sent, not kept")]
#[derive(Debug, Serialize, Deserialize)]
pub enum FromAssistant {
    /// Something that the page should know, such as the progress of a download.
    Reply(Reply),
    /// The files of the network, in order.
    Fetched(Vec<Bulk>),
    /// It has loaded the network.
    Loaded,
    /// A part of the work on a scan.
    Peer(Sent),
    /// It has loaded the text encoder of a space.
    Reads(TextSpace),
    /// The vectors of phrases, `(phrases, width)`.
    Embedded(Bulk),
    /// It can do no more. It is the last message.
    Failed {
        /// The reason.
        reason: String,
    },
}

/// A [`Message`] on its way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sent {
    about: About,
    numbers: Bulk,
    indices: Bulk,
}

impl From<Message> for Sent {
    fn from(message: Message) -> Self {
        Self {
            about: message.about,
            numbers: Bulk::from_slice(&message.numbers),
            indices: Bulk::from_slice(&message.indices),
        }
    }
}

impl From<Sent> for Message {
    fn from(sent: Sent) -> Self {
        Self {
            about: sent.about,
            numbers: sent.numbers.to_vec(),
            indices: sent.indices.to_vec(),
        }
    }
}

impl Sent {
    /// `true` if it asks for something; otherwise it belongs to what was asked for before.
    pub fn asks(&self) -> bool {
        matches!(self.about, About::Encode | About::Decode { .. })
    }

    fn transfers(&self) -> Array {
        Array::of2(&self.numbers.0, &self.indices.0)
    }
}

impl ToAssistant {
    /// The buffers to transfer with this message.
    pub fn transfers(&self) -> Array {
        match self {
            Self::Peer(sent) => sent.transfers(),
            Self::LoadKept | Self::Load { .. } | Self::LoadEncoder(_) | Self::Embed(_) => {
                Array::new()
            }
        }
    }
}

impl FromAssistant {
    /// The buffers to transfer with this message.
    pub fn transfers(&self) -> Array {
        match self {
            Self::Peer(sent) => sent.transfers(),
            Self::Fetched(files) => files.iter().map(|file| &file.0).collect(),
            Self::Reply(reply) => reply.transfers(),
            Self::Embedded(vectors) => Array::of1(&vectors.0),
            Self::Loaded | Self::Reads(_) | Self::Failed { .. } => Array::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn messages_arrive_as_they_were_sent() {
        let message = Message {
            about: About::Decode {
                superpoints: 2,
                first: 1,
            },
            numbers: vec![0.5, f32::NEG_INFINITY, -0.0],
            indices: vec![7, u32::MAX],
        };
        let sent = ToAssistant::Peer(message.clone().into());
        let value = serde_wasm_bindgen::to_value(&sent).unwrap();
        match serde_wasm_bindgen::from_value(value).unwrap() {
            ToAssistant::Peer(sent) => {
                assert!(sent.asks());
                assert_eq!(Message::from(sent), message);
            }
            other => panic!("{other:?}"),
        }
        assert!(!Sent::from(Message::of(About::Attended)).asks());
    }
}
