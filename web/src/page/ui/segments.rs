//! A choice of one of a few, side by side.

use leptos::prelude::*;

use crate::text::Text;

/// A row of radio buttons that look like one control.
#[component]
pub fn Segments<T: Copy + PartialEq + Send + Sync + 'static>(
    /// What is chosen, for screen readers.
    legend: Text,
    /// Name of the group, unique in the page.
    group: &'static str,
    /// The choices with their names.
    options: Vec<(T, Text)>,
    /// The current choice.
    #[prop(into)]
    chosen: Signal<T>,
    /// What a choice does.
    on_choose: impl Fn(T) + Copy + 'static,
) -> impl IntoView {
    let option = move |(option, name): (T, Text)| {
        view! {
            <label class="segment" class:on=move || chosen.get() == option>
                <input
                    type="radio"
                    name=group
                    class="visually-hidden"
                    prop:checked=move || chosen.get() == option
                    on:change=move |_| on_choose(option)
                />
                {name}
            </label>
        }
    };
    view! {
        <fieldset class="segments">
            <legend class="visually-hidden">{legend}</legend>
            {options.into_iter().map(option).collect_view()}
        </fieldset>
    }
}
