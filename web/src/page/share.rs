//! The links to scenes that this browser shared: it keeps them, with the secrets with which it may
//! replace and delete what they lead to.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    browser,
    page::{
        exchange::{Message, ShareError, ask},
        state::State,
    },
    protocol::Source,
    text::{Text, tr},
};

/// Key of the links in the browser's storage.
const KEY: &str = "segscape.links";
/// Key of the secret that the address of the page had, in the storage of the tab: the scene's id, a
/// blank and the secret.
const TAB_KEY: &str = "segscape.manage";
/// Maximum number of links that are kept; the oldest are forgotten.
const MOST: usize = 100;

/// The lifetime of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// 1 day.
    Day,
    /// 7 days.
    Week,
    /// 90 days.
    #[default]
    Quarter,
}

impl Expiry {
    /// All expiry times, with their names.
    pub const ALL: [(Self, Text); 3] = [
        (Self::Day, tr("1 day")),
        (Self::Week, tr("7 days")),
        (Self::Quarter, tr("90 days")),
    ];

    /// Number of days, as the server expects it.
    pub fn days(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Quarter => 90,
        }
    }
}

/// A scene on the server that this browser may replace and delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The unlisted id.
    pub id: String,
    /// The secret that allows its replacement and deletion.
    pub secret: String,
    /// Time of expiry, seconds since 1970; `None` if this browser did not share the scene.
    pub expires: Option<u64>,
    /// What the scan is called on this machine.
    #[serde(default)]
    pub name: String,
    /// If `true`, the link has this name as its title.
    #[serde(default)]
    pub named: bool,
    /// If `true`, it says where the scan lies in its file's coordinates.
    #[serde(default)]
    pub located: bool,
    /// If `true`, the points were not sent.
    #[serde(default)]
    pub labels_only: bool,
}

impl Shared {
    /// The link to send.
    pub fn link(&self) -> String {
        format!("{}/s/{}", browser::origin(), self.id)
    }

    /// The link to keep: whoever has it can replace and delete the scene.
    pub fn manage_link(&self) -> String {
        format!("{}#manage={}", self.link(), self.secret)
    }

    /// HTML that shows the scene in a frame of another page.
    pub fn frame(&self) -> String {
        format!(
            "<iframe src=\"{}/embed/{}\" title=\"A scan in Segscape\" width=\"960\" height=\"600\" style=\"border: 0\" loading=\"lazy\" allowfullscreen></iframe>",
            browser::origin(),
            self.id
        )
    }

    /// The header with which the server knows the owner.
    pub fn authorization(&self) -> (&'static str, String) {
        ("authorization", format!("Bearer {}", self.secret))
    }
}

/// Deletes a scene.
///
/// # Errors
/// [`ShareError`].
pub async fn delete(shared: &Shared) -> Result<(), ShareError> {
    let message = Message {
        headers: &[shared.authorization()],
        ..Message::default()
    };
    let path = format!("/api/scenes/{}", shared.id);
    ask("DELETE", &path, message).await.map(drop)
}

/// The links that this browser keeps, the oldest first, without those that have expired.
pub fn kept() -> Vec<Shared> {
    let text = browser::storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
    let now = (js_sys::Date::now() / 1000.0) as u64;
    text.map_or_else(Vec::new, |text| read(&text, now))
}

/// Reads links at a time in seconds since 1970. Text that is something else has none.
fn read(text: &str, now: u64) -> Vec<Shared> {
    let mut links: Vec<Shared> = serde_json::from_str(text).unwrap_or_default();
    links.retain(|link| link.expires.is_none_or(|expires| expires > now));
    links
}

/// Keeps a link in this browser, if it has room for it, as the latest.
pub fn keep(state: State, shared: Shared) {
    change(state, |links| {
        links.retain(|link| link.id != shared.id);
        links.push(shared);
        let excess = links.len().saturating_sub(MOST);
        links.drain(..excess);
    });
}

/// Forgets the link to a scene that is deleted, and its secret.
pub fn forget(state: State, id: &str) {
    if let (Some(storage), Some(_)) = (browser::tab_storage(), secret_of_tab(id)) {
        let _ = storage.remove_item(TAB_KEY);
    }
    change(state, |links| links.retain(|link| link.id != id));
}

/// Changes the links as they are now: another tab may have changed them, too.
fn change(state: State, change: impl FnOnce(&mut Vec<Shared>)) {
    let mut links = kept();
    change(&mut links);
    if let (Some(storage), Ok(text)) = (browser::storage(), serde_json::to_string(&links)) {
        // Where there is no room, the user has the links on screen alone.
        let _ = storage.set_item(KEY, &text);
    }
    state.links.set(links);
}

/// Keeps the secret of a scene until the tab is closed.
pub fn keep_in_tab(id: &str, secret: &str) {
    if let Some(storage) = browser::tab_storage() {
        // Where there is no room, it is lost with the page.
        let _ = storage.set_item(TAB_KEY, &format!("{id} {secret}"));
    }
}

/// The secret of a scene, if its link with the secret was opened in this tab.
pub fn secret_of_tab(id: &str) -> Option<String> {
    let kept = browser::tab_storage()?.get_item(TAB_KEY).ok()??;
    let (of, secret) = kept.split_once(' ')?;
    (of == id).then(|| secret.to_owned())
}

/// The scene of this source as this browser may replace and delete it: by the address of the page, or by a link
/// that it keeps.
pub fn own(state: State, source: &Source) -> Option<Shared> {
    let Source::Shared(id) = source.opened() else {
        return None;
    };
    let by_address = state.wishes.with_value(|wishes| {
        let secret = wishes.secret.clone()?;
        (wishes.shared.as_ref() == Some(id)).then(|| Shared {
            id: id.clone(),
            secret,
            expires: None,
            name: String::new(),
            named: false,
            located: false,
            labels_only: false,
        })
    });
    // What is kept says more than the address.
    let kept = || {
        let links = state.links.read_untracked();
        links.iter().find(|link| link.id == *id).cloned()
    };
    kept().or(by_address)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn kept_links_expire_and_damage_has_none() {
        let link = |expires| Shared {
            id: "0".into(),
            secret: "1".into(),
            expires,
            name: "room.ply".into(),
            named: false,
            located: true,
            labels_only: true,
        };
        let links = [link(Some(99)), link(Some(101)), link(None)];
        let text = serde_json::to_string(&links).expect("plain values");
        assert_eq!(read(&text, 100), links[1..]);
        for damaged in ["", "null", "[1]", r#"[{"id":"0"}]"#] {
            assert_eq!(read(damaged, 100), []);
        }
    }
}
