//! Chooses the unit of the scan's numbers: one with a name, or any number of metres.

use leptos::{ev, html, prelude::*};
use segscape::preflight::{Choices, Unit};

use crate::{
    page::{
        actions,
        state::{State, Work},
    },
    text::{Text, said_with, tr},
};

/// The value of the choice that no unit has.
const OTHER: &str = "other";

/// The list of the units with a name, and a box for the metres of any other.
#[component]
pub fn UnitChoice(
    /// The unit that is in effect.
    unit: Unit,
    choices: Choices,
    /// If `true`, there is nothing to choose.
    settled: bool,
) -> impl IntoView {
    let state = State::expect();
    let busy = move || settled || state.work.get() == Work::Running;
    let is_custom = matches!(unit, Unit::Custom(_));
    let other = RwSignal::new(is_custom);
    let (list, metres) = (
        NodeRef::<html::Select>::new(),
        NodeRef::<html::Input>::new(),
    );
    let open = move |unit| {
        actions::reopen(
            state,
            Choices {
                unit: Some(unit),
                ..choices
            },
        );
    };
    let on_list = move |event| {
        let value = event_target_value(&event);
        other.set(value == OTHER);
        Unit::ALL
            .into_iter()
            .filter(|each| each.to_string() == value)
            .for_each(open);
    };
    // Who has just chosen to type a number types it next.
    Effect::new(move |_| {
        if let Some(metres) = metres.get().filter(|_| !is_custom) {
            let _ = metres.focus();
            metres.select();
        }
    });
    let give_up = move || {
        other.set(is_custom);
        if let Some(list) = list.get_untracked() {
            list.set_value(&if is_custom {
                OTHER.to_owned()
            } else {
                unit.to_string()
            });
            let _ = list.focus();
        }
    };
    let on_unit = move |other: Unit| {
        if other != unit {
            open(other);
        }
    };
    view! {
        <select class="field" aria-label=tr("Unit") data-testid="unit" disabled=busy node_ref=list on:change=on_list>
            {Unit::ALL.map(|each| view! { <option value=each.to_string() selected=each == unit>{move || name(each).map(Text::said)}</option> }).collect_view()}
            <option value=OTHER selected=is_custom>{tr("other …")}</option>
        </select>
        <Show when=move || other.get()>
            <Metres unit busy=Signal::derive(busy) input=metres on_unit give_up />
        </Show>
    }
}

/// The name of a unit that has one.
fn name(unit: Unit) -> Option<Text> {
    match unit {
        Unit::Metres => Some(tr("metres")),
        Unit::Centimetres => Some(tr("centimetres")),
        Unit::Millimetres => Some(tr("millimetres")),
        Unit::Feet => Some(tr("feet")),
        Unit::Inches => Some(tr("inches")),
        Unit::Custom(_) => None,
    }
}

/// A box for the metres in one unit of the file. What cannot be one is said below it, and nothing
/// else happens.
#[component]
fn Metres(
    unit: Unit,
    busy: Signal<bool>,
    input: NodeRef<html::Input>,
    on_unit: impl Fn(Unit) + Copy + Send + Sync + 'static,
    give_up: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let problem = RwSignal::new(None::<String>);
    let on_change = move |event| match of_text(&event_target_value(&event)) {
        Ok(unit) => {
            problem.set(None);
            on_unit(unit);
        }
        Err(words) => problem.set(Some(words)),
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            // What was typed is no choice when the box loses the focus.
            if let Some(input) = input.get_untracked() {
                input.set_value(&unit.metres().to_string());
            }
            give_up();
        }
    };
    view! {
        <label class="metres">
            {tr("1 unit =")}
            <input
                class="field"
                type="text"
                inputmode="decimal"
                autocomplete="off"
                size="9"
                aria-label=tr("Metres in one unit of the file")
                aria-describedby="unit-problem"
                aria-invalid=move || problem.with(Option::is_some).to_string()
                data-testid="metres-per-unit"
                disabled=busy
                node_ref=input
                value=unit.metres().to_string()
                on:change=on_change
                on:input=move |_| problem.set(None)
                on:keydown=on_key
            />
            "m"
        </label>
        <p id="unit-problem" class="problem" role="alert" data-testid="unit-problem" hidden=move || problem.with(Option::is_none)>
            {problem}
        </p>
    }
}

/// The unit of as many metres as the text says, with a decimal point or a decimal comma.
///
/// # Errors
/// A message for the user.
fn of_text(text: &str) -> Result<Unit, String> {
    let text = text.trim();
    let metres: f64 = text.replacen(',', ".", 1).parse().map_err(|_| {
        said_with(
            "\"{text}\" is not a number of metres, such as 0.001 or 2.5e-4",
            &[("text", &text)],
        )
    })?;
    Unit::of_metres(metres).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn any_number_of_metres_is_a_unit() {
        for (text, metres) in [
            ("0.00025", 0.000_25),
            (" 2.5e-4 ", 0.000_25),
            ("0,9144", 0.9144),
            ("1e-6", 1e-6),
            ("1000000", 1e6),
        ] {
            assert_eq!(of_text(text).unwrap().metres(), metres, "{text}");
        }
        assert_eq!(
            of_text("0.3048"),
            Ok(Unit::Feet),
            "a unit with a name keeps it"
        );
    }

    #[wasm_bindgen_test]
    fn what_no_scan_can_have_is_refused_with_the_limits() {
        for text in ["0", "-1", "9e-7", "1e7", "nan", "inf", "-inf", "1e999"] {
            let words = of_text(text).unwrap_err();
            assert!(
                words.contains("between a micrometre and 1000 km"),
                "{text}: {words}"
            );
        }
        for text in ["", "a foot", "1.000,5", "1 000", "0x1"] {
            let words = of_text(text).unwrap_err();
            assert!(
                words.contains("is not a number of metres"),
                "{text}: {words}"
            );
        }
    }
}
