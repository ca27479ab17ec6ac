//! The log of the program, on standard error. Ids are links, and links are secrets: whatever part of
//! the program writes a line, no id is in it.

use std::io::{self, Stderr, Write};

use tracing_subscriber::EnvFilter;

/// Digits of an id.
const DIGITS: usize = 32;

/// Starts the log. `RUST_LOG` says what is in it.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| WithoutIds(io::stderr()))
        .init();
}

/// Writes lines, each of which comes at once, without their ids.
struct WithoutIds(Stderr);

impl Write for WithoutIds {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let clean = without_ids(&String::from_utf8_lossy(line));
        self.0.write_all(clean.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text with `…` in place of ids.
fn without_ids(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let words = text.split_inclusive(|c| !is_digit(c));
    let clean = words.map(|word| match word.trim_end_matches(|c| !is_digit(c)) {
        id if id.len() >= DIGITS => word.replacen(id, "…", 1),
        _ => word.to_owned(),
    });
    clean.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_hold_no_links() {
        let id = "0123456789abcdef0123456789abcdef";
        let path =
            format!("Object at location scenes/{id}.{id}.segscape not found, at uploads/{id}\n");
        let logged = "Object at location scenes/….….segscape not found, at uploads/…\n";
        assert_eq!(without_ids(&path), logged);
        let secret = format!("Bearer {id}{id}");
        assert_eq!(without_ids(&secret), "Bearer …");
    }
}
