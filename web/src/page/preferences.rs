//! What the page remembers between visits, in the browser's storage: the theme, the language, and how the user
//! likes scans to be shown. Where there is no storage, or it holds something else, the page begins
//! with its defaults.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    browser,
    page::{coloring::Coloring, state::State},
    text::{Language, Text, tr},
    view::{cloud::POINT_SIZE, overlay::Boxes, palette, picture::Colors},
};

/// Key of the preferences in the browser's storage.
const KEY: &str = "segscape.preferences";

/// Least and largest diameter of a point, in units of the scan's spacing.
pub const POINT_SIZES: [f32; 2] = [0.6, 5.0];

/// The colors of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The theme that the address of the page names: `?theme=system|light|dark`.
    pub fn asked() -> Option<Self> {
        match browser::query_parameter("theme")?.as_str() {
            "system" => Some(Self::System),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// The theme that a user gets who wants another one than this.
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// The name shown to the user.
    pub fn title(self) -> Text {
        match self {
            Self::System => tr("as the system"),
            Self::Light => tr("light"),
            Self::Dark => tr("dark"),
        }
    }

    /// The name in the page's HTML.
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// `true` or `false` if the page is dark or light whatever the system says.
    pub fn forced(self) -> Option<bool> {
        match self {
            Self::System => None,
            Self::Light => Some(false),
            Self::Dark => Some(true),
        }
    }
}

/// The choices of the user that outlast a visit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The colors of the page.
    pub theme: Theme,
    /// Diameter of a point, in units of the scan's spacing.
    pub point_size: f32,
    /// The property that determines the color of the points; `None` if the page chooses it.
    pub coloring: Option<Coloring>,
    /// The things whose boxes are drawn.
    pub boxes: Boxes,
    /// If `true`, things have their names in the picture.
    pub names: bool,
    /// If `true`, the floor grid, the axes and the scale bar are drawn.
    pub guides: bool,
    /// If `true`, all but the selected thing fade.
    pub xray: bool,
    /// If `true`, the picture has no perspective.
    pub orthographic: bool,
    /// If `false`, keys that type a character do nothing without Control.
    pub single_keys: bool,
    /// Part of the scan's own color in other colorings, in `0..=1`.
    pub blend: f32,
    /// Number of points that a picture may have, millions; 0 for all.
    pub budget: u32,
    /// If `true`, the browser keeps the latest project with changes.
    pub autosave: bool,
    /// If `true`, the browser keeps the latest prompts.
    pub keep_prompts: bool,
    /// The language; `None` if it is that of the browser.
    pub language: Option<Language>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            point_size: POINT_SIZE,
            coloring: None,
            boxes: Boxes::default(),
            names: false,
            guides: true,
            xray: false,
            orthographic: false,
            single_keys: true,
            blend: 0.0,
            budget: 0,
            autosave: true,
            keep_prompts: true,
            language: None,
        }
    }
}

impl Preferences {
    /// The preferences of earlier visits.
    pub fn kept() -> Self {
        let text = browser::storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
        text.map_or_else(Self::default, |text| Self::read(&text))
    }

    /// Reads what [`Self::keep`] wrote. Text that is something else gives the defaults.
    fn read(text: &str) -> Self {
        let mut read: Self = serde_json::from_str(text).unwrap_or_default();
        read.point_size = read.point_size.clamp(POINT_SIZES[0], POINT_SIZES[1]);
        read.blend = read.blend.clamp(0.0, 1.0);
        read
    }

    /// Keeps the preferences, if the browser has room for them.
    fn keep(&self) {
        if let (Some(storage), Ok(text)) = (browser::storage(), serde_json::to_string(self)) {
            // A full or forbidden storage costs the user the choice on the next visit, no more.
            let _ = storage.set_item(KEY, &text);
        }
    }

    /// Makes the points larger by so many units of the scan's spacing, within [`POINT_SIZES`].
    pub fn enlarge_points(&mut self, by: f32) {
        self.point_size = (self.point_size + by).clamp(POINT_SIZES[0], POINT_SIZES[1]);
    }
}

/// Keeps the preferences whenever they change, and the page in the colors of the theme.
pub fn follow(state: State) {
    Effect::watch(
        move || state.preferences.get(),
        |now, before, _| {
            if before != Some(now) {
                now.keep();
            }
        },
        false,
    );
    Effect::new(move |_| wear(state.theme.get()));
}

/// Chooses the colors of the page, for this visit and those to come.
pub fn choose_theme(state: State, theme: Theme) {
    state.asked_theme.set(None);
    state.preferences.update(|kept| kept.theme = theme);
}

/// Chooses what colors the points, for this scan and those to come.
pub fn color_by(state: State, coloring: Coloring) {
    state.coloring.set(coloring);
    state
        .preferences
        .update(|kept| kept.coloring = Some(coloring));
}

/// Colors the page, and what the browser draws around it.
fn wear(theme: Theme) {
    let document = browser::document();
    if let Some(root) = document.document_element() {
        // The names and values are fixed, and valid.
        let _ = match theme {
            Theme::System => root.remove_attribute("data-theme"),
            theme => root.set_attribute("data-theme", theme.name()),
        };
    }
    for (scheme, dark) in [("dark", true), ("light", false)] {
        let meta = format!("meta[name='theme-color'][media*='{scheme}']");
        if let Ok(Some(meta)) = document.query_selector(&meta) {
            let background = Colors::of(theme.forced().unwrap_or(dark)).background;
            let _ = meta.set_attribute("content", &palette::css(background));
        }
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn what_is_kept_comes_back_and_damage_gives_the_defaults() {
        let kept = Preferences {
            theme: Theme::Dark,
            point_size: 3.5,
            coloring: Some(Coloring::Height),
            boxes: Boxes::All,
            names: true,
            language: Some(Language::French),
            ..Preferences::default()
        };
        let text = serde_json::to_string(&kept).expect("plain values");
        assert_eq!(Preferences::read(&text), kept);
        for damaged in ["", "null", "{", "[1]", r#"{"theme":"Pink"}"#] {
            assert_eq!(Preferences::read(damaged), Preferences::default());
        }
        let partly = Preferences::read(r#"{"theme":"Light","point_size":1e9,"older":1}"#);
        assert_eq!(
            (partly.theme, partly.point_size),
            (Theme::Light, POINT_SIZES[1])
        );
    }
}
