//! The buttons of the toolbar and of the bars over the picture: one form for all of them.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::text::Text;

/// What a button looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An icon alone, as large as the controls of the toolbar.
    Square,
    /// An icon alone, as large as the controls of a bar.
    Small,
    /// An icon, if there is one, and the name.
    Named,
    /// The same, for what a bar is there for.
    Primary,
}

impl Form {
    fn has_name(self) -> bool {
        matches!(self, Self::Named | Self::Primary)
    }
}

/// What a button does, in words.
pub struct Title(Box<dyn Fn() -> String + Send + Sync>);

impl From<Text> for Title {
    fn from(text: Text) -> Self {
        Self(Box::new(move || text.said().to_owned()))
    }
}

impl<F: Fn() -> String + Send + Sync + 'static> From<F> for Title {
    fn from(words: F) -> Self {
        Self(Box::new(words))
    }
}

/// A button that takes a tool, or does something with what is selected or with a tool.
#[component]
pub fn ToolButton(
    /// What it looks like.
    form: Form,
    /// Its icon.
    #[prop(optional)]
    icon: Option<Icon>,
    /// Its name.
    name: Text,
    /// What it does, in words.
    #[prop(into)]
    title: Title,
    /// The key that does the same, as the help names it; none if it is empty.
    #[prop(optional)]
    shortcut: &'static str,
    /// `true` while what it turns on is on; for a button that turns nothing on, nothing.
    #[prop(optional)]
    pressed: Option<Signal<bool>>,
    /// Why it cannot be pressed, in words, which are then shown in place of the title; `None` if it
    /// can.
    #[prop(optional)]
    obstacle: Option<Signal<Option<String>>>,
    /// For tests.
    testid: &'static str,
    /// What a press does.
    act: impl Fn() + 'static,
) -> impl IntoView {
    let hindered = move || obstacle.and_then(|obstacle| obstacle.get());
    let title = move || {
        let words = hindered().unwrap_or_else(|| (title.0)());
        match shortcut {
            "" => words,
            key => format!("{words} ({key})"),
        }
    };
    view! {
        <button
            class="button"
            class:small=form != Form::Square
            class:quiet=form != Form::Primary
            class:primary=form == Form::Primary
            class:square=!form.has_name()
            class:toggle=pressed.is_some()
            aria-label=move || (!form.has_name()).then(|| name.said())
            title=title
            aria-pressed=move || pressed.map(|pressed| pressed.get().to_string())
            disabled=move || hindered().is_some()
            data-testid=testid
            on:click=move |_| act()
        >
            {icon.map(|icon| view! { <Glyph icon /> })}
            {form.has_name().then(|| view! { <span>{name}</span> })}
        </button>
    }
}
