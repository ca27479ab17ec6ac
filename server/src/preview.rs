//! What programs show beside a link to a scene: Open Graph tags in the head of its page.

use axum::http::{HeaderMap, header};

use crate::{links::Id, picture};

/// The title of a scene whose sender kept the name of its file.
const UNNAMED: &str = "A scan of a room";
const DESCRIPTION: &str =
    "Turn it, and type words: every object in it is a separate, named 3D instance.";

/// The scene that a page is about.
pub struct Preview<'a> {
    /// Scheme and host of the server, as its visitor knows it; without, nothing says where the
    /// picture is.
    pub origin: Option<String>,
    /// The scene.
    pub id: Id,
    /// The title that the sender chose; empty without one.
    pub title: &'a str,
    /// Which picture the scene has, if it has one: programs keep what they have seen at an address, so
    /// that another picture needs another one.
    pub picture: Option<String>,
}

impl Preview<'_> {
    /// The tags, as HTML.
    pub fn tags(&self) -> String {
        let title = match self.title {
            "" => UNNAMED,
            title => title,
        };
        let mut tags = vec![
            ("og:type", "website".to_owned()),
            ("og:site_name", "Segscape".to_owned()),
            ("og:title", title.to_owned()),
            ("og:description", DESCRIPTION.to_owned()),
        ];
        let mut card = "summary";
        if let (Some(origin), Some(picture)) = (&self.origin, &self.picture) {
            let [width, height] = picture::SIZE.map(|side| side.to_string());
            tags.push((
                "og:image",
                format!("{origin}/api/scenes/{}/picture?{picture}", self.id),
            ));
            tags.extend([("og:image:width", width), ("og:image:height", height)]);
            card = "summary_large_image";
        }
        let tag = |(property, content): (&str, String)| {
            format!(
                "<meta property=\"{property}\" content=\"{}\">",
                escaped(&content)
            )
        };
        let tags: String = tags.into_iter().map(tag).collect();
        format!("{tags}<meta name=\"twitter:card\" content=\"{card}\">")
    }
}

/// Scheme and host of the server, as its visitor knows it. `None` if the request does not say a
/// host, or something that is none.
pub fn origin(headers: &HeaderMap, is_secure: bool) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    let scheme = if is_secure { "https" } else { "http" };
    (!host.is_empty() && host.bytes().all(is_part)).then(|| format!("{scheme}://{host}"))
}

/// Text as it stands in an attribute.
fn escaped(text: &str) -> String {
    [
        ("&", "&amp;"),
        ("\"", "&quot;"),
        ("<", "&lt;"),
        (">", "&gt;"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (sign, code)| {
        text.replace(sign, code)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn preview(title: &str, origin: Option<&str>) -> String {
        let preview = Preview {
            origin: origin.map(str::to_owned),
            id: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            title,
            picture: Some("12ab".to_owned()),
        };
        preview.tags()
    }

    #[test]
    fn a_title_cannot_leave_its_attribute() {
        let tags = preview("\"><script>alert('1')</script>&", Some("https://a.example"));
        assert!(!tags.contains("<script"), "{tags}");
        assert!(
            tags.contains("content=\"&quot;&gt;&lt;script&gt;alert('1')&lt;/script&gt;&amp;\"")
        );
        assert!(tags.contains(
            "content=\"https://a.example/api/scenes/0123456789abcdef0123456789abcdef/picture?12ab\""
        ));
    }

    #[test]
    fn without_a_host_there_is_no_picture() {
        let tags = preview("", None);
        assert!(
            !tags.contains("og:image") && tags.contains(UNNAMED),
            "{tags}"
        );
    }

    #[test]
    fn only_hosts_are_hosts() {
        let asked = |host: &str, is_secure| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            origin(&headers, is_secure)
        };
        assert_eq!(asked("a.example", true).unwrap(), "https://a.example");
        assert_eq!(asked("[::1]:8080", false).unwrap(), "http://[::1]:8080");
        for no_host in ["", "a.example/\"><b>", "a b", "é.example"] {
            assert_eq!(asked(no_host, true), None, "{no_host}");
        }
    }
}
