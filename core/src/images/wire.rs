//! Checks that the messages of an ONNX file lie inside each other, before the runtime reads them.
//!
//! The runtime takes a length of 2^63 bytes and more for a step backwards, so that it would read a
//! damaged file for ever, and it follows messages into each other without a limit.
//! ([Encoding](https://protobuf.dev/programming-guides/encoding/),
//! [messages](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).)

/// Most messages inside each other. Graphs inside a node inside a graph are six of them.
const MAX_DEPTH: usize = 64;
/// Longest encoded integer, bytes.
const LONGEST_INTEGER: usize = 10;

/// The messages of which the runtime reads parts.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    /// One without messages inside.
    Leaf,
}

impl Message {
    /// The message in field `number`; `None` if it holds numbers or text, or if it is not read.
    fn inside(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6) => Self::Graph,
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Self::Leaf,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::ValueInfo,
            (Self::Node, 5) => Self::Attribute,
            (Self::ValueInfo, 2) | (Self::SequenceType, 1) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::Type, 4) => Self::SequenceType,
            (Self::TensorType, 2) => Self::Shape,
            _ => return None,
        })
    }
}

/// Checks a file.
///
/// # Errors
/// What is wrong with it, and at which byte.
pub(super) fn check(file: &[u8]) -> Result<(), String> {
    Reader { file, at: 0 }.message(Message::Model, file.len(), MAX_DEPTH)
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// Reads a message that ends before byte `end`.
    fn message(&mut self, message: Message, end: usize, depth: usize) -> Result<(), String> {
        if depth == 0 {
            return Err(format!(
                "more than {MAX_DEPTH} messages are inside each other at byte {}",
                self.at
            ));
        }
        while self.at < end {
            let begin = self.at;
            let key = self.integer(end)?;
            match key & 7 {
                0 => drop(self.integer(end)?),
                1 => self.skip(8, begin, end)?,
                5 => self.skip(4, begin, end)?,
                2 => {
                    let length = self.integer(end)?;
                    let start = self.at;
                    self.skip(length, begin, end)?;
                    if let Some(inside) = message.inside(key >> 3) {
                        let end = self.at;
                        self.at = start;
                        self.message(inside, end, depth - 1)?;
                    }
                }
                other => {
                    return Err(format!(
                        "the field at byte {begin} is of the kind {other}, which ONNX does not use"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Moves on by `length` bytes of the field that begins at byte `begin`.
    fn skip(&mut self, length: u64, begin: usize, end: usize) -> Result<(), String> {
        let left = end - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => self.at += length,
            _ => {
                return Err(format!(
                    "the field at byte {begin} has {length} bytes, but its message has only {left} more"
                ));
            }
        }
        Ok(())
    }

    fn integer(&mut self, end: usize) -> Result<u64, String> {
        let begin = self.at;
        let mut value = 0;
        for (place, byte) in self.file[begin..end]
            .iter()
            .take(LONGEST_INTEGER)
            .enumerate()
        {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if *byte < 0x80 {
                self.at = begin + place + 1;
                return Ok(value);
            }
        }
        Err(format!("the number at byte {begin} does not end"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A field with bytes; its length is written in two bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = [bytes.len() as u8 | 0x80, (bytes.len() >> 7) as u8];
        [&[number << 3 | 2][..], &length, bytes].concat()
    }

    #[test]
    fn messages_lie_inside_each_other() {
        let node = field(1, &field(5, b"\x0a\x01x"));
        assert_eq!(check(&field(7, &node)), Ok(()));
        // Text may be anything.
        assert_eq!(check(&field(2, b"\xff\xff")), Ok(()));
        assert_eq!(check(&[]), Ok(()));
        for (file, words) in [
            (
                field(7, b"\x0a\x05x"),
                "at byte 3 has 5 bytes, but its message has only 1 more",
            ),
            (field(7, b"\x0a"), "the number at byte 4 does not end"),
            (vec![0x0d, 0, 0], "at byte 0 has 4 bytes"),
            (vec![0x0b], "is of the kind 3"),
            (vec![0xff; 20], "the number at byte 0 does not end"),
        ] {
            let error = check(&file).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_step_backwards_is_refused() {
        let back = [&[0x12][..], &[0xff; 9], &[0x01]].concat();
        let error = check(&back).unwrap_err();
        assert!(error.contains("has 18446744073709551615 bytes"), "{error}");
    }

    #[test]
    fn types_are_not_followed_for_ever() {
        let mut kind = Vec::new();
        for _ in 0..20 {
            kind = field(4, &field(1, &kind));
        }
        let of_value = |kind: &[u8]| field(7, &field(11, &field(2, kind)));
        assert_eq!(check(&of_value(&kind)), Ok(()));
        for _ in 0..12 {
            kind = field(4, &field(1, &kind));
        }
        let error = check(&of_value(&kind)).unwrap_err();
        assert!(error.contains("more than 64 messages"), "{error}");
    }
}
