//! Parser for the prompt that a user types, a list of terms: `chair . table, sofa; "power strip"`.

/// The maximum number of different terms in a prompt.
pub const MAX_TERMS: usize = 200;
/// The maximum number of characters in a term.
pub const MAX_TERM_CHARS: usize = 100;
/// The maximum number of bytes in a prompt.
pub const MAX_PROMPT_BYTES: usize = 32 * 1024;

/// The reason why a prompt could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// The prompt has too many bytes.
    #[error("the prompt has {found} bytes, the limit is {MAX_PROMPT_BYTES}")]
    TooLong {
        /// Length of the prompt.
        found: usize,
    },
    /// The prompt has too many different terms.
    #[error("the prompt has more than {MAX_TERMS} different terms")]
    TooManyTerms,
    /// A term has too many characters.
    #[error(
        "the term starting with `{start}` has {found} characters, the limit is {MAX_TERM_CHARS}; separate terms with a comma"
    )]
    TermTooLong {
        /// The first words of the term.
        start: String,
        /// Length of the term.
        found: usize,
    },
    /// A quotation has no closing quote.
    #[error("the quotation starting with `{start}` has no closing quote")]
    OpenQuote {
        /// The first words of the quotation.
        start: String,
    },
}

/// Splits a prompt into terms, in order. Terms are trimmed and inner white space becomes a single
/// space. Terms that differ only in case are the same term, and the first spelling is kept.
///
/// Terms end at a comma, a semicolon, a line end, or a full stop that no letter or digit follows
/// (so `2.5 m` stays whole). Inside double quotes nothing separates terms. An empty prompt has no
/// terms.
///
/// ```
/// use segscape::text::prompt;
///
/// let terms = prompt::parse("chair, Chair; office   desk. \"salt, pepper\"")?;
/// assert_eq!(terms, ["chair", "office desk", "salt, pepper"]);
/// # Ok::<(), prompt::PromptError>(())
/// ```
///
/// # Errors
/// See [`PromptError`].
pub fn parse(prompt: &str) -> Result<Vec<String>, PromptError> {
    if prompt.len() > MAX_PROMPT_BYTES {
        return Err(PromptError::TooLong {
            found: prompt.len(),
        });
    }
    let mut terms = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for term in split(prompt)? {
        let term = term
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        if term.is_empty() {
            continue;
        }
        let found = term.chars().count();
        if found > MAX_TERM_CHARS {
            return Err(PromptError::TermTooLong {
                start: start_of(&term),
                found,
            });
        }
        if seen.insert(term.to_lowercase()) {
            if terms.len() == MAX_TERMS {
                return Err(PromptError::TooManyTerms);
            }
            terms.push(term);
        }
    }
    Ok(terms)
}

fn split(prompt: &str) -> Result<Vec<String>, PromptError> {
    let mut terms = vec![String::new()];
    let mut quote_start = None;
    let mut characters = prompt.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let quote = matches!(character, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}');
        let separates = match character {
            ',' | ';' | '\n' | '\r' => true,
            '.' => characters
                .peek()
                .is_none_or(|(_, next)| !next.is_alphanumeric()),
            _ => false,
        };
        if quote {
            // A quotation is a separate term, whatever is next to it.
            quote_start = if quote_start.is_some() {
                None
            } else {
                Some(at)
            };
            terms.push(String::new());
        } else if separates && quote_start.is_none() {
            terms.push(String::new());
        } else if let Some(term) = terms.last_mut() {
            term.push(character);
        }
    }
    match quote_start {
        Some(at) => Err(PromptError::OpenQuote {
            start: start_of(&prompt[at..]),
        }),
        None => Ok(terms),
    }
}

fn start_of(text: &str) -> String {
    text.chars().take(24).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn separators_quotes_and_case() {
        assert_eq!(
            parse("chair . table, sofa; \"power strip\"").unwrap(),
            ["chair", "table", "sofa", "power strip"]
        );
        assert_eq!(
            parse("  Office   chair.\nCHAIR,chair ,, ;office chair").unwrap(),
            ["Office chair", "CHAIR"]
        );
        assert_eq!(
            parse("a 2.5 m shelf. lamp.").unwrap(),
            ["a 2.5 m shelf", "lamp"]
        );
        assert_eq!(
            parse("\u{201c}salt, pepper\u{201d} pot").unwrap(),
            ["salt, pepper", "pot"]
        );
        assert_eq!(parse(" .,;\r\n").unwrap(), Vec::<String>::new());
        assert_eq!(parse("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn limits_are_named() {
        let many: String = (0..=MAX_TERMS).map(|i| format!("t{i},")).collect();
        assert_eq!(parse(&many), Err(PromptError::TooManyTerms));
        assert_eq!(parse(&"chair,".repeat(1000)).unwrap(), ["chair"]);
        assert_eq!(
            parse(&"x".repeat(101)),
            Err(PromptError::TermTooLong {
                start: "x".repeat(24),
                found: 101
            })
        );
        assert_eq!(
            parse(&" ".repeat(40_000)),
            Err(PromptError::TooLong { found: 40_000 })
        );
        assert_eq!(
            parse("chair, \"table").unwrap_err(),
            PromptError::OpenQuote {
                start: "\"table".into()
            }
        );
    }

    proptest! {
        #[test]
        fn terms_are_clean_and_parse_to_themselves(prompt in "[a-cA-C .,;\"\n\té\u{7}]{0,60}") {
            if let Ok(terms) = parse(&prompt) {
                for term in &terms {
                    prop_assert!(!term.is_empty() && term.trim() == term && !term.chars().any(char::is_control));
                    prop_assert_eq!(parse(&format!("\"{term}\"")).unwrap(), [term.clone()]);
                }
            }
        }
    }
}
