//! The model card as the page shows it: `MODEL_CARD.md` as a piece of HTML beside the built app.

use std::fs;

use anyhow::{Context as _, Result};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::shell::root;

/// File of the card in the built app, which the page and the service worker fetch by this name.
pub const FILE: &str = "model-card.html";

/// Writes the card into the built app.
///
/// # Errors
/// Returns an error if the card cannot be read or written.
pub fn write() -> Result<()> {
    const CARD: &str = "MODEL_CARD.md";
    let card = fs::read_to_string(root().join(CARD)).context(CARD)?;
    fs::write(root().join("dist").join(FILE), page_of(&card)).context(FILE)
}

/// The card as HTML that fits into a dialog: its headings are below the two of the dialog, its tables
/// scroll inside themselves, and what lies in the repository alone is text: pictures are left out, and
/// so is HTML.
fn page_of(card: &str) -> String {
    let (mut pictures, mut tables) = (0, 0);
    let mut links = Vec::new();
    let events = Parser::new_ext(card, Options::ENABLE_TABLES).flat_map(|event| {
        let is_in_picture = pictures > 0;
        match event {
            Event::Start(Tag::Image { .. }) => pictures += 1,
            Event::End(TagEnd::Image) => pictures -= 1,
            _ if is_in_picture => {}
            Event::Html(_) | Event::InlineHtml(_) => {}
            Event::Start(Tag::Link { ref dest_url, .. }) => {
                let is_elsewhere = dest_url.starts_with("https://");
                links.push(is_elsewhere);
                if is_elsewhere {
                    return vec![event];
                }
            }
            Event::End(TagEnd::Link) => {
                if links.pop() == Some(true) {
                    return vec![event];
                }
            }
            Event::Start(Tag::Heading {
                level,
                id,
                classes,
                attrs,
            }) => {
                let level = lower(level);
                return vec![Event::Start(Tag::Heading {
                    level,
                    id,
                    classes,
                    attrs,
                })];
            }
            Event::End(TagEnd::Heading(level)) => {
                return vec![Event::End(TagEnd::Heading(lower(level)))];
            }
            Event::Start(Tag::Table(_)) => {
                tables += 1;
                // With a place in the order of the keyboard, arrows scroll it.
                let frame = format!(
                    "<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"Table {tables}\">"
                );
                return vec![Event::Html(frame.into()), event];
            }
            Event::End(TagEnd::Table) => return vec![event, Event::Html("</div>\n".into())],
            _ => return vec![event],
        }
        Vec::new()
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    // The head of a column of names is often empty, and a head that says nothing is none.
    page.replace("<th></th>", "<td></td>")
}

/// The level of a heading below those of the dialog.
fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_becomes_html_for_a_dialog() {
        let card = "# Card\n\n## Figures\n**Bold**, `code` & [elsewhere](https://example.org), \
            [here](docs/a.md).\n\n| | b |\n|---|---|\n| 1 | 2 |\n\n    shell\n\n* one\n* two\n\n\
            ![A picture](docs/a.png)\n\n<script>alert(1)</script>\n";
        let page = page_of(card);
        for part in [
            "<h3>Card</h3>",
            "<h4>Figures</h4>",
            "<strong>Bold</strong>, <code>code</code> &amp; <a href=\"https://example.org\">elsewhere</a>, here.",
            "<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"Table 1\"><table>",
            "<td></td><th>b</th>",
            "</table>\n</div>",
            "<li>one</li>",
            "<pre><code>shell\n</code></pre>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        for part in ["A picture", "<img", "<script", "docs/"] {
            assert!(!page.contains(part), "{part} is in {page}");
        }
    }

    #[test]
    fn the_card_of_the_project_has_what_the_page_promises() {
        let card = include_str!("../../MODEL_CARD.md");
        let page = page_of(card);
        for heading in ["What it was trained on", "Figures", "Known failures"] {
            assert!(page.contains(&format!("<h4>{heading}</h4>")), "{heading}");
        }
        assert_eq!(
            page.matches("<table>").count(),
            page.matches("class=\"table\"").count()
        );
    }
}
