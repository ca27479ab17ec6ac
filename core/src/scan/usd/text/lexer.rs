//! The words, strings, paths and groups of a layer as text.

use super::malformed;
use crate::scan::ReadError;

/// Reads a text from its start.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// `true` for bytes that belong to no word.
fn is_special(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"()[]{}=,;\"'@<>#".contains(&byte)
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// An error at the place that was reached.
    pub(super) fn wrong(&self, problem: &str) -> ReadError {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        malformed(format!("line {line}: {problem}"))
    }

    /// The next byte after blanks and remarks.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let rest = self.rest();
            match rest.first()? {
                b if b.is_ascii_whitespace() => self.at += 1,
                b'#' => self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
                b'/' if rest.starts_with(b"//") => {
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                b => return Some(*b),
            }
        }
    }

    /// Skips a byte for which [`Self::peek`] has looked, which is ASCII.
    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Takes a byte if it is the next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), ReadError> {
        if self.eat(byte) {
            return Ok(());
        }
        let wanted = char::from(byte);
        Err(match self.peek() {
            None => self.wrong(&format!(
                "the file ends before a `{wanted}`; it may be cut short"
            )),
            Some(_) => {
                let found = self.text[self.at..].chars().next().unwrap_or_default();
                self.wrong(&format!(
                    "`{}` in place of `{wanted}`",
                    found.escape_debug()
                ))
            }
        })
    }

    /// Skips all up to a byte, and the byte.
    pub(super) fn until(&mut self, byte: u8) -> Result<(), ReadError> {
        let found = self.rest().iter().position(|b| *b == byte);
        let found =
            found.ok_or_else(|| self.wrong(&format!("a `{}` is missing", char::from(byte))))?;
        self.at += found + 1;
        Ok(())
    }

    /// A name, a number or a keyword.
    pub(super) fn word(&mut self) -> Result<&'a str, ReadError> {
        let next = self.peek();
        let rest = self.rest();
        let size = rest
            .iter()
            .position(|b| is_special(*b))
            .unwrap_or(rest.len());
        if size > 0 {
            let word = &self.text[self.at..self.at + size];
            self.at += size;
            return Ok(word);
        }
        Err(match next {
            None => self.wrong("the file ends before a word; it may be cut short"),
            Some(byte) => self.wrong(&format!(
                "`{}` in place of a word",
                char::from(byte).escape_debug()
            )),
        })
    }

    /// What is between `open` and the next `close`, both of which are ASCII.
    fn between(&mut self, open: &str, close: &str) -> Result<&'a str, ReadError> {
        let start = self.at + open.len();
        let inner = self.text.get(start..).unwrap_or_default();
        let mut from = 0;
        loop {
            let found = inner[from..].find(close);
            let end = from
                + found.ok_or_else(|| {
                    self.wrong(&format!("a {open} has no end; the file may be cut short"))
                })?;
            // a backslash makes a quote a part of the string
            let slashes = inner[..end]
                .bytes()
                .rev()
                .take_while(|b| *b == b'\\')
                .count();
            if slashes % 2 == 0 || !close.starts_with(['"', '\'']) {
                self.at = start + end + close.len();
                return Ok(&inner[..end]);
            }
            from = end + 1;
        }
    }

    /// What is between quotes, as it is written.
    pub(super) fn string(&mut self) -> Result<&'a str, ReadError> {
        let next = self.peek();
        let rest = self.rest();
        let quotes = ["\"\"\"", "'''", "\"", "'"];
        let quote = quotes
            .iter()
            .find(|quote| rest.starts_with(quote.as_bytes()));
        match quote {
            Some(quote) => self.between(quote, quote),
            None => {
                let found =
                    next.map_or_else(String::new, |b| char::from(b).escape_debug().to_string());
                Err(self.wrong(&format!("`{found}` in place of a string")))
            }
        }
    }

    /// What is between `@`.
    pub(super) fn asset(&mut self) -> Result<&'a str, ReadError> {
        self.peek();
        let mark = if self.rest().starts_with(b"@@@") {
            "@@@"
        } else {
            "@"
        };
        self.between(mark, mark)
    }

    /// What is between `<` and `>`.
    pub(super) fn path(&mut self) -> Result<&'a str, ReadError> {
        self.peek();
        self.between("<", ">")
    }

    /// A value as it is written.
    pub(super) fn value(&mut self) -> Result<&'a str, ReadError> {
        let next = self.peek();
        let start = self.at;
        match next {
            Some(b'[' | b'(' | b'{') => self.group()?,
            Some(b'"' | b'\'') => {
                self.string()?;
            }
            Some(b'@' | b'<') => {
                if next == Some(b'@') {
                    self.asset()?;
                }
                // the prim in an asset, and an offset of time
                if self.is_next(b'<') {
                    self.path()?;
                }
                if self.is_next(b'(') {
                    self.group()?;
                }
            }
            _ => {
                self.word()?;
            }
        }
        Ok(&self.text[start..self.at])
    }

    /// `true` if a byte is next; blanks and remarks are left if it is not.
    fn is_next(&mut self, byte: u8) -> bool {
        let before = self.at;
        let is_next = self.peek() == Some(byte);
        if !is_next {
            self.at = before;
        }
        is_next
    }

    /// Skips all up to the end of a bracket.
    fn group(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek() {
                None => {
                    self.at = start;
                    return Err(self.wrong("a bracket has no end; the file may be cut short"));
                }
                Some(b'[' | b'(' | b'{') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b']' | b')' | b'}') => {
                    depth -= 1;
                    self.at += 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                Some(b'"' | b'\'') => {
                    self.string()?;
                }
                Some(b'@') => {
                    self.asset()?;
                }
                Some(_) => {
                    let rest = self.rest();
                    let words = rest.iter().position(|b| b"()[]{}\"'@#/".contains(b));
                    self.at += words.unwrap_or(rest.len()).max(1);
                }
            }
        }
    }
}
