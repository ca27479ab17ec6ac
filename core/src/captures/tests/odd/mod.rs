//! Archives and captures that are odd or lie, each with its right answer.

use super::{super::exr, archive::zipped, *};
use crate::families::{self, Memory};
use ::zip::CompressionMethod::{self, Deflated, Stored};

mod archives;
mod recordings;

/// The right answer to an archive.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// The points of so many frames, and nothing to say.
    Silent(usize),
    /// The points of so many frames, and words in the reason why a frame was left out, or in a
    /// warning.
    Warned(usize, &'static str),
    /// Words in the error.
    Refused(&'static str),
}

use Answer::{Refused, Silent, Warned};

type Case = (String, Vec<u8>, Answer);

fn cases<const N: usize>(named: [(&str, Vec<u8>, Answer); N]) -> Vec<Case> {
    named
        .map(|(name, bytes, answer)| (name.to_owned(), bytes, answer))
        .into()
}

/// What is wrong with the answer to an archive.
fn check(bytes: &[u8], wanted: &Answer) -> Result<(), String> {
    let zip = Zip::open("room.zip", bytes.to_vec());
    let found = zip.and_then(|zip| points(&zip, &CaptureOptions::default()));
    let found = found
        .map(|(_, made)| {
            let reasons = made.gaps.iter().map(|gap| gap.reason.to_string());
            let warnings = made.warnings.iter().map(|warning| warning.0.clone());
            let said: Vec<String> = reasons.chain(warnings).collect();
            (made.views.len(), said)
        })
        .map_err(|error| error.to_string());
    let is_right = match (&found, *wanted) {
        (Ok((frames, said)), Silent(wanted)) => *frames == wanted && said.is_empty(),
        (Ok((frames, said)), Warned(wanted, words)) => {
            *frames == wanted && said.iter().any(|said| said.contains(words))
        }
        (Err(error), Refused(words)) => error.contains(words),
        _ => false,
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("{found:?}")),
    }
}

#[test]
fn archives_have_their_right_answers() {
    let all = [
        archives::archives(),
        recordings::cameras_and_poses(),
        recordings::images(),
        recordings::lists(),
        recordings::phones(),
    ];
    // a byte of a deflate stream is up to 1032, of which a reader holds a few copies
    families::assert_right("captures", Memory::per_byte(8 * 1032), &all.concat(), check);
}
