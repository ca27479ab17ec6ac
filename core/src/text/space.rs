//! The space that a text encoder's vectors lie in. Vectors of two spaces cannot be compared, even if
//! they have the same width.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest width that is accepted.
const MAX_WIDTH: usize = 4096;
/// The largest number of characters in the name of an encoder.
const MAX_NAME: usize = 100;

/// The space of one text encoder. The default is that of all-MiniLM-L6-v2, in which everything lies
/// that does not say otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSpace {
    /// Name of the encoder, such as `clip-vit-base-patch32`.
    pub encoder: String,
    /// Number of values of a vector.
    pub width: usize,
}

impl Default for TextSpace {
    fn default() -> Self {
        Self {
            encoder: "all-MiniLM-L6-v2".to_owned(),
            width: 384,
        }
    }
}

impl fmt::Display for TextSpace {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{} ({} values)", self.encoder, self.width)
    }
}

/// Two things that should be compared lie in different spaces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} lies in the space of {found}, {other} in that of {expected}: they cannot be compared"
)]
pub struct SpaceMismatch {
    /// What lies in the wrong space.
    pub what: &'static str,
    /// The space that it lies in.
    pub found: TextSpace,
    /// What it was to be compared with.
    pub other: &'static str,
    /// The space of that.
    pub expected: TextSpace,
}

/// A space that no encoder can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text encoder {0}")]
pub struct InvalidSpace(String);

impl TextSpace {
    /// Checks that `what` lies in this space, as `other` does.
    ///
    /// # Errors
    /// [`SpaceMismatch`] names both spaces.
    pub fn check(
        &self,
        other: &'static str,
        found: &Self,
        what: &'static str,
    ) -> Result<(), SpaceMismatch> {
        if self == found {
            return Ok(());
        }
        Err(SpaceMismatch {
            what,
            found: found.clone(),
            other,
            expected: self.clone(),
        })
    }

    /// Checks name and width, which may come from a file.
    ///
    /// # Errors
    /// [`InvalidSpace`] names the value and the limit.
    pub fn validate(&self) -> Result<(), InvalidSpace> {
        let Self { encoder, width } = self;
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !encoder.chars().all(named) || !encoder.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Err(InvalidSpace(format!(
                "\"{}\" needs a name of letters, digits, hyphens, underscores and full stops, because a folder is named after it",
                encoder.chars().take(MAX_NAME).collect::<String>()
            )));
        }
        if encoder.len() > MAX_NAME {
            return Err(InvalidSpace(format!(
                "has a name of {} characters, the limit is {MAX_NAME}",
                encoder.len()
            )));
        }
        if !(1..=MAX_WIDTH).contains(width) {
            return Err(InvalidSpace(format!(
                "{encoder} has vectors of {width} values, it must be from 1 to {MAX_WIDTH}"
            )));
        }
        Ok(())
    }

    /// Name of the encoder's folder, beside the folders of networks.
    pub fn folder(&self) -> String {
        self.encoder.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn space(encoder: &str, width: usize) -> TextSpace {
        TextSpace {
            encoder: encoder.into(),
            width,
        }
    }

    #[test]
    fn a_mismatch_names_both_spaces() {
        let (minilm, clip) = (TextSpace::default(), space("clip-vit-base-patch32", 512));
        minilm.check("a", &TextSpace::default(), "b").unwrap();
        // one width is not one space
        for other in [clip, space("other", minilm.width)] {
            let message = minilm
                .check("the vocabulary", &other, "the network")
                .unwrap_err()
                .to_string();
            for word in [&minilm, &other].map(ToString::to_string) {
                assert!(message.contains(&word), "{message}");
            }
        }
    }

    #[test]
    fn names_and_widths_from_files_are_checked() {
        space("clip-ViT_b.32", 512).validate().unwrap();
        for (encoder, width, word) in [
            ("", 8, "name"),
            ("../minilm", 8, "../minilm"),
            ("a/b", 8, "a/b"),
            (".hidden", 8, ".hidden"),
            (&"n".repeat(101), 8, "101"),
            ("clip", 0, "0 values"),
            ("clip", 1 << 40, "1099511627776"),
        ] {
            let message = space(encoder, width).validate().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
